"""Large vehicles: trucks, trailers, buses, trams, construction machines."""

from __future__ import annotations

import numpy as np

from avs3d.simulation.bodies import axles as _axles
from avs3d.simulation.bodies import plates_and_lamps as _plates_and_lamps
from avs3d.simulation.mesh import Maker, Shape, Template

HALF = 1.25


def _cab(rng: np.random.Generator, shape: Shape, front: float, height: float) -> float:
    """A truck's cab with its nose at x = front; returns the x of its back."""
    depth = rng.uniform(1.6, 2.3)
    if rng.random() < 0.2:  # with a bonnet
        nose = rng.uniform(1.0, 1.6)
        shape.box("paint", (front - nose / 2, 0, 1.15), (nose, 1.7, 1.1))
        front -= nose
    lean = rng.uniform(0.0, 0.25)
    belt = rng.uniform(1.55, 1.85)
    shape.prism(
        ["paint", "glass", "paint", "paint", "dark metal"],
        [(front, 0.55), (front, belt), (front - lean, height - 0.25), (front - depth, height),
         (front - depth, 0.6)],
        [HALF * 0.98, HALF * 0.98, HALF * 0.93, HALF * 0.95, HALF * 0.98],
        side="paint",
    )  # fmt: skip
    for side in (-1, 1):
        shape.box("glass", (front - 0.6, side * HALF * 0.99, belt + 0.35), (0.8, 0.05, 0.6))
        shape.box("dark plastic", (front - 0.1, side * (HALF + 0.2), belt + 0.4), (0.12, 0.2, 0.6))
    shape.box("dark plastic", (front + 0.03, 0, 0.6), (0.12, 2.4, 0.4))
    return front - depth


def _load(rng: np.random.Generator, shape: Shape, front: float, length: float, kind: str) -> None:
    """What a truck or trailer carries, from x = front backwards."""
    floor = rng.uniform(0.95, 1.25)
    middle = front - length / 2
    shape.box("dark metal", (middle, 0, floor - 0.15), (length, 0.9, 0.25))
    if kind == "box":
        height = rng.uniform(2.0, 2.75)
        shape.box("paint", (middle, 0, floor + height / 2), (length, 2 * HALF, height))
        for side in (-1, 1):
            shape.box("dark metal", (middle, side * HALF * 0.9, 0.6), (length * 0.4, 0.05, 0.5))
    elif kind == "flat":
        shape.box("wood", (middle, 0, floor), (length, 2 * HALF, 0.12))
        shape.box("metal", (front - 0.05, 0, floor + 0.7), (0.1, 2 * HALF, 1.4))
        for _ in range(rng.integers(0, 4)):
            size = rng.uniform((0.8, 0.8, 0.4), (2.4, 2.2, 1.5))
            x = middle + rng.uniform(-0.4, 0.4) * length
            shape.box("wood", (x, 0, floor + size[2] / 2), size)
    elif kind == "tipper":
        shape.prism(
            "metal",
            [(front, floor), (front + 0.05, floor + 1.5), (front - length, floor + 1.2),
             (front - length + 0.6, floor)],
            [HALF * 0.85, HALF, HALF, HALF * 0.85],
        )  # fmt: skip
        for x in np.linspace(front - 0.3, front - length + 0.5, 6):
            for side in (-1, 1):
                shape.box("dark metal", (x, side * HALF * 0.97, floor + 0.65), (0.1, 0.12, 1.2))
    elif kind == "tank":
        z = floor + 1.05
        shape.tube("metal", (front, 0, z), (front - length, 0, z), 1.1, sides=12)
    elif kind == "mixer":
        z, back = floor + 1.2, front - length
        shape.tube("paint", (front, 0, z - 0.3), (middle, 0, z), 0.75, 1.15, sides=12)
        shape.tube("paint", (middle, 0, z), (back, 0, z + 0.7), 1.15, 0.5, sides=12)
        shape.box("dark metal", (back, 0, floor + 0.6), (0.4, 0.6, 1.4))
        shape.prism("metal", [(back - 0.6, floor + 0.2), (back, z + 1.3), (back + 0.2, z)], 0.4)
    elif kind == "garbage":
        shape.box("paint", (middle + 0.5, 0, floor + 1.2), (length - 1, 2.4, 2.3))
        back = front - length
        shape.prism(
            ["paint", "paint", "dark metal", "paint"],
            [(back + 1, floor - 0.4), (back + 1, floor + 2.5), (back, floor + 1.8),
             (back - 0.5, floor - 0.3)],
            1.15,
        )  # fmt: skip
    else:  # a container on a frame
        shape.box("paint", (middle, 0, floor + 1.3), (length, 2.44, 2.59))
        for x in np.arange(front - 0.2, front - length, -0.28):
            for side in (-1, 1):
                shape.box("paint", (x, side * 1.23, floor + 1.3), (0.12, 0.05, 2.3))


