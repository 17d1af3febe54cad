"""What a start gets, by whose server it is and what it asks for."""

from __future__ import annotations

import time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jhub.extension.access import Owner, visible
from jhub.extension.overrides import filled, merged_deeply, merged_settings, updated
from jhub.extension.policy import judge
from jhub.extension.verdict import Refusal, Verdict
from jhub.profiles.loader import parse
from jhub.profiles.model import Choice, Option, Profile, Profiles, UnlistedChoice

FILE = parse("""
profiles:
  - slug: open
  - slug: lean
    default: true
    user_options: [cpus]
  - slug: geo
    groups: [geo, staff]
  - slug: anas
    users: [ana]
  - slug: both
    groups: [geo]
    users: [ana]
  - slug: no-group
    groups: []
  - slug: no-user
    users: []
  - slug: no-group-but-ana
    groups: []
    users: [ana]
""")

ANA = Owner(name="ana")
BO = Owner(name="bo", groups=frozenset({"geo"}))
CY = Owner(name="cy", groups=frozenset({"staff", "others"}))
DI = Owner(name="di")

# Who may start what; `x` is yes. Without a gate: everybody. An empty list lets nobody in.
MATRIX = """
                  ana bo cy di
open              x   x  x  x
lean              x   x  x  x
geo               .   x  x  .
anas              x   .  .  .
both              x   x  .  .
no-group          .   .  .  .
no-user           .   .  .  .
no-group-but-ana  x   .  .  .
"""
OWNERS = {owner.name: owner for owner in (ANA, BO, CY, DI)}
HEAD, *ROWS = [line.split() for line in MATRIX.splitlines() if line]
GATE = [(slug, name, mark == "x") for slug, *marks in ROWS for name, mark in zip(HEAD, marks, strict=True)]


@pytest.mark.parametrize(("slug", "name", "admitted"), GATE)
def test_the_gate(slug: str, name: str, admitted: bool) -> None:
    owner = OWNERS[name]
    verdict = judge(FILE, owner, {"profile": slug})
    assert (slug in [profile.slug for profile in visible(FILE, owner)]) == admitted
    if admitted:
        assert isinstance(verdict, Verdict)
        assert verdict.profile.slug == slug
    else:
        assert isinstance(verdict, Refusal)
        assert verdict.status == 403
        known = verdict.message.partition("known profiles: ")[2].split(", ")
        assert known == [profile.slug for profile in visible(FILE, owner)]


def test_the_matrix_names_every_profile() -> None:
    assert [slug for slug, *_ in ROWS] == [profile.slug for profile in FILE.all]


def test_a_profile_of_others_is_told_by_its_name_alone() -> None:
    assert judge(FILE, DI, {"profile": "geo"}) == Refusal(
        status=403, message="the profile 'geo' is not for the owner of this server; known profiles: open, lean"
    )
    # What would be asked of it is not looked at.
    assert judge(FILE, DI, {"profile": "geo", "x": 1}) == judge(FILE, DI, {"profile": "geo"})


def test_groups_are_told_apart_letter_by_letter() -> None:
    for group in ("Geo", "geo ", "ge", "", "geo,staff"):
        assert isinstance(judge(FILE, Owner(name="di", groups=frozenset({group})), {"profile": "geo"}), Refusal)
    assert isinstance(judge(FILE, Owner(name="ANA"), {"profile": "anas"}), Refusal)


@pytest.mark.parametrize(
    ("options", "slug"),
    [
        (None, "lean"),
        ({}, "lean"),
        ({"profile": None}, "lean"),
        ({"profile": ""}, "lean"),
        ({"profile": [""]}, "lean"),
        ({"_xsrf": ["x"]}, "lean"),
        ({"cpus": 4}, "lean"),
        ({"profile": "open"}, "open"),
        ({"profile": ["open"]}, "open"),
    ],
)
def test_which_profile(options: dict[str, Any] | None, slug: str) -> None:
    assert started(FILE, options).profile.slug == slug


def test_without_a_default_that_is_theirs_the_first_that_is() -> None:
    file = parse("profiles: [{slug: a, groups: [x]}, {slug: b}, {slug: c}, {slug: d, groups: [geo], default: true}]")
    assert started(file, {}).profile.slug == "b"
    assert started(file, {}, BO).profile.slug == "d"


