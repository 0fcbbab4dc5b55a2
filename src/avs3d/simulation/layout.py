"""Which kind of place a world is, and how its ground is divided."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from avs3d.simulation.ground import SURFACES, Band, Ground, Marking, Patch, Road

KINDS: dict[str, float] = {  # kind of place: how often
    "city": 0.19,
    "residential": 0.21,
    "arterial": 0.12,
    "highway": 0.06,
    "construction": 0.09,
    "park": 0.09,
    "trail": 0.08,
    "plaza": 0.07,
    "lot": 0.05,
    "industry": 0.04,
}
_ROUGH = {
    "road": (0.002, 0.006), "cobbles": (0.004, 0.010), "sidewalk": (0.003, 0.008),
    "dirt path": (0.005, 0.012), "curb": (0.002, 0.006), "grass": (0.005, 0.045),
    "soil": (0.008, 0.035), "gravel": (0.006, 0.020), "island": (0.003, 0.010),
    "lot": (0.003, 0.008), "puddle": (0.0, 0.002),
}  # fmt: skip


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
    """

    bands: tuple[Band, ...]
    kerbline: float
    verge: tuple[float, float] | None
    walk: tuple[float, float] | None
    front: float
    parked: bool
    bay: float


@dataclass(frozen=True)
class Layout:
    """A world before anything stands in it."""

    kind: str
    ground: Ground
    sides: tuple[Side, Side]
    lanes: tuple[float, ...]  # t of the lanes' middles; right-hand traffic: t < 0 goes to +s
    islands: tuple[Patch, ...]
    crossing: float  # s of the crossing road, or inf
    one_way: bool


def _side(rng: np.random.Generator, kind: str) -> Side:
    """Bands of one side, from kerb to garden."""
    kerb = 0.0 if rng.random() < 0.2 else rng.uniform(0.03, 0.18)
    bands: list[Band] = []
    verge = walk = None
    bay = 0.0
    paved = kind in ("city", "residential", "arterial", "construction", "plaza", "lot") or (
        kind in ("park", "industry") and rng.random() < 0.5
    )
    parked = kind in ("city", "residential", "plaza", "industry", "construction") and (
        rng.random() < {"city": 0.75, "residential": 0.6}.get(kind, 0.35)
    )
    if paved:
        if kerb > 0 or rng.random() < 0.5:
            bands.append(Band("curb", rng.uniform(0.1, 0.3), kerb))
        if not parked and kind != "arterial" and rng.random() < 0.35:  # bays beside the road
            bay = rng.uniform(2.1, 2.6) if rng.random() < 0.5 else rng.uniform(4.6, 5.4)
            bands.insert(0, Band("lot" if rng.random() < 0.7 else "road", bay, 0.0))
        at = sum(band.width for band in bands)
        if rng.random() < {"city": 0.25, "plaza": 0.3}.get(kind, 0.5):
            width = rng.uniform(0.8, 4.5)
            bands.append(Band("grass" if rng.random() < 0.85 else "soil", width, kerb))
            verge = (at, at + width)
            at += width
        if kind in ("city", "plaza") or rng.random() < 0.88:
            width = rng.uniform(2.0, 6.0) if kind in ("city", "plaza") else rng.uniform(1.3, 3.5)
            name = "dirt path" if kind == "park" and rng.random() < 0.4 else "sidewalk"
            bands.append(Band(name, width, kerb + rng.uniform(0, 0.02)))
            walk = (at, at + width)
            at += width
    else:
        if rng.random() < 0.2:
            bands.append(Band("curb", rng.uniform(0.1, 0.2), kerb))
        if kind != "trail" and rng.random() < 0.6:
            bands.append(Band("gravel" if rng.random() < 0.6 else "soil", rng.uniform(0.4, 2), 0.0))
        at = sum(band.width for band in bands)
        verge = (at, at + rng.uniform(2, 8))
        if kind == "park" and rng.random() < 0.6:  # a footpath beyond some grass
            bands.append(Band("grass", verge[1] - verge[0], kerb))
            width = rng.uniform(1.2, 3)
            bands.append(Band("dirt path" if rng.random() < 0.5 else "sidewalk", width, kerb))
            at = verge[1]
            walk = (at, at + width)
            at += width
        else:
            at = verge[1]
    rest = {"city": ("sidewalk", "sidewalk", "lot", "grass"), "plaza": ("sidewalk",),
            "lot": ("lot", "lot", "sidewalk"), "industry": ("lot", "gravel", "soil", "grass"),
            "construction": ("soil", "soil", "gravel", "grass")}.get(
                kind, ("grass", "grass", "grass", "grass", "soil"))  # fmt: skip
    outer = rest[rng.integers(len(rest))]
    bands.append(Band(outer, np.inf, (kerb if paved else 0.0) + rng.uniform(0.0, 0.05)))
    line = bay + (bands[0].width if bands[0].surface == "curb" else 0.15)
    return Side(tuple(bands), line + rng.uniform(0.2, 0.6), verge, walk, at, parked, bay)


