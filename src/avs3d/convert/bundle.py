"""Checkpoints of one method, put together into a bundle."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import torch
from pydantic import ValidationError
from torch import nn

from avs3d import __version__
from avs3d.bundle import save_bundle
from avs3d.bundle_config import BundleConfig, sha256
from avs3d.convert.checkpoint import Checkpoint, listed, read_checkpoint
from avs3d.convert.parts import (
    captioner_of,
    has_captioner,
    has_network,
    has_pooling,
    network_of,
    of_no_part,
    pooling_of,
)
from avs3d.convert.place import new_folder
from avs3d.convert.tokenizer import GPT2, tokenizer_text
from avs3d.errors import UserError
from avs3d.io.source import brief
from avs3d.text import load_text_encoder

TEXT_ENCODERS = {
    768: "clip:openai/clip-vit-large-patch14-336",
    512: "clip:openai/clip-vit-base-patch32",
}
"""Width of the 3D network's output -> the text encoder of that space (OpenSeg, LSeg)."""
PROMPT = "a {word} in a scene"
VOXEL_SIZE = 0.05
VIEWS = 12
_PTV3_INPUTS = ("x", "y", "z", "strength")


@dataclass(frozen=True)
class Converted:
    """A bundle that was written.

    Attributes:
        folder: where.
        lines: what it was made of, and what was left out, a line each.
    """

    folder: Path
    lines: tuple[str, ...]


@dataclass
class _Parts:
    """What a bundle is put together from.

    Attributes:
        modules: name of the file -> module.
        config: entries of `BundleConfig`.
        files: further files, name -> text.
        lines: see `Converted`.
    """

    modules: dict[str, nn.Module] = field(default_factory=dict)
    config: dict[str, Any] = field(default_factory=dict)
    files: dict[str, str] = field(default_factory=dict)
    lines: list[str] = field(default_factory=list)


def convert(
    files: Sequence[Path],
    out: Path,
    *,
    name: str | None = None,
    text_encoder: str | None = None,
    tokenizer: str = GPT2,
    heads: int | None = None,
    voxel_size: float = VOXEL_SIZE,
    prompt: str = PROMPT,
    source: str | None = None,
    overwrite: bool = False,
    status: Callable[[str], None] = lambda text: None,
) -> Converted:
    """Make a bundle of OpenScene, SMAP and ClipCap checkpoints; which is which, the names tell.

    Args:
        files: one checkpoint a part; SMAP's brings its own 3D network.
        out: the bundle's folder; appears complete or not at all.
        name: of the bundle; by default the folder's.
        text_encoder: see `avs3d.text.load_text_encoder`; by default CLIP by the output's width.
        tokenizer: of ClipCap's GPT-2: a folder or a hub id.
        heads: of ClipCap's GPT-2; 64 channels each by default.
        voxel_size: metres; what the network was trained with is not in its checkpoint.
        prompt: what is said to the text encoder; ``{word}`` stands for the word.
        source: where the files come from, for the bundle's provenance.
        overwrite: replace a bundle that is there.
        status: called with a few words whenever something slow begins.

    Raises:
        UserError: a file that is no such checkpoint, parts that do not belong together, or a
            folder that is there already; `MismatchError` for tensors that differ.
    """
    told: dict[str, Any] = {
        "name": name or out.resolve().name,
        "prompt": prompt,
        "voxel_size": voxel_size,
    }
    _check_options(told, text_encoder)
    with new_folder(out, overwrite) as folder:
        checkpoints = []
        for path in files:
            status(f"reading {path.name}")
            checkpoints.append(read_checkpoint(path))
        for checkpoint in checkpoints:
            _refuse_foreign(checkpoint)
        parts = _Parts()
        network = _only(checkpoints, has_network, has_pooling, "a 3D network")
        if network is None:
            raise UserError(
                "a bundle needs a 3D network: give an OpenScene or a SMAP checkpoint as well"
            )
        _add_network(parts, network, text_encoder)
        pooling = _only(checkpoints, has_pooling, None, "a pooling (SMAP)")
        if pooling is not None:
            _add_pooling(parts, pooling)
        captioner = _only(checkpoints, has_captioner, None, "a captioner (ClipCap)")
        if captioner is not None:
            _add_captioner(parts, captioner, tokenizer, heads)
        for checkpoint in checkpoints:
            _tell_left_out(parts, checkpoint)
        status("writing the bundle")
        config = BundleConfig(
            views=VIEWS,
            provenance=_provenance(checkpoints, parts, source),
            **told,
            **parts.config,
        )
        save_bundle(folder, config, parts.modules, files=parts.files)
    return Converted(out, tuple(parts.lines))


def _check_options(told: dict[str, Any], text_encoder: str | None) -> None:
    """Refuse entries of `BundleConfig` that options told, before anything large is read."""
    if "{word}" not in told["prompt"]:
        raise UserError(f"--prompt {told['prompt']!r} has no {{word}}, where the word would stand")
    if text_encoder is not None:
        load_text_encoder(text_encoder)
        told = told | {"text_encoder": text_encoder}
    try:
        BundleConfig.model_validate(told)
    except ValidationError as error:
        for row in error.errors():
            if row["type"] != "missing":  # the checkpoints will tell that
                option = str(row["loc"][0]).replace("_", "-")
                reason = row["msg"].removeprefix("Value error, ")
                raise UserError(f"--{option} {brief(str(row['input']))}: {reason}") from None


