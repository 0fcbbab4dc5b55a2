"""Any byte of any file of a root may be wrong: then something is refused in a line, or nothing."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from avs3d.datasets import open_dataset
from avs3d.errors import UserError
from roots import argoverse2, kitti, nuscenes, pandaset, recording, scannet

Write = Callable[[Path], Path]
_IMAGES = (".jpg", ".png")


def bag(root: Path) -> Path:
    recording.write(root / "a.bag", {"/p": "velodyne"})
    return root


def mcap(root: Path) -> Path:
    return recording.write(root / "a", {"/p": "ouster"})


def sqlite(root: Path) -> Path:
    return recording.write(root / "a", {"/p": "big"}, storage="sqlite3")


ROOTS: list[tuple[Write, str, dict[str, Any], int]] = [
    (nuscenes.write, "nuscenes", {"sweeps": 3}, 40),
    (kitti.write_semantic, "semantickitti", {}, 40),
    (kitti.write_object, "kitti", {}, 20),
    (kitti.write_raw, "kitti", {}, 40),
    (scannet.write, "scannet", {"classes": 200}, 40),
    (scannet.write_openscene, "openscene", {}, 20),
    (pandaset.write, "pandaset", {}, 60),
    (argoverse2.write, "argoverse2", {}, 2),  # three processes a scan
    (bag, "rosbag", {}, 60),
    (mcap, "rosbag", {}, 60),
    (sqlite, "rosbag", {}, 20),
]


def look_at_everything(root: Path, kind: str, options: dict[str, Any]) -> None:
    """As a runner does, which skips what is refused."""
    try:
        dataset = open_dataset(root, kind, **options)
    except UserError as error:
        assert str(error).isprintable()
        return
    calls: list[Callable[[int], Any]] = [
        dataset.key, dataset.timestamp, dataset.pose, dataset.__getitem__
    ]  # fmt: skip
    for index in range(min(len(dataset), 4)):
        for call in calls:
            try:
                call(index)
            except UserError as error:
                assert str(error).isprintable()


@pytest.mark.parametrize(("write", "kind", "options", "count"), ROOTS)
def test_roots(
    tmp_path: Path, write: Write, kind: str, options: dict[str, Any], count: int
) -> None:
    root = write(tmp_path)
    files = sorted(
        path for path in root.rglob("*") if path.is_file() and path.suffix not in _IMAGES
    )

    @settings(max_examples=count, database=None)
    @given(st.sampled_from(files), st.floats(0, 1), st.none() | st.binary(min_size=1, max_size=4))
    def damage(path: Path, place: float, wrong: bytes | None) -> None:
        content = path.read_bytes()
        at = int(place * len(content))
        path.write_bytes(content[:at] + (wrong + content[at + len(wrong) :] if wrong else b""))
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("error", RuntimeWarning)
                look_at_everything(root, kind, options)
        finally:
            path.write_bytes(content)

    damage()
