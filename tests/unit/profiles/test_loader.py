"""Loader of profiles.yaml, and of the config.yml of the application hub."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kubespawner import KubeSpawner

import jhub.local
from jhub.errors import InvalidInput
from jhub.profiles.loader import parse, read_text
from jhub.profiles.model import Choice, Option, Profile, Profiles, UnlistedChoice
from jhub.profiles.profiles_yaml import slugify

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

GATED = """
profiles:
  - slug: gpu
    groups: [geo, Über]
    users: [Ana]
    user_options: [cpus]
    profile_options:
      image:
        display_name: Image
        choices:
          base: {kubespawner_override: {image: "base:1"}}
          scipy: {display_name: SciPy, default: true, spawner_override: {args: [--scipy]}}
          plain:
        unlisted_choice:
          enabled: true
          display_name: Your own
          validation_regex: "^quay.io/.+$"
          validation_message: one of quay.io
          kubespawner_override: {image: "{value}"}
      size:
        choices: {small: {}}
        unlisted_choice: {enabled: false}
    kubespawner_override:
      environment: {A: "1", B: null, C: {valueFrom: x}}
  - slug: nobody
    groups: []
    users: []
"""


def load(path: Path) -> Profiles:
    """Return the profiles of a file."""
    return parse(read_text(path), path)


def test_profiles_and_their_settings_are_read() -> None:
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
    assert parse(FILE).warnings == ()


def test_groups_users_and_options_are_read() -> None:
    gpu, nobody = parse(GATED).all
    assert gpu == Profile(
        slug="gpu",
        display_name="gpu",
        groups=("geo", "Über"),
        users=("Ana",),
        user_options=("cpus",),
        profile_options=(
            Option(
                key="image",
                display_name="Image",
                choices=(
                    Choice(key="base", display_name="base", kubespawner_override={"image": "base:1"}),
                    Choice(key="scipy", display_name="SciPy", default=True, spawner_override={"args": ["--scipy"]}),
                    Choice(key="plain", display_name="plain"),
                ),
                unlisted_choice=UnlistedChoice(
                    display_name="Your own",
                    validation_regex="^quay.io/.+$",
                    validation_message="one of quay.io",
                    kubespawner_override={"image": "{value}"},
                ),
            ),
            Option(key="size", display_name="size", choices=(Choice(key="small", display_name="small", default=True),)),
        ),
        kubespawner_override={"environment": {"A": "1", "B": None, "C": {"valueFrom": "x"}}},
    )
    assert (nobody.groups, nobody.users) == ((), ())


def test_aliases_and_merge_keys_are_expanded() -> None:
    text = """
    profiles:
      - &base {slug: a, description: same, spawner_override: &settings {args: [x]}}
      - {<<: *base, slug: b}
      - {slug: c, spawner_override: {<<: [{args: [y]}, *settings], cmd: [z]}}
    """
    a, b, c = parse(text).all
    assert b == Profile(slug="b", display_name="b", description="same", spawner_override=a.spawner_override)
    assert c.spawner_override == {"args": ["y"], "cmd": ["z"]}


def test_an_unreadable_file_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match=rf"no such file: {tmp_path}/none\.yaml"):
        load(tmp_path / "none.yaml")
    with pytest.raises(InvalidInput, match="not a file"):
        load(tmp_path)
    bad = tmp_path / "bad.yaml"
    bad.write_bytes(b"\xff\xfe")
    with pytest.raises(InvalidInput, match="cannot read"):
        load(bad)


def test_the_error_has_the_first_problems_of_the_file(tmp_path: Path) -> None:
    bad = tmp_path / "bad.yaml"
    bad.write_text("profiles: []")
    with pytest.raises(InvalidInput, match=r"bad\.yaml:1: `profiles` must be"):
        load(bad)
    bad.write_text("profiles:\n" + "".join(f"  - slug: {number}\n" for number in range(5)))
    with pytest.raises(InvalidInput) as caught:
        load(bad)
    assert str(caught.value).count("`slug` must be text") == 3
    assert f"; {bad}:4: profile 2: " in str(caught.value)
    assert str(caught.value).endswith("; and 2 more (jhub profile check FILE lists all)")


def test_a_byte_order_mark_is_ignored(tmp_path: Path) -> None:
    file = tmp_path / "profiles.yaml"
    file.write_bytes(b"\xef\xbb\xbfprofiles: [{slug: a}]")
    assert [profile.slug for profile in load(file).all] == ["a"]


def test_the_profiles_of_the_local_hub_are_valid() -> None:
    profiles = load(Path(jhub.local.__file__).with_name("profiles.yaml"))
    assert [profile.slug for profile in profiles.all] == ["lab", "lean"]
    for profile in profiles.all:
        assert profile.description
        assert profile.spawner_override["environment"]["JHUB_PROFILE"] == profile.slug


@pytest.mark.parametrize(
    ("name", "slug"),
    [("Big Memory (64 GB)", "big-memory-64-gb"), ("  Größe: klein ", "groe-klein"), ("--", ""), ("a__b", "a-b")],
)
def test_a_slug_is_derived_from_a_display_name(name: str, slug: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "slugify", None)  # where KubeSpawner is not installed
    assert slugify(name) == slug


@pytest.mark.parametrize("name", ["Größe: klein", "1,000 GB", "機械学習", "Bob's", "R &amp; D"])
def test_a_slug_is_that_of_kubespawner_where_it_is_installed(name: str) -> None:
    (profile,) = KubeSpawner._get_initialized_profile_list(None, [{"display_name": name}])
    assert slugify(name) == profile["slug"]


@given(st.text())
def test_the_slug_of_a_slug_is_the_same(name: str) -> None:
    assert slugify(slugify(name)) == slugify(name)
