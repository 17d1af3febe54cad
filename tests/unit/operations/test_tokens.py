"""Tokens: create, sign in with a password, list, revoke."""

from __future__ import annotations

import traceback
from collections.abc import Callable

import pytest

from jhub.errors import (
    BadRequest,
    HubBroken,
    HubError,
    InvalidInput,
    NotAHub,
    NotAuthorized,
    Throttled,
    Unavailable,
    Unsupported,
)
from jhub.models import OAuthToken
from jhub.operations.tokens import TokenOps
from jhub.steps import Operation, Request
from jhub.testing import Reply, play, refusal, reply

NEW = {"id": "a7", "user": "ana", "token": "SECRET", "scopes": ["inherit"]}
PASSWORD = "hunter2-and-more"


def request(step: object) -> Request[object]:
    assert isinstance(step, Request)
    return step


def test_a_token_is_created_with_the_hubs_own_defaults() -> None:
    played = play(TokenOps.create("ana"), [reply(201, NEW)])
    assert played.result.token == "SECRET"
    assert played.calls == ["POST /users/ana/tokens"]
    assert request(played.sent[0]).body == {}


def test_a_token_is_created_with_only_the_given_fields() -> None:
    played = play(
        TokenOps.create("ana", note="ci", expires_in=3600, scopes=(s for s in ("read:users", "servers"))),
        [reply(201, NEW)],
    )
    assert request(played.sent[0]).body == {"note": "ci", "expires_in": 3600, "scopes": ["read:users", "servers"]}


def test_an_empty_list_of_scopes_is_sent() -> None:
    played = play(TokenOps.create("ana", scopes=[]), [reply(201, NEW)])
    assert request(played.sent[0]).body == {"scopes": []}


def test_a_single_scope_is_one_scope_and_not_its_letters() -> None:
    played = play(TokenOps.create("ana", scopes="read:users"), [reply(201, NEW)])
    assert request(played.sent[0]).body == {"scopes": ["read:users"]}


@pytest.mark.parametrize("seconds", [0, -1])
def test_a_lifetime_that_is_not_positive_is_refused(seconds: int) -> None:
    with pytest.raises(InvalidInput, match=f"cannot expire in {seconds} s"):
        TokenOps.create("ana", expires_in=seconds)
    with pytest.raises(InvalidInput, match=f"cannot expire in {seconds} s"):
        _ = play(TokenOps.create_with_password("ana", PASSWORD, expires_in=seconds)).result


@pytest.mark.parametrize("user", ["", "..", "a/../b"])
def test_an_invalid_owner_is_refused_before_any_request(user: str) -> None:
    with pytest.raises(InvalidInput):
        TokenOps.create(user)
    with pytest.raises(InvalidInput):
        _ = play(TokenOps.create_with_password(user, PASSWORD)).result


def test_a_creation_is_not_retried_after_a_lost_answer() -> None:
    played = play(TokenOps.create("ana"), [Unavailable("reset"), reply(201, NEW)])
    assert isinstance(played.error, Unavailable)
    assert played.left == 1


def test_tokens_are_listed_without_their_secrets() -> None:
    sent = {"api_tokens": [{"id": "a1", "user": "ana"}, {"id": "a2", "user": "ana"}], "oauth_tokens": []}
    played = play(TokenOps.list("ana"), [reply(json=sent)])
    assert [token.id for token in played.emitted] == ["a1", "a2"]
    assert played.calls == ["GET /users/ana/tokens"]


def test_a_token_is_revoked_by_its_id() -> None:
    played = play(TokenOps.revoke("ana", "a7"), [reply(204)])
    assert played.result is None
    assert played.calls == ["DELETE /users/ana/tokens/a7"]


@pytest.mark.parametrize("token_id", ["", ".", "../..", "a/b"])
def test_a_token_is_not_revoked_by_an_invalid_id(token_id: str) -> None:
    with pytest.raises(InvalidInput):
        TokenOps.revoke("ana", token_id)


