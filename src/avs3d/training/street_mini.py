"""The packaged bundle, from nothing but a seed: simulate, train, caption, pack.

Every stage keeps its progress in the folder; the same command goes on where it stopped.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.distributed as dist
import torch.multiprocessing as mp

from avs3d import __version__
from avs3d.atomic import write_json
from avs3d.bundle import CAPTIONER_FILES, Bundle, save_bundle
from avs3d.bundle_config import BundleConfig, CaptionerConfig, NetworkConfig, PoolingConfig
from avs3d.errors import UserError
from avs3d.models.minkunet import MinkUNet
from avs3d.models.smap import SparseMaskedAttentionPooling
from avs3d.simulation.dataset import generate
from avs3d.text import SentenceEncoder, load_text_encoder
from avs3d.training.captioner import train_captioner, training_captions
from avs3d.training.loop import Schedule
from avs3d.training.network import train_network
from avs3d.training.pooling import pooled_views, train_pooling
from avs3d.training.samples import SampleMaker
from avs3d.training.saying import DRAFTS, fit_saying
from avs3d.training.scores import simulated_scores
from avs3d.workers import end_with_parent

RESULT = "averaged.pt"
_STEM = "conv0p1s1.kernel"
VALIDATION = {  # folder: what is simulated in it
    "validation": "other worlds of the kinds trained on",
    "held-out": "kinds of worlds, shapes and sensors never trained on",
}
CAPTIONS = 4  # different ones of each view
# The network learns from parts of scans, half of them around a thing of a kind drawn at random.
PARTS: dict[str, Any] = {"max_voxels": 10_000, "aimed": 0.5}
STRANGE_SHARE = 0.1  # of the scans in the last stage
PROMPT = "a {word}"
TEXT_ENCODER = "minilm"
VOXEL_SIZE = 0.15
VIEWS = 36  # more sectors than the paper's 12: more words are found, few of them false
INPUTS = ("one", "height", "step", "distance", "intensity", "has_intensity")
NETWORK = NetworkConfig(
    in_channels=len(INPUTS),
    out_channels=384,
    planes=(32, 64, 96, 160, 128, 96, 64, 64),
    layers=(1,) * 8,
    stem=32,
    stem_kernel=3,
)
POOLING = PoolingConfig(in_channels=384, channels=96, out_channels=384, heads=8)


@dataclass(frozen=True)
class Recipe:
    """How much of everything.

    Attributes:
        scans: simulated for training; `validation` more of each kind of `VALIDATION`.
        network: schedule of the 3D network.
        tuning: its last stage, with frozen BatchNorm.
        pooling: schedule of SMAP.
        written_views: views whose captions the captioner learns from text alone.
        pooled_scans: scans whose views it learns from as the pooling sees them.
        captioner: its schedule.
        start: a bundle of this kind, see `Bundle.load`, whose network is tuned further and whose
            captioner is kept; None: both are new, and the network goes through the `network`
            schedule first.
        kept: share of the start's weights in the result. Tuning on the words of the lexicon costs
            some of what was known of other words; a mean of the weights costs less.
    """

    scans: int = 3000
    validation: int = 60
    network: Schedule = Schedule(steps=2700, lr=3e-3, warmup=100)
    tuning: Schedule = Schedule(steps=3900, lr=1.5e-3, warmup=100)
    pooling: Schedule = Schedule(steps=500, lr=2e-3, warmup=40)
    written_views: int = 7000
    pooled_scans: int = 250
    captioner: Schedule = Schedule(steps=900, lr=2e-3, warmup=100, average=0.995)
    start: str | None = None
    kept: float = 0.2


def embed_words(words: list[str]) -> np.ndarray:
    """(W, 384) float32 L2-normalised embeddings of prompted words."""
    prompts = [PROMPT.replace("{word}", word) for word in words]
    return load_text_encoder(TEXT_ENCODER).encode(prompts)


def train(folder: Path, recipe: Recipe | None = None, *, seed: int = 0, processes: int = 1) -> Path:
    """Everything from simulation to the finished bundle.

    Args:
        folder: of all intermediate results.
        recipe: how much of everything.
        seed: of every random choice.
        processes: train with this many single-threaded processes whose gradients are averaged,
            or, when 1, with one process on all of torch's threads.

    Returns:
        The bundle's folder.
    """
    recipe = recipe or Recipe()
    generate(folder / "scans", recipe.scans, start_seed=seed + 1_000_000, workers=processes)
    for place in VALIDATION:
        generate(
            folder / place, recipe.validation, start_seed=seed, workers=processes,
            held_out=place == "held-out",
        )  # fmt: skip
    _in_processes(_network_stage, processes, folder, recipe, seed)
    _in_processes(_pooling_stage, processes, folder, recipe, seed)
    _captioner_stage(folder, recipe, seed)
    return _pack(folder, recipe, seed)


def _network_stage(folder: Path, recipe: Recipe, seed: int) -> None:
    torch.manual_seed(seed)
    network = MinkUNet(**NETWORK.model_dump())
    if recipe.start is not None:
        begin_with(network, Bundle.load(recipe.start))
    else:
        train_network(
            network, _samples(folder / "scans", **PARTS), embed_words, recipe.network,
            folder / "network", seed=seed,
        )  # fmt: skip
    train_network(
        network, _samples(folder / "scans", **PARTS, strange=STRANGE_SHARE), embed_words,
        recipe.tuning, folder / "tuning", freeze_norm=True, seed=seed + 1,
    )  # fmt: skip
    if _is_first():
        torch.save(network.state_dict(), folder / "tuning" / RESULT)


def begin_with(network: MinkUNet, bundle: Bundle) -> None:
    """Give a network the weights of a bundle's; inputs that are new to them count for nothing yet.

    Raises:
        UserError: the bundle's network has other layers.
    """
    state, known = bundle.network.state_dict(), bundle.config.inputs
    stem = torch.zeros_like(network.conv0p1s1.kernel)
    for column, name in enumerate(INPUTS):
        if name in known and _STEM in state and state[_STEM].shape[::2] == stem.shape[::2]:
            stem[:, column] = state[_STEM][:, known.index(name)]
    try:
        network.load_state_dict({**state, _STEM: stem})
    except RuntimeError:
        raise UserError(
            f"bundle {bundle.name} has another network than street-mini: it cannot be its start"
        ) from None


def keep_some(network: MinkUNet, bundle: Bundle, share: float) -> None:
    """Move a network's weights by a share of the way back to those that it began with."""
    start = MinkUNet(**NETWORK.model_dump())
    begin_with(start, bundle)
    first = start.state_dict()
    for key, value in network.state_dict().items():
        if value.is_floating_point():
            value.lerp_(first[key], share)


