"""Where the pulses of one sweep go: rings around, rasters ahead, rosettes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from avs3d.simulation.sensing.sensors import Sensor

_GOLDEN = (1 + 5**0.5) / 2


@dataclass(frozen=True)
class Beams:
    """Rays of one sweep, row by row of rings, each row in the order of firing.

    Attributes:
        rays: (R * A, 3) float32 unit vectors, sensor frame.
        ring: (R * A,) int32.
        time: (R * A,) float32, 0 at the sweep's begin, 1 at its end.
        rings, columns: R, A.
    """

    rays: np.ndarray
    ring: np.ndarray
    time: np.ndarray
    rings: int
    columns: int

    def thin(self, step: int, first: int) -> Beams:
        """Every `step`-th column, from number `first` on."""

        def part(values: np.ndarray) -> np.ndarray:
            grid = values.reshape(self.rings, self.columns, *values.shape[1:])[:, first::step]
            return np.ascontiguousarray(grid).reshape(-1, *values.shape[1:])

        columns = len(range(first, self.columns, step))
        return Beams(part(self.rays), part(self.ring), part(self.time), self.rings, columns)


def draw_beams(rng: np.random.Generator, sensor: Sensor) -> Beams:
    up, azimuth, time = _rosette(rng, sensor) if sensor.dots else _rings(rng, sensor)
    rays = np.stack([np.cos(up) * np.cos(azimuth), np.cos(up) * np.sin(azimuth), np.sin(up)], -1)
    rings, columns = azimuth.shape
    ring = np.repeat(np.arange(rings, dtype=np.int32), columns)
    time = np.broadcast_to(time, azimuth.shape).astype(np.float32).ravel()
    return Beams(rays.reshape(-1, 3).astype(np.float32), ring, time, rings, columns)


def _rings(rng: np.random.Generator, sensor: Sensor) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Elevation, azimuth (R, A) in radians and time of spinning sensors and rasters."""
    rings = len(sensor.elevation)
    around = rng.uniform(*sensor.view) if sensor.view else 360.0
    columns = int(around / rng.uniform(*sensor.step))
    elevation = np.radians(sensor.elevation + rng.normal(0, 0.02, rings))
    shift = rng.uniform(0, 1, rings) * (rng.random() < 0.6)  # rings fire one after another
    place = (np.arange(columns) + shift[:, None]) / columns
    if sensor.offsets is not None and rng.random() < 0.7:  # others correct them beforehand
        place = place + sensor.offsets[:, None] / around
    azimuth = np.radians(around) * place
    up = np.broadcast_to(elevation[:, None], azimuth.shape)
    if sensor.view:
        azimuth = azimuth - np.radians(around) / 2
        up = up + rng.normal(0, 0.03) * azimuth**2  # a mirror bends the lines
    return up, azimuth, np.arange(columns) / columns


def _rosette(rng: np.random.Generator, sensor: Sensor) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The same of sensors whose two prisms or mirrors turn at rates that never fit."""
    assert sensor.dots
    lines = len(sensor.elevation)
    columns = int(rng.uniform(*sensor.dots)) // lines
    time = np.arange(columns) / columns
    fast = rng.uniform(35, 70) * columns * lines / 24_000  # turns in the whole sweep
    phase = 2 * np.pi * (fast * time + np.arange(lines)[:, None] / lines + rng.random())
    slow = 2 * np.pi * (fast * _GOLDEN * 0.13 * time + rng.random())
    low, high = np.radians([sensor.elevation.min(), sensor.elevation.max()])
    middle, half = (low + high) / 2, (high - low) / 2
    if sensor.view is None:  # spins slowly while it nods
        return middle + half * np.sin(phase * 1.7), np.mod(phase * 0.37, 2 * np.pi), time
    wide = np.radians(rng.uniform(*sensor.view)) / 2
    if half < 0.5 * wide:  # flat: two turning prisms draw eights
        return middle + half * np.sin(phase + slow), wide * np.sin(0.7 * phase - slow), time
    radius = np.sin(phase)
    return middle + half * radius * np.sin(slow), wide * radius * np.cos(slow), time
