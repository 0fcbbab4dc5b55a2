"""Cars and vans: bodies from a handful of lengths, so that no two worlds show the same car."""

from __future__ import annotations

import numpy as np

from avs3d.simulation.mesh import Maker, Shape, Template

# length, width, height, bonnet length share, boot length share, bonnet height share
_CARS = {
    "sedan": (4.65, 1.80, 1.45, 0.26, 0.17, 0.62),
    "hatchback": (4.05, 1.74, 1.48, 0.23, 0.02, 0.63),
    "wagon": (4.70, 1.81, 1.48, 0.25, 0.02, 0.62),
    "suv": (4.55, 1.88, 1.70, 0.24, 0.02, 0.62),
    "coupe": (4.40, 1.80, 1.33, 0.30, 0.12, 0.63),
    "mini": (3.60, 1.65, 1.48, 0.19, 0.01, 0.62),
    "pickup": (5.30, 1.92, 1.80, 0.24, 0.36, 0.60),
    "mpv": (4.60, 1.84, 1.70, 0.16, 0.01, 0.60),
}
_CAR_NAMES = tuple(_CARS)
_CAR_SHARE = np.array([5, 6, 3, 5, 1.5, 2, 1.5, 2]) / 26


def _axles(shape: Shape, xs: np.ndarray, half: float, radius: float, width: float) -> None:
    for x in xs:
        for side in (-1, 1):
            shape.wheel((x, side * (half - width / 2 + 0.015), radius), radius, width)


def _plates_and_lamps(
    shape: Shape, front: float, rear: float, half: float, z: float, plate_z: float
) -> None:
    for x, lens in ((front, "lamp glass"), (rear, "plate")):
        for side in (-1, 1):
            shape.box(lens, (x, side * half * 0.78, z), (0.05, half * 0.3, 0.13))
        shape.box("retro", (x * 1.004, 0, plate_z), (0.03, 0.5, 0.11))


def _pillars(shape: Shape, low: np.ndarray, high: np.ndarray, half: float, top: float) -> None:
    """Posts between the windows: low, high are (n, 2) x, z of their feet and heads."""
    for foot, head in zip(low, high, strict=True):
        for side in (-1, 1):
            shape.tube(
                "paint",
                (foot[0], side * half, foot[1]),
                (head[0], side * top, head[1]),
                0.045,
                sides=4,
            )


def car(rng: np.random.Generator) -> Template:
    kind = _CAR_NAMES[rng.choice(len(_CAR_NAMES), p=_CAR_SHARE)]
    length, width, height, bonnet, boot, belt = _CARS[kind]
    length *= rng.uniform(0.93, 1.07)
    width *= rng.uniform(0.96, 1.05)
    height *= rng.uniform(0.95, 1.06)
    front, rear, half = length / 2, -length / 2, width / 2
    sill, belt_z = rng.uniform(0.18, 0.30), height * belt * rng.uniform(0.95, 1.04)
    nose_z = belt_z * rng.uniform(0.70, 0.86)
    cowl = front - bonnet * length * rng.uniform(0.9, 1.1)
    deck = rear + boot * length
    shape = Shape("car")
    bumper = rng.uniform(0.40, 0.55) * belt_z
    shape.prism(
        "paint",
        [(front - 0.08, sill), (front, bumper), (front - 0.05, nose_z), (cowl, belt_z),
         (deck, belt_z * 1.02), (rear + 0.04, belt_z * rng.uniform(0.93, 1.0)),
         (rear, bumper), (rear + 0.1, sill)],
        [half * 0.9, half * 0.9, half * 0.92, half, half, half * 0.95, half * 0.92, half * 0.9],
    )  # fmt: skip
    slope = rng.uniform(0.30, 0.75)
    head = cowl - slope * (height - belt_z) / 0.55
    if kind == "pickup":
        tail, deck = deck + rng.uniform(0.0, 0.1), deck
    else:
        lean = 0.9 if kind in ("sedan", "coupe") else rng.uniform(0.15, 0.5)
        tail = deck + lean * (height - belt_z)
    top = half * rng.uniform(0.74, 0.84)
    mid = (head + tail) / 2
    low_z, roof_z = belt_z - 0.01, height
    shape.prism(
        ["glass", "paint", "paint", "glass", "dark plastic"],
        [(cowl, low_z), (head, roof_z - 0.05), (mid, roof_z), (tail, roof_z - 0.06), (deck, low_z)],
        [half * 0.97, top, top, top, half * 0.97],
        side="glass",
    )  # fmt: skip
    feet = np.array([[cowl, low_z], [mid + 0.1, low_z], [deck + 0.02, low_z]])
    heads = np.array([[head, roof_z - 0.04], [mid, roof_z - 0.02], [tail, roof_z - 0.05]])
    if kind in ("wagon", "suv", "mpv"):
        feet = np.concatenate([feet, [[(mid + deck) / 2, low_z]]])
        heads = np.concatenate([heads, [[(mid + tail) / 2, roof_z - 0.03]]])
    _pillars(shape, feet, heads, half * 0.97, top)
    for x in (mid + 0.25, mid - 0.65):
        for side in (-1, 1):
            shape.box("dark plastic", (x, side * half * 0.42, belt_z + 0.05), (0.2, 0.42, 0.7))
    for side in (-1, 1):
        shape.box("paint", (cowl - 0.25, side * (half + 0.09), belt_z + 0.07), (0.1, 0.18, 0.12))
    if kind == "pickup":  # the open bed: its floor lies below the sides
        shape.box("dark metal", (rear + boot * length / 2, 0, belt_z + 0.03), (0.1, width, 0.1))
        for side in (-1, 1):
            shape.box(
                "paint",
                (rear + boot * length / 2, side * half * 0.95, belt_z + 0.05),
                (boot * length, 0.08, 0.14),
            )
    if rng.random() < 0.25:
        for side in (-1, 1):
            shape.box("dark metal", (mid, side * top * 0.85, height + 0.03), (1.3, 0.04, 0.05))
    if rng.random() < 0.06:
        shape.box("dark plastic", (mid, 0, height + 0.2), (1.7, 0.8, 0.35))
    _plates_and_lamps(shape, front, rear, half, nose_z * 0.92, bumper * 0.9)
    radius = rng.uniform(0.29, 0.36) * (1.12 if kind in ("suv", "pickup") else 1.0)
    axle = length * rng.uniform(0.285, 0.305)
    _axles(shape, np.array([axle, -axle]), half, radius, rng.uniform(0.18, 0.25))
    return shape.finish()


