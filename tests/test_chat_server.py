"""Servers of OpenAI's API: what is sent, what is paid for once, and every way to fail."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import gzip
import re
import socket
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from api_server import Said, Script, always, as_json, hang_up, said, serving
from avs3d.chat import ChatServer, Question, Reply, Usage, transport
from avs3d.chat.answers import Answers

pytestmark = pytest.mark.usefixtures("plain_environment")

JPEG = b"\xff\xd8\xff\xe0 not much of a picture"
PNG = b"\x89PNG\r\n\x1a\n nor this"


def ask_one(script: Script, text: str = "What?", **options: Any) -> tuple[Reply, int]:
    """The reply, and how often the server was asked."""
    with serving(script) as api:
        chat = ChatServer(api.address, "m", **({"retries": 0, "timeout": 5.0} | options))
        return chat.ask([Question(text)])[0], len(api.bodies)


def echo(number: int, body: dict[str, Any], handler: object) -> Said:
    content = body["messages"][0]["content"]
    return said(f"about {content if isinstance(content, str) else content[-1]['text']}")


def test_what_is_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-123456789")
    with serving(echo) as api:
        chat = ChatServer(api.address + "/", "some/model", max_tokens=7)
        replies = chat.ask([Question("one", JPEG), Question("two", PNG), Question("three")])
    assert replies == [Reply("about one"), Reply("about two"), Reply("about three")]
    assert chat.name == f"{api.address}#some/model"
    assert set(api.paths) == {"/v1/chat/completions"}
    assert {told["authorization"] for told in api.headers} == {"Bearer sk-123456789"}
    assert {told["accept-encoding"] for told in api.headers} == {"identity"}
    sent = {str(body["messages"][0]["content"]): body for body in api.bodies}
    plain = {"role": "user", "content": "three"}
    assert sent["three"] == {
        "model": "some/model", "max_tokens": 7, "temperature": 0, "messages": [plain],
    }  # fmt: skip
    images = sorted(
        body["messages"][0]["content"][0]["image_url"]["url"]
        for body in api.bodies
        if isinstance(body["messages"][0]["content"], list)
    )
    assert images == [
        "data:image/jpeg;base64," + base64.b64encode(JPEG).decode(),
        "data:image/png;base64," + base64.b64encode(PNG).decode(),
    ]


def test_answers_are_paid_for_once() -> None:
    questions = [Question("a", JPEG), Question("b", JPEG), Question("a", JPEG)]
    with serving(echo) as api:
        first = ChatServer(api.address, "m")
        assert [reply.text for reply in first.ask(questions)] == ["about a", "about b", "about a"]
        assert len(api.bodies) == 2
        again = ChatServer(api.address, "m")
        assert again.ask(questions) == first.ask(questions)
        assert len(api.bodies) == 2
        for other in (
            ChatServer(api.address, "other"),
            ChatServer(api.address, "m", max_tokens=5),
            ChatServer(api.address.replace("127.0.0.1", "localhost"), "m"),
        ):
            before = len(api.bodies)
            other.ask([questions[0]])
            assert len(api.bodies) == before + 1
        again.ask([Question("a", PNG), Question("a")])
        assert len(api.bodies) == 7
    assert (again.usage.asked, again.usage.cached, again.usage.failed) == (5, 3, 0)
    assert again.usage.prompt_tokens == 60 and again.usage.completion_tokens == 10
    assert again.usage.seconds > 0


def test_failures_are_not_kept() -> None:
    def recovers(number: int, body: object, handler: object) -> Said:
        return as_json({}, 400) if number == 0 else said("better")

    with serving(recovers) as api:
        chat = ChatServer(api.address, "m", retries=0)
        assert chat.ask([Question("a")])[0].error
        assert chat.ask([Question("a")]) == [Reply("better")]
    assert chat.usage.line().startswith("2 answers (1 failed), 30 + 5 tokens, ")


def trickle(number: int, body: object, handler: Any) -> None:
    """A byte now and then, each in time."""
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n")
    for _ in range(160):
        handler.wfile.write(b" ")
        handler.wfile.flush()
        time.sleep(0.05)


def flood(number: int, body: object, handler: Any) -> None:
    """Gigabytes, if they were read."""
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n")
    for _ in range(1 << 16):
        handler.wfile.write(b"x" * (1 << 16))


def sleep(number: int, body: object, handler: Any) -> Said:
    time.sleep(8)
    return said("too late")


def cut_short(number: int, body: object, handler: Any) -> None:
    handler.wfile.write(b'HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\n{"choices": [')


HTML = Said(b"<!DOCTYPE html><html>Welcome</html>", kind="text/html")
PACKED = Said(gzip.compress(b" " * (1 << 20)) * 64, headers={"Content-Encoding": "gzip"})
FAULTS: dict[str, tuple[Script, str]] = {
    "500": (always(as_json({"error": {"message": "on fire"}}, 500)), r"HTTP 500 \(on fire\)$"),
    "500 html": (always(Said(b"<html>nginx</html>", 500, "text/html")), "HTTP 500$"),
    "429": (always(as_json({"detail": "slower"}, 429)), r"HTTP 429 \(slower\)$"),
    "401": (always(as_json({"error": "who?"}, 401)), r"HTTP 401 \(who\?\); set OPENAI_API_KEY"),
    "404": (always(Said(b"404 page not found", 404, "text/plain")), "HTTP 404.*check the address"),
    "redirect": (always(Said(b"", 302, headers={"Location": "/v2"})), "HTTP 302"),
    "web page": (always(HTML), "web page; check the address"),
    "web page as json": (always(Said(HTML.body)), "web page"),
    "no json": (always(Said(b"{'choices': ")), "answered no JSON: {'choices'"),
    "no bytes": (always(Said(b"")), "nothing at all"),
    "deep": (always(Said(b"[" * 200_000)), r"answered no JSON: \[\[\["),
    "binary": (always(Said(bytes(range(256)))), "answered no JSON"),
    "list": (always(Said(b"[1, 2]")), "without choices"),
    "no choices": (always(as_json({"choices": []})), "without choices"),
    "error in 200": (always(as_json({"error": {"message": "no such model"}})), "no such model"),
    "empty": (always(said("")), "said nothing$"),
    "blank": (always(said(" \n\t")), "said nothing$"),
    "null": (always(said(None)), "said nothing$"),
    "number": (always(said(5)), "said nothing$"),
    "used up": (always(said("", finish_reason="length")), "before its tokens were used up"),
    "no message": (always(as_json({"choices": [{"text": "old API"}]})), "said nothing$"),
    "megabyte": (always(said("x" * (1 << 20))), "more than 512 KiB"),
    "megabyte of error": (always(Said(b"x" * (1 << 20), 500)), "more than 512 KiB"),
    "gigabytes": (flood, "more than 512 KiB"),
    "bomb": (always(PACKED), "packed answer"),
    "hangs up": (hang_up, "connection broke off"),
    "cut short": (cut_short, "connection broke off"),
    "slow": (sleep, "no answer in 3 s$"),
    "byte by byte": (trickle, "no answer in 3 s$"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_costs_its_question_alone(fault: str) -> None:
    script, expected = FAULTS[fault]

    def answers_others(number: int, body: dict[str, Any], handler: object) -> Said | None:
        bad = body["messages"][0]["content"] == "bad"
        return script(number, body, handler) if bad else said("fine")

    with serving(answers_others) as api:
        timeout = 3.0 if "in 3 s" in expected else 20.0
        chat = ChatServer(api.address, "m", retries=0, timeout=timeout)
        started = time.monotonic()
        good, bad, last = chat.ask([Question("good"), Question("bad"), Question("last")])
        assert time.monotonic() - started < 15
    assert (good, last) == (Reply("fine"), Reply("fine"))
    assert bad.text == "" and re.search(expected, bad.error), bad.error
    assert bad.error.startswith(api.address) and len(bad.error) <= 300
    assert bad.error.isprintable()
    assert (chat.usage.asked, chat.usage.failed) == (3, 1)


@pytest.mark.parametrize("status", [429, 500, 503])
def test_what_may_pass_is_tried_again(status: int) -> None:
    def recovers(number: int, body: object, handler: object) -> Said:
        return as_json({}, status) if number == 0 else said("here")

    assert ask_one(recovers, retries=2) == (Reply("here"), 2)


def test_a_server_that_stays_ill_is_left_after_the_retries() -> None:
    reply, asked = ask_one(always(as_json({}, 500)), retries=1)
    assert "HTTP 500" in reply.error and asked == 2


def test_what_will_not_pass_is_not_tried_again() -> None:
    for answer in (as_json({}, 401), Said(b"x" * (1 << 20), 500), HTML):
        reply, asked = ask_one(always(answer), retries=3)
        assert reply.error and asked == 1


def test_the_server_says_when_to_come_back() -> None:
    times = []

    def later(number: int, body: object, handler: object) -> Said:
        times.append(time.monotonic())
        return as_json({}, 429, **{"Retry-After": "1.2"}) if number == 0 else said("here")

    assert ask_one(later, retries=1)[0] == Reply("here")
    assert 1.2 <= times[1] - times[0] < 15

    started = time.monotonic()
    tomorrow = as_json({}, 429, **{"Retry-After": "86400"})
    assert ask_one(always(tomorrow), retries=1)[0].error
    assert time.monotonic() - started < 15


def closed_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def test_a_server_that_is_not_there_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """Connections are counted where they are made."""
    tried = []
    made = transport.BoundedTransport.handle_async_request

    async def counted(self: Any, request: Any) -> Any:
        tried.append(time.monotonic())
        return await made(self, request)

    monkeypatch.setattr(transport.BoundedTransport, "handle_async_request", counted)
    chat = ChatServer(f"http://127.0.0.1:{closed_port()}/v1", "m", concurrency=2, retries=1)
    started = time.monotonic()
    replies = chat.ask([Question(str(number)) for number in range(300)])
    assert time.monotonic() - started < 15
    assert len({reply.error for reply in replies}) == 1
    assert "no connection" in replies[0].error and "running?" in replies[0].error
    assert 6 <= len(tried) <= 8  # three questions in a row, and what was under way beside them
    before = len(tried)
    assert chat.ask([Question("later")])[0].error == replies[0].error
    assert len(tried) == before
    assert (chat.usage.asked, chat.usage.failed) == (301, 301)


def test_a_server_that_does_not_pick_up_is_given_up() -> None:
    """Its system drops what would connect, as a firewall does."""
    with contextlib.ExitStack() as stack:
        deaf = stack.enter_context(socket.socket())
        deaf.bind(("127.0.0.1", 0))
        deaf.listen(0)
        for _ in range(4):  # more than its queue holds
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(deaf.getsockname())
        address = f"http://127.0.0.1:{deaf.getsockname()[1]}/v1"
        chat = ChatServer(address, "m", concurrency=3, retries=0, timeout=1.0)
        started = time.monotonic()
        replies = chat.ask([Question(str(number)) for number in range(100)])
        assert time.monotonic() - started < 15
    assert {reply.error for reply in replies} == {
        f"{address}: no connection (too slow); is the server running?"
    }


def test_a_server_that_is_back_is_asked_again() -> None:
    chat = ChatServer(f"http://127.0.0.1:{closed_port()}/v1", "m", concurrency=1, retries=0)
    assert all(reply.error for reply in chat.ask([Question(c) for c in "abcd"]))
    with serving(echo) as api:
        chat.address = api.address
        assert "no connection" in chat.ask([Question("a")])[0].error
        chat._until = 0.0  # as if a minute had gone by
        assert chat.ask([Question("a")]) == [Reply("about a")]


def test_failures_with_an_answer_do_not_give_up() -> None:
    def last_works(number: int, body: dict[str, Any], handler: object) -> Said:
        return said("ok") if body["messages"][0]["content"] == "9" else as_json({}, 500)

    with serving(last_works) as api:
        chat = ChatServer(api.address, "m", concurrency=1, retries=0)
        replies = chat.ask([Question(str(number)) for number in range(10)])
    assert [reply.text for reply in replies] == [""] * 9 + ["ok"]


def test_only_failures_in_a_row_give_up(monkeypatch: pytest.MonkeyPatch) -> None:
    import httpx2

    made = transport.BoundedTransport.handle_async_request
    plan = iter("xx.xx!xxx??")

    async def sometimes(self: Any, request: Any) -> Any:
        if next(plan) == "x":
            raise httpx2.ConnectError("refused")
        return await made(self, request)

    monkeypatch.setattr(transport.BoundedTransport, "handle_async_request", sometimes)
    answers = [said("ok"), as_json({}, 500)]
    with serving(lambda number, body, handler: answers[number]) as api:
        chat = ChatServer(api.address, "m", concurrency=1, retries=0)
        replies = chat.ask([Question(str(number)) for number in range(11)])
    assert replies[2].text == "ok" and "HTTP 500" in replies[5].error
    assert all("no connection (refused)" in replies[i].error for i in (0, 1, 3, 4, 6, 7, 8, 9, 10))
    assert list(plan) == ["?", "?"]


@pytest.mark.parametrize("concurrency", [1, 4])
def test_concurrency_is_what_was_asked_for(concurrency: int) -> None:
    barrier = threading.Barrier(concurrency)

    def together(number: int, body: object, handler: object) -> Said:
        barrier.wait(10)  # none is answered before all are there
        time.sleep(0.02)
        return said("ok")

    with serving(together) as api:
        chat = ChatServer(api.address, "m", concurrency=concurrency)
        replies = chat.ask([Question(str(number)) for number in range(8)])
    assert replies == [Reply("ok")] * 8
    assert api.most_busy == concurrency


def test_models_that_refuse_parameters_are_asked_without() -> None:
    """As OpenAI's newer ones."""

    def picky(number: int, body: dict[str, Any], handler: object) -> Said:
        for name in ("max_tokens", "temperature"):
            if name in body:
                told = {"message": f"Unsupported parameter: {name}", "param": name, "code": "x"}
                return as_json({"error": told}, 400)
        return said(f"within {body['max_completion_tokens']}")

    with serving(picky) as api:
        chat = ChatServer(api.address, "m", max_tokens=9, retries=0)
        assert chat.ask([Question("a"), Question("b")]) == [Reply("within 9")] * 2
        before = len(api.bodies)
        chat.ask([Question("c")])
        assert len(api.bodies) == before + 1
        assert ChatServer(api.address, "m", max_tokens=9).ask([Question("c")])[0].text
        assert len(api.bodies) == before + 1


