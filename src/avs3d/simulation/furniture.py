"""Small things on the sidewalk: bins, boxes, bollards, cones, hydrants, racks, meters, planters."""

from __future__ import annotations

import numpy as np

from avs3d.simulation.mesh import Maker, Shape, Template
from avs3d.simulation.parts import boxes, chain, grid, in_ball, leaves, tubes, turned


def traffic_cone(rng: np.random.Generator) -> Template:
    """A cone with a foot and bright bands; seldom a slim one, or two stacked."""
    shape = Shape("traffic cone")
    high = rng.uniform(0.3, 1.05)
    radius = high * rng.uniform(0.15, 0.24)
    tip = rng.uniform(0.02, 0.05)
    foot = rng.uniform(2.2, 3.0) * radius
    if rng.random() < 0.75:
        shape.box("dark plastic", (0, 0, 0.02), (foot, foot, 0.05))
    else:
        shape.tube("dark plastic", (0, 0, 0), (0, 0, 0.05), foot / 2, sides=8)
    turned(shape, "plastic", [(radius, 0.03), (tip, high), (0, high)], sides=9)
    for share in (0.4, 0.65)[: rng.integers(0, 3)]:
        wide = rng.uniform(0.1, 0.2)
        low, top = (radius + (tip - radius) * at + 0.008 for at in (share, share + wide))
        turned(shape, "plate", [(low, high * share), (top, high * (share + wide))], sides=9)
    if rng.random() < 0.1:
        shape.box("lamp glass", (0, 0, high + 0.1), (0.12, 0.18, 0.2))
    return shape.finish()


def traffic_drum(rng: np.random.Generator) -> Template:
    """A barrel with bright bands on a ring of rubber, or a slim post with bands on a foot."""
    shape = Shape("traffic drum")
    high = rng.uniform(0.85, 1.15)
    base, top = rng.uniform(0.24, 0.32), rng.uniform(0.18, 0.25)
    turned(shape, "rubber", [(base + 0.1, 0), (base + 0.1, 0.06), (base, 0.1)], sides=10)
    steps = int(rng.integers(3, 6))
    z, r = np.linspace(0.05, high, steps + 1), np.linspace(base, top, steps + 1)
    for k in range(steps):
        ring = [(r[k], z[k]), (r[k], z[k + 1]), (r[k + 1], z[k + 1])]
        turned(shape, "plate" if k % 2 else "plastic", ring, sides=10)
    turned(shape, "plastic", [(top, high), (top * 0.4, high + 0.03), (0, high + 0.03)], sides=10)
    if rng.random() < 0.6:
        shape.box("plastic", (0, 0, high + 0.06), (0.05, 0.2, 0.1))
    if rng.random() < 0.2:
        shape.box("lamp glass", (0.0, 0, high + 0.2), (0.1, 0.18, 0.2))
    return shape.finish()


