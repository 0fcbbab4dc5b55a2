"""What stands along a street: poles, lamps, lights, signs, bins, benches, shelters."""

from __future__ import annotations

import numpy as np

from avs3d.simulation.mesh import Maker, Shape, Template


def pole(rng: np.random.Generator) -> Template:
    shape = Shape("pole")
    kind = rng.integers(3)
    height = rng.uniform(2.5, 5) if kind == 0 else rng.uniform(6, 11)
    radius = rng.uniform(0.03, 0.07) if kind == 0 else rng.uniform(0.08, 0.17)
    material = ("metal", "wood", "concrete")[kind]
    shape.tube(material, (0, 0, -0.3), (0, 0, height), radius, radius * 0.75, sides=8)
    if kind == 1:  # a telegraph pole
        for z in (height - 0.4, height - 1.1)[: rng.integers(1, 3)]:
            shape.box("wood", (0, 0, z), (0.12, rng.uniform(1.2, 2.2), 0.12))
        if rng.random() < 0.3:
            shape.tube("metal", (0.3, 0, height - 2.5), (0.3, 0, height - 1.5), 0.25, sides=8)
    return shape.finish()


def street_lamp(rng: np.random.Generator) -> Template:
    """A lamp whose arm reaches to +x."""
    shape = Shape("street lamp")
    kind = rng.choice(4, p=[0.4, 0.25, 0.25, 0.1])
    radius = rng.uniform(0.05, 0.1)
    if kind == 2:  # a low garden or old-town lantern
        height = rng.uniform(2.8, 4.8)
        shape.tube("dark metal", (0, 0, -0.2), (0, 0, height), radius, radius * 0.7, sides=7)
        shape.tube("dark metal", (0, 0, -0.2), (0, 0, 0.6), radius * 1.8, radius * 1.3, sides=7)
        shape.ball("lamp glass", (0, 0, height + 0.2), (0.2, 0.2, 0.25))
        shape.tube("dark metal", (0, 0, height + 0.35), (0, 0, height + 0.5), 0.24, 0.05, sides=8)
        return shape.finish()
    height = rng.uniform(5, 11)
    shape.tube("metal", (0, 0, -0.3), (0, 0, 1.0), radius * 1.35, radius * 1.25, sides=8)
    shape.tube("metal", (0, 0, 1.0), (0, 0, height), radius, radius * 0.6, sides=8)
    if rng.random() < 0.2:  # a sign on the same post
        shape.category = "traffic sign"
        _plate(rng, shape, rng.uniform(2.2, 3.0), small=True)
        shape.category = "street lamp"
    arms = (-1, 1) if kind == 3 else (1,)
    for side in arms:
        reach = rng.uniform(0.6, 2.6)
        rise = rng.uniform(0.0, 0.9)
        end = np.array([side * reach, 0, height + rise])
        if kind == 1:  # a curved arm
            knee = np.array([side * reach * 0.4, 0, height + rise * 1.1])
            shape.tube("metal", (0, 0, height - 0.05), knee, radius * 0.6, sides=6)
            shape.tube("metal", knee, end, radius * 0.5, sides=6)
        else:
            shape.tube("metal", (0, 0, height - 0.05), end, radius * 0.6, sides=6)
        shape.box("metal", end + [side * 0.25, 0, 0], (0.75, 0.3, 0.13), pitch=-0.1 * side)
        shape.box("lamp glass", end + [side * 0.3, 0, -0.08], (0.5, 0.24, 0.05))
    return shape.finish()


def _signal_head(rng: np.random.Generator, shape: Shape, at: np.ndarray, yaw: float) -> None:
    lights = int(rng.choice([2, 3, 3, 3]))
    high = 0.32 * lights
    ahead = np.array([np.cos(yaw), np.sin(yaw), 0])
    shape.box("dark plastic", at, (0.22, 0.32, high), yaw=yaw)
    for k in range(lights):
        z = np.array([0, 0, (k - (lights - 1) / 2) * 0.3])
        shape.tube("dark plastic", at + 0.1 * ahead + z, at + 0.24 * ahead + z, 0.12, sides=6)
    if rng.random() < 0.25:
        shape.box("dark plastic", at - 0.08 * ahead, (0.03, 0.6, high + 0.3), yaw=yaw)


