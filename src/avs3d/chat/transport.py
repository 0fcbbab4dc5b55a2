"""How the bytes of a server are read: all of an answer, and not more or longer than is allowed."""

from __future__ import annotations

from urllib.request import getproxies, proxy_bypass

import anyio
import httpx2

MAX_BYTES = 512 << 10
"""Of a whole answer; what a caption or a class takes is a hundredth of it."""


class AnswerError(Exception):
    """An answer that cannot be used; the text says why. Asking again would not help."""


class BoundedTransport(httpx2.AsyncHTTPTransport):
    """Connections to one server, whose answers are read within bounds.

    The timeouts of httpx are those of a single read, which a server that sends a byte now and then
    never reaches; and it reads whatever is sent.

    Args:
        address: of the server.
        seconds: in which an answer must be complete.
    """

    def __init__(self, address: str, seconds: float) -> None:
        super().__init__(proxy=_proxy(httpx2.URL(address)))
        self._seconds = seconds

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """See the parent.

        Raises:
            AnswerError: more is sent than is allowed.
            httpx2.ReadTimeout: it takes longer than is allowed.
        """
        request.headers["Accept-Encoding"] = "identity"
        try:
            with anyio.fail_after(self._seconds):
                response = await super().handle_async_request(request)
                try:
                    content = await _content(response)
                finally:
                    await response.aclose()
        except TimeoutError:
            raise httpx2.ReadTimeout("too slow", request=request) from None
        return httpx2.Response(
            response.status_code, headers=response.headers, stream=httpx2.ByteStream(content)
        )


async def _content(response: httpx2.Response) -> bytes:
    if response.headers.get("Content-Encoding", "identity") != "identity":
        raise AnswerError("sent a packed answer, which was not asked for")
    content = bytearray()
    assert isinstance(response.stream, httpx2.AsyncByteStream)
    async for part in response.stream:
        content += part
        if len(content) > MAX_BYTES:
            raise AnswerError(f"sent more than {MAX_BYTES >> 10} KiB, which is no answer")
    return bytes(content)


def _proxy(address: httpx2.URL) -> str | None:
    """The proxy of the environment, which httpx minds only with a transport of its own."""
    proxies = getproxies()
    found = proxies.get(address.scheme) or proxies.get("all")
    port = address.port or {"http": 80, "https": 443}.get(address.scheme)
    if not found or proxy_bypass(address.host) or proxy_bypass(f"{address.host}:{port}"):
        return None
    return found if "://" in found else f"http://{found}"
