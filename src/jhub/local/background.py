"""A local hub that runs in the background and keeps its state in a folder: start, stop, status and reset."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from msgspec import Struct

from jhub.errors import LocalHubError
from jhub.local.hub import LOCK_SECONDS, LocalHub
from jhub.local.launch import STOP_SECONDS, find_running, stop
from jhub.local.processes import end_process, end_processes, find_hub_process, list_processes
from jhub.local.state_folder import StateFolder, default_folder


class Status(Struct, frozen=True, kw_only=True):
    """The state of a local hub, with its passwords, which nothing else shows."""

    running: bool
    """True while the hub's process is alive."""
    url: str
    """URL of the hub's site. Empty if the hub does not run, like `api_url` and `username`; `pid` is 0 then."""
    api_url: str
    username: str
    password: str
    user_password: str
    version: str
    """Version of JupyterHub. Empty if the hub does not answer: it is starting, or hangs."""
    pid: int
    folder: str
    left: int = 0
    """Number of processes that a killed hub left behind; `down` and `up` end them."""

    def __repr__(self) -> str:
        """Return the main fields, without the passwords."""
        return f"Status(running={self.running}, url={self.url!r}, pid={self.pid}, folder={self.folder!r})"


def up(
    folder: str | Path | None = None,
    *,
    base_url: str | None = None,
    port: int | None = None,
    profiles: str | Path | None = None,
    config: str | Path | None = None,
    users: Iterable[str] = (),
    admin: str = "admin",
) -> LocalHub:
    """Start a hub in the background and return as soon as it answers; return the hub of `folder` if it already runs.

    `folder` defaults to `default_folder()`; the other options are those of `LocalHub`. Raises `LocalHubError` if the
    hub cannot be started, or if one already runs in `folder` with another port, base URL, profiles or configuration
    than you pass; `users` and `admin` have no effect on a hub that already runs.
    """
    hub = LocalHub(
        folder or default_folder(),
        base_url=base_url,
        port=port,
        profiles=profiles,
        config=config,
        users=users,
        admin=admin,
    )
    hub.start_in_background()
    return hub


def down(folder: str | Path | None = None) -> bool:
    """Stop the hub of `folder` and all its processes, including those that a killed hub left behind.

    Returns whether any of them was running.
    """
    state = _state_folder(folder)
    if not state.exists():
        return _end_orphan(state)
    with state.locked(LOCK_SECONDS):
        try:
            installation = state.install()
        except LocalHubError:
            if _end_orphan(state):
                return True
            raise
        return stop(state, installation.instance_id)


def status(folder: str | Path | None = None) -> Status | None:
    """Return the state of the hub of `folder`, running or not; None if no hub was ever installed there.

    Raises `LocalHubError` if a hub runs there and its files are gone.
    """
    state = _state_folder(folder)
    installation = state.installation()
    if installation is None:
        if (orphan := find_hub_process(state.path)) is not None:
            raise LocalHubError(
                f"the files of the hub that runs in {state.path} (process {orphan.process.pid}) are gone",
                hint="stop it with: jhub local down",
            )
        return None
    running = find_running(state)
    return Status(
        running=running is not None,
        url=running.url if running else "",
        api_url=f"{running.url}hub/api" if running else "",
        username=running.username if running else "",
        password=installation.password,
        user_password=installation.user_password,
        version=running.version if running else "",
        pid=running.pid if running else 0,
        folder=str(state.path),
        left=0 if running else len(list_processes(installation.instance_id)),
    )


def exists(folder: str | Path | None = None) -> bool:
    """Return whether `folder` has a hub, running or not, including a running hub whose files are gone."""
    state = _state_folder(folder)
    return state.exists() or find_hub_process(state.path) is not None


def reset(folder: str | Path | None = None) -> None:
    """Stop the hub of `folder` and delete its state: users, groups, tokens, notebooks and passwords."""
    state = _state_folder(folder)
    if not state.exists():
        _end_orphan(state)
        return
    with state.locked(LOCK_SECONDS):
        try:
            stop(state, state.install().instance_id)
        except LocalHubError:
            _end_orphan(state)
        state.remove()


def _end_orphan(state: StateFolder) -> bool:
    """End the hub of a folder whose files are damaged or gone, by its process's instance ID; return whether it ran."""
    hub = find_hub_process(state.path)
    if hub is None:
        return False
    end_process(hub.process, STOP_SECONDS)
    end_processes(hub.instance_id)
    return True


def _state_folder(folder: str | Path | None) -> StateFolder:
    state = StateFolder(Path(folder or default_folder()).expanduser().absolute())
    state.check()
    return state
