"""Refused sign-ins: one attempt, and an error with its reason."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from terminal import Jhub, Result

from jhub import Hub, NotAuthorized
from jhub.login import LoginMethod
from matrix.installed import version_in
from matrix.sign_in.hubs import NOT_REPAIRED, Hubs, SignInHub
from matrix.sign_in.methods import DUMMY, NATIVE, SINGLE_SIGN_ON
from matrix.sign_in.people import People, Person

Fresh = Callable[[str], str]


def attempt(jhub: Jhub, hub: SignInHub, person: Person, stdin: str, *options: str) -> Result:
    """Sign in by the method that the hub supports, or by that of the options."""
    return jhub("login", hub.url, "-u", person.name, "--password-stdin", *options, stdin=stdin)


def refused(hub: SignInHub, username: str, password: str, code: str = "", method: LoginMethod | None = None) -> str:
    """Return the reason of a refusal."""
    with pytest.raises(NotAuthorized) as caught:
        Hub.login(hub.url, username=username, password=password, second_factor=code, method=method)
    return str(caught.value)


@pytest.mark.parametrize("authenticator", [DUMMY, NATIVE])
def test_a_wrong_password_shows_the_hubs_message(
    authenticator: str, hubs: Hubs, people: People, jhub: Jhub, fresh: Fresh
) -> None:
    person = people.stranger(authenticator, fresh("user"))
    result = attempt(jhub, hubs[authenticator], person, "not the password\n")
    assert result.code == 4
    assert f"sign in as {person.name}: Invalid username or password" in result.err
    assert "not the password" not in result.err
    assert not (jhub.home / "config/jhub/tokens.json").exists()


@pytest.mark.parametrize("method", [None, "form", "password"])
def test_a_wrong_password_counts_once_towards_a_lock(
    method: LoginMethod | None, hubs: Hubs, people: People, fresh: Fresh
) -> None:
    person = people.regular(NATIVE, fresh("user"))
    for _ in range(2):
        refused(hubs[NATIVE], person.name, "wrong", method=method)
    with Hub.login(
        hubs[NATIVE].url, username=person.name, password=person.password, second_factor="", method=method
    ) as hub:
        assert hub.whoami().name == person.name, "the third attempt is let in"


def test_a_locked_account_is_refused_with_the_right_password(
    hubs: Hubs, people: People, jhub: Jhub, fresh: Fresh
) -> None:
    person = people.stranger(NATIVE, fresh("user"))
    for _ in range(3):
        refused(hubs[NATIVE], person.name, "wrong")
    result = attempt(jhub, hubs[NATIVE], person, person.stdin)
    assert result.code == 4
    assert "Invalid username or password" in result.err, "NativeAuthenticator says no more"
    assert "lock an account" in result.err


def test_a_wrong_or_missing_second_factor_is_refused(hubs: Hubs, people: People, fresh: Fresh) -> None:
    person = people.stranger(NATIVE, fresh("user"), two=True)
    for code in ("000000", ""):
        assert "Invalid username or password" in refused(hubs[NATIVE], person.name, person.password, code)
    with Hub.login(hubs[NATIVE].url, username=person.name, password=person.password, second_factor=person.code) as hub:
        assert hub.whoami().name == person.name


def test_a_hub_without_a_form_gets_no_password(hubs: Hubs, jhub: Jhub, fresh: Fresh) -> None:
    hub = hubs[SINGLE_SIGN_ON]
    result = attempt(jhub, hub, Person(fresh("user"), "secret"), "secret\n")
    assert result.code == 2
    assert "the password was not sent" in result.err
    assert "--browser" in result.err


def test_a_failing_login_form_is_not_reported_as_a_refusal(
    hubs: Hubs, people: People, jhub: Jhub, fresh: Fresh, environment: Path
) -> None:
    """NativeAuthenticator 1.3.0 fails on JupyterHub 6; older versions have nothing to test here."""
    if version_in(environment) < (6,):
        return
    hub = hubs[NOT_REPAIRED]
    person = people.sign_up(hub, fresh("user"))
    by_form = attempt(jhub, hub, person, person.stdin, "--form")
    if "object has no attribute 'statsd'" not in (hub.place / "hub.log").read_text():
        assert by_form.code == 0, "a newer one needs no repair"
        return
    assert by_form.code != 0
    assert "500" in by_form.err
    assert "--password" in by_form.err
    hub.api("POST", "/users", json={"usernames": [person.name]})
    assert attempt(jhub, hub, person, person.stdin, "--password").code == 0
