"""Vans: delivery vans, panel vans with low and high roofs, minibuses, campers, box vans."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from avs3d.simulation.shapes.bodies import (
    Body,
    axles,
    cabin,
    hull,
    mirrors,
    plates_and_lamps,
    seats,
    sliced,
)
from avs3d.simulation.shapes.mesh import Maker, Shape, Template
from avs3d.simulation.shapes.parts import boxes, grid, tubes

# share; length, width, height; bonnet, belt, nose; rake of the windscreen; wheel, wheelbase
_VANS: dict[str, tuple[float, ...]] = {
    "delivery": (2, 4.4, 1.82, 1.84, 0.9, 1.08, 0.85, 0.85, 0.32, 2.75),
    "transporter": (3, 5.0, 1.92, 1.97, 0.75, 1.15, 0.9, 0.8, 0.34, 3.05),
    "long": (2, 5.6, 2.0, 2.3, 0.75, 1.2, 0.95, 0.75, 0.35, 3.5),
    "high": (3, 6.1, 2.03, 2.65, 0.75, 1.25, 1.0, 0.65, 0.36, 3.7),
    "jumbo": (1, 7.1, 2.05, 2.85, 0.75, 1.3, 1.0, 0.55, 0.37, 4.2),
    "flat nose": (1, 4.5, 1.7, 1.95, 0.22, 1.1, 0.98, 0.4, 0.31, 2.4),
    "bus of old": (0.6, 4.4, 1.76, 1.95, 0.12, 1.15, 1.05, 0.3, 0.33, 2.4),
    "step": (0.8, 6.3, 2.2, 2.9, 0.65, 1.45, 1.15, 0.12, 0.38, 3.9),
}  # fmt: skip
_NAMES = tuple(_VANS)
_SHARE = np.array([row[0] for row in _VANS.values()])


def _draw(rng: np.random.Generator) -> Body:
    kind = _NAMES[rng.choice(len(_NAMES), p=_SHARE / _SHARE.sum())]
    size = rng.uniform(0.95, 1.05)
    _, long, wide, high, bonnet, belt, nose, rake, wheel, base = _VANS[kind]
    bonnet, belt, nose, rake, wheel = np.array([bonnet, belt, nose, rake, wheel]) * rng.uniform(
        0.94, 1.06, 5
    )
    return Body(
        long * size, wide, high * rng.uniform(0.96, 1.06), bonnet, 0.02, belt, nose, belt, rake,
        rng.uniform(0.02, 0.1), rng.uniform(0.24, 0.34), wheel, base * size,
        shift=rng.uniform(0.0, 0.2), roof=rng.uniform(0.8, 0.92), bend=rng.uniform(0.02, 0.08),
        round=0.3 if kind == "bus of old" else rng.uniform(0.06, 0.14),
    )  # fmt: skip


def _windows(rng: np.random.Generator, body: Body, kind: str) -> list[tuple[float, float]]:
    """The cab's windows, and those of a minibus; x0, x1 from the front backwards."""
    start = body.cowl - 0.1
    stop = min(body.head - rng.uniform(0.35, 0.6), start - 0.7)
    windows = [(stop, start)]
    if kind == "panel":
        return windows
    step, post = rng.uniform(1.0, 1.4), rng.uniform(0.1, 0.2)
    x, end = stop - post, body.tail + 0.15
    while x - step * 0.6 > end:
        windows.append((max(x - step, end), x))
        x -= step + post
    return windows if kind == "minibus" else windows[:2]


def _glass_band(shape: Shape, body: Body, windows: list[tuple[float, float]]) -> None:
    """Window panes set on the upper part of the sides, which leave paint above and below."""
    z = body.belt + np.array([0.06, 0.06 + min(0.62, 0.6 * (body.height - body.belt))])
    share = (z - body.belt) / (body.height - body.belt)
    y = body.half * (0.94 - (0.94 - body.roof) * 0.88 * share) + 0.012
    for low, high in windows:
        slope = body.rake_front * (z - body.belt)
        ahead = np.minimum(high, body.cowl - 0.12 - slope)
        for side in (-1, 1):
            corners = [(low, side * y[0], z[0]), (ahead[0], side * y[0], z[0]),
                       (ahead[1], side * y[1], z[1]), (low, side * y[1], z[1])]  # fmt: skip
            shape.quads("glass", np.array([corners]))


