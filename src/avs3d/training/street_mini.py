"""The packaged bundle, from nothing but a seed: simulate, distil, pool, caption, pack.

The trainings are those of `avs3d train distill`, `smap` and `captioner`; what is set of them is in
`presets/packaged.street-mini.yaml`. Every stage keeps its progress in the folder; the same command
goes on where it stopped.
"""

from __future__ import annotations

import copy
import json
import shutil
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from pydantic import Field

from avs3d import __version__
from avs3d.atomic import write_json
from avs3d.bundle import CAPTIONER_FILES, Bundle, save_bundle
from avs3d.errors import UserError
from avs3d.lock import locked
from avs3d.models.configs import CaptionerConfig
from avs3d.simulation.dataset import fingerprint, generate
from avs3d.text import SentenceEncoder
from avs3d.training.captioner import Language, LanguageSettings
from avs3d.training.captions import Corpus
from avs3d.training.common import Network, Simulated
from avs3d.training.distill import Distillation, DistillSettings
from avs3d.training.export import FOLDER
from avs3d.training.loop import Schedule
from avs3d.training.processes import in_processes, is_first
from avs3d.training.running import remember, room
from avs3d.training.samples import SampleMaker
from avs3d.training.saying import DRAFTS, fit_saying
from avs3d.training.scores import simulated_scores
from avs3d.training.settings import Settings
from avs3d.training.simulated_views import pooled_views, training_captions
from avs3d.training.smap import SmapSettings, SmapTraining
from avs3d.training.taught_words import taught_words

PRESET = "packaged"
_STEM = "conv0p1s1.kernel"
_FITTING = "fitting"  # folder of further worlds, by which captions learn what is sure
VALIDATION = {  # folder: what is simulated in it
    "validation": "other worlds of the kinds trained on",
    "held-out": "kinds of worlds, shapes and sensors never trained on",
}


class Tuning(Settings):
    """The last stage of the network: what differs from the first.

    Attributes:
        rounds: how often its schedule is gone through, with other samples each time and from the
            weights of the time before (warm restarts; Loshchilov and Hutter, ICLR 2017).
        simulated, freeze_norm, schedule: see `DistillSettings`.
    """

    rounds: int = Field(default=1, gt=0)
    simulated: Simulated
    freeze_norm: bool = True
    schedule: Schedule


