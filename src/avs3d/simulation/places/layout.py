"""Which kind of place a world is, and how its ground is divided."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from avs3d.simulation.places.ground import SURFACES, Ground, Patch, Road, Ruts
from avs3d.simulation.places.kinds import PLACES, Place
from avs3d.simulation.places.patches import (
    draw_islands,
    draw_markings,
    draw_patches,
    round_island,
    site_patches,
)
from avs3d.simulation.places.sides import Side, draw_side, pick

KINDS: dict[str, float] = {name: p.share for name, p in PLACES.items() if not p.held_out}
HELD_OUT_KINDS: dict[str, float] = {name: p.share for name, p in PLACES.items() if p.held_out}

# Chances that hold in every place with houses or sidewalks, beside the place's own.
_ANYWHERE = {"building site": 0.08, "car park": 0.06, "square": 0.03, "train": 0.04, "cafe": 0.03,
             "power line": 0.03, "overpass": 0.02, "puddles": 0.15, "play": 0.02, "pumps": 0.03,
             "market": 0.012, "lake": 0.025, "tram": 0.02, "level crossing": 0.012}  # fmt: skip
_WALLS = "stone_wall concrete_wall brick_wall"
_ROUGH = {
    "road": (0.002, 0.006), "cobbles": (0.004, 0.012), "sidewalk": (0.003, 0.008),
    "dirt path": (0.005, 0.012), "curb": (0.002, 0.006), "grass": (0.006, 0.06),
    "soil": (0.008, 0.035), "gravel": (0.006, 0.020), "island": (0.003, 0.010),
    "lot": (0.003, 0.008), "puddle": (0.0, 0.002), "mud": (0.004, 0.03), "snow": (0.003, 0.02),
    "water": (0.0, 0.01), "ballast": (0.015, 0.04), "sand": (0.003, 0.02),
    "stone wall": (0.003, 0.03), "rock face": (0.01, 0.05),
}  # fmt: skip


@dataclass(frozen=True)
class Layout:
    """A world before anything stands in it.

    Attributes:
        lanes: t of the lanes' middles; right-hand traffic: t < 0 goes to +s.
        crossing: s of the crossing road, or inf.
        sites: what is built here, and where: side (+1 left, -1 right) and s.
    """

    kind: str
    place: Place
    ground: Ground
    sides: tuple[Side, Side]
    lanes: tuple[float, ...]
    islands: tuple[Patch, ...]
    crossing: float
    one_way: bool
    sites: dict[str, tuple[int, float]]


def draw_layout(rng: np.random.Generator, *, held_out: bool = False) -> Layout:
    """A world's ground.

    Args:
        held_out: of a kind that is kept apart for validation; never of one otherwise.
    """
    shares = HELD_OUT_KINDS if held_out else KINDS
    names = tuple(shares)
    share = np.array([shares[name] for name in names])
    return layout_of(rng, names[rng.choice(len(names), p=share / share.sum())])


def layout_of(rng: np.random.Generator, kind: str) -> Layout:
    """A world's ground, of the kind `kind`."""
    place = PLACES[kind]
    snowy = kind == "snow" or (rng.random() < 0.02 and kind not in ("bridge", "tunnel"))
    left, right = (draw_side(rng, kind, place, snowy=snowy) for _ in range(2))
    sides = (left, right)
    count = int(rng.choice(place.lanes))
    flow = rng.uniform(*place.lane) * count if count > 1 else rng.uniform(*place.lane) + 0.3
    parking = [2.1 * side.parked for side in sides]
    half = (flow + parking[0] + parking[1]) / 2
    first = -half + parking[1]
    lanes = tuple(float(first + flow / count * (k + 0.5)) for k in range(count))
    roads, crossing = _roads(rng, place, half)
    sites = _sites(rng, kind, place, crossing)
    if "level crossing" in sites or "deck" in sites:
        roads, crossing = roads[:1], np.inf
    drops = []
    for side, part in ((1, sides[0]), (-1, sides[1])):
        if part.walk and "house" in place.houses:
            for s in np.arange(-60, 60, rng.uniform(12, 22)) + rng.uniform(0, 10):
                drops.append((0, side, float(s), rng.uniform(1.5, 2.5)))
    islands = draw_islands(rng, place, half, lanes, crossing)
    circle = None
    if 16 < abs(crossing) < np.inf and rng.random() < 0.2:
        inner = rng.uniform(2.5, 7.0)
        circle = (*roads[0].pose(crossing, 0.0)[:2], inner + rng.uniform(4.5, 7.0))
        islands = round_island(rng, crossing, inner)
    one_way = count == 1 or rng.random() < 0.12
    marks = place.marked > rng.random()
    carriageway = pick(rng, place.road)
    ground = Ground(
        roads=roads,
        bands=(sides[0].bands, sides[1].bands),
        carriageway=carriageway,
        fillet=rng.uniform(2.0, 9.0),
        circle=circle,
        patches=islands + draw_patches(rng, kind, sides, half, drops)
        + site_patches(rng, sites, sides, half),
        drops=tuple(drops),
        markings=draw_markings(rng, place, half, lanes, crossing, roads) if marks else (),
        crown=rng.uniform(0, 0.03) if rng.random() < 0.8 else 0.0,
        waves=_waves(rng, place.hills),
        relief=(sides[0].relief, sides[1].relief),
        face=pick(rng, "rock_face soil" if place.paved < 0.3 else _WALLS),
        wobble=rng.uniform(0.1, 0.2) if snowy else rng.uniform(0.0, 0.08),
        roughness=_roughness(rng, wild=place.paved < 0.3),
        tufts=rng.uniform(0.0, 0.05) * (rng.random() < 0.8),
        uneven=rng.uniform(0.0, 0.12) * (rng.random() < 0.6),
        paths=_paths(rng, place),
        ruts=_ruts(rng, carriageway, flow) if rng.random() < place.ruts else None,
        water=_water(rng, sites),
        shore=rng.uniform(0.0, 0.25) if rng.random() < 0.7 else 0.0,
    )  # fmt: skip
    return Layout(kind, place, ground, sides, lanes, islands, crossing, one_way, sites)


