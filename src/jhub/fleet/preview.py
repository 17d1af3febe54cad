"""Previews of fleets: the requests that `hub.preview(hub.servers.start_many, ...)` returns."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import Any

from jhub.errors import HubError, NotAuthorized, is_missing
from jhub.fleet.breaker import MAX_CONSECUTIVE_FAILURES, Breaker
from jhub.fleet.events import Target
from jhub.fleet.jobs import Job, deleting
from jhub.fleet.limiter import DEFAULT_HUB_LOAD, ConcurrencyLimiter
from jhub.fleet.selection import Targets, resolve
from jhub.models import Server
from jhub.operations.profiles import check_options
from jhub.operations.server_names import server_label
from jhub.operations.server_start import (
    check_display_name,
    check_new_name,
    check_profile,
    check_running_options,
    post_start,
    start_options,
)
from jhub.operations.server_status import START_TIMEOUT_SECONDS
from jhub.operations.servers import STOP_TIMEOUT_SECONDS, ServerOps
from jhub.preflight.hub_state import HubState, Unreadable
from jhub.preview import Preview, preview_each
from jhub.steps import Flow, Operation

MAX_PROFILE_CHECKS = 10
"""Maximum number of servers for which a preview reads the profiles of each owner."""


def preview_job(job: Job) -> Callable[..., Flow[Preview]]:
    """Return the preview of an operation that sends one request for each server."""

    def preview(targets: Targets, *, timeout: float = START_TIMEOUT_SECONDS) -> Flow[Preview]:
        resolved = yield from resolve(targets)
        if job.send is None:
            return Preview((), complete=True)
        state = yield from _read_owners(resolved)
        return (yield from preview_each((partial(job.send, target) for target in resolved), state))

    return preview


def preview_deletions(
    targets: Targets, *, timeout: float = STOP_TIMEOUT_SECONDS, missing_ok: bool = False
) -> Flow[Preview]:
    """Preview `delete_many`."""
    preview = yield from preview_job(deleting())(targets, timeout=timeout)
    return replace(preview, failed=tuple(error for error in preview.failed if not (missing_ok and is_missing(error))))


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
        return (yield from preview_each(partial(start_alone, target) for target in resolved))
    state = yield from _read_owners(resolved)
    refusal: HubError | None = None
    unchecked = 0
    check_each = len(resolved) <= MAX_PROFILE_CHECKS
    if profile is not None and not check_each:
        refusal = yield from _check_profile(resolved[: max_failures or MAX_CONSECUTIVE_FAILURES], options)
        unchecked = len(resolved) - len(resolved[: max_failures or MAX_CONSECUTIVE_FAILURES])

    def start_among_others(target: Target) -> Flow[None]:
        yield from check_new_name(target.user, target.name)
        yield from check_display_name(target.name, display_name)
        server = yield from _known_server(state, target)
        if server is not None and server.ready:
            yield from check_running_options(server, options, display_name)
        elif server is not None and server.pending in ("spawn", "check"):
            yield from check_profile(server, options)
        elif refusal is not None:
            raise refusal
        else:
            if check_each:
                yield from check_options(target.user, options, server_label(target.user, target.name))
            yield from post_start(target.user, target.name, options, display_name)

    found = yield from preview_each((partial(start_among_others, target) for target in resolved), state)
    if unchecked and refusal is None:
        reason = f"whether the profile {profile} is available to the owners of {unchecked} other servers"
        return replace(found, unknown=(*found.unknown, reason))
    return found


def _read_owners(targets: Iterable[Target]) -> Flow[HubState]:
    """Return the state of the hub with the owners of many servers, from the list of all users."""
    state = HubState()
    with suppress(Unreadable, NotAuthorized):  # a token may start servers without the scope to list them
        yield from state.read_users((target.user for target in targets), servers=True)
    return state


def _check_profile(targets: Iterable[Target], options: Mapping[str, Any]) -> Flow[HubError | None]:
    """Check a profile for the first servers; return the last error if it is refused for all: the fleet stops then."""
    refusal: HubError | None = None
    for target in targets:
        try:
            yield from check_options(target.user, options, server_label(target.user, target.name))
        except HubError as error:
            refusal = error
        else:
            return None
    return refusal


def _known_server(state: HubState, target: Target) -> Flow[Server | None]:
    """Return a server; None if it does not exist, or the token may not read it."""
    try:
        owner = yield from state.user(target.user)
        return None if owner is None else (yield from state.server(target.user, target.name))
    except Unreadable:
        return None
