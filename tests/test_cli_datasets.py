"""`avs3d run` over roots of every dataset: results, the datasets' own formats, what goes wrong.

The formats are read here as their published descriptions have them, not by code of avs3d.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import Result

from avs3d.lock import locked
from commands import Call, lines
from roots import argoverse2, kitti, nuscenes, pandaset, recording, scannet
from roots.scene import COUNT, picture, put

WORDS = "car, road, tree"
OUT = Path("results")
LATEST = OUT / "latest"


def bag(root: Path) -> Path:
    pytest.importorskip("rosbags", reason="recordings need the extra `ros`")
    return recording.write(root.with_suffix(".bag"), {"/p": "velodyne"})


ROOTS: list[tuple[Callable[[Path], Path], str, int]] = [
    (nuscenes.write, "nuscenes", 6),
    (kitti.write_semantic, "semantickitti", 9),
    (kitti.write_object, "kitti", 4),
    (kitti.write_raw, "kitti", 3),
    (scannet.write, "scannet", 3),
    (scannet.write_openscene, "openscene", 2),
    (pandaset.write, "pandaset", 6),
    (argoverse2.write, "argoverse2", 3),
    (bag, "rosbag", 3),
]


@pytest.fixture
def run(call: Call, bundle: Path) -> Callable[..., Result]:
    """`avs3d run` with a small bundle, words that are given, and one file a scan."""

    def invoke(*args: object, words: str = WORDS) -> Result:
        return call("run", *args, "-b", bundle, "-v", words, "--write", "npz")

    return invoke


def record(folder: Path = LATEST) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((folder / "run.json").read_text())
    return content


def contents(folder: Path) -> dict[str, bytes]:
    """All files but `run.json`, by their path."""
    files = [path for path in folder.resolve().rglob("*") if path.is_file()]
    found = {path.relative_to(folder.resolve()).as_posix(): path.read_bytes() for path in files}
    found.pop("run.json", None)
    return found


def told(folder: Path, name: str) -> np.ndarray:
    """(N,) the word of each point, as the result of a scan has it."""
    with np.load(folder / f"{name}.npz") as result:
        words: np.ndarray = result["vocabulary"][result["label"]]
        return words


# What a run leaves


@pytest.mark.parametrize(("write", "kind", "count"), ROOTS)
def test_every_dataset_runs_through(
    tmp_path: Path, run: Callable[..., Result],
    write: Callable[[Path], Path], kind: str, count: int,
) -> None:  # fmt: skip
    root = write(tmp_path / "root")
    done = run(root)
    assert done.exit_code == 0, done.stderr
    assert f"{count} of {count} done; the run: " in done.stdout
    found = record()
    assert found["finished"] and len(found["scans"]) == count and not found["failures"]
    assert found["config"]["selection"]["kind"] == kind
    assert {row["word"] for row in found["words"]} <= {"car", "road", "tree"}
    for name, scan in found["scans"].items():
        assert all((LATEST / output).is_file() for output in scan["outputs"])
        assert len(told(LATEST, name)) == scan["points"]


def test_a_run_has_a_folder_and_goes_on_there(tmp_path: Path, run: Callable[..., Result]) -> None:
    root = kitti.write_object(tmp_path / "root")
    assert run(root).exit_code == 0
    first = LATEST.resolve()
    config = json.loads((first / "config.json").read_text())
    assert config["vocabulary"] == ["car", "road", "tree"]
    assert config["selection"]["root"] == str(root) and config["weights"]
    assert run(root, "--min-score", "0.5").exit_code == 0
    assert LATEST.resolve() != first
    # The first command again goes on with the first folder, though it is not the newest: there is
    # nothing left to do, and nothing is written but the record of the run.
    times = {path: path.stat().st_mtime_ns for path in first.iterdir()}
    again = run(root, "--jobs", "2")
    assert again.exit_code == 0 and again.stdout.count("skipped") == 4
    assert LATEST.resolve() == first and {path for path in first.iterdir()} == times.keys()
    changed = {path.name for path in times if path.stat().st_mtime_ns != times[path]}
    assert changed == {"run.json"}
    assert run(root, "--new").exit_code == 0 and LATEST.resolve() != first
    assert len(list(OUT.glob("2*"))) == 3
    (LATEST / "training_000000.npz").write_bytes(b"mine")
    said = run(root)
    assert said.exit_code == 2
    assert "but was changed since; --new begins anew, in another folder" in said.stderr


def test_scans_can_be_chosen(tmp_path: Path, run: Callable[..., Result]) -> None:
    root = kitti.write_semantic(tmp_path / "root")
    assert run(root, "--match", "0[08]/*", "--every", "2").exit_code == 0
    assert list(record()["scans"]) == ["00_000000", "00_000002", "08_000001"]
    assert "semantickitti has no scans that match 9*" in run(root, "--match", "9*").stderr


def test_shards_put_together_are_the_whole(tmp_path: Path, run: Callable[..., Result]) -> None:
    root = kitti.write_semantic(tmp_path / "root")
    options = ("--predictions", "--match", "0*")
    assert run(root, *options, "--out", "whole").exit_code == 0
    whole = Path("whole/latest")
    joined = OUT / "joined"
    names: list[str] = []
    for number in range(1, 5):
        assert run(root, *options, "--shard", f"{number}/4").exit_code == 0
        part = OUT / f"shard-{number}-of-4" / "latest"
        names += record(part)["scans"]
        shutil.copytree(part, joined, dirs_exist_ok=True)
    assert names == list(record(whole)["scans"])
    assert contents(joined) == contents(whole)
    # The same command without --shard has nothing left to do, and tells of all of them.
    done = run(root, *options)
    assert done.exit_code == 0 and done.stdout.count("skipped") == 6
    assert LATEST.resolve() == joined.resolve()
    for key in ("words", "classes", "finished"):
        assert record()[key] == record(whole)[key]


def test_pictures_and_overlays(tmp_path: Path, run: Callable[..., Result]) -> None:
    root = kitti.write_semantic(tmp_path / "root", ("00",))
    for number in range(3):
        put(root / f"sequences/00/image_2/{number:06}.png", picture(1242, 375, "PNG"))
    assert run(root, "--picture", "--overlay", "--every", "2").exit_code == 0
    for scan in ("00_000000", "00_000002"):
        drawn = {path.name for path in LATEST.glob(f"{scan}*.png")}
        assert drawn == {f"{scan}.png", f"{scan}.image_2.png"}
        assert drawn <= set(record()["scans"][scan]["outputs"])


def test_lines_of_json(tmp_path: Path, run: Callable[..., Result]) -> None:
    done = run(kitti.write_object(tmp_path / "root"), "--json")
    said = [json.loads(line) for line in done.stdout.splitlines()]
    assert [line.get("status") for line in said] == ["done"] * 4 + [None]
    assert said[-1]["summary"] == {"inputs": 4, "done": 4, "skipped": 0, "failed": 0}


# What servers take


def test_nuscenes_lidarseg(tmp_path: Path, run: Callable[..., Result]) -> None:
    root = nuscenes.write(tmp_path / "root")
    options = ("--split", "mini_val", "--sweeps", "3", "--predictions")
    done = run(root, *options, words="car, road, sidewalk, tree")
    assert done.exit_code == 0, done.stderr
    folder = LATEST / "predictions"
    # nuScenes lidarseg challenge: 1 barrier … 4 car … 11 driveable surface, 13 sidewalk,
    # 16 vegetation; a file per key frame, named after its LIDAR_TOP, a byte per point, no 0.
    challenge = {"car": 4, "road": 11, "sidewalk": 13, "tree": 16}
    tables = root / nuscenes.VERSION
    samples = json.loads((tables / "sample_data.json").read_text())
    keys = [row["token"] for row in samples
            if row["is_key_frame"] and "/LIDAR_TOP/" in row["filename"]]  # fmt: skip
    files = {path.name for path in (folder / "lidarseg" / "mini_val").iterdir()}
    assert files == {f"{key}_lidarseg.bin" for key in keys} and len(keys) == 6
    sums, truths = np.zeros((17, 17), int), json.loads((tables / "lidarseg.json").read_text())
    for key in keys:
        ids = np.fromfile(folder / "lidarseg" / "mini_val" / f"{key}_lidarseg.bin", np.uint8)
        assert ids.shape == (COUNT,) and ids.min() >= 1 and ids.max() <= 16
        words = told(LATEST, key)
        assert len(words) > COUNT  # the sweeps, of which none is predicted
        assert ids.tolist() == [challenge[word] for word in words[:COUNT].tolist()]
        (name,) = (row["filename"] for row in truths if row["sample_data_token"] == key)
        truth = np.fromfile(root / name, np.uint8)
        sums[:, 4] += np.bincount(ids[truth == 17], minlength=17)  # 17 is vehicle.car
        sums[:, 0] += np.bincount(ids, minlength=17)
    meta = json.loads((folder / "mini_val" / "submission.json").read_text())["meta"]
    assert meta == {
        "use_camera": False, "use_lidar": True, "use_radar": False, "use_map": False,
        "use_external": True,
    }  # fmt: skip
    # The table of the run says of the classes what the files say.
    classes = {row["class"]: row for row in record()["classes"]}
    assert classes["car"]["points"] == sums[4, 0] and classes["car"]["truth"] == sums[:, 4].sum()
    ignored = sum(
        int((np.fromfile(folder / "lidarseg/mini_val" / f"{key}_lidarseg.bin", np.uint8)
             [np.isin(np.arange(COUNT) % 32, [0, 1, 5, 7, 8, 10, 11, 13, 19, 20, 29, 31])] == 4
             ).sum()) for key in keys
    )  # fmt: skip
    union = sums[4, 0] - ignored + sums[:, 4].sum() - sums[4, 4]
    assert classes["car"]["iou"] == pytest.approx(sums[4, 4] / union)
    assert "drivable surface" in done.stdout and "IoU" in done.stdout and "mean" in done.stdout


def test_semantickitti_predictions(tmp_path: Path, run: Callable[..., Result]) -> None:
    root = kitti.write_semantic(tmp_path / "root")
    assert run(root, "--predictions", words="car, road, tree").exit_code == 0
    # semantic-kitti-api: uint32 a point, the class in the lower 16 bits, in original ids.
    original = {"car": 10, "road": 40, "tree": 70}
    for sequence in ("00", "08", "11"):
        for number in range(3):
            file = f"sequences/{sequence}/predictions/{number:06}.label"
            ids = np.fromfile(LATEST / "predictions" / file, "<u4")
            scan = np.fromfile(root / f"sequences/{sequence}/velodyne/{number:06}.bin", "<f4")
            assert len(ids) == len(scan) // 4 and (ids >> 16 == 0).all()
            words = told(LATEST, f"{sequence}_{number:06}").tolist()
            assert ids.tolist() == [original[word] for word in words]
    names = {path.relative_to(LATEST / "predictions").parts[0] for path in
             (LATEST / "predictions").rglob("*")}  # fmt: skip
    assert names == {"sequences"}


@pytest.mark.parametrize(("classes", "chair"), [(20, 5), (200, 2)])
def test_scannet_txt(tmp_path: Path, run: Callable[..., Result], classes: int, chair: int) -> None:
    root = scannet.write(tmp_path / "root")
    options = ("--option", f"classes={classes}", "--predictions")
    assert run(root, *options, words="wall, floor, chair").exit_code == 0
    # The benchmark's documentation: SCENE.txt, a line a vertex of the mesh, NYU40 ids of the 20
    # classes (5 is chair), or ids of ScanNet200 (2 is chair, 3 is floor there).
    ids = {"wall": 1, "floor": 2 if classes == 20 else 3, "chair": chair}
    for scene in ("scene0000_00", "scene0001_00", "scene0707_00"):
        rows = (LATEST / "predictions" / f"{scene}.txt").read_text().splitlines()
        assert [int(row) for row in rows] == [ids[word] for word in told(LATEST, scene).tolist()]
    assert len(rows) == COUNT


def test_words_that_mean_no_class_give_way(tmp_path: Path, run: Callable[..., Result]) -> None:
    root = kitti.write_semantic(tmp_path / "root", ("00",))
    mapper = tmp_path / "words.json"
    mapper.write_text(json.dumps({"car": "car", "zeppelin": "void"}))
    options = ("--predictions", "--mapper", mapper)
    assert run(root, *options, words="car, zeppelin").exit_code == 0
    words = np.concatenate([told(LATEST, f"00_{number:06}") for number in range(3)])
    assert "zeppelin" in words  # the result has it, the prediction cannot
    files = (LATEST / "predictions").rglob("*.label")
    assert {value for file in files for value in np.fromfile(file, "<u4").tolist()} == {10}
    failed = run(root, *options, words="zeppelin")
    assert failed.exit_code == 2 and len(lines(failed)) > 3
    assert "no word means a class of semantickitti: zeppelin, …; give --vocabulary" in failed.stderr


def test_no_point_of_a_prediction_is_without_a_class(
    tmp_path: Path, run: Callable[..., Result]
) -> None:
    root = kitti.write_semantic(tmp_path / "root", ("00",))
    path = root / "sequences/00/velodyne/000000.bin"
    rows = np.fromfile(path, "<f4").reshape(-1, 4)
    rows[3, 0] = np.nan
    rows.tofile(path)
    assert run(root, "--predictions", "--min-score", "0.99").exit_code == 0
    ids = np.fromfile(LATEST / "predictions/sequences/00/predictions/000000.label", "<u4")
    assert len(ids) == COUNT and set(ids.tolist()) <= {10, 40, 70}


def test_images_that_are_not_used_are_not_missed(
    tmp_path: Path, run: Callable[..., Result]
) -> None:
    root = kitti.write_semantic(tmp_path / "root", ("00",))
    for image in root.rglob("image_2/*"):
        image.unlink()
    done = run(root)
    assert done.exit_code == 0 and "left out" not in done.stderr + done.stdout
    assert all(scan["left_out"] == [] for scan in record()["scans"].values())


def test_evaluate_takes_a_run(tmp_path: Path, run: Callable[..., Result], call: Call) -> None:
    root = kitti.write_semantic(tmp_path / "root", ("00", "08"))
    assert run(root, "--predictions").exit_code == 0
    options = ("--labelset", "semantickitti", "--no-baselines", "--mapper", "minilm")
    done = call("evaluate", LATEST, *options)
    assert done.exit_code == 0, done.stderr
    found = json.loads((LATEST / "evaluation.json").read_text())
    mine = {row["class"]: row["iou"] for row in record()["classes"] if row["truth"]}
    assert mine and found["classes"]
    for row in found["classes"]:
        if row["class"] in mine:
            assert row["iou"] == pytest.approx(mine[row["class"]], abs=1e-4)


# What goes wrong


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--split", "val"], "split val lacks 08"),
        (["--split", "valid"], "no split 'valid' of SemanticKITTI; there are train, val, test"),
        (["--sweeps", "3"], "semantickitti has no option 'sweeps'"),
        (["--dataset", "kiti"], "no dataset 'kiti'; there are kitti"),
        (["--option", "split"], "--option split: give a name and a value"),
        (["--option", "root=x"], "--option root=x: give ROOT and --dataset for these"),
        (["--shard", "1/8"], "--shard 1/8: is empty, for there are 3 scans in all"),
        (["--shard", "3/2"], "--shard 3/2: give the number of this one and of all, such as 2/8"),
        (["--window", "3", "--jobs", "2"], "give --shard, not --jobs"),
        (["--dataset", "folder", "--predictions"], "--predictions: folder has no format of its"),
    ],
)
def test_mistakes_are_one_line(
    tmp_path: Path, run: Callable[..., Result], options: list[str], message: str
) -> None:
    root = kitti.write_semantic(tmp_path / "root", ("00",))
    failed = run(root, *options)
    assert failed.exit_code == 2 and message in failed.stderr and len(lines(failed)) == 1
    assert not OUT.exists()


def test_a_bad_scan_is_listed_and_skipped(tmp_path: Path, run: Callable[..., Result]) -> None:
    root = kitti.write_semantic(tmp_path / "root", ("00",))
    good = [path.read_bytes() for path in sorted((root / "sequences/00/velodyne").iterdir())]
    (root / "sequences/00/velodyne/000000.bin").write_bytes(b"")
    (root / "sequences/00/labels/000001.label").write_bytes(bytes(8))
    done = run(root, "--predictions")
    assert done.exit_code == 2 and "1 of 3 done" in done.stdout
    assert "2 of 3 failed:" in done.stderr
    assert f"has 2 labels for {COUNT} points" in done.stderr
    assert "000000.bin: is empty" in done.stderr
    assert [failure["kind"] for failure in record()["failures"]] == ["input"] * 2
    assert list(record()["scans"]) == ["00_000002"] and record()["finished"]
    # Put right, the same command does what is left.
    (root / "sequences/00/velodyne/000000.bin").write_bytes(good[0])
    (root / "sequences/00/labels/000001.label").unlink()
    done = run(root, "--predictions")
    assert done.exit_code == 0 and done.stdout.count("skipped") == 1
    assert len(record()["scans"]) == 3 and not record()["failures"]


def test_two_runs_do_not_share_a_folder(tmp_path: Path, run: Callable[..., Result]) -> None:
    root = kitti.write_object(tmp_path / "root")
    assert run(root).exit_code == 0
    with locked(LATEST.resolve()):
        second = run(root)
    assert second.exit_code == 2 and "another avs3d writes there" in second.stderr
    assert run(root).exit_code == 0


@pytest.mark.skipif(sys.platform == "win32", reason="RLIMIT_FSIZE")
def test_a_full_disk(tmp_path: Path, run: Callable[..., Result]) -> None:
    import resource

    root = kitti.write_object(tmp_path / "root")
    rows = np.fromfile(root / "training/velodyne/000001.bin", "<f4").reshape(-1, 4)
    np.tile(rows, (200, 1)).tofile(root / "training/velodyne/000001.bin")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, before[1]))
    try:
        done = run(root)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert done.exit_code == 2 and "cannot be written (File too large)" in done.stderr
    assert len(record()["scans"]) == 3
    assert not list(LATEST.glob("training_000001*")) and not list(LATEST.glob(".*"))
    assert run(root).exit_code == 0 and len(record()["scans"]) == 4


@pytest.mark.skipif(sys.platform == "win32", reason="fork and SIGKILL")
def test_killed_at_random_moments_nothing_is_lost_or_twice(bundle: Path, tmp_path: Path) -> None:
    root = kitti.write_semantic(tmp_path / "root", ("00", "08"))
    script = Path(__file__).with_name("killed.py")
    args = [sys.executable, str(script), str(bundle), str(tmp_path / "out"), "8", str(root)]
    done = subprocess.run(
        args, capture_output=True, text=True, check=False, env=os.environ | {"OMP_NUM_THREADS": "1"}
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) >= 3, "else nothing was tried"
    whole, killed = tmp_path / "out-whole", tmp_path / "out"
    assert contents(killed) == contents(whole)
    assert len(list(killed.rglob("*.label"))) == 6
    assert record(killed)["classes"] == record(whole)["classes"]


def test_half_a_prediction_is_taken_away(tmp_path: Path, run: Callable[..., Result]) -> None:
    root = kitti.write_semantic(tmp_path / "root", ("00",))
    assert run(root, "--predictions").exit_code == 0
    before = contents(LATEST)
    folder = LATEST / "predictions/sequences/00/predictions"
    (folder / ".000000.label.999999999-0123abcd.part").write_bytes(b"half")
    assert run(root, "--predictions").exit_code == 0
    assert contents(LATEST) == before


def test_of_two_topics_one_is_asked_for(tmp_path: Path, run: Callable[..., Result]) -> None:
    pytest.importorskip("rosbags", reason="recordings need the extra `ros`")
    path = recording.write(tmp_path / "two.bag", {"/front": "velodyne", "/rear": "big"})
    failed = run(path)
    assert failed.exit_code == 2 and "has several topics of points; choose one" in failed.stderr
    done = run(path, "--option", "topic=/rear")
    assert done.exit_code == 0 and list(record()["scans"])[0] == "rear_000000"
