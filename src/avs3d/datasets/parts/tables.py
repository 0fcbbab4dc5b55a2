"""Lists of JSON objects that are too long for memory, a part of the file at a time."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from avs3d.io.source import MalformedError, naming

CHUNK_BYTES = 16 << 20
_BETWEEN = b" \t\r\n,["
_LONGEST = 1 << 20


def rows(path: Path, choose: Callable[[bytes], bool]) -> Iterator[dict[str, Any]]:
    """Those objects of a list whose text `choose` takes; the text of the others is not parsed.

    The objects must hold no objects, and their texts no ``}``, as in the large tables of nuScenes:
    then every ``}`` ends an object, and the file is taken apart there.

    Raises:
        ReadError: the file is missing, truncated, or no such list.
    """
    with naming(path):
        try:
            with open(path, "rb") as file:
                yield from _rows(iter(lambda: file.read(CHUNK_BYTES), b""), choose)
        except OSError as error:
            raise MalformedError(f"cannot be read ({error.strerror}); check the path") from None


def _rows(parts: Iterator[bytes], choose: Callable[[bytes], bool]) -> Iterator[dict[str, Any]]:
    rest = b""
    for part in parts:
        *texts, rest = (rest + part).split(b"}")
        if len(rest) > _LONGEST:
            raise MalformedError("is no list of short JSON objects; get it again")
        chosen = [text.lstrip(_BETWEEN) for text in texts if choose(text)]
        if chosen:
            yield from _parsed(b"[" + b"},".join(chosen) + b"}]")
    if rest.strip() != b"]":
        raise MalformedError("truncated: its list of JSON objects has no end; get it again")


def _parsed(text: bytes) -> list[dict[str, Any]]:
    try:
        found: list[dict[str, Any]] = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise MalformedError(f"is no list of plain JSON objects ({error}); get it again") from None
    return found
