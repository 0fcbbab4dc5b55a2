"""Halls, barns and sheds, as `buildings.building` makes them: front on y = 0, x from 0 to width."""

from __future__ import annotations

import numpy as np

from avs3d.simulation.shapes.facades import Style, draw_style, pierced, rectangle, roof
from avs3d.simulation.shapes.mesh import Shape
from avs3d.simulation.shapes.parts import boxes, grid, tubes

_PLANT = np.array([0.12, 0.2, 0.25, 0.33, 0.05, 0.05])


def _shell(
    shape: Shape, wall: str, width: float, depth: float, high: float, front: bool = True
) -> None:
    """Sides, back and lid without windows."""
    sides = [[[x, 0, -1], [x, -depth, -1], [x, -depth, high], [x, 0, high]] for x in (0.0, width)]
    lid = [[0, 0, high], [width, 0, high], [width, -depth, high], [0, -depth, high]]
    back = rectangle(0, width, -1, high, -depth)
    shape.quads(wall, np.concatenate([np.array([*sides, lid]), back]))
    if front:
        shape.quads(wall, rectangle(0, width, -1, high, 0.0))


def hall(rng: np.random.Generator, shape: Shape, width: float) -> None:
    """A works hall, a store with loading docks, a supermarket, offices in containers."""
    if rng.random() < 0.06:
        _container_offices(rng, shape, width)
        return
    style = draw_style(rng, _PLANT)
    depth, high = rng.uniform(12, 35), rng.uniform(4, 10)
    _shell(shape, style.wall, width, depth, high, front=False)
    kind = rng.integers(3)
    if kind == 0:  # gates and a strip of windows
        step = rng.uniform(4.5, 9)
        x = np.arange(rng.uniform(1, 3), width - 4, step)
        wide = min(step * 0.7, rng.uniform(2.8, 4.5))
        top = min(high - 0.6, rng.uniform(3, 5))
        holes = np.stack([x, x + wide, 0 * x - 0.05, 0 * x + top], 1)
        pierced(shape, style, holes, width, -1.0, high, "metal", rng.uniform(0.1, 0.8))
        if high > top + 1.5:
            shape.box("glass", (width / 2, 0.03, high - 0.8), (width * 0.9, 0.08, 0.8))
        z = np.arange(0.25, top, 0.45)
        boxes(shape, "metal", grid(x + wide / 2, [-style.recess + 0.02], z), (wide, 0.05, 0.05))
    elif kind == 1:  # docks for lorries
        x = np.arange(2, width - 4, rng.uniform(3.8, 5))
        holes = np.stack([x, x + 2.7, 0 * x + 1.1, 0 * x + 3.8], 1)
        pierced(shape, style, holes, width, -1.0, high, "metal", 0.25)
        boxes(shape, "rubber", grid(x + 1.35, [0.15], [4.0]), (3.3, 0.5, 0.4))
        boxes(
            shape,
            "rubber",
            grid(np.concatenate([x - 0.15, x + 2.85]), [0.2], [2.4]),
            (0.3, 0.5, 2.8),
        )
        if rng.random() < 0.5:
            shape.box("metal", (width / 2, 1.8, 4.6), (width, 3.8, 0.25))
        else:
            shape.box("concrete", (width / 2, 0.4, 0.5), (width, 0.8, 1.1))
    else:  # a shop: glass below, a broad band above, a roof before the door
        top = min(high - 0.8, rng.uniform(2.6, 3.6))
        x = np.linspace(width * 0.1, width * 0.9, max(int(width / 3), 2))
        holes = np.stack([x[:-1] + 0.06, x[1:] - 0.06, 0 * x[1:] + 0.2, 0 * x[1:] + top], 1)
        pierced(shape, style, holes, width, -1.0, high, "pane", 0.2)
        deep = rng.uniform(1.2, 3.5)
        shape.box("metal", (width / 2, deep / 2, top + 0.3), (width * 0.85, deep, 0.35))
        posts = grid(x[::3], [deep - 0.2], [0.0])
        tubes(shape, "metal", posts, posts + [0, 0, top + 0.2], 0.09, sides=6)
        shape.box("plastic", (width / 2, 0.15, high), (min(width * 0.4, 9), 0.3, 1.6))
    _hall_extras(rng, shape, style, width, depth, high, skin=kind != 2)


