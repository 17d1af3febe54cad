"""Profile lists as they exist on hubs: KubeSpawner's keys, those of its forms, and the words of other projects."""

from __future__ import annotations

from typing import Any

import pytest

from jhub.errors import InvalidInput
from jhub.profiles.loader import check, check_list, parse
from jhub.profiles.model import Profiles, iter_layers

OPTION = "profiles:\n- slug: lab\n  profile_options:\n    image:\n      choices:\n        base: {%s}\n"


def warnings(text: str) -> list[str]:
    """Return the warnings about a text without errors, each with its line."""
    checked = check(text)
    assert checked.profiles is not None, checked.errors
    return [f"{problem.line}: {problem.message}" for problem in checked.problems]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        # unknown keys
        ("profile: 1\nprofiles: [{slug: a}]", ["1: the file: unknown key 'profile': it has no effect; did you mean"]),
        ("profiles: [{slug: a, badge: new}]", ["1: profile a: unknown key 'badge': only a form may read it"]),
        (
            "profiles:\n- slug: a\n  kubespawner_overide: {}",
            ["3: profile a: unknown key 'kubespawner_overide': only a form may read it; did you mean `kubespawner_ov"],
        ),
        (OPTION % "image: x", ["6: profile lab: option image: choice base: unknown key 'image': only a form"]),
        # empty keys
        ("profiles:\n- slug: a\n  cmd:", ["3: profile a: unknown key 'cmd', and it is empty: remove it"]),
        ("profiles:\n- {slug: a, description: ~, profile_options: , kubespawner_override: }", []),
        (OPTION % "cmd: ~", ["6: profile lab: option image: choice base: unknown key 'cmd', and it is empty"]),
        ("profiles:\n- slug: a\n  default:", ["3: profile a: `default` is empty, which counts as false"]),
        # text for a flag
        (
            "profiles: [{slug: a, default: 'True'}]",
            ["1: profile a: `default` is the text 'True', which counts"],
        ),
        (
            "profiles: [{slug: a, default: 'false'}]",
            ["1: profile a: `default` is the text 'false', which counts"],
        ),
        (
            OPTION % "default: 'TRUE'",
            ["6: profile lab: option image: choice base: `default` is the text 'TRUE'"],
        ),
        # keys that belong beside an override
        (
            "profiles:\n- slug: a\n  kubespawner_override:\n    mem_limit: 1G\n    default: true",
            ["5: profile a: `default` in `kubespawner_override` has no effect: put it beside `kubespawner_override`"],
        ),
        (
            OPTION % "spawner_override: {display_name: X}",
            ["6: profile lab: option image: choice base: `display_name` in `spawner_override` has no effect"],
        ),
    ],
)
def test_what_cannot_open_a_profile_is_a_warning_with_its_line(text: str, expected: list[str]) -> None:
    found = warnings(text)
    assert len(found) == len(expected)
    assert all(message.startswith(begin) for message, begin in zip(found, expected, strict=True)), found


@pytest.mark.parametrize(
    ("gate", "groups", "users"),
    [
        ("allowed_groups: [geo]", ("geo",), None),
        ("allowed_groups: []", (), None),
        ("groups: [geo], users: null", ("geo",), None),
        ("users: [ana], groups: null, allowed_groups: null", None, ("ana",)),
        ("access: all", None, None),
        ("access: all, groups: null, users: null", None, None),
        ("access: yaml, groups: [geo], users: null", ("geo",), None),
        ("access: yaml, groups: [], users: [ana]", (), ("ana",)),
        ("access: null, groups: [geo]", ("geo",), None),
    ],
)
def test_the_access_rules_of_other_projects_are_read(gate: str, groups: Any, users: Any) -> None:
    text = f"""
profiles:
- {{slug: a, {gate}}}
- slug: b
  profile_options:
    x:
      choices: {{c: {{{gate}}}}}
      unlisted_choice: {{enabled: true, {gate}}}
"""
    assert warnings(text) == []
    first, second = parse(text).all
    rules = [first, *[layer for _, layer in iter_layers(second)][1:]]
    assert [(rule.groups, rule.users) for rule in rules] == [(groups, users)] * 3


