"""`avs3d prepare` on a folder in which something was prepared before: what is kept, what is made
again, what is put together."""

from __future__ import annotations

import json
import os
import shutil
import signal
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

from avs3d.cache import MAX_FILES
from avs3d.captioning.image_config import ImageCaptionerConfig
from avs3d.errors import ReadError, UserError
from avs3d.lock import locked
from avs3d.prepare import Part, Product, Work, WorkConfig
from avs3d.prepare.captions import Captions
from avs3d.prepare.features import Features
from avs3d.prepare.smap import Smap
from avs3d.scan import Scan
from avs3d.selection import Selection, Shard
from commands import Call, lines
from tiny_captioners import make_blip

MANIFEST = "means-folder-train.manifest.json"


def root(place: Path, *names: str, seed: int = 0) -> Path:
    place.mkdir()
    for number, name in enumerate(names):
        points = np.random.default_rng([seed, number]).normal(0, 5, (50, 3))
        np.savez(place / f"{name}.npz", points=points.astype(np.float32))
    return place


@pytest.fixture
def four(tmp_path: Path) -> Path:
    return root(tmp_path / "four", "a1", "a2", "b1", "b2")


@dataclass(frozen=True)
class Means(Product):
    """The mean of a scan's points, and one file of all means, as `smap` has it."""

    files: int = 1
    what = "means"

    def told(self) -> dict[str, Any]:
        return {"files": self.files}

    def make(self, scan: Scan, part: Part, folder: Path) -> tuple[str, ...]:
        (folder / "parts").mkdir()
        for number in range(self.files):
            name = f"{scan.name}_{number}" if self.files > 1 else scan.name
            np.save(folder / "parts" / f"{name}.npy", scan.points.mean(0))
        return ()

    def join(self, parts: Mapping[str, list[Path]], part: Part, folder: Path) -> None:
        told = {name: np.load(paths[0]).tolist() for name, paths in parts.items()}
        (folder / "all.json").write_text(json.dumps(told))


class Killed(Means):
    """The system kills who makes the second scan."""

    def make(self, scan: Scan, part: Part, folder: Path) -> tuple[str, ...]:
        if scan.name == "a2":
            os.kill(os.getpid(), signal.SIGKILL)
        return super().make(scan, part, folder)


def prepare(
    root: Path,
    product: Product | None = None,
    match: str | None = None,
    shard: str | None = None,
    finish: bool = True,
    **options: Any,
) -> Work:
    """Prepared beside the root, in ``out``."""
    part = None if shard is None else Shard.parse(shard)
    selection = Selection(root, "folder", {}, match, 1, part)
    out = root.parent / "out"
    with Work(WorkConfig(selection, product or Means(), out, "train", **options)) as work:
        list(work)
        if finish:
            work.finish()
    return work


def joined(tmp_path: Path) -> list[str]:
    return list(json.loads((tmp_path / "out" / "all.json").read_text()))


def recorded(tmp_path: Path) -> list[str]:
    return list(json.loads((tmp_path / "out" / MANIFEST).read_text())["scans"])


def parts(tmp_path: Path) -> list[str]:
    return sorted(path.stem for path in (tmp_path / "out" / "parts").iterdir())


def test_making_some_again_forgets_no_other(four: Path, tmp_path: Path) -> None:
    prepare(four)
    before = (tmp_path / "out" / "all.json").read_bytes()
    work = prepare(four, match="a1", overwrite=True)
    assert list(work.prepared) == ["a1"]
    assert recorded(tmp_path) == joined(tmp_path) == ["a1", "a2", "b1", "b2"]
    assert (tmp_path / "out" / "all.json").read_bytes() == before
    with pytest.raises(UserError, match=r"holds 2 scans, such as b1, that were made otherwise \(f"):
        prepare(four, Means(2), match="a*", overwrite=True)
    assert prepare(four, check=True).exit_code == 0


def test_making_again_that_was_stopped_goes_on(four: Path, tmp_path: Path) -> None:
    prepare(four)
    again = WorkConfig(Selection(four, "folder"), Means(2), tmp_path / "out", "train", 1, True)
    with Work(again) as work:
        next(iter(work))
    assert list(prepare(four, Means(2), overwrite=True).prepared) == ["a2", "b1", "b2"]
    assert "replaced" not in json.loads((tmp_path / "out" / MANIFEST).read_text())
    assert len(prepare(four, Means(2), overwrite=True).prepared) == 4


