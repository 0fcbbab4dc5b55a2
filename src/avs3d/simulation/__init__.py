"""Procedural outdoor worlds scanned by a simulated LiDAR: the packaged bundle's training data.

>>> from avs3d.simulation import simulate
>>> scan = simulate(7, sensor="vlp-16")
>>> scan.points.shape[1]
3
"""

from __future__ import annotations

from avs3d.simulation.categories import CATEGORIES, CATEGORY_ID
from avs3d.simulation.sensing.sensors import SENSORS, Sensor
from avs3d.simulation.world import SimulatedScan, simulate, simulate_many

__all__ = [
    "CATEGORIES",
    "CATEGORY_ID",
    "SENSORS",
    "Sensor",
    "SimulatedScan",
    "simulate",
    "simulate_many",
]
