"""The policy's decision about a start, by its owner and its options."""

from __future__ import annotations

import time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jhub.extension.overrides import fill_template, merge_deep, merge_into, merge_settings
from jhub.extension.policy import decide
from jhub.extension.profile_access import Owner, available_profiles
from jhub.extension.verdict import Decision, Refusal
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

# Access of each owner to each profile; `x` is yes. Without groups and users: everybody. An empty list: nobody.
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
ACCESS = [(slug, name, mark == "x") for slug, *marks in ROWS for name, mark in zip(HEAD, marks, strict=True)]


@pytest.mark.parametrize(("slug", "name", "admitted"), ACCESS)
def test_groups_and_users_restrict_a_profile(slug: str, name: str, admitted: bool) -> None:
    owner = OWNERS[name]
    decision = decide(FILE, owner, {"profile": slug})
    assert (slug in [profile.slug for profile in available_profiles(FILE, owner)]) == admitted
    if admitted:
        assert isinstance(decision, Decision)
        assert decision.profile.slug == slug
    else:
        assert isinstance(decision, Refusal)
        assert decision.status == 403
        known = decision.message.partition("available: ")[2].split(", ")
        assert known == [profile.slug for profile in available_profiles(FILE, owner)]


def test_the_access_table_names_every_profile() -> None:
    assert [slug for slug, *_ in ROWS] == [profile.slug for profile in FILE.all]


def test_a_refused_profile_reveals_only_its_name() -> None:
    assert decide(FILE, DI, {"profile": "geo"}) == Refusal(
        status=403, message="di may not use profile 'geo'; available: open, lean"
    )
    # Its options are not checked.
    assert decide(FILE, DI, {"profile": "geo", "x": 1}) == decide(FILE, DI, {"profile": "geo"})


def test_names_of_groups_and_users_are_case_sensitive() -> None:
    for group in ("Geo", "geo ", "ge", "", "geo,staff"):
        assert isinstance(decide(FILE, Owner(name="di", groups=frozenset({group})), {"profile": "geo"}), Refusal)
    assert isinstance(decide(FILE, Owner(name="ANA"), {"profile": "anas"}), Refusal)


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
def test_the_options_select_the_profile(options: dict[str, Any] | None, slug: str) -> None:
    assert started(FILE, options).profile.slug == slug


def test_without_an_available_default_the_first_profile_is_used() -> None:
    file = parse("profiles: [{slug: a, groups: [x]}, {slug: b}, {slug: c}, {slug: d, groups: [geo], default: true}]")
    assert started(file, {}).profile.slug == "b"
    assert started(file, {}, BO).profile.slug == "d"


@pytest.mark.parametrize("options", [None, {}, {"profile": "a"}, {"profile": "unheard of"}, {"x": 1}])
def test_an_owner_without_profiles_is_refused(options: dict[str, Any] | None) -> None:
    refusal = Refusal(status=403, message="no profile is available")
    assert decide(Profiles(()), ANA, options) == refusal
    assert decide(parse("profiles: [{slug: a, groups: []}]"), ANA, options) == refusal


@pytest.mark.parametrize(
    ("profile", "message"),
    [
        ("gpu", "unknown profile 'gpu'; available: open, lean"),
        ("Lean", "unknown profile 'Lean'; "),
        ("x" * 1000, f"unknown profile '{'x' * 60}…'; "),
        ("a\nb", "unknown profile 'a\\nb'; "),
        (3, "the option 'profile' must be text; available: open, lean"),
        ({}, "the option 'profile' must be text; "),
        ([], "the option 'profile' must be text; "),
        (["lean", "open"], "the option 'profile' must be text; "),
        (False, "the option 'profile' must be text; "),
    ],
)
def test_an_unknown_profile_is_refused(profile: object, message: str) -> None:
    assert refused(FILE, {"profile": profile}).startswith(message)


