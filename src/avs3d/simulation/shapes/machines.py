"""Machines of building sites: excavators, loaders, rollers, bulldozers, dumpers and more."""

from __future__ import annotations

import numpy as np

from avs3d.simulation.shapes.bodies import axles
from avs3d.simulation.shapes.mesh import Maker, Shape, Template
from avs3d.simulation.shapes.parts import boxes, grid, tubes


def booth(shape: Shape, at: tuple[float, float, float], high: float, wide: float = 0.95) -> None:
    """A driver's cabin of posts and glass; at: the middle of its floor."""
    x, y, z = at
    shape.box("glass", (x, y, z + high / 2), (1.1, wide, high - 0.1))
    posts = grid([x - 0.55, x + 0.55], [y - wide / 2, y + wide / 2], [z + high / 2])
    boxes(shape, "paint", posts, (0.09, 0.09, high))
    shape.box("paint", (x, y, z + high), (1.25, wide + 0.1, 0.1))
    shape.box("dark plastic", (x - 0.2, y, z + 0.4), (0.5, 0.5, 0.8))


def tracks(shape: Shape, half: float, long: float, high: float, wide: float) -> None:
    """A pair of crawler tracks, their middles at y = +-half."""
    end = long / 2
    profile = [(end - 0.35, 0.0), (end, 0.4 * high), (end - 0.25, high), (-end + 0.25, high),
               (-end, 0.4 * high), (-end + 0.35, 0.0)]  # fmt: skip
    for side in (-1, 1):
        first = shape.parts
        shape.prism("dark metal", profile, wide / 2)
        shape.move((0, side * half, 0), 0, first)


def _scale(shape: Shape, first: int, size: float) -> None:
    for i in range(first, shape.parts):
        shape._vertices[i] = shape._vertices[i] * size


def _arm(rng: np.random.Generator, shape: Shape, foot: np.ndarray) -> None:
    """Boom, stick, rams and bucket (or a breaker), reaching forward from the foot."""
    y = foot[1]
    elbow = np.array([rng.uniform(1.8, 3.6), y, rng.uniform(3.0, 4.8)])
    wrist = np.array([elbow[0] + rng.uniform(0.2, 2.3), y, rng.uniform(0.7, 2.8)])
    bend = (foot + elbow) / 2 + [-0.25, 0, 0.45]
    for a, b, r, q in (
        (foot, bend, 0.26, 0.3),
        (bend, elbow, 0.3, 0.18),
        (elbow, wrist, 0.2, 0.14),
    ):
        shape.tube("paint", a, b, r, q, sides=4)
    shape.tube("metal", foot + [0.4, 0, -0.2], bend, 0.07)
    shape.tube("metal", bend + [0.2, 0, 0.35], elbow + [0.2, 0, 0.25], 0.06)
    if rng.random() < 0.15:
        shape.tube("dark metal", wrist, wrist - [0.1, 0, 1.3], 0.2, 0.06)
        return
    x, z = wrist[0], wrist[2]
    bucket = [(x + 0.3, z), (x + 0.4, z - 0.7), (x - 0.3, z - 0.9), (x - 0.5, z - 0.3)]
    first = shape.parts
    shape.prism("dark metal", bucket, rng.uniform(0.3, 0.6))
    shape.move((0, y, 0), 0, first)


def excavator(rng: np.random.Generator) -> Template:
    """On tracks or wheels, from a mini digger to a heavy one, its upper part turned."""
    shape = Shape("excavator")
    mini = rng.random() < 0.3
    size = rng.uniform(0.42, 0.6) if mini else rng.uniform(0.8, 1.12)
    if mini or rng.random() < 0.7:
        tracks(shape, 1.05, rng.uniform(3.3, 4.0), rng.uniform(0.8, 0.95), 0.58)
    else:
        axles(shape, [1.3, -1.3], 1.25, 0.52, 0.45)
        shape.box("dark metal", (1.9, 0, 0.5), (0.1, 2.4, 0.6))
    if mini or rng.random() < 0.25:  # a blade
        shape.box("paint", (2.2, 0, 0.35), (0.1, 2.5, 0.65))
        boxes(shape, "paint", grid([1.5], [-0.5, 0.5], [0.5]), (1.4, 0.15, 0.2))
    shape.box("dark metal", (0, 0, 0.85), (1.6, 1.6, 0.5))
    upper = shape.parts
    back = rng.uniform(1.5, 2.2)
    hood = [(0.0, 1.05), (0.0, 1.9), (-back + 0.3, 2.0), (-back, 1.7), (-back, 1.1)]
    shape.prism("paint", hood, [1.2, 1.15, 1.0, 1.15, 1.2])
    shape.box("paint", (0.5, -0.65, 1.35), (1.3, 1.0, 0.6))
    booth(shape, (0.55, 0.7, 1.1), rng.uniform(1.65, 1.85))
    _arm(rng, shape, np.array([0.7, -0.15, 1.6]))
    shape.move((0, 0, 0), rng.uniform(-1.5, 1.5), upper)
    _scale(shape, 0, size)
    return shape.finish()