def _pooling_stage(folder: Path, recipe: Recipe, seed: int) -> None:
    network = MinkUNet(**NETWORK.model_dump())
    network.load_state_dict(torch.load(folder / "tuning" / RESULT, weights_only=True))
    torch.manual_seed(seed)
    pooling = _new_pooling()
    train_pooling(
        pooling, network.eval(), _samples(folder / "scans"), SentenceEncoder(TEXT_ENCODER).encode,
        recipe.pooling, folder / "pooling", seed=seed,
    )  # fmt: skip
    if _is_first():
        torch.save(pooling.state_dict(), folder / "pooling" / RESULT)


def _captioner_stage(folder: Path, recipe: Recipe, seed: int) -> None:
    if (folder / "captioner" / "captioner.json").exists():
        return
    if recipe.start is not None:
        _keep_captioner(Bundle.load(recipe.start), folder / "captioner")
        return
    files = sorted((folder / "scans").glob("scan_*.npz"))
    written = training_captions(files, recipe.written_views, per_view=CAPTIONS, seed=seed)
    network, pooling = _trained(folder)
    seen, embeddings = pooled_views(
        pooling, network, _samples(folder / "scans"), recipe.pooled_scans, CAPTIONS, seed=seed
    )
    train_captioner(
        folder / "captioner", written + seen, SentenceEncoder(TEXT_ENCODER), pooled=embeddings,
        schedule=recipe.captioner, seed=seed,
    )  # fmt: skip


def _keep_captioner(bundle: Bundle, folder: Path) -> None:
    assert bundle.config.captioner is not None
    folder.mkdir(exist_ok=True)
    for name in CAPTIONER_FILES:
        shutil.copyfile(bundle.folder / name, folder / name)
    write_json(folder / "captioner.json", bundle.config.captioner.model_dump(mode="json"))


