"""The proxy before the hub and its servers."""

from __future__ import annotations

from jhub.binding import AsyncBound, Bound, operation, stream
from jhub.errors import InvalidInput
from jhub.models import Route
from jhub.operations.paging import pages
from jhub.operations.requests import body_of
from jhub.steps import Flow, Request, send


class ProxyOps:
    """The routing table, and which proxy the hub talks to."""

    @stream(Route)
    def routes(self) -> Flow[None]:
        """The routing table, as the proxy itself has it. For what runs, ask for servers: that costs the proxy
        nothing.

        `GET /proxy` (all versions), scope `proxy`.
        """
        return pages("/proxy", Route, lambda route: route.routespec, about="routes")

    @operation
    def sync(self) -> Request[None]:
        """Have the hub compare the routing table with what runs, and mend it. It does so now and then by itself.

        `POST /proxy` (all versions), scope `proxy`.
        """
        return send("POST", "/proxy", about="proxy", repeatable=True)

    @operation
    def edit(self, *, api_url: str | None = None, auth_token: str | None = None) -> Request[None]:
        """Tell the hub that another proxy is in charge, by its API's URL and token; it sets up all routes there.

        `PATCH /proxy` (all versions), scope `proxy`.
        """
        body = body_of(api_url=api_url, auth_token=auth_token)
        if not body:
            raise InvalidInput("nothing to change: give the new proxy's api_url, its auth_token, or both")
        return send("PATCH", "/proxy", body=body, about="proxy", repeatable=True)


class Proxy(ProxyOps, Bound):
    """`hub.proxy`"""


class AsyncProxy(ProxyOps, AsyncBound):
    """`hub.proxy`"""
