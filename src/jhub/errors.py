"""What can go wrong, as one short tree.

    HubError                          anything this library raises on purpose
    ├── InvalidInput                  refused here; nothing was sent
    ├── NotAHub                       an answer came, but not from a JupyterHub
    │   └── Redirected                it points to `location`; redirects are never followed
    ├── Unavailable                   no answer from the hub: refused, reset, timed out, or 502/503/504 from a proxy
    ├── APIError                      the hub said no; carries method, path, status and the hub's message
    │   ├── BadRequest                400
    │   │   ├── InvalidUsername       the authenticator refuses a username
    │   │   ├── UserNotCreated        creating several users ended at one of them; those before it exist
    │   │   ├── InvalidScope          a scope is unknown, or not held
    │   │   ├── LifetimeTooLong       a token would live longer than the hub allows
    │   │   └── ServerPending         a server is stopping, for example, and takes no request until that has ended
    │   ├── NotAuthorized             401, 403: a refusal
    │   │   ├── UnknownToken          401, 403: no token, or one that the hub does not know
    │   │   └── MissingScope          403: the token lacks one of `scopes`
    │   ├── NotFound                  404: not there, or not for this token to see
    │   │   └── UnknownUser           400: a user who is named in a request does not exist
    │   ├── Unsupported               405, or known beforehand: this hub's version has no such operation
    │   ├── Conflict                  409, and a server that already runs with other options
    │   │   └── AlreadyRunning        400: a server runs, and cannot be started or changed
    │   ├── Throttled                 429 with Retry-After: clears by waiting `retry_after` seconds
    │   ├── HubFull                   429 without: clears when somebody stops a server
    │   └── HubBroken                  500 and whatever else has no meaning of its own
    ├── SpawnFailed                   a server was started and did not come up; `reason` is the hub's own
    ├── WaitTimeout                  a wait ran out of time; what was waited for goes on
    └── LocalHubError                 the local hub could not be started or stopped

`jhub.messages` decides which of them an answer means, by its status and the hub's message.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

MAX_NAMES_SHOWN = 20
"""Maximum number of names in an error message."""


class HubError(Exception):
    """Anything this library raises on purpose. `str()` of it is one line; `hint`, where set, says what to do next."""

    def __init__(self, message: str, *, hint: str = "") -> None:
        # Names and addresses in it come from others, and may hold what breaks lines.
        super().__init__(" ".join(message.splitlines()))
        self.hint = hint

    def _render_traceback_(self) -> list[str]:
        """Return what IPython shows: the message, and not every frame down to the socket."""
        from jhub.display import short_traceback

        return short_traceback(self, self.hint)

    def __reduce__(self) -> tuple[Any, ...]:
        # The constructors below take more than the message, which is all that copying and pickling would give them.
        return _rebuild, (type(self), self.args, self.__dict__)


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
        target = re.sub(r"//[^/]*@", "//", re.split(r"[?#]", location)[0]) or "nowhere"
        super().__init__(f"redirected to {target}", hint="give the URL that a browser shows on the hub's home page")
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
    """The hub answered a request with an error status.

    `message` is what the hub said; `str()` begins with what the request was about ("user ana"), where that is known.
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
    """400: the hub refused a value."""


class InvalidUsername(BadRequest):
    """400: the hub's authenticator refuses a username, which is `name`; or several, which are `names` with commas."""

    name: str = ""
    names: str = ""


class UserNotCreated(BadRequest):
    """400: the hub failed to create one of several users. It has created those before it.

    `failure` is the name, a colon and the reason. A name may contain colons too.
    """

    failure: str = ""


class InvalidScope(BadRequest):
    """400: the hub does not know a scope, or its owner does not hold it."""


class LifetimeTooLong(BadRequest):
    """400: a token would live longer than the hub allows (JupyterHub 5.1)."""


class ServerPending(BadRequest):
    """400: the hub is stopping, checking or renaming a server, and takes no request for it until that has ended."""


class NotAuthorized(APIError):
    """401 or 403: no token, a token that the hub does not know, or something this token may not do."""


class UnknownToken(NotAuthorized):
    """401 or 403: no token, or one that the hub does not know: it has ended, or was revoked."""


class MissingScope(NotAuthorized):
    """403: the token would need any one of `scopes`."""

    def __init__(
        self, message: str, scopes: tuple[str, ...], *, about: str = "", method: str = "", path: str = ""
    ) -> None:
        hint = f"use a token that has the scope {' or '.join(scopes)}" if scopes else ""
        super().__init__(message, about=about, method=method, path=path, status=403, hint=hint)
        self.scopes = scopes


class NotFound(APIError):
    """404: it does not exist, or this token's scopes do not reach it (JupyterHub answers both alike).

    `filtered`: the token's scopes were looked at, so the hub knows at least such things.
    """

    filtered = False


class UnknownUser(NotFound):
    """400: a user who is named in a request, to join a group for example, does not exist. `user` is the name."""

    user: str = ""


class Unsupported(APIError):
    """This hub has no such operation."""


class Conflict(APIError):
    """409: it already exists; or a server already runs with other options than asked for.

    Where several were to be created, `existing` is the one that was there, and `created` those before it.
    """

    existing: str | None = None
    created: tuple[str, ...] = ()


class AlreadyRunning(Conflict):
    """400: a server runs, so it cannot be started or changed."""


class Throttled(APIError):
    """429 with `Retry-After`: too many servers are starting at this moment."""

    def __init__(self, message: str, retry_after: float, *, about: str = "", method: str = "", path: str = "") -> None:
        hint = f"the hub asks to try again in {retry_after:.0f} s"
        super().__init__(message, about=about, method=method, path=path, status=429, hint=hint)
        self.retry_after = retry_after


class HubFull(APIError):
    """429 without `Retry-After`: `active_server_limit` is reached. Waiting helps only if somebody stops a server."""


class HubBroken(APIError):
    """500: the hub itself failed."""


class SpawnFailed(HubError):
    """A server was asked to start and did not come up. `reason` is what the hub said."""

    def __init__(self, server: str, reason: str) -> None:
        super().__init__(f"server {server} did not start: {reason}")
        self.server = server
        self.reason = reason


class WaitTimeout(HubError):
    """Waiting took longer than the caller allowed. The hub goes on with the job."""


class LocalHubError(HubError):
    """The local hub could not do what was asked."""


def _rebuild(kind: type[HubError], args: tuple[Any, ...], state: dict[str, Any]) -> HubError:
    error = kind.__new__(kind)
    error.args = args
    error.__dict__.update(state)
    return error


def join_names(names: Iterable[str]) -> str:
    """The names that are allowed, for a message."""
    all_names = list(names)
    more = len(all_names) - MAX_NAMES_SHOWN
    return ", ".join(all_names[:MAX_NAMES_SHOWN]) + (f", and {more} more" if more > 0 else "")
