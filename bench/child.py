"""Server processes of a benchmark, which end with it, even if it is killed."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, cast

STOP_SECONDS = 10


@contextmanager
def serving(module: str, *arguments: str) -> Iterator[str]:
    """Run a module that serves, and yield the URL that it prints."""
    process = subprocess.Popen(
        [sys.executable, "-m", module, *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,  # Ctrl-C is for the benchmark, which then ends this process
    )
    lease, output = cast("IO[str]", process.stdin), cast("IO[str]", process.stdout)
    try:
        url = output.readline().strip()
        if not url:
            raise RuntimeError(f"{module} did not start")
        yield url
    finally:
        lease.close()
        try:
            process.wait(STOP_SECONDS)
        finally:
            process.kill()
            process.wait()
            output.close()


def announce(url: str) -> None:
    """Print the URL of this process, for `serving`, and end the process when standard input is closed."""
    print(url, flush=True)

    def wait() -> None:
        sys.stdin.buffer.read()
        os._exit(0)

    threading.Thread(target=wait, daemon=True).start()
