"""Configs in small YAML or JSON files: typed by pydantic, unknown keys refused by name."""

from __future__ import annotations

import difflib
import json
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from avs3d.io.source import MalformedError, brief, damaged, load_small, naming
from avs3d.plain_yaml import documents

FILES = (".yaml", ".yml", ".json")
"""How files of configs end."""
STRICT = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)
"""What every config is: a text is no number, and NaN is none."""
_MAX_BYTES = 64 << 10

C = TypeVar("C", bound=BaseModel)


def read_config_file(path: Path, kind: type[C], what: str) -> C:
    """The config in a file.

    Args:
        path: ends in one of `FILES`.
        kind: of the config.
        what: it is of, for messages: ``an image captioner``.

    Raises:
        ReadError: it cannot be read, or has keys that are unknown, missing or wrong.
    """
    with naming(path):
        data = bytes(load_small(path, _MAX_BYTES, f"give the config of {what}"))
        try:
            text = data.decode("utf-8-sig")
        except UnicodeDecodeError:
            raise MalformedError("is not a text file; give a config") from None
        told = _content(text, path.suffix.lower())
        if not isinstance(told, dict):
            needed = [name for name, field in kind.model_fields.items() if field.is_required()]
            raise MalformedError(
                f"holds no keys and values; it needs at least {' and '.join(needed)}"
            )
        return validated(told, kind)


def validated(told: dict[Any, Any], kind: type[C]) -> C:
    """The config that plain data tell, or `MalformedError`."""
    try:
        return kind.model_validate(told)
    except ValidationError as error:
        raise MalformedError(f"{_first_fault(error, kind)}; correct it") from None


def _content(text: str, extension: str) -> Any:
    if extension == ".json":
        with damaged("JSON"):
            return json.loads(text)
    found = documents(text)
    if len(found) > 1:
        raise MalformedError("holds several YAML documents (---); give one")
    return found[0] if found else None


def _first_fault(error: ValidationError, kind: type[BaseModel]) -> str:
    # A key that is misspelt is missing, too: what is there tells more.
    first = min(error.errors(), key=lambda fault: fault["type"] != "extra_forbidden")
    place = first["loc"]
    where = ".".join(str(part + 1) if isinstance(part, int) else str(part) for part in place)
    if first["type"] == "extra_forbidden":
        known = _keys_at(kind, place[:-1])
        near = difflib.get_close_matches(str(place[-1]), known, n=1, cutoff=0.5)
        return f"unknown key {brief(where)}; " + (
            f"did you mean {near[0]}?" if near else f"there are {', '.join(known)}"
        )
    if first["type"] == "missing":
        return f"the key {where} is missing"
    return f"{brief(where)}: {first['msg'].removeprefix('Value error, ')}"


def _keys_at(kind: type[BaseModel], place: tuple[int | str, ...]) -> list[str]:
    """The keys that there are at a place within a config; a list has one kind of entries."""
    for part in place:
        if isinstance(part, str):
            inner: Any = kind.model_fields[part].annotation
            kind = next(iter(getattr(inner, "__args__", ())), inner)
    return list(kind.model_fields)
