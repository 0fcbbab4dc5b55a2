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
from avs3d.evaluation.evaluation import guesses
from avs3d.evaluation.iou import Confusion, iou
from avs3d.evaluation.mappers import Mapping, SimilarityMapper, Targets
from avs3d.io.labels import read_labels
from avs3d.simulation.words.lexicon import lexicon
from avs3d.training.calibration import calibration_error
from avs3d.training.scores import auc
from avs3d.vocabulary import Vocabulary

MIN_POINTS = 200

# Name of the label set, and those of its classes that count; None: all.
DATASETS: dict[str, tuple[str, tuple[str, ...] | None]] = {
    "SemanticKITTI": (
        "semantickitti",
        ("car", "bicycle", "person", "road", "sidewalk", "building", "fence", "vegetation",
         "trunk", "terrain", "pole", "traffic sign"),
    ),
    "nuScenes": ("nuscenes-16", None),
    "PandaSet": ("pandaset-18", None),
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


def targets(dataset: str) -> Targets:
    """The classes that count, and every name of them."""
    name, kept = DATASETS[dataset]
    labels = labelsets.load(name)
    every = Targets.of(labels)
    if kept is None:
        return every
    place = {labels.classes.index(name): i for i, name in enumerate(kept)}
    raw = {raw: place.get(index, labels.ignored) for raw, index in labels.raw_to_class.items()}
    named = [(n, place[i]) for n, i in zip(every.names, every.ids, strict=True) if i in place]
    names, ids = zip(*named, strict=True)
    return Targets(replace(labels, classes=kept, raw_to_class=raw), names, ids)


def scans(data: Path) -> Iterator[tuple[str, avs3d.Scan, np.ndarray]]:
    """Dataset, and each of its scans with the raw ids of its points."""
    for file in sorted(data.glob("semantickitti/sequences/*/velodyne/*.bin")):
        label = file.parents[1] / "labels" / f"{file.stem}.label"
        yield "SemanticKITTI", avs3d.read(file), read_labels(label)
    for file in sorted(data.glob("nuscenes_lidarseg/*/lidar.pcd.bin")):
        yield "nuScenes", avs3d.read(file), read_labels(file.with_name("lidarseg.bin"))
    for file in sorted(data.glob("pandaset/*.npz")):
        yield "PandaSet", avs3d.read(file), read_labels(file)


def by_class(confusion: Confusion, names: tuple[str, ...]) -> dict[str, float]:
    """IoU of the classes that have enough points."""
    values, many = iou(confusion.sums()), confusion.truth >= MIN_POINTS
    return {name: float(values[i]) for i, name in enumerate(names) if many[i]}


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
        counted = target != labelsets.IGNORED
        present = np.bincount(target[counted], minlength=count)
        seen = present >= MIN_POINTS
        self.covered.append(float(np.isin(np.flatnonzero(seen), classes).mean()))
        self.false.append(float((present[classes] < 10).mean()))
        judged = counted & (own.label >= 0)
        self.scores.append(own.score[judged])
        self.right.append(classes[own.label[judged]] == target[judged])

    def add_never_trained(
        self, target: np.ndarray, encoded: avs3d.EncodedScan, dataset: str, names: tuple[str, ...]
    ) -> None:
        of = {c.replace("_", " "): name for name, cs in CATEGORIES[dataset].items()
              for c in cs.split()}  # fmt: skip
        judged = target != labelsets.IGNORED
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
    tables: dict[str, dict[str, Confusion]] = {}
    mappings: dict[str, Mapping] = {}
    raised: dict[str, list[float]] = {}
    words: dict[str, list[str]] = {}
    worth: dict[str, Words] = {}
    for dataset, scan, raw in scans(data):
        nearest = SimilarityMapper(pipeline.text, threshold=-1.0)
        mapping = mappings.setdefault(dataset, Mapping(nearest, targets(dataset)))
        labels = mapping.targets.labels
        names, size = labels.classes, len(labels)
        table = tables.setdefault(dataset, {kind: Confusion.empty(size) for kind in kinds})
        target, closed = labels.to_classes(raw), Vocabulary.from_words(names)
        encoded = pipeline.encode(scan)
        label = encoded.segment(closed).label
        table["closed"] += Confusion.of(target, label, size)
        bare = pipeline.encode(replace(scan, intensity=None)).segment(closed).label
        table["no intensity"] += Confusion.of(target, bare, size)
        higher = replace(scan, points=scan.points + np.float32([0, 0, 1.73]))
        moved = pipeline.encode(higher).segment(closed).label
        counted = target != labels.ignored
        raised.setdefault(dataset, []).append(float((moved == label)[counted].mean()))
        if pipeline.bundle.config.captioner is not None:
            own = encoded.segment()
            ids = mapping.ids(own.vocabulary.words)
            table["own"] += Confusion.of(target, guesses(own, ids), size)
            words.setdefault(dataset, []).append(", ".join(own.vocabulary.words))
            worth.setdefault(dataset, Words()).add_own(target, own, ids, size)
        worth.setdefault(dataset, Words()).add_never_trained(target, encoded, dataset, names)
    result: dict[str, dict[str, object]] = {}
    for dataset, table in tables.items():
        names = mappings[dataset].targets.labels.classes
        ious = {kind: by_class(table[kind], names) for kind in kinds if table[kind].counts.any()}
        result[dataset] = {
            **{kind: float(np.mean(list(values.values()))) for kind, values in ious.items()},
            "raised": float(np.mean(raised[dataset])),
            "classes": ious["closed"],
            "words": words.get(dataset, []),
            **worth[dataset].table(),
        }
    return result


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
