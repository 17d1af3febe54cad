"""Quirks of real hubs: tight limits, odd names, and lists."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from jhub import Hub, HubFull, NotAuthorized, NotFound, Request, SpawnFailed, Throttled
from jhub.errors import BadRequest
from jhub.steps import call, send
from matrix.hub import HubUnderTest, running
from matrix.rows import FLEETS, SERVERS, USER_LISTS, USERS

Fresh = Callable[[str], str]


@pytest.fixture(scope="module")
def strict(hub: HubUnderTest, environment: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hub]:
    """Return an administrator's client of a hub with limits: one start, two servers, and three failures in a row."""
    with (
        running(environment, tmp_path_factory.mktemp("strict"), strict=True) as up,
        Hub.login(up.url, username="admin", password=up.password) as admin,
    ):
        for name in ("ana", "bo", "cy", "di", "ed"):
            admin.users.create(name)
        yield admin


@SERVERS
def test_only_a_429_with_retry_after_is_retried(strict: Hub) -> None:
    strict.servers.start("ana", profile="slow", wait=False)
    with pytest.raises(Throttled) as caught:
        strict.servers.start("bo", wait=False)
    assert 1 <= caught.value.retry_after <= 2
    assert strict.servers.start("bo").ready, "with time to wait, it is waited for"
    strict.servers.wait("ana")
    with pytest.raises(HubFull):
        strict.servers.start("cy")
    strict.servers.stop("ana")
    strict.servers.stop("bo")


@SERVERS
def test_a_stop_that_is_answered_early_is_polled(strict: Hub) -> None:
    strict.servers.start("ana", "work")
    answered = strict.run(Request("DELETE", "/users/ana/servers/work", lambda answer: answer.status))
    assert answered == 202
    strict.servers.stop("ana", "work")
    assert list(strict.servers.list("ana")) == []
    strict.servers.start("ana", "work")
    strict.servers.delete("ana", "work")
    assert not [server for server in strict.servers.list("ana", stopped=True) if server.name]


@SERVERS
def test_a_start_refused_by_a_hook_has_the_reason(strict: Hub) -> None:
    """With `slow_spawn_timeout` 0 the hub may accept a start; then only the progress stream has the reason."""
    with pytest.raises((SpawnFailed, NotAuthorized), match="this profile is not for you"):
        strict.servers.start("ana", profile="refused")
    assert strict.servers.start("ana").ready  # a success resets the hub's count of failures
    strict.servers.stop("ana")


@FLEETS
def test_a_failing_fleet_does_not_stop_the_hub(strict: Hub) -> None:
    """Three failures in a row would stop it: on JupyterHub 5 even refusals count."""
    with strict.servers.start_many(["ana", "bo", "cy", "di", "ed"], profile="refused") as fleet:
        kinds = [event.kind for event in fleet]
    assert kinds.count("failed") <= 2
    assert kinds.count("failed") + kinds.count("skipped") == 5
    assert strict.version()
    assert strict.servers.start("ana").ready
    strict.servers.stop("ana")


@USERS
def test_an_unchanged_name_is_kept(admin: Any, user: str) -> None:
    """JupyterHub 5.5.3 and later erase a name that a client sends unchanged, and then fail to list users."""
    assert admin.users.edit(user, admin=True).name == user
    assert admin.users.rename(user, user).name == user
    assert admin.users.edit(user, admin=False).name == user
    assert user in [one.name for one in admin.users.list(include_stopped_servers=True)]


@USERS
def test_a_user_with_capital_letters_cannot_join_a_group(admin: Any, fresh: Fresh) -> None:
    name, group = fresh("Erin"), fresh("group")
    admin.run(send("POST", f"/users/{name}"))
    admin.groups.create(group)
    with pytest.raises(NotFound, match=name.lower()):
        admin.groups.add_users(group, [name])
    assert admin.users.create(name).name == name.lower(), "the bulk call knows better"
    for each in (name, name.lower()):
        admin.users.delete(each)


@USERS
def test_deleting_oneself_is_refused(admin: Any) -> None:
    with pytest.raises(BadRequest, match="yourself"):
        admin.users.delete("admin")


@USER_LISTS
def test_a_list_is_complete_where_a_single_request_is_truncated(admin: Any, fresh: Fresh) -> None:
    for _ in range(11):
        admin.users.create(fresh("many"))
    bare = admin.run(call("GET", "/users", list[dict[str, Any]]))
    assert len(bare) == 10, "the largest page of this hub"
    assert len(list(admin.users.list())) > 10
