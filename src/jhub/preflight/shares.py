"""Answers to requests that change shares and share codes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from jhub.models import Share, ShareCode
from jhub.preflight.hub_state import HubState, Refusal, Unreadable
from jhub.steps import Flow, Request

MAX_CODES = 200
"""Maximum number of share codes that the hub lists in one answer."""


class _Codes(Struct):
    items: list[ShareCode]


def grant_share(state: HubState, request: Request[Any], names: Mapping[str, str]) -> Flow[object]:
    """Answer `POST /shares/{owner}/{server}`."""
    yield from _require_server(state, names)
    body: Any = request.body or {}
    yield from _require_scopes(state, names, body)
    if (user := body.get("user")) is not None:
        yield from _require_name_scope(state.require("read:users:name", user=user), "users")
        if (yield from state.user(user)) is None:
            raise Refusal(400, f"No such user: {user}")
    if (group := body.get("group")) is not None:
        yield from _require_name_scope(state.require("read:groups:name", group=group), "groups")
        if (yield from state.group(group)) is None:
            raise Refusal(400, f"No such group: {group}")
    return None


def _require_name_scope(requirement: Flow[None], kind: str) -> Flow[None]:
    try:
        yield from requirement
    except Refusal:
        raise Refusal(403, f"Need scope 'read:{kind}:name' to share with {kind} by name") from None


def change_shares(state: HubState, request: Request[Any], names: Mapping[str, str]) -> Flow[object]:
    """Answer `PATCH` and `DELETE /shares/{owner}/{server}`: recipients without a share are ignored."""
    yield from _require_server(state, names)
    return {} if request.method == "PATCH" else None


def leave_share(state: HubState, request: Request[Any], names: Mapping[str, str]) -> Flow[object]:
    """Answer `DELETE /users/{user}/shared/{owner}/{server}`, and the same for a group."""
    user, group = names.get("user"), names.get("group")
    if user is not None:
        yield from state.require("users:shares", user=user)
    else:
        yield from state.require("groups:shares", group=group)
    recipient, server = f"user {user}" if group is None else f"group {group}", f"{names['owner']}/{names['server']}"
    if (yield from state.read(request.path, Share, f"share of {server} with {recipient}")) is None:
        raise Refusal(404, f"No such share for {recipient} on {server}")
    state.store(request.path, None)
    return None


def create_code(state: HubState, request: Request[Any], names: Mapping[str, str]) -> Flow[object]:
    """Answer `POST /share-codes/{owner}/{server}`."""
    yield from state.require("shares", user=names["owner"], server=names["server"])
    body: Any = request.body or {}
    yield from _require_scopes(state, names, body)
    yield from _check_server(state, names)
    return None


def revoke_codes(state: HubState, request: Request[Any], names: Mapping[str, str]) -> Flow[object]:
    """Answer `DELETE /share-codes/{owner}/{server}`, for all codes or for one id."""
    yield from _require_server(state, names)
    code_id = dict(request.query).get("id")
    if code_id is None:
        return None
    server = f"{names['owner']}/{names['server']}"
    codes = yield from state.read(request.path, _Codes, f"share codes of {server}")
    if codes is None or all(code.id != code_id for code in codes.items):
        if codes is not None and len(codes.items) >= MAX_CODES:
            raise Unreadable(f"share code {code_id} of {server}: the server has too many codes to list")
        raise Refusal(404, f"No code found matching id={code_id}")
    state.store(request.path, _Codes([code for code in codes.items if code.id != code_id]))
    return None


def _require_server(state: HubState, names: Mapping[str, str]) -> Flow[None]:
    yield from state.require("shares", user=names["owner"], server=names["server"])
    yield from _check_server(state, names)


def _check_server(state: HubState, names: Mapping[str, str]) -> Flow[None]:
    owner, name = names["owner"], names["server"]
    if (yield from state.user(owner)) is None or (yield from state.server(owner, name)) is None:
        raise Refusal(404, f"No such server: {owner}/{name}")


def _require_scopes(state: HubState, names: Mapping[str, str], body: Mapping[str, Any]) -> Flow[None]:
    """Check that the token has the scopes that it shares."""
    owner, name = names["owner"], names["server"]
    for scope in body.get("scopes") or ("access:servers",):
        base, _, limit = str(scope).partition("!")
        if limit and limit != f"server={owner}/{name}":
            raise Refusal(400, f"!{limit} not allowed on sharing {scope}, only !server={owner}/{name}")
        try:
            yield from state.require(base, user=owner, server=name)
        except Refusal:
            full = f"{base}!server={owner}/{name}"
            raise Refusal(403, f"Do not have permission to grant share with scope {full}") from None
