"""Poles, street lamps, traffic lights and power lines."""

from __future__ import annotations

import numpy as np

from avs3d.simulation.shapes.mesh import Maker, Shape, Template
from avs3d.simulation.shapes.parts import boxes, chain, grid, sheet, tubes, turned


def pole(rng: np.random.Generator) -> Template:
    """A post, thin or thick, of metal, wood or concrete; a lattice; a flag; a camera."""
    shape = Shape("pole")
    kind = rng.choice(7, p=[0.22, 0.2, 0.2, 0.12, 0.08, 0.1, 0.08])
    if kind == 0:  # a bare low post
        high, radius = rng.uniform(1.8, 4.5), rng.uniform(0.025, 0.07)
        if rng.random() < 0.3:
            shape.box(
                "wood", (0, 0, high / 2 - 0.1), (2 * radius + 0.04, 2 * radius + 0.04, high + 0.2)
            )
        else:
            shape.tube("metal", (0, 0, -0.3), (0, 0, high), radius, sides=8)
    elif kind == 1:
        high, radius = rng.uniform(5, 11), rng.uniform(0.07, 0.16)
        shape.tube("metal", (0, 0, -0.3), (0, 0, high), radius, radius * 0.6, sides=8)
        shape.tube("metal", (0, 0, -0.3), (0, 0, 0.9), radius * 1.5, sides=8)
    elif kind == 2:
        wooden_mast(rng, shape, rng.uniform(6, 11))
    elif kind == 3:  # of concrete, square and tapered, or with holes
        high, wide = rng.uniform(6, 11), rng.uniform(0.22, 0.36)
        turned(shape, "concrete", [(wide, -0.3), (0.55 * wide, high), (0, high)], sides=4)
        if rng.random() < 0.6:
            shape.box("concrete", (0, 0, high - 0.5), (0.14, rng.uniform(1.2, 2.4), 0.16))
    elif kind == 4:  # a lattice mast
        high, wide = rng.uniform(6, 14), rng.uniform(0.25, 0.5)
        feet = grid([-wide, wide], [-wide, wide], [0.0])
        tubes(shape, "metal", feet, feet * [0.4, 0.4, 0] + [0, 0, high], 0.035)
        rise = np.arange(0, high, 1.0)
        for a, b in ((0, 1), (1, 3), (3, 2), (2, 0)):
            low = feet[a] * (1 - 0.6 * rise / high)[:, None] * [1, 1, 0] + rise[:, None] * [0, 0, 1]
            up = rise + 1.0
            top = feet[b] * (1 - 0.6 * up / high)[:, None] * [1, 1, 0] + up[:, None] * [0, 0, 1]
            tubes(shape, "metal", low, top, 0.018, sides=3)
    elif kind == 5:  # a flagpole
        high = rng.uniform(5, 10)
        shape.tube("metal", (0, 0, -0.2), (0, 0, high), 0.06, 0.03, sides=8)
        shape.ball("metal", (0, 0, high), (0.08, 0.08, 0.08))
        if rng.random() < 0.7:
            wide, tall = rng.uniform(0.7, 1.6), rng.uniform(0.8, 2.6)
            x = np.linspace(0.05, wide, 5)
            edge = np.stack([x, 0.12 * np.sin(5 * x), 0 * x + high - 0.1], 1)
            low = edge - [0, 0, tall]
            shape.quads("cloth", np.stack([edge[:-1], edge[1:], low[1:], low[:-1]], 1))
    else:  # a camera or aerial mast
        high = rng.uniform(3, 7)
        shape.tube("metal", (0, 0, -0.2), (0, 0, high), 0.06, sides=7)
        shape.box("plastic", (0.25, 0, high - 0.2), (0.35, 0.12, 0.12), pitch=0.3)
        shape.box("plastic", (0, 0, rng.uniform(1.2, 2.5)), (0.3, 0.35, 0.5))
    return shape.finish()


