"""Cars of many bodies and pickup trucks; every one is drawn anew."""

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

# share; length, width, height; bonnet, boot, belt, nose, deck; rakes; sill, wheel, wheelbase
_CARS: dict[str, tuple[float, ...]] = {
    "hatchback": (5, 4.1, 1.77, 1.47, 0.98, 0.08, 0.95, 0.72, 0.93, 1.15, 0.45, 0.2, 0.31, 2.55),
    "old hatchback": (2, 3.85, 1.64, 1.40, 1.0, 0.05, 0.88, 0.74, 0.85, 0.75, 0.55, 0.2, 0.29, 2.4),
    "saloon": (5, 4.68, 1.82, 1.45, 1.15, 0.62, 0.95, 0.72, 1.0, 1.25, 1.3, 0.2, 0.33, 2.75),
    "old saloon": (2, 4.45, 1.70, 1.40, 1.2, 0.85, 0.9, 0.75, 0.9, 0.85, 0.85, 0.2, 0.3, 2.6),
    "big saloon": (1, 5.15, 1.93, 1.47, 1.4, 0.9, 0.97, 0.76, 1.0, 1.15, 1.2, 0.2, 0.35, 2.95),
    "estate": (3, 4.72, 1.82, 1.48, 1.15, 0.06, 0.95, 0.72, 0.95, 1.2, 0.5, 0.2, 0.33, 2.75),
    "suv": (5, 4.55, 1.87, 1.66, 1.0, 0.08, 1.08, 0.88, 1.05, 0.95, 0.4, 0.27, 0.36, 2.68),
    "big suv": (1.5, 5.05, 1.98, 1.82, 1.2, 0.06, 1.18, 1.0, 1.15, 0.8, 0.3, 0.3, 0.39, 2.95),
    "off-roader": (1, 4.2, 1.80, 1.85, 1.25, 0.03, 1.2, 1.1, 1.18, 0.25, 0.06, 0.36, 0.39, 2.5),
    "coupe": (1.5, 4.4, 1.82, 1.33, 1.3, 0.35, 0.9, 0.7, 0.95, 1.5, 1.9, 0.17, 0.33, 2.65),
    "sports car": (0.7, 4.5, 1.93, 1.21, 1.1, 0.45, 0.82, 0.6, 0.92, 1.7, 1.9, 0.14, 0.34, 2.6),
    "fastback": (1.5, 4.75, 1.88, 1.45, 1.0, 0.22, 0.94, 0.7, 1.02, 1.5, 1.9, 0.18, 0.34, 2.88),
    "convertible": (1, 4.25, 1.78, 1.35, 1.25, 0.85, 0.9, 0.68, 0.92, 1.2, 1.1, 0.17, 0.32, 2.5),
    "city car": (2.5, 3.55, 1.62, 1.49, 0.75, 0.04, 0.93, 0.75, 0.92, 1.0, 0.3, 0.2, 0.28, 2.35),
    "two-seater": (0.7, 2.69, 1.66, 1.55, 0.55, 0.03, 0.95, 0.8, 0.95, 0.9, 0.2, 0.2, 0.28, 1.87),
    "box car": (0.7, 3.4, 1.48, 1.78, 0.55, 0.02, 0.98, 0.88, 0.97, 0.5, 0.06, 0.2, 0.27, 2.45),
    "classic": (0.8, 4.2, 1.58, 1.46, 1.3, 0.75, 0.95, 0.82, 0.88, 0.45, 0.8, 0.22, 0.32, 2.5),
    "beetle": (0.5, 4.08, 1.54, 1.50, 1.25, 0.25, 0.95, 0.68, 0.72, 0.4, 1.9, 0.2, 0.32, 2.4),
    "mpv": (2, 4.6, 1.83, 1.66, 0.85, 0.05, 1.0, 0.8, 0.98, 1.25, 0.3, 0.2, 0.32, 2.75),
}  # fmt: skip
_NAMES = tuple(_CARS)
_SHARE = np.array([row[0] for row in _CARS.values()])
_ROUND = {"beetle": 0.34, "classic": 0.25, "off-roader": 0.04, "box car": 0.05}


def _draw(rng: np.random.Generator, row: tuple[float, ...], kind: str) -> Body:
    """A body near the given measures."""
    size = rng.uniform(0.95, 1.05)
    change = rng.uniform(0.95, 1.05, 13)
    (length, width, height, bonnet, boot, belt, nose, deck, front, rear, sill, wheel, base) = (
        np.array(row[1:]) * change
    )
    base = row[13] * size
    length = min(row[1] * size * change[0], base + 2.2)
    return Body(
        length, row[2] * (1 + 0.6 * (size - 1)), height, bonnet * size, boot * size,
        min(belt, height - 0.36), nose, min(deck, belt + 0.06), front * rng.uniform(0.85, 1.15),
        rear * rng.uniform(0.85, 1.15), sill, wheel, base, shift=rng.uniform(-0.03, 0.12),
        roof=rng.uniform(0.70, 0.82), bend=rng.uniform(0.03, 0.1),
        round=_ROUND.get(kind, rng.uniform(0.08, 0.22)),
    )  # fmt: skip


