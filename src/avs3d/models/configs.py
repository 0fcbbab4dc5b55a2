"""How large the networks are: what a bundle says of them. Loads no torch."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

_Width = Field(gt=0, le=8192)
_Widths = tuple[Annotated[int, Field(gt=0, le=8192)], ...]
_Stages = tuple[Annotated[int, Field(gt=0, le=64)], ...]
_Depths = tuple[Annotated[int, Field(ge=0, le=64)], ...]
_Heads = tuple[Annotated[int, Field(gt=0, le=64)], ...]
_PatchSizes = tuple[Annotated[int, Field(gt=0, le=2048)], ...]
_down, _up = Field(min_length=2, max_length=8), Field(min_length=1, max_length=7)
_Share = Field(0.1, ge=0, lt=1)


class Strict(BaseModel):
    """Knows all its entries, and is never changed."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class NetworkConfig(Strict):
    """Arguments of `MinkUNet`, which a bundle has that does not say which network."""

    kind: Literal["minkunet"] = Field(default="minkunet", exclude=True)
    in_channels: int = _Width
    out_channels: int = _Width
    planes: _Widths = Field(min_length=8, max_length=8)
    layers: _Stages = Field(min_length=8, max_length=8)
    stem: int = Field(32, gt=0, le=8192)
    stem_kernel: Literal[3, 5, 7, 9, 11, 13, 15] = 5


class PointTransformerV3Config(Strict):
    """Arguments of `PointTransformerV3`."""

    kind: Literal["ptv3"] = "ptv3"
    in_channels: int = _Width
    out_channels: int = _Width
    order: tuple[Literal["z", "z-trans", "hilbert", "hilbert-trans"], ...] = Field(
        default=("z", "z-trans", "hilbert", "hilbert-trans"), min_length=1, max_length=16
    )
    stride: tuple[Literal[1, 2, 4, 8], ...] = _up
    enc_depths: _Depths = _down
    enc_channels: _Widths = _down
    enc_num_head: _Heads = _down
    enc_patch_size: _PatchSizes = _down
    dec_depths: _Depths = _up
    dec_channels: _Widths = _up
    dec_num_head: _Heads = _up
    dec_patch_size: _PatchSizes = _up
    mlp_ratio: float = Field(default=4, gt=0, le=16)
    qkv_bias: bool = True
    enable_rpe: bool = False


class PoolingConfig(Strict):
    """Arguments of `SparseMaskedAttentionPooling`."""

    in_channels: int = _Width
    channels: int = _Width
    out_channels: int = _Width
    heads: int = Field(8, gt=0, le=64)
    padding: Literal["masked", "additive"] = "masked"

    @model_validator(mode="after")
    def _divides(self) -> PoolingConfig:
        if self.channels % self.heads:
            raise ValueError(f"{self.channels} channels do not divide into {self.heads} heads")
        return self


class TransformerMappingConfig(Strict):
    """Sizes of `TransformerMapping`."""

    clip_length: int = Field(gt=0, le=256)
    layers: int = Field(gt=0, le=64)


class Gpt2Config(Strict):
    """Fields of transformers' `GPT2Config`, and what they are where they are not told."""

    vocab_size: int = Field(50257, gt=0, le=1 << 20)
    n_positions: int = Field(1024, gt=0, le=8192)
    n_embd: int = Field(768, gt=0, le=8192)
    n_layer: int = Field(12, gt=0, le=64)
    n_head: int = Field(12, gt=0, le=256)
    n_inner: int | None = Field(None, gt=0, le=65536)
    resid_pdrop: float = _Share
    embd_pdrop: float = _Share
    attn_pdrop: float = _Share


class CaptionerConfig(Strict):
    """Sizes of the prefix language model.

    `transformer`: how large the mapping is where it is a transformer; None: two linear maps.
    `draws`: captions of each view that are drawn beside the likeliest, at this `temperature`, for
    the points to choose from; none as published.
    """

    embedding_dim: int = _Width
    prefix_length: int = Field(gt=0, le=256)
    transformer: TransformerMappingConfig | None = None
    stop: str = "."
    max_tokens: int = Field(67, gt=0, le=512)
    draws: int = Field(0, ge=0, le=64)
    temperature: float = Field(1.0, gt=0, le=10)
    gpt2: Gpt2Config
