"""Small things on the sidewalk: boxes, bollards, cones, hydrants, racks, planters."""

from __future__ import annotations

import numpy as np

from avs3d.simulation.shapes.mesh import Maker, Shape, Template
from avs3d.simulation.shapes.parts import boxes, chain, grid, in_ball, leaves, tubes, turned


def traffic_cone(rng: np.random.Generator) -> Template:
    """A cone with a foot and bright bands; seldom a slim one, or two stacked."""
    shape = Shape("traffic cone")
    high = rng.uniform(0.3, 1.05)
    radius = high * rng.uniform(0.15, 0.24)
    tip = rng.uniform(0.02, 0.05)
    foot = rng.uniform(2.2, 3.0) * radius
    if rng.random() < 0.75:
        shape.box("dark plastic", (0, 0, 0.02), (foot, foot, 0.05))
    else:
        shape.tube("dark plastic", (0, 0, 0), (0, 0, 0.05), foot / 2, sides=8)
    turned(shape, "plastic", [(radius, 0.03), (tip, high), (0, high)], sides=9)
    for share in (0.4, 0.65)[: rng.integers(0, 3)]:
        wide = rng.uniform(0.1, 0.2)
        low, top = (radius + (tip - radius) * at + 0.008 for at in (share, share + wide))
        turned(shape, "plate", [(low, high * share), (top, high * (share + wide))], sides=9)
    if rng.random() < 0.1:
        shape.box("lamp glass", (0, 0, high + 0.1), (0.12, 0.18, 0.2))
    return shape.finish()


def traffic_drum(rng: np.random.Generator) -> Template:
    """A barrel with bright bands on a ring of rubber, or a slim post with bands on a foot."""
    shape = Shape("traffic drum")
    high = rng.uniform(0.85, 1.15)
    base, top = rng.uniform(0.24, 0.32), rng.uniform(0.18, 0.25)
    turned(shape, "rubber", [(base + 0.1, 0), (base + 0.1, 0.06), (base, 0.1)], sides=10)
    steps = int(rng.integers(3, 6))
    z, r = np.linspace(0.05, high, steps + 1), np.linspace(base, top, steps + 1)
    for k in range(steps):
        ring = [(r[k], z[k]), (r[k], z[k + 1]), (r[k + 1], z[k + 1])]
        turned(shape, "plate" if k % 2 else "plastic", ring, sides=10)
    turned(shape, "plastic", [(top, high), (top * 0.4, high + 0.03), (0, high + 0.03)], sides=10)
    if rng.random() < 0.6:
        shape.box("plastic", (0, 0, high + 0.06), (0.05, 0.2, 0.1))
    if rng.random() < 0.2:
        shape.box("lamp glass", (0.0, 0, high + 0.12), (0.1, 0.18, 0.2))
    return shape.finish()


def bollard(rng: np.random.Generator) -> Template:
    """A post against cars: round, square, with a ball or a sloped top, a stone, a loop, rubber."""
    shape = Shape("bollard")
    high, radius = rng.uniform(0.45, 1.2), rng.uniform(0.035, 0.16)
    material = ("metal", "concrete", "dark metal", "plastic", "stone", "wood")[rng.integers(6)]
    kind = rng.choice(7, p=[0.35, 0.15, 0.17, 0.08, 0.07, 0.1, 0.08])
    if kind == 0:
        turned(
            shape,
            material,
            [(radius, -0.1), (radius * rng.uniform(0.7, 1), high), (0, high + 0.02)],
            sides=9,
        )
    elif kind == 1:
        wide = 2 * radius * rng.uniform(0.8, 1.4)
        shape.box(material, (0, 0, high / 2), (wide, wide, high))
        if rng.random() < 0.4:
            shape.prism(
                material, [(-wide / 2, high), (wide / 2, high), (0, high + wide / 2)], wide / 2
            )
    elif kind == 2:  # cast, with rings and a ball
        turned(
            shape,
            material,
            [
                (radius * 1.7, 0),
                (radius * 1.5, 0.12),
                (radius, 0.2),
                (radius * 0.8, high * 0.8),
                (radius * 1.2, high * 0.84),
                (radius * 0.7, high * 0.9),
            ],
            sides=9,
        )
        shape.ball(material, (0, 0, high), (radius * 1.3,) * 3)
    elif kind == 3:  # a ball or half ball of stone
        r = rng.uniform(0.22, 0.4)
        shape.ball("stone", (0, 0, r * rng.uniform(0.4, 0.9)), (r, r, r))
    elif kind == 4:  # a thick block
        wide = rng.uniform(0.35, 0.6)
        shape.box("concrete", (0, 0, high * 0.35), (wide, wide * rng.uniform(1, 2), high * 0.7))
    elif kind == 5:  # a hoop
        wide = rng.uniform(0.3, 0.6)
        chain(
            shape,
            "metal",
            [
                (0, -wide, 0),
                (0, -wide, high - 0.1),
                (0, -wide + 0.1, high),
                (0, wide - 0.1, high),
                (0, wide, high - 0.1),
                (0, wide, 0),
            ],
            0.035,
        )
    else:  # a bendable post of rubber
        shape.tube("dark plastic", (0, 0, 0), (0, 0, 0.06), 0.13, sides=9)
        shape.tube("plastic", (0, 0, 0.05), (0, 0, high), 0.045, sides=7)
    if kind in (0, 1, 6) and rng.random() < 0.5:
        shape.tube(
            "plate", (0, 0, high * 0.75), (0, 0, high * 0.9), max(radius * 1.05, 0.05), sides=9
        )
    return shape.finish()