def _markings(
    rng: np.random.Generator, half: float, lanes: tuple[float, ...], crossing: float, zebra: float
) -> tuple[Marking, ...]:
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
    if np.isfinite(zebra):
        begin = zebra, zebra + rng.uniform(2.5, 4)
        marks.append(Marking(begin, (-half + 0.2, half - 0.2), "t", rng.uniform(0.9, 1.2), 0.5))
        marks.append(Marking((zebra - 1.8, zebra - 1.4), (-half, 0), "s", 10, 1.0))
    return tuple(marks)


def draw_layout(rng: np.random.Generator) -> Layout:
    names = tuple(KINDS)
    share = np.array([KINDS[name] for name in names])
    kind = names[rng.choice(len(names), p=share / share.sum())]
    sides = (_side(rng, kind), _side(rng, kind))
    lane = rng.uniform(2.7, 3.8)
    count = {
        "arterial": rng.integers(3, 7),
        "highway": rng.integers(2, 6),
        "trail": 1,
        "city": rng.choice([1, 2, 2, 3, 4]),
    }.get(kind, rng.choice([1, 2, 2]))
    count = int(count)
    parking = [2.1 * side.parked for side in sides]
    flow = lane * count if count > 1 else rng.uniform(3.0, 4.5)
    half = (flow + parking[0] + parking[1]) / 2
    first = -half + parking[1]
    lanes = tuple(float(first + flow / count * (k + 0.5)) for k in range(count))
    straight = rng.random() < 0.5
    road = Road(
        0.0, 0.0, 0.0, half,
        sway=(0.0, 40.0, 0.0) if straight else (rng.uniform(0, 5), rng.uniform(18, 60),
                                                 rng.uniform(0, 6.28)),
        curvature=0.0 if straight else rng.normal(0, 0.004),
        ragged=rng.uniform(0.05, 0.35) if kind == "trail" else 0.0,
    )  # fmt: skip
    roads = [road]
    crossing, drops = np.inf, []
    if kind not in ("highway", "trail") and rng.random() < 0.55:
        crossing = float(rng.uniform(-45, 45))
        x, y, heading = road.pose(crossing, 0.0)
        turn = np.pi / 2 + rng.normal(0, 0.12)
        roads.append(
            Road(x, y, heading + turn, rng.uniform(2.8, 7), branch=int(rng.choice([-1, 0, 0, 1])),
                 curvature=rng.normal(0, 0.003))
        )  # fmt: skip
    for side, part in ((1, sides[0]), (-1, sides[1])):
        if part.walk and kind == "residential":
            for s in np.arange(-60, 60, rng.uniform(12, 22)) + rng.uniform(0, 10):
                drops.append((0, side, float(s), rng.uniform(1.5, 2.5)))
    zebra = np.inf
    if np.isfinite(crossing) and count > 1 and rng.random() < 0.6:
        zebra = crossing - (roads[1].half + rng.uniform(2, 4))
    elif kind in ("city", "residential", "plaza") and rng.random() < 0.2:
        zebra = rng.uniform(-25, 25)
    islands = _islands(rng, kind, half, lanes, crossing)
    circle = None
    if abs(crossing) > 16 and np.isfinite(crossing) and rng.random() < 0.2:
        inner = rng.uniform(2.5, 7.0)
        circle = (*road.pose(crossing, 0.0)[:2], inner + rng.uniform(4.5, 7.0))
        islands = _round_island(rng, crossing, inner)
    carriageway = "soil" if kind == "trail" else "road"
    if kind in ("plaza", "city", "residential") and rng.random() < 0.07:
        carriageway = "cobbles"
    if kind == "trail" and rng.random() < 0.3:
        carriageway = "gravel"
    if kind == "lot":
        carriageway = "lot"
    hilly = {"trail": 0.14, "park": 0.09}.get(kind, 0.03)
    waves = np.stack(
        [rng.normal(0, 0.12, 3), rng.normal(0, 0.12, 3), rng.uniform(0, 6.28, 3),
         hilly * rng.uniform(0, 1, 3)], 1,
    )  # fmt: skip
    crest = [[rng.normal(0, 0.03), rng.normal(0, 0.03), rng.uniform(0, 6.28), rng.uniform(0, 0.7)]]
    bank = (0.0, 0.0, 20.0, 2.0)
    if kind in ("highway", "park", "trail", "arterial") and rng.random() < 0.6:
        slopes = rng.uniform(-0.25, 0.3, 2)
        bank = (float(slopes[0]), float(slopes[1]), rng.uniform(2, 15), rng.uniform(0.5, 3.5))
    ground = Ground(
        roads=tuple(roads),
        bands=(sides[0].bands, sides[1].bands),
        carriageway=carriageway,
        fillet=rng.uniform(2.0, 9.0),
        circle=circle,
        patches=islands + _patches(rng, kind, sides, half, drops),
        drops=tuple(drops),
        markings=() if kind == "trail" or rng.random() < 0.15
        else _markings(rng, half, lanes, crossing, zebra),
        crown=rng.uniform(0, 0.03) if kind != "plaza" else 0.0,
        waves=np.concatenate([waves, crest]),
        bank=bank,
        roughness=np.array([rng.uniform(*_ROUGH[name]) for name in SURFACES], np.float32),
        tufts=rng.uniform(0, 0.04) * (rng.random() < 0.7),
    )  # fmt: skip
    return Layout(kind, ground, sides, lanes, islands, crossing, count == 1 or rng.random() < 0.12)


