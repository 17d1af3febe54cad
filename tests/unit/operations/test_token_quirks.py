"""Quirks of JupyterHub's tokens."""

from __future__ import annotations

from typing import Any

import httpx2
import pytest
from quirks import bodies, hub_answering, requests

from jhub.errors import (
    HubBroken,
    InvalidInput,
    InvalidScope,
    LifetimeTooLong,
    MissingScope,
    NotAHub,
    NotAuthorized,
    NotFound,
    Unavailable,
    Unsupported,
)
from jhub.operations.hub import HubOps
from jhub.operations.servers import ServerOps
from jhub.operations.tokens import TokenOps
from jhub.testing import play, refusal, reply

VERSIONS = pytest.mark.parametrize("version", ["4.1.6", "5.5.1", "6.1.1"])
NEW = {"id": "a12", "user": "ana", "kind": "api_token", "token": "SECRET", "scopes": ["inherit"], "expires_at": None}


@VERSIONS
@pytest.mark.parametrize("seconds", [0, -60])
def test_a_lifetime_of_0_is_refused(seconds: int, version: str) -> None:
    with pytest.raises(InvalidInput, match="cannot expire in"):
        play(TokenOps.create("ana", expires_in=seconds), version=version)
    played = play(TokenOps.create_with_password("ana", "pw", expires_in=seconds), version=version)
    assert isinstance(played.error, InvalidInput)
    assert played.sent == []


def test_without_a_lifetime_the_hub_decides() -> None:
    """Without a lifetime the token never expires, or after `token_expires_in_max_seconds` if that is set."""
    assert bodies(play(TokenOps.create("ana"), [reply(201, NEW)])) == [{}]
    assert bodies(play(TokenOps.create("ana", expires_in=60), [reply(201, NEW)])) == [{"expires_in": 60}]


def test_a_lifetime_beyond_the_hubs_limit_has_its_message() -> None:
    said = "token expires_in: 99999999 must not exceed 86400"
    played = play(TokenOps.create("ana", expires_in=99999999), [refusal(400, said)])
    assert isinstance(played.error, LifetimeTooLong)
    assert said in str(played.error)


@VERSIONS
def test_a_403_for_an_unknown_user_has_a_hint(version: str) -> None:
    said = {"status": 403, "message": "User BOB not found or no permissions to generate tokens"}
    played = play(TokenOps.create("BOB"), [reply(403, said, version=version)], version=version)
    assert type(played.error) is NotAuthorized
    assert played.calls == ["POST /users/BOB/tokens"]
    assert "there is no user BOB" in played.error.hint
    assert "the scope tokens" in played.error.hint


@pytest.mark.parametrize(
    ("version", "status", "message", "kind"),
    [
        ("4.1.6", 500, "Internal Server Error", HubBroken),
        ("5.5.1", 400, "\"Scope 'start:servers' for token does not exist\"", InvalidScope),
        ("6.1.1", 400, "Not assigning requested scopes shutdown not held by requesting User ana", InvalidScope),
    ],
)
def test_an_unknown_or_missing_scope_is_refused_on_every_version(
    version: str, status: int, message: str, kind: type[Exception]
) -> None:
    answer = reply(status, {"status": status, "message": message}, version=version)
    me = reply(json={"kind": "user", "name": "ana", "scopes": []})
    played = play(TokenOps.create("ana", scopes=["start:servers"]), [answer, me], version=version)
    assert type(played.error) is kind
    assert message in str(played.error)
    assert played.error.hint.endswith(" can grant: no scopes")
    assert played.calls == ["POST /users/ana/tokens", "GET /user"]


def test_before_3_0_scopes_are_not_sent() -> None:
    """The token would have all scopes of its owner."""
    for plan in (
        TokenOps.create("ana", scopes=["read:users"]),
        TokenOps.create_with_password("ana", "pw", scopes=["read:users"]),
    ):
        played = play(plan, version="2.3.1")
        assert isinstance(played.error, Unsupported)
        assert played.sent == []


def test_an_answer_without_a_secret_is_not_a_token() -> None:
    played = play(TokenOps.create("ana"), [reply(201, {**NEW, "token": None})])
    assert isinstance(played.error, NotAHub)
    secret = play(TokenOps.create("ana"), [reply(201, NEW)])
    assert secret.result.token == "SECRET"
    assert "SECRET" not in repr(secret)


