"""Fences, gates and walls, in pieces along x, centred."""

from __future__ import annotations

import numpy as np

from avs3d.simulation.shapes.mesh import Maker, Shape, Template
from avs3d.simulation.shapes.parts import boxes, chain, grid, tubes

FENCE_LENGTH = 2.5
WALL_LENGTH = 4.0
_HALF = FENCE_LENGTH / 2


def _mesh(
    shape: Shape,
    material: str,
    x: tuple[float, float],
    z: tuple[float, float],
    gap: float,
    wire: float,
) -> None:
    """Wires both ways, coarser than true so that as much of the light passes."""
    across = np.arange(x[0], x[1], gap)
    boxes(shape, material, grid(across, [0.0], [(z[0] + z[1]) / 2]), (wire, wire, z[1] - z[0]))
    up = np.arange(z[0], z[1] + 0.01, gap)
    boxes(shape, material, grid([(x[0] + x[1]) / 2], [0.0], up), (x[1] - x[0], wire, wire))


def _posts(rng: np.random.Generator, shape: Shape, material: str, high: float) -> None:
    count = int(rng.integers(1, 3))
    x = -_HALF + FENCE_LENGTH / count * np.arange(count)
    wide = rng.uniform(0.05, 0.14)
    if material == "wood" and rng.random() < 0.5:  # round
        feet = grid(x, [0.0], [-0.2])
        tubes(shape, "wood", feet, feet + [0, 0, high + 0.25], wide * 0.6, sides=6)
    else:
        boxes(shape, material, grid(x, [0.0], [high / 2 - 0.1]), (wide, wide, high + 0.25))


def _pickets(rng: np.random.Generator, shape: Shape, high: float) -> None:
    material = ("wood", "wood", "plastic", "dark metal", "metal")[rng.integers(5)]
    metal = "metal" in material
    gap = rng.uniform(0.1, 0.16)
    wide = rng.uniform(0.016, 0.03) if metal else gap * rng.uniform(0.45, 0.8)
    x = np.arange(-_HALF + gap / 2, _HALF, gap)
    swing = rng.choice([0.0, 0.0, 0.1]) * np.cos(2 * np.pi * x / FENCE_LENGTH)
    tall = high - 0.08 + swing
    centres = np.stack([x, 0 * x + 0.03, 0.08 + tall / 2], 1)
    sizes = np.stack([0 * x + wide, 0 * x + min(wide, 0.025), tall], 1)
    boxes(shape, material, centres, sizes)
    boxes(shape, material, grid([0.0], [0.0], [0.22, high - 0.15]), (FENCE_LENGTH, 0.04, 0.06))
    _posts(rng, shape, material, high)


def _rails(rng: np.random.Generator, shape: Shape) -> None:
    """A wooden pasture fence of rails or split logs."""
    high = rng.uniform(0.9, 1.4)
    _posts(rng, shape, "wood", high)
    z = np.linspace(0.4, high - 0.1, int(rng.integers(2, 5)))
    if rng.random() < 0.5:
        boxes(shape, "wood", grid([0.0], [0.05], z), (FENCE_LENGTH, 0.03, rng.uniform(0.08, 0.15)))
    else:
        ends = grid([-_HALF], [0.04], z)
        tubes(shape, "wood", ends, ends + [FENCE_LENGTH, 0, 0], rng.uniform(0.035, 0.06), sides=5)
    if rng.random() < 0.2:  # crossed boards
        ends = grid([-_HALF], [0.0], [z[0], z[-1]])
        tubes(shape, "wood", ends, ends[::-1] + [FENCE_LENGTH, 0, 0], 0.04)


def _wires(rng: np.random.Generator, shape: Shape) -> None:
    """Wires or bands of an electric fence, or barbed wire."""
    high = rng.uniform(0.8, 1.4)
    _posts(rng, shape, "wood" if rng.random() < 0.7 else "plastic", high)
    thick = rng.choice([0.01, 0.02, 0.04])
    z = np.linspace(rng.uniform(0.3, 0.6), high - 0.05, int(rng.integers(1, 6)))
    boxes(
        shape,
        "metal" if thick < 0.04 else "plastic",
        grid([0.0], [0.03], z),
        (FENCE_LENGTH, 0.01, thick),
    )


