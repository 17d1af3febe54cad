"""Answers of a `FakeHub` about itself, users and tokens."""

from __future__ import annotations

from datetime import datetime
from typing import Any, cast

from jhub.testing.fake_call import Call, FakeReply, Refused
from jhub.testing.fake_objects import ADMIN_SCOPES, FakeToken, FakeUser, timestamp
from jhub.testing.virtual_clock import reply

VERSION = "6.1.1"
"""Version of JupyterHub whose answers these are."""


def get_version(call: Call) -> FakeReply:
    """Answer `GET /`."""
    return reply(json={"version": VERSION})


def get_info(call: Call) -> FakeReply:
    """Answer `GET /info`."""
    fake = {"class": "jhub.testing.FakeHub", "version": VERSION}
    return reply(json={"version": VERSION, "python": "", "sys_executable": "", "spawner": fake, "authenticator": fake})


def get_own_user(call: Call) -> FakeReply:
    """Answer `GET /user`."""
    own: dict[str, Any] = {"token_id": None, "session_id": None, "scopes": call.user.scopes}
    if call.token is not None:
        own["token_id"] = call.token.id
        own["scopes"] = call.token.model()["scopes"]
    return reply(json={**call.state.user_model(call.user), **own})


def list_users(call: Call) -> FakeReply:
    """Answer `GET /users`."""
    state, sort = call.query.get("state", ""), call.query.get("sort", "id")
    if state not in ("", "active", "ready", "inactive"):
        raise Refused(400, f"Unrecognized state filter: {state!r}")
    users = [
        user for user in call.state.users.values() if call.query.get("name_filter", "").lower() in user.name.lower()
    ]
    call.state.count_reads(users)
    if state:
        users = [user for user in users if matches_state(user, state)]
    match sort.removeprefix("-"):
        case "id":
            pass
        case "name":
            users.sort(key=lambda user: user.name)
        case "last_activity":
            users.sort(key=lambda user: timestamp(user.last_activity) or "")
        case _:
            raise Refused(400, f"sort must be 'id', 'name', or 'last_activity', not '{sort}'")
    if sort.startswith("-"):
        users.reverse()
    return call.page([call.state.user_model(user, stopped=call.stopped) for user in users])


def matches_state(user: FakeUser, state: str) -> bool:
    """Return whether a user has servers in this state."""
    servers = user.servers.values()
    if state == "ready":
        return any(server.ready for server in servers)
    return any(server.active for server in servers) == (state == "active")


def create_users(call: Call) -> FakeReply:
    """Answer `POST /users`."""
    names = call.fields.get("usernames")
    if not names:
        raise Refused(400, "Must specify at least one user to create")
    names = [name.lower() for name in cast("list[str]", names)]
    invalid = [name for name in names if not is_valid_username(name)]
    if len(invalid) == 1:
        raise Refused(400, f"Invalid username: {invalid[0]}")
    if invalid:
        raise Refused(400, f"Invalid usernames: {', '.join(invalid)}")
    new = [name for name in names if name not in call.state.users]
    if not new:
        raise Refused(409, f"All {len(names)} users already exist")
    created = [call.state.add_user(name, admin=bool(call.fields.get("admin"))) for name in new]
    return reply(201, [call.state.user_model(user) for user in created])


def is_valid_username(name: str) -> bool:
    """Return whether JupyterHub's authenticators accept a username."""
    return bool(name) and "/" not in name and name == name.strip()


def get_user(call: Call) -> FakeReply:
    """Answer `GET /users/{user}`."""
    owner = call.owner
    call.state.count_reads([owner])
    return reply(json=call.state.user_model(owner, stopped=call.stopped))