def test_creating_a_token_is_not_retried() -> None:
    played = play(TokenOps.create("ana"), [Unavailable("reset"), reply(201, NEW)])
    assert isinstance(played.error, Unavailable)
    assert played.left == 1


def test_oauth_tokens_are_among_those_of_a_user() -> None:
    """The hub deletes expired tokens as it lists them, and includes those of OAuth clients."""
    oauth = {"id": "a3", "user": "ana", "oauth_client": "JupyterLab", "session_id": "x", "scopes": ["access:servers"]}
    service = {"id": "a4", "service": "culler", "expires_at": "2026-05-01T00:00:00.000000Z", "note": None}
    played = play(TokenOps.list("ana"), [reply(json={"api_tokens": [NEW, oauth, service], "oauth_tokens": []})])
    assert [(token.id, token.user, token.oauth_client) for token in played.emitted] == [
        ("a12", "ana", None),
        ("a3", "ana", "JupyterLab"),
        ("a4", None, None),
    ]


def test_revoking_a_missing_token_is_not_found_except_on_a_retry() -> None:
    gone = refusal(404, "No such token a12 for user ana")
    assert isinstance(play(TokenOps.revoke("ana", "a12"), [gone]).error, NotFound)
    assert play(TokenOps.revoke("ana", "a12"), [Unavailable("reset"), gone]).error is None


@pytest.mark.parametrize("message", [None, "Forbidden", "Action is not authorized with current scopes"])
def test_every_failed_sign_in_has_the_same_error(message: str | None) -> None:
    """The reason may be a wrong password, a user who never signed in, or a hub without passwords."""
    played = play(TokenOps.create_with_password("ana", "pw"), [refusal(403, message)])
    assert type(played.error) is NotAuthorized
    for reason in ("check both", "never logged in", "single sign-on", "/hub/token"):
        assert reason in played.error.hint


def test_a_sign_in_sends_no_token_and_is_not_retried() -> None:
    def broken(request: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(502)

    with hub_answering(broken) as (hub, asked):
        with pytest.raises(Unavailable):
            hub.tokens.create_with_password("ana", "pw")
        (request,) = asked
    assert "authorization" not in request.headers
    assert "cookie" not in request.headers


def test_the_token_of_a_server_may_read_its_identity() -> None:
    """`JUPYTERHUB_API_TOKEN` has the scopes users:activity and access:servers, unless the administrator added more."""
    model = {"kind": "user", "name": "ana", "scopes": ["users:activity!user=ana", "access:servers!server=ana/"]}
    identity = play(HubOps.whoami(), [reply(json=model)]).result
    assert identity.scopes == ("users:activity!user=ana", "access:servers!server=ana/")
    no = refusal(403, "Action is not authorized with current scopes; requires any of [start:servers]")
    played = play(ServerOps.start("ana", "lab"), [no])
    assert isinstance(played.error, MissingScope)
    assert played.error.scopes == ("start:servers",)


@VERSIONS
def test_whoami_has_no_token_id_before_5_0(version: str) -> None:
    known: dict[str, Any] = {} if version < "5" else {"token_id": "a12", "session_id": None}
    played = play(HubOps.whoami(), [reply(json={"kind": "service", "name": "robot", **known}, version=version)])
    assert (played.result.kind, played.result.name) == ("service", "robot")
    assert played.result.token_id == known.get("token_id")


def test_an_oauth_code_is_sent_once_in_a_form() -> None:
    """The hub has no public clients: without the secret it answers 401. A code is valid for one exchange."""
    asked = {"client_id": "service-x", "client_secret": "SECRET", "redirect_uri": "http://127.0.0.1:9876/cb"}
    played = play(TokenOps.exchange_code("CODE", **asked), [reply(401, {"error": "invalid_client"})])
    assert isinstance(played.error, NotAuthorized)
    assert str(played.error) == "OAuth token: invalid_client"
    (request,) = requests(played)
    assert request.form
    assert request.anonymous
    assert request.body == {"grant_type": "authorization_code", "code": "CODE", **asked}
    lost = play(TokenOps.exchange_code("CODE", **asked), [Unavailable("reset"), reply(json={"access_token": "x"})])
    assert isinstance(lost.error, Unavailable)
    assert lost.left == 1
