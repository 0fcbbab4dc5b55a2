"""Small structures: scaffolding, tents, play equipment, fountains, statues, tanks."""

from __future__ import annotations

import numpy as np

from avs3d.simulation.shapes.mesh import Maker, Shape, Template
from avs3d.simulation.shapes.parts import boxes, chain, grid, lying, tubes, turned, warp

SCAFFOLD_LENGTH = 2.5


def scaffolding(rng: np.random.Generator) -> Template:
    """A piece 2.5 m along x: standards, ledgers, decks, braces; netting on some."""
    shape = Shape("scaffolding")
    half, deep, lift = SCAFFOLD_LENGTH / 2, rng.uniform(0.7, 1.1), rng.uniform(1.9, 2.1)
    levels = int(rng.integers(1, 6))
    top = levels * lift + 1.0
    feet = grid([-half], [-deep / 2, deep / 2], [0.0])
    tubes(shape, "metal", feet, feet + [0, 0, top], 0.028, sides=5)
    boxes(shape, "wood", feet + [0, 0, 0.02], (0.25, 0.25, 0.05))
    for z in lift * np.arange(1, levels + 1):
        deck = "wood" if rng.random() < 0.6 else "metal"
        shape.box(deck, (0, 0, z), (SCAFFOLD_LENGTH, deep - 0.08, 0.06))
        rails = grid([-half], [deep / 2], [z + 0.5, z + 1.0, z - 0.08])
        tubes(shape, "metal", rails, rails + [2 * half, 0, 0], 0.025)
        cross = np.array([[-half, -deep / 2, z - 0.08]])
        tubes(shape, "metal", cross, cross + [0, deep, 0], 0.025)
        shape.box(deck, (0, deep / 2, z + 0.1), (SCAFFOLD_LENGTH, 0.03, 0.15))
    if rng.random() < 0.6:
        z = lift * np.arange(levels)
        start = np.stack([0 * z - half, 0 * z + deep / 2, z + 0.1], 1)
        tubes(shape, "metal", start, start + [2 * half, 0, lift - 0.1], 0.022)
    if rng.random() < 0.2:
        high = levels * lift
        shape.box("cloth", (0, deep / 2 + 0.08, high / 2 + 0.6), (2 * half, 0.01, high))
    elif rng.random() < 0.4 and levels > 1:  # a ladder
        x = rng.uniform(-0.8, 0.5)
        legs = grid([x, x + 0.4], [-0.1], [0.0])
        tubes(shape, "metal", legs, legs + [0, 0.2, 2 * lift], 0.02)
        rungs = grid([x], [0.0], np.arange(0.3, 2 * lift, 0.35))
        tubes(shape, "metal", rungs, rungs + [0.4, 0, 0], 0.015, sides=3)
    return shape.finish()


