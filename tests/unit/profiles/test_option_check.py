"""Check of a start's options against the listed profiles: never stricter than the hub, and with its messages."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jhub.errors import APIError, BadRequest, NotAuthorized, NotFound
from jhub.extension.policy import decide
from jhub.extension.profile_access import Owner, available_profiles
from jhub.extension.verdict import Refusal
from jhub.models import Profile
from jhub.operations.profiles import check_against_profiles
from jhub.profiles.loader import parse
from jhub.profiles.model import public_profile

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
    """Return the profiles of an owner, as a hub lists them."""
    return tuple(public_profile(profile, default=profile.default) for profile in available_profiles(FILE, owner))


def refused(options: dict[str, Any], owner: Owner = ANA) -> APIError | None:
    """Return the error for options that are refused."""
    try:
        check_against_profiles(listed(owner), options, "server ana/lab", "/users/ana/profiles")
    except APIError as error:
        return error
    return None


def by_the_hub(options: dict[str, Any], owner: Owner) -> Refusal | None:
    """Return the refusal of the hub itself."""
    decision = decide(FILE, owner, options)
    return decision if isinstance(decision, Refusal) else None


@pytest.mark.parametrize(
    ("options", "kind", "said"),
    [
        ({"profile": "gpx"}, NotFound, "unknown profile 'gpx'; available: open, gpu"),
        ({"profile": "x" * 99}, NotFound, f"unknown profile '{'x' * 60}…'; available: open, gpu"),
        ({"profile": "open", "x": 1}, BadRequest, "unknown option 'x' for profile open; it has no options"),
        (
            {"profile": "gpu", "sise": 1},
            BadRequest,
            "unknown option 'sise' for profile gpu; available: image, zone, image--unlisted-choice, "
            "note--unlisted-choice, cpus",
        ),
        (
            {"profile": "gpu", "zone": "odd"},
            BadRequest,
            "unknown choice 'odd' for option zone of profile gpu; available: here, there",
        ),
        (
            {"profile": "gpu", "image": "odd"},
            BadRequest,
            "unknown choice 'odd' for option image of profile gpu; available: scipy, r; your own text "
            "goes into image--unlisted-choice",
        ),
        (
            {"profile": "gpu", "zone--unlisted-choice": "odd"},
            BadRequest,
            "option zone of profile gpu accepts no other text; available: here, there",
        ),
        (
            {"profile": "gpu", "note": "odd"},
            BadRequest,
            "unknown choice 'odd' for option note of profile gpu; your own text goes into note--unlisted-choice",
        ),
    ],
)
def test_a_refusal_has_the_same_message_as_the_hubs(options: dict[str, Any], kind: type[APIError], said: str) -> None:
    error = refused(options)
    assert type(error) is kind
    assert str(error) == f"server ana/lab: {said}"
    hub = by_the_hub(options, ANA)
    assert hub is not None
    assert hub.message == said
    assert isinstance(error, APIError)
    assert (error.method, error.path, error.status) == ("GET", "/users/ana/profiles", 404 if kind is NotFound else 400)


def test_an_unavailable_profile_is_reported_as_unknown() -> None:
    error = refused({"profile": "of-geo", "flavour": "hot"})
    assert str(error) == "server ana/lab: unknown profile 'of-geo'; available: open, gpu"
    assert refused({"profile": "of-geo", "flavour": "hot"}, BO) is None


def test_an_owner_without_profiles_is_refused() -> None:
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
        # The hub refuses these as well, but the check leaves them to the hub.
        {"image": 3, "image--unlisted-choice": "NO", "profile-option-x--y": "z"},
    ],
)
def test_other_options_are_left_to_the_hub(options: dict[str, Any]) -> None:
    assert refused({"profile": "gpu", **options}) is None


def test_long_lists_are_truncated() -> None:
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
def test_the_check_refuses_nothing_that_the_hub_accepts(owner: Owner, slug: str, options: dict[str, Any]) -> None:
    requested = {"profile": slug, **options}
    error, hub = refused(requested, owner), by_the_hub(requested, owner)
    if error is not None:
        assert hub is not None
        assert hub.status == error.status or (error.status, hub.status) == (404, 400 if slug in ("gpx", "GPU") else 403)
    if slug not in [profile.slug for profile in available_profiles(FILE, owner)]:
        assert type(error) is NotFound
