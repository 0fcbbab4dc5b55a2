"""Language models as mappers: a real server with faults, and a tiny model that runs here."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from api_server import Said, Script, always, as_json, said, serving
from avs3d import labelsets
from avs3d.errors import UserError
from avs3d.evaluation.asking import ChatMapper
from avs3d.evaluation.iou import VOID
from avs3d.evaluation.mappers import Mapping, Targets, load_mapper
from avs3d.evaluation.replies import question
from tiny_captioners import make_chat

pytestmark = pytest.mark.usefixtures("plain_environment")

NUSCENES = labelsets.load("nuscenes-16")
DETAILED = Targets.of(NUSCENES)
CAR, TRUCK, FLAT = (NUSCENES.classes.index(n) for n in ("car", "truck", "drivable surface"))
SAYS = {"lorry": "'Truck'", "jeep": '{"class": "car"}', "sky": "'void'", "asphalt": "It is road."}


def word_of(body: dict[str, Any]) -> str:
    return str(body["messages"][0]["content"].split("is '")[1].split("'")[0])


def answering(**more: Said) -> Script:
    return lambda number, body, handler: more.get(word_of(body)) or said(SAYS[word_of(body)])


def ids(mapping: Mapping, *words: str) -> list[int]:
    return mapping.ids(words).tolist()


def test_a_server_is_asked_the_papers_question_once_a_word() -> None:
    with serving(answering()) as api:
        mapping = Mapping(load_mapper(f"{api.address}#m"), DETAILED)
        assert ids(mapping, "lorry", "car", "jeep", "lorry") == [TRUCK, CAR, CAR, TRUCK]
        assert ids(mapping, "sky", "jeep", "asphalt") == [VOID, CAR, FLAT]  # road: drivable surface
        assert sorted(map(word_of, api.bodies)) == ["asphalt", "jeep", "lorry", "sky"]
        asked = {word_of(body): body for body in api.bodies}
        assert asked["lorry"]["messages"][0]["content"] == question("lorry", DETAILED.names)
        assert len(DETAILED.names) == 43
        assert {body["temperature"] for body in api.bodies} == {0}
        found = mapping.found["jeep"]
        assert (found.by, found.why) == (f"{api.address}#m", '{"class": "car"}')
        assert mapping.found["sky"].why == "the reply says so: 'void'"
        # Another evaluation: the same words are not paid for again, those of other classes are.
        again = Mapping(load_mapper(f"{api.address}#m"), DETAILED)
        assert ids(again, *SAYS) == ids(mapping, *SAYS) and len(api.bodies) == 4
        coarse = Targets(NUSCENES, NUSCENES.classes, tuple(range(16)))
        ids(Mapping(load_mapper(f"{api.address}#m"), coarse), "lorry")
        ids(Mapping(load_mapper(f"{api.address}#other"), DETAILED), "lorry")
        assert len(api.bodies) == 6


def test_answers_are_drawn_and_their_agreement_told() -> None:
    def script(number: int, body: dict[str, Any], handler: object) -> Said:
        if not body["temperature"] or body["seed"] in (1, 3):
            return said("'car'")
        return as_json({"error": "no"}, 400) if body["seed"] == 4 else said("'truck'")

    with serving(script) as api:
        mapping = Mapping(load_mapper(f"{api.address}#m", samples=4), DETAILED)
        assert ids(mapping, "jeep") == [CAR]
        assert mapping.found["jeep"].agreement == pytest.approx(2 / 3, abs=1e-4)
        assert sorted(body.get("seed", 0) for body in api.bodies) == [0, 1, 2, 3, 4]
        assert sorted(body["temperature"] for body in api.bodies) == [0, 1, 1, 1, 1]


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (as_json({"error": {"message": "on fire"}}, 500), "no answer: .*HTTP 500 .on fire"),
        (Said(b"<html>", kind="text/html"), "no answer: .*a web page"),
        (said(""), "no answer: .*said nothing"),
        (said(None), "no answer: .*said nothing"),
        (said("I cannot help with that."), "the reply names no class: I cannot"),
        (said("x" * 100_000), "the reply names no class: xxx"),
        (said("それは車です"), "the reply names no class"),
        (said("'car', 'truck', 'bus', 'person'"), "the reply names 4 classes"),
    ],
)  # fmt: skip
def test_a_word_without_a_good_answer_is_void_and_says_why(
    answer: Said, why: str, tmp_path: Path
) -> None:
    import re

    with serving(answering(jeep=answer)) as api:
        path = tmp_path / "mapper.yaml"
        path.write_text(f"model: m\nserver: {api.address}\nretries: 0\n")
        mapping = Mapping(load_mapper(str(path)), DETAILED)
        assert ids(mapping, "lorry", "jeep") == [TRUCK, VOID]
    assert re.match(why, mapping.found["jeep"].why)
    assert len(mapping.found["jeep"].why) < 600 and mapping.found["jeep"].why.isprintable()


def test_a_server_that_answers_nothing_is_an_error_and_not_a_table_of_void(tmp_path: Path) -> None:
    with serving(always(as_json({"error": {"message": "no such model"}}, 404))) as api:
        mapping = Mapping(load_mapper(f"{api.address}#m"), DETAILED)
        assert ids(mapping, "car") == [CAR]  # asks nothing
        with pytest.raises(UserError, match=r"--mapper http.*HTTP 404 \(no such model\)"):
            ids(mapping, "jeep", "lorry")
        assert "jeep" not in mapping.found
    with pytest.raises(UserError, match="no connection"):
        ids(Mapping(load_mapper(f"{api.address}#m"), DETAILED), "jeep")


def test_a_model_of_this_machine(tmp_path: Path) -> None:
    import torch

    torch.manual_seed(0)
    folder = make_chat(tmp_path / "chat", room=1024)
    words = ["lorry", "jeep", "sky", "asphalt", "elk"]
    mapper = load_mapper(str(folder), samples=1)
    assert isinstance(mapper, ChatMapper)
    one = Mapping(mapper, DETAILED)
    found = ids(one, *words)
    assert all(isinstance(one.found[w].why, str) and one.found[w].why for w in words)
    failed = mapper.chat.usage.failed  # of random weights, one may be silent
    assert mapper.chat.usage.asked == 10 and failed < 3
    again = load_mapper(str(folder), samples=1)
    assert isinstance(again, ChatMapper)
    assert ids(Mapping(again, DETAILED), *words) == found
    assert again.chat.usage.cached == 10 - failed
    small = load_mapper(str(make_chat(tmp_path / "small", room=64)))
    with pytest.raises(UserError, match="has room for 64"):
        ids(Mapping(small, DETAILED), "jeep")


@pytest.mark.parametrize(
    ("spec", "content", "said"),
    [
        ("http://localhost:9/v1", "", "names no model: give it as ADDRESS/v1#MODEL"),
        ("mapper.yaml", "model: m\nmodle: x\n", "mapper.yaml: unknown key modle; did you mean"),
        ("mapper.yaml", "server: http://localhost/v1\n", "the key model is missing"),
        ("mapper.yaml", "model: m\nprompt: x\n", "unknown key prompt; there are model, server"),
        ("mapper.yaml", "model: m\nserver: nowhere\n", "'nowhere' is no address of a server"),
    ],
)  # fmt: skip
def test_specs_that_are_wrong(spec: str, content: str, said: str, tmp_path: Path) -> None:
    if content:
        (tmp_path / spec).write_text(content)
        spec = str(tmp_path / spec)
    with pytest.raises(UserError, match=said) as caught:
        load_mapper(spec)
    assert "\n" not in str(caught.value)


def test_questions_and_replies_stay_within_bounds() -> None:
    """Words are whatever captions held."""
    with serving(lambda number, body, handler: said("'car'")) as api:
        mapping = Mapping(load_mapper(f"{api.address}#m"), DETAILED)
        strange = ["it's", 'a "quote"', "汽车", "\ud800", "{braces}", "x" * 200]
        assert ids(mapping, *strange) == [CAR] * len(strange)
    assert json.dumps([mapping.found[word].why for word in strange])