def _boards(rng: np.random.Generator, shape: Shape, high: float) -> None:
    """Closed, of boards upright or lying, with gaps or without; slabs of concrete; woven willow."""
    kind = rng.integers(5)
    _posts(rng, shape, "concrete" if kind == 2 else "wood", high)
    if kind == 0:
        pitch = rng.uniform(0.11, 0.2)
        x = np.arange(-_HALF + pitch / 2, _HALF, pitch)
        centres = grid(x, [0.0], [high / 2 + 0.03])
        centres[::2, 1] = rng.choice([0.0, 0.05])
        boxes(shape, "wood", centres, (pitch * rng.uniform(0.85, 1.02), 0.02, high - 0.1))
    elif kind == 1:
        pitch = rng.uniform(0.1, 0.18)
        z = np.arange(0.1 + pitch / 2, high, pitch)
        boxes(
            shape,
            "wood",
            grid([0.0], [0.03], z),
            (FENCE_LENGTH, 0.025, pitch * rng.uniform(0.6, 0.95)),
        )
    elif kind == 2:
        z = np.arange(0.25, high, 0.5)
        boxes(shape, "concrete", grid([0.0], [0.0], z), (FENCE_LENGTH, 0.06, 0.48))
    elif kind == 3:  # sheets of tin
        x = np.linspace(-_HALF, _HALF, 26)
        y = 0.02 * (np.arange(26) % 2)
        foot = np.stack([x, y, 0 * x], 1)
        top = foot + [0, 0, high]
        shape.quads("metal", np.stack([foot[:-1], foot[1:], top[1:], top[:-1]], 1))
    else:
        shape.box("cloth", (0, 0, high / 2), (FENCE_LENGTH, 0.03, high - 0.05))


def fence(rng: np.random.Generator) -> Template:
    """Pickets, iron bars, mesh, boards, pasture rails, wires, a hand rail."""
    shape = Shape("fence")
    kind = rng.choice(6, p=[0.26, 0.28, 0.18, 0.12, 0.08, 0.08])
    high = rng.uniform(0.7, 2.1)
    if kind == 0:
        _pickets(rng, shape, high)
    elif kind == 1:  # chain link or welded mats
        material = "metal" if rng.random() < 0.5 else "dark metal"
        high += rng.choice([0.0, 0.4, 0.8])
        foot = rng.choice([0.0, 0.0, 0.35])
        _posts(rng, shape, material, high)
        _mesh(shape, material, (-_HALF, _HALF), (foot + 0.06, high), rng.uniform(0.12, 0.22),
              rng.uniform(0.008, 0.014))  # fmt: skip
        if foot:
            shape.box("concrete", (0, 0, foot / 2 - 0.1), (FENCE_LENGTH, 0.18, foot + 0.2))
        if rng.random() < 0.5:
            shape.tube(material, (-_HALF, 0, high), (_HALF, 0, high), 0.025, sides=4)
        if rng.random() < 0.25:  # barbed wire above, leaning out
            lines = grid([-_HALF], [0.1, 0.2, 0.3], [high])
            lines[:, 2] += lines[:, 1]
            tubes(shape, "metal", lines, lines + [FENCE_LENGTH, 0, 0], 0.01, sides=3)
            shape.box("metal", (-_HALF, 0.15, high + 0.15), (0.04, 0.04, 0.45), roll=-0.78)
    elif kind == 2:
        _boards(rng, shape, max(high, 1.0))
    elif kind == 3:
        _rails(rng, shape)
    elif kind == 4:
        _wires(rng, shape)
    else:  # tubes along a sidewalk
        high = rng.uniform(0.7, 1.1)
        posts = grid([-_HALF, 0.0], [0.0], [0.0])
        tubes(shape, "metal", posts, posts + [0, 0, high], 0.03, sides=6)
        rails = grid([-_HALF], [0.0], np.linspace(high / 2, high, int(rng.integers(1, 4)))[::-1])
        tubes(shape, "metal", rails, rails + [FENCE_LENGTH, 0, 0], 0.028, sides=5)
    return shape.finish()


