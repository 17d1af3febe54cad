"""Temporary folders of hubs, and the removal of those whose owner was killed."""

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
from jhub.local.processes import end_processes
from jhub.local.state_folder import StateFolder

FOLDER_PREFIX = "jhub-local-"
"""Prefix of the names of temporary folders."""
LEASE = "lease"
"""Name of the file that the owner of a temporary folder locks as long as it lives."""
MIN_AGE_SECONDS = 60.0
"""Minimum age of an abandoned folder: a newer one may not be locked yet."""


class TemporaryFolder:
    """A temporary folder that this process holds a lease on as long as it lives."""

    def __init__(self) -> None:
        """Create the folder and take the lease, after removing abandoned folders."""
        remove_abandoned()
        self.path = Path(tempfile.mkdtemp(prefix=FOLDER_PREFIX))
        self._lease = acquire_lock(self.path / LEASE, 0)

    def remove(self) -> None:
        """Delete the folder and release the lease."""
        StateFolder(self.path).remove()
        if self._lease is not None:
            os.close(self._lease)
            self._lease = None


def remove_abandoned() -> None:
    """End the hubs in temporary folders without a lease, and delete the folders.

    A hub ends with the process that started it, unless both were killed at the same time.
    """
    for path in _leased_folders():
        with contextlib.suppress(HubError, OSError):
            remove_if_abandoned(path)


def remove_if_abandoned(path: Path) -> None:
    """End the hub in this temporary folder and delete the folder, unless its owner is alive."""
    lease = acquire_lock(path / LEASE, 0)
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
        if leased and owned and time.time() - status.st_mtime > MIN_AGE_SECONDS:
            yield path
