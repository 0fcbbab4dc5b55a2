"""Pieces of ground of their own: islands, driveways, puddles, what building sites are laid on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from avs3d.simulation.places.ground import Marking, Patch, Road
from avs3d.simulation.places.kinds import Place
from avs3d.simulation.places.sides import Side, pick


def draw_markings(
    rng: np.random.Generator, place: Place, half: float, lanes: tuple[float, ...], crossing: float,
    roads: tuple[Road, ...],
) -> tuple[Marking, ...]:  # fmt: skip
    """Lane lines, edge lines, a zebra crossing."""
    marks = []
    wide = rng.uniform(0.08, 0.2)
    between = [(a + b) / 2 for a, b in zip(lanes[:-1], lanes[1:], strict=True)]
    for t in between:
        period = rng.uniform(4, 12)
        share = 1.0 if rng.random() < 0.25 else rng.uniform(0.3, 0.6)
        marks.append(Marking((-200, 200), (t - wide / 2, t + wide / 2), "s", period, share))
    if rng.random() < 0.6:
        for t in (half - 0.3, -half + 0.3):
            marks.append(Marking((-200, 200), (t - wide / 2, t + wide / 2), "s", 10, 1.0))
    zebra = np.inf
    if len(roads) > 1 and len(lanes) > 1 and rng.random() < 0.6:
        zebra = crossing - (roads[1].half + rng.uniform(2, 4))
    elif place.people > 0.5 and rng.random() < 0.2:
        zebra = rng.uniform(-25, 25)
    if np.isfinite(zebra):
        begin = zebra, zebra + rng.uniform(2.5, 4)
        marks.append(Marking(begin, (-half + 0.2, half - 0.2), "t", rng.uniform(0.9, 1.2), 0.5))
        marks.append(Marking((zebra - 1.8, zebra - 1.4), (-half, 0), "s", 10, 1.0))
    return tuple(marks)


def draw_islands(
    rng: np.random.Generator, place: Place, half: float, lanes: tuple[float, ...], crossing: float
) -> tuple[Patch, ...]:
    """Traffic islands between the lanes, or a long median."""
    if len(lanes) < 2 or not place.marked:
        return ()
    middle = (len(lanes) - 1) // 2
    t = (lanes[middle] + lanes[middle + 1]) / 2
    step = rng.uniform(0.0, 0.04) if rng.random() < 0.2 else rng.uniform(0.06, 0.18)
    wide = rng.uniform(0.3, 1.0)
    if rng.random() < place.median:
        surface = pick(rng, "island island grass grass concrete")
        s = crossing - 107 if np.isfinite(crossing) else 0.0
        return (
            Patch("curb", 0, (s, t), (95, wide + 0.15), step),
            Patch(surface, 0, (s, t), (94.8, wide), step + 0.01),
        )
    if rng.random() < (0.65 if np.isfinite(crossing) else 0.22):
        s = crossing - rng.uniform(10, 14) if np.isfinite(crossing) else rng.uniform(-18, 18)
        long = rng.uniform(1.5, 5)
        return (
            Patch("curb", 0, (s, t), (long + 0.15, wide + 0.15), step, True),
            Patch("island", 0, (s, t), (long, wide), step + 0.01, True),
        )
    return ()


def round_island(rng: np.random.Generator, crossing: float, inner: float) -> tuple[Patch, ...]:
    """The middle of a roundabout: kerb, paved ring, lawn."""
    step = rng.uniform(0.04, 0.18)
    rings = (("curb", inner), ("island", inner - 0.2), ("grass", inner - rng.uniform(0.4, 1.6)))
    return tuple(Patch(name, 0, (crossing, 0.0), (r, r), step, True) for name, r in rings)


def draw_patches(
    rng: np.random.Generator,
    kind: str,
    sides: tuple[Side, Side],
    half: float,
    drops: list[tuple[int, int, float, float]],
) -> tuple[Patch, ...]:
    """Driveways, garden paths, lots beside the road, bare or muddy spots, puddles."""
    patches = []
    if kind in ("bridge", "tunnel"):
        return ()
    surface = pick(rng, "sidewalk lot gravel concrete concrete road slab_walk")
    for _, side, s, wide in drops:
        part = sides[0 if side > 0 else 1]
        begin = half + part.front
        if part.verge and rng.random() < 0.8:  # the lawn before the sidewalk is paved there too
            middle, deep = half + sum(part.verge) / 2, (part.verge[1] - part.verge[0]) / 2
            patches.append(Patch(surface, 0, (s, side * middle), (wide, deep)))
        if rng.random() < 0.8:
            patches.append(Patch(surface, 0, (s, side * (begin + 4)), (wide, 4.0)))
        if rng.random() < 0.4:
            at = (s + rng.uniform(4, 7), side * (begin + 3))
            path = pick(rng, "slab_walk sidewalk dirt_path concrete")
            patches.append(Patch(path, 0, at, (rng.uniform(0.4, 0.8), 3.0)))
    if any("grass" in (band.surface for band in side.bands) for side in sides):
        for _ in range(rng.integers(0, 6)):
            bare = pick(rng, "soil mud gravel grass grass concrete sand")
            side = int(rng.choice([-1, 1]))
            t = side * (half + sides[0 if side > 0 else 1].front + rng.uniform(3, 25))
            size = rng.uniform(0.7, 5, 2)
            at = (rng.uniform(-40, 40), t)
            patches.append(Patch(bare, 0, at, (size[0], size[1]), None, rng.random() < 0.8))
    if rng.random() < 0.06:  # roadworks: a trench or strip of another surface in the road
        at = (rng.uniform(-20, 20), rng.uniform(-half, half))
        bare = pick(rng, "gravel soil concrete sand")
        patches.append(Patch(bare, 0, at, (rng.uniform(1, 10), rng.uniform(0.4, 1.5)), 0.0))
    return tuple(patches)


def site_patches(
    rng: np.random.Generator,
    sites: Mapping[str, tuple[int, float]],
    sides: tuple[Side, Side],
    half: float,
) -> tuple[Patch, ...]:
    """The ground of what is built here."""
    patches: list[Patch] = []
    for name, (side, s) in sites.items():
        front = half + sides[0 if side > 0 else 1].front
        if name == "puddles":
            patches += _puddles(rng, half)
        elif name == "car park":
            surface = pick(rng, "lot lot lot concrete gravel")
            size = rng.uniform(14, 30), 13.2
            patches.append(Patch(surface, 0, (s, side * (front + 14)), size))
        elif name == "pumps":
            patches.append(Patch(pick(rng, "concrete concrete lot"), 0, (s, side * (front + 8)),
                                 (16, 10)))  # fmt: skip
        elif name == "play":
            patches.append(Patch(pick(rng, "sand sand soil grass slab_walk"), 0,
                                 (s, side * (front + 7)), (rng.uniform(4, 9), 5.5), None,
                                 rng.random() < 0.5))  # fmt: skip
        elif name in ("barnyard", "tanks", "yard"):
            patches.append(Patch(pick(rng, "concrete concrete mud gravel"), 0,
                                 (s, side * (front + 9)), (rng.uniform(8, 20), 8)))  # fmt: skip
        elif name == "lake":
            deep = rng.uniform(6, 16)
            patches.append(Patch("mud", 0, (s, side * (front + 3 + deep)), (18.6, deep + 0.6), -0.5,
                                 True))  # fmt: skip
            patches.append(Patch("mud", 0, (s, side * (front + 3 + deep)), (18, deep), -2.5, True))
        elif name in ("rails", "train"):
            for k in range(2 if name == "rails" and rng.random() < 0.6 else 1):
                t = side * (front + rail_offset(s) + 4.5 * k)
                patches.append(Patch("ballast", 0, (0, t), (95, 1.9), 0.12 + 0.1 * rng.random()))
        elif name == "level crossing":
            for end in (-1, 1):
                t = end * (half + 46.0)
                patches.append(Patch("ballast", 0, (s, t), (2.0, 45.6), rng.uniform(0.0, 0.15)))
        elif name == "tram" and rng.random() < 0.3:
            patches.append(Patch(pick(rng, "grass ballast"), 0, (0, 0), (95, 1.3), 0.03))
    in_road = ("puddle", "mud") if "puddles" in sites else ()
    return tuple(
        patch if patch.surface in in_road or patch.centre == (0, 0) else replace(patch, beside=True)
        for patch in patches
    )


def rail_offset(s: float) -> float:
    """Metres from the front to the nearest track of the site at s."""
    return 5.0 + 0.3 * abs(s)


def _puddles(rng: np.random.Generator, half: float) -> list[Patch]:
    """Puddles on the road, some in mud that is wider than they."""
    patches = []
    for _ in range(rng.integers(1, 6)):
        at = (float(rng.uniform(-16, 16)), float(rng.uniform(-half, half)))
        size = rng.uniform(0.4, 2.2), rng.uniform(0.3, 1.2)
        if rng.random() < 0.4:
            grown = size[0] * rng.uniform(1.2, 2), size[1] * rng.uniform(1.2, 2)
            patches.append(Patch("mud", 0, at, grown, None, True))
        patches.append(Patch("puddle", 0, at, size, None, True))
    return patches
