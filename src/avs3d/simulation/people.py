"""Persons in many poses, riders, prams and dogs."""

from __future__ import annotations

import numpy as np

from avs3d.simulation.mesh import Maker, Shape, Template
from avs3d.simulation.vehicles import bicycle_parts, motorcycle_parts


def _limb(shape: Shape, points: list[np.ndarray], radii: tuple[float, ...], material: str) -> None:
    for i in range(len(points) - 1):
        shape.tube(material, points[i], points[i + 1], radii[i], radii[i + 1], sides=6)


def _upper_body(
    rng: np.random.Generator,
    shape: Shape,
    hip: np.ndarray,
    scale: float,
    lean: float,
    hands: list[np.ndarray] | None = None,
) -> None:
    """Torso, head and arms above a hip point; hands hang or swing unless given."""
    up = np.array([np.sin(lean), 0, np.cos(lean)])
    build = rng.uniform(0.88, 1.2)
    chest, neck = hip + 0.34 * scale * up, hip + 0.56 * scale * up
    shape.ball("cloth", hip + 0.06 * up, (0.13 * build * scale, 0.18 * build * scale, 0.16 * scale))
    shape.ball(
        "cloth", chest, (0.14 * build * scale, 0.21 * build * scale, 0.28 * scale), pitch=lean
    )
    shape.tube("skin", neck - 0.05 * up, neck + 0.08 * up, 0.06 * scale)
    head = neck + 0.2 * scale * up
    shape.ball("skin", head, (0.105 * scale, 0.085 * scale, 0.13 * scale))
    if rng.random() < 0.35:  # hat, hood or long hair
        shape.ball("cloth", head + [-0.03, 0, 0.05], (0.13 * scale, 0.11 * scale, 0.1 * scale))
    swing = rng.uniform(-0.6, 0.6)
    for k, side in enumerate((-1, 1)):
        shoulder = neck + np.array([0, side * 0.2 * build * scale, -0.06 * scale])
        if hands is not None:
            hand = hands[k]
            elbow = (shoulder + hand) / 2 + [-0.04, side * 0.06, -0.1 * scale]
        else:
            angle = side * swing + rng.normal(0, 0.15)
            bend = angle + rng.uniform(0, 0.9)
            elbow = shoulder + 0.29 * scale * np.array([np.sin(angle), side * 0.2, -np.cos(angle)])
            hand = elbow + 0.27 * scale * np.array([np.sin(bend), -side * 0.05, -np.cos(bend)])
        _limb(shape, [shoulder, elbow, hand], (0.058 * scale, 0.045 * scale, 0.035), "cloth")


def _legs(
    rng: np.random.Generator, shape: Shape, hip: np.ndarray, scale: float, stride: float
) -> None:
    length = hip[2] - 0.05
    for side in (-1, 1):
        joint = hip + [0, side * 0.09 * scale, 0]
        angle = side * stride
        knee_bend = max(-angle, 0) * rng.uniform(0.3, 1.0)
        knee = joint + 0.5 * length * np.array([np.sin(angle), 0, -np.cos(angle)])
        low = angle - knee_bend
        foot = knee + 0.5 * length * np.array([np.sin(low), 0, -np.cos(low)])
        _limb(shape, [joint, knee, foot], (0.085 * scale, 0.06 * scale, 0.05 * scale), "cloth")
        shape.ball("dark plastic", foot + [0.06, 0, 0], (0.13 * scale, 0.05, 0.05))


