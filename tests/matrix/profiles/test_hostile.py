"""Hostile values do not stop a hub: it refuses them before it saves anything, or their start fails alone."""

from __future__ import annotations

import json
import time
from collections.abc import Callable

import pytest

from matrix.profiles.hubs import MEMBERS, OPEN, REFRESHING, Hubs, Kind, ProfileHub
from matrix.profiles.interfaces import body, by_rest, everywhere, xsrf

Fresh = Callable[[str], str]

FREE = """
- slug: free
  spawner_override: {environment: {JHUB_PROFILE: free}}
  user_options: [note]
  profile_options:
    memory: {choices: {some: {}}, unlisted_choice: {enabled: true, spawner_override: {mem_limit: "{value}"}}}
    page: {choices: {usual: {}}, unlisted_choice: {enabled: true, spawner_override: {default_url: "{value}"}}}
    command: {choices: {usual: {}}, unlisted_choice: {enabled: true, spawner_override: {cmd: ["{value}"]}}}
    word:
      choices: {usual: {}}
      unlisted_choice: {enabled: true, validation_regex: "(?:a?){27}a{27}", spawner_override: {args: ["{value}"]}}
"""
BROKEN = """
- slug: broken
  spawner_override: {cmd: ["/no/such/command"]}
"""
HOSTILE = Kind("hostile", enable="last", slow_spawn_timeout=10, profiles=OPEN + FREE)
ENDING = Kind("ending", enable="last", slow_spawn_timeout=10, profiles=OPEN + FREE + BROKEN)

# JupyterHub's ByteSpecification raises OverflowError, ValueError and TraitError for these.
SIZES = ["infG", "nanG", "1e999G", "-infT", "1e308T", "9" * 400 + "T", "lots"]
WRONG: list[tuple[str, str]] = [
    *[("memory", size) for size in SIZES],
    ("page", "/lab/%U"),
    ("page", "/lab/{username}"),
    ("word", "a" * 26),
]


@pytest.fixture
def hub(hubs: Hubs, fresh: Fresh) -> ProfileHub:
    return hubs[HOSTILE]


def test_invalid_texts_are_refused_by_every_interface(hub: ProfileHub, fresh: Fresh) -> None:
    owner = hub.user(fresh("user"))
    for option, text in WRONG:
        options = {"profile": "free", f"{option}--unlisted-choice": text}
        for answer in everywhere(hub, owner, options):
            assert answer.status_code == 400, (option, text, answer.text)
    assert_alive_and_nothing_saved(hub, owner, fresh)


def deep(levels: int) -> str:
    """Return deep JSON, which a recursive encoder could not write."""
    return "[" * levels + "]" * levels


BAD_NOTES = [
    deep(51),
    '{"a":' * 51 + "1" + "}" * 51,
    deep(970),
    deep(5000),
    json.dumps("x" * 65536),
    json.dumps(["x"] * 20000),
    "NaN",
    "[-Infinity]",
    '"\\ud800"',
    '{"\\udfff": 1}',
    '{"__jupyterhub_bytes__": true, "data": "YQ=="}',
]


@pytest.mark.parametrize("note", BAD_NOTES, ids=lambda note: f"{note[:12]} {len(note)}")
def test_options_that_the_database_cannot_store_are_refused(hub: ProfileHub, fresh: Fresh, note: str) -> None:
    owner = hub.user(fresh("user"))
    for answer in by_rest(hub, owner, f'{{"profile": "free", "note": {note}}}'):
        assert answer.status_code == 400, answer.text
    assert_alive_and_nothing_saved(hub, owner, fresh)


def test_large_forms_are_refused(hub: ProfileHub, fresh: Fresh) -> None:
    """Only forms: Tornado accepts no address of that length."""
    owner = hub.user(fresh("user"))
    page = f"{hub.url}/spawn/{owner}/work"
    with hub.browser(owner) as browser:
        form = {"profile": "free", "_xsrf": xsrf(hub, browser)}
        for note in ("x" * 65536, ["x" * 300] * 230):
            answer = browser.post(page, data={**form, "note": note}, allow_redirects=False, timeout=20)
            assert answer.status_code == 400
    assert_alive_and_nothing_saved(hub, owner, fresh)


