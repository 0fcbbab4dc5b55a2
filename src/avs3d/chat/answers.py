"""Answers kept on disk, so that the same question about the same picture is paid for once."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from avs3d.cache import CacheFolder, cache_root
from avs3d.chat.reply import Question

_MAX_BYTES = 1 << 20


class Answers:
    """Answers by the question, its image, the model that was asked and how.

    One small file each in a `CacheFolder`: a checksum and the text. A file that does not agree
    with its checksum (cut short, damaged, of another question) counts as absent.

    Args:
        folder: where the files lie; default ``answers/`` under `cache_root()`.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self._files = CacheFolder(folder or cache_root() / "answers", _MAX_BYTES)

    @staticmethod
    def key(address: str, model: str, question: Question, parameters: dict[str, Any]) -> str:
        """What an answer is kept by: 64 hexadecimal digits.

        Args:
            address: of the server.
            model: its name there.
            question: what is asked.
            parameters: plain data, how the answer is made.
        """
        image = hashlib.sha256(question.image).hexdigest() if question.image is not None else ""
        told = [address, model, question.text, image, parameters]
        return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()

    def get(self, key: str) -> str | None:
        """The answer, or None."""
        data = self._files.read(key)
        if data is None or len(data) <= 32:
            return None
        digest, content = data[:32], data[32:]
        if digest != _digest(key, content):
            return None
        try:
            return content.decode("utf-8")
        except UnicodeDecodeError:
            return None

    def put(self, key: str, text: str) -> None:
        """Keep an answer, which is not empty."""
        content = text.encode("utf-8")
        self._files.write(key, _digest(key, content) + content)

    def prune(self) -> None:
        """To be called after some were put."""
        self._files.prune()


def _digest(key: str, content: bytes) -> bytes:
    return hashlib.sha256(key.encode() + content).digest()