def _islands(
    rng: np.random.Generator, kind: str, half: float, lanes: tuple[float, ...], crossing: float
) -> tuple[Patch, ...]:
    """Traffic islands between the lanes, or a long median."""
    if len(lanes) < 2 or kind in ("lot", "trail"):
        return ()
    t = (lanes[(len(lanes) - 1) // 2] + lanes[(len(lanes) - 1) // 2 + 1]) / 2
    step = rng.uniform(0.06, 0.18)
    wide = rng.uniform(0.3, 1.0)
    if kind in ("arterial", "highway") and rng.random() < 0.55:
        surface = "island" if rng.random() < 0.6 else "grass"
        return (
            Patch("curb", 0, (crossing - 107 if np.isfinite(crossing) else 0, t),
                  (95, wide + 0.15), step),
            Patch(surface, 0, (crossing - 107 if np.isfinite(crossing) else 0, t),
                  (94.8, wide), step + 0.01),
        )  # fmt: skip
    if rng.random() < (0.6 if np.isfinite(crossing) else 0.25):
        s = crossing - rng.uniform(10, 14) if np.isfinite(crossing) else rng.uniform(-18, 18)
        long = rng.uniform(1.5, 5)
        return (
            Patch("curb", 0, (s, t), (long + 0.15, wide + 0.15), step, True),
            Patch("island", 0, (s, t), (long, wide), step + 0.01, True),
        )
    return ()


def _round_island(rng: np.random.Generator, crossing: float, inner: float) -> tuple[Patch, ...]:
    """The middle of a roundabout: kerb, paved ring, lawn."""
    step = rng.uniform(0.04, 0.18)
    rings = (("curb", inner), ("island", inner - 0.2), ("grass", inner - rng.uniform(0.4, 1.6)))
    return tuple(Patch(name, 0, (crossing, 0.0), (r, r), step, True) for name, r in rings)


def _patches(
    rng: np.random.Generator,
    kind: str,
    sides: tuple[Side, Side],
    half: float,
    drops: list[tuple[int, int, float, float]],
) -> tuple[Patch, ...]:
    """Driveways, lots beside the road, bare or muddy spots, puddles."""
    patches = []
    for _, side, s, wide in drops:
        begin = half + sides[0 if side > 0 else 1].front
        surface = ("sidewalk", "lot", "gravel")[rng.integers(3)]
        patches.append(Patch(surface, 0, (s, side * (begin + 4)), (wide, 4.0)))
    if kind in ("park", "residential", "trail", "industry", "construction"):
        for _ in range(rng.integers(0, 6)):
            surface = ("soil", "grass", "gravel")[rng.integers(3)]
            side = rng.choice([-1, 1])
            t = side * (half + sides[0 if side > 0 else 1].front + rng.uniform(6, 25))
            size = rng.uniform(1, 5, 2)
            patches.append(Patch(surface, 0, (rng.uniform(-40, 40), t), tuple(size), None, True))
    if kind in ("residential", "city", "industry", "arterial") and rng.random() < 0.3:
        side = rng.choice([-1, 1])
        t = side * (half + sides[0 if side > 0 else 1].front + 14)
        patches.append(Patch("lot", 0, (rng.uniform(-30, 30), t), (rng.uniform(12, 30), 13.0)))
    if rng.random() < (0.6 if kind == "trail" else 0.2):
        for _ in range(rng.integers(1, 5)):
            at = (rng.uniform(-16, 16), rng.uniform(-half, half))
            patches.append(Patch("puddle", 0, at, tuple(rng.uniform(0.4, 2.2, 2)), None, True))
    return tuple(patches)
