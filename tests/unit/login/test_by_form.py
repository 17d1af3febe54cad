"""Sign-in by the hub's login form."""

from __future__ import annotations

from typing import Any

import pytest
from login_hub import (
    ANA,
    BY_FORM,
    CREATED,
    LINK,
    PASSWORD,
    SIGNED_IN,
    TOKEN,
    TOKEN_PAGE,
    Person,
    body,
    form,
    headers,
    login_page,
    played,
    sent,
    shown,
    sign_in_request,
)

from jhub.errors import BadRequest, HubError, InvalidInput, NotAHub, NotAuthorized, Unavailable, Unsupported
from jhub.login.by_form import PasswordNotChecked, by_form
from jhub.operations.tokens import TOKEN_LIFE
from jhub.steps import Answer
from jhub.testing import After, Played, Reply, refusal, reply

HUB = "https://hub.example.org/hub"
OTP = '<input name="otp">'
NATIVE = '<input name="2fa">'
WRONG = shown(form(error="Invalid username or password"), "_xsrf=X9; Path=/hub/", status=403)
CAPPED = refusal(400, "token expires_in: 2592000 must not exceed 3600")


def run(*replies: Reply, person: Person | None = None, **known: Any) -> Played[Any]:
    return played(by_form(sign_in_request(**known)), list(replies), person)


def posts(run: Played[Any]) -> list[str]:
    return [call for call in run.calls if call.startswith("POST")]


def test_the_form_is_sent_and_its_cookies_create_a_token() -> None:
    done = run(*BY_FORM)
    assert done.calls == [
        "GET ../login",
        f"POST {HUB}/login?next=",
        "GET ../token",
        "GET /user",
        "POST /users/ana/tokens",
    ]
    assert sent(done, 1).form
    assert body(done, 1) == {"_xsrf": "FIELD", "username": "ana", "password": PASSWORD}
    assert body(done, 4) == {"note": "test", "expires_in": TOKEN_LIFE}
    assert (done.result.token, done.result.token_id, done.result.method) == ("NEWTOKEN", "a8", "form")
    assert (done.result.who.name, done.result.life, done.left) == ("ana", TOKEN_LIFE, 0)


def test_each_request_carries_the_cookies_and_the_referer() -> None:
    done = run(*BY_FORM)
    login = 'jupyterhub-hub-login="2|1:0|LOGIN="; jupyterhub-session-id=SESSION'
    assert headers(done, 0) == {}
    assert headers(done, 1) == {"Referer": f"{HUB}/login", "Cookie": "_xsrf=X1", "X-XSRFToken": "X1"}
    signed = {"Referer": f"{HUB}/login", "Cookie": f"_xsrf=X2; {login}", "X-XSRFToken": "X2"}
    assert headers(done, 2) == signed
    settled = {"Referer": f"{HUB}/token", "Cookie": f"_xsrf=X3; {login}", "X-XSRFToken": "X3"}
    assert headers(done, 3) == settled
    assert headers(done, 4) == settled
    assert all(sent(done, index).anonymous for index in range(5))


def test_the_target_of_the_redirect_is_never_requested() -> None:
    """By default it starts the user's server."""
    assert not [call for call in run(*BY_FORM).calls if "spawn" in call]


def test_a_hub_without_xsrf_cookies_gets_the_referer() -> None:
    """JupyterHub 2 and 3."""
    signed = shown("", "jupyterhub-hub-login=L", status=302, location="/hub/home", version="3.1.1")
    done = run(shown(form(), version="3.1.1"), signed, shown("", version="3.1.1"), ANA, CREATED)
    assert done.result.token == "NEWTOKEN"
    assert headers(done, 4) == {"Referer": f"{HUB}/token", "Cookie": "jupyterhub-hub-login=L"}


def test_a_session_cookie_may_have_the_host_prefix() -> None:
    """`JupyterHub.cookie_host_prefix_enabled`"""
    signed = shown("", "__Host-jupyterhub-hub-login=L; Path=/; Secure", status=302, location="/hub/home")
    assert run(login_page(), signed, TOKEN_PAGE, ANA, CREATED).result.token == "NEWTOKEN"


