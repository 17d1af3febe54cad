"""Classification of the hub's error answers, by status and message.

JupyterHub's errors have no codes, so the English message must be matched. `MESSAGE_RULES` is the only place that does
it; a test in tests/meta enforces that.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any, NamedTuple

import msgspec

from jhub.errors import (
    AlreadyRunning,
    APIError,
    BadRequest,
    Conflict,
    HubBroken,
    HubError,
    HubFull,
    InvalidScope,
    InvalidUsername,
    LifetimeTooLong,
    MissingScope,
    NotAHub,
    NotAuthorized,
    NotFound,
    ServerPending,
    Throttled,
    Unavailable,
    UnknownToken,
    UnknownUser,
    Unsupported,
    UserNotCreated,
)

CERT_HINT = "if the hub asks for a client certificate: jhub login --cert FILE --key FILE, in Python cert=(FILE, FILE)"
"""Advice for a hub that asks for a client certificate."""


class MessageRule(NamedTuple):
    """A rule that maps a status and a message to an error class.

    The named groups of the pattern become attributes of the error.
    """

    status: int
    pattern: str
    kind: type[APIError]
    hint: str = ""
    r"""Advice on what to do next; `\1` stands for the first group."""


# The first rule whose pattern matches the beginning of the message wins. The comments name the versions of JupyterHub,
# of 2.0 to 6.1, that send the message. Runs of whitespace are already single spaces here, also in names.
MESSAGE_RULES = (
    # POST /users, all versions.
    MessageRule(400, r"Invalid username: (?P<name>.+)", InvalidUsername),
    MessageRule(400, r"Invalid usernames: (?P<names>.+)", InvalidUsername),
    MessageRule(400, r"Failed to create user (?P<failure>.+)", UserNotCreated),
    # PATCH /users/NAME with a new name, all versions.
    MessageRule(400, r"User .+ already exists", Conflict),
    # POST /groups, all versions.
    MessageRule(409, r"Group (?P<existing>.+) already exists", Conflict),
    # POST and DELETE /groups/NAME/users and POST /groups, all versions; POST /shares, since 5.0.
    MessageRule(
        400,
        r"No such user: (?P<user>.+)",
        UnknownUser,
        "no user was changed; leave out the name, or create the user first",
    ),
    MessageRule(400, r"No such group: ", NotFound),
    # POST and DELETE of groups and their members, 2.2 to 5.2.
    MessageRule(
        400,
        r"Group management via API is disabled",
        BadRequest,
        "the authenticator decides who is in a group (manage_groups): change it there, or use JupyterHub 5.3",
    ),
    # POST /users/NAME/activity, all versions.
    MessageRule(400, r"No such server '.*' for user ", NotFound),
    # POST /users/NAME/tokens, all versions; the limit of the lifetime since 5.1. Before 5.0 a scope that does not exist
    # is a 500.
    MessageRule(400, r"token expires_in: \S+ must not exceed", LifetimeTooLong),
    MessageRule(400, r"(?i).*scope", InvalidScope),
    MessageRule(
        403,
        r"\w+ (.+) not found or no permissions to generate tokens",
        NotAuthorized,
        r"there is no user \1, or the token in use lacks the scope tokens",
    ),
    # POST /users/NAME/servers/NAME: the first two are from jhub.extension on 5.3 and later, and mean the same for who
    # reads the list of profiles; the others are from all versions. PATCH: since 6.0.
    MessageRule(400, r"unknown profile ", NotFound),
    MessageRule(403, r".+ may not use profile ", NotFound),
    MessageRule(400, r".+ is already running", AlreadyRunning),
    MessageRule(400, r".+ is active\. Please stop it", AlreadyRunning),
    MessageRule(400, r".+ is pending (?P<pending>\w+)", ServerPending),
    # DELETE of a server, since 6.0, and of a user, all versions.
    MessageRule(400, r"Cannot stop a server while it is being (?P<pending>rename)d", ServerPending),
    MessageRule(400, r".+'s server is in the process of (?P<pending>stop)ping", ServerPending),
    # All routes; the second since 4.1.
    MessageRule(403, r".*requires any of \[(?P<scopes>[^\]]*)\]", MissingScope),
    MessageRule(403, r".*Missing or invalid credentials", UnknownToken),
)
ERROR_BY_STATUS: dict[int, type[APIError]] = {
    400: BadRequest,
    401: NotAuthorized,
    403: NotAuthorized,
    404: NotFound,
    405: Unsupported,
    409: Conflict,
}
DEFAULT_MESSAGES = {
    400: "the hub rejected the request",
    401: "not authorized",
    403: "not authorized",
    404: "not found",
    405: "this hub does not support the operation",
    409: "already exists",
    429: "too many requests",
    500: "the hub failed",
}
"""Messages for answers that have none, by status."""
GATEWAY_STATUSES = {502, 503, 504}
"""Statuses that usually come from a proxy in front of the hub."""


def from_answer(
    method: str, path: str, status: int, headers: Mapping[str, str], content: bytes, about: str = ""
) -> HubError:
    """Return the error for an answer with a status of 400 or more.

    `about` is the object of the request ("user ana"). Error messages begin with it.
    """
    body = _object(content)
    message = _message(body, path)
    # A proxy may strip the header. The body of a hub's own error has exactly these two keys.
    from_hub = "x-jupyterhub-version" in headers or (body.keys() == {"status", "message"} and body["status"] == status)
    prefix = f"{about}: " if about else ""
    if not from_hub and asks_for_password(status, headers):
        return proxy_password(status, method, path, about)
    if not from_hub and status == 400 and b"SSL certificate" in content:  # nginx with ssl_verify_client
        wrong = NotAHub(f"{prefix}a proxy in front of the hub asks for a client certificate", hint=CERT_HINT)
        wrong.status = status
        return wrong
    if status in GATEWAY_STATUSES and not from_hub:
        return Unavailable(
            f"{prefix}no answer from the hub (its proxy answered {status})",
            status=status,
            hint="the hub may be restarting; try again in a minute",
            retry_after=_retry_after(headers) or 0.0,
        )
    wait = _retry_after(headers)
    if status == 429 and wait is not None:
        return Throttled(message or DEFAULT_MESSAGES[429], wait, method=method, path=path, about=about)
    if not from_hub and message is None:
        if status == 429:
            limits = f"{prefix}a proxy in front of the hub rate-limits requests"
            return Unavailable(limits, status=status, hint="try again later")
        error = NotAHub(
            f"{prefix}answered {status} without a JupyterHub error message",
            hint="check that the URL is that of a JupyterHub, and that its proxy forwards API requests",
        )
        error.status = status
        return error
    return _refusal(method, path, status, message or "", about)


def asks_for_password(status: int, headers: Mapping[str, str]) -> bool:
    """Return whether an answer asks for a username and password, which a JupyterHub never does."""
    schemes = re.findall(
        r"(?:^|,)\s*(basic|digest|negotiate|ntlm)\b", headers.get("www-authenticate", ""), re.IGNORECASE
    )
    return status == 407 or (status == 401 and bool(schemes))


def proxy_password(status: int, method: str = "", path: str = "", about: str = "") -> NotAuthorized:
    """Return the error for a proxy between here and the hub that asks for a username and password."""
    if status == 407:
        text = "the proxy of this network asks for a username and password (407)"
        hint = "put them into its URL: HTTPS_PROXY=http://USER:PASSWORD@HOST:PORT, in Python proxy=; or set NO_PROXY"
    else:
        text = "a proxy in front of the hub asks for a username and password (HTTP Basic authentication)"
        hint = (
            "the header is needed for the token: use an address that the proxy lets through, or ask its administrator"
        )
    error = NotAuthorized(text, about=about, method=method, path=path, status=status, hint=hint)
    error.by_proxy = True
    return error


def _refusal(method: str, path: str, status: int, message: str, about: str) -> APIError:
    context = {"method": method, "path": path, "about": about}
    if status == 429:
        return HubFull(
            message or "the hub has reached its limit of running servers",
            status=status,
            hint="stop idle servers, or ask the administrator to raise active_server_limit",
            **context,
        )
    filtered = message.startswith("No access to resources")
    if status == 404:
        # A 404 also means "exists, but your scopes are filtered to other objects" (jupyterhub/scopes.py).
        if not message or filtered:
            message = "not found, or not visible to this token"
        elif (about and message.removeprefix("No such ").replace(": ", " ") == about) or message == "Not Found":
            message = "not found"
    kind, hint, fields = _meaning(status, message)
    if kind is UnknownToken:
        return bad_token(about, method, path, status)
    if kind is MissingScope:
        scopes = tuple(scope for each in fields["scopes"].split(",") if (scope := each.strip(" '\"")))
        text = f"the token lacks the scope {' or '.join(scopes)}" if scopes else message
        return MissingScope(text, scopes, **context)
    error = kind(message or DEFAULT_MESSAGES.get(status, f"answered {status}"), status=status, hint=hint, **context)
    if isinstance(error, NotFound):
        error.filtered = filtered
    vars(error).update(fields)
    return error


def _meaning(status: int, message: str) -> tuple[type[APIError], str, dict[str, str]]:
    """Return the class of the error, its hint and its further attributes."""
    for rule in MESSAGE_RULES:
        if rule.status == status and (match := re.match(rule.pattern, message)):
            return rule.kind, match.expand(rule.hint), match.groupdict()
    return ERROR_BY_STATUS.get(status, HubBroken), "", {}


def bad_token(about: str, method: str, path: str, status: int) -> UnknownToken:
    """Return the error for a token that the hub rejects."""
    return UnknownToken(
        "the token is missing, unknown, expired or revoked",
        about=about or "hub",
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
    """Return the hub's message, if there is one.

    JupyterHub 6 answers `"message": null` where 4 and 5 answered "Not Found".
    """
    # The OAuth routes use other keys.
    keys = ("message", "error_description", "error") if path.startswith("/oauth2/") else ("message",)
    text = next((body[key] for key in keys if isinstance(body.get(key), str) and body[key].strip()), "")
    return " ".join(text.split()) or None


def _retry_after(headers: Mapping[str, str]) -> float | None:
    """Return the seconds of the header `Retry-After`, or None.

    It is a number or a date. A date is compared with the header `Date`, which is from the same clock.
    """
    value = headers.get("retry-after") or "nan"
    try:
        seconds = float(value)
    except ValueError:
        from email.utils import parsedate_to_datetime  # rare, and the import takes 10 ms

        try:
            retry_at, now = (parsedate_to_datetime(text) for text in (value, headers.get("date", "")))
            seconds = (retry_at - now).total_seconds()
        except (ValueError, TypeError, IndexError, OverflowError):
            return None
    return max(0.0, seconds) if math.isfinite(seconds) else None
