"""Who and what is on the roads of a world and beside them: vehicles, furniture, people."""

from __future__ import annotations

import numpy as np

from avs3d.simulation.places.fronts import furnish_fronts, grow_field
from avs3d.simulation.places.sides import pick
from avs3d.simulation.places.town import EXTENT, Strip, Town

_TRAFFIC = {
    "car": 0.46, "van": 0.09, "pickup truck": 0.06, "truck": 0.13, "bus": 0.06,
    "motorcyclist": 0.08, "cyclist": 0.09, "trailer": 0.01, "scooter rider": 0.01,
    "tractor": 0.005, "rickshaw": 0.006, "golf cart": 0.003, "construction vehicle": 0.004,
}  # fmt: skip
_PARKED = {"car": 0.75, "van": 0.08, "pickup truck": 0.07, "truck": 0.03, "trailer": 0.02,
           "motorcycle": 0.05}  # fmt: skip


def populate(town: Town) -> None:
    place, rng = town.layout.place, town.rng
    trees, furniture, people, traffic, rough = np.array(
        [place.trees, place.furniture, place.people, place.traffic, place.rough]
    ) * np.exp(rng.normal(0, 0.45, 5))
    _traffic(town, traffic)
    every = town.strips()
    for strip in every:
        _driveways(town, strip)
        if strip.layout.bay or (strip.layout.parked and strip.road == 0):
            _parked(town, strip)
    _strays(town)
    _on_paths(town)
    for strip in every:
        _furniture(town, strip, furniture)
    for strip in every:
        furnish_fronts(town, strip, trees)
        _people(town, strip, people)
    grow_field(town, rough, trees)


def draw(rng: np.random.Generator, shares: dict[str, float]) -> str:
    """One of the names, as often as its share says."""
    share = np.fromiter(shares.values(), float)
    return tuple(shares)[rng.choice(len(share), p=share / share.sum())]


def _vehicle(town: Town) -> str:
    words = town.layout.place.vehicles
    name = pick(town.rng, words) if words and town.rng.random() < 0.25 else ""
    return name or draw(town.rng, _TRAFFIC)


def _drive(town: Town, road: int, s: float, t: float, yaw: float, room: float) -> None:
    x, y, heading = town.ground.roads[road].pose(s, t)
    name = _vehicle(town)
    if town.is_road(x, y):
        town.put(name, x, y, heading + yaw, room=room)


def _traffic(town: Town, density: float) -> None:
    """Vehicles in the lanes of every road, some of them with two wheels."""
    rng, layout = town.rng, town.layout
    jam = 0.25 if rng.random() < 0.1 else 1.0
    for t in layout.lanes:
        back = 0.0 if t < 0 or layout.one_way else np.pi
        s = -EXTENT + rng.exponential(25)
        while s < EXTENT:
            yaw = back + rng.normal(0, 0.03)
            _drive(town, 0, s, t + rng.normal(0, 0.2), yaw, 0.4)
            s += rng.uniform(6, 12) + rng.exponential(30 * jam / density)
    for index, road in enumerate(town.ground.roads[1:], start=1):
        for _ in range(rng.poisson(1.5 * density)):
            s = rng.uniform(6, 50) * rng.choice([-1, 1])
            if road.branch and s * road.branch < 0:
                continue
            t = rng.choice([-0.5, 0.5]) * road.half
            _drive(town, index, s, t, np.pi * (t > 0), 0.4)


def _parked(town: Town, strip: Strip) -> None:
    """A row of vehicles along the kerb or in the bays beside it, with gaps."""
    rng = town.rng
    full = rng.uniform(0.35, 0.97)
    bay = strip.layout.bay
    across = np.pi / 2 if bay > 4 else 0.0
    step = (2.5, 3.0) if across else (5.0, 6.6)
    middle = bay / 2 if bay else -1.05
    if not bay and rng.random() < 0.15:  # with two wheels on the sidewalk
        middle = rng.uniform(-0.6, 0.3)
    turned = rng.random() < 0.2
    s = strip.begin + rng.uniform(0, 5)
    while s < strip.end:
        if rng.random() < full:
            d = middle + rng.normal(0, 0.08)
            turn = across + np.pi * (turned or rng.random() < 0.15) + rng.normal(0, 0.03)
            x, y, heading = town.at(strip.road, strip.side, s, d)
            place = np.array([x]), np.array([y])
            crossed = any(road.edge(*road.frame(*place))[0] < 3 for road in town.ground.roads[1:])
            name = draw(rng, _PARKED)
            if not crossed:
                town.put(name, x, y, heading + turn + (np.pi if strip.side > 0 else 0))
        s += rng.uniform(*step)


def _driveways(town: Town, strip: Strip) -> None:
    """Cars that stand in front of their houses."""
    rng = town.rng
    for road, side, s, _ in town.ground.drops:
        if (road, side) == (strip.road, strip.side) and rng.random() < 0.45:
            turn = rng.choice([-1, 1]) * np.pi / 2 + rng.normal(0, 0.05)
            name = pick(rng, "car car car car car car car pickup_truck van trailer boat")
            town.beside(name, strip, s, strip.layout.front + rng.uniform(2.6, 3.6), turn)