def _windows(rng: np.random.Generator, body: Body, doors: int) -> list[tuple[float, float]]:
    """Windows of the doors between the posts, and usually a small one behind them."""
    start, stop = body.cowl, body.tail - rng.uniform(-0.1, 0.25)
    post = rng.uniform(0.06, 0.14)
    cuts = [body.head - 0.75 * rng.uniform(0.6, 1.2)]
    if doors == 4:
        cuts.append(cuts[0] - rng.uniform(0.8, 0.95))
    edges = [start, *[x for x in cuts if x > stop + 0.25], stop]
    return [(b + post / 2, a - post / 2) for a, b in zip(edges[:-1], edges[1:], strict=True)]


def _posts(shape: Shape, body: Body, material: str = "paint") -> None:
    """Posts at the corners of the windscreen and, on long slopes, of the rear window."""
    top = body.half * body.roof
    ends = [(body.cowl, body.head)]
    if body.tail - body.stern > 0.15:
        ends.append((body.stern, body.tail))
    for low, high in ends:
        for side in (-1, 1):
            foot = (low, side * body.half * 0.94, body.belt)
            head = (high, side * (top - 0.02), body.height - body.bend)
            shape.tube(material, foot, head, 0.045, sides=4)


def _on_the_roof(rng: np.random.Generator, shape: Shape, body: Body) -> None:
    middle, top, z = (body.head + body.tail) / 2, body.half * body.roof, body.height
    span = body.head - body.tail
    kind = rng.random()
    if kind < 0.32:
        for side in (-1, 1):
            shape.box("metal", (middle, side * top * 0.88, z + 0.05), (span * 0.9, 0.04, 0.04))
        if kind < 0.14:
            for x in (middle - 0.4, middle + 0.4):
                shape.box("metal", (x, 0, z + 0.09), (0.08, 2 * top, 0.04))
    if kind < 0.06:
        long = rng.uniform(1.5, 2.2)
        shape.prism(
            "dark plastic",
            np.array([(0.5, 0.0), (0.45, 0.25), (-0.4, 0.38), (-0.5, 0.1), (-0.4, 0.0)])
            * [long, 1] + [middle, z + 0.1],
            rng.uniform(0.3, 0.45),
        )  # fmt: skip
    elif kind < 0.08:  # a rack full of things
        for x in np.linspace(middle - 0.45, middle + 0.45, 3):
            size = rng.uniform((0.3, 0.5, 0.2), (0.45, 1.0, 0.45))
            shape.box("fabric", (x, rng.uniform(-0.1, 0.1), z + 0.1 + size[2] / 2), size)
    elif 0.4 < kind < 0.46:  # a taxi's or a driving school's sign
        shape.box("plastic", (middle + 0.2, 0, z + 0.1), (0.18, 0.5, 0.16))
    elif 0.46 < kind < 0.49:  # police
        shape.box("lamp glass", (middle + 0.1, 0, z + 0.09), (0.3, 1.1, 0.13))
    elif kind > 0.7:
        shape.tube("dark plastic", (body.tail + 0.15, 0, z - 0.03), (body.tail - 0.2, 0, z + 0.2),
                   0.012, sides=3)  # fmt: skip


def _open_parts(rng: np.random.Generator, shape: Shape, body: Body) -> None:
    """Now and then a door, the boot or the bonnet is open."""
    kind = rng.random()
    if kind < 0.05:
        angle, side = rng.uniform(0.6, 1.15), rng.choice([-1, 1])
        for x in (body.cowl - 0.15, body.head - 0.7)[: int(rng.integers(1, 3))]:
            first = shape.parts
            shape.box("paint", (-0.5, 0, (body.sill + body.belt) / 2 + 0.05),
                      (1.0, 0.1, body.belt - body.sill - 0.1))  # fmt: skip
            shape.box("glass", (-0.6, 0, body.belt + 0.2), (0.75, 0.03, 0.38))
            shape.box("paint", (-1.0, 0, body.belt + 0.2), (0.06, 0.06, 0.4))
            shape.move((x, side * body.half, 0), side * -angle, first)
    elif kind < 0.08 and body.boot < 0.3:  # a tailgate
        long = body.height - body.deck * 0.9
        rise = rng.uniform(-0.1, 0.5)
        centre = (body.tail - np.cos(rise) * long / 2, 0, body.height + np.sin(rise) * long / 2)
        shape.box("paint", centre, (long, body.width * 0.75, 0.08), pitch=rise)
    elif kind < 0.08:
        shape.box("paint", (body.stern - 0.05, 0, body.belt + 0.4), (0.07, 1.3, 0.8), pitch=-0.3)
    elif kind < 0.09:
        shape.box("paint", (body.cowl + 0.2, 0, body.belt + 0.4), (0.06, 1.4, 0.9), pitch=0.6)


