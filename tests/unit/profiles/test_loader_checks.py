"""Errors that the checker of profiles reports, and its limits."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from loopback import within

from jhub.errors import InvalidInput
from jhub.profiles import schema
from jhub.profiles.loader import check, parse
from jhub.profiles.model import Choice, Option, Problem, Profile, UnlistedChoice


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        # YAML
        ("profiles: [", 1, "not YAML: "),
        ("profiles:\n  - slug: a\n b", 3, "not YAML: "),
        ("a: 1\n---\nb: 2", 2, "not YAML: "),
        ("profiles:\n- slug: \x00", 2, "not YAML: a character that is not allowed, '\\x00'"),
        ("profiles: [{slug: *a}]", 1, "not YAML: found undefined alias 'a'"),
        ('"\\UFFFFFFFF"', 1, "not YAML: "),
        ("[" * 10_000, 1, "not YAML: nested too deeply"),
        ("profiles: &a [*a]", 1, "nested too deeply: more than 40 levels"),
        ("x" * 500_001, 1, "the file is too large: more than 500000 characters"),
        ("profiles:\n- slug: a\n  slug: b", 3, "duplicate key slug: first used in line 2"),
        ("profiles: [{slug: a, [x]: b}]", 1, "a key must be text, not a list"),
        (
            "profiles: [{slug: a, on: b}]",
            1,
            'a key must be text, not on (YAML for true): write "on"',
        ),
        ("profiles: [{slug: a, 3: b}]", 1, 'a key must be text, not 3 (a number): write "3"'),
        ("profiles: [{slug: a, <<: b}]", 1, "<< must be a mapping or a list of mappings, not text"),
        ("profiles:\n- slug: !x a", 2, "the tag !x is not allowed: "),
        ("profiles:\n- !!python/object:os.system {slug: a}", 2, "the tag !!python/object:os.system is not allowed"),
        ("profiles:\n- !!set {slug}", 2, "the tag !!set is not allowed"),
        ("profiles:\n- slug: !!binary aGk=", 2, "the tag !!binary is not allowed"),
        ("profiles:\n- slug: !!int a", 2, "not a value of the tag !!int: a"),
        ("profiles:\n- slug: 2020-01-02", 2, '2020-01-02 is a date in YAML: write "2020-01-02" if it is text'),
        ("profiles:\n- slug: 1:30", 2, '1:30 is the number 90 in YAML, with base 60: write "1:30"'),
        ("profiles:\n- slug: .inf", 2, ".inf is not a number that a setting can have"),
        ('profiles:\n- slug: "\\ud800"', 2, "lone surrogate: "),
        ('profiles:\n- slug: a\n  spawner_override: {args: ["a\\0b"]}', 3, "NUL is not allowed"),
        # the file
        ("", 1, "the file must be a mapping with the key `profiles`, not an empty value"),
        ("- slug: lab", 1, "the file must be a mapping with the key `profiles`, not a list"),
        ("users: []\nprofiles: [{slug: a}]", 1, "the file: `users` restricts nothing here: put it into a"),
        (
            "a: b\nsingleuser: {profileList: [{slug: a}]}",
            1,
            "the file has no key `profiles`: the entries of `singleuser.profileList` in",
        ),
        ("profiles: {}", 1, "`profiles` must be a list or a mapping of at least one profile"),
        ("profiles: []", 1, "`profiles` must be a list or a mapping of at least one profile"),
        ("profiles:\n  a: {slug: c}\n  b: {slug: c}", 3, "duplicate slug 'c': first used in line 2"),
        ("profiles:\n  a b: {}", 2, "profile a b: needs a `slug` without spaces"),
        ("profiles:\n  a:\n  b: {}", 2, "profile a must be a mapping, not an empty value"),
        ("profiles:\n  - lab", 2, "profile 1 must be a mapping, not text"),
        ("profiles:\n- slug: a\n- slug: a", 3, "duplicate slug 'a': first used in line 2"),
        ("profiles:\n- slug: a-b\n- display_name: A b", 3, "duplicate slug 'a-b': first used in line 2"),
        # a profile
        (
            "profiles:\n- slug: a\n  group: [x]",
            3,
            "profile a: unknown key 'group': it may restrict access; use",
        ),
        ("profiles:\n- slug: a\n  gruops: [x]", 3, "profile a: unknown key 'gruops': it may restrict access"),
        ("profiles:\n- slug: a\n  allowed_users: null", 3, "profile a: unknown key 'allowed_users': it may restrict"),
        *[
            (
                f"profiles:\n- slug: a\n  {gate}",
                3,
                f"profile a: unknown key {gate.split(':')[0]!r}: it may restrict access",
            )
            for gate in (
                "hidden: true",
                "hide: true",
                "enabled: false",
                "disabled: true",
                "only_for: [x]",
                "for: [x]",
                "limit_to: [x]",
                "whitelist: [x]",
                "blacklist: [x]",
                "organizations: [x]",
                "email: [x]",
                "requires: [x]",
                "when: x",
                "if: x",
            )
        ],
        ("profiles:\n- slug: a\n  access: null", 3, "profile a: `access` is empty: write `groups: []` for nobody, or"),
        ("profiles:\n- slug: a\n  Groups: [x]", 3, "profile a: unknown key 'Groups': it may restrict access"),
        (
            "profiles:\n- slug: a\n  kubespawner_override: {groups: [x]}",
            3,
            "profile a: `groups` in `kubespawner_override`",
        ),
        ("profiles: [{description: x}]", 1, "profile 1: needs a `slug` without spaces"),
        ("profiles: [{display_name: '???'}]", 1, "profile ???: needs a `slug` without spaces"),
        ("profiles: [{slug: a b}]", 1, "profile a b: needs a `slug` without spaces"),
        ("profiles: [{slug: 7}]", 1, 'profile 7: `slug` must be text, not 7 (a number): write "7"'),
        (
            "profiles: [{slug: on}]",
            1,
            'profile on: `slug` must be text, not on (YAML for true): write "on"',
        ),
        ("profiles: [{slug: a, default: 'yes'}]", 1, "profile a: `default` must be true or false, not text"),
        # its access rules: an invalid rule must not open the profile to everybody
        *[
            (f"profiles:\n- slug: a\n  {gate}", line, f"profile a: `{key}` is empty: write ")
            for gate, key, line in (
                ("groups:", "groups", 3),
                ("groups: null", "groups", 3),
                ("groups: ~", "groups", 3),
                ("users: null", "users", 3),
                ("users:", "users", 3),
                ("allowed_groups:", "allowed_groups", 3),
                ("access:", "access", 3),
                ("users: null\n  groups: null", "groups", 4),
                ("<<: {groups: null}", "groups", 3),
            )
        ],
        ("profiles:\n- slug: a\n  access: keycloak", 3, "profile a: `access` must be all or yaml, not 'keycloak'"),
        ("profiles:\n- slug: a\n  access: [geo]", 3, "profile a: `access` must be all or yaml, not a list"),
        ("profiles:\n- slug: a\n  access: ALL", 3, "profile a: `access` must be all or yaml, not 'ALL'"),
        ("profiles:\n- slug: a\n  access: yaml", 3, "profile a: `access: yaml` needs `groups` or `users`"),
        ("profiles:\n- slug: a\n  access: yaml\n  users:", 3, "profile a: `access: yaml` needs `groups` or `users`"),
        (
            "profiles:\n- slug: a\n  users: [ana]\n  access: all",
            4,
            "profile a: `access: all` admits everybody, and `users` does not: remove one",
        ),
        (
            "profiles:\n- slug: a\n  groups: [geo]\n  allowed_groups: [geo]",
            4,
            "profile a: `groups` and `allowed_groups` mean the same: remove one",
        ),
        *[
            (
                f"profiles:\n- slug: a\n  profile_options:\n    x:\n      choices: {{b: {{}}, c: {{{gate}}}}}",
                5,
                f"profile a: option x: choice c: {message}",
            )
            for gate, message in (
                ("groups: null", "`groups` is empty"),
                ("allowed_groups: geo", "`allowed_groups` must be a list of names"),
                ("group: [geo]", "unknown key 'group': it may restrict access"),
            )
        ],
        (
            "profiles:\n- slug: a\n  profile_options:\n    x:\n      unlisted_choice: {enabled: true, users: }",
            5,
            "profile a: option x: `unlisted_choice`: `users` is empty",
        ),
        (
            "profiles:\n- slug: a\n  profile_options:\n    x:\n      choices: {b: {}}\n      groups: [geo]",
            6,
            "profile a: option x: `groups` restricts nothing here: put it into a profile, a choice or an",
        ),
        (
            "profiles:\n- id: a\n  groups: null\n  definition: {display_name: A, slug: a}",
            3,
            "profile a: `groups` must be a list of names ([] for none)",
        ),
        ("profiles:\n- slug: a\n  groups: geo", 3, "profile a: `groups` must be a list of names"),
        ("profiles:\n- slug: a\n  groups: ['']", 3, "profile a: a name in `groups` must be text, not an empty text"),
        ("profiles:\n- slug: a\n  users: {ana: true}", 3, "profile a: `users` must be a list of names"),
        (
            "profiles:\n- slug: a\n  users:\n  - ana\n  - 007",
            5,
            'profile a: a name in `users` must be text, not 007 (a number): write "007"',
        ),
        ("profiles:\n- slug: a\n  groups: ['']", 3, "profile a: a name in `groups` must be text"),
        # its overrides
        ("profiles: [{slug: a, spawner_override: [x]}]", 1, "profile a: `spawner_override` must be a mapping"),
        (
            "profiles: [{slug: a, spawner_override: {environment: [x]}}]",
            1,
            "profile a: `spawner_override`: `environment` must be a mapping",
        ),
        (
            "profiles:\n- slug: a\n  spawner_override:\n    environment:\n      N: 8",
            5,
            "profile a: the environment variable 'N' must be text: write it in quotes",
        ),
        ("profiles: [{slug: a, spawner_override: {environment: {N: null}}}]", 1, "profile a: the environment variable"),
        *[
            (
                f"profiles: [{{slug: a, spawner_override: {{environment: {{{name}: x}}}}}}]",
                1,
                "profile a: " + repr(name.strip('"')) + " cannot be the name of an environment variable",
            )
            for name in ('"A=B"', '""', '"="')
        ],
        (
            "profiles: [{slug: a, kubespawner_override: {environment: {N: 8}}}]",
            1,
            "profile a: the environment variable",
        ),
        # its options
        (
            "profiles: [{slug: a, profile_options: {x: []}}]",
            1,
            "profile a: option x must be a mapping, not a list",
        ),
        ("profiles: [{slug: a, profile_options: {x: }}]", 1, "profile a: option x: needs `choices`, or an "),
        (
            "profiles: [{slug: a, profile_options: {x: {choices: {}}}}]",
            1,
            "profile a: option x: needs `choices`, or an ",
        ),
        (
            "profiles: [{slug: a, profile_options: {profile: {choices: {b: {}}}}}]",
            1,
            "profile a: `profile_options`: invalid ",
        ),
        (
            "profiles: [{slug: a, profile_options: {x--unlisted-choice: {choices: {b: {}}}}}]",
            1,
            "profile a: `profile_options`: invalid option name",
        ),
        (
            "profiles: [{slug: a, profile_options: {x: {unlisted_choice: {enabled: true, validation_regex: (}}}}]",
            1,
            "profile a: option x: `unlisted_choice`: `validation_regex` is not a valid regular expression: ",
        ),
        (
            "profiles: [{slug: a, profile_options: {x: {unlisted_choice: {enabled: true, validation_regex: 12}}}}]",
            1,
            "profile a: option x: `unlisted_choice`: `validation_regex` must be text, not 12 (a number)",
        ),
        (
            "profiles: [{slug: a, user_options: all}]",
            1,
            "profile a: `user_options` must be a list of names ([] for none), not ",
        ),
        (
            "profiles: [{slug: a, user_options: [profile]}]",
            1,
            "profile a: 'profile' in `user_options` is already in use",
        ),
    ],
)
def test_an_error_is_reported_with_its_line(text: str, line: int, message: str) -> None:
    checked = check(text)
    assert checked.profiles is None
    assert any(problem.line == line and problem.message.startswith(message) for problem in checked.errors), checked
    assert not any("\n" in problem.message or problem.warning for problem in checked.problems)
    with pytest.raises(InvalidInput, match=r"^line \d+: "):
        parse(text)


def test_all_errors_are_reported_and_each_only_once() -> None:
    text = """
