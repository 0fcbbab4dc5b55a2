"""Any server that speaks OpenAI's chat API: OpenAI, vLLM, llama.cpp, Ollama and others."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from avs3d.chat.answers import Answers
from avs3d.chat.reply import Question, Reply, Usage, one_line
from avs3d.chat.wire import Answer, messages, read_answer, said_of_error
from avs3d.environment import require
from avs3d.errors import UserError

if TYPE_CHECKING:
    from openai import AsyncOpenAI

_KEY = "OPENAI_API_KEY"
_SECRET = 8  # characters; local servers are given stand-ins such as EMPTY
_CONNECT_SECONDS = 10.0
_REFUSALS = 3
"""Questions in a row to which no connection was made, after which a server is given up."""
_GIVEN_UP_SECONDS = 60.0
_DISPENSABLE = ("max_tokens", "temperature", "seed")
_HINTS = {
    401: f"; set {_KEY}",
    403: f"; check {_KEY}",
    404: "; check the address, which mostly ends in /v1, and the model",
    **dict.fromkeys((301, 302, 307, 308), "; it has moved, give the address that it has now"),
}


class ChatServer:
    """A model of a server, as a `Chat`.

    A question costs at most ``retries + 1`` attempts, each of ``timeout`` seconds; between them
    the client waits 0.5 to 8 s, or as long as the server asks for, up to two minutes. After
    three questions in a row without a connection the others fail at once, for a minute.

    The key is the environment's `OPENAI_API_KEY`; without one none is needed.

    Args:
        address: for example ``http://localhost:8000/v1``.
        model: its name on the server.
        max_tokens: of an answer.
        concurrency: questions that are asked side by side.
        retries: after a failure that may pass.
        timeout: seconds in which an answer must be complete.
        answers: those that are known already; default: `Answers` on disk.

    Raises:
        UserError: the address is none, the key is none, or ``openai`` is not installed.
    """

    def __init__(
        self,
        address: str,
        model: str,
        *,
        max_tokens: int = 100,
        concurrency: int = 4,
        retries: int = 2,
        timeout: float = 60.0,
        answers: Answers | None = None,
    ) -> None:
        require("chat")
        self.address = _checked(address)
        self.name = f"{self.address}#{model}"
        self.usage = Usage()
        self._key = _key_of_the_environment()
        self._model = model
        self._max_tokens = max_tokens
        self._without: set[str] = set()
        self._concurrency = concurrency
        self._retries = retries
        self._timeout = timeout
        self._answers = Answers() if answers is None else answers
        self._refusals = 0
        self._refusal = ""
        self._until = 0.0

    def ask(self, questions: Sequence[Question]) -> list[Reply]:
        """See `Chat`. What is asked twice is sent once, and failures are not remembered."""
        from anyio.from_thread import start_blocking_portal

        keys = [self._answer_key(question) for question in questions]
        replies = {
            key: Reply(text)
            for key in dict.fromkeys(keys)
            if (text := self._answers.get(key)) is not None
        }
        fresh = {
            key: question
            for key, question in zip(keys, questions, strict=True)
            if key not in replies
        }
        if fresh:
            # The loop has a thread of its own: this one may have a loop that runs (notebooks), and
            # Ctrl-C must reach it.
            with start_blocking_portal() as portal:
                replies |= portal.call(self._ask_all, fresh)
            self._answers.prune()
        found = [replies[key] for key in keys]
        failed = sum(bool(reply.error) for reply in found)
        answered = sum(not replies[key].error for key in fresh)
        self.usage.asked += len(found)
        self.usage.failed += failed
        self.usage.cached += len(found) - failed - answered
        return found

    def _answer_key(self, question: Question) -> str:
        return Answers.key(self.address, self._model, question, self._parameters(question))

    def _parameters(self, question: Question) -> dict[str, Any]:
        """How the answer is wanted."""
        drawn = {"temperature": 1, "seed": question.draw} if question.draw else {"temperature": 0}
        return {"max_tokens": self._max_tokens, **drawn}

    async def _ask_all(self, questions: Mapping[str, Question]) -> dict[str, Reply]:
        import anyio

        replies: dict[str, Reply] = {}
        limiter = anyio.CapacityLimiter(self._concurrency)
        try:
            client = self._client()
        except Exception as error:  # a proxy or a certificate file of the environment
            return dict.fromkeys(questions, self._failed(f"cannot be asked: {error}"))

        async def one(key: str, question: Question) -> None:
            async with limiter:
                replies[key] = await self._reply(client, key, question)

        async with client, anyio.create_task_group() as tasks:
            for key, question in questions.items():
                tasks.start_soon(one, key, question)
        return replies

    def _client(self) -> AsyncOpenAI:
        from httpx2 import Timeout
        from openai import AsyncOpenAI, DefaultAsyncHttpxClient

        from avs3d.chat.transport import BoundedTransport

        connect = min(_CONNECT_SECONDS, self._timeout / 2)
        return AsyncOpenAI(
            api_key=self._key or "none",
            base_url=self.address,
            max_retries=self._retries,
            http_client=DefaultAsyncHttpxClient(
                transport=BoundedTransport(self.address, self._timeout),
                timeout=Timeout(self._timeout, connect=connect),
                follow_redirects=False,  # images and key are for this server alone
            ),
        )

    async def _reply(self, client: AsyncOpenAI, key: str, question: Question) -> Reply:
        if self._refusals >= _REFUSALS and time.monotonic() < self._until:
            return self._failed(self._refusal)
        started = time.monotonic()
        try:
            answer = read_answer(self._hidden(await self._sent(client, question)))
        except Exception as error:  # whatever a server brings about costs this question alone
            reason, connected = self._reason(error)
            self._refusals = 0 if connected else self._refusals + 1
            if not connected:
                self._refusal = reason
                self._until = time.monotonic() + _GIVEN_UP_SECONDS
            return self._failed(reason)
        self._refusals = 0
        self._count(answer, time.monotonic() - started)
        self._answers.put(key, answer.text)
        return Reply(answer.text)

    async def _sent(self, client: AsyncOpenAI, question: Question) -> str:
        """What the server sent back, whatever it is."""
        from openai import BadRequestError

        create: Any = client.chat.completions.with_raw_response.create
        text = question.text.encode("utf-8", "replace").decode()  # lone surrogates have no UTF-8
        told = messages(Question(text, question.image))
        wanted = self._parameters(question)
        while True:
            parameters = {name: v for name, v in wanted.items() if name not in self._without}
            if "max_tokens" in self._without:
                parameters["max_completion_tokens"] = self._max_tokens
            try:
                response = await create(model=self._model, messages=told, **parameters)
                return bytes(response.http_response.content).decode("utf-8-sig", "replace")
            except BadRequestError as error:
                if not self._drop(error.param, parameters):
                    raise

    def _drop(self, refused: str | None, sent: Mapping[str, Any]) -> bool:
        """Do without a parameter that the server refuses; whether that is worth another try.

        OpenAI's newer models take ``max_completion_tokens`` alone, and no temperature.
        """
        if refused not in _DISPENSABLE or refused not in sent:
            return False
        self._without.add(refused)
        return True

    def _count(self, answer: Answer, seconds: float) -> None:
        self.usage.prompt_tokens += answer.prompt_tokens
        self.usage.completion_tokens += answer.completion_tokens
        self.usage.seconds += seconds

    def _failed(self, reason: str) -> Reply:
        """With the server's name."""
        return Reply.failed(f"{self.address}: {self._hidden(reason)}")

    def _hidden(self, said: str) -> str:
        """Without the key, should it have been sent back; before a part of it is cut away."""
        return said.replace(self._key, f"${_KEY}") if len(self._key) >= _SECRET else said

    def _reason(self, error: Exception) -> tuple[str, bool]:
        """What went wrong with a question, and whether there was a connection at all."""
        import httpx2
        from openai import APIConnectionError, APIStatusError, APITimeoutError

        cause = error.__cause__
        if isinstance(cause, httpx2.ConnectError | httpx2.ConnectTimeout):
            return f"no connection ({str(cause) or 'too slow'}); is the server running?", False
        if isinstance(error, APITimeoutError):
            return f"no answer in {self._timeout:g} s", True
        if isinstance(error, APIConnectionError):
            return f"the connection broke off ({str(cause or error) or 'no reason told'})", True
        if isinstance(error, APIStatusError):
            said = one_line(self._hidden(said_of_error(error.body)), 150)
            hint = _HINTS.get(error.status_code, "")
            return f"HTTP {error.status_code}{f' ({said})' if said else ''}{hint}", True
        return (str(error) or type(error).__name__), True


def keep_secrets(address: str) -> None:
    """Raise `UserError`, which does not say them, where there may be secrets in an address."""
    if "@" in address or "?" in address:
        raise UserError(
            "the address of a server must hold neither a password nor a query: put the key into"
            f" {_KEY}"
        )


def _checked(address: str) -> str:
    """The address without a slash at its end, or `UserError`."""
    keep_secrets(address)
    try:
        parts = urlsplit(address)
        usable = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        usable = False
    if not usable or not address.isprintable() or " " in address or parts.fragment:
        raise UserError(
            f"{one_line(address, 200)!r} is no address of a server: give one like"
            " http://localhost:8000/v1"
        )
    return address.rstrip("/")


def _key_of_the_environment() -> str:
    key = os.environ.get(_KEY, "").strip()
    if not (key.isascii() and key.isprintable()) or " " in key:
        raise UserError(f"{_KEY} holds characters that no key has: set it again")
    return key
