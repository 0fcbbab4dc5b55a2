"""The LiDARs that are imitated. Numbers are from the makers' public data sheets, rounded."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

Range = tuple[float, float]


@dataclass(frozen=True)
class Sensor:
    """One kind of LiDAR and how it is usually mounted.

    Attributes:
        elevation: (R,) degrees above the horizon of each ring, ring order.
        step: azimuth step in degrees, drawn between the two for every scan.
        height: metres above the ground, likewise.
        reach: greatest range in metres, likewise.
        noise: standard deviation of the range in metres, likewise.
        scale: full scale of the intensity: 1 or 255 (then whole numbers).
        gamma, falloff, gain: of the intensity, likewise.
        tilt: standard deviation of pitch and roll in degrees.
    """

    elevation: np.ndarray
    step: Range
    height: Range
    reach: Range
    noise: Range = (0.008, 0.025)
    scale: float = 255.0
    gamma: Range = (0.7, 1.2)
    falloff: Range = (0.0, 0.9)
    gain: Range = (0.25, 1.0)
    tilt: float = 1.0


def _even(low: float, high: float, rings: int) -> np.ndarray:
    return np.linspace(low, high, rings)


def _hdl64() -> np.ndarray:
    upper = 2.0 - np.arange(32) / 3.0
    lower = -8.83 - 0.5 * np.arange(32)
    return np.concatenate([upper, lower])


def _pandar64() -> np.ndarray:
    top = np.array([14.9, 11.0, 8.0, 5.0, 3.0, 2.0])
    dense = 1.83 - np.arange(48) / 6.0
    low = np.array([-7.2, -8.0, -9.0, -10.0, -11.0, -12.0, -13.0, -14.0, -19.0, -25.0])
    return np.concatenate([top, dense, low])


def _vls128() -> np.ndarray:
    top = np.array([15.0, 10.3, 7.0, 5.4, 4.0, 3.5])
    dense = 3.2 - 0.11 * np.arange(84)
    low = -6.2 - 18.8 * np.linspace(0, 1, 38) ** 1.6
    return np.sort(np.concatenate([top, dense, low]))


def _two_vlp32() -> np.ndarray:
    upper = [15.0, 10.3, 7.0, 4.7, 3.3, 2.3, 1.67, 1.33]
    one = np.array(upper + list(1.0 - np.arange(16) / 3) + [-4.7, -5.3, -6.1, -7.3, -8.8, -11.3,
                   -15.6, -25.0])  # fmt: skip
    return np.concatenate([one, one - 0.55])  # the second, turned upside down, interleaves


SENSORS: dict[str, Sensor] = {
    "kitti-64": Sensor(
        _hdl64(), (0.17, 0.36), (1.6, 1.9), (80, 120), scale=1.0, gamma=(0.8, 1.2),
        falloff=(0.0, 0.35), gain=(0.8, 1.8),
    ),
    "nuscenes-32": Sensor(
        _even(-30.67, 10.67, 32), (0.30, 0.36), (1.75, 1.95), (70, 105), gain=(0.12, 0.5),
        falloff=(0.0, 0.8),
    ),
    "vlp-16": Sensor(_even(-15, 15, 16), (0.18, 0.4), (0.5, 2.2), (70, 100), tilt=1.5),
    "os1-64": Sensor(
        _even(-22.5, 22.5, 64), (0.35, 0.70), (1.5, 2.4), (70, 110), falloff=(0.6, 1.8),
    ),
    "os1-128": Sensor(
        _even(-22.5, 22.5, 128), (0.45, 0.9), (1.5, 2.4), (80, 120), falloff=(0.4, 1.6), scale=1.0,
    ),
    "pandar-64": Sensor(
        _pandar64(), (0.2, 0.4), (1.5, 2.1), (90, 120), gain=(0.2, 0.8),
    ),
    "vls-128": Sensor(_vls128(), (0.4, 0.7), (1.7, 2.5), (90, 120)),
    "av2-2x32": Sensor(_two_vlp32(), (0.2, 0.4), (1.5, 1.9), (90, 120), gain=(0.15, 0.6)),
    "robot-os1-64": Sensor(
        _even(-22.5, 22.5, 64), (0.35, 0.70), (0.7, 1.4), (60, 100), scale=1.0, tilt=2.5,
        falloff=(0.6, 1.8),
    ),
    "wide-32": Sensor(_even(-25, 15, 32), (0.2, 0.4), (1.5, 2.5), (60, 110), scale=1.0),
}  # fmt: skip
