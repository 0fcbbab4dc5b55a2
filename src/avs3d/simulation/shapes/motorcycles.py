"""Motorcycles: roadsters, sport machines, tourers, scooters, choppers."""

from __future__ import annotations

import numpy as np

from avs3d.simulation.shapes.mesh import Maker, Shape, Template
from avs3d.simulation.shapes.parts import boxes, chain, grid, tubes


def motorcycle_parts(rng: np.random.Generator, shape: Shape) -> tuple[np.ndarray, np.ndarray]:
    """Adds a motorcycle of some kind; returns the rider's seat and the left grip."""
    kind = rng.choice(5, p=[0.26, 0.2, 0.14, 0.28, 0.12])
    make = (_roadster, _sport, _tourer, _scooter, _chopper)[kind]
    return make(rng, shape)


def _frame(
    rng: np.random.Generator,
    shape: Shape,
    base: float,
    radius: float,
    wide: float,
    grip: np.ndarray,
) -> None:
    """Wheels, fork, engine, handlebar, lamps and plate of any motorcycle."""
    for x in (-base / 2, base / 2):
        shape.wheel((x, 0, radius), radius, wide)
    shape.ball("dark metal", (-0.02, 0, 0.42), (0.28, 0.18, 0.22))
    head = np.array([grip[0] + 0.08, 0, grip[2] - 0.08])
    sides = np.array([-1.0, 1.0])[:, None]
    feet = np.array([base / 2, 0, radius]) + sides * [0, 0.09, 0]
    tubes(shape, "metal", feet, head + sides * [0, 0.09, 0], 0.03, sides=5)
    chain(shape, "dark metal", [grip, head + [0, 0.1, 0.06], head + [0, -0.1, 0.06],
                                grip * [1, -1, 1]], 0.018)  # fmt: skip
    tubes(shape, "dark metal", [(-base / 2, 0.1, radius)], [(-0.05, 0.1, 0.4)], 0.04)
    tubes(shape, "metal", [(0, -0.16, 0.3)], [(-base / 2 - 0.1, -0.18, 0.4)], 0.055, sides=6)
    shape.box("lamp glass", head + [0.14, 0, -0.08], (0.1, 0.19, 0.18))
    for side in (-1, 1):
        mirror = grip * [1, side, 1] + [0.08, 0.02 * side, 0.2]
        shape.box("dark plastic", mirror, (0.03, 0.14, 0.09))
        tubes(shape, "dark metal", [grip * [1, side, 1] + [0.05, 0, 0]], [mirror], 0.008)
    shape.box("plate", (-base / 2 - 0.22, 0, 0.62), (0.03, 0.2, 0.15), pitch=0.2)


def _cases(rng: np.random.Generator, shape: Shape, x: float, z: float, chance: float) -> None:
    if rng.random() < chance:
        shape.box("dark plastic", (x - 0.1, 0, z + 0.2), (0.35, 0.42, 0.3))
    if rng.random() < chance * 0.7:
        boxes(shape, "dark plastic", grid([x], [-0.3, 0.3], [z - 0.2]), (0.45, 0.2, 0.36))


def _roadster(rng: np.random.Generator, shape: Shape) -> tuple[np.ndarray, np.ndarray]:
    base, radius, seat = rng.uniform(1.3, 1.45), rng.uniform(0.29, 0.33), rng.uniform(0.74, 0.85)
    grip = np.array([0.28, rng.uniform(0.33, 0.42), rng.uniform(1.0, 1.12)])
    _frame(rng, shape, base, radius, rng.uniform(0.11, 0.17), grip)
    shape.ball("paint", (0.12, 0, seat + 0.02), (0.3, 0.16, 0.14))
    shape.prism("dark plastic", [(-0.08, seat - 0.08), (-0.05, seat), (-0.4, seat + 0.02),
                                 (-0.75, seat + 0.1), (-0.8, seat + 0.02)], 0.13)  # fmt: skip
    _cases(rng, shape, -0.72, seat + 0.05, 0.25)
    return np.array([-0.25, 0, seat]), grip


