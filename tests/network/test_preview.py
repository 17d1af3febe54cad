"""The output of `preview`, which never sends anything."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest
from loopback import Site, Visit, serving

from jhub import AsyncHub, Hub
from jhub.errors import HubError, InvalidInput
from jhub.models import Token
from jhub.preview import MAX_WRITES, Preview, preview, preview_operation
from jhub.steps import Emit, Flow, send
from jhub.testing import play, reply

GEO = {
    "/user": {"name": "admin", "kind": "user", "scopes": ["delete:groups", "read:groups"]},
    "/groups/geo": {"name": "geo", "users": []},
}
"""Answers of a hub with the group geo."""


def route(visit: Visit) -> None:
    """Answer as a hub with the group geo."""
    path = visit.path.removeprefix("/hub/api")
    visit.json(GEO.get(path, {"items": [], "_pagination": {"next": None, "total": 0}}))


@pytest.fixture
def site() -> Iterator[Site]:
    with serving(route) as site:
        yield site


def delete(name: str) -> Flow[None]:
    """Delete a group, as a flow of your own."""
    yield from Hub.groups.delete(name)


Call = Callable[[Hub], Preview]


@pytest.mark.parametrize(
    "call",
    [
        lambda hub: hub.preview(hub.groups.delete, "geo"),
        lambda hub: hub.preview(partial(hub.groups.delete, "geo")),
        lambda hub: hub.preview(Hub.groups.delete, "geo"),
        lambda hub: hub.preview(delete, "geo"),
        lambda hub: hub.preview(lambda: Hub.groups.delete("geo")),
    ],
)
def test_methods_and_functions_can_be_previewed(call: Call, site: Site) -> None:
    with Hub(site.root, "SECRET") as hub:
        found = call(hub)
    assert (str(found), len(found), found.complete) == ("DELETE /groups/geo", 1, True)
    assert [call.split()[0] for call in site.calls] == ["GET", "GET"]


def mixed(hub: Hub) -> Flow[None]:
    """Run a flow with a call that lacks its `yield from`."""
    hub.groups.delete("geo")
    yield from send("DELETE", "/users/ana")


@pytest.mark.parametrize(
    "call",
    [
        lambda hub: hub.preview(lambda: hub.groups.delete("geo")),
        lambda hub: hub.preview(hub.run, send("DELETE", "/users/ana")),
        lambda hub: list(hub.preview(hub.events, send("DELETE", "/users/ana"))),
        lambda hub: hub.preview(hub.servers.stop_many(["ana"]).run),
        lambda hub: hub.preview(mixed, hub),
        lambda hub: hub.preview(print),
        lambda hub: hub.preview(str, "x"),
        lambda hub: hub.preview(hub.users),
        lambda hub: hub.preview(delete("geo")),
        lambda hub: hub.run("x"),
        lambda hub: hub.run(None),
    ],
)
@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_an_argument_that_is_not_a_call_is_a_type_error(call: Any, site: Site) -> None:
    with Hub(site.root, "SECRET") as hub, pytest.raises(TypeError):
        call(hub)
    assert [each for each in site.calls if not each.startswith("GET")] == []


def test_a_call_instead_of_the_async_method_is_a_type_error(site: Site) -> None:
    async def go() -> None:
        async with AsyncHub(site.root, "SECRET") as hub:
            assert str(await hub.preview(hub.groups.delete, "geo")) == "DELETE /groups/geo"
            with pytest.raises(TypeError, match="preview takes a method"):
                await hub.preview(lambda: hub.groups.delete("geo"))

    asyncio.run(go())
    assert [call.split()[0] for call in site.calls] == ["GET", "GET"]


def previewed(flow: Flow[Any]) -> Preview:
    return play(preview_operation(flow), lambda step: reply(json=GEO[step.path])).result


def test_an_endless_preview_is_truncated() -> None:
    def forever() -> Flow[None]:
        while True:
            yield from send("POST", "/x")

    found = previewed(forever())
    assert (len(found), found.complete) == (MAX_WRITES, False)


def test_a_preview_of_a_flow_with_a_clean_up_is_silent(recwarn: pytest.WarningsRecorder) -> None:
    def use() -> Flow[None]:
        yield from send("POST", "/x")
        try:
            yield from Hub.users.get("ana")
        finally:
            yield from send("DELETE", "/x")

    assert str(previewed(use())) == "POST /x\n(further requests depend on the answers)"
    assert not recwarn.list


def test_an_error_before_the_first_write_is_raised() -> None:
    def fails() -> Flow[None]:
        yield Emit("a step")
        raise InvalidInput("no")

    with pytest.raises(InvalidInput, match="no"):
        previewed(fails())


@pytest.mark.parametrize("value", [object(), float("nan"), "\ud800"])
def test_a_value_that_cannot_be_sent_is_refused(value: object) -> None:
    with pytest.raises(InvalidInput, match="cannot encode the body as JSON"):
        previewed(send("POST", "/x", body={"a": value}).__iter__())


@pytest.mark.parametrize(
    "body",
    [
        {"password": "SECRET"},
        {"auth": [{"2fa": "SECRET", "otp": "SECRET", "_xsrf": "SECRET"}]},
        {"user_options": {"env": {"TOKEN": "SECRET"}}},
        {"made": Token(token="SECRET")},
    ],
)
def test_no_secret_is_shown(body: object) -> None:
    request = send("POST", "/x", body=body, query=(("code", "SECRET"), ("page", "2")), about="x")
    assert "SECRET" not in f"{request} {request!r}"
    assert "page=2" in str(request)


def test_failures_and_empty_previews_are_shown() -> None:
    failed = Preview((), complete=True, failed=(HubError("server ana: cannot be deleted"),))
    assert str(failed) == "(fails: server ana: cannot be deleted)"
    assert str(Preview((), complete=True)) == "(nothing)"


def test_a_flow_runs_once() -> None:
    flow = delete("geo")
    assert len(previewed(flow)) == 1
    with pytest.raises(RuntimeError, match="has already run"):
        play(flow)
    assert callable(preview)
