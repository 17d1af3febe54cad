"""Answers of a `FakeHub` about groups and their members."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from jhub.testing.fake_call import Call, FakeReply, Refused
from jhub.testing.fake_objects import FakeGroup
from jhub.testing.virtual_clock import reply


def list_groups(call: Call) -> FakeReply:
    """Answer `GET /groups`."""
    return call.page([group.model() for group in call.state.groups.values()])


def create_groups(call: Call) -> FakeReply:
    """Answer `POST /groups`."""
    if not call.fields.get("groups"):
        raise Refused(400, "Must specify at least one group to create")
    return reply(201, [add_group(call, name) for name in call.fields["groups"]])


def create_group(call: Call) -> FakeReply:
    """Answer `POST /groups/{group}`."""
    return reply(201, add_group(call, call.names[0]))


def add_group(call: Call, name: str) -> dict[str, Any]:
    """Add a group with the members in the body, and return it as JSON."""
    if name in call.state.groups:
        raise Refused(409, f"Group {name} already exists")
    users = existing_users(call, call.fields.get("users", ()))
    call.state.groups[name] = FakeGroup(name, users)
    return call.state.groups[name].model()


def existing_users(call: Call, names: Iterable[str]) -> list[str]:
    """Return these names as the hub writes them."""
    found = [name.lower() for name in names]
    for name in found:
        if name not in call.state.users:
            raise Refused(400, f"No such user: {name}")
    return found


def get_group(call: Call) -> FakeReply:
    """Answer `GET /groups/{group}`."""
    return reply(json=call.group.model())


def delete_group(call: Call) -> FakeReply:
    """Answer `DELETE /groups/{group}`."""
    del call.state.groups[call.group.name]
    return reply(204)


def add_members(call: Call) -> FakeReply:
    """Answer `POST /groups/{group}/users`."""
    group = call.group
    group.users = list(dict.fromkeys([*group.users, *existing_users(call, call.fields.get("users", ()))]))
    return reply(json=group.model())


def remove_members(call: Call) -> FakeReply:
    """Answer `DELETE /groups/{group}/users`."""
    group, leaving = call.group, existing_users(call, call.fields.get("users", ()))
    group.users = [name for name in group.users if name not in leaving]
    return reply(json=group.model())


def set_properties(call: Call) -> FakeReply:
    """Answer `PUT /groups/{group}/properties`."""
    call.group.properties = call.fields
    return reply(json=call.group.model())