def tent(rng: np.random.Generator) -> Template:
    """A party or market tent, a camping tent, a dome, a marquee."""
    shape = Shape("tent")
    kind = rng.choice(4, p=[0.45, 0.25, 0.15, 0.15])
    if kind == 0:  # a roof on four legs
        a, b = rng.uniform(1.2, 2.2), rng.uniform(1.2, 1.8)
        eave, peak = rng.uniform(1.9, 2.3), rng.uniform(2.6, 3.4)
        feet = grid([-a, a], [-b, b], [0.0])
        tubes(shape, "metal", feet, feet + [0, 0, eave], 0.025)
        turned(
            shape, "cloth", [(1.0, eave), (0.35, eave + 0.5 * (peak - eave)), (0.02, peak)], sides=4
        )
        shape.move((0, 0, 0), np.pi / 4, first=1)
        warp(shape, 1, lambda corners: corners * [np.sqrt(2) * a, np.sqrt(2) * b, 1])
        valance = rng.uniform(0.15, 0.4)
        boxes(shape, "cloth", [(a, 0, eave - valance / 2), (-a, 0, eave - valance / 2)],
              (0.02, 2 * b, valance))  # fmt: skip
        boxes(shape, "cloth", [(0, b, eave - valance / 2), (0, -b, eave - valance / 2)],
              (2 * a, 0.02, valance))  # fmt: skip
        for side in np.flatnonzero(rng.random(3) < 0.3):
            at, size = (
                ((-a, 0), (0.02, 2 * b)),
                ((0, b), (2 * a, 0.02)),
                ((0, -b), (2 * a, 0.02)),
            )[side]
            shape.box("cloth", (*at, eave / 2), (*size, eave))
        if rng.random() < 0.5:
            shape.category = "table"
            shape.box("cloth", (0.6 * a, 0, 0.4), (0.7, 1.5 * b, 0.8))
    elif kind == 1:  # a ridge tent for sleeping
        long, wide, high = rng.uniform(1.0, 1.6), rng.uniform(0.8, 1.4), rng.uniform(1.0, 1.9)
        shape.prism("cloth", [(-wide, 0), (-wide * 0.55, high * 0.55), (0, high),
                              (wide * 0.55, high * 0.55), (wide, 0)],
                    [long * 1.1, long, long * 0.9, long, long * 1.1])  # fmt: skip
    elif kind == 2:
        r, high = rng.uniform(1.0, 2.0), rng.uniform(1.0, 1.7)
        turn = np.linspace(0, np.pi / 2, 5)
        turned(shape, "cloth", np.stack([r * np.cos(turn), high * np.sin(turn)], 1), sides=10)
        shape.box("cloth", (r * 0.9, 0, 0.4), (0.7, 0.9, 0.8), pitch=0.4)
    else:  # a long marquee with walls
        long, wide = rng.uniform(3, 5), rng.uniform(1.8, 2.8)
        eave, peak = rng.uniform(2.1, 2.5), rng.uniform(3.0, 3.8)
        shape.prism("cloth", [(-wide, 0), (-wide, eave), (0, peak), (wide, eave), (wide, 0)], long)
        posts = grid([-wide - 0.03, wide + 0.03], np.linspace(-long, long, 4), [0.0])
        tubes(shape, "metal", posts, posts + [0, 0, eave], 0.05)
    return shape.finish()


def _swing(rng: np.random.Generator, shape: Shape, material: str) -> None:
    half, high = rng.uniform(1.2, 2.2), rng.uniform(2.0, 2.5)
    lean = rng.uniform(0.5, 0.8)
    feet = grid([-lean, lean], [-half, half], [0.0])
    tubes(shape, material, feet, feet * [0, 1, 0] + [0, 0, high], 0.05, sides=5)
    shape.tube(material, (0, -half, high), (0, half, high), 0.06)
    for y in np.linspace(-half * 0.55, half * 0.55, 2):
        out = rng.normal(0, 0.25)
        seat = np.array([out, y, 0.45])
        ropes = np.array([[0, y - 0.25, high], [0, y + 0.25, high]])
        tubes(shape, "metal", ropes, seat + [[0, -0.25, 0], [0, 0.25, 0]], 0.012, sides=3)
        shape.box("dark plastic", seat, (0.22, 0.5, 0.05))


def _slide(rng: np.random.Generator, shape: Shape, high: float) -> None:
    """A tower with a roof, a ladder and a slide to +x."""
    half = rng.uniform(0.5, 0.8)
    top = high + rng.uniform(1.2, 1.9)
    posts = grid([-half, half], [-half, half], [0.0])
    tubes(shape, "wood", posts, posts + [0, 0, top], 0.05, sides=5)
    shape.box("wood", (0, 0, high), (2 * half, 2 * half, 0.08))
    boxes(
        shape, "plastic", [(0, -half, high + 0.45), (0, half, high + 0.45)], (2 * half, 0.04, 0.7)
    )
    if rng.random() < 0.7:
        shape.prism("plastic", [(-half - 0.2, top), (0, top + 0.7), (half + 0.2, top)], half + 0.2)
    end = half + high * rng.uniform(1.1, 1.5)
    long, pitch = np.hypot(end - half, high - 0.25), np.arctan2(high - 0.25, end - half)
    middle = np.array([(half + end) / 2, 0, (high + 0.25) / 2])
    shape.box("metal", middle, (long, 0.5, 0.04), pitch=pitch)
    for side in (-0.26, 0.26):
        shape.box("plastic", middle + [0, side, 0.1], (long, 0.04, 0.22), pitch=pitch)
    feet = np.array([[-half - 0.6, -0.2, 0], [-half - 0.6, 0.2, 0]])
    tubes(shape, "wood", feet, feet + [0.6, 0, high], 0.03)
    share = np.arange(0.15, 1, 0.18)[:, None]
    rungs = feet[0] + share * [0.6, 0, high]
    tubes(shape, "metal", rungs, rungs + [0, 0.4, 0], 0.02, sides=3)