def _bucket(shape: Shape, x: float, lift: float, half: float) -> None:
    profile = [
        (x - 0.5, lift),
        (x - 0.3, lift + 0.95),
        (x - 0.15, lift + 0.95),
        (x + 0.7, lift - 0.1),
        (x, lift - 0.2),
    ]
    shape.prism("metal", profile, half)


def _loader(rng: np.random.Generator, shape: Shape) -> None:
    """A wheel loader; small ones stand in for skid steers."""
    radius = rng.uniform(0.6, 0.85)
    axles(shape, [1.6, -1.5], 1.3, radius, 0.5)
    hood = [(-0.8, 1.0), (-0.9, 2.0), (-2.7, 1.85), (-2.9, 1.0)]
    shape.prism("paint", hood, [0.85, 0.85, 0.75, 0.8])
    shape.box("paint", (0.8, 0, 1.05), (2.4, 1.0, 0.7))
    booth(shape, (-0.2, 0, 1.3), 1.8, 1.25)
    lift = rng.uniform(0.25, 2.2)
    for side in (-1, 1):
        shape.tube("paint", (0.7, side * 0.55, 1.5), (2.9, side * 0.55, lift + 0.2), 0.15, sides=4)
        shape.box("paint", (-1.5, side * 1.05, 2 * radius + 0.06), (1.5, 0.5, 0.06))
    _bucket(shape, 3.3, lift, 1.35)
    _scale(shape, 0, rng.uniform(0.55, 1.1))


def _backhoe(rng: np.random.Generator, shape: Shape) -> None:
    """A loader in front and a folded digging arm behind."""
    axles(shape, [1.5], 1.1, 0.5, 0.35)
    axles(shape, [-0.7], 1.15, 0.78, 0.5)
    shape.prism("paint", [(2.3, 0.7), (2.3, 1.4), (0.5, 1.6), (0.4, 0.7)], 0.5)
    booth(shape, (-0.4, 0, 1.0), 1.75, 1.4)
    lift = rng.uniform(0.25, 1.2)
    for side in (-1, 1):
        shape.tube("paint", (0.6, side * 0.65, 1.5), (2.9, side * 0.65, lift + 0.2), 0.1, sides=4)
    _bucket(shape, 3.2, lift, 1.15)
    elbow = np.array([-2.0, 0, rng.uniform(2.4, 3.5)])
    wrist = elbow + [rng.uniform(-1.8, -0.4), 0, rng.uniform(-2.2, -1.3)]
    tubes(shape, "paint", [(-1.5, 0, 0.8), elbow], [elbow, wrist], 0.15)
    shape.box("dark metal", wrist - [0.1, 0, 0.25], (0.6, 0.6, 0.6))


def _dumper(rng: np.random.Generator, shape: Shape) -> None:
    """A site dumper with its tub in front of the driver."""
    axles(shape, [1.4, -1.2], 1.1, 0.6, 0.45)
    shape.box("paint", (0, 0, 0.9), (3.6, 1.0, 0.5))
    shape.prism("paint", [(2.4, 1.8), (1.9, 0.9), (0.3, 0.9), (0.1, 1.9)], [1.1, 0.8, 0.8, 1.1])
    shape.box("paint", (-1.3, 0, 1.3), (1.3, 1.4, 0.7))
    if rng.random() < 0.5:
        booth(shape, (-0.6, 0, 1.2), 1.6)
    else:
        posts = grid([-0.9], [-0.55, 0.55], [1.3])
        tubes(shape, "paint", posts, posts + [0, 0, 1.5], 0.05)
        shape.box("paint", (-0.9, 0, 2.8), (0.1, 1.2, 0.1))
    _scale(shape, 0, rng.uniform(0.6, 1.0))


