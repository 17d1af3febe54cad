"""The choice of a sign-in method, and the methods that need no form and no browser."""

from __future__ import annotations

from typing import Any, cast

import pytest
from login_hub import (
    ANA,
    API,
    BY_FORM,
    CREATED,
    LINK,
    PASSWORD,
    SIGNED_IN,
    TOKEN,
    TOKEN_PAGE,
    WHOAMI,
    Person,
    body,
    form,
    headers,
    kinds,
    login_page,
    played,
    sent,
    shown,
    sign_in_request,
)

from jhub.errors import BadRequest, HubError, InvalidInput, NotAHub, NotAuthorized, Unavailable
from jhub.login import LoginMethod
from jhub.login.methods import sign_in
from jhub.login.questions import NoCallback
from jhub.login.request import SignInRequest, default_note
from jhub.oauth_client import CLIENT_SECRET, NAME
from jhub.operations.tokens import TOKEN_LIFE
from jhub.steps import Answer
from jhub.testing import After, Played, Reply, refusal, reply

CLIENT = reply(json={"kind": "service", "name": NAME})
OAUTH = reply(json={"access_token": "OAUTH", "token_type": "Bearer"})
REVOKED = reply(204)
BY_BROWSER: list[Reply] = [OAUTH, ANA, CREATED, ANA, REVOKED]
SINGLE_SIGN_ON = [
    shown(LINK),
    shown("", status=302, location="/hub/oauth_login?next="),
    shown("", status=302, location="https://sso.example/", version=""),
]
FORGED = shown(form(error="Login form invalid or expired. Try again."), status=403)
EXPIRED = "the hub rejected the token"


def run(*replies: Reply, method: LoginMethod | None = None, person: Person | None = None, **known: Any) -> Played[Any]:
    return played(sign_in(sign_in_request(**known), method), list(replies), person)


def with_token(*replies: Reply, token: str = "MINE", method: LoginMethod | None = None) -> Played[Any]:
    return run(*replies, token=token, method=method, username=None, password=None)


def test_a_hub_with_a_form_uses_the_form() -> None:
    done = run(*BY_FORM)
    assert done.result.method == "form"
    assert kinds(done) == [("form", True)]


def test_the_login_page_is_requested_once() -> None:
    assert run(*BY_FORM).calls.count("GET ../login") == 1


@pytest.mark.parametrize("page", SINGLE_SIGN_ON)
def test_single_sign_on_with_the_login_client_uses_the_browser(page: Answer) -> None:
    person = Person(Visit="CODE")
    done = run(page, CLIENT, *BY_BROWSER, person=person, username=None, password=None)
    assert done.result.method == "browser"
    assert kinds(done) == [("browser", True)]
    assert headers(done, 1) == {"Authorization": f"token {CLIENT_SECRET}"}
    assert person.asked == ["Visit"]


@pytest.mark.parametrize("page", [*SINGLE_SIGN_ON, refusal(403), refusal(404), refusal(500)])
@pytest.mark.parametrize(
    "client",
    [
        refusal(403),
        refusal(401),
        reply(json={"kind": "service", "name": "x"}),
        reply(json={"kind": "user", "name": NAME}),
    ],
)
def test_single_sign_on_without_the_login_client_uses_a_pasted_token(page: Answer, client: Answer) -> None:
    person = Person(PastedToken="PASTED")
    done = run(page, client, ANA, reply(json=TOKEN), person=person, username=None, password=None)
    assert (done.result.method, done.result.token) == ("paste", "PASTED")
    assert person.questions[0].page == "https://hub.example.org/hub/token"
    assert "login client" in done.emitted[0].why


@pytest.mark.parametrize(
    ("page", "why"),
    [
        (SINGLE_SIGN_ON[0], "single sign-on"),
        (SINGLE_SIGN_ON[1], "single sign-on"),
        (refusal(403), "only credentials from the browser"),
        (refusal(404), "returned 404"),
    ],
)
def test_the_reason_for_a_method_is_the_kind_of_page(page: Answer, why: str) -> None:
    done = run(page, CLIENT, *BY_BROWSER, person=Person(Visit="CODE"), username=None, password=None)
    assert why in done.emitted[0].why


@pytest.mark.parametrize("page", SINGLE_SIGN_ON)
def test_a_hub_with_single_sign_on_gets_no_password(page: Answer) -> None:
    done = run(page)
    assert isinstance(done.error, InvalidInput)
    assert "the password was not sent" in str(done.error)
    assert done.calls == ["GET ../login"]


def test_a_form_for_another_site_is_refused_before_any_question() -> None:
    done = run(login_page(action="https://evil.example/"), username=None, password=None)
    assert isinstance(done.error, NotAHub)
    assert done.calls == ["GET ../login"]


