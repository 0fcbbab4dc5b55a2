"""What an image captioner is made from: its config, a file of it, or a spec of one line."""

from __future__ import annotations

import difflib
import json
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from avs3d.chat.generating import Precision
from avs3d.errors import UserError
from avs3d.io.source import MalformedError, brief, damaged, load_small, naming
from avs3d.plain_yaml import documents

_FILES = (".yaml", ".yml", ".json")
_MAX_BYTES = 64 << 10
_SERVERS = ("http://", "https://")


class ImageCaptionerConfig(BaseModel):
    """Which model describes images, where, and how.

    Attributes:
        model: a local folder or a hub id; with a server, its name there.
        server: address, for example ``http://localhost:8000/v1``; None: the model runs here.
        prompt: what is said with each image; None: `avs3d.captioning.images.PROMPT`, and nothing
            to models that only continue a text, such as BLIP.
        max_tokens: where a caption is broken off.
        batch: images that a local model sees at once.
        dtype: see `Precision`; of local models.
        concurrency, retries, timeout: see `avs3d.chat.ChatServer`; the timeout is in seconds.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)

    model: str = Field(min_length=1, max_length=1000)
    server: str | None = Field(None, min_length=1, max_length=1000)
    prompt: str | None = Field(None, min_length=1, max_length=4000)
    max_tokens: int = Field(100, gt=0, le=4096)
    batch: int = Field(4, gt=0, le=256)
    dtype: Precision = "auto"
    concurrency: int = Field(4, gt=0, le=64)
    retries: int = Field(2, ge=0, le=10)
    timeout: float = Field(60.0, gt=0, le=3600)


def read_spec(spec: str) -> ImageCaptionerConfig:
    """The config of a spec, see `avs3d.captioning.images.load_image_captioner`.

    Raises:
        UserError: it is none, or names a file that cannot be read.
    """
    if spec.startswith(_SERVERS):
        address, _, model = spec.partition("#")
        if not model:
            raise UserError(
                f"image captioner {brief(spec)!r} names no model: give it as ADDRESS/v1#MODEL"
            )
        return _of_spec(spec, {"server": address, "model": model})
    path = Path(spec).expanduser()
    if path.suffix.lower() in _FILES and not path.is_dir():
        return _read_file(path)
    return _of_spec(spec, {"model": spec})


def _of_spec(spec: str, told: dict[str, Any]) -> ImageCaptionerConfig:
    try:
        return _validated(told)
    except MalformedError as error:
        raise UserError(f"image captioner {brief(spec)!r}: {error}") from None


def _read_file(path: Path) -> ImageCaptionerConfig:
    with naming(path):
        data = bytes(load_small(path, _MAX_BYTES, "give the config of an image captioner"))
        try:
            text = data.decode("utf-8-sig")
        except UnicodeDecodeError:
            raise MalformedError("is not a text file; give a config") from None
        told = _content(text, path.suffix.lower())
        if not isinstance(told, dict):
            raise MalformedError("holds no keys and values; it needs at least a model")
        return _validated(told)


def _content(text: str, extension: str) -> Any:
    if extension == ".json":
        with damaged("JSON"):
            return json.loads(text)
    found = documents(text)
    if len(found) > 1:
        raise MalformedError("holds several YAML documents (---); give one")
    return found[0] if found else None


def _validated(told: dict[Any, Any]) -> ImageCaptionerConfig:
    try:
        return ImageCaptionerConfig.model_validate(told)
    except ValidationError as error:
        raise MalformedError(f"{_first_fault(error)}; correct it") from None


def _first_fault(error: ValidationError) -> str:
    first = error.errors()[0]
    key = ".".join(map(str, first["loc"]))
    if first["type"] == "extra_forbidden":
        known = list(ImageCaptionerConfig.model_fields)
        near = difflib.get_close_matches(key, known, n=1, cutoff=0.5)
        return f"unknown key {brief(key)}; " + (
            f"did you mean {near[0]}?" if near else f"there are {', '.join(known)}"
        )
    if first["type"] == "missing":
        return f"the key {key} is missing"
    return f"{key}: {first['msg']}"
