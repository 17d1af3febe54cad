"""The hub itself: its version, what it is made of, and whom it takes the caller for."""

from __future__ import annotations

from jhub.binding import operation
from jhub.errors import NotAuthorized, bad_token
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
    def whoami(self) -> Flow[Identity]:
        """Whom the token belongs to, and its scopes.

        `GET /user` (all versions), any token. `NotAuthorized` where the hub does not know the token.
        """
        request = call("GET", "/user", Identity, about="who am I")
        try:
            return (yield from request)
        except NotAuthorized as error:
            # Any token may ask this, so a refusal, which JupyterHub 6 gives no reason for, means an unknown one.
            raise bad_token(request.about, error.method, error.path, error.status) from None
