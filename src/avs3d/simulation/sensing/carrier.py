"""What stands in the sensor's own light: the roof below it, racks, pillars, the one who carries it.

Part of it comes back as points that have no name (`NOTHING`), part of it is cut away by sensors
that know their vehicle.
"""

from __future__ import annotations

import numpy as np

from avs3d.simulation.sensing.returns import Returns
from avs3d.simulation.sensing.sensors import Sensor


def hide_behind_carrier(
    rng: np.random.Generator, found: Returns, rays: np.ndarray, sensor: Sensor, height: float
) -> None:
    """Changes what rays met that end on the carrier.

    Args:
        rays: (N, 3) unit vectors, x along the vehicle, z up.
    """
    if sensor.mount == "front":
        _body(rng, found, rays, rng.uniform(60, 110))
    elif sensor.mount == "free":
        if rng.random() < 0.5:
            _body(rng, found, rays, rng.uniform(110, 168))
    elif height > 1.4:
        _roof(rng, found, rays)
    if rng.random() < (0.1 if sensor.mount == "free" else 0.25):
        for _ in range(rng.integers(1, 5)):
            _post(rng, found, rays)


def _roof(rng: np.random.Generator, found: Returns, rays: np.ndarray) -> None:
    """A flat box below the sensor."""
    below = rng.uniform(0.2, 0.9)
    half = below * rng.uniform((0.5, 0.5), (3.5, 1.8))
    with np.errstate(divide="ignore", invalid="ignore"):
        run = below / np.maximum(-rays[:, 2], 1e-6)
    own = (np.abs(run * rays[:, 0]) < half[0]) & (np.abs(run * rays[:, 1]) < half[1])
    _end(rng, found, np.flatnonzero(own), run[own], 0.3)


def _body(rng: np.random.Generator, found: Returns, rays: np.ndarray, free: float) -> None:
    """Everything more than `free` degrees off ahead is covered."""
    turn = np.degrees(np.arctan2(rays[:, 1], rays[:, 0]))
    own = np.flatnonzero(np.abs(turn + rng.normal(0, 5)) > free)
    away = rng.uniform(0.4, 0.9) / np.maximum(np.hypot(rays[own, 0], rays[own, 1]), 0.1)
    _end(rng, found, own, away, 0.15)  # most cut it off


def _post(rng: np.random.Generator, found: Returns, rays: np.ndarray) -> None:
    """A pillar, mirror, aerial or bar of a rack."""
    turn = np.arctan2(rays[:, 1], rays[:, 0]) - rng.uniform(0, 2 * np.pi)
    off = np.abs(np.mod(turn + np.pi, 2 * np.pi) - np.pi)
    top = np.sin(np.radians(rng.choice([rng.uniform(-20, 5), 90.0])))
    own = np.flatnonzero((off < np.radians(rng.uniform(0.4, 4.0))) & (rays[:, 2] < top))
    away = rng.uniform(0.5, 1.4) / np.maximum(np.hypot(rays[own, 0], rays[own, 1]), 0.1)
    _end(rng, found, own, away, 0.6)


def _end(
    rng: np.random.Generator, found: Returns, own: np.ndarray, away: np.ndarray, shown: float
) -> None:
    """Rays `own` end `away` metres from the sensor; in `shown` of all cases as points."""
    nearer = away < found.range[own]
    own, away = own[nearer], away[nearer]
    if rng.random() < shown:
        found.blame(own, away, rng.uniform(0.03, 0.6), 0.05)
    else:
        found.range[own] = np.inf