def traffic_light(rng: np.random.Generator) -> Template:
    """Looks to +x (towards the drivers); a mast arm reaches to +y over the road."""
    shape = Shape("traffic light")
    radius = rng.uniform(0.05, 0.11)
    mast = rng.random() < 0.4
    height = rng.uniform(5.2, 6.5) if mast else rng.uniform(2.6, 3.6)
    shape.category = "traffic light" if rng.random() < 0.5 else "pole"
    shape.tube("metal", (0, 0, -0.3), (0, 0, height), radius, radius * 0.85, sides=8)
    if mast:
        reach = rng.uniform(3, 7.5)
        shape.tube("metal", (0, 0, height - 0.2), (0, reach, height + 0.1), radius * 0.8, sides=6)
    shape.category = "traffic light"
    _signal_head(rng, shape, np.array([0.2, 0, min(height, 3.0) - 0.4]), 0.0)
    if rng.random() < 0.6:
        turn = rng.choice([1.57, -1.57, 3.14])
        at = np.array([0.2 * np.cos(turn), 0.2 * np.sin(turn), rng.uniform(2.1, 2.6)])
        _signal_head(rng, shape, at, float(turn))
    if mast:
        for share in (1.0, 0.55)[: rng.integers(1, 3)]:
            _signal_head(rng, shape, np.array([0.15, reach * share, height - 0.1]), 0.0)
    if rng.random() < 0.4:
        shape.box("plastic", (0.12, 0, 1.1), (0.12, 0.12, 0.25))
    return shape.finish()


def _plate(rng: np.random.Generator, shape: Shape, z: float, small: bool) -> None:
    """One board looking to +x, centre height z."""
    kind = rng.integers(5)
    size = rng.uniform(0.45, 0.65) if small else rng.uniform(0.6, 0.95)
    if kind == 0:
        shape.tube("retro", (0.07, 0, z), (0.09, 0, z), size / 2, sides=12)
    elif kind == 1:
        flip = 1.0 if rng.random() < 0.7 else -1.0
        corners = np.array([[-0.5, -0.4], [0.5, -0.4], [0.0, 0.5]]) * size * [1, flip]
        front = np.stack([np.full(3, 0.08), corners[:, 0], corners[:, 1] + z], 1)
        shape.triangles("retro", front[None])
    elif kind == 2:
        shape.tube("retro", (0.07, 0, z), (0.09, 0, z), size / 2, sides=8)
    else:
        wide, high = rng.uniform(0.4, 1.1), rng.uniform(0.3, 0.9)
        shape.box("retro", (0.08, 0, z), (0.02, wide, high), roll=0.785 * (rng.random() < 0.12))


def traffic_sign(rng: np.random.Generator) -> Template:
    """Looks to +x. The post is `pole`, the boards `traffic sign`."""
    shape = Shape("pole")
    large = rng.random() < 0.16
    if large:  # a direction board on two posts
        wide, high, low = rng.uniform(1.4, 4.0), rng.uniform(0.9, 2.4), rng.uniform(1.2, 2.3)
        for side in (-1, 1):
            y = side * wide * 0.35
            shape.tube("metal", (0, y, -0.2), (0, y, low + high), 0.05, sides=6)
        shape.category = "traffic sign"
        shape.box("retro", (0.09, 0, low + high / 2), (0.04, wide, high))
        return shape.finish()
    low = rng.uniform(1.5, 2.5)
    count = int(rng.choice([1, 1, 2, 3]))
    height = low + 0.75 * count
    shape.tube("metal", (0, 0, -0.2), (0, 0, height), rng.uniform(0.022, 0.045), sides=6)
    shape.category = "traffic sign"
    for k in range(count):
        _plate(rng, shape, low + 0.4 + 0.72 * k, small=count > 1)
    if rng.random() < 0.15:  # a street name on top
        shape.box("retro", (0, 0.3, height + 0.1), (0.03, 0.9, 0.2), yaw=rng.uniform(-0.5, 0.5))
    return shape.finish()