def bollard(rng: np.random.Generator) -> Template:
    """A post against cars: round, square, with a ball or a sloped top, a stone, a loop, rubber."""
    shape = Shape("bollard")
    high, radius = rng.uniform(0.45, 1.2), rng.uniform(0.035, 0.16)
    material = ("metal", "concrete", "dark metal", "plastic", "stone", "wood")[rng.integers(6)]
    kind = rng.choice(7, p=[0.35, 0.15, 0.17, 0.08, 0.07, 0.1, 0.08])
    if kind == 0:
        turned(shape, material, [(radius, -0.1), (radius * rng.uniform(0.7, 1), high), (0, high + 0.02)], sides=9)
    elif kind == 1:
        wide = 2 * radius * rng.uniform(0.8, 1.4)
        shape.box(material, (0, 0, high / 2), (wide, wide, high))
        if rng.random() < 0.4:
            shape.prism(material, [(-wide / 2, high), (wide / 2, high), (0, high + wide / 2)], wide / 2)
    elif kind == 2:  # cast, with rings and a ball
        turned(shape, material, [(radius * 1.7, 0), (radius * 1.5, 0.12), (radius, 0.2), (radius * 0.8, high * 0.8),
                                 (radius * 1.2, high * 0.84), (radius * 0.7, high * 0.9)], sides=9)  # fmt: skip
        shape.ball(material, (0, 0, high), (radius * 1.3,) * 3)
    elif kind == 3:  # a ball or half ball of stone
        r = rng.uniform(0.22, 0.4)
        shape.ball("stone", (0, 0, r * rng.uniform(0.4, 0.9)), (r, r, r))
    elif kind == 4:  # a thick block
        wide = rng.uniform(0.35, 0.6)
        shape.box("concrete", (0, 0, high * 0.35), (wide, wide * rng.uniform(1, 2), high * 0.7))
    elif kind == 5:  # a hoop
        wide = rng.uniform(0.3, 0.6)
        chain(shape, "metal", [(0, -wide, 0), (0, -wide, high - 0.1), (0, -wide + 0.1, high),
                               (0, wide - 0.1, high), (0, wide, high - 0.1), (0, wide, 0)], 0.035)  # fmt: skip
    else:  # a bendable post of rubber
        shape.tube("dark plastic", (0, 0, 0), (0, 0, 0.06), 0.13, sides=9)
        shape.tube("plastic", (0, 0, 0.05), (0, 0, high), 0.045, sides=7)
    if kind in (0, 1, 6) and rng.random() < 0.5:
        shape.tube("plate", (0, 0, high * 0.75), (0, 0, high * 0.9), max(radius * 1.05, 0.05), sides=9)
    return shape.finish()


def slotted_bollard(rng: np.random.Generator) -> Template:
    """A leaning blade of steel or a hollow lamp bollard with a head on three pins."""
    shape = Shape("bollard")
    high = rng.uniform(0.6, 1.1)
    if rng.random() < 0.5:
        shape.box("dark metal", (0.04, 0, high / 2), (0.05, rng.uniform(0.2, 0.3), high), pitch=0.12)
    else:
        turned(shape, "dark metal", [(0.1, 0), (0.1, high * 0.7), (0, high * 0.7)])
        turn = 2 * np.pi * np.arange(3) / 3
        pins = np.stack([0.08 * np.cos(turn), 0.08 * np.sin(turn), 0 * turn + high * 0.7], 1)
        tubes(shape, "metal", pins, pins + [0, 0, 0.2 * high], 0.012, sides=3)
        turned(shape, "dark metal", [(0.12, high * 0.88), (0.12, high), (0, high + 0.03)])
    return shape.finish()


