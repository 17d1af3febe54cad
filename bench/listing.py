"""One listing in its own process: `python -m bench.listing LISTER [AHEAD]`."""

from __future__ import annotations

import os
import subprocess
import sys

import msgspec

from bench.listers import LISTERS
from bench.meter import Measurement, Meter
from jhub.operations import paging

MAX_SECONDS = 600


def measure(lister: str, url: str, token: str, users: int, ahead: int | None = None) -> Measurement:
    """List all users in a fresh process, with `ahead` pages in flight (None: the default of jhub)."""
    environment = {**os.environ, "JUPYTERHUB_API_URL": url, "JUPYTERHUB_API_TOKEN": token}
    command = [sys.executable, "-m", "bench.listing", lister, *([] if ahead is None else [str(ahead)])]
    process = subprocess.run(command, env=environment, stdout=subprocess.PIPE, check=True, timeout=MAX_SECONDS)
    measurement = msgspec.json.decode(process.stdout, type=Measurement)
    if measurement.users != users:
        raise RuntimeError(f"{lister} listed {measurement.users} of {users} users")
    return measurement


def main(lister: str, ahead: str = "") -> None:
    """List all users and print the measurement."""
    if ahead:
        paging.MAX_PAGES_IN_FLIGHT = int(ahead)
    meter = Meter()
    LISTERS[lister](meter)
    print(msgspec.json.encode(meter.measurement()).decode())


if __name__ == "__main__":
    main(*sys.argv[1:])
