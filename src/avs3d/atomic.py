"""Files that are whole or absent: written beside their place under another name, then renamed."""

from __future__ import annotations

import contextlib
import json
import os
import re
import secrets
from pathlib import Path
from typing import Any

_LEFTOVER = re.compile(r"\..*\.(\d+)-[0-9a-f]{8}\.part", re.S)
_SHOWN = 50  # characters of a file's name that its temporary name repeats


def write_bytes(path: Path, content: bytes) -> Path:
    """Write `content` to `path`, replacing what is there, and return the path."""
    unique = f"{os.getpid()}-{secrets.token_hex(4)}"
    temporary = path.with_name(f".{path.name[:_SHOWN]}.{unique}.part")
    try:
        temporary.write_bytes(content)
        with open(temporary, "rb+") as file:
            os.fsync(file.fileno())  # else a power cut can leave the name without the content
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
    return path


def write_json(path: Path, content: Any) -> Path:
    """Write plain data as indented UTF-8 JSON and return the path."""
    text = json.dumps(content, indent=1, ensure_ascii=False)
    return write_bytes(path, (text + "\n").encode("utf-8", "replace"))


def remove_leftovers(folder: Path) -> None:
    """Remove what `write_bytes` left in a folder when its process was killed.

    To be called before this process writes there itself: what bears its number is from an earlier
    one (in containers every process has the same).
    """
    for entry in folder.iterdir():
        match = _LEFTOVER.fullmatch(entry.name)
        if match and not _is_alive(int(match[1])):
            with contextlib.suppress(OSError):
                entry.unlink()


def _is_alive(pid: int) -> bool:
    if os.name == "nt":  # asking there would end the process
        return True
    if pid == os.getpid():
        return False
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        pass
    return True
