"""Servers, default and named, one and many."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

import pytest

from jhub import (
    BadRequest,
    Conflict,
    Hub,
    InvalidInput,
    Members,
    NotAuthorized,
    NotFound,
    Request,
    Running,
    SpawnFailed,
    WaitTimeout,
)
from jhub.errors import APIError
from jhub.fleet.events import Target
from jhub.fleet.selection import resolve
from matrix.clients import ON_ASYNC_HUB, ON_HUB
from matrix.hub import HubUnderTest
from matrix.rows import CANCEL, FLEETS, SERVERS, STOPPED

pytestmark = SERVERS

Fresh = Callable[[str], str]


def told(hub: Any, server: Any, path: str = "api/status") -> dict[str, Any]:
    """Return the JSON that a server itself answers."""
    found: dict[str, Any] = hub.run(
        Request("GET", f"{server.url}{path}", lambda answer: json.loads(answer.content), root="site")
    )
    return found


@ON_ASYNC_HUB
def test_a_default_server_is_started_and_stopped(admin: Any, user: str) -> None:
    server = admin.servers.start(user, profile="small")
    assert (server.user, server.name, server.ready, server.profile) == (user, "", True, "small")
    assert admin.users.get(user).server == server.url
    admin.servers.stop(user)
    assert list(admin.servers.list(user)) == []
    assert admin.users.get(user).server is None


def test_a_named_server_is_started_restarted_and_stopped(admin: Any, user: str) -> None:
    server = admin.servers.start(user, "work", profile="small", user_options={"size": 2})
    assert (server.user, server.name, server.ready, server.profile) == (user, "work", True, "small")
    assert told(admin, server)["user"] == user
    assert [one.target for one in admin.servers.list(user)] == [server.target]
    assert server.target in [one.target for one in admin.servers.list()]

    again = admin.servers.restart(user, "work")
    assert again.user_options == {"profile": "small", "size": 2}
    assert again.started > server.started
    assert admin.servers.restart(user, "work", profile="large").user_options == {"profile": "large"}

    admin.servers.stop(user, "work")
    admin.servers.stop(user, "work")
    assert list(admin.servers.list(user)) == []
    assert admin.servers.start(user, "work").user_options == {}, "those of last time are not repeated"


@ON_HUB
def test_a_running_server_is_returned_or_raises_conflict(admin: Any, user: str) -> None:
    first = admin.servers.start(user, "work", profile="small")
    assert admin.servers.start(user, "work", profile="small").started == first.started
    with pytest.raises(Conflict, match=r"already running with other options \(profile=small\)"):
        admin.servers.start(user, "work", profile="large")


def test_a_slow_start_is_followed_to_its_end(admin: Any, user: str) -> None:
    begun = admin.servers.start(user, "work", profile="slow", wait=False)
    assert (begun.pending, begun.ready) == ("spawn", False)
    with pytest.raises(WaitTimeout, match=r"not ready after .*: still starting"):
        admin.servers.wait(user, "work", timeout=0.1)
    events = list(admin.servers.progress(user, "work"))
    assert events[-1].ready
    assert admin.servers.wait(user, "work").ready
    assert list(admin.servers.progress(user, "work"))[-1].ready


@ON_ASYNC_HUB
def test_a_server_that_dies_at_once_has_the_hubs_reason(admin: Any, user: str) -> None:
    with pytest.raises(SpawnFailed) as caught:
        admin.servers.start(user, "work", profile="dead")
    assert caught.value.server == f"{user}/work"
    assert caught.value.reason not in ("", "Internal Server Error", "the hub gives no reason")
    assert list(admin.servers.list(user)) == []


def test_a_start_refused_by_a_hook_has_its_message(admin: Any, user: str) -> None:
    with pytest.raises(NotAuthorized, match="this profile is not for you"):
        admin.servers.start(user, "work", profile="refused")
    assert not list(admin.servers.list(user))


@ON_HUB
def test_a_named_server_is_deleted_running_or_stopped(admin: Any, user: str) -> None:
    admin.servers.start(user, "one")
    admin.servers.start(user, "two")
    admin.servers.stop(user, "two")
    for name in ("one", "two"):
        admin.servers.delete(user, name)
        with pytest.raises(NotFound):
            admin.servers.get(user, name)
        with pytest.raises(NotFound):
            admin.servers.delete(user, name)
    assert not [server.name for server in admin.servers.list(user, stopped=True) if server.name]


def test_missing_servers_are_not_found(admin: Any, user: str) -> None:
    asks: tuple[Callable[[], object], ...] = (
        lambda: admin.servers.get(user, "work"),
        lambda: admin.servers.wait(user, "work"),
        lambda: admin.servers.restart(user, "work"),
        lambda: admin.servers.start("ghost"),
        lambda: admin.servers.get("ghost"),
        lambda: list(admin.servers.list("ghost")),
    )
    for ask in asks:
        with pytest.raises(NotFound) as caught:
            ask()
        assert caught.value.status == 404
    with pytest.raises(APIError) as refused:
        list(admin.servers.progress(user, "work"))
    assert refused.value.status in (400, 404)


def test_a_new_name_must_follow_the_rule_of_6_0(admin: Any, user: str) -> None:
    for name in ("Big", "a_b", "a--b", "1st", "x" * 31):
        with pytest.raises(InvalidInput, match="invalid server name"):
            admin.servers.start(user, name)
    with pytest.raises(InvalidInput):
        admin.servers.delete(user, "")
    assert list(admin.servers.list(user)) == []


@ON_HUB
def test_a_server_with_an_old_invalid_name_stays_usable(admin: Any, hub: HubUnderTest, user: str) -> None:
    make = Request("POST", f"/users/{user}/servers/Big_One", lambda answer: None)
    if hub.version >= (6,):
        with pytest.raises(BadRequest, match="Invalid server_name"):
            admin.run(make)
        return
    admin.run(make)
    assert admin.servers.wait(user, "Big_One").ready
    assert admin.servers.restart(user, "Big_One", profile="small").profile == "small"
    admin.servers.delete(user, "Big_One")
    assert list(admin.servers.list(user)) == []


@ON_ASYNC_HUB
def test_users_and_services_manage_the_servers_in_their_scopes(ana: Any, robot: Any, user: str) -> None:
    assert ana.servers.start(user, "work").ready
    assert f"{user}/work" in [server.target for server in robot.servers.list()]
    robot.servers.stop(user, "work")
    ana.servers.delete(user, "work")
    with pytest.raises(NotFound):
        ana.servers.start("admin")


def test_a_real_server_of_this_version_starts(hub: HubUnderTest, admin_token: str) -> None:
    with Hub(hub.url, admin_token) as admin:
        admin.users.create("real")
        server = admin.servers.start("real", "lab", profile="real")
        assert server.ready
        assert told(admin, server)["kernels"] == 0
        assert "version" in told(admin, server, "api")
        admin.servers.delete("real", "lab")


@ON_HUB
@STOPPED
@pytest.mark.parametrize("name", ["", "work"])
def test_a_stopped_server_is_shown_and_listed(admin: Any, user: str, name: str) -> None:
    admin.servers.start(user, name, profile="small")
    admin.servers.stop(user, name)
    found = admin.servers.get(user, name)
    assert (found.user, found.name, found.stopped, found.active) == (user, name, True, False)
    assert found.profile == "small"
    assert (user, name, True) in [(one.user, one.name, one.stopped) for one in admin.servers.list(user, stopped=True)]
    assert (user, name, True) in [(one.user, one.name, one.stopped) for one in admin.servers.list(stopped=True)]
    (owner,) = (one for one in admin.users.list(name_filter=user, include_stopped_servers=True) if one.name == user)
    assert owner.servers[name].stopped
    assert admin.servers.restart(user, name).profile == "small"


@ON_ASYNC_HUB
@CANCEL
def test_a_start_can_be_cancelled(admin: Any, user: str) -> None:
    admin.servers.start(user, "work", profile="slow", wait=False)
    admin.servers.stop(user, "work", wait=False)
    admin.servers.stop(user, "work")
    assert list(admin.servers.list(user)) == []


@SERVERS
@ON_ASYNC_HUB
def test_a_server_is_stopped_while_it_starts(admin: Any, user: str) -> None:
    admin.servers.start(user, "work", profile="slow", wait=False)
    admin.servers.stop(user, "work")
    assert list(admin.servers.list(user)) == []


@SERVERS
@ON_HUB
def test_a_user_is_deleted_while_a_server_starts(admin: Any, user: str) -> None:
    admin.servers.start(user, "work", profile="slow", wait=False)
    admin.users.delete(user)
    with pytest.raises(NotFound):
        admin.users.get(user)


@FLEETS
def test_several_servers_are_started_stopped_and_deleted_at_once(admin: Any, user: str, fresh: Fresh) -> None:
    other = admin.users.create(fresh("user")).name
    targets = [user, (other, "work")]
    with admin.servers.start_many(targets, profile="small") as fleet:
        events = list(fleet)
    assert {event.kind for event in events} >= {"queued", "starting", "ready"}
    assert {str(event.target) for event in fleet.summary.done} == {user, f"{other}/work"}
    assert fleet.summary.ok
    assert all(event.server.profile == "small" for event in fleet.summary.done)
    with admin.servers.stop_many(targets) as fleet:
        assert {event.kind for event in fleet} == {"queued", "stopping", "stopped"}
    assert not [*admin.servers.list(user), *admin.servers.list(other)]
    with admin.servers.delete_many([(other, "work")]) as fleet:
        assert {event.kind for event in fleet} == {"queued", "deleting", "deleted"}
    assert not [server.name for server in admin.servers.list(other, stopped=True) if server.name]


@FLEETS
def test_servers_are_selected(admin: Any, user: str, fresh: Fresh) -> None:
    group, other = fresh("group"), admin.users.create(fresh("user")).name
    admin.groups.create(group)
    admin.groups.add_users(group, [user])
    with admin.servers.start_many([f"{user}/work", f"{other}/work"], profile="small") as fleet:
        assert len(list(fleet)) >= 4
    assert fleet.summary.ok
    assert admin.run(resolve(Members(group, "work"))) == [Target(user, "work")]
    for found, which in (
        ([user], Running(group=group)),
        ([user], Running(group=group, name="work", profile="small", state="ready")),
        ([], Running(group=group, profile="large")),
        ([], Running(group=group, idle=3600)),
        ([other], Running(user=other)),
    ):
        assert admin.run(resolve(which)) == [Target(each, "work") for each in found], which
    deadline = time.monotonic() + 20
    while not admin.run(resolve(Running(group=group, idle=1))):
        assert time.monotonic() < deadline, "it does not become idle"
        time.sleep(0.5)
    with admin.servers.stop_many(Running(group=group)) as fleet:
        assert len(list(fleet)) >= 2
    assert [server.target for server in admin.servers.list(other)] == [f"{other}/work"]
    assert not list(admin.servers.list(user))


@FLEETS
def test_two_refusals_in_a_row_stop_a_fleet(admin: Any, user: str) -> None:
    targets = [f"{user}/s{number}" for number in range(4)]
    with admin.servers.start_many(targets, profile="refused") as fleet:
        kinds = [event.kind for event in fleet]
    assert (kinds.count("failed"), kinds.count("skipped")) == (2, 2)
    assert all("not for you" in str(event.error) for event in fleet.summary.failed)
