"""Selection of servers: members of a group, running servers that match, and names."""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest

from jhub import Members, Running
from jhub.errors import InvalidInput, MissingScope, NotAHub, NotFound
from jhub.fleet.events import Target
from jhub.fleet.selection import resolve
from jhub.models import Server
from jhub.operations.servers import ServerOps
from jhub.steps import Listen, Request
from jhub.testing import Reply, play, refusal, reply

NOW = datetime(2026, 11, 22, 12, 0, 0, tzinfo=UTC)


def ago(**age: float) -> str:
    return (NOW - timedelta(**age)).isoformat()


def owner(name: str, servers: dict[str, dict[str, Any]]) -> dict[str, Any]:
    return {"name": name, "servers": {each: {"name": each, **model} for each, model in servers.items()}}


UP: dict[str, Any] = {"ready": True}


class Site:
    """A hub that lists users with their servers, and its groups."""

    def __init__(
        self, users: Iterable[dict[str, Any]], groups: dict[str, list[str]] | None = None, date: datetime | None = NOW
    ) -> None:
        self.users = list(users)
        self.groups = groups or {}
        self.headers = {} if date is None else {"date": format_datetime(date, usegmt=True)}

    def __call__(self, step: Request[Any] | Listen[Any]) -> Reply:
        assert isinstance(step, Request)
        match step.path.split("/")[1:]:
            case ["groups", name] if name in self.groups:
                return reply(json={"name": name, "users": self.groups[name]})
            case ["users"]:
                query = dict(step.query)
                start = int(query["offset"])
                end = start + int(query["limit"])
                more = {"next": {"offset": end}} if end < len(self.users) else {}
                position = {**more, "total": len(self.users)}
                return reply(json={"items": self.users[start:end], "_pagination": position})
            case ["users", name]:
                return reply(json=next(each for each in self.users if each["name"] == name))
            case [""]:
                return reply(json={"version": "6.1.1"}, headers=self.headers)
            case _:
                return refusal(404)


SITE = Site(
    [
        owner("ana", {"": {**UP, "last_activity": ago(hours=3)}, "lab": {**UP, "user_options": {"profile": "gpu"}}}),
        owner("ben", {"lab": {"pending": "spawn", "user_options": {"profile": "gpu"}}}),
        owner("cy", {"lab": {**UP, "started": ago(hours=1), "last_activity": ago(days=9)}}),
        owner("di", {"lab": {**UP, "started": ago(hours=5)}}),
    ],
    {"geo": ["di", "ana"], "empty": []},
)


def names(targets: Any, site: Site = SITE) -> list[str]:
    return [str(each) for each in play(resolve(targets), site).result]


def test_an_empty_user_does_not_list_everybody() -> None:
    played = play(ServerOps.list(""), [])
    assert (played.sent, str(played.error)) == ([], "a user name is missing")


def test_members_selects_one_server_of_each_member() -> None:
    played = play(resolve(Members("geo", "lab")), SITE)
    assert played.result == [Target("di", "lab"), Target("ana", "lab")]
    assert played.calls == ["GET /groups/geo"]
    assert names(Members("geo")) == ["di", "ana"]
    assert names(Members("empty")) == []


def test_an_unknown_group_is_not_found() -> None:
    for targets in (Members("nope"), Running(group="nope")):
        assert isinstance(play(resolve(targets), SITE).error, NotFound)


def test_a_token_without_the_scope_for_members_gets_its_name() -> None:
    played = play(resolve(Members("geo")), [reply(json={"name": "geo"})])
    assert isinstance(played.error, MissingScope)
    assert played.error.scopes == ("read:groups",)


@pytest.mark.parametrize(
    ("selection", "expected"),
    [
        (Running(), ["ana", "ana/lab", "ben/lab", "cy/lab", "di/lab"]),
        (Running(user="ana"), ["ana", "ana/lab"]),
        (Running(user="cy", group="geo"), []),
        (Running(group="geo"), ["ana", "ana/lab", "di/lab"]),
        (Running(name=""), ["ana"]),
        (Running(name="lab", state="ready"), ["ana/lab", "cy/lab", "di/lab"]),
        (Running(state="spawn"), ["ben/lab"]),
        (Running(profile="gpu"), ["ana/lab", "ben/lab"]),
        (Running(profile="gpu", group="geo"), ["ana/lab"]),
        (Running(idle=timedelta(hours=2)), ["ana", "di/lab"]),
        (Running(idle=2 * 3600, name="lab"), ["di/lab"]),
        (Running(idle=4 * 3600.0), ["di/lab"]),
        (Running(idle=3 * 3600), ["ana", "di/lab"]),
        (Running(name="nope"), []),
        (Running(max_age=timedelta(hours=3)), ["di/lab"]),
        (Running(max_age=3600.0), ["cy/lab", "di/lab"]),
    ],
)
def test_running_selects_the_servers_that_match(selection: Running, expected: list[str]) -> None:
    assert names(selection) == expected


def test_servers_of_administrators_are_told_apart() -> None:
    root, ana = owner("root", {"lab": UP}), owner("ana", {"lab": UP})
    site = Site([root | {"admin": True}, ana | {"admin": False}, {"name": "ben", "servers": {}}])
    assert names(Running(admin=False), site) == ["ana/lab"]
    assert names(Running(admin=True), site) == ["root/lab"]
    assert isinstance(play(resolve(Running(admin=False)), Site([ana])).error, MissingScope)


def test_list_takes_the_same_filters() -> None:
    played = play(ServerOps.list(group="geo", name="lab", idle=2 * 3600), SITE)
    assert [server.target for server in played.emitted] == ["di/lab"]
    assert played.calls == ["GET /groups/geo", "GET /", "GET /users"]
    assert dict(played.sent[2].query)["state"] == "active"  # type: ignore[union-attr]