def _strays(town: Town) -> None:
    """What is where it should not be: cars on lawns and sidewalks, people in the road."""
    rng = town.rng
    for _ in range(rng.poisson(1.0)):
        strip = town.strip(int(rng.choice([-1, 1])), -30, 30)
        s, d = rng.uniform(-28, 28), rng.uniform(0.6, 8)
        turn = rng.choice([0, np.pi / 2, np.pi]) + rng.normal(0, 0.3)
        town.beside(draw(rng, _PARKED), strip, s, d, turn, clear=-2)
    for _ in range(rng.poisson(1.2 * min(town.layout.place.people, 1.0))):
        half = town.ground.roads[0].half
        x, y, heading = town.ground.roads[0].pose(rng.uniform(-22, 22), rng.uniform(-half, half))
        name = pick(rng, "person person person group dog cyclist trash_can traffic_cone bicycle")
        town.put(name, x, y, heading + rng.uniform(0, 6.28), room=0.1)


def _on_paths(town: Town) -> None:
    """People on the footpaths, benches and lamps beside them."""
    rng = town.rng
    for path, _ in town.ground.paths:
        for _ in range(rng.poisson(4)):
            x, y, heading = path.pose(rng.normal(0, 14), rng.uniform(-1, 1) * path.half)
            if town.ground.distance(x, y) > 0.5:
                yaw = heading + rng.choice([0, np.pi]) + rng.normal(0, 0.2)
                town.put(draw(rng, _WALKERS), x, y, yaw)
        for _ in range(rng.poisson(3)):
            name = pick(rng, "bench bench street_lamp trash_can bicycle planter bollard")
            off = rng.choice([-1, 1]) * (path.half + rng.uniform(0.3, 0.8))
            x, y, heading = path.pose(rng.normal(0, 14), off)
            if town.ground.distance(x, y) > 0.5:
                yaw = heading + np.pi / 2 * np.sign(-off)
                town.put(name, x, y, yaw)


_KERB_THINGS = (  # name, metres between two, turn, most metres off the kerb line
    ("street lamp", 28.0, np.pi / 2, 0.2),
    ("traffic sign", 20.0, np.pi, 0.4),
    ("pole", 45.0, 0.0, 0.6),
    ("trash can", 60.0, 0.0, 1.0),
    ("utility box", 85.0, np.pi / 2, 1.0),
    ("fire hydrant", 85.0, np.pi / 2, 0.4),
    ("bollard", 70.0, 0.0, 0.2),
    ("bench", 55.0, np.pi / 2, 1.5),
    ("bicycle rack", 95.0, np.pi / 2, 1.5),
    ("bus stop", 210.0, np.pi / 2, 1.8),
    ("billboard", 190.0, np.pi, 2.0),
    ("motorcycle", 55.0, np.pi / 2, 0.8),
    ("bicycle", 30.0, np.pi / 2, 0.9),
    ("traffic cone", 90.0, 0.0, 0.6),
    ("traffic light", 200.0, np.pi, 0.2),
    ("table", 150.0, 0.0, 2.5),
    ("mailbox", 150.0, np.pi / 2, 1.5),
    ("parking meter", 150.0, np.pi / 2, 0.3),
    ("planter", 150.0, 0.0, 1.5),
    ("kick scooter", 200.0, 1.0, 1.5),
    ("phone booth", 600.0, np.pi / 2, 1.5),
    ("traffic drum", 300.0, 0.0, 0.5),
)
_SEVERAL = {"bollard": 1.4, "traffic cone": 1.4, "traffic drum": 2.0, "trash can": 0.75,
            "bicycle": 0.75, "motorcycle": 0.75, "planter": 1.6, "kick scooter": 0.6,
            "parking meter": 6.0}  # fmt: skip


def _furniture(town: Town, strip: Strip, density: float) -> None:
    rng, side = town.rng, strip.layout
    deep = max(side.front - side.kerbline, 0.5)
    for name, every, turn, off in _KERB_THINGS:
        gap = every / (density * np.exp(rng.normal(0, 0.5)))
        s = strip.begin + rng.exponential(gap)
        regular = name in ("street lamp", "pole")
        far = name in ("table", "bench", "bus stop") or (regular and rng.random() < 0.15)
        while s < strip.end:
            d = side.kerbline + min(deep - 0.3, off * rng.random())
            if far:
                d = side.front - rng.uniform(0.3, 0.8)
            if name == "table":
                d = side.front - rng.uniform(0.8, 1.6)
            put = town.beside(name, strip, s, max(d, 0.3), turn + rng.normal(0, 0.06))
            if put and name in _SEVERAL:
                for k in range(1, int(rng.integers(1, 7))):
                    where = s + k * _SEVERAL[name]
                    town.beside(name, strip, where, max(d, 0.3), turn + rng.normal(0, 0.1))
            s += gap * rng.uniform(0.9, 1.1) if regular else rng.exponential(gap) + 1.0
    if rng.random() < 0.08 * density:
        for s in np.arange(strip.begin, strip.end, rng.uniform(1.3, 2.5)):
            town.beside("bollard", strip, s, side.kerbline)


_WALKERS = {"person": 0.74, "group": 0.06, "cyclist": 0.06, "scooter rider": 0.04, "dog": 0.04,
            "stroller": 0.03, "wheelchair": 0.03}  # fmt: skip


def _people(town: Town, strip: Strip, density: float) -> None:
    rng, side = town.rng, strip.layout
    walk = side.walk or (0.6, 2.0)
    for _ in range(rng.poisson(7.0 * density)):
        s = rng.normal(0, 22)
        if not strip.begin < s < strip.end:
            continue
        d = rng.uniform(walk[0] + 0.2, max(walk[1], walk[0] + 0.5))
        if rng.random() < 0.15:  # on the lawn, in the garden
            d = rng.uniform(0.5, side.front + 6)
        turn = rng.choice([0, np.pi]) + rng.normal(0, 0.3)
        put = town.beside(draw(rng, _WALKERS), strip, s, d, turn)
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
