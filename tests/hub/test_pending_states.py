"""Pending states of servers on a real hub: cancelled starts, slow stops, and a spawner that hangs.

A single HTTP server in this process serves all servers. The files `hang-poll` and `hang-stop` make the spawner hang.
"""

from __future__ import annotations

import http.server
import os
import signal
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest
from signalled import wait_until
from terminal import Jhub

from jhub import Hub
from jhub.errors import NotFound, NotStarted, ServerPending, StartCancelled, WaitTimeout
from jhub.local import LocalHub
from jhub.local.ports import free_ports

USERS = [f"u{number:02}" for number in range(40)]

CONFIG = """
import asyncio, os
from jupyterhub.spawner import Spawner

class Odd(Spawner):
    async def hang(self, name):
        while os.path.exists({folder!r} + "/hang-" + name) and self.orm_spawner.user_options.get("hangs"):
            await asyncio.sleep(0.1)
    async def start(self):
        await asyncio.sleep(self.user_options.get("wait", 0))
        return "127.0.0.1", {port}
    async def stop(self, now=False):
        await asyncio.sleep(self.user_options.get("stop", 0))
        await self.hang("stop")
    async def poll(self):
        await self.hang("poll")
        return None
    # Otherwise a restarted hub would not find the server.
    def get_state(self):
        return dict(super().get_state(), port={port})

c.JupyterHub.spawner_class = Odd
c.JupyterHub.init_spawners_timeout = 1
c.JupyterHub.tornado_settings = {{"slow_spawn_timeout": 0, "slow_stop_timeout": 1}}
c.Spawner.start_timeout = 300
"""

PROFILES = """
profiles:
  - slug: plain
    display_name: Plain
    default: true
    user_options: [wait, stop, hangs]
"""

CHECKED = "still being checked by the hub, which has restarted"


class Answer200(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the name it has there
        """Log nothing."""


@dataclass
class Place:
    """A hub, and what is needed to restart it."""

    folder: Path
    port: int
    config: str
    local: LocalHub
    admin: Hub
    jhub: Jhub

    def hang(self, name: str) -> None:
        (self.folder / f"hang-{name}").touch()

    def go_on(self) -> None:
        for name in ("stop", "poll"):
            (self.folder / f"hang-{name}").unlink(missing_ok=True)

    def restart(self) -> None:
        """Kill the hub, as in a crash of its machine, and start it again."""
        os.kill(self.local.pid, signal.SIGKILL)
        self.local.stop()
        self.local = _hub(self.folder, self.port, self.config)


def _hub(folder: Path, port: int, config: str) -> LocalHub:
    return LocalHub(folder / "hub", port=port, config=config, users=USERS, profiles=folder / "some.yaml").start()


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    folder = tmp_path_factory.mktemp("pending")
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answer200)
    thread = threading.Thread(target=server.serve_forever, name="loopback", daemon=True)
    thread.start()
    (folder / "some.yaml").write_text(PROFILES)
    (port,) = free_ports(1)
    config = CONFIG.format(folder=str(folder), port=server.server_port)
    local = _hub(folder, port, config)
    with Hub(local.url) as door:
        token = door.tokens.create_with_password(local.username, local.password).token
    assert token is not None
    jhub = Jhub(folder, {"JUPYTERHUB_API_URL": local.api_url, "JUPYTERHUB_API_TOKEN": token})
    with Hub(local.url, token) as admin:
        place = Place(folder, port, config, local, admin, jhub)
        try:
            yield place
        finally:
            place.go_on()
            place.local.stop()
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def place(running: Place) -> Iterator[Place]:
    """Return the hub, whose spawner does not hang after the test."""
    yield running
    running.go_on()


@pytest.fixture
def user(place: Place) -> str:
    return place.admin.users.create(f"user{len(list(place.admin.users.list()))}").name


def stop_soon(place: Place, user: str) -> threading.Thread:
    """Stop a server as soon as it is starting."""

    def stop() -> None:
        wait_until(lambda: bool(list(place.admin.servers.list(user, state="spawn"))), "it is starting")
        with Hub(place.local.url, place.jhub.env["JUPYTERHUB_API_TOKEN"]) as other:
            other.servers.stop(user)

    thread = threading.Thread(target=stop)
    thread.start()
    return thread


def test_a_cancelled_start_did_not_succeed(place: Place, user: str) -> None:
    stopping = stop_soon(place, user)
    with pytest.raises(StartCancelled, match="stopped while it was starting"):
        place.admin.servers.start(user, user_options={"wait": 100})
    stopping.join()
    assert not list(place.admin.servers.list(user))

    stopping = stop_soon(place, user)
    started = place.jhub("server", "start", user, "--option", "wait:=100")
    stopping.join()
    assert started.code == 1
    assert f"error: server {user} did not start: stopped while it was starting" in started.err
    assert "ready" not in started.err + started.out


def test_a_start_that_has_only_begun_can_be_cancelled(place: Place, user: str) -> None:
    """JupyterHub 5.1 to 6.1 answer 500 while they look whether the server runs already."""
    place.admin.servers.start(user, user_options={"hangs": True})
    place.hang("poll")
    with ThreadPoolExecutor() as pool:
        start = pool.submit(place.admin.servers.start, user, wait=False)
        wait_until(lambda: bool(list(place.admin.servers.list(user, state="spawn"))), "it is starting")
        stop = pool.submit(place.admin.servers.stop, user, wait=False)
        refused = f"500 DELETE /hub/api/users/{user}/server"
        wait_until(lambda: refused in place.local.log.read_text(), "the hub has refused")
        place.go_on()
        stop.result()
        start.exception()  # it may end before the server stops or after it
    assert not list(place.admin.servers.list(user))


