"""One reading of a state in its own process: `python -m bench.state_reading READING FILE`.

FILE is a state file; URL and token of the hub are in the environment. Prints the time and the peak memory.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

import msgspec
from msgspec import Struct

import jhub.state
from bench.fleet_hub import FleetHub
from bench.server_plan import sampled_memory
from jhub import Hub

MAX_SECONDS = 600


class Reading(Struct, frozen=True, kw_only=True):
    """The seconds of a reading, and the peak memory of its process in bytes."""

    seconds: float
    peak: int
    users: int
    groups: int


Read: TypeAlias = Callable[[Hub, str], tuple[float, int, int]]
"""Function that reads a state and returns the seconds, and the numbers of users and groups."""


def load(_: Hub, file: str) -> tuple[float, int, int]:
    """Load the file."""
    began = time.monotonic()
    document = jhub.state.load(file)
    return time.monotonic() - began, len(document.users), len(document.groups)


def plan(hub: Hub, file: str) -> tuple[float, int, int]:
    """Plan the file, which changes nothing. The time is that of the plan without loading the file."""
    document = jhub.state.load(file)
    began = time.monotonic()
    made = hub.state.plan(document)
    seconds = time.monotonic() - began
    if made.changes or made.refusals:
        raise RuntimeError(f"the plan has {len(made.changes)} changes and {len(made.refusals)} refusals")
    return seconds, len(document.users), len(document.groups)


def lists(hub: Hub, _: str) -> tuple[float, int, int]:
    """List all users and groups."""
    began = time.monotonic()
    users, groups = list(hub.users.list()), list(hub.groups.list())
    return time.monotonic() - began, len(users) - 1, len(groups)  # the administrator is one more


READS: dict[str, Read] = {"load": load, "plan": plan, "lists": lists}


def read(name: str, hub: FleetHub, file: Path) -> Reading:
    """Read a state in a fresh process."""
    environment = {**os.environ, "JUPYTERHUB_API_URL": hub.url, "JUPYTERHUB_API_TOKEN": hub.token}
    command = [sys.executable, "-m", "bench.state_reading", name, str(file)]
    process = subprocess.run(command, env=environment, stdout=subprocess.PIPE, check=True, timeout=MAX_SECONDS)
    return msgspec.json.decode(process.stdout, type=Reading)


def main(name: str, file: str) -> None:
    """Read the state and print the measurement."""
    signal.alarm(MAX_SECONDS)
    with Hub() as hub:
        hub.version()
        with sampled_memory() as memory:
            seconds, users, groups = READS[name](hub, file)
        print(msgspec.json.encode(Reading(seconds=seconds, peak=max(memory), users=users, groups=groups)).decode())


if __name__ == "__main__":
    main(*sys.argv[1:])