def _roads(rng: np.random.Generator, place: Place, half: float) -> tuple[tuple[Road, ...], float]:
    straight = rng.random() < 0.5
    road = Road(
        0.0, 0.0, 0.0, half,
        sway=(0.0, 40.0, 0.0) if straight else (rng.uniform(0, 5), rng.uniform(18, 60),
                                                rng.uniform(0, 6.28)),
        curvature=0.0 if straight else rng.normal(0, 0.004),
        ragged=place.ragged * rng.uniform(0.2, 1.2),
    )  # fmt: skip
    if rng.random() > place.crossing:
        return (road,), np.inf
    crossing = float(rng.uniform(-45, 45))
    x, y, heading = road.pose(crossing, 0.0)
    turn = np.pi / 2 + rng.normal(0, 0.12)
    wide = rng.uniform(1.3, 2.2) if max(place.lanes) == 1 else rng.uniform(2.5, 7)
    branch = int(rng.choice([-1, 0, 0, 1]))
    other = Road(x, y, heading + turn, wide, branch=branch, curvature=rng.normal(0, 0.003),
                 ragged=road.ragged)  # fmt: skip
    return (road, other), crossing


def _paths(rng: np.random.Generator, place: Place) -> tuple[tuple[Road, str], ...]:
    """Footpaths that wind over lawns and fields, in any direction."""
    tame = place.paved > 0.4
    words = "dirt_path slab_walk asphalt_walk sidewalk sidewalk" if tame else "dirt_path soil mud"
    found = []
    for _ in range(rng.poisson(place.paths)):
        x, y = rng.normal(0, 14, 2)
        path = Road(
            float(x), float(y), rng.uniform(0, 6.28), rng.uniform(0.5, 1.8) if tame else 0.5,
            sway=(rng.uniform(0, 5), rng.uniform(8, 25), rng.uniform(0, 6.28)),
            branch=int(rng.choice([-1, 0, 1])), ragged=0.0 if tame else rng.uniform(0.05, 0.2),
        )  # fmt: skip
        found.append((path, pick(rng, words)))
    return tuple(found)


def _sites(
    rng: np.random.Generator, kind: str, place: Place, crossing: float
) -> dict[str, tuple[int, float]]:
    chances = dict(place.sites)
    if kind not in ("bridge", "tunnel"):
        for name, chance in _ANYWHERE.items():
            if place.paved > 0.3 or name in ("puddles", "power line"):
                chances[name] = max(chances.get(name, 0.0), chance)
    if np.isfinite(crossing) and place.marked and place.furniture > 0.4:
        chances["signals"] = 0.6
    found = {}
    for name, chance in chances.items():
        side, s = int(rng.choice([-1, 1])), float(rng.uniform(-25, 25))
        if rng.random() < chance:
            found[name] = (side, s)
    return found


def _waves(rng: np.random.Generator, hills: float) -> np.ndarray:
    waves = np.stack(
        [rng.normal(0, 0.12, 3), rng.normal(0, 0.12, 3), rng.uniform(0, 6.28, 3),
         hills * rng.uniform(0, 1, 3)], 1,
    )  # fmt: skip
    big = rng.uniform(0, 0.5 + 4 * hills) * (hills > 0.02)
    crest = [[rng.normal(0, 0.03), rng.normal(0, 0.03), rng.uniform(0, 6.28), big]]
    return np.concatenate([waves, crest])


def _roughness(rng: np.random.Generator, *, wild: bool) -> np.ndarray:
    """(S,) of every surface; nobody mows the grass of wild places."""
    rough = [rng.uniform(*_ROUGH.get(name, _ROUGH["sidewalk"])) for name in SURFACES]
    if wild:
        rough[SURFACES.index("grass")] *= rng.uniform(1.0, 2.5)
    return np.array(rough, np.float32)


def _ruts(rng: np.random.Generator, carriageway: str, flow: float) -> Ruts:
    worn = {"grass": "mud mud mud soil", "mud": "mud", "road": "mud"}.get(
        carriageway, "mud soil gravel"
    )
    between = "grass" if rng.random() < 0.7 else carriageway
    gauge = min(rng.uniform(0.65, 0.95), 0.35 * flow)
    return Ruts(pick(rng, worn), between, rng.uniform(0.0, 0.18), gauge, rng.uniform(0.15, 0.4))


def _water(rng: np.random.Generator, sites: dict[str, tuple[int, float]]) -> float:
    """Level of the lake or river, where there is one."""
    if "quay" in sites:
        return -rng.uniform(1.0, 2.5)
    if "shore" in sites:
        return -rng.uniform(0.3, 1.0)
    if "lake" in sites:
        return -0.9
    if "deck" in sites and rng.random() < 0.6:
        return -rng.uniform(4.0, 7.0)
    return -np.inf
