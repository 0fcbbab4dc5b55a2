"""Addresses, keys and proxies of servers."""

from __future__ import annotations

import pytest

from api_server import always, as_json, said, serving
from avs3d.chat import ChatServer, Question, Reply
from avs3d.errors import UserError

pytestmark = pytest.mark.usefixtures("plain_environment")


def test_the_key_is_in_no_reply(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-verysecret")
    with serving(always(as_json({"error": "bad key sk-verysecret"}, 401))) as api:
        reply = ChatServer(api.address, "m").ask([Question("a")])[0]
    assert "sk-verysecret" not in reply.error and "$OPENAI_API_KEY" in reply.error


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
        ("http://me:secret@host/v1", "must not hold a password"),
        ("http://host/v1?key=1", "query"),
    ],
)
def test_addresses_that_are_none(address: str, message: str) -> None:
    with pytest.raises(UserError, match=message) as caught:
        ChatServer(address, "m")
    assert "secret" not in str(caught.value) and "\n" not in str(caught.value)


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