_LOADS = ("box", "flat", "tipper", "tank", "mixer", "garbage", "container")


def truck(rng: np.random.Generator) -> Template:
    shape = Shape("truck")
    kind = _LOADS[rng.choice(7, p=[0.38, 0.13, 0.15, 0.06, 0.1, 0.1, 0.08])]
    cab_height = rng.uniform(2.5, 3.4)
    semi = rng.random() < 0.28 and kind in ("box", "flat", "tank", "container")
    load = rng.uniform(8, 12.5) if semi else rng.uniform(3.5, 7.2)
    front = (load + 2.6) / 2
    back = _cab(rng, shape, front, cab_height)
    start = back - rng.uniform(0.15, 0.5)
    _plates_and_lamps(shape, front + 0.08, start - load, HALF, 0.75, 0.55)
    _axles(shape, np.array([front - 1.1]), HALF, 0.5, 0.32)
    if semi:
        shape.box("dark metal", (back - 1.2, 0, 0.8), (3.0, 0.9, 0.3))
        _axles(shape, back + np.array([-0.9, -2.0][: rng.integers(1, 3)]), HALF, 0.5, 0.55)
        shape.category = "trailer" if rng.random() < 0.5 else "truck"
    _load(rng, shape, start, load, kind)
    tail = start - load
    count = 3 if semi else rng.integers(1, 3)
    _axles(shape, tail + 1.3 + 1.3 * np.arange(count), HALF, 0.5, 0.5)
    return shape.finish()


def trailer(rng: np.random.Generator) -> Template:
    """A trailer without its tractor: from a car's box trailer or caravan to a semi-trailer."""
    shape = Shape("trailer")
    kind = rng.integers(4)
    if kind == 0:
        length = rng.uniform(7, 12.5)
        _load(rng, shape, length / 2, length, _LOADS[rng.choice([0, 1, 2, 3, 6])])
        _axles(shape, -length / 2 + 1.2 + 1.3 * np.arange(3), HALF, 0.5, 0.45)
        for side in (-1, 1):
            shape.box("metal", (length / 2 - 2, side * 0.8, 0.5), (0.15, 0.15, 1.0))
        return shape.finish()
    length, width = rng.uniform(2.0, 4.8), rng.uniform(1.3, 2.2)
    height = rng.uniform(1.5, 2.2) if kind == 1 else rng.uniform(0.35, 0.7)
    material = "paint" if kind == 1 else "metal"
    if kind == 1:
        shape.prism(
            material,
            [(length / 2, 0.45), (length / 2 - 0.3, 0.45 + height), (-length / 2, 0.4 + height),
             (-length / 2, 0.45)],
            width / 2,
        )  # fmt: skip
        for side in (-1, 1):
            shape.box("glass", (0, side * width / 2, 0.5 + height * 0.62), (0.9, 0.04, 0.5))
    else:
        shape.box(material, (0, 0, 0.55), (length, width, 0.1))
        for side in (-1, 1):
            shape.box(material, (0, side * width / 2, 0.55 + height / 2), (length, 0.05, height))
            shape.box(material, (side * length / 2, 0, 0.55 + height / 2), (0.05, width, height))
    shape.tube("dark metal", (length / 2, 0, 0.5), (length / 2 + 1.2, 0, 0.45), 0.05)
    _axles(shape, np.array([-0.1]), width / 2 + 0.2, 0.32, 0.2)
    shape.box("plate", (-length / 2 - 0.03, 0, 0.6), (0.03, 0.5, 0.11))
    return shape.finish()


