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
from jhub.profiles import file
from jhub.profiles.model import Profiles

LOOK_SECONDS = 1.0
"""Between two looks at the file."""

Fit: TypeAlias = Callable[[Profiles], Profiles]
"""Profiles as this hub has them. Raises InvalidInput where they do not suit it."""

Signature: TypeAlias = "tuple[int, ...] | None"


class Source:
    """A file of profiles, and what it last said that made sense."""

    def __init__(self, path: str | PathLike[str]) -> None:
        self.path = os.path.abspath(path)
        # Before reading: what is written meanwhile is a change.
        self._read = self._seen = signature(self.path)
        self.profiles = file.load(path)

    def look(self, fit: Fit, log: logging.Logger) -> None:
        """Take what the file says now, if it has changed, and the same since the last look.

        A file that is still being written may well make sense, and lack the line that says whose a profile is.
        """
        before, self._seen = self._seen, signature(self.path)
        if self._seen == self._read or self._seen != before:
            return
        self._read = self._seen
        try:
            profiles = fit(file.load(self.path))
        except InvalidInput as error:
            log.error("The profiles stay as they were, for the changed file does not do: %s", error)
            return
        self.profiles = profiles
        log.info("Profiles read again, now %d: %s", len(profiles.all), self.path)
        warn(profiles, log)


_source: list[Source] = []
_watching: list[threading.Thread] = []


def use(source: Source) -> None:
    """Let these be the profiles in force."""
    _source[:] = [source]


def current() -> Profiles:
    """The profiles in force."""
    return _source[0].profiles


def watch(fit: Fit, log: logging.Logger) -> None:
    """Raise InvalidInput unless the profiles suit the hub; then follow the file for as long as the process lives.

    In a thread, for a look may hang where the file is on a server's disk, and reading a large file takes a while.
    """
    source = _source[0]
    source.profiles = fit(source.profiles)
    warn(source.profiles, log)
    if not _watching:
        _watching.append(threading.Thread(target=_follow, args=(fit, log), name="jhub-profiles", daemon=True))
        _watching[0].start()


def warn(profiles: Profiles, log: logging.Logger) -> None:
    """Say what the checker has to say of a file that does."""
    for problem in profiles.warnings:
        log.warning("Profiles, line %d: %s", problem.line, problem.message)


def signature(path: str) -> Signature:
    """Differs where a file has been written to, or is another one; None where there is none to be seen."""
    try:
        found = os.stat(path)
    except OSError:
        return None
    return (found.st_mtime_ns, found.st_ctime_ns, found.st_size, found.st_dev, found.st_ino)


def _follow(fit: Fit, log: logging.Logger) -> None:
    while True:
        time.sleep(LOOK_SECONDS)
        try:
            _source[0].look(fit, log)
        except Exception:
            # The next change may be a better one.
            log.exception("The profiles stay as they were: looking at the file failed")