def wooden_mast(rng: np.random.Generator, shape: Shape, high: float) -> None:
    """A telegraph pole with cross arms, braces, a stay or a transformer."""
    radius = rng.uniform(0.1, 0.17)
    shape.tube("wood", (0, 0, -0.3), (0, 0, high), radius, radius * 0.7, sides=8)
    for z in (high - 0.35, high - 1.05)[: rng.integers(0, 3)]:
        half = rng.uniform(0.6, 1.2)
        shape.box("wood", (0, 0, z), (0.1, 2 * half, 0.12))
        knees = np.array([[0.05, -half * 0.6, z], [0.05, half * 0.6, z]])
        tubes(shape, "metal", knees, 0 * knees + [0, 0, z - 0.55], 0.02)
        studs = grid([0.0], np.array([-0.9, -0.45, 0.45, 0.9]) * half, [z + 0.06])
        tubes(shape, "plastic", studs, studs + [0, 0, 0.14], 0.035)
    if rng.random() < 0.25:
        shape.tube("metal", (0.35, 0, high - 2.6), (0.35, 0, high - 1.6), 0.26, sides=9)
    if rng.random() < 0.2:  # a second leg or a stay
        foot = np.array([rng.uniform(1.2, 2.2), 0, 0])
        shape.tube("wood", foot, (0, 0, high * 0.8), 0.09, sides=6)
    if rng.random() < 0.25:
        shape.box("metal", (0.16, 0, rng.uniform(1.3, 2.2)), (0.18, 0.3, 0.45))


def _head(rng: np.random.Generator, shape: Shape, end: np.ndarray, side: float) -> None:
    """A lamp head at the end of an arm, reaching on to side * x."""
    kind = rng.integers(4)
    long, wide = rng.uniform(0.45, 0.9), rng.uniform(0.2, 0.36)
    middle = end + [side * long * 0.4, 0, 0]
    if kind == 0:
        shape.box("metal", middle, (long, wide, 0.12), pitch=-0.1 * side)
        shape.box("lamp glass", middle - [0, 0, 0.08], (long * 0.7, wide * 0.8, 0.05))
    elif kind == 1:  # a cobra head
        shape.ball("metal", middle, (long * 0.55, wide * 0.6, 0.1), pitch=-0.12 * side)
        shape.ball("lamp glass", middle + [side * 0.1, 0, -0.07], (long * 0.3, wide * 0.45, 0.1))
    elif kind == 2:  # a flat plate of diodes
        shape.box("metal", middle, (long * 0.9, wide * 1.2, 0.06), pitch=-0.05 * side)
    else:  # a bell that hangs
        turned(shape, "metal", [(0.04, 0.1), (0.1, 0.05), (0.28, -0.18)], end)
        shape.ball("lamp glass", end - [0, 0, 0.16], (0.18, 0.18, 0.12))


def _armed_lamp(rng: np.random.Generator, shape: Shape, radius: float) -> None:
    high = rng.uniform(5, 11)
    material = ("metal", "metal", "concrete", "wood", "dark metal")[rng.integers(5)]
    if material in ("concrete", "wood"):
        radius *= 1.5
    shape.tube(material, (0, 0, -0.3), (0, 0, high), radius, radius * 0.65, sides=8)
    if material == "metal":
        shape.tube("metal", (0, 0, -0.3), (0, 0, 1.0), radius * 1.4, radius * 1.25, sides=8)
    reach, rise = rng.uniform(0.5, 2.8), rng.uniform(0.0, 1.2)
    bend = rng.integers(4)
    for side in (-1, 1) if rng.random() < 0.2 else (1,):
        end = np.array([side * reach, 0, high + rise])
        if bend == 0:  # straight, with a stay
            shape.tube("metal", (0, 0, high - 0.05), end, radius * 0.6, sides=6)
            if rng.random() < 0.4:
                shape.tube("metal", (0, 0, high - 1.0), (end + [0, 0, high]) / 2 - [0, 0, rise / 2],
                           0.02, sides=4)  # fmt: skip
        elif bend in (1, 2):  # in an arc
            turn = np.linspace(0, np.pi / 2, 5)
            arc = np.stack([side * reach * (1 - np.cos(turn)), 0 * turn,
                            high + max(rise, 0.4) * np.sin(turn)], 1)  # fmt: skip
            chain(shape, "metal", arc, radius * 0.55)
            end = arc[-1]
        else:
            knee = np.array([0, 0, high + rise])
            chain(shape, "metal", np.array([[0, 0, high], knee, end]), radius * 0.6)
        _head(rng, shape, end, side)
    if rng.random() < 0.12:  # a banner or flower basket
        z = rng.uniform(3, 4.2)
        shape.box("cloth", (0, 0.45, z), (0.02, 0.7, 1.4))
        tubes(
            shape,
            "metal",
            [(0, 0, z + 0.7), (0, 0, z - 0.7)],
            [(0, 0.85, z + 0.7), (0, 0.85, z - 0.7)],
            0.015,
        )