def _litter_bin(rng: np.random.Generator, shape: Shape) -> None:
    """For passers-by: round, square, on a post, of bars, with a roof."""
    kind, high = rng.integers(6), rng.uniform(0.7, 1.15)
    material = ("dark metal", "plastic", "metal", "concrete", "wood")[rng.integers(5)]
    r = rng.uniform(0.2, 0.34)
    if kind == 0:
        turned(shape, material, [(r * 0.9, 0.03), (r, high), (r - 0.04, high), (r - 0.06, high * 0.5), (0, high * 0.5)], sides=12)
    elif kind == 1:  # on a post
        out = rng.uniform(0.0, 0.25)
        shape.tube("metal", (0, 0, 0), (0, 0, 1.2), 0.035)
        turned(shape, material, [(0, 0.55), (0.16, 0.55), (0.2, 1.05), (0.16, 1.05)], (out, 0, 0))
        if rng.random() < 0.5:
            turned(shape, material, [(0.2, 1.15), (0.05, 1.25)], (out, 0, 0))
    elif kind == 2:  # square with a slit and a roof
        shape.box(material, (0, 0, high * 0.38), (1.7 * r, 1.7 * r, high * 0.72))
        posts = grid([-0.75 * r, 0.75 * r], [-0.75 * r, 0.75 * r], [0.7 * high])
        tubes(shape, material, posts, posts + [0, 0, 0.25 * high], 0.02)
        shape.box(material, (0, 0, high), (1.9 * r, 1.9 * r, 0.08))
    elif kind == 3:  # of bars
        turn = 2 * np.pi * np.arange(14) / 14
        feet = np.stack([0.8 * r * np.cos(turn), 0.8 * r * np.sin(turn), 0 * turn + 0.05], 1)
        tubes(shape, "dark metal", feet, feet * [1.25, 1.25, 0] + [0, 0, high], 0.014, sides=3)
        turned(shape, "dark metal", [(r, high - 0.05), (r + 0.03, high)])
        turned(shape, "dark plastic", [(0, 0.1), (0.7 * r, 0.1), (0.85 * r, high - 0.1)], sides=8)
    elif kind == 4:  # with a dome
        turned(shape, material, [(r, 0), (r, high * 0.75), (r * 0.8, high * 0.75)], sides=12)
        turned(shape, material, [(r, high * 0.92), (0.8 * r, high * 1.1), (0, high * 1.18)], sides=12)
        tubes(shape, material, [(r * 0.9, 0, high * 0.7), (-r * 0.9, 0, high * 0.7)], [(r * 0.9, 0, high), (-r * 0.9, 0, high)], 0.04)
    else:  # two or three kinds of waste side by side
        count = int(rng.integers(2, 5))
        y = 0.45 * (np.arange(count) - (count - 1) / 2)
        boxes(shape, material, grid([0.0], y, [high / 2]), (0.4, 0.4, high))
        boxes(shape, "dark plastic", grid([0.21], y, [high * 0.85]), (0.02, 0.28, 0.12))


def _wheelie_bin(rng: np.random.Generator, shape: Shape) -> None:
    wide, high = rng.uniform(0.45, 0.62), rng.uniform(0.85, 1.15)
    shape.prism("plastic", [(-0.22, 0.08), (0.18, 0.08), (0.28, high), (-0.32, high)],
                [wide * 0.38, wide * 0.38, wide / 2, wide / 2])  # fmt: skip
    ajar = rng.uniform(0.05, 0.6) if rng.random() < 0.2 else 0.08
    shape.box("plastic", (0.0, 0, high + 0.03 + 0.3 * ajar), (0.68, wide + 0.04, 0.06), pitch=-ajar)
    shape.tube("plastic", (-0.38, -wide / 2, high), (-0.38, wide / 2, high), 0.02, sides=4)
    for side in (-1, 1):
        shape.tube("rubber", (-0.24, side * wide * 0.38, 0.1), (-0.24, side * wide * 0.46, 0.1), 0.1, sides=8)


def trash_can(rng: np.random.Generator) -> Template:
    """A litter bin, a wheelie bin, a waste container on four wheels, bottle banks, or bags."""
    shape = Shape("trash can")
    kind = rng.choice(5, p=[0.42, 0.32, 0.14, 0.06, 0.06])
    if kind == 0:
        _litter_bin(rng, shape)
    elif kind == 1:
        _wheelie_bin(rng, shape)
    elif kind == 2:
        wide, high = rng.uniform(1.1, 1.4), rng.uniform(1.0, 1.3)
        shape.prism("plastic", [(-0.42, 0.2), (0.36, 0.2), (0.5, high), (-0.5, high)], wide / 2)
        shape.box("plastic", (0.5, 0, high - 0.1), (0.08, wide + 0.1, 0.12))
        if rng.random() < 0.6:
            shape.prism("plastic", [(-0.5, high), (0.5, high), (0.3, high + 0.2), (-0.3, high + 0.25)], wide / 2)
        else:
            shape.box("plastic", (-0.1, 0, high + 0.06), (0.9, wide, 0.08), pitch=0.08)
        wheels = grid([-0.35, 0.3], np.array([-0.4, 0.4]) * wide, [0.1])
        boxes(shape, "rubber", wheels, (0.18, 0.06, 0.2))
    elif kind == 3:  # a bank for glass or clothes
        r, high = rng.uniform(0.6, 0.9), rng.uniform(1.4, 1.8)
        turned(shape, "plastic", [(r * 0.8, 0), (r, 0.3), (r, high * 0.7), (r * 0.5, high), (0, high + 0.05)], sides=10)
        shape.tube("dark plastic", (r * 0.8, 0, high * 0.75), (r * 1.02, 0, high * 0.72), 0.12, sides=8)
    else:  # bags beside each other
        for k in range(int(rng.integers(1, 6))):
            size = rng.uniform(0.2, 0.38)
            at = np.array([*rng.normal(0, 0.25, 2), size * 0.8])
            shape.ball("dark plastic", at, size * rng.uniform(0.8, 1.2, 3))
            shape.tube("dark plastic", at + [0, 0, size * 0.8], at + [0, 0, size * 1.3], 0.03, 0.09, sides=5)
    return shape.finish()


