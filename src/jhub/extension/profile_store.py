"""The current profiles of the hub: those of a file, which is reloaded when it changes, or KubeSpawner's own list."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable
from os import PathLike
from typing import Any, Protocol, TypeAlias

from jhub.errors import InvalidInput
from jhub.profiles import loader
from jhub.profiles.model import Profiles

POLL_SECONDS = 1.0
"""Time between two polls of the file."""

Adapt: TypeAlias = Callable[[Profiles], Profiles]
"""A function that returns the profiles adapted to this hub. Raises InvalidInput if the hub cannot use them."""

MAX_SKIPPED_POLLS = 60
"""Maximum number of polls to skip between two attempts to load a file that fails."""


class ProfileSource(Protocol):
    """A source of profiles: a file, or KubeSpawner's own list."""

    async def profiles_for(self, spawner: Any) -> Profiles:
        """Return the profiles for a decision about a server. Raises HTTPError if the source fails."""
        ...


class ProfilesFile:
    """A file of profiles, and the profiles of its last valid text."""

    def __init__(self, path: str | PathLike[str]) -> None:
        self.path = os.path.abspath(path)
        self._loaded_text = self._last_text = loader.read_text(path)
        self.profiles = loader.parse(self._loaded_text, path)
        self._problem = ""
        self._backoff = self._skipped_polls = 0

    async def profiles_for(self, spawner: object) -> Profiles:  # the same for every server
        """Return the profiles for a decision about a server."""
        return self.profiles

    def poll(self, adapt: Adapt, log: logging.Logger) -> None:
        """Reload the file if it has changed, and has not changed again since the last poll.

        A file that is still being written may be valid, and lack the line that restricts a profile. After a failure of
        any kind the file is tried again, with back-off: the cause may have passed.
        """
        previous = self._last_text
        try:
            self._last_text = loader.read_text(self.path)
        except InvalidInput as error:
            self._fail(log, error)
            return
        if self._last_text != previous:
            self._backoff = self._skipped_polls = 0
            return
        if self._last_text == self._loaded_text:
            if self._problem:
                self._succeed(log, self.profiles)
            return
        if self._skipped_polls:
            self._skipped_polls -= 1
            return
        try:
            profiles = adapt(loader.parse(self._last_text, self.path))
        except Exception as error:  # noqa: BLE001  # adapt() imports classes, and calls the authenticator
            self._backoff = self._skipped_polls = min(2 * self._backoff or 1, MAX_SKIPPED_POLLS)
            self._fail(log, error)
            return
        self._loaded_text = self._last_text
        self._succeed(log, profiles)
        log_warnings(profiles, log)

    def _succeed(self, log: logging.Logger, profiles: Profiles) -> None:
        self._problem, self.profiles = "", profiles
        log.info("Profiles reloaded, now %d: %s", len(profiles.all), self.path)

    def _fail(self, log: logging.Logger, error: Exception) -> None:
        """Log why the previous profiles stay in use, once for each reason in a row."""
        problem = f"{type(error).__name__}: {error}"
        if problem != self._problem:
            self._problem = problem
            log.error(
                "Cannot reload the profiles file, keeping the previous profiles: %s",
                error if isinstance(error, InvalidInput) else problem,
            )


class ProfileStore:
    """The current profiles, for all hubs of the process."""

    source: ProfileSource | None = None
    """Where the profiles are from; None until the hub has read KubeSpawner's list."""
    casefold_groups = False
    """True if groups match whatever their case."""
    rbac = False
    """True if profiles may create roles and their bindings."""
    always_show_form = False
    """True if the spawn page shows its form even if there is nothing to choose."""

    def __init__(self) -> None:
        self._is_polling = False

    async def profiles_for(self, spawner: Any) -> Profiles:
        """Return the profiles for a decision about a server.

        Raises HTTPError if KubeSpawner's list is a function that fails.
        """
        if self.source is None:
            raise InvalidInput("jhub.extension: the hub has not read its profiles yet")
        return await self.source.profiles_for(spawner)

    def watch(self, file: ProfilesFile, adapt: Adapt, log: logging.Logger) -> None:
        """Raise InvalidInput unless the hub can use the profiles; then poll the file for as long as the process lives.

        A thread polls it: reading may hang if the file is on a network disk, and parsing a large file takes a while.
        """
        file.profiles = adapt(file.profiles)
        log_warnings(file.profiles, log)
        if not self._is_polling:
            self._is_polling = True
            threading.Thread(target=self._poll_forever, args=(adapt, log), name="jhub-profiles", daemon=True).start()

    def _poll_forever(self, adapt: Adapt, log: logging.Logger) -> None:
        while True:
            time.sleep(POLL_SECONDS)
            try:
                if isinstance(self.source, ProfilesFile):
                    self.source.poll(adapt, log)
            except Exception:
                log.exception("Polling the profiles file failed, keeping the previous profiles")


def log_warnings(profiles: Profiles, log: logging.Logger) -> None:
    """Log the warnings of the checks about profiles that the hub uses."""
    for problem in profiles.warnings:
        place = f"Profiles, line {problem.line}" if problem.line else "Profiles"
        log.warning("%s: %s", place, problem.message)


store = ProfileStore()
"""The store that `enable` fills, one for a process, like the classes of JupyterHub that the extension patches."""
