"""State folder of a local hub: its files, their permissions, and the lock on it."""

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
from jhub.files import acquire_lock, base_folder, make_folder, open_own_folder, read_own_file, write_atomically

S = TypeVar("S", bound=Struct)

MIN_FREE_BYTES = 64 * 1024 * 1024
"""Minimum free disk space for a start. With less, the database or a notebook soon fails with misleading errors."""

NAMES_BEFORE_INSTALL = {"lease", "lock", "proxy", "users"}
"""Names that a folder may contain before a hub is installed in it. `create` refuses a folder with any other."""


class Installation(Struct, frozen=True, kw_only=True):
    """The lasting identity of a folder's hub: its passwords, and the ID in the environment of all its processes."""

    instance_id: str
    password: str
    user_password: str

    def __repr__(self) -> str:
        """Return the instance ID, without the passwords."""
        return f"Installation(instance_id={self.instance_id!r})"


class Settings(Struct, frozen=True, kw_only=True):
    """The settings of one start, which the hub's configuration reads."""

    base_url: str
    port: int
    hub_port: int
    proxy_port: int
    admin: str
    users: list[str]
    profiles: str = ""
    config: str = ""
    """Additional configuration, as Python code."""
    config_file: str = ""

    def __repr__(self) -> str:
        """Return the addresses, without the additional configuration, which may hold tokens."""
        return f"Settings(port={self.port}, base_url={self.base_url!r})"


class RunningHub(Struct, frozen=True, kw_only=True):
    """A hub that runs from a folder: its process ID, site URL, administrator and version."""

    pid: int
    url: str
    username: str
    version: str


def default_folder() -> Path:
    """Return the folder that `up` uses: `$XDG_DATA_HOME/jhub/local`, else `~/.local/share/jhub/local`."""
    return base_folder("XDG_DATA_HOME", ".local/share") / "local"


