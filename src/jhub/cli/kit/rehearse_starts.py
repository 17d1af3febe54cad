"""`--dry-run` of a start of many servers: a request for each that is to start, without a look at every one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from jhub.cli.kit.each import rehearse_each
from jhub.cli.kit.output import note
from jhub.errors import NotAuthorized
from jhub.fleet.events import Target
from jhub.operations.servers import check_display_name, known_or_safe, post_start
from jhub.steps import Flow

if TYPE_CHECKING:
    from jhub.client.sync import Hub


def rehearse_starts(
    hub: Hub, found: Sequence[Target], options: Mapping[str, Any], display_name: str | None, group: str | None
) -> None:
    """Print the starts. Those that already run as asked for are found in one listing, and counted."""
    there = _there(hub, set(found), options, group)

    def plan(one: Target) -> Flow[None]:
        yield from known_or_safe(one.user, one.name)
        yield from check_display_name(one.name, display_name)
        yield from post_start(one.user, one.name, options, display_name)

    rehearse_each(hub, [one for one in found if one not in there], plan)
    if there:
        note(f"{len(there)} of {len(found)} already run as asked for")


def _there(hub: Hub, found: set[Target], options: Mapping[str, Any], group: str | None) -> set[Target]:
    try:
        return {
            one
            for server in hub.servers.list(group=group)
            if server.active and options.items() <= (server.user_options or {}).items()
            if (one := Target(server.user, server.name)) in found
        }
    except NotAuthorized:
        return set()  # who may start servers need not be allowed to list them