def _furnish(rng: np.random.Generator, shape: Shape, body: Body, rows: int) -> None:
    """Wheels, lamps, plates, mirrors, seats."""
    axles(shape, body.axle, body.half * 0.99, body.wheel, rng.uniform(0.18, 0.25))
    front = body.length / 2 - 0.03
    plates_and_lamps(shape, front, -front, body.half * 0.92, body.nose * 0.86, body.nose * 0.6)
    mirrors(shape, body.cowl - 0.25, body.half, body.belt + 0.07, rng.uniform(0.1, 0.17))
    x = body.head - rng.uniform(0.35, 0.6)
    seats(shape, [x - 0.85 * k for k in range(rows)], body.half, body.belt - 0.38)
    shape.box(
        "dark plastic", (body.cowl - 0.35, 0, body.belt - 0.07), (0.5, body.width * 0.78, 0.2)
    )
    shape.tube("dark plastic", (x + 0.5, body.half * 0.45, body.belt - 0.02),
               (x + 0.47, body.half * 0.45, body.belt), 0.18, sides=7)  # fmt: skip


def _open_top(rng: np.random.Generator, shape: Shape, body: Body) -> None:
    """The windscreen of a convertible, and its folded hood."""
    top, foot = body.half * body.roof, body.half * 0.92
    corners = np.array(
        [[body.cowl, foot, body.belt], [body.cowl, -foot, body.belt],
         [body.head, -top, body.height], [body.head, top, body.height]]
    )  # fmt: skip
    shape.quads("glass", corners[None])
    for a, b in ((0, 3), (3, 2), (2, 1)):
        shape.tube("paint", corners[a], corners[b], 0.035, sides=4)
    x = body.stern + 0.1
    shape.ball("fabric", (x, 0, body.belt + 0.03), (0.32, body.half * 0.8, 0.14))


def car(rng: np.random.Generator) -> Template:
    kind = _NAMES[rng.choice(len(_NAMES), p=_SHARE / _SHARE.sum())]
    body = _draw(rng, _CARS[kind], kind)
    short = body.head - body.tail < 0.9 or kind in ("convertible", "two-seater", "coupe")
    rows = 1 if kind in ("two-seater", "sports car") else 2
    seats_end = body.stern + 0.25 if kind == "convertible" else min(body.tail, body.stern + 0.5)
    body = replace(body, hollows=((max(seats_end, body.stern + 0.05), body.cowl - 0.08, 0.5),))
    shape = Shape("car")
    hull(shape, body)
    if kind == "convertible" and rng.random() < 0.75:
        _open_top(rng, shape, body)
    else:
        doors = 2 if short or rng.random() < 0.2 else 4
        windows = _windows(rng, body, doors)
        if kind in ("estate", "mpv", "suv", "big suv", "off-roader"):
            low = body.stern + 0.12 + 0.3 * (body.tail - body.stern)
            windows.append((low, windows[-1][0] - rng.uniform(0.06, 0.15)))
        cabin(shape, body, windows, rear="glass")
        _posts(shape, body)
        _on_the_roof(rng, shape, body)
    _furnish(rng, shape, body, rows)
    _open_parts(rng, shape, body)
    if kind == "off-roader" and rng.random() < 0.7:
        x = -body.length / 2 - 0.1
        shape.tube("rubber", (x + 0.1, 0, 0.95), (x - 0.1, 0, 0.95), 0.36, sides=10)
    return shape.finish()


def pickup_truck(rng: np.random.Generator) -> Template:
    """One or two rows of seats and an open bed behind them, sometimes full or covered."""
    double = rng.random() < 0.6
    length, height = rng.uniform(4.9, 5.9), rng.uniform(1.68, 1.98)
    bed = rng.uniform(1.35, 1.75) if double else rng.uniform(1.9, 2.5)
    belt = height * rng.uniform(0.63, 0.68)
    wheel = rng.uniform(0.35, 0.42)
    body = Body(
        length, rng.uniform(1.75, 2.05), height, rng.uniform(1.05, 1.4), bed, belt,
        belt * rng.uniform(0.82, 0.95), belt * rng.uniform(0.95, 1.02), rng.uniform(0.5, 1.0),
        rng.uniform(0.0, 0.2), rng.uniform(0.28, 0.42), wheel, length * rng.uniform(0.58, 0.63),
        shift=0.05, roof=rng.uniform(0.74, 0.84), round=rng.uniform(0.04, 0.14),
    )  # fmt: skip
    end, deep = -body.length / 2, rng.uniform(0.42, 0.52)
    seat_room = (body.stern + 0.03, body.cowl - 0.08, 0.5)
    body = replace(body, hollows=((end + 0.07, body.stern - 0.07, deep), seat_room))
    shape = Shape("pickup truck")
    hull(shape, body)
    cabin(shape, body, _windows(rng, body, 4 if double else 2))
    _posts(shape, body)
    _furnish(rng, shape, body, 2 if double else 1)
    _in_the_bed(rng, shape, body, deep)
    return shape.finish()