def slanted_bin(rng: np.random.Generator) -> Template:
    """A bin like a chute, or a bag in a ring on a stand."""
    shape = Shape("trash can")
    if rng.random() < 0.5:
        high, wide = rng.uniform(0.9, 1.3), rng.uniform(0.2, 0.32)
        shape.prism("metal", [(-0.25, 0), (0.2, 0), (0.3, high * 0.7), (-0.1, high), (-0.25, high)], wide)
        shape.box("dark plastic", (0.1, 0, high * 0.86), (0.35, 1.4 * wide, 0.02), pitch=0.65)
    else:
        tubes(shape, "metal", [(-0.2, -0.2, 0), (-0.2, 0.2, 0)], [(-0.2, -0.2, 1), (-0.2, 0.2, 1)], 0.02)
        turned(shape, "metal", [(0.22, 0.95), (0.26, 0.98)], sides=10)
        turned(shape, "dark plastic", [(0, 0.12), (0.2, 0.2), (0.26, 0.5), (0.23, 0.96)], sides=9)
    return shape.finish()


def dumpster(rng: np.random.Generator) -> Template:
    """A large steel bin with lids, a skip with sloping ends, or an open roll-off box."""
    shape = Shape("dumpster")
    kind = rng.integers(3)
    if kind == 0:  # with lids, opened at the front
        wide, deep = rng.uniform(1.6, 2.2), rng.uniform(0.5, 0.8)
        front, back = rng.uniform(0.9, 1.1), rng.uniform(1.2, 1.6)
        shape.prism("paint", [(-deep, 0.12), (deep * 0.85, 0.12), (deep, front), (-deep, back)], wide / 2)
        pitch = float(np.arctan2(back - front, 2 * deep))
        for y in np.array([-0.25, 0.25]) * wide:
            if rng.random() < 0.75:
                shape.box("dark plastic", (0, y, (front + back) / 2 + 0.04), (2.1 * deep, wide * 0.48, 0.05), pitch=pitch)
            else:
                shape.box("dark plastic", (-deep - 0.1, y, back - 0.4), (0.05, wide * 0.48, 1.0))
        boxes(shape, "paint", grid([0.0], np.linspace(-0.51, 0.51, 2) * wide, [front * 0.6]), (1.6 * deep, 0.08, 0.16))
        boxes(shape, "rubber", grid(np.array([-0.7, 0.7]) * deep, np.array([-0.4, 0.4]) * wide, [0.07]), (0.15, 0.06, 0.14))
        return shape.finish()
    long, wide = (rng.uniform(1.2, 2.0), rng.uniform(0.75, 0.95)) if kind == 1 else (rng.uniform(2.2, 3.4), 1.2)
    high = rng.uniform(0.9, 1.5) if kind == 1 else rng.uniform(1.2, 2.2)
    slope = rng.uniform(0.3, 0.6) if kind == 1 else 0.0
    low, top = long - slope * high, long
    y = np.array([-wide, wide])
    for a in y:
        shape.quads("paint", np.array([[[-low, a * 0.9, 0.1], [low, a * 0.9, 0.1], [top, a, high], [-top, a, high]]]))
    for x, x1 in ((-low, -top), (low, top)):
        shape.quads("paint", np.array([[[x, -wide * 0.9, 0.1], [x, wide * 0.9, 0.1], [x1, wide, high], [x1, -wide, high]]]))
    shape.box("paint", (0, 0, 0.15), (2 * low, 1.8 * wide, 0.1))
    ribs = grid(np.linspace(-low * 0.9, low * 0.9, 5), [-wide * 0.97, wide * 0.97], [high / 2])
    boxes(shape, "paint", ribs, (0.1, 0.1, high - 0.15))
    boxes(shape, "paint", [(0, -wide, high), (0, wide, high)], (2 * top, 0.1, 0.1))
    fill = rng.uniform(0.2, 1.05) * high
    around = in_ball(rng, 14) * [low * 0.8, wide * 0.7, 0.2] + [0, 0, fill]
    boxes(shape, "wood" if rng.random() < 0.5 else "concrete", around, rng.uniform(0.1, 0.6, (14, 3)))
    shape.box("soil", (0, 0, fill * 0.5 + 0.1), (1.9 * low, 1.75 * wide, fill))
    return shape.finish()


