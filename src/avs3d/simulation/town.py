"""The shapes of one world and the ways to put them: beside a road, in a row, in a field."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from avs3d.simulation import barriers, buildings, furniture, heavy, people, plants, vehicles
from avs3d.simulation.ground import SURFACES
from avs3d.simulation.layout import Layout, Side
from avs3d.simulation.mesh import Template
from avs3d.simulation.scene import Scene

Maker = Callable[[np.random.Generator], Template]

# name: how to make one, how many different ones a world has at most
_MAKERS: dict[str, tuple[Maker, int]] = {
    "car": (vehicles.car, 8),
    "van": (vehicles.van, 3),
    "truck": (heavy.truck, 3),
    "bus": (heavy.bus, 2),
    "trailer": (heavy.trailer, 2),
    "train": (heavy.train, 1),
    "construction vehicle": (heavy.construction_vehicle, 3),
    "motorcycle": (vehicles.motorcycle, 3),
    "motorcyclist": (people.motorcyclist, 2),
    "bicycle": (vehicles.bicycle, 3),
    "cyclist": (people.cyclist, 3),
    "person": (people.person, 8),
    "sitting person": (people.sitting_person, 2),
    "scooter rider": (people.scooter_rider, 1),
    "dog": (people.dog, 2),
    "broadleaf": (plants.broadleaf, 5),
    "conifer": (plants.conifer, 3),
    "cypress": (plants.cypress, 2),
    "bare tree": (plants.bare_tree, 3),
    "young tree": (plants.young_tree, 3),
    "palm": (plants.palm, 2),
    "far tree": (plants.far_tree, 4),
    "bush": (plants.bush, 6),
    "hedge": (plants.hedge, 1),
    "tall grass": (plants.tall_grass, 5),
    "rock": (plants.rock, 4),
    "wall": (buildings.wall, 1),
    "bridge": (buildings.bridge, 1),
    "stairs": (buildings.stairs, 2),
    "container": (buildings.container, 3),
    "pole": (furniture.pole, 3),
    "street lamp": (furniture.street_lamp, 2),
    "traffic light": (furniture.traffic_light, 3),
    "traffic sign": (furniture.traffic_sign, 7),
    "gantry": (furniture.gantry, 1),
    "billboard": (furniture.billboard, 3),
    "traffic cone": (furniture.traffic_cone, 2),
    "bollard": (furniture.bollard, 2),
    "bench": (furniture.bench, 2),
    "trash can": (furniture.trash_can, 4),
    "bus stop": (furniture.bus_stop, 1),
    "fire hydrant": (furniture.fire_hydrant, 1),
    "utility box": (furniture.utility_box, 3),
    "bicycle rack": (furniture.bicycle_rack, 1),
    "table": (furniture.table, 2),
    "fence": (barriers.fence, 1),
    "site fence": (barriers.site_fence, 1),
    "guardrail": (barriers.guardrail, 1),
    "barrier": (barriers.barrier, 2),
    "soil heap": (barriers.soil_heap, 2),
}


@dataclass(frozen=True)
class Strip:
    """One side of a stretch of road, s from `begin` to `end`."""

    road: int
    side: int  # +1 left, -1 right of +s
    begin: float
    end: float
    layout: Side


class Town:
    def __init__(self, rng: np.random.Generator, layout: Layout) -> None:
        self.rng = rng
        self.layout = layout
        self.ground = layout.ground
        self.scene = Scene(layout.ground)
        self._pools: dict[str, list[Template]] = {}

    def template(self, name: str) -> Template:
        """One of this world's shapes of that name; a new one now and then until it has enough."""
        maker, most = _MAKERS[name]
        pool = self._pools.setdefault(name, [])
        if len(pool) < most and (not pool or self.rng.random() < 0.6):
            pool.append(maker(self.rng))
            return pool[-1]
        return pool[self.rng.integers(len(pool))]

    def is_road(self, x: float, y: float) -> bool:
        """No island, kerb or lawn."""
        surface = self.ground.look(np.array([x], np.float32), np.array([y], np.float32))[0]
        return SURFACES[surface[0]] == self.ground.carriageway

    def at(self, road: int, side: int, s: float, d: float) -> tuple[float, float, float]:
        """x, y and heading of a place d metres outside the carriageway's edge."""
        line = self.ground.roads[road]
        return line.pose(s, side * (line.half + d))

    def beside(
        self,
        name: str,
        strip: Strip,
        s: float,
        d: float,
        turn: float = 0.0,
        *,
        scale: float = 1.0,
        room: float = 0.0,
        clear: float = 0.15,
    ) -> bool:
        """Puts a shape beside a road, if that is not on another road.

        Args:
            turn: radians from the direction of traffic on this side.
            clear: metres that it must be off any carriageway.
        """
        x, y, heading = self.at(strip.road, strip.side, s, d)
        if self.ground.distance(x, y) < min(clear, d - 0.05):
            return False
        yaw = heading + turn + (np.pi if strip.side > 0 else 0.0)
        return self.scene.put(self.template(name), x, y, yaw, scale=scale, room=room)

    def row(self, name: str, strip: Strip, d: float, length: float, turn: float = 0.0) -> None:
        """Pieces end to end along a strip, with gaps where a road or driveway crosses."""
        gap = self.rng.uniform(-60, 60)
        wide = self.rng.uniform(2, 8)
        template = self.template(name)
        for s in np.arange(strip.begin + length / 2, strip.end, length):
            x, y, heading = self.at(strip.road, strip.side, s, d)
            driveway = any(
                road == strip.road and side == strip.side and abs(s - at) < half + length / 2
                for road, side, at, half in self.ground.drops
            )
            if driveway or abs(s - gap) < wide or self.ground.distance(x, y) < min(0.3, d - 0.1):
                continue
            self.scene.put(template, x, y, heading + turn, room=-0.35)

    def scatter(
        self, name: str, count: int, reach: float, clear: float, scale: tuple[float, float]
    ) -> None:
        """Anywhere within reach that is at least `clear` metres off the carriageways."""
        for _ in range(count):
            radius = reach * np.sqrt(self.rng.uniform(0.002, 1))
            turn = self.rng.uniform(0, 2 * np.pi)
            x, y = radius * np.cos(turn), radius * np.sin(turn)
            if self.ground.distance(x, y) > clear:
                yaw = self.rng.uniform(0, 2 * np.pi)
                self.scene.put(self.template(name), x, y, yaw, scale=self.rng.uniform(*scale))
