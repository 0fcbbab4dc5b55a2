"""The words of a caption: nouns, amounts, attributes and verbs that suit what the points show."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

import numpy as np

from avs3d.simulation.words.lexicon import Lexicon
from avs3d.simulation.words.salience import (
    COUNTABLE,
    GROUND,
    Thing,
    gap,
    in_a_group,
    in_a_row,
    stands_on,
)

_T = TypeVar("_T")
_COMMON = 1.7  # how steeply nouns get rarer along the lexicon's order
# Words for several kinds at once; mass nouns, or counted where all of the kinds are.
COLLECTIVES = {
    "vehicle": (
        "car", "van", "truck", "bus", "trailer", "construction vehicle", "train", "motorcycle",
        "pickup truck", "tractor", "excavator", "forklift", "golf cart", "rickshaw",
    ),
    "vegetation": ("tree", "trunk", "bush", "hedge", "tall grass"),
    "greenery": ("tree", "bush", "hedge", "tall grass", "grass"),
    "animal": ("dog", "horse", "cow", "deer"),
    "outdoor furniture": ("bench", "table", "chair", "parasol"),
}  # fmt: skip
LONG = (
    "wall", "fence", "hedge", "guardrail", "barrier", "curb", "road", "sidewalk", "railway track",
    "wire", "scaffolding", "tunnel",
)  # fmt: skip
LEADING = ("road", "sidewalk", "railway track")
_UPRIGHT = (
    "building", "pole", "street lamp", "traffic light", "traffic sign", "billboard", "tree",
    "person", "bollard", "bus stop", "trunk", "wall", "bridge", "gate", "scaffolding", "statue",
    "tent", "kiosk", "tank", "parking meter", "traffic drum", "mailbox", "dumpster",
    "phone booth", "planter", "parasol", "fuel pump", "crane", "horse", "cow", "deer", "fountain",
)  # fmt: skip
_LYING = ("pipe", "log", "hay bale", "pallet", "rock", "snow", "mud")
_GROWING = ("tree", "bush", "hedge", "tall grass", "grass")
_ROADSIDE = (
    "car", "van", "truck", "bus", "motorcycle", "trailer", "bicycle", "pickup truck", "golf cart",
    "rickshaw", "kick scooter",
)  # fmt: skip
# What carries a kind, where the ground seen nearest to it need not: wheels hide the road below
# them, crowns and arms reach over a road.
_DRIVEN = ("road", "parking lot", "soil", "mud", "snow", "concrete")
_STOOD_ON = tuple(name for name in GROUND if name not in ("railway track", "curb", "water"))
_PLANTED = ("grass", "soil", "mud", "snow", "traffic island")
_CARRIES = {
    **dict.fromkeys((*COLLECTIVES["vehicle"], "boat"), _DRIVEN),
    **dict.fromkeys(
        ("tree", "street lamp", "traffic light", "traffic sign", "billboard", "crane", "parasol"),
        _PLANTED,
    ),
    "motorcycle": _STOOD_ON,
    "boat": (*_DRIVEN, "grass", "water"),
    "train": ("railway track", "road"),
}
_SUNK = ("snow", "mud", "puddle")  # one stands in them, not on them
# Kind -> (tall when higher than, low when lower than, word for low), metres.
_HEIGHTS = {
    "building": (14.0, 3.5, "low"), "tree": (9.0, 2.5, "small"), "hedge": (2.2, 0.9, "low"),
    "wall": (2.5, 0.9, "low"), "fence": (2.2, 0.8, "low"), "bush": (2.5, 0.8, "small"),
    "pole": (6.0, 1.5, "short"), "street lamp": (7.0, 0.0, "low"), "trunk": (4.0, 0.0, "low"),
    "rock": (9.0, 0.5, "small"), "billboard": (5.0, 0.0, "low"), "crane": (12.0, 0.0, "low"),
    "scaffolding": (6.0, 0.0, "low"), "statue": (4.0, 1.3, "small"), "tank": (5.0, 1.3, "small"),
    "fountain": (3.0, 0.8, "small"), "tent": (4.0, 1.6, "small"), "gate": (2.3, 1.0, "low"),
    "planter": (9.0, 0.45, "low"), "traffic light": (5.0, 0.0, "low"),
}  # fmt: skip
# Kind -> metres from which one is long, and the word for it.
_LENGTHS = {
    "wall": (12.0, "long"), "fence": (12.0, "long"), "hedge": (10.0, "long"),
    "guardrail": (15.0, "long"), "building": (22.0, "large"), "train": (18.0, "long"),
    "truck": (9.0, "large"), "barrier": (10.0, "long"), "trailer": (9.0, "large"),
    "rock": (1.5, "big"), "puddle": (4.0, "large"), "parking lot": (15.0, "large"),
    "tunnel": (25.0, "long"), "railway track": (25.0, "long"), "boat": (8.0, "large"),
    "tank": (4.5, "large"), "tent": (6.0, "large"), "log": (3.5, "long"), "pipe": (4.0, "long"),
    "bus": (11.0, "long"), "gate": (3.5, "wide"), "bridge": (20.0, "long"),
    "playground": (10.0, "large"), "fountain": (4.0, "large"), "crane": (12.0, "large"),
}  # fmt: skip
ADJECTIVES = tuple(
    sorted(
        {low for _, _, low in _HEIGHTS.values()}
        | {long for _, long in _LENGTHS.values()}
        | {"tall", "parked", "distant"}
    )
)
"""All that a thing is said to be like."""
_NUMBERS = {
    2: ("two", "two", "two", "two", "two", "a pair of"), 3: ("three", "three", "three", "a few"),
    4: ("four", "four", "several"), 5: ("five", "five", "several"), 6: ("six", "several"),
}  # fmt: skip
_MANY = ("several", "many", "a number of", "numerous")


def on_or_in(ground: Thing) -> str:
    """How one stands on a ground: in snow, on a road."""
    return "in" if ground.category in _SUNK else "on"


class Wording:
    """Words for one sentence; a kind keeps its noun and its amount throughout.

    Args:
        things: all that is seen well enough.
        rng: draws the words.
        lexicon: the nouns.
    """

    def __init__(self, things: list[Thing], rng: np.random.Generator, lexicon: Lexicon) -> None:
        self.things = things
        self.rng = rng
        self.lexicon = lexicon
        self._nouns: dict[str, str] = {}
        self._names: dict[str, str] = {}

    def ground_below(self, thing: Thing) -> Thing | None:
        """The ground that a thing stands on, where the points show it."""
        if thing.category not in (*COUNTABLE, "train") or thing.category == "building":
            return None
        ground = stands_on(thing, self.things)
        if ground is None or ground.category not in _CARRIES.get(thing.category, _STOOD_ON):
            return None
        return ground

    def all_of(self, things: Sequence[Thing]) -> str:
        """Things in a row: "a car, two trees and a fence"."""
        names = [self.name(t) for t in things]
        if len(names) < 2:
            return "".join(names)
        if len(names) == 2:
            return self.draw([" and ", " and ", " and ", " as well as "]).join(names)
        comma = self.draw([", and ", " and "])
        return ", ".join(names[:-1]) + comma + names[-1]

    def name(self, thing: Thing) -> str:
        """The thing with how many there are and what it is like: "two tall trees"."""
        if thing.category not in self._names:
            self._names[thing.category] = self._new_name(thing)
        return self._names[thing.category]

    def _new_name(self, thing: Thing) -> str:
        noun, adjective = self.noun(thing), self._adjective(thing)
        if noun in self.lexicon.mass:
            return self.draw([f"{adjective}{noun}"] * 3 + [f"some {adjective}{noun}"])
        if not thing.several:
            if not adjective:
                return self.lexicon.article(noun)
            return f"{'an' if adjective[0] in 'aeiou' else 'a'} {adjective}{noun}"
        if thing.counted:
            many = _NUMBERS.get(thing.count, _MANY)
            amounts = [*many, *many, *(["", "some"] if thing.count > 2 else [])]
        else:
            amounts = ["", "", "some", *(_MANY if thing.count > 6 else ())]
        if in_a_row(thing):
            amounts += ["a row of", "a line of"] * 2
        if in_a_group(thing):
            amounts += ["a group of"] * 2
        return f"{self.draw(amounts)} {adjective}{self.lexicon.plural(noun)}".strip()

    def the(self, thing: Thing) -> str:
        """A thing that the sentence takes for known: "the road"; many as `name` has it."""
        if thing.several or self.rng.random() < 0.15:
            return self.name(thing)
        return f"the {self.noun(thing)}"

    def noun(self, thing: Thing) -> str:
        """Its noun in the singular; no two kinds of a sentence share one."""
        kind = thing.category
        if kind in COLLECTIVES:
            return kind
        if kind not in self._nouns:
            said = set(self._nouns.values())
            nouns = [noun for noun in self.lexicon.sayable(kind) if noun not in said] or [kind]
            if kind == "building" and thing.height > 11:
                nouns = [noun for noun in nouns if noun != "house"]
            weights = np.array([(rank + 1.0) ** -_COMMON for rank in range(len(nouns))])
            self._nouns[kind] = nouns[self.rng.choice(len(nouns), p=weights / weights.sum())]
        return self._nouns[kind]

    def _adjective(self, thing: Thing) -> str:
        """With a space behind it; mostly nothing, and nothing for many of different sizes."""
        forms = []
        if not thing.several:
            tall, low, word = _HEIGHTS.get(thing.category, (np.inf, 0.0, ""))
            long, extent = _LENGTHS.get(thing.category, (np.inf, ""))
            if thing.height > tall:
                forms.append("tall")
            if thing.height < low and thing.seen_over:
                forms.append(word)
            if thing.length > long:
                forms.append(extent)
        if thing.category in _ROADSIDE and self._beside_kerb(thing):
            forms.append("parked")
        if thing.near > 35 and thing.category in COUNTABLE:
            forms.append("distant")
        if not forms or self.rng.random() < 0.6:
            return ""
        adjective = self.draw(forms)
        noun = self.noun(thing)
        # "a tall tall grass", "a low low post", "large standing water"
        shapeless = noun in self.lexicon.mass and adjective not in ("tall", "low", "distant")
        return "" if shapeless or noun.startswith(adjective) else f"{adjective} "

    def _beside_kerb(self, thing: Thing) -> bool:
        ground = stands_on(thing, self.things)
        if ground is not None and ground.category == "parking lot":
            return True
        if thing.category in ("bicycle", "motorcycle", "kick scooter") and any(
            t.category == "person" and gap(thing, t) < 1.0 for t in self.things
        ):
            return False  # it may be ridden
        edges = [t for t in self.things if t.category in ("curb", "sidewalk")]
        if thing.near > 40 or not any(gap(thing, edge) < 1.2 for edge in edges):
            return False
        border = np.concatenate([edge.xy for edge in edges])
        away = np.hypot(*(thing.centres[:, None] - border[None]).transpose(2, 0, 1)).min(axis=1)
        return thing.count == 1 or bool((away < 2.5).all())

    def is_plural(self, thing: Thing) -> bool:
        """Whether its verb is in the plural."""
        noun = self.noun(thing)
        if noun in self.lexicon.mass:
            return noun.endswith("stairs")
        one_of_many = self.name(thing).startswith(("a row of", "a line of", "a group of"))
        return thing.several and not one_of_many

    def be(self, thing: Thing) -> str:
        """ "is" or "are"."""
        return "are" if self.is_plural(thing) else "is"

    def stand(self, thing: Thing) -> str:
        """A verb of being somewhere that suits the kind."""
        s = "" if self.is_plural(thing) else "s"
        forms = [f"{self.be(thing)} seen", f"{self.be(thing)} located"]
        if thing.category in _UPRIGHT:
            forms += [f"stand{s}"] * 4
        if thing.category in LONG and thing.length > 8:
            forms += [f"run{s}", f"stretch{'' if not s else 'es'}"] * 2
        if thing.category in _LYING:
            forms += [f"lie{s}"] * 3
        if thing.category == "wire":
            forms += [f"hang{s}"] * 4
        if thing.category in _GROWING:
            forms += [f"grow{s}"] * 2
        said = "parked" in self.name(thing)
        if thing.category in _ROADSIDE and not said and self._beside_kerb(thing):
            forms += [f"{self.be(thing)} parked"] * 4
        return self.draw(forms)

    def draw(self, forms: Sequence[_T]) -> _T:
        """One of the forms, all as likely."""
        return forms[int(self.rng.integers(len(forms)))]