def test_long_lists_are_truncated() -> None:
    many = Profiles(tuple(Profile(slug=f"p{n}", display_name="") for n in range(200)))
    assert refused(many, {"profile": "x"}).endswith("p18, p19, and 180 more")


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
        # names in KubeSpawner's form, its older ones, and fields of the other profiles
        ({"profile-option-lab--image": ["base"]}, {"image": "base", "size": "small"}),
        ({"profile-option-lab-image": ["base"]}, {"image": "base", "size": "small"}),
        ({"profile-option-lab--image": ["base"], "image": "base"}, {"image": "base", "size": "small"}),
        ({"profile-option-lab--image--unlisted-choice": ["quay.io/x:1"]}, {**UNLISTED_SUFFIX, "size": "small"}),
        ({"image": "unlisted-choice", **UNLISTED_SUFFIX}, {**UNLISTED_SUFFIX, "size": "small"}),
        ({"profile-option-other--image": ["one"], "cpus": 3}, {"image": "scipy", "size": "small"}),
    ],
)
def test_options_select_choices(options: dict[str, Any], choices: dict[str, str]) -> None:
    through = {"cpus": options["cpus"]} if "cpus" in options else {}
    expected = {"profile": "lab", **choices, **through}
    assert started(OPTIONS, {"profile": "lab", **options}).user_options == expected
    # It is the first profile, and so the default of starts that name none.
    assert started(OPTIONS, options).user_options == expected


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"imagr": "base"},
            "unknown option 'imagr' for profile lab; available: image, size, image--unlisted-choice, cpus",
        ),
        (
            {"size--unlisted-choice": "x"},
            "option size of profile lab accepts no other text; available: small, ",
        ),
        ({"tag": "x"}, "unknown option 'tag' for profile lab; "),
        (
            {"profile-option-gated--secret": ["one"]},
            "unknown option 'profile-option-gated--secret' for profile lab; ",
        ),
        ({"profile-option-lab--x": ["one"]}, "unknown option 'profile-option-lab--x' for profile lab; "),
        ({"profile": "other", "cpus": 1}, "unknown option 'cpus' for profile other; available: image, "),
        (
            {"image": "basic"},
            "unknown choice 'basic' for option image of profile lab; available: base, scipy; "
            "your own text goes into image--unlisted-choice",
        ),
        ({"image": "x" * 100}, f"unknown choice '{'x' * 60}…' for option image of profile lab; "),
        ({"image": "basic", **UNLISTED_SUFFIX}, "unknown choice 'basic' for option image"),
        ({"size": "unlisted-choice"}, "unknown choice 'unlisted-choice' for option size of profile lab; "),
        ({"image": "unlisted-choice"}, "option image of profile lab needs a value; available: base, "),
        ({"image": 3}, "the option 'image' must be text"),
        ({"image": True}, "the option 'image' must be text"),
        ({"image": []}, "the option 'image' must be text"),
        ({"image": ["base", "scipy"]}, "the option 'image' must be text"),
        ({"image": {"a": "b"}}, "the option 'image' must be text"),
        (
            {"image": "base", "profile-option-lab--image": ["scipy"]},
            "the option 'image' is set twice, to different values",
        ),
        (
            {"image--unlisted-choice": "docker.io/x:1"},
            "invalid text 'docker.io/x:1' for option image of profile lab: an image of quay.io, with a number",
        ),
        # KubeSpawner would accept a match at the beginning.
        ({"image--unlisted-choice": "quay.io/x:1; rm"}, "invalid text 'quay.io/x:1; rm' for option image"),
        (
            {"image--unlisted-choice": "quay.io/\n:1"},
            "the text for option image of profile lab contains braces or con",
        ),
        ({"image--unlisted-choice": "quay.io/{user}:1"}, "the text for option image of profile lab contains braces"),
        ({"image--unlisted-choice": "x" * 501}, "the text for option image of profile lab is longer than 500 "),
        ({"profile": "other"}, "option tag of profile other needs a value; your own text goes into tag--un"),
    ],
)
def test_invalid_options_are_refused(options: dict[str, Any], message: str) -> None:
    assert refused(OPTIONS, {"profile": "lab", **options}).startswith(message)


def test_an_option_of_a_profile_without_options_is_refused() -> None:
    message = "unknown option 'x' for profile a; it has no options"
    assert refused(parse("profiles: [{slug: a}]"), {"x": ""}) == message


def test_without_a_validation_message_the_refusal_has_the_expression() -> None:
    file = parse(
        "profiles: [{slug: a, profile_options: {t: {unlisted_choice: {enabled: true, validation_regex: x+}}}}]"
    )
    message = refused(file, {"t--unlisted-choice": "y"})
    assert message == "invalid text 'y' for option t of profile a: it must match x+"


def test_overrides_are_merged_in_order() -> None:
    decision = started(OPTIONS, {"profile": "lab", "size": "large"})
    assert decision.spawner_override == {
        "args": ["--scipy"],
        "mem_limit": "9G",
        "environment": {"A": "lab", "B": "scipy", "C": "scipy"},
    }
    assert decision.kubespawner_override == {
        "image": "scipy:1",
        "extra_labels": {"who": "lab", "more": "scipy", "size": "large"},
        "node_selector": {"disk": None},
    }


def test_the_text_replaces_value_in_overrides() -> None:
    decision = started(OPTIONS, UNLISTED_SUFFIX)
    assert decision.spawner_override["environment"] == {"A": "lab", "B": "lab", "IMAGE": "of quay.io/x:1"}
    assert decision.kubespawner_override == {
        "image": "quay.io/x:1",
        "extra_labels": {"who": "lab", "more": "lab", "l-quay.io/x:1": "quay.io/x:1{username}"},
        "command": ["quay.io/x:1"],
        "node_selector": {"disk": "ssd"},
    }
    # The next start is independent of this one.
    assert started(OPTIONS, {"image--unlisted-choice": "quay.io/y:2"}).kubespawner_override["image"] == "quay.io/y:2"


