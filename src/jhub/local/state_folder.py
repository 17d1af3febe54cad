"""The folder in which a local hub keeps its state, and who may use it at a time."""

from __future__ import annotations

import errno
import os
import secrets
import shutil
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import msgspec
from msgspec import Struct

from jhub.errors import InvalidInput, LocalHubError
from jhub.files import base_folder, make_folder, own_folder, read_own, take_lock, write_whole

S = TypeVar("S", bound=Struct)

MIN_FREE_BYTES = 64 * 1024 * 1024
"""Less free space than this, and a hub's database or a notebook soon fails in ways that nobody understands."""


NAMES_BEFORE_INSTALL = {"lease", "lock", "proxy", "users"}
"""What a folder may hold before its hub was ever installed. Anything else is not ours to put a hub beside."""


class Installation(Struct, frozen=True, kw_only=True):
    """What stays the same at each start of a folder's hub. `instance_id` is in every child's environment."""

    instance_id: str
    password: str
    user_password: str

    def __repr__(self) -> str:
        return f"Installation(instance_id={self.instance_id!r})"


class Settings(Struct, frozen=True, kw_only=True):
    """What one start is told; the hub's configuration reads it."""

    base_url: str
    port: int
    hub_port: int
    proxy_port: int
    admin: str
    users: list[str]
    profiles: str = ""


class RunningHub(Struct, frozen=True, kw_only=True):
    """The hub that runs from a folder."""

    pid: int
    url: str
    username: str
    version: str


def default_folder() -> Path:
    """Where `up` keeps its hub: `$XDG_DATA_HOME/jhub/local`, else `~/.local/share/jhub/local`."""
    return base_folder("XDG_DATA_HOME", ".local/share") / "local"


