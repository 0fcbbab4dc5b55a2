"""How well a bundle names the points of real scans that it was never trained on.

    python benchmarks/real_scans.py [--bundle street-mini] [--data ../shared/data] [--json FILE]

For each dataset, over its scans together and the classes with at least 200 points:

- closed: the class names are the vocabulary; mean IoU.
- own: the scan's own words, each mapped to the class with the nearest name in the text encoder's
  space; mean IoU. A class has the names that its dataset's definition lists (nuScenes: the 43
  detailed names that the paper maps through).
- no intensity: closed, with the intensity column taken away.
- raised: share of points that keep their word when the frame's z = 0 moves by 1.73 m.
- with a word: share of the scans' classes that one of the scan's own words is mapped to.
- false words: share of the own words whose class has fewer than 10 points in the scan.
- never trained: how well the similarity to words that were never trained ("automobile") tells the
  points of their class from others: area under the curve, mean over the words.
- calibration: mean gap between the score and the share of points whose own word is right.

The data are research samples that are not part of the repository (see CONTRIBUTING.md); without
them the script says so and ends.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

import avs3d
from avs3d import labelsets
from avs3d.simulation.words.lexicon import lexicon
from avs3d.training.calibration import calibration_error
from avs3d.training.scores import auc
from avs3d.vocabulary import Vocabulary

MIN_POINTS = 200

# Class name -> raw ids, as in the datasets' own label sets.
SEMANTICKITTI = {
    "car": (10, 252), "bicycle": (11,), "person": (30, 254), "road": (40, 60), "sidewalk": (48,),
    "building": (50,), "fence": (51,), "vegetation": (70,), "trunk": (71,), "terrain": (72,),
    "pole": (80,), "traffic sign": (81,),
}  # fmt: skip
NUSCENES = {
    "barrier": (9,), "bicycle": (14,), "bus": (15, 16), "car": (17,),
    "construction vehicle": (18,), "motorcycle": (21,), "person": (2, 3, 4, 6),
    "traffic cone": (12,), "trailer": (22,), "truck": (23,), "drivable surface": (24,),
    "other flat": (25,), "sidewalk": (26,), "terrain": (27,), "manmade": (28,),
    "vegetation": (30,),
}  # fmt: skip
PANDASET = {
    "vegetation": (5,), "ground": (6,), "road": (7, 8, 9, 10), "sidewalk": (11,),
    "driveway": (12,), "car": (13,), "pickup truck": (14,), "truck": (15, 16), "trailer": (17,),
    "motorcycle": (18,), "construction vehicle": (19,), "bus": (23,), "bicycle": (26,),
    "pedestrian": (30, 31), "traffic cone": (34, 37), "barrier": (35, 39), "sign": (36, 38),
    "building": (41,),
}  # fmt: skip


# Class name -> categories that it mostly consists of, whose words it must answer to.
CATEGORIES = {
    "SemanticKITTI": {
        "car": "car van", "bicycle": "bicycle", "person": "person", "road": "road",
        "sidewalk": "sidewalk", "building": "building", "fence": "fence",
        "vegetation": "tree bush", "trunk": "trunk", "terrain": "grass soil",
        "pole": "pole", "traffic sign": "traffic_sign",
    },
    "nuScenes": {
        "barrier": "barrier", "bicycle": "bicycle", "bus": "bus", "car": "car van",
        "construction vehicle": "construction_vehicle excavator crane",
        "motorcycle": "motorcycle", "person": "person", "traffic cone": "traffic_cone",
        "trailer": "trailer", "truck": "truck pickup_truck", "drivable surface": "road",
        "sidewalk": "sidewalk", "terrain": "grass soil", "vegetation": "tree bush",
        "manmade": "building",
    },
    "PandaSet": {
        "vegetation": "tree bush", "ground": "grass soil", "road": "road",
        "sidewalk": "sidewalk", "car": "car", "pickup truck": "pickup_truck", "truck": "truck",
        "trailer": "trailer", "motorcycle": "motorcycle", "bus": "bus", "bicycle": "bicycle",
        "construction vehicle": "construction_vehicle excavator crane", "pedestrian": "person",
        "traffic cone": "traffic_cone", "barrier": "barrier", "sign": "traffic_sign billboard",
        "building": "building",
    },
}  # fmt: skip


# Class name -> more names of the same, from the datasets' definitions of their classes.
SEMANTICKITTI_NAMES = {
    "car": ("van", "jeep"), "person": ("pedestrian",), "road": ("street", "lane"),
    "sidewalk": ("footpath", "curb"), "building": ("house", "garage"),
    "fence": ("wall", "barrier"), "vegetation": ("bush", "foliage", "tree", "hedge"),
    "trunk": ("tree trunk",), "terrain": ("grass", "soil", "lawn"),
}  # fmt: skip
PANDASET_NAMES = {
    "vegetation": ("tree", "bush", "hedge"), "ground": ("grass", "soil", "lawn"),
    "road": ("street", "lane"), "sidewalk": ("curb",), "car": ("van",),
    "truck": ("semi truck",), "trailer": ("towed object",), "pedestrian": ("person",),
    "traffic cone": ("pylon",), "barrier": ("road barrier",), "sign": ("traffic sign",),
}  # fmt: skip


def detailed_names(dataset: str, classes: dict[str, tuple[int, ...]]) -> list[tuple[str, int]]:
    """Every name of a class, with the class's index."""
    if dataset == "nuScenes":
        detailed = labelsets.load("nuscenes-43")
        return list(zip(detailed.classes, detailed.to_parent, strict=True))
    more = SEMANTICKITTI_NAMES if dataset == "SemanticKITTI" else PANDASET_NAMES
    return [(n, i) for i, c in enumerate(classes) for n in (c, *more.get(c, ()))]