def _roller(rng: np.random.Generator, shape: Shape) -> None:
    width, double = rng.uniform(1.1, 2.1), rng.random() < 0.5
    for x in (1.4, -1.3) if double else (1.4,):
        shape.tube("metal", (x, -width / 2, 0.62), (x, width / 2, 0.62), 0.62, sides=14)
        boxes(
            shape,
            "paint",
            grid([x], [-width / 2 - 0.06, width / 2 + 0.06], [0.75]),
            (1.1, 0.1, 0.35),
        )
    if not double:
        axles(shape, [-1.2], width / 2, 0.68, 0.45)
    shape.box("paint", (0.1, 0, 1.1), (2.6, width * 0.75, 0.5))
    shape.prism("paint", [(-0.6, 1.1), (-0.7, 1.8), (-2.0, 1.65), (-2.1, 1.1)], width * 0.38)
    if rng.random() < 0.6:
        booth(shape, (0.1, 0, 1.3), 1.5)
    else:  # a roof on posts
        posts = grid([-0.5, 0.7], [-0.45, 0.45], [1.3])
        tubes(shape, "paint", posts, posts + [0, 0, 1.4], 0.04)
        shape.box("paint", (0.1, 0, 2.72), (1.6, 1.2, 0.08))
        shape.box("dark plastic", (0.0, 0, 1.7), (0.5, 0.5, 0.7))
    _scale(shape, 0, rng.uniform(0.6, 1.0))


def _bulldozer(rng: np.random.Generator, shape: Shape) -> None:
    tracks(shape, 0.95, 3.4, 1.05, 0.55)
    shape.prism("paint", [(1.9, 0.7), (1.85, 1.75), (0.3, 1.85), (0.2, 0.7)], 0.5)
    shape.box("paint", (-1.0, 0, 1.2), (1.5, 1.4, 0.7))
    booth(shape, (-0.4, 0, 1.25), 1.7, 1.4)
    z = rng.uniform(0.0, 0.5)
    blade = [
        (2.55, z),
        (2.35, z + 0.5),
        (2.5, z + 1.15),
        (2.6, z + 1.15),
        (2.45, z + 0.5),
        (2.65, z),
    ]
    shape.prism("metal", blade, rng.uniform(1.5, 1.9))
    arms = grid([0.3], [-1.3, 1.3], [0.6])
    tubes(shape, "paint", arms, arms * [1, 1, 0] + [2.1, 0, z + 0.4], 0.1)
    shape.tube("dark metal", (1.2, 0.2, 1.8), (1.2, 0.2, 2.6), 0.06)
    if rng.random() < 0.4:
        shape.prism("dark metal", [(-1.8, 1.2), (-2.6, 1.1), (-2.5, 0.3), (-2.4, 0.9)], 0.4)
    _scale(shape, 0, rng.uniform(0.75, 1.2))


def _grader(rng: np.random.Generator, shape: Shape) -> None:
    axles(shape, [3.6], 1.15, 0.65, 0.4)
    axles(shape, [-1.3, -2.9], 1.2, 0.65, 0.4)
    tubes(shape, "paint", [(-0.3, 0, 1.6), (2.6, 0, 2.1)], [(2.6, 0, 2.1), (3.9, 0, 1.0)], 0.22)
    shape.prism("paint", [(-1.2, 0.9), (-1.3, 2.1), (-3.6, 1.9), (-3.8, 0.9)], 0.6)
    booth(shape, (-0.6, 0, 1.2), 1.9, 1.4)
    first = shape.parts
    shape.prism("metal", [(0.1, 0.15), (0.0, 0.75), (-0.08, 0.75), (0.0, 0.15)], 1.9)
    shape.move((1.3, 0, 0), rng.uniform(-0.6, 0.6), first)
    shape.tube("dark metal", (1.3, 0, 0.7), (1.3, 0, 1.7), 0.3)


