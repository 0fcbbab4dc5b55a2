"""Houses, walls, bridges, stairs, containers: what stands still and is large."""

from __future__ import annotations

import numpy as np

from avs3d.simulation.mesh import Maker, Shape, Template

_WALLS = ("plaster", "brick", "concrete", "paint", "stone")


def _facade(
    shape: Shape,
    wall: str,
    width: float,
    floors: list[tuple[float, float, float, float]],
    bay: float,
    share: float,
    recess: float,
) -> None:
    """A wall in the plane y = 0 looking to +y, x from 0 to width.

    floors holds bottom, sill, lintel and top heights. Glass lies `recess` behind the wall.
    """
    count = max(int(width / bay), 1)
    step = width / count
    half = 0.5 * share * step
    centres = (np.arange(count) + 0.5) * step
    solid, glass, reveal = [], [], []

    def panel(x0: float, x1: float, z0: float, z1: float, y: float = 0.0) -> list[list[float]]:
        return [[x0, y, z0], [x1, y, z0], [x1, y, z1], [x0, y, z1]]

    for bottom, sill, lintel, top in floors:
        solid += [panel(0, width, bottom, sill), panel(0, width, lintel, top)]
        edges = np.concatenate(
            [[0], np.stack([centres - half, centres + half], 1).ravel(), [width]]
        )
        for x0, x1 in edges.reshape(-1, 2):
            solid.append(panel(x0, x1, sill, lintel))
        for x in centres:
            glass.append(panel(x - half, x + half, sill, lintel, -recess))
            for edge in (x - half, x + half):
                reveal.append(
                    [
                        [edge, 0, sill],
                        [edge, -recess, sill],
                        [edge, -recess, lintel],
                        [edge, 0, lintel],
                    ]
                )
        reveal.append([[0, 0, sill], [width, 0, sill], [width, -recess, sill], [0, -recess, sill]])
    shape.quads(wall, np.array(solid + reveal))
    shape.quads("glass", np.array(glass))


def _roof(shape: Shape, width: float, depth: float, z: float, rise: float, over: float) -> None:
    """A gable roof over x 0..width, y -depth..0, ridge along x."""
    x0, x1, y0, y1, m = -over, width + over, over, -depth - over, -depth / 2
    low = z - over * rise / (depth / 2)
    shape.quads(
        "roof",
        np.array(
            [
                [[x0, y0, low], [x1, y0, low], [x1, m, z + rise], [x0, m, z + rise]],
                [[x0, y1, low], [x1, y1, low], [x1, m, z + rise], [x0, m, z + rise]],
            ]
        ),
    )
    gable = [[[x, 0, z], [x, -depth, z], [x, m, z + rise]] for x in (0.0, width)]
    shape.triangles("plaster", np.array(gable))


