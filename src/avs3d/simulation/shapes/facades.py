"""Parts of buildings: walls with openings set back in them, roofs, balconies, porches."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from avs3d.simulation.shapes.mesh import Shape
from avs3d.simulation.shapes.parts import boxes, grid, tubes

Some = float | np.ndarray
WALLS = ("plaster", "brick", "concrete", "paint", "stone", "wood")
_FILLS = ("glass", "glass", "glass", "pane", "pane", "cloth", "plastic")


@dataclass(frozen=True)
class Style:
    """How the walls of one building look.

    Attributes:
        wall: material.
        bay: metres between the middles of two windows; share: of that, how much is window.
        sill, lintel: heights of the windows' edges as shares of the storey.
        recess: depth of the windows in the wall, metres.
        fill: what is in the windows.
    """

    wall: str
    bay: float
    share: float
    sill: float
    lintel: float
    recess: float
    fill: str


def draw_style(rng: np.random.Generator, walls: np.ndarray) -> Style:
    """walls: how often each of `WALLS` is drawn."""
    tall = rng.random() < 0.2  # down to the floor
    return Style(
        WALLS[rng.choice(6, p=walls)],
        rng.uniform(1.6, 4.5),
        rng.uniform(0.25, 0.8),
        rng.uniform(0.02, 0.1) if tall else rng.uniform(0.22, 0.4),
        rng.uniform(0.78, 0.92),
        rng.uniform(0.05, 0.4) if rng.random() < 0.85 else rng.uniform(0.6, 1.4),
        _FILLS[rng.integers(len(_FILLS))],
    )


def rectangle(x0: Some, x1: Some, z0: Some, z1: Some, y: float) -> np.ndarray:
    """(n, 4, 3) upright rectangles in the plane y."""
    a, b, low, high = np.broadcast_arrays(*np.atleast_1d(x0, x1, z0, z1))
    flat = np.full(len(a), y)
    corners = [[a, flat, low], [b, flat, low], [b, flat, high], [a, flat, high]]
    return np.array(corners, float).transpose(2, 0, 1)


def pierced(
    shape: Shape, style: Style, holes: np.ndarray, width: float, z0: float, z1: float,
    fill: str = "", recess: float | None = None,
) -> None:  # fmt: skip
    """A wall in y = 0, x from 0 to width, with holes (n, 4) of x0, x1, z0, z1, in order of x."""
    deep = style.recess if recess is None else recess
    if not len(holes):
        shape.quads(style.wall, rectangle(0, width, z0, z1, 0.0))
        return
    a, b, low, high = holes.T
    solid = [
        rectangle(np.r_[0.0, b], np.r_[a, width], z0, z1, 0.0),
        rectangle(a, b, z0, low, 0.0),
        rectangle(a, b, high, z1, 0.0),
    ]
    for x in (a, b):
        side = rectangle(x, x, low, high, 0.0)
        side[:, 1:3, 1] = -deep
        side[:, 1, 2], side[:, 2, 2] = low, high
        solid.append(side)
    for z in (low, high):
        ledge = rectangle(a, b, z, z, 0.0)
        ledge[:, 2:, 1] = -deep
        solid.append(ledge)
    shape.quads(style.wall, np.concatenate(solid))
    shape.quads(fill or style.fill, rectangle(a, b, low, high, -deep))


def bays(style: Style, width: float, z: float, storey: float, scale: float = 1.0) -> np.ndarray:
    """(n, 4) a row of equal windows on a floor at z."""
    count = max(int(width / (style.bay * scale)), 1)
    step = width / count
    centres = (np.arange(count) + 0.5) * step
    half = 0.5 * style.share * min(step, style.bay * 1.3)
    low, high = z + style.sill * storey, z + style.lintel * storey
    return np.stack([centres - half, centres + half, 0 * centres + low, 0 * centres + high], 1)


def volume(
    shape: Shape,
    style: Style,
    floors: list[float],
    size: tuple[float, float],
    at: tuple[float, float] = (0.0, 0.0),
    windows: tuple[bool, bool] = (True, False),
) -> None:
    """A block from x, y = at to the back (-y): front with windows, sides with or without.

    Args:
        floors: heights of all floors, and of the top.
        size: width and depth; windows: in the front, in the sides.
    """
    width, depth = size
    first = shape.parts
    z0, top = floors[0] - 1.0, floors[-1]
    faces = [(width, 0.0, 0.0, 0.0, windows[0], 1.0)]
    for x, y, yaw in ((width, 0.0, -np.pi / 2), (0.0, -depth, np.pi / 2)):
        faces.append((depth, x, y, yaw, windows[1], 1.4))
    for long, x, y, yaw, open_, scale in faces:
        begin = shape.parts
        if open_:
            for low, high in zip(floors[:-1], floors[1:], strict=True):
                holes = bays(style, long, low, high - low, scale)
                pierced(shape, style, holes, long, z0 if low == floors[0] else low, high)
        else:
            pierced(shape, style, np.zeros((0, 4)), long, z0, top)
        shape.move((x, y, 0), yaw, begin)
    back = rectangle(0, width, z0, top, -depth)
    lid = np.array([[[0, 0, top], [width, 0, top], [width, -depth, top], [0, -depth, top]]])
    shape.quads(style.wall, np.concatenate([back, lid]))
    shape.move((*at, 0), 0.0, first)


def roof(
    rng: np.random.Generator, shape: Shape, kind: str, size: tuple[float, float], z: float,
    rise: float, wall: str, at: tuple[float, float] = (0.0, 0.0),
) -> None:  # fmt: skip
    """On a block as in `volume`: "gable" (ridge along x), "cross" (along y), "hip", "mono",
    "barrel", "mansard", "saw", "flat" (with a parapet, things on it)."""
    width, depth = size
    first = shape.parts
    over = rng.uniform(0.1, 0.7) if kind not in ("flat", "mansard", "saw") else 0.0
    x0, x1, y0, y1 = -over, width + over, over, -depth - over
    mx, my = width / 2, -depth / 2
    if kind == "flat":
        _flat(rng, shape, size, z, wall)
    elif kind in ("gable", "cross", "barrel", "mono", "saw"):
        along_y = kind == "cross"
        span = (x0, x1) if along_y else (y0, y1)
        ends = (y0, y1) if along_y else (x0, x1)
        n = 9 if kind == "barrel" else (13 if kind == "saw" else 3)
        share = np.linspace(0, 1, n)
        lift: np.ndarray = rise * (1 - np.abs(2 * share - 1))
        if kind == "barrel":
            lift = rise * np.sin(np.pi * share)
        elif kind == "mono":
            lift = rise * (1 - share)
        elif kind == "saw":
            span, ends = (x0, x1), (y0, y1)
            along_y, lift = True, rise * (np.arange(n) % 2)
        a = span[0] + share * (span[1] - span[0])
        _ridged(shape, a, z + lift, ends, along_y, wall, over)
    else:  # hip and mansard
        inner = min(width, depth) / 2 if kind == "hip" else min(rise * 0.35, 2.0)
        ring = np.array([[x0, y0, z], [x1, y0, z], [x1, y1, z], [x0, y1, z]])
        if kind == "hip":
            long = max(width - depth, 0.0) / 2, max(depth - width, 0.0) / 2
            top = np.array([[mx + i * long[0], my + j * long[1], z + rise]
                            for i, j in ((-1, 1), (1, 1), (1, -1), (-1, -1))])  # fmt: skip
        else:
            top = ring + np.array(
                [
                    [inner, -inner, rise],
                    [-inner, -inner, rise],
                    [-inner, inner, rise],
                    [inner, inner, rise],
                ]
            )
        after = np.roll(ring, -1, 0), np.roll(top, -1, 0)
        shape.quads("roof", np.stack([ring, after[0], after[1], top], 1))
        shape.quads("roof", top[None])
    shape.move((*at, 0), 0.0, first)


def _ridged(
    shape: Shape, a: np.ndarray, z: np.ndarray, ends: tuple[float, float], along_y: bool, wall: str,
    over: float,
) -> None:  # fmt: skip
    """A roof whose section (a, z) runs between ends; its gables stand in the walls."""
    b0, b1 = np.full(len(a), ends[0]), np.full(len(a), ends[1])
    one = np.stack([a, b0, z] if along_y else [b0, a, z], 1)
    two = np.stack([a, b1, z] if along_y else [b1, a, z], 1)
    shape.quads("roof", np.stack([one[:-1], one[1:], two[1:], two[:-1]], 1))
    foot = z.min()
    inward = over * np.sign(ends[1] - ends[0])
    for line, shift in ((one, inward), (two, -inward)):
        gable = line + ([0, shift, 0] if along_y else [shift, 0, 0])
        low = gable * [1, 1, 0] + [0, 0, foot]
        shape.quads(wall, np.stack([gable[:-1], gable[1:], low[1:], low[:-1]], 1))


def _flat(
    rng: np.random.Generator, shape: Shape, size: tuple[float, float], z: float, wall: str
) -> None:
    width, depth = size
    high, thick = rng.uniform(0.2, 1.0), rng.uniform(0.2, 0.5)
    out = rng.choice([0.0, 0.0, rng.uniform(0.1, 0.7)])  # a cornice
    boxes(
        shape,
        wall,
        [
            (width / 2, -thick / 2 + out / 2, z + high / 2),
            (0, -depth / 2, z + high / 2),
            (width, -depth / 2, z + high / 2),
        ],
        [(width + 2 * out, thick + out, high), (thick, depth, high), (thick, depth, high)],
    )
    n = int(rng.integers(0, 5)) if width > 6 else 0
    spots = np.stack(
        [
            rng.uniform(0.15, 0.85, n) * width,
            -rng.uniform(0.3, 0.9, n) * depth,
            np.full(n, z + 0.7),
        ],
        1,
    )
    boxes(shape, "metal", spots, rng.uniform((0.6, 0.6, 1.0), (2.5, 2.5, 2.2), (n, 3)))
    if rng.random() < 0.25 and width > 6:  # a set-back storey
        shape.box(wall, (width / 2, -depth / 2 - 1, z + 1.4), (width * 0.7, depth * 0.6, 2.8))
        shape.box(
            "glass", (width / 2, -depth / 2 - 1, z + 1.6), (width * 0.6, depth * 0.6 + 0.1, 1.6)
        )
        shape.box(
            "roof", (width / 2, -depth / 2 - 0.6, z + 2.85), (width * 0.76, depth * 0.66, 0.15)
        )


def dormers(
    rng: np.random.Generator,
    shape: Shape,
    wall: str,
    width: float,
    depth: float,
    z: float,
    rise: float,
) -> None:
    """Small houses in the front slope of a gable or hip roof."""
    n = max(int(width / rng.uniform(3, 5)), 1)
    wide, share = rng.uniform(0.6, 1.0), rng.uniform(0.2, 0.45)
    base = z + rise * share
    y = -share * depth / 2
    for x in (np.arange(n) + 0.5) * width / n:
        shape.box(wall, (x, y - 1.0, base + 0.6), (2 * wide, 2.0, 1.5))
        shape.box("glass", (x, y + 0.02, base + 0.7), (1.4 * wide, 0.06, 0.9))
        first = shape.parts
        shape.prism("roof", [(-wide - 0.2, 1.3), (0, 1.9), (wide + 0.2, 1.3)], 1.2)
        shape.move((x, y - 1.0, base), 0.0, first)


def balconies(
    rng: np.random.Generator, shape: Shape, spots: np.ndarray, wide: float, deep: float
) -> None:
    """Slabs with rails, boards or glass before places (n, 3) on the front."""
    shape_of = rng.integers(4)
    boxes(shape, "concrete", spots + [0, deep / 2, 0.0], (wide, deep, rng.uniform(0.12, 0.25)))
    front, sides = (
        spots + [0, deep, 0.55],
        np.concatenate([spots + [s * wide / 2, deep / 2, 0.55] for s in (-1, 1)]),
    )
    if shape_of == 0:  # bars
        boxes(shape, "metal", np.concatenate([front + [0, 0, 0.48]]), (wide, 0.05, 0.05))
        boxes(shape, "metal", sides + [0, 0, 0.48], (0.05, deep, 0.05))
        x = np.linspace(-wide / 2, wide / 2, 12)
        bars = (front[:, None] + np.stack([x, 0 * x, 0 * x], 1)).reshape(-1, 3)
        boxes(shape, "metal", bars, (0.03, 0.03, 0.95))
    else:
        material = ("plaster", "glass", "metal")[shape_of - 1]
        boxes(shape, material, front, (wide, 0.06, 0.95))
        boxes(shape, material, sides, (0.06, deep, 0.95))


def porch(rng: np.random.Generator, shape: Shape, x: float, base: float, high: float) -> None:
    """Steps to a door with a roof on posts above them."""
    wide, deep = rng.uniform(0.9, 2.2), rng.uniform(0.9, 2.2)
    steps = max(int(base / 0.17), 1)
    for k in range(steps):
        z = base * (1 - k / steps)
        shape.box("concrete", (x, deep / 2 + 0.3 * k, z / 2 - 0.2), (2 * wide + 0.2, deep, z + 0.4))
    posts = grid([x - wide, x + wide], [deep - 0.1], [0.0])
    if rng.random() < 0.7:
        tubes(shape, "wood", posts, posts + [0, 0, high], rng.uniform(0.05, 0.14), sides=6)
    if rng.random() < 0.5:
        shape.box("roof", (x, deep / 2, high + 0.1), (2 * wide + 0.5, deep + 0.4, 0.15), roll=-0.12)
    else:
        first = shape.parts
        shape.prism("roof", [(-wide - 0.3, 0), (0, 0.8), (wide + 0.3, 0)], deep / 2 + 0.2)
        shape.move((x, deep / 2, high), 0.0, first)
