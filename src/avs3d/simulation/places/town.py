"""The shapes of one world and the ways to put them: beside a road, in a row, in a field."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from avs3d.simulation.places.ground import SURFACES
from avs3d.simulation.places.layout import Layout, Side
from avs3d.simulation.places.scene import Scene
from avs3d.simulation.shapes.catalogue import HELD_OUT, SHAPES
from avs3d.simulation.shapes.mesh import Template

EXTENT = 78.0
_TALL = ("street lamp", "pole", "traffic light", "billboard", "power line", "bridge", "gantry")


@dataclass(frozen=True)
class Strip:
    """One side of a stretch of road, s from `begin` to `end`."""

    road: int
    side: int  # +1 left, -1 right of +s
    begin: float
    end: float
    layout: Side


class Town:
    """A world while it is being furnished.

    Args:
        rng: draws everything.
        layout: its ground.
        held_out: use the shapes that are kept apart for validation, where there are any.
    """

    def __init__(self, rng: np.random.Generator, layout: Layout, *, held_out: bool = False) -> None:
        self.rng = rng
        self._shapes = {**SHAPES, **HELD_OUT} if held_out else SHAPES
        self.layout = layout
        self.ground = layout.ground
        self.scene = Scene(layout.ground)
        self._pools: dict[str, list[Template]] = {}
        self.covered: tuple[float, float] | None = None  # s of the tunnel

    def template(self, name: str) -> Template:
        """One of this world's shapes of that name; a new one now and then until it has enough."""
        maker, most = self._shapes[name]
        pool = self._pools.setdefault(name, [])
        if len(pool) < most and (not pool or self.rng.random() < 0.6):
            pool.append(maker(self.rng))
            return pool[-1]
        return pool[self.rng.integers(len(pool))]

    def is_road(self, x: float, y: float) -> bool:
        """On a carriageway, and on no island in it."""
        look = self.ground.look(np.array([x], np.float32), np.array([y], np.float32))
        island = SURFACES[look[0][0]] in ("curb", "island") or (
            SURFACES[look[0][0]] == "grass" and self.ground.ruts is None
        )
        return self.ground.distance(x, y) < 0 and not island

    def strip(self, side: int, begin: float, end: float) -> Strip:
        """A stretch of the main road's left (+1) or right (-1)."""
        return Strip(0, side, begin, end, self.layout.sides[0 if side > 0 else 1])

    def at(self, road: int, side: int, s: float, d: float) -> tuple[float, float, float]:
        """x, y and heading of a place d metres outside the carriageway's edge."""
        line = self.ground.roads[road]
        return line.pose(s, side * (line.half + d))

    def strips(self) -> list[Strip]:
        """Both sides of every road of the world."""
        sides, roads = self.layout.sides, self.ground.roads
        found = [self.strip(+1, -EXTENT, EXTENT), self.strip(-1, -EXTENT, EXTENT)]
        for index in range(1, len(roads)):
            begin = roads[0].half + 4
            for end in (+1, -1):
                if roads[index].branch in (0, end):
                    span = (begin, 60.0) if end > 0 else (-60.0, -begin)
                    layout = sides[0 if end > 0 else 1]
                    found += [Strip(index, side, *span, layout) for side in (+1, -1)]
        return found

    def put(self, name: str, x: float, y: float, yaw: float, room: float = 0.0) -> bool:
        """Puts a shape anywhere."""
        return self.scene.put(self.template(name), x, y, yaw, room=room)

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
        if np.isfinite(self.ground.water) and self.is_wet(x, y):
            return False
        if self.covered and name in _TALL and self.covered[0] < s < self.covered[1]:
            return False
        yaw = heading + turn + (np.pi if strip.side > 0 else 0.0)
        return self.scene.put(self.template(name), x, y, yaw, scale=scale, room=room)

    def row(
        self,
        name: str,
        strip: Strip,
        d: float,
        length: float,
        turn: float = 0.0,
        *,
        closed: bool = False,
    ) -> None:
        """Pieces end to end along a strip, with gaps where a road or driveway crosses.

        Args:
            closed: without gaps, following the ground, and in nobody's way.
        """
        if closed:
            template = self.template(name)
            for s in np.arange(strip.begin + length / 2, strip.end, length):
                x, y, heading = self.at(strip.road, strip.side, s, d)
                self.scene.put(template, x, y, heading + turn, solid=False, drape=True)
            return
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
            self.scene.put(template, x, y, heading + turn, room=-0.35, drape=True)

    def scatter(
        self, name: str, count: int, reach: float, clear: float, scale: tuple[float, float]
    ) -> None:
        """Anywhere within reach that is at least `clear` metres off the carriageways.

        Many keep together, a metre or two from the last one.
        """
        x = y = np.inf
        crowd = self.rng.uniform(0.0, 0.8)
        for _ in range(count):
            if np.isfinite(x) and self.rng.random() < crowd:
                x, y = x + self.rng.normal(0, 1.3), y + self.rng.normal(0, 1.3)
            else:
                radius = reach * np.sqrt(self.rng.uniform(0.002, 1))
                turn = self.rng.uniform(0, 2 * np.pi)
                x, y = radius * np.cos(turn), radius * np.sin(turn)
            if self.ground.distance(x, y) > clear and not self.is_wet(x, y):
                yaw = self.rng.uniform(0, 2 * np.pi)
                self.scene.put(self.template(name), x, y, yaw, scale=self.rng.uniform(*scale))

    def is_wet(self, x: float, y: float) -> bool:
        return bool(self.ground.height(np.array([x]), np.array([y]))[0] <= self.ground.water)
