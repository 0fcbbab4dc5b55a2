"""What makes a place that place, and what is seldom seen: both near the sensor."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from avs3d.simulation.places import fronts, sites, ways
from avs3d.simulation.places.sides import pick
from avs3d.simulation.places.town import Town

SITES: dict[str, Callable[[Town, int, float], None]] = {
    "arcade": fronts.arcades, "towers": fronts.towers, "square": sites.square,
    "scaffold": sites.scaffold, "car park": sites.car_park, "cafe": sites.cafe, "play": sites.play,
    "power line": ways.power_line, "lake": sites.shore, "market": sites.market,
    "pumps": sites.pumps, "trolleys": sites.trolleys, "median trees": sites.median_trees,
    "gantry": ways.gantry, "overpass": ways.overpass, "noise wall": ways.noise_wall,
    "tunnel": ways.tunnel, "deck": ways.deck, "building site": sites.building_site,
    "crane": sites.crane, "yard": sites.yard, "rails": ways.rails, "train": ways.rails,
    "tanks": sites.tanks, "level crossing": ways.level_crossing, "tram": ways.tram,
    "wires": ways.wires, "pasture": sites.pasture, "barnyard": sites.barnyard,
    "log pile": sites.log_pile, "barrier row": sites.barrier_row, "heaps": sites.heaps,
    "shore": sites.shore, "quay": sites.quay, "signals": ways.signals, "crops": sites.crops,
}  # fmt: skip

_BESIDE = (
    "person person person cyclist cyclist bicycle bicycle bicycle motorcycle motorcycle dog "
    "motorcyclist traffic_sign traffic_sign traffic_light traffic_light street_lamp pole pole "
    "traffic_cone barrier trash_can bench bench bench fire_hydrant utility_box bicycle_rack "
    "bollard billboard bus_stop table stairs container rock hedge fence sitting_person"
)
_ANY = (
    "pickup_truck tractor crane excavator forklift golf_cart rickshaw boat wheelchair stroller "
    "kick_scooter shopping_cart horse cow deer group gate scaffolding playground fountain statue "
    "tent kiosk tank parking_meter traffic_drum mailbox dumpster phone_booth planter parasol chair "
    "fuel_pump pallet pipe log hay_bale low_branch_tree leaning_tree dead_tree fern stairs "
    "container trailer construction_vehicle train bus truck"
)
_ON_ROAD = (
    "truck truck bus bus construction_vehicle trailer motorcyclist cyclist van pickup_truck "
    "traffic_cone scooter_rider tractor rickshaw golf_cart person traffic_drum excavator forklift"
)
_BIG = (
    "tractor crane excavator boat scaffolding playground fountain tent kiosk tank pallet pipe log "
    "hay_bale container trailer truck bus construction_vehicle stairs hedge fence parasol "
    "fuel_pump pickup_truck low_branch_tree leaning_tree dead_tree train statue forklift table"
)
_LARGE = frozenset(word.replace("_", " ") for word in _BIG.split())


def add_specials(town: Town) -> None:
    for name, (side, s) in town.layout.sites.items():
        if name in SITES:
            SITES[name](town, side, s)
    fronts.build_houses(town)
    for island in town.layout.islands[1:2]:
        ways.furnish_island(town, island.centre, island.half)


def add_rare(town: Town) -> None:
    """Things that are seldom seen, near the sensor in most worlds, where they may well be."""
    rng, place = town.rng, town.layout.place
    calm = place.furniture < 0.25
    for _ in range(rng.integers(1, 4) if calm else rng.integers(4, 11)):
        _near(town, pick(rng, _BESIDE))
    if place.near:
        for _ in range(rng.integers(4, 9)):
            _near(town, pick(rng, place.near))
    for _ in range(rng.integers(1, 4)):
        _near(town, pick(rng, _ANY))
    for _ in range(rng.integers(0, 4)):
        name = pick(rng, place.vehicles if place.vehicles and rng.random() < 0.4 else _ON_ROAD)
        t = town.layout.lanes[rng.integers(len(town.layout.lanes))]
        s = rng.choice([-1, 1]) * rng.uniform(5, 25)
        x, y, heading = town.ground.roads[0].pose(s, t + rng.normal(0, 0.4))
        yaw = heading + (np.pi if t > 0 else 0.0) + rng.normal(0, 0.05)
        if name in ("person", "scooter rider"):
            yaw += np.pi / 2
        town.put(name, x, y, yaw, room=0.1)


def _near(town: Town, name: str) -> None:
    """One thing within 22 m along the road, large ones behind the front."""
    rng, place = town.rng, town.layout.place
    strip = town.strip(int(rng.choice([-1, 1])), -25, 25)
    side = strip.layout
    s = rng.choice([-1, 1]) * rng.uniform(1, 22)
    d = rng.uniform(side.kerbline, max(side.front, side.kerbline + 0.5) + 1.0)
    turn = rng.choice([0, np.pi / 2, np.pi, -np.pi / 2]) + rng.normal(0, 0.2)
    deck = town.layout.kind in ("bridge", "tunnel")
    if name in ("traffic sign", "traffic light"):
        turn, d = np.pi + rng.normal(0, 0.1), side.kerbline
    elif name in _LARGE and not deck:
        tight = place.houses and place.setback[0] < 2
        d = side.front + (rng.uniform(-2, 0.5) if tight else rng.uniform(0.3, 6))
    clear = 0.15
    if name in _LARGE:
        clear = min(2.0, 0.5 * float(np.ptp(town.template(name).vertices[:, :2], axis=0).min()))
        d = max(d, clear + 0.1)
    if deck:
        d = min(d, side.front - 0.5)
    town.beside(name, strip, s, max(d, 0.3), turn, clear=clear)