@pytest.mark.parametrize("options", [None, {}, {"profile": "a"}, {"profile": "unheard of"}, {"x": 1}])
def test_no_profile_is_a_refusal(options: dict[str, Any] | None) -> None:
    refusal = Refusal(status=403, message="no profile is available")
    assert judge(Profiles(()), ANA, options) == refusal
    assert judge(parse("profiles: [{slug: a, groups: []}]"), ANA, options) == refusal


@pytest.mark.parametrize(
    ("profile", "message"),
    [
        ("gpu", "unknown profile 'gpu'; known profiles: open, lean"),
        ("Lean", "unknown profile 'Lean'; "),
        ("x" * 1000, f"unknown profile '{'x' * 60}…'; "),
        ("a\nb", "unknown profile 'a\\nb'; "),
        (3, "the option 'profile' must be text; known profiles: open, lean"),
        ({}, "the option 'profile' must be text; "),
        ([], "the option 'profile' must be text; "),
        (["lean", "open"], "the option 'profile' must be text; "),
        (False, "the option 'profile' must be text; "),
    ],
)
def test_an_unknown_profile(profile: object, message: str) -> None:
    assert refused(FILE, {"profile": profile}).startswith(message)


def test_long_lists_are_cut() -> None:
    many = Profiles(tuple(Profile(slug=f"p{n}", display_name="") for n in range(200)))
    assert refused(many, {"profile": "x"}).endswith("p18, p19, and 180 more")


# ---------------------------------------------------------------- options

OPTIONS = parse("""
profiles:
  - slug: lab
    user_options: [cpus]
    spawner_override: {args: [--lab], mem_limit: 1G, environment: {A: lab, B: lab}}
    kubespawner_override: {image: "base:1", extra_labels: {who: lab, more: lab}, node_selector: {disk: ssd}}
    profile_options:
      image:
        choices:
          base: {}
          scipy:
            default: true
            spawner_override: {args: [--scipy], environment: {B: scipy, C: scipy}}
            kubespawner_override: {image: "scipy:1", extra_labels: {more: scipy}, node_selector: {disk: null}}
        unlisted_choice:
          enabled: true
          validation_regex: quay.io/.+:\\d+
          validation_message: an image of quay.io, with a number
          spawner_override: {environment: {IMAGE: "of {value}"}}
          kubespawner_override:
            image: "{value}"
            extra_labels: {"l-{value}": "{value}{username}"}
            command: ["{value}"]
      size:
        choices:
          small: {}
          large: {spawner_override: {mem_limit: 9G}, kubespawner_override: {extra_labels: {size: large}}}
  - slug: other
    profile_options:
      image: {choices: {one: {}}}
      tag: {unlisted_choice: {enabled: true}}
  - slug: gated
    groups: [geo]
    profile_options:
      secret: {choices: {one: {}}}
""")

UNLISTED_SUFFIX = {"image--unlisted-choice": "quay.io/x:1"}


