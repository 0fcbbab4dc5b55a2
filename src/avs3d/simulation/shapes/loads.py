"""What lorries and trailers carry: boxes, platforms, tippers, tanks, mixers and more."""

from __future__ import annotations

import numpy as np

from avs3d.simulation.shapes.bodies import axles, sliced
from avs3d.simulation.shapes.mesh import Shape
from avs3d.simulation.shapes.parts import boxes, grid, lying, tubes

HALF = 1.25


def chassis(shape: Shape, front: float, length: float, floor: float, half: float) -> None:
    """Beams, tanks and guards under a load."""
    middle = front - length / 2
    shape.box("dark metal", (middle, 0, floor - 0.17), (length, 0.9, 0.28))
    for side in (-1, 1):
        shape.box("dark metal", (middle + length * 0.15, side * half * 0.8, 0.68),
                  (min(1.1, length * 0.3), 0.5, 0.5))  # fmt: skip
    shape.box("dark metal", (front - length + 0.1, 0, 0.55), (0.12, 1.9 * half, 0.14))
    shape.box("plate", (front - length + 0.0, 0, 0.72), (0.03, 1.7 * half, 0.1))


def _box(
    rng: np.random.Generator, shape: Shape, x: float, long: float, z: float, half: float
) -> None:
    """A closed box: plain, ribbed, with a cooler at its front, or with open doors."""
    high, middle = rng.uniform(1.9, 2.75) * half / HALF, x - long / 2
    shape.box("paint", (middle, 0, z + high / 2), (long, 2 * half, high))
    kind = rng.random()
    if kind < 0.3:
        ribs = grid(np.arange(x - 0.4, x - long, -0.7), [-half, half], [z + high / 2])
        boxes(shape, "paint", ribs, (0.08, 0.06, high - 0.1))
    elif kind < 0.5:
        shape.box("plastic", (x + 0.2, 0, z + high * 0.75), (0.45, 1.5, 0.75))
    elif kind < 0.65:  # open behind
        shape.box("dark metal", (x - long - 0.01, 0, z + high / 2), (0.03, 1.85 * half, high - 0.2))
        for side in (-1, 1):
            first = shape.parts
            shape.box("paint", (-half * 0.48, 0, z + high / 2), (half * 0.95, 0.06, high))
            shape.move((x - long, side * half, 0), -side * rng.uniform(-0.2, 1.3), first)
    if rng.random() < 0.3:  # a lift behind, up or down
        down = rng.random() < 0.4
        at = (x - long - 0.75, 0, 0.25) if down else (x - long - 0.08, 0, z + 0.6)
        shape.box("metal", at, (1.4, 1.9 * half, 0.08) if down else (0.08, 1.9 * half, 1.4))


def _flat(
    rng: np.random.Generator, shape: Shape, x: float, long: float, z: float, half: float
) -> None:
    """A platform: empty, with low boards, stacked goods, pipes, logs or a machine."""
    middle = x - long / 2
    shape.box("wood", (middle, 0, z), (long, 2 * half, 0.12))
    shape.box("metal", (x - 0.05, 0, z + 0.6), (0.1, 2 * half, 1.2))
    if rng.random() < 0.4:
        boxes(shape, "metal", grid([middle], [-half, half], [z + 0.3]), (long, 0.05, 0.5))
    kind = rng.integers(5)
    if kind == 0:
        for at in np.arange(x - 0.8, x - long + 0.6, -1.25):
            if rng.random() < 0.75:
                size = rng.uniform((0.8, 1.2, 0.5), (1.15, 2.2, 1.7))
                shape.box(
                    "wood" if rng.random() < 0.5 else "fabric", (at, 0, z + size[2] / 2), size
                )
    elif kind == 1:
        posts = grid([x - 0.3 * long, x - 0.75 * long], [-half, half], [z])
        tubes(shape, "dark metal", posts, posts + [0, 0, 1.9], 0.06)
        thick = rng.uniform(0.12, 0.3)
        for row in range(int(rng.integers(1, 5))):
            for y in np.arange(-half + thick, half - thick / 2, 2 * thick):
                lying(
                    shape, "bark", (middle, y, z + thick + row * 1.8 * thick), thick, long * 0.9, 6
                )
    elif kind == 2:
        shape.box("paint", (middle, 0, z + 0.7), (2.2, 1.7, 0.9))
        axles(shape, middle + np.array([-0.7, 0.8]), 0.95, 0.45, 0.35)
        shape.box("paint", (middle - 0.2, 0, z + 1.8), (1.0, 1.0, 1.3))
    elif kind == 3:
        size = rng.uniform((0.5, 0.8, 0.8), (0.9, 1.0, 1.9)) * [long, 2 * half, 1]
        shape.prism("fabric", [(middle - size[0] / 2, z), (middle - size[0] / 2.2, z + size[2]),
                               (middle + size[0] / 2.2, z + size[2]), (middle + size[0] / 2, z)],
                    size[1] / 2)  # fmt: skip


