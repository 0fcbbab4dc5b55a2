"""`Bundle`: weights and everything that must go with them, as a folder of JSON and safetensors."""

from __future__ import annotations

import difflib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import torch
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import nn

from avs3d.errors import UserError
from avs3d.inputs import INPUTS
from avs3d.models.minkunet import MinkUNet
from avs3d.models.smap import SparseMaskedAttentionPooling

PACKAGED = Path(__file__).parent / "bundles"
CONFIG = "bundle.json"
_MAX_CONFIG_BYTES = 1 << 20
_Width = Field(gt=0, le=8192)


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class NetworkConfig(_Strict):
    """Arguments of `MinkUNet`."""

    in_channels: int = _Width
    out_channels: int = _Width
    planes: tuple[int, ...] = Field(min_length=8, max_length=8)
    layers: tuple[int, ...] = Field(min_length=8, max_length=8)
    stem: int = 32
    stem_kernel: int = 5


class PoolingConfig(_Strict):
    """Arguments of `SparseMaskedAttentionPooling`."""

    in_channels: int = _Width
    channels: int = _Width
    out_channels: int = _Width
    heads: int = Field(8, gt=0, le=64)
    padding: Literal["masked", "additive"] = "masked"


class CaptionerConfig(_Strict):
    """Sizes of the prefix language model; `gpt2` holds fields of transformers' GPT2Config."""

    embedding_dim: int = _Width
    prefix_length: int = Field(gt=0, le=256)
    stop: str = "."
    max_tokens: int = Field(67, gt=0, le=512)
    gpt2: dict[str, int | float | str | bool | None]


class BundleConfig(_Strict):
    """`bundle.json`.

    Attributes:
        text_encoder: see `avs3d.text.load_text_encoder`.
        prompt: what is said to the text encoder; ``{word}`` stands for the word.
        voxel_size: metres.
        inputs: what the network sees of a point, names of `avs3d.inputs.INPUTS`.
        low_score: mean score below which the words of a scan should not be trusted.
        provenance: where the weights come from: data, date, licence, measured scores.
    """

    format: Literal[1] = 1
    name: str
    text_encoder: str
    prompt: str
    voxel_size: float = Field(gt=0, le=10)
    inputs: tuple[str, ...]
    network: NetworkConfig
    pooling: PoolingConfig | None = None
    captioner: CaptionerConfig | None = None
    low_score: float | None = None
    provenance: dict[str, Any] = Field(default_factory=dict)


class Bundle:
    """A 3D network in a text encoder's space, and optionally the pooling and the captioner.

    Attributes:
        config: as in `bundle.json`.
        network: `MinkUNet` in eval mode, float32; callable on raw voxels.
        pooling: `SparseMaskedAttentionPooling` or None; callable on raw voxels.
        folder: where it was loaded from; the captioner's files are read there when needed.
    """

    def __init__(self, config: BundleConfig, folder: Path) -> None:
        self.config = config
        self.folder = folder
        self.network = MinkUNet(**config.network.model_dump()).eval()
        _load_weights(self.network, folder / "network.safetensors")
        self.pooling: SparseMaskedAttentionPooling | None = None
        if config.pooling is not None:
            self.pooling = SparseMaskedAttentionPooling(**config.pooling.model_dump()).eval()
            _load_weights(self.pooling, folder / "pooling.safetensors")

    @property
    def name(self) -> str:
        return self.config.name

    @property
    def text_encoder(self) -> str:
        return self.config.text_encoder

    @property
    def low_score(self) -> float | None:
        return self.config.low_score

    @property
    def provenance(self) -> dict[str, Any]:
        return self.config.provenance

    @classmethod
    def load(cls, name: str | Path) -> Bundle:
        """From a packaged name (see `list_bundles`), a folder, or a hub id ``owner/name``.

        Nothing is ever unpickled: only `bundle.json`, safetensors and a tokenizer's JSON are read.

        Raises:
            UserError: no such bundle, or one that is damaged or does not fit its own config.
        """
        folder = _find(str(name))
        return cls(read_config(folder), folder)

    def prompts(self, words: tuple[str, ...]) -> list[str]:
        """What the text encoder is asked for each word."""
        return [self.config.prompt.replace("{word}", word) for word in words]


