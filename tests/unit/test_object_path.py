"""Names with slashes and backslashes in paths, and proxies that decode them."""

from __future__ import annotations

from typing import Any

import pytest

from jhub.errors import HubError, InvalidInput, MissingScope, NotFound
from jhub.interpreter import map_steps
from jhub.models import Group, User
from jhub.object_path import has_dot_segment, named_objects, segment
from jhub.operations.groups import GroupOps
from jhub.operations.servers import ServerOps
from jhub.operations.tokens import TokenOps
from jhub.operations.users import UserOps
from jhub.steps import Flow, Step
from jhub.testing import play, refusal, reply


@pytest.mark.parametrize(
    ("name", "quoted"),
    [
        ("/students", "%2Fstudents"),
        ("geo/2026", "geo%2F2026"),
        ("CORP\\ana", "CORP%5Cana"),
        ("...", "..."),
        ("a..b/.c", "a..b%2F.c"),
        ("100%2f", "100%252f"),
        ("CN=a,OU=b/c", "CN%3Da%2COU%3Db%2Fc"),
        ("geo;2026", "geo%3B2026"),
    ],
)
def test_the_hub_decides_about_a_name(name: str, quoted: str) -> None:
    assert segment(name, "group") == quoted


@pytest.mark.parametrize("name", ["../users/ana", "a/.", "a\\..", "%2e%2e%2fusers", "%25252e%25252e", "x%2f..%2fy"])
def test_a_name_that_could_leave_its_place_is_refused(name: str) -> None:
    assert has_dot_segment(name)
    with pytest.raises(InvalidInput, match="a proxy could resolve"):
        segment(name, "group")


def test_the_objects_of_a_path_are_those_with_slashes_in_their_names() -> None:
    assert list(named_objects("/groups/geo/users")) == []
    assert list(named_objects("/groups/%2Fgeo/users")) == [("/groups/%2Fgeo", "/geo")]
    assert list(named_objects("/users/a%5Cb/shared/c%2Fd/lab")) == [("/users/a%5Cb", "a\\b"), ("/users/c%2Fd", "c/d")]
    assert list(named_objects("/share-codes/a%2Fb/")) == [("/users/a%2Fb", "a/b")]


@pytest.mark.parametrize("name", ["a/b", "a\\b", "a?b", "a#b", "a;b", "100%", "a%2Fb", "a%0Ab"])
def test_a_name_that_a_proxy_could_change_is_checked(name: str) -> None:
    path = f"/groups/{segment(name, 'group')}"
    assert list(named_objects(f"{path}/users")) == [(path, name)]


@pytest.mark.parametrize("name", ["geo 2026", "geo,2026", "ana@example.org", "a+b", "a&b", "é", "~ana", "a:b", "a=b"])
def test_other_names_need_no_check(name: str) -> None:
    assert not any(named_objects(f"/groups/{segment(name, 'group')}"))


def test_a_change_reads_the_object_first() -> None:
    group = reply(json={"name": "/geo", "users": []})
    played = play(GroupOps.add_users("/geo", ["ana"]), [group, group])
    assert played.calls == ["GET /groups/%2Fgeo", "POST /groups/%2Fgeo/users"]
    deleted = play(GroupOps.delete("/geo"), [group, reply(204)])
    assert deleted.calls == ["GET /groups/%2Fgeo", "DELETE /groups/%2Fgeo"]
    user, path = reply(json={"name": "CORP\\ana"}), "/users/CORP%5Cana"
    assert play(UserOps.edit("CORP\\ana", admin=True), [user, user]).calls == [f"GET {path}", f"PATCH {path}"]
    assert play(ServerOps.stop("CORP\\ana", "lab", wait=False), [user, reply(204)]).calls[0] == f"GET {path}"
    assert play(TokenOps.revoke("CORP\\ana", "a1"), [user, reply(204)]).calls[0] == f"GET {path}"


def test_another_name_reads_nothing_first() -> None:
    assert play(GroupOps.delete("geo"), [reply(204)]).calls == ["DELETE /groups/geo"]


@pytest.mark.parametrize(
    "found", [{"name": "lab", "user": "ana"}, {"name": "ana"}, {"version": "6.1.1"}, [], {"name": "ana/Servers/lab"}]
)
def test_nothing_changes_if_the_hub_answers_with_something_else(found: Any) -> None:
    """The path of the user `ana/servers/lab`, decoded, is that of the server `lab` of `ana`."""
    played = play(UserOps.edit("ana/servers/lab", admin=True), [reply(json=found)])
    assert played.calls == ["GET /users/ana%2Fservers%2Flab"]
    assert type(played.error) is HubError
    assert str(played.error).startswith("user ana/servers/lab: the hub answered with ")
    assert "a proxy in front of the hub decodes" in played.error.hint


