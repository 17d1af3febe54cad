"""Requests of both drivers to a real server on this machine."""

from __future__ import annotations

import json
from urllib.parse import unquote

from loopback import BOTH, VERSION, Driver, Visit, answer_as_ana, serving

from jhub.errors import NotFound
from jhub.models import User
from jhub.operations.groups import GroupOps
from jhub.operations.users import UserOps
from jhub.steps import Flow, HubVersion, Request, call, segment


def fetch(path: str, *, anonymous: bool = False, site: bool = False) -> Request[User]:
    return call("GET", path, User, anonymous=anonymous, root="site" if site else "api")


@BOTH
def test_a_call_carries_the_token_and_the_user_agent(driver: Driver) -> None:
    with serving(answer_as_ana) as site:
        assert driver.run(site.root, UserOps.get("ana")).name == "ana"
        (seen,) = site.requests
    assert seen.call == "GET /hub/api/users/ana"
    assert seen.headers["authorization"] == "token SECRET"
    assert seen.headers["user-agent"].startswith("jhub/")
    assert seen.headers["accept"] == "application/json"
    assert "origin" not in seen.headers
    assert seen.body == b""


@BOTH
def test_a_body_is_json_also_in_a_delete(driver: Driver) -> None:
    with serving(answer_as_ana) as site:
        driver.run(site.root, GroupOps.remove_users("geo", ["ana", "é"]))
        (seen,) = site.requests
    assert seen.call == "DELETE /hub/api/groups/geo/users"
    assert json.loads(seen.body) == {"users": ["ana", "é"]}
    assert seen.headers["content-type"] == "application/json"


@BOTH
def test_a_quoted_name_arrives_unchanged(driver: Driver) -> None:
    names = ["a b", "ana@example.org", "~ana", "100%2f", "%41", "a?b#c;d&e=f+g", "ü:l"]

    def flow() -> Flow[None]:
        for name in names:
            yield from UserOps.get(name)

    def answer_as_named(visit: Visit) -> None:
        visit.json({"name": unquote(visit.path.rpartition("/")[2])})

    with serving(answer_as_named) as site:
        driver.run(site.root, flow())
        paths = [request.path.removeprefix("/hub/api/users/") for request in site.requests]
    assert [unquote(path) for path in paths] == names
    assert paths == [segment(name, "user") for name in names]


@BOTH
def test_a_query_is_encoded(driver: Driver) -> None:
    with serving(answer_as_ana) as site:
        driver.run(site.root, call("GET", "/users", User, query=(("name_filter", "a&b=ü"), ("limit", "2"))))
        assert site.calls == ["GET /hub/api/users?name_filter=a%26b%3D%C3%BC&limit=2"]


@BOTH
def test_no_cookie_is_stored(driver: Driver) -> None:
    def with_cookies(visit: Visit) -> None:
        visit.json({"name": "ana"}, headers={**VERSION, "Set-Cookie": "_xsrf=1; Path=/"})

    def thrice() -> Flow[None]:
        for _ in range(3):
            yield from UserOps.get("ana")

    with serving(with_cookies) as site:
        driver.run(site.root, thrice())
        assert len(site.requests) == 3
        assert not [request for request in site.requests if "cookie" in request.headers]


@BOTH
def test_other_hosts_and_anonymous_calls_get_no_token(driver: Driver) -> None:
    def everywhere(here: str, there: str) -> Flow[None]:
        yield from fetch(f"{here}/hub/api/users/ana")
        yield from fetch("/user/ana/api", site=True)
        yield from fetch("/users/ana", anonymous=True)
        yield from fetch(f"{there}/hub/api/users/ana")
        yield from fetch(f"//{there.partition('//')[2]}/x", site=True)

    with serving(answer_as_ana) as hub, serving(answer_as_ana) as other:
        driver.run(hub.root, everywhere(hub.url, other.url))
        assert [(request.path, request.headers.get("authorization")) for request in hub.requests] == [
            ("/hub/api/users/ana", "token SECRET"),
            ("/user/ana/api", "token SECRET"),
            ("/hub/api/users/ana", None),
        ]
        assert [request.headers.get("authorization") for request in other.requests] == [None, None]