@pytest.mark.parametrize(
    ("options", "choices"),
    [
        ({}, {"image": "scipy", "size": "small"}),
        ({"image": "base"}, {"image": "base", "size": "small"}),
        ({"image": ["base"], "size": ["large"]}, {"image": "base", "size": "large"}),
        ({"image": None, "size": "", "image--unlisted-choice": ""}, {"image": "scipy", "size": "small"}),
        (UNLISTED_SUFFIX, {**UNLISTED_SUFFIX, "size": "small"}),
        ({"image": "base", **UNLISTED_SUFFIX}, {**UNLISTED_SUFFIX, "size": "small"}),
        # KubeSpawner's form, its older one, and what it sends for the other profiles
        ({"profile-option-lab--image": ["base"]}, {"image": "base", "size": "small"}),
        ({"profile-option-lab-image": ["base"]}, {"image": "base", "size": "small"}),
        ({"profile-option-lab--image": ["base"], "image": "base"}, {"image": "base", "size": "small"}),
        ({"profile-option-lab--image--unlisted-choice": ["quay.io/x:1"]}, {**UNLISTED_SUFFIX, "size": "small"}),
        ({"image": "unlisted-choice", **UNLISTED_SUFFIX}, {**UNLISTED_SUFFIX, "size": "small"}),
        ({"profile-option-other--image": ["one"], "cpus": 3}, {"image": "scipy", "size": "small"}),
    ],
)
def test_choices(options: dict[str, Any], choices: dict[str, str]) -> None:
    through = {"cpus": options["cpus"]} if "cpus" in options else {}
    expected = {"profile": "lab", **choices, **through}
    assert started(OPTIONS, {"profile": "lab", **options}).user_options == expected
    # It is the first profile, and so the one of starts that name none.
    assert started(OPTIONS, options).user_options == expected


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"imagr": "base"},
            "unknown option 'imagr' of the profile lab; known options: image, size, image--unlisted-choice, cpus",
        ),
        (
            {"size--unlisted-choice": "x"},
            "the option size of the profile lab takes no other text; known choices: small, ",
        ),
        ({"tag": "x"}, "unknown option 'tag' of the profile lab; "),
        (
            {"profile-option-gated--secret": ["one"]},
            "unknown option 'profile-option-gated--secret' of the profile lab; ",
        ),
        ({"profile-option-lab--x": ["one"]}, "unknown option 'profile-option-lab--x' of the profile lab; "),
        ({"profile": "other", "cpus": 1}, "unknown option 'cpus' of the profile other; known options: image, "),
        (
            {"image": "basic"},
            "unknown choice 'basic' of the option image of the profile lab; known choices: base, scipy; "
            "text of your own goes into image--unlisted-choice",
        ),
        ({"image": "x" * 100}, f"unknown choice '{'x' * 60}…' of the option image of the profile lab; "),
        ({"image": "basic", **UNLISTED_SUFFIX}, "unknown choice 'basic' of the option image"),
        ({"size": "unlisted-choice"}, "unknown choice 'unlisted-choice' of the option size of the profile lab; "),
        ({"image": "unlisted-choice"}, "the option image of the profile lab needs a value; known choices: base, "),
        ({"image": 3}, "the option 'image' must be text"),
        ({"image": True}, "the option 'image' must be text"),
        ({"image": []}, "the option 'image' must be text"),
        ({"image": ["base", "scipy"]}, "the option 'image' must be text"),
        ({"image": {"a": "b"}}, "the option 'image' must be text"),
        (
            {"image": "base", "profile-option-lab--image": ["scipy"]},
            "the option 'image' is given twice, with different values",
        ),
        (
            {"image--unlisted-choice": "docker.io/x:1"},
            "'docker.io/x:1' does not do for the option image of the profile lab: an image of quay.io, with a number",
        ),
        # KubeSpawner would be content with the beginning.
        ({"image--unlisted-choice": "quay.io/x:1; rm"}, "'quay.io/x:1; rm' does not do for the option image"),
        (
            {"image--unlisted-choice": "quay.io/\n:1"},
            "the text for the option image of the profile lab has braces or con",
        ),
        ({"image--unlisted-choice": "quay.io/{user}:1"}, "the text for the option image of the profile lab has braces"),
        ({"image--unlisted-choice": "x" * 501}, "the text for the option image of the profile lab is longer than 500 "),
        ({"profile": "other"}, "the option tag of the profile other needs a value; text of your own goes into tag--un"),
    ],
)
def test_what_is_asked_wrongly(options: dict[str, Any], message: str) -> None:
    assert refused(OPTIONS, {"profile": "lab", **options}).startswith(message)


def test_a_profile_without_options_says_so() -> None:
    message = "unknown option 'x' of the profile a; it has no options"
    assert refused(parse("profiles: [{slug: a}]"), {"x": ""}) == message


def test_without_a_message_the_expression_is_told() -> None:
    file = parse(
        "profiles: [{slug: a, profile_options: {t: {unlisted_choice: {enabled: true, validation_regex: x+}}}}]"
    )
    said = refused(file, {"t--unlisted-choice": "y"})
    assert said == "'y' does not do for the option t of the profile a: it must match x+"


def test_overrides_are_merged_in_order() -> None:
    verdict = started(OPTIONS, {"profile": "lab", "size": "large"})
    assert verdict.spawner_override == {
        "args": ["--scipy"],
        "mem_limit": "9G",
        "environment": {"A": "lab", "B": "scipy", "C": "scipy"},
    }
    assert verdict.kubespawner_override == {
        "image": "scipy:1",
        "extra_labels": {"who": "lab", "more": "scipy", "size": "large"},
        "node_selector": {"disk": None},
    }


def test_the_text_is_put_where_value_stands() -> None:
    verdict = started(OPTIONS, UNLISTED_SUFFIX)
    assert verdict.spawner_override["environment"] == {"A": "lab", "B": "lab", "IMAGE": "of quay.io/x:1"}
    assert verdict.kubespawner_override == {
        "image": "quay.io/x:1",
        "extra_labels": {"who": "lab", "more": "lab", "l-quay.io/x:1": "quay.io/x:1{username}"},
        "command": ["quay.io/x:1"],
        "node_selector": {"disk": "ssd"},
    }
    # And the next start begins anew.
    assert started(OPTIONS, {"image--unlisted-choice": "quay.io/y:2"}).kubespawner_override["image"] == "quay.io/y:2"