def _rear_doors(rng: np.random.Generator, shape: Shape, body: Body) -> None:
    end, top = -body.length / 2, body.height - 0.12
    low = body.sill + 0.2
    if rng.random() < 0.14:  # wide open, and the dark inside
        shape.box(
            "dark metal", (end - 0.01, 0, (low + top) / 2), (0.02, body.width * 0.8, top - low)
        )
        for side in (-1, 1):
            out = rng.uniform(0.0, 1.2)
            first = shape.parts
            shape.box("paint", (-0.4, 0, (low + top) / 2), (0.8, 0.06, top - low))
            shape.move((end, side * body.half * 0.88, 0), -side * out, first)
    elif rng.random() < 0.6:
        for side in (-1, 1):
            spot = (end - 0.005, side * body.half * 0.4, body.belt + 0.3)
            shape.box("glass", spot, (0.03, body.half * 0.6, 0.45))


def _on_the_roof(rng: np.random.Generator, shape: Shape, body: Body) -> None:
    middle, span = (body.head + body.tail) / 2, body.head - body.tail
    top, z = body.half * body.roof * 0.85, body.height
    kind = rng.random()
    if kind < 0.12:  # a rack with ladders or pipes
        boxes(shape, "metal", grid(np.linspace(-0.4, 0.4, 3) * span + middle, [0.0], [z + 0.1]),
              (0.05, 2 * top, 0.04))  # fmt: skip
        for y in rng.uniform(-0.8, 0.8, int(rng.integers(1, 4))) * top:
            for side in (-0.18, 0.0, 0.18):
                shape.box("metal", (middle, y + side, z + 0.16), (span * 0.95, 0.04, 0.07))
    elif kind < 0.2:
        shape.box("plastic", (middle - 0.2, 0, z + 0.12), (0.9, 0.8, 0.25))
    elif kind < 0.25:
        shape.box("lamp glass", (body.head - 0.25, 0, z + 0.1), (0.3, 1.3, 0.15))


def _panel_van(rng: np.random.Generator, shape: Shape) -> None:
    body = _draw(rng)
    kind = ("panel", "minibus", "crew")[rng.choice(3, p=[0.55, 0.3, 0.15])]
    body = replace(body, hollows=((body.stern + 0.2, body.cowl - 0.08, 0.5),))
    hull(shape, body)
    cabin(shape, body, [], rear="paint")
    windows = _windows(rng, body, kind)
    _glass_band(shape, body, windows)
    seats(shape, [body.head - 0.3], body.half, body.belt - 0.35)
    axles(shape, body.axle, body.half * 0.99, body.wheel, 0.22)
    front = body.length / 2 - 0.03
    plates_and_lamps(shape, front, -front, body.half * 0.9, body.nose * 0.85, body.nose * 0.55)
    mirrors(shape, body.cowl - 0.3, body.half, body.belt + 0.15, rng.uniform(0.18, 0.32))
    _rear_doors(rng, shape, body)
    _on_the_roof(rng, shape, body)
    if rng.random() < 0.06:  # the sliding door stands open
        x = body.head - 1.6
        shape.box("dark metal", (x, -body.half, body.belt + 0.05), (0.95, 0.03, body.height * 0.55))
        shape.box("paint", (x - 1.1, -body.half - 0.1, body.belt), (1.1, 0.06, body.height * 0.6))


def _cab(rng: np.random.Generator, shape: Shape, behind: float) -> tuple[float, float]:
    """A van's cab with room for so many metres behind it; returns the x range of that room."""
    cab = Body(
        rng.uniform(2.5, 2.8), 2.0, rng.uniform(1.95, 2.25), 0.75, 0.02, 1.2, 0.95, 1.2, 0.75, 0.02,
        0.28, 0.35, 0.0, shift=0.45, roof=0.86,
    )  # fmt: skip
    long = cab.length + behind - 0.5
    first = shape.parts
    hull(shape, cab)
    cabin(shape, cab, [], rear="paint")
    _glass_band(shape, cab, [(cab.head - 0.55, cab.cowl - 0.1)])
    mirrors(shape, cab.cowl - 0.3, 1.0, 1.4, 0.3)
    shape.move(((long - cab.length) / 2, 0, 0), 0, first)
    end = -long / 2
    front = long / 2 - cab.length / 2 + 0.45
    axles(shape, [front, end + rng.uniform(1.0, 1.5)], 0.98, 0.35, 0.3)
    plates_and_lamps(shape, long / 2 - 0.03, end - 0.03, 0.9, 0.8, 0.55)
    return end, end + behind


def _box_van(rng: np.random.Generator, shape: Shape) -> None:
    end, start = _cab(rng, shape, rng.uniform(3.0, 4.6))
    floor, high, wide = rng.uniform(0.5, 0.9), rng.uniform(2.5, 3.3), rng.uniform(2.0, 2.3)
    middle = (start + end) / 2
    shape.box("paint", (middle, 0, (floor + high) / 2), (start - end, wide, high - floor))
    shape.box("dark metal", (middle, 0, floor - 0.1), (start - end, 0.8, 0.2))


