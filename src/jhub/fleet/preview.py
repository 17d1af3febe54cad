"""Previews of fleets: the requests that `hub.preview(hub.servers.start_many, ...)` returns."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from jhub.errors import HubError, NotAuthorized, Unavailable
from jhub.fleet.breaker import MAX_CONSECUTIVE_FAILURES, Breaker
from jhub.fleet.events import Target
from jhub.fleet.jobs import Job
from jhub.fleet.limiter import DEFAULT_HUB_LOAD, ConcurrencyLimiter
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
    """Return the preview of an operation that sends one request for each server, without reading their state."""

    def preview(targets: Targets, *, timeout: float = START_TIMEOUT_SECONDS) -> Flow[Preview]:
        resolved = yield from resolve(targets)
        return Preview((), complete=True) if job.send is None else (yield from _preview_each(resolved, job.send))

    return preview


def preview_starts(
    targets: Targets,
    *,
    profile: str | None = None,
    user_options: Mapping[str, Any] | None = None,
    display_name: str | None = None,
    timeout: float = START_TIMEOUT_SECONDS,
    hub_load: float = DEFAULT_HUB_LOAD,
    max_failures: int | None = None,
) -> Flow[Preview]:
    """Preview `start_many`. With more than two servers, one listing shows the ones that already run."""
    _ = ConcurrencyLimiter(hub_load), Breaker(max_failures)  # they validate the arguments, as in the call
    options = start_options(profile, user_options)
    resolved = yield from resolve(targets)

    def start_alone(target: Target) -> Operation[object]:
        return ServerOps.start(
            target.user, target.name, profile=profile, user_options=user_options, display_name=display_name, wait=False
        )

    if len(resolved) <= MAX_CONSECUTIVE_FAILURES:
        return (yield from _preview_each(resolved, start_alone))
    running = yield from _running_servers(frozenset(resolved))

    def start_among_others(target: Target) -> Flow[None]:
        yield from check_new_name(target.user, target.name)
        yield from check_display_name(target.name, display_name)
        server = running.get(target)
        if server is None or server.pending not in (None, "spawn", "check"):
            yield from post_start(target.user, target.name, options, display_name)
        elif server.ready:
            check_running_options(server, options, display_name)
        else:
            check_profile(server, options)

    return (yield from _preview_each(resolved, start_among_others))


def _preview_each(targets: Sequence[Target], operation: Callable[[Target], Operation[object]]) -> Flow[Preview]:
    """Preview an operation for each server. The failure of one does not affect the others."""
    requests: list[Request[Any]] = []
    failed: list[HubError] = []
    complete = True
    for target in targets:
        try:
            part = yield from preview_operation(operation(target))
        except Unavailable:
            raise  # the others would fail, too
        except HubError as error:
            failed.append(error)
        else:
            requests += part.requests
            complete = complete and part.complete
    return Preview(tuple(requests), complete, tuple(failed))


def _running_servers(targets: frozenset[Target]) -> Flow[dict[Target, Server]]:
    """Return the servers that run or have a pending action."""
    owners = {target.user for target in targets}
    servers: dict[Target, Server] = {}

    def add_servers(owner: User) -> Iterable[object]:
        # A token limited to the servers of a group may not read those of other users, which is fine.
        if owner.name in owners:
            servers.update((Target(owner.name, server.name), server) for server in servers_of(owner).values())
        return ()

    try:
        yield from pages("/users", User, lambda owner: owner.name, ACTIVE_ONLY, about="servers", emit=add_servers)
    except NotAuthorized:
        return {}  # a token may start servers without the scope to list them
    return servers
