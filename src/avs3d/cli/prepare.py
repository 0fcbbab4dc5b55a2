"""`avs3d prepare`: from official downloads to what training and evaluation need."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from avs3d.cli import options, source_options
from avs3d.cli.dataset_options import (
    Dataset,
    Every,
    Match,
    Option,
    Root,
    ShardOf,
    options_of,
)
from avs3d.cli.preparing import Asked, prepare

HELP = """Prepare an official download for training and evaluation.

\b
  openscene   OpenScene's folders: points with classes, images with poses
  smap        what SMAP is trained towards: embeddings of images, masks of cameras
  features    fused features: what images say of each point that they show
  captions    a sentence per camera image, by any image captioner
  scenes      coord.npy, segment.npy, …: a folder a scene, of any dataset

From nuScenes to all that training reads:

\b
  avs3d prepare openscene /data/nuscenes --split train,val --out openscene --jobs 8
  avs3d prepare features /data/nuscenes --features clip:models/clip --out fused
  avs3d prepare smap /data/nuscenes --clip models/clip --out smap
  avs3d prepare captions /data/nuscenes --image-captioner models/blip --out captions

Stopped at any time, even killed, the same command goes on where it was and gives the same bytes;
what is there is not replaced without --overwrite. A scan or an image that cannot be used is named
and left out. --check makes everything again, aside, and compares. Beside the data is a manifest
with the options, versions and the sha256 of every file. Sizes and times: docs/prepare.md."""

_GOES_ON = """

--split takes several, with commas; without it, all splits are prepared that are there as a whole.
Data without splits, and parts of one, get --name."""
OPENSCENE = f"""Make OpenScene's folders, DATASET_3d and DATASET_2d.

The first has SPLIT/SCENE.pth, points with their classes, 255 where there is none; the second
SPLIT/SCENE, images with K and pose. Of nuScenes all sweeps of half a second are taken, in the
frame of the key frame, whose points come first, and images are halved to 800 x 450; images of
ScanNet become 320 x 240, one of 20 (--option images=N).

Examples:

\b
  avs3d prepare openscene /data/nuscenes --split val --out openscene
  avs3d prepare openscene /data/scannet --out openscene --jobs 8 --option classes=200
  avs3d prepare openscene /data/kitti --match '00/*' --name train --out openscene
  avs3d prepare openscene /data/nuscenes --split val --out openscene --check
  avs3d run openscene --split val{_GOES_ON}"""
SMAP = f"""Make SMAP's caches: embeddings of images, masks of cameras.

cached_img_clip_feature_SPLIT.pt holds CLIP's embedding of every camera image,
nuscenes_camera_id_mask_SPLIT.pkl for every point of the key frame which cameras see it (bit i:
camera i). A scan of which an image is missing is in neither.

Examples:

\b
  avs3d prepare smap /data/nuscenes --clip openai/clip-vit-base-patch32 --out smap
  avs3d prepare smap /data/nuscenes --split train --clip models/clip --out smap --shard 1/4
  avs3d prepare smap /data/nuscenes --split train --clip models/clip --out smap

Shards make parts; the command without --shard puts them together.{_GOES_ON}"""
FEATURES = f"""Make fused features: SCENE.pt, what images say of each point.

--features is the CLIP model whose text encoder will be used, or a folder with a file of features
for each image (.npy, .safetensors; OpenSeg's or LSeg's, for example), with --width. The points are
those of `avs3d prepare openscene`, in the same order; earlier sweeps get no features.

Examples:

