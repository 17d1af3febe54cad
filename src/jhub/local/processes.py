"""Finding and ending the processes of a local hub: those, and only those, that carry its mark.

Single-user servers start sessions of their own and outlive a hub that is killed, and their kernels outlive them;
neither a process group nor a list of pids finds them. The environment does: children inherit it.
"""

from __future__ import annotations

import os
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from jhub.errors import LocalHubError
from jhub.local.requirements import INSTALL

if TYPE_CHECKING:
    from psutil import Process

MARK = "JHUB_LOCAL_MARK"
PROGRAM = "jhub.local.hub_process"
"""Module that runs a hub; the next argument is its folder."""


def marked(mark: str) -> list[Process]:
    """The processes of this user that carry `mark`, except this one."""
    _need_psutil()
    import psutil

    found: list[Process] = []
    for process in psutil.process_iter():
        try:
            if process.pid != os.getpid() and process.uids().real == os.getuid() and _carries(process, mark):
                found.append(process)
        except psutil.Error:  # gone, or not ours to read
            continue
    return found


def hub_process(folder: Path) -> tuple[Process, str] | None:
    """The process of this user that runs the hub of `folder`, and its mark.

    It is found by what it was started with, whatever the folder's files say of it.
    """
    if os.name != "posix" or find_spec("psutil") is None:
        return None  # then no hub was started by this Python
    import psutil

    place = os.path.realpath(folder)
    found: list[tuple[float, Process, str]] = []
    for process in psutil.process_iter():
        try:
            if process.uids().real != os.getuid() or process.pid == os.getpid():
                continue
            arguments = process.cmdline()
            if PROGRAM in arguments[:-1] and os.path.realpath(arguments[arguments.index(PROGRAM) + 1]) == place:
                mark = process.environ().get(MARK)
                if mark:
                    found.append((process.create_time(), process, mark))
        except psutil.Error:  # gone, or not ours to read
            continue
    if not found:
        return None
    # A child of it has the same arguments until it runs a program of its own.
    _, process, mark = min(found, key=lambda each: each[0])
    return process, mark


def sweep(mark: str, *, grace: float = 1.0) -> int:
    """End all processes that carry `mark`: ask, wait up to `grace` seconds, then kill. How many there were."""
    _need_psutil()
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


def end(process: Process, seconds: float) -> None:
    """Ask a process to end, and wait for that up to `seconds`."""
    import psutil

    _signal(process, kill=False)
    psutil.wait_procs([process], timeout=seconds)


def _need_psutil() -> None:
    if find_spec("psutil") is None:
        raise LocalHubError("the local hub needs psutil", hint=INSTALL)


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