def bus(rng: np.random.Generator) -> Template:
    shape = Shape("bus")
    parts = 2 if rng.random() < 0.25 else 1
    length = rng.uniform(8.5, 13.0) if parts == 1 else 9.0
    height = rng.uniform(2.9, 3.4) if rng.random() < 0.88 else rng.uniform(4.0, 4.4)
    belt = rng.uniform(1.0, 1.35)
    glass_top = height - rng.uniform(0.4, 0.7)
    for part in range(parts):
        middle = -part * (length + 0.9)
        front, rear = middle + length / 2, middle - length / 2
        shape.box("paint", (middle, 0, (0.35 + belt) / 2), (length, 2 * HALF, belt - 0.35))
        shape.box(
            "paint", (middle, 0, (glass_top + height) / 2), (length, 2.46, height - glass_top)
        )
        shape.box(
            "glass", (middle, 0, (belt + glass_top) / 2), (length - 0.06, 2.44, glass_top - belt)
        )
        for x in np.arange(front - rng.uniform(0.8, 1.5), rear + 0.3, -rng.uniform(1.1, 1.7)):
            for side in (-1, 1):
                shape.box(
                    "paint",
                    (x, side * 1.22, (belt + glass_top) / 2),
                    (0.14, 0.07, glass_top - belt),
                )
        for x in np.arange(front - 1.5, rear + 1, -0.9):  # seats behind the glass
            shape.box("dark plastic", (x, 0, belt), (0.15, 2.1, 0.9))
        _axles(shape, np.array([front - 2.5, rear + 2.6]), HALF, 0.5, 0.35)
        if part:
            shape.tube(
                "rubber", (front, 0, height / 2 + 0.2), (front + 0.9, 0, height / 2 + 0.2), 1.4
            )
    front = length / 2
    for side in (-1, 1):
        shape.box("dark plastic", (front + 0.15, side * 1.35, 2.3), (0.12, 0.2, 0.5))
    _plates_and_lamps(shape, front, -length / 2 - (parts - 1) * (length + 0.9), HALF, 0.8, 0.55)
    if rng.random() < 0.5:
        shape.box("dark metal", (0, 0, height + 0.15), (2.5, 1.7, 0.3))
    shape.move((0, 0, 0) if parts == 1 else ((length + 0.9) / 2, 0, 0))
    return shape.finish()


def train(rng: np.random.Generator) -> Template:
    """A tram or a train of several cars on its rails."""
    shape = Shape("train")
    count = rng.integers(2, 5)
    length, height = rng.uniform(8, 16), rng.uniform(3.2, 3.9)
    belt, top = rng.uniform(1.2, 1.7), rng.uniform(2.5, 2.9)
    half = rng.uniform(1.2, 1.4)
    freight = rng.random() < 0.25
    for part in range(count):
        middle = (part - (count - 1) / 2) * (length + 0.6)
        if freight:
            shape.box("paint", (middle, 0, height / 2 + 0.4), (length, 2 * half, height - 0.9))
        else:
            nose = 0.8 if part in (0, count - 1) else 0.0
            shape.box("paint", (middle, 0, (0.4 + belt) / 2), (length, 2 * half, belt - 0.4))
            shape.box(
                "glass", (middle, 0, (belt + top) / 2), (length - nose, 2 * half - 0.1, top - belt)
            )
            shape.box(
                "paint", (middle, 0, (top + height) / 2), (length - nose, 2 * half, height - top)
            )
            for x in np.arange(middle - length / 2 + 1, middle + length / 2, 1.6):
                for side in (-1, 1):
                    shape.box("paint", (x, side * half, (belt + top) / 2), (0.25, 0.06, top - belt))
        for end in (-1, 1):
            shape.box("dark metal", (middle + end * length * 0.35, 0, 0.35), (2.2, 1.8, 0.6))
    return shape.finish()


