"""Prompts at a terminal, and what they echo."""

from __future__ import annotations

from collections.abc import Callable

from terminal import Jhub

from matrix.sign_in.hubs import Hubs
from matrix.sign_in.methods import DUMMY, NATIVE
from matrix.sign_in.people import People

Fresh = Callable[[str], str]


def test_a_terminal_asks_for_the_second_factor(hubs: Hubs, people: People, jhub: Jhub, fresh: Fresh) -> None:
    person = people.stranger(NATIVE, fresh("user"), two=True)
    answers = {"Username": person.name, "Password": person.password, "empty if you have none": person.code}
    result = jhub.at_terminal("login", hubs[NATIVE].url, answers=answers)
    assert result.code == 0, result
    assert f"as {person.name} through the login form" in result.out
    assert person.password not in result.out
    assert person.code not in result.out


def test_a_token_can_be_pasted_at_a_terminal(hubs: Hubs, people: People, jhub: Jhub, fresh: Fresh) -> None:
    person = people.regular(DUMMY, fresh("user"))
    token: str = hubs[DUMMY].api("POST", f"/users/{person.name}/tokens")["token"]
    result = jhub.at_terminal("login", hubs[DUMMY].url, "--paste", "--no-open", answers={"Token": token})
    assert result.code == 0, result
    assert f"{hubs[DUMMY].url}hub/token" in result.out
    assert f"as {person.name} with a pasted token" in result.out
    assert token not in result.out