def test_merging() -> None:
    assert merged_settings([]) == {}
    assert merged_settings([{"environment": None}, {"environment": {"A": "1"}}, {"x": 1}]) == {
        "environment": {"A": "1"},
        "x": 1,
    }
    assert merged_deeply([{"a": {"b": {"c": 1}}}, {"a": {"b": {"d": [2]}}}, {"a": {"e": None}}]) == {
        "a": {"b": {"c": 1, "d": [2]}, "e": None}
    }
    assert merged_deeply([{"a": 1}, {"a": {"b": 1}}, {"a": 2}]) == {"a": 2}
    present = {"a": 1, "b": {"c": 1, "d": 2}, "e": 1}
    assert updated(present, {"a": None, "b": {"c": None, "x": {"y": None, "z": 1}}, "e": {"f": 1}, "g": None}) == {
        "b": {"d": 2, "x": {"z": 1}},
        "e": {"f": 1},
    }
    assert present == {"a": 1, "b": {"c": 1, "d": 2}, "e": 1}
    assert filled({"{value}": [1, None, "{value}-{other}"]}, "v") == {"v": [1, None, "v-{other}"]}


# ---------------------------------------------------------------- whatever is sent

OPEN_TO_BO = {"lab", "other", "gated"}
names = st.sampled_from(
    [
        "profile",
        "image",
        "size",
        "tag",
        "secret",
        "cpus",
        "_xsrf",
        "image--unlisted-choice",
        "profile-option-lab--image",
    ]
)
sent = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text() | st.sampled_from(["lab", "other", "gated", "base", "one"]),
    lambda below: st.lists(below, max_size=2) | st.dictionaries(st.text(), below, max_size=2),
    max_leaves=4,
)


@settings(max_examples=300, deadline=None)
@given(st.dictionaries(names | st.text(), sent, max_size=5))
def test_anything_that_is_sent_is_judged(options: dict[str, Any]) -> None:
    for owner in (DI, BO):
        verdict = judge(OPTIONS, owner, options)
        if isinstance(verdict, Verdict):
            assert verdict.profile.slug in (OPEN_TO_BO if owner is BO else OPEN_TO_BO - {"gated"})
        else:
            assert verdict.status in (400, 403)
            assert "secret" not in verdict.message or owner is BO or "secret" in str(options)


def started(profiles: Profiles, options: dict[str, Any] | None, owner: Owner = DI) -> Verdict:
    verdict = judge(profiles, owner, options)
    assert isinstance(verdict, Verdict), verdict
    return verdict


def refused(profiles: Profiles, options: dict[str, Any]) -> str:
    """The message of a refusal for what makes no sense."""
    verdict = judge(profiles, DI, options)
    assert isinstance(verdict, Refusal), verdict
    assert verdict.status == 400
    return verdict.message


def test_names_of_other_profiles_forms_are_known_by_the_hundred() -> None:
    """KubeSpawner's form sends what is set for all profiles."""
    options = tuple(Option(key=f"o{n}", display_name="", choices=(Choice(key="a", display_name=""),)) for n in range(5))
    many = Profiles(
        all=tuple(Profile(slug=f"p{number}", display_name="", profile_options=options) for number in range(200))
    )
    form = {f"profile-option-p{number}--o{n}": ["a"] for number in range(200) for n in range(5)}
    began = time.process_time()
    verdict = judge(many, Owner(name="ana"), {"profile": ["p7"], **form})
    assert isinstance(verdict, Verdict)
    assert time.process_time() - began < 0.5, "seconds, where each name is looked for on its own"


def test_an_expression_that_takes_for_ever_does_not() -> None:
    slow = UnlistedChoice(validation_regex=r"^([a-z0-9]+[._/-]?)+:[\w.-]+$")
    file = Profiles(
        all=(
            Profile(
                slug="lab",
                display_name="",
                profile_options=(Option(key="image", display_name="", unlisted_choice=slow),),
            ),
        )
    )
    began = time.process_time()
    refusal = judge(file, Owner(name="ana"), {"image--unlisted-choice": "a" * 60})
    assert isinstance(refusal, Refusal)
    assert refusal.status == 400
    assert time.process_time() - began < 2
    assert isinstance(judge(file, Owner(name="ana"), {"image--unlisted-choice": "quay.io/a/b:1"}), Verdict)
