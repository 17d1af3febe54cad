"""The route by which JupyterHub 1 issued tokens: `GET` or `POST /hub/api/authorizations/token`, with name and password.

JupyterHub 2 removed it (it answers 404, and 500 to GET), but many tutorials for JupyterHub's API begin with it.
"""

from __future__ import annotations

import asyncio
import json
import math
import time
import traceback
from collections.abc import Mapping
from contextlib import ExitStack
from ipaddress import IPv4Address, IPv6Network, ip_address
from typing import Any, NoReturn
from urllib.parse import urlsplit

from jupyterhub.apihandlers.base import APIHandler
from msgspec import Struct
from sqlalchemy.exc import SQLAlchemyError
from tornado.web import Finish, HTTPError

from jhub.errors import InvalidInput
from jhub.extension.login_throttle import Limits, Throttle, TooManyInFlight
from jhub.extension.patching import add_routes

ROUTE = r"/api/authorizations/token"
"""The route, without a token at its end: `/authorizations/token/TOKEN` remains JupyterHub's own."""

LIFETIME_SECONDS = 3600
"""Lifetime of a token, long enough for a script, and at most the hub's maximum.

Longer ones come from `POST /users/NAME/tokens`, with this token.
"""

MAX_BODY_BYTES = 16384
"""Maximum size of a request's body."""
MAX_USERNAME_CHARACTERS = 255
"""Maximum number of characters in a username, by JupyterHub's database."""

WRONG_LOGIN = "wrong username or password"
"""The only message for a failed login: it reveals neither which of the two is wrong, nor the authenticator's reason."""

OTHER_SITE = "requests from pages of other sites are refused: send this one from a program"
"""Message for a request from a page of another site."""

ACCOUNT_FAILURE = "the password is correct, but the hub failed to load or create the user; see the hub's log"
"""Message for a failure after the password was accepted."""

TOO_MANY_LOGINS = "too many logins at once for this name or from this address; try again in a few seconds"
"""Message for an attempt beyond the limit of attempts in flight."""

NAME_THROTTLE = Throttle(Limits(free_failures=3, first_wait_seconds=0.5, max_wait_seconds=5.0, max_in_flight=5))
"""The throttle of attempts for a name."""
ADDRESS_THROTTLE = Throttle(Limits(free_failures=100, first_wait_seconds=0.5, max_wait_seconds=5.0, max_in_flight=50))
"""The throttle of attempts from an address; a whole classroom may share one."""


class Login(Struct, frozen=True):
    """A username and a password, from a request's body."""

    username: str
    password: str

    def __repr__(self) -> str:
        """Return the login without its password."""
        return f"Login({self.username!r})"


def install() -> None:
    """Add the route before JupyterHub's own of that name, once."""
    add_routes((ROUTE, PasswordTokenHandler))


def parse_login(body: bytes) -> Login:
    """Return the login in a request's body. Raises InvalidInput unless the body is JSON with both strings.

    The content type has no effect, as in JupyterHub 1: `curl -d` and `requests` send that of a form, or none.
    """
    if len(body) > MAX_BODY_BYTES:
        raise InvalidInput(f"the body is longer than {MAX_BODY_BYTES} bytes")
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):  # RecursionError: nested too deeply
        raise InvalidInput("the body is not JSON") from None
    if not isinstance(document, dict):
        raise InvalidInput("the body must be a JSON object with username and password")
    texts: dict[str, str] = {}
    for name in ("username", "password"):
        value = document.get(name)
        if not isinstance(value, str) or not value:
            raise InvalidInput(f"the body must have a non-empty {name}, as text")
        texts[name] = value
    if len(texts["username"]) > MAX_USERNAME_CHARACTERS:
        raise InvalidInput(f"the username is longer than {MAX_USERNAME_CHARACTERS} characters")
    if not texts["username"].isprintable():
        # Keep line breaks and lone surrogates out of the log and the database.
        raise InvalidInput("the username contains unprintable characters")
    return Login(**texts)