def test_after_an_xsrf_error_the_password_method_is_used() -> None:
    person = Person(Username="ana", Password=PASSWORD)
    done = run(login_page(), FORGED, CREATED, ANA, person=person, username=None, password=None)
    assert done.result.method == "password"
    assert kinds(done) == [("form", True), ("password", True)]
    assert done.calls[2:] == ["POST /users/ana/tokens", "GET /user"]
    assert body(done, 2)["auth"] == {"username": "ana", "password": PASSWORD}
    assert sent(done, 2).headers == ()
    assert person.asked == ["Username", "Password"]


@pytest.mark.parametrize("failure", [shown("", status=500), shown("<h1>500</h1>", status=500), shown("", status=403)])
def test_after_a_failure_of_the_form_the_password_method_is_used(failure: Answer) -> None:
    done = run(login_page(), failure, CREATED, ANA)
    assert done.result.method == "password"
    assert kinds(done) == [("form", True), ("password", True)]


def test_without_a_callback_a_pasted_token_is_used() -> None:
    person = Person(Visit=NoCallback("this runs elsewhere"), PastedToken="PASTED")
    done = run(SINGLE_SIGN_ON[0], CLIENT, ANA, reply(json=TOKEN), person=person, username=None, password=None)
    assert done.result.method == "paste"
    assert [(taken.method, taken.why) for taken in done.emitted][1:] == [("paste", "this runs elsewhere")]


def test_a_second_factor_is_asked_for_once() -> None:
    person = Person(SecondFactor="123456")
    done = run(login_page(more='<input name="otp">'), FORGED, CREATED, ANA, person=person)
    assert done.result.method == "password"
    assert body(done, 2)["auth"]["otp"] == "123456"
    assert person.asked == ["SecondFactor"]


def test_after_an_xsrf_error_there_is_only_one_more_attempt() -> None:
    done = run(login_page(), FORGED, refusal(403), CREATED)
    assert isinstance(done.error, NotAuthorized)
    assert done.calls == ["GET ../login", "POST https://hub.example.org/hub/login?next=", "POST /users/ana/tokens"]


def test_a_wrong_password_is_not_tried_by_another_method() -> None:
    done = run(login_page(), shown(form(error="Invalid username or password"), status=403), CREATED)
    assert isinstance(done.error, NotAuthorized)
    assert len(done.sent) == 2


def test_a_chosen_form_is_not_replaced_after_an_xsrf_error() -> None:
    done = run(login_page(), FORGED, CREATED, method="form")
    assert isinstance(done.error, NotAuthorized)
    assert done.left == 1


@pytest.mark.parametrize(
    ("method", "replies", "first"),
    [
        ("form", BY_FORM, "GET ../login"),
        ("password", [CREATED, ANA], "POST /users/ana/tokens"),
        ("browser", [CLIENT, *BY_BROWSER], "GET /user"),
        ("paste", [ANA, reply(json=TOKEN)], "GET /user"),
    ],
)
def test_a_chosen_method_is_used_without_detection(method: LoginMethod, replies: list[Reply], first: str) -> None:
    known = {} if method in ("form", "password") else {"username": None, "password": None}
    done = run(*replies, method=method, person=Person(Visit="CODE", PastedToken="PASTED"), **known)
    assert (done.result.method, done.calls[0], done.left) == (method, first, 0)
    assert kinds(done) == [(method, False)]


def test_a_chosen_method_precedes_an_existing_token() -> None:
    done = run(CREATED, ANA, method="password", token="MINE")
    assert done.result.token == "NEWTOKEN"


def test_the_browser_needs_the_login_client() -> None:
    done = run(refusal(403), method="browser", password=None)
    assert isinstance(done.error, InvalidInput)
    assert "jhub service create --login-client" in done.error.hint
    assert done.emitted == []


def test_the_browser_is_not_used_for_a_hub_on_a_unix_socket() -> None:
    url = "http+unix://%2Fsrv%2Fhub.sock/hub/api"
    chosen = run(method="browser", password=None, api_url=url)
    assert isinstance(chosen.error, InvalidInput)
    assert "a browser cannot open a hub on a unix socket" in str(chosen.error)
    assert chosen.calls == []
    detected = run(SINGLE_SIGN_ON[1], ANA, ANA, person=Person(PastedToken="MINE"), password=None, api_url=url)
    assert kinds(detected)[0][0] == "paste"


def test_a_failed_check_for_the_login_client_is_raised() -> None:
    done = run(*[Unavailable("reset")] * 4, method="browser", password=None)
    assert isinstance(done.error, Unavailable)


