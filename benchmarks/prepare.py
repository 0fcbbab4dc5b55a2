"""What `avs3d prepare` takes for a scan of each dataset, and what follows for all of it.

    python benchmarks/prepare.py --data ../shared/data --clip       # --clip: with a ViT-B/32

Official roots are built of real scans where `--data` has them (nuScenes, SemanticKITTI), else of
points that the shipped scan has; each product is made of one scan in this process, after one that
is not counted. Processor time is held against reading and decoding the same scan and its images,
which nothing that prepares them can do without. The CLIP model has random weights. Totals are the
numbers of one scan times those of scans; times are of one core.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tests"))

from avs3d.cameras import pixels  # noqa: E402
from avs3d.datasets import Dataset  # noqa: E402
from avs3d.environment import peak_memory  # noqa: E402
from avs3d.io import read  # noqa: E402
from avs3d.prepare import Part, Product  # noqa: E402
from avs3d.prepare.features import Features  # noqa: E402
from avs3d.prepare.making import Maker, Task  # noqa: E402
from avs3d.prepare.openscene import OpenScene  # noqa: E402
from avs3d.prepare.scenes import Scenes  # noqa: E402
from avs3d.prepare.smap import Smap  # noqa: E402
from avs3d.prepare.work import in_bytes  # noqa: E402
from avs3d.selection import Selection  # noqa: E402
from roots import kitti, nuscenes, scannet  # noqa: E402
from roots.scene import depths, put  # noqa: E402

SHIPPED = ROOT / "src/avs3d/data/street.npz"
SCANS = {"nuscenes": 28_130 + 6_019, "semantickitti": 19_130 + 4_071, "scannet": 1_201 + 312}
"""Of train and val; the numbers of the datasets' own pages."""
FRAMES = 1_661
"""Of a scene of ScanNet, which has 2.5 million in 1,513 scenes; one of 20 is taken."""
VERTICES = 150_000
"""Of a scene of ScanNet, about."""