def street_lamp(rng: np.random.Generator) -> Template:
    """A lamp whose arm reaches to +x, or one on top of its post."""
    shape = Shape("street lamp")
    radius = rng.uniform(0.05, 0.1)
    kind = rng.choice(8, p=[0.48, 0.1, 0.09, 0.1, 0.06, 0.06, 0.06, 0.05])
    if kind == 0:
        _armed_lamp(rng, shape, radius)
        return shape.finish()
    high = rng.uniform(2.8, 4.8)
    shape.tube("dark metal", (0, 0, -0.2), (0, 0, high), radius, radius * 0.7, sides=7)
    top = np.array([0, 0, high])
    if kind == 1:  # an old-town lantern on a foot
        turned(shape, "dark metal", [(radius * 2.2, 0), (radius * 1.8, 0.3), (radius * 1.3, 0.9)])
        turned(shape, "lamp glass", [(0.1, 0.0), (0.2, 0.45)], top, sides=6)
        turned(shape, "dark metal", [(0.26, 0.45), (0.12, 0.65), (0.03, 0.8)], top, sides=6)
    elif kind == 2:  # a globe, or several
        for k in range(1 + 2 * int(rng.random() < 0.3)):
            out = np.array([0.45 * (k == 1) - 0.45 * (k == 2), 0, 0.2 - 0.25 * (k > 0)])
            shape.ball("lamp glass", top + out, (0.22, 0.22, 0.22))
            if k:
                shape.tube("dark metal", top - [0, 0, 0.3], top + out - [0, 0, 0.15], 0.025)
    elif kind == 3:  # a hat
        wide = rng.uniform(0.25, 0.45)
        shape.tube("lamp glass", top, top + [0, 0, 0.25], 0.1, sides=8)
        turned(shape, "dark metal", [(wide, 0.25), (0.1, 0.38), (0, 0.38)], top)
    elif kind == 4:  # a column that glows
        shape.tube(
            "lamp glass",
            top - [0, 0, 0.1],
            top + [0, 0, rng.uniform(0.5, 1.2)],
            radius + 0.05,
            sides=8,
        )
        shape.tube("metal", top + [0, 0, 0.5], top + [0, 0, 0.55], radius + 0.08, sides=8)
    elif kind == 5:  # a shepherd's crook
        turn = np.linspace(np.pi, 0.0, 8)
        reach = rng.uniform(0.25, 0.45)
        arc = np.stack([reach * (1 + np.cos(turn)), 0 * turn, reach * 1.2 * np.sin(turn)], 1) + top
        chain(shape, "dark metal", arc, 0.035)
        turned(shape, "dark metal", [(0.04, 0.05), (0.2, -0.2), (0.22, -0.25)], arc[-1])
        shape.ball("lamp glass", arc[-1] - [0, 0, 0.2], (0.15, 0.15, 0.12))
    elif kind == 6:  # high, with a ring of floodlights
        high = rng.uniform(9, 15)
        shape.tube("metal", (0, 0, 0), (0, 0, high), 0.18, 0.1, sides=8)
        turn = 2 * np.pi * np.arange(int(rng.integers(3, 7))) / 4
        spots = np.stack([0.7 * np.cos(turn), 0.7 * np.sin(turn), 0 * turn + high], 1)
        tubes(shape, "metal", 0 * spots + [0, 0, high - 0.2], spots, 0.04)
        boxes(shape, "metal", spots, (0.5, 0.5, 0.18))
    else:  # solar: a panel above the lamp
        shape.tube("metal", top, top + [0, 0, 1.2], radius * 0.7)
        shape.box("dark plastic", top + [0, 0, 1.3], (0.9, 0.6, 0.05), pitch=0.5)
        shape.box("metal", top + [0.5, 0, 0.4], (0.9, 0.25, 0.08))
    return shape.finish()