@pytest.mark.parametrize("method", ["browser", "paste"])
def test_a_password_for_a_method_without_one_is_an_error(method: LoginMethod) -> None:
    done = run(method=method)
    assert "the password was not sent" in str(done.error)
    assert done.sent == []


def test_an_invalid_method_is_an_error_with_the_valid_ones() -> None:
    done = run(method=cast(LoginMethod, "nope"))
    assert str(done.error) == "invalid sign-in method 'nope'"
    assert done.error is not None
    assert done.error.hint == "use one of: form, password, browser, paste"


def test_scopes_for_a_pasted_token_are_an_error() -> None:
    done = run(method="paste", password=None, scopes=["self"])
    assert isinstance(done.error, InvalidInput)
    assert done.sent == []


def test_an_existing_token_is_used_without_detection() -> None:
    done = with_token(ANA, reply(json=TOKEN))
    assert (done.result.method, done.result.token, done.result.who.name) == ("token", "MINE", "ana")
    assert done.calls == ["GET /user", "GET /users/ana/tokens/a7"]
    assert headers(done, 0) == headers(done, 1) == {"Authorization": "token MINE"}
    assert kinds(done) == [("token", False)]


def test_an_existing_token_has_no_id_to_revoke() -> None:
    assert with_token(ANA, reply(json=TOKEN)).result.token_id == ""


@pytest.mark.parametrize(
    ("times", "life"),
    [
        (
            {
                "created": "2020-01-01T00:00:00Z",
                "last_activity": "2030-01-01T00:00:00Z",
                "expires_at": "2030-01-02T00:00:00Z",
            },
            86400,
        ),
        ({"created": "2030-01-01T00:00:00Z", "last_activity": None, "expires_at": "2030-01-01T01:00:00Z"}, 3600),
        ({"created": "2030-01-01T00:00:00", "last_activity": None, "expires_at": "2030-01-01T01:00:00Z"}, 3600),
        ({"created": "2030-01-01T00:00:00Z", "last_activity": None, "expires_at": None}, None),
        ({"created": None, "last_activity": None, "expires_at": "2030-01-01T01:00:00Z"}, None),
    ],
)
def test_the_remaining_lifetime_uses_the_hubs_clock(times: dict[str, Any], life: float | None) -> None:
    """It stands at the token's last use, which was a moment ago."""
    assert with_token(ANA, reply(json={**TOKEN, **times})).result.life == life


@pytest.mark.parametrize("year", [1999, 2077])
def test_a_hub_clock_that_is_decades_off_is_harmless(year: int) -> None:
    times = {"created": f"{year}-05-01T00:00:00Z", "expires_at": f"{year}-05-02T00:00:00Z"}
    assert run(CREATED, ANA, method="password").result.life == TOKEN_LIFE
    assert run(*BY_FORM[:-1], reply(201, {**TOKEN, **times})).result.life == 86400
    assert with_token(ANA, reply(json={**TOKEN, **times, "last_activity": None})).result.life == 86400


@pytest.mark.parametrize("answer", [refusal(403), refusal(404), reply(json={**TOKEN, "expires_at": None})])
def test_a_token_that_may_not_read_itself_has_no_known_expiry(answer: Answer) -> None:
    done = with_token(ANA, answer)
    assert (done.result.life, done.result.token) == (None, "MINE")


@pytest.mark.parametrize(
    "who",
    [{"kind": "service", "name": "robot", "token_id": "a1"}, {"name": "ana"}, {**WHOAMI, "token_id": "../../x"}],
)
def test_services_and_old_hubs_are_not_asked_for_the_expiry(who: dict[str, Any]) -> None:
    done = with_token(reply(json=who))
    assert (done.result.life, done.result.who.name) == (None, who["name"])
    assert done.calls == ["GET /user"]


def test_a_token_that_the_hub_rejects_is_an_error() -> None:
    done = with_token(refusal(403))
    assert isinstance(done.error, NotAuthorized)
    assert EXPIRED in str(done.error)


@pytest.mark.parametrize("token", ["a b", "SECR\u00c9T", "a\nb", "SECRET\x00", "\u200bSECRET"])
def test_an_invalid_token_is_neither_sent_nor_shown(token: str) -> None:
    for done in (with_token(token=token), run(method="paste", person=Person(PastedToken=token))):
        assert isinstance(done.error, InvalidInput)
        assert token not in f"{done.error!r}"
        assert done.sent == []


@pytest.mark.parametrize("method", ["token", "paste"])
def test_a_missing_token_is_an_error(method: LoginMethod) -> None:
    done = run(method=method, person=Person(PastedToken=""))
    assert isinstance(done.error, InvalidInput)
    assert done.sent == []


