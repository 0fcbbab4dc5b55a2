"""Small scenes, and settings of trainings that take seconds."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import torch

from avs3d.bundle import save_bundle
from avs3d.bundle_config import BundleConfig
from avs3d.features import PointFeatures
from avs3d.models.configs import NetworkConfig, PoolingConfig
from avs3d.models.minkunet import MinkUNet
from avs3d.models.smap import SparseMaskedAttentionPooling
from avs3d.published.features import write_features
from avs3d.published.smap import (
    CAMERAS,
    ImageFeatures,
    write_camera_masks,
    write_image_features,
)

CLASSES = ("ground", "car")
SIZES = NetworkConfig(
    in_channels=2, out_channels=384, planes=(8,) * 8, layers=(1,) * 8, stem=8, stem_kernel=3
)
DIM = 384
KIND = "network.kind=" + (
    "{in_channels: 2, out_channels: 384, planes: [8, 8, 8, 8, 8, 8, 8, 8], "
    "layers: [1, 1, 1, 1, 1, 1, 1, 1], stem: 8, stem_kernel: 3}"
)
PTV3 = "network.kind=" + (
    "{kind: ptv3, in_channels: 2, out_channels: 384, stride: [2, 2], enc_depths: [1, 1, 1], "
    "enc_channels: [8, 16, 16], enc_num_head: [1, 2, 2], enc_patch_size: [32, 32, 32], "
    "dec_depths: [1, 1], dec_channels: [8, 8], dec_num_head: [1, 1], dec_patch_size: [32, 32]}"
)
SMALL = [
    KIND,
    "network.inputs=[one, height]",
    f"network.dim={DIM}",
    "network.voxel_size=0.3",
    "classes=[ground, car]",
    "text_encoder=minilm",
    "workers=0",
    "log_every=1",
    "schedule.lr=0.01",
    "schedule.warmup=1",
]
"""Settings of a distillation, without scenes and steps."""

SMALL_SMAP = ["channels=16", "heads=2", f"dim={DIM}", "workers=0", "log_every=1",
              "schedule.lr=0.001", "schedule.warmup=1"]  # fmt: skip
SMALL_CAPTIONER = ["gpt2={n_positions: 80, n_embd: 24, n_layer: 1, n_head: 2}", "log_every=1"]


def sets(*changes: str) -> list[str]:
    """Options of the command."""
    return [part for change in changes for part in ("--set", change)]


def training(kind: str, data: Path, out: Path, *changes: str) -> list[str]:
    """Arguments of `avs3d` for a small training of what `write_all` left in `data`."""
    bundle = ["--bundle", str(data / "tiny")]
    scenes = ["--scenes", str(data / "scenes")]
    images = ["--images", str(data / "cached_img_clip_feature_train.pt")]
    given = {
        "distill": [*scenes, *sets(*SMALL)],
        "smap": [*bundle, *scenes, *images, "--masks", str(data / "mask_train.pkl"),
                 *sets(*SMALL_SMAP)],
        "captioner": ["text-only", *bundle, "--captions", str(data / "captions.json"),
                      *sets(*SMALL_CAPTIONER)],
    }  # fmt: skip
    return ["train", kind, *given[kind], "--out", str(out), *sets(*changes)]


def write_all(folder: Path) -> Path:
    """What the three trainings take."""
    write_scenes(folder / "scenes")
    write_fused(folder / "fused")
    write_views(folder)
    captions = {
        f"scene_{n}": {view: f"a {thing} on the road." for view in ("back", "front")}
        for n, thing in enumerate(("car", "tree", "bus"))
    }
    (folder / "captions.json").write_text(json.dumps(captions))
    write_bundle(folder / "tiny")
    return folder


def points(number: int, count: int = 900) -> tuple[np.ndarray, np.ndarray]:
    """(N, 3) float32 of a floor and a box on it, and (N,) int32 classes."""
    rng = np.random.default_rng(number)
    floor = rng.uniform((-9, -9, -0.02), (9, 9, 0.02), (count * 2 // 3, 3))
    box = rng.uniform((1, 1, 0.4), (4, 3, 2), (count // 3, 3)) + rng.uniform(-2, 2, 3) * (1, 1, 0)
    labels = np.r_[np.zeros(len(floor), np.int32), np.ones(len(box), np.int32)]
    return np.concatenate([floor, box]).astype(np.float32), labels


def write_scenes(folder: Path, count: int = 3) -> Path:
    """Scene folders ``folder/scene_0`` and so on, whose last 50 points are of an earlier sweep."""
    for number in range(count):
        cloud, labels = points(number)
        scene = folder / f"scene_{number}"
        scene.mkdir(parents=True)
        sweep = np.zeros(len(cloud), np.int32)
        sweep[-50:] = 1
        np.save(scene / "coord.npy", cloud)
        np.save(scene / "segment.npy", labels)
        np.save(scene / "instance.npy", labels)
        np.save(scene / "strength.npy", np.linspace(0, 1, len(cloud), dtype=np.float32)[:, None])
        np.save(scene / "sweep.npy", sweep)
    return folder


def write_fused(folder: Path, count: int = 3, dim: int = DIM) -> Path:
    """``SCENE.pt`` for every second point, in which a class is a direction."""
    folder.mkdir()
    directions = np.random.default_rng(0).normal(size=(2, dim)).astype(np.float16)
    for number in range(count):
        _, labels = points(number)
        mask = np.arange(len(labels)) % 2 == 0
        found = PointFeatures(directions[labels[mask]], mask, "fused")
        write_features(folder / f"scene_{number}.pt", found)
    return folder


def write_views(folder: Path, count: int = 3, dim: int = DIM) -> tuple[Path, Path]:
    """Embeddings of six images a scene, and which of its 850 key-frame points each camera sees:
    the last camera none."""
    rng = np.random.default_rng(0)
    names = [f"scene_{number}_{camera}" for number in range(count) for camera in CAMERAS]
    rows = rng.normal(0, dim**-0.5, (len(names), dim)).astype(np.float32)
    images, masks = folder / "cached_img_clip_feature_train.pt", folder / "mask_train.pkl"
    write_image_features(images, ImageFeatures(tuple(names), rows))
    seen = {f"scene_{n}": rng.integers(0, 32, 850).astype(np.uint8) for n in range(count)}
    write_camera_masks(masks, seen)
    return images, masks


def write_bundle(folder: Path, pooling: bool = True) -> Path:
    """A bundle with random weights."""
    torch.manual_seed(0)
    sizes = PoolingConfig(in_channels=DIM, channels=16, out_channels=DIM, heads=2)
    config = BundleConfig(
        name="tiny", text_encoder="minilm", prompt="a {word}", voxel_size=0.3, grid="cloud",
        inputs=("one", "height"), network=SIZES, pooling=sizes if pooling else None,
    )  # fmt: skip
    modules: dict[str, torch.nn.Module] = {"network": MinkUNet(**SIZES.model_dump())}
    if pooling:
        modules["pooling"] = SparseMaskedAttentionPooling(**sizes.model_dump())
    save_bundle(folder, config, modules)
    return folder
