"""What is not sure is not said: the gate of captions, and the chances behind it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

import avs3d
from avs3d.bundle_config import PACKAGED, KindConfig, SayingConfig, read_config
from avs3d.captioning.points import Said
from avs3d.captioning.saying import Gate, Seen, bits, kind_chances, of_bits, see
from avs3d.describing import _pool, see_kinds
from avs3d.errors import UserError
from avs3d.models.prefix_lm import PrefixLanguageModel
from avs3d.scan import Scan
from avs3d.simulation import simulate
from avs3d.training.saying import _fit, speech, unfitted

KINDS = {
    "car": ("car", "cars"), "street": ("street", "streets"),
    "street lamp": ("street lamp", "street lamps"), "tall grass": ("tall grass",),
    "traffic light": ("traffic light", "traffic lights"), "tree": ("tree", "trees"),
}  # fmt: skip
NAMES = list(KINDS)
CONFIG = SayingConfig(
    anchors=tuple(NAMES), scale=20, voxels=1, peak=1, likeness=1, sentences=0.8, words=0.4,
    attributes=("tall",), only_after={"left": "on the"},
    kinds=tuple(KindConfig(words=w, anchors=(i,), bias=0) for i, w in enumerate(KINDS.values())),
)  # fmt: skip
SENTENCES = [
    "A car and two cars on the left.", "Cars by a street with street lamps.", "Tall grass.",
    "Some tall grass by tall trees.", "Trees and a tree on the street.", "A street lamp.",
    "Street lamps and traffic lights.", "A traffic light on the left, with a gnu.",
]  # fmt: skip


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    found = Tokenizer(models.BPE())
    found.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    found.decoder = decoders.ByteLevel()
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    trainer = trainers.BpeTrainer(vocab_size=600, initial_alphabet=alphabet, show_progress=False)
    found.train_from_iterator(SENTENCES * 3, trainer)
    return found


@pytest.fixture(scope="module")
def gate(tokenizer: Tokenizer) -> Gate:
    return Gate(CONFIG, tokenizer)


def of(*names: str) -> int:
    return sum(1 << NAMES.index(name) for name in names)


def passes(gate: Gate, tokenizer: Tokenizer, text: str, may: int) -> bool:
    """Whether every token of a text may follow those before it."""
    ids = tokenizer.encode(text).ids
    forbid = gate.forbid([may])
    return not any(bool(forbid([0], [ids[:i]])[0, token]) for i, token in enumerate(ids))


@pytest.mark.parametrize(
    ("text", "needed"),
    [
        ("A car.", ["car"]),
        ("Cars.", ["car"]),
        ("Two cars and a tree.", ["car", "tree"]),
        ("A street.", ["street"]),
        ("Street lamps.", ["street lamp"]),
        ("A street lamp.", ["street lamp"]),
        ("Some tall grass.", ["tall grass"]),
        ("A traffic light on the left.", ["traffic light"]),
        ("Two tall trees.", ["tree"]),
    ],
)
def test_a_name_passes_with_its_kind_and_not_without(
    gate: Gate, tokenizer: Tokenizer, text: str, needed: list[str]
) -> None:
    assert gate.names(text) == of(*needed)
    assert passes(gate, tokenizer, text, of(*needed))
    for name in needed:
        assert not passes(gate, tokenizer, text, of(*NAMES) & ~of(name))


def test_words_that_are_no_known_name_may_be_said(gate: Gate, tokenizer: Tokenizer) -> None:
    assert passes(gate, tokenizer, "A gnu.", 0)
    assert not passes(gate, tokenizer, "A car by the left.", of("car"))  # no English
    assert not passes(gate, tokenizer, "A car and two cars.", of("car"))  # named twice
    assert not passes(gate, tokenizer, "A traffic gnu.", of("car"))  # only half a name
    assert not passes(gate, tokenizer, "A street car.", of("car", "street"))


def test_a_sentence_with_a_word_that_is_none_names_nothing(tokenizer: Tokenizer) -> None:
    said = ("a", "and", "with", "the", ",", ".")
    strict = Gate(CONFIG.model_copy(update={"speech": said}), tokenizer)
    assert strict.names("A car, and the street lamps.") == of("car", "street lamp")
    for text in ("A car with a lamp.", "A car with tall trees.", "A car and a streets-lamp."):
        assert strict.names(text) == 0, text  # "lamp" and "tall" are parts of names only


def test_speech_is_what_captions_say_besides_names() -> None:
    found = speech(unfitted(), 40)
    assert {"a", "of", "."} <= set(found) and not {"car", "tree", "building"} & set(found)
    assert found == speech(unfitted(), 40)


@pytest.mark.parametrize("seed", range(8))
def test_no_walk_through_the_gate_names_what_it_must_not(
    gate: Gate, tokenizer: Tokenizer, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    tokens = np.unique([t for text in SENTENCES for t in tokenizer.encode(text).ids])
    named, comma = 0, tokenizer.token_to_id(",")
    for _ in range(60):
        may = int(rng.integers(1 << len(NAMES)))
        forbid, said = gate.forbid([may]), list[int]()
        for _ in range(8):
            closed = forbid([0], [said])[0].numpy()
            choice = tokens[~closed[tokens]]
            if said:  # inside a sentence words begin with a space
                choice = choice[[tokenizer.id_to_token(int(t))[0] in "\u0120.," for t in choice]]
            if not len(choice):
                break
            said.append(int(rng.choice(choice)))
        # Where a comma may not follow, a name has only begun.
        while said and forbid([0], [said])[0, comma]:
            said.pop()
        kinds = gate.names(tokenizer.decode(said))
        assert not kinds & ~may, tokenizer.decode(said)
        named += kinds != 0
    assert named > 10


def test_captions_of_a_model_keep_to_what_they_may_name(gate: Gate, tokenizer: Tokenizer) -> None:
    torch.manual_seed(0)
    sizes = {"vocab_size": tokenizer.get_vocab_size(), "n_positions": 32, "n_embd": 16,
             "n_layer": 1, "n_head": 2}  # fmt: skip
    model = PrefixLanguageModel(8, 2, sizes).eval()
    stop = tokenizer.token_to_id(".")
    rows, may = torch.randn(6, 8), [of("tree")] * 18
    found = model.sample(rows, stop, 2, 1.0, 12, forbid=gate.forbid(may))
    assert found == model.sample(rows, stop, 2, 1.0, 12, forbid=gate.forbid(may))
    alone = model.sample(rows[:1], stop, 2, 1.0, 12, forbid=gate.forbid(may[:3]))
    assert found[:1] == alone
    nothing = torch.ones(3, tokenizer.get_vocab_size(), dtype=torch.bool)
    assert model.greedy(rows[:3], stop, 12, lambda *_: nothing) == [[stop]] * 3


def test_what_a_view_shows_of_kinds() -> None:
    similarity = torch.full((30, 3), 0.1)
    similarity[:10, 0] = 0.9
    similarity[10:, 1] = 0.9
    masks = torch.zeros(30, 3, dtype=torch.bool)
    masks[:10, 0] = masks[10:, 1] = True
    seen = see(masks, lambda rows: similarity[rows], [(0,), (1,), (0, 1), (2,)], 20.0)
    assert np.allclose(np.exp(seen.voxels[0]), [10.1, 0.1, 10.1, 0.1], atol=0.01)
    assert np.allclose(np.exp(seen.voxels[1]), [0.1, 20.1, 20.1, 0.1], atol=0.01)
    assert np.allclose(seen.likeness[0], [0.9, 0.1, 0.9, 0.1])
    assert (seen.peak[0] > 0.9).tolist() == [True, False, True, False]
    assert (seen.voxels[2] < -2).all() and (seen.peak[2] == 0).all()  # a view of nothing
    kinds = tuple(KindConfig(words=(w,), anchors=a, bias=-4.0)
                  for w, a in (("a", (0,)), ("b", (1,)), ("c", (0, 1)), ("d", (2,))))  # fmt: skip
    config = CONFIG.model_copy(update={"kinds": kinds, "peak": 4.0})
    chance = kind_chances(config, seen)
    assert bits(chance > 0.5) == [0b101, 0b110, 0] and of_bits(0b101) == [0, 2]


def test_the_fit_finds_what_made_the_truth() -> None:
    rng = np.random.default_rng(0)
    seen = Seen(*(rng.normal(size=(3000, 4)) for _ in range(3)))
    bias = np.array([-1.0, 0.0, 1.0, 0.5])
    logit = 1.5 * seen.voxels - 0.5 * seen.peak + 2.0 * seen.likeness + bias
    truth = rng.random(logit.shape) < 1 / (1 + np.exp(-logit))
    weights, found = _fit(seen, truth)
    assert np.allclose(weights, [1.5, -0.5, 2.0], atol=0.15)
    assert np.allclose(found, bias, atol=0.2)


def test_a_kind_of_an_anchor_that_is_none_is_refused(tmp_path: Path) -> None:
    data = json.loads((PACKAGED / "street-mini" / "bundle.json").read_text())
    data["saying"]["kinds"][0]["anchors"] = [len(data["saying"]["anchors"])]
    (tmp_path / "bundle.json").write_text(json.dumps(data))
    with pytest.raises(UserError, match="saying.kinds"):
        read_config(tmp_path)


@pytest.mark.parametrize("turned", [False, True])
def test_that_sentence_stands_which_names_most_that_is_sure(
    turned: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = avs3d.load("street-mini", "cpu")
    several: list[int] = []

    def sure(embeddings: np.ndarray, may: list[tuple[int, ...]]) -> list[list[Said]]:
        said = []
        for allowed, *_ in may:
            first = allowed & -allowed
            both = [Said("A car.", first), Said("A car and a tree.", allowed)]
            several.append(first != allowed)
            said.append((both[::-1] if turned else both) if allowed else [])
        return said

    monkeypatch.setattr(model.captioner, "sure", sure)
    scan = simulate(5, "vlp-16")
    captions = model.encode(Scan(scan.points, scan.intensity)).captions()
    assert sum(several) > 3
    assert list(captions.values()).count("A car and a tree.") == sum(several)


def test_the_packaged_bundle_names_what_its_voxels_bear_out() -> None:
    model = avs3d.load("street-mini", "cpu")
    config = model.bundle.config.saying
    assert config is not None
    assert [k.words for k in config.kinds] == [k.words for k in unfitted().kinds]
    scan = simulate(5, "vlp-16")
    encoded = model.encode(Scan(scan.points, scan.intensity))
    with torch.inference_mode():
        names, masks, _ = _pool(encoded, model.bundle.config.views)
        chance = kind_chances(config, see_kinds(encoded, config, masks))
    gate = model.captioner._gate  # type: ignore[attr-defined]
    captions = encoded.captions()
    assert len(captions) > 3
    for view, text in captions.items():
        kinds = of_bits(gate.names(text))
        assert kinds and (chance[names.index(view), kinds] >= config.sentences).all(), text
    guesses = 0
    for sources in encoded.vocabulary().sources:
        for source in sources:
            kinds = of_bits(gate.names(source.caption or ""))
            found = chance[names.index(source.view or ""), kinds]
            guess = ((found >= config.guesses) & (found < config.sentences)).all()
            assert guess or (found >= config.words).all(), source
            guesses += bool((found < config.words).any())
    assert guesses
    again = model.encode(Scan(scan.points, scan.intensity))
    assert again.captions() == captions and again.vocabulary() == encoded.vocabulary()
