"""Shares and share codes."""

from __future__ import annotations

from typing import Any

import pytest

from jhub.errors import BadRequest, HubBroken, InvalidInput, NotFound, Unavailable, Unsupported
from jhub.operations.shares import ShareCodeOps, ShareOps
from jhub.steps import Request
from jhub.testing import play, refusal, reply

SERVER = {"user": {"name": "ana"}, "name": "lab", "url": "/user/ana/lab/", "ready": True}
SHARE = {"server": SERVER, "scopes": ["access:servers!server=ana/lab"], "user": {"name": "ben"}, "group": None}
CODE = {"id": "sc_1", "server": SERVER, "code": "SECRET", "accept_url": "/hub/accept-share?code=SECRET"}


def sent(step: object) -> Request[Any]:
    assert isinstance(step, Request)
    return step


def page(*items: object) -> object:
    return {"items": items, "_pagination": {"offset": 0, "next": None}}


def test_a_server_is_shared_with_a_user() -> None:
    played = play(ShareOps.grant("ana", "lab", user="ben"), [reply(json=SHARE)])
    assert (played.result.server.target, played.result.shared_with) == ("ana/lab", "ben")
    assert played.calls == ["POST /shares/ana/lab"]
    assert sent(played.sent[0]).body == {"user": "ben"}


def test_a_server_is_shared_with_a_group_for_given_scopes() -> None:
    share = {**SHARE, "kind": "group", "user": None, "group": {"name": "geo"}}
    played = play(ShareOps.grant("ana", "lab", group="geo", scopes="read:servers"), [reply(json=share)])
    assert played.result.shared_with == "geo"
    assert sent(played.sent[0]).body == {"group": "geo", "scopes": ["read:servers!server=ana/lab"]}


def test_a_scope_is_revoked_as_it_was_granted() -> None:
    """Without the filter the hub would not find the scope, and still answer with success."""
    plan = ShareOps.revoke("ana", user="ben", scopes=["read:servers", "access:servers!server=ana/"])
    played = play(plan, [reply(json={})])
    assert sent(played.sent[0]).body == {
        "user": "ben",
        "scopes": ["read:servers!server=ana/", "access:servers!server=ana/"],
    }


def test_a_default_server_has_an_empty_name_in_the_path() -> None:
    assert play(ShareOps.grant("ana", user="ben"), [reply(json=SHARE)]).calls == ["POST /shares/ana/"]
    assert play(ShareOps.list("ana", ""), [reply(json=page())]).calls == ["GET /shares/ana/"]
    assert play(ShareOps.list("ana"), [reply(json=page())]).calls == ["GET /shares/ana"]


@pytest.mark.parametrize("who", [{}, {"user": "ben", "group": "geo"}])
def test_either_a_user_or_a_group_is_required(who: dict[str, Any]) -> None:
    for operation in (ShareOps.grant, ShareOps.revoke, ShareOps.get, ShareOps.leave):
        with pytest.raises(InvalidInput, match="either a user or a group"):
            operation("ana", "lab", **who)
    with pytest.raises(InvalidInput, match="either a user or a group"):
        ShareOps.list_shared_with(**who)


def test_an_empty_list_of_scopes_is_refused() -> None:
    with pytest.raises(InvalidInput, match="the list of scopes is empty"):
        ShareOps.grant("ana", "lab", user="ben", scopes=[])


@pytest.mark.parametrize("who", ["user", "group"])
def test_an_unknown_recipient_is_not_found(who: str) -> None:
    played = play(ShareOps.grant("ana", "lab", user="ben"), [refusal(400, f"No such {who}: ben")])
    assert isinstance(played.error, NotFound)


def test_another_refusal_is_passed_on() -> None:
    played = play(ShareOps.grant("ana", "lab", user="ben"), [refusal(400, "Invalid JSON")])
    assert isinstance(played.error, BadRequest)


def test_a_500_for_an_unknown_scope_has_a_hint() -> None:
    played = play(ShareOps.grant("ana", "lab", user="ben", scopes=["nope"]), [refusal(500)])
    assert isinstance(played.error, HubBroken)
    assert "misspelt" in played.error.hint
    played = play(ShareOps.grant("ana", "lab", user="ben"), [refusal(500)])
    assert played.error is not None
    assert not played.error.hint


def test_revoking_returns_the_remaining_share_or_none() -> None:
    played = play(ShareOps.revoke("ana", "lab", user="ben", scopes=["x"]), [reply(json=SHARE)])
    assert played.result is not None
    assert played.calls == ["PATCH /shares/ana/lab"]
    assert play(ShareOps.revoke("ana", "lab", user="ben"), [reply(json={})]).result is None


