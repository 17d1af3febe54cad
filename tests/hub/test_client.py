"""The whole API on a real hub, through `Hub` and `AsyncHub`: as an administrator, a user, and a service."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from anyio.from_thread import BlockingPortal, start_blocking_portal
from both import blocking
from hub_api import Api, Tokens

from jhub import Conflict, Hub, MissingScope, NotAuthorized, NotFound, SpawnFailed, WaitTimeout
from jhub.errors import APIError, BadRequest, InvalidInput
from jhub.local import LocalHub
from jhub.steps import Request

Connect = Callable[..., Any]
Fresh = Callable[[str], str]


@pytest.fixture(scope="module")
def portal() -> Iterator[BlockingPortal]:
    """Run an event loop in a thread, for AsyncHub."""
    with start_blocking_portal() as running:
        yield running


@pytest.fixture(params=["Hub", "AsyncHub"])
def connect(request: pytest.FixtureRequest, portal: BlockingPortal) -> Iterator[Connect]:
    """Return a function that creates clients: `Hub` in one run, `AsyncHub` in the other."""
    made: list[Any] = []

    def make(url: str, token: str | None = None) -> Any:
        made.append(Hub(url, token) if request.param == "Hub" else blocking(portal, url, token))
        return made[-1]

    yield make
    for client in made:
        client.close() if request.param == "Hub" else client.aclose()


@pytest.fixture
def admin(connect: Connect, hub: LocalHub, hub_tokens: Tokens) -> Any:
    return connect(hub.url, hub_tokens.admin)


@pytest.fixture
def ana(connect: Connect, hub: LocalHub, hub_tokens: Tokens) -> Any:
    return connect(hub.url, hub_tokens.ana)


@pytest.fixture
def robot(connect: Connect, hub: LocalHub, hub_tokens: Tokens) -> Any:
    return connect(hub.url, hub_tokens.service)


@pytest.fixture
def zero_admin(connect: Connect, zero_hub: LocalHub, zero_tokens: Tokens) -> Any:
    return connect(zero_hub.url, zero_tokens.admin)


def profile_of(api: Api, server: Any) -> Any:
    """Return the profile that the server itself reports."""
    return api.at(server.url).json()["profile"]


def named(client: Any, user: str) -> list[str]:
    """Return the user's named servers, running or not. The default server always exists."""
    return [server.name for server in client.servers.list(user, stopped=True) if server.name]


def test_the_hub_returns_its_version_and_components(admin: Any, hub: LocalHub) -> None:
    assert admin.version() == hub.version
    assert admin.info().version == hub.version
    assert admin.info().authenticator.class_.endswith("SharedPasswordAuthenticator")


def test_whoami_needs_no_scope(admin: Any, ana: Any, robot: Any) -> None:
    assert (admin.whoami().name, admin.whoami().admin) == ("admin", True)
    assert (ana.whoami().name, ana.whoami().admin) == ("ana", False)
    assert (robot.whoami().name, robot.whoami().kind) == ("robot", "service")
    assert "list:users" in robot.whoami().scopes


@pytest.mark.parametrize(
    "pasted", ["", "hub/home", "hub/api", "hub/login?next=%2Fhub", "user/ana/lab/tree#x", "services/x"]
)
def test_any_address_of_the_hub_works(connect: Connect, hub: LocalHub, hub_tokens: Tokens, pasted: str) -> None:
    assert connect(hub.url + pasted, hub_tokens.ana).whoami().name == "ana"


def test_an_unknown_token_is_not_authorized(connect: Connect, hub: LocalHub) -> None:
    with pytest.raises(NotAuthorized, match="the token is missing, unknown, expired or revoked"):
        connect(hub.url, "0" * 32).whoami()


def test_users_are_created_found_listed_and_deleted(admin: Any, fresh: Fresh) -> None:
    name = fresh("user")
    assert admin.users.create(name).name == name
    with pytest.raises(Conflict, match=f"user {name}: already exists"):
        admin.users.create(name)
    assert admin.users.create(name, exist_ok=True).name == name
    assert [user.name for user in admin.users.list(name_filter=name)] == [name]
    admin.users.delete(name)
    with pytest.raises(NotFound, match=f"user {name}: not found"):
        admin.users.get(name)


def test_a_created_user_has_the_name_that_the_hub_stores(admin: Any, fresh: Fresh) -> None:
    name = fresh("User")
    assert admin.users.create(name).name == name.lower()
    assert admin.users.create(name, exist_ok=True).name == name.lower()


@pytest.mark.parametrize("odd", ["with space", "at@example.org", "ümläut", "plus+and&more", "100%", "semi;colon"])
def test_odd_names_are_quoted(admin: Any, fresh: Fresh, odd: str) -> None:
    name = f"{fresh('user')} {odd}"
    group = fresh("group") + odd
    admin.users.create(name)
    admin.groups.create(group)
    assert admin.groups.add_users(group, [name]).users == (name,)
    assert admin.users.get(name).groups == (group,)
    admin.groups.delete(group)
    admin.users.delete(name)


