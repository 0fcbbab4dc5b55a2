"""The method on a tiny bundle: every point is labelled, and nothing shows but the scan."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import avs3d
from avs3d import segmenter
from avs3d.bundle_config import ScoreConfig
from avs3d.environment import torch_device
from avs3d.errors import UserError
from avs3d.pipeline import Pipeline
from avs3d.published.quirks import SCALES, transform
from avs3d.scan import Camera, Scan
from avs3d.segmenter import WordHead, best
from avs3d.simulation import simulate
from avs3d.vocabulary import Vocabulary
from tiny import make_bundle

WORDS = Vocabulary.from_words(["car", "road", "tree", "building"])


@pytest.fixture(scope="module")
def pipeline(tmp_path_factory: pytest.TempPathFactory) -> Pipeline:
    return avs3d.load(make_bundle(tmp_path_factory.mktemp("bundle")))


@pytest.fixture(scope="module")
def scan() -> Scan:
    simulated = simulate(4, sensor="vlp-16")
    return Scan(simulated.points, simulated.intensity, name="simulated")


def test_every_point_gets_a_word(pipeline: Pipeline, scan: Scan) -> None:
    result = pipeline.segment(scan, WORDS)
    assert result.label.shape == result.score.shape == (len(scan),)
    assert result.label.min() >= 0 and result.bundle == "tiny"
    assert (np.abs(result.score) <= 1.0001).all()
    assert {"voxelize", "network", "text", "segment"} <= set(result.timings)


def test_score_and_query_are_the_cosine(pipeline: Pipeline, scan: Scan) -> None:
    encoded = pipeline.encode(scan)
    result = encoded.segment(WORDS)
    similarity = np.stack([encoded.query(word) for word in WORDS], 1)
    np.testing.assert_array_equal(similarity.argmax(1), result.label)
    np.testing.assert_allclose(similarity.max(1), result.score, atol=1e-5)
    np.testing.assert_array_equal(result.cosine, result.score)


def test_folding_the_last_layer_changes_nothing() -> None:
    torch.manual_seed(0)
    trunk, head = torch.randn(50, 8), torch.randn(8, 384)
    words = torch.nn.functional.normalize(torch.randn(6, 384), dim=1)
    wide = torch.nn.functional.normalize(trunk @ head, dim=1) @ words.T
    torch.testing.assert_close(WordHead(head).similarity(trunk, words), wide)


def test_many_words_are_compared_with_some_rows_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(0)
    head = WordHead(torch.randn(4, 6))
    rows, words = torch.randn(100, 4), torch.nn.functional.normalize(torch.randn(50, 6), dim=1)
    whole = best(head, rows, words)
    monkeypatch.setattr(segmenter, "_VALUES_AT_ONCE", 350)
    assert segmenter.rows_at_once(50) == 7 and segmenter.rows_at_once(10**6) == 1
    for one, other in zip(best(head, rows, words), whole, strict=True):
        torch.testing.assert_close(one, other)
    assert len(best(head, rows[:0], words).label) == 0


def test_the_size_of_an_image_that_is_not_told_is_looked_up(
    pipeline: Pipeline, scan: Scan, tmp_path: Path
) -> None:
    Image.new("RGB", (40, 20)).save(tmp_path / "a.png")
    matrix = np.array([[20, 0, 20], [0, 20, 10], [0, 0, 1.0]])
    cameras = [Camera(n, tmp_path / f"{n}.png", matrix, np.eye(4)) for n in ("a", "missing")]
    found = pipeline.encode(replace(scan, cameras=tuple(cameras))).scan
    assert [camera.size for camera in found.cameras] == [(40, 20)]
    assert len(found.left_out) == 1 and "missing.png" in found.left_out[0]


def test_rivals_are_words_of_another_meaning() -> None:
    words = torch.tensor([[1.0, 0.0], [0.9, 0.19**0.5], [0.0, 1.0]])
    head = WordHead(torch.eye(2))
    found = best(head, torch.tensor([[1.0, 0.0], [0.0, -1.0]]), words)
    assert found.label.tolist() == [0, 0]
    # Of the first row's point the second word, alike, is no rival; nothing else is above zero.
    torch.testing.assert_close(found.lead, found.similarity)
    torch.testing.assert_close(found.similarity, torch.tensor([1.0, 0.0]))
    rival = best(head, torch.tensor([[0.8, 0.6]]), words[[0, 2]])
    torch.testing.assert_close(rival.lead, torch.tensor([0.2]))


def test_scores_are_chances_where_the_bundle_knows_them(
    pipeline: Pipeline, scan: Scan, monkeypatch: pytest.MonkeyPatch
) -> None:
    cosine = pipeline.segment(scan, WORDS).score
    config = ScoreConfig(cosine=8.0, lead=12.0, bias=-3.0)
    config = pipeline.bundle.config.model_copy(update={"score": config})
    monkeypatch.setattr(pipeline.bundle, "config", config)
    result = pipeline.segment(scan, WORDS)
    assert (result.score > 0).all() and (result.score < 1).all()
    assert not np.allclose(result.score, cosine)
    np.testing.assert_array_equal(result.cosine, cosine)
    middle = float(np.median(result.score))
    sure = result.unlabel(middle)
    assert ((sure.label == -1) == (result.score < np.float32(middle))).all()
    assert (sure.score == result.score).all()


def test_points_without_position_stay_in_place_unlabelled(pipeline: Pipeline, scan: Scan) -> None:
    points = scan.points.copy()
    points[[0, 7]] = np.nan
    points[9, 2] = np.inf
    encoded = pipeline.encode(replace(scan, points=points))
    result = encoded.segment(WORDS)
    missing = np.flatnonzero(result.label == -1)
    assert missing.tolist() == [0, 7, 9] and not result.score[missing].any()
    assert np.isnan(encoded.query("car")[missing]).all()


def test_point_order_does_not_matter(pipeline: Pipeline, scan: Scan) -> None:
    order = np.random.default_rng(0).permutation(len(scan))
    assert scan.intensity is not None
    shuffled = Scan(scan.points[order], scan.intensity[order])
    one, other = pipeline.segment(scan, WORDS), pipeline.segment(shuffled, WORDS)
    np.testing.assert_allclose(one.score[order], other.score, atol=1e-5)
    assert (one.label[order] == other.label).mean() > 0.9999


def test_the_points_that_stand_for_voxels_do_not_hang_on_their_order(
    pipeline: Pipeline, scan: Scan, monkeypatch: pytest.MonkeyPatch
) -> None:
    order = np.random.default_rng(0).permutation(len(scan))
    sweep = np.arange(len(scan)) % 3
    points = scan.points.copy()
    points[5] = np.nan
    scan = replace(scan, points=points, sweep=sweep)
    one, other = pipeline.encode(scan), pipeline.encode(scan.take(order))
    (rows,) = one.rows
    first = one.first_points
    np.testing.assert_array_equal(points[first], other.scan.points[other.first_points])
    np.testing.assert_array_equal(rows.of_point[first], np.arange(len(one.trunk)))
    newest = np.full(len(first), 3)
    np.minimum.at(newest, np.delete(rows.of_point, 5), np.delete(sweep, 5))
    np.testing.assert_array_equal(sweep[first], newest)
    for cells in zip(one.cells(np.eye(4), 2.0), other.cells(np.eye(4), 2.0), strict=True):
        np.testing.assert_array_equal(*cells)
    monkeypatch.setattr(pipeline, "published", True)
    of_point, first = np.unique(pipeline.encode(scan).rows[0].of_point, return_index=True)
    np.testing.assert_array_equal(pipeline.encode(scan).first_points, first[of_point >= 0])


def test_the_frame_does_not_matter(pipeline: Pipeline, scan: Scan) -> None:
    """Sensor frame or road frame: the ground's height shifts every z by the same."""
    higher = replace(scan, points=scan.points + np.float32([0, 0, 1.73]))
    one, other = pipeline.segment(scan, WORDS), pipeline.segment(higher, WORDS)
    assert (one.label == other.label).mean() > 0.999


