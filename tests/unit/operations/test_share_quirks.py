"""Quirks of JupyterHub's shares and share codes (5.0)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest
from quirks import bodies, page, queries

from jhub.errors import InvalidInput, InvalidScope, NotAuthorized, NotFound, Unavailable, Unsupported
from jhub.operations.shares import ShareCodeOps, ShareOps
from jhub.steps import Operation
from jhub.testing import play, refusal, reply

SERVER = {"user": {"name": "ana"}, "name": "lab", "url": "/user/ana/lab/", "full_url": None, "ready": True}
SHARE = {
    "server": SERVER,
    "scopes": ["access:servers!server=ana/lab"],
    "user": {"name": "bo"},
    "group": None,
    "kind": "user",
    "created_at": "2026-05-01T12:00:00.000000Z",
}
CODE = {"server": SERVER, "scopes": [], "id": "sc_1", "expires_at": "2026-05-02T12:00:00.000000Z", "exchange_count": 0}

ALL: Mapping[str, Callable[[], Operation[Any]]] = {
    "list": lambda: ShareOps.list("ana"),
    "list of a group": lambda: ShareOps.list_shared_with(group="geo"),
    "get": lambda: ShareOps.get("ana", "lab", user="bo"),
    "grant": lambda: ShareOps.grant("ana", "lab", user="bo"),
    "revoke": lambda: ShareOps.revoke("ana", "lab", user="bo"),
    "revoke all": lambda: ShareOps.revoke_all("ana", "lab"),
    "leave": lambda: ShareOps.leave("ana", "lab", user="bo"),
    "codes": lambda: ShareCodeOps.list("ana"),
    "new code": lambda: ShareCodeOps.create("ana", "lab"),
    "revoke code": lambda: ShareCodeOps.revoke("ana", "lab", "sc_1"),
    "revoke codes": lambda: ShareCodeOps.revoke_all("ana", "lab"),
}


@pytest.mark.parametrize("plan", ALL.values(), ids=ALL)
@pytest.mark.parametrize("status", [404, 405])
def test_before_5_0_shares_are_unsupported(plan: Callable[[], Operation[Any]], status: int) -> None:
    answer = reply(status, {"status": status, "message": "Not Found"}, version="4.1.6")
    played = play(plan(), [answer], version="4.1.6")
    assert isinstance(played.error, Unsupported)
    assert "needs JupyterHub 5.0; this hub is 4.1.6" in str(played.error)
    assert len(played.sent) == 1


def test_since_5_0_a_404_is_about_the_server() -> None:
    played = play(ShareOps.grant("ana", "lab", user="bo"), [refusal(404, "No such server: ana/lab")], version="5.0.0")
    assert isinstance(played.error, NotFound)
    assert "No such server: ana/lab" in str(played.error)


def test_granting_a_share_is_idempotent() -> None:
    played = play(ShareOps.grant("ana", "lab", user="bo"), [Unavailable("reset"), reply(200, SHARE)])
    assert (played.result.shared_with, played.result.server.target) == ("bo", "ana/lab")
    assert bodies(played) == [{"user": "bo"}] * 2


@pytest.mark.parametrize("server", ["", "lab"])
def test_the_default_server_is_an_empty_name_in_the_path(server: str) -> None:
    for plan, call in (
        (ShareOps.grant("ana", server, user="bo"), "POST /shares/ana/"),
        (ShareOps.revoke_all("ana", server), "DELETE /shares/ana/"),
        (ShareCodeOps.create("ana", server), "POST /share-codes/ana/"),
        (ShareCodeOps.revoke_all("ana", server), "DELETE /share-codes/ana/"),
        (ShareOps.leave("ana", server, user="bo"), "DELETE /users/bo/shared/ana/"),
    ):
        assert play(plan, lambda step: reply(json={**SHARE, **CODE})).calls == [f"{call}{server}"]


def test_a_list_of_all_shares_has_no_server_in_its_path() -> None:
    assert play(ShareOps.list("ana"), [page(SHARE)]).calls == ["GET /shares/ana"]
    assert play(ShareOps.list("ana", ""), [page(SHARE)]).calls == ["GET /shares/ana/"]


@pytest.mark.parametrize("message", ["No such user: bo", "No such group: geo"])
def test_a_400_for_an_unknown_user_or_group_is_not_found(message: str) -> None:
    played = play(ShareOps.grant("ana", "lab", user="bo"), [refusal(400, message)])
    assert isinstance(played.error, NotFound)
    assert message in str(played.error)


def test_another_400_keeps_its_message_on_one_line() -> None:
    pydantic = (
        "1 validation error for ShareGrantRequest\nscopes\n  Value error, Unknown scopes: {'x'} [type=value_error]"
    )
    played = play(ShareOps.grant("ana", "lab", user="bo", scopes=["x"]), [refusal(400, pydantic)])
    assert type(played.error) is InvalidScope
    assert "Unknown scopes" in str(played.error)
    assert len(str(played.error).splitlines()) == 1


@pytest.mark.parametrize("whom", [{}, {"user": "bo", "group": "geo"}])
def test_both_or_neither_of_user_and_group_is_refused(whom: dict[str, Any]) -> None:
    for ask in (ShareOps.grant, ShareOps.revoke, ShareOps.leave, ShareOps.get):
        with pytest.raises(InvalidInput, match="either a user or a group"):
            ask("ana", "lab", **whom)
    with pytest.raises(InvalidInput, match="either a user or a group"):
        ShareOps.list_shared_with(**whom)


def test_an_empty_answer_is_a_revoked_or_unknown_share() -> None:
    played = play(ShareOps.revoke("ana", "lab", user="nobody"), [reply(200, {})])
    assert played.error is None
    assert played.result is None
    left = {**SHARE, "scopes": ["read:servers!server=ana/lab"]}
    played = play(
        ShareOps.revoke("ana", "lab", user="bo", scopes=["access:servers!server=ana/lab"]), [reply(200, left)]
    )
    assert played.result is not None
    assert played.result.scopes == ("read:servers!server=ana/lab",)


def test_an_empty_list_of_scopes_is_refused_for_shares() -> None:
    for plan in (
        lambda: ShareOps.grant("ana", "lab", user="bo", scopes=[]),
        lambda: ShareOps.revoke("ana", "lab", user="bo", scopes=[]),
        lambda: ShareCodeOps.create("ana", "lab", scopes=[]),
    ):
        with pytest.raises(InvalidInput, match="the list of scopes is empty"):
            plan()


def test_granting_without_reading_the_recipient_names_the_scope() -> None:
    said = "Need scope 'read:users:name' to share with users by name"
    played = play(ShareOps.grant("ana", "lab", user="bo"), [refusal(403, said)])
    assert isinstance(played.error, NotAuthorized)
    assert said in str(played.error)


@pytest.mark.parametrize("seconds", [0, 59, 365 * 86400 + 1])
def test_a_code_lives_from_a_minute_to_a_year(seconds: int) -> None:
    with pytest.raises(InvalidInput, match=f"cannot expire in {seconds} s"):
        ShareCodeOps.create("ana", "lab", expires_in=seconds)
    for right in (60, 365 * 86400):
        assert bodies(play(ShareCodeOps.create("ana", "lab", expires_in=right), [reply(json=CODE)])) == [
            {"expires_in": right}
        ]


def test_a_codes_secret_is_not_in_its_repr() -> None:
    new = {**CODE, "code": "SECRET", "accept_url": "/hub/accept-share?code=SECRET", "full_accept_url": None}
    played = play(ShareCodeOps.create("ana", "lab"), [reply(200, new)])
    assert played.result.code == "SECRET"
    assert "SECRET" not in repr(played)
    assert play(ShareCodeOps.list("ana", "lab"), [page(CODE)]).emitted[0].code is None


@pytest.mark.parametrize("code_id", ["", "1", "sc_", "sc_1x", " sc_1", "sc_1&code=y", "sc_\u0661"])
def test_an_invalid_id_of_a_code_is_refused(code_id: str) -> None:
    """For an empty id the hub revokes all codes, and it reads only the leading digits of an id."""
    with pytest.raises(InvalidInput, match="invalid share code ID"):
        ShareCodeOps.revoke("ana", "lab", code_id)


def test_a_code_is_revoked_by_its_id_and_never_by_the_secret() -> None:
    played = play(ShareCodeOps.revoke("ana", "", "sc_12"), [reply(204)])
    assert played.calls == ["DELETE /share-codes/ana/"]
    assert queries(played) == [{"id": "sc_12"}]
    played = play(ShareCodeOps.revoke("ana", "", "sc_12"), [refusal(404, "No code found matching id=sc_12")])
    assert isinstance(played.error, NotFound)


def test_a_user_and_a_group_of_one_name_are_two_shares() -> None:
    group = {**SHARE, "user": None, "group": {"name": "bo"}, "kind": "group"}
    played = play(ShareOps.list("ana"), [page(SHARE, group, SHARE)])
    assert [(share.kind, share.shared_with) for share in played.emitted] == [("user", "bo"), ("group", "bo")]