def person(rng: np.random.Generator) -> Template:
    shape = Shape("person")
    scale = rng.uniform(0.6, 0.8) if rng.random() < 0.13 else rng.normal(1.0, 0.06)
    stride = rng.uniform(0.0, 0.12) if rng.random() < 0.4 else rng.uniform(0.15, 0.5)
    hip = np.array([0, 0, 0.92 * scale * np.cos(stride) + 0.02])
    skirt = rng.random() < 0.15
    _legs(rng, shape, hip, scale, stride)
    if skirt:
        shape.tube("cloth", hip * [1, 1, 0.45], hip + [0, 0, 0.15], 0.27 * scale, 0.15, sides=8)
    lean = rng.normal(0.04, 0.05)
    extra = rng.random()
    hands = None
    if extra < 0.08:  # pushes a pram or a trolley
        hands = [np.array([0.42, -0.2, 0.98 * scale]), np.array([0.42, 0.2, 0.98 * scale])]
        shape.ball("cloth", (0.85, 0, 0.7), (0.42, 0.24, 0.22))
        shape.box("dark plastic", (0.62, 0, 0.95), (0.4, 0.44, 0.03), pitch=0.5)
        for x in (0.6, 1.1):
            for side in (-1, 1):
                shape.wheel((x, side * 0.25, 0.13), 0.13, 0.04)
    elif extra < 0.16:  # on the telephone, or arms folded
        near = hip + [0.12, 0, 0.5 * scale]
        hands = [near + [0.05, -0.1, rng.uniform(-0.1, 0.3)], near + [0.05, 0.1, -0.05]]
    elif extra < 0.20:  # an arm up
        hands = [hip + [0.3, -0.3, 0.8 * scale], hip + [0.0, 0.3, 0.0]]
    _upper_body(rng, shape, hip, scale, lean, hands)
    bag = rng.random()
    if bag < 0.18:
        shape.ball("cloth", hip + [-0.2, 0, 0.36 * scale], (0.12, 0.16, 0.23))
    elif bag < 0.32:
        shape.box("cloth", hip + [0.0, rng.choice([-1, 1]) * 0.32, -0.3], (0.32, 0.12, 0.34))
    elif bag < 0.36:
        shape.box("dark plastic", (-0.45, 0.25, 0.33), (0.25, 0.4, 0.6), pitch=-0.3)
    elif bag < 0.40:  # an umbrella
        shape.tube("cloth", hip + [0.1, 0.1, 0.95], hip + [0.1, 0.1, 1.15], 0.52, 0.03, sides=8)
        shape.tube("dark metal", hip + [0.15, 0.1, 0.3], hip + [0.1, 0.1, 1.1], 0.012, sides=3)
    if rng.random() < 0.06:  # a reflective vest
        shape.box("plate", hip + [0.0, 0, 0.33 * scale], (0.3, 0.36, 0.05))
    return shape.finish()


def sitting_person(rng: np.random.Generator) -> Template:
    """Sits facing +x on something about 0.45 m high."""
    shape = Shape("person")
    scale = rng.normal(1.0, 0.05)
    hip = np.array([-0.05, 0, 0.52])
    for side in (-1, 1):
        joint = hip + [0, side * 0.1, 0]
        knee = joint + [0.44 * scale, side * rng.uniform(0, 0.12), 0.03]
        foot = knee + [rng.uniform(-0.1, 0.2), 0, -0.45]
        _limb(shape, [joint, knee, foot], (0.085, 0.065, 0.05), "cloth")
        shape.ball("dark plastic", foot + [0.07, 0, 0.0], (0.13, 0.05, 0.05))
    near = hip + [0.35, 0, 0.12]
    hands = [near + [0, -0.12, 0], near + [0, 0.12, 0]]
    _upper_body(rng, shape, hip, scale, rng.uniform(-0.25, 0.3), hands)
    return shape.finish()


def _rider(
    rng: np.random.Generator, shape: Shape, seat: np.ndarray, hands: np.ndarray, foot_z: float
) -> None:
    scale = rng.normal(0.97, 0.05)
    lean = rng.uniform(0.1, 0.6)
    hip = seat + [0, 0, 0.08]
    for side in (-1, 1):
        joint = hip + [0, side * 0.1, 0]
        foot = np.array([rng.uniform(0.0, 0.25), side * 0.15, foot_z + rng.uniform(0, 0.25)])
        knee = (joint + foot) / 2 + [rng.uniform(0.15, 0.28), side * 0.05, 0.08]
        _limb(shape, [joint, knee, foot], (0.085, 0.06, 0.05), "cloth")
        shape.ball("dark plastic", foot + [0.05, 0, 0], (0.13, 0.05, 0.05))
    _upper_body(rng, shape, hip, scale, lean, [hands * [1, -1, 1], hands])
    if rng.random() < 0.5:  # a helmet
        up = np.array([np.sin(lean), 0, np.cos(lean)])
        shape.ball("plastic", hip + 0.8 * scale * up, (0.15, 0.13, 0.12))