def _in_the_bed(rng: np.random.Generator, shape: Shape, body: Body, deep: float) -> None:
    end = -body.length / 2
    middle, floor, inside = (end + body.stern) / 2, body.belt - deep, body.half * 0.78
    kind = rng.random()
    if kind < 0.15:  # a hard top
        top = (body.boot - 0.05, body.width * 0.86, body.height - body.belt)
        shape.box("paint", (middle, 0, (body.belt + body.height) / 2), top)
        for side in (-1, 1):
            shape.box("glass", (middle, side * body.half * 0.86, body.belt + top[2] * 0.55),
                      (top[0] * 0.8, 0.03, top[2] * 0.5))  # fmt: skip
    elif kind < 0.3:
        shape.box(
            "dark plastic", (middle, 0, body.belt + 0.03), (body.boot, body.width * 0.85, 0.04)
        )
    elif kind < 0.5:
        for _ in range(int(rng.integers(2, 6))):
            size = rng.uniform((0.3, 0.3, 0.25), (0.8, 0.7, 0.75))
            x = rng.uniform(end + 0.45, body.stern - 0.45)
            y = rng.uniform(-0.5, 0.5) * inside
            shape.box(
                "wood" if rng.random() < 0.5 else "plastic", (x, y, floor + size[2] / 2), size
            )
    elif kind < 0.58:
        shape.ball("soil", (middle, 0, floor), (body.boot * 0.45, inside, deep * 1.2))
    if 0.3 < kind and rng.random() < 0.25:  # a bar behind the cab
        x = body.stern - 0.15
        for side in (-1, 1):
            foot, top = (x - 0.25, side * inside, body.belt), (x, side * inside * 0.9, body.height)
            shape.tube("dark metal", foot, top, 0.04, sides=5)
        shape.tube(
            "dark metal", (x, -inside * 0.9, body.height), (x, inside * 0.9, body.height), 0.04
        )


def bubble_car(rng: np.random.Generator) -> Template:
    """Rounded slices piled up: a smooth shell with a dome of glass, wheels half covered."""
    long, wide, high = rng.uniform(3.7, 4.9), rng.uniform(1.7, 1.9), rng.uniform(1.4, 1.6)
    end, half, belt = long / 2, wide / 2, rng.uniform(0.85, 1.0)
    back, fore = rng.uniform(0.25, 0.7), rng.uniform(0.75, 1.1)
    shape = Shape("car")
    sliced(
        shape, "paint",
        [(0.2, -end + 0.2, end - 0.15, half * 0.85), (0.4, -end, end, half),
         (0.62, -end + 0.02, end - 0.06, half), (belt - 0.08, -end + 0.12, end - 0.4, half * 0.98),
         (belt, -end + 0.18, end - fore, half * 0.94)], 4.5,
    )  # fmt: skip
    sliced(
        shape, "glass",
        [(belt, -end + 0.2, end - fore, half * 0.93),
         ((belt + high) / 2, -end + 0.2 + back * 0.5, end - fore - 0.5, half * 0.84),
         (high - 0.1, -end + 0.3 + back, end - fore - 0.95, half * 0.74)], 4.0,
    )  # fmt: skip
    sliced(
        shape, "paint",
        [(high - 0.12, -end + 0.25 + back, end - fore - 0.9, half * 0.76),
         (high - 0.03, -end + 0.4 + back, end - fore - 1.05, half * 0.66),
         (high, -end + 0.8 + back, end - fore - 1.4, half * 0.4)], 4.0,
    )  # fmt: skip
    shape.box("paint", (-0.15, 0, (belt + high) / 2 - 0.05), (0.1, 1.72 * half, high - belt - 0.15))
    seats(shape, [0.1, -0.75], half, belt - 0.42)
    axles(shape, [long * 0.3, -long * 0.3], half * 1.01, 0.33, 0.2)
    plates_and_lamps(shape, end - 0.06, -end + 0.02, half * 0.8, 0.62, 0.42)
    mirrors(shape, end - fore - 0.35, half, belt + 0.06)
    return shape.finish()


SHAPES: dict[str, tuple[Maker, int]] = {
    "car": (car, 9),
    "pickup truck": (pickup_truck, 3),
}
HELD_OUT: dict[str, tuple[Maker, int]] = {"car": (bubble_car, 6)}