class Recipe(Settings):
    """How much of everything.

    Attributes:
        scans: simulated for training; `validation` more of each kind of `VALIDATION`.
        network: distillation of the 3D network; its batch is of all processes together, each of
            which takes one scan at least.
        tuning: its last stage, with frozen BatchNorm.
        pooling: of SMAP.
        captions: different ones of each view.
        written_views: views whose captions the captioner learns from text alone.
        pooled_scans: scans whose views it learns from as the pooling sees them.
        captioner: how it learns.
        views: sectors that a scan is described in.
        start: a bundle of this kind, see `Bundle.load`, whose network is tuned further and whose
            captioner is kept; None: both are new, and the network goes through the `network`
            stage first.
        kept: share of the start's weights in the result. Tuning on the words of the lexicon costs
            some of what was known of other words; a mean of the weights costs less.
    """

    scans: int = Field(gt=0)
    validation: int = Field(gt=0)
    network: DistillSettings
    tuning: Tuning
    pooling: SmapSettings
    captions: int = Field(gt=0)
    written_views: int = Field(gt=0)
    pooled_scans: int = Field(gt=0)
    captioner: LanguageSettings
    views: int = Field(gt=0)
    start: str | None = None
    kept: float = Field(ge=0, le=1)

    def shared_by(self, processes: int) -> Recipe:
        """The same for each of so many processes."""
        batch = max(self.network.batch // processes, 1)
        network = self.network.model_copy(update={"batch": batch})
        return self.model_copy(update={"network": network})

    def distillation(self, folder: Path, seed: int) -> DistillSettings:
        """The first stage, in the folder of a run."""
        return self.network.model_copy(update={"scenes": str(folder / "scans"), "seed": seed})

    def tuning_round(self, folder: Path, seed: int) -> DistillSettings:
        """A round of the last stage, in the folder of a run."""
        tuning = self.tuning
        changes = {name: getattr(tuning, name) for name in ("simulated", "freeze_norm", "schedule")}
        return self.distillation(folder, seed).model_copy(update=changes)

    def smap(self, folder: Path, seed: int) -> SmapSettings:
        """The pooling, in the folder of a run."""
        bundle = str(_round(folder, self.tuning.rounds) / FOLDER)
        return self.pooling.model_copy(
            update={"scenes": str(folder / "scans"), "bundle": bundle, "seed": seed}
        )


def train(folder: Path, recipe: Recipe, *, seed: int = 0, processes: int = 1) -> Path:
    """Everything from simulation to the finished bundle.

    Args:
        folder: of all intermediate results.
        recipe: how much of everything.
        seed: of every random choice.
        processes: train with this many single-threaded processes whose gradients are averaged,
            or, when 1, with one process on all of torch's threads.

    Returns:
        The bundle's folder.

    Raises:
        UserError: the folder holds another training, or another command works in it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    told = {"recipe": recipe.model_dump(mode="json"), "seed": seed, "simulation": fingerprint()}
    with locked(folder), room(folder):
        remember(folder, told)
        return _train(folder, recipe, seed, processes)


def _train(folder: Path, recipe: Recipe, seed: int, processes: int) -> Path:
    make = partial(generate, workers=processes)
    make(folder / "scans", recipe.scans, start_seed=seed + 1_000_000)
    make(folder / _FITTING, (recipe.validation + 1) // 2, start_seed=seed + 2_000_000)
    for place in VALIDATION:
        make(folder / place, recipe.validation, start_seed=seed, held_out=place == "held-out")
    share = recipe.shared_by(processes)
    for stage in (network_stage, pooling_stage):
        in_processes(stage, processes, folder / "rendezvous", folder, share, seed)
    _captioner_stage(folder, recipe, seed)
    return _pack(folder, recipe, seed)


def network_stage(folder: Path, recipe: Recipe, seed: int) -> None:
    """Distil and tune; the bundle is in the folder of the last round."""
    first = Distillation(recipe.distillation(folder, seed))
    network = first.module
    if recipe.start is not None:
        begin_with(network, recipe.network.network.inputs, Bundle.load(recipe.start))
    else:
        first.train(folder / "network", quiet=True)
    for turn in range(1, recipe.tuning.rounds + 1):
        last = Distillation(recipe.tuning_round(folder, seed + turn))
        last.module.load_state_dict(network.state_dict())
        last.train(_round(folder, turn), quiet=True)
        network = last.module
    if is_first():
        last.export(_round(folder, recipe.tuning.rounds))


def _round(folder: Path, turn: int) -> Path:
    """Of a round of the tuning, counted from 1."""
    return folder / "tuning" / str(turn)


def pooling_stage(folder: Path, recipe: Recipe, seed: int) -> None:
    """Train SMAP on the tuned network; the bundle is in ``folder/pooling``."""
    training = SmapTraining(recipe.smap(folder, seed))
    training.train(folder / "pooling", quiet=True)
    if is_first():
        training.export(folder / "pooling")


def begin_with(network: Network, inputs: tuple[str, ...], bundle: Bundle) -> None:
    """Give a network the weights of a bundle's; inputs that are new to them count for nothing yet.

    Raises:
        UserError: the bundle's network has other layers.
    """
    state, known = bundle.network.state_dict(), bundle.config.inputs
    stem = torch.zeros_like(network.get_parameter(_STEM))
    for column, name in enumerate(inputs):
        if name in known and _STEM in state and state[_STEM].shape[::2] == stem.shape[::2]:
            stem[:, column] = state[_STEM][:, known.index(name)]
    try:
        network.load_state_dict({**state, _STEM: stem})
    except RuntimeError:
        raise UserError(
            f"bundle {bundle.name} has another network than street-mini: it cannot be its start"
        ) from None


def keep_some(network: Network, inputs: tuple[str, ...], bundle: Bundle, share: float) -> None:
    """Move a network's weights by a share of the way back to those that it began with."""
    start = copy.deepcopy(network)
    begin_with(start, inputs, bundle)
    first = start.state_dict()
    for key, value in network.state_dict().items():
        if value.is_floating_point():
            value.lerp_(first[key], share)


def _captioner_stage(folder: Path, recipe: Recipe, seed: int) -> None:
    place = folder / "captioner"
    if (place / "captioner.json").exists():
        return
    if recipe.start is not None:
        _keep_captioner(Bundle.load(recipe.start), place)
        return
    files = sorted((folder / "scans").glob("scan_*.npz"))
    written = training_captions(files, recipe.written_views, per_view=recipe.captions, seed=seed)
    bundle = Bundle.load(folder / "pooling" / FOLDER)
    assert bundle.pooling is not None and bundle.config.pooling is not None
    samples = SampleMaker(files, bundle.config.inputs, bundle.config.voxel_size)
    seen, embeddings = pooled_views(
        bundle.pooling, bundle.network, samples, recipe.pooled_scans, recipe.captions, seed=seed
    )
    dim = embeddings.shape[1]
    none = np.full((len(written), dim), np.nan, np.float32)
    corpus = Corpus(written + seen, np.concatenate([none, embeddings]))
    settings = recipe.captioner.model_copy(update={"seed": seed})
    language = Language(settings, corpus, SentenceEncoder(bundle.text_encoder), dim)
    language.train(place)
    language.save(place)


def _keep_captioner(bundle: Bundle, folder: Path) -> None:
    assert bundle.config.captioner is not None
    folder.mkdir(exist_ok=True)
    for name in CAPTIONER_FILES:
        shutil.copyfile(bundle.folder / name, folder / name)
    write_json(folder / "captioner.json", bundle.config.captioner.model_dump(mode="json"))


def _pack(folder: Path, recipe: Recipe, seed: int) -> Path:
    """Write `folder/bundle` in half precision, with the logs and the scores of what was written."""
    made = Bundle.load(folder / "pooling" / FOLDER)
    assert made.pooling is not None
    if recipe.start is not None:
        keep_some(made.network, made.config.inputs, Bundle.load(recipe.start), recipe.kept)
    captioner = json.loads((folder / "captioner" / "captioner.json").read_text("utf-8"))
    known = taught_words(SentenceEncoder(made.text_encoder), made.config.prompt)
    config = made.config.model_copy(
        update={
            "name": "street-mini",
            "captioner": CaptionerConfig(**{**captioner, **DRAFTS}),
            "views": recipe.views,
            "known_words": known.config,
            "provenance": {},
        }
    )
    bundle = folder / FOLDER
    bundle.mkdir(parents=True, exist_ok=True)
    for name in CAPTIONER_FILES:
        shutil.copyfile(folder / "captioner" / name, bundle / name)
    modules = {"network": made.network, "pooling": made.pooling, "known_words": known}
    save_bundle(bundle, config, modules, half=True)
    new = recipe.start is None
    stages = ("network", "tuning", "pooling", "captioner") if new else ("tuning", "pooling")
    places = {stage: folder / stage for stage in stages if stage != "tuning"}
    rounds = range(1, recipe.tuning.rounds + 1)
    places |= {f"tuning.{turn}": _round(folder, turn) for turn in rounds}
    for name, place in places.items():
        shutil.copyfile(place / "log.jsonl", bundle / f"{name}.log.jsonl")
    worlds = sorted((folder / _FITTING).glob("scan_*.npz"))
    worlds += sorted((folder / "scans").glob("scan_*.npz"))[7::50]
    config = config.model_copy(update={"saying": fit_saying(bundle, worlds)})
    save_bundle(bundle, config, {})
    exams = {
        place: simulated_scores(bundle, sorted((folder / place).glob("scan_*.npz")))
        for place in VALIDATION
    }
    steps = {stage: getattr(recipe, stage).schedule.steps for stage in stages}
    steps["tuning"] *= recipe.tuning.rounds
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
