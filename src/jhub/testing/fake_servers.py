"""Answers of a `FakeHub` about servers."""

from __future__ import annotations

import re
from typing import Any

from jhub.testing.fake_call import Call, FakeReply, Refused
from jhub.testing.fake_objects import FakeServer, FakeUser
from jhub.testing.virtual_clock import events, reply

SLUG = re.compile(r"(?=.{1,30}\Z)[a-z0-9]+(-[a-z0-9]+)*")
"""Names that a new server may have."""


def get_server(call: Call) -> FakeReply:
    """Answer `GET /users/{user}/servers/{server}`."""
    owner, server = call.owner, call.server
    call.state.count_read(owner, server)
    return reply(json=call.state.server_model(owner, call.server))


def start_settings(call: Call) -> tuple[str | None, dict[str, Any] | None]:
    """Return the display name and the options in a body, which may be the options themselves."""
    body = call.fields
    if "user_options" in body or "display_name" in body:
        return body.get("display_name"), body.get("user_options")
    return None, body or None


def new_server(call: Call, display_name: str | None) -> FakeServer:
    """Return the server in the path, which is created if it does not exist."""
    owner, name = call.owner, call.server_name
    if name not in owner.servers:
        if not SLUG.fullmatch(name):
            raise Refused(400, f"Invalid server_name: {name!r}")
        owner.servers[name] = FakeServer(name, display_name or name, {})
    return owner.servers[name]


def create_server(call: Call) -> FakeReply:
    """Answer `PUT /users/{user}/servers/{server}`."""
    owner, name = call.owner, call.server_name
    if not name:
        raise Refused(409, f"User {owner.name} already has a default server")
    if name in owner.servers:
        raise Refused(409, f"User {owner.name} already has server {name}")
    display_name, options = start_settings(call)
    server = new_server(call, display_name)
    server.options = options or {}
    return reply(201, call.state.server_model(owner, server))


def start_server(call: Call) -> FakeReply:
    """Answer `POST /users/{user}/servers/{server}`."""
    owner = call.owner
    display_name, options = start_settings(call)
    server = new_server(call, display_name)
    if server.pending == "spawn":
        return reply(202)
    if server.pending:
        raise Refused(400, f"{log_name(owner, server)} is pending {server.pending}")
    if server.ready:
        raise Refused(400, f"{log_name(owner, server)} is already running")
    server.display_name = display_name or server.display_name
    server.options = (server.options or {}) if options is None else options
    reason = call.state.failing_starts.pop((owner.name, server.name), None)
    server.start(call.state.now, call.state.pending_reads, reason)
    if call.state.pending_reads:
        return reply(202)
    server.finish(call.state.now)
    if reason is not None:
        raise Refused(500, f"Unhandled error starting server {log_name(owner, server)}")
    return reply(201)


def edit_server(call: Call) -> FakeReply:
    """Answer `PATCH /users/{user}/servers/{server}`."""
    owner = call.owner
    if call.server_name not in owner.servers:
        raise Refused(404, f"User {owner.name} has no such server {call.server_name!r}")
    server, new = call.server, call.fields.get("name")
    if not call.fields:
        raise Refused(400, "Must specify at least one field to modify.")
    if new is not None and new not in owner.servers and not SLUG.fullmatch(new):
        raise Refused(400, f"Invalid server_name: {new!r}")
    if server.active:
        raise Refused(400, f"{log_name(owner, server)} is active. Please stop it before modifying it.")
    if new is not None:
        if new in owner.servers:
            raise Refused(409, f"User {owner.name} already has server {new!r}")
        server.name = new
        owner.servers = {each.name: each for each in owner.servers.values()}
    server.display_name = call.fields.get("display_name") or server.display_name
    server.options = call.fields.get("user_options", server.options)
    return reply(json=call.state.server_model(owner, server))


def stop_server(call: Call) -> FakeReply:
    """Answer `DELETE /users/{user}/servers/{server}`."""
    owner, name, state = call.owner, call.server_name, call.state
    if name not in owner.servers:
        raise Refused(404, f"{owner.name} has no server named '{name}'")
    server, remove = call.server, bool(call.fields.get("remove"))
    if remove and not name:
        raise Refused(400, "Cannot delete the default server")
    server.remove = server.remove or remove
    if server.pending == "stop":
        return reply(202)
    if server.active and state.pending_reads:
        server.stop(state.pending_reads)
        return reply(202)
    if server.active:
        server.stop(0)
        server.finish(state.now)
    if remove:
        del owner.servers[name]
    return reply(204)


def get_progress(call: Call) -> FakeReply:
    """Answer `GET /users/{user}/servers/{server}/progress`."""
    owner, server = call.owner, call.server
    begun: list[dict[str, Any]] = []
    if server.pending == "spawn":
        begun = [{"progress": 0, "message": "Server requested"}, {"progress": 50, "message": "Spawning server..."}]
        server.finish(call.state.now)
    if server.ready:
        url = call.state.server_url(owner, server)
        return events(*begun, {"progress": 100, "ready": True, "message": f"Server ready at {url}", "url": url})
    if server.failure is not None:
        return events(*begun, {"progress": 100, "failed": True, "message": f"Spawn failed: {server.failure}"})
    raise Refused(400, f"{log_name(owner, server)} is not starting...")


def log_name(owner: FakeUser, server: FakeServer) -> str:
    """Return the name of a server in JupyterHub's messages."""
    return f"{owner.name}:{server.name}" if server.name else owner.name


def no_profiles(call: Call) -> FakeReply:
    """Refuse to list profiles, as a hub without jhub.extension."""
    raise Refused(404)