def playground(rng: np.random.Generator) -> Template:
    """Swings, a slide, a climbing arch or net, a seesaw, animals on springs, a roundabout."""
    shape = Shape("playground")
    kind = rng.choice(7, p=[0.24, 0.26, 0.14, 0.12, 0.1, 0.08, 0.06])
    material = ("wood", "metal", "paint")[rng.integers(3)]
    if kind == 0:
        _swing(rng, shape, material)
    elif kind == 1:
        _slide(rng, shape, rng.uniform(1.0, 2.2))
        if rng.random() < 0.4:  # a second tower and a bridge to it
            first = shape.parts
            _slide(rng, shape, rng.uniform(1.0, 1.6))
            shape.move((0, -3.2, 0), -np.pi / 2, first)
            shape.box("wood", (0, -1.7, 1.1), (0.8, 2.2, 0.08))
    elif kind == 2:  # a climbing arch
        r, high = rng.uniform(1.1, 1.7), rng.uniform(1.3, 2.1)
        turn = np.linspace(0, np.pi, 9)
        arch = np.stack([r * np.cos(turn), 0 * turn, high * np.sin(turn)], 1)
        for y in (-0.5, 0.5):
            chain(shape, "metal", arch + [0, y, 0], 0.03, sides=4)
        tubes(shape, "metal", arch[1:-1] - [0, 0.5, 0], arch[1:-1] + [0, 0.5, 0], 0.025, sides=4)
    elif kind == 3:  # a pyramid of ropes
        high, r = rng.uniform(2.5, 4.5), rng.uniform(1.6, 2.6)
        shape.tube("metal", (0, 0, 0), (0, 0, high), 0.07)
        turn = 2 * np.pi * np.arange(6) / 6
        feet = np.stack([r * np.cos(turn), r * np.sin(turn), 0 * turn], 1)
        tubes(shape, "dark plastic", feet, 0 * feet + [0, 0, high], 0.02, sides=3)
        for share in (0.2, 0.4, 0.6, 0.8):
            ring = feet * (1 - share) + [0, 0, high * share]
            tubes(shape, "dark plastic", ring, np.roll(ring, 1, axis=0), 0.02, sides=3)
    elif kind == 4:  # a seesaw
        tilt, long = rng.uniform(-0.2, 0.2), rng.uniform(1.3, 1.8)
        shape.box("metal", (0, 0, 0.3), (0.2, 0.3, 0.6))
        shape.box(material, (0, 0, 0.6), (2 * long, 0.22, 0.08), pitch=tilt)
        for side in (-1, 1):
            at = np.array([side * (long - 0.4), 0, 0.8 - side * np.sin(tilt) * long])
            shape.box("metal", at, (0.05, 0.4, 0.3))
    elif kind == 5:  # animals on springs
        for k in range(int(rng.integers(1, 4))):
            at = np.array([1.6 * k, rng.normal(0, 0.3), 0])
            shape.tube("dark metal", at, at + [0, 0, 0.4], 0.1, sides=6)
            shape.box("plastic", at + [0, 0, 0.55], (0.9, 0.3, 0.25))
            shape.box("plastic", at + [0.4, 0, 0.85], (0.25, 0.12, 0.5), pitch=0.3)
            shape.tube("metal", at + [0.25, -0.25, 0.8], at + [0.25, 0.25, 0.8], 0.02)
    else:  # a roundabout
        r = rng.uniform(0.8, 1.2)
        shape.tube("metal", (0, 0, 0.2), (0, 0, 0.3), r, sides=12)
        shape.tube("metal", (0, 0, 0), (0, 0, 0.9), 0.06)
        turn = 2 * np.pi * np.arange(6) / 6
        rim = np.stack([0.9 * r * np.cos(turn), 0.9 * r * np.sin(turn), 0 * turn + 0.3], 1)
        tubes(shape, "metal", rim, rim + [0, 0, 0.6], 0.025)
        tubes(shape, "metal", rim + [0, 0, 0.6], 0 * rim + [0, 0, 0.9], 0.025)
    return shape.finish()