class StateFolder:
    """Paths and small files of one local hub. Files are for their owner only, from the moment they exist."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.config = path / "jupyterhub_config.py"
        self.log = path / "hub.log"
        self.users = path / "users"
        self.proxy = path / "proxy"
        self._installation = path / "installation.json"
        self._settings = path / "settings.json"
        self._running = path / "running.json"
        self._lock = path / "lock"
        self._ready = path / "ready"

    def create(self) -> None:
        """Make the folder, for its owner only. Raises LocalHubError where that is impossible, or the disk is full."""
        with disk_errors(self.path):
            # Looked for first: another process may be installing its hub here at this moment.
            if self._has_foreign_files() and not self.exists():
                raise LocalHubError(
                    f"{self.path} holds something else than a local hub", hint="choose an empty folder, or a new one"
                )
            make_folder(self.path)
            self.check()
            self.users.mkdir(mode=0o700, exist_ok=True)
            self.proxy.mkdir(mode=0o700, exist_ok=True)
            free = shutil.disk_usage(self.path).free
        if free < MIN_FREE_BYTES:
            raise LocalHubError(
                f"the disk is full: {free // 2**20} MB left for {self.path}",
                hint=f"free at least {MIN_FREE_BYTES // 2**20} MB, or choose a folder on another disk",
            )

    def check(self) -> None:
        """Raise InvalidInput where somebody else owns the folder or a part of it, or may write to it.

        A hub would take its database, its proxy's rules or its passwords from there.
        """
        if not os.path.lexists(self.path):
            return
        with disk_errors(self.path):
            with own_folder(self.path) as folder:
                names = os.listdir(folder if folder is not None else self.path)
                others = [name for name in names if _owner(folder, name) not in (os.geteuid(), None)]
            if others:
                raise InvalidInput(
                    f"{self.path / min(others)} belongs to another user",
                    hint=f"what is in {self.path} may not be yours: move it away, and start afresh",
                )
            for part in (self.users, self.proxy):
                if os.path.lexists(part):
                    with own_folder(part):
                        pass

    def _has_foreign_files(self) -> bool:
        draft = f".{self._installation.name}."
        entries = self.path.iterdir() if self.path.exists() else ()
        return any(entry.name not in NAMES_BEFORE_INSTALL and not entry.name.startswith(draft) for entry in entries)

    def exists(self) -> bool:
        """Whether a hub was ever installed here."""
        return self._installation.exists()

    def install(self) -> Installation:
        """This folder's passwords and instance_id: those it has, else new ones."""
        installed = self.installation()
        if installed is None:
            # JupyterHub's shared-password authenticator asks for 32 characters in an administrator's password.
            installed = Installation(
                instance_id=secrets.token_hex(16),
                password=secrets.token_urlsafe(24),
                user_password=secrets.token_urlsafe(9),
            )
            self.write(self._installation, msgspec.json.encode(installed))
        return installed

    def installation(self) -> Installation | None:
        """This folder's passwords and instance_id, if it has any."""
        return _read(self._installation, Installation)

    def settings(self) -> Settings:
        """What the present start was told."""
        settings = _read(self._settings, Settings)
        if settings is None:
            raise LocalHubError(f"{self._settings} is missing: the hub of this folder was never started")
        return settings

    def prepare(self, settings: Settings, config: str) -> None:
        """Write down what the next hub process is told."""
        with disk_errors(self.path):
            self._ready.unlink(missing_ok=True)
            # What a hub that was killed left here, its proxy's password included, would win over what is new
            # (jupyterhub-traefik-proxy 2.1).
            for file in self.proxy.iterdir():
                file.unlink()
        self.write(self._settings, msgspec.json.encode(settings))
        self.write(self.config, config.encode())
        self.write(self.log, b"")

    def set_ready(self) -> None:
        """Say that the hub has started, and its services with it."""
        self.write(self._ready, b"")

    @property
    def ready(self) -> bool:
        """Whether the hub that was prepared last has started."""
        return self._ready.exists()

    def running(self) -> RunningHub | None:
        """The hub that was last known to run from here; it may have died since."""
        return _read(self._running, RunningHub)

    def set_running(self, running: RunningHub | None) -> None:
        """Remember the hub that runs now, or that none does."""
        if running is None:
            self._running.unlink(missing_ok=True)
        else:
            self.write(self._running, msgspec.json.encode(running))

    def write(self, path: Path, content: bytes) -> None:
        """Write a file as a whole or not at all, readable by its owner only."""
        with disk_errors(path):
            write_whole(path, content)

    @contextmanager
    def locked(self, seconds: float) -> Generator[None]:
        """Let one process at a time start or stop this folder's hub. Waits up to `seconds` for the others."""
        with disk_errors(self._lock):
            descriptor = take_lock(self._lock, seconds)
        if descriptor is None:
            raise LocalHubError(f"another process is starting or stopping the hub in {self.path}")
        try:
            yield
        finally:
            os.close(descriptor)

    def remove(self) -> None:
        """Delete the folder and all that is in it."""
        with disk_errors(self.path):
            for attempt in range(3):
                try:
                    shutil.rmtree(self.path)
                except FileNotFoundError:
                    return
                except OSError as error:
                    # A server that was killed a moment ago may still have left a file behind.
                    if error.errno != errno.ENOTEMPTY or attempt == 2:
                        raise
                    time.sleep(0.2)
                else:
                    return


@contextmanager
def disk_errors(path: Path) -> Generator[None]:
    """Turn what the file system says into one clear line."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise LocalHubError(f"the disk is full: cannot write {path}", hint="free some space") from error
        if isinstance(error, PermissionError):
            raise LocalHubError(f"no permission to write {path}", hint="choose another folder") from error
        raise LocalHubError(f"cannot use {path}: {error.strerror or error}") from error


def _read(path: Path, kind: type[S]) -> S | None:
    content = read_own(path, private=True)
    if content is None:
        return None
    try:
        return msgspec.json.decode(content, type=kind)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise LocalHubError(f"cannot read {path}: {error}", hint="`jhub local reset` starts afresh") from error


def _owner(folder: int | None, name: str) -> int | None:
    """The owner of a file in the open folder; None where it has just gone."""
    try:
        return os.stat(name, dir_fd=folder, follow_symlinks=False).st_uid
    except FileNotFoundError:
        return None