def construction_vehicle(rng: np.random.Generator) -> Template:
    shape = Shape("construction vehicle")
    kind = rng.choice(5, p=[0.40, 0.26, 0.12, 0.12, 0.1])
    (_excavator, _loader, _dumper, _roller, _crane)[kind](rng, shape)
    return shape.finish()


def _cabin(shape: Shape, x: float, y: float, z: float, height: float) -> None:
    shape.box("glass", (x, y, z + height / 2), (1.1, 0.95, height - 0.1))
    for dx in (-0.55, 0.55):
        for dy in (-0.48, 0.48):
            shape.box("paint", (x + dx, y + dy, z + height / 2), (0.09, 0.09, height))
    shape.box("paint", (x, y, z + height), (1.25, 1.05, 0.1))
    shape.box("dark plastic", (x - 0.2, y, z + 0.4), (0.5, 0.5, 0.8))


def _excavator(rng: np.random.Generator, shape: Shape) -> None:
    size = rng.uniform(0.55, 1.15)
    first = shape.parts
    if rng.random() < 0.7:
        for side in (-1, 1):
            shape.prism(
                "dark metal",
                [(1.5, 0.0), (1.9, 0.4), (1.6, 0.85), (-1.6, 0.85), (-1.9, 0.4), (-1.5, 0.0)],
                0.3,
            )
            shape.move((0, side * 1.15, 0), first=shape.parts - 7)
    else:
        _axles(shape, np.array([1.3, -1.3]), 1.25, 0.5, 0.4)
    shape.box("dark metal", (0, 0, 0.75), (1.6, 1.6, 0.5))
    upper = shape.parts
    shape.box("paint", (-0.9, 0, 1.6), (2.0, 2.4, 1.1))
    shape.box("paint", (0.5, -0.5, 1.35), (1.2, 1.2, 0.5))
    _cabin(shape, 0.55, 0.7, 1.1, 1.75)
    elbow = np.array([rng.uniform(2.0, 3.6), -0.25, rng.uniform(3.2, 4.8)])
    wrist = np.array([elbow[0] + rng.uniform(0.6, 2.2), -0.25, rng.uniform(0.9, 2.6)])
    shape.tube("paint", (0.6, -0.25, 1.6), elbow, 0.28, 0.2, sides=4)
    shape.tube("paint", elbow, wrist, 0.2, 0.14, sides=4)
    shape.tube("metal", (1.0, -0.25, 1.4), (elbow + [0.6, -0.25, 1.6]) / 2 * 1.02, 0.07)
    shape.prism(
        "dark metal",
        [(wrist[0] + 0.3, wrist[2]), (wrist[0] + 0.4, wrist[2] - 0.7),
         (wrist[0] - 0.3, wrist[2] - 0.9), (wrist[0] - 0.5, wrist[2] - 0.3)],
        0.5,
    )  # fmt: skip
    shape.move((0, 0, 0), yaw=rng.uniform(-1.2, 1.2), first=upper)
    for i in range(first, shape.parts):
        shape._vertices[i] = shape._vertices[i] * size


