"""Addresses, keys and proxies of servers."""

from __future__ import annotations

import pytest

from api_server import Said, always, as_json, said, serving
from avs3d.chat import ChatServer, Question, Reply
from avs3d.errors import UserError

pytestmark = pytest.mark.usefixtures("plain_environment")


def test_the_key_is_in_no_reply(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-verysecret")
    with serving(always(as_json({"error": "bad key sk-verysecret"}, 401))) as api:
        reply = ChatServer(api.address, "m").ask([Question("a")])[0]
    assert "sk-verysecret" not in reply.error and "$OPENAI_API_KEY" in reply.error


@pytest.mark.parametrize("status", [200, 401])
@pytest.mark.parametrize("before", range(0, 160, 20))
def test_nor_is_a_part_of_a_long_key(
    monkeypatch: pytest.MonkeyPatch, before: int, status: int
) -> None:
    key = "sk-" + "0123456789abcdef" * 10
    monkeypatch.setenv("OPENAI_API_KEY", key)
    told = f"{'bad key ' * 20}"[:before] + key
    answer = Said(told.encode()) if status == 200 else as_json({"error": told}, status)
    with serving(always(answer)) as api:
        reply = ChatServer(api.address, "m", retries=0).ask([Question("a")])[0]
    assert reply.error and key[:8] not in reply.error


@pytest.mark.parametrize("key", ["sk-ümlaut", "two words", "line\nbreak"])
def test_a_key_that_is_none_is_refused(key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", key)
    with pytest.raises(UserError, match="OPENAI_API_KEY holds characters") as caught:
        ChatServer("http://localhost/v1", "m")
    assert key not in str(caught.value)


@pytest.mark.parametrize(
    ("address", "message"),
    [
        ("", "no address"),
        ("localhost:8000/v1", "no address"),
        ("ftp://localhost/v1", "no address"),
        ("http:///v1", "no address"),
        ("http://host:port/v1", "no address"),
        ("http://[::1/v1", "no address"),
        ("http://host/v 1", "no address"),
        ("http://host\n/v1", "no address"),
        ("http://me:secret@host/v1", "must hold neither a password nor a query"),
        ("http://host/v1?key=secret", "query"),
        ("http://me:secret@host:port/v1", "neither a password"),
        ("http://host/v1#part", "no address"),
    ],
)
def test_addresses_that_are_none(address: str, message: str) -> None:
    with pytest.raises(UserError, match=message) as caught:
        ChatServer(address, "m")
    assert "secret" not in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize("spared", ["somewhere.invalid", "somewhere.invalid:80"])
def test_no_proxy_may_name_a_port(monkeypatch: pytest.MonkeyPatch, spared: str) -> None:
    with serving(always(said("here"))) as api:
        monkeypatch.setenv("http_proxy", f"127.0.0.1:{api.server_address[1]}")
        monkeypatch.setenv("no_proxy", spared)
        chat = ChatServer("http://somewhere.invalid/v1", "m", retries=0)
        assert "no connection" in chat.ask([Question("a")])[0].error
    assert not api.paths


def test_a_server_that_has_moved_is_told_of() -> None:
    with serving(always(as_json({}, 307, Location="https://elsewhere/v1"))) as api:
        reply = ChatServer(api.address, "m", retries=0).ask([Question("a")])[0]
    assert "HTTP 307; it has moved, give the address that it has now" in reply.error


def test_a_proxy_that_is_none_costs_replies_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "gopher://nowhere:1")
    reply = ChatServer("http://somewhere.invalid/v1", "m", retries=0).ask([Question("a")])[0]
    assert "cannot be asked" in reply.error


def test_a_proxy_of_the_environment_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(always(said("here"))) as api:
        monkeypatch.setenv("http_proxy", f"127.0.0.1:{api.server_address[1]}")
        monkeypatch.setenv("no_proxy", "")
        chat = ChatServer("http://somewhere.invalid/v1", "m", retries=0)
        assert chat.ask([Question("a")]) == [Reply("here")]
    assert api.paths == ["http://somewhere.invalid/v1/chat/completions"]