def _sport(rng: np.random.Generator, shape: Shape) -> tuple[np.ndarray, np.ndarray]:
    base, radius, seat = rng.uniform(1.33, 1.45), 0.31, rng.uniform(0.8, 0.86)
    grip = np.array([0.32, 0.31, rng.uniform(0.88, 0.98)])
    _frame(rng, shape, base, radius, 0.17, grip)
    fairing = [(0.75, 0.75), (0.66, 1.0), (0.45, 1.16), (0.1, 0.85), (-0.15, 0.35), (0.4, 0.28)]
    shape.prism(["paint", "glass"] + ["paint"] * 4, fairing, [0.12, 0.16, 0.08, 0.2, 0.17, 0.17])
    shape.ball("paint", (0.08, 0, seat + 0.04), (0.27, 0.17, 0.13))
    shape.prism(
        "paint",
        [
            (-0.1, seat - 0.15),
            (-0.2, seat),
            (-0.55, seat + 0.05),
            (-0.95, seat + 0.2),
            (-0.75, seat),
        ],
        [0.14, 0.14, 0.13, 0.05, 0.1],
    )
    return np.array([-0.25, 0, seat]), grip


def _tourer(rng: np.random.Generator, shape: Shape) -> tuple[np.ndarray, np.ndarray]:
    base, radius, seat = rng.uniform(1.48, 1.65), 0.33, rng.uniform(0.8, 0.88)
    grip = np.array([0.25, 0.42, rng.uniform(1.08, 1.18)])
    _frame(rng, shape, base, radius, 0.16, grip)
    shape.prism(
        ["paint", "glass", "paint", "paint"],
        [(0.72, 0.75), (0.6, 1.1), (0.4, rng.uniform(1.35, 1.5)), (0.2, 0.6)],
        [0.28, 0.3, 0.2, 0.28], side="paint",
    )  # fmt: skip
    shape.ball("paint", (0.1, 0, seat + 0.05), (0.34, 0.2, 0.17))
    shape.box("dark plastic", (-0.38, 0, seat), (0.75, 0.32, 0.13))
    _cases(rng, shape, -0.75, seat, 0.85)
    return np.array([-0.25, 0, seat]), grip


def _scooter(rng: np.random.Generator, shape: Shape) -> tuple[np.ndarray, np.ndarray]:
    base, radius, seat = rng.uniform(1.18, 1.38), rng.uniform(0.2, 0.26), rng.uniform(0.73, 0.8)
    grip = np.array([base / 2 - 0.28, 0.33, rng.uniform(0.95, 1.05)])
    for x in (-base / 2, base / 2):
        shape.wheel((x, 0, radius), radius, 0.1)
    shield = [(base / 2 + 0.02, 0.35), (base / 2 - 0.2, 0.98), (base / 2 - 0.28, 0.95),
              (base / 2 - 0.12, 0.3)]  # fmt: skip
    shape.prism("paint", shield, [0.17, 0.2, 0.2, 0.17])
    shape.box("paint", (0.08, 0, 0.28), (base * 0.5, 0.32, 0.08))
    rear = [(-0.1, 0.28), (-0.1, seat - 0.06), (-base / 2 - 0.25, seat), (-base / 2 - 0.3, 0.48)]
    shape.prism("paint", rear, [0.15, 0.17, 0.12, 0.12])
    shape.box("dark plastic", (-0.38, 0, seat + 0.02), (0.68, 0.3, 0.1))
    chain(shape, "dark metal", [grip, grip * [1, 0, 1] + [0.06, 0, 0], grip * [1, -1, 1]], 0.02)
    shape.ball("paint", (base / 2 + 0.0, 0, 2 * radius), (0.26, 0.1, 0.1))
    shape.box("lamp glass", (base / 2 - 0.15, 0, 0.95), (0.1, 0.18, 0.14))
    if rng.random() < 0.3:
        shape.box("glass", (base / 2 - 0.22, 0, 1.25), (0.03, 0.45, 0.45), pitch=-0.2)
    shape.box("plate", (-base / 2 - 0.27, 0, 0.6), (0.03, 0.2, 0.14), pitch=0.2)
    _cases(rng, shape, -0.72, seat + 0.08, 0.35)
    return np.array([-0.28, 0, seat]), grip