@pytest.mark.parametrize("status", [200, 302, 403])
def test_without_the_session_cookie_any_status_is_a_failure(status: int) -> None:
    """JupyterHub 4.1 answers 200 to a wrong password."""
    done = run(login_page(), shown(form(), "_xsrf=X2", status=status))
    assert type(done.error) is NotAuthorized
    assert len(done.sent) == 2


def test_a_deleted_session_cookie_is_a_failure() -> None:
    done = run(login_page(), shown("", "jupyterhub-hub-login=gone; Max-Age=0; Path=/hub/", status=302))
    assert isinstance(done.error, NotAuthorized)


def test_a_refusal_shows_the_message_of_the_page() -> None:
    done = run(login_page(), shown(form(error="Ana is not allowed,\n <b>yet</b>."), status=403))
    assert isinstance(done.error, NotAuthorized)
    assert str(done.error) == "sign in as ana: Ana is not allowed, yet."
    assert "lock an account" in done.error.hint
    assert (done.error.status, done.error.method, done.error.path) == (403, "POST", "/login")


def test_a_hub_with_another_step_after_the_password_needs_a_browser() -> None:
    done = run(login_page(), shown("", status=302, location="/hub/mfa"))
    assert isinstance(done.error, NotAuthorized)
    assert "another step besides the password" in str(done.error)
    assert "--paste" in done.error.hint


@pytest.mark.parametrize(
    "answer",
    [
        WRONG,
        refusal(429, headers={"retry-after": "1"}),
        refusal(500),
        shown("", status=503, version=""),
        shown("", status=502, version=""),
        Unavailable("refused", sent=False),
        Unavailable("reset"),
    ],
)
def test_a_password_is_sent_once(answer: Reply) -> None:
    done = run(login_page(), answer, SIGNED_IN, TOKEN_PAGE, ANA, CREATED)
    assert isinstance(done.error, HubError)
    assert posts(done) == [f"POST {HUB}/login?next="]
    assert done.seconds == 0


@pytest.mark.parametrize(
    "page",
    [
        shown(form(error="Login form invalid or expired. Try again."), status=403),
        shown("<p>403 : XSRF cookie does not match POST argument</p>", status=403),
        shown("<p>403 : &#39;_xsrf&#39; argument missing from POST</p>".replace("&#39;", "'"), status=403),
    ],
)
def test_an_xsrf_error_is_not_reported_as_a_wrong_password(page: Answer) -> None:
    done = run(login_page(), page)
    assert isinstance(done.error, PasswordNotChecked)
    assert "--password" in done.error.hint


@pytest.mark.parametrize(
    "page",
    [
        WRONG,
        shown(form(error="Login form invalid or expired. Try again."), status=200),
        shown("", status=302, location="/hub/x?XSRF cookie"),
    ],
)
def test_another_refusal_is_not_reported_as_an_xsrf_error(page: Answer) -> None:
    assert type(run(login_page(), page).error) is NotAuthorized


@pytest.mark.parametrize(("field", "name"), [(OTP, "otp"), (NATIVE, "2fa")])
@pytest.mark.parametrize("code", ["123456", ""])
def test_a_form_with_a_second_factor_asks_for_it_and_it_may_be_empty(field: str, name: str, code: str) -> None:
    person = Person(SecondFactor=f" {code} ")
    done = run(login_page(more=field), SIGNED_IN, TOKEN_PAGE, ANA, CREATED, person=person)
    assert body(done, 1) == {"_xsrf": "FIELD", "username": "ana", "password": PASSWORD, name: code}
    assert person.asked == ["SecondFactor"]


@pytest.mark.parametrize("code", ["123456", ""])
def test_a_known_second_factor_is_not_asked_for(code: str) -> None:
    done = run(login_page(more=OTP), SIGNED_IN, TOKEN_PAGE, ANA, CREATED, second_factor=code)
    assert body(done, 1)["otp"] == code


def test_a_form_without_a_second_factor_gets_none() -> None:
    done = run(*BY_FORM, second_factor="123456")
    assert "123456" not in str(body(done, 1))


def test_missing_credentials_are_asked_for_once_and_in_order() -> None:
    person = Person(Username=" ana ", Password=PASSWORD, SecondFactor="1")
    done = run(login_page(more=OTP), SIGNED_IN, TOKEN_PAGE, ANA, CREATED, person=person, username=None, password=None)
    assert person.asked == ["Username", "Password", "SecondFactor"]
    assert person.questions[1].username == "ana"
    assert body(done, 1)["username"] == "ana"


