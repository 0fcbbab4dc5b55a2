"""Windows of scans: labels flicker less, and hang on nothing but the scans of the window."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from plyfile import PlyData

from avs3d import Vocabulary, segmenter
from avs3d.encoded import EncodedScan
from avs3d.evaluation.flicker import Seen, flicker
from avs3d.features import PointFeatures
from avs3d.palette import FIXED, steady_palette
from avs3d.published.features import write_features
from avs3d.segmenter import CosineHead, FeatureRows
from avs3d.sequence import Evidence, Remembered, cells_of
from commands import Call
from roots.scene import put, rigid, rows

LATEST = Path("results/latest")


@pytest.fixture(scope="module")
def drive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four scans of a simulated street, and one of another, as SemanticKITTI has them."""
    pytest.importorskip("embreex", reason="simulated streets need the extra `simulation`")
    from avs3d.simulation.world import simulate_drive

    root = tmp_path_factory.mktemp("drive")
    unit = " ".join(map(str, np.eye(4)[:3].ravel()))
    for sequence, count in (("00", 4), ("01", 1)):
        folder, poses = root / "sequences" / sequence, ""
        for number, (scan, pose) in enumerate(simulate_drive(300 + count, count, "vlp-16")):
            content = rows(scan.points, scan.intensity)
            put(folder / "velodyne" / f"{number:06}.bin", content)
            poses += " ".join(map(str, pose[:3].ravel())) + "\n"
        put(folder / "poses.txt", poses)
        put(folder / "calib.txt", "".join(f"P{n}: {unit}\n" for n in range(4)) + f"Tr: {unit}\n")
    return root


def points(folder: Path, name: str) -> tuple[np.ndarray, np.ndarray]:
    """(N, 3) points and (N,) words of a result."""
    with np.load(folder / f"{name}.npz") as result:
        return result["points"], result["vocabulary"][result["label"]]


def flickering(root: Path, folder: Path) -> float:
    """The share of points whose place had another word in the scan before."""
    poses = np.loadtxt(root / "sequences" / "00" / "poses.txt").reshape(-1, 3, 4)
    told = [points(folder, f"00_{number:06}") for number in range(4)]
    changed, count = flicker(Seen(*scan, pose) for scan, pose in zip(told, poses, strict=True))
    return changed / count


def test_labels_flicker_less(drive: Path, call: Call) -> None:
    found = {}
    for window in (1, 4):
        out = f"window{window}"
        done = call("run", drive, "--window", window, "--write", "npz", "--out", out)
        assert done.exit_code == 0, done.stderr
        found[window] = flickering(drive, Path(out, "latest"))
    print(f"flicker {found[1]:.3f}, with a window of 4 {found[4]:.3f}")
    assert found[4] < 0.6 * found[1]
    # One vocabulary: the words of a scan are those of the window, in which its own are.
    alone = json.loads(Path("window1/latest/00_000001.vocabulary.json").read_text())["words"]
    first = json.loads(Path("window1/latest/00_000000.vocabulary.json").read_text())["words"]
    both = json.loads(Path("window4/latest/00_000001.vocabulary.json").read_text())["words"]
    assert set(both) == {*first, *alone} and len(both) > len(alone)
    # Of another street, nothing is known.
    fresh = [Path(f"window{w}/latest/01_000000.vocabulary.json").read_text() for w in (1, 4)]
    assert json.loads(fresh[0])["words"] == json.loads(fresh[1])["words"]
    captions = [Path(f"window{w}/latest/00_000003.captions.json").read_text() for w in (1, 4)]
    assert captions[0] == captions[1]


