"""Boards: traffic signs, gantries, billboards. They look to +x; their backs are bare metal."""

from __future__ import annotations

import numpy as np

from avs3d.simulation.shapes.mesh import Maker, Shape, Template
from avs3d.simulation.shapes.parts import boxes, grid, sheet, tubes, turned


def _round(n: int, turn: float = 0.0) -> np.ndarray:
    angle = turn + 2 * np.pi * np.arange(n) / n
    return np.stack([np.sin(angle), np.cos(angle)], 1) * 0.5


# Outlines of a size of 1 in y, z.
_OUTLINES = {
    "disc": _round(14),
    "triangle": np.array([[-0.5, -0.42], [0.5, -0.42], [0.0, 0.45]]),
    "yield": np.array([[-0.5, 0.42], [0.0, -0.45], [0.5, 0.42]]),
    "octagon": _round(8, np.pi / 8),
    "diamond": _round(4),
    "square": np.array([[-0.45, -0.45], [0.45, -0.45], [0.45, 0.45], [-0.45, 0.45]]),
    "tall": np.array([[-0.33, -0.5], [0.33, -0.5], [0.33, 0.5], [-0.33, 0.5]]),
    "wide": np.array([[-0.6, -0.2], [0.6, -0.2], [0.6, 0.2], [-0.6, 0.2]]),
    "pentagon": np.array([[-0.4, -0.5], [0.4, -0.5], [0.4, 0.1], [0.0, 0.5], [-0.4, 0.1]]),
    "arrow": np.array([[-0.7, -0.16], [0.5, -0.16], [0.75, 0.0], [0.5, 0.16], [-0.7, 0.16]]),
}  # fmt: skip
_USUAL = ("disc", "disc", "disc", "triangle", "triangle", "yield", "octagon", "diamond", "square",
          "square", "tall", "tall", "wide", "pentagon", "arrow")  # fmt: skip


def board(
    rng: np.random.Generator,
    shape: Shape,
    z: float,
    size: float,
    outline: str = "",
    x: float = 0.08,
) -> float:
    """One board, its centre at height z, faces to +x and -x; returns half its height."""
    corners = _OUTLINES[outline or _USUAL[rng.integers(len(_USUAL))]] * size
    sheet(shape, "retro", (x, 0, z), corners)
    sheet(shape, "metal", (x - 0.015, 0, z), corners)
    rim = np.stack([0 * corners[:, 0] + x, corners[:, 0], corners[:, 1] + z], 1)
    back = rim - [0.015, 0, 0]
    shape.quads("metal", np.stack([rim, np.roll(rim, 1, 0), np.roll(back, 1, 0), back], 1))
    if rng.random() < 0.12:  # the same to the other side
        sheet(shape, "retro", (-x, 0, z), corners)
    return float(np.abs(corners[:, 1]).max())


def _direction_board(rng: np.random.Generator, shape: Shape) -> None:
    """A large board on two or three posts."""
    wide, high, low = rng.uniform(1.2, 4.5), rng.uniform(0.8, 2.6), rng.uniform(0.6, 2.4)
    y = np.linspace(-0.36, 0.36, 2 if wide < 3.5 else 3) * wide
    feet = grid([0.0], y, [-0.2])
    tubes(shape, "metal", feet, feet + [0, 0, low + high + 0.2], rng.uniform(0.04, 0.08), sides=6)
    shape.category = "traffic sign"
    z = low
    while z < low + high - 0.2:
        tall = min(rng.choice([high, 0.45, 0.6]), low + high - z)
        shape.box("retro", (0.1, 0, z + tall / 2), (0.02, wide, tall - 0.03))
        shape.box("metal", (0.085, 0, z + tall / 2), (0.012, wide, tall - 0.03))
        z += tall


def _street_names(rng: np.random.Generator, shape: Shape) -> None:
    """Name plates or pointers on top of a post, in two directions."""
    high = rng.uniform(2.2, 3.2)
    shape.tube("metal", (0, 0, -0.2), (0, 0, high), 0.035)
    shape.category = "traffic sign"
    centred = rng.random() < 0.5
    for k in range(int(rng.integers(1, 5))):
        long, first = rng.uniform(0.6, 1.1), shape.parts
        shape.box(
            "retro", (0, 0 if centred else long / 2, 0), (0.03, long, rng.uniform(0.14, 0.24))
        )
        turn = k * np.pi / 2 if k < 2 else rng.uniform(0, 6.28)
        shape.move((0, 0, high - 0.1 - 0.23 * k), turn, first)