def test_a_parameter_that_is_refused_for_ever_ends() -> None:
    told = {"error": {"message": "no", "param": "max_tokens"}}
    reply, asked = ask_one(always(as_json(told, 400)))
    assert "HTTP 400 (no)" in reply.error and asked == 2


def test_it_can_be_asked_where_a_loop_runs() -> None:
    """As in a notebook."""
    with serving(echo) as api:
        chat = ChatServer(api.address, "m")

        async def cell() -> list[Reply]:
            return chat.ask([Question("a")])

        assert asyncio.run(cell()) == [Reply("about a")]


def test_no_questions_ask_nobody() -> None:
    chat = ChatServer("http://127.0.0.1:1/v1", "m")
    assert chat.ask([]) == []
    assert chat.usage == Usage()


ANY = st.characters(exclude_categories=["Cs"]) | st.just("\ud800")  # pairs become one in JSON


@settings(max_examples=15)
@given(text=st.text(ANY, max_size=40))
def test_any_text_can_be_asked_and_said(text: str) -> None:
    reply, _ = ask_one(always(said(text)), text)
    shown = text.encode("utf-8", "replace").decode().strip()
    assert reply.text == shown if shown else reply.error.endswith("said nothing")


def test_a_folder_that_cannot_be_made_means_no_cache(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with serving(echo) as api:
        chat = ChatServer(api.address, "m", answers=Answers(tmp_path / "file" / "answers"))
        for _ in range(2):
            assert chat.ask([Question("a")]) == [Reply("about a")]
        assert len(api.bodies) == 2