def test_layers_are_merged() -> None:
    assert merge_settings([]) == {}
    assert merge_settings([{"environment": None}, {"environment": {"A": "1"}}, {"x": 1}]) == {
        "environment": {"A": "1"},
        "x": 1,
    }
    assert merge_deep([{"a": {"b": {"c": 1}}}, {"a": {"b": {"d": [2]}}}, {"a": {"e": None}}]) == {
        "a": {"b": {"c": 1, "d": [2]}, "e": None}
    }
    assert merge_deep([{"a": 1}, {"a": {"b": 1}}, {"a": 2}]) == {"a": 2}
    present = {"a": 1, "b": {"c": 1, "d": 2}, "e": 1}
    assert merge_into(present, {"a": None, "b": {"c": None, "x": {"y": None, "z": 1}}, "e": {"f": 1}, "g": None}) == {
        "b": {"d": 2, "x": {"z": 1}},
        "e": {"f": 1},
    }
    assert present == {"a": 1, "b": {"c": 1, "d": 2}, "e": 1}
    assert fill_template({"{value}": [1, None, "{value}-{other}"]}, "v") == {"v": [1, None, "v-{other}"]}


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
def test_any_options_get_a_decision_or_a_refusal(options: dict[str, Any]) -> None:
    for owner in (DI, BO):
        decision = decide(OPTIONS, owner, options)
        if isinstance(decision, Decision):
            assert decision.profile.slug in (OPEN_TO_BO if owner is BO else OPEN_TO_BO - {"gated"})
        else:
            assert decision.status in (400, 403)
            assert "secret" not in decision.message or owner is BO or "secret" in str(options)


def started(profiles: Profiles, options: dict[str, Any] | None, owner: Owner = DI) -> Decision:
    decision = decide(profiles, owner, options)
    assert isinstance(decision, Decision), decision
    return decision


def refused(profiles: Profiles, options: dict[str, Any]) -> str:
    """Return the message of a refusal with status 400."""
    decision = decide(profiles, DI, options)
    assert isinstance(decision, Refusal), decision
    assert decision.status == 400
    return decision.message


def test_form_fields_of_hundreds_of_other_profiles_are_ignored() -> None:
    """KubeSpawner's form sends the fields of all profiles."""
    options = tuple(Option(key=f"o{n}", display_name="", choices=(Choice(key="a", display_name=""),)) for n in range(5))
    many = Profiles(
        all=tuple(Profile(slug=f"p{number}", display_name="", profile_options=options) for number in range(200))
    )
    form = {f"profile-option-p{number}--o{n}": ["a"] for number in range(200) for n in range(5)}
    began = time.process_time()
    decision = decide(many, Owner(name="ana"), {"profile": ["p7"], **form})
    assert isinstance(decision, Decision)
    assert time.process_time() - began < 0.5, "a separate search for each name takes seconds"


def test_a_slow_expression_is_refused_after_the_time_limit() -> None:
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
    refusal = decide(file, Owner(name="ana"), {"image--unlisted-choice": "a" * 60})
    assert isinstance(refusal, Refusal)
    assert refusal.status == 400
    assert time.process_time() - began < 2
    assert isinstance(decide(file, Owner(name="ana"), {"image--unlisted-choice": "quay.io/a/b:1"}), Decision)


ANY = parse("""
profiles:
  - slug: any
    user_options: any
    profile_options:
      size: {choices: {small: , large: }}
  - slug: other
    profile_options:
      zone: {choices: {here: }}
""")


def test_options_of_any_name_are_let_through() -> None:
    options = {"cpus": [1, {"a": None}], "opt-x": "", "size": ["large"], "_xsrf": ["x"]}
    decision = decide(ANY, Owner(name="ana"), options)
    assert isinstance(decision, Decision)
    assert decision.user_options == {"profile": "any", "size": "large", "cpus": [1, {"a": None}], "opt-x": ""}
    assert decision.user_controlled


def test_an_option_of_the_profile_is_still_checked_beside_any() -> None:
    for options in ({"size": "huge"}, {"size--unlisted-choice": "x"}, {"profile-option-any--sise": "x"}):
        assert isinstance(decide(ANY, Owner(name="ana"), options), Refusal), options
    # A form also sends the fields of other profiles.
    decision = decide(ANY, Owner(name="ana"), {"profile-option-other--zone": ["here"]})
    assert isinstance(decision, Decision)
    assert decision.user_options == {"profile": "any", "size": "small"}