@pytest.mark.parametrize("bad", ["..", ".", "a/../b", "../groups", "a\nb", "", "a\\..", "%2e%2e"])
def test_names_that_could_change_the_path_are_never_sent(admin: Any, bad: str) -> None:
    for act in (admin.users.get, admin.users.create, admin.users.delete, admin.groups.get, admin.groups.delete):
        with pytest.raises(InvalidInput):
            act(bad)


def test_lists_are_complete_beyond_the_largest_page(admin: Any, api: Api, fresh: Fresh) -> None:
    prefix = fresh("many")
    names = [f"{prefix}-{number}" for number in range(230)]
    for start in range(0, len(names), 50):
        assert api("POST", "/users", json={"usernames": names[start : start + 50]}).status_code == 201
    listed = [user.name for user in admin.users.list(name_filter=prefix)]
    assert sorted(listed) == sorted(names)


def test_deleting_a_user_stops_their_named_servers_first(admin: Any, user: str) -> None:
    admin.servers.start(user, "work", profile="stub")
    admin.users.delete(user)
    with pytest.raises(NotFound):
        admin.users.get(user)


def test_groups_are_created_changed_listed_and_deleted(admin: Any, user: str, fresh: Fresh) -> None:
    name = fresh("group")
    assert admin.groups.create(name).users == ()
    with pytest.raises(Conflict):
        admin.groups.create(name)
    assert admin.groups.create(name, exist_ok=True).name == name
    assert admin.groups.add_users(name, [user, "ana"]).users == (user, "ana")
    assert admin.groups.add_users(name, [user]).users == (user, "ana")
    assert admin.groups.remove_users(name, ["ana"]).users == (user,)
    assert name in [group.name for group in admin.groups.list()]
    admin.groups.delete(name)
    with pytest.raises(NotFound, match=f"group {name}: not found"):
        admin.groups.get(name)


def test_an_unknown_user_is_named_and_nobody_is_added(admin: Any, user: str, fresh: Fresh) -> None:
    name = fresh("group")
    admin.groups.create(name)
    with pytest.raises(NotFound, match="No such user: ghost") as caught:
        admin.groups.add_users(name, [user, "ghost", "ana"])
    assert "no user was changed" in caught.value.hint
    assert admin.groups.get(name).users == ()


def test_other_properties_stay_unchanged(admin: Any, fresh: Fresh) -> None:
    name = fresh("group")
    admin.groups.create(name)
    admin.groups.set_properties(name, {"room": "B12", "seats": 30})
    assert admin.groups.set_properties(name, {"seats": None, "term": "summer"}).properties == {
        "room": "B12",
        "term": "summer",
    }


def test_a_token_is_created_from_a_password_used_and_revoked(connect: Connect, hub: LocalHub) -> None:
    door = connect(hub.url)
    made = door.tokens.create_with_password("ana", hub.user_password, note="a test", expires_in=600)
    assert timedelta(minutes=9) < made.expires_at - datetime.now(UTC) < timedelta(minutes=11)
    assert made.token not in repr(made)
    mine = connect(hub.url, made.token)
    assert made.id in [token.id for token in mine.tokens.list("ana")]
    mine.tokens.revoke("ana", made.id)
    with pytest.raises(NotAuthorized):
        mine.whoami()


def test_a_wrong_password_is_refused_with_a_hint(connect: Connect, hub: LocalHub) -> None:
    with pytest.raises(NotAuthorized, match="refused this username and password") as caught:
        connect(hub.url).tokens.create_with_password("ana", "not the password")
    assert "single sign-on" in caught.value.hint


def test_a_token_with_limited_scopes_names_the_missing_scope(connect: Connect, admin: Any, hub: LocalHub) -> None:
    made = admin.tokens.create("admin", scopes=["list:users", "read:users:name"], expires_in=600)
    narrow = connect(hub.url, made.token)
    assert "ana" in [user.name for user in narrow.users.list()]
    with pytest.raises(MissingScope, match="admin:groups") as caught:
        narrow.groups.create("geo")
    assert caught.value.scopes == ("admin:groups",)


@pytest.mark.parametrize("name", ["", "work"])
def test_a_server_is_started_from_a_profile_restarted_and_stopped(admin: Any, api: Api, user: str, name: str) -> None:
    server = admin.servers.start(user, name, profile="lean", user_options={"size": 2})
    assert (server.ready, server.user, server.profile) == (True, user, "lean")
    assert [one.target for one in admin.servers.list(user)] == [server.target]
    assert server.target in [one.target for one in admin.servers.list()]

    again = admin.servers.restart(user, name)
    assert again.user_options == {"profile": "lean", "size": 2}
    assert again.started > server.started
    assert admin.servers.restart(user, name, profile="stub").user_options == {"profile": "stub"}

    admin.servers.stop(user, name)
    admin.servers.stop(user, name)
    assert admin.servers.get(user, name).stopped
    assert list(admin.servers.list(user)) == []
    assert (user, name) in [(one.user, one.name) for one in admin.servers.list(user, stopped=True) if one.stopped]


