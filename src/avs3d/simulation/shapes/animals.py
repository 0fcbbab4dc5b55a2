"""Dogs, horses, cows and deer, standing, walking, grazing or lying."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from avs3d.simulation.shapes.figures import limb, upper_body
from avs3d.simulation.shapes.mesh import Maker, Shape, Template
from avs3d.simulation.shapes.parts import chain


@dataclass(frozen=True)
class Build:
    """An animal's measures as shares of its height at the shoulder.

    Attributes:
        long, deep, wide: of the trunk; leg: thickness of the legs at the top.
        neck, head: lengths; thick: of the neck; tail: length.
    """

    long: float
    deep: float
    wide: float
    leg: float
    neck: float
    head: float
    thick: float
    tail: float


_DOGS = (
    Build(1.05, 0.42, 0.28, 0.10, 0.32, 0.32, 0.12, 0.45),  # a hound or shepherd
    Build(1.1, 0.50, 0.36, 0.13, 0.26, 0.34, 0.17, 0.4),  # a heavy one
    Build(1.75, 0.60, 0.42, 0.16, 0.38, 0.55, 0.18, 0.55),  # long and low
    Build(1.05, 0.55, 0.42, 0.14, 0.25, 0.4, 0.2, 0.3),  # small and woolly
    Build(1.0, 0.40, 0.22, 0.07, 0.38, 0.36, 0.09, 0.5),  # lean
)
_HORSE = Build(1.0, 0.40, 0.30, 0.09, 0.50, 0.36, 0.13, 0.45)
_COW = Build(1.18, 0.52, 0.40, 0.10, 0.36, 0.36, 0.16, 0.55)
_DEER = Build(1.05, 0.38, 0.24, 0.065, 0.48, 0.28, 0.08, 0.1)


def _trunk(shape: Shape, build: Build, high: float, middle: float) -> None:
    """Belly, shoulders and hindquarters; z of the trunk's middle given."""
    long, deep, wide = build.long * high, build.deep * high, build.wide * high
    shape.ball("hide", (0, 0, middle), (0.5 * long, 0.48 * wide, 0.47 * deep))
    for x, lift in ((0.28, 0.04), (-0.3, 0.05)):
        shape.ball("hide", (x * long, 0, middle + lift * high),
                   (0.23 * long, 0.5 * wide, 0.5 * deep))  # fmt: skip


def _four_legs(
    rng: np.random.Generator, shape: Shape, build: Build, high: float, middle: float
) -> None:
    walk = rng.uniform(0.0, 0.06) if rng.random() < 0.5 else rng.uniform(0.08, 0.25)
    phase = rng.uniform(0, np.pi)
    for k, (x, side) in enumerate(((0.36, -1), (0.36, 1), (-0.38, -1), (-0.38, 1))):
        top = np.array([x * build.long * high, side * 0.3 * build.wide * high, middle])
        swing = walk * np.sin(phase + np.pi * (k in (0, 3)))
        back = -0.05 if x < 0 else 0.02
        knee = top * [1, 1, 0] + [(0.5 * swing - back) * high, 0, 0.32 * high]
        foot = top * [1, 1, 0] + [swing * high, 0, 0.02 * high]
        thick = build.leg * high * (1.15 if x < 0 else 1.0)
        limb(shape, [top, knee, foot], (thick, thick * 0.52, thick * 0.45), "hide")


def _neck_and_head(
    shape: Shape, build: Build, high: float, middle: float, rise: float, look: float
) -> tuple[np.ndarray, np.ndarray]:
    """Returns the poll and the direction of the muzzle; angles from the horizontal."""
    root = np.array([0.4 * build.long * high, 0, middle + 0.1 * build.deep * high])
    poll = root + build.neck * high * np.array([np.cos(rise), 0, np.sin(rise)])
    way = np.array([np.cos(look), 0, np.sin(look)])
    thick = build.thick * high
    shape.tube("hide", root - 0.1 * high * np.array([1, 0, 0]), poll, thick * 1.5, thick, sides=7)
    muzzle = poll + build.head * high * way
    shape.ball("hide", poll + 0.25 * build.head * high * way, (0.32 * build.head * high,
               thick * 0.95, thick * 1.1), pitch=-look)  # fmt: skip
    shape.tube("hide", poll, muzzle, thick * 0.95, thick * 0.5, sides=6)
    return poll, way


def _ears(shape: Shape, poll: np.ndarray, size: float, spread: float) -> None:
    for side in (-1, 1):
        root = poll + [0, side * size * 0.35, size * 0.2]
        tip = root + [-0.2 * size, side * spread * size, size]
        shape.tube("hide", root, tip, size * 0.25, 0.005, sides=4)