def _loader(rng: np.random.Generator, shape: Shape) -> None:
    radius = rng.uniform(0.6, 0.85)
    _axles(shape, np.array([1.6, -1.5]), 1.3, radius, 0.5)
    shape.box("paint", (-1.8, 0, 1.5), (2.2, 1.7, 1.1))
    shape.box("paint", (0.8, 0, 1.05), (2.4, 1.0, 0.7))
    _cabin(shape, -0.2, 0, 1.3, 1.8)
    lift = rng.uniform(0.3, 2.0)
    for side in (-1, 1):
        shape.tube("paint", (0.7, side * 0.55, 1.5), (2.9, side * 0.55, lift + 0.2), 0.15, sides=4)
    x = 3.3
    shape.prism(
        "metal",
        [(x - 0.5, lift), (x - 0.3, lift + 1.0), (x - 0.15, lift + 1.0), (x + 0.7, lift - 0.2),
         (x, lift - 0.3)],
        1.35,
    )  # fmt: skip


def _dumper(rng: np.random.Generator, shape: Shape) -> None:
    _axles(shape, np.array([1.4, -1.2]), 1.1, 0.6, 0.45)
    shape.box("paint", (0, 0, 0.9), (3.6, 1.0, 0.5))
    shape.prism("paint", [(2.4, 1.8), (1.9, 0.9), (0.3, 0.9), (0.1, 1.9)], [1.1, 0.8, 0.8, 1.1])
    shape.box("paint", (-1.3, 0, 1.3), (1.3, 1.4, 0.7))
    if rng.random() < 0.6:
        _cabin(shape, -0.6, 0, 1.2, 1.6)


def _roller(rng: np.random.Generator, shape: Shape) -> None:
    width = rng.uniform(1.2, 2.1)
    shape.tube("metal", (1.4, -width / 2, 0.62), (1.4, width / 2, 0.62), 0.62, sides=14)
    _axles(shape, np.array([-1.2]), width / 2, 0.62, 0.4)
    shape.box("paint", (0.2, 0, 1.0), (3.0, width * 0.8, 0.5))
    shape.box("paint", (-1.4, 0, 1.35), (1.4, width * 0.8, 0.7))
    _cabin(shape, 0.0, 0, 1.2, 1.5)


def _crane(rng: np.random.Generator, shape: Shape) -> None:
    """A mobile crane with its boom up or laid along its back."""
    length = rng.uniform(7, 11)
    _axles(shape, np.linspace(-length / 2 + 1, length / 2 - 1, rng.integers(3, 5)), 1.3, 0.6, 0.45)
    shape.box("paint", (0, 0, 1.1), (length, 2.5, 0.7))
    shape.box("paint", (length / 2 - 0.8, 0, 2.0), (1.6, 2.4, 1.4))
    shape.box("glass", (length / 2 + 0.02, 0, 2.3), (0.04, 2.0, 0.7))
    upper = shape.parts
    shape.box("paint", (-1.5, 0, 2.0), (2.8, 2.3, 1.1))
    _cabin(shape, 0.2, 0.8, 1.5, 1.5)
    rise, reach = rng.uniform(0.03, 1.1), rng.uniform(8, 16)
    foot = np.array([-2.2, -0.2, 2.5])
    along = np.array([np.cos(rise), 0, np.sin(rise)])
    shape.tube("paint", foot, foot + 0.6 * reach * along, 0.4, 0.36, sides=4)
    shape.tube("paint", foot + 0.6 * reach * along, foot + reach * along, 0.3, 0.24, sides=4)
    if rise > 0.4:
        tip = foot + reach * along
        shape.tube("dark metal", tip, tip - [0, 0, rng.uniform(2, 5)], 0.03, sides=3)
        shape.move((0, 0, 0), rng.uniform(-2, 2), upper)


SHAPES: dict[str, tuple[Maker, int]] = {
    "truck": (truck, 3),
    "bus": (bus, 2),
    "trailer": (trailer, 2),
    "train": (train, 1),
    "construction vehicle": (construction_vehicle, 3),
}
