"""Places beside the road: building sites, car parks, squares, markets, yards, farms, shores.

Every function takes the side (+1 left, -1 right) and the s of the place, as the layout drew them.
"""

from __future__ import annotations

import numpy as np

from avs3d.simulation.places.sides import pick
from avs3d.simulation.places.town import Strip, Town
from avs3d.simulation.shapes.barriers import BARRIER_LENGTH, FENCE_LENGTH


def _strew(
    town: Town,
    strip: Strip,
    words: str,
    count: int,
    deep: tuple[float, float],
    *,
    square: bool = False,
    clear: float = 0.6,
) -> None:
    """Things drawn from the words on a strip, `deep` metres off the road; square: in line."""
    rng = town.rng
    for _ in range(count):
        turn = rng.uniform(0, 6.28)
        if square:
            turn = float(rng.integers(4) * np.pi / 2 + rng.normal(0, 0.05))
        s, d = rng.uniform(strip.begin, strip.end), rng.uniform(*deep)
        town.beside(pick(rng, words), strip, s, d, turn, clear=clear)


def barrier_row(town: Town, side: int, s: float) -> None:
    rng = town.rng
    d = rng.uniform(1, 6)
    strip = town.strip(side, s - rng.uniform(3, 15), s + rng.uniform(3, 15))
    for at in np.arange(strip.begin, strip.end, BARRIER_LENGTH * 1.02):
        town.beside("barrier", strip, at, d, 0.0, room=-0.25, clear=-5)


def building_site(town: Town, side: int, s: float) -> None:
    """A closed part of the road or the land beside it, and the machines in it."""
    rng = town.rng
    length = rng.uniform(12, 40)
    strip = town.strip(side, 0.6 * s - length / 2, 0.6 * s + length / 2)
    inner = rng.uniform(-2.0, 1.5)
    edge = pick(rng, "traffic_cone barrier site_fence barrier traffic_drum")
    gap = {"traffic cone": rng.uniform(1.5, 4), "site fence": FENCE_LENGTH,
           "traffic drum": rng.uniform(2, 5)}.get(
        edge, BARRIER_LENGTH * (1.02 if rng.random() < 0.6 else 1.6)
    )  # fmt: skip
    for at in np.arange(strip.begin, strip.end, gap):
        town.beside(edge, strip, at, inner, rng.normal(0, 0.04), room=-0.25, clear=-9)
    deep = inner + 0.8, inner + max(strip.layout.front - inner, 4.0) + 8
    _strew(town, strip, "construction_vehicle excavator", int(rng.integers(1, 4)), deep, clear=-9)
    _strew(town, strip, "person person group traffic_sign traffic_cone traffic_drum barrier",
           int(rng.integers(5, 14)), deep, clear=-9)  # fmt: skip
    _strew(town, strip, "soil_heap soil_heap container pallet pipe forklift truck dumpster "
           "pickup_truck log", int(rng.integers(2, 9)), deep, clear=-9)  # fmt: skip


def scaffold(town: Town, side: int, s: float) -> None:
    """Scaffolding before a front."""
    strip = town.strip(side, s - town.rng.uniform(3, 10), s + town.rng.uniform(3, 10))
    d = max(strip.layout.front - town.rng.uniform(0.2, 1.0), 0.9)
    template = town.template("scaffolding")
    for at in np.arange(strip.begin, strip.end, 2.5):
        x, y, heading = town.at(0, side, at, d)
        if town.ground.distance(x, y) > 0.4:
            yaw = heading + np.pi * (side > 0)
            town.scene.put(template, x, y, yaw, solid=False)


def crane(town: Town, side: int, s: float) -> None:
    strip = town.strip(side, -30, 30)
    d = strip.layout.front + town.rng.uniform(2.5, 12)
    town.beside("crane", strip, s, d, town.rng.uniform(0, 6.28), clear=1.5)