def gantry(rng: np.random.Generator) -> Template:
    """Sign boards over the whole road; looks to +x."""
    shape = Shape("pole")
    half, height = rng.uniform(7, 12), rng.uniform(5.5, 7)
    for side in (-1, 1):
        shape.tube("metal", (0, side * half, -0.3), (0, side * half, height + 1), 0.16, sides=8)
    for z in (height, height + 1):
        shape.tube("metal", (0, -half, z), (0, half, z), 0.09)
    shape.category = "traffic sign"
    for y in np.arange(-half + 2, half - 1, rng.uniform(3.5, 6)):
        shape.box(
            "retro", (0.2, y, height + 0.3), (0.05, rng.uniform(1.8, 3.2), rng.uniform(1.5, 2.4))
        )
    return shape.finish()


def billboard(rng: np.random.Generator) -> Template:
    """Looks to +x: on a post, on legs, or an advertising column."""
    shape = Shape("billboard")
    kind = rng.integers(4)
    if kind == 3:
        height = rng.uniform(2.4, 3.4)
        shape.tube("plastic", (0, 0, 0), (0, 0, height), rng.uniform(0.5, 0.8), sides=14)
        shape.tube("dark metal", (0, 0, height), (0, 0, height + 0.2), 0.85, 0.7, sides=14)
        return shape.finish()
    wide = rng.uniform(1.1, 1.4) if kind == 0 else rng.uniform(2.6, 6)
    high = rng.uniform(1.6, 2.0) if kind == 0 else rng.uniform(2.0, 3.2)
    low = rng.uniform(0.3, 0.9) if kind == 0 else rng.uniform(0.8, 4.0)
    for side in (-1, 1) if wide > 2 else (0,):
        y = side * wide * 0.35
        shape.box("dark metal", (0, y, (low + 0.2) / 2 - 0.1), (0.15, 0.15, low + 0.3))
    shape.box("plastic", (0, 0, low + high / 2), (0.2, wide, high))
    shape.box("dark metal", (0, 0, low + high), (0.26, wide + 0.1, 0.1))
    return shape.finish()


def traffic_cone(rng: np.random.Generator) -> Template:
    shape = Shape("traffic cone")
    height = rng.uniform(0.45, 1.05)
    radius = height * rng.uniform(0.16, 0.24)
    if rng.random() < 0.25:  # a drum
        radius, top = 0.25, 0.22
        shape.tube("plastic", (0, 0, 0), (0, 0, height), radius, top, sides=9)
    else:
        shape.box("dark plastic", (0, 0, 0.02), (radius * 2.6, radius * 2.6, 0.05))
        shape.tube("plastic", (0, 0, 0.03), (0, 0, height), radius, 0.03, sides=9)
    for share in (0.45, 0.7):
        r = radius * (1 - share) + 0.03 * share + 0.012
        shape.tube(
            "plate", (0, 0, height * share), (0, 0, height * (share + 0.13)), r, r * 0.8, sides=9
        )
    return shape.finish()


def bollard(rng: np.random.Generator) -> Template:
    shape = Shape("bollard")
    height, radius = rng.uniform(0.5, 1.15), rng.uniform(0.04, 0.15)
    material = ("metal", "concrete", "dark metal", "plastic")[rng.integers(4)]
    if rng.random() < 0.15:
        shape.box(material, (0, 0, height / 2), (radius * 2, radius * 2, height))
    else:
        shape.tube(material, (0, 0, -0.1), (0, 0, height), radius, radius * 0.95, sides=8)
    if rng.random() < 0.4:
        shape.ball(material, (0, 0, height), (radius * 1.2,) * 3)
    if rng.random() < 0.4:
        shape.tube("plate", (0, 0, height * 0.75), (0, 0, height * 0.9), radius * 1.05, sides=8)
    return shape.finish()


def bench(rng: np.random.Generator) -> Template:
    """One sits on it looking to +x."""
    shape = Shape("bench")
    length, material = rng.uniform(1.2, 2.4), ("wood", "metal", "concrete")[rng.integers(3)]
    if rng.random() < 0.2:
        shape.box("concrete", (0, 0, 0.22), (rng.uniform(0.4, 0.7), length, 0.45))
        return shape.finish()
    for dx in np.linspace(-0.2, 0.2, 4):
        shape.box(material, (dx, 0, 0.45), (0.1, length, 0.04))
    for y in (-length * 0.38, length * 0.38):
        shape.box("dark metal", (0, y, 0.22), (0.42, 0.06, 0.45))
        shape.box("dark metal", (-0.26, y, 0.6), (0.05, 0.06, 0.5), pitch=-0.15)
    if rng.random() < 0.75:
        for z in (0.6, 0.74, 0.86)[: rng.integers(2, 4)]:
            shape.box(material, (-0.25 - 0.15 * (z - 0.6), 0, z), (0.04, length, 0.1), pitch=-0.15)
    return shape.finish()