def _tipper(
    rng: np.random.Generator, shape: Shape, x: float, long: float, z: float, half: float
) -> None:
    """An open body with ribs, empty or heaped; now and then raised."""
    high, first = rng.uniform(0.7, 1.7), shape.parts
    end = x - long
    shape.box("metal", (x - long / 2, 0, z + 0.06), (long, 2 * half, 0.12))
    boxes(shape, "paint", grid([x - long / 2], [-half, half], [z + high / 2]), (long, 0.08, high))
    shape.box("paint", (x, 0, z + high / 2 + 0.1), (0.1, 2 * half, high + 0.2))
    shape.box("paint", (end, 0, z + high / 2), (0.1, 2 * half, high))
    ribs = grid(np.linspace(x - 0.2, end + 0.2, 7), [-half - 0.05, half + 0.05], [z + high / 2])
    boxes(shape, "paint", ribs, (0.12, 0.1, high))
    if rng.random() < 0.5:
        top = z + high * rng.uniform(0.6, 1.0)
        inside = half * 0.95
        shape.prism(
            "gravel" if rng.random() < 0.5 else "soil",
            [
                (x - 0.1, top - 0.1),
                (x - long * 0.35, top + 0.4),
                (x - long * 0.7, top + 0.35),
                (end + 0.1, top - 0.15),
            ],
            [inside, inside * 0.4, inside * 0.4, inside],
        )
    if rng.random() < 0.12:
        tilt = rng.uniform(0.3, 0.75)
        c, s = np.cos(tilt), np.sin(tilt)
        hinge, turn = np.array([end, 0, z]), np.array([[c, 0, -s], [0, 1, 0], [s, 0, c]])
        for i in range(first, shape.parts):
            shape._vertices[i] = (shape._vertices[i] - hinge) @ turn.T + hinge


def _tank(
    rng: np.random.Generator, shape: Shape, x: float, long: float, z: float, half: float
) -> None:
    radius = rng.uniform(0.85, 1.1) * half / HALF
    axis = z + radius * 0.95
    lying(shape, "metal" if rng.random() < 0.6 else "paint", (x - long / 2, 0, axis), radius, long)
    for at in np.linspace(x - 0.8, x - long + 0.8, 3):
        shape.tube("metal", (at, 0, axis + radius - 0.05), (at, 0, axis + radius + 0.15), 0.25)
    shape.box("metal", (x - long / 2, 0, axis + radius + 0.05), (long * 0.8, 0.5, 0.05))
    boxes(shape, "dark metal", grid([x - 0.6, x - long + 0.8], [0.0], [z]), (0.3, 1.6 * half, 0.5))


def _mixer(
    rng: np.random.Generator, shape: Shape, x: float, long: float, z: float, half: float
) -> None:
    axis, back, middle = z + 1.2, x - long, x - long * 0.5
    shape.tube("paint", (x, 0, axis - 0.35), (middle, 0, axis), 0.7, 1.15, sides=12)
    shape.tube("paint", (middle, 0, axis), (back, 0, axis + 0.75), 1.15, 0.5, sides=12)
    shape.box("dark metal", (back, 0, z + 0.6), (0.4, 0.6, 1.4))
    shape.prism("metal", [(back - 0.6, z + 0.2), (back, axis + 1.3), (back + 0.2, axis)], 0.4)
    shape.box("metal", (x + 0.1, 0, z + 0.5), (0.3, 1.2, 1.0))


def _refuse(
    rng: np.random.Generator, shape: Shape, x: float, long: float, z: float, half: float
) -> None:
    back = x - long
    shape.box("paint", (x - (long - 1) / 2, 0, z + 1.15), (long - 1, 1.94 * half, 2.3))
    shape.prism(
        ["paint", "paint", "dark metal", "paint"],
        [(back + 1, z - 0.4), (back + 1, z + 2.5), (back, z + 1.8), (back - 0.6, z - 0.3)],
        half * 0.93,
    )
    shape.box("dark metal", (back - 0.35, 0, z + 0.5), (0.25, 1.7 * half, 0.9), pitch=0.3)


