"""Servers planned for stopping, in a process of its own: `python -m bench.server_plan SELECTION`.

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

MAX_SECONDS = 120
SAMPLE_SECONDS = 0.005
"""Seconds between two looks at the memory."""


class Selected(Struct, frozen=True, kw_only=True):
    """How many servers one kept, and the most bytes that it was seen to use."""

    kept: int
    peak: int


def idle(hub: Hub) -> Sized:
    """As it is meant to be: what is to be stopped, and nothing else."""
    return hub.run(resolve(Running(idle=timedelta(hours=IDLE_HOURS))))


def everything(hub: Hub) -> Sized:
    """To compare."""
    return list(hub.servers.list())


SELECTIONS: dict[str, Callable[[Hub], Sized]] = {"idle": idle, "all": everything}


def select(selection: str, hub: FleetHub) -> Selected:
    """Do it in a fresh process."""
    environment = {**os.environ, "JUPYTERHUB_API_URL": hub.url, "JUPYTERHUB_API_TOKEN": hub.token}
    command = [sys.executable, "-m", "bench.server_plan", selection]
    process = subprocess.run(command, env=environment, stdout=subprocess.PIPE, check=True, timeout=MAX_SECONDS)
    return msgspec.json.decode(process.stdout, type=Selected)


@contextmanager
def sampled_memory() -> Iterator[list[int]]:
    """The process's resident bytes, looked at all along."""
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
    """Do it, and print what it took."""
    signal.alarm(MAX_SECONDS)
    with Hub() as hub:
        hub.version()
        with sampled_memory() as memory:
            kept = SELECTIONS[selection](hub)
        print(msgspec.json.encode(Selected(kept=len(kept), peak=max(memory))).decode())


if __name__ == "__main__":
    main(*sys.argv[1:])
