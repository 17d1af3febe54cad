"""Starting and ending the process of a local hub."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import time
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from jhub.errors import LocalHubError
from jhub.local import logs, ports
from jhub.local.probe import hub_version
from jhub.local.processes import HUB_MODULE, INSTANCE_VARIABLE, end_process, end_processes, find_hub_process
from jhub.local.requirements import search_path
from jhub.local.state_folder import Installation, RunningHub, Settings, StateFolder, disk_errors

START_SECONDS = 60.0
STOP_SECONDS = 15.0
MAX_PORT_ATTEMPTS = 4
DETACH_BYTE = b"."
"""Sent to a hub's process that is to go on without the one that started it."""
DEFAULT_PROFILES = Path(__file__).with_name("profiles.yaml")

CONFIG = """\
# Written by jhub at every start of this hub; changes made here are lost.
import jhub.extension
import jhub.local.hub_config

c = get_config()
jhub.local.hub_config.configure(c, {folder!r})
jhub.extension.enable(c, profiles={profiles!r}, password_tokens=True, login_client=True)

{extra}
"""


class Options(Struct, frozen=True, kw_only=True):
    """What the caller of a local hub may choose."""

    base_url: str
    port: int | None
    profiles: Path
    config: str
    users: tuple[str, ...]
    admin: str


class StartedHub(Struct, frozen=True, kw_only=True):
    """A hub that answers, and its process: our child."""

    process: subprocess.Popen[bytes]
    running: RunningHub


def launch(folder: StateFolder, installation: Installation, options: Options, *, detached: bool) -> StartedHub:
    """Start a hub in `folder` and wait until it answers. It ends when this process does, if detached only until then.

    Raises LocalHubError with the hub's own last word. Leaves nothing behind then.
    """
    for _ in range(MAX_PORT_ATTEMPTS):
        port, hub_port, proxy_port = ports.free_ports(3)
        if options.port is not None:
            ports.check_port(options.port)
            port = options.port
        settings = Settings(
            base_url=options.base_url,
            port=port,
            hub_port=hub_port,
            proxy_port=proxy_port,
            admin=options.admin,
            users=list(options.users),
            profiles=str(options.profiles),
        )
        config = CONFIG.format(folder=str(folder.path), profiles=str(options.profiles), extra=options.config)
        folder.prepare(settings, config)
        process = _spawn(folder, installation.instance_id)
        try:
            url = f"http://{ports.LOOPBACK}:{port}{options.base_url}"
            version = _wait_until_ready(folder, process, url)
            if version is not None:
                running = RunningHub(pid=process.pid, url=url, username=options.admin, version=version)
                folder.set_running(running)
                if detached:
                    _detach(process)
                return StartedHub(process=process, running=running)
        except BaseException:
            _end_hub(process, installation.instance_id)
            raise
        # Somebody took one of the ports between our look and the hub's.
        _end_hub(process, installation.instance_id)
    raise LocalHubError("found no free ports for the hub", hint="try again")


def stop(folder: StateFolder, instance_id: str, process: subprocess.Popen[bytes] | None = None) -> bool:
    """End the hub that runs in `folder` with all it started, whatever state it is in; whether there was anything."""
    other = None if process is not None else find_hub_process(folder.path)
    try:
        if process is not None:
            _end_hub(process, instance_id)
        elif other is not None:
            end_process(other[0], STOP_SECONDS)
    finally:
        leftover = sum(map(end_processes, {instance_id, *(other[1:] if other else ())}))
        folder.set_running(None)
    return process is not None or other is not None or leftover > 0


def find_running(folder: StateFolder) -> RunningHub | None:
    """The hub that runs in `folder`; without a version if it does not answer."""
    process_and_id = find_hub_process(folder.path)
    if process_and_id is None:
        return None
    pid = process_and_id[0].pid
    running = folder.running()
    if running is None or running.pid != pid:
        # It was never written down: whoever started it was killed, or is about to.
        settings = folder.settings()
        url = f"http://{ports.LOOPBACK}:{settings.port}{settings.base_url}"
        running = RunningHub(pid=pid, url=url, username=settings.admin, version="")
    return replace(running, version=hub_version(f"{running.url}hub/api", seconds=5) or "")


def _spawn(folder: StateFolder, instance_id: str) -> subprocess.Popen[bytes]:
    with disk_errors(folder.log), folder.log.open("ab") as log:
        return subprocess.Popen(
            # -P: a file in the current folder must not stand in for a module.
            [sys.executable, "-P", "-m", HUB_MODULE, str(folder.path)],
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=subprocess.STDOUT,
            env=_environment(instance_id),
            # Ctrl-C in the terminal is for us alone; we then end the hub in order.
            start_new_session=True,
        )


def _detach(process: subprocess.Popen[bytes]) -> None:
    """Let the hub outlive this process: until now it would have ended with it."""
    if process.stdin is not None:
        with contextlib.suppress(BrokenPipeError):
            process.stdin.write(DETACH_BYTE)
            process.stdin.close()


def _environment(instance_id: str) -> dict[str, str]:
    # Inside of a user's server on another hub, these would lead ours astray.
    excluded = ("JUPYTERHUB_", "JPY_", "CONFIGPROXY_")
    environment = {key: value for key, value in os.environ.items() if not key.startswith(excluded)}
    return {**environment, "PATH": search_path(), INSTANCE_VARIABLE: instance_id}


def _wait_until_ready(folder: StateFolder, process: subprocess.Popen[bytes], url: str) -> str | None:
    """The hub's version as soon as it answers; None if it lost the race for a port."""
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        ended = process.poll() is not None
        log = logs.tail(folder.log)
        if logs.port_was_taken(log):
            return None
        if ended:
            reason = "the disk is full" if logs.disk_was_full(log) else "the hub ended at its start"
            raise LocalHubError(f"{reason}: {logs.reason(log)}", hint=f"its log: {folder.log}")
        if folder.ready and (version := hub_version(f"{url}hub/api")):
            return version
        time.sleep(0.05)
    raise LocalHubError(
        f"the hub did not answer within {START_SECONDS:.0f} s; its log ends with: {logs.reason(logs.tail(folder.log))}",
        hint=f"its log: {folder.log}",
    )


def _end_hub(process: subprocess.Popen[bytes], instance_id: str) -> None:
    try:
        process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(STOP_SECONDS)
    finally:
        end_processes(instance_id)
        process.kill()
        process.wait()
        if process.stdin is not None:
            process.stdin.close()
