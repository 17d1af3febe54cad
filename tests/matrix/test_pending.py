"""Servers with a pending action: starts that are cancelled, and stops that take a while."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import pytest

from jhub import ServerPending, StartCancelled, WaitTimeout
from matrix.clients import ON_HUB
from matrix.rows import CANCEL, SERVERS

SECONDS = 20


def wait_until_pending(admin: Any, user: str, action: str) -> None:
    """Wait until the server `work` has this pending action."""
    deadline = time.monotonic() + SECONDS
    while not list(admin.servers.list(user, state=action)):
        assert time.monotonic() < deadline, f"it is never pending {action}"
        time.sleep(0.05)


@CANCEL
@ON_HUB
def test_a_cancelled_start_is_reported_as_cancelled(admin: Any, user: str) -> None:
    """From JupyterHub 5.1 to 6.1 the server looks ready for a moment."""
    with ThreadPoolExecutor() as pool:
        start = pool.submit(admin.servers.start, user, "work", profile="slow")
        wait_until_pending(admin, user, "spawn")
        admin.servers.stop(user, "work", wait=False)
        with pytest.raises(StartCancelled, match="stopped while it was starting"):
            start.result(SECONDS)


@contextmanager
def stopping_server(admin: Any, user: str) -> Iterator[None]:
    """Have the server `work` stop during the block, which takes it two seconds."""
    admin.servers.start(user, "work", profile="lingers")
    with ThreadPoolExecutor() as pool:
        stop = pool.submit(admin.servers.stop, user, "work")
        wait_until_pending(admin, user, "stop")
        yield
        stop.result(SECONDS)


@SERVERS
@ON_HUB
def test_a_start_waits_for_a_stop(admin: Any, user: str) -> None:
    with stopping_server(admin, user):
        with pytest.raises(ServerPending, match="still stopping"):
            admin.servers.start(user, "work", profile="small", wait=False)
        assert admin.servers.start(user, "work", profile="small").profile == "small"
    admin.servers.stop(user, "work")


@SERVERS
@ON_HUB
def test_a_wait_names_the_state_that_stays(admin: Any, user: str) -> None:
    with stopping_server(admin, user), pytest.raises(WaitTimeout, match="still stopping"):
        admin.servers.stop(user, "work", timeout=0.1)
    assert list(admin.servers.list(user)) == []
