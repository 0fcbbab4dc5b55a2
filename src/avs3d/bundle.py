"""`Bundle`: weights and everything that must go with them, as a folder of JSON and safetensors."""

from __future__ import annotations

import copy
import difflib
import json
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save
from torch import nn

from avs3d.atomic import write_bytes
from avs3d.bundle_config import (
    CONFIG,
    TOKENIZER,
    BundleConfig,
    find_folder,
    is_part,
    list_bundles,
    read_config,
    sha256,
)
from avs3d.convert.known import KNOWN
from avs3d.errors import UserError, first_line
from avs3d.known_words import KnownWords
from avs3d.models.configs import NetworkConfig, PointTransformerV3Config
from avs3d.models.minkunet import MinkUNet
from avs3d.models.point_transformer_v3 import PointTransformerV3
from avs3d.models.smap import SparseMaskedAttentionPooling

M = TypeVar("M", bound=nn.Module)
CAPTIONER_FILES = ("captioner.safetensors", TOKENIZER)
_LEAST_BYTES = 2  # of a stored number


class Bundle:
    """A 3D network in a text encoder's space, and optionally the pooling and the captioner.

    Attributes:
        config: as in `bundle.json`.
        network: in eval mode, float32; callable on raw voxels.
        pooling: `SparseMaskedAttentionPooling` or None; callable on raw voxels.
        known_words: those that it was taught, or None.
        folder: where it was loaded from; the captioner's files are read there when needed.
    """

    def __init__(self, config: BundleConfig, folder: Path) -> None:
        self.config = config
        self.folder = folder
        self.network = load_module(
            lambda: make_network(config.network), self.part("network.safetensors")
        )
        self.pooling: SparseMaskedAttentionPooling | None = None
        if config.pooling is not None:
            widths = config.pooling.model_dump()
            self.pooling = load_module(
                lambda: SparseMaskedAttentionPooling(**widths), self.part("pooling.safetensors")
            )
        self.known_words: KnownWords | None = None
        if (known := config.known_words) is not None:
            dim = config.network.out_channels
            self.known_words = load_module(
                lambda: KnownWords(known, dim), self.part("known_words.safetensors")
            )

    @property
    def name(self) -> str:
        return self.config.name

    @property
    def text_encoder(self) -> str:
        return self.config.text_encoder

    @property
    def modules(self) -> dict[str, nn.Module]:
        """Those that there are, by the names of their files."""
        parts = {
            "network": self.network, "pooling": self.pooling, "known_words": self.known_words,
        }  # fmt: skip
        return {name: part for name, part in parts.items() if part is not None}

    def on(self, device: torch.device) -> Bundle:
        """The same bundle where its modules are on the device, else one with copies that are: they
        may be in use where they are."""
        here = {
            value.device for part in self.modules.values() for value in part.state_dict().values()
        }
        if here == {device}:
            return self
        other = copy.copy(self)
        for name, part in self.modules.items():
            setattr(other, name, copy.deepcopy(part).to(device))
        return other

    @property
    def low_score(self) -> float | None:
        return self.config.low_score

    @property
    def provenance(self) -> dict[str, Any]:
        return self.config.provenance

    @classmethod
    def load(cls, name: str | Path) -> Bundle:
        """From a packaged name (see `list_bundles`), a name of published weights (see
        `avs3d.convert.known`), a folder, or a hub id ``owner/name`` or ``owner/name@revision``.

        Nothing is ever unpickled: only `bundle.json`, safetensors and a tokenizer's JSON are read.

        Raises:
            UserError: no such bundle, or one that is damaged or does not fit its own config.
        """
        folder = _find(str(name))
        return cls(read_config(folder), folder)

    def part(self, name: str) -> Path:
        """The path of a file of the bundle, whose content is what `bundle.json` says.

        Raises:
            UserError: its sha256 is another one.
        """
        path = self.folder / name
        told = self.config.files.get(name)
        if told is not None and path.is_file() and sha256(path) != told:
            raise UserError(
                f"{path} is not the file that {CONFIG} tells of (sha256): fetch the bundle again"
            )
        return path

    def save(self, folder: str | Path) -> None:
        """Write the bundle, with its modules as they are now, into a folder.

        What is loaded from there is the same bit for bit.
        """
        place = Path(folder)
        place.mkdir(parents=True, exist_ok=True)
        if self.config.captioner is not None and place.resolve() != self.folder.resolve():
            for name in CAPTIONER_FILES:
                shutil.copyfile(self.part(name), place / name)
        save_bundle(place, self.config, self.modules)

    def prompts(self, words: tuple[str, ...]) -> list[str]:
        """What the text encoder is asked for each word."""
        return [self.config.prompt.replace("{word}", word) for word in words]


