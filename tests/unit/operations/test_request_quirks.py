"""Quirks of every request to a JupyterHub: addresses, credentials, headers, statuses, names, cookies."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any

import httpx2
import pytest
from quirks import hub_answering, requests

from jhub.discovery import find_root
from jhub.errors import (
    BadRequest,
    HubBroken,
    HubError,
    InvalidInput,
    MissingScope,
    NotAHub,
    NotAuthorized,
    NotFound,
    Redirected,
    Unavailable,
    UnknownToken,
    Unsupported,
)
from jhub.models import User
from jhub.operations.groups import GroupOps
from jhub.operations.hub import HubOps
from jhub.operations.servers import ServerOps
from jhub.operations.services import ServiceOps
from jhub.operations.shares import ShareOps
from jhub.operations.tokens import TokenOps
from jhub.operations.users import UserOps
from jhub.steps import Answer, Flow, HubVersion, Listen, Operation, Request, call
from jhub.testing import Reply, events, play, refusal, reply

VERSION = {"X-JupyterHub-Version": "6.1.1"}
PLAIN = {"content-type": "text/plain"}
SITE = "https://hub.example.org"


def url_of(step: Request[Any] | Listen[Any]) -> str:
    return step.path.removeprefix(SITE)


def below_jupyter(step: Request[Any] | Listen[Any]) -> Reply:
    """Answer like a hub with the base URL /jupyter/."""
    path = url_of(step)
    if path == "/jupyter/hub/api/":
        return reply(json={"version": "6.1.1"})
    if path.startswith("/jupyter/"):
        return refusal(404)
    return Answer(302, {"location": f"/jupyter/hub{path}"})


def test_the_redirect_below_a_base_path_is_not_followed() -> None:
    played = play(find_root(f"{SITE}/"), below_jupyter)
    assert played.result == f"{SITE}/jupyter/hub/api"
    assert url_of(played.sent[0]) == "/hub/api/"


@pytest.mark.parametrize("pasted", ["user/ana/lab", "hub/home", "hub/token", "hub/spawn/ana/lab", "services/announce/"])
def test_any_pasted_page_of_the_hub_leads_to_the_api(pasted: str) -> None:
    played = play(find_root(f"{SITE}/jupyter/{pasted}"), below_jupyter)
    assert played.result == f"{SITE}/jupyter/hub/api"


@pytest.mark.parametrize(
    "other",
    [
        Answer(200, {"content-type": "text/html"}, b"<html>Welcome</html>"),
        reply(json={"name": "something else"}),
        reply(json=[]),
        Answer(302, {"location": "/login"}),
        refusal(404),
    ],
    ids=["a page", "other JSON", "a list", "a redirect", "a 404"],
)
def test_only_json_with_a_version_counts_as_a_hub(other: Answer) -> None:
    """A wrong answer at discovery would spoil all later requests."""
    played = play(
        find_root(f"{SITE}/jupyter/hub/home"),
        lambda step: reply(json={"version": "6.1.1"}) if url_of(step) == "/hub/api/" else other,
    )
    assert played.result == f"{SITE}/hub/api"
    assert url_of(played.sent[0]) == "/jupyter/hub/api/"


def test_the_version_is_read_without_a_token() -> None:
    played = play(HubOps.version(), [reply(json={"version": "6.1.1"})])
    assert played.result == "6.1.1"
    assert [(step.method, step.path, step.anonymous) for step in requests(played)] == [("GET", "/", True)]


@pytest.mark.parametrize("status", [200, 403, 404, 500])
def test_the_version_is_read_from_any_answers_header(status: int) -> None:
    def flow() -> Flow[tuple[int, ...]]:
        with suppress(HubError):
            yield from UserOps.get("ana")
        return (yield from HubVersion())

    headers = {"X-JupyterHub-Version": "5.5.1"}
    with hub_answering(lambda request: httpx2.Response(status, json={"name": "ana"}, headers=headers)) as (hub, asked):
        assert hub.run(flow()) == (5, 5, 1)
        assert len(asked) == 1


def test_a_token_is_sent_in_the_header_and_never_in_a_url() -> None:
    with hub_answering(lambda request: httpx2.Response(200, json={"name": "ana"}, headers=VERSION)) as (hub, asked):
        hub.users.get("ana")
        hub.whoami()
    assert [request.headers["authorization"] for request in asked] == ["token SECRET"] * 2
    assert not [request for request in asked if "SECRET" in str(request.url)]


def test_a_server_on_its_own_domain_gets_no_hub_token() -> None:
    """On a hub with subdomains `url` is a full URL, and `progress_url` stays a path."""
    model = {
        "url": "https://ana.hub.example.org/user/ana/lab/",
        "progress_url": "/hub/api/users/ana/servers/lab/progress",
    }
    server = play(ServerOps.get("ana", "lab"), [reply(json={"name": "lab", "ready": True, **model})]).result
    assert server.url == model["url"]
    assert server.full_url is None
    with hub_answering(lambda request: httpx2.Response(200, json={"name": "lab"})) as (hub, asked):
        hub.run(call("GET", f"{server.url}api", User, root="site"))
    assert asked[0].url == "https://ana.hub.example.org/user/ana/lab/api"
    assert "authorization" not in asked[0].headers


def test_a_token_is_never_sent_with_cookies_or_an_origin() -> None:
    sets = {**VERSION, "Set-Cookie": "_xsrf=2|1; Path=/hub/"}
    with hub_answering(lambda request: httpx2.Response(200, json={"name": "ana"}, headers=sets)) as (hub, asked):
        for _ in range(2):
            hub.groups.create("geo")
    assert len(asked) == 2
    assert not [name for request in asked for name in request.headers if name in ("cookie", "origin", "referer")]


@pytest.mark.parametrize(
    ("plan", "status", "kind", "words"),
    [
        (lambda: UserOps.get("ana"), 404, NotFound, "user ana: not found, or not visible to this token"),
        (lambda: GroupOps.get("geo"), 403, NotAuthorized, "group geo: not authorized"),
        (lambda: GroupOps.add_users("geo", ["ana"]), 400, BadRequest, "group geo: the hub rejected the request"),
        (lambda: GroupOps.create_many(["geo"]), 409, HubError, "groups: already exists"),
        (lambda: UserOps.edit("ana", admin=True), 400, BadRequest, "user ana: the hub rejected the request"),
        (lambda: TokenOps.create("ana"), 403, NotAuthorized, "token for ana: not authorized"),
        (lambda: ServerOps.start("ana", "lab"), 400, BadRequest, "server ana/lab: the hub rejected the request"),
        (lambda: ServerOps.edit("ana", "lab", display_name="x"), 400, BadRequest, "server ana/lab: the hub rejected"),
        (lambda: ServerOps.rename("ana", "lab", "gpu"), 405, Unsupported, "server ana/lab: this hub does not support"),
        (lambda: ShareOps.grant("ana", user="bo"), 400, BadRequest, "share ana with user bo: the hub rejected"),
        (lambda: ServiceOps.delete("bot"), 405, Unsupported, "service bot: this hub does not support the operation"),
        (lambda: HubOps.whoami(), 403, NotAuthorized, "who am I: the token is missing, unknown, expired or revoked"),
    ],
)  # fmt: skip
def test_a_refusal_with_a_null_message_is_a_refusal(
    plan: Callable[[], Operation[Any]], status: int, kind: type[HubError], words: str
) -> None:
    """JupyterHub 6 answers `"message": null` where 4 and 5 answer "Not Found"."""
    played = play(plan(), lambda step: refusal(status, None))
    assert isinstance(played.error, kind)
    assert str(played.error).startswith(words)


@pytest.mark.parametrize(
    ("plan", "answers"),
    [
        (lambda: ServerOps.start("ana", wait=False), [reply(202, headers=PLAIN), reply(json={"pending": "spawn"})]),
        (lambda: ServerOps.start("ana"), [reply(201, headers=PLAIN), reply(json={"ready": True})]),
        (lambda: ServerOps.stop("ana"), [Answer(204, {"x-jupyterhub-version": "6.1.1"})]),
        (lambda: GroupOps.delete("geo"), [Answer(204, {"x-jupyterhub-version": "6.1.1"})]),
        (lambda: TokenOps.revoke("ana", "a1"), [Answer(204, {"x-jupyterhub-version": "6.1.1", **PLAIN})]),
        (lambda: ServiceOps.delete("bot"), [reply(200)]),
    ],
)
def test_a_success_may_have_any_empty_body(plan: Callable[[], Operation[Any]], answers: list[Reply]) -> None:
    played = play(plan(), answers)
    assert played.error is None
    assert played.left == 0


@pytest.mark.parametrize("version", ["4.1.6", "5.5.1", "6.1.1"])
def test_an_invalid_token_is_a_403_with_the_hint_to_sign_in(version: str) -> None:
    said = {"status": 403, "message": "Missing or invalid credentials."}
    played = play(UserOps.get("ana"), [reply(403, said, version=version)])
    assert type(played.error) is UnknownToken
    assert "the token is missing, unknown, expired or revoked" in str(played.error)
    assert played.error.hint == "sign in again with: jhub login"


@pytest.mark.parametrize(("version", "scope"), [("5.5.1", "servers"), ("6.1.1", "start:servers")])
def test_a_missing_scope_is_named_on_every_version(version: str, scope: str) -> None:
    """`start:servers` is new in 6.0; a token of an older hub cannot have it."""
    message = f"Action is not authorized with current scopes; requires any of [{scope}]"
    played = play(
        ServerOps.start("ana"), [reply(403, {"status": 403, "message": message}, version=version)], version=version
    )
    assert isinstance(played.error, MissingScope)
    assert played.error.scopes == (scope,)


def test_a_404_may_hide_objects_beyond_the_tokens_scopes() -> None:
    played = play(UserOps.get("ana"), [refusal(404, "No access to resources or resources not found")])
    assert isinstance(played.error, NotFound)
    assert str(played.error) == "user ana: not found, or not visible to this token"


def test_a_page_instead_of_json_is_an_error() -> None:
    """Pages need cookies: a request with a token gets the sign-in page, often with a 200."""
    played = play(GroupOps.delete("geo"), [Answer(200, {"content-type": "text/html; charset=UTF-8"}, b"<html>Sign in")])
    assert isinstance(played.error, NotAHub)
    played = play(GroupOps.delete("geo"), [Answer(302, {"location": "/hub/login?next=%2Fhub%2Fapi%2Fgroups%2Fgeo"})])
    assert isinstance(played.error, Redirected)


@pytest.mark.parametrize(
    ("name", "quoted"),
    [
        ("Ana Müller", "Ana%20M%C3%BCller"),
        ("ana@example.org", "ana@example.org"),
        ("~ana", "~ana"),
        ("%41", "%2541"),
        ("/students", "%2Fstudents"),
        ("CORP\\ana", "CORP%5Cana"),
        ("a?b#c", "a%3Fb%23c"),
        ("a.b", "a.b"),
    ],
)
def test_names_are_quoted_like_the_hub_does(name: str, quoted: str) -> None:
    assert play(TokenOps.list(name), [reply(json={"api_tokens": []})]).calls == [f"GET /users/{quoted}/tokens"]
    assert play(GroupOps.get(name), [reply(json={"name": name})]).calls == [f"GET /groups/{quoted}"]


@pytest.mark.parametrize("name", ["a/../b", "../hub", ".", "..", "%2e%2e", "\\..", ""])
def test_a_name_that_no_path_can_hold_is_refused(name: str) -> None:
    """6.1 refuses names made only of dots even when they are quoted, and proxies resolve them on the way."""
    with hub_answering(lambda request: httpx2.Response(200)) as (hub, asked):
        for call_it in (
            lambda: hub.users.create(name),
            lambda: hub.users.delete(name),
            lambda: hub.groups.create(name),
            lambda: hub.groups.create_many([name]),
            lambda: hub.groups.add_users("geo", [name]),
            lambda: hub.tokens.create(name),
            lambda: hub.servers.stop(name),
            lambda: hub.services.get(name),
            lambda: hub.shares.grant("ana", user=name),
            lambda: hub.users.rename("ana", name),
        ):
            with pytest.raises(InvalidInput):
                call_it()
        assert asked == []


def test_a_path_never_ends_with_a_slash() -> None:
    played = play(ServerOps.stop("ana", ""), [reply(204)])
    assert played.calls == ["DELETE /users/ana/server"]
    played = play(ServerOps.progress("ana"), [events({"ready": True})])
    assert played.calls == ["LISTEN /users/ana/server/progress"]


@pytest.mark.parametrize("status", [502, 503, 504])
def test_a_proxys_answer_during_a_restart_is_unavailable(status: int) -> None:
    page = Answer(status, {"content-type": "text/html"}, b"<html>Service Unavailable</html>")
    played = play(UserOps.get("ana"), [page, page, reply(json={"name": "ana"})])
    assert played.result.name == "ana"
    played = play(UserOps.create("ana"), [page])
    assert isinstance(played.error, Unavailable)
    assert played.calls == ["POST /users"]


def test_a_500_of_the_hub_is_not_retried() -> None:
    played = play(UserOps.get("ana"), [refusal(500, "Internal Server Error")])
    assert isinstance(played.error, HubBroken)
    assert played.seconds == 0


def test_a_creation_may_answer_200_or_201() -> None:
    """Creating a token answered 200 before 2.0, and granting a share still does."""
    for status in (200, 201):
        played = play(TokenOps.create("ana"), [reply(status, {"id": "a1", "token": "SECRET"})])
        assert played.result.id == "a1"


def test_signing_in_does_not_use_the_route_that_2_0_removed() -> None:
    played = play(TokenOps.create_with_password("ana", "pw"), [reply(201, {"id": "a1", "token": "SECRET"})])
    assert played.calls == ["POST /users/ana/tokens"]


def test_json_may_come_with_a_charset() -> None:
    """The answer to a `PATCH` of a server has a charset."""
    kind = {"content-type": "application/json; charset=UTF-8"}
    assert (
        play(ServerOps.edit("ana", "lab", display_name="x"), [reply(json={"name": "lab"}, headers=kind)]).result.name
        == "lab"
    )
    played = play(ServerOps.edit("ana", "lab", display_name="x"), [reply(json={"name": 7}, headers=kind)])
    assert str(played.error).startswith("server ana/lab: the answer is not a valid JupyterHub response")
