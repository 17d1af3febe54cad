"""Which way of signing in is taken, and the ways that need no form and no browser."""

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
from jhub.login import Way
from jhub.login.methods import sign_in
from jhub.login.prompts import NoWayBack
from jhub.login.request import SignIn, this_machine
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
EXPIRED = "the hub does not know"


def run(*replies: Reply, way: Way | None = None, person: Person | None = None, **known: Any) -> Played[Any]:
    return played(sign_in(sign_in_request(**known), way), list(replies), person)


def with_token(*replies: Reply, token: str = "MINE", way: Way | None = None) -> Played[Any]:
    return run(*replies, token=token, way=way, username=None, password=None)


def test_a_hub_with_a_form_is_signed_in_to_by_it() -> None:
    done = run(*BY_FORM)
    assert done.result.way == "form"
    assert kinds(done) == [("form", True)]


def test_the_page_is_read_once() -> None:
    assert run(*BY_FORM).calls.count("GET ../login") == 1


@pytest.mark.parametrize("page", SINGLE_SIGN_ON)
def test_a_hub_with_single_sign_on_that_knows_the_client_is_signed_in_to_by_the_browser(page: Answer) -> None:
    person = Person(Visit="CODE")
    done = run(page, CLIENT, *BY_BROWSER, person=person, username=None, password=None)
    assert done.result.way == "browser"
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
def test_one_that_does_not_is_signed_in_to_by_a_token_from_its_page(page: Answer, client: Answer) -> None:
    person = Person(PastedToken="PASTED")
    done = run(page, client, ANA, reply(json=TOKEN), person=person, username=None, password=None)
    assert (done.result.way, done.result.token) == ("paste", "PASTED")
    assert person.questions[0].page == "https://hub.example.org/hub/token"
    assert "login client" in done.emitted[0].why


@pytest.mark.parametrize(
    ("page", "why"),
    [
        (SINGLE_SIGN_ON[0], "single sign-on"),
        (SINGLE_SIGN_ON[1], "single sign-on"),
        (refusal(403), "nobody sign in"),
        (refusal(404), "answers 404"),
    ],
)
def test_the_reason_for_a_way_is_what_the_page_was(page: Answer, why: str) -> None:
    done = run(page, CLIENT, *BY_BROWSER, person=Person(Visit="CODE"), username=None, password=None)
    assert why in done.emitted[0].why


@pytest.mark.parametrize("page", SINGLE_SIGN_ON)
def test_a_password_that_is_given_is_not_sent_to_a_hub_with_single_sign_on(page: Answer) -> None:
    done = run(page)
    assert isinstance(done.error, InvalidInput)
    assert "the password was not sent" in str(done.error)
    assert done.calls == ["GET ../login"]


def test_a_form_that_is_sent_elsewhere_is_refused_before_anybody_is_asked() -> None:
    done = run(login_page(action="https://evil.example/"), username=None, password=None)
    assert isinstance(done.error, NotAHub)
    assert done.calls == ["GET ../login"]


def test_a_form_taken_for_forged_is_followed_by_one_call_with_the_password() -> None:
    person = Person(Username="ana", Password=PASSWORD)
    done = run(login_page(), FORGED, CREATED, ANA, person=person, username=None, password=None)
    assert done.result.way == "password"
    assert kinds(done) == [("form", True), ("password", True)]
    assert done.calls[2:] == ["POST /users/ana/tokens", "GET /user"]
    assert body(done, 2)["auth"] == {"username": "ana", "password": PASSWORD}
    assert sent(done, 2).headers == ()
    assert person.asked == ["Username", "Password"]


@pytest.mark.parametrize("failure", [shown("", status=500), shown("<h1>500</h1>", status=500), shown("", status=403)])
def test_a_hub_that_fails_at_its_form_is_asked_by_one_call_with_the_password(failure: Answer) -> None:
    done = run(login_page(), failure, CREATED, ANA)
    assert done.result.way == "password"
    assert kinds(done) == [("form", True), ("password", True)]


def test_where_no_browser_can_come_back_to_it_goes_on_with_the_token_page() -> None:
    person = Person(Visit=NoWayBack("this runs elsewhere"), PastedToken="PASTED")
    done = run(SINGLE_SIGN_ON[0], CLIENT, ANA, reply(json=TOKEN), person=person, username=None, password=None)
    assert done.result.way == "paste"
    assert [(taken.way, taken.why) for taken in done.emitted][1:] == [("paste", "this runs elsewhere")]


def test_a_second_factor_goes_along_and_is_asked_for_once() -> None:
    person = Person(SecondFactor="123456")
    done = run(login_page(more='<input name="otp">'), FORGED, CREATED, ANA, person=person)
    assert done.result.way == "password"
    assert body(done, 2)["auth"]["otp"] == "123456"
    assert person.asked == ["SecondFactor"]


def test_a_form_taken_for_forged_is_followed_by_no_more_than_one_call() -> None:
    done = run(login_page(), FORGED, refusal(403), CREATED)
    assert isinstance(done.error, NotAuthorized)
    assert done.calls == ["GET ../login", "POST https://hub.example.org/hub/login?next=", "POST /users/ana/tokens"]


