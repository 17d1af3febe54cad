"""Temporary folders for hubs, and cleaning up after those whose owner was killed."""

from __future__ import annotations

import contextlib
import os
import stat
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from jhub.errors import HubError
from jhub.files import take_lock
from jhub.local.processes import end_processes
from jhub.local.state_folder import StateFolder

FOLDER_PREFIX = "jhub-local-"
LEASE = "lease"
MIN_AGE_SECONDS = 60.0


class TemporaryFolder:
    """A folder that is known to be in use for as long as this process lives."""

    def __init__(self) -> None:
        remove_abandoned()
        self.path = Path(tempfile.mkdtemp(prefix=FOLDER_PREFIX))
        self._lease = take_lock(self.path / LEASE, 0)

    def remove(self) -> None:
        """Delete it."""
        StateFolder(self.path).remove()
        if self._lease is not None:
            os.close(self._lease)
            self._lease = None


def remove_abandoned() -> None:
    """End hubs in temporary folders that nobody holds any more, and delete the folders.

    A hub ends with the process that started it; this is for when both were killed at once.
    """
    for path in _leased_folders():
        with contextlib.suppress(HubError, OSError):
            remove_if_abandoned(path)


def remove_if_abandoned(path: Path) -> None:
    """End the hub in this temporary folder and delete it, unless its owner lives."""
    lease = take_lock(path / LEASE, 0)
    if lease is None:
        return
    try:
        folder = StateFolder(path)
        if (installation := folder.installation()) is not None:
            end_processes(installation.instance_id)
        folder.remove()
    finally:
        os.close(lease)


def _leased_folders() -> Iterator[Path]:
    for path in Path(tempfile.gettempdir()).glob(f"{FOLDER_PREFIX}*"):
        try:
            status = path.lstat()
            leased = (path / LEASE).exists()
        except OSError:
            continue
        owned = stat.S_ISDIR(status.st_mode) and status.st_uid == os.getuid()
        # A folder made a moment ago may be about to be locked.
        if leased and owned and time.time() - status.st_mtime > MIN_AGE_SECONDS:
            yield path
