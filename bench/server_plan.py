"""One selection of servers in its own process: `python -m bench.server_plan SELECTION`.

URL and token are in the environment. Prints the number of servers and the peak memory.
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

MAX_SECONDS = 120
SAMPLE_SECONDS = 0.005
"""Seconds between two samples of the memory."""


class Selected(Struct, frozen=True, kw_only=True):
    """The number of servers kept, and the peak memory in bytes."""

    kept: int
    peak: int


def idle(hub: Hub) -> Sized:
    """Keep the servers that would be stopped, and nothing else."""
    return hub.run(resolve(Running(idle=timedelta(hours=IDLE_HOURS))))


def everything(hub: Hub) -> Sized:
    """Keep all servers, for comparison."""
    return list(hub.servers.list())


SELECTIONS: dict[str, Callable[[Hub], Sized]] = {"idle": idle, "all": everything}


def select(selection: str, hub: FleetHub) -> Selected:
    """Run a selection in a fresh process."""
    environment = {**os.environ, "JUPYTERHUB_API_URL": hub.url, "JUPYTERHUB_API_TOKEN": hub.token}
    command = [sys.executable, "-m", "bench.server_plan", selection]
    process = subprocess.run(command, env=environment, stdout=subprocess.PIPE, check=True, timeout=MAX_SECONDS)
    return msgspec.json.decode(process.stdout, type=Selected)


@contextmanager
def sampled_memory() -> Iterator[list[int]]:
    """Sample the process's resident memory in a thread; yield the list of samples, in bytes."""
    process, stop, samples = psutil.Process(), threading.Event(), [0]

    def sample() -> None:
        while not stop.wait(SAMPLE_SECONDS):
            samples.append(process.memory_info().rss)

    thread = threading.Thread(target=sample)
    thread.start()
    try:
        yield samples
    finally:
        stop.set()
        thread.join()


def main(selection: str) -> None:
    """Run a selection and print the result."""
    signal.alarm(MAX_SECONDS)
    with Hub() as hub:
        hub.version()
        with sampled_memory() as memory:
            kept = SELECTIONS[selection](hub)
        print(msgspec.json.encode(Selected(kept=len(kept), peak=max(memory))).decode())


if __name__ == "__main__":
    main(*sys.argv[1:])
