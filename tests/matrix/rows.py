"""The rows of the README's table, in its order; each test of the matrix belongs to a row, such as `@SHARES`."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from jhub.errors import HubError, NotFound, ServerPending, Unsupported


@dataclass(frozen=True)
class Row:
    """A feature of jhub.

    On a hub older than `since` each test of the row must end with the error `refusal`, with `words` in its text;
    no test is skipped. `before` is the text in the table for such a hub.
    """

    title: str
    since: str = ""
    refusal: type[HubError] = Unsupported
    words: str = ""
    before: str = "no"

    def works_on(self, version: tuple[int, ...]) -> bool:
        """Return whether the tests succeed on this version, and do not end with `refusal`."""
        return not self.since or version >= tuple(map(int, self.since.split(".")))


ROWS: list[Row] = []


def _row(
    title: str, since: str = "", *, refusal: type[HubError] = Unsupported, words: str = "", before: str = "no"
) -> pytest.MarkDecorator:
    ROWS.append(Row(title, since, refusal, words or f"needs JupyterHub {since}", before))
    return pytest.mark.row(ROWS[-1])


SIGN_IN = _row("token from username and password; who am I")
USERS = _row("users: create, show, edit, rename, delete, activity")
USER_LISTS = _row("list of users: by name, by state, sorted")
GROUPS = _row("groups and their members")
PROPERTIES = _row("group properties", since="4.0")
STATE = _row("state files: plan, apply, export")
TOKENS = _row("tokens: create, show, list, revoke")
SCOPES = _row("tokens with fewer scopes", since="3.0")
SERVERS = _row("default and named servers: start with a profile, wait, stop, restart, delete")
STOPPED = _row(
    "servers that do not run: show, list",
    since="3.0",
    refusal=NotFound,
    words="not found, or not visible",
    before="no: the hub hides them",
)
FLEETS = _row("many servers at a time")
CANCEL = _row(
    "stop a server that is still starting",
    since="5.1",
    refusal=ServerPending,
    words="still starting",
    before="no: `stop` waits for the start",
)
FILES = _row("files in a server: list, read, write, copy, rename, delete", since="3.0")
KERNELS = _row("code, notebooks and commands in a server", since="3.0")
SETTINGS = _row("servers with a display name; create, edit and rename one that does not run", since="6.0")
SHARES = _row("shares and share codes", since="5.0")
SERVICES = _row("services: list, show")
SERVICES_AT_RUN_TIME = _row("services: create, delete", since="5.0")
HUB = _row("hub information, proxy routes, shutdown")
