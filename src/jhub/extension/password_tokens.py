"""The way to a token of JupyterHub 1: `GET` or `POST /hub/api/authorizations/token` with a username and a password.

JupyterHub 2 removed it (it answers 404, and 500 to GET); much that is written about JupyterHub's API begins with it.
"""

from __future__ import annotations

import asyncio
import json
import math
import time
import traceback
from contextlib import ExitStack
from ipaddress import IPv4Address, IPv6Network, ip_address
from typing import Any, NoReturn

from jupyterhub.apihandlers.base import APIHandler
from msgspec import Struct
from sqlalchemy.exc import SQLAlchemyError
from tornado.web import Finish, HTTPError

from jhub.errors import InvalidInput
from jhub.extension.patching import add_routes
from jhub.extension.throttle import Limits, Throttle, TooManyInFlight

ROUTE = r"/api/authorizations/token"
"""Without a token behind it: `/authorizations/token/TOKEN` is JupyterHub's own, and stays."""

LIFETIME_SECONDS = 3600
"""Long enough for a script; who needs more asks `POST /users/NAME/tokens` for it. Never more than the hub allows."""

MAX_BODY_BYTES = 16384
MAX_USERNAME_CHARACTERS = 255
"""Characters that JupyterHub's database has room for."""

WRONG_LOGIN = "wrong username or password"
"""All that anybody is told, whichever of the two it was, and whatever the authenticator thinks of it."""

ACCOUNT_FAILURE = "the password is right, but the hub failed to take the user in: its log tells where"

TOO_MANY_LOGINS = "too many logins of this name or from this address at once: try again in a few seconds"

NAME_THROTTLE = Throttle(Limits(free_failures=3, first_wait_seconds=0.5, max_wait_seconds=5.0, max_in_flight=5))
ADDRESS_THROTTLE = Throttle(Limits(free_failures=100, first_wait_seconds=0.5, max_wait_seconds=5.0, max_in_flight=50))
"""Whole classrooms share one."""


class Login(Struct, frozen=True):
    """What the body says."""

    username: str
    password: str

    def __repr__(self) -> str:
        return f"Login({self.username!r})"


def install() -> None:
    """Put the route before JupyterHub's own of that name, once."""
    add_routes((ROUTE, PasswordTokenHandler))


def parse_login(content_type: str, body: bytes) -> Login:
    """The login in a request's body. Raises InvalidInput unless it is JSON, says so, and has both texts.

    Asking for the content type keeps out forms of other sites, which browsers send without asking anybody.
    """
    if content_type.partition(";")[0].strip().lower() != "application/json":
        raise InvalidInput("the body must be JSON, with the content type application/json")
    if len(body) > MAX_BODY_BYTES:
        raise InvalidInput(f"the body is longer than {MAX_BODY_BYTES} bytes")
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):  # the second for what is nested too deeply
        raise InvalidInput("the body is not JSON") from None
    if not isinstance(document, dict):
        raise InvalidInput("the body must be a JSON object with username and password")
    texts: dict[str, str] = {}
    for name in ("username", "password"):
        value = document.get(name)
        if not isinstance(value, str) or not value:
            raise InvalidInput(f"the body needs {name}, a text that is not empty")
        texts[name] = value
    if len(texts["username"]) > MAX_USERNAME_CHARACTERS:
        raise InvalidInput(f"the username is longer than {MAX_USERNAME_CHARACTERS} characters")
    if not texts["username"].isprintable():
        # Neither the log nor the database is the place for line breaks and halves of characters.
        raise InvalidInput("the username has characters that cannot be printed")
    return Login(**texts)