def is_from_other_site(headers: Mapping[str, str], host: str, allowed_origin: str) -> bool:
    """Return whether a request comes from a page of another site, to which the hub has not opened its API.

    Browsers send `Origin` or `Referer`, and `Sec-Fetch-Site`; programs send none of them. `allowed_origin` is the
    header `Access-Control-Allow-Origin` in `JupyterHub.tornado_settings`. It opens the route to JSON only, which a
    browser sends to another site after the hub's consent to a preflight request; it sends forms without asking.
    """
    source = headers.get("Origin") or headers.get("Referer") or ""
    site = headers.get("Sec-Fetch-Site", "none").strip().lower()
    if site in ("none", "same-origin") and (not source or _host_of(source) == host.lower()):
        return False
    is_json = headers.get("Content-Type", "").partition(";")[0].strip().lower() == "application/json"
    return not (is_json and allowed_origin and allowed_origin in ("*", headers.get("Origin")))


def _host_of(url: str) -> str:
    """Return the host and port of an address, as the header `Host` has them; empty if there are none."""
    try:
        return urlsplit(url).netloc.rpartition("@")[2].lower()
    except ValueError:
        return ""


class PasswordTokenHandler(APIHandler):
    """The handler that issues a token to a user whom the hub's own authenticator accepts by username and password."""

    def initialize(self) -> None:
        """Remove the query from the log, whatever the response: some clients put the password there too."""
        self.request.uri = self.request.path
        # Tornado (6.5) refuses a body that is not of its content type; the body of this route is JSON in any case.
        request: Any = self.request
        request._parse_body = lambda: None
        self._disconnected = asyncio.Event()

    def on_connection_close(self) -> None:
        """Record that the client has disconnected."""
        super().on_connection_close()
        self._disconnected.set()

    # Only the body identifies the user: a cookie or token in the request must have no effect, and stay as it is.
    async def get_current_user(self) -> Any:
        """Return no user until the login has succeeded."""
        if not hasattr(self, "_jupyterhub_user"):
            self._jupyterhub_user = None
        return self._jupyterhub_user

    def get_auth_token(self) -> None:
        """Return None: the header is not read."""

    def check_xsrf_cookie(self) -> None:
        """Skip the check: without cookies, a page of another site has no more rights than its own request."""

    async def get(self) -> None:
        """Issue a token for the login in the body."""
        await self._issue_token()

    async def post(self) -> None:
        """Issue a token for the login in the body."""
        await self._issue_token()

    async def _issue_token(self) -> None:
        self._refuse_other_sites()
        try:
            login = parse_login(self.request.body)
        except InvalidInput as error:
            raise HTTPError(400, str(error)) from None
        user: Any = await self._find_or_create_user(await self._authenticate_throttled(login))
        max_seconds = self.settings.get("token_expires_in_max_seconds") or LIFETIME_SECONDS
        token = user.new_api_token(
            note="Requested by username and password", expires_in=min(LIFETIME_SECONDS, max_seconds)
        )
        # The model contains what its reader may see; here, the reader is the user.
        self._jupyterhub_user = user
        self._resolve_roles_and_scopes()
        self.log.info("User %s requested an API token with username and password", user.name)
        # The response to a GET contains a secret: no cache may keep it.
        self.set_header("Cache-Control", "no-store")
        self.write(json.dumps({"token": token, "user": self.user_model(user)}))

    def _refuse_other_sites(self) -> None:
        """Raise HTTPError 403 for a request from a page of another site, before its password is read."""
        headers: Any = self.request.headers
        # The header in which the hub's proxy reports the host that the browser asked for.
        host = headers.get(self.app.forwarded_host_header or "Host") or self.request.host
        allowed_origin = self.settings.get("headers", {}).get("Access-Control-Allow-Origin", "")
        if is_from_other_site(headers, host, allowed_origin):
            raise HTTPError(403, OTHER_SITE)

    async def _authenticate_throttled(self, login: Login) -> Any:
        """Return the authenticator's result for a login, after the wait that earlier failures cause.

        The throttle does not depend on whether a user of that name exists.
        """
        name, address = self._normalized(login.username), client_address(self.request)
        keys = [(NAME_THROTTLE, name)] + ([(ADDRESS_THROTTLE, address)] if address is not None else [])
        with ExitStack() as stack:
            try:
                # A flood from other addresses does not take the places of a user whose address is known.
                stack.enter_context(NAME_THROTTLE.in_flight(f"{name} {address}"))
                if address is not None:
                    stack.enter_context(ADDRESS_THROTTLE.in_flight(address))
            except TooManyInFlight as error:
                raise TooManyRequests(error.seconds) from None
            await self._wait(max(throttle.wait_seconds(key, time.monotonic()) for throttle, key in keys))
            try:
                authenticated = await self._authenticate(login)
            except HTTPError:
                for throttle, key in keys:
                    throttle.record_failure(key, time.monotonic())
                raise
            # Failures of the address still count: an attacker may have an account, too.
            NAME_THROTTLE.record_success(name)
            return authenticated

    async def _wait(self, seconds: float) -> None:
        """Wait. Raises Finish if the client disconnects: its place is free then, and its password is not checked."""
        try:
            await asyncio.wait_for(self._disconnected.wait(), seconds)
        except TimeoutError:
            return
        self.set_status(499, "Client Closed Request")
        raise Finish

    def _normalized(self, username: str) -> str:
        """Return the name as the authenticator normalises it, so that all spellings of a name share one throttle."""
        authenticator: Any = self.authenticator
        try:
            return str(authenticator.normalize_username(username))
        except Exception:  # noqa: BLE001  # third-party authenticators, and invalid names
            return username.lower()

    async def _authenticate(self, login: Login) -> Any:
        try:
            authenticated = await self.authenticate({"username": login.username, "password": login.password})
        except HTTPError:
            self._raise_wrong_login()
        except Exception as error:  # noqa: BLE001  # as JupyterHub does: authenticators fail on unexpected input
            # It counts as a wrong password: some authenticators raise for one. The log gets the type of the error only,
            # because its message may contain the password.
            self.log.warning(
                "The authenticator failed during a login with username and password: %s", type(error).__name__
            )
            self._raise_wrong_login()
        if not authenticated:
            self._raise_wrong_login()
        return authenticated

    async def _find_or_create_user(self, authenticated: Any) -> Any:
        try:
            return await self.auth_to_user(authenticated)
        except Exception as error:  # noqa: BLE001  # runs hooks and third-party authenticators
            # The log gets the stack without the message, which may contain the password.
            where = "".join(traceback.format_tb(error.__traceback__))
            self.log.error(
                "Loading or creating a user failed after a login with username and password: %s\n%s",
                type(error).__name__,
                where,
            )
            if isinstance(error, SQLAlchemyError):
                # As JupyterHub does for errors that it catches itself.
                self.db.rollback()
            raise HTTPError(500, ACCOUNT_FAILURE) from None

    def _raise_wrong_login(self) -> NoReturn:
        raise HTTPError(403, WRONG_LOGIN) from None


