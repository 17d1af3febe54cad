"""`hub.servers`: the operations on one server, and the same for many."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from jhub.binding import AsyncBound, Bound, fleet
from jhub.fleet.coordinator import FORGIVEN, WINDOW, coordinate
from jhub.fleet.events import Kind, ServerEvent, Summary, Target
from jhub.fleet.select import Targets, resolve
from jhub.models import Progress, Server
from jhub.operations.servers import (
    START_TIMEOUT,
    STOP_TIMEOUT,
    ServerOps,
    as_asked,
    check_display_name,
    known_or_safe,
    options_of,
    request_start,
    until_ready,
)
from jhub.steps import Flow, Plan


class FleetOps:
    """Many servers at a time."""

    @fleet(ServerEvent)
    def start_many(
        self,
        targets: Targets,
        *,
        profile: str | None = None,
        user_options: Mapping[str, Any] | None = None,
        display_name: str | None = None,
        timeout: float = START_TIMEOUT,
        hub_load: float = 0.5,
        max_failures: int | None = None,
        at_once: int = WINDOW,
    ) -> Flow[Summary]:
        """Start servers, each as `start` does, and wait until they are ready.

        Parameters
        ----------
        targets
            "ana", "ana/lab", ("ana", "lab"), servers of a listing, or a selection: `Members(...)`, `Running(...)`.
        display_name
            What people see in place of the names of named servers (JupyterHub 6.0).
        timeout
            Seconds for each.
        at_once
            Servers on their way at the same time.

        Emits a `ServerEvent` for each change. Of more than two, the first must come up before others are sent, and
        after two failures in a row nothing more is sent and the rest is "skipped": some hubs exit after five. Running
        it again finishes the rest: a server that already runs with these options is done. No list of profiles is
        looked at before: the hub refuses at once.

        `POST /users/{user}/servers/{name}` (all versions); scopes as for `start`, whose errors are in the events.
        """
        options = options_of(profile, user_options)
        wanted = yield from resolve(targets)
        for each in wanted:
            yield from known_or_safe(each.user, each.name)
            yield from check_display_name(each.name, display_name)
        return (
            yield from coordinate(
                wanted,
                lambda each: _start(each, options, display_name, timeout),
                begins="starting",
                ends="ready",
                window=at_once,
                patience=timeout,
                careful=len(wanted) > FORGIVEN,
            )
        )

    @fleet(ServerEvent)
    def stop_many(self, targets: Targets, *, timeout: float = STOP_TIMEOUT, at_once: int = WINDOW) -> Flow[Summary]:
        """Stop servers, each as `stop` does, `timeout` seconds for each. One that does not run is done.

        `DELETE /users/{user}/servers/{name}` (all versions); scopes as for `stop`, whose errors are in the events.
        """
        return _end(targets, ServerOps.stop, timeout, at_once)

    @fleet(ServerEvent)
    def delete_many(self, targets: Targets, *, timeout: float = STOP_TIMEOUT, at_once: int = WINDOW) -> Flow[Summary]:
        """Stop and delete named servers, each as `delete` does, `timeout` seconds for each.

        `DELETE /users/{user}/servers/{name}` (all versions); scopes as for `delete`, whose errors are in the events.
        """
        return _end(targets, ServerOps.delete, timeout, at_once)

    @fleet(ServerEvent)
    def wait_many(self, targets: Targets, *, timeout: float = START_TIMEOUT, at_once: int = WINDOW) -> Flow[Summary]:
        """Wait until servers that were started are ready, each as `wait` does, `timeout` seconds for each.

        `GET /users/{user}/servers/{name}/progress` (all versions); scopes as for `wait`, whose errors are in the
        events.
        """
        return _end(targets, ServerOps.wait, timeout, at_once, begins="starting", ends="ready")


def _end(
    targets: Targets,
    plan: Callable[..., Plan[Any]],
    timeout: float,
    at_once: int,
    *,
    begins: Kind = "stopping",
    ends: Kind = "stopped",
) -> Flow[Summary]:
    return (
        yield from coordinate(
            (yield from resolve(targets)),
            lambda each: plan(each.user, each.name, timeout=timeout),
            begins=begins,
            ends=ends,
            window=at_once,
            patience=timeout,
            forgiven=None,  # a name that is wrong must not keep the others running
        )
    )


def _start(target: Target, options: Mapping[str, Any], display_name: str | None, timeout: float) -> Flow[Server]:
    def note(event: Progress) -> ServerEvent | None:
        # The end is reported by the coordinator, with the server or the reason.
        if event.ready or event.failed:
            return None
        return ServerEvent("progress", target, event.message, event.progress)

    yield from request_start(target.user, target.name, options, display_name)
    return as_asked((yield from until_ready(target.user, target.name, timeout, note)), options)


class Servers(ServerOps, FleetOps, Bound):
    """`hub.servers`"""


class AsyncServers(ServerOps, FleetOps, AsyncBound):
    """`hub.servers`"""
