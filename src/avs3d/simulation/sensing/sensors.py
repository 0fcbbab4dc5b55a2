"""The LiDARs that are imitated. Numbers are from the makers' public data sheets, rounded.

How far the rings of an HDL-64E are apart as delivered: Glennie and Lichti, Static Calibration and
Analysis of the Velodyne HDL-64E S2, Remote Sensing 2 (2010), where planes became three times
flatter by a calibration of each laser.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

Range = tuple[float, float]
Mounting = tuple[float, float, float, float]  # x, y in metres, roll, pitch in degrees


@dataclass(frozen=True)
class Sensor:
    """One kind of LiDAR and how it is usually mounted.

    Attributes:
        elevation: (R,) degrees above the horizon of each ring, ring order. A rosette's lines all
            wander between the lowest and the highest.
        step: azimuth step in degrees, drawn between the two for every scan.
        height: metres above the ground, likewise.
        reach: greatest range in metres, likewise.
        noise: standard deviation of the range in metres, likewise.
        bias: the same of what each ring measures too far, always; factories leave some.
        width: of a beam at half its power, radians, likewise.
        scale: full scale of the intensity; whole numbers unless it is 1.
        levels: steps of the intensity between 0 and `scale`.
        gamma, falloff, gain, floor: of the intensity, likewise; below `floor` it is 0.
        tilt: standard deviation of pitch and roll in degrees.
        offsets: (R,) degrees by which each ring looks aside.
        view: degrees from its left to its right edge, for those that do not look all around.
        dots: number of pulses of a rosette, which never draws the same line twice.
        heads: where two of its kind make one sensor: how each is mounted.
        quantum: metres, step of the range.
        mount: "roof" of a vehicle, its "front", or "free": on a robot, a pole, in a hand.
        weight: how often it is drawn, against the others.
        held_out: kept for validation.
    """

    elevation: np.ndarray
    step: Range
    height: Range
    reach: Range
    noise: Range = (0.003, 0.025)
    bias: Range = (0.0, 0.012)
    width: Range = (0.001, 0.004)
    scale: float = 255.0
    levels: int = 255
    gamma: Range = (0.7, 1.2)
    falloff: Range = (0.0, 0.9)
    gain: Range = (0.25, 1.0)
    floor: Range = (0.0, 0.0)
    tilt: float = 1.0
    offsets: np.ndarray | None = None
    view: Range | None = None
    dots: Range | None = None
    heads: tuple[Mounting, ...] = ((0.0, 0.0, 0.0, 0.0),)
    quantum: float = 0.002
    mount: str = "roof"
    weight: float = 1.0
    held_out: bool = False


def _even(low: float, high: float, rings: int) -> np.ndarray:
    return np.linspace(low, high, rings)


def _dense(low: float, high: float, rings: int, middle: float, power: float) -> np.ndarray:
    """Rings that lie closer together the nearer they are to `middle`."""
    u = np.linspace(-1, 1, rings)
    span = np.where(u < 0, middle - low, high - middle)
    return middle + span * np.sign(u) * np.abs(u) ** power


def _hdl64() -> np.ndarray:
    upper = 2.0 - np.arange(32) / 3.0
    lower = -8.83 - 0.5 * np.arange(32)
    return np.concatenate([upper, lower])


def _hdl64_offsets() -> np.ndarray:
    """Two blocks of 32, each with four columns of lasers that look a few degrees apart."""
    column = np.array([-5.0, -2.0, 2.0, 5.0])
    return np.concatenate([np.tile(column, 8), np.tile(column[::-1], 8) * 0.6])


def _vlp32() -> np.ndarray:
    upper = [15.0, 10.3, 7.0, 4.7, 3.3, 2.3, 1.67, 1.33]
    lower = [-4.7, -5.3, -6.1, -7.3, -8.8, -11.3, -15.6, -25.0]
    return np.array(upper + list(1.0 - np.arange(16) / 3) + lower)


def _pandar40() -> np.ndarray:
    top = np.array([15.0, 11.0, 8.0, 5.0, 3.0])
    low = np.array([-7.0, -8.0, -9.0, -10.0, -11.0, -12.0, -13.0, -14.0, -19.0, -25.0])
    return np.concatenate([top, 2.0 - np.arange(25) / 3.0, low])


def _pandar64() -> np.ndarray:
    top = np.array([14.9, 11.0, 8.0, 5.0, 3.0, 2.0])
    dense = 1.83 - np.arange(48) / 6.0
    low = np.array([-7.2, -8.0, -9.0, -10.0, -11.0, -12.0, -13.0, -14.0, -19.0, -25.0])
    return np.concatenate([top, dense, low])


def _pandar128() -> np.ndarray:
    top = 14.5 - 12.5 * np.linspace(0, 1, 25, endpoint=False)
    dense = 2.0 - 0.125 * np.arange(65)
    return np.concatenate([top, dense, -6.5 - 18.5 * np.linspace(0, 1, 38) ** 1.3])


def _vls128() -> np.ndarray:
    top = np.array([15.0, 10.3, 7.0, 5.4, 4.0, 3.5])
    dense = 3.2 - 0.11 * np.arange(84)
    low = -6.2 - 18.8 * np.linspace(0, 1, 38) ** 1.6
    return np.sort(np.concatenate([top, dense, low]))


def _slanted(rings: int, degrees: float, columns: int = 4) -> np.ndarray:
    """Azimuth offsets of sensors whose lasers stand in a few columns."""
    return np.tile(np.linspace(-degrees, degrees, columns), -(-rings // columns))[:rings]


_CAR, _VAN, _ROBOT = (1.5, 2.1), (2.2, 3.0), (0.4, 1.2)
_FADES = (0.6, 1.8)  # those that do not make up for the distance

_ALL_AROUND: dict[str, Sensor] = {
    "kitti-64": Sensor(
        _hdl64(), (0.17, 0.36), (1.6, 1.9), (80, 120), scale=1.0, levels=100, gamma=(0.7, 1.1),
        falloff=(0.0, 0.35), gain=(0.9, 2.0), floor=(0.0, 0.2), offsets=_hdl64_offsets(),
        bias=(0.005, 0.045), weight=15,
    ),
    "nuscenes-32": Sensor(
        _even(-30.67, 10.67, 32), (0.30, 0.36), (1.75, 1.95), (70, 105), gain=(0.12, 0.5),
        falloff=(0.0, 0.8), weight=15,
    ),
    "pandar-64": Sensor(
        _pandar64(), (0.2, 0.4), _CAR, (90, 150), gain=(0.2, 0.8), offsets=_slanted(64, 2.1),
        quantum=0.004, weight=10,
    ),
    "pandar-40": Sensor(
        _pandar40(), (0.2, 0.4), _CAR, (90, 150), gain=(0.2, 0.8), offsets=_slanted(40, 2.5),
        quantum=0.004, weight=3,
    ),
    "pandar-128": Sensor(
        _pandar128(), (0.3, 0.5), (1.6, 2.4), (100, 180), gain=(0.2, 0.8),
        offsets=_slanted(128, 3.3, 8), quantum=0.004, weight=3,
    ),
    "qt-64": Sensor(
        _even(-52.1, 52.1, 64), (0.6, 0.8), (0.6, 2.4), (20, 45), gain=(0.2, 0.8), weight=1,
    ),
    "vlp-16": Sensor(
        _even(-15, 15, 16), (0.18, 0.4), (0.5, 2.2), (70, 100), tilt=1.5, weight=5,
    ),
    "vlp-32": Sensor(
        _vlp32(), (0.17, 0.4), (1.5, 2.3), (90, 180), gain=(0.15, 0.7), offsets=_slanted(32, 4.2),
        quantum=0.004, weight=4,
    ),
    "av2-2x32": Sensor(  # the second is upside down
        np.concatenate([_vlp32(), -_vlp32()]), (0.2, 0.4), _CAR, (90, 180), gain=(0.15, 0.6),
        weight=4,
    ),
    "vls-128": Sensor(_vls128(), (0.4, 0.7), (1.7, 2.5), (90, 180), weight=3),
    "top-64": Sensor(  # rings closer together upwards
        2.4 - 20.0 * np.linspace(0, 1, 64) ** 1.5, (0.2, 0.35), (1.9, 2.3), (70, 80),
        scale=1.0, gain=(0.05, 0.5), falloff=(0.0, 0.6), weight=3,
    ),
    "os1-32": Sensor(
        _even(-22.5, 22.5, 32), (0.18, 0.70), (1.2, 2.4), (70, 110),
        falloff=_FADES, quantum=0.003, weight=1.5,
    ),
    "os1-64-first": Sensor(  # its first generation: in columns, and narrower
        _even(-16.6, 16.6, 64), (0.18, 0.70), (0.8, 2.2), (70, 110), offsets=_slanted(64, 3.2),
        falloff=_FADES, quantum=0.003, weight=3,
    ),
    "os1-64": Sensor(
        _even(-22.5, 22.5, 64), (0.35, 0.70), (1.5, 2.4), (70, 110),
        falloff=_FADES, quantum=0.003, weight=10,
    ),
    "os1-128": Sensor(
        _even(-22.5, 22.5, 128), (0.45, 0.9), (1.5, 2.4), (80, 130), scale=1.0, weight=4,
        falloff=(0.4, 1.6),
    ),
    "os0-64": Sensor(
        _even(-45, 45, 64), (0.35, 0.70), (0.6, 2.2), (30, 55),
        falloff=_FADES, quantum=0.003, weight=1.5,
    ),
    "os0-128": Sensor(
        _even(-45, 45, 128), (0.45, 0.9), (0.6, 2.2), (30, 55), scale=65535.0, levels=65535,
        gain=(0.002, 0.2), falloff=_FADES, quantum=0.003, weight=2,
    ),
    "os2-64": Sensor(
        _even(-11.25, 11.25, 64), (0.2, 0.5), _VAN, (120, 200), falloff=_FADES, quantum=0.003,
        weight=1,
    ),
    "os2-128": Sensor(
        _even(-11.25, 11.25, 128), (0.35, 0.7), _VAN, (120, 200), scale=65535.0, levels=65535,
        gain=(0.002, 0.2), falloff=_FADES, quantum=0.003, weight=1,
    ),
    "ruby-80": Sensor(
        _dense(-25, 15, 80, -2.0, 1.7), (0.25, 0.4), (1.7, 2.6), (100, 180), quantum=0.005,
        offsets=_slanted(80, 6.0), weight=1.5,
    ),
    "wide-32": Sensor(_even(-25, 15, 32), (0.2, 0.4), (1.5, 2.5), (60, 110), scale=1.0, weight=2),
    "wide-16": Sensor(
        _even(-25, 5, 16), (0.1, 0.3), (1.6, 3.0), (60, 120), scale=100.0, levels=100, weight=1,
    ),
    "van-64": Sensor(
        _dense(-25, 15, 64, -3.0, 1.3), (0.2, 0.4), _VAN, (90, 160), scale=100.0, levels=100,
        gain=(0.4, 1.2), weight=1.5,
    ),
    "dual-16": Sensor(
        _even(-15, 15, 16), (0.2, 0.4), (1.5, 2.4), (70, 100), weight=2,
        heads=((0.0, 0.45, -14.0, 0.0), (0.0, -0.45, 14.0, 0.0)),
    ),
    "dual-16-steep": Sensor(  # one level, one that looks down behind
        _even(-15, 15, 16), (0.2, 0.4), (1.2, 2.6), (70, 100), scale=1.0, weight=1,
        heads=((0.2, 0.0, 0.0, 0.0), (-0.3, 0.0, 0.0, 35.0)),
    ),
}  # fmt: skip

_ON_FOOT: dict[str, Sensor] = {  # robots, scooters, backpacks, hands
    "robot-os1-64": Sensor(
        _even(-22.5, 22.5, 64), (0.35, 0.70), (0.6, 1.4), (60, 100), scale=1.0, tilt=2.5,
        mount="free",
        falloff=_FADES, quantum=0.003, weight=8,
    ),
    "robot-16": Sensor(
        _even(-15, 15, 16), (0.18, 0.4), _ROBOT, (60, 100), tilt=2.5, mount="free", weight=2.5,
    ),
    "robot-32": Sensor(
        _even(-30.67, 10.67, 32), (0.16, 0.36), (0.5, 1.4), (60, 100), tilt=2.5, mount="free",
        gain=(0.12, 0.6), weight=1.5,
    ),
    "near-32": Sensor(
        _even(-35, 25, 32), (0.3, 0.8), _ROBOT, (10, 40), noise=(0.015, 0.04), tilt=2.5,
        mount="free", scale=100.0, levels=100, weight=1,
    ),
    "hand-16": Sensor(
        _even(-15, 15, 16), (0.18, 0.4), (0.9, 1.9), (50, 100), tilt=9.0, mount="free", weight=1.5,
    ),
    "hand-128": Sensor(
        _even(-45, 45, 128), (0.6, 1.0), (0.9, 1.9), (30, 60), tilt=9.0, mount="free", weight=1,
        falloff=_FADES, quantum=0.003,
    ),
    "dome-360": Sensor(  # a rosette all around, that looks up more than down
        _even(-7, 52, 4), (0.2, 0.2), (0.4, 1.5), (40, 70), dots=(20_000, 90_000), tilt=4.0,
        mount="free", noise=(0.01, 0.03), weight=2,
    ),
}  # fmt: skip

_AHEAD: dict[str, Sensor] = {  # those that look one way
    "front-16": Sensor(
        _even(-15, 15, 16), (0.18, 0.4), (0.4, 0.9), (70, 100), mount="front", weight=1,
    ),
    "front-32": Sensor(
        _vlp32(), (0.17, 0.4), (0.4, 1.0), (90, 150), mount="front", scale=1.0, weight=1,
    ),
    "raster-120": Sensor(
        _even(-12.5, 12.5, 126), (0.2, 0.3), (0.5, 2.2), (100, 200), view=(118, 120),
        quantum=0.005, weight=2,
    ),
    "raster-60": Sensor(
        _dense(-15, 10, 120, -2.0, 1.4), (0.1, 0.2), (0.5, 2.2), (100, 200), view=(55, 65),
        scale=1.0, weight=1.5,
    ),
    "raster-25": Sensor(
        _even(-7, 7, 100), (0.06, 0.12), (0.5, 2.2), (80, 200), view=(25, 35), weight=0.7,
    ),
    "rosette-82": Sensor(
        _even(-12.5, 12.5, 5), (0.1, 0.1), (0.5, 2.2), (90, 200), view=(80, 82),
        dots=(24_000, 120_000), weight=1,
    ),
    "rosette-70": Sensor(
        _even(-38, 38, 6), (0.1, 0.1), (0.6, 2.0), (90, 200), view=(70, 72),
        dots=(24_000, 120_000), mount="free", tilt=3.0, weight=1.5,
    ),
    "rosette-38": Sensor(
        _even(-19, 19, 2), (0.1, 0.1), (0.6, 2.0), (80, 150), view=(38, 39),
        dots=(15_000, 60_000), weight=0.7,
    ),
}  # fmt: skip

_HELD_OUT: dict[str, Sensor] = {
    "xt-32": Sensor(
        _even(-16, 15, 32), (0.18, 0.36), (0.6, 2.2), (60, 110), gain=(0.2, 0.8), quantum=0.004,
        weight=3,
    ),
    "helios-32": Sensor(
        _dense(-55, 15, 32, -3.0, 2.0), (0.2, 0.4), (1.4, 2.4), (70, 150), quantum=0.005,
        offsets=_slanted(32, 3.0, 2), weight=3,
    ),
    "ruby-128": Sensor(
        _dense(-25, 15, 128, -3.0, 2.0), (0.35, 0.5), (1.6, 2.4), (100, 180), quantum=0.005,
        offsets=_slanted(128, 6.5, 8), weight=3,
    ),
    "raster-100": Sensor(
        _even(-12.7, 12.7, 128), (0.15, 0.25), (0.6, 2.2), (100, 200), view=(90, 104),
        offsets=_slanted(128, 0.4, 2), weight=1,
    ),
}  # fmt: skip

SENSORS: dict[str, Sensor] = {
    **_ALL_AROUND,
    **_ON_FOOT,
    **_AHEAD,
    **{name: replace(sensor, held_out=True) for name, sensor in _HELD_OUT.items()},
}


def draw_sensor(rng: np.random.Generator, *, held_out: bool = False) -> str:
    """A name in `SENSORS`: only those kept for validation, or none of them."""
    names = [name for name, sensor in SENSORS.items() if sensor.held_out == held_out]
    weight = np.array([SENSORS[name].weight for name in names])
    return names[rng.choice(len(names), p=weight / weight.sum())]