def slotted_bollard(rng: np.random.Generator) -> Template:
    """A leaning blade of steel or a hollow lamp bollard with a head on three pins."""
    shape = Shape("bollard")
    high = rng.uniform(0.6, 1.1)
    if rng.random() < 0.5:
        shape.box(
            "dark metal", (0.04, 0, high / 2), (0.05, rng.uniform(0.2, 0.3), high), pitch=0.12
        )
    else:
        turned(shape, "dark metal", [(0.1, 0), (0.1, high * 0.7), (0, high * 0.7)])
        turn = 2 * np.pi * np.arange(3) / 3
        pins = np.stack([0.08 * np.cos(turn), 0.08 * np.sin(turn), 0 * turn + high * 0.7], 1)
        tubes(shape, "metal", pins, pins + [0, 0, 0.2 * high], 0.012, sides=3)
        turned(shape, "dark metal", [(0.12, high * 0.88), (0.12, high), (0, high + 0.03)])
    return shape.finish()


def fire_hydrant(rng: np.random.Generator) -> Template:
    """A stout post with caps to both sides and the front; or a slim pillar."""
    shape = Shape("fire hydrant")
    high, r = rng.uniform(0.55, 1.0), rng.uniform(0.09, 0.15)
    if rng.random() < 0.25:
        r *= 0.75
    turned(
        shape,
        "plastic",
        [
            (r * 1.7, 0),
            (r * 1.6, 0.06),
            (r, 0.08),
            (r, high * 0.75),
            (r * 1.25, high * 0.76),
            (r * 1.2, high * 0.82),
            (r * 0.7, high * 0.95),
            (0.03, high),
            (0, high + 0.05),
        ],
        sides=10,
    )
    z = high * rng.uniform(0.5, 0.65)
    shape.tube("metal", (0, -r * 1.9, z), (0, r * 1.9, z), 0.055, sides=7)
    if rng.random() < 0.7:
        shape.tube("metal", (0, 0, z), (r * 2, 0, z), 0.075, sides=7)
    return shape.finish()


def utility_box(rng: np.random.Generator) -> Template:
    """A cabinet: wide or slim, two together, sloped on top, on legs; a transformer."""
    shape = Shape("utility box")
    size = rng.uniform((0.25, 0.45, 0.7), (0.65, 1.6, 1.7))
    material = ("plastic", "metal", "concrete", "plaster")[rng.integers(4)]
    kind = rng.integers(5)
    shape.box("concrete", (0, 0, 0.05), size * [1.1, 1.05, 0] + [0, 0, 0.2])
    if kind == 1:  # two of unequal height
        for side, tall in ((-1, 1.0), (1, rng.uniform(0.5, 0.9))):
            shape.box(material, (0, side * size[1] / 2, size[2] * tall / 2), size * [1, 0.98, tall])
    elif kind == 2:  # a transformer
        size = rng.uniform((1.0, 1.4, 1.3), (2.0, 2.6, 2.4))
        shape.box("paint", (0, 0, size[2] / 2), size)
        boxes(
            shape,
            "paint",
            grid([size[0] / 2 + 0.03], np.linspace(-0.4, 0.4, 7) * size[1], [size[2] * 0.45]),
            (0.08, 0.06, size[2] * 0.6),
        )
        shape.box("roof", (0, 0, size[2] + 0.05), size * [1.1, 1.1, 0] + [0, 0, 0.1])
    else:
        shape.box(material, (0, 0, size[2] / 2), size)
        if kind == 3:
            shape.box(
                material, (0, 0, size[2] + 0.02), size * [1.15, 1.08, 0] + [0, 0, 0.05], pitch=0.12
            )
        elif kind == 4:  # on legs or a post
            first = shape.parts - 1
            shape.move((0, 0, 0.5), first=first)
            boxes(
                shape, "metal", [(0, -size[1] / 3, 0.3), (0, size[1] / 3, 0.3)], (0.08, 0.08, 0.6)
            )
        else:
            boxes(
                shape, "dark metal", [(size[0] / 2, 0, size[2] * 0.55)], (0.03, 0.03, size[2] * 0.8)
            )
            shape.box(material, (0, 0, size[2]), size * [1.12, 1.06, 0] + [0, 0, 0.06])
    return shape.finish()


