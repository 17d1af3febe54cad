"""`jhub server status`: which of the servers are ready, which are not, and why."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress
from datetime import datetime
from typing import TYPE_CHECKING

import click
from msgspec import Struct

from jhub.cli.kit.options import common, connect, output
from jhub.cli.kit.output import Age, View, note
from jhub.cli.kit.selection import group_option, name_option, select_members
from jhub.cli.kit.server_arguments import servers_argument
from jhub.errors import HubError, NotFound

if TYPE_CHECKING:
    from jhub import Hub, Server, Target

NOT_CREATED = "not created"
"""State of a server that does not exist."""
MAX_REASONS = 20
"""Maximum number of servers whose last failure is read: each takes a request."""
REASON_SECONDS = 5.0
"""Maximum time for the hub's answer about a failure."""


class Row(Struct):
    """The state of a server."""

    server: str
    state: str
    reason: str = ""
    last_activity: datetime | None = None


ROWS: View[Row] = View(
    name=lambda row: row.server,
    columns={
        "SERVER": lambda row: row.server,
        "STATE": lambda row: row.state,
        "LAST ACTIVITY": lambda row: Age(row.last_activity),
        "REASON": lambda row: row.reason,
    },
    optional=frozenset({"REASON"}),
    text=frozenset({"REASON"}),
)


@click.command()
@servers_argument
@group_option
@name_option
@output()
@common
def status(servers: tuple[str, ...], group: str | None, name: str | None, output_format: str) -> None:
    """Show which servers are ready. Unless all are, the exit code is 7.

    The states are ready, spawn (starting), stop, check (the hub has restarted and checks the server), stopped and not
    created. After a failed start, the hub's reason is shown.

    $ jhub server status ana/lab bo/lab
    $ jhub server status --group geo --name lab
    """
    with connect() as hub:
        selected = select_members(hub, servers, group, name)
        rows = list(_rows(hub, selected, group))
    ROWS.print_list(rows, output_format)
    ready = sum(row.state == "ready" for row in rows)
    if ready < len(rows):
        note(f"{ready} of {len(rows)} servers are ready")
        raise click.exceptions.Exit(7)


def _rows(hub: Hub, targets: Iterable[Target], group: str | None) -> Iterator[Row]:
    """Yield the state of each server, in order: of a group from one list, else with one request for each."""
    listed: dict[tuple[str, str], Server] = {}
    if group is not None:
        listed = {(each.user, each.name): each for each in hub.servers.list(group=group, stopped=True)}
    reasons = 0
    for target in targets:
        server = listed.get((target.user, target.name))
        if group is None:
            with suppress(NotFound):
                server = hub.servers.get(target.user, target.name)
        if server is None:
            reason = _why_missing(hub, target) if group is None and reasons < MAX_REASONS else ""
            reasons += bool(reason)
            yield Row(str(target), NOT_CREATED, reason)
            continue
        reason = ""
        if server.status == "stopped" and reasons < MAX_REASONS:
            reasons += 1
            reason = _last_failure(hub, target)
        yield Row(str(target), server.status, reason, server.last_activity)


def _why_missing(hub: Hub, target: Target) -> str:
    """Return why a server is not created if its owner cannot be read; else nothing."""
    try:
        hub.users.get(target.user)
    except HubError as error:
        return str(error)
    return ""


def _last_failure(hub: Hub, target: Target) -> str:
    """Return the reason of a server's last start, if it failed and the hub remembers it; else nothing."""
    with suppress(HubError):
        for event in hub.servers.progress(target.user, target.name, timeout=REASON_SECONDS):
            if event.failed:
                return " ".join(event.message.split())
    return ""
