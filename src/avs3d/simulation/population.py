"""What stands along the roads of a world: houses, trees, furniture, vehicles, people."""

from __future__ import annotations

import numpy as np

from avs3d.simulation.barriers import FENCE_LENGTH, RAIL_LENGTH
from avs3d.simulation.buildings import building
from avs3d.simulation.town import Strip, Town

EXTENT = 78.0

# kind of place: houses (kind or ""), trees, furniture, people, traffic, rough plants: densities
_DENSITY: dict[str, tuple[str, float, float, float, float, float]] = {
    "city": ("block", 0.5, 1.0, 1.6, 1.0, 0.1),
    "residential": ("house", 1.0, 0.8, 0.7, 0.6, 0.5),
    "arterial": ("block", 0.7, 1.2, 0.6, 1.8, 0.4),
    "highway": ("", 0.6, 0.6, 0.0, 2.2, 1.0),
    "construction": ("block", 0.4, 1.0, 1.0, 0.8, 0.5),
    "park": ("", 1.5, 0.4, 0.8, 0.4, 1.6),
    "trail": ("", 0.8, 0.1, 0.4, 0.1, 2.5),
    "plaza": ("block", 0.6, 0.9, 2.2, 0.4, 0.2),
    "lot": ("hall", 0.5, 0.7, 0.9, 0.6, 0.3),
    "industry": ("hall", 0.4, 0.6, 0.5, 0.9, 0.6),
}


def strips(town: Town) -> list[Strip]:
    """Both sides of every road of the world."""
    sides, roads = town.layout.sides, town.ground.roads
    found = [Strip(0, +1, -EXTENT, EXTENT, sides[0]), Strip(0, -1, -EXTENT, EXTENT, sides[1])]
    for index in range(1, len(roads)):
        begin = roads[0].half + 4
        for end in (+1, -1):
            if roads[index].branch in (0, end):
                layout = sides[0 if end > 0 else 1]
                span = (begin, 60.0) if end > 0 else (-60.0, -begin)
                found += [Strip(index, side, *span, layout) for side in (+1, -1)]
    return found


def populate(town: Town) -> None:
    houses, trees, furniture, people, traffic, rough = _DENSITY[town.layout.kind]
    rng = town.rng
    trees, furniture, people, traffic, rough = np.array(
        [trees, furniture, people, traffic, rough]
    ) * np.exp(rng.normal(0, 0.45, 5))
    _traffic(town, traffic)
    every = strips(town)
    for strip in every:
        _driveways(town, strip)
        if strip.layout.bay or (strip.layout.parked and strip.road == 0):
            _parked(town, strip)
    for strip in every:
        _furniture(town, strip, furniture)
    for strip in every:
        _boundary(town, strip, houses)
        _trees(town, strip, trees, bool(houses))
        _people(town, strip, people)
    _field(town, rough, trees, bool(houses))


def _traffic(town: Town, density: float) -> None:
    """Vehicles in the lanes of every road, some of them with two wheels."""
    rng, layout = town.rng, town.layout
    kinds = ["car", "van", "truck", "bus", "motorcyclist", "cyclist", "trailer"]
    share = np.array([0.52, 0.10, 0.14, 0.06, 0.08, 0.09, 0.01])
    for t in layout.lanes:
        back = 0.0 if t < 0 or layout.one_way else np.pi
        s = -EXTENT + rng.exponential(25)
        while s < EXTENT:
            x, y, heading = town.ground.roads[0].pose(s, t + rng.normal(0, 0.2))
            name = kinds[rng.choice(len(kinds), p=share)]
            yaw = heading + back + rng.normal(0, 0.03)
            if town.is_road(x, y):
                town.scene.put(town.template(name), x, y, yaw, room=0.4)
            s += rng.uniform(6, 12) + rng.exponential(30 / density)
    for road in town.ground.roads[1:]:
        for _ in range(rng.poisson(1.5 * density)):
            s = rng.uniform(6, 50) * rng.choice([-1, 1])
            if road.branch and s * road.branch < 0:
                continue
            t = rng.choice([-0.5, 0.5]) * road.half
            x, y, heading = road.pose(s, t)
            name = kinds[rng.choice(len(kinds), p=share)]
            town.scene.put(town.template(name), x, y, heading + np.pi * (t > 0), room=0.4)


