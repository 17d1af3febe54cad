"""`hub.singleuser("ana", "lab")`: work in one user's server."""

from __future__ import annotations

from datetime import datetime
from functools import partial
from types import TracebackType
from typing import TYPE_CHECKING, Self, cast

from jhub.binding import AsyncBound, Bound, Namespace, operation
from jhub.errors import HubBroken
from jhub.models import Model
from jhub.singleuser.access import NO_ACTIVITY, Handle, ServerAccess
from jhub.singleuser.contents import decode
from jhub.steps import Flow

if TYPE_CHECKING:
    from jhub.singleuser.files import AsyncFiles, Files
    from jhub.singleuser.kernels import AsyncKernels, Kernels


class ServerStatus(Model, frozen=True, kw_only=True):
    """The activity in a server, as its Jupyter Server reports it."""

    started: datetime | None = None
    last_activity: datetime | None = None
    connections: int = 0
    """Number of connections to kernels."""
    kernels: int = 0


class SingleUserOps:
    """Operations that are methods of a server of `hub.singleuser` itself."""

    @operation
    def status(self: object) -> Flow[ServerStatus]:
        """Return the activity in the server. This does not count as activity.

        `GET api/status` (all versions) of the server; scopes as for `files`. `NotStarted` if the server does not run.
        """
        return cast("Handle", self).run(_status)


def _status(access: ServerAccess) -> Flow[ServerStatus]:
    request = partial(access.request, "GET", "api/status", partial(decode, ServerStatus), query=NO_ACTIVITY)
    try:
        return (yield from request())
    except HubBroken:  # Jupyter Server 2.21 answers 500 while a kernel starts
        return (yield from request())


class SingleUser(SingleUserOps, Bound):
    """A user's server, which `hub.singleuser(...)` of `Hub` returns.

        with hub.singleuser("ana", "lab") as server:
            server.files.put("notes.md", b"# Notes")
            print(server.status().kernels)

    Each call makes a token that opens this server alone, and revokes it; inside a `with` block one token serves all
    calls.
    """

    files: Namespace[Files] = Namespace("jhub.singleuser.files", "Files")
    kernels: Namespace[Kernels] = Namespace("jhub.singleuser.kernels", "Kernels")

    def __repr__(self) -> str:
        """Return the server's name and the hub's address."""
        return f"<{type(self).__name__} {self._subject} of {self._wire}>"

    def __enter__(self) -> Self:
        """Use one token for all calls in the block."""
        cast("Handle", self._subject).keep()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Revoke the token."""
        self._wire.run(cast("Handle", self._subject).release())


class AsyncSingleUser(SingleUserOps, AsyncBound):
    """A user's server, which `hub.singleuser(...)` of `AsyncHub` returns. Use it with `await`, or in `async with`.

    See `SingleUser`.
    """

    files: Namespace[AsyncFiles] = Namespace("jhub.singleuser.files", "AsyncFiles")
    kernels: Namespace[AsyncKernels] = Namespace("jhub.singleuser.kernels", "AsyncKernels")

    def __repr__(self) -> str:
        """Return the server's name and the hub's address."""
        return f"<{type(self).__name__} {self._subject} of {self._wire}>"

    async def __aenter__(self) -> Self:
        """Use one token for all calls in the block."""
        cast("Handle", self._subject).keep()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Revoke the token."""
        await self._wire.run(cast("Handle", self._subject).release())
