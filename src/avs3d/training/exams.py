"""Scores while training: mIoU with a fixed vocabulary, and how near views come to their targets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from avs3d.evaluation.iou import Confusion, iou, mean_present
from avs3d.inputs import point_inputs
from avs3d.labelsets import IGNORED
from avs3d.models.voxel_network import VoxelNetwork
from avs3d.scan import Scan
from avs3d.segmenter import WordHead, best
from avs3d.sparse import Level, SparseTensor, voxelize
from avs3d.training.scenes import NONE, SceneSet


@dataclass(frozen=True)
class WordExam:
    """mIoU over the classes of the key frames' points, whose names are the vocabulary.

    Attributes:
        scenes: to examine.
        classes: C names.
        words: (C, D) their embeddings.
        inputs, voxel_size: of the network.
    """

    scenes: SceneSet
    classes: Sequence[str]
    words: np.ndarray
    inputs: tuple[str, ...]
    voxel_size: float

    def __call__(self, network: VoxelNetwork) -> dict[str, float]:
        """``miou``, and ``iou/CLASS`` of the classes that there are."""
        found = iou(self.confusion(network).sums())
        told = {f"iou/{name}": float(v) for name, v in zip(self.classes, found, strict=True)}
        scores = {"miou": float(np.nan_to_num(mean_present(found)))}
        return scores | {key: round(v, 4) for key, v in told.items() if not np.isnan(v)}

    def confusion(self, network: VoxelNetwork) -> Confusion:
        """Of all points that have a class; points of one voxel have its word."""
        kernel = network.final.kernel
        head, words = WordHead(kernel), torch.from_numpy(self.words).to(kernel)
        total = Confusion.empty(len(self.classes))
        for index in range(len(self.scenes)):
            scene = self.scenes.load(index).finite()
            scene.check_classes(len(self.classes))
            counted = scene.key & (scene.segment != NONE)
            if not counted.any():
                continue
            scan = Scan(scene.points, scene.intensity)
            trunk, inverse = voxel_features(network, scan, self.inputs, self.voxel_size)
            label = best(head, trunk.features, words).label.cpu().numpy()[inverse]
            truth = np.where(counted, scene.segment, IGNORED)
            total = total + Confusion.of(truth, label, len(self.classes))
        return total


def voxel_features(
    network: VoxelNetwork, scan: Scan, inputs: tuple[str, ...], voxel_size: float
) -> tuple[SparseTensor, np.ndarray]:
    """The trunk of a finite scan's voxels, and (N,) the voxel of each point."""
    device = network.final.kernel.device
    voxels = voxelize(scan.points - scan.points.min(0), voxel_size)
    values = voxels.mean(torch.from_numpy(point_inputs(scan, inputs))).to(device)
    coords = torch.cat([torch.zeros(len(values), 1, dtype=torch.long), voxels.coords], 1)
    trunk = network.trunk(SparseTensor(values, Level(coords.to(device))))
    return trunk, voxels.inverse.numpy()


def nearness(found: Tensor, target: Tensor) -> float:
    """Mean cosine similarity of the rows."""
    return float(F.cosine_similarity(found, target).mean())
