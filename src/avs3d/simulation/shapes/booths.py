"""Kiosks, phone booths, mailboxes, parking meters: what people step up to. It looks to +x."""

from __future__ import annotations

import numpy as np

from avs3d.simulation.shapes.mesh import Maker, Shape, Template
from avs3d.simulation.shapes.parts import boxes, grid, turned


def kiosk(rng: np.random.Generator) -> Template:
    """A newspaper or snack stand; its counter looks to +x."""
    shape = Shape("kiosk")
    wall = ("wood", "plastic", "paint", "metal")[rng.integers(4)]
    if rng.random() < 0.25:  # round or eight-sided
        r, high = rng.uniform(1.0, 1.5), rng.uniform(2.2, 2.6)
        turned(shape, wall, [(r, 0), (r, 1.0)], sides=8)
        turned(shape, "glass", [(r - 0.06, 1.0), (r - 0.06, 2.0)], sides=8)
        turned(shape, wall, [(r, 1.95), (r, high)], sides=8)
        turned(
            shape,
            "roof",
            [(r + 0.35, high - 0.1), (0.35 * r, high + 0.5), (0, high + 0.9)],
            sides=8,
        )
        turned(shape, wall, [(r, 1.0), (r + 0.25, 1.0), (r + 0.25, 1.06), (r, 1.06)], sides=8)
        return shape.finish()
    deep, wide, high = rng.uniform(0.9, 1.4), rng.uniform(1.0, 2.0), rng.uniform(2.2, 2.8)
    boxes(shape, wall, [(-deep, 0, high / 2), (0, -wide, high / 2), (0, wide, high / 2)],
          [(0.08, 2 * wide, high), (2 * deep, 0.08, high), (2 * deep, 0.08, high)])  # fmt: skip
    shape.box(wall, (deep, 0, 0.5), (0.08, 2 * wide, 1.0))
    shape.box(wall, (deep, 0, high - 0.2), (0.08, 2 * wide, 0.4))
    shape.box("wood", (deep + 0.15, 0, 1.02), (0.45, 2 * wide, 0.05))
    shape.box("dark plastic", (0, 0, 0.9), (0.6, 1.6 * wide, 1.7))  # shelves within
    if rng.random() < 0.5:
        shape.box(wall, (deep + 0.45, 0, high - 0.25), (1.0, 2 * wide, 0.04), pitch=0.25)
    if rng.random() < 0.5:
        over = rng.uniform(0.1, 0.4)
        shape.box("roof", (0, 0, high + 0.08), (2 * (deep + over), 2 * (wide + over), 0.16))
    else:
        shape.prism(
            "roof",
            [(-deep - 0.3, high - 0.05), (0, high + 0.7), (deep + 0.3, high - 0.05)],
            wide + 0.15,
        )
    if rng.random() < 0.4:
        shape.box("plastic", (deep - 0.2, 0, high + 0.5), (0.1, 1.3 * wide, 0.6))
    if rng.random() < 0.3:
        boxes(shape, "plastic", [(deep + 0.3, y * wide, 0.4) for y in (-0.6, 0.5)], (0.4, 0.5, 0.8))
    return shape.finish()


def parking_meter(rng: np.random.Generator) -> Template:
    """A head or two on a post, or a pay station."""
    shape = Shape("parking meter")
    high = rng.uniform(1.1, 1.35)
    if rng.random() < 0.35:  # a pay station
        wide, deep, high = rng.uniform(0.25, 0.4), rng.uniform(0.2, 0.35), rng.uniform(1.45, 1.85)
        shape.prism(
            "paint",
            [
                (-deep / 2, 0),
                (deep / 2, 0),
                (deep / 2, high * 0.75),
                (deep * 0.1, high),
                (-deep / 2, high),
            ],
            wide / 2,
        )
        shape.box("dark plastic", (deep / 2, 0, high * 0.62), (0.02, wide * 0.7, 0.2))
        if rng.random() < 0.6:  # a board on top
            shape.tube("metal", (0, 0, high), (0, 0, high + 0.5), 0.03)
            shape.box("plastic", (0, 0, high + 0.6), (0.05, 0.35, 0.35))
        return shape.finish()
    shape.tube("metal", (0, 0, -0.1), (0, 0, high - 0.1), rng.uniform(0.03, 0.045))
    twin = rng.random() < 0.25
    for y in (-0.16, 0.16) if twin else (0.0,):
        shape.box("metal", (0, y, high + 0.03), (0.11, 0.16, 0.26))
        shape.ball("dark plastic", (0, y, high + 0.18), (0.07, 0.1, 0.13))
    if twin:
        shape.box("metal", (0, 0, high - 0.1), (0.08, 0.4, 0.06))
    return shape.finish()