def test_granting_and_revoking_are_retried_after_a_lost_answer() -> None:
    lost = Unavailable("reset")
    assert play(ShareOps.grant("ana", "lab", user="ben"), [lost, reply(json=SHARE)]).error is None
    assert play(ShareOps.revoke("ana", "lab", user="ben"), [lost, reply(json={})]).error is None


def test_all_shares_of_a_server_are_revoked_in_one_request() -> None:
    assert play(ShareOps.revoke_all("ana", "lab"), [reply(204)]).calls == ["DELETE /shares/ana/lab"]


def test_received_shares_are_listed_and_left() -> None:
    played = play(ShareOps.list_shared_with(user="ben"), [reply(json=page(SHARE))])
    assert [share.server.target for share in played.emitted] == ["ana/lab"]
    assert played.calls == ["GET /users/ben/shared"]
    assert play(ShareOps.list_shared_with(group="geo"), [reply(json=page())]).calls == ["GET /groups/geo/shared"]
    assert play(ShareOps.get("ana", user="ben"), [reply(json=SHARE)]).calls == ["GET /users/ben/shared/ana/"]
    left = play(ShareOps.leave("ana", "lab", group="geo"), [reply(204)])
    assert left.calls == ["DELETE /groups/geo/shared/ana/lab"]


def test_two_shares_of_one_server_are_both_listed() -> None:
    others = [{**SHARE, "user": {"name": "cy"}}, {**SHARE, "kind": "group", "group": {"name": "ben"}, "user": None}]
    assert len(play(ShareOps.list("ana"), [reply(json=page(SHARE, *others, SHARE))]).emitted) == 3


def test_a_code_is_created_and_hidden_in_its_repr() -> None:
    played = play(ShareCodeOps.create("ana", "lab", expires_in=3600), [reply(json=CODE)])
    assert (played.result.code, played.result.id) == ("SECRET", "sc_1")
    assert "SECRET" not in repr(played.result)
    assert sent(played.sent[0]).body == {"expires_in": 3600}


@pytest.mark.parametrize("seconds", [-1, 0, 59, 366 * 86400])
def test_a_code_lives_from_a_minute_to_a_year(seconds: int) -> None:
    with pytest.raises(InvalidInput, match="cannot expire"):
        ShareCodeOps.create("ana", "lab", expires_in=seconds)


def test_creating_a_code_is_not_retried_after_a_lost_answer() -> None:
    assert play(ShareCodeOps.create("ana", "lab"), [Unavailable("reset"), reply(json=CODE)]).left == 1


def test_a_code_is_revoked_by_its_id() -> None:
    played = play(ShareCodeOps.revoke("ana", "lab", "sc_12"), [reply(204)])
    assert played.calls == ["DELETE /share-codes/ana/lab"]
    assert sent(played.sent[0]).query == (("id", "sc_12"),)


@pytest.mark.parametrize("code_id", ["", "12", "sc_", "sc_1x", "sc_1 ", "sc_1\n", "SECRET", "sc_\u0661"])
def test_an_id_that_the_hub_would_misread_is_refused(code_id: str) -> None:
    """An empty id revokes all codes, and the hub reads "sc_1x" as "sc_1"."""
    with pytest.raises(InvalidInput):
        ShareCodeOps.revoke("ana", "lab", code_id)


def test_all_codes_of_a_server_are_listed_and_revoked() -> None:
    played = play(ShareCodeOps.list("ana", "lab"), [reply(json=page({**CODE, "code": None, "accept_url": None}))])
    assert [code.id for code in played.emitted] == ["sc_1"]
    assert play(ShareCodeOps.revoke_all("ana", "lab"), [reply(204)]).calls == ["DELETE /share-codes/ana/lab"]


@pytest.mark.parametrize("plan", [ShareOps.list("ana"), ShareCodeOps.list("ana"), ShareOps.grant("ana", user="ben")])
def test_shares_are_unsupported_on_an_older_hub(plan: Any) -> None:
    played = play(plan, [refusal(404, "Not Found")], version="4.1.6")
    assert isinstance(played.error, Unsupported)
    assert "needs JupyterHub 5.0; this hub is 4.1.6" in str(played.error)


def test_a_404_of_a_newer_hub_is_not_found() -> None:
    played = play(ShareOps.list("ana", "nope"), [refusal(404, "No such server: ana/nope")])
    assert type(played.error) is NotFound
