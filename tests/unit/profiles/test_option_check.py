"""Holding the options of a start against the listed profiles: never stricter than the hub, and in its words."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jhub.errors import APIError, BadRequest, NotAuthorized, NotFound
from jhub.extension.access import Owner, visible
from jhub.extension.policy import judge
from jhub.extension.verdict import Refusal
from jhub.models import Profile
from jhub.operations.profiles import check_against_profiles
from jhub.profiles.loader import parse
from jhub.profiles.model import public

FILE = parse("""
profiles:
  - slug: open
  - slug: gpu
    user_options: [cpus]
    profile_options:
      image:
        choices: {scipy: , r: {default: true}}
        unlisted_choice: {enabled: true, validation_regex: "[a-z/]+:[0-9]+"}
      zone:
        choices: {here: , there: }
      note:
        unlisted_choice: {enabled: true}
  - slug: of-geo
    groups: [geo]
    profile_options:
      flavour: {choices: {plain: , hot: }}
  - slug: nobodys
    groups: []
""")

OWNERS = [Owner(name="ana"), Owner(name="bo", groups=frozenset({"geo"}))]
ANA, BO = OWNERS


def listed(owner: Owner) -> tuple[Profile, ...]:
    """The profiles of an owner, as a hub would list them."""
    return tuple(public(each, default=each.default) for each in visible(FILE, owner))


def refused(options: dict[str, Any], owner: Owner = ANA) -> APIError | None:
    """The error for options that do not fit."""
    try:
        check_against_profiles(listed(owner), options, "server ana/lab", "/users/ana/profiles")
    except APIError as error:
        return error
    return None


def by_the_hub(options: dict[str, Any], owner: Owner) -> Refusal | None:
    """What the hub itself says."""
    verdict = judge(FILE, owner, options)
    return verdict if isinstance(verdict, Refusal) else None


@pytest.mark.parametrize(
    ("options", "kind", "said"),
    [
        ({"profile": "gpx"}, NotFound, "unknown profile 'gpx'; known profiles: open, gpu"),
        ({"profile": "x" * 99}, NotFound, f"unknown profile '{'x' * 60}…'; known profiles: open, gpu"),
        ({"profile": "open", "x": 1}, BadRequest, "unknown option 'x' of the profile open; it has no options"),
        (
            {"profile": "gpu", "sise": 1},
            BadRequest,
            "unknown option 'sise' of the profile gpu; known options: image, zone, image--unlisted-choice, "
            "note--unlisted-choice, cpus",
        ),
        (
            {"profile": "gpu", "zone": "odd"},
            BadRequest,
            "unknown choice 'odd' of the option zone of the profile gpu; known choices: here, there",
        ),
        (
            {"profile": "gpu", "image": "odd"},
            BadRequest,
            "unknown choice 'odd' of the option image of the profile gpu; known choices: scipy, r; text of your own "
            "goes into image--unlisted-choice",
        ),
        (
            {"profile": "gpu", "zone--unlisted-choice": "odd"},
            BadRequest,
            "the option zone of the profile gpu takes no other text; known choices: here, there",
        ),
        (
            {"profile": "gpu", "note": "odd"},
            BadRequest,
            "unknown choice 'odd' of the option note of the profile gpu; text of your own goes into "
            "note--unlisted-choice",
        ),
    ],
)
def test_what_does_not_fit_is_told_in_the_hubs_own_words(
    options: dict[str, Any], kind: type[APIError], said: str
) -> None:
    error = refused(options)
    assert type(error) is kind
    assert str(error) == f"server ana/lab: {said}"
    hub = by_the_hub(options, ANA)
    assert hub is not None
    assert hub.message == said
    assert isinstance(error, APIError)
    assert (error.method, error.path, error.status) == ("GET", "/users/ana/profiles", 404 if kind is NotFound else 400)


def test_a_profile_of_others_is_as_unknown_as_one_that_is_not_there() -> None:
    error = refused({"profile": "of-geo", "flavour": "hot"})
    assert str(error) == "server ana/lab: unknown profile 'of-geo'; known profiles: open, gpu"
    assert refused({"profile": "of-geo", "flavour": "hot"}, BO) is None


def test_who_has_no_profile_starts_nothing() -> None:
    with pytest.raises(NotAuthorized, match="server ana: no profile is available"):
        check_against_profiles((), {"profile": "gpu"}, "server ana")


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"image": "scipy", "zone": "there", "cpus": {"of": [1]}},
        {"image": "", "zone": None, "zone--unlisted-choice": "", "note": ""},
        {"image--unlisted-choice": "a/b:1", "image": "unlisted-choice"},
        {"image": ["scipy"], "note--unlisted-choice": ["x"]},
        {"profile-option-gpu--image": ["r"], "profile-option-of-geo-flavour": "hot", "_xsrf": ["x"]},
        # What the hub would not take either, and is to say itself.
        {"image": 3, "image--unlisted-choice": "NO", "profile-option-x--y": "z"},
    ],
)
def test_all_else_is_for_the_hub(options: dict[str, Any]) -> None:
    assert refused({"profile": "gpu", **options}) is None


def test_long_lists_are_cut() -> None:
    many = tuple(Profile(slug=f"p{n}") for n in range(30))
    with pytest.raises(NotFound, match=r"p18, p19, and 10 more$"):
        check_against_profiles(many, {"profile": "x"})


NAMES = ["image", "zone", "note", "flavour", "cpus", "x", "", "profile-option-gpu--image", "_xsrf"]
KEYS = [*NAMES, *(f"{name}--unlisted-choice" for name in NAMES), *(f"profile-option-of-geo--{name}" for name in NAMES)]
VALUES: list[Any] = ["scipy", "r", "here", "hot", "unlisted-choice", "a/b:1", "odd", "", None, 3, ["r"], [""], [], {}]
OPTIONS = st.dictionaries(st.sampled_from(KEYS), st.sampled_from(VALUES), max_size=4)
SLUGS = st.sampled_from(["open", "gpu", "of-geo", "nobodys", "gpx", "GPU"])


@settings(max_examples=500, deadline=None)
@given(st.sampled_from(OWNERS), SLUGS, OPTIONS)
def test_it_refuses_nothing_that_the_hub_would_take(owner: Owner, slug: str, options: dict[str, Any]) -> None:
    asked = {"profile": slug, **options}
    error, hub = refused(asked, owner), by_the_hub(asked, owner)
    if error is not None:
        assert hub is not None
        assert hub.status == error.status or (error.status, hub.status) == (404, 400 if slug in ("gpx", "GPU") else 403)
    if slug not in [profile.slug for profile in visible(FILE, owner)]:
        assert type(error) is NotFound
