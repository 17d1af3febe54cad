"""Operations of `hub.servers`: those on one server, and fleets of many."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from jhub.binding import AsyncBound, Bound, fleet, operation
from jhub.fleet.breaker import Breaker
from jhub.fleet.coordinator import coordinate
from jhub.fleet.events import ServerEvent, Summary, Target
from jhub.fleet.jobs import Job, deleting, starting, stopping, waiting
from jhub.fleet.limiter import DEFAULT_HUB_LOAD, ConcurrencyLimiter
from jhub.fleet.preview import preview_deletions, preview_job, preview_starts
from jhub.fleet.selection import Targets, resolve
from jhub.operations.server_start import check_display_name, start_options
from jhub.operations.server_status import START_TIMEOUT_SECONDS
from jhub.operations.servers import STOP_TIMEOUT_SECONDS, ServerOps
from jhub.steps import Flow


class FleetOps:
    """Operations on many servers at a time."""

    @operation
    def select(self, targets: Targets) -> Flow[list[Target]]:
        """Return the servers of a selection, each once, in the order of the arguments or of the listing.

        Parameters
        ----------
        targets
            As for `start_many`.

        `GET /groups/{group}` (all versions) for `Members(...)`, scope `read:groups`, and `NotFound` if the group does
        not exist; for `Running(...)` calls, scopes and errors as for `list`; no call for named servers.
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
        hub_load: float = DEFAULT_HUB_LOAD,
        max_failures: int | None = None,
    ) -> Flow[Summary]:
        """Start servers, and wait until they are ready.

        The fleet ramps up while the hub accepts requests and the latency of a probe stays low. After the first
        rejection (429), it uses a share of the limit.

        Parameters
        ----------
        targets
            "ana", "ana/lab", ("ana", "lab"), servers of a listing, or a selection: `Members(...)`, `Running(...)`.
        profile, user_options
            As for `start`, for every server.
        display_name
            Name shown instead of the names of named servers (JupyterHub 6.0).
        timeout
            Seconds for each server to become ready, and as many again in the queue of a busy hub.
        hub_load
            Share of the hub's limit that this fleet uses, 0 < hub_load <= 1; other users keep the rest. It also limits
            how far the hub's latency may rise.
        max_failures
            None stops the fleet after two failures in a row, because some hubs exit after five. A number stops it
            after that many failures, or four in a row.

        Emits a `ServerEvent` for each change. With more than two servers, the first one must be ready before others
        are sent. When the fleet stops, the servers in flight are cancelled (JupyterHub 5.1), and the others are
        "skipped". A full hub (`active_server_limit`) stops the fleet, too. If the hub restarts, the fleet waits for it
        for up to five minutes.

        To finish the rest later, repeat the call: a server that already runs with these options counts as ready. The
        fleet does not check the profile against the list of profiles first: the hub rejects an unknown one at once.

        `POST /users/{user}/servers/{name}` (all versions) and, to wait, `GET /users?state=active`; scopes as for
        `start`, and `list:users`, without which it reads each owner. Errors of servers are in the events.
        """
        options = start_options(profile, user_options)
        limiter, breaker = ConcurrencyLimiter(hub_load), Breaker(max_failures)
        resolved = yield from resolve(targets)
        for target in resolved:
            yield from check_display_name(target.name, display_name)
        job = starting(options, display_name)
        return (yield from coordinate(resolved, job, timeout=timeout, limiter=limiter, breaker=breaker))

    @fleet(ServerEvent, preview=preview_job(waiting()))
    def wait_many(self, targets: Targets, *, timeout: float = START_TIMEOUT_SECONDS) -> Flow[Summary]:
        """Wait until servers that were started are ready, for at most `timeout` seconds.

        `GET /users?state=active` (all versions), scopes `read:servers` and `list:users`, without which it reads
        each owner; errors as for `wait`, in the events.
        """
        return _end(targets, waiting(), timeout)

    @fleet(ServerEvent, preview=preview_job(stopping()))
    def stop_many(self, targets: Targets, *, timeout: float = STOP_TIMEOUT_SECONDS) -> Flow[Summary]:
        """Stop servers as `stop` does, with `timeout` seconds for each. A stopped server counts as done.

        `DELETE /users/{user}/servers/{name}` (all versions); scopes as for `stop`, whose errors are in the events.
        """
        return _end(targets, stopping(), timeout)

    @fleet(ServerEvent, preview=preview_deletions)
    def delete_many(
        self, targets: Targets, *, timeout: float = STOP_TIMEOUT_SECONDS, missing_ok: bool = False
    ) -> Flow[Summary]:
        """Stop and delete named servers as `delete` does, with `timeout` seconds for each.

        With `missing_ok`, servers that do not exist count as done.

        `DELETE /users/{user}/servers/{name}` (all versions); scopes as for `delete`, and `read:servers`; its errors
        are in the events.
        """
        return _end(targets, deleting(missing_ok=missing_ok), timeout)


def _end(targets: Targets, job: Job, timeout: float) -> Flow[Summary]:
    # No breaker, so that a wrong name does not keep the other servers running.
    return (yield from coordinate((yield from resolve(targets)), job, timeout=timeout))


class Servers(ServerOps, FleetOps, Bound):
    """The namespace `hub.servers` of `Hub`."""


class AsyncServers(ServerOps, FleetOps, AsyncBound):
    """The namespace `hub.servers` of `AsyncHub`."""