def test_a_start_beyond_slow_spawn_timeout_is_followed(admin: Any, api: Api, user: str) -> None:
    server = admin.servers.start(user, "work", profile="slow_spawn")
    assert server.ready
    assert profile_of(api, server) == "slow_spawn"


def test_a_start_without_a_profile_does_not_reuse_options(admin: Any, api: Api, user: str) -> None:
    admin.servers.start(user, "work", profile="lean")
    admin.servers.stop(user, "work")
    server = admin.servers.start(user, "work")
    assert server.profile == profile_of(api, server) == "stub"


def test_a_running_server_is_returned_or_raises_conflict(admin: Any, user: str) -> None:
    first = admin.servers.start(user, "work", profile="stub")
    assert admin.servers.start(user, "work", profile="stub").started == first.started
    with pytest.raises(Conflict, match="already running with other options \\(profile=stub\\)"):
        admin.servers.start(user, "work", profile="lean")


def test_a_named_server_is_deleted(admin: Any, user: str) -> None:
    admin.servers.start(user, "work", profile="stub")
    admin.servers.delete(user, "work")
    assert named(admin, user) == []
    with pytest.raises(NotFound):
        admin.servers.get(user, "work")
    with pytest.raises(NotFound):
        admin.servers.delete(user, "work")


def test_a_start_without_wait_is_followed_and_waited_for(zero_admin: Any, zero_user: str) -> None:
    begun = zero_admin.servers.start(zero_user, "work", profile="slow_spawn", wait=False)
    assert begun.pending == "spawn"
    events = list(zero_admin.servers.progress(zero_user, "work"))
    assert events[-1].ready
    assert zero_admin.servers.wait(zero_user, "work").ready


def test_a_wait_that_is_too_short_raises_wait_timeout(zero_admin: Any, zero_user: str) -> None:
    began = time.monotonic()
    with pytest.raises(WaitTimeout, match=r"not ready after .*: still starting"):
        zero_admin.servers.start(zero_user, "work", profile="slow_spawn", timeout=1)
    assert time.monotonic() - began < 60
    assert zero_admin.servers.wait(zero_user, "work").ready


def test_a_start_can_be_cancelled(zero_admin: Any, zero_user: str) -> None:
    zero_admin.servers.start(zero_user, "work", profile="never_spawn", wait=False)
    zero_admin.servers.stop(zero_user, "work")
    assert not zero_admin.servers.get(zero_user, "work").active


def test_an_unknown_profile_is_refused_with_the_known_ones(admin: Any, zero_admin: Any, user: str) -> None:
    for one, name in ((admin, user), (zero_admin, "ana")):
        with pytest.raises(NotFound, match="unknown profile 'gpu'; available: lab, lean, stub"):
            one.servers.start(name, "work", profile="gpu")
        assert named(one, name) == []


def test_a_server_that_dies_at_once_has_the_hubs_reason(admin: Any, user: str) -> None:
    with pytest.raises(SpawnFailed) as caught:
        admin.servers.start(user, "work", profile="dead_at_once")
    assert caught.value.reason not in ("", "Internal Server Error", "the hub gives no reason")
    assert not admin.servers.get(user, "work").active


def test_failed_starts_have_the_hubs_reason_from_the_stream(zero_admin: Any, zero_user: str) -> None:
    names = {"dead": "dead_at_once", "never": "never_spawn", "ends": "ends_at_once"}
    for name, profile in names.items():
        zero_admin.servers.start(zero_user, name, profile=profile, wait=False)
    reasons = set[str]()
    for name in names:
        with pytest.raises(SpawnFailed) as caught:
            zero_admin.servers.wait(zero_user, name)
        reasons.add(caught.value.reason)
    assert len(reasons) == 3, "each failed for a reason of its own"
    assert not reasons & {"", "the hub gives no reason"}


def test_several_servers_are_started_at_once(zero_admin: Any, zero_user: str, fresh: Fresh) -> None:
    other = zero_admin.users.create(fresh("user")).name
    targets = [zero_user, f"{zero_user}/work", (other, "work")]
    with zero_admin.servers.start_many(targets, profile="slow_spawn") as fleet:
        events = list(fleet)
    assert {event.kind for event in events} >= {"queued", "starting", "progress", "ready"}
    assert fleet.summary.ok
    assert {str(event.target) for event in fleet.summary.done} == {zero_user, f"{zero_user}/work", f"{other}/work"}
    with zero_admin.servers.stop_many(targets) as fleet:
        assert {event.kind for event in fleet} == {"queued", "stopping", "stopped"}
    assert list(zero_admin.servers.list(zero_user)) == []


