"""Sign-in by the browser: its questions and requests. The redirect is in test_callback."""

from __future__ import annotations

import base64
import hashlib
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from login_hub import ANA, CREATED, PASSWORD, TOKEN, WHOAMI, Person, body, headers, played, sent, sign_in_request

from jhub.errors import BadRequest, HubError, InvalidInput, NotAuthorized, Unavailable, WaitTimeout
from jhub.login.by_browser import by_browser
from jhub.login.questions import MethodChosen, OtherUser, Visit
from jhub.login.request import SignInRequest
from jhub.oauth_client import CLIENT_ID, CLIENT_SECRET, REDIRECT_URI
from jhub.operations.tokens import TOKEN_LIFE
from jhub.testing import After, Played, Reply, refusal, reply

OAUTH = reply(json={"access_token": "OAUTH", "token_type": "Bearer", "expires_in": 1209600, "scope": "inherit"})
REVOKED = reply(204)
REPLIES: list[Reply] = [OAUTH, ANA, CREATED, ANA, REVOKED]
REVOKE = "DELETE /users/ana/tokens/a7"


def run(*replies: Reply, person: Person | None = None, interrupt_at: float | None = None, **known: Any) -> Played[Any]:
    return played(
        by_browser(sign_in_request(**known)), list(replies), person or Person(Visit="CODE"), interrupt_at=interrupt_at
    )


def visit(**known: Any) -> tuple[Visit, dict[str, str]]:
    """Where the person is sent, and the query of that."""
    person = Person(Visit="CODE")
    run(*REPLIES, person=person, **known)
    asked = person.questions[0]
    assert isinstance(asked, Visit)
    pairs = parse_qsl(urlsplit(asked.url).query, strict_parsing=True)
    assert len(dict(pairs)) == len(pairs)
    return asked, dict(pairs)


def test_the_browser_opens_the_hubs_oauth_page() -> None:
    asked, query = visit(state="STATE", verifier="VERIFIER")
    assert asked.url.partition("?")[0] == "https://hub.example.org/hub/api/oauth2/authorize"
    challenge = base64.urlsafe_b64encode(hashlib.sha256(b"VERIFIER").digest()).decode().rstrip("=")
    assert query == {
        "client_id": CLIENT_ID,
        "redirect_uri": REDIRECT_URI,
        "response_type": "code",
        "state": "STATE",
        "code_challenge": challenge,
        "code_challenge_method": "S256",
    }
    assert (asked.state, asked.redirect_uri) == ("STATE", REDIRECT_URI)


def test_the_redirect_uri_is_a_loopback_address() -> None:
    assert (urlsplit(REDIRECT_URI).scheme, urlsplit(REDIRECT_URI).hostname) == ("http", "127.0.0.1")


def test_the_code_is_exchanged_with_the_pkce_verifier() -> None:
    done = run(*REPLIES, verifier="VERIFIER")
    assert body(done, 0) == {
        "grant_type": "authorization_code",
        "code": "CODE",
        "client_id": CLIENT_ID,
        "client_secret": CLIENT_SECRET,
        "redirect_uri": REDIRECT_URI,
        "code_verifier": "VERIFIER",
    }
    assert (sent(done, 0).path, sent(done, 0).form, sent(done, 0).anonymous) == ("/oauth2/token", True, True)


def test_the_pkce_verifier_is_not_in_the_address() -> None:
    asked, _ = visit(verifier="VERIFIER")
    assert "VERIFIER" not in asked.url


def test_each_sign_in_has_a_random_state_and_verifier() -> None:
    """RFC 7636 wants 43 to 128 characters."""
    requests = [SignInRequest(api_url="https://x/hub/api") for _ in range(50)]
    values = [each.state for each in requests] + [each.verifier for each in requests]
    assert len(set(values)) == 100
    assert all(43 <= len(value) <= 128 for value in values)