def traffic_sign(rng: np.random.Generator) -> Template:
    """Boards on a post; a direction board; street names; a low arrow; a bent post."""
    shape = Shape("pole")
    kind = rng.choice(5, p=[0.62, 0.14, 0.09, 0.08, 0.07])
    if kind == 1:
        _direction_board(rng, shape)
        return shape.finish()
    if kind == 2:
        _street_names(rng, shape)
        return shape.finish()
    if kind == 3:  # a low arrow, marker post or sign on a foot
        foot = rng.random() < 0.5
        high = rng.uniform(0.8, 1.5)
        if foot:
            shape.box("dark plastic", (0, 0, 0.06), (0.8, 0.4, 0.12))
        shape.tube("metal", (0, 0, 0), (0, 0, high), 0.03)
        shape.category = "traffic sign"
        name = ("tall", "arrow", "disc", "triangle")[rng.integers(4)]
        board(rng, shape, high - 0.1, rng.uniform(0.5, 0.9), name)
        return shape.finish()
    low, count = rng.uniform(1.6, 2.6), int(rng.choice([1, 1, 1, 2, 2, 3]))
    post = rng.uniform(0.022, 0.05)
    z, size = low, rng.uniform(0.45, 0.95)
    shape.category = "traffic sign"
    for k in range(count):
        name = ("wide", "square", "")[rng.integers(3)] if k < count - 1 else ""
        tall = board(rng, shape, z + size * 0.5, size if k == count - 1 else size * 0.8, name,
                     x=post + 0.03)  # fmt: skip
        z += 2 * tall + 0.06
    shape.category = "pole"
    material = "wood" if rng.random() < 0.08 else "metal"
    if kind == 4:  # beside or over the way on an arm
        out = rng.uniform(0.4, 2.5)
        shape.move((0, out, 0))
        shape.tube(material, (0, 0, z), (0, out + 0.3, z), post, sides=5)
        shape.tube(material, (0, 0, low), (0, out, low + 0.3), post * 0.7, sides=5)
    shape.tube(material, (0, 0, -0.2), (0, 0, z + 0.02), post, sides=6)
    return shape.finish()


def gantry(rng: np.random.Generator) -> Template:
    """Sign boards over the whole road; looks to +x."""
    shape = Shape("pole")
    half, high = rng.uniform(7, 12), rng.uniform(5.5, 7)
    truss = rng.random() < 0.5
    sides = (-1, 1) if rng.random() < 0.75 else (1,)  # some reach in from one side
    for side in sides:
        shape.tube("metal", (0, side * half, -0.3), (0, side * half, high + 1), 0.18, sides=8)
    end = -half if len(sides) == 2 else 0.0
    for z in (high, high + 1):
        for x in (-0.3, 0.3) if truss else (0.0,):
            shape.tube("metal", (x, end, z), (x, half, z), 0.07, sides=5)
    if truss:
        y = np.arange(end, half - 0.9, 1.0)
        low = np.stack([0 * y, y, 0 * y + high], 1)
        tubes(shape, "metal", low, low + [0, 1.0, 1.0], 0.04)
    shape.category = "traffic sign"
    for at in np.arange(end + 2, half - 1, rng.uniform(3.5, 6)):
        wide, tall = rng.uniform(1.0, 3.4), rng.uniform(1.0, 2.6)
        shape.box("retro", (0.42, at, high + 0.3), (0.04, wide, tall))
        shape.box("metal", (0.38, at, high + 0.3), (0.03, wide, tall))
    return shape.finish()


def billboard(rng: np.random.Generator) -> Template:
    """Looks to +x: a city light, a board on legs or one post, a column, an A-board, a banner."""
    shape = Shape("billboard")
    kind = rng.choice(7, p=[0.24, 0.24, 0.12, 0.14, 0.1, 0.08, 0.08])
    if kind == 3:  # an advertising column
        high, r = rng.uniform(2.4, 3.4), rng.uniform(0.5, 0.8)
        turned(
            shape,
            "plastic",
            [
                (r + 0.05, 0),
                (r + 0.05, 0.3),
                (r, 0.3),
                (r, high),
                (r + 0.12, high),
                (r + 0.1, high + 0.15),
                (0.1, high + rng.uniform(0.2, 0.7)),
            ],
            sides=14,
        )
    elif kind == 4:  # an A-board on the sidewalk
        high, wide = rng.uniform(0.8, 1.2), rng.uniform(0.5, 0.8)
        for side in (-1, 1):
            shape.box("plastic", (side * 0.18, 0, high / 2), (0.04, wide, high), pitch=-0.3 * side)
    elif kind == 5:  # a notice board with a small roof, or an information panel
        wide, high = rng.uniform(0.9, 2.0), rng.uniform(1.7, 2.3)
        boxes(shape, "wood", [(0, -wide / 2, high / 2), (0, wide / 2, high / 2)], (0.1, 0.1, high))
        shape.box("wood", (0, 0, high * 0.68), (0.06, wide, high * 0.5))
        shape.prism(
            "wood", [(-0.3, high - 0.05), (0, high + 0.2), (0.3, high - 0.05)], wide / 2 + 0.15
        )
    elif kind == 6:  # a banner between posts, or beach flags
        if rng.random() < 0.5:
            wide, high = rng.uniform(2, 4), rng.uniform(1.2, 3)
            boxes(
                shape,
                "metal",
                [(0, -wide / 2, high / 2), (0, wide / 2, high / 2)],
                (0.06, 0.06, high),
            )
            shape.box("cloth", (0, 0, high * 0.65), (0.01, wide, high * 0.65))
        else:
            for k in range(int(rng.integers(1, 4))):
                at = np.array([0, 1.2 * k, 0])
                high = rng.uniform(2.2, 4)
                shape.tube("metal", at, at + [0, 0, high], 0.02, sides=4)
                sheet(
                    shape,
                    "cloth",
                    at,
                    [(0, 0.5), (0.5, 0.7), (0.6, high * 0.8), (0.3, high), (0, high)],
                )
    else:
        _large_board(rng, shape, int(kind))
    return shape.finish()


