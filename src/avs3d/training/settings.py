"""Settings of a training: typed, from plain YAML and from the command line."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from importlib import resources
from pathlib import Path
from typing import Any, TypeVar, get_args

from pydantic import ValidationError

from avs3d.errors import UserError
from avs3d.io.source import MalformedError, load, show
from avs3d.models.configs import Strict
from avs3d.plain_yaml import documents

S = TypeVar("S", bound="Settings")
_PRESETS = resources.files("avs3d.training") / "presets"
_MAX_BYTES = 1 << 20


class Settings(Strict):
    """What can be set of something; nothing else can."""


def presets(training: str) -> list[str]:
    """Names of the settings that come along with a training."""
    ends = f".{training}.yaml"
    return sorted(
        path.name.removesuffix(ends) for path in _PRESETS.iterdir() if path.name.endswith(ends)
    )


def read(kind: type[S], training: str, name: str | None, changes: Sequence[str], **given: Any) -> S:
    """Settings from a preset or a file, with changes.

    Args:
        kind: what they are read as.
        training: whose presets are meant.
        name: of a preset, or the path of a YAML file; None: nothing but the changes.
        changes: ``schedule.steps=100``; the value is YAML. They count most.
        given: further top-level settings; None: not given.

    Raises:
        UserError: no such preset or file, an unknown setting (names the nearest known one), or a
            wrong value.
    """
    content = {} if name is None else _content(training, name)
    content |= {key: value for key, value in given.items() if value is not None}
    for change in changes:
        _set(content, change)
    try:
        return kind.model_validate(content)
    except ValidationError as error:
        raise UserError(_told(kind, training, name, error)) from None


def _content(training: str, name: str) -> dict[str, Any]:
    path = Path(name)
    if name in presets(training):
        text = (_PRESETS / f"{name}.{training}.yaml").read_text("utf-8")
    elif path.is_file() and path.stat().st_size <= _MAX_BYTES:
        text = bytes(load(path)).decode("utf-8", "replace")
    else:
        near = difflib.get_close_matches(name, presets(training), n=1)
        raise UserError(
            f"{show(path)}: no such file of settings, and no preset of `train {training}`; there"
            f" are {', '.join(presets(training))}" + (f": did you mean {near[0]}?" if near else "")
        )
    try:
        found = documents(text)
    except MalformedError as error:
        raise UserError(f"{show(path)}: {error}; correct it") from None
    if len(found) != 1 or not isinstance(found[0], dict):
        raise UserError(f"{show(path)}: holds no settings as `name: value`; correct it")
    return found[0]


def _set(content: dict[str, Any], change: str) -> None:
    where, mark, value = change.partition("=")
    if not mark:
        raise UserError(f"--set {change}: give NAME=VALUE, such as schedule.steps=100")
    *above, last = where.strip().split(".")
    for part in above:
        content = content.setdefault(part, {})
        if not isinstance(content, dict):
            raise UserError(f"--set {change}: {part} is one value, nothing is below it")
    try:
        found = documents(value)
    except MalformedError as error:
        raise UserError(f"--set {change}: {error}; correct it") from None
    content[last] = found[0] if found else None


def _told(kind: type[Settings], training: str, name: str | None, error: ValidationError) -> str:
    first, source = error.errors()[0], name or f"train {training}"
    where = [str(part) for part in first["loc"]]
    if first["type"] == "missing":
        other = f", or take a preset: {', '.join(presets(training))}" if name is None else ""
        return f"{source}: {'.'.join(where)} is not set; set it{other}"
    if first["type"] != "extra_forbidden":
        return f"{source}: {'.'.join(where)}: {first['msg'].removeprefix('Value error, ')}"
    known = _names_at(kind, where[:-1])
    near = difflib.get_close_matches(where[-1], known, n=1, cutoff=0.4)
    remedy = f"did you mean {near[0]}?" if near else f"there are {', '.join(known)}"
    return f"{source}: no setting {'.'.join(where)!r}: {remedy}"


def _names_at(kind: Any, where: Sequence[str]) -> list[str]:
    """Names of the settings of a part of `kind`."""
    kinds: list[Any] = []
    for part in where:
        field = getattr(kind, "model_fields", {}).get(part)
        if field is None:  # the tag of a union
            tagged = (one for one in kinds if one.model_fields["kind"].default == part)
            kind = next(tagged, kind)
            continue
        options = [field.annotation, *get_args(field.annotation)]
        kinds = [one for one in options if hasattr(one, "model_fields")]
        kind = next(iter(kinds), kind)
    return list(kind.model_fields)
