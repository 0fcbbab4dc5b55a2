"""Persons in many poses, alone, in groups, with what they push; wheelchairs and prams."""

from __future__ import annotations

import numpy as np

from avs3d.simulation.shapes.figures import legs, limb, upper_body
from avs3d.simulation.shapes.mesh import Maker, Shape, Template
from avs3d.simulation.shapes.parts import boxes, grid, tubes

_LOWER = ("fabric", "fabric", "cloth", "dark plastic")
Hands = list[np.ndarray] | None


def _size(rng: np.random.Generator) -> float:
    """Height as a share of 1.75 m: a child now and then, mostly adults."""
    if rng.random() < 0.15:
        return float(rng.uniform(0.52, 0.8))
    return float(np.clip(rng.normal(0.98, 0.06), 0.84, 1.14))


def _pose(rng: np.random.Generator, hip: np.ndarray, scale: float) -> tuple[float, Hands]:
    """How far the trunk leans and where the hands are (None: they hang or swing)."""
    kind, lean = rng.random(), rng.normal(0.04, 0.05)
    if kind < 0.07:  # on the telephone
        return lean, [
            hip + np.array([0.14, -0.08, 0.62]) * scale,
            hip + np.array([0.05, 0.24, -0.1]),
        ]
    if kind < 0.15:  # arms folded, or something held before the chest
        near = hip + np.array([rng.uniform(0.18, 0.4), 0, rng.uniform(0.2, 0.35)]) * scale
        return lean, [near - [0, 0.1, 0], near + [0, 0.1, 0.03]]
    if kind < 0.2:  # one arm up, waving or showing
        up = np.array([rng.uniform(0, 0.4), -0.35, rng.uniform(0.6, 1.05)]) * scale
        return lean, [hip + up, hip + [0.0, 0.26, -0.08]]
    if kind < 0.23:
        high = hip + np.array([0.1, 0, rng.uniform(0.8, 1.05)]) * scale
        return lean, [high - [0, 0.3, 0], high + [0, 0.3, 0]]
    if kind < 0.28:  # bends down
        bent = rng.uniform(0.6, 1.35)
        down = hip + np.array([0.55 * np.sin(bent), 0, -0.35]) * scale
        return bent, [down - [0, 0.15, 0], down + [0.1, 0.15, 0]]
    if kind < 0.33:  # hands on the hips
        return lean, [hip + [0.05, -0.2, 0.1 * scale], hip + [0.05, 0.2, 0.1 * scale]]
    if kind < 0.36:  # hands behind the back or in the pockets
        return lean, [hip + [-0.12, -0.08, 0.05], hip + [-0.12, 0.08, 0.05]]
    return lean, None


def _skirt(rng: np.random.Generator, shape: Shape, hip: np.ndarray, scale: float) -> None:
    low = hip * [1, 1, rng.choice([0.12, 0.45, 0.6])]
    shape.tube("fabric", low, hip + [0, 0, 0.12], rng.uniform(0.2, 0.33) * scale, 0.15, sides=8)


def _carries(rng: np.random.Generator, shape: Shape, hip: np.ndarray, scale: float) -> None:
    """A bag, a rucksack, a trunk on wheels, an umbrella, a stick."""
    kind, side = rng.random(), rng.choice([-1, 1])
    if kind < 0.18:  # a rucksack
        size = np.array([0.12, 0.16, rng.uniform(0.2, 0.32)]) * scale
        shape.ball("fabric", hip + np.array([-0.22, 0, 0.34]) * scale, size)
    elif kind < 0.32:  # shopping bags
        for hand in (-1, 1) if rng.random() < 0.4 else (side,):
            size = rng.uniform((0.25, 0.1, 0.25), (0.42, 0.18, 0.42))
            shape.box("plastic", hip + [0.0, hand * 0.3, -0.32 * scale], size)
    elif kind < 0.38:  # a shoulder bag
        shape.box("fabric", hip + [0, side * 0.22, 0.02], (0.32, 0.1, 0.26))
    elif kind < 0.46:  # luggage on wheels, pulled or pushed
        tall, x = rng.uniform(0.45, 0.75), -0.5 if rng.random() < 0.7 else 0.45
        box = (x, side * 0.28, tall / 2 + 0.06)
        shape.box("dark plastic", box, (0.27, 0.42, tall), pitch=-0.25 if x < 0 else 0.0)
        handle = np.array([x + (0.1 if x < 0 else 0.0), side * 0.28, tall])
        tubes(shape, "metal", [handle], [(x * 0.4, side * 0.25, hip[2] - 0.15)], 0.015)
    elif kind < 0.51:  # an umbrella
        top = hip + [0.1, 0.12, 1.05 * scale]
        shape.tube(
            "fabric", top - [0, 0, 0.14], top + [0, 0, 0.12], rng.uniform(0.42, 0.62), 0.03, sides=8
        )
        shape.tube("dark metal", hip + [0.18, 0.12, 0.3], top, 0.012, sides=3)
    elif kind < 0.54:  # a stick
        tubes(shape, "wood", [hip + [0.3, side * 0.28, -0.05]], [(0.38, side * 0.3, 0.0)], 0.015)
    elif kind < 0.57:  # a large parcel before the belly
        shape.box("wood", hip + np.array([0.4, 0, 0.2]) * scale, rng.uniform(0.3, 0.55, 3))


