"""Servers planned for stopping, in a process of its own: `python -m bench.server_plan WAY`.

URL and token are in the environment. Prints what it took, and how many there are.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sized
from contextlib import contextmanager
from datetime import timedelta

import msgspec
import psutil
from msgspec import Struct

from bench.fleet_hub import IDLE_HOURS, FleetHub
from jhub import Hub, Running
from jhub.fleet.selection import resolve

SECONDS_AT_MOST = 120
LOOK_EVERY = 0.005
"""Seconds between two looks at the memory."""


class Planned(Struct, frozen=True, kw_only=True):
    """How many servers one kept, and the most bytes that it was seen to use."""

    kept: int
    peak: int


def idle(hub: Hub) -> Sized:
    """As it is meant to be: what is to be stopped, and nothing else."""
    return hub.run(resolve(Running(idle=timedelta(hours=IDLE_HOURS))))


def everything(hub: Hub) -> Sized:
    """To compare."""
    return list(hub.servers.list())


WAYS: dict[str, Callable[[Hub], Sized]] = {"idle": idle, "all": everything}


def plan(way: str, hub: FleetHub) -> Planned:
    """Do it in a fresh process."""
    environment = {**os.environ, "JUPYTERHUB_API_URL": hub.url, "JUPYTERHUB_API_TOKEN": hub.token}
    command = [sys.executable, "-m", "bench.server_plan", way]
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, check=True, timeout=SECONDS_AT_MOST)
    return msgspec.json.decode(done.stdout, type=Planned)


@contextmanager
def watched() -> Iterator[list[int]]:
    """The process's resident bytes, looked at all along."""
    process, over, seen = psutil.Process(), threading.Event(), [0]

    def look() -> None:
        while not over.wait(LOOK_EVERY):
            seen.append(process.memory_info().rss)

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield seen
    finally:
        over.set()
        thread.join()


def main(way: str) -> None:
    """Do it, and print what it took."""
    signal.alarm(SECONDS_AT_MOST)
    with Hub() as hub:
        hub.version()
        with watched() as memory:
            kept = WAYS[way](hub)
        print(msgspec.json.encode(Planned(kept=len(kept), peak=max(memory))).decode())


if __name__ == "__main__":
    main(*sys.argv[1:])