@pytest.fixture
def own_words(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every scan finds a word that the others find too, and one that no other does."""

    def vocabulary(self: EncodedScan, views: object = None) -> Vocabulary:
        return Vocabulary.from_words(["car", f"sight {int(1000 * self.scan.points[0, 0])}"])

    monkeypatch.setattr(EncodedScan, "vocabulary", vocabulary)


@pytest.fixture
def run(
    call: Call, complete: Path, drive: Path, own_words: None
) -> Callable[..., dict[str, bytes]]:
    """The files of a run with a bundle of random networks."""

    def invoke(*args: object, out: str) -> dict[str, bytes]:
        options = ("-b", complete, "--write", "npz", "--window", 3, "--out", out)
        done = call("run", drive, *options, *args)
        assert done.exit_code in (0, 2), done.stderr
        files = Path(out).rglob("0[01]_*")
        return {path.name: path.read_bytes() for path in files if "latest" not in path.parts}

    return invoke


def test_the_result_does_not_hang_on_where_a_run_began(
    run: Callable[..., dict[str, bytes]], drive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = run(out="whole")
    parts = {name: content for n in (1, 2, 3) for name, content in
             run("--shard", f"{n}/3", out="parts").items()}  # fmt: skip
    assert len(whole) == 5 * 4 and parts == whole
    # Stopped after three scans, gone on in another process: what was remembered is gone.
    from avs3d.results import Results

    before, written = Results.write, []

    def stop(self: Results, *args: object) -> object:
        if len(written) == 3:
            raise KeyboardInterrupt
        written.append(args)
        return before(self, *args)  # type: ignore[arg-type]

    with monkeypatch.context() as patched:
        patched.setattr(Results, "write", stop)
        with pytest.raises(AssertionError, match="interrupted"):
            run(out="stopped")
        assert len(written) == 3
    assert run(out="stopped") == whole


def test_told_features_are_those_of_the_whole_window(
    run: Callable[..., dict[str, bytes]], drive: Path
) -> None:
    for file in drive.rglob("*.bin"):
        count, name = file.stat().st_size // 16, f"{file.parts[-3]}_{file.stem}"
        rng = np.random.default_rng([count, 0])
        told = PointFeatures(rng.normal(size=(count, 384)).astype(np.float16), np.ones(count) > 0)
        put(Path("fused", f"{name}_0.pt"), b"")
        write_features(Path("fused", f"{name}_0.pt"), told, overwrite=True)
    given = ("--features", "fused", "-v", "car, road, tree")
    whole = run(*given, out="whole")
    parts = {name: content for n in (1, 2) for name, content in
             run(*given, "--shard", f"{n}/2", out="parts").items()}  # fmt: skip
    assert whole and parts == whole


def test_a_scan_that_cannot_be_read_is_no_part_of_a_window(
    run: Callable[..., dict[str, bytes]], drive: Path
) -> None:
    path = drive / "sequences/00/velodyne/000001.bin"
    content = path.read_bytes()
    path.write_bytes(b"")
    try:
        whole = run(out="whole")
        parts = run("--shard", "1/2", out="parts") | run("--shard", "2/2", out="parts")
    finally:
        path.write_bytes(content)
    assert len(whole) == 4 * 4 and parts == whole


def test_a_word_has_one_colour_in_all_of_a_run(
    call: Call, complete: Path, drive: Path, own_words: None
) -> None:
    done = call("run", drive, "-b", complete, "--write", "ply,npz")
    assert done.exit_code == 0, done.stderr
    colours: dict[str, set[tuple[int, ...]]] = {}
    for path in LATEST.glob("*.ply"):
        vertices = PlyData.read(str(path))["vertex"]
        _, words = points(LATEST, path.stem)
        rgb = np.stack([vertices[name] for name in ("red", "green", "blue")], 1)
        for word in np.unique(words):
            colours.setdefault(str(word), set()).update(map(tuple, rgb[words == word].tolist()))
    assert len(colours) > 1 and all(len(found) == 1 for found in colours.values())


def test_steady_colours_hang_on_nothing_else() -> None:
    words = ["zebra crossing", "car", "kiosk", "street", "umbrella"]
    found = steady_palette(words)
    assert [steady_palette([word])[0].tolist() for word in words] == found.tolist()
    assert found[1].tolist() == list(FIXED["car"]) and len(np.unique(found, axis=0)) == 5
    assert steady_palette([]).shape == (0, 3)


# The evidence itself

WORDS = torch.eye(2)


def remembered(features: list[list[float]], cells: list[int] | None) -> Remembered:
    rows = FeatureRows(torch.tensor(features), CosineHead(), np.arange(len(features)))
    places = None if cells is None else (np.array(cells),)
    return Remembered(Vocabulary(()), (rows,), places)


def test_evidence_is_of_the_same_place_and_fades() -> None:
    doubtful = [[0.7, 0.71]]  # by itself the second word
    sure, other = [[1.0, 0.0]], [[0.0, 1.0]]

    def label(*before: Remembered, cells: list[int] | None) -> int:
        window = (*before, remembered(doubtful, cells))
        return int(Evidence(window, 4).best(0, WORDS).label[0])

    assert label(cells=[5]) == 1
    assert label(remembered(sure, [5]), cells=[5]) == 0
    assert label(remembered(sure, [6]), cells=[5]) == 1
    assert label(remembered(sure, [5]), cells=None) == label(remembered(sure, None), cells=[5]) == 1
    assert label(remembered(other, [5]), remembered(sure, [5]), cells=[5]) == 0
    assert label(remembered(sure, [5]), remembered(other, [5]), cells=[5]) == 1


def test_evidence_is_the_same_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    words = torch.nn.functional.normalize(torch.randn(9, 5), dim=1)

    def remembered() -> Remembered:
        of_point = np.arange(60)
        rows = FeatureRows(torch.randn(60, 5), CosineHead(), of_point)
        return Remembered(Vocabulary(()), (rows,), (rng.integers(0, 30, 60),))

    evidence = Evidence([remembered() for _ in range(3)], 3)
    whole = evidence.best(0, words)
    monkeypatch.setattr(segmenter, "_VALUES_AT_ONCE", 100)
    parts = evidence.best(0, words)
    np.testing.assert_array_equal(parts.label, whole.label)
    np.testing.assert_allclose(parts.cosine, whole.cosine, atol=1e-6)


def test_a_scan_whose_images_show_nothing_is_no_evidence_of_images() -> None:
    before, now = remembered([[1.0, 0.0]], [5]), remembered([[0.7, 0.71]], [5])
    assert now.cells is not None
    both = replace(now, rows=now.rows * 2, cells=now.cells * 2)
    found = [Evidence([before, both], 4).best(source, WORDS).label[0] for source in (0, 1)]
    assert found == [0, 1]


def test_cells_lie_still_in_the_world() -> None:
    world = np.random.default_rng(0).uniform(-50, 50, (100, 3)).round(1) + 0.05
    poses = [rigid(0, (0, 0, 0)), rigid(1.0, (10, -4, 2)), rigid(-2.0, (-700, 900, 0))]
    cells = [cells_of((world - p[:3, 3]) @ p[:3, :3], p, 0.5) for p in poses]
    assert (cells[0] == cells[1]).all() and (cells[0] == cells[2]).all()
    assert len(np.unique(cells[0])) == len(np.unique(np.floor(world / 0.5), axis=0))


def test_flicker_counts_what_changes() -> None:
    here = np.array([[0.1, 0.1, 0.1], [0.2, 0.1, 0.1], [0.15, 0.1, 0.1], [5.1, 0, 0]])
    before = Seen(here, np.array(["car", "car", "bus", "tree"]), rigid(0, (0, 0, 0)))
    moved = here - (2, 0, 0)
    after = Seen(moved, np.array(["car", "bus", "car", "tree"]), rigid(0, (2, 0, 0)))
    assert flicker([before, after]) == (1, 4)
    assert flicker([before]) == (0, 0)
    assert flicker([Seen(here[:0], before.words[:0], before.pose), after]) == (0, 0)
    assert flicker([before, after._replace(pose=rigid(0, (50, 0, 0)))]) == (0, 0)
