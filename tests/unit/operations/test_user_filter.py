"""`users.list`: filters by group, admin rights and activity."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest

from jhub.errors import InvalidInput, MissingScope, NotFound
from jhub.operations.users import UserOps
from jhub.steps import Listen, Request
from jhub.testing import Played, Reply, play, refusal, reply

NOW = datetime(2026, 11, 22, 12, 0, 0, tzinfo=UTC)


def user(name: str, *, last: float | None = None, created: float | None = 400, admin: bool = False) -> dict[str, Any]:
    """Return a user; the times are in days before now."""

    def ago(days: float | None) -> str | None:
        return None if days is None else (NOW - timedelta(days=days)).isoformat()

    roles = ["user", "admin"] if admin else ["user"]
    return {"name": name, "admin": admin, "roles": roles, "last_activity": ago(last), "created": ago(created)}


USERS = [
    user("root", last=200, admin=True),
    user("ana", last=1),
    user("ben", last=200),
    user("cy"),
    user("di", created=2),
    user("eve", last=30),
]
GROUPS = {"geo": ["ana", "ben", "cy"], "staff": ["ben"], "empty": []}


def hub(step: Request[Any] | Listen[Any]) -> Reply:
    assert isinstance(step, Request)
    match step.path.split("/")[1:]:
        case ["users"]:
            return reply(json={"items": USERS, "_pagination": {"offset": 0, "next": None}})
        case ["groups", name] if name in GROUPS:
            return reply(json={"name": name, "users": GROUPS[name]})
        case [""]:
            return reply(json={"version": "6.1.1"}, headers={"date": format_datetime(NOW, usegmt=True)})
        case _:
            return refusal(404)


def listed(**criteria: Any) -> list[str]:
    played = play(UserOps.list(**criteria), hub)
    assert played.error is None
    return [each.name for each in played.emitted]


@pytest.mark.parametrize(
    ("criteria", "names"),
    [
        ({}, ["root", "ana", "ben", "cy", "di", "eve"]),
        ({"admin": True}, ["root"]),
        ({"role": "admin"}, ["root"]),
        ({"role": "user", "group": "geo", "inactive_for": timedelta(days=180)}, ["ben", "cy"]),
        ({"role": "nobodys"}, []),
        ({"admin": False, "inactive_for": timedelta(days=180)}, ["ben", "cy"]),
        ({"inactive_for": 20 * 86400}, ["root", "ben", "cy", "eve"]),
        ({"inactive_for": timedelta(days=1)}, ["root", "ana", "ben", "cy", "di", "eve"]),
        ({"active_since": NOW - timedelta(days=30)}, ["ana", "eve"]),
        ({"active_since": NOW - timedelta(days=300), "inactive_for": timedelta(days=180)}, ["root", "ben"]),
        ({"never_used": True}, ["cy", "di"]),
        ({"never_used": True, "inactive_for": timedelta(days=180)}, ["cy"]),
        ({"group": "geo"}, ["ana", "ben", "cy"]),
        ({"group": "geo", "not_in_group": "staff"}, ["ana", "cy"]),
        ({"not_in_group": "geo"}, ["root", "di", "eve"]),
        ({"group": "geo", "name_filter": "n", "inactive_for": 60.0}, ["ana", "ben"]),
        ({"group": "empty"}, []),
    ],
)
def test_users_match_all_criteria(criteria: dict[str, Any], names: list[str]) -> None:
    assert listed(**criteria) == names


def test_groups_and_the_time_of_the_hub_are_read_once_and_only_if_needed() -> None:
    assert play(UserOps.list(admin=False), hub).calls == ["GET /users"]
    criteria: dict[str, Any] = {"group": "geo", "not_in_group": "staff", "inactive_for": 60}
    assert play(UserOps.list(**criteria), hub).calls == ["GET /groups/geo", "GET /groups/staff", "GET /", "GET /users"]
    assert play(UserOps.list(group="empty", inactive_for=60), hub).calls[-1] != "GET /users"


def of_a_token_that_sees(*fields: str, **criteria: Any) -> Played[None]:
    """List users whose other fields the hub leaves out."""
    items = [{key: value for key, value in each.items() if key in ("name", *fields)} for each in USERS]
    page = {"items": items, "_pagination": {"offset": 0, "next": None}}
    answers = {"/users": reply(json=page), "/": reply(headers={"date": format_datetime(NOW, usegmt=True)})}
    return play(UserOps.list(**criteria), lambda step: answers[step.path])


@pytest.mark.parametrize(
    "criteria", [{"inactive_for": 60}, {"never_used": True}, {"active_since": NOW}, {"admin": False}, {"role": "admin"}]
)
def test_an_invisible_field_is_an_error_and_no_match(criteria: dict[str, Any]) -> None:
    played = of_a_token_that_sees(**criteria)
    assert isinstance(played.error, MissingScope)
    assert played.error.scopes
    assert played.emitted == []


def test_a_visible_activity_decides_also_without_the_time_of_creation() -> None:
    played = of_a_token_that_sees("last_activity", inactive_for=86400)
    assert [each.name for each in played.emitted] == ["root", "ana", "ben"]
    assert str(played.error) == "user cy: this token cannot see when they were last active"


def test_a_missing_group_is_not_an_empty_one() -> None:
    for criteria in ({"group": "nope"}, {"not_in_group": "nope"}):
        assert isinstance(play(UserOps.list(**criteria), hub).error, NotFound)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "criteria",
    [
        {"inactive_for": -1},
        {"inactive_for": float("nan")},
        {"active_since": datetime(2026, 1, 1)},  # without a time zone
        {"active_since": NOW, "never_used": True},
        {"group": ""},
    ],
)
def test_invalid_criteria_are_refused_before_the_first_request(criteria: dict[str, Any]) -> None:
    played = play(UserOps.list(**criteria), hub)
    assert isinstance(played.error, InvalidInput)
    assert played.calls == []
