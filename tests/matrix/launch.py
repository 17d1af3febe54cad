"""Start and stop a JupyterHub of any version, in its own environment, as a child process."""

from __future__ import annotations

import os
import subprocess
import sysconfig
import tempfile
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import msgspec

from jhub.local import fast_start
from jhub.local.logs import port_was_taken, tail
from jhub.local.probe import hub_version
from jhub.local.processes import INSTANCE_VARIABLE, end_processes

INSIDE = Path(__file__).parent / "inside"
# Saves two seconds of each start, on any version.
QUICK = Path(fast_start.__file__)
START_SECONDS = 45.0
STOP_SECONDS = 15.0


def new_place(folder: Path, name: str) -> Path:
    """Create a folder for a hub, a new one for each attempt: the folder of a failed one stays."""
    return Path(tempfile.mkdtemp(prefix=f"{name}-", dir=folder))


def start(
    environment: Path, place: Path, config: str, contents: msgspec.Struct, mark: str, arguments: Sequence[str] = ()
) -> subprocess.Popen[bytes]:
    """Start a hub with a configuration of `inside`, which reads `contents`; its state and log are in `place`."""
    settings = place / "settings.json"
    with open(os.open(settings, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(msgspec.json.encode(contents))
    strange = ("JUPYTER", "JPY_", "CONFIGPROXY_", "PYTHON")
    inherited = {key: value for key, value in os.environ.items() if not key.startswith(strange)}
    # The program traefik is that of this environment.
    path = os.pathsep.join(
        [str(environment / "bin"), sysconfig.get_path("scripts"), os.environ.get("PATH", os.defpath)]
    )
    with open(log_of(place), "wb") as log:
        return subprocess.Popen(
            [environment / "bin" / "python", "-P", QUICK, "jupyterhub", "--config", INSIDE / config, *arguments],
            cwd=place,
            env={**inherited, INSTANCE_VARIABLE: mark, "PATH": path, "JHUB_MATRIX_SETTINGS": str(settings)},
            stdin=subprocess.PIPE,  # the hub stops when it closes: see its configuration
            stdout=log,
            stderr=subprocess.STDOUT,
            umask=0o077,
            start_new_session=True,  # Ctrl-C reaches only this process, which then stops the hub
        )


def wait_up(process: subprocess.Popen[bytes], place: Path, api_url: str) -> tuple[int, ...] | None:
    """Wait for the hub, and return its version; None if another process took its port."""
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        if version := hub_version(api_url):
            return numbers(version)
        time.sleep(0.05)
    said = tail(log_of(place))
    if port_was_taken(said):
        return None
    last = "\n".join(said.splitlines()[-20:])
    raise AssertionError(f"the hub is not up after {START_SECONDS:.0f} s; the last lines of its log:\n{last}")


def end(process: subprocess.Popen[bytes], mark: str) -> None:
    """Stop the hub, and all processes that it started."""
    try:
        process.terminate()
        with suppress(subprocess.TimeoutExpired):
            process.wait(STOP_SECONDS)
    finally:
        # Servers are in sessions of their own; all processes of the hub have its mark in their environment.
        end_processes(mark)
        process.kill()
        process.wait()
        assert process.stdin is not None
        process.stdin.close()


def log_of(place: Path) -> Path:
    """Return the path of the log of the hub in this folder."""
    return place / "hub.log"


def numbers(version: str) -> tuple[int, ...]:
    """Return a version as numbers to compare, such as (5, 5, 4)."""
    return tuple(int(number) for number in version.split(".")[:3] if number.isdecimal())
