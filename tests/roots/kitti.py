"""SemanticKITTI, and KITTI's object benchmark and raw drives."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from roots.scene import AHEAD, COUNT, LIDAR, car, picture, put, rigid, rows, seen_from

FX = 718.0
SHIFT = 0.54
"""Metres from the first camera to the second."""
LIDAR_TO_CAMERA = AHEAD @ rigid(0.01, (0.27, 0.0, 0.08))
"""(4, 4) from the LiDAR's frame to that of camera 0."""
RAW_LABELS = np.array([0, 10, 40, 50, 70, 252])


def line(name: str, matrix: np.ndarray) -> str:
    return (
        f"{name}: " + " ".join(f"{value:.12e}" for value in np.asarray(matrix).reshape(-1)) + "\n"
    )


def projections() -> str:
    """``P0`` to ``P3``."""
    text = ""
    for number in range(4):
        matrix = np.array(
            [[FX, 0, 607.0, -FX * SHIFT * (number % 2)], [0, FX, 185, 0], [0, 0, 1, 0]]
        )
        text += line(f"P{number}", matrix)
    return text


def points(moment: float) -> bytes:
    """What the LiDAR sees then: x y z and remission."""
    return rows(seen_from(lidar_pose(moment)), np.linspace(0, 1, COUNT))


def lidar_pose(moment: float) -> np.ndarray:
    return rigid(*car(moment)) @ rigid(0, LIDAR)


def labels() -> np.ndarray:
    """(N,) uint32: a class, and the number of an object above it."""
    return (RAW_LABELS[np.arange(COUNT) % len(RAW_LABELS)] | np.arange(COUNT) << 16).astype("<u4")


def write_semantic(root: Path, sequences: tuple[str, ...] = ("00", "08", "11")) -> Path:
    """Three scans a sequence, a tenth of a second apart; the test sequence 11 has no labels."""
    for name in sequences:
        folder = root / "sequences" / name
        put(folder / "calib.txt", projections() + line("Tr", LIDAR_TO_CAMERA[:3]))
        first = lidar_pose(0)
        poses, times = "", ""
        for number in range(3):
            moment = 0.1 * number
            put(folder / "velodyne" / f"{number:06}.bin", points(moment))
            put(folder / "image_2" / f"{number:06}.png", picture(1242, 375, "PNG"))
            if int(name) < 11:
                put(folder / "labels" / f"{number:06}.label", labels().tobytes())
            # Camera 0 now, in the frame of camera 0 at the beginning.
            camera = LIDAR_TO_CAMERA @ np.linalg.inv(first) @ lidar_pose(moment)
            camera = camera @ np.linalg.inv(LIDAR_TO_CAMERA)
            poses += " ".join(f"{value:.9e}" for value in camera[:3].reshape(-1)) + "\n"
            times += f"{moment:.6e}\n"
        put(folder / "poses.txt", poses)
        put(folder / "times.txt", times)
    return root


def write_object(root: Path) -> Path:
    """Two frames of each part."""
    for part in ("training", "testing"):
        for number in range(2):
            stem = f"{number:06}"
            put(root / part / "velodyne" / f"{stem}.bin", points(0))
            put(root / part / "image_2" / f"{stem}.png", picture(kind="PNG"))
            text = projections() + line("R0_rect", np.eye(3))
            text += line("Tr_velo_to_cam", LIDAR_TO_CAMERA[:3]) + line(
                "Tr_imu_to_velo", np.eye(4)[:3]
            )
            put(root / part / "calib" / f"{stem}.txt", text)
            if part == "training":
                box = "Car 0.00 0 -1.57 500 150 600 200 1.5 1.6 3.9 1.0 1.5 20.0 -1.6\n"
                put(root / part / "label_2" / f"{stem}.txt", box)
    return root


IMU_TO_LIDAR = rigid(0.02, (-0.81, 0.32, -0.8))
RAW_START = (49.0, 8.4, 112.0)
"""Latitude and longitude in degrees, and altitude, where the drive begins."""
EARTH = 6_378_137.0


def write_raw(root: Path) -> Path:
    """A drive of three scans, whose IMU goes as the car does, x to the east."""
    date = root / "2011_09_26"
    turn, place = LIDAR_TO_CAMERA[:3, :3], LIDAR_TO_CAMERA[:3, 3]
    told = "calib_time: 15-Mar-2012 11:37:16\n"
    put(date / "calib_velo_to_cam.txt", told + line("R", turn) + line("T", place))
    moved = line("R", IMU_TO_LIDAR[:3, :3]) + line("T", IMU_TO_LIDAR[:3, 3])
    put(date / "calib_imu_to_velo.txt", told + moved)
    text = told + "corner_dist: 9.95e-02\n" + line("R_rect_00", np.eye(3))
    for number in range(4):
        matrix = np.array(
            [[FX, 0, 607.0, -FX * SHIFT * (number % 2)], [0, FX, 185, 0], [0, 0, 1, 0]]
        )
        text += f"S_rect_0{number}: 1.242000e+03 3.750000e+02\n" + line(f"P_rect_0{number}", matrix)
    put(date / "calib_cam_to_cam.txt", text)
    drive = date / "2011_09_26_drive_0001_sync"
    times = ""
    for number in range(3):
        stem, moment = f"{number:010}", 0.1 * number
        world_from_lidar = rigid(*car(moment)) @ np.linalg.inv(IMU_TO_LIDAR)
        seen = seen_from(world_from_lidar)
        put(drive / "velodyne_points" / "data" / f"{stem}.bin", rows(seen, np.zeros(COUNT)))
        put(drive / "image_02" / "data" / f"{stem}.png", picture(kind="PNG"))
        put(drive / "oxts" / "data" / f"{stem}.txt", _oxts(moment))
        times += f"2011-09-26 13:02:25.{100_000_000 * number + 951_199:09}\n"
    put(drive / "velodyne_points" / "timestamps.txt", times)
    return root


def _oxts(moment: float) -> str:
    """On this little way, degrees are as good as straight."""
    yaw, (east, north, up) = car(moment)
    latitude, longitude, altitude = RAW_START
    degree = np.radians(1) * EARTH
    latitude += north / degree
    longitude += east / (degree * np.cos(np.radians(RAW_START[0])))
    values = [latitude, longitude, altitude + up, 0.0, 0.0, yaw, *[0.0] * 24]
    return " ".join(f"{value:.14g}" for value in values) + "\n"
