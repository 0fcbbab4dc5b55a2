"""The pictures of the model card: real scans in the words that two bundles found for them.

    python docs/before_and_now.py BEFORE [NOW] [--data ../shared/data] [--out docs/images]

Half the size, older weights on the left. The scans are not part of the repository (see
CONTRIBUTING.md).
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from PIL import Image

import avs3d
from avs3d.report.picture import draw

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "benchmarks"))
from real_scans import scans  # noqa: E402


def side_by_side(pictures: list[Path]) -> Image.Image:
    halves = [Image.open(path).convert("RGB").reduce(2) for path in pictures]
    both = Image.new("RGB", (sum(half.width for half in halves), halves[0].height))
    for number, half in enumerate(halves):
        both.paste(half, (number * half.width, 0))
    return both


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("before")
    parser.add_argument("now", nargs="?", default="street-mini")
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data")
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "images")
    args = parser.parse_args()
    pipelines = [avs3d.load(args.before), avs3d.load(args.now)]
    first: dict[str, avs3d.Scan] = {}
    for dataset, scan, _ in scans(args.data):
        first.setdefault(dataset.lower(), scan)
    for name, scan in first.items():
        with tempfile.TemporaryDirectory() as folder:
            drawn = [
                draw(pipeline.segment(scan), Path(folder) / f"{number}.png")
                for number, pipeline in enumerate(pipelines)
            ]
            picture = side_by_side(drawn).quantize(256)
            picture.save(args.out / f"street-mini-{name}.png", optimize=True)
        print(f"{name}: {scan.name}")


if __name__ == "__main__":
    main()