class PasswordTokenHandler(APIHandler):
    """Give a token to whom the hub's own authenticator knows by username and password."""

    def initialize(self) -> None:
        """Keep the query out of the log, whatever comes of the request: people put the password there too."""
        self.request.uri = self.request.path
        self._disconnected = asyncio.Event()

    def on_connection_close(self) -> None:
        """Tornado's word that nobody waits for the answer any more."""
        super().on_connection_close()
        self._disconnected.set()

    # Who asks is decided by the body alone: a cookie or token that comes along must neither help nor be touched.
    async def get_current_user(self) -> Any:
        """Nobody, until the body has been judged."""
        if not hasattr(self, "_jupyterhub_user"):
            self._jupyterhub_user = None
        return self._jupyterhub_user

    def get_auth_token(self) -> None:
        """None: the header is not read."""

    def check_xsrf_cookie(self) -> None:
        """Nothing to forge: without cookies, another site's page knows no more than its own words."""

    async def get(self) -> None:
        await self._issue_token()

    async def post(self) -> None:
        await self._issue_token()

    async def _issue_token(self) -> None:
        try:
            login = parse_login(self.request.headers.get("Content-Type", ""), self.request.body)
        except InvalidInput as error:
            raise HTTPError(400, str(error)) from None
        user: Any = await self._find_or_create_user(await self._authenticate_throttled(login))
        max_seconds = self.settings.get("token_expires_in_max_seconds") or LIFETIME_SECONDS
        token = user.new_api_token(
            note="Requested by username and password", expires_in=min(LIFETIME_SECONDS, max_seconds)
        )
        # The model shows what its reader may see; here, that is the user.
        self._jupyterhub_user = user
        self._resolve_roles_and_scopes()
        self.log.info("User %s requested an API token by username and password", user.name)
        # A GET with a secret in its answer: no cache on the way may keep it.
        self.set_header("Cache-Control", "no-store")
        self.write(json.dumps({"token": token, "user": self.user_model(user)}))

    async def _authenticate_throttled(self, login: Login) -> Any:
        """What the authenticator makes of a login, after the wait that earlier failures cost.

        Whether there is somebody of that name makes no difference.
        """
        name, address = self._normalized(login.username), client_address(self.request)
        keys = [(NAME_THROTTLE, name)] + ([(ADDRESS_THROTTLE, address)] if address is not None else [])
        with ExitStack() as stack:
            try:
                # A flood from elsewhere does not take the places of somebody whose address is known.
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
            # The address is not forgiven: a guesser may have an account as well.
            NAME_THROTTLE.record_success(name)
            return authenticated

    async def _wait(self, seconds: float) -> None:
        """Raises Finish where the client leaves: its place is for others, and its password is not looked at."""
        try:
            await asyncio.wait_for(self._disconnected.wait(), seconds)
        except TimeoutError:
            return
        self.set_status(499, "Client Closed Request")
        raise Finish

    def _normalized(self, username: str) -> str:
        """The name as the authenticator knows it, so that other spellings are no other names."""
        authenticator: Any = self.authenticator
        try:
            return str(authenticator.normalize_username(username))
        except Exception:  # noqa: BLE001  # authenticators of others, and names that are none
            return username.lower()

    async def _authenticate(self, login: Login) -> Any:
        try:
            authenticated = await self.authenticate({"username": login.username, "password": login.password})
        except HTTPError:
            self._raise_wrong_login()
        except Exception as error:  # noqa: BLE001  # as JupyterHub does: authenticators fail on what they do not expect
            # It counts as a wrong password, which some raise for. Its type only: what it says may repeat the password.
            self.log.warning("The authenticator failed at a login by username and password: %s", type(error).__name__)
            self._raise_wrong_login()
        if not authenticated:
            self._raise_wrong_login()
        return authenticated

    async def _find_or_create_user(self, authenticated: Any) -> Any:
        try:
            return await self.auth_to_user(authenticated)
        except Exception as error:  # noqa: BLE001  # hooks and authenticators of others run in there
            # Where it was, and not what it says: they have seen the password.
            where = "".join(traceback.format_tb(error.__traceback__))
            self.log.error("Taking in a user who gave a password failed: %s\n%s", type(error).__name__, where)
            if isinstance(error, SQLAlchemyError):
                # JupyterHub would, had it seen the error itself.
                self.db.rollback()
            raise HTTPError(500, ACCOUNT_FAILURE) from None

    def _raise_wrong_login(self) -> NoReturn:
        raise HTTPError(403, WRONG_LOGIN) from None


class TooManyRequests(HTTPError):
    """429, and when to try again."""

    def __init__(self, seconds: float) -> None:
        super().__init__(429, TOO_MANY_LOGINS)
        # JupyterHub looks here when it answers with an error.
        self.headers = {"Retry-After": str(math.ceil(seconds))}


def client_address(request: Any) -> str | None:
    """The address that a request comes from, where a proxy that the hub trusts says so; None where that is not known.

    Only then do different people have different addresses, and nobody writes another's into a header. The hub's own
    proxy counts once it is among `JupyterHub.trusted_downstream_ips`; else all requests would share its address.
    """
    context = request.connection.context
    peer = context.address[0] if isinstance(context.address, tuple) else None
    trusted: set[str] = context.trusted_downstream
    if peer not in trusted:
        return None
    # Each proxy adds whom it was asked by. What stands before the last that is not one of ours, anybody can have said.
    hops = (each.strip() for each in reversed(request.headers.get("X-Forwarded-For", "").split(",")))
    address = next((each for each in hops if each not in trusted), "")
    return _address_key(address)


def _address_key(address: str) -> str | None:
    """What counts as one: an address or, of IPv6, the 64 bits of its network, within which a machine has them all."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return None
    if isinstance(parsed, IPv4Address):
        return str(parsed)
    return str(parsed.ipv4_mapped or IPv6Network((int(parsed) >> 64 << 64, 64)))
