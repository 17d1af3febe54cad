"""Answers to requests that change users and their tokens."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from msgspec import structs

from jhub.models import Identity, Token, User
from jhub.preflight.hub_state import HubState, Refusal, Unreadable, user_path
from jhub.preflight.scope_check import access, filters_of
from jhub.steps import Flow, Request

METASCOPES = ("inherit", "all", "self", "none")
"""Scopes that stand for others. The hub resolves them by the owner of a token."""


ADMIN_SCOPES = {"admin:users", "admin:servers", "admin:groups", "tokens", "proxy", "shutdown"}
"""Scopes of the role admin (JupyterHub 2.0 to 6.1)."""


def is_invalid(name: str) -> bool:
    """Return whether every authenticator refuses a user name by default: a slash, only dots, or blanks around it."""
    return "/" in name or not name or set(name) == {"."} or name != name.strip()


def create_users(state: HubState, request: Request[Any], names: Mapping[str, str]) -> Flow[object]:
    """Answer `POST /users`: the hub creates the users that do not exist."""
    yield from state.require("admin:users")
    body: Any = request.body
    requested: list[str] = list(body["usernames"])
    if body.get("admin") and (yield from state.identity()).admin is False:
        raise Refusal(403, "Only admins can grant admin permissions")
    invalid = [name.lower() for name in requested if is_invalid(name)]
    if invalid:
        raise Refusal(400, f"Invalid username{'' if len(invalid) == 1 else 's'}: {', '.join(invalid)}")
    existing = yield from state.existing_users(requested)
    created = list(dict.fromkeys(name.lower() for name in requested if name not in existing))
    if not created:
        raise Refusal(409, f"All {len(requested)} users already exist")
    for name in created:
        state.store(user_path(name), User(name=name, admin=bool(body.get("admin")), groups=(), servers={}))
    return [{"name": name, "admin": bool(body.get("admin"))} for name in created]


def edit_user(state: HubState, request: Request[Any], names: Mapping[str, str]) -> Flow[object]:
    """Answer `PATCH /users/{user}`."""
    name = names["user"]
    yield from state.require("admin:users", user=name)
    user = yield from _existing(state, name)
    body: Any = request.body
    new = str(body.get("name", name)).lower()
    if "name" in body and body["name"] != name:
        if is_invalid(new):
            raise Refusal(400, f"Invalid username: {new}")
        if (yield from state.user(new)) is not None:
            raise Refusal(400, f"User {new} already exists, username must be unique")
    if (yield from state.identity()).admin is False:
        if user.admin:
            raise Refusal(403, "Only admins can modify other admins")
        if body.get("admin"):
            raise Refusal(403, "Only admins can grant admin permissions")
    changed = structs.replace(user, name=new, admin=body.get("admin", user.admin))
    if new != name:
        state.store(user_path(name), None)
    state.store(user_path(new), changed)
    if "auth_state" in body:
        raise Unreadable("whether the hub stores auth state (enable_auth_state)")
    return {"name": new, "admin": changed.admin}


def delete_user(state: HubState, request: Request[Any], names: Mapping[str, str]) -> Flow[object]:
    """Answer `DELETE /users/{user}`."""
    name = names["user"]
    yield from state.require("delete:users", user=name)
    user = yield from _existing(state, name)
    if (yield from state.identity()).name == name:
        raise Refusal(400, "Cannot delete yourself!")
    default = (user.servers or {}).get("")
    if default is not None and default.pending == "stop":
        raise Refusal(400, f"{name}'s server is in the process of stopping, please wait.")
    state.store(user_path(name), None)
    return None


def record_activity(state: HubState, request: Request[Any], names: Mapping[str, str]) -> Flow[object]:
    """Answer `POST /users/{user}/activity`."""
    name = names["user"]
    yield from state.require("users:activity", user=name)
    yield from _existing(state, name)
    body: Any = request.body
    for server in body.get("servers") or ():
        if (yield from state.server(name, server)) is None:
            raise Refusal(400, f"No such server '{server}' for user {name}")
    return None


def create_token(state: HubState, request: Request[Any], names: Mapping[str, str]) -> Flow[object]:
    """Answer `POST /users/{user}/tokens`."""
    if request.anonymous:
        raise Unreadable("whether the hub accepts the username and password")
    name = names["user"]
    identity = yield from state.identity()
    kind = identity.kind.title()
    refused = Refusal(403, f"{kind} {name} not found or no permissions to generate tokens")
    try:
        yield from state.require("tokens", user=name)
    except Refusal:
        raise refused from None
    own = (identity.kind, identity.name) == ("user", name)
    if not own and (yield from state.user(name)) is None:
        raise refused
    body: Any = request.body or {}
    if body.get("scopes"):
        _check_token_scopes(identity, name, body["scopes"], own=own)
    return None


def revoke_token(state: HubState, request: Request[Any], names: Mapping[str, str]) -> Flow[object]:
    """Answer `DELETE /users/{user}/tokens/{token}`."""
    name, token_id = names["user"], names["token"]
    yield from state.require("tokens", user=name)
    if (yield from state.read(request.path, Token, f"token {token_id} of {name}")) is None:
        raise Refusal(404, f"No such token {token_id} for user {name}")
    state.store(request.path, None)
    return None


def _existing(state: HubState, name: str) -> Flow[User]:
    user = yield from state.user(name)
    if user is None:
        raise Refusal(404)
    return user


def _check_token_scopes(identity: Identity, owner: str, requested: Iterable[str], *, own: bool) -> None:
    """Check the scopes of a new token against those of its owner, as far as the token in use shows them.

    A token that may do what an administrator may do has all scopes that exist, apart from custom ones. The hub shows
    neither the scopes of a user, nor whether a token has fewer scopes than its owner.
    """
    missing = [scope for scope in requested if scope not in METASCOPES and not (own and _covers(identity, scope))]
    names = {scope.partition("!")[0] for scope in identity.scopes}
    for scope in missing:
        base = scope.partition("!")[0]
        if set(identity.scopes) >= ADMIN_SCOPES and base not in names and not base.startswith("custom:"):
            raise Refusal(400, f"Scope {scope!r} does not exist")
    if missing:
        raise Unreadable(f"whether {owner} has the scopes {', '.join(missing)}")


def _covers(identity: Identity, scope: str) -> bool:
    """Return whether the scopes of an identity include a scope, with its filter."""
    base, _, limit = scope.partition("!")
    kind, _, value = limit.partition("=")
    if kind == "user" and not value:
        value = identity.name
    if not kind:
        return bool(filters_of(identity.scopes, base))
    if kind not in ("user", "server", "group", "service"):
        return False
    owner = value.partition("/")[0] if kind == "server" else None
    resource: dict[str, str] = {kind: value}
    if owner is not None:
        resource["user"] = owner
    return access(identity.scopes, (base,), **resource) == "granted"
