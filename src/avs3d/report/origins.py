"""Pages of other sites are kept out of a page that is served on this machine.

A browser lets any page open a websocket to this machine, and viser answers it whoever asks. What
tells its own page from a stranger's is the header ``Origin``, which no page can choose.
"""

from __future__ import annotations

import contextlib
import http
import re
import threading
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from websockets.asyncio.server import ServerConnection
    from websockets.http11 import Request, Response

# Any port: a forwarded one (`ssh -L`) may differ from that of the server.
_OURS = re.compile(r"https?://(localhost|127\.0\.0\.1|\[::1\])(:\d+)?")
_REFUSED = "pages of other sites are not answered\n"
_one_at_a_time = threading.Lock()


def is_ours(origins: list[str]) -> bool:
    """Whether a request with these headers ``Origin`` comes from a page of this machine, or from
    no page at all."""
    return all(_OURS.fullmatch(origin) for origin in origins)


@contextlib.contextmanager
def strangers_refused() -> Iterator[None]:
    """A server of websockets that is begun within this context refuses pages of other sites.

    viser has no option for that; so what it starts its server with is replaced meanwhile.
    """
    from websockets.asyncio import server

    with _one_at_a_time:
        usual: Any = server.serve

        def serve(*args: Any, process_request: Any = None, **options: Any) -> Any:
            def answer(connection: ServerConnection, request: Request) -> Response | None:
                if not is_ours(request.headers.get_all("Origin")):
                    return connection.respond(http.HTTPStatus.FORBIDDEN, _REFUSED)
                response: Response | None = process_request(connection, request)
                return response

            return usual(*args, process_request=answer, **options)

        server.serve = serve  # type: ignore[assignment,misc]
        try:
            yield
        finally:
            server.serve = usual  # type: ignore[misc]
