"""The pipeline as programs use it: in threads, beside others, and with mistakes."""

from __future__ import annotations

import copy
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

import avs3d
from avs3d.bundle import Bundle
from avs3d.errors import UserError
from avs3d.features import PointFeatures
from avs3d.pipeline import Pipeline
from avs3d.scan import Camera, Scan
from avs3d.vocabulary import Vocabulary

WORDS = Vocabulary.from_words(["car", "road", "tree", "building"])


@pytest.fixture(scope="module")
def pipeline(complete: Path) -> Pipeline:
    return avs3d.load(complete)


@pytest.fixture(scope="module")
def scan() -> Scan:
    rng = np.random.default_rng(0)
    return Scan(rng.uniform(-20, 20, (4000, 3)) * [1, 1, 0.1], rng.random(4000))


def test_two_threads_may_load_its_parts_at_once(complete: Path, tmp_path: Path) -> None:
    """In a process of its own, that has not loaded any yet."""
    script = f"""
import threading, numpy as np, avs3d
m = avs3d.load({str(complete)!r})
e = m.encode(avs3d.Scan(np.random.default_rng(0).uniform(-20, 20, (500, 3))))
failed = []
def ask(what):
    try:
        what()
    except avs3d.UserError as error:
        assert "no words" in str(error)  # of random weights
    except BaseException as error:
        failed.append(repr(error))
ways = lambda: m.text, e.captions, lambda: m.captioner, lambda: m.words(("car",))
threads = [threading.Thread(target=ask, args=(way,)) for way in ways]
[t.start() for t in threads]
[t.join() for t in threads]
assert not failed, failed
"""
    said = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert said.returncode == 0, said.stderr


def test_two_pipelines_of_one_bundle_do_not_disturb_each_other(complete: Path, scan: Scan) -> None:
    bundle = Bundle.load(complete)
    first = Pipeline(bundle, "cpu")
    assert first.bundle is bundle
    before = first.segment(scan, WORDS)
    moved = bundle.on(torch.device("meta"))
    assert moved.network.final.kernel.device.type == "meta"
    assert bundle.network.final.kernel.device.type == "cpu"
    np.testing.assert_array_equal(first.segment(scan, WORDS).label, before.label)


def test_autocast_and_defaults_of_the_process_change_nothing(complete: Path, scan: Scan) -> None:
    before = avs3d.load(complete).segment(scan, WORDS)
    torch.set_default_dtype(torch.float64)
    try:
        pipeline = avs3d.load(complete)
        found = pipeline.segment(scan, WORDS)
    finally:
        torch.set_default_dtype(torch.float32)
    np.testing.assert_array_equal(found.label, before.label)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = pipeline.segment(scan, WORDS)
        pipeline.encode(scan).captions()
    np.testing.assert_array_equal(found.label, before.label)
    np.testing.assert_array_equal(found.score, before.score)


def test_a_default_device_is_not_that_of_the_scan(complete: Path, scan: Scan) -> None:
    pipeline = avs3d.load(complete)
    before = pipeline.segment(scan, WORDS)
    with torch.device("meta"):
        found = pipeline.segment(scan, WORDS)
    np.testing.assert_array_equal(found.label, before.label)


def test_hooks_see_what_they_would_with_gradients(complete: Path, scan: Scan) -> None:
    network = copy.deepcopy(Bundle.load(complete).network)
    kept: list[list[torch.Tensor]] = []
    hooks = [
        getattr(network, f"block{i}")[0].register_forward_hook(
            lambda _, given, found: kept[-1].extend([given[0].features, found.features])
        )
        for i in range(1, 9)
    ]
    coords = torch.from_numpy(np.floor(scan.points / 0.5).astype(np.int64))
    coords = torch.cat([torch.zeros(len(coords), 1).long(), coords], 1).unique(dim=0)
    features = torch.rand(len(coords), 5)
    with torch.enable_grad():
        kept.append([])
        network(coords, features)
    with torch.no_grad():
        kept.append([])
        network(coords, features)
    for learned, seen in zip(*kept, strict=True):
        torch.testing.assert_close(seen, learned.detach(), rtol=1e-4, atol=1e-5)
    for hook in hooks:
        hook.remove()
    called = []
    network.block1[0].conv1.register_forward_pre_hook(lambda *_: called.append(1))
    with torch.no_grad():
        network(coords, features)
    assert called == [1]


def test_numbers_that_are_not_finite_are_no_words(
    complete: Path, tmp_path: Path, scan: Scan
) -> None:
    broken = tmp_path / "broken"
    bundle = Bundle.load(complete)
    bundle.network.bn1.bn.running_var.fill_(-1)
    bundle.save(broken)
    with pytest.raises(UserError, match="not finite for scan: fetch or train it again"):
        avs3d.load(broken).segment(scan, WORDS)
    with pytest.raises(ValueError, match="features must be finite"):
        PointFeatures(np.full((1, 384), np.nan, np.float32), np.array([True]))


def test_coordinates_of_maps_are_not_rounded_silently(pipeline: Pipeline) -> None:
    offset = np.array([500_000.0, 5_400_000, 100])
    near = np.random.default_rng(1).uniform(-20, 20, (50, 3))
    with pytest.raises(ValueError, match=r"move them by some 0\.\d+ m: take an origin off"):
        Scan(near + offset)
    with pytest.raises(ValueError, match="take an origin off"):
        Scan(np.array([[10**9 + 1, 0, 0]]))
    assert len(Scan(near, origin=offset)) == 50
    strays = np.vstack([near, [[np.nan, np.inf, 1e3], [1e9 + 0.5, 0, 0], [1e300, 0, 0]]])
    assert Scan(strays).finite.sum() == 51


def test_paths_may_be_text() -> None:
    camera = Camera("front", "a.png", np.eye(3), np.eye(4), depth="b.png")  # type: ignore[arg-type]
    assert (camera.image, camera.depth) == (Path("a.png"), Path("b.png"))
    assert Scan(np.zeros((1, 3)), path="a.bin").path == Path("a.bin")  # type: ignore[arg-type]


def test_mistakes_are_named(pipeline: Pipeline, scan: Scan) -> None:
    encoded = pipeline.encode(scan)
    with pytest.raises(TypeError, match="not as one text"):
        pipeline.words("car")  # type: ignore[arg-type]
    with pytest.raises(TypeError, match=r"Vocabulary.from_words\(\['car', 'road'\]\)"):
        encoded.segment(["car", "road"])  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="one word or sentence"):
        encoded.query(["car"])  # type: ignore[arg-type]
    for views in ("camera", 1.5):
        with pytest.raises(ValueError, match="number of sectors, 'cameras' or 'squares'"):
            encoded.captions(views)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="at least one sector"):
        encoded.captions(0)
    late = Scan(scan.points, scan.intensity, sweep=np.ones(len(scan)))
    with pytest.raises(UserError, match="no point of sweep 0, the key frame"):
        pipeline.encode(late).captions()


def test_a_small_file_of_known_words_asks_for_no_memory(tmp_path: Path) -> None:
    bundle = Bundle.load("street-mini")
    bundle.save(tmp_path / "copy")
    path = tmp_path / "copy" / "known_words.safetensors"
    tensors = load_file(path)
    save_file({"embeddings": tensors["embeddings"][:0]}, path)
    config = json.loads((tmp_path / "copy" / "bundle.json").read_text())
    del config["files"][path.name]
    (tmp_path / "copy" / "bundle.json").write_text(json.dumps(config))
    with pytest.raises(UserError, match=r"known_words.safetensors does not fit .* bytes or more"):
        Bundle.load(tmp_path / "copy")