def nuscenes_root(folder: Path, data: Path | None) -> Path:
    root = nuscenes.write(folder / "nuscenes")
    sample = None if data is None else data / "nuscenes_sample"
    points = read(SHIPPED).points
    rows = np.column_stack([points, np.zeros((len(points), 2))]).astype("<f4")
    cloud = rows.tobytes()
    images = {}
    if sample is not None and sample.is_dir():
        cloud = next(sample.glob("*LIDAR_TOP*")).read_bytes()
        images = {path.name.split("__")[1]: path for path in sample.glob("*__CAM_*.jpg")}
    for path in [*(root / "samples").rglob("*.bin"), *(root / "sweeps").rglob("*.bin")]:
        path.write_bytes(cloud)
    for path in (root / "lidarseg").rglob("*.bin"):
        path.write_bytes(bytes(len(cloud) // 20))
    for name, image in images.items():
        for path in (root / "samples" / name).iterdir():
            shutil.copy(image, path)
    return root


def kitti_root(folder: Path, data: Path | None) -> Path:
    root = kitti.write_semantic(folder / "kitti", ("00",))
    sequence = root / "sequences" / "00"
    real = None if data is None else data / "semantickitti" / "sequences" / "00"
    points = read(SHIPPED).points
    cloud = np.column_stack([points, np.zeros(len(points))]).astype("<f4").tobytes()
    if real is not None and real.is_dir():
        cloud = (real / "velodyne" / "000000.bin").read_bytes()
    picture = None if data is None else data / "kitti_object/training/image_2/000001.png"
    for number in range(3):
        put(sequence / "velodyne" / f"{number:06}.bin", cloud)
        put(sequence / "labels" / f"{number:06}.label", bytes(len(cloud) // 4))
        if picture is not None and picture.exists():
            shutil.copy(picture, sequence / "image_2" / f"{number:06}.png")
    return root


def scannet_root(folder: Path, data: Path | None) -> Path:
    """Images are noise made smooth, which JPEG finds about as hard as photographs."""
    from PIL import Image

    root = scannet.write(folder / "scannet")
    rng = np.random.default_rng(0)
    small = Image.fromarray(rng.integers(0, 256, (121, 162, 3), dtype=np.uint8))
    picture = small.resize((1296, 968), Image.Resampling.BICUBIC)
    scene = root / "scans" / "scene0000_00"
    pose = (scene / "pose" / "0.txt").read_bytes()
    _write_mesh(scene / "scene0000_00_vh_clean_2.ply")
    _write_mesh(scene / "scene0000_00_vh_clean_2.labels.ply")
    for frame in range(0, FRAMES, 20):
        picture.save(scene / "color" / f"{frame}.jpg", quality=90)
        put(scene / "depth" / f"{frame}.png", depths(640, 480, scannet.DEPTH))
        put(scene / "pose" / f"{frame}.txt", pose)
    for frame in range(FRAMES):
        if frame % 20:
            for path in scene.glob(f"*/{frame}.*"):
                path.unlink()
    shutil.rmtree(root / "scans" / "scene0001_00")
    return root


def _write_mesh(path: Path) -> None:
    from plyfile import PlyData, PlyElement

    kinds = [(axis, "f4") for axis in "xyz"] + [(name, "u1") for name in ("red", "green", "blue")]
    vertices = np.zeros(VERTICES, [*kinds, ("label", "u2")])
    for axis in "xyz":
        vertices[axis] = np.random.default_rng(0).uniform(0, 5, VERTICES)
    PlyData([PlyElement.describe(vertices, "vertex")], byte_order="<").write(path)


def seconds_of_reading(selection: Selection) -> float:
    """Processor time of reading a scan and decoding its images."""
    dataset = selection.dataset
    began = time.process_time()
    for camera in dataset[_full(dataset)].cameras:
        pixels(camera.image)
    return time.process_time() - began


def _full(dataset: Dataset) -> int:
    """A scan that has all of its sweeps, or its frames."""
    return len(dataset) - 1 if dataset.name == "nuscenes" else 0


def measured(selection: Selection, product: Product, folder: Path) -> tuple[float, int, str]:
    """Processor seconds, bytes on the disk, and what went wrong."""
    dataset = selection.dataset
    part = Part(dataset.name, dataset.labelset, "train")
    maker = Maker(selection, product, part, folder / "out", folder / "staging", 1)
    found = None
    for name in ("uncounted", "counted"):
        shutil.rmtree(folder / "staging", ignore_errors=True)
        began = time.process_time()
        found = maker(Task(name, _full(dataset), True, None))
        spent = time.process_time() - began
    if isinstance(found, Exception) or found is None:
        return spent, 0, str(found)
    return spent, found.room, ""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path)
    parser.add_argument("--clip", action="store_true", help="also what needs a model")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="avs3d-prepare-") as name:
        folder = Path(name)
        roots = {
            "nuscenes": nuscenes_root(folder, options.data),
            "semantickitti": kitti_root(folder, options.data),
            "scannet": scannet_root(folder, options.data),
        }
        place = str(folder / "clip")
        if options.clip:
            from transformers import CLIPConfig, CLIPImageProcessor, CLIPModel

            CLIPModel(CLIPConfig()).save_pretrained(place)
            CLIPImageProcessor().save_pretrained(place)
        print("dataset        product    s/scan  x reading  on disk    whole    hours of a core")
        for kind, root in roots.items():
            products: list[Product] = [OpenScene(), Scenes()]
            if options.clip:
                products += [Smap(place, "cpu")] if kind == "nuscenes" else []
                products += [Features(f"clip:{place}", device="cpu")] if kind != "scannet" else []
            for product in products:
                selection = Selection(root, kind, product.options(kind))
                reading = seconds_of_reading(selection)
                spent, room, wrong = measured(selection, product, folder / "made")
                whole = in_bytes(room * SCANS[kind])
                hours = spent * SCANS[kind] / 3600
                print(
                    f"{kind:14} {product.what:9} {spent:7.2f} {spent / reading:10.1f}"
                    f" {in_bytes(room):>8} {whole:>8} {hours:8.1f}   {wrong}",
                    flush=True,
                )
        print(f"peak memory: {peak_memory()['process_mib']} MiB")


if __name__ == "__main__":
    main()
