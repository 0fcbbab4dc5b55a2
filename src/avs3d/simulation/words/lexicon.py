"""The words people use for each category: training nouns, hypernyms and held-out words.

The data is `lexicon.json`; it is checked once, when it is first loaded.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from importlib import resources
from typing import Any

from avs3d.simulation.categories import CATEGORIES, CATEGORY_ID


@dataclass(frozen=True)
class Lexicon:
    """English nouns of the categories, singular and in lower case.

    Attributes:
        nouns: category -> its nouns, the category's own name first, common before rare. A noun
            that names several categories stands under each.
        general: hypernym or class name of a public label set -> the categories it names; none
            for what a LiDAR never sees ("sky"), which every point is to be told from.
        held_out: word -> the category it names. Never used in training, neither as a noun nor in
            a caption nor as a part of either.
        specific: nouns that claim more than their category does (a make, a use, a material, a
            size, a state). They train the features but are never said in a caption.
        mass: nouns without article and plural ("gravel", "stairs").
        plurals: noun -> plural, where no rule gives it.
    """

    nouns: Mapping[str, tuple[str, ...]]
    general: Mapping[str, tuple[str, ...]]
    held_out: Mapping[str, str]
    specific: frozenset[str]
    mass: frozenset[str]
    plurals: Mapping[str, str]

    def __post_init__(self) -> None:
        if tuple(self.nouns) != CATEGORIES:
            raise ValueError("the lexicon must list every category, in the order of CATEGORIES")
        for category, nouns in self.nouns.items():
            if nouns[:1] != (category,) or len(set(nouns)) != len(nouns):
                raise ValueError(f"nouns of {category!r}: its own name first, then others, once")
        named = {c for categories in self.general.values() for c in categories}
        unknown = (named | set(self.held_out.values())) - set(CATEGORIES)
        if unknown:
            raise ValueError(f"the lexicon names unknown categories: {sorted(unknown)}")
        trained = self.trained_words
        for word in (*trained, *self.held_out):
            if word != " ".join(word.lower().split()) or not word:
                raise ValueError(f"{word!r} must be in lower case, with single spaces")
        for word in self.held_out:
            users = [t for t in trained if f" {word} " in f" {t.replace('-', ' ')} "]
            if users:
                raise ValueError(f"held-out word {word!r} is used in training by {users}")
        strange = (self.specific | self.mass | set(self.plurals)) - set(trained)
        if strange:
            raise ValueError(f"marks on words that are not in the lexicon: {sorted(strange)}")
        speechless = self.specific & set(CATEGORIES)
        if speechless:
            raise ValueError(f"a category's own name cannot be specific: {sorted(speechless)}")

    @cached_property
    def trained_words(self) -> tuple[str, ...]:
        """Every noun and general word once, in the order of the file."""
        words = [noun for nouns in self.nouns.values() for noun in nouns]
        return tuple(dict.fromkeys((*words, *self.general)))

    @cached_property
    def _names(self) -> Mapping[str, frozenset[int]]:
        names: dict[str, set[int]] = {}

        def add(word: str, categories: Iterable[str]) -> None:
            names.setdefault(word, set()).update(CATEGORY_ID[c] for c in categories)

        for category, nouns in self.nouns.items():
            for noun in nouns:
                add(noun, (category,))
        for word, categories in self.general.items():
            add(word, categories)
        for word, category in self.held_out.items():
            add(word, (category,))
        return {word: frozenset(ids) for word, ids in names.items()}

    def names(self, word: str) -> frozenset[int]:
        """Ids of the categories that a noun, general or held-out word names; empty if unknown."""
        return self._names.get(word, frozenset())

    @cached_property
    def _finder(self) -> tuple[re.Pattern[str], dict[str, str]]:
        forms = {self.plural(word): word for word in self._names}
        forms.update({word: word for word in self._names})
        longest_first = sorted(forms, key=lambda form: (-len(form), form))
        return re.compile(rf"\b(?:{'|'.join(map(re.escape, longest_first))})\b"), forms

    def find(self, text: str) -> list[str]:
        """The words of the lexicon in a text, in the singular and in order; compounds whole."""
        pattern, forms = self._finder
        return [forms[match.group()] for match in pattern.finditer(text.lower())]

    def sayable(self, category: str) -> tuple[str, ...]:
        """The nouns of a category that are true of all its members, common before rare.

        Another category's own name is not one of them: some logs are trunks, not all trunks logs.
        """
        unsaid = self.specific | (set(CATEGORIES) - {category})
        return tuple(noun for noun in self.nouns[category] if noun not in unsaid)

    def weights(self, category: str) -> tuple[float, ...]:
        """How often each noun of a category is said, most common first; sums to one."""
        raw = [1.0 / (rank + 1) for rank in range(len(self.nouns[category]))]
        return tuple(value / sum(raw) for value in raw)

    def plural(self, noun: str) -> str:
        """Plural of a noun of the lexicon; a mass noun stays as it is."""
        if noun in self.mass:
            return noun
        if noun in self.plurals:
            return self.plurals[noun]
        first, _, last = noun.rpartition(" ")
        if first and last in self.plurals:
            return f"{first} {self.plurals[last]}"
        if noun.endswith(("s", "x", "z", "ch", "sh")):
            return noun + "es"
        if noun.endswith("y") and noun[-2] not in "aeiou":
            return noun[:-1] + "ies"
        return noun + "s"

    def article(self, noun: str) -> str:
        """The noun with "a" or "an" in front; a mass noun without."""
        if noun in self.mass:
            return noun
        # A "u" that sounds like "you": a utility box, a utility pole.
        vowel = noun[0] in "aeio" or (noun[0] == "u" and not noun.startswith(("uti", "uni")))
        return f"{'an' if vowel else 'a'} {noun}"


def _parse(data: Mapping[str, Any]) -> Lexicon:
    return Lexicon(
        nouns={category: tuple(nouns) for category, nouns in data["nouns"].items()},
        general={word: tuple(categories) for word, categories in data["general"].items()},
        held_out=dict(data["held_out"]),
        specific=frozenset(data["specific"]),
        mass=frozenset(data["mass"]),
        plurals=dict(data["plurals"]),
    )


@cache
def lexicon() -> Lexicon:
    """The packaged lexicon, loaded and checked once."""
    text = resources.files("avs3d.simulation.words").joinpath("lexicon.json").read_text("utf-8")
    return _parse(json.loads(text))