def fountain(rng: np.random.Generator) -> Template:
    """A basin with water, and what rises from its middle; or a well with a trough."""
    shape = Shape("fountain")
    stone = "stone" if rng.random() < 0.6 else "concrete"
    kind = rng.integers(4)
    if kind == 3:
        long, wide = rng.uniform(0.7, 1.5), rng.uniform(0.4, 0.6)
        boxes(
            shape,
            stone,
            [(0, -wide, 0.35), (0, wide, 0.35), (-long, 0, 0.35), (long, 0, 0.35)],
            [
                (2 * long, 0.15, 0.75),
                (2 * long, 0.15, 0.75),
                (0.15, 2 * wide, 0.75),
                (0.15, 2 * wide, 0.75),
            ],
        )
        shape.box("water", (0, 0, 0.55), (2 * long, 2 * wide, 0.02))
        shape.tube(stone, (-long, 0, 0), (-long, 0, rng.uniform(1.2, 1.9)), 0.18, 0.13, sides=8)
        shape.tube("metal", (-long, 0, 1.0), (-long + 0.5, 0, 0.9), 0.03)
        return shape.finish()
    r, rim, sides = rng.uniform(1.2, 3.2), rng.uniform(0.35, 0.8), int(rng.choice([4, 6, 8, 14]))
    turned(shape, stone, [(r, -0.2), (r * 1.03, rim - 0.1), (r * 1.08, rim - 0.1), (r * 1.08, rim),
                          (r - 0.3, rim), (r - 0.3, 0.1)], sides=sides)  # fmt: skip
    turned(shape, "water", [(r - 0.28, rim - 0.15), (0, rim - 0.15)], sides=sides)
    if kind == 0:  # bowls above each other
        z, bowl = rim, 0.5 * r
        for _ in range(int(rng.integers(1, 4))):
            turned(shape, stone, [(0.16, z - 0.4), (0.12, z + 0.4), (0.2, z + 0.5), (bowl, z + 0.8),
                                  (bowl, z + 0.88), (0.0, z + 0.75)])  # fmt: skip
            z, bowl = z + 0.85, bowl * 0.6
        shape.ball(stone, (0, 0, z), (0.15, 0.15, 0.3))
    elif kind == 1:  # a column, or a figure on one
        high = rng.uniform(1.5, 3.5)
        turned(shape, stone, [(0.4, 0), (0.35, 0.9), (0.2, 1.0), (0.17, high), (0.3, high + 0.15),
                              (0, high + 0.15)], sides=8)  # fmt: skip
        if rng.random() < 0.5:
            _figure(rng, shape, stone, high + 0.1, rng.uniform(0.6, 0.9))
    else:  # jets: drops give few echoes
        points = rng.normal(0, 0.12, (40, 3)) * [1, 1, 6] + [0, 0, 1.1]
        shape.triangles("water", points[:, None] + rng.normal(0, 0.05, (40, 3, 3)))
        shape.tube("metal", (0, 0, 0), (0, 0, 0.6), 0.06)
    return shape.finish()


def _figure(rng: np.random.Generator, shape: Shape, material: str, z: float, size: float) -> None:
    """A standing person of stone or bronze, simple, feet at height z."""
    first = shape.parts
    robe = rng.random() < 0.45
    turned(shape, material, [(0.3 if robe else 0.2, 0), (0.2, 0.6), (0.17, 0.95), (0.26, 1.35),
                             (0.2, 1.5), (0.07, 1.55)], sides=8)  # fmt: skip
    shape.ball(material, (0, 0, 1.68), (0.11, 0.1, 0.14))
    for side in (-1, 1):
        shoulder = np.array([0, side * 0.24, 1.4])
        hand = shoulder + [
            rng.uniform(0, 0.45),
            side * rng.uniform(0, 0.2),
            rng.uniform(-0.55, 0.5),
        ]
        shape.tube(material, shoulder, hand, 0.07, 0.045)
    warp(shape, first, lambda corners: corners * size + [0, 0, z])


