"""Users: create, get, edit, rename, delete."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest

from jhub.errors import (
    BadRequest,
    Conflict,
    HubBroken,
    HubError,
    InvalidInput,
    MissingScope,
    NotFound,
    Unavailable,
    WaitTimeout,
)
from jhub.operations.users import Sort, UserOps
from jhub.steps import Request
from jhub.testing import play, refusal, reply

IDLE = {"name": "ana", "servers": {"lab": {"name": "lab"}}}


def test_a_user_is_read_by_name() -> None:
    played = play(UserOps.get("ana müller@example.org"), [reply(json={"name": "ana müller@example.org"})])
    assert played.result.name == "ana müller@example.org"
    assert played.calls == ["GET /users/ana%20m%C3%BCller@example.org"]


def test_a_missing_user_is_named() -> None:
    played = play(UserOps.get("ana"), [refusal(404)])
    assert isinstance(played.error, NotFound)
    assert str(played.error).startswith("user ana: not found")


def test_a_filter_by_name_is_not_a_pattern() -> None:
    """For the hub _ matches any character and % any string."""
    users = [{"name": name} for name in ("a_b", "axb", "xA_By")]
    played = play(
        UserOps.list(name_filter="a_B"), [reply(json={"items": users, "_pagination": {"offset": 0, "next": None}})]
    )
    assert [user.name for user in played.emitted] == ["a_b", "xA_By"]


def test_a_user_is_created_by_the_bulk_route_which_normalises_names() -> None:
    played = play(UserOps.create("Ana", admin=True), [reply(201, [{"name": "ana", "admin": True}])])
    assert played.result.name == "ana"
    assert played.calls == ["POST /users"]
    assert sent(played.sent[0]).body == {"usernames": ["Ana"], "admin": True}


def test_a_user_is_not_an_administrator_by_default() -> None:
    played = play(UserOps.create("ana"), [reply(201, [{"name": "ana"}])])
    assert sent(played.sent[0]).body == {"usernames": ["ana"], "admin": False}


def test_a_user_who_exists_is_a_conflict_that_names_them() -> None:
    played = play(UserOps.create("ana"), [refusal(409, "All 1 users already exist")])
    assert isinstance(played.error, Conflict)
    assert str(played.error) == "user ana: already exists"
    assert played.calls == ["POST /users"]


def test_with_exist_ok_a_user_is_read_in_lower_case() -> None:
    played = play(UserOps.create("Ana", exist_ok=True), [refusal(409), reply(json={"name": "ana", "groups": ["geo"]})])
    assert played.result.groups == ("geo",)
    assert played.calls == ["POST /users", "GET /users/ana"]


def test_a_refused_name_has_the_hubs_error() -> None:
    played = play(UserOps.create("ana", exist_ok=True), [refusal(400, "Invalid username: ana")])
    assert isinstance(played.error, BadRequest)
    assert "Invalid username: ana" in str(played.error)


def test_an_answer_without_the_new_user_is_an_error() -> None:
    played = play(UserOps.create("ana"), [reply(201, [])])
    assert isinstance(played.error, HubError)


def test_a_creation_is_not_retried_after_a_lost_answer() -> None:
    played = play(UserOps.create("ana"), [Unavailable("reset"), reply(201, [{"name": "ana"}])])
    assert isinstance(played.error, Unavailable)
    assert played.left == 1


@pytest.mark.parametrize("name", ["", ".", "..", "a/../b", "a\nb"])
def test_an_invalid_name_is_refused_before_any_request(name: str) -> None:
    with pytest.raises(InvalidInput):
        UserOps.get(name)
    for flow in (UserOps.create(name), UserOps.delete(name)):
        played = play(flow)
        assert isinstance(played.error, InvalidInput)
        assert played.sent == []


def test_a_user_is_deleted_after_their_servers_are_stopped() -> None:
    servers = {"": {"ready": True}, "lab": {"name": "lab", "ready": True}, "gpu": {"name": "gpu", "pending": "spawn"}}
    played = play(UserOps.delete("ana"), [reply(json={"name": "ana", "servers": servers}), *[reply(204)] * 4])
    assert played.result is None
    assert played.calls == [
        "GET /users/ana",
        "DELETE /users/ana/server",
        "DELETE /users/ana/servers/lab",
        "DELETE /users/ana/servers/gpu",
        "DELETE /users/ana",
    ]


def test_a_deletion_waits_for_a_server_that_is_slow_to_stop() -> None:
    servers = {"lab": {"name": "lab", "ready": True}}
    stopping = {"name": "lab", "pending": "stop"}
    played = play(
        UserOps.delete("ana"),
        [
            reply(json={"name": "ana", "servers": servers}),
            reply(202),
            reply(json=stopping),
            reply(json=stopping),
            refusal(404),
            reply(204),
        ],
    )
    assert played.result is None
    assert played.calls[-1] == "DELETE /users/ana"
    assert played.seconds > 0


def test_a_user_whose_server_does_not_stop_is_not_deleted() -> None:
    user = {"name": "ana", "servers": {"lab": {"name": "lab", "ready": True}}}

    played = play(
        UserOps.delete("ana"),
        lambda step: (
            reply(json=user)
            if step.path == "/users/ana"
            else reply(202)
            if sent(step).method == "DELETE"
            else reply(json={"name": "lab", "pending": "stop"})
        ),
    )
    assert isinstance(played.error, WaitTimeout)
    assert "DELETE /users/ana" not in played.calls
    assert 100 < played.seconds < 200


def test_servers_that_were_started_meanwhile_are_stopped() -> None:
    started = {"lab": {"name": "lab", "ready": True}}
    replies = [
        reply(json={"name": "ana", "servers": {}}),
        refusal(500, "Internal Server Error"),
        reply(json={"name": "ana", "servers": started}),
        reply(204),
        reply(204),
    ]
    played = play(UserOps.delete("ana"), replies)
    assert played.result is None
    assert played.calls[-2:] == ["DELETE /users/ana/servers/lab", "DELETE /users/ana"]


def test_an_error_of_the_hub_without_active_servers_is_raised() -> None:
    user = reply(json={"name": "ana", "servers": {}})
    played = play(UserOps.delete("ana"), [user, refusal(500, "Internal Server Error"), user])
    assert isinstance(played.error, HubBroken)


def test_a_user_without_servers_is_deleted_at_once() -> None:
    played = play(UserOps.delete("ana"), [reply(json={"name": "ana", "servers": {}}), reply(204)])
    assert played.calls == ["GET /users/ana", "DELETE /users/ana"]


def test_deleting_a_missing_user_is_not_found() -> None:
    played = play(UserOps.delete("ana"), [refusal(404)])
    assert isinstance(played.error, NotFound)


def sent(step: object) -> Request[object]:
    assert isinstance(step, Request)
    return step


def test_a_user_with_hidden_servers_is_not_deleted() -> None:
    played = play(UserOps.delete("ana"), [reply(json={"name": "ana"})])
    assert isinstance(played.error, MissingScope)
    assert played.error.scopes == ("read:servers",)
    assert played.calls == ["GET /users/ana"]


def test_a_starting_default_server_is_stopped_first() -> None:
    servers = {"": {"name": "", "pending": "spawn"}}
    played = play(UserOps.delete("ana"), [reply(json={"name": "ana", "servers": servers}), reply(204), reply(204)])
    assert played.calls == ["GET /users/ana", "DELETE /users/ana/server", "DELETE /users/ana"]


def test_an_existing_user_who_is_not_an_administrator_is_a_conflict() -> None:
    played = play(UserOps.create("ana", admin=True, exist_ok=True), [refusal(409), reply(json={"name": "ana"})])
    assert isinstance(played.error, Conflict)


def test_only_changes_of_a_user_are_sent() -> None:
    played = play(UserOps.edit("ana", admin=False), [reply(json={"name": "ana"})])
    assert (played.calls, sent(played.sent[0]).body) == (["PATCH /users/ana"], {"admin": False})
    played = play(UserOps.edit("ana", auth_state={"key": "SECRET"}), [reply(json={"name": "ana"})])
    assert sent(played.sent[0]).body == {"auth_state": {"key": "SECRET"}}
    assert "SECRET" not in repr(played.sent)


def test_an_edit_without_changes_is_an_error() -> None:
    assert isinstance(play(UserOps.edit("ana")).error, InvalidInput)


def test_a_user_is_renamed() -> None:
    played = play(UserOps.rename("ana", "anna"), [reply(json=IDLE), reply(json={"name": "anna"})])
    assert played.result.name == "anna"
    assert (played.calls[1], sent(played.sent[1]).body) == ("PATCH /users/ana", {"name": "anna"})


def test_a_rename_is_not_retried_after_a_lost_answer() -> None:
    assert play(UserOps.rename("ana", "anna"), [reply(json=IDLE), Unavailable("reset"), reply()]).left == 1


def test_a_rename_to_the_same_name_is_never_sent() -> None:
    """JupyterHub 5.5.3 and later would erase the name."""
    played = play(UserOps.rename("ana", "ana"), [reply(json=IDLE)])
    assert (played.result.name, played.calls) == ("ana", ["GET /users/ana"])


def test_a_user_with_a_running_server_is_not_renamed() -> None:
    """The server would keep the address with the old name."""
    busy = {"name": "ana", "servers": {"lab": {"name": "lab", "ready": True}}}
    played = play(UserOps.rename("ana", "anna"), [reply(json=busy)])
    assert isinstance(played.error, Conflict)
    assert "ana/lab" in str(played.error)


def test_a_rename_to_a_taken_name_is_a_conflict() -> None:
    played = play(UserOps.rename("ana", "ben"), [reply(json=IDLE), refusal(400, "User ben already exists")])
    assert isinstance(played.error, Conflict)


def test_another_refusal_of_a_name_is_passed_on() -> None:
    played = play(UserOps.rename("ana", "b b"), [reply(json=IDLE), refusal(400, "Invalid username: b b")])
    assert isinstance(played.error, BadRequest)


def test_activity_is_converted_to_utc() -> None:
    at = datetime(2026, 11, 22, 12, 30, tzinfo=timezone(timedelta(hours=2)))
    played = play(UserOps.record_activity("ana", at=at, servers=["", "lab"]), [Unavailable("reset"), reply()])
    moment = {"last_activity": "2026-11-22T10:30:00Z"}
    assert sent(played.sent[0]).body == {**moment, "servers": {"": moment, "lab": moment}}
    assert played.calls == ["POST /users/ana/activity"] * 2


def test_a_time_without_a_zone_is_refused() -> None:
    played = play(UserOps.record_activity("ana", at=datetime(2026, 11, 22)))
    assert isinstance(played.error, InvalidInput)


@pytest.mark.parametrize(
    ("sort", "names"),
    [
        ("id", ["cy", "ana", "ben"]),
        ("-id", ["ben", "ana", "cy"]),
        ("name", ["ana", "ben", "cy"]),
        ("-name", ["cy", "ben", "ana"]),
        ("last_activity", ["ben", "cy", "ana"]),
        ("-last_activity", ["ana", "cy", "ben"]),
    ],
)
def test_users_of_an_old_hub_are_sorted_here(sort: Sort, names: list[str]) -> None:
    """Before 5.0 the hub silently ignores `sort`."""
    seen = {"cy": "2026-11-20T00:00:00Z", "ana": "2026-11-21T00:00:00Z", "ben": None}
    users = [{"name": name, "last_activity": at} for name, at in seen.items()]
    page = reply(json={"items": users, "_pagination": {"offset": 0, "next": None}})
    played = play(UserOps.list(sort=sort), [page], version="4.1.6")
    assert [user.name for user in played.emitted] == names
    assert "sort" not in dict(sent(played.sent[0]).query)


def test_a_user_whose_name_the_hub_has_erased_does_not_hide_the_others() -> None:
    """A PATCH of another client erases a name on 5.5.3 and later."""
    users = [{"name": "ana"}, {"name": None, "admin": False}, {"name": "bo"}]
    played = play(UserOps.list(), [reply(json={"items": users, "_pagination": {"offset": 0, "next": None}})])
    assert [user.name for user in played.emitted] == ["ana", "bo"]


def test_an_existing_user_with_capital_letters_is_found() -> None:
    played = play(UserOps.create("Ana", exist_ok=True), [refusal(409), refusal(404), reply(json={"name": "Ana"})])
    assert played.result.name == "Ana"
