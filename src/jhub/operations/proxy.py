"""Operations on the proxy in front of the hub and its servers."""

from __future__ import annotations

from jhub.binding import AsyncBound, Bound, operation, stream
from jhub.errors import InvalidInput
from jhub.models import Route
from jhub.operations.paging import pages
from jhub.operations.requests import body_of
from jhub.steps import Flow, Request, send


class ProxyOps:
    """Operations on the proxy and its routing table."""

    @stream(Route)
    def routes(self) -> Flow[None]:
        """List the routes of the proxy's routing table.

        The hub reads them from the proxy. To list running servers use `hub.servers.list`, which does not load the
        proxy.

        `GET /proxy` (all versions), scope `proxy`.
        """
        return pages("/proxy", Route, lambda route: route.routespec, about="routes")

    @operation
    def sync(self) -> Request[None]:
        """Synchronise the routing table with the running servers.

        The hub also does this by itself at intervals.

        `POST /proxy` (all versions), scope `proxy`.
        """
        return send("POST", "/proxy", about="proxy", repeatable=True)

    @operation
    def edit(self, *, api_url: str | None = None, auth_token: str | None = None) -> Request[None]:
        """Switch the hub to another proxy, by the URL and token of its API.

        The hub sets up all routes there.

        `PATCH /proxy` (all versions), scope `proxy`.
        """
        body = body_of(api_url=api_url, auth_token=auth_token)
        if not body:
            raise InvalidInput("nothing to change", hint="pass the new proxy's api_url, its auth_token, or both")
        return send("PATCH", "/proxy", body=body, about="proxy", repeatable=True)


class Proxy(ProxyOps, Bound):
    """The namespace `hub.proxy`."""


class AsyncProxy(ProxyOps, AsyncBound):
    """The namespace `hub.proxy`."""
