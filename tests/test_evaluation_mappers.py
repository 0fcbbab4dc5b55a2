"""LAVE: replies of every kind, words to classes, and the mapping of the official code."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from avs3d import labelsets
from avs3d.chat import Question, Reply, Usage
from avs3d.errors import UserError
from avs3d.evaluation.asking import ChatMapper
from avs3d.evaluation.iou import VOID
from avs3d.evaluation.mappers import (
    FileMapper,
    Mapping,
    NameMapper,
    SimilarityMapper,
    Targets,
    load_mapper,
)
from avs3d.evaluation.replies import question, read_as_published, read_reply

LAVE = json.loads((Path(__file__).parent / "data" / "golden" / "lave.json").read_text())
NUSCENES = labelsets.load("nuscenes-16")
CLASSES = Targets(NUSCENES, NUSCENES.classes, tuple(range(16)))
DETAILED = Targets.of(NUSCENES)
CAR, TRUCK = NUSCENES.classes.index("car"), NUSCENES.classes.index("truck")


def names_of(mapping: Mapping, words: list[str]) -> dict[str, str]:
    ids = mapping.ids(words)
    return {w: NUSCENES.classes[i] if i >= 0 else "void" for w, i in zip(words, ids, strict=True)}


class Scripted:
    """A model that has an answer to each question."""

    name = "golden"

    def __init__(self, answers: dict[str, str]) -> None:
        self.answers = answers
        self.usage = Usage()

    def ask(self, questions: Sequence[Question]) -> list[Reply]:
        said = [self.answers[question.text] for question in questions]
        return [Reply(text) if text else Reply.failed("said nothing") for text in said]


def golden_mapping(read: object) -> Mapping:
    replies = dict(zip(LAVE["names"], LAVE["replies"], strict=True))
    by_question = {question(word, NUSCENES.classes): reply for word, reply in replies.items()}
    return Mapping(ChatMapper(Scripted(by_question), read=read), CLASSES)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("setting", "most"), [("void", 3), ("void_nomaxparse", 0), ("cli_defaults_background", 3)]
)
def test_published_rule_gives_the_mapping_of_the_official_code(setting: str, most: int) -> None:
    found = names_of(golden_mapping(partial(read_as_published, most=most)), LAVE["names"])
    for word, possible in LAVE["possible_mapping"][setting].items():
        assert found[word] in {"void" if name == "background" else name for name in possible}, word


@pytest.mark.parametrize("setting", ["void", "cli_defaults_background"])
def test_predictions_change_as_in_the_official_code(setting: str) -> None:
    told = LAVE["results"][setting]
    labels = np.array(told["update_predictions"]["input"])
    ids = golden_mapping(read_as_published).ids(LAVE["names"])[labels]
    wanted = [told["dataset"][i] for i in told["update_predictions"]["output"]]
    # It took one of 'manmade' or 'vegetation' by the order of a set; the first is taken here.
    wanted = ["void" if name == told["background_class"] else name for name in wanted]
    assert [NUSCENES.classes[i] if i >= 0 else "void" for i in ids] == wanted


def test_the_question_is_the_published_one() -> None:
    prompts = [text for batch in LAVE["results"]["void"]["prompts"] for text in batch]
    assert prompts == [question(word, NUSCENES.classes) for word in LAVE["names"]]


def test_replies_of_the_official_run_by_our_rule() -> None:
    assert names_of(golden_mapping(read_reply), LAVE["names"]) == {
        "sedan": "car",
        "lorry": "truck",
        "pavement": "sidewalk",
        "car": "car",
        "sky": "void",
        "woman": "void",  # refused
        "tree": "vegetation",  # 'Vegetation'
        "building": "manmade",
        "bollard": "void",  # four classes
        "road": "drivable surface",
        "scooter": "motorcycle",
        "crane": "construction vehicle",  # without quotation marks
    }


@pytest.mark.parametrize(
    ("reply", "name"),
    [
        ('{"class": "car"}', "car"),
        ('```json\n{"word": "sedan", "class": "Traffic_Cone"}\n```', "traffic cone"),
        ("**Truck**", "truck"),
        ("The answer is: **`truck`**.", "truck"),
        ("“Drivable surface”", "drivable surface"),
        ("« car »", "car"),
        ("CAR.", "car"),
        ("I would say it is a car", "car"),
        ("It resembles cars most.", "car"),
        ("It is not a car, it is a truck", "truck"),
        ("It isn't a car but a truck", "truck"),
        ("It isn’t a car, it is a truck", "truck"),
        ("sedan is most similar to car", "car"),
        ("traffic-cone", "traffic cone"),
        ("'car', though 'truck' is near", "car"),
        ("construction vehicle (a vehicle)", "construction vehicle"),
        ("'void'", None),
        ("none of these", None),
        ("'background'", None),
        ("", None),
        ("As an AI I cannot say whether this is a person", None),
        ("Das ist ein Auto.", None),
        ("それは車です", None),
        ("carpet", None),
        ("'car' 'bus' 'truck' 'person'", None),
        ("sedan " * 20_000, None),
        ("\ud800\0 car \x1b[0m", "car"),
        ("a" * 100_000 + " 'car'", None),
    ],
)
def test_replies(reply: str, name: str | None) -> None:
    answer = read_reply(reply, NUSCENES.classes, "sedan")
    assert answer.name == name and bool(answer.reason) == (name is None)


def test_a_word_that_holds_a_class_is_not_its_answer() -> None:
    said = "The bus stop is most similar to manmade"
    assert read_reply(said, NUSCENES.classes, "bus stop").name == "manmade"


@pytest.mark.parametrize(
    ("word", "name"),
    [
        ("cone", "traffic cone"),
        ("surface", "drivable surface"),
        ("vehicle", "construction vehicle"),
    ],
)
def test_a_class_that_holds_the_word_may_be_its_answer(word: str, name: str) -> None:
    said = f"A {word} is most similar to {name}"
    assert read_reply(said, NUSCENES.classes, word).name == name


@settings(max_examples=200)
@given(
    st.lists(st.sampled_from(NUSCENES.classes) | st.text(max_size=20), max_size=6).map(" ".join),
    st.text(max_size=20),
)
def test_any_reply_is_a_class_or_void_with_a_reason(reply: str, word: str) -> None:
    for read in (read_reply, read_as_published):
        answer = read(reply, NUSCENES.classes, word)
        assert answer.name in (*NUSCENES.classes, None)
        assert (answer.name is None) == bool(answer.reason)


def test_words_go_through_detailed_names_to_classes() -> None:
    found = names_of(Mapping(load_mapper("minilm"), DETAILED), ["tree", "Meadow", "sky-scraper"])
    assert found["tree"] == "vegetation" and found["Meadow"] == "terrain"
    mapping = Mapping(load_mapper("minilm"), DETAILED)
    words = ["excavators", "construction_vehicle", "sedan", "qwertz", "woman"]
    assert names_of(mapping, words) == {
        "excavators": "construction vehicle",
        "construction_vehicle": "construction vehicle",
        "sedan": "car",
        "qwertz": "void",
        "woman": "person",
    }
    rows = mapping.found
    assert rows["construction_vehicle"].by == "own name"
    assert rows["excavators"].why == "like excavator" and rows["qwertz"].similarity is not None
    assert rows["qwertz"].similarity < 0.45 and "too little" in rows["qwertz"].why


class Counting(NameMapper):
    def __init__(self) -> None:
        self.asked: list[str] = []

    def map(self, words, targets):  # type: ignore[no-untyped-def]
        self.asked += words
        return super().map(words, targets)


def test_each_word_is_mapped_once_and_names_of_classes_never() -> None:
    mapper = Counting()
    mapping = Mapping(mapper, DETAILED)
    ids = mapping.ids(["car", "delivery truck", "sky", "delivery truck"])
    assert ids.tolist() == [CAR, TRUCK, VOID, TRUCK]
    assert mapping.ids(["sky", "car"]).tolist() == [VOID, CAR]
    assert mapper.asked == ["delivery truck", "sky"]
    assert mapping.found["delivery truck"].why == "ends in truck"


def test_threshold_is_where_words_become_void() -> None:
    encoder = load_mapper("minilm")._encoder  # type: ignore[attr-defined]
    for threshold, wanted in ((0.0, "truck"), (0.99, "void")):
        mapping = Mapping(SimilarityMapper(encoder, threshold), DETAILED)
        assert names_of(mapping, ["lorry"]) == {"lorry": wanted}


def test_mapping_files(tmp_path: Path) -> None:
    path = tmp_path / "map.json"
    path.write_text('{"Sedan": "car", "oak": "tree", "sky": "void", "fog": "void"}', "utf-8")
    mapping = Mapping(FileMapper(path), DETAILED)
    assert names_of(mapping, ["sedan", "oak", "sky", "fog", "moon", "car"]) == {
        "sedan": "car",
        "oak": "vegetation",
        "sky": "void",
        "fog": "void",
        "moon": "void",
        "car": "car",
    }
    assert mapping.found["moon"].why == "not in the file"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("{", "not JSON"),
        ("[" * 100_000, "not JSON"),
        ("[1]", "holds no mapping"),
        ('{"a": 3}', "holds no mapping"),
        ('{"a": "trukc"}', "there are .*truck"),
        ("\xff\xfe", "UTF-8"),
    ],
)
def test_bad_mapping_files_are_named(tmp_path: Path, content: str, said: str) -> None:
    path = tmp_path / "map.json"
    path.write_bytes(content.encode("latin-1"))
    with pytest.raises(UserError, match=f"map.json.*{said}") as error:
        FileMapper(path).map([], DETAILED)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("spec", ["minilmm", "map.txt", "absent.json", ""])
def test_unknown_mappers(spec: str) -> None:
    with pytest.raises(UserError):
        load_mapper(spec)
