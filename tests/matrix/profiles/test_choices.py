"""Choices with access rules: only the groups of the owner decide, whoever asks and by whatever interface."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import requests

from matrix.profiles.hubs import CASEFOLD, CHOICES, GATED_CHOICES, LISTED, MEMBERS, Hubs, ProfileHub
from matrix.profiles.interfaces import (
    EDITS,
    PAGES,
    REST,
    SERVER,
    Caller,
    direct,
    form,
    is_accepted,
    page,
    path,
    post,
    post_older_body,
    query,
)

Fresh = Callable[[str], str]

INTERFACES = {**REST, **PAGES}
CALLERS = {"the owner": INTERFACES, "an administrator": INTERFACES, "a service": REST, "a service to start": REST}
"""Callers, with the interfaces that they have."""
TABLE = [(caller, name) for caller, interfaces in CALLERS.items() for name in interfaces]

OPTION = "option flavour of profile open"
HOT = {"profile": "open", "flavour": "hot"}
TEXT = {"profile": "open", "flavour--unlisted-choice": "own"}
CLOSED = {"profile": "open", "flavour": "closed"}
REFUSED: list[tuple[dict[str, Any], str]] = [
    (HOT, f"may not use choice 'hot' for {OPTION}; available: plain"),
    (CLOSED, f"may not use choice 'closed' for {OPTION}; available: plain"),
    ({"profile": "open", "flavour": "mild"}, f"may not use choice 'mild' for {OPTION}; available: plain"),
    (TEXT, f"may not use a text for {OPTION}; available: plain"),
    ({"profile": "narrow"}, "may not use profile 'narrow'; available: open"),
    ({"profile": "narrow", "flavour": "only"}, "may not use profile 'narrow'; available: open"),
]
"""Starts that are not for owners without groups, with the messages."""


@pytest.fixture
def hub(hubs: Hubs) -> Iterator[ProfileHub]:
    """A hub with CHOICES; it survives the test, and never starts a choice that is closed to everybody."""
    up = hubs[GATED_CHOICES]
    yield up
    assert up.process.poll() is None, up.log()[-2000:]
    starts = [line for started in up.place.glob("users/*/started") for line in started.read_text().splitlines()]
    assert not [line for line in starts if line.split(" ")[2] == "closed"]
    assert "consecutive spawns failed" not in up.log()


@contextmanager
def caller_of(hub: ProfileHub, kind: str, owner: str) -> Iterator[Caller]:
    """A caller that is itself in all groups, unless it is the owner."""
    if kind == "a service":
        yield Caller()
    elif kind == "a service to start":
        yield Caller(hub.settings.starter)
    else:
        name = owner if kind == "the owner" else hub.user("admin", MEMBERS, "others")
        with hub.browser(name) as browser:
            yield Caller(hub.token(name), browser)


def flavours(hub: ProfileHub, owner: str) -> list[str]:
    """Return the profile and the flavour of each start, with a plus sign."""
    return [f"{profile}+{flavour}" for _, profile, flavour, *_ in hub.started(owner)]


def run(hub: ProfileHub, owner: str, answer: requests.Response) -> str:
    """Return the profile and the flavour of the server that a request has started, and stop it."""
    assert is_accepted(answer), answer.text
    hub.ready(owner, SERVER)
    hub.stop(owner, SERVER)
    return flavours(hub, owner)[-1]


@pytest.mark.parametrize(("caller", "name"), TABLE, ids=[" by ".join(row) for row in TABLE])
def test_only_the_groups_of_the_owner_count(caller: str, name: str, hub: ProfileHub, fresh: Fresh) -> None:
    if name in EDITS and not hub.edits:
        return
    owner, member = hub.user(fresh("user")), hub.user(fresh("user"), MEMBERS)
    with caller_of(hub, caller, owner) as source:
        for options, message in REFUSED:
            answer = INTERFACES[name](hub, owner, source, options)
            assert answer.status_code == 403, (options, answer.text)
            text = answer.json()["message"] if name in REST else answer.text
            assert (name not in REST and owner in text) or text == f"{owner} {message}"
            assert MEMBERS not in text
            if name == "PATCH":
                assert hub.api("DELETE", path(owner), json={"remove": True}).status_code == 204
    assert hub.started(owner) == []
    assert not any(model["user_options"] or model["pending"] for model in hub.servers(owner).values())
    with caller_of(hub, caller, member) as source:
        assert run(hub, member, INTERFACES[name](hub, member, source, HOT)) == "open+hot"
        assert INTERFACES["POST"](hub, member, source, CLOSED).status_code == 403


@pytest.mark.parametrize("name", INTERFACES)
def test_a_default_for_others_gives_way(name: str, hub: ProfileHub, fresh: Fresh) -> None:
    if name in EDITS and not hub.edits:
        return
    owner, member, listed = hub.user(fresh("user")), hub.user(fresh("user"), MEMBERS), hub.user(LISTED)
    for user, options, expected in (
        (owner, {"profile": "open"}, "open+plain"),
        (member, {"profile": "open"}, "open+hot"),
        (member, TEXT, "open+own"),
        (member, {"profile": "narrow"}, "narrow+only"),
        (listed, {"profile": "open", "flavour": "mild"}, "open+mild"),
    ):
        with caller_of(hub, "the owner", user) as source:
            if name in EDITS:
                hub.api("DELETE", path(user), json={"remove": True})
            assert run(hub, user, INTERFACES[name](hub, user, source, options)) == expected


def test_starts_without_any_options(hub: ProfileHub, fresh: Fresh) -> None:
    owner, member = hub.user(fresh("user")), hub.user(fresh("user"), MEMBERS)
    for user, expected in ((owner, "open+plain"), (member, "open+hot")):
        with caller_of(hub, "the owner", user) as source:
            assert run(hub, user, hub.api("POST", path(user))) == expected
            assert run(hub, user, form(hub, user, source, {})) == expected
            assert shown_choices(query(hub, user, source, {})) == SHOWN[expected]


SHOWN = {"open+plain": {"open": ["plain"]}, "open+hot": {"open": ["hot", "plain"], "narrow": ["only"]}}
"""The choices in the form of an owner, by what a start without options gets."""


def shown_choices(answer: requests.Response) -> dict[str, list[str]]:
    """Return the choices of each profile in the form of the page."""
    assert answer.status_code == 200, answer.text
    assert not any(name in answer.text for name in (MEMBERS, LISTED, "mild", "closed"))
    found: dict[str, list[str]] = {}
    for tag in re.findall(r"<input[^>]*radio[^>]*>", answer.text):
        (name,), (value,) = re.findall(r'name="([^"]*)"', tag), re.findall(r'value="([^"]*)"', tag)
        if name.startswith("profile-option-") and value != "unlisted-choice":
            found.setdefault(name.removeprefix("profile-option-").partition("--")[0], []).append(value)
    return found


def test_code_that_starts_without_the_hubs_routes_is_refused(hub: ProfileHub, fresh: Fresh) -> None:
    owner, member = hub.user(fresh("user")), hub.user(fresh("user"), MEMBERS)
    for options, _ in REFUSED:
        assert direct(hub, owner, Caller(), options).status_code == 403
    assert hub.started(owner) == []
    assert direct(hub, member, Caller(), HOT).status_code == 200
    assert flavours(hub, member) == ["open+hot"]
    hub.stop(member, "direct")


def test_saved_options_of_a_former_member_are_refused(hub: ProfileHub, fresh: Fresh) -> None:
    for options, message in REFUSED[:1] + REFUSED[3:5]:
        owner = hub.user(fresh("user"), MEMBERS)
        expected = run(hub, owner, post(hub, owner, Caller(), options))
        hub.leave(MEMBERS, owner)
        with caller_of(hub, "the owner", owner) as source:
            answer = hub.api("POST", path(owner))
            assert (answer.status_code, answer.json()["message"]) == (403, f"{owner} {message}")
            assert source.browser is not None
            answer = source.browser.get(page(hub, owner), allow_redirects=False, timeout=20)
            assert shown_choices(answer) == SHOWN["open+plain"]
            assert len(hub.started(owner)) == 1
        hub.join(MEMBERS, owner)
        assert run(hub, owner, hub.api("POST", path(owner))) == expected


def test_the_list_has_the_choices_of_the_owner_and_no_names(hub: ProfileHub, fresh: Fresh) -> None:
    owner, member, listed = hub.user(fresh("user")), hub.user(fresh("user"), MEMBERS), hub.user(LISTED)
    for user, expected in (
        (owner, {"open": ["plain*"]}),
        (member, {"open": ["hot*", "plain", "text"], "narrow": ["only*"]}),
        (listed, {"open": ["plain*", "mild"]}),
    ):
        for answer in (
            hub.api("GET", "/profiles", hub.token(user)),
            hub.api("GET", f"/users/{user}/profiles"),
            hub.api("GET", f"/users/{user}/profiles", hub.settings.starter),
        ):
            assert answer.status_code == 200, answer.text
            assert listed_choices(answer.json()) == expected
            assert not any(name in answer.text for name in (MEMBERS, LISTED, "others", "JHUB_"))


def listed_choices(answer: dict[str, Any]) -> dict[str, list[str]]:
    """Return the choices of each profile in a list; the default has an asterisk, and "text" is the unlisted choice."""
    return {
        profile["slug"]: [
            name
            for option in profile["profile_options"]
            for name in (
                *(choice["key"] + "*" * choice["default"] for choice in option["choices"]),
                *(["text"] if option["unlisted_choice"] else []),
            )
        ]
        for profile in answer["profiles"]
    }


@pytest.mark.parametrize(
    "body",
    [
        {"profile": "open", "flavour": ["plain", "hot"]},
        {"profile": "open", "flavour": {"hot": 1}},
        {"profile": "open", "flavour": "HOT"},
        {"profile": "open", "flavour": "hot "},
        {"profile": "open", "flavour": "plain", "profile-option-open--flavour": "hot"},
        {"profile": "open", "flavour": "plain", "profile-option-open-flavour": "hot"},
        {"profile": "open", "flavour": "plain", "flavour--unlisted-choice": "own"},
        {"profile": "open", "flavour": "unlisted-choice", "flavour--unlisted-choice": "own"},
        {"profile": "open", "flavour": "unlisted-choice"},
        {"profile": ["open", "narrow"], "flavour": "only"},
        {"profile": "open", "profile-option-narrow--flavour": "only", "flavour": "hot"},
        {"profile": "open", "kubespawner_override": {"environment": {}}, "flavour": "plain"},
        {"profile": "open", "flavour": "plain", "spawner_override": {}},
    ],
    ids=json.dumps,
)
def test_odd_options_never_reach_a_choice_of_others(body: dict[str, Any], hub: ProfileHub, fresh: Fresh) -> None:
    owner = hub.user(fresh("user"))
    for answer in (post(hub, owner, Caller(), body), post_older_body(hub, owner, Caller(), body)):
        assert answer.status_code in (400, 403), answer.text
    assert hub.started(owner) == []


def test_fields_of_other_profiles_of_a_form_choose_nothing(hub: ProfileHub, fresh: Fresh) -> None:
    """KubeSpawner's form sends the fields of all profiles that it shows."""
    owner = hub.user(fresh("user"), MEMBERS)
    fields = {"profile": "open", "profile-option-open--flavour": "plain", "profile-option-narrow--flavour": "only"}
    assert run(hub, owner, post(hub, owner, Caller(), fields)) == "open+plain"
    hub.leave(MEMBERS, owner)
    assert post(hub, owner, Caller(), fields).status_code == 400


