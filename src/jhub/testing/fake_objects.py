"""Users, groups, tokens and servers of a `FakeHub`, and the JSON in which JupyterHub shows them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

START_SECONDS = 1
"""Seconds between the start of a server and its first activity, which proves that it has become ready."""

# What an administrator's token, and that of another user, may do on JupyterHub 6.1.
ADMIN_SCOPES = [
    "access:servers",
    "access:services",
    "admin-ui",
    "admin:auth_state",
    "admin:groups",
    "admin:server_state",
    "admin:servers",
    "admin:services",
    "admin:users",
    "delete:groups",
    "delete:servers",
    "delete:users",
    "groups",
    "groups:shares",
    "list:groups",
    "list:services",
    "list:users",
    "proxy",
    "read:groups",
    "read:groups:name",
    "read:groups:shares",
    "read:hub",
    "read:metrics",
    "read:roles",
    "read:roles:groups",
    "read:roles:services",
    "read:roles:users",
    "read:servers",
    "read:services",
    "read:services:name",
    "read:shares",
    "read:tokens",
    "read:users",
    "read:users:activity",
    "read:users:groups",
    "read:users:name",
    "read:users:shares",
    "servers",
    "shares",
    "shutdown",
    "start:servers",
    "tokens",
    "users",
    "users:activity",
    "users:shares",
]
OWN_SCOPES = [
    "access:servers",
    "delete:servers",
    "read:servers",
    "read:shares",
    "read:tokens",
    "read:users",
    "read:users:activity",
    "read:users:groups",
    "read:users:name",
    "read:users:shares",
    "servers",
    "start:servers",
    "tokens",
    "users:activity",
    "users:shares",
]


@dataclass(slots=True)
class FakeServer:
    """A server."""

    name: str
    display_name: str = ""
    options: dict[str, Any] | None = None
    pending: str | None = None
    ready: bool = False
    started: datetime | None = None
    last_activity: datetime | None = None
    reads_left: int = 0
    """Number of reads until the pending action ends."""
    fails_with: str | None = None
    """The reason with which the pending start will fail."""
    failure: str | None = None
    """The reason with which the last start failed."""
    remove: bool = False
    """Whether the server is deleted after it has stopped."""

    @property
    def active(self) -> bool:
        """Whether the server runs, starts or stops."""
        return self.ready or self.pending is not None

    def start(self, now: datetime, reads: int, fails_with: str | None) -> None:
        """Begin a start, which ends after this number of reads."""
        self.pending, self.reads_left = "spawn", reads
        self.started, self.last_activity = now - timedelta(seconds=START_SECONDS), None
        self.fails_with, self.failure = fails_with, None

    def stop(self, reads: int) -> None:
        """Begin a stop, which ends after this number of reads. It cancels a start."""
        self.pending, self.ready, self.reads_left = "stop", False, reads

    def count_read(self, now: datetime) -> None:
        """Count a read of the server, which may be the last one of its pending action."""
        if self.pending is not None:
            self.reads_left -= 1
            if self.reads_left < 0:
                self.finish(now)

    def finish(self, now: datetime) -> None:
        """End the pending action."""
        self.ready = self.pending == "spawn" and self.fails_with is None
        if self.pending == "spawn":
            self.failure = self.fails_with
        if self.ready:
            self.last_activity = now
        else:
            self.started = None
        self.pending = self.fails_with = None


@dataclass(slots=True)
class FakeUser:
    """A user, and the user's servers by name."""

    name: str
    created: datetime
    admin: bool = False
    last_activity: datetime | None = None
    auth_state: dict[str, Any] | None = None
    servers: dict[str, FakeServer] = field(default_factory=lambda: {"": FakeServer("")})

    @property
    def scopes(self) -> list[str]:
        """The scopes of the user's tokens."""
        return [*ADMIN_SCOPES] if self.admin else [f"{scope}!user={self.name}" for scope in OWN_SCOPES]


@dataclass(slots=True)
class FakeGroup:
    """A group and its members."""

    name: str
    users: list[str] = field(default_factory=list[str])
    properties: dict[str, Any] = field(default_factory=dict[str, Any])

    def model(self) -> dict[str, Any]:
        """Return the group as JSON."""
        return {"kind": "group", "name": self.name, "roles": [], "users": self.users, "properties": self.properties}