def site_fence(rng: np.random.Generator) -> Template:
    """A mobile panel of mesh on feet, as around building sites; or a hoarding."""
    shape = Shape("fence")
    high = rng.uniform(1.9, 2.2)
    if rng.random() < 0.2:
        boxes(
            shape,
            "wood",
            [(0, 0, high / 2), (0, -0.06, 0.5), (0, -0.06, high - 0.4)],
            [(FENCE_LENGTH, 0.03, high), (FENCE_LENGTH, 0.08, 0.08), (FENCE_LENGTH, 0.08, 0.08)],
        )
        foot = grid([-_HALF * 0.6, _HALF * 0.6], [-1.0], [0.0])
        tubes(shape, "wood", foot, foot * [1, 0, 0] + [0, -0.05, high * 0.8], 0.04)
        return shape.finish()
    feet = "concrete" if rng.random() < 0.6 else "dark plastic"
    x = np.array([-_HALF + 0.05, _HALF - 0.05])
    boxes(shape, feet, grid(x, [0.0], [0.07]), (0.22, rng.uniform(0.55, 0.8), 0.14))
    posts = grid(x, [0.0], [0.1])
    tubes(shape, "metal", posts, posts + [0, 0, high - 0.1], 0.022, sides=5)
    rails = grid([-_HALF], [0.0], [0.2, high])
    tubes(shape, "metal", rails, rails + [FENCE_LENGTH, 0, 0], 0.022, sides=5)
    gap = rng.uniform(0.1, 0.18)
    boxes(
        shape,
        "metal",
        grid(np.arange(-_HALF, _HALF, gap), [0.0], [high / 2 + 0.1]),
        (0.01, 0.01, high - 0.2),
    )
    boxes(
        shape,
        "metal",
        grid([0.0], [0.0], np.linspace(0.5, high - 0.3, 4)),
        (FENCE_LENGTH, 0.012, 0.012),
    )
    if rng.random() < 0.3:
        shape.box("cloth", (0, 0.02, high / 2 + 0.1), (FENCE_LENGTH - 0.2, 0.01, high - 0.35))
    if rng.random() < 0.3:  # a strut behind
        shape.tube("metal", (x[0], -0.9, 0.1), (x[0], 0, high * 0.75), 0.02, sides=4)
        shape.box(feet, (x[0], -0.9, 0.07), (0.22, 0.5, 0.14))
    return shape.finish()


def louvre_fence(rng: np.random.Generator) -> Template:
    """A lattice of slanting laths, or a wall of stones in wire with a rail on it."""
    shape = Shape("fence")
    high = rng.uniform(0.9, 1.9)
    if rng.random() < 0.6:
        x = np.arange(-_HALF, _HALF, 0.2)
        for lean in (-0.3, 0.3):
            feet = np.stack([x, 0 * x + 0.02 * np.sign(lean), 0 * x + 0.08], 1)
            tubes(shape, "wood", feet, feet + [lean * high, 0, high - 0.1], 0.018, sides=3)
        boxes(shape, "wood", grid([0.0], [0.0], [0.08, high]), (FENCE_LENGTH, 0.06, 0.06))
        boxes(shape, "wood", grid([-_HALF], [0.0], [high / 2]), (0.09, 0.09, high + 0.1))
        return shape.finish()
    shape.box("stone", (0, 0, high * 0.25), (FENCE_LENGTH, 0.35, high * 0.5))
    chain(shape, "metal", [(-_HALF, 0, high * 0.5), (-_HALF, 0, high), (_HALF, 0, high)], 0.03)
    tubes(
        shape,
        "metal",
        grid([-_HALF], [0.0], [high * 0.75]),
        grid([_HALF], [0.0], [high * 0.75]),
        0.02,
    )
    return shape.finish()


