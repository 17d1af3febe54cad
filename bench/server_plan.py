"""Servers planned for stopping, in a process of its own: `python -m bench.server_plan WAY`.

URL and token are in the environment. Prints what it took, and how many there are.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime, timedelta

import msgspec
from msgspec import Struct

from bench.fleet_hub import IDLE_HOURS, FleetHub
from bench.meter import Measured, Meter
from jhub import Hub
from jhub.fleet.events import Target
from jhub.models import Server

SECONDS_AT_MOST = 120


class Planned(Struct, frozen=True, kw_only=True):
    """What one took, and how many servers it kept."""

    measured: Measured
    kept: int


def idle(servers: Iterator[Server]) -> list[Target]:
    """As it is meant to be: what is to be stopped, and nothing else."""
    since = datetime.now(UTC) - timedelta(hours=IDLE_HOURS)
    return [Target.of(server) for server in servers if server.last_activity and server.last_activity < since]


WAYS: dict[str, Callable[[Iterator[Server]], list[Target] | list[Server]]] = {"idle": idle, "all": list}


def plan(way: str, hub: FleetHub) -> Planned:
    """Do it in a fresh process."""
    environment = {**os.environ, "JUPYTERHUB_API_URL": hub.url, "JUPYTERHUB_API_TOKEN": hub.token}
    command = [sys.executable, "-m", "bench.server_plan", way]
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, check=True, timeout=SECONDS_AT_MOST)
    return msgspec.json.decode(done.stdout, type=Planned)


def counted(servers: Iterable[Server], meter: Meter) -> Iterator[Server]:
    """Tell the meter of each."""
    for server in servers:
        meter.one()
        yield server


def main(way: str) -> None:
    """Do it, and print what it took."""
    signal.alarm(SECONDS_AT_MOST)
    meter = Meter()
    with Hub() as hub:
        hub.version()
        meter.start()
        kept = WAYS[way](counted(hub.servers.list(), meter))
        print(msgspec.json.encode(Planned(measured=meter.measured(), kept=len(kept))).decode())


if __name__ == "__main__":
    main(*sys.argv[1:])
