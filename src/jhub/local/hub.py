"""`LocalHub`: a JupyterHub that runs for the duration of a `with` block."""

from __future__ import annotations

import subprocess
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

from jhub.errors import InvalidInput, LocalHubError
from jhub.files import read_input
from jhub.local import extra_config, requirements
from jhub.local.launch import DEFAULT_PROFILES, Options, find_running, launch, stop
from jhub.local.ports import escaped_base_url
from jhub.local.state_folder import Installation, RunningHub, StateFolder
from jhub.local.temporary_folder import TemporaryFolder

LOCK_SECONDS = 90.0
"""Seconds to wait for another process that starts or stops the same folder's hub."""


class LocalHub:
    """A real JupyterHub on loopback, as a child process.

    `folder` keeps its state; None means a temporary folder, deleted at the end. `base_url` is a path prefix, escaped
    or not; None means `/`. `port` is the public port; None means that of the folder's
    previous hub if it is free, else any free one. `profiles` is the path of a profiles.yaml
    for `jhub.extension`; None means the two profiles that come with jhub, `lab` and `lean`. `config` is additional
    configuration, as Python code (`str`) or the path of a file (`Path`), in which `c` is JupyterHub's configuration;
    it runs last and takes precedence. It cannot change the hub's addresses, nor make servers listen to other machines.
    An error in it is named with its line. `users` exist from the start; anybody else can still log in with the users'
    password. `admin` is the administrator's name.

    Available inside the `with` block, or between `start()` and `stop()`:

    - `url`, the site (`http://127.0.0.1:PORT/`), and `api_url`, its REST API, without a trailing slash;
    - `username` and `password` of the administrator, and `user_password`, which all other users share;
    - `version` of JupyterHub, `pid` of the hub, `folder`, and `log`, the file that the hub and its servers write to.

    The hub ends with this process, even if the process is killed. Raises `LocalHubError` if the hub cannot be started.
    """

    def __init__(
        self,
        folder: str | Path | None = None,
        *,
        base_url: str | None = None,
        port: int | None = None,
        profiles: str | Path | None = None,
        config: str | Path | None = None,
        users: Iterable[str] = (),
        admin: str = "admin",
    ) -> None:
        """Check and keep the options; nothing is started yet. Raises `InvalidInput` for an unusable option."""
        config_file = _existing_file(config) if isinstance(config, Path) else None
        self._path = Path(folder).expanduser().absolute() if folder is not None else None
        self._options = Options(
            base_url=escaped_base_url(base_url or "/"),
            port=port,
            profiles=_existing_file(profiles or DEFAULT_PROFILES),
            config=_read_text(config_file) if config_file is not None else str(config or ""),
            config_file=extra_config.source_name(config_file),
            users=tuple(users),
            # JupyterHub lower-cases names at login.
            admin=admin.lower(),
        )
        extra_config.check_syntax(self._options.config, self._options.config_file)
        self._custom_profiles = profiles is not None
        self._custom_base_url = base_url is not None
        self._folder: StateFolder | None = None
        self._temporary: TemporaryFolder | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._installation: Installation | None = None
        self._running: RunningHub | None = None

    def start(self) -> Self:
        """Start the hub and return as soon as it answers."""
        self._start(detached=False)
        return self

    def start_in_background(self) -> None:
        """Start a hub that outlives this process, or use the hub that already runs in the folder."""
        self._start(detached=True, reuse=True)
        if self._process is not None:
            # Popen warns, when collected, about a process that still runs. From now on only the process ID is used.
            self._process.returncode = 0
            self._process = None

    def stop(self) -> None:
        """Stop the hub, its proxy and all servers. Does nothing if the hub does not run."""
        folder, installation = self._folder, self._installation
        try:
            if folder is not None and installation is not None:
                with folder.locked(LOCK_SECONDS):
                    stop(folder, installation.instance_id, self._process)
        finally:
            self._release()

    def __enter__(self) -> Self:
        """Start the hub."""
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop the hub."""
        self.stop()

    def __repr__(self) -> str:
        """Return the URL and the process ID of the hub, without its passwords."""
        state = f"url={self._running.url!r}, pid={self._running.pid}" if self._running else "not running"
        return f"<LocalHub {state}>"

    @property
    def url(self) -> str:
        """The URL of the hub's site, with a trailing slash."""
        return self._running_hub.url

    @property
    def api_url(self) -> str:
        """The root URL of the REST API, without a trailing slash."""
        return f"{self._running_hub.url}hub/api"

    @property
    def username(self) -> str:
        """The administrator's name."""
        return self._running_hub.username

    @property
    def password(self) -> str:
        """The administrator's password."""
        return self._installed.password

    @property
    def user_password(self) -> str:
        """The password that all other users share."""
        return self._installed.user_password

    @property
    def version(self) -> str:
        """JupyterHub's version."""
        return self._running_hub.version

    @property
    def pid(self) -> int:
        """The ID of the hub's process."""
        return self._running_hub.pid

    @property
    def folder(self) -> Path:
        """The folder with the hub's state."""
        if self._folder is None:
            raise LocalHubError("the local hub is not running")
        return self._folder.path

    @property
    def log(self) -> Path:
        """The log file of the hub, its proxy and its servers."""
        return self.folder / "hub.log"

    @property
    def _running_hub(self) -> RunningHub:
        if self._running is None:
            raise LocalHubError("the local hub is not running")
        return self._running

    @property
    def _installed(self) -> Installation:
        if self._installation is None:
            raise LocalHubError("the local hub is not running")
        return self._installation

    def _start(self, *, detached: bool, reuse: bool = False) -> None:
        """Start the hub. With `detached` it outlives this process; with `reuse`, a hub that already runs is used."""
        if self._folder is not None:
            raise LocalHubError("this local hub has already been started")
        requirements.check_requirements()
        try:
            if self._path is None:
                self._temporary = TemporaryFolder()
                folder = StateFolder(self._temporary.path)
            else:
                folder = StateFolder(self._path)
            folder.create()
            with folder.locked(LOCK_SECONDS):
                self._installation = installation = folder.install()
                self._running = find_running(folder)
                if self._running is not None and self._running.version:
                    self._check_options_match(folder, self._running, reuse=reuse)
                else:
                    # An earlier hub of this folder may hang, or a killed one may have left processes behind.
                    stop(folder, installation.instance_id)
                    launched = launch(folder, installation, self._options, detached=detached)
                    self._process, self._running = launched.process, launched.running
        except BaseException as error:
            temporary = self._temporary
            if temporary is not None and isinstance(error, LocalHubError) and str(temporary.path) in error.hint:
                error.hint = "its log was deleted with the temporary folder; pass folder= to keep it"
            self._release()
            raise
        self._folder = folder

    def _check_options_match(self, folder: StateFolder, running: RunningHub, *, reuse: bool) -> None:
        if not reuse:
            raise LocalHubError(
                f"a hub is already running in this folder, at {running.url}", hint="stop it first: jhub local down"
            )
        at = urlsplit(running.url)
        if self._options.port not in (None, at.port) or (self._custom_base_url and at.path != self._options.base_url):
            raise LocalHubError(
                f"a hub is already running in this folder, at {running.url}, with another port or base URL",
                hint="stop it first: jhub local down",
            )
        if self._custom_profiles and folder.settings().profiles != str(self._options.profiles):
            raise LocalHubError(
                f"a hub is already running in this folder, at {running.url}, with other profiles",
                hint="stop it first: jhub local down",
            )
        if self._options.config and folder.settings().config != self._options.config:
            raise LocalHubError(
                f"a hub already runs in this folder, at {running.url}, with other configuration",
                hint="stop it first: jhub local down",
            )

    def _release(self) -> None:
        self._folder = self._process = self._installation = self._running = None
        if self._temporary is not None:
            self._temporary.remove()
            self._temporary = None


def _existing_file(path: str | Path) -> Path:
    file = Path(path).expanduser().absolute()
    if not file.is_file():
        raise InvalidInput(f"no such file: {file}")
    return file


def _read_text(path: Path) -> str:
    try:
        return read_input(path).decode()
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidInput(f"cannot read {path}: {error}") from None
