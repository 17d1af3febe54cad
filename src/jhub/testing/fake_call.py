"""Requests to a `FakeHub`, and its refusals."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias, cast

from jhub.steps import Answer
from jhub.testing.fake_objects import FakeGroup, FakeServer, FakeState, FakeToken, FakeUser
from jhub.testing.virtual_clock import Events, reply

PAGE_SIZE = 200
"""Maximum number of items on a page, as of JupyterHub's `api_page_max_limit`."""
PAGED = "application/jupyterhub-pagination+json"
"""Media type of a request for a page."""

FakeReply: TypeAlias = Answer | Events
"""The answer of a fake hub: JSON, or the events of a progress stream."""


class Refused(Exception):
    """An error answer: its status and message."""

    def __init__(self, status: int, message: str | None = None) -> None:
        super().__init__(status, message)
        self.status = status
        self.message = message


@dataclass(slots=True)
class Call:
    """A request, and the owner of its token."""

    state: FakeState
    user: FakeUser
    token: FakeToken | None
    query: Mapping[str, str] = field(default_factory=dict[str, str])
    body: object = None
    paged: bool = False
    names: tuple[str, ...] = ()
    """The names in the path."""

    @property
    def fields(self) -> dict[str, Any]:
        """The body, which must be an object."""
        body = self.body
        if body is None:
            return {}
        if not isinstance(body, dict):
            raise Refused(400, "Body must be a JSON dict or empty")
        return cast("dict[str, Any]", body)

    @property
    def owner(self) -> FakeUser:
        """The user in the path."""
        return self.existing_owner()

    def existing_owner(self, message: str | None = None) -> FakeUser:
        """Return the user in the path, or refuse the request with a message."""
        user = self.state.users.get(self.names[0])
        if user is None:
            raise Refused(404, message)
        return user

    @property
    def server_name(self) -> str:
        """The name of the server in the path; empty for the default server."""
        return self.names[1] if len(self.names) > 1 else ""

    @property
    def server(self) -> FakeServer:
        """The server in the path."""
        owner = self.owner
        if self.server_name not in owner.servers:
            raise Refused(404)
        return owner.servers[self.server_name]

    @property
    def group(self) -> FakeGroup:
        """The group in the path."""
        group = self.state.groups.get(self.names[0])
        if group is None:
            raise Refused(404, f"No such group: {self.names[0]}")
        return group

    @property
    def stopped(self) -> bool:
        """Whether stopped servers are requested."""
        return self.query.get("include_stopped_servers", "0").lower() not in {"0", "false"}

    def page(self, items: list[dict[str, Any]]) -> Answer:
        """Return the page of a listing that the query requests."""
        offset = int(self.query.get("offset", "0"))
        limit = min(int(self.query.get("limit", PAGE_SIZE)), PAGE_SIZE)
        shown, end = items[offset : offset + limit], offset + limit
        if not self.paged:
            return reply(json=shown)
        following = {"offset": end, "limit": limit, "url": ""} if end < len(items) else None
        position = {"offset": offset, "limit": limit, "total": len(items), "next": following}
        return reply(json={"items": shown, "_pagination": position})
