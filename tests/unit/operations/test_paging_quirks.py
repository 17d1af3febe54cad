"""Quirks of JupyterHub's lists."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from quirks import page, queries, requests

from jhub.errors import HubBroken, MissingScope, NotAHub
from jhub.fleet.servers import FleetOps
from jhub.operations.groups import GroupOps
from jhub.operations.paging import MAX_PAGES_IN_FLIGHT
from jhub.operations.proxy import ProxyOps
from jhub.operations.servers import ServerOps
from jhub.operations.services import ServiceOps
from jhub.operations.shares import ShareCodeOps, ShareOps
from jhub.operations.users import UserOps
from jhub.steps import Listen, Operation, Request
from jhub.testing import After, Reply, play, refusal, reply

Step = Request[Any] | Listen[Any]

MEDIA_TYPE = "application/jupyterhub-pagination+json"
PAGED = [
    UserOps.list,
    GroupOps.list,
    ServerOps.list,
    ProxyOps.routes,
    lambda: ShareOps.list("ana"),
    lambda: ShareOps.list_shared_with(user="ana"),
    lambda: ShareCodeOps.list("ana"),
]


def users(*names: str, **fields: Any) -> list[dict[str, Any]]:
    return [{"kind": "user", "name": name, "servers": {}, **fields} for name in names]


def listed(plan: Operation[Any], *pages: Reply, version: str = "6.1.1") -> list[str]:
    """Return the names in a listing; every page must be requested."""
    played = play(plan, pages, version=version)
    assert played.error is None
    assert played.left == 0
    return [each.name for each in played.emitted]


@pytest.mark.parametrize("listing", PAGED)
def test_every_page_is_requested_by_media_type_and_offset(listing: Callable[[], Operation[Any]]) -> None:
    played = play(listing(), [page(then=200), page(at=200, then=400), page(at=400)])
    assert {request.accept for request in requests(played)} == {MEDIA_TYPE}
    assert [query["offset"] for query in queries(played)] == ["0", "200", "400"]
    assert {query["limit"] for query in queries(played)} == {"200"}


@pytest.mark.parametrize("listing", PAGED)
def test_the_hubs_address_of_the_next_page_is_never_used(listing: Callable[[], Operation[Any]]) -> None:
    played = play(listing(), [page(then=200), page(at=200)])
    assert len({request.path for request in requests(played)}) == 1
    assert not [call for call in played.calls if "10.0.0.7" in call]


def test_a_bare_list_is_not_accepted_as_complete() -> None:
    """The hub silently truncates it at 200. Such an answer means that a proxy dropped the header of the request."""
    played = play(UserOps.list(), [reply(json=users("ana", "bo"))])
    assert isinstance(played.error, NotAHub)
    assert played.emitted == []


def test_a_short_or_empty_page_is_not_the_last() -> None:
    """`state=ready` filters after the page was selected."""
    pages = (
        page(*users("ana"), then=200, total=500),
        page(at=200, then=400, total=500),
        page(*users("bo"), at=400, total=500),
    )
    assert listed(UserOps.list(state="ready"), *pages) == ["ana", "bo"]


def test_a_full_page_may_be_the_last() -> None:
    full = [f"user{n}" for n in range(200)]
    assert listed(UserOps.list(), page(*users(*full), total=200)) == full


def test_before_5_0_pages_repeat_users_who_have_several_servers() -> None:
    """The query joins users with servers and does not group."""
    pages = (
        page(*users("ana", "ana", "bo"), then=3, total=6, limit=3),
        page(*users("bo", "bo", "cy"), at=3, total=6, limit=3),
    )
    assert listed(UserOps.list(state="active"), *pages, version="4.1.6") == ["ana", "bo", "cy"]


def test_before_5_0_servers_of_a_repeated_user_are_listed_once() -> None:
    servers = {name: {"name": name, "ready": True} for name in ("", "lab")}
    played = play(ServerOps.list(), [page(*users("ana", "ana", servers=servers))], version="4.1.6")
    assert [server.target for server in played.emitted] == ["ana", "ana/lab"]


def test_a_total_beyond_the_list_requests_no_more_pages() -> None:
    """The total counts groups that the token cannot see, and before 5.0 servers instead of users."""
    assert listed(GroupOps.list(), page({"name": "geo"}, total=5000)) == ["geo"]


def test_a_limit_that_the_hub_lowers_skips_nobody() -> None:
    """The administrator can lower `api_page_max_limit`."""
    names = [f"user{n}" for n in range(10)]

    def answer(step: Step) -> Reply:
        at = int(dict(step.query)["offset"]) if isinstance(step, Request) else 0
        return page(*users(*names[at : at + 3]), at=at, then=at + 3 if at + 3 < 10 else None, total=10, limit=3)

    played = play(UserOps.list(), answer)
    assert [user.name for user in played.emitted] == names
    assert [query["offset"] for query in queries(played)] == ["0", "3", "6", "9"]


def test_4_1_ignores_the_order_so_it_is_not_sent() -> None:
    seen = [("cy", "2026-01-03T00:00:00Z"), ("ana", "2026-01-02T00:00:00Z"), ("bo", None)]
    pages = [page(*({"name": name, "last_activity": at} for name, at in seen))]
    for sort, names in {
        "name": ["ana", "bo", "cy"],
        "-name": ["cy", "bo", "ana"],
        "last_activity": ["bo", "ana", "cy"],
        "-last_activity": ["cy", "ana", "bo"],
        "id": ["cy", "ana", "bo"],
        "-id": ["bo", "ana", "cy"],
    }.items():
        played = play(UserOps.list(sort=sort), pages, version="4.1.6")  # type: ignore[arg-type]  # a literal each
        assert [user.name for user in played.emitted] == names
        assert "sort" not in queries(played)[0]
    assert queries(play(UserOps.list(sort="name"), pages, version="5.0.0"))[0]["sort"] == "name"


def test_the_name_filter_is_applied_again_here() -> None:
    played = play(UserOps.list(name_filter="A_1"), [page(*users("a_1", "ab1", "xa_12", "zoe"))])
    assert [user.name for user in played.emitted] == ["a_1", "xa_12"]


def test_without_read_servers_the_list_of_servers_is_refused() -> None:
    """The hub silently leaves `servers` out."""
    played = play(ServerOps.list(), [page({"name": "ana", "server": "/user/ana/"})])
    assert isinstance(played.error, MissingScope)
    assert played.error.scopes == ("read:servers",)


def test_stopped_servers_are_listed_only_on_request() -> None:
    assert queries(play(ServerOps.list(), [page()])) == [{"state": "active", "offset": "0", "limit": "200"}]
    (query,) = queries(play(ServerOps.list(stopped=True), [page()]))
    assert query == {"include_stopped_servers": "1", "offset": "0", "limit": "200"}


@pytest.mark.parametrize("many", [FleetOps.stop_many, FleetOps.delete_many, FleetOps.start_many])
def test_targets_are_collected_before_the_first_stop(
    many: Callable[[Any], Operation[Any]],
) -> None:
    """Otherwise pages shift, and `hub.servers.stop_many(hub.servers.list())` skips servers behind the first page."""
    taken: list[str] = []

    def listing() -> Iterator[str]:
        for name in ("ana/lab", "bo/lab", "cy/lab"):
            taken.append(name)
            yield name

    asked: list[int] = []

    def answer(step: Step) -> Reply:
        asked.append(len(taken))
        return refusal(404)

    play(many(listing()), answer)
    assert asked[0] == 3


def test_existing_groups_are_read_before_one_is_created() -> None:
    played = play(
        GroupOps.create_many(["geo", "bio"], exist_ok=True),
        [page({"name": "x"}, then=1), page({"name": "geo"}, at=1), reply(201, [{"name": "bio"}])],
    )
    assert played.calls == ["GET /groups", "GET /groups", "POST /groups"]
    assert [group.name for group in played.result] == ["geo", "bio"]


def test_at_most_four_pages_are_in_flight() -> None:
    """A hub answers reads one after the other, so more than four in flight gain nothing."""

    def answer(step: Step) -> Reply:
        at = int(dict(step.query)["offset"]) if isinstance(step, Request) else 0
        return After(1, page(at=at, then=at + 200 if at < 3800 else None, total=4000))

    played = play(UserOps.list(), answer)
    assert MAX_PAGES_IN_FLIGHT == 4
    assert len(played.sent) == 20
    assert played.seconds >= 1 + 19 / 4


def test_a_page_without_its_expired_codes_is_not_the_last() -> None:
    code = {"id": "sc_1", "server": {"user": {"name": "ana"}}}
    played = play(ShareCodeOps.list("ana", ""), [page(then=200, total=201), page(code, at=200, total=201)])
    assert [code.id for code in played.emitted] == ["sc_1"]


def test_services_are_not_paged() -> None:
    played = play(ServiceOps.list(), [reply(json={"b": {"name": "b"}, "a": {"name": "a"}})])
    assert [service.name for service in played.emitted] == ["a", "b"]
    assert queries(played) == [{}]


def test_routes_are_paged_by_their_path() -> None:
    routes = {"/user/ana/": {"routespec": "/user/ana/", "target": "http://10.1.0.3:8888", "data": {"user": "ana"}}}
    content = {"items": routes, "_pagination": {"offset": 0, "limit": 200, "total": 1, "next": None}}
    played = play(ProxyOps.routes(), [reply(json=content)])
    assert [route.routespec for route in played.emitted] == ["/user/ana/"]


def test_a_list_that_6_1_fails_to_give_is_not_retried() -> None:
    """After a user's name was erased, the list with stopped servers answers 500 to every client."""
    played = play(UserOps.list(include_stopped_servers=True), [refusal(500, "Internal Server Error")])
    assert isinstance(played.error, HubBroken)
    assert played.seconds == 0
