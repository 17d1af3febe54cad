"""`jhub profile list` and `show`, on a hub that lists profiles and on one that does not."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from loopback import Site
from profile_hub import GPU, LAB, LISTS, profile_hub
from terminal import Jhub

Hubs = tuple[Jhub, Site]


@pytest.fixture
def listing(tmp_path: Path) -> Iterator[Hubs]:
    """A hub with jhub.extension."""
    with profile_hub(tmp_path, LISTS) as both:
        yield both


@pytest.fixture
def bare(tmp_path: Path) -> Iterator[Hubs]:
    """A hub without jhub.extension."""
    with profile_hub(tmp_path, None) as both:
        yield both


def test_own_profiles_and_those_of_others_are_listed(listing: Hubs) -> None:
    jhub, site = listing
    assert jhub.ok("profile", "list").splitlines() == [
        "PROFILE  NAME      DEFAULT  OPTIONS            DESCRIPTION",
        "gpu      Graphics  no       image, note, cpus  Fast",
        "lab      Lab       yes      size",
    ]
    assert jhub.ok("profile", "list", "-o", "name") == "gpu\nlab\n"
    assert jhub.ok("profile", "list", "-u", "bo", "-o", "csv").splitlines() == [
        "profile,name,default,options,description",
        "lean,,yes,,",
    ]
    assert jhub.ok("profile", "list", "-u", "nobody", "-o", "json") == "[]\n"
    assert site.calls == [f"GET /hub/api/{path}profiles" for path in ("", "", "users/bo/", "users/nobody/")]


def test_every_field_is_in_the_json(listing: Hubs) -> None:
    jhub, _ = listing
    gpu, lab = json.loads(jhub.ok("profile", "list", "-o", "json"))
    assert gpu["profile_options"][0]["choices"] == GPU["profile_options"][0]["choices"]  # type: ignore[index]
    assert (lab["slug"], lab["default"], lab["profile_options"][0]["unlisted_choice"]) == ("lab", True, None)
    assert json.loads(jhub.ok("profile", "show", "lab", "-o", "json")) == lab
    assert set(lab) == {*GPU, *LAB, "any_user_options"}


def test_a_profile_is_shown_with_the_options_of_a_start(listing: Hubs) -> None:
    jhub, _ = listing
    assert jhub.ok("profile", "show", "gpu").splitlines() == [
        "profile      gpu",
        "name         Graphics",
        "default      no",
        "description  Fast",
        "",
        "OPTION                       DEFAULT  NAME                             DESCRIPTION",
        "image=r:4                             Image: R",
        "image=scipy                  *        Image: SciPy                     Plots",
        "image--unlisted-choice=TEXT           Image: Other... (must match x+)",
        "note--unlisted-choice=TEXT            note: Other... (a word)",
        "cpus=VALUE",
    ]
    assert jhub.ok("profile", "show", "lean", "-u", "bo").splitlines() == ["profile  lean", "default  yes"]
    assert jhub.ok("profile", "show", "lab", "-o", "name") == "lab\n"


def test_an_unknown_profile_is_not_found(listing: Hubs) -> None:
    jhub, _ = listing
    result = jhub("profile", "show", "lean")
    assert (result.code, result.out) == (5, "")
    assert result.err == "error: profile lean: not found, or not available to you; available: gpu, lab\n"
    result = jhub("profile", "list", "-u", "cy")
    assert (result.code, result.err) == (5, "error: profiles of cy: not found, or not visible to this token\n")
    assert jhub("profile", "list", "-u", "").code == 2
    assert jhub("profile", "list", "-u", "a/..").code == 2


def test_a_service_must_name_a_user(tmp_path: Path) -> None:
    with profile_hub(tmp_path, LISTS, service=True) as (jhub, _):
        result = jhub("profile", "list")
        assert (result.code, result.out) == (1, "")
        assert result.err.splitlines()[1] == "hint: name a user with -u USER"
        assert jhub.ok("profile", "list", "-u", "bo", "-o", "name") == "lean\n"


@pytest.mark.parametrize("line", ["list", "list -u ana", "show gpu", "show gpu -u ana"])
def test_a_hub_without_a_profile_list_is_an_error_with_a_hint(bare: Hubs, line: str) -> None:
    jhub, _ = bare
    result = jhub("profile", *line.split())
    assert (result.code, result.out) == (1, "")
    error, hint = result.err.splitlines()
    assert error.endswith(": this hub does not list profiles: it has no jhub.extension with profiles")
    assert hint.startswith("hint: you can still start a server from a profile")


def test_the_error_of_a_hub_without_a_profile_list_is_json(bare: Hubs) -> None:
    jhub, _ = bare
    result = jhub("profile", "list", "-o", "json")
    assert (result.code, result.out) == (1, "")
    assert "this hub does not list profiles" in json.loads(result.err)["error"]


def test_a_dry_run_refuses_profiles_that_are_not_in_the_list(listing: Hubs) -> None:
    jhub, site = listing
    start = ("server", "start", "--dry-run", "ana/lab")
    for options, code, said in (
        (["-p", "gpx"], 5, "unknown profile 'gpx'; available: gpu, lab"),
        (["-p", "lab", "--option", "sise=large"], 1, "unknown option 'sise' for profile lab; available: size"),
        (["-p", "lab", "--option", "size=huge"], 1, "unknown choice 'huge' for option size of profile lab; "),
    ):
        result = jhub(*start, *options)
        assert (result.code, result.out) == (code, "")
        assert result.err.startswith(f"error: server ana/lab: {said}")
    planned = jhub.ok(*start, "-p", "gpu", "--option", "image--unlisted-choice=xx", "--option", "cpus:=4")
    sent = '{"profile":"gpu","image--unlisted-choice":"xx","cpus":4}'
    assert planned == f'POST /users/ana/servers/lab {{"user_options":{sent}}}\n'
    assert {each.method for each in site.requests} == {"GET"}
    some = jhub(*start, "bo/lab", "-p", "lab")
    assert (some.code, len(some.lines)) == (7, 1)


def test_a_dry_run_without_a_profile_list_accepts_any_profile(bare: Hubs) -> None:
    jhub, _ = bare
    planned = jhub.ok("server", "start", "--dry-run", "ana/lab", "-p", "gpx")
    assert planned == 'POST /users/ana/servers/lab {"user_options":{"profile":"gpx"}}\n'
