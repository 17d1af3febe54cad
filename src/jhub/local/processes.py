"""Processes of a local hub: listing and ending those that have its instance ID in their environment.

Single-user servers start sessions of their own and outlive a hub that is killed, and their kernels outlive them, so
neither a process group nor a list of process IDs covers them. Children inherit the environment.
"""

from __future__ import annotations

import os
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from jhub.errors import LocalHubError
from jhub.local.requirements import INSTALL_COMMAND

if TYPE_CHECKING:
    from psutil import Process

INSTANCE_VARIABLE = "JHUB_LOCAL_INSTANCE"
"""Environment variable with the instance ID, in all processes of a local hub."""
HUB_MODULE = "jhub.local.hub_process"
"""Module that runs a hub. The next argument of the command is the hub's folder."""


class HubProcess(NamedTuple):
    """The process that runs a hub, and the hub's instance ID."""

    process: Process
    instance_id: str


def list_processes(instance_id: str) -> list[Process]:
    """Return this user's processes that have this instance ID, except the current one."""
    _require_psutil()
    import psutil

    processes: list[Process] = []
    for process in psutil.process_iter():
        try:
            if process.pid != os.getpid() and process.uids().real == os.getuid() and _belongs_to(process, instance_id):
                processes.append(process)
        except psutil.Error:  # the process is gone, or not readable
            continue
    return processes


def find_hub_process(folder: Path) -> HubProcess | None:
    """Return this user's process that runs the hub of `folder`, and its instance ID; None if no hub runs.

    The process is identified by its command line, so damaged or missing files in the folder do not matter.
    """
    if os.name != "posix" or find_spec("psutil") is None:
        return None  # without psutil, this Python cannot have started a hub
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
        except psutil.Error:  # the process is gone, or not readable
            continue
    if not candidates:
        return None
    # A forked child has the same arguments until it runs another program: the oldest process is the hub.
    _, process, instance_id = min(candidates, key=lambda candidate: candidate[0])
    return HubProcess(process, instance_id)


def end_processes(instance_id: str, *, grace: float = 1.0) -> int:
    """End all processes with this instance ID and return their number.

    They get SIGTERM, and SIGKILL after `grace` seconds.
    """
    _require_psutil()
    import psutil

    total = 0
    # A process may start another one between being listed and being ended: repeat until none is left.
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
    """Send SIGTERM to a process and wait up to `seconds` for its end."""
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
        # psutil checks that the process ID still belongs to the same process.
        if kill:
            process.kill()
        else:
            process.terminate()
    except psutil.Error:
        pass
