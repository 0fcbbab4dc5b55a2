"""Scenes, targets and batches of a training: what is read, what is refused, what fits in memory."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from avs3d.bundle import Bundle
from avs3d.errors import ReadError, UserError
from avs3d.features import PointFeatures
from avs3d.published.features import write_features
from avs3d.published.scenes import write_scene
from avs3d.published.smap import (
    CAMERAS,
    ImageFeatures,
    write_camera_masks,
    write_image_features,
)
from avs3d.scan import Scan
from avs3d.simulation.dataset import save
from avs3d.simulation.world import SimulatedScan
from avs3d.training.augmentation import Augmentation, kept, move
from avs3d.training.batches import Batch, SceneBatches
from avs3d.training.captions import read_corpus
from avs3d.training.loop import Schedule
from avs3d.training.scenes import NONE, SceneSet
from avs3d.training.smap import SmapSettings, SmapTraining
from avs3d.training.targets import CameraTargets, FusedTargets, WordTargets
from avs3d.views import viewpoint
from training_files import (
    CLASSES,
    DIM,
    points,
    write_all,
    write_fused,
    write_scenes,
    write_views,
)

WORDS = WordTargets(np.eye(2, DIM, dtype=np.float32))


@pytest.fixture
def scenes(tmp_path: Path) -> SceneSet:
    return SceneSet.of(write_scenes(tmp_path / "scenes"))


def batches(scenes: SceneSet, **changes: object) -> SceneBatches:
    options: dict[str, object] = {
        "inputs": ("one", "height"), "voxel_size": 0.3, "batch": 2, "accumulate": 1,
        "max_voxels": 5000, "augmentation": Augmentation(), "points": WORDS, **changes,
    }  # fmt: skip
    return SceneBatches(scenes, **options)  # type: ignore[arg-type]


def test_a_scene_of_a_folder_and_of_openscene_are_the_same(
    scenes: SceneSet, tmp_path: Path
) -> None:
    cloud, labels = points(1)
    labels[-50:] = 255  # off the key frame
    write_scene(tmp_path / "scene_1.pth", Scan(cloud, labels=labels))
    other = SceneSet(tmp_path, (tmp_path / "scene_1.pth",)).load(0)
    one = scenes.load(1)
    assert np.array_equal(one.points, other.points) and one.name == other.name == "scene_1"
    assert np.array_equal(one.key, other.key) and int((~one.key).sum()) == 50
    assert np.array_equal(one.segment[one.key], other.segment[other.key])
    assert one.intensity is not None and one.intensity.shape == (900,)


@pytest.mark.parametrize("name", ["street_000007", "scan_000007"])  # of the command, of the recipe
def test_simulated_scans_are_scenes(tmp_path: Path, name: str) -> None:
    cloud, _ = points(1)
    kinds = np.arange(len(cloud)) % 256
    scan = SimulatedScan(cloud, np.ones(len(cloud)), kinds, kinds, kinds, "vlp-16", 1.8, 7)
    save(scan, tmp_path / f"{name}.npz")
    (tmp_path / "categories.json").write_text("[]")
    scenes = SceneSet.of(tmp_path)
    scene = scenes.load(0)
    assert len(scenes) == 1 and scenes.name(0) == scene.name == name and scene.key.all()
    np.testing.assert_array_equal(scene.segment, np.where(kinds == 255, NONE, kinds))


def test_damaged_scenes_are_named(scenes: SceneSet, tmp_path: Path) -> None:
    np.save(scenes.files[0] / "segment.npy", np.zeros(7, np.int32))
    with pytest.raises(ReadError, match=r"scene_0/segment.npy: is \(7,\) int32 beside 900 points"):
        scenes.load(0)
    np.save(scenes.files[0] / "segment.npy", np.zeros((900, 2), np.int32))
    with pytest.raises(ReadError, match=r"scene_0/segment.npy: is \(900, 2\), not \(900,\)"):
        scenes.load(0)
    np.save(scenes.files[1] / "coord.npy", np.zeros((7, 2), np.float32))
    with pytest.raises(ReadError, match=r"scene_1/coord.npy: is \(7, 2\), not \(N, 3\) metres"):
        scenes.load(1)
    (scenes.files[2] / "coord.npy").write_bytes(b"\x93NUMPY" + b"\0" * 40)
    with pytest.raises(ReadError, match=r"scene_2/coord.npy: cannot be read"):
        scenes.load(2)
    np.save(scenes.files[2] / "coord.npy", np.array([{}], dtype=object), allow_pickle=True)
    with pytest.raises(ReadError, match=r"cannot be read"):
        scenes.load(2)
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match="empty: holds no scenes"):
        SceneSet.of(tmp_path / "empty")


def test_fused_features_teach_key_frame_points_that_have_one(
    scenes: SceneSet, tmp_path: Path
) -> None:
    targets = FusedTargets(write_fused(tmp_path / "fused"), DIM)
    scene = scenes.load(0)
    row, features = targets.of(scene)
    taught = row != NONE
    assert taught.sum() == 425 and not taught[-50:].any() and not taught[1::2].any()
    assert features.shape == (450, DIM)
    with pytest.raises(UserError, match=r"scene_0 are 384 wide, the config's .*out_channels is 64"):
        FusedTargets(tmp_path / "fused", 64).of(scene)
    short = PointFeatures(np.ones((5, DIM), np.float16), np.arange(9) < 5)
    write_features(tmp_path / "fused" / "scene_0.pt", short, overwrite=True)
    with pytest.raises(UserError, match="9 points of scene_0, which has 900"):
        FusedTargets(tmp_path / "fused", DIM).of(scene)


def test_views_are_those_of_cameras_that_see_anything(scenes: SceneSet, tmp_path: Path) -> None:
    images, masks = write_views(tmp_path)
    targets = CameraTargets(images, masks, DIM)
    found = targets.of(scenes.load(0))
    assert found.masks.shape == (900, 5) and found.embeddings.shape == (5, DIM)  # one sees nothing
    assert not found.masks[-50:].any()
    with pytest.raises(UserError, match=r"384 wide, the config's pooling.out_channels is 512"):
        CameraTargets(images, masks, 512)
    np.save(scenes.files[1] / "sweep.npy", np.ones(900))
    with pytest.raises(UserError, match="of 850 key-frame points of scene_1, which has 0"):
        targets.of(scenes.load(1))
    shutil.copytree(scenes.files[0], scenes.path / "scene_9")
    with pytest.raises(UserError, match="says nothing of scene scene_9"):
        targets.of(SceneSet.of(scenes.path).load(3))


@pytest.mark.parametrize(
    ("cameras", "order"),
    [
        (("side", "front", "front_left"), (0, 1, 2)),  # of another rig, called alike
        (("image_2", "image_3"), (0, 1)),
        (("front_left", "front_right", "front"), (0, 1, 2)),
        (("CAM_FRONT", *(c for c in CAMERAS if c != "front")), (1, 2, 3, 0, 4, 5)),  # nuScenes
    ],
)
def test_views_have_the_images_of_their_own_cameras(
    scenes: SceneSet, tmp_path: Path, cameras: tuple[str, ...], order: tuple[int, ...]
) -> None:
    names = tuple(f"scene_{n}_{camera}" for n in range(3) for camera in cameras)
    rows = np.arange(len(names), dtype=np.float32)[:, None].repeat(DIM, 1)
    images = write_image_features(tmp_path / "images.pt", ImageFeatures(names, rows))
    bits = np.arange(850) % len(cameras)
    masks = {f"scene_{n}": (1 << bits).astype(np.uint8) for n in range(3)}
    targets = CameraTargets(images, write_camera_masks(tmp_path / "masks.pkl", masks), DIM)
    found = targets.of(scenes.load(1))
    told = found.embeddings[:, 0] - len(cameras)
    assert [int(told[found.masks[point].argmax()]) for point in range(len(cameras))] == [*order]


def test_a_view_whose_points_are_all_elsewhere_is_left_out(
    scenes: SceneSet, tmp_path: Path
) -> None:
    images, masks = write_views(tmp_path)
    views = CameraTargets(images, masks, DIM)
    source = batches(scenes, points=None, views=views, batch=1, max_voxels=400)
    ((share, batch),) = source(0, 0, 1)
    assert share == 1 and len(batch.x.level) == 400
    assert batch.views.any(0).all() and len(batch.embeddings) == batch.views.shape[1]


def test_coordinates_stay_as_they_are_but_for_those_of_maps(scenes: SceneSet) -> None:
    path = scenes.files[0] / "coord.npy"
    cloud = np.load(path).astype(np.float64)
    np.save(path, cloud)
    np.testing.assert_allclose(scenes.load(0).points, cloud, atol=1e-6)
    scan = Scan((cloud - (4, 1, 0)).astype(np.float32), origin=(500_004, 4_000_001, 0))
    np.save(path, cloud + (500_000, 4_000_000, 0))
    np.testing.assert_allclose(
        scenes.load(0).points, scan.points - viewpoint(scan), atol=1e-3
    )  # fmt: skip


def test_a_scene_that_is_too_wide_is_passed_over(
    scenes: SceneSet, capfd: pytest.CaptureFixture[str]
) -> None:
    path = scenes.files[0] / "coord.npy"
    cloud = np.load(path)
    cloud[7] = 1e7
    np.save(path, cloud)
    names = {batches(scenes, batch=1)(step, 0, 1)[0][1].names for step in range(6)}
    assert names == {("scene_1",), ("scene_2",)}
    assert "scene_0: the cloud is 3.3" in capfd.readouterr().err


def test_an_empty_key_frame_is_passed_over(
    scenes: SceneSet, capfd: pytest.CaptureFixture[str]
) -> None:
    for file in scenes.files[:2]:
        np.save(file / "sweep.npy", np.ones(900))
    parts = batches(scenes, batch=1)
    names = {parts(step, 0, 1)[0][1].names for step in range(6)}
    assert names == {("scene_2",)}
    assert "scene_0: no point of its key frame has a target: passed over" in capfd.readouterr().err
    np.save(scenes.files[2] / "sweep.npy", np.ones(900))
    with pytest.raises(UserError, match="20 scenes in a row cannot be learned from"):
        parts(0, 0, 1)


def test_memory_is_bounded_by_voxels(scenes: SceneSet) -> None:
    together = batches(scenes, batch=3)(0, 0, 1)
    assert [len(batch.names) for _, batch in together] == [3]
    voxels = len(together[0][1].x.level)
    apart = batches(scenes, batch=3, max_voxels=voxels // 2)(0, 0, 1)
    assert len(apart) > 1 and sum(share for share, _ in apart) == pytest.approx(1)
    assert all(len(batch.x.level) <= voxels // 2 for _, batch in apart)
    (cut,) = (batch for _, batch in batches(scenes, batch=1, max_voxels=400)(0, 0, 1))
    assert len(cut.x.level) == 400 and len(cut.rows) > 0


def test_all_processes_go_through_the_network_equally_often(scenes: SceneSet) -> None:
    large = scenes.files[0] / "coord.npy"
    np.save(large, np.load(large) * 3)  # more voxels than the others
    for step in range(6):
        parts = [batches(scenes, max_voxels=1200)(step, rank, 2) for rank in (0, 1)]
        assert [len(part) for part in parts] == [1, 1]
        assert all(len(batch.x.level) <= 1200 for part in parts for _, batch in part)


def test_two_processes_have_the_scenes_of_one(scenes: SceneSet) -> None:
    how = Augmentation(yaw=180, flip=0.5, jitter=0.01, dropout=0.2)
    ((_, both),) = batches(scenes, augmentation=how)(4, 0, 1)
    halves = [batches(scenes, augmentation=how, batch=1)(4, rank, 2)[0][1] for rank in (0, 1)]
    assert both.names == halves[0].names + halves[1].names
    features = torch.cat([half.x.features for half in halves])
    assert torch.equal(both.x.features, features)
    every = {batches(scenes, batch=1)(step, 0, 1)[0][1].names for step in range(3)}
    assert len(every) == 3  # an epoch


def test_pasted_objects_bring_their_targets(scenes: SceneSet) -> None:
    for file in scenes.files:  # objects are small, and not the floor
        instance = np.r_[np.zeros(820, np.int32), np.ones(80, np.int32)]
        np.save(file / "instance.npy", instance)
    plain = batches(scenes, batch=1).made(0, np.random.default_rng(0))
    pasted = batches(scenes, batch=1, augmentation=Augmentation(copy_paste=3)).made(
        0, np.random.default_rng(0)
    )
    assert isinstance(plain, Batch) and isinstance(pasted, Batch)
    assert len(pasted.x.level) > len(plain.x.level) and len(pasted.rows) > len(plain.rows)
    assert set(pasted.target.argmax(1).tolist()) == set(range(len(CLASSES)))


@given(st.integers(0, 10**6))
def test_augmented_points_stay_finite_and_near(seed: int) -> None:
    rng = np.random.default_rng(seed)
    cloud, _ = points(seed % 7)
    how = Augmentation(yaw=180, flip=0.5, scale=0.1, jitter=0.01, elastic=((0.8, 0.3),))
    moved = move(cloud, how, rng)
    assert moved.dtype == np.float32 and np.isfinite(moved).all()
    lengths = np.linalg.norm(moved, axis=1) / np.maximum(np.linalg.norm(cloud, axis=1), 2)
    assert lengths.max() < 2
    stay = kept(900, Augmentation(dropout=0.3), rng)
    assert 500 < len(stay) <= 900
    assert np.array_equal(move(cloud, Augmentation(), rng), cloud)


def test_pairs_of_captions_and_embeddings(tmp_path: Path) -> None:
    images, _ = write_views(tmp_path)
    captions = tmp_path / "captions.json"
    captions.write_text('{"scene_0": {"front": "a car!", "back": "a road", "top": "sky."}}')
    corpus = read_corpus(captions, images, DIM)
    assert corpus.captions == [["a road."], ["a car."]]
    assert corpus.seen is not None and corpus.seen.shape == (2, DIM)
    assert read_corpus(captions, None, DIM).seen is None
    with pytest.raises(UserError, match="384 wide, the captioner gets 512"):
        read_corpus(captions, images, 512)
    captions.write_text('{"other": {"front": "a car."}}')
    with pytest.raises(UserError, match="no embedding of a view of .*captions.json, such as other"):
        read_corpus(captions, images, DIM)
    captions.write_text("{}")
    with pytest.raises(UserError, match="holds no captions"):
        read_corpus(captions, images, DIM)


def test_long_features_do_not_drown_the_position_of_points(tmp_path: Path) -> None:
    data = write_all(tmp_path)
    bundle = Bundle.load(data / "tiny")
    bundle.network.final.kernel.data *= 500
    bundle.save(data / "long")
    training = SmapTraining(
        SmapSettings(
            bundle=str(data / "long"), scenes=str(data / "scenes"), workers=0,
            images=str(data / "cached_img_clip_feature_train.pt"),
            masks=str(data / "mask_train.pkl"), channels=16, heads=2, dim=DIM,
            schedule=Schedule(steps=1, lr=1e-3, warmup=1),
        )
    )  # fmt: skip
    part = training.source(0, 0, 1)[0][1]
    assert isinstance(part, Batch)
    head = training.network.final.kernel

    @torch.no_grad()
    def spread() -> float:
        trunk = training.network.eval().trunk(part.x).features
        return float((trunk @ (head @ training.pooling.in_proj.kernel)).std())

    assert spread() > 5, "else the features are not long"
    training.even_out()
    assert spread() == pytest.approx(1.0, abs=1e-3)


def test_trainings_do_without_the_extra_of_the_simulation() -> None:
    script = (
        "import sys; sys.modules['embreex'] = None; import avs3d.training.distill,"
        " avs3d.training.smap, avs3d.training.captioner"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
