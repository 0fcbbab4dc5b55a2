"""Point Transformer V3 as Pointcept saves it (`PT-v3m1`), in the layout of this package.

Names of modules are the same in both. Only sparse convolutions differ: spconv (2.2 and later) has
`weight` of shape (C_out, K, K, K, C_in) whose axes are those of its coordinates, here x, y, z; ours
is `kernel` of shape (K**3, C_in, C_out), x fastest. Both add ``in[v + offset]`` times the weight.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from pydantic import ValidationError
from torch import Tensor

from avs3d.bundle import make_network
from avs3d.errors import UserError
from avs3d.models.configs import PointTransformerV3Config
from avs3d.models.serialization import CURVES

STEM = "embedding.stem.conv.weight"
_HEAD, _BIAS = "seg_head.weight", "seg_head.bias"
_BACKBONE = ("embedding.", "enc.", "dec.")
_BEFORE = re.compile(r"^(module\.)?(backbone\.)?")
_CONDITIONED = re.compile(r"(norm|\.\d)\.norm\.\d|\.modulation\.")


def from_pointcept(
    state: Mapping[str, Tensor],
    *,
    head_width: int = 16,
    patch_size: int = 1024,
    order: Sequence[str] = tuple(CURVES),
    stride: int = 2,
) -> tuple[PointTransformerV3Config, dict[str, Tensor]]:
    """Sizes and weights of a published network, for `PointTransformerV3`.

    A head without bias, `seg_head`, is the way into a text encoder's space and becomes `final`. One
    with a bias tells a fixed set of classes apart and is left out, with all else that is not the
    backbone: `final` then changes nothing, and the network gives the features of its last stage.

    Args:
        state: `state_dict` of the checkpoint; names may begin with ``module.`` and ``backbone.``.
        head_width: channels of an attention head, where no table of relative positions tells.
        patch_size: voxels that attend to each other. This and the rest does not show in the shapes;
            the defaults are those of all published configs.
        order: names of the curves.
        stride: of every stage.

    Raises:
        UserError: it is another network, one with PDNorm or of an older spconv, or one that lacks
            what tells its sizes. Whether all of its tensors fit is not looked at.
    """
    whole = {_BEFORE.sub("", name): value for name, value in state.items()}
    backbone = {name: value for name, value in whole.items() if name.startswith(_BACKBONE)}
    if STEM not in backbone or "dec.dec0.up.proj.0.weight" not in backbone:
        raise UserError("the checkpoint is no Point Transformer V3 (PT-v3m1) with a decoder")
    if any(_CONDITIONED.search(name) for name in backbone):
        raise UserError(
            "the checkpoint has norms for several data sets (PDNorm), which are not supported: "
            "take one that was trained on one data set"
        )
    converted = dict(_converted(name, value) for name, value in backbone.items())
    try:
        sizes = _sizes(backbone, head_width)
        head = whole.get(_HEAD) if _BIAS not in whole else None
        final = torch.eye(sizes["dec_channels"][0]) if head is None else head.T.contiguous()
        sizes["out_channels"] = final.shape[1]
        sizes["order"] = tuple(order)
        sizes["stride"] = (stride,) * len(sizes["dec_depths"])
        for part in ("enc", "dec"):
            sizes[f"{part}_patch_size"] = (patch_size,) * len(sizes[f"{part}_depths"])
        config = PointTransformerV3Config.model_validate(sizes)
        converted["final.kernel"] = final
        with torch.device("meta"):
            make_network(config)  # sizes that do not go together are refused
    except KeyError as error:
        raise UserError(f"the checkpoint is not complete: it lacks {error}") from None
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise UserError(f"the checkpoint has unusual sizes: {where}: {first['msg']}") from None
    except (RuntimeError, ValueError, TypeError, IndexError, ZeroDivisionError) as error:
        reason = str(error).splitlines()[-1].strip()
        raise UserError(f"the checkpoint is not a whole Point Transformer V3: {reason}") from None
    return config, converted


def left_out(state: Mapping[str, Tensor]) -> list[str]:
    """Names of what `from_pointcept` takes nothing of."""
    names = {name: _BEFORE.sub("", name) for name in state}
    head = () if _BIAS in names.values() else (_HEAD,)
    return [name for name, own in names.items() if not own.startswith(_BACKBONE + head)]


def _converted(name: str, value: Tensor) -> tuple[str, Tensor]:
    """Name and tensor in our layout."""
    if name.endswith(".cpe.0.bias"):
        return name, value[None]
    if value.ndim != 5:
        return name, value
    if len(set(value.shape[1:4])) != 1:
        raise UserError(
            f"{name} of the checkpoint has the shape {tuple(value.shape)}: the layout of spconv "
            "before 2.2, which is not supported"
        )
    kernel_first = value.permute(3, 2, 1, 4, 0).flatten(0, 2)
    return name.removesuffix("weight") + "kernel", kernel_first.contiguous()


def _sizes(state: Mapping[str, Tensor], head_width: int) -> dict[str, Any]:
    """What the shapes tell: fields of `PointTransformerV3Config`."""
    ups = _count(state, "dec.dec{}.up.proj.0.weight")
    downs = [f"enc.enc{s}.down.proj.weight" for s in range(1, ups + 1)]
    wider, narrow = _shape(state, ".mlp.0.fc1.weight") or (4, 1)
    sizes: dict[str, Any] = {
        "in_channels": state[STEM].shape[-1],
        "enc_channels": tuple(len(state[name]) for name in [STEM, *downs]),
        "dec_channels": tuple(len(state[f"dec.dec{s}.up.proj.0.weight"]) for s in range(ups)),
        "mlp_ratio": wider / narrow,
        "qkv_bias": _shape(state, ".attn.qkv.bias") is not None,
        "enable_rpe": _shape(state, ".attn.rpe.rpe_table") is not None,
    }
    for part in ("enc", "dec"):
        widths = sizes[f"{part}_channels"]
        stages = [f"{part}.{part}{s}.block" for s in range(len(widths))]
        tables = [_shape(state, f"{stage}0.attn.rpe.rpe_table") for stage in stages]
        sizes[f"{part}_depths"] = tuple(
            _count(state, stage + "{}.attn.proj.weight") for stage in stages
        )
        sizes[f"{part}_num_head"] = tuple(
            max(1, width // head_width) if table is None else table[1]
            for width, table in zip(widths, tables, strict=True)
        )
    return sizes


def _count(state: Mapping[str, Tensor], name: str) -> int:
    """How many numbers from 0 on give a name that is there."""
    return next(i for i in itertools.count() if name.format(i) not in state)


def _shape(state: Mapping[str, Tensor], ending: str) -> tuple[int, ...] | None:
    """Of the first tensor whose name ends so."""
    return next((tuple(v.shape) for k, v in state.items() if k.endswith(ending)), None)