def dog(rng: np.random.Generator) -> Template:
    """Stands, walks or sits."""
    shape = Shape("dog")
    kind = rng.integers(5)
    build = _DOGS[kind]
    low, top = ((0.5, 0.68), (0.5, 0.75), (0.22, 0.32), (0.25, 0.42), (0.45, 0.75))[kind]
    high = rng.uniform(low, top)
    middle = high * (1.0 - 0.5 * build.deep)
    sits = rng.random() < 0.18
    first = shape.parts
    _trunk(shape, build, high, middle)
    poll, _ = _neck_and_head(
        shape, build, high, middle, rng.uniform(0.3, 1.2), rng.uniform(-0.6, 0.1)
    )
    _ears(shape, poll, 0.16 * high, rng.uniform(0.1, 0.8))
    tail = np.array([-0.5 * build.long * high, 0, middle + 0.12 * high])
    lift = rng.uniform(-0.9, 1.2)
    step = 0.5 * build.tail * high * np.array([-np.cos(lift), 0, np.sin(lift)])
    chain(
        shape,
        "hide",
        [tail, tail + step, tail + 2 * step + [0, 0, 0.05]],
        [0.04 * high + 0.01] * 3,
        4,
    )
    if not sits:
        _four_legs(rng, shape, build, high, middle)
        return shape.finish()
    pivot = np.array([-0.3 * build.long * high, 0, middle])
    tilt = 0.75
    c, s = np.cos(tilt), np.sin(tilt)
    turn = np.array([[c, 0, -s], [0, 1, 0], [s, 0, c]])
    for i in range(first, shape.parts):
        shape._vertices[i] = (shape._vertices[i] - pivot) @ turn.T + pivot * [1, 1, 0.4]
    # The head keeps its gaze well enough; forelegs and haunches are put below.
    for side in (-1, 1):
        y = side * 0.25 * build.wide * high
        shoulder = np.array([0.12 * high, y, 0.62 * high])
        limb(
            shape, [shoulder, np.array([0.2 * high, y, 0.02])], (0.07 * high, 0.045 * high), "hide"
        )
        shape.ball(
            "hide", (-0.18 * high, y * 1.5, 0.16 * high), (0.22 * high, 0.1 * high, 0.16 * high)
        )
    return shape.finish()


def _grazing(rng: np.random.Generator, share: float) -> tuple[float, float]:
    """Rise of the neck and of the muzzle: head down in the grass, or up."""
    if rng.random() < share:
        return rng.uniform(-1.0, -0.6), rng.uniform(-1.3, -0.9)
    return rng.uniform(0.5, 1.05), rng.uniform(-0.9, -0.45)


def _rider(rng: np.random.Generator, shape: Shape, back: float) -> None:
    shape.box("dark plastic", (0, 0, back + 0.02), (0.5, 0.42, 0.08))
    shape.category = "person"
    hip = np.array([0.0, 0, back + 0.14])
    for side in (-1, 1):
        knee = hip + [0.28, side * 0.3, -0.25]
        limb(shape, [hip + [0, side * 0.1, 0], knee, knee + [-0.1, side * 0.02, -0.42]],
             (0.09, 0.065, 0.05), "fabric")  # fmt: skip
    hands = [hip + [0.35, y, 0.2] for y in (-0.1, 0.1)]
    hat = "helmet" if rng.random() < 0.7 else None
    upper_body(rng, shape, hip, rng.uniform(0.85, 1.02), rng.uniform(-0.05, 0.1), hands, hat=hat)


def horse(rng: np.random.Generator) -> Template:
    """A horse or pony, sometimes ridden; its rider is a `person`."""
    shape = Shape("horse")
    high = rng.uniform(1.4, 1.75) if rng.random() < 0.75 else rng.uniform(0.9, 1.3)
    ridden = high > 1.3 and rng.random() < 0.3
    middle = high * (1 - 0.45 * _HORSE.deep)
    _trunk(shape, _HORSE, high, middle)
    rise, look = _grazing(rng, 0.0 if ridden else 0.35)
    poll, _ = _neck_and_head(shape, _HORSE, high, middle, rise, look)
    _ears(shape, poll, 0.09 * high, 0.1)
    root = np.array([0.4 * _HORSE.long * high, 0, middle + 0.1 * high])
    shape.prism("fabric", [(poll[0], poll[2] + 0.06), (root[0] - 0.25 * high, middle + 0.24 * high),
                           (root[0], root[2])], 0.025)  # fmt: skip
    tail = np.array([-0.5 * high, 0, middle + 0.1 * high])
    end = tail + [-0.12 * high, 0, -0.45 * high]
    chain(shape, "fabric", [tail, tail + [-0.1 * high, 0, -0.08 * high], end], [0.03, 0.06, 0.04])
    _four_legs(rng, shape, _HORSE, high, middle)
    if ridden:
        _rider(rng, shape, middle + 0.48 * _HORSE.deep * high)
    return shape.finish()