def edit_user(call: Call) -> FakeReply:
    """Answer `PATCH /users/{user}`."""
    owner, changes = call.owner, call.fields
    name: str = changes.get("name", owner.name)
    if name != owner.name:
        name = name.lower()
        if not is_valid_username(name):
            raise Refused(400, f"Invalid username: {name!r}")
        if name in call.state.users:
            raise Refused(400, f"User {name} already exists, username must be unique")
        for group in call.state.groups.values():
            group.users = [name if user == owner.name else user for user in group.users]
        owner.name = name
        call.state.users = {user.name: user for user in call.state.users.values()}
    owner.admin = changes.get("admin", owner.admin)
    owner.auth_state = changes.get("auth_state", owner.auth_state)
    return reply(json=call.state.user_model(owner))


def delete_user(call: Call) -> FakeReply:
    """Answer `DELETE /users/{user}`."""
    owner, state = call.owner, call.state
    if owner is call.user:
        raise Refused(400, "Cannot delete yourself!")
    if owner.servers[""].pending == "stop":
        raise Refused(400, f"{owner.name}'s server is in the process of stopping, please wait.")
    del state.users[owner.name]
    state.tokens = [token for token in state.tokens if token.user is not owner]
    for group in state.groups.values():
        group.users = [name for name in group.users if name != owner.name]
    return reply(204)


def record_activity(call: Call) -> FakeReply:
    """Answer `POST /users/{user}/activity`."""
    owner = call.existing_owner(f"No such user: {call.names[0]!r}")
    moments = {name: parsed(each["last_activity"]) for name, each in call.fields.get("servers", {}).items()}
    for name in moments:
        if name not in owner.servers:
            raise Refused(400, f"No such server '{name}' for user {owner.name}")
    if "last_activity" in call.fields:
        owner.last_activity = latest(owner.last_activity, parsed(call.fields["last_activity"]))
    for name, moment in moments.items():
        owner.servers[name].last_activity = latest(owner.servers[name].last_activity, moment)
    return reply(200)


def parsed(text: str) -> datetime:
    """Return the time in a text."""
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        raise Refused(400, f"Not a valid timestamp: {text!r}") from None


def latest(time: datetime | None, other: datetime) -> datetime:
    """Return the later one of two times."""
    return other if time is None else max(time, other)


def list_tokens(call: Call) -> FakeReply:
    """Answer `GET /users/{user}/tokens`."""
    owner = call.existing_owner(f"No such user: {call.names[0]}")
    call.state.remove_expired_tokens()
    return reply(json={"api_tokens": [token.model() for token in call.state.tokens if token.user is owner]})


def create_token(call: Call) -> FakeReply:
    """Answer `POST /users/{user}/tokens`."""
    user = call.state.users.get(call.names[0])
    if user is None or not (call.user.admin or user is call.user):
        raise Refused(403, f"User {call.names[0]} not found or no permissions to generate tokens")
    scopes: list[str] | None = call.fields.get("scopes")
    for scope in scopes or ():
        if scope.partition("!")[0] not in ADMIN_SCOPES:
            raise Refused(400, f"\"Scope '{scope}' for token does not exist\"")
        if not user.admin and not {scope, f"{scope}!user={user.name}"} & {*user.scopes}:
            raise Refused(400, f"Not assigning requested scopes {scope} not held by User {user.name}")
    by = "" if user is call.user else f" by user {call.user.name}"
    note = call.fields.get("note") or f"Requested via api{by}"
    token = call.state.add_token(user, note, scopes, call.fields.get("expires_in"))
    return reply(201, {**token.model(), "token": token.secret})


def find_token(call: Call) -> FakeToken:
    """Return the token in the path."""
    owner, token_id = call.existing_owner(f"No such user: {call.names[0]}"), call.names[1]
    for token in call.state.tokens:
        if token.user is owner and token.id == token_id:
            return token
    raise Refused(404, f"No such token {token_id} for user {owner.name}")


def get_token(call: Call) -> FakeReply:
    """Answer `GET /users/{user}/tokens/{token}`."""
    return reply(json=find_token(call).model())


def revoke_token(call: Call) -> FakeReply:
    """Answer `DELETE /users/{user}/tokens/{token}`."""
    call.state.tokens.remove(find_token(call))
    return reply(204)