def test_files_of_another_config_go_when_theirs_are_made_again(four: Path, tmp_path: Path) -> None:
    prepare(four)
    shutil.move(four / "b2.npz", tmp_path / "b2.npz")
    (four / "b2.npz").write_bytes(b"none")
    work = prepare(four, Means(2), overwrite=True)
    assert list(work.failures) == ["b2"]
    assert parts(tmp_path) == ["a1_0", "a1_1", "a2_0", "a2_1", "b1_0", "b1_1", "b2"]
    shutil.move(tmp_path / "b2.npz", four / "b2.npz")
    assert list(prepare(four, Means(2)).prepared) == ["b2"]
    assert parts(tmp_path)[-2:] == ["b2_0", "b2_1"]
    prepare(four, overwrite=True)
    assert parts(tmp_path) == ["a1", "a2", "b1", "b2"]


def test_a_new_file_with_an_old_scans_name_stays(tmp_path: Path) -> None:
    scans = root(tmp_path / "scans", "a", "a_0")
    prepare(scans)
    prepare(scans, Means(2), overwrite=True)
    assert parts(tmp_path) == ["a_0", "a_0_0", "a_0_1", "a_1"]
    assert prepare(scans, Means(2), check=True).exit_code == 0


def test_checking_and_making_again_exclude_each_other(four: Path, tmp_path: Path) -> None:
    prepare(four)
    with pytest.raises(UserError, match="--check makes nothing, and --overwrite makes everything"):
        prepare(four, check=True, overwrite=True)
    assert recorded(tmp_path) == ["a1", "a2", "b1", "b2"]


class Free(NamedTuple):
    free: int


