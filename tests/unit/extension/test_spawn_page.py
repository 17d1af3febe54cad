"""The names that the spawn page drops from its address and its form."""

from __future__ import annotations

from jhub.extension.spawn_page import known_names, other_names
from jhub.profiles.model import Choice, Option, Profile

PROFILES = (
    Profile(slug="lab", profile_options=(Option(key="size", choices=(Choice(key="small"),)),)),
    Profile(slug="gpu", user_options=("cpus",)),
)


def test_names_that_are_no_options_are_dropped() -> None:
    names = ["utm_source", "Profile", "optprofile", "", "cpu", "size[]", "custom_course", "next", "display_name"]
    assert other_names(names, known_names(PROFILES)) == names


def test_options_and_mistyped_ones_are_kept() -> None:
    names = ["profile", "profile-option-lab--size", "profiles", "opt-profile", "opt-profle", "opt-"]
    names += ["size", "size--unlisted-choice", "cpus"]
    assert other_names(names, known_names(PROFILES)) == []