def _hall_extras(
    rng: np.random.Generator, shape: Shape, style: Style, width: float, depth: float, high: float,
    skin: bool,
) -> None:  # fmt: skip
    if skin and rng.random() < 0.6:  # ribs of sheet metal, or columns
        step, deep = (
            (rng.uniform(0.35, 0.8), 0.06) if rng.random() < 0.6 else (rng.uniform(4, 7), 0.35)
        )
        x = np.arange(0, width + 0.1, max(step, width / 80))
        low = 4.6 if deep < 0.1 else -0.5
        if high - low > 0.6:
            boxes(
                shape,
                style.wall,
                grid(x, [deep / 2], [(low + high) / 2]),
                (min(step * 0.4, 0.5), deep, high - low),
            )
        y = np.arange(-depth, 0, max(step, depth / 40))
        boxes(
            shape,
            style.wall,
            grid([-deep / 2, width + deep / 2], y, [high / 2]),
            (deep, min(step * 0.4, 0.5), high),
        )
    kind = ("flat", "gable", "cross", "barrel", "saw", "mono")[rng.integers(6)]
    rise = {"saw": 2.0, "cross": width * 0.1, "mono": depth * 0.06}.get(kind, depth * 0.12)
    roof(rng, shape, kind, (width, depth), high, rise, style.wall)
    if rng.random() < 0.3:  # pipes and a fan on the wall
        place = rng.uniform(0.1, 0.9) * width
        shape.tube(
            "metal", (place, 0.3, 0.5), (place, 0.3, high + 1.5), rng.uniform(0.1, 0.3), sides=7
        )
        shape.box("metal", (place, 0.5, 1.0), (1.2, 0.9, 1.6))
    if rng.random() < 0.25 and width > 18:  # offices before one end
        wide, deep = rng.uniform(5, 9), rng.uniform(2, 5)
        shape.box("plaster", (wide / 2, deep / 2, 1.3), (wide, deep, 3.6))
        boxes(
            shape,
            "glass",
            grid(np.arange(1, wide - 0.5, 1.8), [deep + 0.02], [1.7]),
            (1.2, 0.06, 1.2),
        )
    if rng.random() < 0.15:
        place = rng.uniform(0.1, 0.9) * width
        shape.tube(
            "brick",
            (place, -depth * 0.6, 0),
            (place, -depth * 0.6, high + rng.uniform(4, 12)),
            0.9,
            0.6,
            sides=10,
        )


def _container_offices(rng: np.random.Generator, shape: Shape, width: float) -> None:
    """Cabins of steel beside and above each other, with an outer stair."""
    levels, long = int(rng.integers(1, 4)), 2.45
    count = max(int(min(width, 20) / long), 2)
    for level in range(levels):
        x = (np.arange(count) + 0.5) * long
        boxes(shape, "paint", grid(x, [-3.0], [2.7 * level + 1.4]), (long - 0.08, 6.0, 2.6))
        boxes(shape, "glass", grid(x[1:], [0.02], [2.7 * level + 1.6]), (1.2, 0.08, 1.0))
        shape.box("dark metal", (x[0], 0.02, 2.7 * level + 1.2), (0.9, 0.08, 2.0))
        if level:
            shape.box(
                "metal", (count * long / 2, 0.6, 2.7 * level + 0.08), (count * long, 1.2, 0.08)
            )
            rails = grid([0.0], [1.2], 2.7 * level + np.array([0.5, 1.0]))
            tubes(shape, "metal", rails, rails + [count * long, 0, 0], 0.025)
            steps = np.linspace(0, 1, 12)[:, None]
            at = steps * [-3.0, 0, -2.7] + [0, 0.6, 2.7 * level]
            boxes(shape, "metal", at, (0.28, 1.0, 0.05))


