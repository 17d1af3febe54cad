"""One fleet in a fresh process: `python -m bench.fleet_start STRATEGY NUMBER`, with user names on standard input."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import msgspec
from msgspec import Struct

from bench.fleet_hub import FleetHub, user_name
from bench.fleet_strategies import STRATEGIES, Clock

TIMEOUT_SECONDS = 240


class Measured(Struct, frozen=True, kw_only=True):
    """The measurements of the process."""

    ready: int
    began: float
    first: float
    last: float


class Started(Struct, frozen=True, kw_only=True):
    """The result of one fleet."""

    wanted: int
    ready: int
    """Number of ready servers on the hub afterwards."""
    began: float
    """Time on the system's monotonic clock, which all processes share."""
    seconds: float
    """Seconds from the first request to the last server."""
    first: float
    """Seconds from the first request to the first server."""
    requests: int
    busy: float
    """CPU seconds that the hub used."""

    @property
    def lost(self) -> int:
        """The number of servers that did not become ready."""
        return self.wanted - self.ready

    @property
    def requests_each(self) -> float:
        """The number of requests for each ready server."""
        return self.requests / max(1, self.ready)


def start(hub: FleetHub, strategy: str, users: int, number: float = 0.0) -> Started:
    """Start this many servers in a fresh process, and stop them again."""
    environment = {**os.environ, "JUPYTERHUB_API_URL": hub.url, "JUPYTERHUB_API_TOKEN": hub.token}
    command = [sys.executable, "-m", "bench.fleet_start", strategy, str(number)]
    names = "\n".join(user_name(each) for each in range(users)).encode()
    request_count, busy = hub.request_count, hub.busy
    done = subprocess.run(
        command, env=environment, input=names, stdout=subprocess.PIPE, check=True, timeout=TIMEOUT_SECONDS
    )
    request_count, busy = hub.request_count - request_count, hub.busy - busy
    measured = msgspec.json.decode(done.stdout, type=Measured)
    ready = hub.ready
    if ready != measured.ready:
        raise RuntimeError(f"{strategy}: {measured.ready} servers are ready, but {ready} on the hub")
    hub.stop_all()
    return Started(
        wanted=users,
        ready=ready,
        began=measured.began,
        seconds=measured.last,
        first=measured.first,
        requests=request_count,
        busy=busy,
    )


def main(strategy: str, number: str) -> None:
    """Start the servers, and print the measurements."""
    signal.alarm(TIMEOUT_SECONDS)
    clock = Clock()
    STRATEGIES[strategy](clock, sys.stdin.read().split(), float(number))
    measured = Measured(ready=clock.ready, began=clock.began, first=clock.first, last=clock.last)
    print(msgspec.json.encode(measured).decode())


if __name__ == "__main__":
    main(*sys.argv[1:])
