"""Objects of a hub as a dry run reads them: each once, with the changes that the requests so far would make."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, TypeVar
from urllib.parse import quote

from msgspec import structs

from jhub.errors import NotAuthorized, NotFound, UnknownToken
from jhub.messages import bad_token
from jhub.models import Group, Identity, Server, User
from jhub.operations.paging import page_request
from jhub.operations.server_status import INCLUDE_STOPPED
from jhub.preflight.scope_check import access, filters_of
from jhub.steps import Flow, HubVersion, Request, call

T = TypeVar("T")

MAX_SINGLE_READS = 4
"""Maximum number of users that are read one by one; for more, the list of all users is read."""
NO_ACCESS = "No access to resources or resources not found"
"""JupyterHub's message for an object that the scopes of the token do not cover."""


class Refusal(Exception):
    """The answer of a hub that refuses a request: the status, and JupyterHub's message."""

    def __init__(self, status: int, message: str = "") -> None:
        super().__init__(message)
        self.status = status
        self.message = message


class Unreadable(Exception):
    """The hub's answer depends on something that cannot be read; the message names it."""


class HubState:
    """Objects of a hub, read once, and changed by the requests of a dry run."""

    def __init__(self) -> None:
        self.objects: dict[str, Any] = {}
        """Objects by their paths; None: the object does not exist. A user's `servers` may lack stopped ones."""
        self.changed: set[str] = set()
        """Paths of the users and groups that the requests so far would change."""
        self._servers: dict[str, dict[str, Server]] = {}
        self._all_users_read = False
        self._identity: Identity | None = None

    def learn(self, request: Request[Any], answer: object) -> None:
        """Keep what another read has returned."""
        if isinstance(answer, User | Group) and request.method == "GET":
            self.objects.setdefault(request.path, answer)

    def identity(self) -> Flow[Identity]:
        """Return the owner of the token in use, with its scopes."""
        if self._identity is None:
            request = call("GET", "/user", Identity, about="hub")
            try:
                self._identity = yield from request
            except NotAuthorized as error:
                raise bad_token(request.about, error.method, error.path, error.status) from None
        return self._identity

    def read(self, path: str, kind: type[T], about: str, query: tuple[tuple[str, str], ...] = ()) -> Flow[T | None]:
        """Return an object by its path; None if it does not exist. `Unreadable` if the token cannot read it."""
        if path not in self.objects:
            try:
                self.objects[path] = yield from call("GET", path, kind, query=query, about=about)
            except NotFound as error:
                if error.filtered:
                    raise Unreadable(f"{about}: the token may not read it") from None
                self.objects[path] = None
            except UnknownToken:
                raise
            except NotAuthorized:
                raise Unreadable(f"{about}: the token may not read it") from None
        return self.objects[path]  # type: ignore[no-any-return]  # of this kind, by its path

    def user(self, name: str) -> Flow[User | None]:
        """Return a user; None if they do not exist."""
        path = user_path(name)
        if path not in self.objects and self._all_users_read:
            self.objects[path] = None
        if path not in self.objects:
            owner = yield from self.read(path, User, f"user {name}", INCLUDE_STOPPED)
            if owner is not None and owner.servers is not None:
                self._servers[name] = dict(owner.servers)
        return self.objects[path]  # type: ignore[no-any-return]

    def group(self, name: str) -> Flow[Group | None]:
        """Return a group; None if it does not exist."""
        return self.read(group_path(name), Group, f"group {name}")

    def servers(self, user: str) -> Flow[dict[str, Server]]:
        """Return all servers of an existing user, running or not."""
        if user not in self._servers:
            owner = yield from call("GET", user_path(user), User, query=INCLUDE_STOPPED, about=f"user {user}")
            self.objects.setdefault(user_path(user), owner)
            if owner.servers is None:
                raise Unreadable(f"servers of {user}: the token may not read them")
            self._servers[user] = dict(owner.servers)
        return self._servers[user]

    def server(self, user: str, name: str) -> Flow[Server | None]:
        """Return a server of an existing user; None if it does not exist.

        What another read has shown of a running server is enough for it.
        """
        known: User | None = self.objects.get(user_path(user))
        if user not in self._servers and known is not None and name in (known.servers or {}):
            return (known.servers or {})[name]
        if (yield from HubVersion()) < (3,) and name:
            raise Unreadable(f"server {user}/{name}: this hub does not list stopped servers")
        return (yield from self.servers(user)).get(name)

    def existing_users(self, names: Iterable[str]) -> Flow[dict[str, str]]:
        """Return the names that exist, with their spelling on the hub. Most hubs store names in lower case."""
        wanted = list(dict.fromkeys(names))
        yield from self.read_users(wanted)
        found: dict[str, str] = {}
        for name in wanted:
            for spelling in dict.fromkeys((name.lower(), name)):
                if (yield from self.user(spelling)) is not None:
                    found[name] = spelling
                    break
        return found

    def read_users(self, names: Iterable[str], *, servers: bool = False) -> Flow[None]:
        """Read many users from the list of all users, unless single reads take fewer requests.

        With `servers`, also read their servers. `Unreadable` if the token may not list users.
        """
        missing = {name.lower() for name in names if user_path(name.lower()) not in self.objects}
        if len(missing) <= MAX_SINGLE_READS or self._all_users_read:
            return
        if ("", "") not in filters_of((yield from self.identity()).scopes, "list:users"):
            raise Unreadable("users: the token may not list them")
        offset: int | None = 0
        while offset is not None:
            query = INCLUDE_STOPPED if servers else ()
            page = yield from page_request("/users", User, offset, query, about="users")
            users = page.entries()
            for user in users:
                missing.discard(user.name)
                self.objects.setdefault(user_path(user.name), user)
                if servers and user.servers is not None:
                    self._servers.setdefault(user.name, dict(user.servers))
            offset = None if page.pagination.next is None else page.pagination.next.offset
            if offset is not None and (page.pagination.total - offset) / max(1, len(users)) > len(missing):
                return  # single reads take fewer requests
        self._all_users_read = True

    def require(
        self,
        *alternatives: str,
        user: str | None = None,
        server: str | None = None,
        group: str | None = None,
        service: str | None = None,
    ) -> Flow[None]:
        """Raise the `Refusal` of a hub whose token does not have one of the scopes for an object.

        A server is named by `user` and `server`, its owner and its name.
        """
        scopes = (yield from self.identity()).scopes
        groups: Iterable[str] = ()
        if user is not None and any(kind == "group" for scope in alternatives for kind, _ in filters_of(scopes, scope)):
            owner = yield from self.user(user)
            if owner is not None and owner.groups is None:
                raise Unreadable(f"groups of {user}: the token may not read them")
            groups = owner.groups or () if owner is not None else ()
        full_name = None if server is None else f"{user}/{server}"
        found = access(
            scopes, alternatives, user=user, server=full_name, group=group, service=service, groups_of_user=groups
        )
        if found == "filtered":
            raise Refusal(404, NO_ACCESS)
        if found == "missing":
            needed = ", ".join(alternatives)
            raise Refusal(403, f"Action is not authorized with current scopes; requires any of [{needed}]")

    def store(self, path: str, value: object) -> None:
        """Store an object as a request leaves it; None: deleted."""
        self.objects[path] = value
        self.changed.add(path)

    def set_server(self, user: str, name: str, server: Server | None) -> None:
        """Store a server as a request leaves it; None: deleted."""
        self.changed.add(user_path(user))
        owner: User | None = self.objects.get(user_path(user))
        shown = dict((owner.servers if owner is not None else None) or {})
        for servers in (shown, self._servers.get(user, {})):
            if server is None:
                servers.pop(name, None)
            else:
                servers[name] = server
        if owner is not None and owner.servers is not None:
            self.objects[user_path(user)] = structs.replace(owner, servers=shown)


def user_path(name: str) -> str:
    """Return the path of a user, as a key: also for a name that cannot be sent in a path, such as one of a listing."""
    return f"/users/{quote(name, safe='@~')}"


def group_path(name: str) -> str:
    """Return the path of a group, as a key like that of a user."""
    return f"/groups/{quote(name, safe='@~')}"
