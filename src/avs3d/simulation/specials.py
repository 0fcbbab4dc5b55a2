"""What makes a place that place: crossings, building sites, car parks, squares, trails."""

from __future__ import annotations

import numpy as np

from avs3d.simulation.barriers import BARRIER_LENGTH, FENCE_LENGTH
from avs3d.simulation.town import Strip, Town

_BESIDE = (
    "person person person cyclist cyclist bicycle bicycle motorcycle motorcyclist dog "
    "traffic_sign traffic_sign traffic_light traffic_light street_lamp pole traffic_cone barrier "
    "trash_can bench fire_hydrant utility_box bicycle_rack bollard billboard bus_stop table stairs "
    "container rock hedge"
)
_ON_ROAD = (
    "truck bus construction_vehicle trailer motorcyclist cyclist van person traffic_cone "
    "scooter_rider"
)


def _names(words: str) -> tuple[str, ...]:
    return tuple(word.replace("_", " ") for word in words.split())


def add_specials(town: Town) -> None:
    rng, kind = town.rng, town.layout.kind
    if rng.random() < 0.11 and kind != "trail":
        _train(town)
    if np.isfinite(town.layout.crossing) and rng.random() < 0.65:
        _signals(town)
    for island in town.layout.islands[1:2]:
        _island(town, island.centre, island.half)
    if kind == "construction" or rng.random() < 0.12:
        _building_site(town)
    if kind == "lot" or (kind in ("industry", "city", "residential") and rng.random() < 0.2):
        _car_park(town)
    if kind == "plaza" or rng.random() < 0.06:
        _square(town)
    if kind == "trail" and rng.random() < 0.6:
        _row_of("barrier", town, rng.uniform(1, 6))
    if kind == "industry":
        _yard(town)
    if rng.random() < {"highway": 0.5, "arterial": 0.35}.get(kind, 0.05):
        _bridge(town)
    if kind in ("highway", "arterial") and rng.random() < 0.35:
        _over_the_road(town)


def add_rare(town: Town) -> None:
    """Things that are seldom seen, near the sensor in most worlds, where they may well be."""
    rng = town.rng
    beside, on_road = _names(_BESIDE), _names(_ON_ROAD)
    calm = town.layout.kind in ("trail", "highway")
    for _ in range(rng.integers(2, 5) if calm else rng.integers(5, 13)):
        side = int(rng.choice([-1, 1]))
        layout = town.layout.sides[0 if side > 0 else 1]
        strip = Strip(0, side, -25, 25, layout)
        name = beside[rng.integers(len(beside))]
        s = rng.choice([-1, 1]) * rng.uniform(1, 22)
        d = rng.uniform(layout.kerbline, max(layout.front, layout.kerbline + 0.5) + 1.0)
        turn = rng.choice([0, np.pi / 2, np.pi, -np.pi / 2]) + rng.normal(0, 0.2)
        if name in ("traffic sign", "traffic light"):
            turn, d = np.pi + rng.normal(0, 0.1), layout.kerbline
        if name in ("stairs", "container", "hedge", "table"):
            d = layout.front + rng.uniform(0.2, 2.5)
        town.beside(name, strip, s, max(d, 0.3), turn)
    for _ in range(rng.integers(0, 4)):
        name = on_road[rng.integers(len(on_road))]
        t = town.layout.lanes[rng.integers(len(town.layout.lanes))]
        s = rng.choice([-1, 1]) * rng.uniform(5, 25)
        x, y, heading = town.ground.roads[0].pose(s, t + rng.normal(0, 0.4))
        yaw = heading + (np.pi if t > 0 else 0.0) + rng.normal(0, 0.05)
        if name in ("person", "scooter rider"):
            yaw += np.pi / 2
        town.scene.put(town.template(name), x, y, yaw, room=0.1)