def test_two_failures_in_a_row_stop_a_fleet(zero_admin: Any, zero_user: str) -> None:
    targets = [f"{zero_user}/s{number}" for number in range(5)]
    with zero_admin.servers.start_many(targets, profile="ends_at_once") as fleet:
        events = list(fleet)
    assert [event.kind for event in events].count("failed") == 2
    assert [event.kind for event in events].count("skipped") == 3
    assert not fleet.summary.ok


def test_many_users_are_created_and_bad_names_skipped(admin: Any, fresh: Fresh) -> None:
    prefix = fresh("many")
    names = [f"{prefix}-{number}" for number in range(40)]
    there, bad, shouted = admin.users.create(names[3]).name, f"{names[5]} ", names[7].upper()
    given = [*names[:5], bad, names[6], shouted, *names[8:]]
    with admin.users.create_many(given) as fleet:
        events = list(fleet)
    assert {event.name: event.kind for event in events} == {
        name: "exists" if name == there else "failed" if name == bad else "created" for name in given
    }
    assert "Invalid username" in fleet.summary.failed[0].message
    assert next(event.user.name for event in events if event.name == shouted) == names[7]
    created = {user.name for user in admin.users.list(name_filter=prefix)}
    assert created == set(names) - {names[5]}
    with admin.users.create_many(given) as fleet:
        assert {event.kind for event in fleet} == {"exists", "failed"}


def test_an_existing_user_does_not_become_an_administrator(admin: Any, user: str, fresh: Fresh) -> None:
    new = fresh("root")
    with admin.users.create_many([user, "admin", new], admin=True) as fleet:
        assert {event.name: event.kind for event in fleet} == {new: "created", "admin": "exists", user: "failed"}
    assert admin.users.get(new).admin


def test_set_users_sets_the_exact_members(admin: Any, fresh: Fresh) -> None:
    group, names = fresh("exact"), [fresh("member") for _ in range(70)]
    with admin.users.create_many(names) as fleet:
        assert len(list(fleet)) == 70
    admin.groups.create_many([group], users=names[:35])
    summary = admin.groups.set_users(group, [*names[30:], "ghost"])
    assert [event.message for event in summary.failed] == ["No such user: ghost"]
    assert [event.kind for event in summary.done] == ["added"] * 35 + ["removed"] * 30
    assert set(admin.groups.get(group).users) == set(names[30:])
    assert admin.groups.set_users(group, names[30:]).done == ()
    with pytest.raises(NotFound):
        admin.groups.set_users(fresh("nogroup"), names)


def test_users_manage_their_own_servers_and_tokens(ana: Any, api: Api, fresh: Fresh) -> None:
    name = fresh("mine")
    server = ana.servers.start("ana", name, profile="stub")
    assert profile_of(api, server) == "stub"
    made = ana.tokens.create("ana", note="mine", expires_in=60)
    ana.tokens.revoke("ana", made.id)
    ana.servers.delete("ana", name)


def test_a_user_without_the_scope_is_refused(ana: Any, user: str) -> None:
    with pytest.raises(MissingScope) as caught:
        list(ana.users.list())
    assert "list:users" in caught.value.hint
    with pytest.raises(MissingScope):
        ana.groups.create("mine")
    with pytest.raises(APIError, match="not found, or not visible to this token"):
        ana.servers.start(user)


def test_a_service_is_limited_to_its_scopes(robot: Any, admin: Any, user: str, fresh: Fresh) -> None:
    group = fresh("group")
    admin.groups.create(group)
    assert user in [one.name for one in robot.users.list(name_filter=user)]
    assert robot.groups.add_users(group, [user]).users == (user,)
    assert robot.servers.start(user, "work", profile="stub").ready
    robot.servers.stop(user, "work")
    refused: tuple[tuple[Callable[[], object], str], ...] = (
        (lambda: robot.groups.create("geo"), "admin:groups"),
        (lambda: robot.users.create(fresh("user")), "admin:users"),
        (lambda: robot.users.delete(user), "delete:users"),
    )
    for act, scope in refused:
        with pytest.raises(MissingScope) as caught:
            act()
        assert scope in caught.value.scopes


def test_bad_requests_change_nothing(admin: Any, user: str) -> None:
    with pytest.raises(BadRequest):
        admin.run(Request("POST", f"/users/{user}/activity", lambda answer: None, body={}))
    with pytest.raises(InvalidInput):
        admin.servers.start(user, "Not A Name")
    with pytest.raises(InvalidInput):
        admin.servers.delete(user, "")
    assert named(admin, user) == []
