"""The process in which a local hub runs: `python -m jhub.local.hub_process FOLDER`.

Runs JupyterHub in FOLDER, and sees to it that whatever it started ends with it. It also ends when its standard input
is closed, which is what the system does when the parent process dies, however it dies; unless that has sent a byte
before: then the hub goes on by itself.
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


def main(arguments: list[str]) -> None:
    """Run the hub of the folder that `arguments` names until it is told to end."""
    (folder,) = arguments
    # Until JupyterHub is up it leaves SIGTERM to the system, which would end it and leave its proxy behind (6.1).
    signal.signal(signal.SIGTERM, _exit_on_sigterm)
    threading.Thread(target=_end_with_parent, args=(_detach_input(),), daemon=True).start()
    os.umask(0o077)  # JupyterHub's database has tokens in it
    skip_slow_imports()
    os.chdir(folder)
    try:
        _run(StateFolder(Path(folder)))
    finally:
        end_processes(os.environ[INSTANCE_VARIABLE])
        if Path(folder, LEASE).exists():
            remove_if_abandoned(Path(folder))


def _run(folder: StateFolder) -> None:
    from jupyterhub import app  # pyright: ignore[reportMissingTypeStubs]  # JupyterHub carries no types

    class JupyterHub(app.JupyterHub):  # type: ignore[misc]  # JupyterHub carries no types
        async def start(self) -> None:
            # The API answers earlier, before services are up and signals are heeded.
            await super().start()
            folder.set_ready()

    launch_instance: Any = JupyterHub.launch_instance  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
    launch_instance(["--config", str(folder.config)])


def _exit_on_sigterm(*_: object) -> NoReturn:
    sys.exit(128 + signal.SIGTERM)


def _detach_input() -> int:
    """Keep standard input under another number, so that the servers to be started do not get it."""
    lease = os.dup(0)
    with open(os.devnull) as nothing:
        os.dup2(nothing.fileno(), 0)
    return lease


def _end_with_parent(lease: int) -> None:
    if os.read(lease, 1):
        return
    os.kill(os.getpid(), signal.SIGTERM)
    # Nobody is left to wait for us and to lose patience.
    time.sleep(MAX_SHUTDOWN_SECONDS)
    end_processes(os.environ[INSTANCE_VARIABLE])
    os._exit(1)


if __name__ == "__main__":
    main(sys.argv[1:])
