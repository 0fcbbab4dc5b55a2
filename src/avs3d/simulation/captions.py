"""True English captions of one view of a simulated scan, as a person would write them.

A small grammar: every part of a sentence is a list of alternatives, of which those that the
geometry bears out are kept and one is drawn. Nothing is said that points cannot show.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TypeVar

import numpy as np

from avs3d.simulation.lexicon import Lexicon
from avs3d.simulation.salience import (
    COUNTABLE,
    GROUND,
    Thing,
    gap,
    in_a_group,
    in_a_row,
    in_front,
    salient,
    stands_on,
)

_T = TypeVar("_T")
MAX_WORDS = 30
_COMMON = 1.7  # how steeply nouns get rarer along the lexicon's order
_COLLECTIVES = ("vehicle", "vegetation", "greenery")
_LONG = ("wall", "fence", "hedge", "guardrail", "barrier", "curb", "road", "sidewalk")
_UPRIGHT = (
    "building", "pole", "street lamp", "traffic light", "traffic sign", "billboard", "tree",
    "person", "bollard", "bus stop", "trunk", "wall", "bridge",
)  # fmt: skip
_ROADSIDE = ("car", "van", "truck", "bus", "motorcycle", "trailer", "bicycle")
# Kind -> (tall when higher than, low when lower than, word for low), metres.
_HEIGHTS = {
    "building": (14.0, 3.5, "low"), "tree": (9.0, 2.5, "small"), "hedge": (2.2, 0.9, "low"),
    "wall": (2.5, 0.9, "low"), "fence": (2.2, 0.8, "low"), "bush": (2.5, 0.8, "small"),
    "pole": (6.0, 1.5, "short"), "street lamp": (7.0, 0.0, "low"), "trunk": (4.0, 0.0, "low"),
    "rock": (9.0, 0.5, "small"), "billboard": (5.0, 0.0, "low"),
}  # fmt: skip
# Kind -> metres from which one is long, and the word for it.
_LENGTHS = {
    "wall": (12.0, "long"), "fence": (12.0, "long"), "hedge": (10.0, "long"),
    "guardrail": (15.0, "long"), "building": (22.0, "large"), "train": (18.0, "long"),
    "truck": (9.0, "large"), "barrier": (10.0, "long"), "trailer": (9.0, "large"),
    "rock": (1.5, "big"), "puddle": (4.0, "large"), "parking lot": (15.0, "large"),
}  # fmt: skip
_NUMBERS = {2: ("two", "two", "a pair of", "a couple of"), 3: ("three", "three", "a few"),
            4: ("four", "several"), 5: ("five", "several"), 6: ("six", "several")}  # fmt: skip


def describe(
    points: np.ndarray,
    category: np.ndarray,
    instance: np.ndarray,
    rng: np.random.Generator,
    lexicon: Lexicon,
) -> str:
    """One sentence that is true of the view, ended by "."; "" when nothing is seen well enough.

    Args:
        points: (n, 3) float32 metres, the points of one view; the sensor at the origin, z up.
        category: (n,) index in `CATEGORIES`.
        instance: (n,) object ids.
        rng: draws what is mentioned and how.
        lexicon: the nouns; held-out ones are never said.
    """
    return write(salient(points, category, instance), rng, lexicon)


def write(things: list[Thing], rng: np.random.Generator, lexicon: Lexicon) -> str:
    """One sentence about the things that `salient` found; see `describe`."""
    if not things:
        return ""
    wanted = int(rng.choice([2, 3, 4, 5, 6], p=[0.16, 0.27, 0.29, 0.19, 0.09]))
    # The most salient ones, not always the same: a little noise on the order.
    noise = 0.35 * rng.gumbel(size=len(things))
    keys = [np.log(thing.score) + n for thing, n in zip(things, noise, strict=True)]
    picked = [things[i] for i in np.argsort(keys)[::-1][:wanted]]
    while True:
        text = _Writer(things, rng, lexicon).sentence(_collect(picked, rng, lexicon))
        if len(text.split()) <= MAX_WORDS or len(picked) == 1:
            return text[0].upper() + text[1:] + "."
        picked.pop()


def _collect(picked: list[Thing], rng: np.random.Generator, lexicon: Lexicon) -> list[Thing]:
    """Sometimes several kinds under one word: vehicles, vegetation."""
    for word in _COLLECTIVES:
        members = [t for t in picked if t.category in lexicon.general[word]]
        if len(members) >= 2 and rng.random() < 0.15:
            rest = [t for t in picked if t not in members]
            merged = replace(
                members[0],
                category=word,
                count=sum(t.count for t in members),
                near=min(t.near for t in members),
                far=max(t.far for t in members),
                left=max(t.left for t in members),
                right=min(t.right for t in members),
                centres=np.concatenate([t.centres for t in members]),
                xy=np.concatenate([t.xy for t in members]),
            )
            return [merged, *rest]
    return picked


class _Writer:
    """Writes one sentence; a kind keeps its noun and its amount throughout."""

    def __init__(self, things: list[Thing], rng: np.random.Generator, lexicon: Lexicon) -> None:
        self._things = things
        self._rng = rng
        self._lexicon = lexicon
        self._nouns: dict[str, str] = {}
        self._names: dict[str, str] = {}

    def sentence(self, picked: list[Thing]) -> str:
        forms = [self._listing, self._scene]
        objects = [t for t in picked if t.category not in GROUND]
        if objects:
            forms += [self._related] * 5
        if len(objects) < len(picked) and len(picked) > 1:
            forms += [self._ground_first] * 3
        if len(picked) > 2:
            forms += [self._two_sided]
        return self._draw(forms)(picked)

    # Sentences ------------------------------------------------------------------------------

    def _listing(self, picked: list[Thing]) -> str:
        verb = self._be(picked[0])
        opening = self._draw(
            ["", "", f"there {verb} ", f"there {verb} ", "you can see ", "we see ", "this is "]
            if len(picked) == 1
            else ["", "", "", f"there {verb} ", f"there {verb} ", "you can see ", "we see "]
        )
        if opening == "this is " and verb == "are":
            opening = "these are "
        return opening + self._list(picked) + self._place(picked)

    def _scene(self, picked: list[Thing]) -> str:
        kinds = {t.category for t in picked}
        openings = ["an outdoor scene with", "a view of", "a scene with", "an area with"]
        if "road" in kinds:
            openings += ["a street scene with", "a street view with", "a street with"]
            if len(kinds) > 1:
                picked = [t for t in picked if t.category != "road"]
                openings = openings[-3:]
        return f"{self._draw(openings)} {self._list(picked)}"

    def _related(self, picked: list[Thing]) -> str:
        """A thing and where it is, then the rest: "Two cars stand next to a hedge, with ..." ."""
        objects = [t for t in picked if t.category not in GROUND]
        a = objects[int(self._rng.integers(min(len(objects), 2)))]
        others = [t for t in picked if t is not a]
        relation, b = self._relation(a, others)
        rest = [t for t in others if t is not b]
        name, be = self._name(a), self._be(a)
        forms = [f"{name} {self._stand(a)} {relation}", f"{name} {be} {relation}"]
        forms += [f"there {be} {name} {relation}", f"{name} {relation}"]
        if b is not None:
            forms.append(f"{relation} {self._draw([be, be, self._stand(a)])} {name}")
        return (self._draw(forms) if relation else self._draw([name, f"there {be} {name}"])) + (
            self._rest(rest, a)
        )

    def _ground_first(self, picked: list[Thing]) -> str:
        """ "A road with two cars on it", "A sidewalk runs past a fence and a tree"."""
        ground = next(t for t in picked if t.category in GROUND)
        rest = [t for t in picked if t is not ground]
        name, listed = self._name(ground), self._list(rest)
        forms = [f"{name} with {listed}"] * 2
        if all(t.near < 12 for t in rest):
            forms.append(f"{name} with {listed} nearby")
        if all(t.category not in GROUND and gap(t, ground) < 8.0 for t in rest):
            if ground.category in ("road", "sidewalk"):
                s = "" if self._plural(ground) else "s"
                forms += [f"{name} run{s} past {listed}", f"{name} lead{s} past {listed}"]
                forms += [f"{name} beside {listed}"]
            if sum(t.count for t in rest) >= 3:
                forms.append(f"{name} lined with {listed}")
        if all(stands_on(t, self._things) is ground for t in rest):
            forms += [f"{name} with {listed} on it"] * 2
        return self._draw(forms)

    def _two_sided(self, picked: list[Thing]) -> str:
        """ "A hedge on the left and two cars on the right", else near and far, else a list."""
        left = [t for t in picked if t.right > 0.03]
        right = [t for t in picked if t.left < -0.03]
        if left and right:
            middle = [t for t in picked if t not in left and t not in right]
            sides = [(left, "on the left"), (right, "on the right")]
            forms = [
                " and ".join(f"{self._list(ts)} {side}" for ts, side in sides),
                ", ".join(f"{side} {self._be(ts[0])} {self._list(ts)}" for ts, side in sides),
            ]
            return self._draw(forms) + self._rest(middle, None)
        split = float(np.median([t.near for t in picked])) + 4.0
        far = [t for t in picked if t.near > split]
        close = [t for t in picked if t not in far]
        if not far:
            return self._listing(picked)
        where = self._draw(["in the distance", "further away", "in the background", "behind"])
        return f"{self._list(close)}, and {self._list(far)} {where}"

    # Clauses --------------------------------------------------------------------------------

    def _relation(self, a: Thing, others: Sequence[Thing]) -> tuple[str, Thing | None]:
        """Where `a` is, and the thing it is told by; ("", None) when nothing can be said."""
        found: list[tuple[str, Thing | None]] = []
        ground = stands_on(a, self._things) if a.category in COUNTABLE else None
        if ground is not None and a.category != "building":
            found += [(f"on {self._the(ground)}", ground)] * 2
        for b in others:
            distance = gap(a, b)
            if b.category in GROUND:
                if distance < 4.0 and b is not ground:
                    found.append((f"{self._draw(['beside', 'next to'])} {self._the(b)}", b))
                if distance < 6.0 and (in_a_row(a) or (a.category in _LONG and a.length > 8)):
                    found += [(f"along {self._the(b)}", b)] * 3
                continue
            name = self._name(b)
            if in_front(a, b):
                found += [(f"in front of {name}", b)] * 2
            if in_front(b, a):
                found += [(f"behind {name}", b)] * 2
            if distance < 2.5:
                found.append((f"{self._draw(['next to', 'beside', 'by'])} {name}", b))
            elif distance < 7.0:
                found.append((f"{self._draw(['near', 'close to', 'not far from'])} {name}", b))
        if not found:
            return self._place([a]).strip(), None
        return self._draw(found)

    def _rest(self, rest: list[Thing], a: Thing | None) -> str:
        if not rest:
            return ""
        listed, place = self._list(rest), self._place(rest)
        forms = [f", with {listed}{place}", f" with {listed}", f", and {listed}{place}"]
        forms.append(f" and {listed}{place}")
        if a is not None and all(in_front(a, t) for t in rest):
            forms += [f", with {listed} behind", f" and {listed} in the background"] * 2
        if all(t.near < 12 for t in rest):
            forms.append(f", with {listed} nearby")
        return self._draw(forms)

    def _place(self, things: list[Thing]) -> str:
        """Where all of `things` are in the view, with a space in front; often nothing."""
        forms = [""] * 5
        if all(t.right > 0.03 for t in things):
            forms += [" on the left", " on the left side"]
        if all(t.left < -0.03 for t in things):
            forms += [" on the right", " on the right side"]
        if all(t.near > 30 for t in things):
            forms += [" in the distance", " far away"] * 2
        if all(t.far < 9 for t in things):
            forms += [" close by", " right ahead", " nearby"]
        return self._draw(forms)

    # Words ----------------------------------------------------------------------------------

    def _list(self, things: Sequence[Thing]) -> str:
        names = [self._name(t) for t in things]
        if len(names) < 2:
            return "".join(names)
        if len(names) == 2:
            return self._draw([" and ", " and ", " and ", " as well as "]).join(names)
        comma = self._draw([", and ", " and "])
        return ", ".join(names[:-1]) + comma + names[-1]

    def _name(self, thing: Thing) -> str:
        """The thing with how many there are and what it is like: "two tall trees"."""
        if thing.category not in self._names:
            self._names[thing.category] = self._new_name(thing)
        return self._names[thing.category]

    def _new_name(self, thing: Thing) -> str:
        noun, adjective = self._noun(thing), self._adjective(thing)
        if noun in self._lexicon.mass:
            return self._draw([f"{adjective}{noun}"] * 3 + [f"some {adjective}{noun}"])
        if thing.count == 1:
            if not adjective:
                return self._lexicon.article(noun)
            return f"{'an' if adjective[0] in 'aeiou' else 'a'} {adjective}{noun}"
        many = ("several", "a number of", "many") if thing.count > 6 else _NUMBERS[thing.count]
        amounts = [*many, *many, *(["", "some"] if thing.count > 2 else [])]
        if in_a_row(thing):
            amounts += ["a row of", "a line of"] * 2
        if in_a_group(thing):
            amounts += ["a group of"] * 2
        return f"{self._draw(amounts)} {adjective}{self._lexicon.plural(noun)}".strip()

    def _the(self, thing: Thing) -> str:
        if thing.count > 1 or self._rng.random() < 0.15:
            return self._name(thing)
        return f"the {self._noun(thing)}"

    def _noun(self, thing: Thing) -> str:
        kind = thing.category
        if kind in _COLLECTIVES:
            return kind
        if kind not in self._nouns:
            nouns = list(self._lexicon.sayable(kind))
            if kind == "building" and thing.height > 11:
                nouns.remove("house")
            weights = np.array([(rank + 1.0) ** -_COMMON for rank in range(len(nouns))])
            self._nouns[kind] = nouns[self._rng.choice(len(nouns), p=weights / weights.sum())]
        return self._nouns[kind]

    def _adjective(self, thing: Thing) -> str:
        """With a space behind it; mostly nothing, and nothing for many of different sizes."""
        forms = []
        if thing.count == 1:
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
        if not forms or self._rng.random() < 0.6:
            return ""
        adjective = self._draw(forms)
        # "a tall tall grass", "a low low post"
        return "" if self._noun(thing).startswith(adjective) else f"{adjective} "

    def _beside_kerb(self, thing: Thing) -> bool:
        ground = stands_on(thing, self._things)
        if ground is not None and ground.category == "parking lot":
            return True
        edges = [t for t in self._things if t.category in ("curb", "sidewalk")]
        return thing.near < 40 and any(gap(thing, edge) < 1.2 for edge in edges)

    def _plural(self, thing: Thing) -> bool:
        noun = self._noun(thing)
        if noun in self._lexicon.mass:
            return noun.endswith("stairs")
        one_of_many = self._name(thing).startswith(("a row of", "a line of", "a group of"))
        return thing.count > 1 and not one_of_many

    def _be(self, thing: Thing) -> str:
        return "are" if self._plural(thing) else "is"

    def _stand(self, thing: Thing) -> str:
        """A verb of being somewhere that suits the kind."""
        s = "" if self._plural(thing) else "s"
        forms = [f"{self._be(thing)} seen", f"{self._be(thing)} located"]
        if thing.category in _UPRIGHT:
            forms += [f"stand{s}"] * 4
        if thing.category in _LONG and thing.length > 8:
            forms += [f"run{s}", f"stretch{'' if not s else 'es'}"] * 2
        if thing.category in ("tree", "bush", "hedge", "tall grass", "grass"):
            forms += [f"grow{s}"] * 2
        if thing.category in _ROADSIDE and self._beside_kerb(thing):
            forms += [f"{self._be(thing)} parked"] * 4
        return self._draw(forms)

    def _draw(self, forms: Sequence[_T]) -> _T:
        return forms[int(self._rng.integers(len(forms)))]
