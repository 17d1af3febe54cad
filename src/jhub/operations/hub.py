"""The hub itself: its version, what it is made of, whom it takes the caller for, and its end."""

from __future__ import annotations

from datetime import datetime

from jhub.binding import operation
from jhub.errors import InvalidInput, NotAHub, NotAuthorized
from jhub.messages import bad_token
from jhub.models import HubInfo, Identity, Version
from jhub.operations.requests import body_of, require_version
from jhub.operations.server_filter import hub_time
from jhub.operations.tokens import TokenOps
from jhub.steps import Flow, Request, call, send


class HubOps:
    """These stand on `Hub` and `AsyncHub` directly."""

    @operation
    def version(self) -> Flow[str]:
        """The hub's version, "6.1.1".

        `GET /` (all versions); no token needed.
        """
        return (yield from call("GET", "/", Version, about="hub", anonymous=True)).version

    @operation
    def time(self) -> Request[datetime]:
        """Return the time on the hub, to the second. Its servers' last activity is told by that clock.

        `GET /` (all versions); no token needed. `NotAHub` where the answer does not tell it.
        """
        return hub_time()

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

    @operation
    def logout(self) -> Flow[None]:
        """Revoke the token in use, which then opens nothing any more.

        `DELETE /users/{user}/tokens/{id}` (all versions), scope `tokens`. `Unsupported` before JupyterHub 5.0, where a
        hub does not tell which token is in use; `InvalidInput` for a service's, which lasts as long as the service.
        """
        identity = yield from HubOps.whoami()
        if identity.kind != "user":
            raise InvalidInput(
                f"the token in use is that of the {identity.kind} {identity.name}, and lasts as long as that"
            )
        if not identity.token_id:
            yield from require_version("5.0", "revoking the token in use")
            raise NotAHub("the hub does not tell which token is in use")
        yield from TokenOps.revoke(identity.name, identity.token_id)

    @operation
    def shutdown(self, *, servers: bool | None = None, proxy: bool | None = None) -> Request[None]:
        """Shut the hub down. What starts it, such as systemd or Kubernetes, may start it again.

        Parameters
        ----------
        servers
            Whether to stop all users' servers too. None: as the hub is configured (`cleanup_servers`).
        proxy
            Whether to stop the proxy too. None: as the hub is configured (`cleanup_proxy`).

        `POST /shutdown` (all versions), scope `shutdown`.
        """
        return send("POST", "/shutdown", body=body_of(servers=servers, proxy=proxy), about="shutdown")
