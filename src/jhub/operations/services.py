"""Operations on services; since JupyterHub 5.0 you can register them while the hub runs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from jhub import oauth_client
from jhub.binding import AsyncBound, Bound, operation, stream
from jhub.errors import APIError, Conflict, HubBroken, InvalidInput, NotAuthorized, NotFound, Unsupported
from jhub.models import Identity, Service
from jhub.operations.requests import UNKNOWN_SCOPE_HINT, accept_missing, body_of, list_of, require_version, since
from jhub.steps import Emit, Flow, HubVersion, Operation, Request, call, segment, send

MIN_VERSION = "5.0"
"""First version of JupyterHub that registers services at run time."""
MIN_TOKEN_CHARACTERS = 8
"""Minimum length of a service's API token, in characters."""


class ServiceOps:
    """Operations on services, from the hub's configuration or registered at run time."""

    @stream(Service)
    def list(self) -> Flow[None]:
        """List all services, by name.

        `GET /services` (all versions), scope `list:services`; `read:services` for more than their names.
        """
        services = yield from call("GET", "/services", dict[str, Service], about="services")
        for name in sorted(services):
            yield Emit(services[name])

    @operation
    def get(self, name: str) -> Flow[Service]:
        """Return a service.

        `GET /services/{name}` (all versions), scope `read:services`. `NotFound` if it does not exist, or is not visible
        to the token.
        """
        request = call("GET", _path(name), Service, about=f"service {name}")
        try:
            return (yield from request)
        except HubBroken as error:
            # Before JupyterHub 5.0 this is the answer for a service that does not exist.
            if (yield from HubVersion()) >= (5,):
                raise
            try:
                services = yield from call("GET", "/services", dict[str, Service], about="services")
            except NotAuthorized:
                raise error from None
            if name in services:
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
        """Register a service, without a restart of the hub.

        It stays registered after restarts. A service whose process the hub starts needs the hub's configuration.

        Parameters
        ----------
        url
            The URL on which it listens; the proxy serves it below `/services/{name}/`.
        api_token
            Its API token, which is also the secret of its OAuth client. You choose it: 8 characters or more.
        admin
            Give it an administrator's scopes. Otherwise it has no roles and no permissions.
        display
            Show a link to it on the hub's pages.
        oauth_client_id, oauth_redirect_uri, oauth_client_allowed_scopes, oauth_no_confirm
            The OAuth client by which users sign in to it with the hub. The id begins with "service-"; the client needs
            a redirect URI or a `url`.

        `POST /services/{name}` (JupyterHub 5.0), scope `admin:services`. `Conflict` if it exists; `BadRequest` for
        values that the hub refuses.
        """
        _check_new(api_token, oauth_client_id, oauth_redirect_uri, url)
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
        # The hub refuses an empty body as "Invalid service data".
        body = body or {"admin": False}
        request = call("POST", _path(name), Service, body=body, about=f"service {name}")
        return since(MIN_VERSION, _explain_server_error(request), "registering services")

    @operation
    def create_login_client(self, *, exist_ok: bool = False) -> Flow[Service]:
        """Register the OAuth client of `jhub login --browser`: a service without roles.

        Users with the scope `access:services!service=jhub-login`, such as administrators, can use it at once; the
        line that gives the scope to all users belongs in the hub's configuration (`jhub.oauth_client.access_line`).

        `POST /services/{name}` (JupyterHub 5.0), scope `admin:services`; with `exist_ok` also `read:services`.
        `Conflict` if a service of that name exists, unless it is this client and `exist_ok` is set. The hint of
        `Unsupported` has the lines that register the client in the configuration of an older hub.
        """
        create = ServiceOps.create(
            oauth_client.NAME,
            api_token=oauth_client.CLIENT_SECRET,
            oauth_client_id=oauth_client.CLIENT_ID,
            oauth_redirect_uri=oauth_client.REDIRECT_URI,
            oauth_client_allowed_scopes=oauth_client.ALLOWED_SCOPES,
        )
        return _create_login_client(create, exist_ok)

    @operation
    def delete(self, name: str, *, missing_ok: bool = False) -> Flow[None]:
        """Delete a service that was registered at run time, with its tokens.

        `DELETE /services/{name}` (JupyterHub 5.0), scope `admin:services`. `NotFound` if it does not exist, unless
        `missing_ok`; `Unsupported` for a service of the hub's configuration.
        """
        path = _path(name)
        try:
            yield from accept_missing(send("DELETE", path, about=f"service {name}"), missing_ok)
        except Unsupported as error:
            # A 405 means an older hub, or a service of the configuration.
            yield from require_version(MIN_VERSION, "removing services", method="DELETE", path=path)
            error.hint = "it is in the hub's configuration: remove it there"
            raise


def _explain_server_error(request: Request[Service]) -> Flow[Service]:
    try:
        return (yield from request)
    except HubBroken as error:
        error.hint = UNKNOWN_SCOPE_HINT
        raise


def _create_login_client(create: Operation[Service], exist_ok: bool) -> Flow[Service]:
    try:
        return (yield from create)
    except Unsupported as error:
        version = yield from HubVersion()
        if version < (5,):
            lines = f"{oauth_client.registration_line(version)}; {oauth_client.access_line(version)}"
            error.hint = (
                f"ask the hub's administrator to add this to jupyterhub_config.py: {lines} "
                f"({oauth_client.EXISTING_ROLE_NOTE})"
            )
        raise
    except Conflict as error:
        if not exist_ok:
            raise
        client = yield from ServiceOps.get(oauth_client.NAME)
        if client.admin or client.roles:
            error.hint = "the existing service has roles, but the secret of this client is public"
        elif not (yield from has_login_client()):
            error.hint = "the existing service is not the client of jhub login --browser"
        else:
            return client
        error.hint += f"; if nobody needs it, delete it with: jhub service delete {oauth_client.NAME}"
        raise


def has_login_client() -> Flow[bool]:
    """Return whether the hub has the client of `jhub login --browser`.

    The client's public secret may read its own identity and nothing else.
    """
    request = call("GET", "/user", Identity, about="login client", anonymous=True)
    try:
        identity = yield from replace(request, headers=(("Authorization", f"token {oauth_client.CLIENT_SECRET}"),))
    except APIError:
        return False
    return (identity.kind, identity.name) == ("service", oauth_client.NAME)


def _path(name: str) -> str:
    return f"/services/{segment(name, 'service')}"


def _check_new(
    api_token: str | None, oauth_client_id: str | None, oauth_redirect_uri: str | None, url: str | None
) -> None:
    """Raise `InvalidInput` for values that the hub refuses without a reason, or fails on.

    After a token that is too short the service remains, without a token (JupyterHub 6.1).
    """
    if api_token is not None and len(api_token) < MIN_TOKEN_CHARACTERS:
        raise InvalidInput(f"the API token is too short: a service needs at least {MIN_TOKEN_CHARACTERS} characters")
    if oauth_client_id is not None and not oauth_client_id.startswith("service-"):
        raise InvalidInput(f"invalid OAuth client ID {oauth_client_id!r}: it must begin with service-")
    if oauth_client_id is not None and not (oauth_redirect_uri or url):
        raise InvalidInput("an OAuth client needs a redirect URI, or a service with a url")


class Services(ServiceOps, Bound):
    """The namespace `hub.services`."""


class AsyncServices(ServiceOps, AsyncBound):
    """The namespace `hub.services`."""