def statue(rng: np.random.Generator) -> Template:
    """A figure, a rider, a bust, an obelisk or an abstract form, on a plinth."""
    shape = Shape("statue")
    material = ("stone", "dark metal", "metal", "concrete")[rng.integers(4)]
    high, wide = rng.uniform(0.3, 2.2), rng.uniform(0.35, 0.8)
    boxes(
        shape,
        "stone",
        [(0, 0, 0.1), (0, 0, high / 2), (0, 0, high)],
        [(2.6 * wide, 2.6 * wide, 0.3), (2 * wide, 2 * wide, high), (2.2 * wide, 2.2 * wide, 0.12)],
    )
    kind = rng.choice(5, p=[0.45, 0.15, 0.12, 0.14, 0.14])
    if kind == 0:
        for k in range(1 + int(rng.random() < 0.15)):
            first = shape.parts
            _figure(rng, shape, material, high + 0.05, rng.uniform(0.9, 1.5))
            shape.move((0, 0.6 * k, 0), rng.normal(0, 0.4), first)
    elif kind == 1:  # on horseback
        shape.box("stone", (0, 0, high / 2), (2.6, 1.0, high))
        back = high + 1.25
        shape.ball(material, (0, 0, back), (0.85, 0.3, 0.36))
        shape.tube(material, (0.65, 0, back + 0.1), (1.05, 0, back + 0.75), 0.22, 0.14)
        shape.ball(material, (1.2, 0, back + 0.75), (0.3, 0.11, 0.13), pitch=0.5)
        legs = np.array(
            [[0.6, 0.15, high], [0.9, -0.15, high + 0.4], [-0.6, 0.15, high], [-0.5, -0.15, high]]
        )
        tubes(shape, material, legs, legs * [0.85, 1, 0] + [0, 0, back - 0.2], 0.06, 0.12, sides=5)
        _figure(rng, shape, material, back - 0.35, 0.85)
    elif kind == 2:
        shape.tube(material, (0, 0, high), (0, 0, high + 0.35), 0.3, 0.1, sides=8)
        shape.ball(material, (0, 0, high + 0.55), (0.17, 0.15, 0.22))
    elif kind == 3:
        top = high + rng.uniform(2, 6)
        turned(shape, "stone", [(wide * 0.9, high), (wide * 0.55, top), (0, top + 0.7)], sides=4)
    else:
        n = int(rng.integers(3, 7))
        points = np.cumsum(rng.normal(0, 0.45, (n, 3)) + [0, 0, 0.45], axis=0) * [1, 1, 1]
        points[:, 2] = np.abs(points[:, 2]) + high
        points[0] = 0, 0, high
        chain(shape, material, points, rng.uniform(0.08, 0.25), sides=6)
        shape.ball(material, points[-1], rng.uniform(0.2, 0.5, 3))
    return shape.finish()