def mailbox(rng: np.random.Generator) -> Template:
    """A pillar box, a box on legs, a rounded one on a post by the road, or a bank of boxes."""
    shape = Shape("mailbox")
    kind = rng.integers(4)
    if kind == 0:
        r, high = rng.uniform(0.2, 0.28), rng.uniform(1.2, 1.6)
        turned(
            shape,
            "paint",
            [
                (r * 1.15, 0),
                (r * 1.1, 0.15),
                (r, 0.18),
                (r, high - 0.15),
                (r * 1.2, high - 0.12),
                (r * 1.15, high - 0.04),
                (0, high + 0.06),
            ],
            sides=12,
        )
    elif kind == 1:  # street box with a rounded top on four legs
        wide, deep, high = rng.uniform(0.25, 0.35), rng.uniform(0.25, 0.32), rng.uniform(1.1, 1.35)
        turn = np.linspace(0, np.pi, 6)
        profile = [(-deep, 0.18), (deep, 0.18)] + [
            (deep * np.cos(a), high - deep + deep * np.sin(a)) for a in turn
        ]
        shape.prism("paint", profile, wide)
        boxes(
            shape,
            "metal",
            grid([-deep * 0.85, deep * 0.85], [-wide * 0.85, wide * 0.85], [0.1]),
            (0.06, 0.06, 0.2),
        )
    elif kind == 2:  # on a post
        high = rng.uniform(1.0, 1.25)
        shape.box("wood", (0, 0, high / 2 - 0.1), (0.1, 0.1, high + 0.2))
        turn = np.linspace(0, np.pi, 6)
        profile = [(-0.09, high), (0.09, high)] + [
            (0.09 * np.cos(a), high + 0.12 + 0.09 * np.sin(a)) for a in turn
        ]
        first = shape.parts
        shape.prism("metal", profile, 0.26)
        shape.move((0, 0, 0), np.pi / 2, first)
        shape.box("paint", (0.05, -0.1, high + 0.28), (0.12, 0.02, 0.06))
    else:  # many in one frame
        wide, high = rng.uniform(0.5, 1.4), rng.uniform(0.5, 0.9)
        shape.box("metal", (0, 0, 0.7 + high / 2), (0.35, wide, high))
        cells = grid(
            [0.18], np.arange(-wide / 2 + 0.15, wide / 2, 0.3), np.arange(0.85, 0.7 + high, 0.3)
        )
        boxes(shape, "plastic", cells, (0.03, 0.26, 0.24))
        boxes(shape, "metal", [(0, -wide * 0.4, 0.35), (0, wide * 0.4, 0.35)], (0.08, 0.08, 0.7))
    return shape.finish()


def phone_booth(rng: np.random.Generator) -> Template:
    """A closed box of glass in a frame, a half-open hood on a post, or a pillar with a phone."""
    shape = Shape("phone booth")
    kind = rng.choice(3, p=[0.6, 0.25, 0.15])
    if kind == 0:
        half, high = rng.uniform(0.42, 0.55), rng.uniform(2.2, 2.5)
        posts = grid([-half, half], [-half, half], [high / 2])
        boxes(shape, "paint", posts, (0.09, 0.09, high))
        for z in (0.12, high - 0.2):
            shape.box("paint", (0, 0, z), (2 * half, 2 * half, 0.25 if z < 1 else 0.35))
        for x, y, sx, sy in (
            (half, 0, 0.02, 2 * half),
            (-half, 0, 0.02, 2 * half),
            (0, half, 2 * half, 0.02),
        ):
            shape.box("glass", (x, y, high / 2), (sx, sy, high - 0.5))
            if rng.random() < 0.6:
                bars = np.linspace(0.5, high - 0.6, 5)
                boxes(shape, "paint", grid([x], [y], bars), (sx + 0.02, sy + 0.02, 0.04))
        if rng.random() < 0.6:
            shape.ball("paint", (0, 0, high - 0.05), (half, half, 0.25))
        shape.box("dark plastic", (-half + 0.1, 0, 1.3), (0.15, 0.3, 0.5))
    elif kind == 1:
        high = rng.uniform(1.9, 2.2)
        shape.box("metal", (-0.25, 0, high / 2), (0.1, 0.2, high))
        boxes(
            shape,
            "plastic",
            [(0, -0.42, high - 0.5), (0, 0.42, high - 0.5), (-0.22, 0, high - 0.5), (0, 0, high)],
            [(0.55, 0.03, 1.0), (0.55, 0.03, 1.0), (0.03, 0.84, 1.0), (0.6, 0.9, 0.05)],
        )
        shape.box("dark plastic", (-0.12, 0, 1.3), (0.15, 0.25, 0.45))
    else:
        shape.box("paint", (0, 0, 1.1), (0.25, 0.5, 2.2))
        shape.box("dark plastic", (0.15, 0, 1.25), (0.12, 0.25, 0.45))
        shape.box("plastic", (0.15, 0, 2.15), (0.6, 0.6, 0.06))
    return shape.finish()


SHAPES: dict[str, tuple[Maker, int]] = {
    "kiosk": (kiosk, 2),
    "phone booth": (phone_booth, 1),
    "mailbox": (mailbox, 2),
    "parking meter": (parking_meter, 1),
}
