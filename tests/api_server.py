"""A real HTTP server that speaks OpenAI's chat API, with whatever faults a test wants."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class Said:
    """What the server answers.

    Attributes:
        body: as it is sent.
        status, kind, headers: likewise.
    """

    body: bytes
    status: int = 200
    kind: str = "application/json"
    headers: dict[str, str] = field(default_factory=dict)


def said(text: object, prompt: int = 30, completion: int = 5, **more: Any) -> Said:
    """A reply as the API has it."""
    choice = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant"}} | more
    choice["message"] = {"role": "assistant", "content": text}
    usage = {"prompt_tokens": prompt, "completion_tokens": completion}
    return as_json({"id": "1", "object": "chat.completion", "choices": [choice], "usage": usage})


def as_json(content: object, status: int = 200, **headers: str) -> Said:
    return Said(json.dumps(content).encode(), status, headers=headers)


Script = Callable[[int, dict[str, Any], Any], Said | None]
"""The number of the request, its body, the handler (for those that write by themselves and return
None) -> what is answered."""


def hang_up(number: int, body: object, handler: Any) -> None:
    """A script that ends the connection instead of answering."""
    handler.connection.shutdown(socket.SHUT_RDWR)


class ApiServer(ThreadingHTTPServer):
    """Remembers what was asked, and how many requests it had at once."""

    daemon_threads = True

    def __init__(self, script: Script) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.script = script
        self.bodies: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        self.paths: list[str] = []
        self.busy = 0
        self.most_busy = 0
        self.lock = threading.Lock()

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/v1"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Clients that leave are no news."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: ApiServer

    def do_POST(self) -> None:  # noqa: N802
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        with self.server.lock:
            number = len(self.server.bodies)
            self.server.bodies.append(body)
            self.server.headers.append({name.lower(): v for name, v in self.headers.items()})
            self.server.paths.append(self.path)
            self.server.busy += 1
            self.server.most_busy = max(self.server.most_busy, self.server.busy)
        try:
            answer = self.server.script(number, body, self)
        finally:
            with self.server.lock:
                self.server.busy -= 1
        if answer is None:
            self.close_connection = True
            return
        self.send_response(answer.status)
        headers = {"Content-Type": answer.kind, "Content-Length": str(len(answer.body))}
        for name, value in (headers | answer.headers).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(answer.body)

    def log_message(self, *args: Any) -> None:
        """Quiet."""


@contextmanager
def serving(script: Script) -> Iterator[ApiServer]:
    with ApiServer(script) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


def always(answer: Said) -> Script:
    return lambda number, body, handler: answer