@pytest.mark.parametrize(("missing", "known"), [("username", {"username": " "}), ("password", {"password": ""})])
def test_an_empty_answer_is_not_sent(missing: str, known: dict[str, Any]) -> None:
    done = run(login_page(), **known)
    assert isinstance(done.error, InvalidInput)
    assert missing in str(done.error)
    assert len(done.sent) == 1


def test_a_password_keeps_its_spaces() -> None:
    assert body(run(*BY_FORM, password=" a b "), 1)["password"] == " a b "


def test_hidden_fields_cannot_replace_username_and_password() -> None:
    html = form(more='<input type="hidden" name="password" value="x"><input type="hidden" name="username" value="y">')
    done = run(shown(html, "_xsrf=X1"), SIGNED_IN, TOKEN_PAGE, ANA, CREATED)
    assert body(done, 1) == {"_xsrf": "FIELD", "username": "ana", "password": PASSWORD}


@pytest.mark.parametrize(
    "action",
    [
        "https://evil.example/hub/login",
        "//evil.example/hub/login",
        "http://hub.example.org/hub/login",
        "https://hub.example.org:8443/hub/login",
        "https://hub.example.org.evil.example/hub/login",
        "https://hub.example.org@evil.example/hub/login",
        "https://evil.example\\@hub.example.org/hub/login",
        "https://ana:x@hub.example.org/hub/login",
        "/user/mallory/login",
        "/hubby/login",
        "../user/mallory/",
        "/hub/../user/mallory/",
        "https://hub.example.org/hub/../user/mallory/",
        "https://hub.example.org/hub/%2e%2E/user/mallory/",
        "https://hub.example.org/hub/..\\user/mallory/",
        "https://[bad/hub/login",
        "https://hub.example.org:port/hub/login",
        "https://hub.example.org:99999/hub/login",
        "javascript:alert(1)",
        "mailto:x@hub.example.org",
    ],
)
def test_a_form_that_targets_another_site_gets_no_password(action: str) -> None:
    done = run(login_page(action=action))
    assert isinstance(done.error, NotAHub)
    assert "no password was sent" in str(done.error)
    assert done.calls == ["GET ../login"]


@pytest.mark.parametrize(
    ("action", "target"),
    [
        ("", f"{HUB}/login"),
        ("login", f"{HUB}/login"),
        ("?next=%2Fhub%2F", f"{HUB}/login?next=%2Fhub%2F"),
        ("/hub/ldap/login?a=../b", f"{HUB}/ldap/login?a=../b"),
        (f"{HUB}/login", f"{HUB}/login"),
        ("https://HUB.example.org:443/hub/login", "https://HUB.example.org:443/hub/login"),
    ],
)
def test_a_form_may_target_any_path_of_the_hub(action: str, target: str) -> None:
    done = run(login_page(action=action), SIGNED_IN, TOKEN_PAGE, ANA, CREATED)
    assert done.result.token == "NEWTOKEN"
    assert sent(done, 1).path == target


def test_a_form_must_target_a_path_below_the_hubs_base_path() -> None:
    api = "https://x.example/jupyter/hub/api"
    assert isinstance(run(login_page(action="/hub/login"), api_url=api).error, NotAHub)
    done = run(login_page(action="/jupyter/hub/login"), SIGNED_IN, TOKEN_PAGE, ANA, CREATED, api_url=api)
    assert sent(done, 1).path == "https://x.example/jupyter/hub/login"
    assert headers(done, 4)["Referer"] == "https://x.example/jupyter/hub/token"


def test_a_page_of_another_site_gets_no_password() -> None:
    """Such as that of a gateway before it."""
    done = run(shown(form(), "gateway=1", version=""), username=None, password=None)
    assert isinstance(done.error, NotAHub)
    assert "is not JupyterHub's own" in str(done.error)
    assert len(done.sent) == 1


@pytest.mark.parametrize("page", [shown(LINK), shown("", status=302, location="/hub/oauth_login"), refusal(404)])
def test_a_page_without_a_form_is_an_error(page: Answer) -> None:
    done = run(page)
    assert isinstance(done.error, InvalidInput)
    assert "has no password form" in str(done.error)
    assert "--browser" in done.error.hint


