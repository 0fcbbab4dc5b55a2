"""A door with a token before the viewer, for those who open it to other machines.

viser lets everyone in who reaches its port. So it stays on this machine, and a relay on the public
address hands on what comes to ``/TOKEN/``, pages and websockets, and refuses all else.
"""

from __future__ import annotations

import asyncio
import contextlib
import hmac
import http
import secrets
import threading
import urllib.request
from collections.abc import Iterator
from typing import TYPE_CHECKING

from avs3d.report.scene import check_free

if TYPE_CHECKING:
    from websockets.asyncio.server import ServerConnection
    from websockets.http11 import Request, Response

_LARGEST = 64 << 20  # bytes of a message, as viser has it and a little more
_STARTED = 10.0  # seconds


@contextlib.contextmanager
def guarded(inner: int, host: str, port: int) -> Iterator[tuple[int, str]]:
    """The port and the token of a relay to a port of this machine, while used as a context.

    Raises:
        UserError: nothing can listen at the address.
    """
    check_free(host, port)
    relay = _Relay(inner, host, port)
    thread = threading.Thread(target=lambda: asyncio.run(relay.serve()), daemon=True)
    thread.start()
    if not relay.ready.wait(_STARTED):
        raise RuntimeError("the relay did not start")
    try:
        yield relay.port, relay.token
    finally:
        relay.loop.call_soon_threadsafe(relay.stop.set)
        thread.join(_STARTED)


class _Relay:
    def __init__(self, inner: int, host: str, port: int) -> None:
        self.token = secrets.token_urlsafe(16)
        self.port = port
        self.ready = threading.Event()
        self._inner, self._host = f"127.0.0.1:{inner}", host

    async def serve(self) -> None:
        from websockets.asyncio.server import serve

        self.loop, self.stop = asyncio.get_running_loop(), asyncio.Event()
        with urllib.request.urlopen(f"http://{self._inner}/") as answer:
            self._page = answer.read()  # one file holds all of it
        async with serve(
            self._relay,
            self._host,
            self.port,
            max_size=_LARGEST,
            compression=None,
            process_request=self._answer,
            select_subprotocol=lambda _, offered: offered[0] if offered else None,
        ) as server:
            self.port = next(iter(server.sockets)).getsockname()[1]
            self.ready.set()
            await self.stop.wait()

    def _answer(self, connection: ServerConnection, request: Request) -> Response | None:
        """The page, or a refusal; None lets a websocket through."""
        token = request.path.partition("?")[0].strip("/")
        if not hmac.compare_digest(token.encode(), self.token.encode()):
            return connection.respond(http.HTTPStatus.FORBIDDEN, "the address lacks its token\n")
        if request.headers.get("Upgrade", "").lower() == "websocket":
            return None
        response = connection.respond(http.HTTPStatus.OK, "")
        del response.headers["Content-Type"], response.headers["Content-Length"]
        response.headers["Content-Type"] = "text/html; charset=utf-8"
        response.headers["Content-Length"] = str(len(self._page))
        response.headers["Referrer-Policy"] = "no-referrer"  # the token stays in this tab
        response.body = self._page
        return response

    async def _relay(self, outside: ServerConnection) -> None:
        from websockets.asyncio.client import connect
        from websockets.exceptions import ConnectionClosed
        from websockets.typing import Subprotocol

        offered = [] if outside.subprotocol is None else [Subprotocol(outside.subprotocol)]
        async with connect(
            f"ws://{self._inner}",
            subprotocols=offered,
            max_size=None,
            compression=None,
            proxy=None,
        ) as inside:

            async def hand_on(source: object, target: object) -> None:
                with contextlib.suppress(ConnectionClosed):
                    async for message in source:  # type: ignore[attr-defined]
                        await target.send(message)  # type: ignore[attr-defined]

            both = [
                asyncio.create_task(hand_on(outside, inside)),
                asyncio.create_task(hand_on(inside, outside)),
            ]
            await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
            for task in both:
                task.cancel()
