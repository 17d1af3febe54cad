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
from jhub.files import acquire_lock
from jhub.local.processes import sweep
from jhub.local.state_folder import Folder

PREFIX = "jhub-local-"
LEASE = "lease"
SETTLED_SECONDS = 60.0


class TemporaryFolder:
    """A folder that is known to be in use for as long as this process lives."""

    def __init__(self) -> None:
        remove_abandoned()
        self.path = Path(tempfile.mkdtemp(prefix=PREFIX))
        self._lease = acquire_lock(self.path / LEASE, 0)

    def remove(self) -> None:
        """Delete it."""
        Folder(self.path).remove()
        if self._lease is not None:
            os.close(self._lease)
            self._lease = None


def remove_abandoned() -> None:
    """End hubs in temporary folders that nobody holds any more, and delete the folders.

    A hub ends with the process that started it; this is for when both were killed at once.
    """
    for path in _candidates():
        with contextlib.suppress(HubError, OSError):
            remove_if_abandoned(path)


def remove_if_abandoned(path: Path) -> None:
    """End the hub in this temporary folder and delete it, unless its owner lives."""
    lease = acquire_lock(path / LEASE, 0)
    if lease is None:
        return
    try:
        folder = Folder(path)
        if (installed := folder.installation()) is not None:
            sweep(installed.mark)
        folder.remove()
    finally:
        os.close(lease)


def _candidates() -> Iterator[Path]:
    for path in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        try:
            status = path.lstat()
            leased = (path / LEASE).exists()
        except OSError:
            continue
        ours = stat.S_ISDIR(status.st_mode) and status.st_uid == os.getuid()
        # A folder made a moment ago may be about to be locked.
        if leased and ours and time.time() - status.st_mtime > SETTLED_SECONDS:
            yield path
