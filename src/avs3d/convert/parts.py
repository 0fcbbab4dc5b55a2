"""The three parts of a 3D-AVS bundle from checkpoints: sizes are read off the shapes."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import TypeVar

from pydantic import BaseModel, ValidationError
from torch import Tensor

from avs3d.convert.checkpoint import Checkpoint, fitted
from avs3d.convert.ptv3 import STEM, from_pointcept, left_out
from avs3d.errors import UserError
from avs3d.models.configs import (
    CaptionerConfig,
    Gpt2Config,
    NetworkConfig,
    PointTransformerV3Config,
    PoolingConfig,
    TransformerMappingConfig,
)
from avs3d.models.minkunet import MinkUNet, variant_of, variant_sizes
from avs3d.models.point_transformer_v3 import PointTransformerV3
from avs3d.models.prefix_lm import BESIDE, PrefixLanguageModel
from avs3d.models.prefix_mapping import HEADS
from avs3d.models.smap import SparseMaskedAttentionPooling

C = TypeVar("C", bound=BaseModel)
NETWORK, POOLING = "net3d.", "attn_layer."
CAPTIONER = ("clip_project.", "gpt.")
_USUAL = "18A"
_HEAD_WIDTH = 64  # of every published GPT-2


def has_network(checkpoint: Checkpoint) -> bool:
    """Whether it has a MinkUNet, with OpenScene's `net3d.` in front of its names or without, or a
    Point Transformer V3."""
    minkunet = any(
        name.removeprefix(NETWORK).startswith("conv0p1s1.") for name in checkpoint.tensors
    )
    return minkunet or _is_ptv3(checkpoint)


def _is_ptv3(checkpoint: Checkpoint) -> bool:
    return any(name.removeprefix("backbone.") == STEM for name in checkpoint.tensors)


def has_pooling(checkpoint: Checkpoint) -> bool:
    return bool(checkpoint.below(POOLING))


def has_captioner(checkpoint: Checkpoint) -> bool:
    return any(name.startswith(CAPTIONER) for name in checkpoint.tensors)


def of_no_part(checkpoint: Checkpoint) -> list[str]:
    """Names of its tensors that no part takes.

    Of a MinkUNet without a prefix there are none: whatever is spare is refused.
    """
    own = (NETWORK, POOLING, *CAPTIONER)
    if _is_ptv3(checkpoint):
        names = left_out(checkpoint.tensors)
    elif any(name.startswith(own) for name in checkpoint.tensors):
        names = list(checkpoint.tensors)
    else:
        names = []
    return [name for name in names if not name.startswith(own)]


def network_of(
    checkpoint: Checkpoint,
) -> tuple[NetworkConfig | PointTransformerV3Config, MinkUNet | PointTransformerV3, str]:
    """Sizes, module and name of its 3D network (paper, 3.2)."""
    return _ptv3(checkpoint) if _is_ptv3(checkpoint) else _minkunet(checkpoint)


def _ptv3(checkpoint: Checkpoint) -> tuple[PointTransformerV3Config, PointTransformerV3, str]:
    try:
        config, tensors = from_pointcept(checkpoint.tensors)
    except UserError as error:
        raise UserError(f"{checkpoint.path}: {error}") from None
    name = "Point Transformer V3"
    sizes = config.model_dump(exclude={"kind"})
    return config, fitted(lambda: PointTransformerV3(**sizes), tensors, checkpoint.path, name), name


def _minkunet(checkpoint: Checkpoint) -> tuple[NetworkConfig, MinkUNet, str]:
    tensors, prefix = checkpoint.below(NETWORK), NETWORK
    if not tensors:
        other = (POOLING, *CAPTIONER)
        tensors = {k: v for k, v in checkpoint.tensors.items() if not k.startswith(other)}
        prefix = ""
    if "block1.0.conv3.kernel" in tensors:
        raise UserError(
            f"{checkpoint.path}: a MinkUNet of bottleneck blocks (50, 101), which no published "
            "model here is: give one of basic blocks (14, 18, 34)"
        )
    planes, layers = variant_sizes(_USUAL)  # for what the shapes do not tell
    stem = _size(tensors, "conv0p1s1.kernel", 2, 32)
    config = _checked(
        checkpoint,
        lambda: NetworkConfig(
            in_channels=_size(tensors, "conv0p1s1.kernel", 1, 3),
            out_channels=_size(tensors, "final.kernel", 1, 768),
            planes=tuple(_plane(tensors, f"block{i}.0.", planes[i - 1]) for i in _STAGES),
            layers=tuple(_blocks(tensors, f"block{i}.", layers[i - 1]) for i in _STAGES),
            stem=stem,
            stem_kernel=round(_size(tensors, "conv0p1s1.kernel", 0, 125) ** (1 / 3)),
        ),
    )
    name = variant_of(config.planes, config.layers)
    module = fitted(lambda: MinkUNet(**config.model_dump()), tensors, checkpoint.path, name, prefix)
    return config, module, name


_STAGES = range(1, 9)


def pooling_of(checkpoint: Checkpoint) -> tuple[PoolingConfig, SparseMaskedAttentionPooling]:
    """SMAP (paper, 3.3). Released checkpoints were trained with additive padding."""
    tensors = checkpoint.below(POOLING)
    config = _checked(
        checkpoint,
        lambda: PoolingConfig(
            in_channels=_size(tensors, "in_proj.kernel", 0, 768),
            channels=_size(tensors, "in_proj.kernel", 1, 512),
            out_channels=_size(tensors, "c_proj.weight", 0, 512),
            heads=8,
            padding="additive",
        ),
    )
    module = fitted(
        lambda: SparseMaskedAttentionPooling(**config.model_dump()),
        tensors,
        checkpoint.path,
        "SMAP",
        POOLING,
    )
    return config, module


def captioner_of(
    checkpoint: Checkpoint, heads: int | None = None
) -> tuple[CaptionerConfig, PrefixLanguageModel, list[str]]:
    """ClipCap, with either mapping and a GPT-2 of any size; and the names that it does not need.

    Args:
        checkpoint: with `clip_project.*` and `gpt.*`.
        heads: of GPT-2, which no shape tells; 64 channels each when None, as published.
    """
    own = {k: v for k, v in checkpoint.tensors.items() if k.startswith(CAPTIONER)}
    beside = [name for name in own if name.endswith(BESIDE)]
    tensors = {k: v for k, v in own.items() if k not in beside}
    gpt = {k.removeprefix("gpt.transformer."): v for k, v in tensors.items()}
    if "wte.weight" not in gpt:
        raise UserError(
            f"{checkpoint.path}: has a mapping but no GPT-2 (gpt.transformer.*): give the whole "
            "ClipCap checkpoint"
        )
    width = _size(gpt, "wte.weight", 1, 768)
    heads = heads or width // _HEAD_WIDTH
    if not heads or width % heads:
        raise UserError(
            f"{checkpoint.path}: a GPT-2 of width {width}, which no shape tells the heads of: "
            "pass --heads"
        )
    config = _checked(
        checkpoint,
        lambda: CaptionerConfig(
            **_mapping(tensors, width, checkpoint),
            gpt2=Gpt2Config(
                vocab_size=_size(gpt, "wte.weight", 0, 50257),
                n_positions=_size(gpt, "wpe.weight", 0, 1024),
                n_embd=width,
                n_layer=_blocks(gpt, "h.", 12),
                n_head=heads,
                n_inner=_size(gpt, "h.0.mlp.c_fc.weight", 1, 4 * width),
            ),
        ),
    )
    sizes = config.model_dump(include={"embedding_dim", "prefix_length", "gpt2", "transformer"})
    module = fitted(lambda: PrefixLanguageModel(**sizes), tensors, checkpoint.path, "ClipCap")
    return config, module, beside


def _mapping(tensors: Mapping[str, Tensor], width: int, checkpoint: Checkpoint) -> dict:
    """The fields of `CaptionerConfig` that the mapping's shapes tell."""
    if "clip_project.prefix_const" not in tensors:
        outputs = _size(tensors, "clip_project.model.2.weight", 0, 10 * width)
        return {
            "embedding_dim": _size(tensors, "clip_project.model.0.weight", 1, 512),
            "prefix_length": max(outputs // width, 1),
        }
    if width % HEADS:
        raise UserError(f"{checkpoint.path}: width {width} does not divide into {HEADS} heads")
    return {
        "embedding_dim": _size(tensors, "clip_project.linear.weight", 1, 512),
        "prefix_length": _size(tensors, "clip_project.prefix_const", 0, 10),
        "transformer": TransformerMappingConfig(
            clip_length=max(_size(tensors, "clip_project.linear.weight", 0, 10) // width, 1),
            layers=_blocks(tensors, "clip_project.transformer.layers.", 8),
        ),
    }


def _plane(tensors: Mapping[str, Tensor], block: str, usual: int) -> int:
    """Channels of a stage, from its first block; should one tensor lack, another tells."""
    second = _size(tensors, f"{block}conv2.kernel", 2, usual)
    return _size(tensors, f"{block}conv1.kernel", 2, second)


def _size(tensors: Mapping[str, Tensor], name: str, axis: int, usual: int) -> int:
    """A side of a tensor; the usual one where it is missing, which `fitted` then reports."""
    shape = tensors[name].shape if name in tensors else ()
    return shape[axis] if axis < len(shape) else usual


def _blocks(tensors: Mapping[str, Tensor], prefix: str, usual: int) -> int:
    """How many numbered parts stand below a name."""
    pattern = re.compile(re.escape(prefix) + r"(\d{1,4})\.")
    return len({match[1] for name in tensors if (match := pattern.match(name))}) or usual


def _checked(checkpoint: Checkpoint, make: Callable[[], C]) -> C:
    try:
        return make()
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise UserError(
            f"{checkpoint.path}: its shapes make no sense ({where}: {first['msg']}): get it again"
        ) from None