def test_a_missing_object_is_not_found_and_a_proxy_is_named() -> None:
    played = play(GroupOps.delete("/geo"), [refusal(404)])
    assert isinstance(played.error, NotFound)
    assert "a proxy in front of the hub decodes" in played.error.hint
    assert played.calls == ["GET /groups/%2Fgeo"]


def test_an_object_of_another_name_is_not_read_as_this_one() -> None:
    for operation in (UserOps.get("ana/servers/lab"), GroupOps.get("a/b")):
        played = play(operation, [reply(json={"name": "lab"})])
        assert type(played.error) is HubError


def test_a_group_with_a_slash_is_created_by_its_name_in_the_body() -> None:
    played = play(GroupOps.create("/geo"), [reply(201, json=[{"name": "/geo", "users": []}])])
    assert played.calls == ["POST /groups"]
    assert played.result == Group(name="/geo", users=())


def test_the_check_uses_the_credentials_of_the_request() -> None:
    seen: list[Step] = []

    def record(step: Step) -> Flow[Any]:
        seen.append(step)
        return (yield step)

    play(map_steps(GroupOps.delete("/geo"), record), [reply(json={"name": "/geo"}), reply(204)])
    assert [step.method for step in seen] == ["GET", "DELETE"]  # type: ignore[union-attr]


def test_a_user_is_equal_to_one_of_the_same_name() -> None:
    assert play(UserOps.get("CORP\\ana"), [reply(json={"name": "CORP\\ana"})]).result == User(name="CORP\\ana")


def test_a_user_who_exists_in_lower_case_is_named_in_the_hint() -> None:
    played = play(
        ServerOps.start("Maria.Lopez", "lab", wait=False), lambda step: LOWER_CASE.get(step.path, refusal(404))
    )
    assert isinstance(played.error, NotFound)
    assert played.error.hint == "the hub has a user 'maria.lopez': it writes names in lower case"
    assert played.calls.count("GET /users/maria.lopez") == 1


def test_the_lower_case_of_a_name_with_a_backslash_is_found_before_a_proxy_is_suspected() -> None:
    path = "/users/corp%5Cmaria.lopez"
    known = {path: reply(json={"name": "corp\\maria.lopez"}), "/": reply(json={"version": "6.1.1"})}
    for operation in (
        UserOps.get("CORP\\Maria.Lopez"),
        UserOps.edit("CORP\\Maria.Lopez", admin=True),
        ServerOps.start("CORP\\Maria.Lopez", "lab", wait=False),
    ):
        played = play(operation, lambda step: known.get(step.path, refusal(404)))
        assert isinstance(played.error, NotFound)
        assert (
            played.error.hint
            == f"the hub has a user {'corp' + chr(92) + 'maria.lopez'!r}: it writes names in lower case"
        )
        assert played.calls.count(f"GET {path}") == 1


def test_a_token_that_may_not_read_the_object_is_told_why_it_must() -> None:
    played = play(
        GroupOps.delete("/geo"),
        [refusal(403, "Action is not authorized with current scopes; requires any of [read:groups]")],
    )
    assert isinstance(played.error, MissingScope)
    assert played.calls == ["GET /groups/%2Fgeo"]
    assert "before a change, jhub reads an object with a name such as '/geo'" in played.error.hint


LOWER_CASE = {"/users/maria.lopez": reply(json={"name": "maria.lopez"}), "/": reply(json={"version": "6.1.1"})}


def test_without_capital_letters_nothing_more_is_read() -> None:
    assert play(UserOps.get("ana"), [refusal(404)]).calls == ["GET /users/ana"]
    unknown = play(UserOps.get("Ana"), [refusal(404), refusal(404)])
    assert unknown.calls == ["GET /users/Ana", "GET /users/ana"]
    assert isinstance(unknown.error, NotFound)
    assert "lower case" not in unknown.error.hint


def test_a_server_in_place_of_a_user_is_named_in_the_hint() -> None:
    played = play(ServerOps.start("ana/lab"), lambda step: refusal(404))
    assert isinstance(played.error, NotFound)
    assert played.error.hint.startswith("the server 'lab' of 'ana' is two arguments, ('ana', 'lab'); or a proxy")
    group = play(GroupOps.get("ana/lab"), [refusal(404)]).error
    assert isinstance(group, NotFound)
    assert group.hint.startswith("or a proxy")