def figure(
    rng: np.random.Generator,
    shape: Shape,
    scale: float,
    *,
    hands: Hands = None,
    still: bool = False,
    lean: float | None = None,
) -> np.ndarray:
    """Adds a standing or walking person at the origin; returns the hip."""
    standing = still or rng.random() < 0.4
    stride = rng.uniform(0.0, 0.12) if standing else rng.uniform(0.15, 0.55)
    if not standing and hands is None and rng.random() < 0.08:
        stride = rng.uniform(0.55, 0.75)  # runs
    hip = np.array([0, 0, 0.92 * scale * np.cos(stride) + 0.02])
    worker = rng.random() < 0.09 and scale > 0.8
    coat, build = rng.random() < 0.18, rng.uniform(0.85, 1.25)
    legs(rng, shape, hip, scale, stride, str(rng.choice(_LOWER)), girth=np.clip(build, 0.9, 1.2))
    if worker:
        for side in (-1, 1):
            shape.tube("retro", (0, side * 0.09, 0.3), (0, side * 0.09, 0.36), 0.075, sides=6)
    elif not coat and rng.random() < 0.16:
        _skirt(rng, shape, hip, scale)
    bend, given = _pose(rng, hip, scale) if hands is None else (rng.normal(0.06, 0.05), hands)
    hat = "helmet" if worker and rng.random() < 0.7 else None
    upper_body(rng, shape, hip, scale, bend if lean is None else lean, given, hat=hat, build=build,
               vest=worker, coat=coat)  # fmt: skip
    return hip


def _child_by_the_hand(rng: np.random.Generator, shape: Shape) -> None:
    first, scale = shape.parts, rng.uniform(0.48, 0.7)
    figure(
        rng,
        shape,
        scale,
        hands=[np.array([0.1, -0.25, 1.1 * scale]), np.array([0, 0.2, 0.6 * scale])],
    )
    shape.move((rng.uniform(-0.15, 0.2), 0.5, 0), rng.normal(0, 0.2), first)


def _pushed(rng: np.random.Generator, shape: Shape, scale: float) -> None:
    """A barrow, a sack truck or a walking frame before the person."""
    kind = rng.integers(3)
    if kind == 0:  # a wheelbarrow
        shape.wheel((1.35, 0, 0.19), 0.19, 0.08)
        profile = [(0.75, 0.4), (1.2, 0.35), (1.45, 0.65), (0.6, 0.68)]
        shape.prism("metal", profile, [0.2, 0.2, 0.33, 0.33])
        tubes(
            shape,
            "metal",
            [(0.3, -0.3, 0.72), (0.3, 0.3, 0.72)],
            [(1.35, -0.1, 0.25), (1.35, 0.1, 0.25)],
            0.02,
        )
        if rng.random() < 0.6:
            shape.ball("soil", (1.0, 0, 0.68), (0.35, 0.28, 0.18))
    elif kind == 1:  # a sack truck with boxes
        shape.box("metal", (0.75, 0, 0.04), (0.3, 0.4, 0.03))
        tubes(
            shape,
            "metal",
            [(0.6, -0.18, 0.05), (0.6, 0.18, 0.05)],
            [(0.4, -0.18, 1.15), (0.4, 0.18, 1.15)],
            0.02,
        )
        for k in range(int(rng.integers(1, 4))):
            shape.box("wood", (0.75, 0, 0.25 + 0.36 * k), (0.35, 0.45, 0.34))
    else:
        posts = grid([0.35, 0.7], [-0.27, 0.27], [0.05])
        tubes(shape, "metal", posts, posts * [0.95, 1, 0] + [0, 0, 0.9], 0.016)
        boxes(shape, "fabric", [(0.55, 0, 0.55)], (0.3, 0.42, 0.2))


def person(rng: np.random.Generator) -> Template:
    shape = Shape("person")
    scale, extra = _size(rng), rng.random()
    if extra < 0.05 and scale > 0.8:
        _pushed(rng, shape, scale)
        hands = [np.array([0.4, y, 0.85 * scale]) for y in (-0.25, 0.25)]
        figure(rng, shape, scale, hands=hands, lean=rng.uniform(0.05, 0.3))
        return shape.finish()
    if extra < 0.1 and scale > 0.8:
        _child_by_the_hand(rng, shape)
        hands = [np.array([0, -0.24, 0.8 * scale]), np.array([0.05, 0.3, 0.75])]
        figure(rng, shape, scale, hands=hands)
        return shape.finish()
    if extra < 0.13:  # squats
        _squatting(rng, shape, scale)
        return shape.finish()
    hip = figure(rng, shape, scale)
    if scale > 0.65:
        _carries(rng, shape, hip, scale)
    return shape.finish()


