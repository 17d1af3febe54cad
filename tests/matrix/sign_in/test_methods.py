"""Each cell of the table in docs/how-to/signing-in.md."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from terminal import Jhub, Result

from jhub import AsyncHub, Hub, HubError
from jhub.login import LoginMethod
from matrix.sign_in.conftest import ByBrowser, Window
from matrix.sign_in.hubs import Hubs, SignInHub
from matrix.sign_in.methods import (
    BROWSER,
    BY_ITSELF,
    FORM,
    NATIVE,
    NEW_BY_FORM,
    NEW_BY_PASSWORD,
    PASSWORD,
    PASTE,
    YES,
    Cell,
    each,
)
from matrix.sign_in.people import People, Person
from matrix.sign_in.waiting import waiting

Fresh = Callable[[str], str]


def check(cell: Cell, jhub: Jhub, result: Result, person: Person, method: str) -> None:
    """Check the result against the table, and that the token works and belongs to the user."""
    tokens = jhub.home / "config/jhub/tokens.json"
    if cell.expected == YES:
        assert result.code == 0, result
        assert f" as {person.name} {method} " in result.err.splitlines()[-1]
        (token,) = json.loads(tokens.read_text()).values()
        (context,) = json.loads((jhub.home / "config/jhub/contexts.json").read_text())["contexts"].values()
        with Hub(context["api_url"], token) as hub:
            assert (hub.whoami().kind, hub.whoami().name) == ("user", person.name)
        assert token not in "".join(jhub.outputs)
    else:
        assert result.code != 0
        assert result.err.startswith("error: "), result
        assert "hint: " in result.err
        assert not tokens.exists()
    assert person.password not in "".join(jhub.outputs)


@contextmanager
def expect_result(cell: Cell, words: str) -> Iterator[None]:
    """Expect an error with these words if the table has a no."""
    if cell.expected == YES:
        yield
        return
    with pytest.raises(HubError, match=words) as caught:
        yield
    assert caught.value.hint


def signed_in(url: str, person: Person, method: LoginMethod) -> str:
    """Return the user after `Hub.login`."""
    with Hub.login(
        url, username=person.name, password=person.password, second_factor=person.code, method=method
    ) as hub:
        return hub.whoami().name


async def signed_in_async(url: str, person: Person, method: LoginMethod) -> str:
    """Return the user after `AsyncHub.login`."""
    async with await AsyncHub.login(
        url, username=person.name, password=person.password, second_factor=person.code, method=method
    ) as hub:
        return (await hub.whoami()).name


@each(PASSWORD)
def test_by_password(cell: Cell, hubs: Hubs, people: People, jhub: Jhub, fresh: Fresh) -> None:
    person = people.regular(cell.authenticator.name, fresh("user"), two=cell.authenticator.two)
    url = hubs[cell.authenticator.name].url
    result = jhub("login", url, "-u", person.name, "--password", "--password-stdin", stdin=person.stdin)
    check(cell, jhub, result, person, "with a password")


@each(NEW_BY_PASSWORD)
def test_a_new_user_by_password(cell: Cell, hubs: Hubs, people: People, fresh: Fresh) -> None:
    person = people.stranger(cell.authenticator.name, fresh("new"), two=cell.authenticator.two)
    with expect_result(cell, "refused this username and password"):
        assert signed_in(hubs[cell.authenticator.name].url, person, "password") == person.name


@each(FORM)
def test_by_the_form(cell: Cell, hubs: Hubs, people: People, fresh: Fresh) -> None:
    person = people.regular(cell.authenticator.name, fresh("user"), two=cell.authenticator.two)
    with expect_result(cell, "no password form"):
        assert signed_in(hubs[cell.authenticator.name].url, person, "form") == person.name


@each(NEW_BY_FORM)
def test_a_new_user_by_the_form(cell: Cell, hubs: Hubs, people: People, fresh: Fresh) -> None:
    person = people.stranger(cell.authenticator.name, fresh("new"), two=cell.authenticator.two)
    with expect_result(cell, "no password form"):
        assert asyncio.run(signed_in_async(hubs[cell.authenticator.name].url, person, "form")) == person.name


@each(BROWSER)
def test_by_the_browser(
    cell: Cell,
    with_client: Callable[[str], SignInHub],
    people: People,
    jhub: Jhub,
    fresh: Fresh,
    by_browser: ByBrowser,
) -> None:
    name, two = cell.authenticator.name, cell.authenticator.two
    person = people.administrator(name, two=two) if name == NATIVE else people.stranger(name, fresh("new"))
    result = by_browser(with_client(name).url, person, "--browser")
    check(cell, jhub, result, person, "with the browser")


@each(PASTE)
def test_by_a_pasted_token(cell: Cell, hubs: Hubs, people: People, jhub: Jhub, fresh: Fresh, window: Window) -> None:
    person = people.stranger(cell.authenticator.name, fresh("new"), two=cell.authenticator.two)
    url = hubs[cell.authenticator.name].url
    token = window.make_token(f"{url}hub/token", person)
    result = jhub("login", url, "--paste", stdin=f"{token}\n")
    check(cell, jhub, result, person, "with a pasted token")
    assert token not in "".join(jhub.outputs)


@each(BY_ITSELF, "the form")
def test_the_form_is_detected(cell: Cell, hubs: Hubs, people: People, jhub: Jhub, fresh: Fresh) -> None:
    person = people.stranger(cell.authenticator.name, fresh("new"), two=cell.authenticator.two)
    url = hubs[cell.authenticator.name].url
    result = jhub("login", f"{url}hub/spawn", "-u", person.name, "--password-stdin", stdin=person.stdin)
    assert result.code == 0, result
    assert f" as {person.name} through the login form " in result.err.splitlines()[-1]


@each(BY_ITSELF, "the browser")
def test_single_sign_on_is_detected(cell: Cell, hubs: Hubs, jhub: Jhub) -> None:
    with waiting(jhub, hubs[cell.authenticator.name].url, "--no-open") as command:
        result = command.interrupted()
    assert "this hub uses single sign-on: signing in with the browser" in result.err
    assert result.code == 130
