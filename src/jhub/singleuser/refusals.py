"""Errors for the answers of a user's server. The server is its owner's, and so are its messages."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from jhub.errors import BadRequest, HubBroken, HubError, NotFound, Unavailable
from jhub.messages import ERROR_BY_STATUS, GATEWAY_STATUSES

MAX_MESSAGE_CHARACTERS = 300
"""Maximum length of a server's own message in an error."""
STALE_HINT = "a server keeps its answer about a token for up to five minutes; else its owner has refused it"
"""Advice for a server that refuses its token."""
SIZE_HINT = "a proxy before the server does not let requests of this size through: raise its limit to 1 MB"
"""Advice for a proxy that refuses even small parts of a file."""
HINTS = {401: STALE_HINT, 403: STALE_HINT, 413: SIZE_HINT}
"""Advice by status."""
OTHER_HINT = "files, kernels and commands need Jupyter Server, as in JupyterLab; this server may run something else"
"""Advice for a server whose answers are not those of Jupyter Server."""


def refusal(
    method: str, path: str, status: int, headers: Mapping[str, str], content: bytes, about: str = ""
) -> HubError:
    """Return the error for an answer of a user's server with a status of 400 or more."""
    if status in GATEWAY_STATUSES or status == 424:
        return Unavailable(f"{about}: no answer from the server ({status})", status=status)
    message = message_in(content)
    hint = HINTS.get(status, "" if message else OTHER_HINT)
    kind = ERROR_BY_STATUS.get(status, BadRequest if status < 500 else HubBroken)
    if message in ("", "Unhandled error"):
        message = "not found" if kind is NotFound else f"the server answered {status}"
    return kind(message, about=about, method=method, path=path, status=status, hint=hint)


def message_in(content: bytes) -> str:
    """Return the message of an error of Jupyter Server on one line without control characters; empty without one."""
    try:
        body = msgspec.json.decode(content, type=dict[str, Any])
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return ""
    text = body.get("message")
    if not isinstance(text, str):
        return ""
    return one_line(text)


def one_line(text: str) -> str:
    """Return a text of the server on one line, without control characters."""
    line = "".join(c if c.isprintable() else " " for c in text)
    return " ".join(line.split())[:MAX_MESSAGE_CHARACTERS]
