"""Completion of names on the hub.

A completion times out after two seconds, never retries a request, and fails silently.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from typing import TYPE_CHECKING, Any, TypeVar, cast

import click
from click.shell_completion import CompletionItem
from msgspec import Struct

from jhub.cli.kit.options import CONTEXT_KEY
from jhub.cli.kit.output import escape
from jhub.config import contexts
from jhub.errors import APIError, NotAuthorized
from jhub.models import Group, Named, Profile, Share, ShareCode, Token, User
from jhub.steps import call, segment

if TYPE_CHECKING:
    from jhub import Hub

T = TypeVar("T")

Completer = Callable[[click.Context, click.Parameter, str], list[CompletionItem]]
Completions = Iterable[tuple[str, str]]
"""Names with descriptions, for the shells that show them; an empty description is not shown."""

TIMEOUT_VARIABLE = "JHUB_COMPLETION_TIMEOUT"
"""Environment variable with the time limit of a completion, in seconds."""
DEFAULT_TIMEOUT_SECONDS = 2.0
"""Time limit of a completion without the environment variable."""
MAX_TIMEOUT_SECONDS = 3600.0
"""Maximum time limit of a completion; a larger value is ignored."""
PAGE_SIZE = "200"
"""Number of items that a listing returns. Only the first page is read."""


class _TokenOwner(User, frozen=True, kw_only=True):
    kind: str = "user"


class _Shares(Struct):
    items: tuple[Share, ...]


class _Codes(Struct):
    items: tuple[ShareCode, ...]


class _Tokens(Struct):
    api_tokens: tuple[Token, ...]


class _Profiles(Struct):
    profiles: tuple[Profile, ...]


def completer(find: Callable[[Hub, click.Context, str], Completions]) -> Completer:
    """Return a completer for click: names from `find` that start with the typed text and are not on the line yet."""

    def complete(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        items: list[CompletionItem] = []
        current = ctx.params.get(param.name or "")
        is_option = isinstance(param, click.Option)  # an argument cannot start with "-": it would be read as an option
        already_typed = cast(tuple[object, ...], current) if isinstance(current, tuple) else ()

        def fetch() -> None:
            with suppress(Exception), _connect(ctx) as hub:
                items.extend(
                    CompletionItem(name, help=escape(description) or None)
                    for name, description in find(hub, ctx, incomplete)
                    if name.startswith(incomplete) and name.isprintable() and name not in already_typed
                    if is_option or not name.startswith("-")
                )

        # A thread, because the timeouts do not limit the DNS lookup.
        thread = threading.Thread(target=fetch, daemon=True)
        thread.start()
        thread.join(_timeout_seconds())
        return [] if thread.is_alive() else items

    return complete


def _timeout_seconds() -> float:
    """Return the time limit of a completion. An invalid value is ignored, because there is no place for a message."""
    try:
        seconds = float(os.environ.get(TIMEOUT_VARIABLE) or DEFAULT_TIMEOUT_SECONDS)
    except ValueError:
        return DEFAULT_TIMEOUT_SECONDS
    return seconds if 0 < seconds <= MAX_TIMEOUT_SECONDS else DEFAULT_TIMEOUT_SECONDS


def _connect(ctx: click.Context) -> Hub:
    from jhub import Hub, Timeouts

    connection = contexts.connection(ctx.meta.get(CONTEXT_KEY))
    timeout = _timeout_seconds()
    return Hub(
        connection.url,
        connection.token,
        timeout=Timeouts(connect=timeout, read=timeout, write=timeout, total=timeout),
        verify=connection.verify,
        cert=connection.cert,
    )


def _get(hub: Hub, path: str, returns: type[T], **query: str) -> T:
    return hub.run(call("GET", path, returns, query=tuple(query.items())).once())


def _user(name: str) -> str:
    return f"/users/{segment(name, 'user')}"


def _token_owner(hub: Hub) -> tuple[User, ...]:
    """Return the user that the token belongs to, with servers; nothing for a service, which has none."""
    me = _get(hub, "/user", _TokenOwner, include_stopped_servers="1")
    return (me,) if me.kind == "user" else ()


def _users(hub: Hub, incomplete: str) -> tuple[User, ...]:
    """Return the first page of users with this text in their names, with servers.

    If the token may not list users, return its own user.
    """
    try:
        return _get(
            hub, "/users", tuple[User, ...], name_filter=incomplete, limit=PAGE_SIZE, include_stopped_servers="1"
        )
    except NotAuthorized:
        return _token_owner(hub)


def _servers(user: User, prefix: str) -> Iterator[tuple[str, str]]:
    for server in (user.servers or {}).values():
        if server.name:
            yield f"{prefix}/{server.name}", server.status


@completer
def users(hub: Hub, ctx: click.Context, incomplete: str) -> Completions:
    """Complete users."""
    return ((user.name, "") for user in _users(hub, incomplete))


@completer
def servers(hub: Hub, ctx: click.Context, incomplete: str) -> Completions:
    """Complete servers: USER and USER/NAME, or /NAME for those of the token's user."""
    owner, slash, _ = incomplete.partition("/")
    if not slash:
        for user in _users(hub, incomplete):
            yield user.name, ""
            yield from _servers(user, user.name)
    elif owner:
        yield from _servers(_get(hub, _user(owner), User, include_stopped_servers="1"), owner)
    else:
        for user in _token_owner(hub):
            yield from _servers(user, "")