def test_the_page_is_requested_again_after_a_503() -> None:
    done = run(shown("", status=503, version=""), *BY_FORM)
    assert done.result.token == "NEWTOKEN"
    assert done.seconds > 0


def test_refused_scopes_are_an_error_with_the_available_ones() -> None:
    said = refusal(400, "Not assigning requested scopes admin:users not held by requesting User ana")
    done = run(login_page(), SIGNED_IN, TOKEN_PAGE, ANA, said, ANA, scopes=["admin:users"])
    assert body(done, 4)["scopes"] == ["admin:users"]
    assert isinstance(done.error, BadRequest)
    assert "ana can grant: self" in done.error.hint
    assert headers(done, 5)["Cookie"] == headers(done, 4)["Cookie"]


def test_scopes_on_a_hub_before_3_0_are_unsupported() -> None:
    done = played(
        by_form(sign_in_request(scopes=["servers"])), [login_page(), SIGNED_IN, TOKEN_PAGE, ANA], version="2.3.1"
    )
    assert isinstance(done.error, Unsupported)


def test_a_default_lifetime_above_the_hubs_maximum_gets_the_maximum() -> None:
    """`token_expires_in_max_seconds`"""
    short = {**TOKEN, "expires_at": "2026-05-01T01:00:00Z"}
    done = run(login_page(), SIGNED_IN, TOKEN_PAGE, ANA, CAPPED, reply(201, short))
    assert [body(done, index) for index in (4, 5)] == [
        {"note": "test", "expires_in": TOKEN_LIFE},
        {"note": "test"},
    ]
    assert done.result.life == 3600


@pytest.mark.parametrize("scopes", [["servers"], iter(["servers"]), "servers"])
def test_the_second_attempt_has_the_same_scopes(scopes: Any) -> None:
    """A token without its scopes would be another one than was asked for."""
    done = run(login_page(), SIGNED_IN, TOKEN_PAGE, ANA, CAPPED, CREATED, scopes=scopes)
    assert [body(done, index)["scopes"] for index in (4, 5)] == [["servers"], ["servers"]]


@pytest.mark.parametrize("life", [TOKEN_LIFE - 1, 60 * TOKEN_LIFE])
def test_a_chosen_lifetime_above_the_maximum_is_an_error(life: int) -> None:
    done = run(login_page(), SIGNED_IN, TOKEN_PAGE, ANA, CAPPED, CREATED, expires_in=life)
    assert isinstance(done.error, BadRequest)
    assert done.left == 1


def test_another_refusal_of_the_default_lifetime_is_not_retried() -> None:
    done = run(login_page(), SIGNED_IN, TOKEN_PAGE, ANA, refusal(400, "note is too long"), CREATED)
    assert isinstance(done.error, BadRequest)
    assert done.left == 1


def test_without_a_lifetime_none_is_sent() -> None:
    assert "expires_in" not in body(run(*BY_FORM, expires_in=None), 4)


@pytest.mark.parametrize("at", [1, 2, 3, 4])
def test_nothing_is_sent_after_an_interrupt(at: int) -> None:
    replies = [After(10, answer) if index == at else answer for index, answer in enumerate(BY_FORM)]
    done = played(by_form(sign_in_request()), replies, interrupt_at=5)
    assert str(done.error) == "interrupted"
    assert len(done.sent) == at + 1


def test_no_repr_shows_a_secret_of_the_form() -> None:
    secrets = [PASSWORD, "NEWTOKEN", "LOGIN", "SESSION", "FIELD", "X1", "X2", "X3", "123456"]
    for done in (
        run(*BY_FORM),
        run(login_page(more=OTP), SIGNED_IN, TOKEN_PAGE, ANA, CREATED, person=Person(SecondFactor="123456")),
        run(login_page(), WRONG),
        run(login_page(), SIGNED_IN, TOKEN_PAGE, ANA, refusal(403)),
    ):
        text = f"{done!r} {done.answer!r} {done.error!r} {getattr(done.error, 'hint', '')} {sign_in_request()!r}"
        assert not [secret for secret in secrets if secret in text]
