"""Start, stop and lookup of the process of a local hub."""

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
"""Time limit for a started hub to answer, in seconds."""
STOP_SECONDS = 15.0
"""Grace period after SIGTERM, in seconds; then the hub is killed."""
MAX_PORT_ATTEMPTS = 4
"""Maximum number of starts, each on other ports, when another program takes one of the ports first."""
DETACH_BYTE = b"."
"""Input of a hub's process that detaches it from its parent."""
DEFAULT_PROFILES = Path(__file__).with_name("profiles.yaml")
"""File with the profiles of a local hub that has no others."""

CONFIG_ERROR = "jhub.errors.InvalidInput: "
"""Beginning of the line in the log for an error of the configuration."""

CONFIG = """\
# Written by jhub at every start of this hub; your changes here are lost.
import jhub.extension
import jhub.local.hub_config

c = get_config()
jhub.local.hub_config.configure(c, {folder!r})
jhub.extension.enable(c, profiles={profiles!r}, password_tokens=True, login_client=True)
jhub.local.hub_config.run_extra_config(c, {folder!r})
"""


class Options(Struct, frozen=True, kw_only=True):
    """Options of a local hub, as given by the caller."""

    base_url: str
    port: int | None
    profiles: Path
    config: str
    config_file: str
    """Name of the file of `config` in error messages."""
    users: tuple[str, ...]
    admin: str


class StartedHub(Struct, frozen=True, kw_only=True):
    """A hub that answers, and its process, which is a child of this one."""

    process: subprocess.Popen[bytes]
    running: RunningHub


def launch(folder: StateFolder, installation: Installation, options: Options, *, detached: bool) -> StartedHub:
    """Start a hub in `folder` and wait until it answers.

    The hub ends with this process. With `detached`, it does so only until it answers. Raises `LocalHubError` with the
    error in the hub's log if the start fails, and leaves no process behind.
    """
    previous = folder.previous_port()
    for attempt in range(MAX_PORT_ATTEMPTS):
        port, hub_port, proxy_port = ports.free_ports(3)
        if attempt == 0 and previous is not None and ports.is_free(previous):
            port = previous
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
            config=options.config,
            config_file=options.config_file,
        )
        config = CONFIG.format(folder=str(folder.path), profiles=str(options.profiles))
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
        # Another program took one of the ports after `free_ports` had found it free.
        _end_hub(process, installation.instance_id)
    raise LocalHubError("no free ports for the hub", hint="try again")


def stop(folder: StateFolder, instance_id: str, process: subprocess.Popen[bytes] | None = None) -> bool:
    """End the hub that runs in `folder` and all its processes; return whether there were any."""
    other = None if process is not None else find_hub_process(folder.path)
    try:
        if process is not None:
            _end_hub(process, instance_id)
        elif other is not None:
            end_process(other.process, STOP_SECONDS)
    finally:
        leftover = sum(map(end_processes, {instance_id, other.instance_id if other else instance_id}))
        folder.set_running(None)
    return process is not None or other is not None or leftover > 0


def find_running(folder: StateFolder) -> RunningHub | None:
    """Return the hub that runs in `folder`, or None. Its version is empty if it does not answer."""
    hub = find_hub_process(folder.path)
    if hub is None:
        return None
    pid = hub.process.pid
    running = folder.running()
    if running is None or running.pid != pid:
        # The process that started the hub was killed before it recorded the hub, or has not done so yet.
        settings = folder.settings()
        url = f"http://{ports.LOOPBACK}:{settings.port}{settings.base_url}"
        running = RunningHub(pid=pid, url=url, username=settings.admin, version="")
    return replace(running, version=hub_version(f"{running.url}hub/api", seconds=5) or "")


def _spawn(folder: StateFolder, instance_id: str) -> subprocess.Popen[bytes]:
    with disk_errors(folder.log), folder.log.open("ab") as log:
        return subprocess.Popen(
            # -P: a file in the current folder must not shadow a module.
            [sys.executable, "-P", "-m", HUB_MODULE, str(folder.path)],
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=subprocess.STDOUT,
            env=_environment(instance_id),
            # Ctrl-C in the terminal is for this process only, which then shuts the hub down.
            start_new_session=True,
        )


def _detach(process: subprocess.Popen[bytes]) -> None:
    """Detach the hub, so that it outlives this process."""
    if process.stdin is not None:
        with contextlib.suppress(BrokenPipeError):
            process.stdin.write(DETACH_BYTE)
            process.stdin.close()


def _environment(instance_id: str) -> dict[str, str]:
    # Set inside a user's server of another hub; the local hub would read them.
    excluded = ("JUPYTERHUB_", "JPY_", "CONFIGPROXY_")
    environment = {key: value for key, value in os.environ.items() if not key.startswith(excluded)}
    return {**environment, "PATH": search_path(), INSTANCE_VARIABLE: instance_id}


def _wait_until_ready(folder: StateFolder, process: subprocess.Popen[bytes], url: str) -> str | None:
    """Wait until the hub answers and return its version; None if another program took one of its ports."""
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        ended = process.poll() is not None
        log = logs.tail(folder.log)
        if logs.port_was_taken(log):
            return None
        if ended:
            reason = "the disk is full" if logs.disk_was_full(log) else "the hub exited during startup"
            cause = logs.reason(log)
            if cause.startswith(CONFIG_ERROR):
                raise LocalHubError(
                    f"invalid configuration: {cause.removeprefix(CONFIG_ERROR)}",
                    hint=f"see the hub's log: {folder.log}",
                )
            raise LocalHubError(f"{reason}: {cause}", hint=f"see the hub's log: {folder.log}")
        if folder.ready and (version := hub_version(f"{url}hub/api")):
            return version
        time.sleep(0.05)
    raise LocalHubError(
        f"the hub did not answer within {START_SECONDS:.0f} s; its log ends with: {logs.reason(logs.tail(folder.log))}",
        hint=f"see the hub's log: {folder.log}",
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