@dataclass(slots=True)
class FakeToken:
    """An API token."""

    number: int
    secret: str
    user: FakeUser
    note: str
    created: datetime
    scopes: list[str] | None = None
    """The scopes, if not all of the user's."""
    expires_at: datetime | None = None
    last_activity: datetime | None = None

    @property
    def id(self) -> str:
        """The token's id."""
        return f"a{self.number}"

    def model(self) -> dict[str, Any]:
        """Return the token as JSON, without its secret."""
        return {
            "user": self.user.name,
            "id": self.id,
            "kind": "api_token",
            "roles": [],
            "scopes": self.user.scopes if self.scopes is None else self.scopes,
            "created": timestamp(self.created),
            "last_activity": timestamp(self.last_activity),
            "expires_at": timestamp(self.expires_at),
            "note": self.note,
            "session_id": None,
            "oauth_client": "JupyterHub",
        }


@dataclass(slots=True)
class FakeState:
    """All objects of a fake hub."""

    base_url: str
    now: datetime
    pending_reads: int
    users: dict[str, FakeUser] = field(default_factory=dict[str, FakeUser])
    groups: dict[str, FakeGroup] = field(default_factory=dict[str, FakeGroup])
    tokens: list[FakeToken] = field(default_factory=list[FakeToken])
    failing_starts: dict[tuple[str, str], str] = field(default_factory=dict[tuple[str, str], str])
    """The reasons with which the next starts of servers will fail."""
    tokens_created: int = 0

    def add_user(self, name: str, *, admin: bool = False) -> FakeUser:
        """Add a user, or return the one who exists."""
        return self.users.setdefault(name, FakeUser(name, self.now, admin))

    def add_token(
        self, user: FakeUser, note: str, scopes: list[str] | None = None, expires_in: int | None = None
    ) -> FakeToken:
        """Add a token."""
        self.tokens_created += 1
        number = self.tokens_created
        expires_at = None if expires_in is None else self.now + timedelta(seconds=expires_in)
        token = FakeToken(number, f"fake-token-{number}", user, note, self.now, scopes, expires_at)
        self.tokens.append(token)
        return token

    def remove_expired_tokens(self) -> None:
        """Remove the tokens that have expired."""
        self.tokens = [each for each in self.tokens if each.expires_at is None or each.expires_at > self.now]

    def user_model(self, user: FakeUser, *, stopped: bool = False) -> dict[str, Any]:
        """Return a user as JSON, with the active servers; with `stopped`, with all servers."""
        default = user.servers[""]
        return {
            "kind": "user",
            "name": user.name,
            "admin": user.admin,
            "roles": ["user", "admin"] if user.admin else ["user"],
            "groups": [group.name for group in self.groups.values() if user.name in group.users],
            "server": self.user_url(user) if default.ready else None,
            "pending": default.pending,
            "created": timestamp(user.created),
            "last_activity": timestamp(user.last_activity),
            "auth_state": user.auth_state,
            "servers": {
                server.name: self.server_model(user, server)
                for server in user.servers.values()
                if server.active or stopped
            },
        }

    def server_model(self, user: FakeUser, server: FakeServer) -> dict[str, Any]:
        """Return a server as JSON."""
        name = quote(server.name)
        path = f"servers/{name}" if name else "server"
        return {
            "name": server.name,
            "display_name": server.display_name,
            "full_name": f"{user.name}/{server.name}",
            "last_activity": timestamp(server.last_activity),
            "started": timestamp(server.started),
            "pending": server.pending,
            "ready": server.ready,
            "stopped": not server.active,
            "url": self.server_url(user, server),
            "user_options": server.options,
            "progress_url": f"{self.base_url}hub/api/users/{quote(user.name, safe='@~')}/{path}/progress",
            "full_url": None,
            "full_progress_url": None,
            "state": {},
        }

    def user_url(self, user: FakeUser) -> str:
        """Return the path of a user's default server."""
        return f"{self.base_url}user/{quote(user.name, safe='@~')}/"

    def server_url(self, user: FakeUser, server: FakeServer) -> str:
        """Return the path of a server."""
        return self.user_url(user) + (f"{quote(server.name)}/" if server.name else "")

    def count_reads(self, users: Iterable[FakeUser]) -> None:
        """Count a read of all servers of these users, and delete those that were to be deleted once stopped."""
        for user in users:
            for server in list(user.servers.values()):
                self.count_read(user, server)

    def count_read(self, user: FakeUser, server: FakeServer) -> None:
        """Count a read of a server, and delete it if it was to be deleted and has stopped."""
        server.count_read(self.now)
        if server.remove and not server.active:
            del user.servers[server.name]


def timestamp(time: datetime | None) -> str | None:
    """Return a time as JupyterHub writes it."""
    return None if time is None else time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