def fire_hydrant(rng: np.random.Generator) -> Template:
    """A stout post with caps to both sides and the front; or a slim pillar."""
    shape = Shape("fire hydrant")
    high, r = rng.uniform(0.55, 1.0), rng.uniform(0.09, 0.15)
    if rng.random() < 0.25:
        r *= 0.75
    turned(shape, "plastic", [(r * 1.7, 0), (r * 1.6, 0.06), (r, 0.08), (r, high * 0.75), (r * 1.25, high * 0.76),
                              (r * 1.2, high * 0.82), (r * 0.7, high * 0.95), (0.03, high), (0, high + 0.05)], sides=10)  # fmt: skip
    z = high * rng.uniform(0.5, 0.65)
    shape.tube("metal", (0, -r * 1.9, z), (0, r * 1.9, z), 0.055, sides=7)
    if rng.random() < 0.7:
        shape.tube("metal", (0, 0, z), (r * 2, 0, z), 0.075, sides=7)
    return shape.finish()


def utility_box(rng: np.random.Generator) -> Template:
    """A cabinet: low and wide, tall and slim, two together, sloped on top, a transformer with ribs."""
    shape = Shape("utility box")
    size = rng.uniform((0.25, 0.45, 0.7), (0.65, 1.6, 1.7))
    material = ("plastic", "metal", "concrete", "plaster")[rng.integers(4)]
    kind = rng.integers(5)
    shape.box("concrete", (0, 0, 0.05), size * [1.1, 1.05, 0] + [0, 0, 0.2])
    if kind == 1:  # two of unequal height
        for side, tall in ((-1, 1.0), (1, rng.uniform(0.5, 0.9))):
            shape.box(material, (0, side * size[1] / 2, size[2] * tall / 2), size * [1, 0.98, tall])
    elif kind == 2:  # a transformer
        size = rng.uniform((1.0, 1.4, 1.3), (2.0, 2.6, 2.4))
        shape.box("paint", (0, 0, size[2] / 2), size)
        boxes(shape, "paint", grid([size[0] / 2 + 0.03], np.linspace(-0.4, 0.4, 7) * size[1], [size[2] * 0.45]),
              (0.08, 0.06, size[2] * 0.6))  # fmt: skip
        shape.box("roof", (0, 0, size[2] + 0.05), size * [1.1, 1.1, 0] + [0, 0, 0.1])
    else:
        shape.box(material, (0, 0, size[2] / 2), size)
        if kind == 3:
            shape.box(material, (0, 0, size[2] + 0.02), size * [1.15, 1.08, 0] + [0, 0, 0.05], pitch=0.12)
        elif kind == 4:  # on legs or a post
            first = shape.parts - 1
            shape.move((0, 0, 0.5), first=first)
            boxes(shape, "metal", [(0, -size[1] / 3, 0.3), (0, size[1] / 3, 0.3)], (0.08, 0.08, 0.6))
        else:
            boxes(shape, "dark metal", [(size[0] / 2, 0, size[2] * 0.55)], (0.03, 0.03, size[2] * 0.8))
            shape.box(material, (0, 0, size[2]), size * [1.12, 1.06, 0] + [0, 0, 0.06])
    return shape.finish()


