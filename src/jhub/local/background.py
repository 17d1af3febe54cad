"""A local hub that goes on running in the background, with its state in a folder."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from pathlib import Path

from msgspec import Struct

from jhub.errors import LocalHubError
from jhub.local.folder import Folder, default_folder
from jhub.local.hub import LOCK_SECONDS, LocalHub
from jhub.local.launch import find, stop
from jhub.local.processes import mark_of, sweep


class Status(Struct, frozen=True, kw_only=True):
    """A local hub as `jhub local status` shows it: the one place where its throwaway passwords are shown."""

    running: bool
    url: str
    """Empty if it does not run, like `api_url` and `version`; `pid` is 0 then."""
    api_url: str
    username: str
    password: str
    user_password: str
    version: str
    pid: int
    folder: str

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

    Says whether one was running.
    """
    place = _folder(folder)
    if not place.exists():
        return False
    with place.locked(LOCK_SECONDS):
        installation = place.install()
        ran = find(place, installation) is not None
        stop(place, installation, None)
    return ran


def status(folder: str | Path | None = None) -> Status | None:
    """The hub of `folder`, running or not, or None if there never was one."""
    place = _folder(folder)
    installation = place.installation()
    if installation is None:
        return None
    running = find(place, installation)
    return Status(
        running=running is not None,
        url=running.url if running else "",
        api_url=f"{running.url}hub/api" if running else "",
        username=running.username if running else "",
        password=installation.password,
        user_password=installation.user_password,
        version=running.version if running else "",
        pid=running.pid if running else 0,
        folder=str(place.path),
    )


def exists(folder: str | Path | None = None) -> bool:
    """Whether there is a hub of `folder`, running or not, its files whole or damaged."""
    return _folder(folder).exists()


def reset(folder: str | Path | None = None) -> None:
    """End the hub of `folder` and delete its state: users, groups, tokens, notebooks, passwords."""
    place = _folder(folder)
    if not place.exists():
        return
    with place.locked(LOCK_SECONDS):
        try:
            stop(place, place.install(), None)
        except LocalHubError:
            _end_what_is_known_of(place)
        place.remove()


def _end_what_is_known_of(place: Folder) -> None:
    """End the hub of a folder whose files are damaged: its process still knows the mark."""
    with contextlib.suppress(LocalHubError):
        running = place.running()
        mark = mark_of(running.pid) if running is not None else None
        if mark is not None:
            sweep(mark, grace=5.0)


def _folder(folder: str | Path | None) -> Folder:
    return Folder(Path(folder or default_folder()).expanduser().absolute())
