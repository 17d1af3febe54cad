"""Finding and ending the processes of a local hub: those, and only those, that carry its instance_id.

Single-user servers start sessions of their own and outlive a hub that is killed, and their kernels outlive them;
neither a process group nor a list of pids finds them. The environment does: children inherit it.
"""

from __future__ import annotations

import os
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from jhub.errors import LocalHubError
from jhub.local.requirements import INSTALL_COMMAND

if TYPE_CHECKING:
    from psutil import Process

INSTANCE_VARIABLE = "JHUB_LOCAL_INSTANCE"
HUB_MODULE = "jhub.local.hub_process"
"""Module that runs a hub; the next argument is its folder."""


def list_processes(instance_id: str) -> list[Process]:
    """The processes of this user that carry `instance_id`, except this one."""
    _require_psutil()
    import psutil

    processes: list[Process] = []
    for process in psutil.process_iter():
        try:
            if process.pid != os.getpid() and process.uids().real == os.getuid() and _belongs_to(process, instance_id):
                processes.append(process)
        except psutil.Error:  # gone, or not ours to read
            continue
    return processes


def find_hub_process(folder: Path) -> tuple[Process, str] | None:
    """The process of this user that runs the hub of `folder`, and its instance_id.

    It is found by what it was started with, whatever the folder's files say of it.
    """
    if os.name != "posix" or find_spec("psutil") is None:
        return None  # then no hub was started by this Python
    import psutil

    target = os.path.realpath(folder)
    candidates: list[tuple[float, Process, str]] = []
    for process in psutil.process_iter():
        try:
            if process.uids().real != os.getuid() or process.pid == os.getpid():
                continue
            arguments = process.cmdline()
            if HUB_MODULE in arguments[:-1] and os.path.realpath(arguments[arguments.index(HUB_MODULE) + 1]) == target:
                instance_id = process.environ().get(INSTANCE_VARIABLE)
                if instance_id:
                    candidates.append((process.create_time(), process, instance_id))
        except psutil.Error:  # gone, or not ours to read
            continue
    if not candidates:
        return None
    # A child of it has the same arguments until it runs a program of its own.
    _, process, instance_id = min(candidates, key=lambda candidate: candidate[0])
    return process, instance_id


def end_processes(instance_id: str, *, grace: float = 1.0) -> int:
    """End all processes that carry `instance_id`: ask, wait up to `grace` seconds, then kill. How many there were."""
    _require_psutil()
    import psutil

    total = 0
    # A process may start another one between being listed and being ended: look until none is left.
    for _ in range(5):
        processes = list_processes(instance_id)
        if not processes:
            break
        total += len(processes)
        for process in processes:
            _signal(process, kill=False)
        _, alive = psutil.wait_procs(processes, timeout=grace)
        for process in alive:
            _signal(process, kill=True)
        psutil.wait_procs(alive, timeout=2)
    return total


def end_process(process: Process, seconds: float) -> None:
    """Ask a process to end, and wait for that up to `seconds`."""
    import psutil

    _signal(process, kill=False)
    psutil.wait_procs([process], timeout=seconds)


def _require_psutil() -> None:
    if find_spec("psutil") is None:
        raise LocalHubError("the local hub needs psutil", hint=INSTALL_COMMAND)


def _belongs_to(process: Process, instance_id: str) -> bool:
    return process.environ().get(INSTANCE_VARIABLE) == instance_id


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
