"""Finding and ending the processes of a local hub: those, and only those, that carry its mark.

Single-user servers start sessions of their own and outlive a hub that is killed, and their kernels outlive them;
neither a process group nor a list of pids finds them. The environment does: children inherit it.
"""

from __future__ import annotations

import contextlib
import os
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from psutil import Process

MARK = "JHUB_LOCAL_MARK"


def marked(mark: str) -> list[Process]:
    """The processes of this user that carry `mark`, except this one."""
    import psutil

    found: list[Process] = []
    for process in psutil.process_iter():
        try:
            if process.pid != os.getpid() and process.uids().real == os.getuid() and _carries(process, mark):
                found.append(process)
        except psutil.Error:  # gone, or not ours to read
            continue
    return found


def mark_of(pid: int) -> str | None:
    """The mark that the process `pid` carries, if it lives, is this user's and carries one."""
    import psutil

    try:
        process = psutil.Process(pid)
        return process.environ().get(MARK) if process.uids().real == os.getuid() else None
    except psutil.Error:
        return None


def is_marked(pid: int, mark: str) -> bool:
    """Whether the process `pid` lives and carries `mark`: a pid alone may have been given to somebody else."""
    import psutil

    try:
        process = psutil.Process(pid)
        return process.status() != psutil.STATUS_ZOMBIE and _carries(process, mark)
    except psutil.Error:
        return False


def sweep(mark: str, *, grace: float = 1.0) -> int:
    """End all processes that carry `mark`: ask, wait up to `grace` seconds, then kill. How many there were."""
    import psutil

    total = 0
    # A process may start another one between being listed and being ended: look until none is left.
    for _ in range(5):
        found = marked(mark)
        if not found:
            break
        total += len(found)
        for process in found:
            _signal(process, kill=False)
        _, left = psutil.wait_procs(found, timeout=grace)
        for process in left:
            _signal(process, kill=True)
        psutil.wait_procs(left, timeout=2)
    return total


def wait_gone(pid: int, mark: str, seconds: float) -> bool:
    """Wait until the process `pid` has ended, up to `seconds`; whether it has."""
    deadline = time.monotonic() + seconds
    while is_marked(pid, mark):
        if time.monotonic() >= deadline:
            return False
        time.sleep(0.05)
    with contextlib.suppress(ChildProcessError):
        os.waitpid(pid, os.WNOHANG)  # if it was our own child, nobody else clears it away
    return True


def _carries(process: Process, mark: str) -> bool:
    return process.environ().get(MARK) == mark


def _signal(process: Process, *, kill: bool) -> None:
    import psutil

    try:
        # psutil checks that the pid still belongs to the process that was found.
        if kill:
            process.kill()
        else:
            process.terminate()
    except psutil.Error:
        pass