def _squatting(rng: np.random.Generator, shape: Shape, scale: float) -> None:
    hip = np.array([-0.15, 0, 0.32 * scale])
    for side in (-1, 1):
        knee = np.array([0.22, side * rng.uniform(0.12, 0.25), 0.5]) * scale
        foot = np.array([0.02, side * 0.14, 0.06]) * scale
        limb(shape, [hip + [0, side * 0.09, 0], knee, foot], (0.09, 0.065, 0.05), "fabric")
        shape.ball("dark plastic", foot + [0.06, 0, 0], (0.13, 0.05, 0.05))
    near = np.array([0.4, 0, 0.4]) * scale
    upper_body(
        rng, shape, hip, scale, rng.uniform(0.2, 0.7), [near - [0, 0.1, 0], near + [0, 0.1, 0]]
    )


def group(rng: np.random.Generator) -> Template:
    """Two to five people standing or walking together."""
    shape = Shape("person")
    count = int(rng.integers(2, 6))
    walking = rng.random() < 0.4
    for k in range(count):
        first = shape.parts
        figure(rng, shape, _size(rng), still=not walking)
        if walking:
            spot, yaw = (-0.75 * (k // 3), 0.62 * (k % 3 - 1), 0), 0.0
        else:  # in a ring, looking inwards
            turn = 2 * np.pi * k / count + rng.normal(0, 0.2)
            radius = rng.uniform(0.38, 0.55) * max(count / 2.5, 1.0)
            spot, yaw = (radius * np.cos(turn), radius * np.sin(turn), 0), turn + np.pi
        shape.move(
            np.array(spot) + rng.normal(0, 0.06, 3) * [1, 1, 0], yaw + rng.normal(0, 0.3), first
        )
    return shape.finish()


def seated(
    rng: np.random.Generator, shape: Shape, hip: np.ndarray, scale: float, hands: Hands, lean: float
) -> None:
    """Legs bent over the edge of a seat, and the trunk above."""
    crossed = rng.random() < 0.15
    for side in (-1, 1):
        joint = hip + [0, side * 0.1, 0]
        knee = joint + [0.44 * scale, side * rng.uniform(-0.02, 0.14), 0.03]
        foot = knee + [rng.uniform(-0.12, 0.25), 0, -0.45 * scale]
        if crossed and side > 0:
            knee, foot = joint + [0.42, -0.08, 0.12], joint + [0.6, -0.25, -0.25]
        limb(shape, [joint, knee, foot], (0.088, 0.068, 0.05), "fabric")
        shape.ball("dark plastic", foot + [0.07, 0, 0.0], (0.13, 0.05, 0.05))
    upper_body(rng, shape, hip, scale, lean, hands)


def sitting_person(rng: np.random.Generator) -> Template:
    """Sits facing +x on something about 0.45 m high."""
    shape = Shape("person")
    scale = float(np.clip(rng.normal(0.98, 0.06), 0.7, 1.1))
    hip = np.array([-0.05, 0, 0.52])
    near = hip + [rng.uniform(0.2, 0.42), 0, rng.uniform(0.08, 0.35)]
    hands: Hands = [near + [0, -0.12, 0], near + [0, 0.12, 0]]
    seated(rng, shape, hip, scale, hands, rng.uniform(-0.25, 0.35))
    return shape.finish()


def draped_person(rng: np.random.Generator) -> Template:
    """In a long robe or cape down to the feet: a cone with a head, arms hidden or spread."""
    shape = Shape("person")
    high = rng.uniform(1.45, 1.9)
    foot, waist, chest = rng.uniform(0.24, 0.38), rng.uniform(0.15, 0.2), rng.uniform(0.19, 0.24)
    for low, top, a, b in (
        (0.04, 0.55, foot, waist),
        (0.55, 0.78, waist, chest),
        (0.78, 0.86, chest, 0.07),
    ):
        shape.tube("cloth", (0, 0, low * high), (0, 0, top * high), a, b, sides=9)
    shape.ball("skin", (0.02, 0, 0.93 * high), (0.1, 0.085, 0.12))
    if rng.random() < 0.5:
        shape.ball("fabric", (-0.02, 0, 0.94 * high), (0.13, 0.12, 0.14))
    if rng.random() < 0.5:  # wide sleeves
        for side in (-1, 1):
            hand = np.array(
                [rng.uniform(0, 0.35), side * rng.uniform(0.25, 0.6), rng.uniform(0.5, 0.85) * high]
            )
            shape.tube("cloth", (0, side * 0.16, 0.8 * high), hand, 0.07, 0.11, sides=6)
    if rng.random() < 0.3:
        shape.prism(
            "fabric",
            [(-0.3, 0.6 * high), (-0.15, 0.55 * high), (-0.15, 0.8 * high), (-0.3, 0.78 * high)],
            0.17,
        )
    for side in (-1, 1):
        shape.box("dark plastic", (0.1, side * 0.1, 0.03), (0.26, 0.09, 0.07))
    return shape.finish()


SHAPES: dict[str, tuple[Maker, int]] = {
    "person": (person, 12),
    "sitting person": (sitting_person, 3),
    "group": (group, 3),
}
HELD_OUT: dict[str, tuple[Maker, int]] = {"person": (draped_person, 4)}