class TooManyRequests(HTTPError):
    """Error 429, with the seconds after which to try again."""

    def __init__(self, seconds: float) -> None:
        super().__init__(429, TOO_MANY_LOGINS)
        # JupyterHub sends these headers with an error.
        self.headers = {"Retry-After": str(math.ceil(seconds))}


def client_address(request: Any) -> str | None:
    """Return the address that a request comes from, if a trusted proxy reports it; None if the address is not known.

    Only behind a trusted proxy do different people have different addresses that they cannot forge. The hub's own proxy
    counts if it is in `JupyterHub.trusted_downstream_ips`; otherwise, all requests would share its address.
    """
    context = request.connection.context
    peer = context.address[0] if isinstance(context.address, tuple) else None
    trusted: set[str] = context.trusted_downstream
    if peer not in trusted:
        return None
    # Each proxy appends its peer. Entries before the last one that is not a trusted proxy can be forged.
    hops = (each.strip() for each in reversed(request.headers.get("X-Forwarded-For", "").split(",")))
    address = next((each for each in hops if each not in trusted), "")
    return _address_key(address)


def _address_key(address: str) -> str | None:
    """Return the key of an address: the address itself or, of IPv6, its /64 network, which belongs to one machine."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return None
    if isinstance(parsed, IPv4Address):
        return str(parsed)
    return str(parsed.ipv4_mapped or IPv6Network((int(parsed) >> 64 << 64, 64)))
