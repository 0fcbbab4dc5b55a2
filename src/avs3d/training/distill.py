"""Distillation (paper, 3.2; OpenScene): the 3D network learns features that images gave, or the
embeddings of words, so that it needs no image any more."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
import torch.nn.functional as F
from pydantic import ValidationError, model_validator
from torch import Tensor, nn

from avs3d.bundle_config import BundleConfig, BundleName, Prompt
from avs3d.errors import UserError
from avs3d.text import load_text_encoder
from avs3d.training import export
from avs3d.training.batches import Batch, SceneBatches
from avs3d.training.common import (
    Network,
    NetworkSettings,
    SceneSettings,
    bundle_of,
    data_hash,
    start_with,
)
from avs3d.training.exams import WordExam
from avs3d.training.loop import Exam, Step, fit
from avs3d.training.processes import share_norms
from avs3d.training.samples import SampleDraws
from avs3d.training.scenes import SceneSet, classes_of
from avs3d.training.simulated_words import WordSteps
from avs3d.training.targets import FusedTargets, OfPoints, WordTargets


class DistillSettings(SceneSettings):
    """Settings of `avs3d train distill`.

    Attributes:
        features: folder of fused features, ``SCENE.pt``; None: the targets are the embeddings of
            the names of each point's own class.
        classes: names by class id, or a label set; needed without `features`, and for exams.
        text_encoder: of the space of the features, see `avs3d.text.load_text_encoder`.
        prompt: what is said to it of a word.
        network: see there.
        start: a bundle whose network is trained further, or None.
        loss: ``cosine``: 1 less the cosine; ``l1``: the mean absolute difference; of `simulated`
            scans: ``words``, nearer to its own words than to others (`avs3d.training.words`).
        freeze_norm: keep the BatchNorm statistics as they are. In training a scan is normalised by
            its own statistics, in use by the averaged ones: a last stage with frozen ones closes
            the gap.
        share_norms: in training, normalise by the scans of all processes; otherwise each by its
            own, which spares them from waiting for each other in every layer.
        name: of the bundle.
    """

    features: str | None = None
    classes: str | tuple[str, ...] | None = None
    text_encoder: str
    prompt: Prompt = "a {word} in a scene"
    network: NetworkSettings = NetworkSettings()
    start: str | None = None
    loss: Literal["cosine", "l1", "words"] = "cosine"
    freeze_norm: bool = False
    share_norms: bool = True
    name: BundleName = "distilled"

    @model_validator(mode="after")
    def _enough(self) -> DistillSettings:
        if (self.loss == "words") != (self.simulated is not None):
            raise ValueError("loss: words and simulated scans go together")
        if self.features is None and self.classes is None and self.simulated is None:
            raise ValueError(
                "give features to learn from, or classes whose names are learned (a label set, such"
                " as nuscenes-16 or street-91, or [names, by, class])"
            )
        if self.schedule.evaluate_every and (self.validation is None or self.classes is None):
            raise ValueError("schedule.evaluate_every needs validation scenes and classes")
        self.check_exams()
        return self

    def config(self) -> BundleConfig:
        """What `bundle.json` says; `UserError` where parts do not fit together."""
        try:
            return BundleConfig(
                name=self.name,
                text_encoder=self.text_encoder,
                prompt=self.prompt,
                voxel_size=self.network.voxel_size,
                grid="cloud",
                inputs=self.network.inputs,
                network=self.network.sizes,
                views=12,
            )
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(map(str, first["loc"])) or "network"
            raise UserError(
                f"{where}: {first['msg'].removeprefix('Value error, ')}; correct the settings"
            ) from None


class Distillation:
    """A training of the 3D network.

    Args:
        settings: see there.
        overfit: learn the first so many scenes by heart; 0: all of them.
    """

    def __init__(self, settings: DistillSettings, overfit: int = 0) -> None:
        self.settings = settings
        torch.manual_seed(settings.seed)
        config = settings.config()
        self.module: Network = settings.network.make()
        if settings.start is not None:
            start_with(self.module, config, bundle_of(settings.start, ()))
        if settings.share_norms:
            share_norms(self.module)
        self.words = self._words()
        place = settings.network.inputs, settings.network.voxel_size, overfit
        self.source: SceneBatches | SampleDraws
        self.step: Step
        if settings.simulated is not None:
            self.source = settings.draws(*place)
            self.files = tuple(self.source.samples.files)
            self.step = WordSteps(self.files, self._embed)
        else:
            self.source = settings.source(*place, points=self._targets())
            self.files = self.source.scenes.files
            self.step = self._feature_step

    def _words(self) -> np.ndarray | None:
        """(C, D) embeddings of the names of the classes."""
        settings = self.settings
        if settings.classes is None:
            return None
        words = self._embed(classes_of(settings.classes))
        if (width := words.shape[1]) != settings.network.dim:
            raise UserError(
                f"text_encoder {settings.text_encoder}: is {width} wide, network.dim is"
                f" {settings.network.dim}; they are of one space: set network.dim={width}, or give"
                " the encoder of the features"
            )
        return words

    def _embed(self, words: Sequence[str]) -> np.ndarray:
        prompts = [self.settings.prompt.replace("{word}", word) for word in words]
        return load_text_encoder(self.settings.text_encoder).encode(prompts)

    def _targets(self) -> OfPoints:
        if self.settings.features is not None:
            return FusedTargets(Path(self.settings.features), self.settings.network.dim)
        assert self.words is not None
        return WordTargets(self.words)

    def _feature_step(self, module: Network, batch: Batch) -> tuple[Tensor, dict[str, float]]:
        """The loss, a mean over scenes, of the voxels that have a target."""
        batch = batch.to(module.final.kernel.device)
        trunk = module.trunk(batch.x).features
        found = trunk[batch.rows] @ module.final.kernel
        losses = distances(found.float(), batch.target, self.settings.loss)
        scene = batch.x.level.coords[batch.rows, 0]
        sums = losses.new_zeros(len(batch.names)).index_add_(0, scene, losses)
        counts = torch.bincount(scene, minlength=len(batch.names)).clamp(min=1)
        return (sums / counts).mean(), {"voxels": float(len(trunk))}

    def exam(self) -> Exam | None:
        settings = self.settings
        if settings.validation is None or self.words is None:
            return None
        return WordExam(
            SceneSet.of(Path(settings.validation)), classes_of(settings.classes or ()), self.words,
            settings.network.inputs, settings.network.voxel_size,
        )  # fmt: skip

    def to(self, device: torch.device) -> None:
        self.module.to(device)

    def train(self, folder: Path, *, quiet: bool = False) -> None:
        self.module.train()
        if self.settings.freeze_norm:
            for part in self.module.modules():
                if isinstance(part, nn.BatchNorm1d):
                    part.eval()
        fit(
            self.module, self.step, self.settings.schedule, folder, seed=self.settings.seed,
            source=self.source, exam=self.exam(), habits=self.settings.habits(quiet),
        )  # fmt: skip
        self.module.eval()

    def export(self, folder: Path) -> Path:
        """The bundle in `folder`."""
        return export.bundle(
            folder, self.settings.config(), {"network": self.module}, self.settings,
            self.data(), self.told(),
        )  # fmt: skip

    def data(self, *, sizes: bool = True) -> str:
        """See `data_hash`."""
        features = self.settings.features
        files = self.files if features is None else (*self.files, Path(features))
        return data_hash(files, bundle=self.settings.start, sizes=sizes)

    def told(self) -> dict[str, Any]:
        """What the bundle says of itself besides."""
        if self.settings.simulated is not None:
            return {"targets": "words of the lexicon of avs3d.simulation"}
        return {"targets": self.settings.features or "embeddings of the names of the classes"}


def distances(found: Tensor, target: Tensor, loss: str) -> Tensor:
    """(K,) of (K, D) features from their targets."""
    if loss == "l1":
        return (found - target).abs().mean(1)
    return 1 - F.cosine_similarity(found, target, dim=1)
