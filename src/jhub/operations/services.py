"""Services of the hub; from JupyterHub 5.0 on they can be registered while it runs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from jhub import oauth_client
from jhub.binding import AsyncBound, Bound, operation, stream
from jhub.errors import APIError, Conflict, HubBroken, InvalidInput, NotAuthorized, NotFound, Unsupported
from jhub.models import Identity, Service
from jhub.operations.requests import body_of, list_of, need, since
from jhub.steps import Emit, Flow, HubVersion, Operation, Request, call, segment, send

NEEDED = "5.0"
SHORTEST = 8
"""Characters of a token that a hub takes."""


class ServiceOps:
    """Services: those of the hub's configuration, and those registered at run time."""

    @stream(Service)
    def list(self) -> Flow[None]:
        """All services, by name.

        `GET /services` (all versions), scope `list:services`; `read:services` for more than their names.
        """
        found = yield from call("GET", "/services", dict[str, Service], about="services")
        for name in sorted(found):
            yield Emit(found[name])

    @operation
    def get(self, name: str) -> Flow[Service]:
        """One service.

        `GET /services/{name}` (all versions), scope `read:services`. `NotFound` where there is none, or none to be
        seen.
        """
        request = call("GET", _path(name), Service, about=f"service {name}")
        try:
            return (yield from request)
        except HubBroken as error:
            # Before 5.0 that is the answer for one that does not exist.
            if (yield from HubVersion()) >= (5,):
                raise
            try:
                found = yield from call("GET", "/services", dict[str, Service], about="services")
            except NotAuthorized:
                raise error from None
            if name in found:
                raise
            raise NotFound(f"service {name}: not found", method="GET", path=request.path, status=404) from None

    @operation
    def create(
        self,
        name: str,
        *,
        url: str | None = None,
        api_token: str | None = None,
        admin: bool = False,
        display: bool | None = None,
        info: Mapping[str, Any] | None = None,
        oauth_client_id: str | None = None,
        oauth_redirect_uri: str | None = None,
        oauth_client_allowed_scopes: Iterable[str] | None = None,
        oauth_no_confirm: bool = False,
    ) -> Flow[Service]:
        """Register a service, without a restart of the hub; it stays registered over restarts. One whose process the
        hub starts itself needs the hub's configuration.

        Parameters
        ----------
        url
            Where it listens; the proxy serves it below `/services/{name}/`.
        api_token
            Its API token, and the secret of its OAuth client, as you choose it: 8 characters or more.
        admin
            Give it an administrator's scopes. Without, it has no roles and may do nothing.
        display
            Whether the hub's pages link to it.
        oauth_client_id, oauth_redirect_uri, oauth_client_allowed_scopes, oauth_no_confirm
            For signing in to it with the hub. The id begins with "service-"; it takes a redirect URI or a `url`.

        `POST /services/{name}` (JupyterHub 5.0), scope `admin:services`. `Conflict` where it exists; `BadRequest` for
        values that the hub refuses.
        """
        _check(api_token, oauth_client_id, oauth_redirect_uri, url)
        allowed = None if oauth_client_allowed_scopes is None else list_of(oauth_client_allowed_scopes)
        body = body_of(
            url=url,
            api_token=api_token,
            admin=admin or None,
            display=display,
            info=None if info is None else dict(info),
            oauth_client_id=oauth_client_id,
            oauth_redirect_uri=oauth_redirect_uri,
            oauth_client_allowed_scopes=allowed,
            oauth_no_confirm=oauth_no_confirm or None,
        )
        # A body without any key is refused as "Invalid service data".
        body = body or {"admin": False}
        request = call("POST", _path(name), Service, body=body, about=f"service {name}")
        return since(NEEDED, _created(request), "registering services")

    @operation
    def create_login_client(self, *, exist_ok: bool = False) -> Flow[Service]:
        """Register the OAuth client as which `jhub login --browser` signs people in: a service without roles.

        Those may use it at once who have the scope `access:services!service=jhub-login`, as administrators do; the
        line that gives it to everybody belongs into the hub's configuration (`jhub.oauth_client.access_line`).

        `POST /services/{name}` (JupyterHub 5.0), scope `admin:services`, with `exist_ok` `read:services` too.
        `Conflict` where there is a service of that name, unless `exist_ok` and it is this client. The hint of
        `Unsupported` is what registers it with an older hub, by configuration.
        """
        create = ServiceOps.create(
            oauth_client.NAME,
            api_token=oauth_client.CLIENT_SECRET,
            oauth_client_id=oauth_client.CLIENT_ID,
            oauth_redirect_uri=oauth_client.REDIRECT_URI,
            oauth_client_allowed_scopes=oauth_client.ALLOWED_SCOPES,
        )
        return _login_client(create, exist_ok)

    @operation
    def delete(self, name: str) -> Flow[None]:
        """Remove a service that was registered at run time, with its tokens.

        `DELETE /services/{name}` (JupyterHub 5.0), scope `admin:services`. `NotFound` where there is none;
        `Unsupported` for one of the hub's configuration.
        """
        path = _path(name)
        try:
            yield from send("DELETE", path, about=f"service {name}")
        except Unsupported as error:
            # 405 has two meanings here.
            yield from need(NEEDED, "removing services", method="DELETE", path=path)
            error.hint = "it is in the hub's configuration, and can be removed only there"
            raise