def trash_can(rng: np.random.Generator) -> Template:
    """A litter bin, a wheelie bin or a large waste container."""
    shape = Shape("trash can")
    kind = rng.integers(4)
    if kind == 0:
        height, radius = rng.uniform(0.7, 1.1), rng.uniform(0.2, 0.32)
        shape.tube("dark metal", (0, 0, 0.05), (0, 0, height), radius, radius * 1.1, sides=10)
    elif kind == 1:
        shape.tube("metal", (0, 0, 0), (0, 0, 1.2), 0.035)
        shape.tube("plastic", (0.22, 0, 0.6), (0.22, 0, 1.1), 0.18, 0.21, sides=9)
    elif kind == 2:
        wide, height = rng.uniform(0.45, 0.6), rng.uniform(0.9, 1.1)
        corners = [(-0.24, 0.08), (0.2, 0.08), (0.3, height), (-0.32, height)]
        shape.prism("plastic", corners, [wide * 0.4, wide * 0.4, wide / 2, wide / 2])
        shape.box("plastic", (0.0, 0, height + 0.03), (0.68, wide + 0.04, 0.07), pitch=0.08)
        for side in (-1, 1):
            shape.wheel((-0.25, side * wide * 0.42, 0.1), 0.1, 0.05)
    else:
        wide, height = rng.uniform(1.1, 1.4), rng.uniform(1.0, 1.4)
        corners = [(-0.45, 0.15), (0.4, 0.15), (0.5, height), (-0.5, height)]
        shape.prism("plastic", corners, wide / 2)
        shape.ball("plastic", (0, 0, height), (0.5, wide / 2, 0.25))
    return shape.finish()


def bus_stop(rng: np.random.Generator) -> Template:
    """A shelter open to +x."""
    shape = Shape("bus stop")
    length, deep, height = rng.uniform(2.5, 5), rng.uniform(1.2, 1.7), rng.uniform(2.3, 2.6)
    back = "glass" if rng.random() < 0.7 else "plastic"
    shape.box("metal", (0, 0, height), (deep + 0.2, length + 0.2, 0.12))
    shape.box(back, (-deep / 2, 0, 1.25), (0.04, length, 2.0))
    for side in (-1, 1):
        shape.box(back, (0, side * length / 2, 1.25), (deep * rng.uniform(0.5, 1), 0.04, 2.0))
        for x in (-deep / 2, deep / 2):
            shape.tube("metal", (x, side * length / 2, 0), (x, side * length / 2, height), 0.045)
    shape.box("wood", (-deep / 2 + 0.3, 0, 0.47), (0.35, length * 0.6, 0.06))
    if rng.random() < 0.6:
        shape.box("plastic", (0, length / 2, 1.3), (deep * 0.8, 0.15, 1.8))
    shape.category = "traffic sign"
    if rng.random() < 0.5:
        shape.box("retro", (deep / 2, length / 2 + 1, 2.4), (0.5, 0.04, 0.5))
        shape.category = "pole"
        shape.tube(
            "metal", (deep / 2, length / 2 + 1.03, 0), (deep / 2, length / 2 + 1.03, 2.7), 0.03
        )
    return shape.finish()


def fire_hydrant(rng: np.random.Generator) -> Template:
    shape = Shape("fire hydrant")
    height, radius = rng.uniform(0.55, 0.95), rng.uniform(0.09, 0.14)
    shape.tube("plastic", (0, 0, 0), (0, 0, 0.08), radius * 1.6, sides=9)
    shape.tube("plastic", (0, 0, 0.05), (0, 0, height * 0.8), radius, sides=9)
    shape.ball("plastic", (0, 0, height * 0.82), (radius * 1.15, radius * 1.15, height * 0.18))
    z = height * rng.uniform(0.5, 0.65)
    shape.tube("metal", (0, -radius * 1.9, z), (0, radius * 1.9, z), 0.055, sides=7)
    shape.tube("metal", (0, 0, z), (radius * 2, 0, z), 0.07, sides=7)
    return shape.finish()


