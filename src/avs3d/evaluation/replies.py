"""What a language model is asked about a word (LAVE), and what its reply means.

The question is the published one. The published reading of the reply takes an arbitrary one of
several classes, minds the case and wants quotation marks; `read_reply` does not.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from typing import NamedTuple

from avs3d.chat.reply import without_thoughts
from avs3d.labelsets import plain

VOID_NAME = "void"
MOST_NAMED = 3
"""A reply that names more classes decides nothing."""
_NOTHING = (VOID_NAME, "background", "none", "nothing", "no class")
_QUOTES = re.compile("[\"'`*‘’‚“”„«»‹›「」]")
_EDGES = " \t\r\n.,:;!?()[]{}<>/\\|"
_CLAUSES = re.compile(r"[.,;:!?\n]|\bbut\b")
_DENIED = re.compile(r"\b(?:not|no|nor|neither|never|cannot|unsure|unclear)\b|n['’]t\b")
_LONGEST = 20_000  # characters of a reply that are read


class Answer(NamedTuple):
    """What a reply says.

    Attributes:
        name: one of the names that were asked about, or None for void.
        reason: why it is void, or empty.
    """

    name: str | None
    reason: str = ""


def question(word: str, names: Sequence[str]) -> str:
    """The published question: which of `names` is `word`? `VOID_NAME` is put behind them."""
    return (
        f"To which class in {[*names, VOID_NAME]} is '{word}' exclusively most similar to? "
        f"If {word} is not similar to any class in the list, answer with '{VOID_NAME}'. "
        "Reply in single quotation marks with the class name that is part of the list and do not "
        "link it to any other class name which is not part of the given list or 'background'"
    )


def read_reply(reply: str, names: Sequence[str], word: str, most: int = MOST_NAMED) -> Answer:
    """The class that a reply names first.

    Names in quotation marks, or that are all of the reply, go before names in running text, where
    clauses that deny something are passed over and the word that was asked about is none. Case,
    ``-`` and ``_`` do not count, nor does what stands between ``<think>`` and ``</think>``.

    Args:
        reply: any text.
        names: what was asked about.
        word: the word it was asked for.
        most: a reply that names more of them is void.
    """
    known = {plain(name): name for name in names}
    known |= {name: VOID_NAME for name in _NOTHING if name not in known}
    text = plain(
        unicodedata.normalize("NFKC", without_thoughts(reply)[:_LONGEST]).replace("\n", " . ")
    )
    asked = plain(word)
    quoted = [part.strip(_EDGES) for part in _QUOTES.split(text)]
    said = [part for part in quoted if part in known] or _in_running_text(text, known, asked)
    named = list(dict.fromkeys(known[name] for name in said))
    if not named:
        return Answer(None, "the reply names no class")
    if len(named) > most:
        return Answer(None, f"the reply names {len(named)} classes")
    return Answer(None, "the reply says so") if named[0] == VOID_NAME else Answer(named[0])


def _in_running_text(text: str, known: dict[str, str], asked: str) -> list[str]:
    """Names in the order in which clauses without a denial say them, also in the plural."""
    longest_first = sorted({*known, asked} - {""}, key=len, reverse=True)
    name = re.compile(rf"\b({'|'.join(map(re.escape, longest_first))})(?:e?s)?\b")
    clauses = _CLAUSES.split(text)
    said = [clause for clause in clauses if not _DENIED.search(clause)]
    return [m[1] for clause in said for m in name.finditer(clause) if m[1] in known]


def read_as_published(
    reply: str, names: Sequence[str], word: str, most: int = MOST_NAMED
) -> Answer:
    """The same by the rules of the published code, which asks for refusals about women, too.

    Only where it takes an arbitrary one of several classes, this takes the first.

    Args:
        reply, names, word: see `read_reply`.
        most: likewise; 0: any number.
    """
    parts = reply.split("'")[1:] or reply.split('"')[1:]
    named = list(dict.fromkeys(part for part in parts if part in {*names, VOID_NAME}))
    if not named and word == "woman" and "person" in names:
        return Answer("person")
    if not named:
        return Answer(None, "the reply names no class")
    if most and len(named) > most:
        return Answer(None, f"the reply names {len(named)} classes")
    return Answer(None, "the reply says so") if named[0] == VOID_NAME else Answer(named[0])