def _paver(rng: np.random.Generator, shape: Shape) -> None:
    """A hopper in front, a platform with a roof, and the screed behind."""
    tracks(shape, 0.9, 3.2, 0.8, 0.4)
    hopper = [(2.8, 0.5), (2.9, 1.3), (0.9, 1.5), (0.9, 0.5)]
    shape.prism("paint", hopper, [1.4, 1.5, 1.3, 1.2])
    shape.box("paint", (-0.3, 0, 1.25), (2.4, 2.3, 1.1))
    shape.box("dark metal", (-2.2, 0, 0.35), (1.0, rng.uniform(2.6, 4.5), 0.65))
    shape.box("dark plastic", (-1.0, 0.5, 2.1), (0.5, 0.5, 0.7))
    posts = grid([-1.5, 0.3], [-1.0, 1.0], [1.8])
    tubes(shape, "paint", posts, posts + [0, 0, 1.5], 0.05)
    shape.box("paint", (-0.6, 0, 3.33), (2.4, 2.5, 0.1))


def _telehandler(rng: np.random.Generator, shape: Shape) -> None:
    """Four large wheels, a cabin at one side, a boom that slides out."""
    axles(shape, [1.4, -1.4], 1.15, 0.6, 0.42)
    shape.box("paint", (0, 0, 0.95), (3.9, 1.3, 0.6))
    booth(shape, (0.1, 0.62, 0.9), 1.5, 0.85)
    shape.box("paint", (-0.3, -0.75, 1.25), (1.8, 0.7, 0.7))
    rise, reach = rng.uniform(-0.12, 0.8), rng.uniform(3.6, 6.5)
    foot, way = np.array([-1.9, 0, 1.7]), np.array([np.cos(rise), 0, np.sin(rise)])
    shape.tube("paint", foot, foot + 3.4 * way, 0.22, sides=4)
    shape.tube("paint", foot + 3.0 * way, foot + reach * way, 0.16, sides=4)
    tip = foot + reach * way
    shape.box("dark metal", tip + [0.05, 0, -0.3], (0.1, 1.2, 0.8))
    boxes(shape, "metal", grid([tip[0] + 0.65], [-0.35, 0.35], [tip[2] - 0.65]), (1.2, 0.12, 0.05))


def _lifting_platform(rng: np.random.Generator, shape: Shape) -> None:
    """A basket on scissors or on a bent arm."""
    high = rng.uniform(1.0, 5.0)
    axles(shape, [0.8, -0.8], 0.6, 0.25, 0.18)
    shape.box("paint", (0, 0, 0.5), (2.2, 1.0, 0.45))
    if rng.random() < 0.6:
        steps = max(int(high / 0.7), 1)
        z = np.linspace(0.75, 0.75 + high, steps + 1)
        for side in (-0.4, 0.4):
            low = np.stack([np.full(steps, -0.9), np.full(steps, side), z[:-1]], 1)
            top = np.stack([np.full(steps, 0.9), np.full(steps, side), z[1:]], 1)
            tubes(shape, "dark metal", low, top, 0.04)
            tubes(shape, "dark metal", low * [-1, 1, 1], top * [-1, 1, 1], 0.04)
        middle = np.array([0.0, 0, 0.8 + high])
    else:
        knee = np.array([-1.2, 0, 0.8 + high * 0.6])
        middle = np.array([rng.uniform(1, 3), 0, 0.8 + high])
        tubes(shape, "paint", [(0.5, 0, 0.8), knee], [knee, middle], 0.14)
    shape.box("metal", middle, (2.1 if middle[0] == 0 else 0.9, 1.0, 0.1))
    long = 1.05 if middle[0] == 0 else 0.45
    for z_up in (0.55, 1.1):
        rails = grid([0.0], [-0.48, 0.48], [z_up])
        boxes(shape, "metal", rails + middle, (2 * long, 0.04, 0.04))
        boxes(shape, "metal", grid([-long, long], [0.0], [z_up]) + middle, (0.04, 1.0, 0.04))
    boxes(shape, "metal", grid([-long, long], [-0.48, 0.48], [0.55]) + middle, (0.04, 0.04, 1.1))


_MAKERS = (_loader, _backhoe, _dumper, _roller, _bulldozer, _grader, _paver, _telehandler,
           _lifting_platform)  # fmt: skip
_SHARE = np.array([0.24, 0.13, 0.11, 0.16, 0.12, 0.05, 0.05, 0.08, 0.06])


def construction_vehicle(rng: np.random.Generator) -> Template:
    shape = Shape("construction vehicle")
    _MAKERS[rng.choice(len(_MAKERS), p=_SHARE)](rng, shape)
    return shape.finish()


SHAPES: dict[str, tuple[Maker, int]] = {
    "excavator": (excavator, 3),
    "construction vehicle": (construction_vehicle, 4),
}
