"""What can go wrong, as one short tree.

    HubError                   anything this library raises on purpose
    ├── InvalidInput           refused here; nothing was sent
    ├── NotAHub                an answer came, but not from a JupyterHub
    │   └── Redirected         it points to `location`; redirects are never followed
    ├── Unavailable            no answer from the hub: refused, reset, timed out, or 502/503/504 from a proxy
    ├── APIError               the hub said no; carries method, path, status and the hub's message
    │   ├── BadRequest         400
    │   ├── NotAuthorized      401, 403: a refusal
    │   │   ├── UnknownToken   401, 403: no token, or one that the hub does not know
    │   │   └── MissingScope   403: the token lacks one of `scopes`
    │   ├── NotFound           404: not there, or not for this token to see
    │   ├── Unsupported        405, or known beforehand: this hub's version has no such operation
    │   ├── Conflict           409, and a server that already runs with other options
    │   ├── Throttled          429 with Retry-After: clears by waiting `retry_after` seconds
    │   ├── HubFull            429 without: clears when somebody stops a server
    │   └── HubBroke           500 and whatever else has no meaning of its own
    ├── SpawnFailed            a server was started and did not come up; `reason` is the hub's own
    ├── StillPending           a wait ran out of time; what was waited for goes on
    └── LocalHubError          the local hub could not be started or stopped

`from_answer` is the one place that decides which of them an answer means.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

PHRASES = {
    400: "the hub refused the request",
    401: "not authorized",
    403: "not authorized",
    404: "not found",
    405: "this hub does not support that",
    409: "already exists",
    429: "the hub asks to slow down",
    500: "the hub failed",
}


MOST_NAMES = 20
"""That a message lists."""


class HubError(Exception):
    """Anything this library raises on purpose. `str()` of it is one line; `hint`, where set, says what to do next."""

    def __init__(self, message: str, *, hint: str = "") -> None:
        # Names and addresses in it come from others, and may hold what breaks lines.
        super().__init__(" ".join(message.splitlines()))
        self.hint = hint

    def _render_traceback_(self) -> list[str]:
        """Return what IPython shows: the message, and not every frame down to the socket."""
        from jhub.notebook import short_traceback

        return short_traceback(self, self.hint)

    def __reduce__(self) -> tuple[Any, ...]:
        # The constructors below take more than the message, which is all that copying and pickling would give them.
        return _restored, (type(self), self.args, self.__dict__)


class InvalidInput(HubError):
    """A value that no hub would accept, or that would be dangerous to send. Nothing was sent."""


class NotAHub(HubError):
    """Something answered at this address, but it does not speak the JupyterHub REST API.

    `status`: that of an answer without JSON, which a proxy may give while the hub behind it restarts.
    """

    status: int | None = None


class Redirected(NotAHub):
    """The answer points elsewhere. Redirects are never followed: a token must not go where an answer says."""

    def __init__(self, location: str) -> None:
        where = re.sub(r"//[^/]*@", "//", re.split(r"[?#]", location)[0]) or "nowhere"
        super().__init__(f"redirected to {where}", hint="give the URL that a browser shows on the hub's home page")
        self.location = location


class Unavailable(HubError):
    """The hub gave no answer. `sent` tells whether the request may have reached it all the same.

    `retry_after`: the seconds after which a proxy that answered in its place wants to be asked again; 0 if it does
    not say.
    """

    def __init__(
        self, message: str, *, sent: bool = True, hint: str = "", status: int | None = None, retry_after: float = 0.0
    ) -> None:
        super().__init__(message, hint=hint)
        self.sent = sent
        self.status = status
        self.retry_after = retry_after


class APIError(HubError):
    """The hub answered a request with an error status."""

    def __init__(self, message: str, *, method: str = "", path: str = "", status: int = 0, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.method = method
        self.path = path
        self.status = status


class BadRequest(APIError):
    """400: the hub refused a value."""


class NotAuthorized(APIError):
    """401 or 403: no token, a token that the hub does not know, or something this token may not do."""


class UnknownToken(NotAuthorized):
    """401 or 403: no token, or one that the hub does not know: it has ended, or was revoked."""


class MissingScope(NotAuthorized):
    """403: the token would need any one of `scopes`."""

    def __init__(self, message: str, scopes: tuple[str, ...], *, method: str = "", path: str = "") -> None:
        hint = f"use a token that has the scope {' or '.join(scopes)}" if scopes else ""
        super().__init__(message, method=method, path=path, status=403, hint=hint)
        self.scopes = scopes


class NotFound(APIError):
    """404: it does not exist, or this token's scopes do not reach it (JupyterHub answers both alike).

    `filtered`: the token's scopes were looked at, so the hub knows at least such things.
    """

    filtered = False


class Unsupported(APIError):
    """This hub has no such operation."""


class Conflict(APIError):
    """409: it already exists; or a server already runs with other options than asked for.

    Where several were to be created, `existing` is the one that was there, and `created` those before it.
    """

    existing: str | None = None
    created: tuple[str, ...] = ()


class Throttled(APIError):
    """429 with `Retry-After`: too many servers are starting at this moment."""

    def __init__(self, message: str, retry_after: float, *, method: str = "", path: str = "") -> None:
        hint = f"the hub asks to try again in {retry_after:.0f} s"
        super().__init__(message, method=method, path=path, status=429, hint=hint)
        self.retry_after = retry_after


class HubFull(APIError):
    """429 without `Retry-After`: `active_server_limit` is reached. Waiting helps only if somebody stops a server."""


class HubBroke(APIError):
    """500: the hub itself failed."""


class SpawnFailed(HubError):
    """A server was asked to start and did not come up. `reason` is what the hub said."""

    def __init__(self, server: str, reason: str) -> None:
        super().__init__(f"server {server} did not start: {reason}")
        self.server = server
        self.reason = reason


class StillPending(HubError):
    """Waiting took longer than the caller allowed. The hub goes on with the job."""


class LocalHubError(HubError):
    """The local hub could not do what was asked."""


PLAIN: dict[int, type[APIError]] = {
    400: BadRequest,
    401: NotAuthorized,
    403: NotAuthorized,
    404: NotFound,
    405: Unsupported,
    409: Conflict,
}
GATEWAY = {502, 503, 504}
SCOPES_NEEDED = re.compile(r"requires any of \[([^\]]*)\]")


def _restored(kind: type[HubError], args: tuple[Any, ...], state: dict[str, Any]) -> HubError:
    error = kind.__new__(kind)
    error.args = args
    error.__dict__.update(state)
    return error


def from_answer(
    method: str, path: str, status: int, headers: Mapping[str, str], content: bytes, about: str = ""
) -> HubError:
    """The error that an answer of 400 and above means. `about` names what the request was for ("user ana")."""
    body = _object(content)
    message = _message(body, path)
    # A proxy may strip the header; a hub's own refusal has these two keys and no others.
    from_hub = "x-jupyterhub-version" in headers or (body.keys() == {"status", "message"} and body["status"] == status)

    def said(text: str) -> str:
        return f"{about}: {text}" if about else text

    if status in GATEWAY and not from_hub:
        return Unavailable(
            said(f"no answer from the hub (the proxy before it says {status})"),
            status=status,
            hint="the hub may be restarting; try again in a minute",
            retry_after=_retry_after(headers) or 0.0,
        )
    where = {"method": method, "path": path}
    if status == 403 and message:
        if needed := SCOPES_NEEDED.search(message):
            scopes = tuple(s.strip(" '\"") for s in needed[1].split(",") if s.strip(" '\""))
            return MissingScope(
                said(f"the token lacks the scope {' or '.join(scopes)}" if scopes else message), scopes, **where
            )
        if "Missing or invalid credentials" in message:
            return bad_token(about, method, path, status)
    if status == 429:
        wait = _retry_after(headers)
        if wait is not None:
            return Throttled(said(message or PHRASES[429]), wait, **where)
        if not from_hub and message is None:
            return Unavailable(
                said("a proxy before the hub limits the requests"), status=status, hint="try again later"
            )
        return HubFull(
            said(message or "the hub has reached its limit of running servers"),
            status=status,
            hint="stop servers that nobody uses, or ask the administrator to raise active_server_limit",
            **where,
        )
    if not from_hub and message is None:
        stranger = NotAHub(
            said(f"answered {status} without a message that JupyterHub would give"),
            hint="is the URL that of a JupyterHub, and does its proxy let API calls through?",
        )
        stranger.status = status
        return stranger
    kind = PLAIN.get(status, HubBroke)
    hint = ""
    filtered = message is not None and message.startswith("No access to resources")
    if kind is NotFound:
        # 404 also means "exists, but outside of what your scopes are filtered to" (jupyterhub/scopes.py).
        if message is None or filtered:
            message = "not found, or not visible to this token"
        elif (about and message.removeprefix("No such ").replace(": ", " ") == about) or message == "Not Found":
            message = "not found"
    error = kind(said(message or PHRASES.get(status, f"answered {status}")), status=status, hint=hint, **where)
    if isinstance(error, NotFound):
        error.filtered = filtered
    return error


def bad_token(about: str, method: str, path: str, status: int) -> UnknownToken:
    """The hub does not take the token."""
    return UnknownToken(
        f"{about or 'hub'}: no token, or one that the hub does not know (expired or revoked?)",
        method=method,
        path=path,
        status=status,
        hint="sign in again with: jhub login",
    )


def _object(content: bytes) -> dict[str, Any]:
    try:
        return msgspec.json.decode(content, type=dict[str, Any])
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return {}


def _message(body: Mapping[str, Any], path: str) -> str | None:
    """The hub's own words. JupyterHub 6 answers `"message": null` where 4 and 5 said "Not Found"."""
    # The OAuth routes have words of their own.
    keys = ("message", "error_description", "error") if path.startswith("/oauth2/") else ("message",)
    said = next((body[key] for key in keys if isinstance(body.get(key), str) and body[key].strip()), "")
    return " ".join(said.split()) or None


def _retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds until a retry is welcome: a number, or a date, which is held against the clock of who sent it."""
    value = headers.get("retry-after") or "nan"
    try:
        seconds = float(value)
    except ValueError:
        from email.utils import parsedate_to_datetime  # 10 ms, for what is rare

        try:
            wanted, now = (parsedate_to_datetime(text) for text in (value, headers.get("date", "")))
            seconds = (wanted - now).total_seconds()
        except (ValueError, TypeError, IndexError, OverflowError):
            return None
    return max(0.0, seconds) if math.isfinite(seconds) else None


def listed(names: Iterable[str]) -> str:
    """The names that are allowed, for a message."""
    every = list(names)
    more = len(every) - MOST_NAMES
    return ", ".join(every[:MOST_NAMES]) + (f", and {more} more" if more > 0 else "")