def van(rng: np.random.Generator) -> Template:
    """A panel van, a minibus or a small delivery van."""
    shape = Shape("van")
    small = rng.random() < 0.3
    length = rng.uniform(4.2, 4.6) if small else rng.uniform(4.9, 6.8)
    width = rng.uniform(1.75, 1.9) if small else rng.uniform(1.9, 2.1)
    height = rng.uniform(1.75, 1.95) if small else rng.uniform(1.95, 2.75)
    front, rear, half, sill = length / 2, -length / 2, width / 2, 0.28
    bonnet = rng.uniform(0.6, 1.0)
    belt = rng.uniform(1.0, 1.2)
    head = front - bonnet - (height - belt) * rng.uniform(0.35, 0.6)
    top = half * 0.9
    shape.prism(
        ["paint", "paint", "paint", "glass", "paint", "paint", "paint", "dark plastic"],
        [(front - 0.05, sill), (front, 0.6), (front - 0.06, belt * 0.85),
         (front - bonnet, belt), (head, height - 0.06), (head - 0.5, height),
         (rear + 0.12, height - 0.03), (rear, sill)],
        [half * 0.95, half * 0.95, half * 0.96, half, top, top, top, half],
    )  # fmt: skip
    windows = [(head - 0.45, 0.8)]
    if rng.random() < 0.5:  # a minibus has windows all along
        x = head - 1.6
        while x > rear + 0.7:
            windows.append((x, 1.0))
            x -= 1.2
    for x, wide in windows:
        for side in (-1, 1):
            shape.box(
                "glass",
                (x, side * (half + top) / 2 * 1.035, belt + 0.32 * (height - belt)),
                (wide, 0.04, (height - belt) * 0.55),
                roll=side * 0.12,
            )
    shape.box("glass", (rear - 0.01, 0, belt + 0.4), (0.04, width * 0.7, 0.5))
    for side in (-1, 1):
        shape.box(
            "dark plastic", (front - bonnet - 0.25, side * (half + 0.14), belt + 0.15),
            (0.1, 0.22, 0.28),
        )  # fmt: skip
    _plates_and_lamps(shape, front, rear, half, belt * 0.75, 0.5)
    axle = np.array([front - 0.9, rear + rng.uniform(0.9, 1.3)])
    _axles(shape, axle, half, rng.uniform(0.32, 0.37), 0.22)
    return shape.finish()


