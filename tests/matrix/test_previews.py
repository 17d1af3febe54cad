"""A preview fails with the error of the call, on every version."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from jhub import Hub
from jhub.errors import HubError
from matrix.rows import GROUPS, SERVERS, SERVICES_AT_RUN_TIME, SETTINGS, SHARES, TOKENS, USERS

Fresh = Callable[[str], str]
Calls = Callable[[Hub, str, str], list[Callable[[], object]]]


@pytest.fixture
def plain_admin(hub: Any, admin_token: str) -> Any:
    """Return a synchronous client of an administrator; `preview` is the same flow on both clients."""
    with Hub(hub.api_url, admin_token) as client:
        yield client


@pytest.fixture
def plain_robot(hub: Any) -> Any:
    """Return a synchronous client of a service with few scopes."""
    with Hub(hub.api_url, hub.services["robot"]) as client:
        yield client


def error_of(call: Callable[[], object]) -> tuple[type[HubError], int | None] | None:
    """Return the class and the status of the error of a call."""
    try:
        call()
    except HubError as error:
        return type(error), getattr(error, "status", None)
    return None


def check(hub: Hub, *calls: Callable[[], object]) -> None:
    """Preview each call, make it, and compare the errors."""
    for call in calls:
        planned = error_of(lambda call=call: hub.preview(call))  # type: ignore[misc]
        real = error_of(call)
        assert planned == real, call


@USERS
def test_previews_of_users(plain_admin: Hub, plain_robot: Hub, user: str, fresh: Fresh) -> None:
    new, users = fresh("user"), plain_admin.users
    check(
        plain_admin,
        partial(users.create, user),
        partial(users.create, new),
        partial(users.edit, "nobody", admin=False),
        partial(users.edit, new, admin=False),
        partial(users.rename, new, user),
        partial(users.rename, "nobody", new),
        partial(users.delete, "nobody"),
        partial(users.delete, "admin"),
        partial(users.delete, new),
        partial(users.delete, new),
    )
    check(plain_robot, partial(plain_robot.users.create, fresh("user")), partial(plain_robot.users.delete, user))


@GROUPS
def test_previews_of_groups(plain_admin: Hub, plain_robot: Hub, user: str, fresh: Fresh) -> None:
    new, groups = fresh("group"), plain_admin.groups
    check(
        plain_admin,
        partial(groups.create, new),
        partial(groups.create, new),
        partial(groups.create_many, [fresh("group"), new]),
        partial(groups.create_many, [fresh("group")], users=["nobody"]),
        partial(groups.add_users, new, [user]),
        partial(groups.add_users, new, [user, "nobody"]),
        partial(groups.remove_users, "nogroup", [user]),
        partial(groups.remove_users, new, [user]),
    )
    robot = plain_robot.groups
    check(plain_robot, partial(robot.create, fresh("group")), partial(robot.add_users, new, [user]))
    check(plain_robot, partial(robot.delete, new))
    check(plain_admin, partial(groups.delete, new), partial(groups.delete, new))


@SERVERS
def test_previews_of_servers(plain_admin: Hub, user: str) -> None:
    servers = plain_admin.servers
    check(
        plain_admin,
        partial(servers.stop, "nobody"),
        partial(servers.stop, user),
        partial(servers.start, "nobody"),
        partial(servers.start, user, "work"),
        partial(servers.start, user, "work"),
        partial(servers.start, user, "work", user_options={"other": 1}),
        partial(servers.stop, user, "work"),
        partial(servers.delete, user, "none"),
        partial(servers.delete, user, "work"),
        partial(servers.delete, user, "work"),
    )


@SETTINGS
def test_previews_of_settings(plain_admin: Hub, user: str) -> None:
    servers = plain_admin.servers
    plain_admin.servers.create(user, "one")
    check(
        plain_admin,
        partial(servers.create, user, "one"),
        partial(servers.create, "nobody", "one"),
        partial(servers.create, user, "two"),
        partial(servers.edit, user, "none", display_name="None"),
        partial(servers.rename, user, "one", "two"),
        partial(servers.rename, user, "one", "three"),
        partial(servers.rename, user, "one", "three"),
    )


@TOKENS
def test_previews_of_tokens(plain_admin: Hub, plain_robot: Hub, user: str) -> None:
    tokens = plain_admin.tokens
    token = tokens.create(user)
    check(
        plain_admin,
        partial(tokens.create, user),
        partial(tokens.create, "nobody"),
        partial(tokens.revoke, user, token.id),
        partial(tokens.revoke, user, token.id),
        partial(tokens.revoke, "nobody", "a1"),
    )
    check(plain_robot, partial(plain_robot.tokens.create, user))


@SHARES
def test_previews_of_shares(plain_admin: Hub, user: str) -> None:
    shares, codes = plain_admin.shares, plain_admin.share_codes
    plain_admin.servers.start(user, "work")
    assert list(shares.list(user)) == []
    check(
        plain_admin,
        partial(shares.grant, user, "none", user="admin"),
        partial(shares.grant, user, "work", user="nobody"),
        partial(shares.grant, user, "work", group="nogroup"),
        partial(shares.grant, user, "work", user="admin"),
        partial(shares.revoke, user, "none", user="admin"),
        partial(shares.leave, user, "work", user="admin"),
        partial(shares.leave, user, "work", user="admin"),
        partial(shares.revoke_all, user, "none"),
        partial(codes.create, user, "none"),
        partial(codes.create, user, "work"),
        partial(codes.revoke, user, "work", "sc_999999"),
    )
    plain_admin.servers.stop(user, "work")


@SERVICES_AT_RUN_TIME
def test_previews_of_services(plain_admin: Hub, fresh: Fresh) -> None:
    new, services = fresh("service"), plain_admin.services
    services.create(new)
    check(plain_admin, partial(services.create, new), partial(services.delete, new), partial(services.delete, new))