profiles:
  - slug: 1
  - slug: a
    spawner_override: &same {environment: {N: 8}}
  - {slug: b, spawner_override: *same, grups: []}
"""
    assert [problem.line for problem in check(text).problems] == [3, 5, 5, 6]
    # A wrong value behind an anchor is an error in both profiles, but an error of YAML itself is reported once.
    twice = "profiles:\n- {slug: a, spawner_override: &same {a: !x 1}}\n- {slug: b, spawner_override: *same}"
    assert [problem.line for problem in check(twice).problems] == [2]


@pytest.mark.parametrize(
    "text",
    [
        "".join(f"{chr(98 + n)}: &{chr(98 + n)} [{','.join(['*' + chr(97 + n)] * 9)}]\n" for n in range(9)),
        "".join(f"{chr(98 + n)}: &{chr(98 + n)} {{<<: [{','.join(['*' + chr(97 + n)] * 9)}]}}\n" for n in range(9)),
    ],
    ids=["aliases", "merge keys"],
)
def test_the_expansion_of_aliases_is_limited(text: str) -> None:
    [problem] = within(lambda: check("a: &a {x: y}\n" + text)).problems
    assert problem.message.startswith("the file is too large: more than 50000 values")


def test_a_large_file_is_accepted() -> None:
    """Check two hundred large profiles."""
    options = {"image": {"choices": {f"c{n}": {"kubespawner_override": {"image": "x"}} for n in range(10)}}}
    entries = [{"slug": f"p{n}", "groups": ["a", "b"], "profile_options": options} for n in range(200)]
    checked = check(yaml.safe_dump({"profiles": entries}))
    assert checked.profiles is not None
    assert len(checked.profiles.all) == 200


def test_the_schema_and_the_model_have_the_same_keys() -> None:
    # In a file, `any_user_options` is `user_options: any`.
    # The last four are of the application hub's format alone.
    # `allowed_groups` is `groups`, `access` decides about both, and unknown keys are in `form_keys`.
    aliases = {"allowed_groups", "access"}
    own = {"any_user_options", "form_keys"} | {"kubespawner_additions", "objects", "has_templates", "kubernetes_paths"}
    assert {*schema.PROFILE} - aliases == {*Profile.__struct_fields__} - own
    assert {"key", *schema.OPTION} == {*Option.__struct_fields__} - {"form_keys"}
    assert {"key", *schema.CHOICE} - aliases == {*Choice.__struct_fields__} - {"form_keys"}
    assert {*schema.UNLISTED_CHOICE, "form_keys"} - aliases == {"enabled", *UnlistedChoice.__struct_fields__}


def test_a_warning_has_a_prefix() -> None:
    assert str(Problem(1, "no")) == "no"
    assert str(Problem(1, "odd", warning=True)) == "warning: odd"


OWN_KEYS = [*schema.PROFILE, *schema.OPTION, *schema.CHOICE, *schema.UNLISTED_CHOICE]
APPLICATION_HUB_KEYS = ["definition", "id", "pod_env_vars", "default_url"]
keys = st.sampled_from([*OWN_KEYS, *APPLICATION_HUB_KEYS, "profiles", "environment", "x", "profile", "<<"])
values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.dates() | st.binary(max_size=3),
    lambda below: st.lists(below, max_size=3) | st.dictionaries(keys | st.text() | st.integers(), below, max_size=4),
    max_leaves=12,
)


def _check_invariants(text: str) -> None:
    """Check that a text is loaded, or refused with one line an error, and that the policy can rely on the profiles."""
    checked = check(text)
    assert all(len(str(problem).splitlines()) == 1 for problem in checked.problems)
    if checked.profiles is None:
        assert checked.errors
        with pytest.raises(InvalidInput):
            parse(text)
        return
    profiles = checked.profiles
    slugs = [profile.slug for profile in profiles.all]
    assert slugs
    assert len(set(slugs)) == len(slugs)
    assert all(option.default or option.unlisted_choice for each in profiles.all for option in each.profile_options)


@settings(max_examples=300, deadline=None)
@given(st.dictionaries(keys, values, max_size=6))
def test_any_profile_is_read_or_refused(entry: dict[str, Any]) -> None:
    _check_invariants(yaml.safe_dump({"profiles": [entry]}))
    _check_invariants(yaml.safe_dump({"profiles": [{"slug": "a", **entry}, {"definition": entry}]}))


@settings(max_examples=300, deadline=None)
@given(st.text(st.sampled_from("profiles: slug\n-[]{}&*!<>%@#'\"\\|?0.~\t\ud800é\x00"), max_size=40) | st.text())
def test_any_text_is_read_or_refused(text: str) -> None:
    _check_invariants(text)
    _check_invariants(f"profiles:\n- slug: a\n  description: {text}")
