"""Who rides what: cyclists, motorcyclists, kick scooters, rickshaws."""

from __future__ import annotations

import numpy as np

from avs3d.simulation.shapes.bicycles import bicycle_parts, mudguard, spoked_wheel
from avs3d.simulation.shapes.figures import legs, limb, upper_body
from avs3d.simulation.shapes.mesh import Maker, Shape, Template
from avs3d.simulation.shapes.motorcycles import motorcycle_parts
from avs3d.simulation.shapes.parts import grid, tubes


def rider(
    rng: np.random.Generator, shape: Shape, seat: np.ndarray, grip: np.ndarray, foot_z: float
) -> None:
    """A person on a saddle, hands on the bar."""
    scale = np.clip(rng.normal(0.97, 0.05), 0.85, 1.1)
    if seat[2] < 0.7 and foot_z < 0.25:
        scale = 0.72  # on a child's bicycle sits a child
    reach = np.hypot(*(grip - seat)[[0, 2]])
    lean = np.clip(0.08 + 1.1 * (reach - 0.5) + rng.normal(0, 0.08), 0.0, 0.85)
    hip = seat + [0, 0, 0.1]
    high = rng.integers(2)
    for k, side in enumerate((-1, 1)):
        joint = hip + [0, side * 0.1 * scale, 0]
        lift = 0.26 if k == high else 0.05
        foot = np.array([seat[0] + rng.uniform(0.15, 0.35), side * 0.15, foot_z + lift])
        knee = (joint + foot) / 2 + [rng.uniform(0.15, 0.28), side * 0.05, 0.08]
        limb(shape, [joint, knee, foot], (0.085, 0.06, 0.05), "fabric")
        shape.ball("dark plastic", foot + [0.05, 0, 0], (0.13, 0.05, 0.05))
    hat = "helmet" if rng.random() < 0.6 else ""
    upper_body(rng, shape, hip, scale, lean, [grip * [1, -1, 1], grip], hat=hat)


def cyclist(rng: np.random.Generator) -> Template:
    """A bicycle with its rider; all of it is the category `cyclist`."""
    shape = Shape("cyclist")
    seat, grip = bicycle_parts(rng, shape)
    rider(rng, shape, seat, grip, 0.12)
    if rng.random() < 0.12:  # a courier's box
        shape.box("fabric", seat + [-0.22, 0, 0.5], (0.42, 0.42, 0.45))
    return shape.finish()


def motorcyclist(rng: np.random.Generator) -> Template:
    """A motorcycle with a rider, who is a `person`; sometimes two."""
    shape = Shape("motorcycle")
    seat, grip = motorcycle_parts(rng, shape)
    shape.category = "person"
    rider(rng, shape, seat, grip, 0.3)
    if rng.random() < 0.2:
        rider(rng, shape, seat + [-0.36, 0, 0.04], grip + [-0.38, -0.15, 0.0], 0.3)
    return shape.finish()


def _kick_scooter(rng: np.random.Generator, shape: Shape) -> np.ndarray:
    """Adds a kick scooter; returns its left grip."""
    deck, high = rng.uniform(0.5, 0.7), rng.uniform(0.95, 1.2)
    radius, wide = rng.uniform(0.09, 0.14), rng.uniform(0.13, 0.19)
    x = deck / 2 + 0.18
    for at in (-deck / 2 - 0.12, x):
        shape.wheel((at, 0, radius), radius, 0.05)
    shape.box("dark metal", (-0.02, 0, radius + 0.03), (deck + 0.15, wide, 0.06))
    head = np.array([x - 0.12, 0, high])
    tubes(shape, "dark metal", [(x, 0, radius), (deck / 2, 0, radius + 0.03)],
          [head, (x - 0.03, 0, radius + 0.25)], rng.uniform(0.025, 0.04), sides=6)  # fmt: skip
    half = rng.uniform(0.2, 0.27)
    tubes(shape, "dark plastic", [head + [0, -half, 0]], [head + [-0.0, half, 0]], 0.018)
    if rng.random() < 0.6:
        shape.box("lamp glass", head + [0.05, 0, -0.12], (0.05, 0.06, 0.06))
        shape.box("plate", (-deck / 2 - 0.22, 0, 0.2), (0.02, 0.07, 0.08))
    mudguard(shape, np.array([-deck / 2 - 0.12, 0, radius]), radius, 1.2, 3.0)
    return head + [0, half, 0]


def kick_scooter(rng: np.random.Generator) -> Template:
    """Parked on its stand, now and then lying."""
    shape = Shape("kick scooter")
    _kick_scooter(rng, shape)
    template = shape.finish()
    if rng.random() < 0.15:
        x, y, z = template.vertices.T.copy()
        template.vertices[:] = np.stack([x, z - 0.5, 0.27 - y * 0.95], 1)
    return template


def scooter_rider(rng: np.random.Generator) -> Template:
    """A person standing on a kick scooter; the scooter is its own category."""
    shape = Shape("kick scooter")
    grip = _kick_scooter(rng, shape)
    shape.category = "person"
    scale = np.clip(rng.normal(1.0, 0.07), 0.75, 1.15)
    hip = np.array([-0.12, 0, 0.17 + 0.9 * scale])
    first = shape.parts
    legs(rng, shape, hip - [0, 0, 0.15], scale, rng.uniform(0.08, 0.2))
    shape.move((0, 0, 0.15), 0, first)
    hat = "helmet" if rng.random() < 0.3 else ""
    upper_body(rng, shape, hip, scale, rng.uniform(0.0, 0.15), [grip * [1, -1, 1], grip], hat=hat)
    return shape.finish()