def tank(rng: np.random.Generator) -> Template:
    """A tank: upright silo, lying on saddles, a cube in a cage, a ball, on a frame, a rain butt."""
    shape = Shape("tank")
    kind = rng.choice(6, p=[0.25, 0.28, 0.15, 0.1, 0.12, 0.1])
    material = ("paint", "metal", "plastic", "concrete")[rng.integers(4)]
    if kind == 0:
        r, high = rng.uniform(0.9, 2.6), rng.uniform(2.5, 9)
        lift = rng.choice([0.0, 0.0, 1.5])
        turned(
            shape,
            material,
            [
                (0.2 if lift else r, 0.3 * lift),
                (r, 1.2 * lift),
                (r, lift + high),
                (0.3 * r, lift + high + 0.35 * r),
                (0, lift + high + 0.4 * r),
            ],
            sides=14,
        )
        if lift:
            turn = np.pi / 4 + np.pi / 2 * np.arange(4)
            feet = np.stack([r * np.cos(turn), r * np.sin(turn), 0 * turn], 1)
            tubes(shape, "metal", feet, feet + [0, 0, 2.2], 0.09)
        legs = grid([r + 0.15], [-0.2, 0.2], [0.3])
        tubes(shape, "metal", legs, legs + [0, 0, lift + high], 0.025)
        rungs = grid([r + 0.15], [-0.2], np.arange(0.5, lift + high, 0.4))
        tubes(shape, "metal", rungs, rungs + [0, 0.4, 0], 0.015, sides=3)
        if rng.random() < 0.5:
            turned(
                shape, material, [(r + 0.05, high * 0.6), (r + 0.05, high * 0.6 + 0.15)], sides=14
            )
    elif kind == 1:
        r, long = rng.uniform(0.5, 1.4), rng.uniform(1.8, 6)
        z = r + rng.uniform(0.2, 0.9)
        lying(shape, material, (0, 0, z), r, long, 14)
        for side in (-1, 1):
            shape.ball(material, (side * long / 2, 0, z), (0.35 * r, r, r))
            shape.box("concrete", (side * long * 0.32, 0, z / 2 - 0.1), (0.25, 1.5 * r, z))
        shape.tube("metal", (0, 0, z + r - 0.1), (0, 0, z + r + 0.25), 0.2, sides=8)
    elif kind == 2:  # a cube of plastic in a cage, on a pallet
        n = 1 + int(rng.random() < 0.25)
        for k in range(n):
            z = 1.15 * k
            shape.box("wood", (0, 0, z + 0.07), (1.2, 1.0, 0.14))
            shape.box("plastic", (0, 0, z + 0.63), (1.1, 0.92, 0.95))
            bars = grid(np.linspace(-0.59, 0.59, 5), [-0.49, 0.49], [z + 0.15])
            tubes(shape, "metal", bars, bars + [0, 0, 1.0], 0.01, sides=3)
            bars = grid([-0.59], [-0.49, 0.49], z + np.linspace(0.3, 1.15, 4))
            tubes(shape, "metal", bars, bars + [1.18, 0, 0], 0.01, sides=3)
    elif kind == 3:
        r = rng.uniform(1.2, 2.5)
        shape.ball(material, (0, 0, r + 1.0), (r, r, r))
        turn = 2 * np.pi * np.arange(6) / 6
        feet = np.stack([0.95 * r * np.cos(turn), 0.95 * r * np.sin(turn), 0 * turn], 1)
        tubes(shape, "metal", feet, feet + [0, 0, r + 1.0], 0.1)
    elif kind == 4:  # on a frame or a roof
        r, low, high = rng.uniform(0.6, 1.4), rng.uniform(1.5, 6.0), rng.uniform(1.0, 2.2)
        feet = grid([-r, r], [-r, r], [0.0])
        tubes(shape, "metal", feet, feet * [0.75, 0.75, 0] + [0, 0, low], 0.06)
        tubes(shape, "metal", feet, feet[[1, 3, 0, 2]] * 0.8 + [0, 0, low * 0.8], 0.03)
        turned(shape, material, [(0, low), (r, low), (r, low + high), (0.2, low + high + 0.4),
                                 (0, low + high + 0.4)], sides=12)  # fmt: skip
    else:
        r, high = rng.uniform(0.3, 0.8), rng.uniform(0.9, 2.0)
        turned(shape, "plastic", [(r * 0.9, 0), (r, 0.2 * high), (r * 1.05, 0.5 * high), (r, high),
                                  (0.3 * r, high * 1.1), (0, high * 1.1)])  # fmt: skip
    return shape.finish()


SHAPES: dict[str, tuple[Maker, int]] = {
    "scaffolding": (scaffolding, 1),
    "tent": (tent, 3),
    "playground": (playground, 4),
    "fountain": (fountain, 1),
    "statue": (statue, 2),
    "tank": (tank, 3),
}
