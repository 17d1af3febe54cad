"""Answers to requests that change groups."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from jhub.models import Group
from jhub.preflight.hub_state import HubState, Refusal, group_path
from jhub.steps import Flow, Request


def create_groups(state: HubState, request: Request[Any], names: Mapping[str, str]) -> Flow[object]:
    """Answer `POST /groups`: the hub creates one group after the other, up to the first that exists."""
    yield from state.require("admin:groups")
    body: Any = request.body
    members = list(body.get("users") or ())
    created: list[str] = []
    for name in body["groups"]:
        yield from _create(state, name, members)
        created.append(name)
    return [{"name": name, "users": members} for name in created]


def create_group(state: HubState, request: Request[Any], names: Mapping[str, str]) -> Flow[object]:
    """Answer `POST /groups/{group}`."""
    name = names["group"]
    yield from state.require("admin:groups", group=name)
    yield from _create(state, name, ())
    return {"name": name, "users": []}


def delete_group(state: HubState, request: Request[Any], names: Mapping[str, str]) -> Flow[object]:
    """Answer `DELETE /groups/{group}`."""
    name = names["group"]
    yield from state.require("delete:groups", group=name)
    yield from _existing(state, name)
    state.store(group_path(name), None)
    return None


def change_members(state: HubState, request: Request[Any], names: Mapping[str, str]) -> Flow[object]:
    """Answer `POST` and `DELETE /groups/{group}/users`: an unknown user fails the whole request."""
    name = names["group"]
    yield from state.require("groups", group=name)
    yield from _existing(state, name)
    body: Any = request.body
    yield from _check_users(state, body["users"])
    state.changed.add(group_path(name))
    return None


def set_properties(state: HubState, request: Request[Any], names: Mapping[str, str]) -> Flow[object]:
    """Answer `PUT /groups/{group}/properties`."""
    name = names["group"]
    yield from state.require("groups", group=name)
    yield from _existing(state, name)
    state.changed.add(group_path(name))
    return None


def _create(state: HubState, name: str, members: Iterable[str]) -> Flow[None]:
    if (yield from state.group(name)) is not None:
        raise Refusal(409, f"Group {name} already exists")
    yield from _check_users(state, members)
    state.store(group_path(name), Group(name=name, users=tuple(members), properties={}))


def _existing(state: HubState, name: str) -> Flow[None]:
    if (yield from state.group(name)) is None:
        raise Refusal(404, f"No such group: {name}")


def _check_users(state: HubState, names: Iterable[str]) -> Flow[None]:
    requested = list(names)
    existing = yield from state.existing_users(requested)
    for name in requested:
        if name not in existing:
            raise Refusal(400, f"No such user: {name.lower()}")
