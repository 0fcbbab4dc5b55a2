"""mIoU of distilled bundles on scenes of no training: `python distilled.py SCENES BUNDLE ...`.

Beside it what the targets themselves reach where, as in the network, all points of a voxel share
one: that of its first point.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import torch

from avs3d.bundle import Bundle
from avs3d.evaluation.iou import Confusion, iou
from avs3d.sparse import voxelize
from avs3d.text import load_text_encoder
from avs3d.training.exams import WordExam
from avs3d.training.scenes import SceneSet


def main(scenes: SceneSet, names: list[str]) -> None:
    first = Bundle.load(names[0])
    classes = tuple(first.provenance["settings"]["classes"])
    total = Confusion.empty(len(classes))
    for index in range(len(scenes)):
        scene = scenes.load(index)
        voxels = voxelize(scene.points - scene.points.min(0), first.config.voxel_size)
        carried = scene.segment[voxels.first[voxels.inverse].numpy()]
        total = total + Confusion.of(scene.segment, carried, len(classes))
    print(f"{'':<24}{'mIoU':>7}" + "".join(f"{name:>10}" for name in classes))
    tell("targets, per voxel", iou(total.sums()))
    for name in names:
        bundle = Bundle.load(name)
        words = load_text_encoder(bundle.text_encoder).encode(bundle.prompts(classes))
        config = bundle.config
        exam = WordExam(scenes, classes, words, config.inputs, config.voxel_size)
        with torch.inference_mode():
            tell(name, iou(exam.confusion(bundle.network).sums()))


def tell(name: str, found: np.ndarray) -> None:
    columns = "".join(f"{value:10.3f}" for value in found)
    print(f"{name:<24}{np.nanmean(found):7.3f}{columns}", flush=True)


if __name__ == "__main__":
    main(SceneSet.of(Path(sys.argv[1])), sys.argv[2:])
