"""Paged listings: prefetch, order, repeated items, errors."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from jhub.errors import MissingScope, NotAHub, NotAuthorized, Unavailable
from jhub.models import Group, User
from jhub.operations.groups import GroupOps
from jhub.operations.paging import MAX_PAGE_SIZE, MAX_REMEMBERED_KEYS, MEDIA_TYPE, pages
from jhub.operations.proxy import ProxyOps
from jhub.operations.servers import ServerOps
from jhub.operations.users import UserOps
from jhub.steps import Answer, Emit, Flow, Fork, Listen, Request, Step, call
from jhub.testing import After, Reply, play, refusal, reply

ELSEWHERE = "http://internal-host:8081/hub/api/groups?offset=%d&limit=2"


def page(names: list[str], next_offset: int | None, total: int = 0, **user: Any) -> Answer:
    position = {"offset": 0, "limit": 2, "total": total, "next": None}
    if next_offset is not None:
        position["next"] = {"offset": next_offset, "limit": 2, "url": ELSEWHERE % next_offset}  # type: ignore[assignment]
    return reply(json={"items": [{"name": name, **user} for name in names], "_pagination": position})


def groups() -> Flow[None]:
    return pages("/groups", Group, lambda group: group.name, about="groups")


def names(emitted: list[Any]) -> list[str]:
    return [each.name for each in emitted]


def asked(step: object) -> dict[str, str]:
    assert isinstance(step, Request)
    return dict(step.query)


def test_every_page_is_requested_by_its_offset() -> None:
    played = play(groups(), [page(["a", "b"], 2), page(["c", "d"], 4), page(["e"], None)])
    assert names(played.emitted) == ["a", "b", "c", "d", "e"]
    assert [asked(step) for step in played.sent] == [
        {"offset": offset, "limit": str(MAX_PAGE_SIZE)} for offset in ("0", "2", "4")
    ]


def test_the_address_of_the_next_page_is_never_used() -> None:
    played = play(groups(), [page(["a"], 1), page(["b"], None)])
    assert played.calls == ["GET /groups", "GET /groups"]
    assert "internal-host" not in repr(played.sent)


def test_the_media_type_for_pages_is_requested() -> None:
    played = play(groups(), [page([], None)])
    request = played.sent[0]
    assert isinstance(request, Request)
    assert request.accept == MEDIA_TYPE == "application/jupyterhub-pagination+json"


@pytest.mark.parametrize("short", [["c"], []])
def test_a_short_page_is_not_the_last(short: list[str]) -> None:
    played = play(groups(), [page(["a", "b"], 2), page(short, 4), page(["e"], None)])
    assert names(played.emitted) == ["a", "b", *short, "e"]
    assert played.left == 0


def in_pages(total: int, size: int = 2, seconds: float = 1.0) -> Callable[[Request[Any] | Listen[Any]], Reply]:
    """Answers of a hub with `total` groups, which needs `seconds` for a page."""

    def answer(step: Request[Any] | Listen[Any]) -> Reply:
        offset = int(asked(step)["offset"])
        following = offset + size if offset + size < total else None
        there = [str(number) for number in range(offset, min(offset + size, total))]
        return After(seconds, page(there, following, total))

    return answer


def test_pages_in_flight_are_limited_and_listed_in_order() -> None:
    played = play(groups(), in_pages(total=41))
    assert names(played.emitted) == [str(number) for number in range(41)]
    assert len(played.sent) == 21
    # The first alone, the others four at a time.
    assert played.seconds == 1 + 20 / 4


def test_pages_that_arrive_out_of_order_are_listed_in_order() -> None:
    by_offset = in_pages(total=12)

    def answer(step: Request[Any] | Listen[Any]) -> Reply:
        return After(10 - int(asked(step)["offset"]) / 2, by_offset(step))

    assert names(play(groups(), answer).emitted) == [str(number) for number in range(12)]


def test_a_listing_after_one_that_failed_gets_its_own_pages() -> None:
    """Pages of the failed listing may still arrive."""
    by_offset = in_pages(total=20)
    failed = False

    def answer(step: Request[Any] | Listen[Any]) -> Reply:
        nonlocal failed
        if asked(step)["offset"] == "2" and not failed:
            failed = True
            return refusal(403)
        return After(10, by_offset(step)) if int(asked(step)["offset"]) > 2 and len(played_to) < 5 else by_offset(step)

    played_to: list[Any] = []

    def flow() -> Flow[None]:
        try:
            yield from groups()
        except NotAuthorized:
            played_to.append("failed")
        yield Emit("again")
        yield from groups()

    emitted = play(flow(), answer).emitted
    again = emitted.index("again")
    assert names(emitted[again + 1 :]) == [str(number) for number in range(20)]


def test_a_listing_beside_other_forks_is_an_error() -> None:
    def flow() -> Flow[None]:
        yield Fork(call("GET", "/users/ana", User), "ana")
        yield from groups()

    by_offset = in_pages(total=20)
    with pytest.raises(RuntimeError, match="fork the listing"):
        play(flow(), lambda step: reply(json={"name": "ana"}) if step.path == "/users/ana" else by_offset(step))


def test_the_last_page_is_requested_without_a_fork() -> None:
    flow = groups()
    first = next(flow)
    assert isinstance(first, Request)
    steps = [flow.send(first.read(page(["a", "b"], 2, total=3))), next(flow), next(flow)]
    assert [type(step) for step in steps] == [Emit, Emit, Request]
    flow.close()


def test_a_total_that_is_too_large_does_not_matter() -> None:
    """Before 5.0 the total counts servers instead of users."""
    played = play(groups(), [page(["a"], 1, total=9), page(["b"], None, total=9), *[page([], None, total=9)] * 3])
    assert names(played.emitted) == ["a", "b"]


def test_a_total_that_is_too_small_does_not_matter() -> None:
    played = play(groups(), [page(["a"], 1, total=1), page(["b"], 2, total=1), page(["c"], None, total=1)])
    assert names(played.emitted) == ["a", "b", "c"]


def test_items_added_during_the_listing_are_listed() -> None:
    grows = [page(["a"], 1, total=2), page(["b"], 2, total=3), page(["c"], None, total=3)]
    assert names(play(groups(), grows).emitted) == ["a", "b", "c"]


def test_a_refusal_of_a_prefetched_page_ends_the_listing() -> None:
    by_offset = in_pages(total=20)
    played = play(groups(), lambda step: refusal(403) if asked(step)["offset"] == "8" else by_offset(step))
    assert isinstance(played.error, NotAuthorized)


def test_the_hubs_smaller_page_size_is_used() -> None:
    played = play(groups(), in_pages(total=10, size=3))
    assert [asked(step)["offset"] for step in played.sent] == ["0", "3", "6", "9"]
    assert len(played.emitted) == 10


def test_items_of_a_listing_may_come_by_name() -> None:
    items = {"/": {"routespec": "/", "target": "http://127.0.0.1:8081", "data": {"hub": True}}}
    played = play(ProxyOps.routes(), [reply(json={"items": items, "_pagination": {"offset": 0, "next": None}})])
    assert [route.routespec for route in played.emitted] == ["/"]


def test_only_recent_items_are_remembered() -> None:
    played = play(
        groups(), [page([str(n) for n in range(MAX_REMEMBERED_KEYS)], 1), page(["0", "new"], 2), page(["0", "1"], None)]
    )
    assert names(played.emitted)[MAX_REMEMBERED_KEYS:] == ["new", "0", "1"]


def test_an_empty_page_is_an_empty_listing() -> None:
    played = play(groups(), [page([], None)])
    assert played.result is None
    assert played.emitted == []


def test_a_repeated_item_is_listed_once() -> None:
    played = play(groups(), [page(["a", "a", "b"], 3), page(["b", "c"], None)])
    assert names(played.emitted) == ["a", "b", "c"]


@pytest.mark.parametrize("offset", [2, 1, 0, -1])
def test_an_offset_that_does_not_grow_ends_the_listing(offset: int) -> None:
    played = play(groups(), [page(["a", "b"], 2), page(["c"], offset), page(["never"], None)])
    assert names(played.emitted) == ["a", "b", "c"]
    assert played.left == 1


def test_no_more_pages_are_requested_than_needed() -> None:
    answers = iter([page(["a", "b"], 2), page(["c", "d"], 4)])
    flow = groups()
    step: Step = next(flow)
    seen: list[str] = []
    requests = 0
    while len(seen) < 3:
        if isinstance(step, Request):
            requests += 1
            step = flow.send(step.read(next(answers)))
        else:
            assert isinstance(step, Emit)
            assert isinstance(step.event, Group)
            seen.append(step.event.name)
            if requests == 1:
                assert len(seen) <= 2
            if len(seen) < 3:
                step = next(flow)
    flow.close()
    assert requests == 2


def test_items_are_emitted_before_the_next_page_is_requested() -> None:
    flow = groups()
    first = next(flow)
    assert isinstance(first, Request)
    step = flow.send(first.read(page(["a"], 1)))
    assert isinstance(step, Emit)
    assert isinstance(next(flow), Request)
    flow.close()


def test_a_lost_page_is_requested_again() -> None:
    played = play(groups(), [page(["a"], 1), Unavailable("reset"), page(["b"], None)])
    assert names(played.emitted) == ["a", "b"]
    assert [asked(step)["offset"] for step in played.sent] == ["0", "1", "1"]


def test_a_refusal_keeps_the_items_before_it() -> None:
    message = "Action is not authorized with current scopes; requires any of [list:groups]"
    played = play(groups(), [page(["a"], 1), refusal(403, message)])
    assert isinstance(played.error, MissingScope)
    assert names(played.emitted) == ["a"]


@pytest.mark.parametrize("content", [[{"name": "a"}], {"items": []}, {"items": [{"nom": "a"}], "_pagination": {}}])
def test_an_answer_that_is_not_a_page_is_not_from_a_hub(content: object) -> None:
    played = play(groups(), [reply(json=content)])
    assert isinstance(played.error, NotAHub)


def test_a_page_without_a_next_is_the_last() -> None:
    content = msgspec.json.encode({"items": [{"name": "a"}], "_pagination": {"offset": 0}})
    played = play(groups(), [Answer(200, {"content-type": MEDIA_TYPE}, content)])
    assert names(played.emitted) == ["a"]


def test_users_are_listed_with_the_given_parameters() -> None:
    played = play(
        UserOps.list(name_filter="an", state="ready", sort="-last_activity", include_stopped_servers=True),
        [page(["ana"], 7), page(["joan"], None)],
    )
    assert all(isinstance(user, User) for user in played.emitted)
    assert asked(played.sent[1]) == {
        "name_filter": "an",
        "state": "ready",
        "sort": "-last_activity",
        "include_stopped_servers": "1",
        "offset": "7",
        "limit": "200",
    }


def test_users_are_listed_without_parameters_by_default() -> None:
    played = play(UserOps.list(), [page([], None)])
    assert asked(played.sent[0]) == {"offset": "0", "limit": "200"}


def test_the_groups_of_a_hub_are_listed() -> None:
    played = play(GroupOps.list(), [page(["geo"], None, users=["ana"])])
    assert played.emitted == [Group(name="geo", users=("ana",))]


def test_all_servers_are_read_from_the_active_users() -> None:
    servers = {"": {"ready": True}, "lab": {"name": "lab", "pending": "spawn"}}
    played = play(ServerOps.list(), [page(["ana"], 1, servers=servers), page(["ben", "ana"], None, servers=servers)])
    assert [server.target for server in played.emitted] == ["ana", "ana/lab", "ben", "ben/lab"]
    assert asked(played.sent[0])["state"] == "active"


def test_all_servers_include_stopped_ones_on_request() -> None:
    played = play(ServerOps.list(stopped=True), [page([], None)])
    assert asked(played.sent[0])["include_stopped_servers"] == "1"
    assert "state" not in asked(played.sent[0])


def test_the_servers_of_one_user_are_read_from_that_user() -> None:
    played = play(ServerOps.list("ana", stopped=True), [reply(json={"name": "ana", "servers": {"": {}}})])
    assert [server.target for server in played.emitted] == ["ana"]
    assert played.calls == ["GET /users/ana"]
    assert asked(played.sent[0]) == {"include_stopped_servers": "1"}
