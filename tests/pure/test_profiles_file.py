"""Reading profiles.yaml, and judging what a start asks for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import jhub.local
from jhub.errors import InvalidInput
from jhub.extension.judge import Owner, Refusal, judge
from jhub.extension.profiles import Profile, Profiles, load, parse, slugify

ANA = Owner(name="ana")

FILE = """
profiles:
  - display_name: Big Memory (64 GB)
    description: For the large ones.
    spawner_override:
      mem_limit: 64G
      cmd: [jupyterhub-singleuser]
      environment: {OMP_NUM_THREADS: "8"}
  - slug: lean
    default: true
  - slug: bare
    spawner_override:
"""


def test_a_file() -> None:
    big, lean, bare = parse(FILE).all
    assert big == Profile(
        slug="big-memory-64-gb",
        display_name="Big Memory (64 GB)",
        description="For the large ones.",
        spawner_override={
            "mem_limit": "64G",
            "cmd": ["jupyterhub-singleuser"],
            "environment": {"OMP_NUM_THREADS": "8"},
        },
    )
    assert lean == Profile(slug="lean", display_name="lean", default=True)
    assert bare == Profile(slug="bare", display_name="bare")
    assert [profile.slug for profile in parse(FILE).all] == ["big-memory-64-gb", "lean", "bare"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("profiles: [", "not YAML: "),
        ("", "the file must be a mapping"),
        ("- slug: lab", "the file must be a mapping"),
        ("profile: []", "the file: unknown key 'profile' (known: profiles)"),
        ("profiles: {lab: {}}", "`profiles` must be a list of at least one profile"),
        ("profiles: []", "`profiles` must be a list of at least one profile"),
        ("profiles: [lab]", "profile 1 must be a mapping"),
        (
            "profiles: [{slug: lab, groups: [x]}]",
            "profile lab: unknown key 'groups' (known: default, description, display_name, slug, spawner_override)",
        ),
        ("profiles: [{display_name: Lab, 3: x}]", "profile 1: unknown key 3"),
        ("profiles: [{description: x}]", "profile 1: needs a `slug` without spaces"),
        ("profiles: [{display_name: '???'}]", "profile ???: needs a `slug` without spaces"),
        ("profiles: [{slug: a b}]", "profile a b: needs a `slug` without spaces"),
        ("profiles: [{slug: 7}]", "profile 7: `slug` must be text"),
        ("profiles: [{slug: a, default: 'yes'}]", "profile a: `default` must be true or false"),
        ("profiles: [{slug: a}, {slug: a}]", "two profiles have the slug 'a'"),
        ("profiles: [{slug: a-b}, {display_name: A b}]", "two profiles have the slug 'a-b'"),
        (
            "profiles: [{slug: a, default: true}, {slug: b, default: true}]",
            "only one profile can be the default, not a and b",
        ),
        ("profiles: [{slug: a, spawner_override: [x]}]", "profile a: `spawner_override` must be a mapping"),
        (
            "profiles: [{slug: a, spawner_override: {environment: [x]}}]",
            "profile a: `environment` must be a mapping",
        ),
        (
            "profiles: [{slug: a, spawner_override: {environment: {N: 8}}}]",
            "profile a: the environment variable N must be text: write it in quotes",
        ),
    ],
)
def test_a_file_with_a_mistake(text: str, message: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        parse(text)
    assert str(caught.value).startswith(message)
    assert "\n" not in str(caught.value)


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match=rf"no such file: {tmp_path}/none\.yaml"):
        load(tmp_path / "none.yaml")
    with pytest.raises(InvalidInput, match="cannot read"):
        load(tmp_path)
    bad = tmp_path / "bad.yaml"
    bad.write_text("profiles: []")
    with pytest.raises(InvalidInput, match=r"bad\.yaml: `profiles` must be"):
        load(bad)


def test_the_local_hubs_own_file() -> None:
    profiles = load(Path(jhub.local.__file__).with_name("profiles.yaml"))
    assert [profile.slug for profile in profiles.all] == ["lab", "lean"]
    for profile in profiles.all:
        assert profile.description
        assert profile.spawner_override["environment"]["JHUB_PROFILE"] == profile.slug


@pytest.mark.parametrize(
    ("name", "slug"),
    [("Big Memory (64 GB)", "big-memory-64-gb"), ("  Größe: klein ", "grosse-klein"), ("--", ""), ("a__b", "a-b")],
)
def test_slugs(name: str, slug: str) -> None:
    assert slugify(name) == slug.replace("grosse", "groe")


@given(st.text())
def test_a_slug_is_its_own_slug(name: str) -> None:
    assert slugify(slugify(name)) == slugify(name)


@pytest.mark.parametrize(
    ("options", "slug"),
    [
        (None, "lean"),
        ({}, "lean"),
        ({"profile": None}, "lean"),
        ({"profile": ""}, "lean"),
        ({"other": "x"}, "lean"),
        ({"profile": "bare"}, "bare"),
        ({"profile": ["bare"]}, "bare"),
    ],
)
def test_what_a_start_gets(options: dict[str, Any] | None, slug: str) -> None:
    verdict = judge(parse(FILE), ANA, options)
    assert isinstance(verdict, Profile)
    assert verdict.slug == slug


def test_without_a_default_the_first() -> None:
    verdict = judge(parse("profiles: [{slug: a}, {slug: b}]"), ANA, {})
    assert isinstance(verdict, Profile)
    assert verdict.slug == "a"


@pytest.mark.parametrize(
    ("profile", "message"),
    [
        ("gpu", "unknown profile 'gpu'; known profiles: big-memory-64-gb, lean, bare"),
        ("Lean", "unknown profile 'Lean'; "),
        ("x" * 1000, f"unknown profile '{'x' * 60}…'; "),
        ("a\nb", "unknown profile 'a\\nb'; "),
        (3, "the option 'profile' must be text; known profiles: "),
        ({}, "the option 'profile' must be text; "),
        ([], "the option 'profile' must be text; "),
        (["lean", "bare"], "the option 'profile' must be text; "),
        (False, "the option 'profile' must be text; "),
    ],
)
def test_what_a_start_is_refused_for(profile: object, message: str) -> None:
    verdict = judge(parse(FILE), ANA, {"profile": profile})
    assert isinstance(verdict, Refusal)
    assert verdict.status == 400
    assert verdict.message.startswith(message)


def test_no_profile_is_a_refusal() -> None:
    assert judge(Profiles(()), ANA, {}) == Refusal(status=403, message="no profile is available")