def test_options_within_the_limits_are_accepted(hub: ProfileHub, fresh: Fresh) -> None:
    owner = hub.user(fresh("user"))
    for note in (deep(50), json.dumps("x" * 60000), json.dumps({"ключ": [1.5, None, True, "\U0001f600"]})):
        answer = hub.api(
            "POST", f"/users/{owner}/servers/work", data=body(hub, f'{{"profile": "free", "note": {note}}}')
        )
        assert answer.status_code == 201, answer.text
        assert hub.servers(owner)["work"]["user_options"]["note"] == json.loads(note)
        hub.stop(owner, "work")


def test_failed_starts_because_of_a_text_do_not_stop_the_hub(hub: ProfileHub, fresh: Fresh) -> None:
    owner = hub.user(fresh("user"))
    for number in range(4):
        options = {"profile": "free", "command--unlisted-choice": f"/no/such/command/{number}"}
        assert hub.start(owner, f"work{number}", **options).status_code == 500
    assert_alive(hub, fresh)


@pytest.mark.parametrize("name", ["a%00b", "%00", "x" * 256], ids=["middle", "alone", "long"])
def test_invalid_names_of_servers_are_refused(hub: ProfileHub, fresh: Fresh, name: str) -> None:
    owner = hub.user(fresh("user"))
    with hub.browser(owner) as browser:
        for answer in (
            hub.api("POST", f"/users/{owner}/servers/{name}"),
            browser.get(f"{hub.url}/spawn/{owner}/{name}", allow_redirects=False, timeout=20),
        ):
            assert answer.status_code in (400, 404), answer.text
    assert_alive_and_nothing_saved(hub, owner, fresh)


def test_all_other_failed_starts_are_counted(hubs: Hubs, fresh: Fresh) -> None:
    hub = hubs[ENDING]
    owner = hub.user(fresh("user"))
    text = {"profile": "free", "command--unlisted-choice": "/no/such/command"}
    assert hub.start(owner, "work0", profile="broken").status_code == 500
    for number in range(3):
        assert hub.start(owner, f"text{number}", **text).status_code == 500
    # The same server, now started without a text.
    assert hub.start(owner, "text0", profile="broken").status_code == 500
    time.sleep(2.5)
    assert hub.process.poll() is None, "two counted failures of three"
    assert hub.start(owner, "work1", profile="broken").status_code == 500
    assert hub.process.wait(20) != 0
    assert "Aborting due to 3 consecutive spawn failures" in hub.log()


@pytest.mark.parametrize("said", ["raise", "refuse"])
def test_a_failed_refresh_of_groups_refuses_the_start(hubs: Hubs, fresh: Fresh, said: str) -> None:
    """The hub has saved an earlier membership, and the authenticator fails to refresh it."""
    hub = hubs[REFRESHING]
    owner = hub.user(fresh("user"))
    groups = hub.place / "groups" / owner
    groups.parent.mkdir(exist_ok=True)
    groups.write_text(MEMBERS)
    with hub.browser(owner) as browser:
        assert hub.start(owner, "first", profile="gated").status_code == 201
        hub.stop(owner, "first")
        groups.write_text(said)
        status = {"raise": 503, "refuse": 418}[said]
        for answer in [
            *everywhere(hub, owner, {"profile": "gated"}, browser),
            # With saved options: the first server has none, the second those of its last start.
            browser.get(f"{hub.url}/spawn/{owner}", allow_redirects=False, timeout=20),
            browser.get(f"{hub.url}/spawn/{owner}/first", allow_redirects=False, timeout=20),
            hub.api("POST", f"/users/{owner}/servers/first"),
            hub.api("GET", f"/users/{owner}/profiles"),
        ]:
            assert answer.status_code == status, answer.text
            assert said != "raise" or "the authenticator failed (RuntimeError)" in answer.text
    assert len(hub.started(owner)) == 1
    assert_alive(hub, fresh)


def assert_alive_and_nothing_saved(hub: ProfileHub, owner: str, fresh: Fresh) -> None:
    """Check that nothing has started, nothing is saved, and the hub runs."""
    assert hub.started(owner) == []
    assert not any(model["user_options"] for model in hub.servers(owner).values())
    assert_alive(hub, fresh)


def assert_alive(hub: ProfileHub, fresh: Fresh) -> None:
    """Check that the hub is not shutting down, and starts another user's server."""
    assert "consecutive spawn" not in hub.log()
    assert hub.process.poll() is None
    if hub.settings.authenticator == "refreshing":
        return
    other = hub.user(fresh("user"))
    assert hub.start(other, "work", profile="open").status_code == 201
    hub.stop(other, "work")