def make_network(
    config: NetworkConfig | PointTransformerV3Config,
) -> MinkUNet | PointTransformerV3:
    """The 3D network of these sizes, with random weights."""
    sizes = config.model_dump(exclude={"kind"})
    if isinstance(config, PointTransformerV3Config):
        return PointTransformerV3(**sizes)
    return MinkUNet(**sizes)


def save_bundle(
    folder: Path,
    config: BundleConfig,
    modules: Mapping[str, nn.Module],
    *,
    files: Mapping[str, str] | None = None,
    half: bool = False,
) -> None:
    """Write one safetensors file per module name, `files`, and `bundle.json` with their hashes.

    Args:
        folder: made when missing.
        config: what the modules were built from.
        modules: for example ``{"network": ..., "pooling": ..., "captioner": ...}``.
        files: further files, name -> text, for example ``{"tokenizer.json": ...}``.
        half: store float16.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for name, module in modules.items():
        tensors = {
            key: (value.half() if half and value.is_floating_point() else value)
            .detach()
            .cpu()
            .contiguous()
            .clone()
            for key, value in module.state_dict().items()
        }
        write_bytes(folder / f"{name}.safetensors", save(tensors))
    for name, text in (files or {}).items():
        write_bytes(folder / name, text.encode())
    hashes = {path.name: sha256(path) for path in sorted(folder.iterdir()) if is_part(path.name)}
    config = config.model_copy(update={"files": hashes})
    text = json.dumps(config.model_dump(mode="json"), indent=1, ensure_ascii=False)
    write_bytes(folder / CONFIG, f"{text}\n".encode())


def load_module(make: Callable[[], M], path: Path) -> M:
    """A module in eval mode with the weights of a safetensors file, as float32.

    Args:
        make: makes the module. Called on the meta device first, so that memory is asked for only
            where the file is large enough for so many numbers.
        path: the file.

    Raises:
        UserError: the file is missing or damaged, does not fit the module, or is not finite.
    """
    tensors = _load_tensors(path)
    try:
        with torch.device("meta"):
            needed = sum(value.numel() for value in make().state_dict().values()) * _LEAST_BYTES
        if needed > path.stat().st_size:
            raise ValueError(f"it would need {needed} bytes or more")
        module = make()
        module.load_state_dict(tensors)
    except (RuntimeError, TypeError, ValueError) as error:
        reason = (str(error).splitlines() or ["unknown"])[-1].strip()
        raise UserError(f"{path} does not fit {CONFIG}: {reason}; fetch the bundle again") from None
    return module.float().eval()  # whatever the default of the process is


def _load_tensors(path: Path) -> dict[str, torch.Tensor]:
    """Finite float tensors as float32."""
    try:
        if not path.exists():
            raise UserError(f"the bundle lacks {path.name}: {path}; fetch the bundle again")
        if not path.is_file():
            raise UserError(f"{path} is not a regular file; fetch the bundle again")
        tensors = load_file(path)
    except (SafetensorError, OSError) as error:
        raise UserError(f"{path} is damaged: {error}; fetch the bundle again") from None
    for name, value in tensors.items():
        if value.is_floating_point() and not value.float().isfinite().all():
            raise UserError(
                f"{path} is damaged: {name} has values that are not finite; fetch the bundle again"
            )
    return {k: v.float() if v.is_floating_point() else v for k, v in tensors.items()}


def _find(name: str) -> Path:
    if (folder := find_folder(name)) is not None:
        return folder
    if name.count("/") == 1 and not name.startswith(("/", "~", ".")):
        return _download(name)
    names = [*list_bundles(), *KNOWN]
    near = difflib.get_close_matches(name, names, n=3, cutoff=0.3) or list_bundles()
    raise UserError(
        f"no bundle {name!r}: neither packaged, nor published weights with a name, nor a folder, "
        f"nor owner/name of a hub; did you mean {' or '.join(near)}?"
    )


def _download(name: str) -> Path:
    """From ``owner/name`` or ``owner/name@revision`` of the hub, or what of it is cached."""
    hub_id, _, revision = name.partition("@")
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

    try:
        return Path(
            snapshot_download(
                hub_id, revision=revision or None, allow_patterns=["*.json", "*.safetensors"]
            )
        )
    except (HfHubHTTPError, HFValidationError, LocalEntryNotFoundError, OSError) as error:
        raise UserError(
            f"no bundle {name!r}: not a folder here, and the hub did not give it "
            f"({first_line(error)})"
        ) from None