def scans(data: Path) -> Iterator[tuple[str, dict[str, tuple[int, ...]], avs3d.Scan]]:
    """Dataset, its classes, and each of its scans with raw labels."""
    for file in sorted(data.glob("semantickitti/sequences/*/velodyne/*.bin")):
        label = np.fromfile(file.parents[1] / "labels" / f"{file.stem}.label", np.uint32) & 0xFFFF
        yield "SemanticKITTI", SEMANTICKITTI, replace(avs3d.read(file), labels=label)
    for file in sorted(data.glob("nuscenes_lidarseg/*/lidar.pcd.bin")):
        label = np.fromfile(file.with_name("lidarseg.bin"), np.uint8)
        yield "nuScenes", NUSCENES, replace(avs3d.read(file), labels=label)
    for file in sorted(data.glob("pandaset/*.npz")):
        yield "PandaSet", PANDASET, avs3d.read(file)


def truth(scan: avs3d.Scan, classes: dict[str, tuple[int, ...]]) -> np.ndarray:
    """(N,) class index, -1 where the point counts for nothing."""
    out = np.full(len(scan), -1)
    for index, ids in enumerate(classes.values()):
        out[np.isin(scan.labels, ids)] = index
    return out


class IoU:
    """Confusion over the scans of a dataset; a point without a class counts as missed."""

    def __init__(self, names: list[str]) -> None:
        self.names = names
        self.hit, self.true, self.found = np.zeros((3, len(names)), np.int64)

    def add(self, target: np.ndarray, guess: np.ndarray) -> None:
        size, counts = len(self.names), target >= 0
        target, guess = target[counts], guess[counts]
        self.true += np.bincount(target, minlength=size)
        self.found += np.bincount(guess[guess >= 0], minlength=size)
        self.hit += np.bincount(target[guess == target], minlength=size)

    def table(self) -> dict[str, float]:
        union = np.maximum(self.true + self.found - self.hit, 1)
        return {
            name: float(self.hit[i] / union[i])
            for i, name in enumerate(self.names)
            if self.true[i] >= MIN_POINTS
        }

    def mean(self) -> float:
        return float(np.mean(list(self.table().values())))


def word_classes(
    pipeline: avs3d.Pipeline, words: tuple[str, ...], names: list[tuple[str, int]]
) -> np.ndarray:
    """(W,) index of the class that has the nearest name in the text encoder's space."""
    embed = pipeline.text.encode
    nearest = (embed(list(words)) @ embed([name for name, _ in names]).T).argmax(1)
    return np.array([names[i][1] for i in nearest])


