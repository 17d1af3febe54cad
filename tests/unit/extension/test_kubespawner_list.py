"""KubeSpawner's own list: what is read from it, and what is dropped."""

from __future__ import annotations

import asyncio
import gc
import logging
import weakref
from types import SimpleNamespace
from typing import Any

import pytest
from jupyterhub.spawner import LocalProcessSpawner
from tornado.web import HTTPError

from jhub.errors import InvalidInput
from jhub.extension.kubespawner_list import KubeSpawnerList, drop_exhausted, read_list
from jhub.extension.overrides import merge_deep
from jhub.extension.profile_access import Owner, available_profiles
from jhub.extension.spawner_hook import call_functions
from jhub.extension.verdict import Decision
from jhub.profiles.model import Profiles

CHOICES: dict[str, Any] = {"size": {"choices": {"s": {}}}}
EXHAUSTED: dict[str, Any] = {"size": {"choices": {}}}


def with_options(options: object) -> dict[str, Any]:
    return {"slug": "a", "profile_options": options}


@pytest.mark.parametrize(
    ("profile_list", "message"),
    [
        ([{"slug": "a", "groups": None}], "profile a: `groups` is empty"),
        ([{"slug": "a", "groups": "geo"}], "profile a: `groups` must be a list of names"),
        (
            [{"slug": "a", "groups": {"geo"}}],
            "profile a: `groups` must be a list of names ([] for none), not an object of the type set",
        ),
        ([{"slug": "a", "groups": [7]}], "profile a: a name in `groups` must be text"),
        ([{"slug": "a", "groups": [None]}], "profile a: a name in `groups` must be text"),
        ([{"slug": "a", "groups": lambda spawner: ["geo"]}], "profile a: `groups` must be a list of names"),
        ([{"slug": "a", "users": object()}], "profile a: `users` must be a list of names"),
        ([{"slug": "a", "allowed_group": ["geo"]}], "profile a: unknown key 'allowed_group': it may restrict access"),
        ([with_options({"o": {"choices": {"b": {"Allowed-Groups": []}}}})], "choice b: unknown key 'Allowed-Groups'"),
        ([with_options({"o": {"allowed_groups": [], "choices": {"b": {}}}})], "`allowed_groups` restricts nothing"),
        ([with_options(EXHAUSTED)], "needs `choices`, or an `unlisted_choice` with `enabled: true`"),
        ([with_options(["o"])], "`profile_options` must be a mapping, not a list"),
        ([{"slug": "a", "kubespawner_override": {"groups": ["geo"]}}], "`groups` in `kubespawner_override` restricts"),
        ([{"slug": "a"}, {"slug": "a"}], "duplicate slug 'a'; add another"),
        ([["slug", "a"]], "profile 1 must be a mapping, not a list"),
        ([{}], "profile 1: needs a `slug` without spaces"),
        ("standard", "must be a list or a mapping"),
        (7, "must be a list or a mapping"),
        ([], "must be a list or a mapping"),
        (({"slug": "a"} for _ in range(1)), "must be a list or a mapping"),
    ],
)
def test_an_invalid_list_is_refused(profile_list: object, message: str) -> None:
    with pytest.raises(InvalidInput) as error:
        read_list(profile_list)
    assert str(error.value).startswith("KubeSpawner.profile_list: ")
    assert message in str(error.value)


def test_a_list_that_contains_itself_is_refused() -> None:
    entry: dict[str, Any] = {"slug": "a"}
    entry["kubespawner_override"] = {"x": entry}
    with pytest.raises(InvalidInput, match="nested too deeply"):
        read_list([entry])


def test_values_of_python_are_kept() -> None:
    function, volume = (lambda spawner: spawner), object()
    override = {"image": function, "volumes": [volume], "node_selector": {"a": None}}
    (profile,) = read_list(({"display_name": "A B", "kubespawner_override": override, "badge": volume},)).all
    assert profile.slug == "a-b"
    assert profile.kubespawner_override == override
    assert profile.form_keys == {"badge": volume}


@pytest.mark.parametrize("environment", [lambda spawner: {"A": spawner}, {"A": lambda spawner: spawner}])
def test_the_environment_may_be_a_function_and_have_functions(environment: object) -> None:
    (profile,) = read_list([{"slug": "a", "kubespawner_override": {"environment": environment}}]).all
    assert profile.kubespawner_override == {"environment": environment}


def test_a_mapping_is_sorted_and_its_keys_are_the_slugs() -> None:
    profiles = read_list({"b": {"display_name": "Z"}, "a": {"slug": "own"}})
    assert [(profile.slug, profile.display_name) for profile in profiles.all] == [("own", "own"), ("b", "Z")]