def bicycle_rack(rng: np.random.Generator) -> Template:
    """Hoops, arcs, wheel holders or a spiral in a row along y; bicycles stand between along x."""
    shape = Shape("bicycle rack")
    gap, count, kind = rng.uniform(0.5, 1.0), int(rng.integers(3, 9)), rng.integers(4)
    y = gap * (np.arange(count) - (count - 1) / 2)
    high, half = ((rng.uniform(0.75, 0.95), rng.uniform(0.25, 0.5)) if kind < 2 else
                  (rng.uniform(0.3, 0.55), 0.25))  # fmt: skip
    if kind == 1:
        turn = np.linspace(0, np.pi, 7)
        path = np.stack([half * np.cos(turn), 0 * turn, high * np.sin(turn)], 1)
    else:
        path = np.array([[-half, 0, 0], [-half, 0, high], [half, 0, high], [half, 0, 0]])
    if kind == 3:  # one wave along y
        wave = np.linspace(0, count, 6 * count)
        path = np.stack([0 * wave, gap * (wave - count / 2), 0.45 - 0.4 * np.cos(2 * np.pi * wave)], 1)
        chain(shape, "metal", path, 0.03, sides=4)
        return shape.finish()
    for at in y:
        chain(shape, "metal", path + [0, at, 0], 0.028, sides=5)
    if kind == 2:
        boxes(shape, "metal", [(-half, 0, 0.06), (half, 0, 0.06)], (0.05, gap * count, 0.05))
        for at in y:
            chain(shape, "metal", path * [1, 1, 0.9] + [0, at + 0.08, 0], 0.012, sides=3)
    return shape.finish()


def parking_meter(rng: np.random.Generator) -> Template:
    """A head or two on a post, or a pay station."""
    shape = Shape("parking meter")
    high = rng.uniform(1.1, 1.35)
    if rng.random() < 0.35:  # a pay station
        wide, deep, high = rng.uniform(0.25, 0.4), rng.uniform(0.2, 0.35), rng.uniform(1.45, 1.85)
        shape.prism("paint", [(-deep / 2, 0), (deep / 2, 0), (deep / 2, high * 0.75), (deep * 0.1, high), (-deep / 2, high)], wide / 2)
        shape.box("dark plastic", (deep / 2, 0, high * 0.62), (0.02, wide * 0.7, 0.2))
        if rng.random() < 0.6:  # a board on top
            shape.tube("metal", (0, 0, high), (0, 0, high + 0.5), 0.03)
            shape.box("plastic", (0, 0, high + 0.6), (0.05, 0.35, 0.35))
        return shape.finish()
    shape.tube("metal", (0, 0, -0.1), (0, 0, high - 0.1), rng.uniform(0.03, 0.045))
    twin = rng.random() < 0.25
    for y in (-0.16, 0.16) if twin else (0.0,):
        shape.box("metal", (0, y, high + 0.03), (0.11, 0.16, 0.26))
        shape.ball("dark plastic", (0, y, high + 0.18), (0.07, 0.1, 0.13))
    if twin:
        shape.box("metal", (0, 0, high - 0.1), (0.08, 0.4, 0.06))
    return shape.finish()