def test_changes_of_groups_and_of_the_file_take_effect(hub: ProfileHub, fresh: Fresh) -> None:
    owner = hub.user(fresh("user"))
    assert post(hub, owner, Caller(), HOT).status_code == 403
    hub.join(MEMBERS, owner)
    assert run(hub, owner, post(hub, owner, Caller(), HOT)) == "open+hot"
    try:
        hub.write(CHOICES.replace(f"hot: {{default: true, groups: [{MEMBERS}]", "hot: {default: true, groups: []"))
        hub.wait(lambda: _choices(hub, owner), lambda choices: "hot*" not in choices)
        assert post(hub, owner, Caller(), HOT).status_code == 403
        assert hub.api("POST", path(owner)).status_code == 403, "the saved options"
        assert run(hub, owner, post(hub, owner, Caller(), {"profile": "open"})) == "open+plain"
    finally:
        hub.write(CHOICES)
        hub.wait(lambda: _choices(hub, owner), lambda choices: "hot*" in choices)


def _choices(hub: ProfileHub, owner: str) -> list[str]:
    return listed_choices(hub.api("GET", f"/users/{owner}/profiles").json())["open"]


@pytest.mark.parametrize("kind", [GATED_CHOICES, CASEFOLD], ids=lambda kind: kind.name)
def test_groups_match_in_another_case_only_if_the_hub_says_so(kind: Any, hubs: Hubs, fresh: Fresh) -> None:
    hub, group = hubs[kind], MEMBERS.title()
    owner, other = hub.user(fresh("user"), group), hub.user(fresh("user"), f"{MEMBERS} ")
    matches = kind is CASEFOLD
    for _ in range(2):
        answer = post(hub, owner, Caller(), HOT)
        assert answer.status_code == (201 if matches else 403)
        if matches:
            assert run(hub, owner, answer) == "open+hot"
        assert ("narrow" in hub.listed(owner)) == matches
        assert post(hub, other, Caller(), HOT).status_code == 403
    warning = f"The profiles name the group '{MEMBERS}', and the hub has '{group}', which does not match"
    assert hub.log().count(warning) == (0 if matches else 1), "once"
