"""A transport that records the requests that a client sends, and sends them on."""

from __future__ import annotations

from collections.abc import Callable

import httpx2


class RecordingTransport(httpx2.BaseTransport, httpx2.AsyncBaseTransport):
    """A transport for both clients. Each request has a connection of its own."""

    def __init__(self, before: Callable[[str], object] = lambda call: None) -> None:
        self.calls: list[str] = []
        """The requests so far, such as "GET /hub/api/users"."""
        self._before = before
        """Called with each request before it is sent."""

    @property
    def writes(self) -> list[str]:
        """The requests that change something."""
        return [call for call in self.calls if not call.startswith("GET ")]

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        self._record(request)
        with httpx2.HTTPTransport() as transport:
            response = transport.handle_request(request)
            response.read()
            return response

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        self._record(request)
        async with httpx2.AsyncHTTPTransport() as transport:
            response = await transport.handle_async_request(request)
            await response.aread()
            return response

    def _record(self, request: httpx2.Request) -> None:
        self.calls.append(f"{request.method} {request.url.path}")
        self._before(self.calls[-1])