@pytest.mark.parametrize(
    ("option", "remains"),
    [
        ({"choices": {}}, False),
        ({"choices": {}, "unlisted_choice": {}}, False),
        ({"choices": {}, "unlisted_choice": {"enabled": False}}, False),
        ({"choices": {}, "unlisted_choice": None}, False),
        ({"choices": {}, "unlisted_choice": {"enabled": True}}, True),
        ({"choices": {"s": {}}}, True),
        # Faults of the list, which `read_list` reports.
        ({"choices": None}, True),
        ({"choices": []}, True),
        ({}, True),
        (None, True),
    ],
)
def test_a_profile_with_an_option_that_has_nothing_left_is_dropped(option: object, remains: bool) -> None:
    entry, other = with_options({**CHOICES, "more": option}), {"slug": "b"}
    assert drop_exhausted([entry, other]) == ([entry, other] if remains else [other])
    assert drop_exhausted({"a": entry, "b": other}) == ({"a": entry, "b": other} if remains else {"b": other})


@pytest.mark.parametrize("value", [None, "text", 7, [["a"]], {"a": 1}, [{"profile_options": [EXHAUSTED]}]])
def test_other_values_stay_as_they_are(value: object) -> None:
    assert drop_exhausted(value) == value


def test_functions_of_layers_are_merged_when_they_are_called() -> None:
    layers: list[dict[str, Any]] = [
        {"environment": lambda spawner: {"USER": spawner, "A": "1"}, "image": "a", "cmd": lambda spawner: [spawner]},
        {"environment": {"A": "2", "B": None}, "image": lambda spawner: f"{spawner}:1"},
        {"environment": lambda spawner: {"C": spawner}, "cmd": ["x"]},
    ]
    merged = merge_deep(layers)
    assert merged["environment"]("ana") == {"USER": "ana", "A": "2", "B": None, "C": "ana"}
    assert (merged["image"]("ana"), merged["cmd"]("ana")) == ("ana:1", ["x"])


def test_profiles_of_earlier_decisions_are_not_kept() -> None:
    """A function makes new profiles for each decision: those of a large list have two megabytes."""
    profiles = read_list([{"slug": "a", "groups": ["geo"]}])
    assert profiles.lines == {}
    assert available_profiles(profiles, Owner(name="ana", groups=frozenset(["geo"]))) == profiles.all
    reference = weakref.ref(profiles)
    del profiles
    gc.collect()
    assert reference() is None


def profiles_of(source: KubeSpawnerList) -> Profiles:
    spawner = SimpleNamespace(log=logging.getLogger("test"), user=SimpleNamespace(name="ana"))
    return asyncio.run(source.profiles_for(spawner))


def test_equal_lists_of_a_function_are_read_once_and_other_ones_anew() -> None:
    answers: list[Any] = [
        [{"slug": "a", "kubespawner_override": {"cpu_limit": 1}}],
        [{"slug": "a", "kubespawner_override": {"cpu_limit": 1}}],
        [{"slug": "a", "kubespawner_override": {"cpu_limit": True}}],
        [{"slug": "a", "kubespawner_override": {"cpu_limit": 1}, "groups": ["geo"]}],
    ]
    remaining = iter(answers)
    source = KubeSpawnerList(lambda spawner: next(remaining), adapt=lambda profiles: profiles, normalize=lambda p: p)
    first, equal, other, gated = (profiles_of(source) for _ in answers)
    assert equal is first
    assert other.all[0].kubespawner_override["cpu_limit"] is True
    assert gated.all[0].groups == ("geo",)


def test_a_list_that_a_function_changes_later_does_not_change_what_was_read() -> None:
    kept: list[Any] = [{"slug": "a", "groups": ["geo"], "kubespawner_override": {"environment": {"A": "1"}}}]
    source = KubeSpawnerList(lambda spawner: kept, adapt=lambda profiles: profiles, normalize=lambda p: p)
    first = profiles_of(source)
    kept[0]["groups"].append("staff")
    kept[0]["kubespawner_override"]["environment"]["A"] = "2"
    assert first.all[0].groups == ("geo",)
    assert first.all[0].kubespawner_override == {"environment": {"A": "1"}}
    assert profiles_of(source).all[0].groups == ("geo", "staff")


def test_settings_that_are_functions_are_read_anew() -> None:
    source = KubeSpawnerList(
        lambda spawner: [{"slug": "a", "kubespawner_override": {"image": lambda spawner: "own"}}],
        adapt=lambda profiles: profiles,
        normalize=lambda p: p,
    )
    assert profiles_of(source) is not profiles_of(source)


def test_a_setting_whose_function_fails_is_named_without_the_message_of_the_failure() -> None:
    def fail(spawner: object) -> object:
        raise KeyError("SECRET")

    (profile,) = read_list([{"slug": "a", "kubespawner_override": {"image": fail}}]).all
    decision = Decision(
        profile=profile, user_options={}, spawner_override={}, kubespawner_override=profile.kubespawner_override
    )
    with pytest.raises(HTTPError) as error:
        call_functions(decision, LocalProcessSpawner())
    assert error.value.status_code == 500
    assert error.value.log_message == (
        "profile a: the setting 'image' of LocalProcessSpawner: its function failed (KeyError)"
    )