def test_no_unnecessary_request_is_sent() -> None:
    assert play(resolve(Running(name="lab")), SITE).calls == ["GET /users"]
    assert play(resolve(Running(group="empty")), SITE).calls == ["GET /groups/empty"]


def test_stopped_servers_are_listed_by_group_and_name_only() -> None:
    site = Site([owner("ana", {"lab": {"stopped": True}, "x": {}}), owner("ben", {"lab": {}})], {"geo": ["ana"]})
    played = play(ServerOps.list(stopped=True, group="geo", name="lab"), site)
    assert [server.target for server in played.emitted] == ["ana/lab"]
    for criteria in ({"idle": 60}, {"state": "ready"}, {"max_age": 60}):
        refused = ServerOps.list(stopped=True, **criteria)
        assert isinstance(play(refused, site).error, InvalidInput)


@pytest.mark.parametrize("idle", [-1, float("nan"), float("inf"), timedelta(seconds=-5)])
def test_an_invalid_idle_time_is_refused_before_the_first_request(idle: float | timedelta) -> None:
    played = play(resolve(Running(idle=idle)), SITE)
    assert isinstance(played.error, InvalidInput)
    assert played.sent == []


def test_an_invalid_state_is_refused_before_the_first_request() -> None:
    played = play(resolve(Running(state="runing")), SITE)
    assert isinstance(played.error, InvalidInput)
    assert "ready, spawn, stop" in played.error.hint
    assert played.sent == []


def test_a_bare_pair_is_ambiguous() -> None:
    played = play(resolve(("ana", "lab")))
    assert isinstance(played.error, InvalidInput)
    assert "ana/lab" in played.error.hint
    assert play(resolve([("ana", "lab")])).result == [Target("ana", "lab")]
    assert play(resolve(("ana/lab", "ben"))).result == [Target("ana", "lab"), Target("ben")]


def test_an_empty_user_does_not_select_everybody() -> None:
    played = play(resolve(Running(user="")), SITE)
    assert isinstance(played.error, InvalidInput)
    assert played.sent == []


def test_idle_time_is_measured_by_the_hubs_clock() -> None:
    site = Site(SITE.users, date=NOW + timedelta(hours=1))
    assert names(Running(idle=2 * 3600 + 1), site) == ["ana", "di/lab"]
    assert names(Running(idle=2 * 3600), site) == ["ana", "cy/lab", "di/lab"]


@pytest.mark.parametrize(
    "date", ["", "soon", "Wed, 21 Oct 99999999999999 07:28:00 GMT", "Mon, 01 Jan 1990 00:00:00 GMT"]
)
def test_without_a_date_from_the_hub_idle_time_is_an_error(date: str) -> None:
    played = play(resolve(Running(idle=60)), [reply(json={}, headers={"date": date} if date else {})])
    assert isinstance(played.error, NotAHub)
    assert "Date" in played.error.hint
    assert len(played.sent) == 1


def test_a_server_without_activity_data_is_not_idle() -> None:
    assert names(Running(idle=1), Site([owner("ana", {"": UP})])) == []


@pytest.mark.parametrize("pending", ["spawn", "stop", "check"])
def test_a_server_with_a_pending_action_is_not_idle(pending: str) -> None:
    """Its last activity may be that of an earlier run."""
    old = {"last_activity": "2020-01-01T00:00:00Z", "pending": pending}
    site = Site([owner("ana", {"": old}), owner("bo", {"": {**old, "pending": None, "ready": True}})])
    assert names(Running(idle=60), site) == ["bo"]
    assert names(Running(idle=60, state=pending), site) == ["ana"]


def test_a_token_limited_to_a_group_selects_in_that_group() -> None:
    site = Site([{"name": "stranger"}, owner("ana", {"": UP})], {"geo": ["ana"]})
    assert names(Running(group="geo"), site) == ["ana"]
    played = play(resolve(Running()), site)
    assert isinstance(played.error, MissingScope)
    assert played.error.scopes == ("read:servers",)


def test_names_are_resolved_in_order_without_duplicates() -> None:
    server = Server(user="ben", name="lab")
    assert names(["ana/lab", ("ben", "lab"), server, Target("ana", "lab"), "cy"]) == ["ana/lab", "ben/lab", "cy"]
    assert names("ana/lab") == ["ana/lab"]
    assert names(server) == ["ben/lab"]
    assert names(str(n // 2) for n in range(4)) == ["0", "1"]
    assert names([]) == []


def test_thousands_of_servers_are_filtered_in_little_memory() -> None:
    """The hub has 10,000 named servers of 5,000 users; ten are idle."""

    def page(step: Request[Any] | Listen[Any]) -> Reply:
        assert isinstance(step, Request)
        if step.path == "/":
            return reply(json={}, headers={"date": format_datetime(NOW, usegmt=True)})
        start = int(dict(step.query)["offset"])
        users = [
            owner(
                f"u{n}",
                {
                    "a": {**UP, "last_activity": ago(hours=9 if n % 500 == 0 else 1), "state": {"pod": "x" * 500}},
                    "b": {**UP, "last_activity": ago(minutes=1), "state": {"pod": "x" * 500}},
                },
            )
            for n in range(start, start + 200)
        ]
        position: dict[str, Any] = {"total": 5000}
        if start + 200 < 5000:
            position["next"] = {"offset": start + 200}
        return reply(json={"items": users, "_pagination": position})

    tracemalloc.start()
    played = play(resolve(Running(idle=2 * 3600)), page)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert [str(each) for each in played.result] == [f"u{n}/a" for n in range(0, 5000, 500)]
    assert len(played.sent) == 26
    assert played.emitted == []
    # All of them together would be 10 MB and more.
    assert peak < 6_000_000
