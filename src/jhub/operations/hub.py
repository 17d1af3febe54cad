"""Operations on the hub itself: version, info, current identity, and shutdown."""

from __future__ import annotations

from datetime import datetime
from typing import TypeVar

from jhub.binding import operation
from jhub.errors import InvalidInput, NotAHub, NotAuthorized
from jhub.messages import bad_token
from jhub.models import HubInfo, Identity, Version
from jhub.operations.requests import body_of, require_version
from jhub.operations.server_filter import hub_time
from jhub.operations.tokens import TokenOps
from jhub.steps import Flow, Request, call, send

T = TypeVar("T", bound=Identity)


def caller_request(kind: type[T]) -> Request[T]:
    """Return the request for the owner of the token in use, with the fields of `kind`."""
    return call("GET", "/user", kind, about="who am I")


def read_caller(kind: type[T]) -> Flow[T]:
    """Return the owner of the token in use, with the fields of `kind`."""
    request = caller_request(kind)
    try:
        return (yield from request)
    except NotAuthorized as error:
        # Every token may read this, so a refusal means an unknown token. JupyterHub 6 gives no reason for it.
        raise bad_token(request.about, error.method, error.path, error.status) from None


class HubOps:
    """Operations that are methods of `Hub` and `AsyncHub` themselves."""

    @operation
    def version(self) -> Flow[str]:
        """Return the hub's version, such as "6.1.1".

        `GET /` (all versions); no token needed.
        """
        return (yield from call("GET", "/", Version, about="hub", anonymous=True)).version

    @operation
    def time(self) -> Request[datetime]:
        """Return the time on the hub, to the second.

        The last activity of servers is a time of this clock.

        `GET /` (all versions); no token needed. `NotAHub` if the answer has no valid date.
        """
        return hub_time()

    @operation
    def info(self) -> Request[HubInfo]:
        """Return the hub's version, Python, spawner and authenticator.

        `GET /info` (all versions), scope `read:hub`.
        """
        return call("GET", "/info", HubInfo, about="hub info")

    @operation
    def whoami(self) -> Flow[Identity]:
        """Return the owner of the token in use, and its scopes.

        `GET /user` (all versions), any token. `NotAuthorized` if the hub rejects the token.
        """
        return read_caller(Identity)

    @operation
    def logout(self) -> Flow[None]:
        """Revoke the token in use; it is invalid from then on.

        `DELETE /users/{user}/tokens/{id}` (all versions), scope `tokens`. `Unsupported` before JupyterHub 5.0, where
        the hub does not report which token is in use; `InvalidInput` for the token of a service, which is valid as
        long as the service exists.
        """
        identity = yield from HubOps.whoami()
        if identity.kind != "user":
            raise InvalidInput(
                f"the token in use belongs to the {identity.kind} {identity.name}, and stays valid as long as it exists"
            )
        if not identity.token_id:
            yield from require_version("5.0", "revoking the token in use")
            raise NotAHub("the hub does not report which token is in use")
        yield from TokenOps.revoke(identity.name, identity.token_id)

    @operation
    def shutdown(self, *, servers: bool | None = None, proxy: bool | None = None) -> Request[None]:
        """Shut the hub down.

        A supervisor of the hub, such as systemd or Kubernetes, may start it again.

        Parameters
        ----------
        servers
            Also stop the servers of all users. None: as the hub is configured (`cleanup_servers`).
        proxy
            Also stop the proxy. None: as the hub is configured (`cleanup_proxy`).

        `POST /shutdown` (all versions), scope `shutdown`.
        """
        return send("POST", "/shutdown", body=body_of(servers=servers, proxy=proxy), about="shutdown")