def test_a_wrong_password_is_not_tried_again_in_another_way() -> None:
    done = run(login_page(), shown(form(error="Invalid username or password"), status=403), CREATED)
    assert isinstance(done.error, NotAuthorized)
    assert len(done.sent) == 2


def test_where_the_form_is_asked_for_a_forged_one_is_not_replaced() -> None:
    done = run(login_page(), FORGED, CREATED, way="form")
    assert isinstance(done.error, NotAuthorized)
    assert done.left == 1


@pytest.mark.parametrize(
    ("way", "replies", "first"),
    [
        ("form", BY_FORM, "GET ../login"),
        ("password", [CREATED, ANA], "POST /users/ana/tokens"),
        ("browser", [CLIENT, *BY_BROWSER], "GET /user"),
        ("paste", [ANA, reply(json=TOKEN)], "GET /user"),
    ],
)
def test_a_way_that_is_asked_for_is_taken_without_a_look_at_another(way: Way, replies: list[Reply], first: str) -> None:
    known = {} if way in ("form", "password") else {"username": None, "password": None}
    done = run(*replies, way=way, person=Person(Visit="CODE", PastedToken="PASTED"), **known)
    assert (done.result.way, done.calls[0], done.left) == (way, first, 0)
    assert kinds(done) == [(way, False)]


def test_a_way_that_is_asked_for_comes_before_a_token_at_hand() -> None:
    done = run(CREATED, ANA, way="password", token="MINE")
    assert done.result.token == "NEWTOKEN"


def test_the_browser_is_no_way_into_a_hub_that_does_not_know_the_client() -> None:
    done = run(refusal(403), way="browser", password=None)
    assert isinstance(done.error, InvalidInput)
    assert "jhub service create --login-client" in done.error.hint
    assert done.emitted == []


def test_a_hub_that_cannot_be_asked_about_the_client_is_not_taken_for_one_without_it() -> None:
    done = run(*[Unavailable("reset")] * 4, way="browser", password=None)
    assert isinstance(done.error, Unavailable)


@pytest.mark.parametrize("way", ["browser", "paste"])
def test_a_password_is_not_left_aside_without_a_word(way: Way) -> None:
    done = run(way=way)
    assert "the password was not sent" in str(done.error)
    assert done.sent == []


def test_what_is_no_way_is_told_with_those_that_there_are() -> None:
    done = run(way=cast(Way, "nope"))
    assert str(done.error) == "'nope' is no way to sign in; there are: form, password, browser, paste"


def test_scopes_are_not_for_a_token_that_is_pasted() -> None:
    done = run(way="paste", password=None, scopes=["self"])
    assert isinstance(done.error, InvalidInput)
    assert done.sent == []


def test_a_token_at_hand_is_taken_and_nothing_else_is_looked_at() -> None:
    done = with_token(ANA, reply(json=TOKEN))
    assert (done.result.way, done.result.token, done.result.who.name) == ("token", "MINE", "ana")
    assert done.calls == ["GET /user", "GET /users/ana/tokens/a7"]
    assert headers(done, 0) == headers(done, 1) == {"Authorization": "token MINE"}
    assert kinds(done) == [("token", False)]


def test_a_token_that_was_brought_along_is_not_ours_to_revoke() -> None:
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
def test_what_is_left_of_a_tokens_life_is_told_by_the_hubs_own_clock(times: dict[str, Any], life: float | None) -> None:
    """It stands at the token's last use, which was a moment ago."""
    assert with_token(ANA, reply(json={**TOKEN, **times})).result.life == life


@pytest.mark.parametrize("year", [1999, 2077])
def test_a_clock_that_is_decades_off_does_not_matter(year: int) -> None:
    times = {"created": f"{year}-05-01T00:00:00Z", "expires_at": f"{year}-05-02T00:00:00Z"}
    assert run(CREATED, ANA, way="password").result.life == TOKEN_LIFE
    assert run(*BY_FORM[:-1], reply(201, {**TOKEN, **times})).result.life == 86400
    assert with_token(ANA, reply(json={**TOKEN, **times, "last_activity": None})).result.life == 86400


@pytest.mark.parametrize("answer", [refusal(403), refusal(404), reply(json={**TOKEN, "expires_at": None})])
def test_a_token_that_may_not_look_at_itself_has_no_known_end(answer: Answer) -> None:
    done = with_token(ANA, answer)
    assert (done.result.life, done.result.token) == (None, "MINE")


@pytest.mark.parametrize(
    "who",
    [{"kind": "service", "name": "robot", "token_id": "a1"}, {"name": "ana"}, {**WHOAMI, "token_id": "../../x"}],
)
def test_a_service_and_an_old_hub_are_not_asked_when_the_token_ends(who: dict[str, Any]) -> None:
    done = with_token(reply(json=who))
    assert (done.result.life, done.result.who.name) == (None, who["name"])
    assert done.calls == ["GET /user"]


