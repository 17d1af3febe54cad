"""Answers to requests that start, stop and change servers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec import structs

from jhub.errors import APIError
from jhub.models import Server
from jhub.operations.profiles import check_options
from jhub.preflight.hub_state import HubState, Refusal
from jhub.steps import Flow, HubVersion, Request


def start_server(state: HubState, request: Request[Any], names: Mapping[str, str]) -> Flow[object]:
    """Answer `POST /users/{user}/servers/{server}`."""
    user, name = names["user"], names["server"]
    yield from _require(state, "start:servers", user, name)
    server = yield from state.server(user, name)
    if server is not None and server.pending not in (None, "spawn"):
        raise Refusal(400, f"{user}:{name} is pending {server.pending}")
    if server is not None and server.ready:
        raise Refusal(400, f"{user}:{name} is already running")
    state.set_server(user, name, Server(name=name, user=user, pending="spawn"))
    return None


def stop_server(state: HubState, request: Request[Any], names: Mapping[str, str]) -> Flow[object]:
    """Answer `DELETE /users/{user}/servers/{server}`, also with `{"remove": true}`."""
    user, name = names["user"], names["server"]
    yield from _require(state, "delete:servers", user, name)
    remove = request.body == {"remove": True}
    if not name and remove:
        raise Refusal(400, "Cannot delete the default server")
    if not name and not remove:
        return None  # a default server always exists
    server = yield from state.server(user, name)
    if server is None:
        raise Refusal(404, f"{user} has no server named '{name}'")
    if server.pending == "rename":
        raise Refusal(400, "Cannot stop a server while it is being renamed")
    if server.pending == "spawn" and (yield from HubVersion()) < (5, 1):
        raise Refusal(400, f"{user}:{name} is pending spawn")
    state.set_server(user, name, None if remove else structs.replace(server, ready=False, pending=None, stopped=True))
    return None


def create_server(state: HubState, request: Request[Any], names: Mapping[str, str]) -> Flow[object]:
    """Answer `PUT /users/{user}/servers/{server}`."""
    user, name = names["user"], names["server"]
    yield from _require(state, "start:servers", user, name)
    if (yield from state.server(user, name)) is not None:
        raise Refusal(409, f"User {user} already has server {name}")
    body: Any = request.body or {}
    yield from _check_profile(user, body.get("user_options"))
    state.set_server(user, name, Server(name=name, user=user, stopped=True))
    return {"name": name}


def edit_server(state: HubState, request: Request[Any], names: Mapping[str, str]) -> Flow[object]:
    """Answer `PATCH /users/{user}/servers/{server}`."""
    user, name = names["user"], names["server"]
    yield from _require(state, "start:servers", user, name)
    server = yield from state.server(user, name)
    if server is None:
        raise Refusal(404, f"User {user} has no such server {name}")
    if server.active:
        raise Refusal(400, f"{user}:{name} is active. Please stop it before modifying it.")
    body: Any = request.body
    new = body.get("name", name)
    if "name" in body and (yield from state.server(user, new)) is not None:
        raise Refusal(409, f"User {user} already has server {new!r}")
    yield from _check_profile(user, body.get("user_options"))
    if new != name:
        state.set_server(user, name, None)
    changed = structs.replace(server, name=new, display_name=body.get("display_name", server.display_name))
    state.set_server(user, new, changed)
    return {"name": new, "display_name": changed.display_name}


def _check_profile(user: str, options: Mapping[str, Any] | None) -> Flow[None]:
    """Check options that name a profile, as the hub does before it saves them, if it has jhub.extension."""
    try:
        yield from check_options(user, options or {}, "")
    except APIError as error:
        raise Refusal(error.status or 400, str(error).removeprefix(": ")) from None


def _require(state: HubState, scope: str, user: str, name: str) -> Flow[None]:
    """Check the scope for a server, and that its owner exists."""
    if scope == "start:servers" and (yield from HubVersion()) < (6,):
        scope = "servers"
    yield from state.require(scope, user=user, server=name)
    if (yield from state.user(user)) is None:
        raise Refusal(404)