def test_what_is_replaced_needs_no_more_room(four: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    prepare(four)
    monkeypatch.setattr("avs3d.prepare.work.shutil.disk_usage", lambda _: Free(5000))
    assert len(prepare(four, overwrite=True).prepared) == 4
    with pytest.raises(UserError, match="the other 3 scans need about 12.3 kB"):
        prepare(four, Means(2), overwrite=True)


def test_all_is_put_together_whoever_made_it(four: Path, tmp_path: Path) -> None:
    prepare(four, match="a*")
    assert joined(tmp_path) == ["a1", "a2"]
    for shard in ("1/2", "2/2"):
        prepare(four, shard=shard)
    with pytest.raises(UserError, match="all scans together is not what they give; run the same"):
        prepare(four, check=True)
    assert not prepare(four).prepared
    assert joined(tmp_path) == ["a1", "a2", "b1", "b2"]
    assert prepare(four, check=True).exit_code == 0


def test_all_is_put_together_by_the_next_run_when_one_was_stopped(
    four: Path, tmp_path: Path
) -> None:
    prepare(four, match="a*")
    prepare(four, finish=False)
    assert not prepare(four).prepared
    assert joined(tmp_path) == ["a1", "a2", "b1", "b2"]


def test_a_scan_that_is_lost_and_fails_is_left_out_of_all(four: Path, tmp_path: Path) -> None:
    prepare(four)
    (tmp_path / "out" / "parts" / "a1.npy").unlink()
    (four / "a1.npz").write_bytes(b"none")
    assert list(prepare(four).failures) == ["a1"]
    assert joined(tmp_path) == ["a2", "b1", "b2"]
    assert list(prepare(four, check=True).failures) == ["a1"]


def test_a_part_that_is_missing_or_damaged_is_named(tmp_path: Path) -> None:
    part, missing, damaged = Part("folder", None, "train"), tmp_path / "a", tmp_path / "b"
    captions = Captions(ImageCaptionerConfig(model="blip"))
    products: list[Product] = [Smap("clip"), captions]
    for product in products:
        with pytest.raises(ReadError, match="/a: is missing; run the same without --check, --mat"):
            product.join({"a": [missing]}, part, tmp_path)
        for content in (b"", b"{}", b"PK\x03\x04" + bytes(99)):
            damaged.write_bytes(content)
            with pytest.raises(ReadError, match="/b: cannot be read .*; remove it, and run the"):
                product.join({"b": [damaged]}, part, tmp_path)


def test_scans_of_another_root_are_not_taken_for_these(
    four: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    prepare(four)
    monkeypatch.chdir(tmp_path)
    assert prepare(Path("four/")).skipped == 4
    tuesday = root(tmp_path / "tuesday", "a1", "a2", "b1", seed=1)
    otherwise = rf"that were made otherwise \(from {four}\); choose another --out or --name"
    with pytest.raises(UserError, match=f"4 scans, such as a1, {otherwise}"):
        prepare(tuesday)
    with pytest.raises(UserError, match=f"1 scans, such as b2, {otherwise}"):
        prepare(tuesday, overwrite=True)
    assert len(prepare(tuesday, check=True).failures) == 3
    shutil.copytree(four, tmp_path / "copy")
    assert prepare(tmp_path / "copy", check=True).exit_code == 0


def test_a_shard_makes_what_no_other_run_made(four: Path, tmp_path: Path) -> None:
    prepare(four, match="a1")
    assert list(prepare(four, shard="1/2").prepared) == ["a2"]
    assert list(prepare(four, shard="3/4").prepared) == ["b1"]
    assert list(prepare(four, shard="2/2").prepared) == ["b2"]
    assert recorded(tmp_path) == ["a1"]
    assert prepare(four, shard="1/1", check=True).exit_code == 0
    with pytest.raises(UserError, match="holds 1 scans, such as a1, that were made otherwise"):
        prepare(four, Means(2), shard="1/2", overwrite=True)
    assert list(prepare(four, shard="1/2", overwrite=True).prepared) == ["a1", "a2"]
    assert not prepare(four).prepared
    assert recorded(tmp_path) == joined(tmp_path) == ["a1", "a2", "b1", "b2"]
    assert not list((tmp_path / "out").glob("*-of-*"))


@pytest.mark.skipif(sys.platform == "win32", reason="no SIGKILL")
def test_a_worker_that_is_killed_costs_its_scan(four: Path) -> None:
    work = prepare(four, Killed(), jobs=2)
    assert work.exit_code == 2 and len(work.prepared) == 3
    error = str(work.failures["a2"].error)
    assert error.startswith(f"{four / 'a2'}: the process that worked on it was killed; if memory")
    assert list(prepare(four).prepared) == ["a2"]


def test_a_model_is_known_by_what_its_files_hold(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    blip, copy = make_blip(tmp_path / "blip"), tmp_path / "other" / "copy"
    shutil.copytree(blip, copy, copy_function=shutil.copyfile)
    (copy / "README.md").write_text("not of the model")
    makers = [
        Smap,
        lambda place: Features(f"clip:{place}"),
        lambda place: Captions(ImageCaptionerConfig(model=place)),
    ]
    told = [[maker(place).told() for maker in makers] for place in ("blip", "blip/", str(copy))]
    assert told[0] == told[1] == told[2]
    weights = copy / "model.safetensors"
    content = bytearray(weights.read_bytes())
    content[-1] ^= 1
    weights.write_bytes(content)
    assert all(maker(str(copy)).told() != one for maker, one in zip(makers, told[0], strict=True))
    assert Features("maps/", 7).told() == Features(str(tmp_path / "maps"), 7).told()


def test_checking_what_is_not_there_leaves_nothing(call: Call, four: Path, tmp_path: Path) -> None:
    result = call("prepare", "scenes", four, "--name", "train", "--out", "typo", "--check")
    assert result.exit_code == 2
    assert lines(result) == ["error: typo: there is no such folder; give that which was prepared"]
    assert not (tmp_path / "typo").exists()


def test_the_help_says_how_many_answers_are_kept(call: Call) -> None:
    assert f"The {MAX_FILES:,} newest answers" in call("prepare", "captions", "--help").stdout


def test_a_run_that_is_refused_forgets_nothing_of_one_that_was_stopped(four: Path) -> None:
    prepare(four, finish=False)
    for _ in "12":
        with pytest.raises(UserError, match="holds 4 scans, such as a1, that were made otherwise"):
            prepare(four, Means(2))
    assert prepare(four).skipped == 4


def test_files_of_another_config_go_also_of_the_scan_that_it_was_at(
    four: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    move = os.replace

    def stopped(source: Any, target: Path) -> None:
        if target.name == "a1_1.npy":
            raise KeyboardInterrupt
        move(source, target)

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(os, "replace", stopped)
        prepare(four, Means(2))
    assert parts(tmp_path) == ["a1_0"]
    prepare(four)
    assert parts(tmp_path) == ["a1", "a2", "b1", "b2"]
    assert "replaced" not in json.loads((tmp_path / "out" / MANIFEST).read_text())


def test_a_shard_that_was_stopped_is_taken_over(four: Path, tmp_path: Path) -> None:
    prepare(four, shard="1/2", finish=False)
    with pytest.raises(UserError, match="holds 2 scans, such as a1, that were made otherwise"):
        prepare(four, Means(2))
    folder = tmp_path / "out" / ".means-folder-train.1-of-2"
    with locked(folder):  # it is still at work
        assert not prepare(four, match="b*").skipped
    assert folder.exists()
    work = prepare(four)
    assert work.skipped == 4 and joined(tmp_path) == recorded(tmp_path) == ["a1", "a2", "b1", "b2"]
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "all.json",
        MANIFEST,
        "parts",
    ]


def test_old_files_go_also_where_a_shard_made_the_new_ones(four: Path, tmp_path: Path) -> None:
    prepare(four, Means(2))
    again = WorkConfig(Selection(four, "folder"), Means(), tmp_path / "out", "train", 1, True)
    with Work(again):
        pass  # stopped before the first
    prepare(four, shard="1/2")
    assert prepare(four).skipped == 2
    assert parts(tmp_path) == ["a1", "a2", "b1", "b2"]