def test_a_token_that_the_hub_does_not_know_is_refused() -> None:
    done = with_token(refusal(403))
    assert isinstance(done.error, NotAuthorized)
    assert EXPIRED in str(done.error)


@pytest.mark.parametrize("token", ["a b", "SECR\u00c9T", "a\nb", "SECRET\x00", "\u200bSECRET"])
def test_what_no_token_can_be_is_not_sent_nor_shown(token: str) -> None:
    for done in (with_token(token=token), run(way="paste", person=Person(PastedToken=token))):
        assert isinstance(done.error, InvalidInput)
        assert token not in f"{done.error!r}"
        assert done.sent == []


@pytest.mark.parametrize("way", ["token", "paste"])
def test_without_a_token_there_is_nothing_to_sign_in_with(way: Way) -> None:
    done = run(way=way, person=Person(PastedToken=""))
    assert isinstance(done.error, InvalidInput)
    assert done.sent == []


@pytest.mark.parametrize("way", ["form", "password", "paste", "browser"])
def test_what_the_person_refuses_ends_the_flow(way: Way) -> None:
    nobody = InvalidInput("there is nobody to ask")
    person = Person(Username=nobody, PastedToken=nobody, Visit=nobody)
    first = {"form": [login_page()], "browser": [CLIENT]}.get(way, [])
    assert run(*first, way=way, person=person, username=None, password=None).error is nobody


def test_by_password_the_token_is_made_in_one_call_and_its_owner_asked_for_with_it() -> None:
    done = run(CREATED, ANA, way="password")
    assert body(done, 0) == {
        "note": "test",
        "expires_in": TOKEN_LIFE,
        "auth": {"username": "ana", "password": PASSWORD},
    }
    assert headers(done, 1) == {"Authorization": "token NEWTOKEN"}
    assert (done.result.token_id, done.result.life) == ("a8", TOKEN_LIFE)


def test_by_password_a_hub_that_allows_less_gives_its_longest() -> None:
    done = run(refusal(400, "token expires_in: 2592000 must not exceed 60"), CREATED, ANA, way="password")
    assert "expires_in" not in body(done, 1)
    assert done.result.token == "NEWTOKEN"


def test_by_password_scopes_are_given_by_a_token_that_lives_a_moment() -> None:
    door = reply(201, {**TOKEN, "id": "a5", "token": "DOOR"})
    done = run(door, ANA, CREATED, REVOKED, way="password", scopes=iter(["servers"]))
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


def test_by_password_the_momentary_token_is_revoked_where_the_scopes_are_refused() -> None:
    door = reply(201, {**TOKEN, "id": "a5", "token": "DOOR"})
    no = refusal(400, "Not assigning requested scopes x not held by requesting User ana")
    done = run(door, ANA, no, ANA, REVOKED, way="password", scopes=["x"])
    assert isinstance(done.error, BadRequest)
    assert "ana can give it: self" in done.error.hint
    assert done.calls[-1] == "DELETE /users/ana/tokens/a5"


@pytest.mark.parametrize("at", [1, 2])
def test_by_password_the_momentary_token_is_revoked_where_somebody_interrupts(at: int) -> None:
    replies: list[Reply] = [reply(201, {**TOKEN, "id": "a5", "token": "DOOR"}), ANA, CREATED]
    replies = [*replies[:at], After(10, replies[at]), REVOKED]
    done = played(sign_in(sign_in_request(scopes=["x"]), "password"), replies, interrupt_at=5)
    assert done.calls[-1] == "DELETE /users/ana/tokens/a5"


def test_by_password_a_token_whose_owner_cannot_be_asked_for_is_revoked() -> None:
    """Nobody would know it."""
    done = run(CREATED, refusal(500), REVOKED, way="password")
    assert isinstance(done.error, HubError)
    assert done.calls[-1] == "DELETE /users/ana/tokens/a8"
    assert headers(done, 2) == {"Authorization": "token NEWTOKEN"}
    stopped = played(sign_in(sign_in_request(), "password"), [CREATED, After(10, ANA), REVOKED], interrupt_at=5)
    assert stopped.calls[-1] == "DELETE /users/ana/tokens/a8"


def test_the_hub_is_told_where_the_token_is_for() -> None:
    assert SignIn(api_url=API).note == this_machine()
    assert this_machine().startswith("jhub on ")


def test_no_way_shows_a_secret() -> None:
    for done in (
        run(CREATED, ANA, way="password"),
        run(refusal(403), way="password"),
        with_token(ANA, reply(json=TOKEN), token="TOPSECRET"),
        with_token(refusal(403), token="TOPSECRET"),
        run(login_page(), FORGED, refusal(403)),
        run(login_page(), SIGNED_IN, TOKEN_PAGE, ANA, refusal(400)),
    ):
        text = f"{done!r} {done.answer!r} {done.error!r} {getattr(done.error, 'hint', '')}"
        assert not [secret for secret in (PASSWORD, "NEWTOKEN", "TOPSECRET") if secret in text]
    assert "TOPSECRET" not in repr(sign_in_request(token="TOPSECRET", second_factor="TOPSECRET", state="TOPSECRET"))