def test_the_oauth_token_creates_the_kept_one_and_is_revoked() -> None:
    done = run(*REPLIES)
    assert done.calls == ["POST /oauth2/token", "GET /user", "POST /users/ana/tokens", "GET /user", REVOKE]
    assert {headers(done, index)["Authorization"] for index in (1, 2, 3, 4)} == {"token OAUTH"}
    assert all(sent(done, index).anonymous for index in range(5))
    assert body(done, 2) == {"note": "test", "expires_in": TOKEN_LIFE}
    assert (done.result.token, done.result.token_id, done.result.method) == ("NEWTOKEN", "a8", "browser")


def test_before_5_0_a_token_of_the_client_is_revoked() -> None:
    """JupyterHub 4"""
    who = reply(json={**WHOAMI, "token_id": None})
    tokens = [
        {"id": "a1", "user": "ana", "oauth_client": "JupyterHub"},
        {"id": "a2", "user": "ana", "oauth_client": None},
        {"id": "a3", "user": "ana", "oauth_client": "Service jhub-login"},
    ]
    done = run(OAUTH, who, CREATED, who, reply(json={"api_tokens": tokens}), REVOKED)
    assert done.calls[-2:] == ["GET /users/ana/tokens", "DELETE /users/ana/tokens/a3"]
    assert done.result.token == "NEWTOKEN"


def test_without_a_token_of_the_client_none_is_revoked() -> None:
    who = reply(json={**WHOAMI, "token_id": None})
    done = run(OAUTH, who, CREATED, who, reply(json={"api_tokens": [{"id": "a1", "oauth_client": "JupyterHub"}]}))
    assert not [call for call in done.calls if call.startswith("DELETE")]
    assert done.result.token == "NEWTOKEN"


@pytest.mark.parametrize("failure", [refusal(400, "bad"), refusal(403), refusal(500), Unavailable("reset")])
def test_the_oauth_token_is_revoked_if_the_creation_fails(failure: Reply) -> None:
    done = run(OAUTH, ANA, failure, ANA, REVOKED)
    assert isinstance(done.error, HubError)
    assert done.calls[-1] == REVOKE


@pytest.mark.parametrize("at", [1, 2])
def test_the_oauth_token_is_revoked_after_an_interrupt(at: int) -> None:
    done = run(*REPLIES[:at], After(10, REPLIES[at]), ANA, REVOKED, interrupt_at=5)
    assert str(done.error) == "interrupted"
    assert done.calls[-2:] == ["GET /user", REVOKE]


@pytest.mark.parametrize("at", [3, 4])
def test_the_new_token_is_revoked_after_an_interrupt_at_the_end(at: int) -> None:
    """Nobody gets it any more."""
    done = run(*REPLIES[:at], After(10, REPLIES[at]), REVOKED, ANA, REVOKED, interrupt_at=5)
    assert str(done.error) == "interrupted"
    assert done.calls[-3:] == ["DELETE /users/ana/tokens/a8", "GET /user", REVOKE]


@pytest.mark.parametrize(
    "trouble",
    [
        [refusal(403)],
        [refusal(500)],
        [Unavailable("reset")] * 4,
        [ANA, refusal(404)],
        [ANA, refusal(500)],
        [reply(json={**WHOAMI, "token_id": "../x"})],
        [reply(json=["nonsense"])],
    ],
)
def test_a_failed_revocation_keeps_the_new_token(trouble: list[Reply]) -> None:
    assert run(OAUTH, ANA, CREATED, *trouble).result.token == "NEWTOKEN"


def test_a_failed_creation_is_reported_even_if_the_revocation_fails_too() -> None:
    done = run(OAUTH, ANA, refusal(400, "no tokens today"), refusal(500))
    assert isinstance(done.error, BadRequest)
    assert "no tokens today" in str(done.error)


@pytest.mark.parametrize("answer", [refusal(400), refusal(401), refusal(500), Unavailable("refused", sent=False)])
def test_a_code_is_exchanged_once(answer: Reply) -> None:
    done = run(answer, *REPLIES)
    assert isinstance(done.error, HubError)
    assert done.calls == ["POST /oauth2/token"]


