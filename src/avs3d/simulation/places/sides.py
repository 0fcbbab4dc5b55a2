"""What lies beside the carriageway: kerbs, sidewalks, lawns, and the form of the land beyond."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from avs3d.simulation.places.ground import Band
from avs3d.simulation.places.kinds import Place


@dataclass(frozen=True)
class Side:
    """One side of the road; distances in metres outside the carriageway's edge.

    Attributes:
        bands: the ground, from the carriageway outwards; the last has no end.
        kerbline: where lamps and signs stand.
        verge, walk: begin and end of the planted strip and of the sidewalk, or None.
        front: where gardens, house fronts or fences begin.
        parked: cars stand along the kerb, on the carriageway.
        bay: width of a marked strip of parking beside it, 0 where there is none.
        relief: (M, 2) distance, height: the land's form, straight between.
    """

    bands: tuple[Band, ...]
    kerbline: float
    verge: tuple[float, float] | None
    walk: tuple[float, float] | None
    front: float
    parked: bool
    bay: float
    relief: np.ndarray


def pick(rng: np.random.Generator, words: str) -> str:
    """One word; underscores are spaces, "_" alone is nothing."""
    every = words.split()
    return every[rng.integers(len(every))].replace("_", " ").strip() if every else ""


def draw_side(rng: np.random.Generator, kind: str, place: Place, *, snowy: bool) -> Side:
    if rng.random() < place.paved:
        bands, verge, walk, parked, bay = _paved(rng, place)
    else:
        bands, verge, walk = _unpaved(rng, place)
        parked, bay = rng.random() < 0.3 * place.parked, 0.0
    front = sum(band.width for band in bands)
    if not walk:
        front = max(front, rng.uniform(*place.verge))
    edge_step = bands[-1].step if bands else 0.0
    outer = Band(pick(rng, place.outer), np.inf, max(edge_step + rng.uniform(-0.08, 0.12), 0.0))
    if kind == "tunnel":  # its walls stand close to the road
        bands = [band for band in bands if band.surface not in ("grass", "soil")]
        bands.append(Band(pick(rng, "concrete asphalt_walk"), rng.uniform(0.2, 0.8), edge_step))
        front = sum(band.width for band in bands)
        verge, walk = None, (0.1, front)
    if kind == "bridge":
        outer = Band(pick(rng, "grass grass soil"), np.inf, -rng.uniform(4, 12))
        front = sum(band.width for band in bands)
    relief = _relief(rng, pick(rng, place.relief), front, place.steep)
    if walk and kind != "bridge" and rng.random() < 0.4:
        relief = _tilted(relief, bay, front, rng.uniform(0.01, 0.07))
    bands.append(outer)
    if snowy:
        bands, relief = _snow(rng, bands, relief, bay)
    first = bands[0].width if bands[0].surface == "curb" else 0.15
    kerbline = bay + first + rng.uniform(0.2, 0.6)
    return Side(tuple(bands), kerbline, verge, walk, front, parked, bay, relief)


_WALKS = "sidewalk sidewalk sidewalk asphalt_walk asphalt_walk slab_walk"


def _paved(
    rng: np.random.Generator, place: Place
) -> tuple[list[Band], tuple[float, float] | None, tuple[float, float] | None, bool, float]:
    """Kerb, lawn, sidewalk, in the orders that streets have; verge, walk, parked, bay."""
    flush = rng.random() < place.flush
    kerb = rng.uniform(0.0, 0.02) if flush else rng.uniform(0.03, 0.17)
    parked = rng.random() < place.parked
    bay, at = 0.0, 0.0
    bands: list[Band] = []
    if not parked and rng.random() < place.bays:
        bay = rng.uniform(2.1, 2.6) if rng.random() < 0.5 else rng.uniform(4.6, 5.4)
        bands.append(Band("lot" if rng.random() < 0.7 else "road", bay, 0.0))
    if rng.random() < (0.4 if flush else 0.92):
        bands.append(Band("curb", rng.uniform(0.08, 0.3), kerb))
    elif flush and rng.random() < 0.3:
        bands.append(Band("gravel", rng.uniform(0.3, 1.5), 0.0))
    at = sum(band.width for band in bands)
    verge = walk = None
    if rng.random() < place.strip:
        width = rng.uniform(0.8, 5.0)
        lawn = Band(pick(rng, "grass grass grass grass grass soil"), width,
                    max(kerb + rng.uniform(-0.05, 0.06), 0.0))  # fmt: skip
        bands.append(lawn)
        verge = (at, at + width)
        at += width
    if rng.random() < place.walked:
        width = rng.uniform(*place.walk)
        name = "dirt path" if rng.random() < 0.06 else pick(rng, _WALKS)
        if place.walk[1] <= 3 and "grass" in place.outer and rng.random() < 0.1:
            name = "dirt path"
        bands.append(Band(name, width, kerb + rng.uniform(0, 0.02)))
        walk = (at, at + width)
    return bands, verge, walk, parked, bay


def _unpaved(
    rng: np.random.Generator, place: Place
) -> tuple[list[Band], tuple[float, float], tuple[float, float] | None]:
    """No kerb, mostly: a shoulder, grass, seldom a path beyond it."""
    bands: list[Band] = []
    if rng.random() < place.shoulder:
        name = pick(rng, "gravel gravel soil sand" if place.marked else "mud soil grass")
        bands.append(Band(name, rng.uniform(0.4, 2), 0.0))
    elif rng.random() < 0.1 * bool(place.marked):
        bands.append(Band("curb", rng.uniform(0.1, 0.2), rng.uniform(0, 0.12)))
    at = sum(band.width for band in bands)
    width = rng.uniform(*place.verge)
    verge = (at, at + width)
    if rng.random() < 0.5 * place.walked:
        bands.append(Band("grass", width, rng.uniform(0, 0.06)))
        wide = rng.uniform(*place.walk)
        bands.append(Band("dirt path" if rng.random() < 0.4 else pick(rng, _WALKS), wide,
                          rng.uniform(0, 0.08)))  # fmt: skip
        return bands, verge, (verge[1], verge[1] + wide)
    return bands, verge, None


def _relief(rng: np.random.Generator, form: str, front: float, steep: float) -> np.ndarray:
    """The land from the front outwards: level, up, down, a ditch, a bank, terraces, a shore."""
    at = front + rng.uniform(0.0, 4.0)
    high = steep * rng.uniform(0.2, 2.0)
    run = high / rng.uniform(0.06, 0.5)
    if form in ("rise", "fall") and rng.random() < 0.2:  # an embankment
        high = rng.uniform(1.0, 5.0)
        run = high / rng.uniform(0.5, 1.2)
    if form == "rise":
        line = [(at, 0.0), (at + run, high)]
    elif form == "fall":
        line = [(at, 0.0), (at + run, -high)]
    elif form == "ditch":
        at, deep = max(0.3, front - rng.uniform(0, 1)), rng.uniform(0.25, 1.0)
        wide, floor = rng.uniform(0.5, 1.5), rng.uniform(0.2, 0.8)
        line = [(at, 0), (at + wide, -deep), (at + wide + floor, -deep),
                (at + 2 * wide + floor, rng.uniform(-0.2, 0.5))]  # fmt: skip
    elif form == "berm":
        wide, top = high / rng.uniform(0.3, 0.7), rng.uniform(0.3, 3)
        line = [(at, 0), (at + wide, high), (at + wide + top, high), (at + 2 * wide + top, 0.0)]
    elif form == "terrace":
        deep, at = rng.uniform(3, 12), front + 0.1
        high = min(high, 1.8)
        line = [(at, 0), (at + 0.15, high), (at + deep, high), (at + deep + 0.15, 2 * high)]
    elif form == "shore":
        at = front + rng.uniform(0.5, 10)
        line = [(at, 0.0), (at + rng.uniform(3, 12), -1.6), (at + 40, -2.2)]
    elif form == "quay":
        at = front + rng.uniform(4, 22)
        line = [(at, 0.0), (at + 0.1, -4.0)]
    else:
        line = [(0.0, 0.0)]
    return np.array(line, np.float32)


def _tilted(relief: np.ndarray, kerb: float, front: float, slope: float) -> np.ndarray:
    """The land with a sidewalk that rises from the kerb, so that the rain runs off."""
    tilt = np.array([(kerb, 0.0), (front, slope * (front - kerb))], np.float32)
    at = np.union1d(relief[:, 0], tilt[:, 0])
    return np.stack([at, np.interp(at, *relief.T) + np.interp(at, *tilt.T)], 1).astype(np.float32)


def _snow(
    rng: np.random.Generator, bands: list[Band], relief: np.ndarray, bay: float
) -> tuple[list[Band], np.ndarray]:
    """Snow on lawns and some paths, and a bank of it beside the road."""
    cover = {"grass": 0.95, "soil": 0.8, "sidewalk": 0.35, "asphalt walk": 0.35, "slab walk": 0.35,
             "gravel": 0.8, "lot": 0.4, "dirt path": 0.7}  # fmt: skip
    deep = rng.uniform(0.0, 0.2)
    covered = [
        Band("snow", band.width, band.step + deep)
        if rng.random() < cover.get(band.surface, 0.1) else band
        for band in bands
    ]  # fmt: skip
    if rng.random() < 0.8 and not bay:
        wide, high = rng.uniform(0.6, 2.2), rng.uniform(0.2, 1.1)
        begin = rng.uniform(0, 0.3)
        foot = high / rng.uniform(0.8, 1.5)  # wider where the snow would slide
        wide = max(wide, 2.5 * foot)
        bank = [(begin, 0), (begin + foot, high), (begin + wide - foot, high * 0.9),
                (begin + wide, 0)]  # fmt: skip
        covered = [Band("snow", begin + wide, 0.0), *_beyond(covered, begin + wide)]
        rest = relief[relief[:, 0] > begin + wide]
        relief = np.concatenate([np.array(bank, np.float32), rest])
    return covered, relief


def _beyond(bands: list[Band], width: float) -> list[Band]:
    """The bands without their first `width` metres."""
    left = []
    for band in bands:
        if band.width > width:
            left.append(Band(band.surface, band.width - width, band.step))
        width = max(width - band.width, 0.0)
    return left