def test_signing_in_sends_the_password_in_the_body_and_no_token() -> None:
    played = play(
        TokenOps.create_with_password("ana", PASSWORD, note="jhub", expires_in=60, scopes=["servers"]),
        [reply(201, NEW)],
    )
    assert played.result.token == "SECRET"
    step = request(played.sent[0])
    assert step.body == {
        "note": "jhub",
        "expires_in": 60,
        "scopes": ["servers"],
        "auth": {"username": "ana", "password": PASSWORD},
    }
    assert step.anonymous
    assert (step.method, step.path, step.query) == ("POST", "/users/ana/tokens", ())


@pytest.mark.parametrize(
    "trouble",
    [
        refusal(403, "Forbidden"),
        refusal(429, headers={"retry-after": "1"}),
        refusal(500),
        Unavailable("refused", sent=False),
        Unavailable("reset"),
    ],
)
def test_signing_in_is_not_retried(trouble: Reply) -> None:
    played = play(TokenOps.create_with_password("ana", PASSWORD), [trouble, reply(201, NEW)])
    assert isinstance(played.error, HubError)
    assert played.left == 1
    assert played.seconds == 0


@pytest.mark.parametrize(
    "message",
    [None, "Forbidden", "Action is not authorized with current scopes; requires any of [tokens]"],
)
def test_a_refused_sign_in_has_a_hint(message: str | None) -> None:
    played = play(TokenOps.create_with_password("ana", PASSWORD), [refusal(403, message)])
    assert type(played.error) is NotAuthorized
    assert str(played.error) == "sign in as ana: the hub refused this username and password"
    assert played.error.status == 403
    assert "/hub/token" in played.error.hint


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (refusal(400, "bad"), BadRequest),
        (refusal(403), NotAuthorized),
        (refusal(429, headers={"retry-after": "1"}), Throttled),
        (reply(200, {"id": 7}), NotAHub),
        (reply(201, {"id": "a7"}), NotAHub),
        (Unavailable("reset"), Unavailable),
    ],
)
def test_no_failure_of_a_sign_in_shows_the_password(answer: Reply, kind: type[HubError]) -> None:
    played = play(TokenOps.create_with_password("ana", PASSWORD), [answer])
    error = played.error
    assert isinstance(error, kind)
    shown = [
        str(error),
        repr(error),
        error.hint,
        repr(error.__dict__),
        repr(error.args),
        "".join(traceback.format_exception(error)),
        repr(played),
    ]
    assert not [text for text in shown if PASSWORD in text]


def test_a_sign_in_returns_the_secret() -> None:
    assert play(TokenOps.create_with_password("ana", PASSWORD), [reply(201, NEW)]).result.token == "SECRET"


def test_a_sign_in_without_a_token_in_the_answer_is_an_error() -> None:
    played = play(TokenOps.create_with_password("ana", PASSWORD), [reply(201, {"id": "a7"})])
    assert isinstance(played.error, NotAHub)
    assert "did not return it" in str(played.error)


def test_a_token_is_read_by_its_id() -> None:
    played = play(TokenOps.get("ana", "a7"), [reply(json={"id": "a7", "user": "ana", "note": "nightly"})])
    assert (played.result.note, played.calls) == ("nightly", ["GET /users/ana/tokens/a7"])


@pytest.mark.parametrize(
    "create", [TokenOps.create, lambda user, scopes: TokenOps.create_with_password(user, PASSWORD, scopes=scopes)]
)
def test_limited_scopes_are_unsupported_on_an_old_hub(create: Callable[..., Operation[object]]) -> None:
    """JupyterHub 2 ignores scopes."""
    played = play(create("ana", scopes=["list:users"]), version="2.3.1")
    assert isinstance(played.error, Unsupported)
    assert "needs JupyterHub 3.0" in str(played.error)
    assert played.sent == []


ANA = reply(json={"kind": "user", "name": "ana", "scopes": ["read:users!user=ana", "tokens!user=ana"]})
NOT_HELD = refusal(400, "Not assigning requested scopes proxy not held by User ana")


def test_a_refused_scope_has_a_hint_with_the_held_scopes() -> None:
    played = play(TokenOps.create("ana", scopes=["proxy"]), [NOT_HELD, ANA])
    assert isinstance(played.error, BadRequest)
    assert played.error.hint == "ana can grant: read:users!user=ana, tokens!user=ana"
    assert played.calls == ["POST /users/ana/tokens", "GET /user"]


