"""The list of profiles, and the check of a start against it."""

from __future__ import annotations

from typing import Any

import pytest
from quirks import NO_PROFILE_LIST, bodies

from jhub.errors import BadRequest, MissingScope, NotAHub, NotAuthorized, NotFound, Unavailable, Unsupported
from jhub.fleet.servers import FleetOps
from jhub.models import Profile, ProfileChoice, ProfileOption, UnlistedChoice
from jhub.operations.profiles import ProfileOps
from jhub.operations.servers import ServerOps
from jhub.steps import Answer
from jhub.testing import Reply, play, refusal, reply

GPU = {
    "slug": "gpu",
    "display_name": "GPU",
    "description": "Fast",
    "default": True,
    "profile_options": [
        {
            "key": "image",
            "display_name": "Image",
            "choices": [
                {"key": "r", "display_name": "R", "default": False},
                {"key": "scipy", "display_name": "SciPy", "default": True},
            ],
            "unlisted_choice": {"display_name": "Image", "validation_regex": "x+", "of a later version": 1},
        }
    ],
    "user_options": ["cpus"],
}
READY = {"name": "lab", "ready": True, "user_options": {"profile": "gpu"}}
NARROW = refusal(404, "No access to resources or resources not found")
"""The answer of an existing route to a token with filtered scopes."""


def lists(*profiles: Any, **more: Any) -> Answer:
    """Return the answer of jhub.extension."""
    return reply(json={"version": 1, "profiles": profiles, **more})


def test_own_profiles_are_listed_in_the_hubs_order() -> None:
    played = play(ProfileOps.list(), [lists(GPU, {"slug": "lab"})])
    assert played.error is None
    assert played.calls == ["GET /profiles"]
    assert [profile.slug for profile in played.emitted] == ["gpu", "lab"]
    assert played.emitted[0] == Profile(
        slug="gpu",
        display_name="GPU",
        description="Fast",
        default=True,
        profile_options=(
            ProfileOption(
                key="image",
                display_name="Image",
                choices=(
                    ProfileChoice(key="r", display_name="R"),
                    ProfileChoice(key="scipy", display_name="SciPy", default=True),
                ),
                unlisted_choice=UnlistedChoice(display_name="Image", validation_regex="x+"),
            ),
        ),
        user_options=("cpus",),
    )


def test_profiles_of_a_user_are_listed() -> None:
    played = play(ProfileOps.list("ana b"), [lists()])
    assert played.calls == ["GET /users/ana%20b/profiles"]
    assert played.emitted == []
    assert played.error is None


def test_an_option_has_a_default_choice() -> None:
    image = ProfileOption(key="image", choices=(ProfileChoice(key="a"), ProfileChoice(key="b", default=True)))
    assert image.default == ProfileChoice(key="b", default=True)
    assert ProfileOption(key="image", choices=(ProfileChoice(key="a"),)).default == ProfileChoice(key="a")
    assert ProfileOption(key="image").default is None
    assert image.unlisted_key == "image--unlisted-choice"


@pytest.mark.parametrize("message", [None, "Not Found"])
@pytest.mark.parametrize("version", ["2.3.1", "4.1.6", "5.5.1", "6.1.1"])
def test_without_the_extension_profiles_are_unsupported(message: str | None, version: str) -> None:
    played = play(ProfileOps.list(), [refusal(404, message)], version=version)
    assert type(played.error) is Unsupported
    assert str(played.error) == "profiles: this hub does not list profiles: it has no jhub.extension with profiles"
    assert (played.error.method, played.error.path, played.error.status) == ("GET", "/profiles", 404)
    assert played.error.hint


def test_a_missing_extension_and_a_missing_user_differ() -> None:
    """Both answer the same 404. The route of the own list exists or not, for every token."""
    played = play(ProfileOps.list("nobody"), [refusal(404), refusal(404)])
    assert type(played.error) is Unsupported
    assert played.calls == ["GET /users/nobody/profiles", "GET /profiles"]
    known: list[Reply] = [lists(), refusal(400, "name a user"), refusal(403, "requires any of [start:servers]"), NARROW]
    for there in known:
        played = play(ProfileOps.list("nobody"), [refusal(404), there])
        assert type(played.error) is NotFound
        assert str(played.error) == "profiles of nobody: not found, or not visible to this token"
        assert played.error.path == "/users/nobody/profiles"


def test_a_token_without_the_scope_gets_not_found() -> None:
    for user in (None, "bo"):
        played = play(ProfileOps.list(user), [NARROW])
        assert type(played.error) is NotFound
        assert str(played.error).endswith(": not found, or not visible to this token")


def test_other_refusals_are_passed_on() -> None:
    played = play(ProfileOps.list(), [refusal(400, "a service names a user: /users/NAME/profiles")])
    assert isinstance(played.error, BadRequest)
    assert "names a user" in str(played.error)
    played = play(ProfileOps.list("ana"), [refusal(403, "requires any of [start:servers]")])
    assert isinstance(played.error, MissingScope)


def test_a_profile_is_returned_by_its_slug() -> None:
    played = play(ProfileOps.get("lab", "ana"), [lists(GPU, {"slug": "lab"})])
    assert played.result == Profile(slug="lab")
    played = play(ProfileOps.get("gpx", "ana"), [lists(GPU, {"slug": "lab"})])
    assert isinstance(played.error, NotFound)
    assert str(played.error) == "profile gpx: not found, or not available to ana; available: gpu, lab"
    played = play(ProfileOps.get("gpx"), [lists()])
    assert str(played.error) == "profile gpx: not found, or not available to you; no profile is available"
    assert isinstance(play(ProfileOps.get("gpu"), [NO_PROFILE_LIST]).error, Unsupported)