def barn(rng: np.random.Generator, shape: Shape, width: float) -> None:
    """A farm building: a high door or open front, a steep or low roof, a lean-to."""
    depth, high = rng.uniform(8, 20), rng.uniform(2.8, 5.0)
    wall = ("wood", "wood", "metal", "brick", "stone")[rng.integers(5)]
    style = Style(wall, 4.0, 0.4, 0.3, 0.8, 0.1, "glass")
    rise = rng.uniform(0.25, 0.7) * min(width, depth) / 2 + 0.5
    if rng.random() < 0.3:  # open to the front: posts, stock within
        posts = grid(
            np.linspace(0.2, width - 0.2, max(int(width / 4.5), 2)), [-0.2, -depth / 2], [-0.5]
        )
        tubes(shape, "wood", posts, posts * [1, 1, 0] + [0, 0, high], 0.14, sides=6)
        _shell(shape, wall, width, depth, high, front=False)
        boxes(shape, "blade", [(width * 0.3, -depth + 2, 1.2), (width * 0.7, -depth + 1.5, 0.8)],
              [(width * 0.4, 3.0, 2.4), (width * 0.3, 2.0, 1.6)])  # fmt: skip
    else:
        _shell(shape, wall, width, depth, high, front=False)
        door, x = rng.uniform(2.4, 4.2), rng.uniform(0.3, 0.7) * width
        gap = door * rng.choice([0.5, 0.5, 0.9])
        holes = np.array([[x - gap, x + gap, -0.05, min(high - 0.2, rng.uniform(2.5, 4))]])
        wide_open = rng.random() < 0.3
        holes[:, 0] = np.maximum(holes[:, 0], 0.2)
        holes[:, 1] = np.minimum(holes[:, 1], width - 0.2)
        pierced(
            shape,
            style,
            holes,
            width,
            -1.0,
            high,
            "dark plastic" if wide_open else "wood",
            5.0 if wide_open else 0.12,
        )
        if wall == "wood":
            laths = np.arange(0.15, width, max(0.3, width / 60))
            laths = laths[(laths < holes[0, 0]) | (laths > holes[0, 1])]
            boxes(shape, "wood", grid(laths, [0.02], [high / 2]), (0.08, 0.04, high))
    kind = ("cross", "gable", "barrel", "gable")[rng.integers(4)]
    roof(rng, shape, kind, (width, depth), high, rise, wall)
    if rng.random() < 0.35:  # a lean-to
        shape.box(
            "roof", (width + 1.6, -depth / 2, high * 0.75), (3.6, depth * 0.8, 0.12), pitch=0.25
        )
        posts = grid([width + 3.1], np.linspace(-depth * 0.15, -depth * 0.85, 4), [-0.5])
        tubes(shape, "wood", posts, posts * [1, 1, 0] + [0, 0, high * 0.65], 0.1, sides=5)


def shed(rng: np.random.Generator, shape: Shape, width: float) -> None:
    """A garden shed, a greenhouse, a garage, a hut."""
    depth, high = rng.uniform(1.8, 4.5), rng.uniform(1.9, 2.5)
    rise = rng.uniform(0.3, 1.0)
    if rng.random() < 0.2:  # a greenhouse
        _shell(shape, "pane", width, depth, high)
        ribs = grid(np.linspace(0, width, max(int(width / 0.8), 2)), [0.0, -depth], [high / 2])
        boxes(shape, "metal", ribs, (0.05, 0.05, high))
        boxes(shape, "metal", grid([width / 2], [0.0, -depth], [0.1, high]), (width, 0.06, 0.06))
        slope = ribs * [1, 1, 0] + [0, 0, high]
        tubes(shape, "metal", slope, slope * [1, 0, 1] + [0, -depth / 2, rise], 0.025)
        edge, ridge = np.array([[0, 0, high], [width, 0, high]]), [0, -depth / 2, rise]
        panes = [[*(edge + [0, y, 0]), *((edge + ridge)[::-1])] for y in (0.0, -depth)]
        shape.quads("pane", np.array(panes))
        return
    wall = ("wood", "wood", "metal", "plaster", "brick", "concrete")[rng.integers(6)]
    _shell(shape, wall, width, depth, high, front=False)
    style = Style(wall, 3.0, 0.4, 0.3, 0.8, 0.08, "glass")
    door = min(rng.choice([0.8, 1.5, 2.3]), width * 0.7)
    x = rng.uniform(0.15, max(width - door - 0.15, 0.16))
    holes = [[x, x + door, -0.05, high - 0.2]]
    if width - x - door > 1.2:
        holes.append([x + door + 0.3, x + door + 1.0, 1.0, 1.6])
    pierced(shape, style, np.array(holes), width, -1.0, high, "wood" if wall != "wood" else "metal")
    if wall == "wood":
        boxes(
            shape,
            "wood",
            grid([width / 2], [-depth - 0.02], np.arange(0.1, high, 0.2)),
            (width, 0.04, 0.06),
        )
    roof(
        rng,
        shape,
        ("gable", "cross", "mono", "flat")[rng.integers(4)],
        (width, depth),
        high,
        rise,
        wall,
    )
