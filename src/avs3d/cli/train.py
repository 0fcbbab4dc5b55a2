"""`avs3d train`: the trainings of the method's parts, each to a bundle."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

HELP = "Train the parts of a bundle on your own data."
_GOES_ON = """
Stopped at any time, the same command goes on where it was. Settings are a YAML file or a preset,
and --set changes single ones. `--dry-run` says what it will take; `--overfit 2` tries whether two
scenes can be learned by heart. On several GPUs: torchrun --nproc-per-node 4 -m avs3d train ...

For curves: pip install "avs3d[training]" and --set loggers=[tensorboard], or wandb for W&B."""
DISTILL = f"""Distil features of images or words of labels into a network.

From prepared scenes (scene folders, OpenScene's .pth, scans of `avs3d simulate`) and fused 2D
features (SCENE.pt), or from the class of every point, to a bundle with a 3D network that
`avs3d segment` takes.
{_GOES_ON}

Examples:

\b
  avs3d train distill laptop --scenes data/train --validation data/val --set classes=street-91
  avs3d train distill openscene --scenes data/nuscenes_3d/train --features data/fused --dry-run
  avs3d train distill mine.yaml --set schedule.steps=2000 --set loss=l1 --out runs/l1
  avs3d segment scan.bin --bundle runs/distill/bundle --vocabulary "car, road, tree\""""
SMAP = f"""Train the pooling: one embedding of the points of a view.

From the bundle of a distilled network, prepared scenes, the embeddings of camera images
(cached_img_clip_feature_SPLIT.pt) and which camera sees which points
(nuscenes_camera_id_mask_SPLIT.pkl).
{_GOES_ON}

Examples:

\b
  avs3d train smap published --bundle runs/distill/bundle --dry-run
  avs3d train smap mine.yaml --set loss=infonce --set tune=true"""
CAPTIONER = f"""Train the captioner: a sentence of a view's embedding.

From captions ({{scene: {{view: caption}}}}) and the embeddings of the same views, or from the text
alone, whose own embeddings, with noise, take the place of views.
{_GOES_ON}

Examples:

\b
  avs3d train captioner text-only --bundle runs/smap/bundle --captions captions.json
  avs3d train captioner pairs --bundle runs/smap/bundle --captions captions.json --images images.pt
  avs3d segment scan.bin --bundle runs/captioner/bundle"""
STREET_MINI = """Make the packaged bundle again, from nothing but a seed.

Simulates streets, trains the 3D network, the pooling and the captioner on them, and packs the
bundle. Stopped at any time, the same command goes on where it was. Takes hours on a few cores.

Needs pip install "avs3d[simulation]".

Examples:

\b
  avs3d train street-mini --processes 2
  avs3d train street-mini --start street-mini --out runs/further
  avs3d train street-mini --set network.schedule.steps=1400 --out runs/shorter
  avs3d segment scan.bin --bundle runs/street-mini/bundle"""

app = typer.Typer(rich_markup_mode=None)

PRESETS = {
    "distill": "laptop, openscene",
    "smap": "laptop, published",
    "captioner": "clipcap, pairs, text-only",
}


def _preset(training: str) -> Any:
    told = f"A preset ({PRESETS[training]}) or a YAML file."
    return typer.Argument(help=told, show_default="only what is set")


Changes = Annotated[
    list[str] | None,
    typer.Option("--set", "-s", metavar="NAME=VALUE", help="Change a setting; again for more."),
]
Scenes = Annotated[str | None, typer.Option("--scenes", help="Folder of prepared scenes.")]
Validation = Annotated[str | None, typer.Option("--validation", help="Scenes for exams.")]
Features = Annotated[str | None, typer.Option("--features", help="Folder of fused features.")]
Given = Annotated[str | None, typer.Option("--bundle", "-b", help="The bundle to go on from.")]
Images = Annotated[str | None, typer.Option("--images", help="Embeddings of images (.pt).")]
Masks = Annotated[str | None, typer.Option("--masks", help="Which camera sees which points.")]
Captions = Annotated[str | None, typer.Option("--captions", help="JSON of captions.")]
Seed = Annotated[
    int | None, typer.Option("--seed", min=0, help="Of every random choice.", show_default="0")
]
Overfit = Annotated[
    int, typer.Option("--overfit", min=0, help="Learn so many scenes (or views) by heart.")
]
DryRun = Annotated[
    bool, typer.Option("--dry-run", help="Say shapes, memory and time, and train nothing.")
]
Processes = Annotated[
    int, typer.Option("--processes", min=1, help="Train with so many, a thread each.")
]
Device = Annotated[str, typer.Option("--device", help="auto, cpu, cuda or cuda:N.")]
Quietly = Annotated[bool, typer.Option("--quiet", "-q", help="Say nothing but errors.")]


@app.command("distill", help=DISTILL)
def distill(
    settings: Annotated[str | None, _preset("distill")] = None,
    scenes: Scenes = None,
    features: Features = None,
    validation: Validation = None,
    changes: Changes = None,
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder of the run.")] = Path(
        "runs/distill"
    ),
    seed: Seed = None,
    overfit: Overfit = 0,
    dry_run: DryRun = False,
    processes: Processes = 1,
    device: Device = "auto",
    quiet: Quietly = False,
) -> None:
    """See `DISTILL`."""
    from avs3d.training.distill import Distillation, DistillSettings
    from avs3d.training.settings import read

    given = read(
        DistillSettings, "distill", settings, changes or [], scenes=scenes, features=features,
        validation=validation, seed=seed,
    )  # fmt: skip
    _run(Distillation, given, out, overfit, dry_run, processes, device, quiet)