def _only(
    checkpoints: list[Checkpoint],
    has: Callable[[Checkpoint], bool],
    beside: Callable[[Checkpoint], bool] | None,
    what: str,
) -> Checkpoint | None:
    """The one checkpoint that has a part; rather one that has it alone, without what `beside`
    tells of."""
    found = [checkpoint for checkpoint in checkpoints if has(checkpoint)]
    alone = [checkpoint for checkpoint in found if beside and not beside(checkpoint)]
    if len(alone or found) > 1:
        paths = " and ".join(str(checkpoint.path) for checkpoint in (alone or found)[:2])
        raise UserError(f"{paths} both hold {what}: give one of them")
    return next(iter(alone or found), None)


def _add_network(parts: _Parts, checkpoint: Checkpoint, text_encoder: str | None) -> None:
    config, module, variant = network_of(checkpoint)
    encoder = text_encoder or TEXT_ENCODERS.get(config.out_channels)
    if encoder is None:
        raise UserError(
            f"{checkpoint.path}: its features are {config.out_channels} wide, and no published "
            "CLIP of these models is (768, 512): pass --text-encoder"
        )
    inputs = _PTV3_INPUTS if config.kind == "ptv3" else ("one",) * config.in_channels
    if len(inputs) != config.in_channels:
        raise UserError(
            f"{checkpoint.path}: {variant} takes {config.in_channels} inputs a voxel, and only "
            f"{', '.join(inputs)} are known here: give one for driving scans"
        )
    parts.modules["network"] = module
    parts.config |= {"network": config, "text_encoder": encoder, "inputs": inputs}
    parts.lines.append(
        f"network: {variant}, {config.out_channels}-d, in the space of "
        f"{encoder.removeprefix('clip:')} ({checkpoint.path.name})"
    )


def _add_pooling(parts: _Parts, checkpoint: Checkpoint) -> None:
    """SMAP pools the features of the network that it was trained on, so that must be the one."""
    config, module = pooling_of(checkpoint)
    width = parts.config["network"].out_channels
    if config.in_channels != width:
        raise UserError(
            f"{checkpoint.path}: SMAP takes features {config.in_channels} wide, the network gives "
            f"{width}: give files that belong together"
        )
    if has_network(checkpoint):
        own = network_of(checkpoint)[1].state_dict()
        used = parts.modules["network"].state_dict()
        if own.keys() != used.keys() or any(not torch.equal(own[key], used[key]) for key in own):
            raise UserError(
                f"{checkpoint.path}: SMAP was trained on another 3D network than the one given: "
                "leave that one out, SMAP's checkpoint brings its own"
            )
    parts.modules["pooling"] = module
    parts.config["pooling"] = config
    parts.lines.append(
        f"pooling: SMAP {config.in_channels} to {config.out_channels}, {config.padding} padding "
        f"({checkpoint.path.name})"
    )


def _add_captioner(
    parts: _Parts, checkpoint: Checkpoint, tokenizer: str, heads: int | None
) -> None:
    config, module, beside = captioner_of(checkpoint, heads)
    pooling = parts.config.get("pooling")
    if pooling is None:
        raise UserError(
            f"{checkpoint.path}: a captioner needs SMAP before it: give its checkpoint as well"
        )
    if pooling.out_channels != config.embedding_dim:
        raise UserError(
            f"{checkpoint.path}: ClipCap takes embeddings {config.embedding_dim} wide, SMAP gives "
            f"{pooling.out_channels}: give files that belong together"
        )
    parts.files["tokenizer.json"] = tokenizer_text(tokenizer, config.gpt2.vocab_size)
    parts.modules["captioner"] = module
    parts.config["captioner"] = config
    mapping = "transformer" if config.transformer else "MLP"
    parts.lines.append(
        f"captioner: ClipCap, {mapping} mapping to {config.prefix_length} words, GPT-2 of "
        f"{config.gpt2.n_layer} layers, {config.gpt2.n_embd} wide ({checkpoint.path.name})"
    )
    if beside:
        parts.lines.append(f"left out of {checkpoint.path.name}: {listed(beside)} (not parameters)")


def _refuse_foreign(checkpoint: Checkpoint) -> None:
    known = (has_network, has_pooling, has_captioner)
    if not any(has(checkpoint) for has in known):
        raise UserError(
            f"{checkpoint.path} is no checkpoint of OpenScene, SMAP or ClipCap (it has "
            f"{listed(list(checkpoint.tensors))}): give one of these"
        )


def _tell_left_out(parts: _Parts, checkpoint: Checkpoint) -> None:
    """Tensors of no part, and what is no tensor."""
    if rest := [*checkpoint.left_out, *of_no_part(checkpoint)]:
        parts.lines.append(f"left out of {checkpoint.path.name}: {listed(rest)}")


def _provenance(
    checkpoints: list[Checkpoint], parts: _Parts, source: str | None
) -> dict[str, object]:
    files = {checkpoint.path.name: sha256(checkpoint.path) for checkpoint in checkpoints}
    told: dict[str, object] = {"parts": list(parts.lines), "files": files}
    if source is not None:
        told["source"] = source
    told["licence"] = "that of the checkpoints"
    told["made"] = f"{date.today().isoformat()} with avs3d {__version__} (avs3d convert)"
    return told
