from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import timedelta

import pytest

from jhub import (
    AsyncHub,
    Hub,
    HubBroken,
    InvalidInput,
    Members,
    NotFound,
    Request,
    SpawnFailed,
    Throttled,
    Unavailable,
    UnknownToken,
)
from jhub.operations.groups import GroupOps
from jhub.operations.servers import ServerOps
from jhub.operations.users import UserOps
from jhub.steps import call
from jhub.testing import FakeHub, play


@pytest.fixture
def fake() -> FakeHub:
    return FakeHub(["ana"], groups={"geo": ["ana", "bo"]}, properties={"geo": {"quota": 3}}, servers=["bo", "ana/lab"])


@pytest.fixture
def hub(fake: FakeHub) -> Iterator[Hub]:
    with client(fake, fake.token) as hub:
        yield hub


def client(fake: FakeHub, token: str) -> Hub:
    return Hub(fake.api_url, token, transport=fake.transport)


def get(path: str) -> Request[object]:
    return call("GET", path, object)


def test_it_begins_in_the_state_of_its_arguments(hub: Hub) -> None:
    assert [user.name for user in hub.users.list()] == ["admin", "ana", "bo"]
    assert hub.groups.get("geo").users == ("ana", "bo")
    assert hub.groups.get("geo").properties == {"quota": 3}
    assert sorted(server.target for server in hub.servers.list()) == ["ana/lab", "bo"]
    assert hub.whoami().admin


def test_its_name_can_be_another(fake: FakeHub) -> None:
    with client(other := FakeHub(admin="root", base_url="/hubs/one/"), other.token) as hub:
        assert hub.whoami().name == "root"
        assert hub.servers.start("root", "a").url == "https://fake.example.org/hubs/one/user/root/a/"
    assert repr(other) == "<FakeHub with 1 users and 0 groups>"


def test_properties_of_an_unknown_group_are_an_error() -> None:
    with pytest.raises(InvalidInput, match="bio"):
        FakeHub(properties={"bio": {}})


def test_it_answers_both_clients(fake: FakeHub) -> None:
    async def names() -> list[str]:
        async with AsyncHub(fake.api_url, fake.token, transport=fake.transport) as hub:
            server = await hub.servers.start("ana", "new", profile="lab")
            return [group.name async for group in hub.groups.list()] + [server.target]

    assert asyncio.run(names()) == ["geo", "ana/new"]


def test_it_pages_its_lists() -> None:
    fake = FakeHub(f"user{number}" for number in range(450))
    with client(fake, fake.token) as hub:
        assert len(list(hub.users.list())) == 451
    assert fake.calls.count("GET /users") == 3


def test_a_start_can_be_pending() -> None:
    fake = FakeHub(["ana"], pending_reads=2)
    with client(fake, fake.token) as hub:
        assert hub.servers.start("ana", wait=False).pending == "spawn"
        events = list(hub.servers.progress("ana"))
        assert [event.ready for event in events] == [False, False, True]
        hub.servers.stop("ana", wait=False)
        assert [hub.servers.get("ana").status for _ in range(3)] == ["stop", "stop", "stopped"]


def test_a_start_that_is_pending_can_be_cancelled() -> None:
    fake = FakeHub(["ana"], pending_reads=2)
    with client(fake, fake.token) as hub:
        hub.servers.start("ana", "lab", wait=False)
        hub.servers.delete("ana", "lab")
        with pytest.raises(NotFound):
            hub.servers.get("ana", "lab")


@pytest.mark.parametrize("pending_reads", [0, 2])
def test_one_start_can_fail(pending_reads: int) -> None:
    fake = FakeHub(["ana"], pending_reads=pending_reads)
    fake.fail_start("ana", "lab", reason="no GPU is left")
    played = play(ServerOps.start("ana", "lab"), fake)
    assert isinstance(played.error, SpawnFailed)
    assert played.error.reason == "no GPU is left"
    assert play(ServerOps.start("ana", "lab"), fake).result.ready


def test_a_start_of_an_unknown_user_cannot_fail(fake: FakeHub) -> None:
    with pytest.raises(InvalidInput, match="nobody"):
        fake.fail_start("nobody", reason="x")


def test_a_fleet_reports_the_start_that_fails(fake: FakeHub, hub: Hub) -> None:
    fake.fail_start("bo", "lab", reason="no GPU is left")
    summary = hub.servers.start_many(Members("geo", "lab"), max_failures=None).run()
    assert [str(event.target) for event in summary.failed] == ["bo/lab"]
    assert hub.servers.get("ana", "lab").ready


