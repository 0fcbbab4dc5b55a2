"""Buildings: fronts on y = 0 looking to +y, centred in x, the house behind at y < 0."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from avs3d.simulation.shapes import halls
from avs3d.simulation.shapes.facades import (
    Style,
    balconies,
    dormers,
    draw_style,
    pierced,
    porch,
    roof,
    volume,
)
from avs3d.simulation.shapes.mesh import Maker, Shape, Template
from avs3d.simulation.shapes.parts import boxes, grid, tubes

_CITY = np.array([0.4, 0.22, 0.16, 0.1, 0.1, 0.02])
_GARDEN = np.array([0.45, 0.25, 0.03, 0.05, 0.07, 0.15])


def building(rng: np.random.Generator, width: float, kind: str) -> Template:
    """A house whose front stands on y = 0 looking to +y, from x = -width / 2 to width / 2.

    Args:
        width: length of the front, metres.
        kind: "block" (city), "house" (garden), "hall" (industry, shops), "tower" (30 to 60 m),
            "barn", "shed".
    """
    shape = Shape("building")
    if kind in ("block", "house", "tower") and rng.random() < 0.03:
        _frame(rng, shape, width, int(rng.integers(2, 4 if kind == "house" else 7)))
    else:
        _KINDS[kind](rng, shape, width)
    shape.move((-width / 2, 0, 0))
    return shape.finish()


def _block(rng: np.random.Generator, shape: Shape, width: float) -> None:
    """A city house: one or several parts beside each other, shops or arcade below."""
    style = draw_style(rng, _CITY)
    storey, count, depth = rng.uniform(2.8, 3.7), int(rng.integers(2, 8)), rng.uniform(9, 16)
    base = rng.choice([0.0, rng.uniform(0.1, 0.7)])
    ground = storey * rng.uniform(1.0, 1.4)
    foot = rng.integers(5)  # 0, 1: as above, 2: shops, 3: arcade, 4: glass
    windows = bool(rng.random() < 0.45)
    floors = [base, *(base + ground + storey * np.arange(count))]
    cut = rng.uniform(0.3, 0.7) * width if width > 12 and rng.random() < 0.35 else width
    back = rng.uniform(0.5, 3.0) * rng.choice([0, 1])
    for x, wide in ((0.0, cut), (cut, width - cut)):
        if wide < 2:
            continue
        y = -back if x else 0.0
        mine = floors if not x else floors[: max(len(floors) - int(rng.integers(0, 3)), 3)]
        _ground_floor(rng, shape, style, int(foot), (wide, depth), (x, y), mine)
        volume(shape, style, mine[1:] if foot > 1 else mine, (wide, depth), (x, y), (True, windows))
        kind = ("flat", "flat", "gable", "mansard", "hip", "mono")[rng.integers(6)]
        rise = depth * rng.uniform(0.12, 0.3)
        roof(rng, shape, kind, (wide, depth), mine[-1], rise, style.wall, (x, y))
        if kind == "gable" and rng.random() < 0.4:
            first = shape.parts
            dormers(rng, shape, style.wall, wide, depth, mine[-1], rise)
            shape.move((x, y, 0), 0.0, first)
    _city_extras(rng, shape, style, cut, floors)


def _ground_floor(
    rng: np.random.Generator, shape: Shape, style: Style, foot: int, size: tuple[float, float],
    at: tuple[float, float], floors: list[float],
) -> None:  # fmt: skip
    """Shop windows, an arcade on pillars, or glass all along, below a block."""
    if foot <= 1:
        return
    (width, depth), top, first = size, floors[1], shape.parts
    behind = (rng.uniform(0.1, 0.6), rng.uniform(2.0, 3.5), rng.uniform(0.1, 0.4))[foot - 2]
    pillars = np.linspace(0.3, width - 0.3, max(int(width / rng.uniform(2.8, 5)) + 1, 2))
    a, b = pillars[:-1] + 0.25, pillars[1:] - 0.25
    holes = np.stack([a, b, 0 * a + (0.05 if foot == 4 else 0.4), 0 * a + top - 0.6], 1)
    front = shape.parts
    fill = "pane" if foot == 4 else "glass"
    pierced(shape, style, holes, width, -1.0, top, fill, 0.15)
    shape.move((0, -behind, 0), 0.0, front)
    wide = rng.uniform(0.35, 0.8)
    if foot == 3 and rng.random() < 0.4:
        feet = grid(pillars, [-0.35], [-0.5])
        tubes(shape, "stone", feet, feet * [1, 1, 0] + [0, 0, top], wide * 0.5, sides=8)
    else:
        boxes(shape, style.wall, grid(pillars, [-wide / 2], [top / 2 - 0.5]), (wide, wide, top + 1))
    lid = np.array([[0, 0, top], [width, 0, top], [width, -behind, top], [0, -behind, top]])
    shape.quads(style.wall, np.stack([lid, lid - [0, 0, 0.3]]))
    shape.quads(
        style.wall, np.array([[lid[0], lid[1], lid[1] - [0, 0, 0.5], lid[0] - [0, 0, 0.5]]])
    )
    sides = [
        [[x, -behind, -1], [x, -depth, -1], [x, -depth, top], [x, -behind, top]] for x in (0, width)
    ]
    shape.quads(style.wall, np.array(sides))
    shape.move((*at, 0), 0.0, first)


def _city_extras(
    rng: np.random.Generator, shape: Shape, style: Style, width: float, floors: list[float]
) -> None:
    """Balconies, bay windows, cornices, pilasters, awnings, signs, pipes, a door with steps."""
    upper = np.array(floors[1:-1])
    x = (np.arange(max(int(width / style.bay), 1)) + 0.5) * width / max(int(width / style.bay), 1)
    if len(upper) and rng.random() < 0.4:
        every = int(rng.integers(1, 4))
        wide = min(style.bay * rng.uniform(0.6, 1.0), 4.0)
        balconies(rng, shape, grid(x[::every], [0.0], upper), wide, rng.uniform(0.6, 1.8))
    elif len(upper) and rng.random() < 0.4:  # bay windows, one above the other
        deep, high = rng.uniform(0.4, 1.1), floors[-1] - floors[1]
        for at in x[:: int(rng.integers(2, 5))]:
            first = shape.parts
            volume(shape, style, [*floors[1:]], (min(style.bay * 0.8, 3.0), deep), (0, deep))
            shape.move((at - min(style.bay * 0.4, 1.5), 0, 1.0 * (high < 0)), 0.0, first)
    if rng.random() < 0.4:
        z = np.array(floors[1:])[-int(rng.integers(1, len(floors))) :]
        deep = rng.uniform(0.08, 0.3)
        boxes(
            shape,
            style.wall,
            grid([width / 2], [deep / 2], z),
            (width, deep, rng.uniform(0.1, 0.35)),
        )
    if rng.random() < 0.2:
        edges = np.append(x - 0.5 * width / len(x), width)
        boxes(shape, "stone", grid(edges, [0.05], [floors[-1] / 2]), (0.35, 0.25, floors[-1]))
    if rng.random() < 0.35:
        edge, n = floors[1] - rng.uniform(0.3, 0.8), int(rng.integers(1, 4))
        for at in (np.arange(n) + 0.5) * width / n:
            shape.box(
                "cloth",
                (at, 0.65, edge),
                (width / n * 0.85, 1.4, 0.05),
                roll=-rng.uniform(0.1, 0.5),
            )
    if rng.random() < 0.25:
        shape.box(
            "plastic", (rng.uniform(0.2, 0.8) * width, 0.4, floors[1] + 0.4), (0.12, 0.8, 0.7)
        )
    pipes = grid([0.15, width - 0.15], [0.09], [0.0])
    tubes(shape, "metal", pipes, pipes + [0, 0, floors[-1]], 0.05)
    if floors[0] > 0.15:
        porch(rng, shape, rng.uniform(0.2, 0.8) * width, floors[0], floors[0] + 2.4)


def _house(rng: np.random.Generator, shape: Shape, width: float) -> None:
    """A house with a garden: wings, gables, porch, bay, garage, chimney."""
    style = draw_style(rng, _GARDEN)
    storey, count, depth = (
        rng.uniform(2.5, 3.1),
        int(rng.choice([1, 1, 2, 2, 3])),
        rng.uniform(7, 12),
    )
    base = rng.uniform(0.0, 0.8)
    floors = list(base + storey * np.arange(count + 1))
    kind = ("gable", "gable", "cross", "hip", "flat", "mono")[rng.integers(6)]
    garage = width > 9 and rng.random() < 0.35
    main = width - rng.uniform(3, 4) if garage else width
    pitch = rng.uniform(0.25, 0.65)
    rise = pitch * (main if kind == "cross" else depth) / 2
    volume(shape, style, floors, (main, depth), windows=(True, bool(rng.random() < 0.6)))
    roof(rng, shape, kind, (main, depth), floors[-1], rise, style.wall)
    if kind in ("gable", "hip") and rng.random() < 0.35:
        dormers(rng, shape, style.wall, main, depth, floors[-1], rise)
    if main > 6 and rng.random() < 0.4:  # a wing or bay towards the street, its own gable
        wide, deep = rng.uniform(2.5, main * 0.5), rng.uniform(0.6, 3.5)
        low = floors[: max(len(floors) - int(rng.integers(0, 2)), 2)]
        at = (rng.choice([0.0, main - wide]), deep)
        volume(shape, style, low, (wide, deep + 0.5), at, (True, True))
        top = ("cross", "flat", "hip", "mono")[rng.integers(4)]
        roof(rng, shape, top, (wide, deep + 1.5), low[-1], pitch * wide / 2, style.wall, at)
    if garage:
        back, high = rng.uniform(-0.5, 4), rng.uniform(2.3, 3.0)
        hole = np.array([[0.4, width - main - 0.3, -0.05, 2.1]])
        first = shape.parts
        pierced(shape, style, hole, width - main, -1.0, high, "metal", 0.2)
        shape.move((main, -back, 0), 0.0, first)
        size = (width - main, 6.0)
        blind = [0.0, high]
        volume(shape, style, blind, size, (main, -back - 0.25), (False, False))
        roof(
            rng,
            shape,
            ("flat", "mono", "cross")[rng.integers(3)],
            size,
            high,
            1.0,
            style.wall,
            (main, -back),
        )
    _house_extras(rng, shape, style, main, depth, floors, rise if kind != "flat" else 0.3)


def _house_extras(
    rng: np.random.Generator, shape: Shape, style: Style, width: float, depth: float,
    floors: list[float], rise: float,
) -> None:  # fmt: skip
    x = rng.uniform(0.15, 0.85) * width
    shape.box("wood", (x, 0.0, floors[0] + 1.0), (rng.uniform(0.9, 1.3), 0.1, 2.1))
    if rng.random() < 0.55:
        porch(rng, shape, x, max(floors[0], 0.15), floors[0] + rng.uniform(2.3, 2.7))
    elif rng.random() < 0.3:  # a veranda along the whole front
        deep, high = rng.uniform(1.4, 2.5), floors[1] - 0.2
        shape.box(
            "wood", (width / 2, deep / 2, floors[0] / 2 - 0.2), (width, deep, floors[0] + 0.4)
        )
        shape.box("roof", (width / 2, deep / 2, high), (width + 0.3, deep + 0.3, 0.12), roll=-0.15)
        posts = grid(np.linspace(0.1, width - 0.1, max(int(width / 2.5), 2)), [deep - 0.1], [0.0])
        tubes(shape, "wood", posts, posts + [0, 0, high], 0.07, sides=5)
        boxes(
            shape,
            "wood",
            grid([width / 2], [deep - 0.1], [floors[0] + 0.5, floors[0] + 0.9]),
            (width, 0.06, 0.06),
        )
    if len(floors) > 2 and rng.random() < 0.25:
        spots = np.array([[rng.uniform(0.3, 0.7) * width, 0.0, floors[1]]])
        balconies(rng, shape, spots, rng.uniform(2, 4), rng.uniform(0.9, 1.8))
    for _ in range(int(rng.integers(0, 3))):
        at = (
            rng.uniform(0.1, 0.9) * width,
            -depth * rng.uniform(0.3, 0.7),
            floors[-1] + rise * 0.6 + 0.4,
        )
        shape.box("brick", at, (0.6, rng.uniform(0.5, 1.0), rise * 0.8 + 1.4))
    if rng.random() < 0.25:  # shutters
        half = 0.5 * style.share * style.bay
        count = max(int(width / style.bay), 1)
        middle = (np.arange(count) + 0.5) * width / count
        for z in floors[:-1]:
            edges = np.concatenate([middle - half - 0.22, middle + half + 0.22])
            boxes(shape, "wood", grid(edges, [0.03], [z + 1.6]), (0.42, 0.05, 1.4))
    if rng.random() < 0.15:  # a roof for a car
        posts = grid([width + 0.3, width + 2.9], [0.0, -4.5], [0.0])
        tubes(shape, "wood", posts, posts + [0, 0, 2.4], 0.07)
        shape.box("roof", (width + 1.6, -2.2, 2.5), (3.2, 5.2, 0.15))


def _tower(rng: np.random.Generator, shape: Shape, width: float) -> None:
    """30 to 60 m: a foot with an arcade, a lobby of glass or shops, and one or two shafts."""
    storey, depth = rng.uniform(3.2, 4.0), rng.uniform(14, 26)
    high, foot = rng.uniform(30, 60), rng.uniform(4.5, 9)
    material = ("pane", "glass", "concrete", "stone", "plaster")[rng.integers(5)]
    style = Style(material, rng.uniform(2.5, 6), rng.uniform(0.5, 0.85), rng.uniform(0.1, 0.4),
                  rng.uniform(0.8, 0.95), rng.uniform(0.1, 0.6),
                  "pane" if rng.random() < 0.7 else "glass")  # fmt: skip
    base = Style("stone" if material in ("pane", "glass") else material, *_rest(style))
    _ground_floor(rng, shape, base, int(rng.integers(2, 5)), (width, depth), (0, 0), [0.0, foot])
    inset = rng.choice([0.0, rng.uniform(1, 4)])
    size = (width - 2 * inset, depth - inset)
    mid = high if rng.random() < 0.6 else rng.uniform(0.4, 0.8) * high
    lid = np.array([[[0, 0, foot], [width, 0, foot], [width, -depth, foot], [0, -depth, foot]]])
    shape.quads("concrete", lid)
    for low, top, shrink in ((foot, mid, 0.0), (mid, high, rng.uniform(1, 4))):
        if top - low < 2:
            continue
        wide, deep = size[0] - 2 * shrink, size[1] - 2 * shrink
        at = (inset + shrink, -inset - shrink)
        if material in ("pane", "glass"):  # a curtain wall: only its frames answer
            _curtain(shape, material, (wide, deep), at, low, top, storey, style.bay)
        else:
            floors = list(np.linspace(low, top, max(int((top - low) / storey), 1) + 1))
            volume(
                shape,
                style,
                [low + 1.0, *floors[1:]],
                (wide, deep),
                at,
                (True, bool(rng.random() < 0.5)),
            )
    roof(rng, shape, "flat", size, high if mid == high else mid, 1.0, "concrete", (inset, -inset))
    if rng.random() < 0.5:  # a roof over the entrance
        shape.box("metal", (width / 2, 1.5, 3.8), (rng.uniform(4, 10), 3.0, 0.25))


def _rest(style: Style) -> tuple[float, float, float, float, float, str]:
    return style.bay, style.share, style.sill, style.lintel, style.recess, style.fill


def _curtain(
    shape: Shape, material: str, size: tuple[float, float], at: tuple[float, float], low: float,
    top: float, storey: float, bay: float,
) -> None:  # fmt: skip
    (wide, deep), (x, y) = size, at
    shape.box(material, (x + wide / 2, y - deep / 2, (low + top) / 2), (wide, deep, top - low))
    z = np.arange(low, top + 0.1, storey)
    boxes(shape, "metal", grid([x + wide / 2], [y - deep / 2], z), (wide + 0.12, deep + 0.12, 0.3))
    across = np.arange(x, x + wide + 0.1, bay * 0.6)
    boxes(shape, "metal", grid(across, [y + 0.03], [(low + top) / 2]), (0.07, 0.12, top - low))


def _frame(rng: np.random.Generator, shape: Shape, width: float, count: int) -> None:
    """Unfinished: slabs on columns, some walls between them, props and rods."""
    depth, storey = rng.uniform(8, 14), rng.uniform(2.8, 3.4)
    z = storey * np.arange(count + 1)
    boxes(shape, "concrete", grid([width / 2], [-depth / 2], z[1:] - 0.12), (width, depth, 0.24))
    x, y = (
        np.linspace(0.25, width - 0.25, max(int(width / 4.5), 2)),
        np.linspace(-0.3, -depth + 0.3, 3),
    )
    for low in z[:-1]:
        boxes(shape, "concrete", grid(x, y, [low + storey / 2]), (0.35, 0.35, storey))
        for a, b in zip(x[:-1], x[1:], strict=True):
            if rng.random() < 0.35:
                high = storey * rng.choice([0.35, 0.95])
                shape.box("brick", ((a + b) / 2, -0.3, low + high / 2), (b - a - 0.35, 0.24, high))
    rods = grid(x, y, [z[-1]])
    tubes(shape, "metal", rods, rods + [0.05, 0.05, 0.8], 0.03, sides=3)
    props = np.stack(
        [rng.uniform(0.5, width - 0.5, 12), rng.uniform(-depth + 1, -0.6, 12), np.full(12, z[-2])],
        1,
    )
    tubes(shape, "metal", props, props + [0, 0, storey - 0.2], 0.04)
    shape.box("concrete", (width * 0.6, -depth * 0.6, z[-1] / 2), (3.0, 3.0, z[-1]))


_KINDS: dict[str, Callable[[np.random.Generator, Shape, float], None]] = {
    "block": _block,
    "house": _house,
    "tower": _tower,
    "hall": halls.hall,
    "barn": halls.barn,
    "shed": halls.shed,
}
SHAPES: dict[str, tuple[Maker, int]] = {}
