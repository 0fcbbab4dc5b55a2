"""What lies in yards and fields: pallets, pipes, logs, bales; and fuel pumps."""

from __future__ import annotations

import numpy as np

from avs3d.simulation.shapes.mesh import Maker, Shape, Template
from avs3d.simulation.shapes.parts import boxes, grid, lying, turned, warp


def _pallet(shape: Shape, z: float, long: float, wide: float) -> None:
    boxes(
        shape,
        "wood",
        grid([0.0], np.linspace(-0.45, 0.45, 6) * wide, [z + 0.13]),
        (long, 0.1, 0.025),
    )
    boxes(
        shape,
        "wood",
        grid(np.array([-0.44, 0, 0.44]) * long, [0.0], [z + 0.06]),
        (0.11, wide, 0.11),
    )


def pallet(rng: np.random.Generator) -> Template:
    """Material on a pallet, or empty pallets on each other."""
    shape = Shape("pallet")
    long, wide = rng.uniform(1.0, 1.25), rng.uniform(0.8, 1.05)
    kind = rng.integers(6)
    if kind == 0:
        for k in range(int(rng.integers(2, 13))):
            first = shape.parts
            _pallet(shape, 0.145 * k, long, wide)
            shape.move((*rng.normal(0, 0.02, 2), 0), rng.normal(0, 0.02), first)
        return shape.finish()
    _pallet(shape, 0.0, long, wide)
    high = rng.uniform(0.4, 1.5)
    if kind == 1:  # wrapped goods
        shape.box("plastic", (0, 0, 0.15 + high / 2), (long * 0.96, wide * 0.96, high))
    elif kind == 2:  # stones in layers, some gone
        z = np.arange(0.15, high + 0.15, 0.2)
        spots = grid(np.array([-0.33, 0, 0.33]) * long, np.array([-0.25, 0.25]) * wide, z + 0.1)
        keep = (spots[:, 2] < z[-1]) | (rng.random(len(spots)) < 0.5)
        boxes(shape, "concrete", spots[keep], (long * 0.31, wide * 0.47, 0.19))
    elif kind == 3:  # sacks
        z = np.arange(0.15, high, 0.16)
        for at in grid(np.array([-0.25, 0.25]) * long, [0.0], z + 0.08):
            shape.ball("cloth", at + rng.normal(0, 0.015, 3), (0.26 * long, 0.5 * wide, 0.11))
    elif kind == 4:  # boxes of several heights
        for x in (-0.25, 0.25):
            for y in (-0.25, 0.25):
                tall = high * rng.uniform(0.3, 1.0)
                shape.box(
                    "cloth", (x * long, y * wide, 0.15 + tall / 2), (0.48 * long, 0.48 * wide, tall)
                )
    else:  # boards, longer than the pallet
        z = np.arange(0.2, 0.2 + high * 0.6, 0.09)
        boxes(
            shape, "wood", grid([0.0], np.linspace(-0.4, 0.4, 4) * wide, z), (2.2 * long, 0.2, 0.07)
        )
    return shape.finish()


def _rows(count: int) -> list[tuple[float, int]]:
    """Places across and layer of round things stacked like a pyramid, `count` in the lowest."""
    return [
        (i - (count - 1 - layer) / 2, layer) for layer in range(count) for i in range(count - layer)
    ]


def pipe(rng: np.random.Generator) -> Template:
    """Pipes along x: a stack, a few big rings of concrete, one alone."""
    shape = Shape("pipe")
    material = ("concrete", "plastic", "metal", "dark plastic")[rng.integers(4)]
    radius = rng.uniform(0.3, 0.9) if material == "concrete" else rng.uniform(0.1, 0.35)
    long = rng.uniform(1.0, 2.6) if material == "concrete" else rng.uniform(3, 7)
    count = int(rng.integers(1, 3 if radius > 0.5 else 5))
    sides = 12 if radius > 0.3 else 8
    hole = max(radius * 0.82, radius - 0.12)
    for across, layer in _rows(count):
        first = shape.parts
        turned(shape, material, [(hole, -long / 2), (radius, -long / 2), (radius, long / 2),
                                 (hole, long / 2), (hole, -long / 2)], sides=sides)  # fmt: skip
        warp(shape, first, lambda corners: corners[:, [2, 1, 0]])
        at = (rng.normal(0, 0.06), 2.02 * radius * across, radius * (1 + 1.75 * layer))
        shape.move(at, first=first)
    if count > 1 and radius < 0.4:
        boxes(
            shape,
            "wood",
            grid(np.array([-0.35, 0.35]) * long, [0.0], [0.03]),
            (0.1, 2 * radius * count, 0.08),
        )
    return shape.finish()


