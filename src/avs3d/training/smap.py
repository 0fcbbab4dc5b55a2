"""Training of SMAP (paper, 3.3): the points of a view to the embedding of its image.

The points of a view are those that a camera sees; once trained, SMAP pools any set of points, and
is examined on azimuth sectors, as it is used.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
import torch.nn.functional as F
from pydantic import Field, model_validator
from torch import Tensor, nn

from avs3d.bundle_config import BundleConfig, BundleName
from avs3d.errors import UserError
from avs3d.models.configs import PoolingConfig
from avs3d.models.smap import SparseMaskedAttentionPooling
from avs3d.scan import Scan
from avs3d.text import load_text_encoder
from avs3d.training import export
from avs3d.training.batches import Batch, SceneBatches
from avs3d.training.captioner import uncached
from avs3d.training.common import Network, SceneSettings, bundle_of, data_hash
from avs3d.training.exams import nearness, voxel_features
from avs3d.training.loop import Exam, fit
from avs3d.training.processes import share_norms
from avs3d.training.samples import Sample, SampleDraws
from avs3d.training.scenes import NONE, SceneSet, classes_of
from avs3d.training.simulated_views import captioned_targets, pooled
from avs3d.training.targets import CameraTargets
from avs3d.views import lidar_sectors, viewpoint

_SEEN = 20  # points of a class in a sector that make it one to be found


class SmapSettings(SceneSettings):
    """Settings of `avs3d train smap`.

    Attributes:
        bundle: whose 3D network gives the points their features; its captioner is kept.
        images: ``cached_img_clip_feature_SPLIT.pt``; not for `simulated` scans, whose views are
            random sectors and whose targets are the embeddings of their captions.
        masks: ``nuscenes_camera_id_mask_SPLIT.pkl`` or ``.pt``; likewise.
        tune: train the 3D network too; as published it is frozen.
        channels, heads: of the pooling.
        dim: width of the embeddings of images.
        loss: ``mse``: the squared distance (published); ``cosine``; ``infonce``: tell a view's
            image from those of the other views.
        temperature: of ``infonce``.
        classes: names by class id, or a label set, for exams.
        text_encoder: of the space of the images, for exams and captions.
        sectors: that validation scenes are cut into.
        name: of the bundle.
    """

    bundle: str
    images: str | None = None
    masks: str | None = None
    tune: bool = False
    channels: int = Field(default=512, gt=0, le=8192)
    heads: int = Field(default=8, gt=0, le=64)
    dim: int = Field(default=512, gt=0, le=8192)
    loss: Literal["mse", "cosine", "infonce"] = "mse"
    temperature: float = Field(default=0.07, gt=0)
    classes: str | tuple[str, ...] | None = None
    text_encoder: str | None = None
    sectors: int = Field(default=12, gt=0, le=360)
    name: BundleName = "pooled"

    @model_validator(mode="after")
    def _enough(self) -> SmapSettings:
        if (self.images is None or self.masks is None) and self.simulated is None:
            raise ValueError("give images and masks, the embeddings of views and their points")
        if self.simulated is not None and (self.text_encoder is None or self.batch != 1):
            raise ValueError("simulated scans need a text_encoder and batch: 1")
        exam = (self.validation, self.classes, self.text_encoder)
        if self.schedule.evaluate_every and None in exam:
            raise ValueError(
                "schedule.evaluate_every needs validation scenes, classes and text_encoder"
            )
        if self.channels % self.heads:
            raise ValueError(f"channels {self.channels} cannot be shared among {self.heads} heads")
        self.check_exams()
        return self


class SmapTraining:
    """A training of the pooling.

    Args:
        settings: see there.
        overfit: learn the views of the first so many scenes by heart; 0: of all of them.
    """

    def __init__(self, settings: SmapSettings, overfit: int = 0) -> None:
        self.settings = settings
        self.bundle = bundle_of(settings.bundle, ())
        self.network: Network = self.bundle.network
        sizes = PoolingConfig(
            in_channels=self.bundle.config.network.out_channels, channels=settings.channels,
            out_channels=settings.dim, heads=settings.heads,
        )  # fmt: skip
        torch.manual_seed(settings.seed)
        self.pooling = SparseMaskedAttentionPooling(**sizes.model_dump())
        self.module = nn.ModuleDict({"pooling": self.pooling})
        if settings.tune:
            share_norms(self.network)
            self.module["network"] = self.network
        self.config: BundleConfig = self.bundle.config.model_copy(
            update={"name": settings.name, "pooling": sizes, "views": settings.sectors}
        )
        place = self.config.inputs, self.config.voxel_size, overfit
        self.source: SceneBatches | SampleDraws
        if settings.simulated is not None:
            self.source = settings.draws(*place)
            self.files = tuple(self.source.samples.files)
            self._embed = uncached(settings.text_encoder or "").encode
        else:
            views = CameraTargets(
                Path(settings.images or ""), Path(settings.masks or ""), settings.dim
            )  # fmt: skip
            self.source = settings.source(*place, views=views)
            self.files = self.source.scenes.files

    def step(
        self, module: nn.Module, part: Batch | tuple[Sample, np.random.Generator]
    ) -> tuple[Tensor, dict[str, float]]:
        """The loss, a mean over views."""
        if isinstance(part, Batch):
            part = part.to(self.network.final.kernel.device)
            x, views, target = part.x, part.views, part.embeddings
        else:
            device = self.network.final.kernel.device
            views, target = captioned_targets(part, self._embed)
            x, views, target = part[0].to(device).x, views.to(device), target.to(device)
        with torch.set_grad_enabled(self.settings.tune):
            trunk = self.network.trunk(x)
        found = pooled(self.pooling, self.network, trunk, views).float()
        loss = view_losses(found, target, self.settings.loss, self.settings.temperature)
        numbers = {
            "voxels": float(len(trunk.features)),
            "views": float(len(found)),
            "cosine": nearness(found.detach(), target),
        }
        return loss.mean(), numbers

    def exam(self) -> Exam | None:
        settings = self.settings
        if settings.validation is None or settings.text_encoder is None or not settings.classes:
            return None
        classes = classes_of(settings.classes)
        words = load_text_encoder(settings.text_encoder).encode(self.bundle.prompts(classes))
        if (width := words.shape[1]) != settings.dim:
            raise UserError(
                f"text_encoder {settings.text_encoder}: is {width} wide, dim is {settings.dim};"
                " give the encoder of the space of the images"
            )
        scenes = SceneSet.of(Path(settings.validation))
        return SectorExam(
            scenes, words, settings.sectors, self.network, self.config.inputs,
            self.config.voxel_size,
        )  # fmt: skip

    def to(self, device: torch.device) -> None:
        self.module.to(device)
        self.network.to(device)

    def train(self, folder: Path, *, quiet: bool = False) -> None:
        self.even_out()
        self.network.train(self.settings.tune)
        self.pooling.train()
        fit(
            self.module, self.step, self.settings.schedule, folder, seed=self.settings.seed,
            source=self.source, exam=self.exam(), habits=self.settings.habits(quiet),
        )  # fmt: skip
        self.module.eval()

    @torch.no_grad()
    def even_out(self) -> None:
        """Let projected features begin with a spread of one, as the first batch shows them.

        How long features are is left open by a loss of cosines; long ones drown the position
        encoding, whose spread is one, and make the attention see single points. After Mishkin and
        Matas, "All You Need is a Good Init" (ICLR 2016).
        """
        head, projection = self.network.final.kernel, self.pooling.in_proj.kernel
        part = self.source(0, 0, 1)[0][1]
        x = (part if isinstance(part, Batch) else part[0]).to(head.device).x
        trunk = self.network.eval().trunk(x).features
        projection.div_((trunk @ (head @ projection)).std().clamp(min=1e-6))

    def export(self, folder: Path) -> Path:
        """The bundle in `folder`."""
        told: dict[str, Any] = {"start": self.bundle.provenance}
        parts = {**self.bundle.modules, "pooling": self.pooling}
        captioner = export.captioner_of(self.bundle)
        config = self.config
        if config.captioner is not None and config.captioner.embedding_dim != self.settings.dim:
            config, captioner = config.model_copy(update={"captioner": None}), None
        if self.settings.tune:  # what is sure by other features says nothing of these
            config = config.model_copy(update={"saying": None, "score": None, "low_score": None})
        return export.bundle(
            folder, config, parts, self.settings, self.data(), told, captioner=captioner
        )  # fmt: skip

    def data(self, *, sizes: bool = True) -> str:
        """See `data_hash`."""
        settings = self.settings
        files = [Path(file) for file in (settings.images, settings.masks) if file is not None]
        return data_hash(self.files, whole=files, bundle=settings.bundle, sizes=sizes)


def view_losses(found: Tensor, target: Tensor, loss: str, temperature: float) -> Tensor:
    """(V,) of (V, D) embeddings from their targets."""
    if loss == "mse":
        return (found - target).square().sum(1)
    if loss == "cosine":
        return 1 - F.cosine_similarity(found, target, dim=1)
    logits = F.normalize(found, dim=1) @ F.normalize(target, dim=1).T / temperature
    own = torch.arange(len(found), device=found.device)
    ways = (F.cross_entropy(one, own, reduction="none") for one in (logits, logits.T))
    return sum(ways, torch.zeros_like(found[:, 0])) / 2


@dataclass(frozen=True)
class SectorExam:
    """How well the embedding of a sector tells which classes lie in it.

    Attributes:
        scenes: to examine.
        words: (C, D) embeddings of the names of the classes, in the space of the images.
        sectors: of a scene.
        network: gives the features.
        inputs, voxel_size: of the network.
    """

    scenes: SceneSet
    words: np.ndarray
    sectors: int
    network: Network
    inputs: Sequence[str]
    voxel_size: float

    def __call__(self, module: nn.Module) -> dict[str, float]:
        """``sector_map``: the mean average precision of the classes of a sector."""
        pooling = module["pooling"]  # type: ignore[index]
        assert isinstance(pooling, SparseMaskedAttentionPooling)
        found: list[float] = []
        self.network.eval()
        for index in range(len(self.scenes)):
            scene = self.scenes.load(index).finite()
            if not len(scene):
                continue
            scan = Scan(scene.points, scene.intensity)
            trunk, inverse = voxel_features(self.network, scan, tuple(self.inputs), self.voxel_size)
            of_point = lidar_sectors(scan.points - viewpoint(scan), self.sectors)
            of_point &= scene.key[:, None]
            masks = np.zeros((len(trunk.features), self.sectors), bool)
            for sector in range(self.sectors):
                masks[inverse[of_point[:, sector]], sector] = True
            on_device = torch.from_numpy(masks).to(trunk.features.device)
            views = pooled(pooling, self.network, trunk, on_device)
            ranked = (F.normalize(views, dim=1).cpu() @ torch.from_numpy(self.words).T).numpy()
            for sector in np.flatnonzero(masks.any(0)).tolist():
                labels = scene.segment[of_point[:, sector]]
                labels = labels[(labels != NONE) & (labels < len(self.words))]
                there = np.bincount(labels, minlength=len(self.words)) >= _SEEN
                if there.any() and not there.all():
                    found.append(average_precision(ranked[sector], there))
        return {"sector_map": float(np.mean(found)) if found else 0.0}


def average_precision(scores: np.ndarray, there: np.ndarray) -> float:
    """Of a ranking of C classes, of which (C,) bool are there."""
    hits = there[np.argsort(-scores, kind="stable")]
    precision = np.cumsum(hits) / np.arange(1, len(hits) + 1)
    return float(precision[hits].mean())
