"""Exceptions of this package, as one short tree.

    HubError                          the base class of all errors
    ├── InvalidInput                  an invalid value; nothing was sent
    ├── NotAHub                       the answer is not from a JupyterHub
    │   └── Redirected                the answer redirects to `location`; redirects are never followed
    ├── Unavailable                   no answer from the hub: refused, reset, timed out, or 502/503/504 from a proxy
    ├── APIError                      an error status; has the method, path, status and the hub's message
    │   ├── BadRequest                400
    │   │   ├── InvalidUsername       the authenticator rejects a username
    │   │   ├── UserNotCreated        creating several users failed at one of them; those before it exist
    │   │   ├── InvalidScope          a scope does not exist, or its owner does not have it
    │   │   ├── LifetimeTooLong       a token would live longer than the hub allows
    │   │   └── ServerPending         a server is busy, for example stopping, and accepts no request until that ends
    │   ├── NotAuthorized             401, 403
    │   │   ├── UnknownToken          401, 403: the token is missing, unknown, expired or revoked
    │   │   └── MissingScope          403: the token lacks one of `scopes`
    │   ├── NotFound                  404: it does not exist, or the token cannot see it
    │   │   └── UnknownUser           400: a user in the request does not exist
    │   ├── Unsupported               405, or known in advance: this version of JupyterHub lacks the operation
    │   ├── Conflict                  409, and a server that already runs with other options
    │   │   └── AlreadyRunning        400: a running server cannot be started or changed
    │   ├── Throttled                 429 with Retry-After: try again after `retry_after` seconds
    │   ├── HubFull                   429 without Retry-After: try again after someone has stopped a server
    │   └── HubBroken                 500, and every other status
    ├── NotStarted                    a server is stopped, and nobody is starting it
    ├── SpawnFailed                   a server did not start; `reason` is the hub's
    │   └── StartCancelled            somebody stopped the server while it was starting
    ├── WaitTimeout                   a wait timed out; the hub continues the job
    ├── CommandFailed                 a command in a server ended with an exit code that is not 0
    └── LocalHubError                 the local hub could not be started or stopped

`jhub.messages` maps an answer to its class, by the status and the hub's message.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

__all__ = [
    "APIError",
    "AlreadyRunning",
    "BadRequest",
    "CommandFailed",
    "Conflict",
    "HubBroken",
    "HubError",
    "HubFull",
    "InvalidInput",
    "InvalidScope",
    "InvalidUsername",
    "LifetimeTooLong",
    "LocalHubError",
    "MissingScope",
    "NotAHub",
    "NotAuthorized",
    "NotFound",
    "NotStarted",
    "Redirected",
    "ServerPending",
    "SpawnFailed",
    "StartCancelled",
    "Throttled",
    "Unavailable",
    "UnknownToken",
    "UnknownUser",
    "Unsupported",
    "UserNotCreated",
    "WaitTimeout",
]

MAX_NAMES_SHOWN = 20
"""Maximum number of names in an error message."""


class HubError(Exception):
    """The base class of all errors of this package.

    `str()` returns one line; `hint`, if not empty, is advice on what to do next.
    """

    def __init__(self, message: str, *, hint: str = "") -> None:
        # A message contains names and addresses from outside, which may have line breaks.
        super().__init__(" ".join(message.splitlines()))
        self.hint = hint

    def to_dict(self) -> dict[str, Any]:
        """Return the error as an object of JSON: its message, hint and class, and the hub's status and request."""
        method, path = getattr(self, "method", ""), getattr(self, "path", "")
        return {
            "error": str(self),
            "hint": self.hint,
            "kind": type(self).__name__,
            "status": getattr(self, "status", None) or None,
            "request": f"{method} {path}".strip() or None,
        }

    def _render_traceback_(self) -> list[str]:
        """Return the lines that IPython shows: the message, without the frames of this package."""
        from jhub.display import short_traceback

        return short_traceback(self, self.hint)

    def __reduce__(self) -> tuple[Any, ...]:
        """Return the parts for copying and pickling.

        The default would call the constructor with the message alone, and subclasses have further parameters.
        """
        return _rebuild, (type(self), self.args, self.__dict__)


class InvalidInput(HubError):
    """A value that every hub would reject, or that is dangerous to send. Nothing was sent."""


class NotAHub(HubError):
    """An answer that is not one of the JupyterHub REST API.

    `status` is the status of an answer without JSON, such as a proxy sends while the hub restarts; otherwise None.
    """

    status: int | None = None


class Redirected(NotAHub):
    """An answer that redirects to `location`. Redirects are never followed, so that the token stays with the hub."""

    def __init__(self, location: str) -> None:
        target = re.sub(r"//[^/]*@", "//", re.split(r"[?#]", location)[0]) or "nowhere"
        super().__init__(f"redirected to {target}", hint="use the URL that a browser shows on the hub's home page")
        self.location = location


class Unavailable(HubError):
    """No answer from the hub. If `sent` is true, the hub may have received the request.

    `status` is 429, 502, 503 or 504 if a proxy answered instead of the hub, otherwise None. `retry_after` is the
    proxy's `Retry-After` in seconds, or 0.
    """

    def __init__(
        self, message: str, *, sent: bool = True, hint: str = "", status: int | None = None, retry_after: float = 0.0
    ) -> None:
        super().__init__(message, hint=hint)
        self.sent = sent
        self.status = status
        self.retry_after = retry_after


class APIError(HubError):
    """An error status from the hub.

    `message` is the hub's own message. `str()` begins with the object of the request ("user ana"), if it has one.
    """

    def __init__(
        self, message: str, *, about: str = "", method: str = "", path: str = "", status: int = 0, hint: str = ""
    ) -> None:
        super().__init__(f"{about}: {message}" if about else message, hint=hint)
        self.message = message
        self.method = method
        self.path = path
        self.status = status


