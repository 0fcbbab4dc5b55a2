"""What a run takes beside scans: whether they are the same as before, what is told of them."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from avs3d.jobs import BatchConfig, Job, find_jobs
from avs3d.published.features import FeatureSet
from avs3d.published.texts import read_captions, read_vocabularies
from avs3d.selection import Selection
from commands import Call, scan
from roots import nuscenes, recording, scannet
from roots.scene import COUNT, WORLD, put, rows

RECORDINGS: list[tuple[str, dict[str, Any]]] = [
    ("a.bag", {}),
    ("a", {"storage": "mcap"}),
    ("a", {"storage": "sqlite3", "packed": "FILE"}),  # read from a copy
]


def jobs(root: Path, options: dict[str, Any] | None = None, **more: Any) -> tuple[Job, ...]:
    """Those of a run over a dataset, nothing of which is unfound."""
    selection = Selection(root, options=options or {})
    found = find_jobs(BatchConfig((), None, selection=selection, **more))
    assert not found.unfound, found.unfound
    return found.found


def later(path: Path) -> None:
    """As if the file had been written again a second later."""
    moment = path.stat().st_mtime_ns + 10**9
    os.utime(path, ns=(moment, moment))


def test_a_file_of_a_folder_that_is_another_is_no_old_one(tmp_path: Path) -> None:
    for name in ("0.bin", "1.bin"):
        put(tmp_path / name, rows(WORLD, np.ones(COUNT)))
    before = jobs(tmp_path)
    assert jobs(tmp_path) == before and before[0].state is not None
    later(tmp_path / "1.bin")
    assert [a == b for a, b in zip(before, jobs(tmp_path), strict=True)] == [True, False]


@pytest.mark.parametrize(("name", "form"), RECORDINGS)
def test_a_recording_that_is_another_is_no_old_one(
    tmp_path: Path, name: str, form: dict[str, Any]
) -> None:
    path = recording.write(tmp_path / name, {"/p": "velodyne"}, **form)
    before = jobs(path)
    assert jobs(path) == before and all(job.state is not None for job in before)
    for file in [path] if path.is_file() else path.iterdir():
        later(file)
    assert all(a != b for a, b in zip(before, jobs(path), strict=True))


def test_copies_of_a_published_dataset_are_the_same(tmp_path: Path) -> None:
    before = jobs(nuscenes.write(tmp_path))
    for file in tmp_path.rglob("*.bin"):
        later(file)
    assert jobs(tmp_path) == before


def test_a_run_does_not_take_old_results_for_those_of_new_files(
    tmp_path: Path, call: Call, bundle: Path
) -> None:
    path = scan(tmp_path / "scans" / "0.bin")
    command = ("run", path.parent, "-b", bundle, "-v", "car, road", "--write", "npz")
    assert call(*command).exit_code == 0
    assert "skipped" in call(*command).stdout
    scan(path, seed=1, count=801)
    said = call(*command)
    assert said.exit_code == 2
    assert (
        "made with another file of that name; --new begins anew, in another folder" in said.stderr
    )
    assert call(*command, "--new").exit_code == 0


@pytest.mark.parametrize("prefix", ["", "val_"])
def test_what_is_told_of_scenes_is_that_of_openscenes(tmp_path: Path, prefix: str) -> None:
    root = scannet.write_openscene(tmp_path / "openscene") / "scannet_3d"
    name = f"{prefix}scene0011_00"
    (tmp_path / "words.json").write_text(json.dumps({name: ["wall"], "scene0000_00": ["chair"]}))
    (tmp_path / "captions.json").write_text(json.dumps({name: {"top": "A wall."}}))
    put(tmp_path / "fused" / f"{name}_0.pt", b"")
    (job,) = jobs(
        root,
        {"split": "val"},
        vocabulary=read_vocabularies(tmp_path / "words.json"),
        captions=read_captions(tmp_path / "captions.json"),
        features=FeatureSet(tmp_path / "fused"),
    )
    assert job.name == "val_scene0011_00" and job.given.captions == {"top": "A wall."}
    assert job.given.vocabulary is not None and job.given.vocabulary.words == ("wall",)
    assert [file.stem for file in job.given.features] == [f"{name}_0"]


def test_a_scene_of_openscene_that_nothing_is_told_of_is_named(tmp_path: Path) -> None:
    root = scannet.write_openscene(tmp_path / "openscene")
    (tmp_path / "words.json").write_text('{"scene0011_00": ["wall"]}')
    words = read_vocabularies(tmp_path / "words.json")
    found = find_jobs(BatchConfig((), None, vocabulary=words, selection=Selection(root)))
    ((_, error),) = found.unfound
    assert "says nothing of scene0000_00; did you mean scene0011_00?" in str(error)
