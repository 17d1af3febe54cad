"""What a fleet would send: `hub.preview(hub.servers.start_many, ...)`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from jhub.errors import HubError, NotAuthorized, Unavailable
from jhub.fleet.breaker import IN_A_ROW, Breaker
from jhub.fleet.events import Target
from jhub.fleet.jobs import Job
from jhub.fleet.limiter import HUB_LOAD, Pace
from jhub.fleet.selection import Targets, resolve
from jhub.models import Server, User
from jhub.operations.paging import pages
from jhub.operations.server_start import (
    check_display_name,
    check_new_name,
    check_profile,
    check_running_options,
    post_start,
    start_options,
)
from jhub.operations.server_status import START_TIMEOUT_SECONDS, servers_of
from jhub.operations.servers import ACTIVE_ONLY, ServerOps
from jhub.preview import Preview, preview_operation
from jhub.steps import Flow, Operation, Request


def preview_job(job: Job) -> Callable[..., Flow[Preview]]:
    """Return the preview of an operation that sends one request for each server, without a look at any."""

    def preview(targets: Targets, *, timeout: float = START_TIMEOUT_SECONDS) -> Flow[Preview]:
        wanted = yield from resolve(targets)
        return Preview((), complete=True) if job.send is None else (yield from _each(wanted, job.send))

    return preview


def preview_starts(
    targets: Targets,
    *,
    profile: str | None = None,
    user_options: Mapping[str, Any] | None = None,
    display_name: str | None = None,
    timeout: float = START_TIMEOUT_SECONDS,
    hub_load: float = HUB_LOAD,
    max_failures: int | None = None,
) -> Flow[Preview]:
    """Preview `start_many`. Of more than two servers, one listing tells which are there already."""
    _ = Pace(hub_load), Breaker(max_failures)  # they refuse what the call would refuse
    options = start_options(profile, user_options)
    wanted = yield from resolve(targets)

    def alone(each: Target) -> Operation[object]:
        return ServerOps.start(
            each.user, each.name, profile=profile, user_options=user_options, display_name=display_name, wait=False
        )

    if len(wanted) <= IN_A_ROW:
        return (yield from _each(wanted, alone))
    there = yield from _there(frozenset(wanted))

    def among_others(each: Target) -> Flow[None]:
        yield from check_new_name(each.user, each.name)
        yield from check_display_name(each.name, display_name)
        server = there.get(each)
        if server is None or server.pending not in (None, "spawn", "check"):
            yield from post_start(each.user, each.name, options, display_name)
        elif server.ready:
            check_running_options(server, options, display_name)
        else:
            check_profile(server, options)

    return (yield from _each(wanted, among_others))


def _each(targets: Sequence[Target], operation: Callable[[Target], Operation[object]]) -> Flow[Preview]:
    """Preview an operation for each server. One that fails leaves the others as they are."""
    requests: list[Request[Any]] = []
    failed: list[HubError] = []
    complete = True
    for each in targets:
        try:
            part = yield from preview_operation(operation(each))
        except Unavailable:
            raise  # nor would the others get through
        except HubError as error:
            failed.append(error)
        else:
            requests += part.requests
            complete = complete and part.complete
    return Preview(tuple(requests), complete, tuple(failed))


def _there(wanted: frozenset[Target]) -> Flow[dict[Target, Server]]:
    """Return those that run, or are on their way."""
    owners = {each.user for each in wanted}
    found: dict[Target, Server] = {}

    def keep(owner: User) -> Iterable[object]:
        # A token for the servers of a group alone does not see those of others, and need not.
        if owner.name in owners:
            found.update((Target(owner.name, server.name), server) for server in servers_of(owner).values())
        return ()

    try:
        yield from pages("/users", User, lambda owner: owner.name, ACTIVE_ONLY, about="servers", emit=keep)
    except NotAuthorized:
        return {}  # a token that starts servers need not be allowed to list them
    return found
