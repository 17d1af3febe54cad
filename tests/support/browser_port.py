"""One browser sign-in at a time on this machine: each comes back to the same port."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock

from jhub.oauth_client import PORT

MAX_SECONDS = 600.0


@contextmanager
def port_lock() -> Iterator[None]:
    """Wait for other tests that run beside us, such as those of another JupyterHub."""
    with FileLock(Path(tempfile.gettempdir()) / f"jhub-tests-{PORT}.lock", timeout=MAX_SECONDS):
        yield