def _lying(shape: Shape, build: Build, high: float, drop: float) -> None:
    """Lets down what was added, its legs folded underneath."""
    shape.move((0, 0, -drop))
    for x in (0.3, -0.32):
        for side in (-1, 1):
            y = side * 0.42 * build.wide * high
            shape.tube(
                "hide",
                (x * build.long * high, y, 0.1 * high),
                ((x + 0.25) * build.long * high, y * 1.2, 0.05 * high),
                build.leg * high,
                build.leg * 0.5 * high,
            )


def cow(rng: np.random.Generator) -> Template:
    """Cattle: milk cows, heavy beasts, calves; standing, grazing or lying."""
    shape = Shape("cow")
    high = rng.uniform(1.25, 1.5) if rng.random() < 0.8 else rng.uniform(0.7, 1.0)
    middle = high * (1 - 0.48 * _COW.deep)
    _trunk(shape, _COW, high, middle)
    shape.box("hide", (0, 0, high * 0.93), (_COW.long * high * 0.75, 0.22 * high, 0.1 * high))
    lies = rng.random() < 0.2
    rise, look = _grazing(rng, 0.45)
    if rise > 0 or lies:
        rise, look = rng.uniform(0.05, 0.5), rng.uniform(-0.8, -0.3)
    poll, _ = _neck_and_head(shape, _COW, high, middle, rise, look)
    for side in (-1, 1):
        ear = poll + [0, side * 0.08 * high, 0]
        shape.tube("hide", ear, ear + [0, side * 0.14 * high, 0.02], 0.04 * high, 0.02)
    if rng.random() < 0.5:
        out = rng.uniform(0.08, 0.25) * high
        for side in (-1, 1):
            chain(
                shape,
                "stone",
                [poll, poll + [0.02, side * out, 0.08], poll + [0.08, side * out * 1.1, 0.1 + out]],
                [0.035, 0.025, 0.01],
                4,
            )
    tail = np.array([-0.5 * _COW.long * high, 0, middle + 0.2 * high])
    chain(
        shape, "hide", [tail, tail + [-0.08, 0, -0.15], tail + [-0.06, 0, -0.55 * high]], 0.025, 4
    )
    if lies:
        _lying(shape, _COW, high, middle - 0.24 * high)
        return shape.finish()
    if rng.random() < 0.6 and high > 1.2:
        shape.ball("skin", (-0.28 * high, 0, middle - 0.24 * high), (0.17, 0.16, 0.12))
    _four_legs(rng, shape, _COW, high, middle)
    return shape.finish()


def _antlers(rng: np.random.Generator, shape: Shape, poll: np.ndarray, size: float) -> None:
    for side in (-1, 1):
        path = poll + size * np.array([[0, side * 0.1, 0.1], [-0.15, side * 0.35, 0.5],
                                       [0.05, side * 0.5, 1.0]])  # fmt: skip
        chain(shape, "wood", path, [0.025, 0.02, 0.012], 4)
        for k in range(int(rng.integers(2, 5))):
            root = path[1] + (path[2] - path[1]) * k / 4
            tip = root + size * np.array([0.3, side * 0.05, 0.2])
            shape.tube("wood", root, tip, 0.015, 0.005, sides=3)


def deer(rng: np.random.Generator) -> Template:
    """From a roe to a stag, a few with antlers; head up or grazing."""
    shape = Shape("deer")
    high = rng.uniform(0.65, 0.8) if rng.random() < 0.5 else rng.uniform(0.85, 1.25)
    middle = high * (1 - 0.45 * _DEER.deep)
    _trunk(shape, _DEER, high, middle)
    rise, look = _grazing(rng, 0.35)
    if rise > 0:
        rise, look = rng.uniform(0.8, 1.25), rng.uniform(-0.5, -0.1)
    poll, _ = _neck_and_head(shape, _DEER, high, middle, rise, look)
    _ears(shape, poll, 0.15 * high, 0.6)
    if rng.random() < 0.4:
        _antlers(rng, shape, poll, rng.uniform(0.2, 0.65) * high)
    shape.ball("plaster", (-0.5 * _DEER.long * high, 0, middle + 0.06 * high), (0.04, 0.07, 0.08))
    _four_legs(rng, shape, _DEER, high, middle)
    return shape.finish()


SHAPES: dict[str, tuple[Maker, int]] = {
    "dog": (dog, 4),
    "horse": (horse, 3),
    "cow": (cow, 4),
    "deer": (deer, 3),
}
