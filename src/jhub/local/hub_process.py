"""Process of a local hub: `python -m jhub.local.hub_process FOLDER`.

It runs JupyterHub in FOLDER and, at its own end, ends all processes that the hub started. It also ends when its
standard input is closed, which the system does when the parent process dies for any reason. If the parent has sent a
byte before, the hub is detached and keeps running.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from pathlib import Path
from typing import Any, NoReturn

from jhub.local.fast_start import skip_slow_imports
from jhub.local.processes import INSTANCE_VARIABLE, end_processes
from jhub.local.state_folder import StateFolder
from jhub.local.temporary_folder import LEASE, remove_if_abandoned

MAX_SHUTDOWN_SECONDS = 15.0
"""Grace period for a shutdown after the parent has died, in seconds; then all processes are killed."""


def main(arguments: list[str]) -> None:
    """Run the hub of the folder named in `arguments` until a signal or the end of its parent ends it."""
    (folder,) = arguments
    # JupyterHub 6.1 handles SIGTERM only once it is up. Before that, the default action would leave its proxy behind.
    signal.signal(signal.SIGTERM, _exit_on_sigterm)
    threading.Thread(target=_end_with_parent, args=(_detach_input(),), daemon=True).start()
    os.umask(0o077)  # JupyterHub's database contains tokens
    skip_slow_imports()
    os.chdir(folder)
    try:
        _run(StateFolder(Path(folder)))
    finally:
        end_processes(os.environ[INSTANCE_VARIABLE])
        if Path(folder, LEASE).exists():
            remove_if_abandoned(Path(folder))


def _run(folder: StateFolder) -> None:
    # JupyterHub carries no types.
    from jupyterhub.app import JupyterHub  # pyright: ignore[reportMissingTypeStubs]

    hub: Any = JupyterHub
    original = hub.start

    async def start(self: Any) -> None:
        # The REST API answers earlier, before services are up and signals are handled.
        await original(self)
        folder.set_ready()

    # Not a subclass: traitlets applies `c.JupyterHub.load_roles.append(…)` once for each class of that name.
    hub.start = start
    hub.launch_instance(["--config", str(folder.config)])


def _exit_on_sigterm(*_: object) -> NoReturn:
    sys.exit(128 + signal.SIGTERM)


def _detach_input() -> int:
    """Move standard input to another file descriptor, so that servers do not inherit it, and return that."""
    lease = os.dup(0)
    with open(os.devnull) as nothing:
        os.dup2(nothing.fileno(), 0)
    return lease


def _end_with_parent(lease: int) -> None:
    if os.read(lease, 1):
        return
    os.kill(os.getpid(), signal.SIGTERM)
    # The parent is dead, so nothing else would kill a hub that hangs.
    time.sleep(MAX_SHUTDOWN_SECONDS)
    end_processes(os.environ[INSTANCE_VARIABLE])
    os._exit(1)


if __name__ == "__main__":
    main(sys.argv[1:])