def _large_board(rng: np.random.Generator, shape: Shape, kind: int) -> None:
    """Kind 0: the size of a door, 1: of a wall on legs, 2: on one high post."""
    wide = rng.uniform(1.1, 1.5) if kind == 0 else rng.uniform(2.6, 7)
    high = rng.uniform(1.6, 2.0) if kind == 0 else rng.uniform(1.8, 3.2)
    low = (rng.uniform(0.1, 0.9), rng.uniform(0.5, 3.0), rng.uniform(3.5, 6))[kind]
    deep = rng.uniform(0.08, 0.3)
    y = (0.0,) if kind != 1 else np.linspace(-0.38, 0.38, int(rng.integers(2, 5))) * wide
    thick = 0.5 if kind == 2 else 0.15
    boxes(shape, "dark metal", grid([-0.08], y, [(low + 0.4) / 2 - 0.1]), (thick, thick, low + 0.6))
    if kind == 0 and rng.random() < 0.5:  # on two side posts instead of a foot
        boxes(
            shape,
            "metal",
            grid([0.0], [-wide / 2, wide / 2], [(low + high) / 2]),
            (0.12, 0.1, low + high),
        )
    shape.box("plastic", (0, 0, low + high / 2), (deep, wide, high))
    z = np.array([low, low + high])
    boxes(shape, "dark metal", grid([0.0], [0.0], z), (deep + 0.08, wide + 0.1, 0.1))
    boxes(
        shape,
        "dark metal",
        grid([0.0], np.array([-0.5, 0.5]) * wide, [low + high / 2]),
        (deep + 0.08, 0.1, high),
    )
    if kind == 1 and rng.random() < 0.5:  # struts behind
        feet = grid([-1.2], y, [0.0])
        tubes(shape, "dark metal", feet, feet * [0, 1, 0] + [-0.1, 0, low + high * 0.7], 0.05)


def framed_sign(rng: np.random.Generator) -> Template:
    """A sign in a frame of bent tube, or hung between two slim posts, shield-shaped or round."""
    shape = Shape("pole")
    half, low = rng.uniform(0.3, 0.5), rng.uniform(1.4, 2.2)
    high = low + 2.2 * half
    feet = grid([0.0], [-half, half], [-0.2])
    tubes(shape, "metal", feet, feet * [1, 1, 0] + [0, 0, high], 0.03, sides=6)
    shape.tube("metal", (0, -half, high), (0, half, high), 0.03)
    shape.category = "traffic sign"
    middle = low + 1.1 * half
    if rng.random() < 0.5:
        outline = np.array([[-0.9, 0.9], [-0.9, 0.0], [0, -1.0], [0.9, 0.0], [0.9, 0.9]]) * half
    else:
        angle = np.linspace(0, 2 * np.pi, 17)[:-1]
        outline = np.stack([np.sin(angle), np.cos(angle)], 1) * 0.9 * half
    sheet(shape, "retro", (0.02, 0, middle), outline)
    sheet(shape, "plastic", (-0.02, 0, middle), outline)
    if rng.random() < 0.5:
        shape.box("retro", (0.02, 0, low - 0.15), (0.03, 1.8 * half, 0.3))
    return shape.finish()


SHAPES: dict[str, tuple[Maker, int]] = {
    "traffic sign": (traffic_sign, 9),
    "gantry": (gantry, 1),
    "billboard": (billboard, 3),
}
HELD_OUT: dict[str, tuple[Maker, int]] = {"traffic sign": (framed_sign, 3)}