\b
  avs3d prepare features /data/nuscenes --split val --features clip:models/clip --out fused
  avs3d prepare features /data/scannet --features openseg/ --width 768 --halves 5 --out fused
  avs3d segment openscene/nuscenes_3d/val/*.pth --features fused/ --bundle CLIP_BUNDLE{_GOES_ON}"""
CAPTIONS = f"""Make captions_SPLIT.json: {{scene: {{camera: sentence}}}}.

With the embeddings of `avs3d prepare smap`, these are the pairs that a captioner is trained on.
The 20,000 newest answers of servers are kept on this machine, and not asked for again.

Examples:

\b
  avs3d prepare captions /data/nuscenes --image-captioner models/blip --out captions
  avs3d prepare captions /data/nuscenes --split val --out captions \\
      --image-captioner http://localhost:8000/v1#qwen{_GOES_ON}"""
SCENES = f"""Make a folder a scene, with an array for all that is known.

SPLIT/SCENE/ has .npy as Pointcept's: coord (N, 3), color (N, 3) from 0 to 255, normal (N, 3),
strength (N, 1) in the file's own scale, segment (N,) classes with -1 for none, instance (N,); and
sweep (N,), 0 for the key frame. Of any dataset, folder or recording that avs3d reads.

Examples:

\b
  avs3d prepare scenes /data/kitti --out scenes --jobs 4
  avs3d prepare scenes simulated/ --name train --out scenes
  avs3d prepare scenes recording.mcap --every 10 --name test --out scenes{_GOES_ON}"""

Out = Annotated[Path, typer.Option("--out", "-o", help="Folder of it all.", show_default=False)]
Split = Annotated[
    list[str] | None,
    typer.Option("--split", help="train, val, …; of the dataset.", show_default="all there are"),
]
Name = Annotated[
    str | None,
    typer.Option(
        "--name",
        metavar="PART",
        help="What the scans are called together, such as train.",
        show_default="the split",
    ),
]
Check = Annotated[
    bool, typer.Option("--check", help="Make nothing; compare what is there with the source.")
]
Jobs = Annotated[
    int, typer.Option("--jobs", "-j", min=1, max=256, help="So many scans at the same time.")
]
TenSweeps = Annotated[
    int | None,
    typer.Option(
        "--sweeps", min=1, max=10, help="Of the LiDAR, for a scan (nuScenes).", show_default="10"
    ),
]

app = typer.Typer(rich_markup_mode=None, no_args_is_help=True)


@app.command("openscene", help=OPENSCENE)
def openscene(
    root: Root, out: Out, dataset: Dataset = None, split: Split = None, name: Name = None,
    sweeps: TenSweeps = None, option: Option = None, match: Match = None, every: Every = 1,
    shard: ShardOf = None, jobs: Jobs = 1, check: Check = False,
    overwrite: options.Overwrite = False, quiet: options.Quietly = False,
    json: options.Json = False,
) -> None:  # fmt: skip
    """See `OPENSCENE`."""
    from avs3d.prepare.openscene import OpenScene

    given = options_of(option, sweeps=sweeps)
    asked = Asked(
        root, out, dataset, split, name, given, match, every, shard, jobs, check, overwrite, quiet,
        json,
    )  # fmt: skip
    raise typer.Exit(prepare(OpenScene(), asked))


@app.command("smap", help=SMAP)
def smap(
    root: Root, out: Out,
    clip: Annotated[
        str,
        typer.Option("--clip", metavar="MODEL", help="A folder or a hub id.", show_default=False),
    ],
    dataset: Dataset = None, split: Split = None, name: Name = None, option: Option = None,
    match: Match = None, every: Every = 1, shard: ShardOf = None, jobs: Jobs = 1,
    device: options.Device = "auto", check: Check = False, overwrite: options.Overwrite = False,
    quiet: options.Quietly = False, json: options.Json = False,
) -> None:  # fmt: skip
    """See `SMAP`."""
    from avs3d.prepare.smap import Smap

    asked = Asked(
        root, out, dataset, split, name, options_of(option), match, every, shard, jobs, check,
        overwrite, quiet, json,
    )  # fmt: skip
    raise typer.Exit(prepare(Smap(clip, device), asked))


@app.command("features", help=FEATURES)
def features(
    root: Root, out: Out,
    source: Annotated[
        str,
        typer.Option(
            "--features",
            metavar="WHERE",
            help="clip:MODEL, or a folder of features of images.",
            show_default=False,
        ),
    ],
    width: Annotated[
        int | None,
        typer.Option("--width", min=1, help="Of features in a folder.", show_default=False),
    ] = None,
    halves: Annotated[
        int,
        typer.Option(
            "--halves",
            min=0,
            max=100,
            metavar="K",
            help="Write SCENE_0.pt to SCENE_K-1.pt, each with a random half; 0: one file with all.",
        ),
    ] = 0,
    z_buffer: source_options.ZBuffer = None,
    dataset: Dataset = None, split: Split = None, name: Name = None, sweeps: TenSweeps = None,
    option: Option = None, match: Match = None, every: Every = 1, shard: ShardOf = None,
    jobs: Jobs = 1, device: options.Device = "auto", check: Check = False,
    overwrite: options.Overwrite = False, quiet: options.Quietly = False,
    json: options.Json = False,
) -> None:  # fmt: skip
    """See `FEATURES`."""
    from avs3d.prepare.features import Features

    given = options_of(option, sweeps=sweeps)
    asked = Asked(
        root, out, dataset, split, name, given, match, every, shard, jobs, check, overwrite, quiet,
        json,
    )  # fmt: skip
    raise typer.Exit(prepare(Features(source, width, z_buffer, halves, device), asked))


@app.command("captions", help=CAPTIONS)
def captions(
    root: Root, out: Out,
    image_captioner: Annotated[
        str,
        typer.Option(
            "--image-captioner",
            metavar="MODEL",
            help="A folder or hub id, http://HOST/v1#MODEL, or a .yaml file with more about it.",
            show_default=False,
        ),
    ],
    dataset: Dataset = None, split: Split = None, name: Name = None, option: Option = None,
    match: Match = None, every: Every = 1, shard: ShardOf = None, jobs: Jobs = 1,
    device: options.Device = "auto", check: Check = False, overwrite: options.Overwrite = False,
    quiet: options.Quietly = False, json: options.Json = False,
) -> None:  # fmt: skip
    """See `CAPTIONS`."""
    from avs3d.captioning.image_config import read_spec
    from avs3d.prepare.captions import Captions

    asked = Asked(
        root, out, dataset, split, name, options_of(option), match, every, shard, jobs, check,
        overwrite, quiet, json,
    )  # fmt: skip
    raise typer.Exit(prepare(Captions(read_spec(image_captioner), device), asked))


@app.command("scenes", help=SCENES)
def scenes(
    root: Root, out: Out, dataset: Dataset = None, split: Split = None, name: Name = None,
    sweeps: Annotated[
        int | None,
        typer.Option(
            "--sweeps", min=1, max=10, help="Of the LiDAR, for a scan (nuScenes).", show_default="1"
        ),
    ] = None,
    option: Option = None, match: Match = None, every: Every = 1, shard: ShardOf = None,
    jobs: Jobs = 1, check: Check = False, overwrite: options.Overwrite = False,
    quiet: options.Quietly = False, json: options.Json = False,
) -> None:  # fmt: skip
    """See `SCENES`."""
    from avs3d.prepare.scenes import Scenes

    given = options_of(option, sweeps=sweeps)
    asked = Asked(
        root, out, dataset, split, name, given, match, every, shard, jobs, check, overwrite, quiet,
        json,
    )  # fmt: skip
    raise typer.Exit(prepare(Scenes(), asked))