def _parked(town: Town, strip: Strip) -> None:
    """A row of vehicles along the kerb or in the bays beside it, with gaps."""
    rng = town.rng
    kinds = ["car", "van", "truck", "trailer", "motorcycle"]
    share = np.array([0.82, 0.08, 0.03, 0.03, 0.04])
    full = rng.uniform(0.35, 0.97)
    bay = strip.layout.bay
    across = np.pi / 2 if bay > 4 else 0.0
    step = (2.5, 3.0) if across else (5.0, 6.6)
    middle = bay / 2 if bay else -1.05
    turned = rng.random() < 0.2
    s = strip.begin + rng.uniform(0, 5)
    while s < strip.end:
        if rng.random() < full:
            name = kinds[rng.choice(5, p=share)]
            d = middle + rng.normal(0, 0.08)
            turn = across + np.pi * (turned or rng.random() < 0.15) + rng.normal(0, 0.03)
            x, y, heading = town.at(strip.road, strip.side, s, d)
            crossed = any(
                abs(road.edge(*road.frame(np.array([x]), np.array([y])))[0]) < 3
                or road.edge(*road.frame(np.array([x]), np.array([y])))[0] < 0
                for road in town.ground.roads[1:]
            )
            if not crossed:
                yaw = heading + turn + (np.pi if strip.side > 0 else 0)
                town.scene.put(town.template(name), x, y, yaw)
        s += rng.uniform(*step)


def _driveways(town: Town, strip: Strip) -> None:
    """Cars that stand in front of their houses."""
    rng = town.rng
    for road, side, s, _ in town.ground.drops:
        if (road, side) == (strip.road, strip.side) and rng.random() < 0.45:
            turn = rng.choice([-1, 1]) * np.pi / 2 + rng.normal(0, 0.05)
            name = "car" if rng.random() < 0.85 else ("van", "trailer")[rng.integers(2)]
            town.beside(name, strip, s, strip.layout.front + rng.uniform(2.6, 3.6), turn)


_KERB_THINGS = (  # name, metres between two, turn, most metres off the kerb line
    ("street lamp", 28.0, np.pi / 2, 0.2),
    ("traffic sign", 20.0, np.pi, 0.4),
    ("pole", 45.0, 0.0, 0.6),
    ("trash can", 60.0, 0.0, 1.0),
    ("utility box", 85.0, np.pi / 2, 1.0),
    ("fire hydrant", 85.0, np.pi / 2, 0.4),
    ("bollard", 70.0, 0.0, 0.2),
    ("bench", 80.0, np.pi / 2, 1.5),
    ("bicycle rack", 95.0, np.pi / 2, 1.5),
    ("bus stop", 210.0, np.pi / 2, 1.8),
    ("billboard", 190.0, np.pi, 2.0),
    ("motorcycle", 65.0, np.pi / 2, 0.8),
    ("bicycle", 42.0, np.pi / 2, 0.9),
    ("traffic cone", 90.0, 0.0, 0.6),
    ("traffic light", 200.0, np.pi, 0.2),
    ("table", 130.0, 0.0, 2.5),
)


def _furniture(town: Town, strip: Strip, density: float) -> None:
    rng, side = town.rng, strip.layout
    deep = max(side.front - side.kerbline, 0.5)
    for name, every, turn, off in _KERB_THINGS:
        gap = every / (density * np.exp(rng.normal(0, 0.5)))
        s = strip.begin + rng.exponential(gap)
        regular = name in ("street lamp", "pole")
        far = name in ("table", "bench", "bus stop") or (regular and rng.random() < 0.15)
        while s < strip.end:
            d = (
                side.kerbline + min(deep - 0.3, off * rng.random())
                if not far
                else (side.front - rng.uniform(0.3, 0.8))
            )
            if name == "table":
                d = side.front - rng.uniform(0.8, 1.6)
            put = town.beside(name, strip, s, max(d, 0.3), turn + rng.normal(0, 0.06))
            if put and name in ("bollard", "traffic cone", "trash can", "bicycle", "motorcycle"):
                for k in range(1, int(rng.integers(1, 7))):
                    step = 1.4 if name in ("bollard", "traffic cone") else 0.75
                    town.beside(name, strip, s + k * step, max(d, 0.3), turn + rng.normal(0, 0.1))
            s += gap * rng.uniform(0.9, 1.1) if regular else rng.exponential(gap) + 1.0
    if rng.random() < 0.08 * density:
        for s in np.arange(strip.begin, strip.end, rng.uniform(1.3, 2.5)):
            town.beside("bollard", strip, s, side.kerbline)


