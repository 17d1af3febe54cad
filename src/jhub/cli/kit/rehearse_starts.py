"""`--dry-run` of a start of many servers: a request for each that is to start, without a look at every one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from jhub.cli.kit.each import rehearse_each
from jhub.cli.kit.output import note
from jhub.errors import NotAuthorized
from jhub.fleet.events import Target
from jhub.models import Server
from jhub.operations.servers import as_asked, check_display_name, has_all_of, known_or_safe, post_start
from jhub.steps import Flow

if TYPE_CHECKING:
    from jhub.client.hub import Hub


def rehearse_starts(
    hub: Hub, found: Sequence[Target], options: Mapping[str, Any], display_name: str | None, group: str | None
) -> None:
    """Print the starts. What runs or starts already is found in one listing: it is counted, or a failure where it runs
    otherwise.
    """
    there = _there(hub, set(found), group)
    done: list[Target] = []

    def plan(one: Target) -> Flow[None]:
        yield from known_or_safe(one.user, one.name)
        yield from check_display_name(one.name, display_name)
        server = there.get(one)
        if server is None or server.pending not in (None, "spawn", "check"):
            yield from post_start(one.user, one.name, options, display_name)
            return
        if server.ready:
            has_all_of(server, options, display_name)
        else:
            as_asked(server, options)
        done.append(one)

    try:
        rehearse_each(hub, found, plan)
    finally:
        if done:
            note(f"{len(done)} of {len(found)} already run as asked for, or are starting")


def _there(hub: Hub, found: set[Target], group: str | None) -> dict[Target, Server]:
    try:
        listed = ((Target.of(server), server) for server in hub.servers.list(group=group))
        return {one: server for one, server in listed if one in found}
    except NotAuthorized:
        return {}  # who may start servers need not be allowed to list them
