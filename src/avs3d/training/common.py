"""What distillation and SMAP have in common: scenes, a 3D network, a run of the loop."""

from __future__ import annotations

import hashlib
import inspect
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Discriminator, Field, Tag, field_validator, model_validator

from avs3d.bundle import Bundle, make_network
from avs3d.bundle_config import BundleConfig, fingerprint, kind_of, sha256
from avs3d.errors import UserError
from avs3d.inputs import INPUTS
from avs3d.models.configs import NetworkConfig, PointTransformerV3Config
from avs3d.models.minkunet import VARIANTS, MinkUNet, variant_sizes
from avs3d.models.point_transformer_v3 import PointTransformerV3
from avs3d.training.augmentation import Augmentation
from avs3d.training.batches import OfPoints, OfViews, SceneBatches
from avs3d.training.loop import Habits, Schedule
from avs3d.training.processes import place
from avs3d.training.samples import SampleDraws, SampleMaker
from avs3d.training.scenes import SceneSet
from avs3d.training.settings import Settings

Network = MinkUNet | PointTransformerV3
_PREFIX = "MinkUNet"


class RunSettings(Settings):
    """What every training has.

    Attributes:
        schedule: of the optimiser.
        seed: of every random choice.
        workers: processes that make batches; 0: none.
        loggers: ``tensorboard``, ``wandb``.
        save_every, log_every: steps.
    """

    schedule: Schedule
    seed: int = Field(default=0, ge=0)
    workers: int = Field(default=2, ge=0, le=64)
    loggers: tuple[Literal["tensorboard", "wandb"], ...] = ()
    save_every: int = Field(default=100, gt=0)
    log_every: int = Field(default=20, gt=0)

    def habits(self, quiet: bool) -> Habits:
        return Habits(
            self.workers, tuple(self.loggers), self.save_every, self.log_every, quiet=quiet
        )  # fmt: skip


class Simulated(Settings):
    """How simulated scans are cut and spoilt, see `avs3d.training.samples.SampleMaker`."""

    max_voxels: int = Field(default=30_000, ge=1000)
    strange: float = Field(default=0.0, ge=0, le=1)
    aimed: float = Field(default=0.0, ge=0, le=1)


class SceneSettings(RunSettings):
    """What is learned from scenes.

    Attributes:
        scenes: folder of prepared scenes, see `avs3d.training.scenes`.
        validation: folder of scenes that are examined, or None.
        batch: scenes that go through the network together at most; times `schedule.accumulate` and
            the processes it is how many a step learns from.
        max_voxels: that go through the network together at most.
        augmentation: see there.
        simulated: learn from simulated scans as such: with the words of the lexicon for every point
            and captions for every view. `max_voxels` and `augmentation` do not count then.
    """

    scenes: str
    validation: str | None = None
    batch: int = Field(default=2, gt=0)
    max_voxels: int = Field(default=200_000, ge=1000)
    augmentation: Augmentation = Augmentation()
    simulated: Simulated | None = None

    def check_exams(self) -> None:
        """Raise ValueError where validation scenes would never be looked at."""
        if self.validation is not None and not self.schedule.evaluate_every:
            raise ValueError("validation: set schedule.evaluate_every, the steps between two exams")

    def draws(self, inputs: tuple[str, ...], voxel_size: float, overfit: int) -> SampleDraws:
        """Samples of simulated scans."""
        assert self.simulated is not None
        found = (Path(self.scenes).glob(f"{kind}_*.npz") for kind in ("scan", "street"))
        files = sorted(file for files in found for file in files)[: overfit or None]
        if not files:
            raise UserError(
                f"{self.scenes}: holds no simulated scans (street_SEED.npz); make them with"
                " `avs3d simulate`, or give another folder"
            )
        maker = SampleMaker(files, inputs, voxel_size, **self.simulated.model_dump())
        return SampleDraws(maker, self.batch, self.schedule.accumulate, self.seed)

    def source(
        self, inputs: tuple[str, ...], voxel_size: float, overfit: int,
        points: OfPoints | None = None, views: OfViews | None = None,
    ) -> SceneBatches:  # fmt: skip
        """Batches of the scenes; with `overfit` of the first so many, unchanged."""
        scenes = SceneSet.of(Path(self.scenes))
        augmentation = self.augmentation
        if overfit:
            scenes, augmentation = scenes.first(overfit), Augmentation()
        return SceneBatches(
            scenes, inputs, voxel_size, self.batch, self.schedule.accumulate, self.max_voxels,
            augmentation, self.seed, points, views,
        )  # fmt: skip

    @property
    def effective_batch(self) -> int:
        """Scenes of a step, in all processes."""
        return self.batch * self.schedule.accumulate * place()[1]


