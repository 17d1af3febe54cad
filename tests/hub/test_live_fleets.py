"""Fleets on a real hub with limits, failures and a restart. A single HTTP server in this process serves all servers."""

from __future__ import annotations

import http.server
import os
import re
import signal
import threading
from collections import Counter
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from jhub import Hub
from jhub.errors import HubFull
from jhub.fleet.events import FINAL_KINDS, ServerEvent, Summary
from jhub.local import LocalHub
from jhub.local.ports import free_ports
from jhub.operations.server_status import UNEXPLAINED

USERS = [f"u{number:02}" for number in range(60)]
FAILING = ["u33", "u36", "u41"]
"""Users whose starts fail."""

START = re.compile(r"\] \d+ POST \S+/users/(\w+)/server ")

CONFIG = """
import asyncio
from jupyterhub.spawner import Spawner

class Elsewhere(Spawner):
    async def start(self):
        if (self.user_options or {{}}).get("profile") == "no-such":
            raise ValueError("No such profile: no-such")
        await asyncio.sleep({seconds} if self.user.name not in {quick} else 0.3)
        if self.user.name in {failing}:
            raise RuntimeError("no quota left for " + self.user.name)
        return "127.0.0.1", {port}
    async def stop(self, now=False):
        pass
    async def poll(self):
        return None

c.JupyterHub.spawner_class = Elsewhere
c.JupyterHub.tornado_settings = {{"slow_spawn_timeout": {slow_spawn_timeout}}}
c.JupyterHub.active_server_limit = {active}
c.JupyterHub.concurrent_spawn_limit = {concurrent}
c.Spawner.consecutive_failure_limit = {forgiven}
"""

PROFILES = """
profiles:
  - slug: plain
    display_name: Plain
    default: true
  - slug: no-such
    display_name: Known to the list, and not to the spawner
    user_options: [note]
"""


