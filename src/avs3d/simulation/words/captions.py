"""True English captions of one view of a simulated scan, as a person would write them.

A small grammar: every part of a sentence is a list of alternatives, of which those that the
geometry bears out are kept and one is drawn. Nothing is said that points cannot show.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from avs3d.simulation.words.lexicon import Lexicon
from avs3d.simulation.words.salience import (
    COUNTABLE,
    GROUND,
    Thing,
    gap,
    in_a_row,
    in_front,
    on_both_sides,
    salient,
)
from avs3d.simulation.words.wording import COLLECTIVES, LEADING, LONG, Wording, on_or_in

MAX_WORDS = 30


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
    # Few: what the sixth thing of a view is, can hardly be told from its embedding.
    wanted = int(rng.choice([2, 3, 4, 5], p=[0.3, 0.38, 0.24, 0.08]))
    # The most salient ones, not always the same: a little noise on the order.
    noise = 0.35 * rng.gumbel(size=len(things))
    keys = [np.log(thing.score) + n for thing, n in zip(things, noise, strict=True)]
    picked = [things[i] for i in np.argsort(keys)[::-1][:wanted]]
    while True:
        text = _Writer(things, rng, lexicon).sentence(_collect(picked, rng))
        if len(text.split()) <= MAX_WORDS or len(picked) == 1:
            return text[0].upper() + text[1:] + "."
        picked.pop()


def _collect(picked: list[Thing], rng: np.random.Generator) -> list[Thing]:
    """Sometimes several kinds under one word: vehicles, vegetation."""
    for word, kinds in COLLECTIVES.items():
        members = [t for t in picked if t.category in kinds]
        rest = [t for t in picked if t not in members]
        if len(members) >= 2 and rest and rng.random() < 0.15:
            merged = replace(
                members[0],
                category=word,
                count=sum(t.count for t in members),
                counted=all(t.counted and t.category in COUNTABLE for t in members),
                several=True,
                near=min(t.near for t in members),
                far=max(t.far for t in members),
                left=max(t.left for t in members),
                right=min(t.right for t in members),
                centres=np.concatenate([t.centres for t in members]),
                xy=np.concatenate([t.xy for t in members]),
            )
            return [merged, *rest]
    return picked


class _Writer(Wording):
    """Writes one sentence."""

    def sentence(self, picked: list[Thing]) -> str:
        forms = [self._listing, self._scene]
        objects = [t for t in picked if t.category not in GROUND]
        if objects:
            forms += [self._related] * 5
        if len(objects) < len(picked) and len(picked) > 1:
            forms += [self._ground_first] * 3
        if len(picked) > 2:
            forms += [self._two_sided]
        if len(objects) == len(picked) > 1:
            forms += [self._backed] * 2
        return self.draw(forms)(picked)

    # Sentences ------------------------------------------------------------------------------

    def _listing(self, picked: list[Thing]) -> str:
        verb = self.be(picked[0])
        opening = self.draw(
            ["", "", f"there {verb} ", f"there {verb} ", "you can see ", "we see ", "this is "]
            if len(picked) == 1
            else ["", "", "", f"there {verb} ", f"there {verb} ", "you can see ", "we see "]
        )
        if opening == "this is " and verb == "are":
            opening = "these are "
        return opening + self.all_of(picked) + self._place(picked)

    def _scene(self, picked: list[Thing]) -> str:
        kinds = {t.category for t in picked}
        openings = ["an outdoor scene with", "a view of", "a scene with", "an area with"]
        if "road" in kinds:
            openings += ["a street scene with", "a street view with", "a street with"]
            if len(kinds) > 1:
                picked = [t for t in picked if t.category != "road"]
                openings = openings[-3:]
        if "snow" in kinds and len(kinds) > 1:
            openings = ["a snowy scene with", "a winter scene with"]
            picked = [t for t in picked if t.category != "snow"]
        return f"{self.draw(openings)} {self.all_of(picked)}"

    def _backed(self, picked: list[Thing]) -> str:
        """ "A bench and two trees in front of a building", else near and far."""
        back = max(picked, key=lambda t: t.near)
        front = [t for t in picked if t is not back]
        if not all(in_front(t, back) for t in front):
            return self._two_sided(picked)
        name, listed = self.name(back), self.all_of(front)
        be = "are" if len(front) > 1 else self.be(front[0])
        forms = [f"{listed} in front of {name}", f"{listed} {be} in front of {name}"]
        forms += [f"{name} behind {listed}", f"behind {listed} {self.be(back)} {name}"]
        return self.draw(forms)

    def _related(self, picked: list[Thing]) -> str:
        """A thing and where it is, then the rest: "Two cars stand next to a hedge, with ..." ."""
        objects = [t for t in picked if t.category not in GROUND]
        a = objects[int(self.rng.integers(min(len(objects), 2)))]
        others = [t for t in picked if t is not a]
        relation, b = self._relation(a, others)
        rest = [t for t in others if t is not b]
        name, be = self.name(a), self.be(a)
        forms = [f"{name} {self.stand(a)} {relation}", f"{name} {be} {relation}"]
        forms += [f"there {be} {name} {relation}", f"{name} {relation}"]
        if b is not None:
            forms.append(f"{relation} {self.draw([be, be, self.stand(a)])} {name}")
        return (self.draw(forms) if relation else self.draw([name, f"there {be} {name}"])) + (
            self._rest(rest, a)
        )

    def _ground_first(self, picked: list[Thing]) -> str:
        """ "A road with two cars on it", "A sidewalk runs past a fence and a tree"."""
        ground = next(t for t in picked if t.category in GROUND)
        rest = [t for t in picked if t is not ground]
        name, listed = self.name(ground), self.all_of(rest)
        forms = [f"{name} with {listed}"] * 2
        if all(t.near < 12 for t in rest):
            forms.append(f"{name} with {listed} nearby")
        if all(t.category not in GROUND and gap(t, ground) < 8.0 for t in rest):
            if ground.category in LEADING:
                s = "" if self.is_plural(ground) else "s"
                forms += [f"{name} run{s} past {listed}", f"{name} lead{s} past {listed}"]
                forms += [f"{name} beside {listed}"]
            if all(in_a_row(t) or (t.category in LONG and t.length > 8) for t in rest):
                forms.append(f"{name} lined with {listed}")
        if all(self.ground_below(t) is ground for t in rest):
            pronoun = "them" if self.is_plural(ground) else "it"
            forms += [f"{name} with {listed} {on_or_in(ground)} {pronoun}"] * 2
        return self.draw(forms)

    def _two_sided(self, picked: list[Thing]) -> str:
        """ "A hedge on the left and two cars on the right", else near and far, else a list."""
        left = [t for t in picked if t.right > 0.03]
        right = [t for t in picked if t.left < -0.03]
        if left and right:
            middle = [t for t in picked if t not in left and t not in right]
            sides = [(left, "on the left"), (right, "on the right")]
            forms = [
                " and ".join(f"{self.all_of(ts)} {side}" for ts, side in sides),
                ", ".join(f"{side} {self.be(ts[0])} {self.all_of(ts)}" for ts, side in sides),
            ]
            return self.draw(forms) + self._rest(middle, None)
        split = float(np.median([t.near for t in picked])) + 4.0
        far = [t for t in picked if t.near > split]
        close = [t for t in picked if t not in far]
        if not far:
            return self._listing(picked)
        where = self.draw(["in the distance", "further away", "in the background", "behind"])
        return f"{self.all_of(close)}, and {self.all_of(far)} {where}"

    # Clauses --------------------------------------------------------------------------------

    def _relation(self, a: Thing, others: Sequence[Thing]) -> tuple[str, Thing | None]:
        """Where `a` is, and the thing it is told by; ("", None) when nothing can be said."""
        found: list[tuple[str, Thing | None]] = []
        ground = self.ground_below(a)
        if ground is not None:
            found += [(f"{on_or_in(ground)} {self.the(ground)}", ground)] * 2
        for b in others:
            distance = gap(a, b)
            if a.several and b.category in LEADING and distance < 8 and on_both_sides(a, b):
                found += [(f"on both sides of {self.the(b)}", b)] * 2
            if "wire" in (a.category, b.category):
                if distance < 0.5 and a.height > b.height:
                    found.append((f"{self.draw(['above', 'over'])} {self.the(b)}", b))
                elif distance < 0.5 and b.category == "wire":
                    found.append((f"{self.draw(['under', 'below'])} {self.name(b)}", b))
                continue
            if b.category == "tunnel":
                if b.near < a.near and a.far < b.far:
                    found.append((f"in {self.name(b)}", b))
                continue
            if b.category in GROUND:
                if distance < 4.0 and b is not ground:
                    found.append((f"{self.draw(['beside', 'next to'])} {self.the(b)}", b))
                if distance < 6.0 and (in_a_row(a) or (a.category in LONG and a.length > 8)):
                    found += [(f"along {self.the(b)}", b)] * 3
                continue
            name = self.name(b)
            if in_front(a, b):
                found += [(f"in front of {name}", b)] * 2
            if in_front(b, a):
                found += [(f"behind {name}", b)] * 2
            if distance < 2.5:
                found.append((f"{self.draw(['next to', 'beside', 'by'])} {name}", b))
            elif distance < 7.0:
                found.append((f"{self.draw(['near', 'close to', 'not far from'])} {name}", b))
        if not found:
            return self._place([a]).strip(), None
        return self.draw(found)

    def _rest(self, rest: list[Thing], a: Thing | None) -> str:
        if not rest:
            return ""
        listed, place = self.all_of(rest), self._place(rest)
        forms = [f", with {listed}{place}", f" with {listed}", f", and {listed}{place}"]
        if a is not None and all(in_front(a, t) for t in rest):
            forms += [f", with {listed} behind", f", and {listed} in the background"] * 2
        if all(t.near < 12 for t in rest):
            forms.append(f", with {listed} nearby")
        return self.draw(forms)

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
            forms += [" close by", " nearby"]
        if all(abs(t.left) < 0.06 and abs(t.right) < 0.06 for t in things):
            forms += [" in the middle", " straight ahead"]
        return self.draw(forms)
