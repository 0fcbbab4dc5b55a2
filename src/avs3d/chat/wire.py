"""What is sent to a server that speaks OpenAI's API, and what its answers and errors mean."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from typing import Any

from avs3d.chat.reply import Question, image_kind

_QUOTED = 80  # characters of an answer that is none


class NoAnswerError(Exception):
    """A server's answer without a reply in it; the text says what it is instead."""


@dataclass(frozen=True)
class Answer:
    """What a server said.

    Attributes:
        text: not empty, without white space around it.
        prompt_tokens, completion_tokens: 0 where it does not tell.
    """

    text: str
    prompt_tokens: int
    completion_tokens: int


def messages(question: Question) -> list[dict[str, Any]]:
    """The question as the API has it; an image goes before the text."""
    if question.image is None:
        return [{"role": "user", "content": question.text}]
    coded = base64.b64encode(question.image).decode("ascii")
    url = f"data:{image_kind(question.image)};base64,{coded}"
    image = {"type": "image_url", "image_url": {"url": url}}
    return [{"role": "user", "content": [image, {"type": "text", "text": question.text}]}]


def read_answer(sent: str) -> Answer:
    """The reply in what a server sent, or `NoAnswerError`."""
    try:
        told = json.loads(sent)
    except (ValueError, RecursionError):
        raise NoAnswerError(_what_else(sent.strip())) from None
    told = told if isinstance(told, dict) else {}
    choices = told.get("choices")
    choice = choices[0] if isinstance(choices, list) and choices else None
    if not isinstance(choice, dict):
        raise NoAnswerError(said_of_error(told) or "answered without choices; is it a chat server?")
    message = choice.get("message")
    message = message if isinstance(message, dict) else {}
    text = _content(message.get("content"))
    if not text:
        if refusal := _text(message.get("refusal")):
            raise NoAnswerError(f"refused: {refusal}")
        if choice.get("finish_reason") == "length":
            raise NoAnswerError("said nothing before its tokens were used up; give it more")
        raise NoAnswerError("said nothing")
    usage = told.get("usage")
    usage = usage if isinstance(usage, dict) else {}
    return Answer(text, _count(usage.get("prompt_tokens")), _count(usage.get("completion_tokens")))


def said_of_error(body: object) -> str:
    """The message in an error's body, in the forms that servers give it, or ""."""
    for _ in range(2):
        if isinstance(body, dict):
            body = body.get("message") or body.get("error") or body.get("detail")
    text = _text(body)
    return "" if text.startswith("<") else text


def _content(value: object) -> str:
    """The text of a message, which may be a list of parts."""
    parts = value if isinstance(value, list) else [{"text": value}]
    texts = [_text(part.get("text")) for part in parts if isinstance(part, dict)]
    return "\n".join(filter(None, texts))


def _text(value: object) -> str:
    """A string without lone surrogates, which have no UTF-8, and "" of anything else."""
    return value.encode("utf-8", "replace").decode().strip() if isinstance(value, str) else ""


def _count(value: object) -> int:
    return value if type(value) is int and 0 <= value < 1 << 32 else 0


def _what_else(sent: str) -> str:
    if not sent:
        return "answered nothing at all"
    if sent.startswith("<"):
        return "answered with a web page; check the address, which mostly ends in /v1"
    return f"answered no JSON: {sent[:_QUOTED]}"