def test_one_request_can_fail(fake: FakeHub, hub: Hub) -> None:
    fake.fail("GET /groups/*", 500, "the disk is full")
    with pytest.raises(HubBroken, match="the disk is full"):
        hub.groups.get("geo")
    assert hub.groups.get("geo").name == "geo"


def test_a_proxy_can_fail_more_than_once(fake: FakeHub) -> None:
    fake.fail("GET /users/ana", 503, times=2)
    played = play(UserOps.get("ana"), fake)
    assert played.result.name == "ana"
    assert played.calls == ["GET /users/ana"] * 3
    fake.fail("GET /users/ana", 502, times=9)
    assert isinstance(play(UserOps.get("ana"), fake).error, Unavailable)


def test_a_request_can_be_throttled(fake: FakeHub) -> None:
    fake.throttle("POST /users/ana/server", retry_after=20)
    played = play(ServerOps.start("ana"), fake)
    assert played.result.ready
    assert played.seconds >= 20
    fake.throttle("POST /users/bo/*", retry_after=20)
    with pytest.raises(Throttled):
        play(ServerOps.start("bo", "x", wait=False), fake).result  # noqa: B018 - it raises


def test_a_request_can_time_out(fake: FakeHub, hub: Hub) -> None:
    fake.time_out("POST /groups/bio")
    with pytest.raises(Unavailable, match=r"did not answer within 60 s"):
        hub.groups.create("bio")
    with pytest.raises(NotFound):
        hub.groups.get("bio")


def test_an_answer_can_be_lost(fake: FakeHub) -> None:
    fake.time_out("POST /groups/bio", carried_out=True)
    assert play(GroupOps.create("bio", exist_ok=True), fake).result.name == "bio"
    assert fake.calls == ["POST /groups/bio", "POST /groups/bio", "GET /groups/bio"]


def test_a_token_has_the_rights_of_its_owner(fake: FakeHub) -> None:
    with client(fake, fake.token_of("ana")) as ana:
        assert ana.users.get("ana").name == "ana"
        with pytest.raises(NotFound):
            ana.users.get("bo")


def test_a_token_expires_when_the_test_says_so(fake: FakeHub, hub: Hub) -> None:
    token = hub.tokens.create("ana", expires_in=3600)
    with client(fake, token.token or "") as ana:
        fake.time += timedelta(seconds=3599)
        assert ana.whoami().name == "ana"
        fake.time += timedelta(seconds=1)
        with pytest.raises(UnknownToken):
            ana.users.get("ana")


def test_idle_time_is_by_its_clock(fake: FakeHub, hub: Hub) -> None:
    fake.time += timedelta(hours=3)
    hub.servers.start("ana", "new")
    assert [str(server.target) for server in hub.servers.list(idle=timedelta(hours=2))] == ["ana/lab", "bo"]


def test_idle_time_is_by_its_clock_in_a_flow_too(fake: FakeHub) -> None:
    fake.time += timedelta(hours=3)
    played = play(ServerOps.list(idle=timedelta(hours=2)), fake)
    assert [server.target for server in played.emitted] == ["ana/lab", "bo"]


@pytest.mark.parametrize("path", ["/shares/ana", "/services", "/nonsense"])
def test_what_it_does_not_have_is_an_error_of_the_test(hub: Hub, path: str) -> None:
    with pytest.raises(NotImplementedError, match="use a local hub"):
        hub.run(get(path))


def test_pages_of_the_site_are_an_error_of_the_test(hub: Hub) -> None:
    with pytest.raises(NotImplementedError, match="use a local hub"):
        hub.run(call("GET", "/user/ana/", object, root="site"))


def test_it_lists_no_profiles(hub: Hub) -> None:
    with pytest.raises(NotFound):
        hub.run(get("/profiles"))


def test_a_preview_sends_nothing_that_changes(fake: FakeHub, hub: Hub) -> None:
    preview = hub.preview(hub.groups.add_users, "geo", ["admin"])
    assert len(preview) == 1
    assert hub.groups.get("geo").users == ("ana", "bo")
    assert not [sent for sent in fake.calls if not sent.startswith("GET ")]


def test_a_failed_start_needs_a_user(fake: FakeHub) -> None:
    with pytest.raises(InvalidInput) as raised:
        fake.fail_start("nobody", reason="no GPU is left")
    assert raised.value.hint == "create it: FakeHub(users=['nobody'])"