def bicycle_rack(rng: np.random.Generator) -> Template:
    """Hoops, arcs, wheel holders or a spiral in a row along y; bicycles stand between along x."""
    shape = Shape("bicycle rack")
    gap, count, kind = rng.uniform(0.5, 1.0), int(rng.integers(3, 9)), rng.integers(4)
    y = gap * (np.arange(count) - (count - 1) / 2)
    high, half = ((rng.uniform(0.75, 0.95), rng.uniform(0.25, 0.5)) if kind < 2 else
                  (rng.uniform(0.3, 0.55), 0.25))  # fmt: skip
    if kind == 1:
        turn = np.linspace(0, np.pi, 7)
        path = np.stack([half * np.cos(turn), 0 * turn, high * np.sin(turn)], 1)
    else:
        path = np.array([[-half, 0, 0], [-half, 0, high], [half, 0, high], [half, 0, 0]])
    if kind == 3:  # one wave along y
        wave = np.linspace(0, count, 6 * count)
        path = np.stack(
            [0 * wave, gap * (wave - count / 2), 0.45 - 0.4 * np.cos(2 * np.pi * wave)], 1
        )
        chain(shape, "metal", path, 0.03, sides=4)
        return shape.finish()
    for at in y:
        chain(shape, "metal", path + [0, at, 0], 0.028, sides=5)
    if kind == 2:
        boxes(shape, "metal", [(-half, 0, 0.06), (half, 0, 0.06)], (0.05, gap * count, 0.05))
        for at in y:
            chain(shape, "metal", path * [1, 1, 0.9] + [0, at + 0.08, 0], 0.012, sides=3)
    return shape.finish()


def planter(rng: np.random.Generator) -> Template:
    """A tub, trough, bowl or ring of stone with flowers, a shrub or a small tree in it."""
    shape = Shape("planter")
    material = ("concrete", "wood", "stone", "dark plastic", "metal")[rng.integers(5)]
    high = rng.uniform(0.35, 0.9)
    if rng.random() < 0.5:
        deep, wide = rng.uniform(0.2, 0.5), rng.uniform(0.25, 1.0)
        top, bottom = high, rng.choice([1.0, 0.8])
        shape.prism(material, [(-deep * bottom, 0), (deep * bottom, 0), (deep, top), (-deep, top)],
                    [wide * bottom, wide * bottom, wide, wide])  # fmt: skip
        boxes(
            shape,
            material,
            [(0, -wide, top), (0, wide, top), (-deep, 0, top), (deep, 0, top)],
            [
                (2 * deep + 0.1, 0.1, 0.08),
                (2 * deep + 0.1, 0.1, 0.08),
                (0.1, 2 * wide, 0.08),
                (0.1, 2 * wide, 0.08),
            ],
        )
    else:
        deep = wide = rng.uniform(0.25, 0.65)
        foot = rng.uniform(0.5, 1.0)
        turned(
            shape,
            material,
            [
                (wide * foot, 0),
                (wide * rng.uniform(0.7, 1), high * 0.6),
                (wide, high),
                (wide - 0.06, high),
                (wide - 0.08, high - 0.08),
            ],
            sides=10,
        )
        shape.tube("soil", (0, 0, high - 0.1), (0, 0, high - 0.06), wide - 0.05, sides=10)
    kind = rng.integers(4)
    if kind == 0:
        tall = rng.uniform(0.1, 0.25)
        points = in_ball(rng, 90) * [deep, wide, tall] + [0, 0, high + tall * 0.5]
        leaves(rng, shape, "leaf", points, 0.1)
        return shape.finish()
    shape.category = "bush" if kind < 3 else "trunk"
    size = rng.uniform(0.25, 0.6)
    lift = size * 0.6
    if kind == 3:
        lift = rng.uniform(0.9, 1.8)
        shape.tube("bark", (0, 0, high - 0.1), (0, 0, high + lift), 0.035)
        shape.category = "tree"
    points = in_ball(rng, 160, 0.5) * [
        max(size, 0.7 * deep),
        max(size, 0.8 * wide),
        size * rng.uniform(0.8, 1.6),
    ]
    leaves(rng, shape, "leaf", points + [0, 0, high + lift], 0.13)
    return shape.finish()


SHAPES: dict[str, tuple[Maker, int]] = {
    "traffic cone": (traffic_cone, 2),
    "traffic drum": (traffic_drum, 1),
    "bollard": (bollard, 3),
    "fire hydrant": (fire_hydrant, 1),
    "utility box": (utility_box, 3),
    "bicycle rack": (bicycle_rack, 1),
    "planter": (planter, 3),
}
HELD_OUT: dict[str, tuple[Maker, int]] = {
    "bollard": (slotted_bollard, 1),
}
