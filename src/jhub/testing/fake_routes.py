"""The routes of a `FakeHub`: those of JupyterHub 6.1 for users, groups, tokens and servers, and their scopes."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple
from urllib.parse import unquote

from jhub.testing import fake_accounts, fake_groups, fake_servers
from jhub.testing.fake_call import Call, FakeReply, Refused
from jhub.testing.fake_objects import OWN_SCOPES


class Route(NamedTuple):
    """A method and a path, the scopes of which one is needed, and the function that answers."""

    method: str
    path: str
    scopes: str
    answer: Callable[[Call], FakeReply]


READ_USER = "read:users, read:users:name, read:servers, read:users:groups, read:users:activity, read:roles:users"
SERVER = "/users/*/servers/*"
ROUTES = (
    Route("GET", "/", "", fake_accounts.get_version),
    Route("GET", "/info", "read:hub", fake_accounts.get_info),
    Route("GET", "/user", "", fake_accounts.get_own_user),
    Route("GET", "/users", "list:users", fake_accounts.list_users),
    Route("POST", "/users", "admin:users", fake_accounts.create_users),
    Route("GET", "/users/*", READ_USER, fake_accounts.get_user),
    Route("PATCH", "/users/*", "admin:users", fake_accounts.edit_user),
    Route("DELETE", "/users/*", "delete:users", fake_accounts.delete_user),
    Route("POST", "/users/*/activity", "users:activity", fake_accounts.record_activity),
    Route("GET", "/users/*/tokens", "read:tokens", fake_accounts.list_tokens),
    Route("POST", "/users/*/tokens", "", fake_accounts.create_token),
    Route("GET", "/users/*/tokens/*", "read:tokens", fake_accounts.get_token),
    Route("DELETE", "/users/*/tokens/*", "tokens", fake_accounts.revoke_token),
    Route("GET", SERVER, "read:servers", fake_servers.get_server),
    Route("PUT", SERVER, "start:servers", fake_servers.create_server),
    Route("POST", SERVER, "start:servers", fake_servers.start_server),
    Route("PATCH", SERVER, "start:servers", fake_servers.edit_server),
    Route("DELETE", SERVER, "delete:servers", fake_servers.stop_server),
    Route("GET", f"{SERVER}/progress", "read:servers", fake_servers.get_progress),
    Route("GET", "/groups", "list:groups", fake_groups.list_groups),
    Route("POST", "/groups", "admin:groups", fake_groups.create_groups),
    Route("GET", "/groups/*", "read:groups, read:groups:name, read:roles:groups", fake_groups.get_group),
    Route("POST", "/groups/*", "admin:groups", fake_groups.create_group),
    Route("DELETE", "/groups/*", "delete:groups", fake_groups.delete_group),
    Route("POST", "/groups/*/users", "groups", fake_groups.add_members),
    Route("DELETE", "/groups/*/users", "groups", fake_groups.remove_members),
    Route("PUT", "/groups/*/properties", "groups", fake_groups.set_properties),
    Route("GET", "/profiles", "", fake_servers.no_profiles),
    Route("GET", "/users/*/profiles", "", fake_servers.no_profiles),
)


def answer(call: Call, method: str, path: str) -> FakeReply:
    """Return the answer to a request.

    Raises
    ------
    Refused
        The answer is an error.
    NotImplementedError
        A fake hub does not have the route, but JupyterHub may have it.
    """
    parts = [unquote(part) for part in path.split("/")]
    if parts[3:4] == ["server"]:  # the default server
        parts[3:4] = ["servers", ""]
    routes = [route for route in ROUTES if is_match(route.path, parts)]
    if not routes:
        raise NotImplementedError(f"FakeHub does not have {method} {path}: use a local hub")
    for route in routes:
        if route.method == method:
            pattern = route.path.split("/")
            call.names = tuple(part for part, wanted in zip(parts, pattern, strict=True) if wanted == "*")
            check_scopes(call, route)
            return route.answer(call)
    raise Refused(405)


def is_match(pattern: str, parts: list[str]) -> bool:
    """Return whether the parts of a path match those of a pattern."""
    wanted = pattern.split("/")
    return len(wanted) == len(parts) and all(one in ("*", part) for one, part in zip(wanted, parts, strict=True))


def check_scopes(call: Call, route: Route) -> None:
    """Refuse a request that the owner of the token may not send."""
    if call.user.admin or not route.scopes:
        return
    if not {*route.scopes.split(", ")} & {*OWN_SCOPES}:
        raise Refused(403, f"Action is not authorized with current scopes; requires any of [{route.scopes}]")
    if call.names[0] != call.user.name:
        raise Refused(404, "No access to resources or resources not found")