def _signal_head(
    rng: np.random.Generator, shape: Shape, at: np.ndarray, yaw: float, lights: int, flat: bool
) -> None:
    """Lights above each other (flat: beside each other) looking along yaw."""
    ahead = np.array([np.cos(yaw), np.sin(yaw), 0])
    across = np.array([-np.sin(yaw), np.cos(yaw), 0]) if flat else np.array([0, 0, 1.0])
    unit = rng.uniform(0.22, 0.36)
    size = (0.2, unit * lights, unit) if flat else (0.2, unit, unit * lights)
    shape.box("dark plastic", at, size, yaw=yaw)
    for k in range(lights):
        spot = at + across * (k - (lights - 1) / 2) * unit
        shape.tube("dark plastic", spot + 0.1 * ahead, spot + 0.26 * ahead, 0.4 * unit, sides=6)
    if rng.random() < 0.3:
        board = np.array([0.03, size[1] + 0.3, size[2] + 0.3])
        shape.box("dark plastic", at - 0.08 * ahead, board, yaw=yaw)


def traffic_light(rng: np.random.Generator) -> Template:
    """Looks to +x (towards the drivers); an arm reaches to +y over the road, or a whole portal."""
    shape = Shape("traffic light")
    radius = rng.uniform(0.05, 0.12)
    kind = rng.choice(4, p=[0.42, 0.36, 0.07, 0.15])  # post, arm, portal, pedestrian
    high = (rng.uniform(2.6, 3.8), rng.uniform(5.2, 6.6), rng.uniform(5.3, 6.2), 2.7)[kind]
    flat = kind in (1, 2) and rng.random() < 0.3
    lights = int(rng.choice([3, 3, 3, 4, 2]))
    shape.category = "traffic light" if rng.random() < 0.5 else "pole"
    shape.tube("metal", (0, 0, -0.3), (0, 0, high), radius, radius * 0.85, sides=8)
    reach = rng.uniform(3, 8) if kind == 1 else rng.uniform(9, 14)
    if kind == 1:
        bend = rng.uniform(0.0, 1.0)
        chain(
            shape,
            "metal",
            [
                (0, 0, high - 0.3),
                (0, reach * 0.3, high - 0.3 + bend * 0.7),
                (0, reach, high - 0.3 + bend),
            ],
            np.array([0.8, 0.7, 0.5]) * radius,
        )
        if rng.random() < 0.3:
            shape.tube("metal", (0, 0, high - 1.2), (0, reach * 0.3, high - 0.4), 0.03, sides=4)
        high += bend
    elif kind == 2:
        shape.tube("metal", (0, reach, -0.3), (0, reach, high), radius * 1.3, sides=8)
        tubes(
            shape,
            "metal",
            [(0, 0, high - 0.1), (0, 0, high - 0.7)],
            [(0, reach, high - 0.1), (0, reach, high - 0.7)],
            0.06,
        )
    shape.category = "traffic light"
    low = min(high, 3.2) - 0.45
    _signal_head(
        rng,
        shape,
        np.array([0.2, 0, low if kind < 3 else 2.3]),
        0.0,
        lights if kind < 3 else 2,
        False,
    )
    if rng.random() < 0.6 or kind == 3:
        turn = float(rng.choice([1.57, -1.57, 3.14]))
        at = np.array([0.2 * np.cos(turn), 0.2 * np.sin(turn), rng.uniform(2.1, 2.6)])
        _signal_head(rng, shape, at, turn, int(rng.integers(2, 4)), False)
    if kind in (1, 2):
        hang = 0.35 * (kind == 2) + 0.35
        for share in (0.95, 0.6, 0.3)[: rng.integers(1, 3 if kind == 1 else 4)]:
            _signal_head(
                rng, shape, np.array([0.15, reach * share, high - hang]), 0.0, lights, flat
            )
        if rng.random() < 0.4:  # a name board on the arm
            shape.category = "traffic sign"
            shape.box("retro", (0.1, reach * 0.42, high - 0.45), (0.03, 1.4, 0.35))
            shape.category = "traffic light"
    if rng.random() < 0.4:
        shape.box("plastic", (0.12, 0, 1.1), (0.12, 0.12, 0.25))
    return shape.finish()