@app.command("smap", help=SMAP)
def smap(
    settings: Annotated[str | None, _preset("smap")] = None,
    bundle: Given = None,
    scenes: Scenes = None,
    images: Images = None,
    masks: Masks = None,
    validation: Validation = None,
    changes: Changes = None,
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder of the run.")] = Path(
        "runs/smap"
    ),
    seed: Seed = None,
    overfit: Overfit = 0,
    dry_run: DryRun = False,
    processes: Processes = 1,
    device: Device = "auto",
    quiet: Quietly = False,
) -> None:
    """See `SMAP`."""
    from avs3d.training.settings import read
    from avs3d.training.smap import SmapSettings, SmapTraining

    given = read(
        SmapSettings, "smap", settings, changes or [], bundle=bundle, scenes=scenes, images=images,
        masks=masks, validation=validation, seed=seed,
    )  # fmt: skip
    _run(SmapTraining, given, out, overfit, dry_run, processes, device, quiet)


@app.command("captioner", help=CAPTIONER)
def captioner(
    settings: Annotated[str | None, _preset("captioner")] = None,
    bundle: Given = None,
    captions: Captions = None,
    images: Images = None,
    changes: Changes = None,
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder of the run.")] = Path(
        "runs/captioner"
    ),
    seed: Seed = None,
    overfit: Overfit = 0,
    dry_run: DryRun = False,
    processes: Processes = 1,
    device: Device = "auto",
    quiet: Quietly = False,
) -> None:
    """See `CAPTIONER`."""
    from avs3d.training.captioner import CaptionerSettings, CaptionerTraining
    from avs3d.training.settings import read

    given = read(
        CaptionerSettings, "captioner", settings, changes or [], bundle=bundle, captions=captions,
        images=images, seed=seed,
    )  # fmt: skip
    _run(CaptionerTraining, given, out, overfit, dry_run, processes, device, quiet)


def _run(
    make: Callable[[Any, int], Any], settings: Any, out: Path, overfit: int, dry_run: bool,
    processes: int, device: str, quiet: bool,
) -> None:  # fmt: skip
    from avs3d.environment import torch_device
    from avs3d.training.processes import is_first
    from avs3d.training.running import run, told

    place = torch_device(device)
    if dry_run:
        told(make, settings, overfit=overfit, processes=processes, device=place)
        return
    made = run(make, settings, out, overfit=overfit, processes=processes, device=place, quiet=quiet)
    if is_first():
        typer.echo(str(made))


@app.command("street-mini", help=STREET_MINI)
def street_mini(
    out: Annotated[
        Path, typer.Option("--out", "-o", help="Folder of everything, also of what to resume.")
    ] = Path("runs/street-mini"),
    seed: Annotated[int, typer.Option("--seed", min=0, help="Of every random choice.")] = 0,
    processes: Processes = 1,
    start: Annotated[
        str | None,
        typer.Option(
            "--start",
            help="Tune the network of this bundle further; its captioner is kept.",
            show_default=False,
        ),
    ] = None,
    changes: Changes = None,
) -> None:
    """See `STREET_MINI`."""
    from avs3d.batch import make_folder
    from avs3d.environment import require

    require("simulation")
    make_folder(out)
    from avs3d.training.settings import read
    from avs3d.training.street_mini import PRESET, Recipe, train

    recipe = read(Recipe, "street-mini", PRESET, changes or [], start=start)
    typer.echo(str(train(out, recipe, seed=seed, processes=processes)))