@BOTH
def test_discovery_sends_no_token(driver: Driver) -> None:
    def below(visit: Visit) -> None:
        if visit.path == "/jupyter/hub/api/":
            visit.json({"version": "6.1.1"})
        elif visit.path.startswith("/jupyter/"):
            visit.json({"name": "ana"})
        else:
            visit.moved(f"/jupyter/hub{visit.path}")

    with serving(below) as site:
        driver.run(f"{site.url}/user/ana/lab?x#y", UserOps.get("ana"))
        *probes, last = site.requests
    assert probes[0].path == "/hub/api/"
    assert probes[-1].path == "/jupyter/hub/api/"
    assert not [probe for probe in probes if "authorization" in probe.headers]
    assert last.path == "/jupyter/hub/api/users/ana"
    assert last.headers["authorization"] == "token SECRET"


@BOTH
def test_the_version_in_an_answer_costs_no_request(driver: Driver) -> None:
    def flow() -> Flow[tuple[int, ...]]:
        yield from UserOps.get("ana")
        return (yield from HubVersion())

    with serving(answer_as_ana) as site:
        assert driver.run(site.root, flow()) == (6, 1, 1)
        assert site.calls == ["GET /hub/api/users/ana"]


@BOTH
def test_the_version_is_read_from_a_refusal_too(driver: Driver) -> None:
    def flow() -> Flow[tuple[int, ...]]:
        try:
            yield from UserOps.get("ana")
        except NotFound:
            return (yield from HubVersion())
        return ()

    with serving(lambda visit: visit.json({}, 404, {"X-JupyterHub-Version": "5.5.0b2+local.7"})) as site:
        assert driver.run(site.root, flow()) == (5, 5, 0)
        assert len(site.requests) == 1


@BOTH
def test_an_unknown_version_is_requested_once_and_without_the_token(driver: Driver) -> None:
    def flow() -> Flow[list[tuple[int, ...]]]:
        return [(yield from HubVersion()), (yield from HubVersion())]

    with serving(answer_as_ana) as site:
        assert driver.run(site.root, flow()) == [(6, 1, 1), (6, 1, 1)]
        (seen,) = site.requests
    assert seen.call == "GET /hub/api/"
    assert "authorization" not in seen.headers


@BOTH
def test_the_version_is_read_from_the_body_if_a_proxy_strips_the_header(driver: Driver) -> None:
    with serving(lambda visit: visit.json({"version": "6.1.1"}, headers={})) as site:
        assert driver.run(site.root, HubVersion()) == (6, 1, 1)


@BOTH
def test_the_version_header_of_a_users_server_is_ignored(driver: Driver) -> None:
    def answer(visit: Visit) -> None:
        version = "4.0.0" if visit.path.startswith("/user/") else "6.1.1"
        visit.json({"name": "ana", "version": version}, headers={"X-JupyterHub-Version": version})

    def flow() -> Flow[tuple[int, ...]]:
        yield fetch("/user/ana/api", site=True)
        return (yield from HubVersion())

    with serving(answer) as site:
        assert driver.run(site.root, flow()) == (6, 1, 1)


@BOTH
def test_the_version_header_of_another_host_is_ignored(driver: Driver) -> None:
    def flow(there: str) -> Flow[tuple[int, ...]]:
        yield from fetch(f"{there}/hub/api/users/ana")
        return (yield from HubVersion())

    def older(visit: Visit) -> None:
        visit.json({"name": "ana"}, headers={"X-JupyterHub-Version": "4.0.0"})

    with serving(answer_as_ana) as site, serving(older) as other:
        assert driver.run(site.root, flow(other.url)) == (6, 1, 1)
