"""Profiles of a real hub, and starts that are checked against them."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
from hub_api import Api, Tokens
from loopback import BOTH, Driver

from jhub import AsyncHub, Hub, Profile
from jhub.errors import APIError, BadRequest, MissingScope, NotFound
from jhub.operations.profiles import ProfileOps
from jhub.operations.servers import ServerOps
from jhub.steps import Operation

MEMBERS = "the-members"
EVERYBODYS = ["lab", "lean", "stub", "inside", "slow_spawn", "never_spawn", "hangs", "ends_at_once", "dead_at_once"]


@pytest.fixture
def member(api: Api, user: str) -> Iterator[str]:
    """Create a user in the group of the profile `members`."""
    assert api("POST", f"/groups/{MEMBERS}").status_code in (201, 409)
    assert api("POST", f"/groups/{MEMBERS}/users", json={"users": [user]}).status_code == 200
    yield user
    api("DELETE", f"/groups/{MEMBERS}/users", json={"users": [user]})


def slugs(found: list[Profile]) -> list[str]:
    return [profile.slug for profile in found]


@BOTH
def test_each_user_gets_their_own_profiles(driver: Driver, hub_url: str, hub_tokens: Tokens, member: str) -> None:
    mine = driver.events(hub_url, ProfileOps.list(), hub_tokens.ana)
    assert slugs(mine) == EVERYBODYS
    assert [profile.slug for profile in mine if profile.default] == ["stub"]
    assert driver.events(hub_url, ProfileOps.list("ana"), hub_tokens.ana) == mine
    assert driver.events(hub_url, ProfileOps.list("ana"), hub_tokens.service) == mine
    assert slugs(driver.events(hub_url, ProfileOps.list(member), hub_tokens.admin)) == [*EVERYBODYS, "members"]
    assert slugs(driver.events(hub_url, ProfileOps.list(), hub_tokens.admin)) == EVERYBODYS


def test_both_clients_list_profiles(hub_url: str, hub_tokens: Tokens) -> None:
    async def of_ana() -> list[Profile]:
        async with AsyncHub(hub_url, hub_tokens.admin) as hub:
            assert (await hub.profiles.get("lean", "ana")).slug == "lean"
            return await hub.profiles.list("ana")

    with Hub(hub_url, hub_tokens.admin) as hub:
        assert hub.profiles.get("lean", "ana").user_options == ("cpus", "pw", "size")
        assert list(hub.profiles.list("ana")) == asyncio.run(of_ana())


@BOTH
def test_a_profile_has_its_options_and_no_settings(
    driver: Driver, hub_url: str, hub_tokens: Tokens, member: str, api: Api
) -> None:
    profile = driver.run(hub_url, ProfileOps.get("members", member), hub_tokens.admin)
    [flavour] = profile.profile_options
    assert (flavour.key, flavour.unlisted_choice) == ("flavour", None)
    assert [(choice.key, choice.default) for choice in flavour.choices] == [("hot", False), ("plain", True)]
    assert flavour.default == flavour.choices[1]
    answer = api("GET", f"/users/{member}/profiles")
    assert "JHUB_FLAVOUR" not in answer.text
    assert "override" not in answer.text


@BOTH
def test_profiles_that_cannot_be_listed(driver: Driver, hub_url: str, hub_tokens: Tokens, user: str, api: Api) -> None:
    def error(plan: Operation[None], token: str) -> Any:
        return driver.events(hub_url, plan, token)[-1]

    assert isinstance(error(ProfileOps.list("nobody-at-all"), hub_tokens.admin), NotFound)
    assert isinstance(error(ProfileOps.list(user), hub_tokens.ana), NotFound)
    assert isinstance(error(ProfileOps.list(), hub_tokens.service), BadRequest)
    reader = api("POST", "/users/admin/tokens", json={"scopes": ["read:users!user"]}).json()["token"]
    for mine in (ProfileOps.list(), ProfileOps.list("admin")):
        assert isinstance(error(mine, reader), MissingScope)
    message = "profile members: not found, or not available to ana; available: lab, lean, "
    with pytest.raises(NotFound, match=message):
        driver.run(hub_url, ProfileOps.get("members", "ana"), hub_tokens.admin)


def sent(api: Api, user: str) -> dict[str, object]:
    """Return the hub's models of the user's named servers."""
    known = api("GET", f"/users/{user}", params={"include_stopped_servers": "1"}).json()["servers"]
    return {name: model for name, model in known.items() if name}


@BOTH
def test_a_start_is_refused_with_the_available_names(
    driver: Driver, hub_url: str, hub_tokens: Tokens, member: str, api: Api
) -> None:
    refused: list[tuple[dict[str, str], type[APIError], str]] = [
        ({"profile": "nobodys"}, NotFound, "unknown profile 'nobodys'; available: lab, lean, "),
        ({"profile": "members", "flavour": "odd"}, BadRequest, "unknown choice 'odd' .*; available: hot, plain"),
        ({"profile": "members", "sise": "odd"}, BadRequest, "unknown option 'sise' .*; available: flavour"),
        ({"profile": "stub", "flavour": "hot"}, BadRequest, "unknown option 'flavour' .*; available: cpus, pw"),
    ]
    for options, kind, said in refused:
        with pytest.raises(kind, match=said) as caught:
            driver.run(hub_url, ServerOps.start(member, "work", user_options=options), hub_tokens.admin)
        assert caught.value.path.endswith(f"/users/{member}/profiles"), "the hub was not asked to start"
    assert sent(api, member) == {}


@BOTH
def test_a_restart_is_refused_before_the_server_is_stopped(
    driver: Driver, hub_url: str, hub_tokens: Tokens, member: str
) -> None:
    plan = ServerOps.start(member, "work", profile="members", user_options={"flavour": "hot"})
    started = driver.run(hub_url, plan, hub_tokens.admin, timeout=30)
    for options in ({"profile": "nobodys"}, {"profile": "members", "flavour": "odd"}):
        with pytest.raises((NotFound, BadRequest)):
            driver.run(hub_url, ServerOps.restart(member, "work", user_options=options), hub_tokens.admin)
    again = driver.run(hub_url, ServerOps.get(member, "work"), hub_tokens.admin)
    assert (again.ready, again.started) == (True, started.started)