def test_a_cancelled_start_is_not_a_canary(place: Place) -> None:
    users = USERS[:3]
    stopping = stop_soon(place, users[0])
    with place.admin.servers.start_many(users, user_options={"wait": 3}) as fleet:
        events = [(event.kind, str(event.target)) for event in fleet if event.kind not in ("queued", "progress")]
    stopping.join()
    assert events == [
        ("starting", "u00"),
        ("failed", "u00"),
        ("starting", "u01"),
        ("ready", "u01"),
        ("starting", "u02"),
        ("ready", "u02"),
    ]
    (failed,) = fleet.summary.failed
    assert isinstance(failed.error, StartCancelled)


def test_a_start_waits_for_the_end_of_a_stop(place: Place, user: str) -> None:
    place.admin.servers.start(user, user_options={"stop": 4})
    place.admin.servers.stop(user, wait=False)
    with pytest.raises(ServerPending, match="still stopping"):
        place.admin.servers.start(user, wait=False)
    with pytest.raises(WaitTimeout, match=r"not ready after 1 s: still stopping"):
        place.admin.servers.start(user, timeout=1)
    with pytest.raises(WaitTimeout, match=r"not stopped after 1 s: still stopping"):
        place.admin.servers.stop(user, timeout=1)
    assert place.admin.servers.start(user).ready
    place.admin.servers.stop(user)
    with pytest.raises(NotStarted, match=f"server {user}: stopped"):
        place.admin.servers.wait(user)
    with pytest.raises(NotFound, match=f"server {user}/lab: not created"):
        place.admin.servers.wait(user, "lab")


COMMANDS = [
    (("start", "SERVER", "--option", "hangs:=true"), "not ready after 5 s"),
    (("wait", "SERVER"), "not ready after 5 s"),
    (("stop", "--yes", "SERVER"), "not stopped after 5 s"),
    (("restart", "--yes", "SERVER"), "not stopped after 5 s"),
    (("delete", "--yes", "SERVER"), "not deleted after 5 s"),
    (("start", "SERVER", "OTHER", "--option", "hangs:=true"), "not ready after 5 s"),
    (("wait", "SERVER", "OTHER"), "not ready after 5 s"),
    (("stop", "--yes", "SERVER", "OTHER"), "not stopped after 5 s"),
    (("start", "--no-wait", "SERVER"), ""),
    (("edit", "SERVER", "--display-name", "Lab"), ""),
    (("rename", "SERVER", "new"), ""),
]
"""Commands on a server with a pending action, with the beginning of their errors. Those without one do not wait."""


def check_commands(place: Place, user: str, state: str) -> None:
    servers = {"SERVER": f"{user}/lab", "OTHER": f"{user}/other"}
    for words, text in COMMANDS:
        limit = ("--timeout", "5") if text else ()
        result = place.jhub("server", *(servers.get(word, word) for word in words), *limit)
        assert result.code == 8, (words, result)
        assert f"error: server {user}/lab: {text}{': ' if text else ''}{state}\n" in result.err, (words, result)
        assert "hint: " in result.err
    deleted = place.jhub("user", "delete", "--yes", user, "--timeout", "5")
    assert deleted.code == 8
    assert f"{state}\n" in deleted.err


def test_every_command_names_a_stop_that_does_not_end(place: Place, user: str) -> None:
    place.hang("stop")
    for name in ("lab", "other"):
        place.admin.servers.start(user, name, user_options={"hangs": True})
        place.admin.servers.stop(user, name, wait=False)
    check_commands(place, user, "still stopping")
    place.go_on()
    place.admin.users.delete(user)


def test_every_command_names_a_check_that_does_not_end(place: Place, user: str) -> None:
    for name in ("lab", "other"):
        place.admin.servers.start(user, name, user_options={"hangs": True})
    place.hang("poll")
    place.restart()
    check_commands(place, user, CHECKED)
    place.go_on()
    # The check ends, and the stop that waited for it goes on.
    place.admin.users.delete(user)


def test_users_with_slow_servers_are_deleted_side_by_side(place: Place) -> None:
    users, hung = USERS[10:16], USERS[16]
    place.hang("stop")
    with place.admin.servers.start_many(users, user_options={"stop": 4}, hub_load=1.0) as fleet:
        assert list(fleet)
    assert fleet.summary.ok
    place.admin.servers.start(hung, user_options={"hangs": True})
    deleted = place.jhub("user", "delete", "--yes", hung, *users, "ghost", "--timeout", "15")
    assert deleted.code == 7
    assert sorted(line for line in deleted.err.splitlines() if line.startswith("deleted ")) == [
        f"deleted {user}" for user in users
    ]
    assert f"{hung}: stopping {hung}\n" in deleted.err
    assert f"error: server {hung}: not stopped after 15 s: still stopping\n" in deleted.err
    assert "error: user ghost: not found" in deleted.err
    assert {user.name for user in place.admin.users.list()}.isdisjoint(users)
    place.go_on()
    again = place.jhub("user", "delete", "--yes", hung, *users, "--if-exists")
    assert again.code == 0, again
    assert f"{users[0]} did not exist\n" in again.err
    assert hung not in {user.name for user in place.admin.users.list()}
