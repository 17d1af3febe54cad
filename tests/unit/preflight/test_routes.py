"""Previews on a hub that is a table of answers: what the hub would say, and how little is read for it."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from jhub import Hub
from jhub.errors import (
    AlreadyRunning,
    BadRequest,
    Conflict,
    HubError,
    InvalidUsername,
    MissingScope,
    NotAuthorized,
    NotFound,
    UnknownUser,
    Unsupported,
)
from jhub.preview import Preview, preview_each, preview_operation
from jhub.steps import HubVersion, Listen, Operation, Request
from jhub.testing import Reply, play, refusal, reply

ADMIN = (
    "admin:users", "users", "read:users", "list:users", "delete:users", "users:activity", "tokens", "read:tokens",
    "admin:groups", "groups", "read:groups", "read:groups:name", "read:users:name", "delete:groups", "servers",
    "start:servers", "delete:servers", "read:servers", "shares", "access:servers", "users:shares", "admin:services",
    "read:services", "proxy", "shutdown", "admin:servers",
)  # fmt: skip
UP = {"name": "up", "ready": True}
BOX = {"name": "box", "stopped": True}


class Site:
    """A hub with the user ana, who has a running and a stopped server, the user bo, and the group geo."""

    def __init__(self, scopes: tuple[str, ...] = ADMIN, *, admin: bool = True, version: str = "6.1.1") -> None:
        self.objects: dict[str, Any] = {
            "/user": {"name": "admin", "kind": "user", "admin": admin, "scopes": scopes},
            "/users/admin": {"name": "admin", "admin": True, "servers": {}},
            "/users/ana": {"name": "ana", "admin": True, "groups": ["geo"], "servers": {"up": UP, "box": BOX}},
            "/users/bo": {"name": "bo", "admin": False, "groups": [], "servers": {}},
            "/groups/geo": {"name": "geo", "users": ["ana"], "properties": {}},
            "/services/robot": {"name": "robot", "command": ["robot"], "pid": 7},
            "/users/ana/servers/up": UP,
            "/users/ana/profiles": {"version": 1, "profiles": [{"slug": "lab", "default": True}]},
            "/": {"version": version},
        }
        self.version = version
        self.reads: list[str] = []

    def __call__(self, step: Request[Any] | Listen[Any] | HubVersion, /) -> Reply:
        assert isinstance(step, Request), step
        assert step.method == "GET", "a preview changed the hub"
        self.reads.append(step.path)
        if step.path == "/users":
            users = [value for path, value in self.objects.items() if path.startswith("/users/") and "name" in value]
            return reply(json={"items": users, "_pagination": {"total": len(users), "next": None}})
        found = self.objects.get(step.path)
        return refusal(404) if found is None else found if isinstance(found, Reply) else reply(json=found)


def preview(operation: Operation[object], site: Site | None = None) -> Preview:
    site = site or Site()
    return play(preview_operation(operation), site, version=site.version).result


Make = Callable[[], Operation[object]]


@pytest.mark.parametrize(
    ("make", "error"),
    [
        (lambda: Hub.users.create("ana"), Conflict),
        (lambda: Hub.users.create("x/y"), InvalidUsername),
        (lambda: Hub.users.edit("cy", admin=True), NotFound),
        (lambda: Hub.users.rename("bo", "ana"), Conflict),
        (lambda: Hub.users.delete("cy"), NotFound),
        (lambda: Hub.users.delete("admin"), BadRequest),
        (lambda: Hub.groups.create("geo"), Conflict),
        (lambda: Hub.groups.create_many(["bio"], users=["cy"]), UnknownUser),
        (lambda: Hub.groups.delete("bio"), NotFound),
        (lambda: Hub.groups.add_users("geo", ["cy"]), UnknownUser),
        (lambda: Hub.groups.remove_users("bio", ["ana"]), NotFound),
        (lambda: Hub.servers.create("ana", "box"), Conflict),
        (lambda: Hub.servers.create("cy", "box"), NotFound),
        (lambda: Hub.services.create("new", url="ftp://x"), BadRequest),
        (lambda: Hub.servers.create("ana", "new", profile="nope"), NotFound),
        (lambda: Hub.servers.create("ana", "new", profile="lab", user_options={"x": 1}), BadRequest),
        (lambda: Hub.servers.edit("ana", "box", profile="nope"), NotFound),
        (lambda: Hub.servers.edit("ana", "up", display_name="Up"), AlreadyRunning),
        (lambda: Hub.servers.rename("ana", "box", "up"), Conflict),
        (lambda: Hub.servers.stop("ana", "none"), NotFound),
        (lambda: Hub.servers.delete("ana", "none"), NotFound),
        (lambda: Hub.tokens.create("cy"), NotAuthorized),
        (lambda: Hub.tokens.revoke("ana", "a1"), NotFound),
        (lambda: Hub.shares.grant("ana", "box", user="cy"), UnknownUser),
        (lambda: Hub.shares.grant("ana", "box", group="bio"), NotFound),
        (lambda: Hub.shares.revoke_all("ana", "none"), NotFound),
        (lambda: Hub.shares.leave("ana", "box", user="bo"), NotFound),
        (lambda: Hub.services.create("robot"), Conflict),
        (lambda: Hub.services.delete("robot"), Unsupported),
        (lambda: Hub.services.delete("none"), NotFound),
    ],
)
def test_a_preview_fails_as_the_call(make: Make, error: type[HubError]) -> None:
    with pytest.raises(error):
        preview(make())


@pytest.mark.parametrize(
    "make",
    [
        lambda: Hub.users.create("cy"),
        lambda: Hub.groups.create("bio"),
        lambda: Hub.groups.create_many(["bio"]),
        lambda: Hub.groups.delete("geo"),
        lambda: Hub.groups.add_users("geo", ["bo"]),
        lambda: Hub.servers.stop("ana", "up"),
        lambda: Hub.servers.create("ana", "new"),
        lambda: Hub.tokens.create("ana"),
        lambda: Hub.shares.grant("ana", "box", user="bo"),
        lambda: Hub.services.create("new"),
        lambda: Hub.proxy.sync(),
        lambda: Hub.proxy.edit(api_url="http://127.0.0.1:9"),
        lambda: Hub.shutdown(),
    ],
)
def test_without_the_scope_a_preview_is_not_authorized(make: Make) -> None:
    assert len(preview(make())) == 1
    with pytest.raises(NotAuthorized):
        preview(make(), Site(("read:users", "read:groups", "list:users", "read:servers")))


def test_a_scope_for_other_objects_finds_nothing() -> None:
    site = Site(("groups!group=bio", "read:groups!group=bio"))
    with pytest.raises(NotFound):
        preview(Hub.groups.add_users("geo", ["ana"]), site)
    assert site.reads == ["/user"]


def test_only_administrators_make_administrators() -> None:
    for operation in (Hub.users.edit("bo", admin=True), Hub.users.edit("ana", admin=False)):
        with pytest.raises(NotAuthorized, match="Only admins"):
            preview(operation, Site(admin=False))


def test_what_cannot_be_read_is_unknown() -> None:
    site = Site()
    site.objects["/groups/geo"] = refusal(403, "requires any of [read:groups]")
    found = preview(Hub.groups.delete("geo"), site)
    assert (len(found), found.unknown) == (1, ("group geo: the token may not read it",))
    assert str(found) == "DELETE /groups/geo\n(unknown: group geo: the token may not read it)"
    found = preview(Hub.tokens.create("bo", scopes=["list:users"]), Site())
    assert found.unknown == ("whether bo has the scopes list:users",)
    with pytest.raises(HubError, match="nonsense"):
        preview(Hub.tokens.create("bo", scopes=["nonsense"]), Site())


def test_changes_of_earlier_requests_count() -> None:
    made = preview(Hub.groups.set_users("bio", ["bo", "cy"], create=True))
    assert list(map(str, made)) == ["POST /groups/bio", 'POST /groups/bio/users {"users":["bo"]}']
    assert [type(error) for error in made.failed] == [UnknownUser]
    calls: list[Make] = [partial(Hub.groups.delete, "geo"), partial(Hub.groups.delete, "geo")]
    both = play(preview_each(calls), Site(), version="6.1.1").result
    assert (len(both), [type(error) for error in both.failed]) == (1, [NotFound])


def test_existing_users_are_accepted_or_failures() -> None:
    for exist_ok, admin, failed in ((True, False, []), (False, False, [Conflict]), (True, True, [Conflict])):
        found = preview(Hub.users.create_many(["bo", "cy"], exist_ok=exist_ok, admin=admin))
        assert (len(found), [type(error) for error in found.failed]) == (1, failed)


def test_each_object_is_read_once() -> None:
    site = Site()
    calls: list[Make] = [partial(Hub.groups.add_users, "geo", ["ana", "bo"]), partial(Hub.users.delete, "bo")]
    play(preview_each(calls), site, version="6.1.1")
    assert sorted(site.reads) == ["/groups/geo", "/user", "/users/ana", "/users/bo", "/users/bo"]


def test_many_users_are_read_from_the_list_of_users() -> None:
    site = Site()
    found = preview(Hub.users.create_many([f"u{n}" for n in range(100)]), site)
    assert (len(found), site.reads) == (4, ["/user", "/users"])


def test_an_older_hub_is_unsupported() -> None:
    for operation in (Hub.servers.create("ana", "new"), Hub.servers.edit("ana", "box", display_name="Box")):
        with pytest.raises(Unsupported, match=r"needs JupyterHub 6\.0; this hub is 5\.3\.0"):
            preview(operation, Site(version="5.3.0"))
    with pytest.raises(Unsupported, match=r"needs JupyterHub 5\.0"):
        preview(Hub.shares.grant("ana", "box", user="bo"), Site(version="4.1.6"))


def test_an_unknown_token_is_not_authorized() -> None:
    site = Site()
    site.objects["/user"] = refusal(403, "Missing or invalid credentials.")
    with pytest.raises(NotAuthorized, match="unknown, expired or revoked"):
        preview(Hub.groups.delete("geo"), site)


def test_a_preview_is_an_object_of_json() -> None:
    calls: list[Make] = [partial(Hub.proxy.edit, auth_token="SECRET"), partial(Hub.groups.delete, "bio")]
    found = play(preview_each(calls), Site(), version="6.1.1").result
    assert found.to_dict() == {
        "requests": [{"method": "PATCH", "path": "/proxy", "query": {}, "body": {"auth_token": "***"}}],
        "complete": True,
        "failed": [
            {
                "error": "group bio: not found",
                "hint": "",
                "kind": "NotFound",
                "status": 404,
                "request": "DELETE /groups/bio",
            }
        ],
        "unknown": [],
    }


def test_a_missing_scope_is_named() -> None:
    with pytest.raises(MissingScope) as raised:
        preview(Hub.proxy.sync(), Site(()))
    assert raised.value.scopes == ("proxy",)