def _pack(folder: Path, recipe: Recipe, seed: int) -> Path:
    """Write `folder/bundle` in half precision, with the logs and the scores of what was written."""
    network, pooling = _trained(folder)
    if recipe.start is not None:
        keep_some(network, Bundle.load(recipe.start), recipe.kept)
    captioner = json.loads((folder / "captioner" / "captioner.json").read_text("utf-8"))
    config = BundleConfig(
        name="street-mini",
        text_encoder=TEXT_ENCODER,
        prompt=PROMPT,
        voxel_size=VOXEL_SIZE,
        grid="cloud",
        inputs=INPUTS,
        network=NETWORK,
        pooling=POOLING,
        captioner=CaptionerConfig(**{**captioner, **DRAFTS}),
        views=VIEWS,
    )
    bundle = folder / "bundle"
    bundle.mkdir(parents=True, exist_ok=True)
    for name in CAPTIONER_FILES:
        shutil.copyfile(folder / "captioner" / name, bundle / name)
    save_bundle(bundle, config, {"network": network, "pooling": pooling}, half=True)
    new = recipe.start is None
    stages = ("network", "tuning", "pooling", "captioner") if new else ("tuning", "pooling")
    for stage in stages:
        shutil.copyfile(folder / stage / "log.jsonl", bundle / f"{stage}.log.jsonl")
    worlds = sorted((folder / "validation").glob("scan_*.npz"))[::2]
    worlds += sorted((folder / "scans").glob("scan_*.npz"))[7::50]
    config = config.model_copy(update={"saying": fit_saying(bundle, worlds)})
    save_bundle(bundle, config, {})
    exams = {
        place: simulated_scores(bundle, sorted((folder / place).glob("scan_*.npz")))
        for place in VALIDATION
    }
    steps = {stage: getattr(recipe, stage).steps for stage in stages}
    provenance = {
        "data": f"{recipe.scans} simulated scans (avs3d.simulation); no real scan, no image",
        "steps": ", ".join(f"{stage} {count}" for stage, count in steps.items()),
        "made": f"{date.today().isoformat()} with avs3d {__version__}, seed {seed}",
        "start": _told_of_start(recipe),
        "licence": "Apache-2.0",
        "scores": {
            f"{recipe.validation} simulated scans, {what}": {
                **exams[place].scores,
                "categories": exams[place].categories,
            }
            for place, what in VALIDATION.items()
        },
    }
    strangers = exams["held-out"]
    done = config.model_copy(
        update={
            "score": strangers.score,
            "low_score": strangers.low_score,
            "provenance": provenance,
        }
    )
    save_bundle(bundle, done, {})
    return bundle


def _told_of_start(recipe: Recipe) -> dict[str, Any] | None:
    if recipe.start is None:
        return None
    told = {k: v for k, v in Bundle.load(recipe.start).provenance.items() if k != "scores"}
    return {"kept": recipe.kept, **told}


def _trained(folder: Path) -> tuple[MinkUNet, SparseMaskedAttentionPooling]:
    network, pooling = MinkUNet(**NETWORK.model_dump()), _new_pooling()
    for module, stage in ((network, "tuning"), (pooling, "pooling")):
        module.load_state_dict(torch.load(folder / stage / RESULT, weights_only=True))
    return network.eval(), pooling.eval()


def _new_pooling() -> SparseMaskedAttentionPooling:
    return SparseMaskedAttentionPooling(**POOLING.model_dump())


def _samples(folder: Path, **options: Any) -> SampleMaker:
    return SampleMaker(sorted(folder.glob("scan_*.npz")), INPUTS, VOXEL_SIZE, **options)


def _is_first() -> bool:
    return not dist.is_initialized() or dist.get_rank() == 0


def _in_processes(
    stage: Callable[[Path, Recipe, int], None],
    processes: int,
    folder: Path,
    recipe: Recipe,
    seed: int,
) -> None:
    if processes == 1:
        stage(folder, recipe, seed)
        return
    meeting = folder / f"{stage.__name__}.rendezvous"
    meeting.unlink(missing_ok=True)
    mp.spawn(
        _ranked, (processes, meeting, stage, folder, recipe, seed), nprocs=processes, join=True
    )


def _ranked(
    rank: int,
    world: int,
    meeting: Path,
    stage: Callable[[Path, Recipe, int], None],
    folder: Path,
    recipe: Recipe,
    seed: int,
) -> None:
    end_with_parent()
    torch.set_num_threads(1)
    address = f"file://{meeting.absolute()}"
    dist.init_process_group("gloo", init_method=address, rank=rank, world_size=world)
    stage(folder, recipe, seed)
    dist.destroy_process_group()
