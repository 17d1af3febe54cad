"""One listing in a process of its own: `python -m bench.listing WAY [AHEAD]`."""

from __future__ import annotations

import os
import subprocess
import sys

import msgspec

from bench.meter import Measured, Meter
from bench.ways import WAYS
from jhub.operations import paging

SECONDS_AT_MOST = 600


def measure(way: str, url: str, token: str, users: int, ahead: int | None = None) -> Measured:
    """List all users, who are so many, in a fresh process, that many pages at a time (None: as jhub chooses)."""
    environment = {**os.environ, "JUPYTERHUB_API_URL": url, "JUPYTERHUB_API_TOKEN": token}
    command = [sys.executable, "-m", "bench.listing", way, *([] if ahead is None else [str(ahead)])]
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, check=True, timeout=SECONDS_AT_MOST)
    measured = msgspec.json.decode(done.stdout, type=Measured)
    if measured.users != users:
        raise RuntimeError(f"{way} listed {measured.users} of {users} users")
    return measured


def main(way: str, ahead: str = "") -> None:
    """Do it, and print what it took."""
    if ahead:
        paging.MAX_PAGES_IN_FLIGHT = int(ahead)
    meter = Meter()
    WAYS[way](meter)
    print(msgspec.json.encode(meter.measured()).decode())


if __name__ == "__main__":
    main(*sys.argv[1:])