def utility_box(rng: np.random.Generator) -> Template:
    shape = Shape("utility box")
    size = rng.uniform((0.25, 0.5, 0.8), (0.7, 1.9, 1.7))
    shape.box("plastic", (0, 0, size[2] / 2), size)
    shape.box("concrete", (0, 0, 0.05), size * [1.1, 1.05, 0] + [0, 0, 0.2])
    if rng.random() < 0.5:
        shape.box("metal", (0, 0, size[2]), size * [1.12, 1.06, 0] + [0, 0, 0.06])
    return shape.finish()


def bicycle_rack(rng: np.random.Generator) -> Template:
    """Hoops in a row along y; bicycles stand between them along x."""
    shape = Shape("bicycle rack")
    gap = rng.uniform(0.7, 1.0)
    low = rng.random() < 0.35
    high, half = (rng.uniform(0.35, 0.5), 0.25) if low else (rng.uniform(0.75, 0.9), 0.4)
    for k in range(int(rng.integers(3, 8))):
        y = k * gap
        for x in (-half, half):
            shape.tube("metal", (x, y, 0), (x, y, high), 0.028, sides=5)
        shape.tube("metal", (-half, y, high), (half, y, high), 0.028, sides=5)
    if low:
        shape.box("metal", (half, k * gap / 2, 0.08), (0.06, k * gap, 0.05))
    shape.move((0, -k * gap / 2, 0))
    return shape.finish()


def table(rng: np.random.Generator) -> Template:
    """A table with its chairs or benches, sometimes under a sunshade."""
    shape = Shape("table")
    if rng.random() < 0.4:  # a picnic table
        length = rng.uniform(1.5, 2.2)
        shape.box("wood", (0, 0, 0.74), (length, 0.75, 0.06))
        for side in (-1, 1):
            shape.box("wood", (0, side * 0.7, 0.45), (length, 0.28, 0.05))
            shape.box("wood", (side * length * 0.35, 0, 0.4), (0.08, 1.4, 0.08))
            shape.box("wood", (side * length * 0.35, 0, 0.37), (0.08, 0.5, 0.74))
        return shape.finish()
    radius = rng.uniform(0.3, 0.55)
    shape.tube("wood", (0, 0, 0.72), (0, 0, 0.76), radius, sides=12)
    shape.tube("dark metal", (0, 0, 0), (0, 0, 0.72), 0.04)
    for k in range(int(rng.integers(2, 5))):
        turn = k * 1.57 + rng.normal(0, 0.2)
        x, y = (radius + 0.3) * np.cos(turn), (radius + 0.3) * np.sin(turn)
        shape.box("plastic", (x, y, 0.45), (0.42, 0.42, 0.04), yaw=turn)
        shape.box("plastic", (x * 1.25, y * 1.25, 0.68), (0.04, 0.42, 0.45), yaw=turn)
        for dx in (-0.17, 0.17):
            for dy in (-0.17, 0.17):
                shape.tube(
                    "dark metal", (x + dx, y + dy, 0), (x + dx, y + dy, 0.45), 0.015, sides=3
                )
    if rng.random() < 0.4:
        shape.tube("metal", (0, 0, 0.7), (0, 0, 2.4), 0.025)
        shape.tube("cloth", (0, 0, 2.05), (0, 0, 2.5), rng.uniform(1.1, 1.7), 0.05, sides=8)
    return shape.finish()


SHAPES: dict[str, tuple[Maker, int]] = {
    "pole": (pole, 3),
    "street lamp": (street_lamp, 2),
    "traffic light": (traffic_light, 3),
    "traffic sign": (traffic_sign, 7),
    "gantry": (gantry, 1),
    "billboard": (billboard, 3),
    "traffic cone": (traffic_cone, 2),
    "bollard": (bollard, 2),
    "bench": (bench, 2),
    "trash can": (trash_can, 4),
    "bus stop": (bus_stop, 1),
    "fire hydrant": (fire_hydrant, 1),
    "utility box": (utility_box, 3),
    "bicycle rack": (bicycle_rack, 1),
    "table": (table, 2),
}
