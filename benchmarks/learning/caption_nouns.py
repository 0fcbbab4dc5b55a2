"""Nouns of captions against what lies there: `python caption_nouns.py SCANS [mean:]BUNDLE ...`.

Every bundle's captioner decodes, greedily, what its SMAP makes of 12 sectors of each scan; with
`mean:` before it, the plain mean of the same features. A thing that is seen well must be named
(recall); a noun must name something of which the sector has five points (precision).
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from poolings import Near, Poolings, scans

from avs3d.captioning import load_captioner
from avs3d.simulation.categories import CATEGORY_ID
from avs3d.simulation.words.lexicon import lexicon
from avs3d.simulation.words.salience import salient
from avs3d.views import lidar_sectors

SECTORS, HELD = 12, 5


def main(folder: Path, names: list[str]) -> None:
    poolings = Poolings(names)
    captioners = {name: load_captioner(bundle) for name, bundle in poolings.bundles.items()}
    counts = {name: np.zeros(4) for name in names}
    for scan in scans(folder):
        sectors = lidar_sectors(scan.points, SECTORS)
        for name, rows in poolings(scan, sectors).items():
            texts = captioners[name].captions(rows.numpy())
            for view in np.flatnonzero(sectors.any(0)).tolist():
                counts[name] += score(texts[view], scan, sectors[:, view])
    print(f"{'pooling and captioner':<40}{'recall':>8}{'precision':>11}{'F1':>8}")
    for name, (said, there, true, named) in counts.items():
        recall, precision = said / max(there, 1), true / max(named, 1)
        f1 = 2 * recall * precision / max(recall + precision, 1e-9)
        print(f"{name:<40}{recall:8.3f}{precision:11.3f}{f1:8.3f}")


def score(text: str, scan: Near, rows: np.ndarray) -> np.ndarray:
    """Things seen well that are named, and all; nouns that are true, and all."""
    lex, kinds = lexicon(), scan.kinds[rows]
    things = salient(scan.points[rows], kinds, scan.objects[rows])
    there = {CATEGORY_ID[thing.category] for thing in things}
    held = set(np.flatnonzero(np.bincount(kinds) >= HELD).tolist())
    said = [lex.names(word) for word in lex.find(text)]
    named = frozenset().union(*said)
    true = sum(bool(names & held) for names in said)
    return np.array([len(there & named), len(there), true, len(said)], float)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