FORM = """
profiles:
- display_name: Build your own
  badge: new
  profile_options:
    image:
      display_name: Image
      dynamic_image_building: {enabled: true}
      choices:
        base: {slug: base, display_name: Base, description: Small, default: true}
      unlisted_choice:
        enabled: true
        display_name: Other
        display_name_in_choices: Another image
        description: Any public image
        description_in_choices: With a tag
        kubespawner_override: {image: "{value}"}
"""


def test_keys_of_forms_are_kept_for_them() -> None:
    (profile,) = parse(FORM).all
    (option,) = profile.profile_options
    assert profile.form_keys == {"badge": "new"}
    assert option.form_keys == {"dynamic_image_building": {"enabled": True}}
    assert option.choices[0].form_keys == {"slug": "base"}
    assert option.choices[0].description == "Small"
    assert option.unlisted_choice is not None
    assert option.unlisted_choice.description == "Any public image"
    assert option.unlisted_choice.description_in_choices == "With a tag"
    assert warnings(FORM) == ["4: profile Build your own: unknown key 'badge': only a form may read it"]


def test_a_mapping_is_a_list_whose_slugs_are_the_keys_in_their_order() -> None:
    text = "profiles:\n  b: {display_name: One}\n  a: {slug: c}\n"
    assert warnings(text) == []
    assert [(profile.slug, profile.display_name) for profile in parse(text).all] == [("c", "c"), ("b", "One")]


def test_a_null_setting_is_kept() -> None:
    (profile,) = parse("profiles: [{slug: a, kubespawner_override: {cpu_limit: null}}]").all
    assert profile.kubespawner_override == {"cpu_limit": None}


def test_lines_are_found_by_path() -> None:
    profiles = parse(FORM)
    slug = "build-your-own"
    option = (slug, "profile_options", "image")
    assert profiles.line((slug,)) == 3
    assert profiles.line((*option, "choices", "base")) == 10
    assert profiles.line((*option, "unlisted_choice", "kubespawner_override", "image")) == 17
    assert profiles.line((*option, "unlisted_choice", "kubespawner_override", "no_such")) == 17
    assert profiles.line(("unknown",)) == 0


APPLICATION_HUB = """
profiles:
- id: one
  groups: [geo]
  definition:
    slug: one
    kubespawner_override:
      mem_limit: 1G
  default_url: /lab
"""


def test_lines_of_a_definition_are_found_by_the_same_paths() -> None:
    profiles = parse(APPLICATION_HUB)
    assert profiles.line(("one",)) == 3
    assert profiles.line(("one", "kubespawner_override", "mem_limit")) == 8


def test_objects_of_python_are_read_as_a_file_is() -> None:
    listed = [{"display_name": "Large", "allowed_groups": ["geo"], "kubespawner_override": {"mem_limit": "8G"}}]
    checked = check_list(listed)
    assert checked.profiles is not None
    assert (
        checked.profiles.all
        == parse("profiles: [{display_name: Large, allowed_groups: [geo], kubespawner_override: {mem_limit: 8G}}]").all
    )
    assert check_list({"large": listed[0]}).profiles is not None


@pytest.mark.parametrize("odd", [None, [], {}, "lab", [{}], [None], {"a": None}, [{"slug": "a", "groups": None}], 7])
def test_objects_that_are_no_profiles_are_errors(odd: object) -> None:
    checked = check_list(odd)
    assert checked.profiles is None
    assert checked.errors


def test_an_object_that_contains_itself_is_an_error() -> None:
    loop: dict[str, Any] = {"slug": "a"}
    loop["kubespawner_override"] = loop
    assert check_list([loop]).errors


def test_a_mistyped_rule_does_not_load() -> None:
    with pytest.raises(InvalidInput, match="it may restrict access"):
        parse("profiles: [{slug: a, alowed_groups: [geo]}]")


def test_profiles_without_a_file_have_no_lines() -> None:
    assert Profiles(all=()).line(("a",)) == 0