def _kind(network: Any) -> str:
    return "name" if isinstance(network, str) else kind_of(network)


class NetworkSettings(Settings):
    """A 3D network.

    Attributes:
        kind: ``MinkUNet18A`` or another of the published sizes, ``ptv3``, or sizes of one's own as
            in `bundle.json`.
        inputs: what it sees of a point, names of `avs3d.inputs.INPUTS`.
        dim: width of its features.
        voxel_size: metres.
    """

    kind: Annotated[
        Annotated[str, Tag("name")]
        | Annotated[NetworkConfig, Tag("minkunet")]
        | Annotated[PointTransformerV3Config, Tag("ptv3")],
        Discriminator(_kind),
    ] = "MinkUNet18A"
    inputs: tuple[str, ...] = ("one", "one", "one")
    dim: int = Field(default=768, gt=0, le=8192)
    voxel_size: float = Field(default=0.05, gt=0, le=10)

    @field_validator("inputs")
    @classmethod
    def _known(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        for name in names:
            if name not in INPUTS:
                raise ValueError(f"no input {name!r}; there are {', '.join(INPUTS)}")
        return names

    @field_validator("kind")
    @classmethod
    def _there(cls, kind: Any) -> Any:
        known = ("ptv3", *(_PREFIX + name for name in VARIANTS))
        if isinstance(kind, str) and kind not in known:
            raise ValueError(f"no network {kind!r}; there are {', '.join(known)}")
        return kind

    @model_validator(mode="after")
    def _one_width(self) -> NetworkSettings:
        if self.sizes.out_channels != self.dim:
            raise ValueError(
                f"kind gives {self.sizes.out_channels} channels, and dim is {self.dim}"
            )
        return self

    @property
    def sizes(self) -> NetworkConfig | PointTransformerV3Config:
        """As `bundle.json` has them."""
        if not isinstance(self.kind, str):
            return self.kind
        ends: dict[str, Any] = {"in_channels": len(self.inputs), "out_channels": self.dim}
        if self.kind == "ptv3":
            own = inspect.signature(PointTransformerV3).parameters
            rest = {name: own[name].default for name in own if name not in ends}
            return PointTransformerV3Config(**ends, **rest)
        planes, layers = variant_sizes(self.kind.removeprefix(_PREFIX))
        return NetworkConfig(**ends, planes=planes, layers=layers)

    def make(self) -> Network:
        """The network, or `UserError` where its sizes do not fit together."""
        try:
            return make_network(self.sizes)
        except ValueError as error:
            raise UserError(f"network.kind: {error}; correct it") from None


def bundle_of(name: str, parts: tuple[str, ...]) -> Bundle:
    """A bundle that has these parts.

    Raises:
        UserError: no such bundle, or a part is missing.
    """
    bundle = Bundle.load(name)
    for part in parts:
        if getattr(bundle.config, part) is None:
            raise UserError(f"bundle {bundle.name}: has no {part}; give one that has")
    return bundle


def start_with(network: Network, config: BundleConfig, bundle: Bundle) -> None:
    """Give a network the weights of a bundle's.

    Raises:
        UserError: the bundle's network is another one.
    """
    if bundle.config.network != config.network or bundle.config.inputs != config.inputs:
        raise UserError(
            f"bundle {bundle.name}: has another network than the config; give its sizes and inputs"
            " (bundle.json), or no start"
        )
    network.load_state_dict(bundle.network.state_dict())


def data_hash(
    files: Sequence[Path],
    *,
    whole: Sequence[Path] = (),
    bundle: str | None = None,
    sizes: bool = True,
) -> str:
    """Tells one set of data from another.

    Args:
        files: known by their names and sizes, without reading all of them; of folders what is in
            them.
        whole: known by their content.
        bundle: likewise.
        sizes: of `files` count.
    """
    digest = hashlib.sha256()
    for file in files:
        parts = sorted(file.iterdir()) if file.is_dir() else [file]
        for part in parts:
            size = part.stat().st_size if sizes else ""
            digest.update(f"{file.name}/{part.name}\0{size}\0".encode())
    told = [sha256(file) for file in whole]
    digest.update("\0".join([*told, (bundle and fingerprint(bundle)) or ""]).encode())
    return digest.hexdigest()