def gate(rng: np.random.Generator) -> Template:
    """Leaves between two posts, along x: bars, boards, mesh, a farm gate, a bar over the way."""
    shape = Shape("gate")
    kind = rng.integers(6)
    wide = rng.uniform(0.9, 1.3) if kind == 0 else rng.uniform(2.4, 4.4)
    high = rng.uniform(0.9, 1.2) if kind in (0, 3) else rng.uniform(1.1, 2.1)
    post = ("stone", "brick", "wood", "wood", "metal", "metal")[kind]
    thick = rng.uniform(0.3, 0.55) if kind in (0, 1) and rng.random() < 0.7 else 0.14
    if kind == 5:  # a barrier that lifts
        shape.box("paint", (-wide / 2, 0, 0.5), (0.35, 0.4, 1.05))
        shape.tube("plate", (-wide / 2, 0.25, 0.95), (wide / 2 + 0.6, 0.25, 0.95), 0.05)
        shape.box("dark metal", (-wide / 2 - 0.5, 0.25, 0.95), (0.6, 0.1, 0.2))
        boxes(shape, "metal", [(wide / 2 + 0.4, 0.25, 0.45)], (0.1, 0.1, 0.9))
        return shape.finish()
    ends = grid(np.array([-0.5, 0.5]) * (wide + thick), [0.0], [(high + 0.2) / 2 - 0.1])
    boxes(shape, post, ends, (thick, thick, high + 0.4))
    if thick > 0.2:
        boxes(
            shape,
            "concrete",
            ends * [1, 1, 0] + [0, 0, high + 0.33],
            (thick + 0.12, thick + 0.12, 0.1),
        )
    double = kind != 0 and rng.random() < 0.5
    for side, long in ((-1, wide / 2), (1, wide / 2)) if double else ((-1, wide),):
        first = shape.parts
        _leaf(rng, shape, int(kind), long * 0.98, high)
        turn = rng.uniform(0.3, 1.5) if rng.random() < 0.2 else 0.0
        shape.move((side * wide / 2, 0, 0), np.pi * (side > 0) - side * turn, first)
    if kind in (1, 2) and rng.random() < 0.15:  # a roof or an arch over it
        shape.box("roof", (0, 0, 2.7), (wide + 1.2, 1.0, 0.15))
        boxes(shape, "wood", ends * [1, 1, 0] + [0, 0, 1.9], (0.14, 0.14, 1.6))
    return shape.finish()


def _leaf(rng: np.random.Generator, shape: Shape, kind: int, long: float, high: float) -> None:
    """One leaf of a gate from x = 0 to x = long."""
    material = ("dark metal", "dark metal", "wood", "metal", "metal")[kind]
    boxes(shape, material, [(long / 2, 0, 0.2), (long / 2, 0, high - 0.05)], (long, 0.05, 0.06))
    boxes(
        shape,
        material,
        [(0.03, 0, high / 2), (long - 0.03, 0, high / 2)],
        (0.06, 0.05, high - 0.15),
    )
    if kind <= 1:
        x = np.arange(0.12, long, 0.12)
        boxes(shape, material, grid(x, [0.0], [high / 2 + 0.07]), (0.022, 0.022, high - 0.1))
    elif kind == 2:
        x = np.arange(0.08, long, 0.15)
        boxes(shape, material, grid(x, [0.03], [high / 2 + 0.05]), (0.13, 0.025, high - 0.1))
    elif kind == 3:  # five bars and a brace
        boxes(
            shape,
            material,
            grid([long / 2], [0.0], np.linspace(0.3, high - 0.2, 4)),
            (long, 0.035, 0.05),
        )
        shape.tube(material, (0, 0, high - 0.1), (long, 0, 0.2), 0.025, sides=4)
    else:
        _mesh(shape, material, (0.0, long), (0.2, high - 0.05), 0.16, 0.012)