def _created(request: Request[Service]) -> Flow[Service]:
    try:
        return (yield from request)
    except HubBroken as error:
        error.hint = "JupyterHub 5 and 6 fail like that for a scope that they do not know: is one misspelt?"
        raise


def _login_client(create: Operation[Service], exist_ok: bool) -> Flow[Service]:
    try:
        return (yield from create)
    except Unsupported as error:
        have = yield from HubVersion()
        if have < (5,):
            lines = f"{oauth_client.registration_line(have)}; {oauth_client.access_line(have)}"
            error.hint = (
                f"the administrator of such a hub puts this into jupyterhub_config.py: {lines} "
                f"({oauth_client.EXISTING_ROLE_NOTE})"
            )
        raise
    except Conflict as error:
        if not exist_ok:
            raise
        found = yield from ServiceOps.get(oauth_client.NAME)
        if found.admin or found.roles:
            error.hint = "that one has roles, and a secret that everybody knows must not open anything"
        elif not (yield from knows_login_client()):
            error.hint = "that one is not the client of jhub login --browser"
        else:
            return found
        error.hint += f"; if nobody needs it: jhub service delete {oauth_client.NAME}"
        raise


def knows_login_client() -> Flow[bool]:
    """Whether the hub has the client of `jhub login --browser`: with its secret it says who it is, and nothing else."""
    request = call("GET", "/user", Identity, about="login client", anonymous=True)
    try:
        who = yield from replace(request, headers=(("Authorization", f"token {oauth_client.CLIENT_SECRET}"),))
    except APIError:
        return False
    return (who.kind, who.name) == ("service", oauth_client.NAME)


def _path(name: str) -> str:
    return f"/services/{segment(name, 'service')}"


def _check(api_token: str | None, oauth_client_id: str | None, oauth_redirect_uri: str | None, url: str | None) -> None:
    """What the hub refuses without a reason, or breaks on; a short token then leaves a service without any (6.1)."""
    if api_token is not None and len(api_token) < SHORTEST:
        raise InvalidInput(f"the API token of a service has at least {SHORTEST} characters")
    if oauth_client_id is not None and not oauth_client_id.startswith("service-"):
        raise InvalidInput(f"{oauth_client_id!r} is no id of an OAuth client: it begins with service-")
    if oauth_client_id is not None and not (oauth_redirect_uri or url):
        raise InvalidInput("an OAuth client takes a redirect URI, or a service with a url")


class Services(ServiceOps, Bound):
    """`hub.services`"""


class AsyncServices(ServiceOps, AsyncBound):
    """`hub.services`"""
