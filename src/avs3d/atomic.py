"""Files that are whole or absent: written beside their place under another name, then renamed."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any


def write_bytes(path: Path, content: bytes) -> Path:
    """Write `content` to `path`, replacing what is there, and return the path."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        temporary.write_bytes(content)
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
    return path


def write_json(path: Path, content: Any) -> Path:
    """Write plain data as indented UTF-8 JSON and return the path."""
    text = json.dumps(content, indent=1, ensure_ascii=False)
    return write_bytes(path, (text + "\n").encode())