class Words:
    """What the scans' own words and words never trained are worth."""

    def __init__(self) -> None:
        self.covered: list[float] = []
        self.false: list[float] = []
        self.scores: list[np.ndarray] = []
        self.right: list[np.ndarray] = []
        self.aucs: dict[str, list[float]] = {}

    def add_own(
        self, target: np.ndarray, own: avs3d.Segmentation, classes: np.ndarray, count: int
    ) -> None:
        present = np.bincount(target[target >= 0], minlength=count)
        seen = present >= MIN_POINTS
        self.covered.append(float(np.isin(np.flatnonzero(seen), classes).mean()))
        self.false.append(float((present[classes] < 10).mean()))
        judged = (target >= 0) & (own.label >= 0)
        self.scores.append(own.score[judged])
        self.right.append(classes[own.label[judged]] == target[judged])

    def add_never_trained(
        self, target: np.ndarray, encoded: avs3d.EncodedScan, dataset: str, names: list[str]
    ) -> None:
        of = {c.replace("_", " "): name for name, cs in CATEGORIES[dataset].items()
              for c in cs.split()}  # fmt: skip
        judged = target >= 0
        for word, category in lexicon().held_out.items():
            inside = target[judged] == (names.index(of[category]) if category in of else -2)
            if inside.sum() >= MIN_POINTS:
                similarity = torch.from_numpy(encoded.query(word)[judged])
                self.aucs.setdefault(word, []).append(auc(similarity, torch.from_numpy(inside)))

    def table(self) -> dict[str, object]:
        out: dict[str, object] = {
            "never trained": float(np.mean([np.mean(a) for a in self.aucs.values()])),
            "words never trained": {w: float(np.mean(a)) for w, a in self.aucs.items()},
        }
        if self.covered:
            out["with a word"] = float(np.mean(self.covered))
            out["false words"] = float(np.mean(self.false))
            scores, right = np.concatenate(self.scores), np.concatenate(self.right)
            out["calibration"] = calibration_error(scores, right)
        return out


def measure(pipeline: avs3d.Pipeline, data: Path) -> dict[str, dict[str, object]]:
    kinds = ("closed", "own", "no intensity")
    tables: dict[str, dict[str, IoU]] = {}
    raised: dict[str, list[float]] = {}
    words: dict[str, list[str]] = {}
    worth: dict[str, Words] = {}
    for dataset, classes, scan in scans(data):
        names = list(classes)
        iou = tables.setdefault(dataset, {kind: IoU(names) for kind in kinds})
        target, closed = truth(scan, classes), Vocabulary.from_words(names)
        encoded = pipeline.encode(scan)
        label = encoded.segment(closed).label
        iou["closed"].add(target, label)
        bare = pipeline.encode(replace(scan, intensity=None)).segment(closed).label
        iou["no intensity"].add(target, bare)
        higher = replace(scan, points=scan.points + np.float32([0, 0, 1.73]))
        moved = pipeline.encode(higher).segment(closed).label
        raised.setdefault(dataset, []).append(float((moved == label)[target >= 0].mean()))
        if pipeline.bundle.config.captioner is not None:
            own = encoded.segment()
            detailed = detailed_names(dataset, classes)
            mapped = word_classes(pipeline, own.vocabulary.words, detailed)
            iou["own"].add(target, np.where(own.label >= 0, mapped[own.label], -1))
            words.setdefault(dataset, []).append(", ".join(own.vocabulary.words))
            worth.setdefault(dataset, Words()).add_own(target, own, mapped, len(names))
        worth.setdefault(dataset, Words()).add_never_trained(target, encoded, dataset, names)
    return {
        dataset: {
            **{kind: iou[kind].mean() for kind in kinds if iou[kind].true.any()},
            "raised": float(np.mean(raised[dataset])),
            "classes": iou["closed"].table(),
            "words": words.get(dataset, []),
            **worth[dataset].table(),
        }
        for dataset, iou in tables.items()
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--bundle", default="street-mini")
    root = Path(__file__).resolve().parents[1]
    parser.add_argument("--data", type=Path, default=root.parent / "shared" / "data")
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    if not args.data.is_dir():
        print(f"no real scans in {args.data}: nothing measured")
        sys.exit(0)
    result = measure(avs3d.load(args.bundle), args.data)
    columns = ("closed", "own", "no intensity", "raised", "with a word", "false words",
               "never trained", "calibration")  # fmt: skip
    print(f"{'dataset':15}" + "".join(f"{name:>{max(len(name), 6) + 2}}" for name in columns))
    for dataset, row in result.items():
        cells = [f"{row[name]:.3f}" if name in row else "-" for name in columns]
        print(f"{dataset:15}" + "".join(
            f"{cell:>{max(len(name), 6) + 2}}" for cell, name in zip(cells, columns, strict=True)
        ))  # fmt: skip
    for dataset, row in result.items():
        classes = row["classes"]
        assert isinstance(classes, dict)
        print(f"\n{dataset}: " + ", ".join(f"{k} {v:.2f}" for k, v in classes.items()))
        never = row["words never trained"]
        assert isinstance(never, dict)
        worst = sorted(never, key=lambda word: never[word])
        print("  never trained, worst first: "
              + ", ".join(f"{word} {never[word]:.2f}" for word in worst[:12]))  # fmt: skip
        for words in row["words"]:  # type: ignore[attr-defined]
            print(f"  own words: {words}")
    if args.json:
        args.json.write_text(json.dumps(result, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main()
