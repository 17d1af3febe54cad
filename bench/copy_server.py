"""A user's server of a real hub, into which files are copied."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from jhub import Hub
from jhub.local import LocalHub

SAMPLE_SECONDS = 0.02
"""Seconds between two samples of the memory."""


@dataclass
class PeakMemory:
    """The peak memory of the server and its kernel, in bytes."""

    bytes: int = 0


@dataclass
class CopyServer:
    """A running server: its name for jhub, its URL, a token for `curl`, and its folder on this machine."""

    name: str
    url: str
    token: str = field(repr=False)
    folder: Path
    process: psutil.Process
    environment: dict[str, str] = field(repr=False)
    """The environment of `jhub`."""

    @contextmanager
    def peak_memory(self) -> Iterator[PeakMemory]:
        """Sample the memory of the server and its kernel all the time."""
        peak, ended = PeakMemory(), threading.Event()

        def sample() -> None:
            while not ended.wait(SAMPLE_SECONDS):
                peak.bytes = max(peak.bytes, self._memory())

        thread = threading.Thread(target=sample)
        thread.start()
        try:
            yield peak
        finally:
            ended.set()
            thread.join()

    def _memory(self) -> int:
        # Of the kernels only the largest counts: the one of an earlier command may not have ended yet.
        sizes = [0]
        for kernel in self.process.children(recursive=True):
            with suppress(psutil.NoSuchProcess):
                sizes.append(kernel.memory_info().rss)
        return int(self.process.memory_info().rss) + max(sizes)


@contextmanager
def copy_server() -> Iterator[CopyServer]:
    """Run a hub with the server."""
    with LocalHub(users=["ana"]) as local:
        with Hub(local.url) as door:
            token = door.tokens.create_with_password(local.username, local.password, note="benchmark").token or ""
        with Hub(local.api_url, token) as hub:
            server = hub.servers.start("ana", "lab", profile="lean")
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("JHUB_")}
        environment = {**inherited, "JUPYTERHUB_API_URL": local.api_url, "JUPYTERHUB_API_TOKEN": token}
        folder = local.folder / "users" / "ana"
        yield CopyServer("ana/lab", server.url, token, folder, _process_in(folder), environment)


def _process_in(folder: Path) -> psutil.Process:
    """Return the process of the server, which runs in its folder."""
    for process in psutil.process_iter():
        try:
            if Path(process.cwd()) == folder and "singleuser" in " ".join(process.cmdline()):
                return process
        except psutil.Error:
            continue
    raise RuntimeError("the server's process is not found")