def motorcycle_parts(rng: np.random.Generator, shape: Shape) -> float:
    """Adds a motorcycle or scooter; returns the height of its seat."""
    length = rng.uniform(1.15, 1.45)
    radius = rng.uniform(0.22, 0.33)
    scooter = rng.random() < 0.4
    seat = rng.uniform(0.72, 0.85)
    for x in (-length / 2, length / 2):
        shape.wheel((x, 0, radius), radius, rng.uniform(0.09, 0.16))
    shape.ball("dark metal", (-0.02, 0, 0.42), (0.28, 0.16, 0.2))
    shape.ball("paint", (0.15, 0, seat), (0.26, 0.15, 0.14))
    shape.box("dark plastic", (-0.35, 0, seat), (0.6, 0.24, 0.1))
    for side in (-1, 1):
        shape.tube(
            "metal", (length / 2, side * 0.08, radius), (length / 2 - 0.3, side * 0.1, 0.95), 0.03
        )
        shape.tube("dark metal", (0.35, side * 0.05, 1.0), (0.22, side * 0.38, 1.03), 0.02)
        shape.box("dark plastic", (0.36, side * 0.3, 1.18), (0.03, 0.13, 0.09))
        shape.tube("metal", (0, side * 0.16, 0.3), (-0.65, side * 0.18, 0.4), 0.05)
    shape.box("lamp glass", (0.48, 0, 0.9), (0.1, 0.18, 0.18))
    shape.box("plate", (-length / 2 - 0.2, 0, 0.62), (0.03, 0.2, 0.14), pitch=0.2)
    shape.box("paint", (-length / 2 - 0.02, 0, seat - 0.1), (0.5, 0.16, 0.12))
    if scooter:
        shape.box("paint", (0.42, 0, 0.7), (0.1, 0.36, 0.6), pitch=-0.25)
        shape.box("paint", (0.12, 0, 0.33), (0.5, 0.3, 0.08))
        shape.box("paint", (-0.38, 0, 0.55), (0.6, 0.3, 0.35))
    elif rng.random() < 0.5:
        shape.prism(
            ["paint", "glass", "paint", "paint"],
            [(0.6, 0.65), (0.55, 1.0), (0.3, 1.2), (0.2, 0.6)],
            [0.18, 0.2, 0.12, 0.2],
            side="paint",
        )
    if rng.random() < 0.35:
        shape.box("dark plastic", (-0.75, 0, seat + 0.25), (0.35, 0.4, 0.32))
    return seat


def bicycle_parts(rng: np.random.Generator, shape: Shape) -> float:
    """Adds a bicycle; returns the height of its saddle."""
    radius = rng.uniform(0.28, 0.36)
    base = rng.uniform(0.98, 1.12)
    rear, front = np.array([-base / 2, 0, radius]), np.array([base / 2, 0, radius])
    saddle = rng.uniform(0.85, 1.0)
    for centre in (rear, front):
        turn = 2 * np.pi * np.arange(13) / 12
        ring = np.stack([np.cos(turn), 0 * turn, np.sin(turn)], 1)
        for low, high in zip(ring[:-1], ring[1:], strict=True):
            shape.tube("rubber", centre + radius * low, centre + radius * high, 0.022, sides=3)
        for spoke in ring[:12:2]:
            shape.tube("metal", centre, centre + radius * spoke, 0.006, sides=3)
    crank = np.array([-0.08, 0, radius - 0.05])
    seat = np.array([-0.22, 0, saddle - 0.15])
    neck = np.array([base / 2 - 0.17, 0, saddle - 0.08])
    thick = rng.uniform(0.018, 0.028)
    bars = [(rear, crank), (rear, seat), (crank, seat), (crank, neck), (seat, neck), (neck, front)]
    for start, end in bars:
        shape.tube("paint", start, end, thick, sides=4)
    shape.tube("dark metal", seat, (-0.25, 0, saddle), 0.018, sides=4)
    shape.box("dark plastic", (-0.26, 0, saddle + 0.02), (0.27, 0.16, 0.06))
    bar = neck + [-0.02, 0, 0.16]
    shape.tube("dark metal", neck, bar, 0.02, sides=4)
    half = rng.uniform(0.24, 0.33)
    shape.tube("dark metal", bar + [0, -half, 0], bar + [0, half, 0], 0.018, sides=4)
    if rng.random() < 0.4:
        shape.box("dark metal", (rear[0], 0, 2 * radius + 0.06), (0.4, 0.14, 0.03))
    if rng.random() < 0.3:
        shape.box("plastic", bar + [0.22, 0, -0.08], (0.3, 0.36, 0.22))
    if rng.random() < 0.5:
        shape.box("plate", (rear[0] - radius, 0, radius + 0.25), (0.02, 0.06, 0.05))
    return saddle


def motorcycle(rng: np.random.Generator) -> Template:
    shape = Shape("motorcycle")
    motorcycle_parts(rng, shape)
    return shape.finish()


def bicycle(rng: np.random.Generator) -> Template:
    shape = Shape("bicycle")
    bicycle_parts(rng, shape)
    return shape.finish()


SHAPES: dict[str, tuple[Maker, int]] = {
    "car": (car, 8),
    "van": (van, 3),
    "motorcycle": (motorcycle, 3),
    "bicycle": (bicycle, 3),
}