def _signals(town: Town) -> None:
    """Traffic lights at the corners of the crossing."""
    rng, cross, roads = town.rng, town.layout.crossing, town.ground.roads
    away = roads[1].half + rng.uniform(1.5, 4)
    corners = [(+1, +1, np.pi), (-1, -1, 0.0), (+1, -1, np.pi), (-1, +1, 0.0)]
    for side, end, yaw in corners[: int(rng.choice([2, 4, 4]))]:
        x, y, heading = town.at(0, side, cross + end * away, rng.uniform(0.5, 1.2))
        # The lights look at the traffic that comes towards them.
        turn = heading + (yaw if rng.random() < 0.8 else yaw + np.pi / 2)
        if town.ground.distance(x, y) > 0.2:
            town.scene.put(town.template("traffic light"), x, y, turn + rng.normal(0, 0.1))
        if rng.random() < 0.4:
            town.scene.put(town.template("bollard"), x + 0.8, y + 0.4, 0.0)
    for _ in range(rng.integers(0, 6)):  # people who wait or cross
        s = cross + rng.choice([-1, 1]) * away
        x, y, heading = roads[0].pose(s, rng.uniform(-1.4, 1.4) * roads[0].half)
        yaw = heading + rng.choice([-1, 1]) * np.pi / 2
        town.scene.put(town.template("person"), x, y, yaw + rng.normal(0, 0.2))


def _island(town: Town, centre: tuple[float, float], half: tuple[float, float]) -> None:
    rng = town.rng
    if town.ground.circle:
        for _ in range(rng.integers(1, 6)):
            name = ("bush", "young tree", "rock", "traffic sign", "broadleaf")[rng.integers(5)]
            s, t = np.array(centre) + rng.uniform(-0.6, 0.6, 2) * half
            x, y, heading = town.ground.roads[0].pose(s, t)
            town.scene.put(town.template(name), x, y, heading + rng.uniform(0, 6.28), scale=0.8)
        return
    if half[0] > 50:  # a median
        name = ("bush", "guardrail", "street lamp", "broadleaf", "")[rng.integers(5)]
        gap = {"guardrail": 4.0, "bush": 3.0}.get(name, 16.0)
        for s in np.arange(-60, 60, gap) if name else ():
            if abs(s - centre[0]) < half[0] - 1:
                x, y, heading = town.ground.roads[0].pose(s, centre[1])
                town.scene.put(town.template(name), x, y, heading, scale=0.8, room=-0.3)
        return
    for end in (-0.75, 0.75):
        name = ("traffic sign", "bollard", "traffic light", "")[rng.integers(4)]
        if name:
            x, y, heading = town.ground.roads[0].pose(centre[0] + end * half[0], centre[1])
            town.scene.put(town.template(name), x, y, heading + np.pi)
    if rng.random() < 0.3:
        x, y, heading = town.ground.roads[0].pose(*centre)
        town.scene.put(town.template("person"), x, y, heading + np.pi / 2)


def _row_of(name: str, town: Town, d: float) -> None:
    rng = town.rng
    side = int(rng.choice([-1, 1]))
    begin = rng.uniform(-25, 10)
    strip = Strip(0, side, begin, begin + rng.uniform(5, 30),
                  town.layout.sides[0 if side > 0 else 1])  # fmt: skip
    for s in np.arange(strip.begin, strip.end, BARRIER_LENGTH * 1.02):
        town.beside(name, strip, s, d, 0.0, room=-0.25, clear=-5)


def _building_site(town: Town) -> None:
    """A closed part of the road or the land beside it, and the machines in it."""
    rng = town.rng
    side = int(rng.choice([-1, 1]))
    layout = town.layout.sides[0 if side > 0 else 1]
    middle, length = rng.uniform(-15, 15), rng.uniform(12, 40)
    strip = Strip(0, side, middle - length / 2, middle + length / 2, layout)
    inner = rng.uniform(-2.0, 1.5)
    edge = ("traffic cone", "barrier", "site fence", "barrier")[rng.integers(4)]
    gap = {"traffic cone": rng.uniform(1.5, 4), "site fence": FENCE_LENGTH}.get(
        edge, BARRIER_LENGTH * (1.02 if rng.random() < 0.6 else 1.6)
    )
    for s in np.arange(strip.begin, strip.end, gap):
        town.beside(edge, strip, s, inner, rng.normal(0, 0.04), room=-0.25, clear=-9)
    deep = max(layout.front - inner, 4.0)
    things = ["construction vehicle"] * int(rng.integers(1, 4)) + ["soil heap"] * int(
        rng.integers(0, 4)
    )
    things += ["container"] * int(rng.integers(0, 3)) + ["person"] * int(rng.integers(1, 5))
    things += ["truck"] * int(rng.integers(0, 2)) + ["traffic cone"] * int(rng.integers(2, 8))
    things += ["barrier"] * int(rng.integers(0, 4)) + ["traffic sign"]
    for name in things:
        s, d = rng.uniform(strip.begin, strip.end), inner + rng.uniform(0.8, deep + 8)
        town.beside(name, strip, s, d, rng.uniform(0, 6.28), clear=-9)


