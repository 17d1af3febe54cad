"""Lock for browser sign-ins: on one machine, all of them use the same callback port."""

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
    """Hold the callback port; wait for tests that run in parallel, such as those of another JupyterHub."""
    with FileLock(Path(tempfile.gettempdir()) / f"jhub-tests-{PORT}.lock", timeout=MAX_SECONDS):
        yield
