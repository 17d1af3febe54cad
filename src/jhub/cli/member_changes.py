"""Changes of members: what `jhub group set`, `remove` and `sync` show of them, and their failures."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress
from itertools import islice
from typing import TYPE_CHECKING

from jhub.cli.kit.batch import BatchTally
from jhub.cli.kit.output import names_shown, note
from jhub.errors import HubError, NotFound

if TYPE_CHECKING:
    from jhub import Hub, NameEvent, Server

MAX_SINGLE_READS = 3
"""Maximum number of members that are read one by one. More are looked up in the list of active users."""
MAX_ACTIVE_USERS = 1000
"""Maximum number of active users that are read from the list: five pages."""


def note_change(add: Sequence[str], remove: Sequence[str]) -> str:
    """Print the members to add and to remove, and return their numbers for a question: "add 2, remove 1"."""
    counts: list[str] = []
    for action, names in (("add", add), ("remove", remove)):
        if names:
            note(f"{action} {len(names)}: {names_shown(names)}")
            counts.append(f"{action} {len(names)}")
    return ", ".join(counts)


def add_failures(events: Iterable[NameEvent], tally: BatchTally) -> None:
    """Add the failed and skipped users of a change to a tally, and print them."""
    for event in events:
        tally.add_failure(event.error or HubError(f"user {event.name}: not removed: {event.message}"))


def running_servers(hub: Hub, group: str, members: Sequence[str]) -> tuple[list[str], int]:
    """Return the running servers of members of a group, and the number of members whose servers are not visible.

    Call it before the members are removed: the token may see the servers of members only. It takes at most six
    requests. After an error, the servers that were not read count as not visible.
    """
    names = list(dict.fromkeys(members))
    visible: dict[str, dict[str, Server]] = {}
    with suppress(HubError):
        if len(names) > MAX_SINGLE_READS:
            visible = _look_up(hub, group, names)
        else:
            for name in names:
                servers = _servers_of(hub, name)
                if servers is not None:
                    visible[name] = servers
    running = [server.target for servers in visible.values() for server in servers.values() if server.active]
    return running, len(names) - len(visible)


def note_running(running: Sequence[str], hidden: int) -> None:
    """Print the running servers of removed members, and the number of members whose servers are not visible."""
    if running:
        note(f"removed members have servers running: {names_shown(running)}")
    if hidden:
        note(f"this token cannot see the servers of {hidden} of the removed members; it needs read:servers")


def _servers_of(hub: Hub, name: str) -> dict[str, Server] | None:
    """Return the active servers of a user; None if they are not visible."""
    for spelling in dict.fromkeys((name, name.lower())):  # a change of members finds the name in lower case
        with suppress(NotFound):
            return hub.users.get(spelling).servers
    return None


def _look_up(hub: Hub, group: str, names: list[str]) -> dict[str, dict[str, Server]]:
    """Return the active servers of the members that are visible, from the list of active users."""
    users = list(islice(hub.users.list(state="active"), MAX_ACTIVE_USERS + 1))
    listed = {user.name: user.servers for user in users}
    # A member who is not in the list has no active server if the token can see the whole group.
    scopes = set(hub.whoami().scopes)
    whole = len(users) <= MAX_ACTIVE_USERS and all(
        {scope, f"{scope}!group={group}"} & scopes for scope in ("list:users", "read:servers")
    )
    servers = {name: listed.get(name, listed.get(name.lower(), {} if whole else None)) for name in names}
    return {name: each for name, each in servers.items() if each is not None}
