"""The hub itself: its version, what it is made of, and whom it takes the caller for."""

from __future__ import annotations

from jhub.binding import operation
from jhub.models import HubInfo, Identity, Version
from jhub.steps import Flow, Request, call


class HubOps:
    """These stand on `Hub` and `AsyncHub` directly."""

    @operation
    def version(self) -> Flow[str]:
        """The hub's version, "6.1.1".

        `GET /` (all versions); no token needed.
        """
        return (yield from call("GET", "/", Version, about="hub", anonymous=True)).version

    @operation
    def info(self) -> Request[HubInfo]:
        """Version, Python, spawner and authenticator.

        `GET /info` (all versions), scope `read:hub`.
        """
        return call("GET", "/info", HubInfo, about="hub info")

    @operation
    def whoami(self) -> Request[Identity]:
        """Whom the token belongs to, and its scopes.

        `GET /user` (all versions), any token. `NotAuthorized` where the hub does not know the token.
        """
        return call("GET", "/user", Identity, about="who am I")