def _boundary(town: Town, strip: Strip, houses: str) -> None:
    """House fronts, and what divides gardens from the street."""
    rng, side, kind = town.rng, strip.layout, town.layout.kind
    if kind == "highway" or (kind == "arterial" and rng.random() < 0.25):
        if rng.random() < 0.75:
            town.row(
                "guardrail",
                strip,
                max(side.kerbline, 0.6),
                RAIL_LENGTH,
                0.0 if strip.side < 0 else np.pi,
            )
        if rng.random() < 0.45:
            town.row("wall", strip, side.front + rng.uniform(0.5, 6), 4.0)
    elif houses and rng.random() < {"house": 0.75, "hall": 0.5, "block": 0.12}[houses]:
        name, length = (
            ("fence", FENCE_LENGTH), ("hedge", 1.95), ("wall", 4.0), ("bush", 1.3),
        )[rng.choice(4, p=[0.4, 0.3, 0.2, 0.1])]  # fmt: skip
        town.row(name, strip, side.front + rng.uniform(0.3, 0.7), length)
        if rng.random() < 0.4:
            _thicket(town, strip, after=rng.uniform(0.9, 1.5))
    elif not houses and rng.random() < 0.45:
        name, length = (("fence", FENCE_LENGTH), ("hedge", 1.95), ("wall", 4.0))[
            rng.choice(3, p=[0.7, 0.15, 0.15])
        ]
        town.row(name, strip, side.front + rng.uniform(0.4, 4), length)
    if houses:
        _houses(town, strip, houses)
    if rng.random() < {"trail": 0.8, "park": 0.5, "highway": 0.4}.get(kind, 0.14):
        _thicket(town, strip)


def _thicket(town: Town, strip: Strip, after: float | None = None) -> None:
    """An untended edge of bushes and low trees, `after` metres behind the front."""
    rng = town.rng
    begin = rng.uniform(strip.begin, strip.end - 10)
    first = strip.layout.front + (rng.uniform(0.5, 8) if after is None else after)
    deep = rng.uniform(1, 7) if after is None else 1.0
    for s in np.arange(begin, min(begin + rng.uniform(15, 90), strip.end), rng.uniform(0.8, 1.8)):
        name = "bush" if rng.random() < 0.75 else "broadleaf"
        scale = rng.uniform(0.7, 1.8) if name == "bush" else rng.uniform(0.4, 1.1)
        d = first + rng.uniform(0, deep)
        town.beside(name, strip, s, d, rng.uniform(0, 6.28), scale=scale, room=-0.4)


def _houses(town: Town, strip: Strip, houses: str) -> None:
    rng, side = town.rng, strip.layout
    setback = {"block": rng.uniform(0.1, 1.0) if rng.random() < 0.7 else rng.uniform(2, 8),
               "house": rng.uniform(2.0, 9.0), "hall": rng.uniform(4, 22)}[houses]  # fmt: skip
    tight = houses == "block" and rng.random() < 0.75
    pool = []
    low, high = {"block": (8, 24), "house": (7, 15), "hall": (15, 45)}[houses]
    for _ in range(4):
        width = rng.uniform(low, high)
        pool.append((width, building(rng, width, houses)))
    s = strip.begin
    while s < strip.end - 5:
        width, template = pool[rng.integers(len(pool))]
        middle = s + width / 2
        d = side.front + setback + (0 if tight else rng.normal(0, 0.6) + 0.6)
        line = town.ground.roads[strip.road]
        x, y, heading = line.pose(middle, strip.side * (line.half + d))
        yaw = heading + (np.pi if strip.side > 0 else 0.0)
        c, k = np.cos(yaw), np.sin(yaw)
        corners = [(x + c * a - k * b, y + k * a + c * b)
                   for a in (-width / 2, 0, width / 2) for b in (0.0, -9.0)]  # fmt: skip
        if min(town.ground.distance(*corner) for corner in corners) > min(side.front, 2.0):
            town.scene.put(template, x, y, yaw, room=-0.6)
        gap = 0.0 if tight and rng.random() < 0.9 else rng.uniform(2, 12)
        s += width + gap