def log(rng: np.random.Generator) -> Template:
    """Felled trunks along x: one, or a stack; firewood between posts."""
    shape = Shape("log")
    kind = rng.choice(3, p=[0.4, 0.4, 0.2])
    if kind == 2:  # firewood: ends of billets in a wall
        long, high = rng.uniform(1.2, 4.0), rng.uniform(0.8, 1.7)
        shape.box("wood", (0, 0, high / 2), (long, 0.25, high - 0.08))
        spots = grid(np.arange(-long / 2, long / 2, 0.17), [0.0], np.arange(0.08, high, 0.16))
        depth = rng.uniform(0.28, 0.46, len(spots))
        sizes = np.stack([0 * depth + 0.14, depth, 0 * depth + 0.13], 1)
        boxes(shape, "wood", spots + rng.normal(0, 0.01, spots.shape), sizes)
        return shape.finish()
    radius = rng.uniform(0.14, 0.38)
    long = rng.uniform(1.5, 6.0)
    count = 1 if kind == 0 else int(rng.integers(3, 6))
    layers = 1 if kind == 0 else int(rng.integers(2, 5))
    for across, layer in _rows(count):
        if layer >= layers:
            continue
        thick = radius * rng.uniform(0.75, 1.1)
        at = np.array([rng.normal(0, 0.12), 2.05 * radius * across, radius * (0.95 + 1.65 * layer)])
        half = np.array([long / 2, rng.normal(0, 0.04), rng.normal(0, 0.02)])
        shape.tube("bark", at - half, at + half, thick, thick * rng.uniform(0.75, 0.95), sides=8)
    if kind == 0:  # stumps of boughs
        for _ in range(int(rng.integers(0, 4))):
            at = np.array([rng.uniform(-0.4, 0.4) * long, 0, radius])
            out = np.array([rng.normal(0, 0.2), rng.normal(0, 0.5), rng.uniform(0.3, 0.8)])
            shape.tube("bark", at, at + out, 0.06, 0.03, sides=5)
    return shape.finish()


def hay_bale(rng: np.random.Generator) -> Template:
    """Round or square bales, one or a few, wrapped in foil or not."""
    shape = Shape("hay bale")
    material = "blade" if rng.random() < 0.7 else "plastic"
    if rng.random() < 0.6:
        r, wide = rng.uniform(0.55, 0.9), rng.uniform(1.0, 1.4)
        count = int(rng.choice([1, 1, 1, 2, 3]))
        upright = rng.random() < 0.2
        for k in range(count):
            at = np.array([k * wide * 1.03, rng.normal(0, 0.05), r * 0.96])
            if upright:
                shape.tube(material, (2.1 * r * k, 0, 0), (2.1 * r * k, 0, wide), r, sides=14)
            else:
                lying(shape, material, at, r, wide, 14)
        if count > 1 and not upright and rng.random() < 0.4:
            lying(shape, material, (0.5 * wide, 0.0, 2.7 * r), r, wide, 14)
        return shape.finish()
    size = np.array([rng.uniform(0.8, 2.4), rng.uniform(0.45, 1.2), rng.uniform(0.4, 0.9)])
    for layer in range(int(rng.choice([1, 1, 2, 3]))):
        for k in range(int(rng.integers(1, 4))):
            at = np.array([0, (k - 1) * size[1] * 1.03, size[2] * (layer + 0.5)])
            shape.box(material, at + [*rng.normal(0, 0.04, 2), 0], size, yaw=rng.normal(0, 0.03))
    return shape.finish()


def fuel_pump(rng: np.random.Generator) -> Template:
    """Pumps on an island along x, with hoses; or a charging post."""
    shape = Shape("fuel pump")
    if rng.random() < 0.2:  # a charging post with its cable
        high = rng.uniform(1.3, 2.0)
        shape.box("plastic", (0, 0, high / 2), (0.35, 0.3, high))
        shape.box("dark plastic", (0, 0.16, high * 0.75), (0.25, 0.03, 0.25))
        for a, b in (((0.1, 0.2, 1.1), (0.2, 0.32, 0.5)), ((0.2, 0.32, 0.5), (0.05, 0.22, 0.9))):
            shape.tube("rubber", a, b, 0.025, sides=5)
        return shape.finish()
    shape.box("concrete", (0, 0, 0.03), (rng.uniform(2.0, 4.0), rng.uniform(0.9, 1.3), 0.24))
    count, high = int(rng.integers(1, 3)), rng.uniform(1.5, 2.3)
    for k in range(count):
        x = (k - (count - 1) / 2) * 1.2
        wide = rng.uniform(0.7, 1.0)
        shape.box("paint", (x, 0, 0.15 + high * 0.3), (wide, 0.5, high * 0.6))
        shape.box("plastic", (x, 0, 0.15 + high * 0.78), (wide * 0.9, 0.36, high * 0.4))
        if rng.random() < 0.5:
            shape.box("paint", (x, 0, high + 0.25), (wide * 1.1, 0.55, 0.25))
        for side in (-1, 1):
            for dx in (-0.2, 0.0, 0.2):
                top = np.array([x + dx, side * 0.24, 0.15 + high * 0.62])
                low = np.array([x + dx, side * 0.38, 0.5])
                shape.tube("rubber", top + [0, 0, 0.3], low, 0.025, sides=4)
                shape.tube("rubber", low, top, 0.025, sides=4)
    for x in (-1.2, 1.2):
        if rng.random() < 0.4:
            shape.tube("metal", (x, 0, 0), (x, 0, 1.0), 0.06)
    return shape.finish()


SHAPES: dict[str, tuple[Maker, int]] = {
    "pallet": (pallet, 4),
    "pipe": (pipe, 2),
    "log": (log, 3),
    "hay bale": (hay_bale, 2),
    "fuel pump": (fuel_pump, 1),
}
