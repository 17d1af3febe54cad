"""`hub.servers`: the operations on one server, and the same for many."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from jhub.binding import AsyncBound, Bound, fleet, operation
from jhub.fleet.breaker import Breaker
from jhub.fleet.coordinator import coordinate
from jhub.fleet.events import ServerEvent, Summary, Target
from jhub.fleet.jobs import Job, deleting, starting, stopping, waiting
from jhub.fleet.limiter import HUB_LOAD, Pace
from jhub.fleet.preview import preview_job, preview_starts
from jhub.fleet.selection import Targets, resolve
from jhub.operations.server_start import check_display_name, start_options
from jhub.operations.server_status import START_TIMEOUT_SECONDS
from jhub.operations.servers import STOP_TIMEOUT_SECONDS, ServerOps
from jhub.steps import Flow


class FleetOps:
    """Many servers at a time."""

    @operation
    def select(self, targets: Targets) -> Flow[list[Target]]:
        """Return the servers that a selection means, each once, in the order in which they were given or found.

        Parameters
        ----------
        targets
            As for `start_many`.

        `GET /groups/{group}` (all versions) for `Members(...)`, scope `read:groups`, and `NotFound` where there is no
        such group; for `Running(...)` calls, scopes and errors as for `list`; nothing for servers that are named.
        """
        return resolve(targets)

    @fleet(ServerEvent, preview=preview_starts)
    def start_many(
        self,
        targets: Targets,
        *,
        profile: str | None = None,
        user_options: Mapping[str, Any] | None = None,
        display_name: str | None = None,
        timeout: float = START_TIMEOUT_SECONDS,
        hub_load: float = HUB_LOAD,
        max_failures: int | None = None,
    ) -> Flow[Summary]:
        """Start servers, and wait until they are ready.

        As many at a time as the hub takes and goes on answering others; once it has refused one (429), a share of what
        it took.

        Parameters
        ----------
        targets
            "ana", "ana/lab", ("ana", "lab"), servers of a listing, or a selection: `Members(...)`, `Running(...)`.
        display_name
            What people see in place of the names of named servers (JupyterHub 6.0).
        timeout
            Seconds for each to come up; and as many for a busy hub to take it.
        hub_load
            The share of the hub's limit that this fleet takes, 0 < hub_load <= 1; the rest is for people. Also how
            much slower the hub's answers may become.
        max_failures
            None: after two failures in a row nothing more is sent, for some hubs exit after five. A number: after so
            many altogether, or four in a row.

        Emits a `ServerEvent` for each change. Of more than two, the first must come up before others are sent. When
        nothing more is sent, those on their way are cancelled (JupyterHub 5.1), and the rest is "skipped". A full hub
        (`active_server_limit`) ends the sending too. A hub that restarts meanwhile is waited for, up to five minutes.

        Running it again finishes the rest: a server that already runs with these options is done. No list of profiles
        is looked at before: the hub refuses at once.

        `POST /users/{user}/servers/{name}` (all versions) and, to wait, `GET /users?state=active`; scopes as for
        `start`, and `list:users`, without which each owner is asked for. Errors of servers are in the events.
        """
        options = start_options(profile, user_options)
        pace, breaker = Pace(hub_load), Breaker(max_failures)
        wanted = yield from resolve(targets)
        for each in wanted:
            yield from check_display_name(each.name, display_name)
        job = starting(options, display_name)
        return (yield from coordinate(wanted, job, timeout=timeout, pace=pace, breaker=breaker))

    @fleet(ServerEvent, preview=preview_job(waiting()))
    def wait_many(self, targets: Targets, *, timeout: float = START_TIMEOUT_SECONDS) -> Flow[Summary]:
        """Wait until servers that were started are ready, `timeout` seconds.

        `GET /users?state=active` (all versions), scopes `read:servers` and `list:users`, without which each owner is
        asked for; errors as for `wait`, in the events.
        """
        return _end(targets, waiting(), timeout)

    @fleet(ServerEvent, preview=preview_job(stopping()))
    def stop_many(self, targets: Targets, *, timeout: float = STOP_TIMEOUT_SECONDS) -> Flow[Summary]:
        """Stop servers, each as `stop` does, `timeout` seconds for each. One that does not run is done.

        `DELETE /users/{user}/servers/{name}` (all versions); scopes as for `stop`, whose errors are in the events.
        """
        return _end(targets, stopping(), timeout)

    @fleet(ServerEvent, preview=preview_job(deleting()))
    def delete_many(self, targets: Targets, *, timeout: float = STOP_TIMEOUT_SECONDS) -> Flow[Summary]:
        """Stop and delete named servers, each as `delete` does, `timeout` seconds for each.

        `DELETE /users/{user}/servers/{name}` (all versions); scopes as for `delete`, and `read:servers`; its errors
        are in the events.
        """
        return _end(targets, deleting(), timeout)


def _end(targets: Targets, job: Job, timeout: float) -> Flow[Summary]:
    # Without a breaker: a name that is wrong must not keep the others running.
    return (yield from coordinate((yield from resolve(targets)), job, timeout=timeout))


class Servers(ServerOps, FleetOps, Bound):
    """`hub.servers`"""


class AsyncServers(ServerOps, FleetOps, AsyncBound):
    """`hub.servers`"""
