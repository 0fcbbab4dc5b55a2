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
        yield from _parsed(chosen)
    if b"".join(rest.split()) not in (b"]", b"[]"):
        raise MalformedError("truncated: its list of JSON objects has no end; get it again")


def _parsed(texts: list[bytes]) -> list[dict[str, Any]]:
    """Objects whose ``}`` was taken off; all at once, which is three times as fast."""
    ends = b"}]" if texts else b"]"
    try:
        found: list[dict[str, Any]] = json.loads(b"[" + b"},".join(texts) + ends)
    except (ValueError, RecursionError) as error:
        raise MalformedError(f"is no list of plain JSON objects ({error}); get it again") from None
    if len(found) != len(texts) or not all(text.startswith(b"{") for text in texts):
        raise MalformedError("is no list of plain JSON objects; get it again")
    return found