@completer
def shared_servers(hub: Hub, ctx: click.Context, incomplete: str) -> Completions:
    """Complete servers that are shared with the token's user."""
    for me in _token_owner(hub):
        page = _get(hub, f"{_user(me.name)}/shared", _Shares, limit=PAGE_SIZE)
        yield from ((share.server.target, "") for share in page.items)


@completer
def groups(hub: Hub, ctx: click.Context, incomplete: str) -> Completions:
    """Complete groups, from the first page."""
    return ((group.name, "") for group in _get(hub, "/groups", tuple[Named, ...], limit=PAGE_SIZE))


@completer
def group_objects(hub: Hub, ctx: click.Context, incomplete: str) -> Completions:
    """Complete group/NAME."""
    return _group_objects(hub)


@completer
def importable_objects(hub: Hub, ctx: click.Context, incomplete: str) -> Completions:
    """Complete user/NAME, group/NAME and server/USER/NAME; at first what comes before the slash."""
    kind, slash, name = incomplete.partition("/")
    match kind if slash else "":
        case "group":
            yield from _group_objects(hub)
        case "user":
            yield from ((f"user/{user.name}", "") for user in _users(hub, name))
        case "server":
            for user in _users(hub, name.partition("/")[0]):
                yield from _servers(user, f"server/{user.name}")
        case _:
            yield from ((f"{each}/", "") for each in ("user", "group", "server"))


def _group_objects(hub: Hub) -> Completions:
    return ((f"group/{group.name}", "") for group in _get(hub, "/groups", tuple[Named, ...], limit=PAGE_SIZE))


@completer
def members(hub: Hub, ctx: click.Context, incomplete: str) -> Completions:
    """Complete members of the group that is named earlier on the line."""
    group = _get(hub, f"/groups/{segment(ctx.params['name'], 'group')}", Group)
    return ((user, "") for user in group.users or ())


@completer
def tokens(hub: Hub, ctx: click.Context, incomplete: str) -> Completions:
    """Complete IDs of tokens: of the user that -u names earlier on the line, else of the token's user."""
    owner = ctx.params.get("owner")
    for name in [owner] if owner else [me.name for me in _token_owner(hub)]:
        listed = _get(hub, f"{_user(name)}/tokens", _Tokens)
        yield from ((token.id, token.note or "") for token in listed.api_tokens)


@completer
def share_codes(hub: Hub, ctx: click.Context, incomplete: str) -> Completions:
    """Complete IDs of share codes for the server that is named earlier on the line."""
    owner, _, server = ctx.params["name"].partition("/")
    for name in [owner] if owner else [me.name for me in _token_owner(hub)]:
        path = f"/share-codes/{segment(name, 'user')}/{segment(server, 'server') if server else ''}"
        yield from ((code.id, "") for code in _get(hub, path, _Codes, limit=PAGE_SIZE).items)


@completer
def services(hub: Hub, ctx: click.Context, incomplete: str) -> Completions:
    """Complete services."""
    return ((name, "") for name in _get(hub, "/services", dict[str, Any]))


@completer
def profiles(hub: Hub, ctx: click.Context, incomplete: str) -> Completions:
    """Complete profiles from which visible servers were started."""
    return _started_profiles(hub)


@completer
def startable_profiles(hub: Hub, ctx: click.Context, incomplete: str) -> Completions:
    """Complete the profiles that the hub lists for the user on the line.

    If the hub does not list profiles, complete those from which visible servers were started.
    """
    try:
        return ((profile.slug, profile.display_name) for profile in _startable_profiles(hub, ctx))
    except APIError:
        return _started_profiles(hub)


@completer
def profile_options(hub: Hub, ctx: click.Context, incomplete: str) -> Completions:
    """Complete KEY= for the options of the profile on the line, or of the default profile; after KEY=, its choices."""
    slug = ctx.params.get("profile")
    chosen = {each.partition("=")[0] for each in ctx.params.get("options") or ()}
    for profile in _startable_profiles(hub, ctx):
        if (profile.slug == slug) if slug else profile.default:
            yield from _options(profile, chosen, values="=" in incomplete)


def _options(profile: Profile, chosen: set[str], *, values: bool) -> Completions:
    for option in profile.profile_options:
        if not chosen.isdisjoint((option.key, option.unlisted_key)):
            continue
        if values:
            yield from ((f"{option.key}={choice.key}", choice.display_name) for choice in option.choices)
        else:
            if option.choices:
                yield f"{option.key}=", ""
            if option.unlisted_choice is not None:
                yield f"{option.unlisted_key}=", ""
    if not values:
        yield from ((f"{name}=", "") for name in profile.user_options if chosen.isdisjoint((name, f"{name}:")))


def _startable_profiles(hub: Hub, ctx: click.Context) -> tuple[Profile, ...]:
    """Return the profiles of the user that -u or the first server on the line names, else of the token's user."""
    # While the value of an option is completed, click does not parse the arguments before it: they are in ctx.args.
    # `jhub run` has a file there.
    args = [] if any(each.name == "file" for each in ctx.command.params) else ctx.args
    names = ctx.params.get("owner") or ctx.params.get("servers") or ctx.params.get("name") or args
    first = names if isinstance(names, str) else next(iter(names), "")
    owner = first.partition("/")[0]
    return _get(hub, f"{_user(owner)}/profiles" if owner not in ("", "-") else "/profiles", _Profiles).profiles


def _started_profiles(hub: Hub) -> Completions:
    names = (server.profile for user in _users(hub, "") for server in (user.servers or {}).values())
    return ((name, "") for name in sorted({name for name in names if name}))