def power_line(rng: np.random.Generator) -> Template:
    """Two poles ~30 m apart along x, and sagging wires that go on to the next ones."""
    shape = Shape("pole")
    span, high = rng.uniform(26, 34), rng.uniform(6.5, 10.5)
    kind = rng.integers(3)
    for x in (-span / 2, span / 2):
        first = shape.parts
        if kind == 0:
            wooden_mast(rng, shape, high)
        elif kind == 1:
            turned(shape, "concrete", [(0.26, -0.3), (0.15, high), (0, high)], sides=4)
            shape.box("metal", (0, 0, high - 0.4), (0.1, 1.8, 0.1))
        else:  # two legs and a beam
            shape.tube("wood", (0, -0.8, -0.3), (0, -0.6, high), 0.13, 0.1, sides=7)
            shape.tube("wood", (0, 0.8, -0.3), (0, 0.6, high), 0.13, 0.1, sides=7)
            shape.box("wood", (0, 0, high - 0.4), (0.12, 3.0, 0.14))
        shape.move((x, 0, 0), first=first)
    shape.category = "wire"
    half = 1.4 if kind == 2 else 0.85
    share = np.linspace(-1, 1, 13)
    sag = rng.uniform(0.3, 1.3)
    for y in np.linspace(-half, half, int(rng.integers(2, 5))):
        drop = rng.uniform(0.8, 1.2) * sag * (1 - share**2)
        path = np.stack([share * span / 2, 0 * share + y, high - 0.25 - drop], 1)
        chain(shape, "dark metal", path, rng.uniform(0.008, 0.02), sides=3)
    if rng.random() < 0.4:  # a thick cable lower down
        path = np.stack([share * span / 2, 0 * share, high * 0.75 - 0.8 * sag * (1 - share**2)], 1)
        chain(shape, "dark metal", path, 0.03, sides=4)
    return shape.finish()


def twin_lamp(rng: np.random.Generator) -> Template:
    """A bent mast of one piece, or a Y of two short arms with drop-shaped lamps."""
    shape = Shape("street lamp")
    high, reach = rng.uniform(4.5, 9), rng.uniform(0.8, 2.0)
    if rng.random() < 0.5:  # one long curve from the ground
        share = np.linspace(0, 1, 9)
        curve = np.stack([reach * share**3, 0 * share, high * np.sin(0.5 * np.pi * share)], 1)
        chain(shape, "metal", curve, np.linspace(0.11, 0.04, 9), sides=7)
        sheet(shape, "lamp glass", curve[-1], [(-0.1, -0.1), (0.1, -0.1), (0, 0.1)])
        shape.ball("metal", curve[-1] + [0.2, 0, 0], (0.35, 0.14, 0.08))
        return shape.finish()
    turned(
        shape,
        "dark metal",
        [(0.22, 0.0), (0.1, 0.3), (0.07, high - 1.0), (0.05, high - 1)],
        sides=8,
    )
    for side in (-1, 1):
        end = np.array([side * reach * 0.6, 0, high])
        shape.tube("dark metal", (0, 0, high - 1.0), end, 0.04, sides=5)
        turned(
            shape, "lamp glass", [(0.02, 0.1), (0.2, -0.1), (0.12, -0.4), (0, -0.45)], end, sides=8
        )
    return shape.finish()


SHAPES: dict[str, tuple[Maker, int]] = {
    "pole": (pole, 4),
    "street lamp": (street_lamp, 2),
    "traffic light": (traffic_light, 3),
    "power line": (power_line, 1),
}
HELD_OUT: dict[str, tuple[Maker, int]] = {"street lamp": (twin_lamp, 2)}
