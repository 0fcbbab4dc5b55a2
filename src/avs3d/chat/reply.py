"""Questions, replies, and what they cost."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import astuple, dataclass
from typing import Protocol

_LONGEST_ERROR = 300
_THOUGHT = re.compile(r"<think>.*?(?:</think>|\Z)|\A.*</think>", re.DOTALL | re.IGNORECASE)
_KINDS = {b"\xff\xd8\xff": "image/jpeg", b"\x89PNG\r\n\x1a\n": "image/png"}


def one_line(text: str, longest: int) -> str:
    """The text with white space collapsed, control characters removed, and cut at `longest`."""
    kept = "".join(c for c in text if c.isprintable() or c.isspace())
    return " ".join(kept.split())[:longest].rstrip()


def without_thoughts(text: str) -> str:
    """What a model answers, without what it thinks aloud before, from ``<think>`` to ``</think>``;
    one of both may be missing."""
    return _THOUGHT.sub(" ", text)


def image_kind(image: bytes) -> str:
    """The media type of an encoded image, or "": it is neither JPEG nor PNG."""
    return next((kind for start, kind in _KINDS.items() if image.startswith(start)), "")


@dataclass(frozen=True)
class Question:
    """What a model is asked.

    Attributes:
        text: the question.
        image: what it is about, as the bytes of a JPEG or PNG file.
        draw: 0: the likeliest answer, the same each time; from 1: one that is drawn at
            temperature 1, another one for another number.

    Raises:
        ValueError: the image is neither.
    """

    text: str
    image: bytes | None = None
    draw: int = 0

    def __post_init__(self) -> None:
        if self.image is not None and not image_kind(self.image):
            raise ValueError("the image of a question must be the bytes of a JPEG or PNG file")


@dataclass(frozen=True)
class Reply:
    """An answer, or why there is none.

    Attributes:
        text: what was said.
        error: one line; exactly one of both is empty.
    """

    text: str
    error: str = ""

    def __post_init__(self) -> None:
        if bool(self.text) == bool(self.error):
            raise ValueError("a reply has either a text or an error")

    @classmethod
    def failed(cls, reason: str) -> Reply:
        """No answer; the reason is made one short line."""
        return cls("", one_line(reason, _LONGEST_ERROR) or "failed without a reason")


@dataclass
class Usage:
    """What a model was asked so far, and what it took.

    Attributes:
        asked: questions.
        cached: of them, those whose answer was known already.
        failed: of them, those without an answer.
        prompt_tokens, completion_tokens: read and written, where that is told.
        seconds: from question to answer, retries included, summed over the questions that the
            model itself answered. Those that a server answers side by side count in full each, a
            batch of a local model counts once.
    """

    asked: int = 0
    cached: int = 0
    failed: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    seconds: float = 0.0

    @property
    def mean_seconds(self) -> float:
        """`seconds` of one question."""
        return self.seconds / max(self.asked - self.cached - self.failed, 1)

    def __add__(self, other: Usage) -> Usage:
        return Usage(*(a + b for a, b in zip(astuple(self), astuple(other), strict=True)))

    def __sub__(self, other: Usage) -> Usage:
        return Usage(*(a - b for a, b in zip(astuple(self), astuple(other), strict=True)))

    def line(self) -> str:
        """``6 answers (2 cached, 1 failed), 3,214 + 180 tokens, 1.2 s each``."""
        counts = ((self.cached, "cached"), (self.failed, "failed"))
        notes = ", ".join(f"{count:,} {what}" for count, what in counts if count)
        text = f"{self.asked:,} answer{'' if self.asked == 1 else 's'}"
        text += f" ({notes})" if notes else ""
        if self.prompt_tokens or self.completion_tokens:
            text += f", {self.prompt_tokens:,} + {self.completion_tokens:,} tokens"
        return text + (f", {self.mean_seconds:.1f} s each" if self.seconds else "")


class Chat(Protocol):
    """A model that answers questions."""

    @property
    def name(self) -> str:
        """What summaries call it."""
        ...

    @property
    def usage(self) -> Usage:
        """Of all questions so far."""
        ...

    def ask(self, questions: Sequence[Question]) -> list[Reply]:
        """A reply to each question, in their order; what cannot be answered has an error.

        Raises:
            UserError: the model cannot be asked at all, because something is not installed.
        """
        ...