def _camper(rng: np.random.Generator, shape: Shape) -> None:
    end, start = _cab(rng, shape, rng.uniform(3.4, 5.0))
    high, wide, middle = rng.uniform(2.6, 3.0), rng.uniform(2.1, 2.35), (start + end) / 2
    shape.box("paint", (middle, 0, (0.45 + high) / 2), (start - end, wide, high - 0.45))
    if rng.random() < 0.6:  # a bed above the cab
        bed = [
            (start, 2.0),
            (start + 1.1, 2.15),
            (start + 1.2, 2.5),
            (start + 0.9, high),
            (start, high),
        ]
        shape.prism("paint", bed, wide / 2)
    for side in (-1, 1):
        for x in (start - 0.9, end + 0.9):
            shape.box("glass", (x, side * wide / 2, 1.75), (rng.uniform(0.5, 1.0), 0.05, 0.5))
    shape.box("plastic", (middle, 0, high + 0.08), (0.7, 0.6, 0.16))
    if rng.random() < 0.3:  # an awning, out over the door side
        y, reach = -wide / 2, 0.4 * (start - end)
        shape.box("fabric", (middle, y - 1.1, 2.3), (2 * reach, 2.2, 0.04), roll=0.12)
        feet = grid(middle + reach * np.array([-0.95, 0.95]), [y - 2.1], [0.0])
        tubes(shape, "metal", feet, feet + [0, 0, 2.15], 0.025)


def _platform_van(rng: np.random.Generator, shape: Shape) -> None:
    """A small open platform with low boards, empty or with a few things on it."""
    end, start = _cab(rng, shape, rng.uniform(2.8, 4.2))
    floor, boards, half = rng.uniform(0.75, 0.95), rng.uniform(0.3, 0.5), rng.uniform(0.95, 1.1)
    middle, long = (start + end) / 2, start - end
    shape.box("dark metal", (middle, 0, floor), (long, 2 * half, 0.1))
    boxes(shape, "metal", grid([middle], [-half, half], [floor + boards / 2]), (long, 0.05, boards))
    boxes(shape, "metal", grid([start, end], [0.0], [floor + boards / 2]), (0.05, 2 * half, boards))
    for _ in range(int(rng.integers(0, 4))):
        load = rng.uniform((0.5, 0.5, 0.3), (1.2, 1.2, 0.9))
        x, y = middle + rng.uniform(-0.3, 0.3) * long, rng.uniform(-0.3, 0.3)
        shape.box("wood", (x, y, floor + load[2] / 2), load)


def van(rng: np.random.Generator) -> Template:
    shape = Shape("van")
    kind = rng.choice(4, p=[0.78, 0.08, 0.08, 0.06])
    if kind == 0:
        _panel_van(rng, shape)
    else:
        (_box_van, _camper, _platform_van)[kind - 1](rng, shape)
    return shape.finish()


def loaf_van(rng: np.random.Generator) -> Template:
    """A bread loaf of rounded slices, nearly upright at both ends, with a ribbon of windows."""
    shape = Shape("van")
    long, wide, high = rng.uniform(4.3, 5.8), rng.uniform(1.75, 2.0), rng.uniform(1.9, 2.5)
    end, half, belt = long / 2, wide / 2, high * 0.56
    step = rng.uniform(0.1, 0.4)
    sliced(
        shape,
        "paint",
        [
            (0.28, -end, end - 0.1, half * 0.95),
            (0.5, -end, end, half),
            (belt, -end, end - step, half * 0.99),
            (high * 0.82, -end + 0.04, end - step - 0.3, half * 0.95),
            (high - 0.08, -end + 0.1, end - step - 0.5, half * 0.88),
            (high, -end + 0.35, end - step - 0.9, half * 0.7),
        ],
        7.0,
    )
    nose = end - step - 0.12
    shape.box("glass", (nose, 0, belt + 0.28), (0.05, wide * 0.86, 0.55), pitch=-0.35)
    count = int(rng.integers(1, 5))
    for k in range(count):
        for side in (-1, 1):
            x = nose - 0.65 - 0.95 * k
            shape.box("glass", (x, side * half * 0.975, belt + 0.28), (0.75, 0.05, 0.45))
    axles(shape, [end - 0.85, -end + 0.9], half * 1.01, 0.33, 0.2)
    plates_and_lamps(shape, end - 0.02, -end, half * 0.85, 0.8, 0.5)
    mirrors(shape, nose - 0.1, half, belt + 0.2, 0.25)
    return shape.finish()


SHAPES: dict[str, tuple[Maker, int]] = {"van": (van, 4)}
HELD_OUT: dict[str, tuple[Maker, int]] = {"van": (loaf_van, 3)}