class Visit(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the name it has there
        """Log nothing."""


@pytest.fixture(scope="module")
def elsewhere() -> Iterator[int]:
    """Run the HTTP server behind all servers, and return its port."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Visit)
    thread = threading.Thread(target=server.serve_forever, name="loopback", daemon=True)
    thread.start()
    yield server.server_port
    server.shutdown()
    server.server_close()
    thread.join()


class Restartable:
    """A hub that can be killed and started again at the same address, with its database."""

    def __init__(self, folder: Path, config: str) -> None:
        self.folder, self.config = folder, config
        self.profiles = folder / "some.yaml"
        self.profiles.write_text(PROFILES)
        (self.port,) = free_ports(1)
        self.local = self.start()
        self.lost: set[str] = set()
        """Users whose starts the killed hub had accepted. A hub keeps the reason of a failed start in memory only."""

    def start(self) -> LocalHub:
        hub = LocalHub(self.folder / "hub", port=self.port, config=self.config, users=USERS, profiles=self.profiles)
        return hub.start()

    def starts(self) -> list[str]:
        """Return the users of all requested starts, in order, from the hub's log."""
        return START.findall(self.local.log.read_text())

    def restart(self) -> None:
        """Kill the hub, as in a crash of its machine, and start it again."""
        os.kill(self.local.pid, signal.SIGKILL)
        self.lost.update(self.starts())
        self.local.stop()
        self.local = self.start()


@contextmanager
def a_hub(
    folder: Path,
    port: int,
    *,
    seconds: float = 0.3,
    slow_spawn_timeout: float = 0,
    active: int = 0,
    concurrent: int = 100,
    forgiven: int = 0,
    failing: Collection[str] = (),
    quick: Collection[str] = (),
) -> Iterator[tuple[Restartable, Hub]]:
    config = CONFIG.format(
        seconds=seconds,
        port=port,
        slow_spawn_timeout=slow_spawn_timeout,
        active=active,
        concurrent=concurrent,
        forgiven=forgiven,
        failing=failing,
        quick=quick,
    )
    hub = Restartable(folder, config)
    try:
        with Hub(hub.local.url) as door:
            token = door.tokens.create_with_password(hub.local.username, hub.local.password).token
        with Hub(hub.local.url, token) as admin:
            yield hub, admin
    finally:
        hub.local.stop()


def names(events: tuple[ServerEvent, ...]) -> set[str]:
    return {str(event.target) for event in events}


def equal_to_the_hub(summary: Summary, admin: Hub) -> None:
    """Check that the summary has every server once, and matches the hub."""
    ended = [str(event.target) for event in (*summary.done, *summary.failed, *summary.skipped)]
    assert sorted(ended) == USERS
    ready = {server.target for server in admin.servers.list(state="ready")}
    others = {str(event.target): event.message for event in (*summary.failed, *summary.skipped)}
    assert names(summary.done) == ready, {name: others[name] for name in others.keys() & ready}


def test_limits_failures_and_a_restart_leave_a_correct_summary(tmp_path: Path, elsewhere: int) -> None:
    with a_hub(tmp_path, elsewhere, active=50, concurrent=15, forgiven=20, failing=FAILING) as (hub, admin):
        restarted: threading.Thread | None = None
        finals = Counter[str]()
        with admin.servers.start_many(USERS, max_failures=20) as fleet:
            for event in fleet:
                finals[str(event.target)] += event.kind in FINAL_KINDS
                if restarted is None and finals.total() == 10:
                    restarted = threading.Thread(target=hub.restart)
                    restarted.start()
        assert restarted is not None
        restarted.join()
        equal_to_the_hub(fleet.summary, admin)
        assert set(finals.values()) == {1}
        assert 47 <= len(fleet.summary.done) <= 50  # failing servers count as active while they start
        full = {str(event.target) for event in fleet.summary.failed if isinstance(event.error, HubFull)}
        assert names(fleet.summary.failed) - full <= set(FAILING)
        assert names(fleet.summary.failed) - full >= {"u33", "u36"}
        reasons = {str(e.target): e.message for e in fleet.summary.failed if str(e.target) not in full}
        unexplained = {name for name, reason in reasons.items() if f"no quota left for {name}" not in reason}
        assert unexplained <= hub.lost, reasons
        assert all(reasons[name] == UNEXPLAINED for name in unexplained), reasons
        assert all("the hub is full" in event.message for event in fleet.summary.skipped)

        # With room again, the same call starts the rest, and sends no request for a running server.
        with admin.servers.stop_many(sorted(names(fleet.summary.done))[:5]) as stopping:
            assert Counter(event.kind for event in stopping)["stopped"] == 5
        running, posts = {server.user for server in admin.servers.list()}, len(hub.starts())
        with admin.servers.start_many(USERS, max_failures=20) as fleet:
            assert list(fleet)
        equal_to_the_hub(fleet.summary, admin)
        assert 47 <= len(fleet.summary.done) <= 50
        assert not running & set(hub.starts()[posts:])


def test_a_broken_profile_is_tried_twice_and_the_hub_survives(tmp_path: Path, elsewhere: int) -> None:
    with a_hub(tmp_path, elsewhere, forgiven=5) as (hub, admin):
        with admin.servers.start_many(USERS, profile="no-such") as fleet:
            kinds = Counter(event.kind for event in fleet)
        assert (kinds["failed"], kinds["skipped"]) == (2, 58)
        assert all("No such profile: no-such" in event.message for event in fleet.summary.failed)
        assert hub.starts() == USERS[:2]
        with admin.servers.start_many(USERS[:5]) as fleet:
            assert list(fleet)
        assert fleet.summary.ok


def test_servers_in_flight_are_cancelled_when_the_breaker_trips(tmp_path: Path, elsewhere: int) -> None:
    failing, first = ["u02", "u03"], "u00"
    # All others are still starting when the two have failed, even on a slow machine.
    with a_hub(tmp_path, elsewhere, seconds=120, forgiven=5, failing=failing, quick=[first, *failing]) as (hub, admin):
        with admin.servers.start_many(USERS) as fleet:
            assert list(fleet)
        equal_to_the_hub(fleet.summary, admin)
        assert names(fleet.summary.done) == {first}
        assert names(fleet.summary.failed) == set(failing)
        cancelled = {str(e.target) for e in fleet.summary.skipped if e.message.startswith("cancelled after 2 failures")}
        assert cancelled == set(hub.starts()) - {first, *failing}
        assert "u01" in cancelled
        assert not [server for server in admin.servers.list() if server.pending]
