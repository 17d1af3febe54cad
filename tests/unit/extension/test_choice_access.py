"""Access rules of choices and texts: what an owner may not choose is not listed, and not accepted."""

from __future__ import annotations

import itertools
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jhub import models
from jhub.extension.policy import decide
from jhub.extension.profile_access import (
    Owner,
    available_profiles,
    case_differences,
    is_admitted,
)
from jhub.extension.profiles_api import encode_profiles
from jhub.extension.startup import normalize_names
from jhub.extension.verdict import Decision, Refusal
from jhub.profiles.group_names import groups_of
from jhub.profiles.loader import parse
from jhub.profiles.model import Choice, Profiles

FILE = parse("""
profiles:
- slug: graphics
  profile_options:
    size:
      choices:
        huge: {default: true, groups: [staff], spawner_override: {mem_limit: 64G}}
        small: {spawner_override: {mem_limit: 4G}}
        own: {users: [zoe], spawner_override: {mem_limit: 8G}}
        closed: {groups: []}
    image:
      choices: {base: {}}
      unlisted_choice: {enabled: true, allowed_groups: [staff], spawner_override: {cmd: ["{value}"]}}
- slug: staff-only
  profile_options:
    size:
      choices: {one: {groups: [staff]}, two: {users: [zoe]}}
- slug: text-or-nothing
  profile_options:
    image:
      choices: {base: {groups: [staff]}}
      unlisted_choice: {enabled: true}
""")

ANA, STAFF, ZOE = Owner(name="ana"), Owner(name="bo", groups=frozenset({"staff"})), Owner(name="zoe")


def choices(owner: Owner) -> dict[str, list[str]]:
    """Return what an owner may choose, by profile and option; a text is `*`, and the default has a plus sign."""
    return {
        f"{profile.slug}/{option.key}": [
            *(choice.key + "+" * choice.default for choice in option.choices),
            *["*"] * (option.unlisted_choice is not None),
        ]
        for profile in available_profiles(FILE, owner)
        for option in profile.profile_options
    }


def test_an_owner_gets_the_choices_that_admit_them() -> None:
    assert choices(ANA) == {
        "graphics/size": ["small+"],
        "graphics/image": ["base+"],
        "text-or-nothing/image": ["*"],
    }
    assert choices(STAFF) == {
        "graphics/size": ["huge+", "small"],
        "graphics/image": ["base+", "*"],
        "staff-only/size": ["one+"],
        "text-or-nothing/image": ["base+", "*"],
    }
    assert choices(ZOE) == {
        "graphics/size": ["small+", "own"],
        "graphics/image": ["base+"],
        "staff-only/size": ["two+"],
        "text-or-nothing/image": ["*"],
    }


def test_a_default_that_is_not_for_the_owner_gives_way() -> None:
    for owner, memory in ((ANA, "4G"), (STAFF, "64G"), (ZOE, "4G")):
        decision = decide(FILE, owner, {"profile": "graphics"})
        assert isinstance(decision, Decision)
        assert decision.spawner_override["mem_limit"] == memory


REFUSED = [
    ({"profile": "graphics", "size": "huge"}, 403, "ana may not use choice 'huge' for option size of profile graphics"),
    ({"profile": "graphics", "size": "closed"}, 403, "ana may not use choice 'closed' for option size"),
    ({"profile": "graphics", "image--unlisted-choice": "sh"}, 403, "ana may not use a text for option image"),
    (
        {"profile": "graphics", "image": models.UNLISTED_SELECTED_VALUE, "image--unlisted-choice": "sh"},
        403,
        "ana may not use a text for option image",
    ),
    ({"profile": "graphics", "size": "none"}, 400, "unknown choice 'none' for option size"),
    ({"profile": "staff-only"}, 403, "ana may not use profile 'staff-only'"),
    ({"profile": "staff-only", "size": "one"}, 403, "ana may not use profile 'staff-only'"),
    ({"profile": "text-or-nothing", "image": "base"}, 403, "ana may not use choice 'base' for option image"),
    ({"profile": ["graphics"], "profile-option-graphics--size": ["huge"]}, 403, "ana may not use choice 'huge'"),
    ({"profile": ["graphics"], "profile-option-graphics-size": ["huge"]}, 403, "ana may not use choice 'huge'"),
    ({"size": "huge"}, 403, "ana may not use choice 'huge'"),
]


@pytest.mark.parametrize(("options", "status", "message"), REFUSED)
def test_a_choice_that_is_not_for_the_owner_is_refused(options: dict[str, Any], status: int, message: str) -> None:
    refusal = decide(FILE, ANA, options)
    assert isinstance(refusal, Refusal)
    assert refusal.status == status
    assert refusal.message.startswith(message)
    assert "staff" not in refusal.message.replace("staff-only", "")