class BadRequest(APIError):
    """400: the hub rejected a value."""


class InvalidUsername(BadRequest):
    """400: the hub's authenticator rejects a username, `name`, or several, `names` separated by commas."""

    name: str = ""
    names: str = ""


class UserNotCreated(BadRequest):
    """400: the hub failed to create one of several users. The users before it exist now.

    `failure` is the name, a colon and the reason. A name may contain colons too.
    """

    failure: str = ""


class InvalidScope(BadRequest):
    """400: a scope does not exist, or the owner of the token does not have it."""


class LifetimeTooLong(BadRequest):
    """400: a token would live longer than the hub allows (JupyterHub 5.1)."""


class ServerPending(BadRequest):
    """400: the hub is stopping, checking or renaming a server, and accepts no request for it until that has ended.

    Before JupyterHub 5.1 also for a stop of a server that is starting. `pending` is the pending action.
    """

    pending: str = ""


class NotAuthorized(APIError):
    """401 or 403: the token is missing or unknown, or it does not permit the request.

    `by_proxy` is true if a proxy between here and the hub asks for a username and password (401 or 407).
    """

    by_proxy = False


class UnknownToken(NotAuthorized):
    """401 or 403: the token is missing, unknown, expired or revoked."""


class MissingScope(NotAuthorized):
    """403: the token has none of `scopes`, and needs one of them."""

    def __init__(
        self, message: str, scopes: tuple[str, ...], *, about: str = "", method: str = "", path: str = ""
    ) -> None:
        hint = f"use a token with the scope {' or '.join(scopes)}" if scopes else ""
        super().__init__(message, about=about, method=method, path=path, status=403, hint=hint)
        self.scopes = scopes


class NotFound(APIError):
    """404: the object does not exist, or the token's scopes do not cover it.

    `filtered` is true if the token's scopes are limited to other objects, such as the users of a group: JupyterHub then
    gives the same answer for an object that exists, and `missing_ok` does not apply. The route exists in the hub's
    version. If `filtered` is false, the object does not exist.
    """

    filtered = False


class UnknownUser(NotFound):
    """400: a user in the request, such as a new member of a group, does not exist. `user` is the name."""

    user: str = ""


class Unsupported(APIError):
    """405, or known in advance: the hub's version lacks the operation."""


class Conflict(APIError):
    """409: the object already exists, or a server already runs with other options than requested.

    When several objects were to be created, `existing` is the one that already existed, and `created` are those
    created before it.
    """

    existing: str | None = None
    created: tuple[str, ...] = ()


class AlreadyRunning(Conflict):
    """400: a running server cannot be started or changed."""


class Throttled(APIError):
    """429 with `Retry-After`: too many servers are starting. Try again after `retry_after` seconds."""

    def __init__(self, message: str, retry_after: float, *, about: str = "", method: str = "", path: str = "") -> None:
        hint = f"try again in {retry_after:.0f} s"
        super().__init__(message, about=about, method=method, path=path, status=429, hint=hint)
        self.retry_after = retry_after


class HubFull(APIError):
    """429 without `Retry-After`: `active_server_limit` is reached. Waiting helps only if someone stops a server."""


class HubBroken(APIError):
    """500, or a status without a class of its own: the hub failed."""


class NotStarted(HubError):
    """A server that is stopped, and that nobody is starting."""


class SpawnFailed(HubError):
    """A server that did not start. `reason` is the hub's message."""

    def __init__(self, server: str, reason: str) -> None:
        super().__init__(f"server {server} did not start: {reason}")
        self.server = server
        self.reason = reason


class StartCancelled(SpawnFailed):
    """A server that somebody stopped while it was starting (JupyterHub 5.1)."""

    def __init__(self, server: str) -> None:
        super().__init__(server, "stopped while it was starting")


class WaitTimeout(HubError):
    """A wait that timed out. The hub continues the job."""


class CommandFailed(HubError):
    """A command in a server that ended with an exit code other than 0, for `check=True`."""

    def __init__(self, program: str, returncode: int, stdout: bytes, stderr: bytes) -> None:
        super().__init__(f"{program} ended with exit code {returncode}")
        self.program = program
        self.returncode = returncode
        self.stdout = stdout
        self.stderr = stderr


class LocalHubError(HubError):
    """An error of the local hub, such as a failed start or stop."""


def _rebuild(kind: type[HubError], args: tuple[Any, ...], state: dict[str, Any]) -> HubError:
    error = kind.__new__(kind)
    error.args = args
    error.__dict__.update(state)
    return error


def is_missing(error: HubError | None) -> bool:
    """Return whether an error says that an object does not exist. A 404 because of scopes does not: it may exist."""
    return isinstance(error, NotFound) and not error.filtered


def is_outage(error: HubError | None) -> bool:
    """Return whether an error may mean that the hub is down.

    Some proxies answer 404 while a hub restarts: traefik before it has read its routes, configurable-http-proxy before
    the hub has set them. The same answer also comes from an address that never was a hub.
    """
    return isinstance(error, Unavailable) or (isinstance(error, NotAHub) and error.status is not None)


def join_names(names: Iterable[str]) -> str:
    """Return names for an error message: the first `MAX_NAMES_SHOWN`, and the number of the others."""
    all_names = list(names)
    more = len(all_names) - MAX_NAMES_SHOWN
    return ", ".join(all_names[:MAX_NAMES_SHOWN]) + (f", and {more} more" if more > 0 else "")


def counted(number: int, noun: str) -> str:
    """Return a number with its noun: "1 user", "3 users"."""
    return f"{number} {noun}{'' if number == 1 else 's'}"