@pytest.mark.parametrize("method", ["form", "password", "paste", "browser"])
def test_an_error_of_the_prompter_ends_the_flow(method: LoginMethod) -> None:
    nobody = InvalidInput("there is nobody to ask")
    person = Person(Username=nobody, PastedToken=nobody, Visit=nobody)
    first = {"form": [login_page()], "browser": [CLIENT]}.get(method, [])
    assert run(*first, method=method, person=person, username=None, password=None).error is nobody


def test_by_password_one_call_creates_the_token_and_one_reads_its_owner() -> None:
    done = run(CREATED, ANA, method="password")
    assert body(done, 0) == {
        "note": "test",
        "expires_in": TOKEN_LIFE,
        "auth": {"username": "ana", "password": PASSWORD},
    }
    assert headers(done, 1) == {"Authorization": "token NEWTOKEN"}
    assert (done.result.token_id, done.result.life) == ("a8", TOKEN_LIFE)


def test_by_password_a_hub_with_a_lower_maximum_gives_its_maximum() -> None:
    done = run(refusal(400, "token expires_in: 2592000 must not exceed 60"), CREATED, ANA, method="password")
    assert "expires_in" not in body(done, 1)
    assert done.result.token == "NEWTOKEN"


def test_by_password_a_temporary_token_creates_the_scoped_one() -> None:
    door = reply(201, {**TOKEN, "id": "a5", "token": "DOOR"})
    done = run(door, ANA, CREATED, REVOKED, method="password", scopes=iter(["servers"]))
    assert done.calls == [
        "POST /users/ana/tokens",
        "GET /user",
        "POST /users/ana/tokens",
        "DELETE /users/ana/tokens/a5",
    ]
    assert (body(done, 0)["expires_in"], "scopes" in body(done, 0)) == (60, False)
    assert body(done, 2)["scopes"] == ["servers"]
    assert "auth" not in body(done, 2)
    assert {headers(done, index)["Authorization"] for index in (1, 2, 3)} == {"token DOOR"}
    assert done.result.token == "NEWTOKEN"


def test_by_password_the_temporary_token_is_revoked_if_scopes_are_refused() -> None:
    door = reply(201, {**TOKEN, "id": "a5", "token": "DOOR"})
    no = refusal(400, "Not assigning requested scopes x not held by requesting User ana")
    done = run(door, ANA, no, ANA, REVOKED, method="password", scopes=["x"])
    assert isinstance(done.error, BadRequest)
    assert "ana can grant: self" in done.error.hint
    assert done.calls[-1] == "DELETE /users/ana/tokens/a5"


@pytest.mark.parametrize("at", [1, 2])
def test_by_password_the_temporary_token_is_revoked_after_an_interrupt(at: int) -> None:
    replies: list[Reply] = [reply(201, {**TOKEN, "id": "a5", "token": "DOOR"}), ANA, CREATED]
    replies = [*replies[:at], After(10, replies[at]), REVOKED]
    done = played(sign_in(sign_in_request(scopes=["x"]), "password"), replies, interrupt_at=5)
    assert done.calls[-1] == "DELETE /users/ana/tokens/a5"


def test_by_password_a_token_without_a_readable_owner_is_revoked() -> None:
    """Nobody would know it."""
    done = run(CREATED, refusal(500), REVOKED, method="password")
    assert isinstance(done.error, HubError)
    assert done.calls[-1] == "DELETE /users/ana/tokens/a8"
    assert headers(done, 2) == {"Authorization": "token NEWTOKEN"}
    stopped = played(sign_in(sign_in_request(), "password"), [CREATED, After(10, ANA), REVOKED], interrupt_at=5)
    assert stopped.calls[-1] == "DELETE /users/ana/tokens/a8"


def test_the_note_names_this_machine() -> None:
    assert SignInRequest(api_url=API).note == default_note()
    assert default_note().startswith("jhub on ")


def test_no_method_shows_a_secret() -> None:
    for done in (
        run(CREATED, ANA, method="password"),
        run(refusal(403), method="password"),
        with_token(ANA, reply(json=TOKEN), token="TOPSECRET"),
        with_token(refusal(403), token="TOPSECRET"),
        run(login_page(), FORGED, refusal(403)),
        run(login_page(), SIGNED_IN, TOKEN_PAGE, ANA, refusal(400)),
    ):
        text = f"{done!r} {done.answer!r} {done.error!r} {getattr(done.error, 'hint', '')}"
        assert not [secret for secret in (PASSWORD, "NEWTOKEN", "TOPSECRET") if secret in text]
    assert "TOPSECRET" not in repr(sign_in_request(token="TOPSECRET", second_factor="TOPSECRET", state="TOPSECRET"))