def mailbox(rng: np.random.Generator) -> Template:
    """A pillar box, a box on legs, a rounded one on a post by the road, or a bank of boxes."""
    shape = Shape("mailbox")
    kind = rng.integers(4)
    if kind == 0:
        r, high = rng.uniform(0.2, 0.28), rng.uniform(1.2, 1.6)
        turned(shape, "paint", [(r * 1.15, 0), (r * 1.1, 0.15), (r, 0.18), (r, high - 0.15), (r * 1.2, high - 0.12),
                                (r * 1.15, high - 0.04), (0, high + 0.06)], sides=12)  # fmt: skip
    elif kind == 1:  # street box with a rounded top on four legs
        wide, deep, high = rng.uniform(0.25, 0.35), rng.uniform(0.25, 0.32), rng.uniform(1.1, 1.35)
        turn = np.linspace(0, np.pi, 6)
        profile = [(-deep, 0.18), (deep, 0.18)] + [(deep * np.cos(a), high - deep + deep * np.sin(a)) for a in turn]
        shape.prism("paint", profile, wide)
        boxes(shape, "metal", grid([-deep * 0.85, deep * 0.85], [-wide * 0.85, wide * 0.85], [0.1]), (0.06, 0.06, 0.2))
    elif kind == 2:  # on a post
        high = rng.uniform(1.0, 1.25)
        shape.box("wood", (0, 0, high / 2 - 0.1), (0.1, 0.1, high + 0.2))
        turn = np.linspace(0, np.pi, 6)
        profile = [(-0.09, high), (0.09, high)] + [(0.09 * np.cos(a), high + 0.12 + 0.09 * np.sin(a)) for a in turn]
        first = shape.parts
        shape.prism("metal", profile, 0.26)
        shape.move((0, 0, 0), np.pi / 2, first)
        shape.box("paint", (0.05, -0.1, high + 0.28), (0.12, 0.02, 0.06))
    else:  # many in one frame
        wide, high = rng.uniform(0.5, 1.4), rng.uniform(0.5, 0.9)
        shape.box("metal", (0, 0, 0.7 + high / 2), (0.35, wide, high))
        cells = grid([0.18], np.arange(-wide / 2 + 0.15, wide / 2, 0.3), np.arange(0.85, 0.7 + high, 0.3))
        boxes(shape, "plastic", cells, (0.03, 0.26, 0.24))
        boxes(shape, "metal", [(0, -wide * 0.4, 0.35), (0, wide * 0.4, 0.35)], (0.08, 0.08, 0.7))
    return shape.finish()


def phone_booth(rng: np.random.Generator) -> Template:
    """A closed box of glass in a frame, a half-open hood on a post, or a pillar with a phone."""
    shape = Shape("phone booth")
    kind = rng.choice(3, p=[0.6, 0.25, 0.15])
    if kind == 0:
        half, high = rng.uniform(0.42, 0.55), rng.uniform(2.2, 2.5)
        posts = grid([-half, half], [-half, half], [high / 2])
        boxes(shape, "paint", posts, (0.09, 0.09, high))
        for z in (0.12, high - 0.2):
            shape.box("paint", (0, 0, z), (2 * half, 2 * half, 0.25 if z < 1 else 0.35))
        for x, y, sx, sy in ((half, 0, 0.02, 2 * half), (-half, 0, 0.02, 2 * half), (0, half, 2 * half, 0.02)):
            shape.box("glass", (x, y, high / 2), (sx, sy, high - 0.5))
            if rng.random() < 0.6:
                z = np.linspace(0.5, high - 0.6, 5)
                boxes(shape, "paint", grid([x], [y], z), (sx + 0.02, sy + 0.02, 0.04))
        if rng.random() < 0.6:
            shape.ball("paint", (0, 0, high - 0.05), (half, half, 0.25))
        shape.box("dark plastic", (-half + 0.1, 0, 1.3), (0.15, 0.3, 0.5))
    elif kind == 1:
        high = rng.uniform(1.9, 2.2)
        shape.box("metal", (-0.25, 0, high / 2), (0.1, 0.2, high))
        boxes(shape, "plastic", [(0, -0.42, high - 0.5), (0, 0.42, high - 0.5), (-0.22, 0, high - 0.5), (0, 0, high)],
              [(0.55, 0.03, 1.0), (0.55, 0.03, 1.0), (0.03, 0.84, 1.0), (0.6, 0.9, 0.05)])  # fmt: skip
        shape.box("dark plastic", (-0.12, 0, 1.3), (0.15, 0.25, 0.45))
    else:
        shape.box("paint", (0, 0, 1.1), (0.25, 0.5, 2.2))
        shape.box("dark plastic", (0.15, 0, 1.25), (0.12, 0.25, 0.45))
        shape.box("plastic", (0.15, 0, 2.15), (0.6, 0.6, 0.06))
    return shape.finish()