def test_a_500_for_an_unknown_scope_has_a_hint() -> None:
    """JupyterHub 4 answers 500."""
    played = play(TokenOps.create("ana", scopes=["nope"]), [refusal(500), ANA], version="4.1.6")
    assert isinstance(played.error, HubBroken)
    assert "misspelt" in played.error.hint
    assert "ana can grant: read:users!user=ana" in played.error.hint


@pytest.mark.parametrize("kind", ["user", "service"])
def test_the_scopes_of_another_user_are_unknown(kind: str) -> None:
    """This also holds for a service of the same name."""
    me = {"kind": kind, "name": "ana" if kind == "service" else "admin", "scopes": ["tokens"]}
    played = play(TokenOps.create("ana", scopes=["proxy"]), [NOT_HELD, reply(json=me)])
    assert played.error is not None
    assert played.error.hint == "the token can have scopes that ana holds; only ana can list them"


def test_a_refused_scope_is_raised_without_the_held_scopes() -> None:
    played = play(TokenOps.create("ana", scopes=["proxy"]), [NOT_HELD, Unavailable("reset")])
    assert isinstance(played.error, BadRequest)
    assert (played.error.hint, played.seconds) == ("", 0)


@pytest.mark.parametrize("scopes", [None, ["proxy"]])
def test_another_refusal_does_not_read_the_scopes(scopes: list[str] | None) -> None:
    answer = refusal(400, "token expires_in: 99999 must not exceed 3600")
    played = play(TokenOps.create("ana", expires_in=99999, scopes=scopes), [answer])
    assert isinstance(played.error, BadRequest)
    assert len(played.sent) == 1


def exchange(verifier: str | None = None) -> Operation[OAuthToken]:
    client = {"client_id": "service-x", "client_secret": "SECRET", "redirect_uri": "http://127.0.0.1:9/"}
    return TokenOps.exchange_code("SECRETCODE", **client, code_verifier=verifier)


def test_a_code_is_exchanged_in_a_form_without_a_token() -> None:
    played = play(exchange("VERIFIER"), [reply(json={"access_token": "NEW", "expires_in": 60, "scope": "inherit"})])
    assert played.result.access_token == "NEW"
    step = request(played.sent[0])
    assert (step.method, step.path, step.form, step.anonymous) == ("POST", "/oauth2/token", True, True)
    assert step.body == {
        "grant_type": "authorization_code",
        "code": "SECRETCODE",
        "client_id": "service-x",
        "client_secret": "SECRET",
        "redirect_uri": "http://127.0.0.1:9/",
        "code_verifier": "VERIFIER",
    }
    assert "SECRET" not in repr(played)
    assert "NEW" not in repr(played)


def test_a_code_is_sent_once() -> None:
    assert play(exchange(), [Unavailable("refused", sent=False), reply(json={"access_token": "NEW"})]).left == 1


def test_a_refused_exchange_has_the_oauth_message() -> None:
    played = play(exchange(), [reply(400, {"error": "invalid_grant", "error_description": "the code is used up"})])
    assert isinstance(played.error, BadRequest)
    assert "the code is used up" in str(played.error)
    played = play(exchange(), [reply(401, {"error": "invalid_client"})])
    assert isinstance(played.error, NotAuthorized)
    assert "invalid_client" in str(played.error)


@pytest.mark.parametrize("token_id", ["0123456789abcdef", "", "a", "a1/b", "A1", "a1 "])
def test_an_invalid_token_id_is_neither_sent_nor_shown(token_id: str) -> None:
    for operation in (TokenOps.get, TokenOps.revoke):
        with pytest.raises(InvalidInput) as caught:
            operation("ana", token_id)
        assert "0123" not in f"{caught.value} {caught.value.hint}"


def test_a_refused_name_with_capital_letters_has_a_hint() -> None:
    played = play(TokenOps.create_with_password("Ana", PASSWORD), [refusal(403)])
    assert isinstance(played.error, NotAuthorized)
    assert "in lower case: use ana" in played.error.hint