def _container(
    rng: np.random.Generator, shape: Shape, x: float, long: float, z: float, half: float
) -> None:
    shape.box("paint", (x - long / 2, 0, z + 1.3), (long, 2.40, 2.59))
    ribs = grid(np.arange(x - 0.2, x - long, -0.28), [-1.21, 1.21], [z + 1.3])
    boxes(shape, "paint", ribs, (0.12, 0.05, 2.3))


def _carrier(
    rng: np.random.Generator, shape: Shape, x: float, long: float, z: float, half: float
) -> None:
    """Two decks of posts and ramps with cars on them."""
    middle, decks = x - long / 2, (z - 0.2, z + 1.75)
    for deck in decks:
        boxes(shape, "metal", grid([middle], [-0.8, 0.8], [deck]), (long, 0.5, 0.08))
    posts = grid(np.linspace(x - 0.2, x - long + 0.3, 4), [-half + 0.05, half - 0.05], [0.7])
    tubes(shape, "dark metal", posts, posts * [1, 1, 0] + [0, 0, decks[1] + 0.1], 0.06)
    for deck in decks:
        for at in np.arange(x - 2.3, x - long + 2.0, -4.6):
            if rng.random() < 0.75:
                small_car(shape, at, deck)


def small_car(shape: Shape, x: float, floor: float) -> None:
    """A car as cargo, in few parts."""
    first = shape.parts
    sliced(
        shape,
        "paint",
        [(0.25, -2.0, 1.95, 0.8), (0.6, -2.05, 2.05, 0.86), (0.95, -2.0, 1.3, 0.8)],
        6,
    )
    sliced(shape, "glass", [(0.95, -1.95, 1.1, 0.76), (1.4, -1.5, 0.3, 0.62)], 6)
    axles(shape, [-1.25, 1.25], 0.86, 0.3, 0.2)
    shape.move((x, 0, floor), 0, first)


def _livestock(
    rng: np.random.Generator, shape: Shape, x: float, long: float, z: float, half: float
) -> None:
    """Boards with gaps between, one above the other, and a roof."""
    rows = np.arange(z + 0.15, z + 2.3, 0.3)
    boxes(shape, "metal", grid([x - long / 2], [-half, half], rows), (long, 0.05, 0.2))
    boxes(shape, "metal", grid([x, x - long], [0.0], rows), (0.05, 2 * half, 0.2))
    posts = grid(np.linspace(x, x - long, 5), [-half, half], [z + 1.2])
    boxes(shape, "dark metal", posts, (0.1, 0.1, 2.4))
    boxes(shape, "metal", grid([x - long / 2], [0.0], [z, z + 2.4]), (long, 2 * half, 0.08))


def _skip(
    rng: np.random.Generator, shape: Shape, x: float, long: float, z: float, half: float
) -> None:
    """A skip between two lifting arms."""
    middle = x - long / 2
    skip = [(middle - 1.0, z), (middle - 1.7, z + 1.3), (middle + 1.7, z + 1.3), (middle + 1.0, z)]
    shape.prism("paint", skip, half * 0.75)
    feet = grid([middle - 0.8], [-half * 0.92, half * 0.92], [z])
    tubes(shape, "dark metal", feet, feet + [0.5, 0, 2.1], 0.12)
    tops = feet + [0.5, 0, 2.1]
    tubes(shape, "dark metal", tops, tops * [1, 0.8, 1] + [0.6, 0, -0.9], 0.03)


LOADS = {
    "box": _box, "flat": _flat, "tipper": _tipper, "tank": _tank, "mixer": _mixer,
    "refuse": _refuse, "container": _container, "carrier": _carrier, "livestock": _livestock,
    "skip": _skip,
}  # fmt: skip


def load(
    rng: np.random.Generator,
    shape: Shape,
    front: float,
    length: float,
    kind: str,
    half: float = HALF,
) -> None:
    """What a truck or trailer carries, from x = front backwards."""
    floor = rng.uniform(0.95, 1.25) * (1.0 if half > 1.15 else 0.8)
    chassis(shape, front, length, floor, half)
    LOADS[kind](rng, shape, front, length, floor, half)
