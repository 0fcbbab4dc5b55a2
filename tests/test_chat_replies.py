"""What servers answer, answers on disk, and the nouns of the chat room."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from avs3d.chat import Question, Reply, Usage
from avs3d.chat.answers import Answers
from avs3d.chat.reply import one_line
from avs3d.chat.wire import Answer, NoAnswerError, read_answer

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["choices", "message", "content", "usage", "error", "refusal",
                             "prompt_tokens", "finish_reason"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=20,
)  # fmt: skip


@settings(max_examples=300)
@given(data=st.binary(max_size=50) | json_values.map(lambda value: json.dumps(value).encode()))
def test_any_bytes_are_an_answer_or_none(data: bytes) -> None:
    try:
        answer = read_answer(data.decode("utf-8-sig", "replace"))
    except NoAnswerError as error:
        assert str(error)
    else:
        assert isinstance(answer, Answer) and answer.text.strip() == answer.text != ""
        assert answer.prompt_tokens >= 0 and answer.completion_tokens >= 0


@settings(max_examples=60)
@given(garbage=st.binary(max_size=80))
def test_damaged_files_count_as_absent(
    tmp_path_factory: pytest.TempPathFactory, garbage: bytes
) -> None:
    folder = tmp_path_factory.mktemp("answers")
    answers = Answers(folder)
    answers.put("0" * 64, "a car")
    assert answers.get("0" * 64) == "a car"
    path = next(folder.iterdir())
    whole = path.read_bytes()
    for data in (garbage, whole[:-1], whole[:32], whole + b"s", whole + b" " * (2 << 20)):
        path.write_bytes(data)
        assert answers.get("0" * 64) is None
    (folder / ("1" * 64)).write_bytes(whole)
    assert answers.get("1" * 64) is None  # of another question


def test_questions_and_replies_are_checked_when_they_are_built() -> None:
    with pytest.raises(ValueError, match="JPEG or PNG"):
        Question("a", b"GIF89a")
    for text, error in (("", ""), ("both", "both")):
        with pytest.raises(ValueError, match="either"):
            Reply(text, error)


@pytest.mark.parametrize(
    ("usage", "line"),
    [
        (Usage(), "0 answers"),
        (Usage(1, 0, 0, 0, 0, 0.25), "1 answer, 0.2 s each"),
        (
            Usage(6, 2, 1, 3214, 180, 3.6),
            "6 answers (2 cached, 1 failed), 3,214 + 180 tokens, 1.2 s each",
        ),
        (Usage(3, 3), "3 answers (3 cached)"),
        (Usage(2000, 0, 2000), "2,000 answers (2,000 failed)"),
    ],
)
def test_usage_in_a_line(usage: Usage, line: str) -> None:
    assert usage.line() == line


@settings(max_examples=200)
@given(text=st.text(st.characters(), max_size=50))
def test_one_line_is_one(text: str) -> None:
    line = one_line(text, 20)
    assert len(line) <= 20 and (line == "" or line.isprintable())
    assert line == line.strip() and "  " not in line


def test_one_line_keeps_the_words() -> None:
    assert (
        one_line(" a\tred \x00\u202e car\r\n\u2028by a  tree\x1b[0m ", 99)
        == "a red car by a tree[0m"
    )


def test_a_message_may_be_a_list_of_parts() -> None:
    parts = [{"type": "text", "text": "A car"}, {"type": "refusal"}, {"text": "by a tree."}, 7]
    sent = json.dumps({"choices": [{"message": {"content": parts}}]})
    assert read_answer(sent).text == "A car\nby a tree."
