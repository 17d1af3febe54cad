"""A local hub that goes on running in the background, with its state in a folder."""

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
    """A local hub as `jhub local status` shows it: the one place where its throwaway passwords are shown."""

    running: bool
    """Whether its process lives."""
    url: str
    """Empty if it does not run, like `api_url` and `username`; `pid` is 0 then."""
    api_url: str
    username: str
    password: str
    user_password: str
    version: str
    """Empty if it does not answer: it is starting, or hangs."""
    pid: int
    folder: str
    left: int = 0
    """Processes that a hub which does not run any more left behind; `down` and `up` end them."""

    def __repr__(self) -> str:
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
    """Start a hub in the background, and return when it answers; or return the one that runs in `folder` already.

    `folder` is `default_folder()` if not given; the rest is as for LocalHub. Raises LocalHubError if the hub cannot
    be started, or one already runs there with another port, base URL or profiles than those asked for; the rest
    counts only for a hub that is started.
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
    """End the hub of `folder` with all that it started, also what is left of one that was killed.

    Says whether anything of it was running.
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
    """The hub of `folder`, running or not, or None if there never was one."""
    state = _state_folder(folder)
    installation = state.installation()
    if installation is None:
        if (lost := find_hub_process(state.path)) is not None:
            raise LocalHubError(
                f"a hub runs in {state.path} (process {lost[0].pid}), whose files are gone",
                hint="end it with: jhub local down",
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
    """Whether there is a hub of `folder`, running or not, its files whole, damaged or gone."""
    state = _state_folder(folder)
    return state.exists() or find_hub_process(state.path) is not None


def reset(folder: str | Path | None = None) -> None:
    """End the hub of `folder` and delete its state: users, groups, tokens, notebooks, passwords."""
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
    """End the hub of a folder whose files are damaged or gone: its process still has the mark. Says whether it ran."""
    found = find_hub_process(state.path)
    if found is None:
        return False
    end_process(found[0], STOP_SECONDS)
    end_processes(found[1])
    return True


def _state_folder(folder: str | Path | None) -> StateFolder:
    state = StateFolder(Path(folder or default_folder()).expanduser().absolute())
    state.check()
    return state
