"""The profiles in force: those of the file, which is read again when it changes."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable
from os import PathLike
from typing import TypeAlias

from jhub.errors import InvalidInput
from jhub.profiles import loader
from jhub.profiles.model import Profiles

POLL_SECONDS = 1.0
"""Between two looks at the file."""

Adapt: TypeAlias = Callable[[Profiles], Profiles]
"""Profiles as this hub has them. Raises InvalidInput where they do not suit it."""

MAX_SKIPPED_POLLS = 60
"""Maximum number of looks between two attempts at a file that fails."""


class ProfilesFile:
    """A file of profiles, and what it last said that made sense."""

    def __init__(self, path: str | PathLike[str]) -> None:
        self.path = os.path.abspath(path)
        self._loaded_text = self._last_text = loader.read_text(path)
        self.profiles = loader.parse(self._loaded_text, path)
        self._problem = ""
        self._backoff = self._skipped_polls = 0

    def poll(self, adapt: Adapt, log: logging.Logger) -> None:
        """Take what the file says now, if it has changed, and the same since the last look.

        A file that is still being written may well make sense, and lack the line that says whose a profile is. After a
        failure of any kind it is tried again, less and less often: what failed may have passed.
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
        except Exception as error:  # noqa: BLE001  # classes and names of others are looked at
            self._backoff = self._skipped_polls = min(2 * self._backoff or 1, MAX_SKIPPED_POLLS)
            self._fail(log, error)
            return
        self._loaded_text = self._last_text
        self._succeed(log, profiles)
        log_warnings(profiles, log)

    def _succeed(self, log: logging.Logger, profiles: Profiles) -> None:
        self._problem, self.profiles = "", profiles
        log.info("Profiles read again, now %d: %s", len(profiles.all), self.path)

    def _fail(self, log: logging.Logger, error: Exception) -> None:
        """Log why the profiles stay, once in a row for each reason."""
        problem = f"{type(error).__name__}: {error}"
        if problem != self._problem:
            self._problem = problem
            log.error(
                "The profiles stay as they were, for the changed file does not do: %s",
                error if isinstance(error, InvalidInput) else problem,
            )


class ProfileStore:
    """The profiles in force, in all hubs of the process."""

    _file: ProfilesFile

    def __init__(self) -> None:
        self._is_following = False

    def load(self, path: str | PathLike[str]) -> None:
        """Let these be the profiles in force. Raises InvalidInput for a file that makes no sense."""
        self._file = ProfilesFile(path)

    @property
    def current(self) -> Profiles:
        """The profiles in force."""
        return self._file.profiles

    def watch(self, adapt: Adapt, log: logging.Logger) -> None:
        """Raise InvalidInput unless the profiles suit the hub; then follow the file for as long as the process lives.

        In a thread, for a look may hang where the file is on a server's disk, and reading a large file takes a while.
        """
        self._file.profiles = adapt(self._file.profiles)
        log_warnings(self._file.profiles, log)
        if not self._is_following:
            self._is_following = True
            threading.Thread(target=self._follow, args=(adapt, log), name="jhub-profiles", daemon=True).start()

    def _follow(self, adapt: Adapt, log: logging.Logger) -> None:
        while True:
            time.sleep(POLL_SECONDS)
            try:
                self._file.poll(adapt, log)
            except Exception:
                log.exception("The profiles stay as they were: looking at the file failed")


def log_warnings(profiles: Profiles, log: logging.Logger) -> None:
    """Say what the checker has to say of a file that does."""
    for problem in profiles.warnings:
        log.warning("Profiles, line %d: %s", problem.line, problem.message)


store = ProfileStore()
"""The one that `enable` fills. The extension changes classes of JupyterHub, which a process has once too."""