class StateFolder:
    """The state folder of one local hub. Its files are private to their owner from the moment they exist."""

    def __init__(self, path: Path) -> None:
        """Set the paths; nothing is created or read yet."""
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
        """Create the folder, private to its owner.

        Raises `LocalHubError` if that fails, if the disk is nearly full, or if the folder holds anything else.
        """
        with disk_errors(self.path):
            # Look for other files before looking for a hub: another process may be installing one here right now.
            if self._has_foreign_files() and not self.exists():
                raise LocalHubError(
                    f"{self.path} is not empty and contains no local hub", hint="choose an empty or new folder"
                )
            make_folder(self.path)
            self.check()
            self.users.mkdir(mode=0o700, exist_ok=True)
            self.proxy.mkdir(mode=0o700, exist_ok=True)
            free = shutil.disk_usage(self.path).free
        if free < MIN_FREE_BYTES:
            raise LocalHubError(
                f"the disk is full: {free // 2**20} MiB left for {self.path}",
                hint=f"free at least {MIN_FREE_BYTES // 2**20} MiB, or choose a folder on another disk",
            )

    def check(self) -> None:
        """Raise `InvalidInput` if another user owns the folder or anything in it, or may write to it.

        A hub reads its database, its proxy's rules and its passwords from there.
        """
        if not os.path.lexists(self.path):
            return
        with disk_errors(self.path):
            with open_own_folder(self.path) as folder:
                names = os.listdir(folder if folder is not None else self.path)
                others = [name for name in names if _owner(folder, name) not in (os.geteuid(), None)]
            if others:
                raise InvalidInput(
                    f"{self.path / min(others)} belongs to another user",
                    hint=f"the contents of {self.path} may not be yours: move the folder away and start again",
                )
            for part in (self.users, self.proxy):
                if os.path.lexists(part):
                    with open_own_folder(part):
                        pass

    def _has_foreign_files(self) -> bool:
        draft = f".{self._installation.name}."
        entries = self.path.iterdir() if self.path.exists() else ()
        return any(entry.name not in NAMES_BEFORE_INSTALL and not entry.name.startswith(draft) for entry in entries)

    def exists(self) -> bool:
        """Return whether a hub was ever installed here."""
        return self._installation.exists()

    def install(self) -> Installation:
        """Return the folder's instance ID and passwords; generate and store them if it has none."""
        installed = self.installation()
        if installed is None:
            # JupyterHub's shared-password authenticator requires 32 characters in an administrator's password.
            installed = Installation(
                instance_id=secrets.token_hex(16),
                password=secrets.token_urlsafe(24),
                user_password=secrets.token_urlsafe(9),
            )
            self.write(self._installation, msgspec.json.encode(installed))
        return installed

    def installation(self) -> Installation | None:
        """Return the folder's instance ID and passwords, or None if no hub was installed here."""
        return _read(self._installation, Installation)

    def settings(self) -> Settings:
        """Return the settings of the latest start."""
        settings = _read(self._settings, Settings)
        if settings is None:
            raise LocalHubError(f"{self._settings} is missing: no hub was ever started in this folder")
        return settings

    def previous_port(self) -> int | None:
        """Return the public port of the latest start; None if there was none, or its settings cannot be read."""
        try:
            return self.settings().port
        except LocalHubError:
            return None

    def prepare(self, settings: Settings, config: str) -> None:
        """Write the settings and the configuration of the next start, and empty the log."""
        with disk_errors(self.path):
            self._ready.unlink(missing_ok=True)
            # jupyterhub-traefik-proxy 2.1 prefers the files of a killed hub, its proxy's password included, to new
            # settings.
            for file in self.proxy.iterdir():
                file.unlink()
        self.write(self._settings, msgspec.json.encode(settings))
        self.write(self.config, config.encode())
        self.write(self.log, b"")

    def set_ready(self) -> None:
        """Record that the hub and its services have started."""
        self.write(self._ready, b"")

    @property
    def ready(self) -> bool:
        """True once the hub of the latest start is up."""
        return self._ready.exists()

    def running(self) -> RunningHub | None:
        """Return the hub that last ran from here, or None; it may have died since."""
        return _read(self._running, RunningHub)

    def set_running(self, running: RunningHub | None) -> None:
        """Record the hub that runs now, or None."""
        if running is None:
            self._running.unlink(missing_ok=True)
        else:
            self.write(self._running, msgspec.json.encode(running))

    def write(self, path: Path, content: bytes) -> None:
        """Write a file atomically, readable by its owner only."""
        with disk_errors(path):
            write_atomically(path, content)

    @contextmanager
    def locked(self, seconds: float) -> Generator[None]:
        """Hold the lock for starting or stopping this folder's hub; wait up to `seconds` for other processes."""
        with disk_errors(self._lock):
            descriptor = acquire_lock(self._lock, seconds)
        if descriptor is None:
            raise LocalHubError(f"another process is starting or stopping the hub in {self.path}")
        try:
            yield
        finally:
            os.close(descriptor)

    def remove(self) -> None:
        """Delete the folder and everything in it."""
        with disk_errors(self.path):
            for attempt in range(3):
                try:
                    shutil.rmtree(self.path)
                except FileNotFoundError:
                    return
                except OSError as error:
                    # A server that was just killed may still have left a file behind.
                    if error.errno != errno.ENOTEMPTY or attempt == 2:
                        raise
                    time.sleep(0.2)
                else:
                    return


@contextmanager
def disk_errors(path: Path) -> Generator[None]:
    """Turn an `OSError` into a `LocalHubError` of one line with a hint."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise LocalHubError(f"the disk is full: cannot write {path}", hint="free some space") from error
        if isinstance(error, PermissionError):
            raise LocalHubError(f"no permission to write {path}", hint="choose another folder") from error
        raise LocalHubError(f"cannot use {path}: {error.strerror or error}") from error


def _read(path: Path, kind: type[S]) -> S | None:
    content = read_own_file(path, private=True)
    if content is None:
        return None
    try:
        return msgspec.json.decode(content, type=kind)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise LocalHubError(
            f"cannot read {path}: {error}", hint="delete the local hub's state with: jhub local reset"
        ) from error


def _owner(folder: int | None, name: str) -> int | None:
    """Return the user ID of a file's owner, by its name in the open folder; None if the file is gone."""
    try:
        return os.stat(name, dir_fd=folder, follow_symlinks=False).st_uid
    except FileNotFoundError:
        return None
