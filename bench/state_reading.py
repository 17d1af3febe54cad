"""One reading of a hub's state in its own process: `python -m bench.state_reading READING USERS GROUPS`.

URL and token are in the environment. Prints the time and the peak memory.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable

import msgspec
from msgspec import Struct

from bench.fleet_hub import FleetHub, group_name, user_name
from bench.server_plan import sampled_memory
from jhub import Hub
from jhub.state import Document, GroupEntry, Members, UserEntry

MAX_SECONDS = 600
OWNER = "benchmark"
PROPERTIES = {"mem_limit": "2G"}
"""Properties of all groups, apart from their owner."""


class Reading(Struct, frozen=True, kw_only=True):
    """The seconds of a reading, and the peak memory of its process in bytes."""

    seconds: float
    peak: int


def document_of(users: int, groups: int) -> Document:
    """Return the document that a hub with so many users and groups agrees with."""
    names = [user_name(number) for number in range(users)]
    entries = (
        GroupEntry(name=group_name(number), members=Members(names=tuple(names[number::groups])), properties=PROPERTIES)
        for number in range(groups)
    )
    return Document(owner=OWNER, users=tuple(UserEntry(name=name) for name in names), groups=tuple(entries))


def plan(hub: Hub, users: int, groups: int) -> float:
    """Plan a document that changes nothing; return the seconds."""
    document = document_of(users, groups)
    began = time.monotonic()
    made = hub.state.plan(document)
    seconds = time.monotonic() - began
    if made.changes or made.refusals:
        raise RuntimeError(f"the plan has {len(made.changes)} changes and {len(made.refusals)} refusals")
    return seconds


def lists(hub: Hub, users: int, groups: int) -> float:
    """List all users and groups; return the seconds."""
    began = time.monotonic()
    kept = list(hub.users.list()), list(hub.groups.list())
    seconds = time.monotonic() - began
    if (len(kept[0]), len(kept[1])) != (users + 1, groups):  # the administrator is one more
        raise RuntimeError(f"listed {len(kept[0])} users and {len(kept[1])} groups")
    return seconds


READINGS: dict[str, Callable[[Hub, int, int], float]] = {"plan": plan, "lists": lists}


def read(reading: str, hub: FleetHub, users: int, groups: int) -> Reading:
    """Read the state of a hub in a fresh process."""
    environment = {**os.environ, "JUPYTERHUB_API_URL": hub.url, "JUPYTERHUB_API_TOKEN": hub.token}
    command = [sys.executable, "-m", "bench.state_reading", reading, str(users), str(groups)]
    process = subprocess.run(command, env=environment, stdout=subprocess.PIPE, check=True, timeout=MAX_SECONDS)
    return msgspec.json.decode(process.stdout, type=Reading)


def main(reading: str, users: str, groups: str) -> None:
    """Read the state and print the measurement."""
    signal.alarm(MAX_SECONDS)
    with Hub() as hub:
        hub.version()
        with sampled_memory() as memory:
            seconds = READINGS[reading](hub, int(users), int(groups))
        print(msgspec.json.encode(Reading(seconds=seconds, peak=max(memory))).decode())


if __name__ == "__main__":
    main(*sys.argv[1:])