def test_two_runs_give_the_same_bytes(pipeline: Pipeline, scan: Scan) -> None:
    one, other = pipeline.segment(scan, WORDS), pipeline.segment(scan, WORDS)
    assert one.label.tobytes() == other.label.tobytes()
    assert one.score.tobytes() == other.score.tobytes()


@pytest.mark.parametrize("count", [1, 2, 50])
def test_few_points_and_all_in_one_place(pipeline: Pipeline, count: int) -> None:
    result = pipeline.segment(Scan(np.full((count, 3), 2.0)), WORDS)
    assert (result.label >= 0).all()


def test_captions_come_by_sector_and_only_where_there_are_points(
    pipeline: Pipeline, scan: Scan
) -> None:
    encoded = pipeline.encode(scan)
    captions = encoded.captions(6)
    assert set(captions) == {f"sector {i:02d}" for i in range(6)}
    assert all(captions.values())
    ahead = scan.points[scan.points[:, 0] > np.abs(scan.points[:, 1])]
    ahead = np.concatenate([ahead, [[-0.1, -0.1, 0.0]]])  # keeps the sensor inside the cloud
    assert len(pipeline.encode(Scan(ahead)).captions(4)) <= 3


def test_errors_name_the_scan_and_the_remedy(pipeline: Pipeline, scan: Scan) -> None:
    with pytest.raises(UserError, match="empty.bin has no point with a position"):
        pipeline.encode(Scan(np.full((3, 3), np.nan), path=Path("empty.bin")))
    for far in (1e8, np.finfo(np.float32).max):
        with pytest.raises(UserError, match="wide.bin.*are its units metres"):
            points = np.array([[0, 0, 0], [far, 0, 0]])
            pipeline.encode(Scan(points, path=Path("wide.bin")))
    with pytest.raises(UserError, match="no words"):
        pipeline.segment(scan, Vocabulary(()))