def building(
    rng: np.random.Generator,
    width: float,
    kind: str,
) -> Template:
    """A house whose front stands on y = 0 looking to +y, from x = -width / 2 to width / 2.

    Args:
        width: length of the front, metres.
        kind: "block" (city), "house" (gable roof, garden), "hall" (few windows).
    """
    shape = Shape("building")
    wall = _WALLS[rng.choice(5, p=[0.4, 0.25, 0.2, 0.1, 0.05])]
    storey = rng.uniform(2.7, 3.6)
    if kind == "block":
        count, depth = int(rng.integers(2, 8)), rng.uniform(9, 16)
    elif kind == "house":
        count, depth = int(rng.integers(1, 4)), rng.uniform(7, 12)
    else:
        count, depth, storey = 1, rng.uniform(12, 35), rng.uniform(4, 9)
    base = rng.uniform(0.0, 0.7)
    sill, lintel = rng.uniform(0.7, 1.1), storey - rng.uniform(0.35, 0.6)
    floors = [
        (low, low + sill, low + lintel, low + storey) for low in base + storey * np.arange(count)
    ]
    if kind == "block" and rng.random() < 0.5:  # shop windows below
        floors[0] = (-0.5, 0.3, base + storey - 0.5, base + storey)
    else:
        floors[0] = (-1.0, *floors[0][1:])
    height = base + count * storey
    bay, share = rng.uniform(1.8, 4.5), rng.uniform(0.3, 0.75)
    recess = rng.uniform(0.06, 0.35)
    if kind == "hall":
        bay, share = rng.uniform(5, 12), rng.uniform(0.1, 0.3)
    _facade(shape, wall, width, floors, bay, share, recess)
    if kind != "hall" and rng.random() < 0.5:
        for x, y, yaw in ((width, 0.0, -np.pi / 2), (0.0, -depth, np.pi / 2)):
            first = shape.parts
            _facade(shape, wall, depth, floors, bay * 1.4, share * 0.7, recess)
            shape.move((x, y, 0), yaw, first)
        sides: tuple[float, ...] = ()
    else:
        sides = (0.0, width)
    inside = min(depth / 2, rng.uniform(1.5, 4.0))
    behind = -recess - 0.02
    levels = [floor[0] for floor in floors[1:]] + [height]
    shape.quads(
        wall,
        np.array(
            [[[x, 0, -1], [x, -depth, -1], [x, -depth, height], [x, 0, height]] for x in sides]
            + [[[0, y, -1], [width, y, -1], [width, y, height], [0, y, height]]
               for y in (-depth, -inside)]
            + [[[0, behind, z], [width, behind, z], [width, -inside, z], [0, -inside, z]]
               for z in levels]
        ),
    )  # fmt: skip
    if kind == "house" or (kind == "block" and rng.random() < 0.4):
        _roof(
            shape, width, depth, height, rng.uniform(0.25, 0.6) * depth / 2, rng.uniform(0.1, 0.6)
        )
        if rng.random() < 0.5:
            shape.box(
                wall, (width * rng.uniform(0.2, 0.8), -depth / 2, height + 2.2), (0.6, 0.6, 2.4)
            )
    elif rng.random() < 0.5:
        for z in (height + rng.uniform(0.15, 0.5),):
            shape.box(wall, (width / 2, -0.1, z), (width, rng.uniform(0.3, 0.9), 0.3))
    _extras(rng, shape, width, floors, kind, storey)
    shape.move((-width / 2, 0, 0))
    return shape.finish()


def _extras(
    rng: np.random.Generator,
    shape: Shape,
    width: float,
    floors: list[tuple[float, float, float, float]],
    kind: str,
    storey: float,
) -> None:
    """Doors, balconies, bays, awnings, downpipes, a porch or garage."""
    shape.box("wood", (rng.uniform(0.1, 0.9) * width, 0.0, 0.8), (rng.uniform(0.9, 1.4), 0.08, 2.8))
    for x in (0.15, width - 0.15):
        shape.tube("metal", (x, 0.08, 0), (x, 0.08, floors[-1][2]), 0.05, sides=5)
    if kind == "hall":
        for x in np.arange(3, width - 3, rng.uniform(5, 9)):
            shape.box("metal", (x, 0.0, 1.8), (3.2, 0.12, 3.9))
        return
    if len(floors) > 1 and rng.random() < 0.4:
        deep = rng.uniform(0.7, 1.6)
        for bottom, *_ in floors[1:]:
            for x in np.arange(2, width - 1.5, rng.uniform(3, 6)):
                shape.box("concrete", (x, deep / 2, bottom), (2.2, deep, 0.15))
                shape.box("metal", (x, deep, bottom + 0.5), (2.2, 0.05, 0.9))
    if rng.random() < 0.25 and width > 5:
        x, high = rng.uniform(0.25, 0.75) * width, floors[-1][2]
        shape.box("plaster", (x, 0.35, high / 2), (rng.uniform(1.5, 3), 0.8, high))
    if kind == "block" and rng.random() < 0.4:
        shape.box(
            "cloth", (width / 2, 0.6, storey - 0.3), (width * rng.uniform(0.3, 0.9), 1.3, 0.06),
            roll=-0.3,
        )  # fmt: skip
    if kind == "house" and rng.random() < 0.5:
        x = rng.uniform(0.2, 0.8) * width
        shape.box("roof", (x, 0.7, 2.4), (2.2, 1.4, 0.12))
        for dx in (-1, 1):
            shape.tube("wood", (x + dx, 1.3, 0), (x + dx, 1.3, 2.4), 0.07, sides=5)
    if kind == "house" and rng.random() < 0.5:  # a garage beside the house
        x = width + rng.uniform(1.6, 2.0)
        back = rng.uniform(0, 3)
        shape.box("plaster", (x, -back - 3, 0.8), (3.2, 6, 3.6))
        shape.box("metal", (x, -back + 0.02, 1.0), (2.5, 0.06, 2.2))


SHAPES: dict[str, tuple[Maker, int]] = {}
