"""`avs3d prepare` as work that is stopped, taken up again, checked, shared, and goes wrong."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import Result

from avs3d.errors import UserError
from avs3d.prepare import Part, Product, Work, WorkConfig, making
from avs3d.prepare.manifest import Made, Manifest
from avs3d.prepare.scenes import Scenes
from avs3d.published.smap import read_image_features
from avs3d.scan import Scan
from avs3d.selection import Selection
from commands import Call, lines, scan
from published_files import there_and_back
from roots import kitti, nuscenes, scannet
from tiny import make_clip


@pytest.fixture(scope="module")
def mini(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return nuscenes.write(tmp_path_factory.mktemp("nuscenes"))


@pytest.fixture
def own(mini: Path, tmp_path: Path) -> Path:
    """A root to be damaged."""
    return Path(shutil.copytree(mini, tmp_path / "nuscenes"))


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_clip(tmp_path_factory.mktemp("clip"), 24, image_size=32)


def content(folder: Path) -> dict[str, bytes]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def scenes(call: Call, root: object, *args: object, out: str = "out") -> Result:
    return call("prepare", "scenes", root, "--split", "mini_val", "--out", out, *args)


def folder_of(tmp_path: Path, *names: str) -> Path:
    for seed, name in enumerate(names):
        scan(tmp_path / "scans" / f"{name}.bin", seed)
    return tmp_path / "scans"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="forks")
def test_killed_at_any_time_it_comes_to_the_same_bytes(
    mini: Path, clip: Path, tmp_path: Path
) -> None:
    script = Path(__file__).with_name("killed_prepare.py")
    command = [sys.executable, script, mini, clip, tmp_path / "out", "10"]
    done = subprocess.run([*map(str, command)], capture_output=True, text=True, check=True)
    assert int(done.stdout) >= 12, done
    assert content(tmp_path / "out") == content(tmp_path / "out-whole")


def test_processes_make_the_same_bytes_as_one(call: Call, mini: Path, tmp_path: Path) -> None:
    assert scenes(call, mini).exit_code == 0
    assert scenes(call, mini, "--jobs", 2, out="two").exit_code == 0
    assert content(tmp_path / "out") == content(tmp_path / "two")
    told = json.loads((tmp_path / "out" / "scenes-nuscenes-val.manifest.json").read_text())
    assert told["config"]["options"] == {"split": "mini_val"} and told["versions"]["numpy"]
    name = f"val/{nuscenes.lidar_token(1, 0)}/coord.npy"
    size, digest = told["scans"][nuscenes.lidar_token(1, 0)]["files"][name]
    done = subprocess.run(["sha256sum", f"out/{name}"], capture_output=True, text=True)
    assert done.stdout.split()[0] == digest and (tmp_path / "out" / name).stat().st_size == size


def test_what_is_there_is_not_made_again(call: Call, mini: Path, tmp_path: Path) -> None:
    scenes(call, mini, "--every", 2)
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.npy")}
    result = scenes(call, mini)
    assert "3 scans made" in result.stdout and "3 skipped" in result.stdout
    assert all(path.stat().st_mtime_ns == time for path, time in before.items())
    assert content(tmp_path / "out") == content_of_one_go(call, mini, tmp_path)
    gone = next(iter(before))
    gone.unlink()
    assert "1 scans made" in scenes(call, mini).stdout and gone.exists()


def content_of_one_go(call: Call, root: Path, tmp_path: Path) -> dict[str, bytes]:
    assert scenes(call, root, out="whole").exit_code == 0
    return content(tmp_path / "whole")


def test_check_compares_with_the_source(call: Call, own: Path, tmp_path: Path) -> None:
    assert scenes(call, own, "--every", 2).exit_code == 0
    result = scenes(call, own, "--every", 2, "--check")
    assert result.exit_code == 0 and "3 scans checked, as the source says" in result.stdout
    result = scenes(call, own, "--check")
    assert result.exit_code == 2
    assert sum("was not prepared; run the same without" in line for line in lines(result)) == 3
    assert scenes(call, own).exit_code == 0
    before = content(tmp_path / "out")
    first, second, third = sorted(tmp_path.rglob("coord.npy"))[:3]
    changed = bytearray(first.read_bytes())
    changed[-1] ^= 1
    first.write_bytes(changed)
    second.unlink()
    path = next(path for path in own.rglob("*.pcd.bin") if third.parent.name in source(own, path))
    data = bytearray(path.read_bytes())
    data[0] ^= 1
    path.write_bytes(data)
    result = scenes(call, own, "--check", "--jobs", 2)
    assert result.exit_code == 2 and "3 failed" in result.stdout
    said = "\n".join(lines(result))
    for wrong, what in ((first, "was changed since"), (second, "is missing"),
                        (third, "is not what its source gives")):  # fmt: skip
        assert f"{wrong.relative_to(tmp_path)}: {what}" in said
    result = scenes(call, own)  # the changed one is not replaced
    assert "1 scans made" in result.stdout
    result = scenes(call, own, "--overwrite")
    assert result.exit_code == 0 and "6 scans made" in result.stdout
    assert scenes(call, own, "--check").exit_code == 0
    changed_files = {n for n, data in content(tmp_path / "out").items() if data != before[n]}
    assert changed_files == {
        str(third.relative_to(tmp_path / "out")),
        "scenes-nuscenes-val.manifest.json",
    }


def source(root: Path, path: Path) -> str:
    """The token of the data in a file of a root."""
    rows = json.loads((root / nuscenes.VERSION / "sample_data.json").read_text())
    return next(row["token"] for row in rows if root / row["filename"] == path)


def test_shards_are_put_together(call: Call, mini: Path, clip: Path, tmp_path: Path) -> None:
    args = ["smap", mini, "--clip", clip, "--split", "mini_val", "--out"]
    for shard in ("1/2", "2/2"):
        assert call("prepare", *args, "out", "--shard", shard).exit_code == 0
    assert not (tmp_path / "out" / "cached_img_clip_feature_val.pt").exists()
    result = call("prepare", *args, "out")
    assert result.exit_code == 0 and "6 skipped" in result.stdout
    assert len(read_image_features(tmp_path / "out" / "cached_img_clip_feature_val.pt").names) == 36
    call("prepare", *args, "whole")
    found, whole = content(tmp_path / "out"), content(tmp_path / "whole")
    assert found == whole
    assert call("prepare", *args, "out", "--check").exit_code == 0
    (tmp_path / "out" / "cached_img_clip_feature_val.pt").write_bytes(b"")
    result = call("prepare", *args, "out", "--check")
    assert result.exit_code == 2 and "was changed since it was made" in result.stderr


def test_another_config_and_files_of_others_are_kept(
    call: Call, mini: Path, tmp_path: Path
) -> None:
    scenes(call, mini)
    result = scenes(call, mini, "--sweeps", 2)
    assert result.exit_code == 2
    tokens = [nuscenes.lidar_token(scene, sample) for scene in (0, 1) for sample in range(3)]
    assert lines(result) == [
        f"error: out: holds 6 scans, such as {min(tokens)}, that were made otherwise"
        " (options); choose another --out or --name, or make all of them again, with --overwrite"
        " and without --match, --every and --shard"
    ]
    before = content(tmp_path / "out")
    manifest = tmp_path / "out" / "scenes-nuscenes-val.manifest.json"
    manifest.write_text("[]")
    assert "is no record of avs3d; move it away" in scenes(call, mini).stderr
    manifest.unlink()
    other = next(tmp_path.rglob("strength.npy"))
    other.write_bytes(b"mine")
    result = scenes(call, mini)
    assert result.exit_code == 2 and "5 scans made" in result.stdout
    assert f"{other.relative_to(tmp_path)}: is there already, and is another" in result.stderr
    assert other.read_bytes() == b"mine"
    assert scenes(call, mini, "--overwrite").exit_code == 0
    assert content(tmp_path / "out") == before


def test_what_is_wrong_is_named_and_costs_itself(
    call: Call, own: Path, clip: Path, tmp_path: Path
) -> None:
    clouds = sorted((own / "samples" / "LIDAR_TOP").iterdir())
    clouds[0].unlink()
    clouds[1].write_bytes(b"123")
    image = sorted((own / "samples" / "CAM_BACK").iterdir())[4]
    image.write_bytes(image.read_bytes()[:1000])
    args = ["--split", "mini_val,test", "--json"]
    result = call("prepare", "openscene", own, "--out", "out", *args)
    assert result.exit_code == 2
    said = "\n".join(lines(result))
    assert f"{clouds[0]}: no such file" in said and f"error: {clouds[1]}: " in said
    assert "left out: camera back of" in said and str(image) in said
    assert "error: test: " in said and "1 of 2 splits" not in said.partition("error: test")[0]
    summary = [json.loads(line) for line in result.stdout.splitlines()][-1]
    # The third scan of the scene has the other two among its sweeps.
    assert summary["part"] == "val"
    assert summary["summary"] == {"made": 3, "skipped": 0, "failed": 3, "left_out": 1}
    told = json.loads((tmp_path / "out" / "openscene-nuscenes-val.manifest.json").read_text())
    assert len(told["failures"]) == 3
    smap = ["--clip", clip, "--split", "mini_val", "--out", "smap"]
    result = call("prepare", "smap", own, *smap)
    assert result.exit_code == 2 and "3 scans made" in result.stdout  # nor without its image
    names = read_image_features(tmp_path / "smap" / "cached_img_clip_feature_val.pt").names
    assert len(names) == 18


def test_a_scene_that_is_missing_from_a_split(call: Call, tmp_path: Path) -> None:
    root = scannet.write(tmp_path / "scannet")
    (root / "scannetv2_val.txt").write_text("scene0001_00\nscene0568_00\n")
    result = call("prepare", "scenes", root, "--split", "val", "--out", "out")
    assert result.exit_code == 2 and "1 scans made" in result.stdout and "1 failed" in result.stdout
    assert "scene0568_00_vh_clean_2.ply: no such file" in result.stderr


@pytest.mark.parametrize(
    ("args", "complaint"),
    [
        (["openscene", "scans", "--name", "trial"], "OpenScene's folders are train, val, test"),
        (["scenes", "scans"], "scans: folder has no whole split there; give --name"),
        (["scenes", "scans", "--name", "../x"], "give a name of letters and digits"),
        (["scenes", "scans", "--split", "a", "--name", "b"], "folder has no option 'split'"),
        (["scenes", "scans", "--split", "a,b", "--name", "b"], "--name b: is for one split"),
        (["scenes", "scans", "--name", "a", "--match", "x*"], "no scans that match x"),
        (["scenes", "nowhere"], "nowhere: no such file or folder"),
        (["smap", "scans", "--name", "a", "--clip", "no/such/x"], "neither a folder nor a hub id"),
        (["features", "scans", "--name", "a", "--features", "none"], "there is no such folder"),
        (["captions", "scans", "--name", "a", "--image-captioner", "x.yaml"], "x.yaml: no such"),
    ],
)
def test_mistakes_are_said_in_a_line(
    call: Call, tmp_path: Path, args: list[str], complaint: str
) -> None:
    folder_of(tmp_path, "a")
    result = call("prepare", *args, "--out", "out")
    assert result.exit_code == 2 and len(lines(result)) == 1, result.output
    assert complaint in result.stderr


def test_scans_of_which_nothing_can_be_made(call: Call, clip: Path, tmp_path: Path) -> None:
    root = folder_of(tmp_path, "a", "b")
    (root / "b.bin").write_bytes(b"\xff" * 64)
    for what, *args in (("smap", "--clip", clip), ("features", "--features", f"clip:{clip}")):
        result = call("prepare", what, root, "--name", "x", "--out", what, *args, "--option",
                      "columns=4")  # fmt: skip
        assert result.exit_code == 2 and len(lines(result)) == 2
        assert "a: has no cameras" in result.stderr or "a: no camera gives" in result.stderr
        assert "b.bin: has no point with a position" in result.stderr
        assert not list((tmp_path / what).rglob("*.p*t*"))


class Scripted(NamedTuple):
    free: int


def test_room_on_the_disk_is_looked_at(
    call: Call, mini: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    result = scenes(call, mini)
    assert "val: the other 5 scans need about" in result.stdout and "free)" in result.stdout
    with monkeypatch.context() as patch:
        patch.setattr("avs3d.prepare.work.shutil.disk_usage", lambda _: Scripted(10_000))
        result = scenes(call, mini, out="full")
    assert result.exit_code == 2 and len(lines(result)) == 1
    assert "full: the other 5 scans need about 61.4 kB (10 kB free); make room" in result.stderr
    assert len(list((tmp_path / "full").rglob("coord.npy"))) == 1
    assert "5 scans made" in scenes(call, mini, out="full").stdout
    assert content(tmp_path / "full") == content(tmp_path / "out")


def test_a_full_disk_ends_it(
    call: Call, mini: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, made = os.replace, []

    def replace(source: Any, target: Any) -> None:
        if str(target).endswith("strength.npy"):
            made.append(target)
            if len(made) == 3:
                raise OSError(28, "No space left on device")
        real(source, target)

    with monkeypatch.context() as patch:
        patch.setattr(making.os, "replace", replace)
        result = scenes(call, mini)
    assert result.exit_code == 2 and len(lines(result)) == 1 and len(made) == 3
    assert "cannot be written (No space left on device); make room" in result.stderr
    assert "4 scans made" in scenes(call, mini).stdout
    assert content(tmp_path / "out") == content_of_one_go(call, mini, tmp_path)


def test_one_at_a_time(mini: Path, tmp_path: Path) -> None:
    config = WorkConfig(Selection(mini, "nuscenes"), Scenes(), tmp_path / "out", "val")
    with Work(config), pytest.raises(UserError, match="another avs3d writes there"):
        Work(config).__enter__()
    assert content(tmp_path / "out") == {}


class Faulty(Scenes):
    """Has a fault in the second scan."""

    def make(self, scan: Scan, part: Part, folder: Path) -> tuple[str, ...]:
        if scan.name == "00_000001":
            raise ValueError("by design")
        return super().make(scan, part, folder)


def test_a_fault_of_ours_costs_its_scan(tmp_path: Path) -> None:
    root = kitti.write_semantic(tmp_path / "kitti", ("00",))
    product: Product = Faulty()
    config = WorkConfig(Selection(root), product, tmp_path / "out", "train")
    with Work(config) as work:
        assert len(list(work)) == 3
        work.finish()
    assert work.exit_code == 1 and list(work.failures) == ["00_000001"]
    assert list(work.prepared) == ["00_000000", "00_000002"]


FILES = st.dictionaries(st.text(max_size=5), st.tuples(st.integers(0, 99), st.text(max_size=5)))


@there_and_back
@given(st.dictionaries(st.text(max_size=5), FILES, min_size=1, max_size=4), st.data())
def test_a_journal_that_was_broken_off_has_its_whole_lines(
    tmp_path: Path, scans: dict[str, Any], data: st.DataObject
) -> None:
    journal, config = tmp_path / "journal", {"options": {"sweeps": 10}}
    journal.unlink(missing_ok=True)
    one = Manifest(tmp_path / "manifest.json", config)
    one.begin(journal)
    for name, files in scans.items():
        one.add(name, Made(files, ("left out",)), journal)
    whole = journal.read_bytes()
    journal.write_bytes(whole[: data.draw(st.integers(0, len(whole)))])
    two = Manifest(tmp_path / "manifest.json", config)
    two.take(Manifest.of_journal(journal), ())
    two.begin(journal)
    names = list(scans)[: len(two.scans)]
    assert two.scans == {name: one.scans[name] for name in names}
    for name in scans.keys() - two.scans.keys():
        two.add(name, one.scans[name], journal)
    two.write(list(scans), {"what": "test"})
    three = Manifest.read(two.path)
    assert three.scans == one.scans