def test_a_graphics_card_that_is_not_there_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    assert torch_device("cuda:1") == torch.device("cuda:1")
    with pytest.raises(UserError, match="no device 'cuda:2': the last is cuda:1"):
        torch_device("cuda:2")


@pytest.mark.parametrize("device", ["gpu", "cuda", "meta"])
def test_unknown_devices(device: str, tmp_path: Path) -> None:
    if device == "cuda" and torch.cuda.is_available():
        pytest.skip("this machine has CUDA")
    with pytest.raises(UserError, match="device"):
        avs3d.load(make_bundle(tmp_path), device)


def test_the_published_way_turns_every_scan_by_its_own_draw(scan: Scan, tmp_path: Path) -> None:
    folder = make_bundle(tmp_path)
    usual, again = avs3d.load(folder), avs3d.load(folder, published=True, seed=3)
    same, other = avs3d.load(folder, published=True, seed=3), avs3d.load(folder, published=True)
    scores = [p.segment(scan, WORDS).score for p in (usual, again, same, other)]
    np.testing.assert_array_equal(scores[1], scores[2])
    assert (scores[0] != scores[1]).any() and (scores[1] != scores[3]).any()
    renamed = again.segment(replace(scan, name="another"), WORDS).score
    assert (renamed != scores[1]).any()


def test_the_published_turn_keeps_angles_and_the_frames_origin() -> None:
    points = np.random.default_rng(0).normal(size=(50, 3)) * 20
    for seed in range(20):
        moved = transform(points, "scan", seed)
        grown = np.linalg.norm(moved, axis=1) / np.linalg.norm(points, axis=1)
        assert SCALES[0] <= grown.min() and grown.max() <= SCALES[1]
        np.testing.assert_allclose(grown, grown[0])
        np.testing.assert_allclose(moved @ moved.T, grown[0] ** 2 * points @ points.T, atol=1e-9)
        up = transform(np.array([[0.0, 0.0, 1.0]]), "scan", seed) / grown[0]
        assert up[0, 2] > np.cos(np.pi / 64) ** 2 - 1e-9


def test_the_published_word_for_an_empty_caption(
    scan: Scan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = make_bundle(tmp_path)
    for published, expected in (
        (False, {}),
        (True, {f"sector {i:02d}": "Error" for i in range(4)}),
    ):
        pipeline = avs3d.load(folder, published=published)
        monkeypatch.setattr(pipeline.captioner, "candidates", lambda rows: [[""]] * len(rows))
        assert pipeline.encode(scan).captions(4) == expected