def cyclist(rng: np.random.Generator) -> Template:
    """A bicycle with its rider; all of it is the category `cyclist`."""
    shape = Shape("cyclist")
    saddle = bicycle_parts(rng, shape)
    _rider(rng, shape, np.array([-0.25, 0, saddle]), np.array([0.35, 0.25, saddle + 0.1]), 0.15)
    return shape.finish()


def motorcyclist(rng: np.random.Generator) -> Template:
    """A motorcycle with a rider, who is a `person`."""
    shape = Shape("motorcycle")
    seat = motorcycle_parts(rng, shape)
    shape.category = "person"
    _rider(rng, shape, np.array([-0.25, 0, seat]), np.array([0.22, 0.34, 1.05]), 0.3)
    if rng.random() < 0.2:
        _rider(rng, shape, np.array([-0.6, 0, seat]), np.array([-0.2, 0.2, 1.1]), 0.3)
    return shape.finish()


def scooter_rider(rng: np.random.Generator) -> Template:
    """A person standing on a kick scooter."""
    shape = Shape("person")
    scale = rng.normal(1.0, 0.07)
    shape.box("dark metal", (0.1, 0, 0.14), (1.0, 0.15, 0.06))
    for x in (-0.35, 0.6):
        shape.wheel((x, 0, 0.11), 0.11, 0.05)
    shape.tube("dark metal", (0.58, 0, 0.15), (0.48, 0, 1.05), 0.025)
    shape.tube("dark metal", (0.48, -0.25, 1.05), (0.48, 0.25, 1.05), 0.02)
    hip = np.array([0.0, 0, 0.2 + 0.9 * scale])
    _legs(rng, shape, hip, scale, 0.15)
    shape.move((0, 0, 0.0))
    hands = [np.array([0.46, -0.22, 1.08]), np.array([0.46, 0.22, 1.08])]
    _upper_body(rng, shape, hip, scale, rng.uniform(0.0, 0.15), hands)
    return shape.finish()


def dog(rng: np.random.Generator) -> Template:
    shape = Shape("dog")
    height = rng.uniform(0.3, 0.68)
    length = height * rng.uniform(1.0, 1.4)
    thick = height * rng.uniform(0.2, 0.3)
    shape.ball("cloth", (0, 0, height * 0.75), (length * 0.5, thick * 0.75, thick * 0.9))
    for x in (-0.35, 0.35):
        for side in (-1, 1):
            foot = np.array([x * length + rng.uniform(-0.1, 0.1), side * thick * 0.5, 0.0])
            start = (x * length, side * thick * 0.5, height * 0.7)
            shape.tube("cloth", start, foot, thick * 0.28, thick * 0.2, sides=5)
    head = np.array([length * 0.68, 0, height * rng.uniform(0.9, 1.25)])
    shape.tube("cloth", (length * 0.38, 0, height * 0.85), head, thick * 0.5, thick * 0.4)
    shape.ball("cloth", head, (thick * 0.75, thick * 0.5, thick * 0.5))
    shape.tube("cloth", head, head + [thick * 1.2, 0, -0.2 * thick], thick * 0.3, thick * 0.2)
    tail = rng.uniform(-0.2, 0.35) * height
    shape.tube(
        "cloth", (-length * 0.45, 0, height * 0.85), (-length * 0.8, 0, height * 0.85 + tail), 0.03
    )
    return shape.finish()


SHAPES: dict[str, tuple[Maker, int]] = {
    "motorcyclist": (motorcyclist, 2),
    "cyclist": (cyclist, 3),
    "person": (person, 8),
    "sitting person": (sitting_person, 2),
    "scooter rider": (scooter_rider, 1),
    "dog": (dog, 2),
}
