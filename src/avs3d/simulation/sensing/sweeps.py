"""Motion: of the sensor while it turns, and of the traffic while sweeps are put together."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from avs3d.simulation.categories import CATEGORIES, CATEGORY_ID
from avs3d.simulation.places.layout import Layout
from avs3d.simulation.places.scene import Solid
from avs3d.simulation.sensing.sensors import Sensor

_WHEELS = ("car", "van", "truck", "bus", "motorcycle", "cyclist", "pickup truck", "tractor",
           "rickshaw", "golf cart")  # fmt: skip
_FEET = ("person", "dog", "stroller", "wheelchair")
_MOST_RAYS = 220_000


@dataclass(frozen=True)
class Motion:
    """How the sensor moves while it scans.

    Attributes:
        speed: metres per second along the road.
        turn: radians per second.
        count: sweeps that are put together into one scan.
        interval: seconds between two of them.
        skew: share of one sweep's own motion that was left in its points.
        drift: metres, standard deviation of each sweep's registration.
    """

    speed: float
    turn: float
    count: int
    interval: float
    skew: float
    drift: float

    def step(self, rays: int) -> int:
        """Every how many-th column of a sweep is needed, so that not too many rays are cast."""
        return max(1, round(self.count * rays / _MOST_RAYS))


def draw_paces(rng: np.random.Generator, layout: Layout) -> np.ndarray:
    """(L,) metres per second of the traffic in each lane; in some it stands."""
    count = len(layout.lanes)
    return rng.uniform(1, 18, count) * (rng.random(count) < 0.75)


def draw_motion(rng: np.random.Generator, sensor: Sensor, pace: float) -> Motion:
    """How this sensor moves, in a lane where the traffic has that pace."""
    slow = sensor.mount == "free"
    walk = rng.uniform(0.3, 2.0) * (rng.random() < 0.75)
    speed = walk if slow else pace  # never into the vehicle behind
    several = rng.random() < (0.3 if sensor.dots else 0.12)
    return Motion(
        speed=speed,
        turn=rng.normal(0, 0.3 if slow else 0.1) * (speed > 0),
        count=int(rng.integers(2, 11)) if several else 1,
        interval=float(rng.choice([0.05, 0.1, 0.1, 0.2])),
        skew=rng.uniform(0.5, 1.0) if rng.random() < 0.08 else 0.0,
        drift=rng.uniform(0, 0.03),
    )


def skew(points: np.ndarray, time: np.ndarray, motion: Motion, ahead: np.ndarray) -> np.ndarray:
    """Points of one sweep as a sensor sees them that does not know that it moves.

    Args:
        points: (N, 3) as seen from the middle of the sweep.
        time: (N,) 0 to 1 in the sweep.
        ahead: (3,) unit vector of the motion, sensor frame.
    """
    late = (time[:, None] - 0.5) * (motion.interval * motion.skew)
    moved = points - late * motion.speed * ahead
    turn = -motion.turn * late[:, 0]
    x, y = moved[:, 0], moved[:, 1]
    moved[:, 0], moved[:, 1] = (
        np.cos(turn) * x - np.sin(turn) * y,
        np.sin(turn) * x + np.cos(turn) * y,
    )
    return moved.astype(np.float32)


def velocities(
    rng: np.random.Generator, layout: Layout, solid: Solid, paces: np.ndarray
) -> np.ndarray:
    """(F, 2) float32 metres per second of every triangle: traffic in the lanes and walkers."""
    count = int(solid.instance.max()) + 1
    middle = np.zeros((count, 2))
    corner = solid.vertices[solid.faces[:, 0]]
    for axis in (0, 1):
        middle[:, axis] = np.bincount(solid.instance, corner[:, axis], count)
    middle /= np.maximum(np.bincount(solid.instance, minlength=count), 1)[:, None]
    kind = np.zeros(count, np.int64)
    kind[solid.instance] = solid.category
    speed = np.zeros((count, 2))
    walks = np.flatnonzero(np.isin(kind, [CATEGORY_ID[name] for name in _FEET]))
    walks = walks[walks >= len(CATEGORIES)]
    turn = rng.uniform(0, 2 * np.pi, len(walks))
    pace = rng.uniform(0.5, 1.8, len(walks)) * (rng.random(len(walks)) < 0.6)
    speed[walks] = pace[:, None] * np.stack([np.cos(turn), np.sin(turn)], 1)
    wheels = np.isin(kind, [CATEGORY_ID[name] for name in _WHEELS])
    _drive(layout, paces, wheels, middle, speed)
    return speed[solid.instance].astype(np.float32)


def _drive(
    layout: Layout,
    paces: np.ndarray,
    wheels: np.ndarray,
    middle: np.ndarray,
    speed: np.ndarray,
) -> None:
    """Sets the speed of what is on wheels and in a lane of the main road."""
    road = layout.ground.roads[0]
    s, t = road.frame(*middle.T)
    for lane, pace in zip(layout.lanes, paces, strict=True):
        there = np.flatnonzero(wheels & (np.abs(t - lane) < 0.9))
        back = np.pi * (lane > 0 and not layout.one_way)
        for index in there:
            heading = road.pose(float(s[index]), lane)[2] + back
            speed[index] = pace * np.cos(heading), pace * np.sin(heading)