def car_park(town: Town, side: int, s: float) -> None:
    """Rows of cars at right angles beside the road, or on both sides of the lane."""
    rng = town.rng
    for left in (-1, 1) if town.layout.kind == "lot" else (side,):
        strip = town.strip(left, s - 40, s + 40)
        first = strip.layout.front + rng.uniform(3, 5)
        slant = rng.choice([np.pi / 2, np.pi / 2, np.pi / 3])
        full = rng.uniform(0.3, 0.9)
        for row in range(int(rng.integers(1, 4))):
            d = first + row * 5.4 + (row // 2) * 6
            for at in np.arange(strip.begin, strip.end, rng.uniform(2.6, 3.1)):
                if rng.random() < full:
                    rare = pick(rng, "van pickup_truck pickup_truck motorcycle trailer truck")
                    name = "car" if rng.random() < 0.85 else rare
                    turn = slant + np.pi * (rng.random() < 0.3) + rng.normal(0, 0.04)
                    town.beside(name, strip, at, d + rng.normal(0, 0.2), turn, clear=2.8)


def trolleys(town: Town, side: int, s: float) -> None:
    """Rows of shopping carts, and some that were left."""
    rng = town.rng
    for left in (-1, 1):
        strip = town.strip(left, -25, 25)
        front = strip.layout.front
        at, d = rng.uniform(-18, 18), front + rng.uniform(0.5, 8)
        turn = rng.uniform(0, 6.28)
        for k in range(int(rng.integers(2, 9))):
            town.beside("shopping cart", strip, at + 0.45 * k * np.cos(turn),
                        d + 0.45 * k * np.sin(turn), turn, room=-0.5)  # fmt: skip
        _strew(town, strip, "shopping_cart person trash_can", 5, (0.5, front + 10))


def median_trees(town: Town, side: int, s: float) -> None:
    """Trees, planters and lamps between the rows of a car park."""
    for left in (-1, 1):
        strip = town.strip(left, -45, 45)
        d = strip.layout.front + 11.5
        for at in np.arange(-40, 41, town.rng.uniform(7, 14)):
            name = pick(town.rng, "young_tree broadleaf planter street_lamp bush")
            town.beside(name, strip, at, d, 0.0)


def square(town: Town, side: int, s: float) -> None:
    """People, benches, tables, bicycles, steps on an open paved place."""
    rng = town.rng
    strip = town.strip(side, -30, 30)
    kerb = strip.layout.kerbline
    _strew(town, strip, "person " * 14 + "bench " * 5 + "table " * 4 + "chair " * 3 + "group " * 3
           + "bicycle dog trash_can stairs bollard bicycle_rack street_lamp young_tree "
           "bicycle kick_scooter planter planter parasol billboard",
           int(rng.integers(12, 45)), (kerb, kerb + 16))  # fmt: skip
    _strew(town, strip, "fountain statue statue kiosk stairs", int(rng.integers(0, 3)),
           (kerb + 3, kerb + 15), square=True, clear=2.0)  # fmt: skip


def cafe(town: Town, side: int, s: float) -> None:
    """Rows of tables, chairs and parasols before a front."""
    rng = town.rng
    strip = town.strip(side, s * 0.7 - 5, s * 0.7 + 5)
    front = strip.layout.front
    for row in range(int(rng.integers(1, 4))):
        for at in np.arange(strip.begin, strip.end, rng.uniform(2.0, 3.2)):
            d = front - 1.2 + 2.2 * row
            name = pick(rng, "parasol parasol table table chair chair planter")
            if town.beside(name, strip, at, max(d, 0.8), rng.uniform(0, 6.28)):
                for _ in range(int(rng.integers(0, 3)) if name != "planter" else 0):
                    town.beside("chair", strip, at + rng.normal(0, 0.7), d + rng.normal(0, 0.7),
                                rng.uniform(0, 6.28), room=-0.1)  # fmt: skip


def market(town: Town, side: int, s: float) -> None:
    """Stalls in rows: tents, parasols, kiosks; goods, and the people between."""
    rng = town.rng
    words = pick(rng, "tent parasol tent") + " kiosk parasol tent"
    step = rng.uniform(3.2, 4.6)
    for left in (side, -side) if rng.random() < 0.5 else (side,):
        strip = town.strip(left, -25, 25)
        kerb = strip.layout.kerbline
        for row in range(int(rng.integers(1, 3))):
            d = kerb + 2.2 + row * rng.uniform(4.5, 6)
            for at in np.arange(strip.begin, strip.end, step):
                if rng.random() < 0.75:
                    name = pick(rng, words)
                    turn = rng.integers(2) * np.pi + rng.normal(0, 0.05)
                    town.beside(name, strip, at, d, turn, clear=1.2)
        _strew(town, strip, "person person person person group table chair pallet trash_can "
               "shopping_cart stroller wheelchair planter van", int(rng.integers(15, 40)),
               (kerb, kerb + 14))  # fmt: skip


def play(town: Town, side: int, s: float) -> None:
    """Swings, slides and benches, in a fence now and then; or a field with goals."""
    rng = town.rng
    strip = town.strip(side, s - 7, s + 7)
    front = strip.layout.front
    _strew(town, strip, "playground", int(rng.integers(1, 5)), (front + 3, front + 11), clear=2)
    _strew(town, strip, "bench person person group trash_can bicycle stroller",
           int(rng.integers(3, 10)), (front + 1, front + 12))  # fmt: skip
    if rng.random() < 0.5:
        town.row("fence", strip, front + 1.0, FENCE_LENGTH)
        town.row("fence", strip, front + 13.0, FENCE_LENGTH)


def pumps(town: Town, side: int, s: float) -> None:
    """A roof on pillars, pumps and cars below it."""
    rng = town.rng
    strip = town.strip(side, s - 14, s + 14)
    d = strip.layout.front + rng.uniform(6, 9)
    x, y, heading = town.at(0, side, s, d)
    if rng.random() < 0.85 and town.ground.distance(x, y) > 3:
        town.scene.put(town.template("canopy"), x, y, heading, solid=False)
    for row in (-2.6, 2.6) if rng.random() < 0.6 else (0.0,):
        for at in np.arange(s - rng.uniform(3, 6), s + 6.1, rng.uniform(3.5, 6)):
            town.beside("fuel pump", strip, at, d + row, 0.0)
            if rng.random() < 0.4:
                name = pick(rng, "car car car van pickup_truck truck motorcycle")
                town.beside(name, strip, at, d + row + rng.choice([-1.9, 1.9]), 0.0)
    _strew(town, strip, "person trash_can bollard traffic_sign tank utility_box", 6,
           (strip.layout.front, d + 8))  # fmt: skip


def yard(town: Town, side: int, s: float) -> None:
    """Containers, pallets, machines and lorries, in line."""
    rng = town.rng
    for left in (-1, 1):
        strip = town.strip(left, -42, 42)
        front = strip.layout.front
        _strew(town, strip, "container container container trailer truck utility_box barrier "
               "pallet pallet pipe forklift dumpster log", int(rng.integers(6, 22)),
               (front + 2, front + 16), square=True, clear=1.0)  # fmt: skip


def tanks(town: Town, side: int, s: float) -> None:
    strip = town.strip(side, s - 12, s + 12)
    front = strip.layout.front
    _strew(town, strip, "tank tank tank pipe", int(town.rng.integers(2, 8)),
           (front + 3, front + 14), square=True, clear=2)  # fmt: skip


def pasture(town: Town, side: int, s: float) -> None:
    """A fence along the road, animals behind it."""
    rng = town.rng
    strip = town.strip(side, -60, 60)
    d = strip.layout.front + rng.uniform(0.3, 2.5)
    town.row("fence", strip, d, FENCE_LENGTH)
    near = town.strip(side, -28, 28)
    animal = pick(rng, "cow cow cow horse horse deer")
    _strew(town, near, f"{animal.replace(' ', '_')} " * 4 + "hay_bale rock",
           int(rng.integers(3, 12)), (d + 1.5, d + 22))  # fmt: skip


def crops(town: Town, side: int, s: float) -> None:
    """Rows of one plant along the road: corn, vines, an orchard."""
    rng = town.rng
    name = pick(rng, "tall_grass tall_grass bush young_tree broadleaf")
    tree = name in ("young tree", "broadleaf")
    step, gap = (rng.uniform(3.5, 6), rng.uniform(4, 7)) if tree else (0.9, rng.uniform(1.2, 2.5))
    scale = rng.uniform(0.5, 0.8) if tree else rng.uniform(0.7, 1.4)
    long = 30 if tree else 14
    strip = town.strip(side, s - long, s + long)
    d = strip.layout.front + rng.uniform(1.5, 6)
    for row in range(int(rng.integers(3, 7))):
        for at in np.arange(strip.begin, strip.end, step):
            town.beside(name, strip, at + rng.normal(0, 0.1), d + row * gap, rng.uniform(0, 6.28),
                        scale=scale, room=-0.4, clear=1.0)  # fmt: skip


def barnyard(town: Town, side: int, s: float) -> None:
    rng = town.rng
    strip = town.strip(side, s - 14, s + 14)
    front = strip.layout.front
    _strew(town, strip, "tractor tractor trailer hay_bale hay_bale hay_bale pallet tank log dog "
           "person pickup_truck horse cow soil_heap", int(rng.integers(5, 14)),
           (front + 1.5, front + 16), clear=1.5)  # fmt: skip


def log_pile(town: Town, side: int, s: float) -> None:
    rng = town.rng
    strip = town.strip(side, s - 9, s + 9)
    d = rng.uniform(1.5, 4)
    for at in np.arange(strip.begin, strip.end, rng.uniform(4, 8)):
        turn = rng.choice([0, np.pi / 2]) + rng.normal(0, 0.05)
        town.beside("log", strip, at, d, turn, clear=0.8)


def heaps(town: Town, side: int, s: float) -> None:
    for left in (-1, 1):
        strip = town.strip(left, -35, 35)
        front = strip.layout.front
        _strew(town, strip, "soil_heap soil_heap soil_heap rock construction_vehicle truck "
               "excavator", int(town.rng.integers(3, 10)), (front + 2, front + 20),
               clear=1.5)  # fmt: skip


def shore(town: Town, side: int, s: float) -> None:
    """What stands and grows beside water."""
    rng = town.rng
    for left in (-1, 1):
        strip = town.strip(left, -25, 25)
        front = strip.layout.front
        _strew(town, strip, "boat bench rock log dog person tall_grass tall_grass tall_grass",
               int(rng.integers(4, 14)), (front + 0.5, front + 6))  # fmt: skip


def quay(town: Town, side: int, s: float) -> None:
    """Boats ashore, bollards at the edge, stacks of containers."""
    rng = town.rng
    for left in (-1, 1):
        strip = town.strip(left, -40, 40)
        front = strip.layout.front
        _strew(town, strip, "boat boat container container pallet crane forklift person bollard "
               "pipe", int(rng.integers(6, 16)), (front + 1, front + 9), square=True,
               clear=1.0)  # fmt: skip