START = ["GET /users/ana/profiles", "POST /users/ana/servers/lab", "GET /users/ana/servers/lab"]


def test_a_start_with_a_profile_reads_the_list_once() -> None:
    played = play(ServerOps.start("ana", "lab", profile="gpu"), [lists(GPU), reply(201), reply(json=READY)])
    assert played.result.ready
    assert played.calls == START
    options = {"profile": "gpu", "image": "r", "cpus": 4}
    answers = [lists(GPU), reply(201), reply(json={**READY, "user_options": options})]
    played = play(ServerOps.start("ana", "lab", user_options=options), answers)
    assert played.calls == START, "however the profile is named"
    assert bodies(played, "POST") == [{"user_options": options}]


@pytest.mark.parametrize("options", [{}, {"profile": None}, {"profile": ""}, {"profile": ["gpu"]}, {"cpus": 1}])
def test_a_start_without_a_profile_does_not_read_the_list(options: dict[str, Any]) -> None:
    model = {**READY, "user_options": options}
    played = play(ServerOps.start("ana", "lab", user_options=options), [reply(201), reply(json=model)])
    assert played.calls == START[1:]


@pytest.mark.parametrize(
    "answer",
    [
        *(refusal(status) for status in (404, 403, 405, 400, 500)),
        refusal(429, "busy", headers={"retry-after": "30"}),
        *(Unavailable("reset"), Unavailable("refused", sent=False), NotAHub("a page")),
        *(reply(json={"profiles": 1}), reply(json={}), reply(json=[]), reply(204)),
        Answer(302, {"location": "https://login.example.org/"}),
        Answer(503, {"content-type": "text/html", "retry-after": "5"}, b"<html>"),
        lists({"slug": "lab"}, version=2),  # whatever that will mean
    ],
)
def test_without_a_list_the_start_is_sent(answer: Reply) -> None:
    played = play(ServerOps.start("ana", "lab", profile="gpu"), [answer, reply(201), reply(json=READY)])
    assert played.result.ready
    assert played.calls == START
    assert played.seconds == 0
    no = refusal(400, "unknown profile 'gpu'; available: lab")
    played = play(ServerOps.start("ana", "lab", profile="gpu"), [answer, no])
    assert isinstance(played.error, NotFound)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"profile": "gpx"}, "unknown profile 'gpx'; available: gpu"),
        ({"profile": "gpu", "sise": 2}, "unknown option 'sise' for profile gpu; available: image, "),
        ({"profile": "gpu", "image": "julia"}, "unknown choice 'julia' for option image of profile gpu; available: "),
    ],
)
def test_options_that_the_list_does_not_have_are_not_sent(options: dict[str, Any], said: str) -> None:
    played = play(ServerOps.start("ana", "lab", user_options=options), [lists(GPU)])
    assert isinstance(played.error, NotFound if options["profile"] == "gpx" else BadRequest)
    assert str(played.error).startswith(f"server ana/lab: {said}")
    assert played.calls == START[:1]
    played = play(ServerOps.restart("ana", "lab", user_options=options), [reply(json=READY), lists(GPU)])
    assert str(played.error).startswith(f"server ana/lab: {said}")
    assert played.calls == ["GET /users/ana/servers/lab", "GET /users/ana/profiles"], "nothing was stopped"


def test_a_user_without_profiles_starts_nothing() -> None:
    played = play(ServerOps.start("ana", profile="gpu"), [lists()])
    assert isinstance(played.error, NotAuthorized)
    assert str(played.error) == "server ana: no profile is available"


def test_the_list_is_not_retried_on_a_busy_hub() -> None:
    busy = refusal(429, "Too many users", headers={"retry-after": "40"})
    played = play(ServerOps.start("ana", "lab", profile="gpu"), [lists(GPU), busy, reply(201), reply(json=READY)])
    assert played.result.ready
    assert played.calls.count("GET /users/ana/profiles") == 1


def test_a_restart_is_refused_before_the_stop_if_the_old_profile_is_not_available_any_more() -> None:
    played = play(ServerOps.restart("ana", "lab"), [reply(json=READY), lists({**GPU, "slug": "other"})])
    assert isinstance(played.error, NotFound)
    assert "unknown profile 'gpu'" in str(played.error)
    assert played.calls == [START[2], START[0]], "nothing was stopped"


def test_a_restart_of_a_stopped_server_leaves_the_check_to_the_hub() -> None:
    """An edit of a stopped server may have changed the options, and JupyterHub 6.1 shows those of the last start."""
    stopped = reply(json={**READY, "ready": False})
    played = play(ServerOps.restart("ana", "lab"), [stopped, reply(204), reply(201), reply(json=READY)])
    assert played.error is None
    assert START[0] not in played.calls


def test_a_restart_reads_the_list_once() -> None:
    answers = [reply(json=READY), reply(204), reply(201), reply(json=READY)]
    played = play(ServerOps.restart("ana", "lab", profile="gpu"), [answers[0], lists(GPU), *answers[1:]])
    assert played.result.ready
    assert played.calls == [START[2], START[0], "DELETE /users/ana/servers/lab", *START[1:]]


def test_a_fleet_does_not_read_the_list() -> None:
    """Reading the list for each user would double the requests of a large class, and the hub refuses at once."""
    no = refusal(400, "unknown profile 'gpx'; known profiles: gpu")
    played = play(FleetOps.start_many(["ana/lab", "bo/lab"], profile="gpx"), [no, no])
    assert {type(event.error) for event in played.result.failed} == {NotFound}
    assert played.calls == [START[1], "POST /users/bo/servers/lab"]