def _trees(town: Town, strip: Strip, density: float, houses: bool) -> None:
    rng, side = town.rng, strip.layout
    kinds = ("broadleaf", "conifer", "cypress", "bare tree", "young tree", "palm")
    taste = rng.dirichlet(np.array([2.0, 0.6, 0.4, 0.5, 0.8, 0.15]))
    if side.verge and rng.random() < 0.75:
        gap = rng.uniform(6, 16) / max(density, 0.3)
        d = side.verge[0] + (side.verge[1] - side.verge[0]) * rng.uniform(0.3, 0.7)
        for s in np.arange(strip.begin + rng.uniform(0, gap), strip.end, gap):
            if abs(s) < 45 or rng.random() < 0.5:
                name = kinds[rng.choice(6, p=taste)] if abs(s) < 45 else "far tree"
                town.beside(name, strip, s + rng.normal(0, 0.5), max(d, 0.5), rng.uniform(0, 6.28),
                            scale=rng.uniform(0.85, 1.15), clear=0.4)  # fmt: skip
    for _ in range(rng.poisson(17 * density * (1.0 if houses else 1.3))):
        s = rng.uniform(strip.begin, strip.end)
        d = side.front + rng.uniform(0.8, 7.0 if houses and rng.random() < 0.7 else 26)
        name = kinds[rng.choice(6, p=taste)] if abs(s) < 40 and d < 15 else "far tree"
        town.beside(name, strip, s, d, rng.uniform(0, 6.28), scale=rng.uniform(0.8, 1.2), clear=1)
    if side.verge and rng.random() < 0.4:
        for _ in range(rng.integers(2, 14)):
            d = rng.uniform(*side.verge)
            town.beside("bush", strip, rng.uniform(strip.begin, strip.end), max(d, 0.6), 0.0,
                        scale=rng.uniform(0.5, 1.0), clear=0.5)  # fmt: skip


def _people(town: Town, strip: Strip, density: float) -> None:
    rng, side = town.rng, strip.layout
    walk = side.walk or (0.6, 2.0)
    for _ in range(rng.poisson(7.0 * density)):
        s = rng.normal(0, 22)
        if not strip.begin < s < strip.end:
            continue
        d = rng.uniform(walk[0] + 0.2, max(walk[1], walk[0] + 0.5))
        turn = rng.choice([0, np.pi]) + rng.normal(0, 0.3)
        kind = rng.random()
        name = (
            "person"
            if kind < 0.8
            else ("cyclist" if kind < 0.87 else "scooter rider" if kind < 0.91 else "dog")
        )
        put = town.beside(name, strip, s, d, turn)
        if put and rng.random() < 0.35:  # company
            for _ in range(rng.integers(1, 4)):
                town.beside("person", strip, s + rng.normal(0, 0.5), d + rng.normal(0, 0.6),
                            turn + rng.normal(0, 0.4))  # fmt: skip
    if rng.random() < 0.25 * density:
        s, d = rng.uniform(-20, 20), max(side.front - 0.6, 0.6)
        if strip.begin < s < strip.end and town.beside("bench", strip, s, d, np.pi / 2):
            x, y, heading = town.at(strip.road, strip.side, s, d)
            yaw = heading + np.pi / 2 + (np.pi if strip.side > 0 else 0)
            town.scene.put(town.template("sitting person"), x, y, yaw, solid=False)


def _field(town: Town, rough: float, trees: float, houses: bool) -> None:
    """Beyond the front: what grows there, and the far rim of the world."""
    rng = town.rng
    beyond = max(side.front for side in town.layout.sides) + 1.0
    if not houses:
        town.scatter("broadleaf", rng.poisson(7 * trees), 45, beyond, (0.7, 1.3))
        town.scatter("bush", rng.poisson(18 * rough), 45, 0.8, (0.6, 1.6))
        town.scatter("tall grass", rng.poisson(35 * rough), 32, 0.3, (0.6, 1.4))
        town.scatter("rock", rng.poisson(5 * rough), 30, 0.6, (0.4, 1.5))
    else:
        town.scatter("bush", rng.poisson(16 * rough), 35, beyond, (0.5, 1.6))
        town.scatter("tall grass", rng.poisson(8 * rough), 30, beyond, (0.4, 1.0))
    for turn in np.arange(0, 2 * np.pi, rng.uniform(0.1, 0.22)):
        far = rng.uniform(60, 92)
        x, y = far * np.cos(turn), far * np.sin(turn)
        if town.ground.distance(x, y) > 3 and rng.random() < 0.8:
            town.scene.put(town.template("far tree"), x, y, turn, scale=rng.uniform(0.9, 1.8))