def _car_park(town: Town) -> None:
    """Rows of cars at right angles beside the road, or on both sides of the lane."""
    rng = town.rng
    for side in (-1, 1) if town.layout.kind == "lot" else (int(rng.choice([-1, 1])),):
        layout = town.layout.sides[0 if side > 0 else 1]
        strip = Strip(0, side, -45, 45, layout)
        first = layout.front + rng.uniform(3, 5)
        slant = rng.choice([np.pi / 2, np.pi / 2, np.pi / 3])
        full = rng.uniform(0.3, 0.9)
        for row in range(int(rng.integers(1, 4))):
            d = first + row * 5.4 + (row // 2) * 6
            for s in np.arange(strip.begin, strip.end, rng.uniform(2.6, 3.1)):
                if rng.random() < full:
                    name = (
                        "car"
                        if rng.random() < 0.88
                        else ("van", "motorcycle", "trailer")[rng.integers(3)]
                    )
                    turn = slant + np.pi * (rng.random() < 0.3) + rng.normal(0, 0.04)
                    town.beside(name, strip, s, d + rng.normal(0, 0.2), turn, clear=2.8)


def _square(town: Town) -> None:
    """People, benches, tables, bicycles, steps on an open paved place."""
    rng = town.rng
    side = int(rng.choice([-1, 1]))
    layout = town.layout.sides[0 if side > 0 else 1]
    strip = Strip(0, side, -30, 30, layout)
    names = (["person"] * 14 + ["bench"] * 5 + ["table"] * 5 + ["bicycle"] * 4 + ["dog"] * 2
             + ["trash can"] * 2 + ["stairs"] * 2 + ["bollard"] * 3 + ["bicycle rack"] * 2
             + ["billboard"] + ["street lamp"] * 2 + ["young tree"] * 2)  # fmt: skip
    for _ in range(rng.integers(12, 45)):
        name = names[rng.integers(len(names))]
        s, d = rng.uniform(-28, 28), layout.kerbline + rng.uniform(0, 16)
        put = town.beside(name, strip, s, d, rng.uniform(0, 6.28))
        if put and name == "bicycle":
            for k in range(1, int(rng.integers(1, 6))):
                town.beside("bicycle", strip, s + 0.6 * k, d, 1.57 + rng.normal(0, 0.1), room=-0.2)


def _yard(town: Town) -> None:
    rng = town.rng
    for side in (-1, 1):
        layout = town.layout.sides[0 if side > 0 else 1]
        strip = Strip(0, side, -45, 45, layout)
        for _ in range(rng.integers(4, 14)):
            name = ("container", "container", "trailer", "truck", "utility box", "barrier")[
                rng.integers(6)
            ]
            turn = rng.choice([0, np.pi / 2]) + rng.normal(0, 0.05)
            town.beside(name, strip, rng.uniform(-40, 40), layout.front + rng.uniform(2, 14), turn,
                        clear=1.0)  # fmt: skip


def _bridge(town: Town) -> None:
    rng = town.rng
    x, y, heading = town.ground.roads[0].pose(rng.choice([-1, 1]) * rng.uniform(8, 45), 0.0)
    town.scene.put(town.template("bridge"), x, y, heading + rng.normal(0, 0.15), solid=False)


def _over_the_road(town: Town) -> None:
    rng = town.rng
    x, y, heading = town.ground.roads[0].pose(rng.choice([-1, 1]) * rng.uniform(10, 45), 0.0)
    yaw = heading + np.pi * (rng.random() < 0.5)
    town.scene.put(town.template("gantry"), x, y, yaw, solid=False)


def _train(town: Town) -> None:
    """A tram beside or on the road, or a train beyond the gardens."""
    rng = town.rng
    side = int(rng.choice([-1, 1]))
    layout = town.layout.sides[0 if side > 0 else 1]
    wide = town.ground.roads[0].half > 5
    d = -1.8 if wide and rng.random() < 0.4 else layout.front + rng.uniform(2, 6)
    far = rng.uniform(24, 45) if d < 0 else rng.uniform(0, 40)
    x, y, heading = town.at(0, side, rng.choice([-1, 1]) * far, d)
    town.scene.put(town.template("train"), x, y, heading)