def _chopper(rng: np.random.Generator, shape: Shape) -> tuple[np.ndarray, np.ndarray]:
    base, seat = rng.uniform(1.6, 1.85), rng.uniform(0.66, 0.72)
    grip = np.array([0.12, 0.4, rng.uniform(1.05, 1.3)])
    _frame(rng, shape, base, 0.32, 0.16, grip)
    shape.ball("paint", (0.2, 0, 0.82), (0.32, 0.16, 0.13), pitch=0.2)
    shape.box("dark plastic", (-0.25, 0, seat), (0.45, 0.32, 0.1))
    shape.box("dark plastic", (-0.6, 0, seat + 0.1), (0.35, 0.22, 0.08))
    turn = np.linspace(0.5, 3.0, 6)
    arc = np.stack([0.37 * np.cos(turn) - base / 2, 0 * turn, 0.32 + 0.37 * np.sin(turn)], 1)
    side = np.array([0, 0.1, 0])
    shape.quads(
        "paint", np.stack([arc[:-1] - side, arc[1:] - side, arc[1:] + side, arc[:-1] + side], 1)
    )
    _cases(rng, shape, -0.75, seat, 0.3)
    return np.array([-0.3, 0, seat]), grip


def motorcycle(rng: np.random.Generator) -> Template:
    shape = Shape("motorcycle")
    motorcycle_parts(rng, shape)
    return shape.finish()


def streamliner(rng: np.random.Generator) -> Template:
    """A large scooter with a closed nose, a roof over its seat, and disc wheels."""
    shape = Shape("motorcycle")
    base = rng.uniform(1.35, 1.6)
    for x in (-base / 2, base / 2):
        shape.wheel((x, 0, 0.25), 0.25, 0.14)
    shape.ball("paint", (base / 2 - 0.05, 0, 0.72), (0.38, 0.26, 0.42), pitch=0.35)
    shape.ball("paint", (-base / 2 + 0.1, 0, 0.6), (0.55, 0.22, 0.28))
    shape.ball("dark plastic", (-0.2, 0, 0.8), (0.5, 0.18, 0.1))
    shape.ball("paint", (0.1, 0, 0.36), (0.5, 0.2, 0.12))
    shape.ball("lamp glass", (base / 2 + 0.28, 0, 0.75), (0.07, 0.16, 0.1))
    shape.tube("dark metal", (0.35, -0.36, 1.05), (0.35, 0.36, 1.05), 0.02)
    shape.tube("metal", (base / 2, 0, 0.25), (0.4, 0, 1.05), 0.05)
    if rng.random() < 0.5:
        chain(shape, "paint", [(0.55, 0, 1.0), (0.35, 0, 1.6), (0.0, 0, 1.72), (-0.7, 0, 1.62),
                               (-0.8, 0, 0.8)], 0.05)  # fmt: skip
        shape.box("glass", (0.42, 0, 1.35), (0.03, 0.5, 0.6), pitch=-0.35)
    shape.box("plate", (-base / 2 - 0.45, 0, 0.62), (0.03, 0.2, 0.14))
    return shape.finish()


SHAPES: dict[str, tuple[Maker, int]] = {"motorcycle": (motorcycle, 4)}
HELD_OUT: dict[str, tuple[Maker, int]] = {"motorcycle": (streamliner, 2)}