def list_bundles() -> list[str]:
    """Names of the packaged bundles."""
    return sorted(path.parent.name for path in PACKAGED.glob(f"*/{CONFIG}"))


def read_config(folder: Path) -> BundleConfig:
    """The validated `bundle.json` of a folder.

    Raises:
        UserError: it is missing, too large, not JSON, or has unknown, missing or wrong entries.
    """
    path = folder / CONFIG
    try:
        if path.stat().st_size > _MAX_CONFIG_BYTES:
            raise UserError(f"{path} is larger than 1 MiB: not a bundle's config")
        config = BundleConfig.model_validate(json.loads(path.read_text("utf-8")))
    except FileNotFoundError:
        raise UserError(f"{folder} is no bundle: it has no {CONFIG}") from None
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise UserError(f"{path} cannot be read: {error}") from None
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise UserError(f"{path}: {where}: {first['msg']}") from None
    unknown = [name for name in config.inputs if name not in INPUTS]
    if unknown:
        raise UserError(f"{path}: unknown inputs {', '.join(unknown)}; update avs3d")
    return config


def save_bundle(
    folder: Path, config: BundleConfig, modules: Mapping[str, nn.Module], *, half: bool = False
) -> None:
    """Write `bundle.json` and one safetensors file per module name.

    Args:
        folder: made when missing.
        config: what the modules were built from.
        modules: for example ``{"network": ..., "pooling": ..., "captioner": ...}``.
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
        save_file(tensors, folder / f"{name}.safetensors")
    text = json.dumps(config.model_dump(mode="json"), indent=1, ensure_ascii=False)
    (folder / CONFIG).write_text(text + "\n", "utf-8")


def load_tensors(path: Path) -> dict[str, torch.Tensor]:
    """Float tensors of a safetensors file as float32.

    Raises:
        UserError: the file is missing or damaged.
    """
    try:
        tensors = load_file(path)
    except FileNotFoundError:
        raise UserError(f"the bundle lacks {path.name}: {path}") from None
    except (SafetensorError, OSError) as error:
        raise UserError(f"{path} is damaged: {error}; fetch the bundle again") from None
    return {k: v.float() if v.is_floating_point() else v for k, v in tensors.items()}


def _load_weights(module: nn.Module, path: Path) -> None:
    try:
        module.load_state_dict(load_tensors(path))
    except RuntimeError as error:
        reason = str(error).splitlines()[-1].strip()
        raise UserError(f"{path} does not fit {CONFIG}: {reason}") from None


def _find(name: str) -> Path:
    if name in list_bundles():
        return PACKAGED / name
    folder = Path(name).expanduser()
    if folder.is_dir():
        return folder
    if name.count("/") == 1 and not folder.is_absolute() and not name.startswith("."):
        return _download(name)
    near = difflib.get_close_matches(name, list_bundles(), n=3, cutoff=0.3) or list_bundles()
    hint = f"; did you mean {' or '.join(near)}?" if near else ""
    raise UserError(f"no bundle {name!r}: neither packaged, nor a folder, nor owner/name{hint}")


def _download(hub_id: str) -> Path:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

    try:
        return Path(snapshot_download(hub_id, allow_patterns=["*.json", "*.safetensors"]))
    except (HfHubHTTPError, HFValidationError, LocalEntryNotFoundError, OSError) as error:
        reason = str(error).strip().splitlines()[0]
        raise UserError(
            f"no bundle {hub_id!r}: not a folder here, and the hub did not give it ({reason})"
        ) from None