def wall(rng: np.random.Generator) -> Template:
    """A piece of garden, retaining or noise wall, 4 m along x."""
    shape = Shape("wall")
    kind = rng.choice(7, p=[0.3, 0.15, 0.12, 0.12, 0.1, 0.11, 0.1])
    material = ("brick", "stone", "concrete", "plaster")[rng.integers(4)]
    high, thick = rng.uniform(0.35, 2.4), rng.uniform(0.12, 0.45)
    long = WALL_LENGTH
    if kind == 2:
        high = rng.uniform(2.5, 5.0)
    if kind <= 2:
        shape.box(material, (0, 0, high / 2 - 0.4), (long, thick, high + 0.8))
        if rng.random() < 0.6:
            shape.box("concrete", (0, 0, high + 0.04), (long, thick + 0.12, 0.1))
        if rng.random() < 0.6 or kind == 2:  # pillars
            x = -long / 2 + np.arange(int(rng.integers(1, 3))) * long / 2
            boxes(
                shape, material, grid(x, [0.0], [high / 2 - 0.3]), (0.4, thick + 0.18, high + 0.9)
            )
            boxes(shape, "concrete", grid(x, [0.0], [high + 0.18]), (0.5, thick + 0.28, 0.08))
    elif kind == 3:  # low, with bars between pillars
        low = high * 0.4
        shape.box(material, (0, 0, low / 2 - 0.4), (long, thick, low + 0.8))
        boxes(
            shape,
            material,
            grid([-2.0, 0.0], [0.0], [high / 2 - 0.2]),
            (0.4, thick + 0.1, high + 0.5),
        )
        shape.category = "fence"
        x = np.arange(-1.9, 1.95, 0.14)
        boxes(shape, "dark metal", grid(x, [0.0], [(low + high) / 2]), (0.025, 0.025, high - low))
        boxes(shape, "dark metal", grid([0.0], [0.0], [high - 0.08]), (long, 0.035, 0.05))
    elif kind == 4:  # dry stones, uneven
        high = min(high, 1.4)
        x, z = np.arange(-1.8, 2.0, 0.4), np.arange(0.0, high, 0.25)
        spots = grid(x, [0.0], z) + rng.normal(0, 0.02, (len(x) * len(z), 3))
        spots[:, 0] += 0.2 * (np.round(spots[:, 2] / 0.25) % 2)
        sizes = np.array([0.38, thick + 0.15, 0.24]) + rng.normal(0, 0.05, (len(spots), 3))
        boxes(shape, "stone", spots, np.abs(sizes))
        shape.box("stone", (0, 0, high / 2 - 0.4), (long, thick, high + 0.5))
    elif kind == 5:  # stones in baskets, or stepped blocks
        for layer in range(int(rng.integers(1, 4))):
            x = np.arange(-1.5, 1.6, 1.0)
            back = -0.2 * layer
            boxes(shape, "stone", grid(x, [back], [0.5 * layer + 0.25]), (0.97, 0.6, 0.48))
            boxes(
                shape,
                "stone",
                rng.uniform(
                    (-2, back + 0.25, 0.5 * layer), (2, back + 0.3, 0.5 * layer + 0.5), (25, 3)
                ),
                (0.18, 0.12, 0.14),
            )
    else:  # elements like an L, each a little other than the next
        x = np.arange(-1.5, 1.6, 1.0)
        tall = max(high, 0.8) + rng.normal(0, 0.03, 4)
        centres = np.stack([x, rng.normal(0, 0.015, 4), tall / 2 - 0.3], 1)
        boxes(shape, "concrete", centres, np.stack([0 * x + 0.98, 0 * x + 0.15, tall + 0.6], 1))
    return shape.finish()


SHAPES: dict[str, tuple[Maker, int]] = {
    "fence": (fence, 2),
    "site fence": (site_fence, 1),
    "gate": (gate, 2),
    "wall": (wall, 1),
}
HELD_OUT: dict[str, tuple[Maker, int]] = {"fence": (louvre_fence, 1)}