@pytest.mark.parametrize("failure", [NotAuthorized("access_denied"), WaitTimeout("nobody came back")])
def test_without_a_code_nothing_is_sent(failure: HubError) -> None:
    done = run(person=Person(Visit=failure))
    assert done.error is failure
    assert done.sent == []


def test_scopes_and_lifetime_apply_to_the_kept_token() -> None:
    short = reply(201, {**TOKEN, "expires_at": "2026-05-01T01:00:00Z"})
    done = run(OAUTH, ANA, short, ANA, REVOKED, scopes=["servers"], expires_in=3600)
    assert body(done, 2) == {"note": "test", "expires_in": 3600, "scopes": ["servers"]}
    assert done.result.life == 3600


MALLORY = reply(json={**WHOAMI, "name": "mallory"})
BY_MALLORY: list[Reply] = [OAUTH, MALLORY, MALLORY, REVOKED]


@pytest.mark.parametrize("known", [{"username": "ana"}, {"username": None, "expected": "ana"}, {"expected": "bo"}])
@pytest.mark.parametrize("answer", ["", "y", "yes", "ana", "True", PASSWORD])
def test_an_unexpected_user_is_not_signed_in_without_the_exact_answer(answer: str, known: dict[str, Any]) -> None:
    person = Person(Visit="CODE", OtherUser=answer)
    done = run(*BY_MALLORY, person=person, **known)
    assert person.asked == ["Visit", "OtherUser"]
    assert person.questions[1] == OtherUser("mallory", "ana")
    assert isinstance(done.error, NotAuthorized)
    assert str(done.error) == "the browser signed in as mallory, not as ana; no token was kept"
    assert done.error.hint.endswith("if mallory is the right user, use -u mallory")
    assert done.calls == ["POST /oauth2/token", "GET /user", "GET /user", "DELETE /users/mallory/tokens/a7"]


def test_an_unexpected_user_is_signed_in_after_confirmation() -> None:
    done = run(
        OAUTH, MALLORY, CREATED, MALLORY, REVOKED, person=Person(Visit="CODE", OtherUser="mallory"), username="ana"
    )
    assert done.calls[2:] == ["POST /users/mallory/tokens", "GET /user", "DELETE /users/mallory/tokens/a7"]
    assert done.result.who.name == "mallory"


@pytest.mark.parametrize("known", [{"username": None}, {"username": " ANA "}, {"username": "", "expected": "Ana"}])
def test_the_expected_user_is_signed_in_without_a_question(known: dict[str, Any]) -> None:
    """A hub has its names in small letters."""
    assert run(*REPLIES, **known).result.who.name == "ana"


@pytest.mark.parametrize("failure", [InvalidInput("nobody"), WaitTimeout("gone")])
def test_the_oauth_token_is_revoked_if_the_question_fails(failure: HubError) -> None:
    done = run(*BY_MALLORY, person=Person(Visit="CODE", OtherUser=failure))
    assert done.error is failure
    assert done.calls[-1] == "DELETE /users/mallory/tokens/a7"


def test_no_repr_shows_a_secret_of_the_browser() -> None:
    person = Person(Visit="SECRETCODE")
    secret: dict[str, Any] = {"state": "SECRETSTATE", "verifier": "SECRETVERIFIER"}
    for done in (
        run(*REPLIES, person=person, **secret),
        run(refusal(400), person=person, **secret),
        run(OAUTH, ANA, refusal(403), ANA, REVOKED, person=person, **secret),
    ):
        text = f"{done!r} {done.answer!r} {done.error!r} {getattr(done.error, 'hint', '')} {person.questions!r}"
        assert not [
            word for word in ("SECRETCODE", "SECRETSTATE", "SECRETVERIFIER", "OAUTH", "NEWTOKEN") if word in text
        ]
    assert "SECRET" not in repr(sign_in_request(**secret))
    assert repr(MethodChosen("browser", "why")) == "MethodChosen(method='browser', why='why')"
