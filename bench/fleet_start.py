"""One fleet in a process of its own: `python -m bench.fleet_start WAY NUMBER`; the users' names on standard input."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import msgspec
from msgspec import Struct

from bench.fleet_hub import FleetHub, user_name
from bench.fleet_ways import WAYS, Clock

SECONDS_AT_MOST = 240


class Clocked(Struct, frozen=True, kw_only=True):
    """What the process tells."""

    ready: int
    began: float
    first: float
    last: float


class Started(Struct, frozen=True, kw_only=True):
    """One fleet."""

    wanted: int
    ready: int
    """As the hub says afterwards."""
    began: float
    """On the system's monotonic clock, which all processes share."""
    seconds: float
    """From the first request to the last server."""
    first: float
    """Of them, to the first server."""
    requests: int
    busy: float
    """Seconds of a processor that the hub used."""

    @property
    def lost(self) -> int:
        """Servers that did not come up."""
        return self.wanted - self.ready

    @property
    def requests_each(self) -> float:
        """Requests for each server that came up."""
        return self.requests / max(1, self.ready)


def start(hub: FleetHub, way: str, users: int, number: float = 0.0) -> Started:
    """Start so many servers, in a fresh process, and stop them again."""
    environment = {**os.environ, "JUPYTERHUB_API_URL": hub.url, "JUPYTERHUB_API_TOKEN": hub.token}
    command = [sys.executable, "-m", "bench.fleet_start", way, str(number)]
    names = "\n".join(user_name(each) for each in range(users)).encode()
    asked, busy = hub.asked, hub.busy
    done = subprocess.run(
        command, env=environment, input=names, stdout=subprocess.PIPE, check=True, timeout=SECONDS_AT_MOST
    )
    asked, busy = hub.asked - asked, hub.busy - busy
    clocked = msgspec.json.decode(done.stdout, type=Clocked)
    ready = hub.ready
    if ready != clocked.ready:
        raise RuntimeError(f"{way}: {clocked.ready} servers are ready, and by the hub's own account {ready}")
    hub.stop_all()
    return Started(
        wanted=users,
        ready=ready,
        began=clocked.began,
        seconds=clocked.last,
        first=clocked.first,
        requests=asked,
        busy=busy,
    )


def main(way: str, number: str) -> None:
    """Do it, and print what it took."""
    signal.alarm(SECONDS_AT_MOST)
    clock = Clock()
    WAYS[way](clock, sys.stdin.read().split(), float(number))
    clocked = Clocked(ready=clock.ready, began=clock.began, first=clock.first, last=clock.last)
    print(msgspec.json.encode(clocked).decode())


if __name__ == "__main__":
    main(*sys.argv[1:])