def test_a_refusal_lists_only_what_the_owner_may_choose() -> None:
    refusal = decide(FILE, ANA, {"profile": "graphics", "size": "huge"})
    assert isinstance(refusal, Refusal)
    assert refusal.message.endswith("; available: small")


def test_the_listing_has_only_what_the_owner_may_choose() -> None:
    for owner in (ANA, STAFF, ZOE):
        listed = msgspec.json.encode(encode_profiles(FILE, owner))
        found = msgspec.json.decode(listed, type=list[models.Profile])
        assert {
            f"{profile.slug}/{option.key}": [
                *(choice.key + "+" * choice.default for choice in option.choices),
                *["*"] * (option.unlisted_choice is not None),
            ]
            for profile in found
            for option in profile.profile_options
        } == choices(owner)
        assert b"groups" not in listed
        assert b"zoe" not in listed


def test_groups_may_match_whatever_their_case() -> None:
    folded = normalize_names(parse("profiles: [{slug: a, groups: [Org:Hub]}, {slug: b}]"), str, casefold_groups=True)
    owner = Owner(name="ana", groups=frozenset({"org:hUB"}))
    assert [profile.slug for profile in available_profiles(folded, owner)] == ["a", "b"]
    exact = parse("profiles: [{slug: a, groups: [Org:Hub]}, {slug: b}]")
    assert [profile.slug for profile in available_profiles(exact, owner)] == ["b"]
    assert case_differences(exact, owner.groups) == [("org:hUB", "Org:Hub")]
    assert case_differences(folded, owner.groups) == []
    assert case_differences(exact, frozenset({"Org:Hub", "other"})) == []


def test_groups_of_choices_count_as_groups_of_the_file() -> None:
    assert groups_of(FILE) == {"staff"}


KEYS = ["a", "b", "c"]
rules = st.fixed_dictionaries(
    {},
    optional={"groups": st.lists(st.sampled_from(["g", "h"]), max_size=2), "users": st.sampled_from([[], ["ana"]])},
)
options = st.dictionaries(
    st.sampled_from(["x", "y"]),
    st.fixed_dictionaries(
        {"choices": st.dictionaries(st.sampled_from(KEYS), rules, min_size=1)},
        optional={"unlisted_choice": rules.map(lambda rule: {"enabled": True, **rule})},
    ),
    min_size=1,
)


@given(st.lists(st.tuples(rules, options), min_size=1, max_size=3), st.sets(st.sampled_from(["g", "h"])))
def test_no_start_gets_what_is_not_for_its_owner(entries: list[tuple[Any, Any]], groups: set[str]) -> None:
    listed = [
        {"slug": f"p{number}", "profile_options": option, **rule} for number, (rule, option) in enumerate(entries)
    ]
    file: Profiles = parse(msgspec.json.encode({"profiles": listed}).decode())
    owner = Owner(name="ana", groups=frozenset(groups))
    for profile in file.all:
        values = [
            [None, *((option.key, key) for key in KEYS), (option.unlisted_key, "text")]
            for option in profile.profile_options
        ]
        for chosen in itertools.product(*values):
            decision = decide(file, owner, {"profile": profile.slug, **dict(filter(None, chosen))})
            if isinstance(decision, Refusal):
                continue
            assert is_admitted(profile, owner)
            for option in profile.profile_options:
                made: Choice | None = next(
                    (choice for choice in option.choices if decision.user_options.get(option.key) == choice.key), None
                )
                layer = made or option.unlisted_choice
                assert layer is not None
                assert is_admitted(layer, owner)


DEFAULTS = """
profiles:
- {slug: full, groups: [staff], default: true}
- slug: base
  default: true
  profile_options:
    size:
      choices:
        huge: {default: true, groups: [staff]}
        small: {}
        large: {default: true}
    image:
      choices: {r: {}, python: {default: true}, julia: {default: true}}
"""


def test_of_several_defaults_the_first_that_the_owner_may_have_is_used() -> None:
    profiles = parse(DEFAULTS)
    assert [str(problem) for problem in profiles.warnings] == [
        "warning: several profiles are the default: full and base; the first that a user may start is used",
        "warning: profile base: option size: several choices are the default: huge and large; the first that a user "
        "may make is used",
        "warning: profile base: option image: several choices are the default: python and julia; the first that a user "
        "may make is used",
    ]
    for owner, profile, size in ((ANA, "base", "large"), (STAFF, "full", "huge")):
        listed = [msgspec.json.decode(entry, type=models.Profile) for entry in encode_profiles(profiles, owner)]
        assert [entry.slug for entry in listed if entry.default] == [profile]
        defaults = [
            [choice.key for choice in option.choices if choice.default] for option in listed[-1].profile_options
        ]
        assert defaults == [[size], ["python"]]
        decision = decide(profiles, owner, {"profile": "base"})
        assert isinstance(decision, Decision)
        assert decision.user_options == {"profile": "base", "size": size, "image": "python"}