def planter(rng: np.random.Generator) -> Template:
    """A tub, trough, bowl or ring of stone with flowers, a shrub or a small tree in it."""
    shape = Shape("planter")
    material = ("concrete", "wood", "stone", "dark plastic", "metal")[rng.integers(5)]
    high = rng.uniform(0.35, 0.9)
    if rng.random() < 0.5:
        deep, wide = rng.uniform(0.2, 0.5), rng.uniform(0.25, 1.0)
        top, bottom = high, rng.choice([1.0, 0.8])
        shape.prism(material, [(-deep * bottom, 0), (deep * bottom, 0), (deep, top), (-deep, top)],
                    [wide * bottom, wide * bottom, wide, wide])  # fmt: skip
        boxes(shape, material, [(0, -wide, top), (0, wide, top), (-deep, 0, top), (deep, 0, top)],
              [(2 * deep + 0.1, 0.1, 0.08), (2 * deep + 0.1, 0.1, 0.08), (0.1, 2 * wide, 0.08), (0.1, 2 * wide, 0.08)])  # fmt: skip
    else:
        deep = wide = rng.uniform(0.25, 0.65)
        foot = rng.uniform(0.5, 1.0)
        turned(shape, material, [(wide * foot, 0), (wide * rng.uniform(0.7, 1), high * 0.6), (wide, high),
                                 (wide - 0.06, high), (wide - 0.08, high - 0.08)], sides=10)  # fmt: skip
        shape.tube("soil", (0, 0, high - 0.1), (0, 0, high - 0.06), wide - 0.05, sides=10)
    kind = rng.integers(4)
    if kind == 0:
        tall = rng.uniform(0.1, 0.25)
        points = in_ball(rng, 90) * [deep, wide, tall] + [0, 0, high + tall * 0.5]
        leaves(rng, shape, "leaf", points, 0.1)
        return shape.finish()
    shape.category = "bush" if kind < 3 else "trunk"
    size = rng.uniform(0.25, 0.6)
    lift = size * 0.6
    if kind == 3:
        lift = rng.uniform(0.9, 1.8)
        shape.tube("bark", (0, 0, high - 0.1), (0, 0, high + lift), 0.035)
        shape.category = "tree"
    points = in_ball(rng, 160, 0.5) * [max(size, 0.7 * deep), max(size, 0.8 * wide), size * rng.uniform(0.8, 1.6)]
    leaves(rng, shape, "leaf", points + [0, 0, high + lift], 0.13)
    return shape.finish()


SHAPES: dict[str, tuple[Maker, int]] = {
    "traffic cone": (traffic_cone, 2),
    "traffic drum": (traffic_drum, 1),
    "bollard": (bollard, 3),
    "trash can": (trash_can, 5),
    "dumpster": (dumpster, 2),
    "fire hydrant": (fire_hydrant, 1),
    "utility box": (utility_box, 3),
    "bicycle rack": (bicycle_rack, 1),
    "parking meter": (parking_meter, 1),
    "mailbox": (mailbox, 2),
    "phone booth": (phone_booth, 1),
    "planter": (planter, 3),
}
HELD_OUT: dict[str, tuple[Maker, int]] = {
    "bollard": (slotted_bollard, 1),
    "trash can": (slanted_bin, 2),
}