def _auto_rickshaw(rng: np.random.Generator, shape: Shape) -> None:
    """Three wheels, a snout, a windscreen and a canopy over driver and bench."""
    long, wide, high = rng.uniform(2.55, 2.9), rng.uniform(1.25, 1.45), rng.uniform(1.65, 1.85)
    end, half = long / 2, wide / 2
    shape.wheel((end - 0.3, 0, 0.2), 0.2, 0.1)
    for side in (-1, 1):
        shape.wheel((-end + 0.45, side * (half - 0.1), 0.2), 0.2, 0.12)
    nose = [
        (end, 0.3),
        (end - 0.08, 0.75),
        (end - 0.35, 0.95),
        (end - 0.75, 0.9),
        (end - 0.7, 0.28),
    ]
    shape.prism("paint", nose, [0.15, 0.3, half * 0.8, half * 0.9, half * 0.7])
    shape.box("paint", (-0.15, 0, 0.32), (long - 0.9, wide * 0.95, 0.1))
    back = [(-end + 0.75, 0.35), (-end + 0.85, 0.85), (-end, 0.85), (-end - 0.02, 0.35)]
    shape.prism("paint", back, half)
    shape.quads(
        "glass",
        np.array(
            [
                [
                    (end - 0.4, half * 0.75, 0.95),
                    (end - 0.4, -half * 0.75, 0.95),
                    (end - 0.75, -half * 0.8, high - 0.1),
                    (end - 0.75, half * 0.8, high - 0.1),
                ]
            ]
        ),
    )
    roof = [(end - 0.6, high - 0.12), (end - 0.9, high), (-end + 0.4, high), (-end, high - 0.2)]
    shape.prism("fabric", roof, [half * 0.85, half * 0.95, half * 0.95, half * 0.9])
    shape.box("fabric", (-end + 0.02, 0, (high + 0.75) / 2), (0.06, wide * 0.95, high - 0.85))
    posts = grid([end - 0.55, -0.1, -end + 0.1], [-half * 0.9, half * 0.9], [0.4])
    tubes(shape, "paint", posts, posts * [0.96, 0.95, 0] + [0, 0, high - 0.06], 0.03)
    shape.box("dark plastic", (0.25, 0, 0.62), (0.4, 0.5, 0.2))
    shape.box("dark plastic", (-0.5, 0, 0.62), (0.5, wide * 0.85, 0.2))
    shape.box("dark plastic", (-0.75, 0, 0.9), (0.12, wide * 0.85, 0.5))
    shape.box("retro", (-end - 0.04, 0, 0.55), (0.02, 0.35, 0.12))


def _cycle_rickshaw(rng: np.random.Generator, shape: Shape) -> np.ndarray:
    """A bicycle's front and a bench on two wheels under a hood; returns the driver's seat."""
    half = rng.uniform(0.48, 0.6)
    front, neck = np.array([1.15, 0, 0.34]), np.array([0.98, 0, 0.95])
    spoked_wheel(shape, front, 0.34)
    for side in (-1, 1):
        spoked_wheel(shape, np.array([-0.75, side * half, 0.34]), 0.34)
    seat = np.array([0.3, 0, 0.9])
    low, hub = np.array([0.55, 0, 0.35]), np.array([-0.75, 0, 0.35])
    bar, wide, out = neck + [-0.1, 0, 0.1], np.array([0, half, 0]), np.array([0, 0.3, 0])
    starts = [front, neck, low, low, hub - wide, bar - out, neck]
    ends = [neck, low, seat, hub, hub + wide, bar + out, bar]
    tubes(shape, "paint", starts, ends, 0.025)
    shape.box("dark plastic", seat, (0.28, 0.2, 0.06))
    shape.box("fabric", (-0.65, 0, 0.72), (0.6, 2 * half - 0.12, 0.16))
    shape.box("fabric", (-0.98, 0, 1.05), (0.1, 2 * half - 0.12, 0.6), pitch=-0.15)
    shape.box("paint", (-0.3, 0, 0.4), (0.7, 2 * half - 0.14, 0.06))
    for side in (-1, 1):
        shape.box("paint", (-0.7, side * (half - 0.1), 0.85), (0.65, 0.05, 0.3))
    if rng.random() < 0.7:
        x, z = np.array([[-1.05, 1.2], [-1.1, 1.6], [-0.8, 1.9], [-0.1, 1.85]]).T
        left = np.stack([x, 0 * x + half, z], 1)
        right = left * [1, -1, 1]
        shape.quads("fabric", np.stack([left[:-1], left[1:], right[1:], right[:-1]], 1))
        posts = np.array([[-0.15, side * half, 0.95] for side in (-1, 1)])
        tubes(shape, "metal", posts, posts + [0, 0, 0.9], 0.015)
    return seat


def rickshaw(rng: np.random.Generator) -> Template:
    """With an engine, or with pedals and usually a driver."""
    shape = Shape("rickshaw")
    if rng.random() < 0.6:
        _auto_rickshaw(rng, shape)
        if rng.random() < 0.5:
            shape.category = "person"
            hip = np.array([0.22, 0, 0.78])
            hands = [np.array([0.62, y, 1.0]) for y in (-0.2, 0.2)]
            upper_body(rng, shape, hip, 0.95, 0.05, hands)
        return shape.finish()
    seat = _cycle_rickshaw(rng, shape)
    if rng.random() < 0.75:
        shape.category = "person"
        rider(rng, shape, seat, np.array([0.88, 0.28, 1.06]), 0.2)
    return shape.finish()


SHAPES: dict[str, tuple[Maker, int]] = {
    "motorcyclist": (motorcyclist, 3),
    "cyclist": (cyclist, 4),
    "kick scooter": (kick_scooter, 3),
    "scooter rider": (scooter_rider, 2),
    "rickshaw": (rickshaw, 2),
}
