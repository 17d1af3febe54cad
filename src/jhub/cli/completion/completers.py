"""Completion of names that the hub knows.

It never waits long, asks nothing a second time, and says nothing when it fails.
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
Found = Iterable[tuple[str, str]]
"""Names, each with a word about it for the shells that show one."""

LIMIT = "JHUB_COMPLETION_TIMEOUT"
"""Environment variable: seconds, all in all."""
SECONDS = 2.0
MOST_SECONDS = 3600.0
PAGE = "200"


class _Me(User, frozen=True, kw_only=True):
    kind: str = "user"


class _Shares(Struct):
    items: tuple[Share, ...]


class _Codes(Struct):
    items: tuple[ShareCode, ...]


class _Tokens(Struct):
    api_tokens: tuple[Token, ...]


class _Profiles(Struct):
    profiles: tuple[Profile, ...]


def completer(find: Callable[[Hub, click.Context, str], Found]) -> Completer:
    """What click asks for names: those that `find` knows, as far as they go on from what was typed."""

    def complete(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        found: list[CompletionItem] = []
        given = ctx.params.get(param.name or "")
        option = isinstance(
            param, click.Option
        )  # where a name may begin with "-"; as an argument it would be an option
        before = cast(tuple[object, ...], given) if isinstance(given, tuple) else ()

        def ask() -> None:
            with suppress(Exception), _connect(ctx) as hub:
                found.extend(
                    CompletionItem(name, help=escape(said) or None)
                    for name, said in find(hub, ctx, incomplete)
                    if name.startswith(incomplete) and name.isprintable() and name not in before
                    if option or not name.startswith("-")
                )

        # A thread, because looking a host up takes as long as it takes, whatever the time-outs are.
        thread = threading.Thread(target=ask, daemon=True)
        thread.start()
        thread.join(_seconds())
        return [] if thread.is_alive() else found

    return complete


def _seconds() -> float:
    """How long a completion may take. What is no such time says nothing in the middle of a line."""
    try:
        seconds = float(os.environ.get(LIMIT) or SECONDS)
    except ValueError:
        return SECONDS
    return seconds if 0 < seconds <= MOST_SECONDS else SECONDS


def _connect(ctx: click.Context) -> Hub:
    from jhub import Hub, Timeouts

    where = contexts.connection(ctx.meta.get(CONTEXT_KEY))
    seconds = _seconds()
    return Hub(where.url, where.token, timeout=Timeouts(connect=seconds, read=seconds, write=seconds, total=seconds))


def _get(hub: Hub, path: str, returns: type[T], **query: str) -> T:
    return hub.run(call("GET", path, returns, query=tuple(query.items())).once())


def _user(name: str) -> str:
    return f"/users/{segment(name, 'user')}"


def _mine(hub: Hub) -> tuple[User, ...]:
    """Whose token it is, with their servers; a service has none."""
    me = _get(hub, "/user", _Me, include_stopped_servers="1")
    return (me,) if me.kind == "user" else ()


def _users(hub: Hub, part: str) -> tuple[User, ...]:
    """The first page of users with this in their names, with their servers; only me where nobody else may be seen."""
    try:
        return _get(hub, "/users", tuple[User, ...], name_filter=part, limit=PAGE, include_stopped_servers="1")
    except NotAuthorized:
        return _mine(hub)


def _servers(user: User, prefix: str) -> Iterator[tuple[str, str]]:
    for server in (user.servers or {}).values():
        if server.name:
            yield f"{prefix}/{server.name}", server.status


@completer
def users(hub: Hub, ctx: click.Context, part: str) -> Found:
    """Users."""
    return ((user.name, "") for user in _users(hub, part))


@completer
def servers(hub: Hub, ctx: click.Context, part: str) -> Found:
    """USER and USER/NAME, or /NAME for mine."""
    owner, slash, _ = part.partition("/")
    if not slash:
        for user in _users(hub, part):
            yield user.name, ""
            yield from _servers(user, user.name)
    elif owner:
        yield from _servers(_get(hub, _user(owner), User, include_stopped_servers="1"), owner)
    else:
        for user in _mine(hub):
            yield from _servers(user, "")


@completer
def shared(hub: Hub, ctx: click.Context, part: str) -> Found:
    """Servers that are shared with me."""
    for me in _mine(hub):
        page = _get(hub, f"{_user(me.name)}/shared", _Shares, limit=PAGE)
        yield from ((share.server.target, "") for share in page.items)


@completer
def groups(hub: Hub, ctx: click.Context, part: str) -> Found:
    """Groups, of the first page."""
    return ((group.name, "") for group in _get(hub, "/groups", tuple[Named, ...], limit=PAGE))


@completer
def members(hub: Hub, ctx: click.Context, part: str) -> Found:
    """Users in the group that stands before them on the line."""
    group = _get(hub, f"/groups/{segment(ctx.params['name'], 'group')}", Group)
    return ((user, "") for user in group.users or ())


@completer
def tokens(hub: Hub, ctx: click.Context, part: str) -> Found:
    """Ids of tokens: mine, or those of whom -u names before them on the line."""
    owner = ctx.params.get("owner")
    for name in [owner] if owner else [me.name for me in _mine(hub)]:
        listed = _get(hub, f"{_user(name)}/tokens", _Tokens)
        yield from ((token.id, token.note or "") for token in listed.api_tokens)


@completer
def codes(hub: Hub, ctx: click.Context, part: str) -> Found:
    """Ids of codes for the server that stands before them on the line."""
    owner, _, server = ctx.params["name"].partition("/")
    for name in [owner] if owner else [me.name for me in _mine(hub)]:
        path = f"/share-codes/{segment(name, 'user')}/{segment(server, 'server') if server else ''}"
        yield from ((code.id, "") for code in _get(hub, path, _Codes, limit=PAGE).items)


@completer
def services(hub: Hub, ctx: click.Context, part: str) -> Found:
    """Services."""
    return ((name, "") for name in _get(hub, "/services", dict[str, Any]))


@completer
def profiles(hub: Hub, ctx: click.Context, part: str) -> Found:
    """Profiles from which servers were started that this token sees."""
    return _seen(hub)


@completer
def startable(hub: Hub, ctx: click.Context, part: str) -> Found:
    """Profiles of whom the line names, as the hub lists them; on a hub that does not, those that are seen."""
    try:
        return ((profile.slug, profile.display_name) for profile in _listed(hub, ctx))
    except APIError:
        return _seen(hub)


@completer
def options(hub: Hub, ctx: click.Context, part: str) -> Found:
    """KEY= for the options of the profile on the line, else of the default one; after KEY= its choices."""
    slug = ctx.params.get("profile")
    given = {each.partition("=")[0] for each in ctx.params.get("options") or ()}
    for profile in _listed(hub, ctx):
        if (profile.slug == slug) if slug else profile.default:
            yield from _options(profile, given, values="=" in part)


def _options(profile: Profile, given: set[str], *, values: bool) -> Found:
    for option in profile.profile_options:
        if not given.isdisjoint((option.key, option.unlisted_key)):
            continue
        if values:
            yield from ((f"{option.key}={choice.key}", choice.display_name) for choice in option.choices)
        else:
            if option.choices:
                yield f"{option.key}=", ""
            if option.unlisted_choice is not None:
                yield f"{option.unlisted_key}=", ""
    if not values:
        yield from ((f"{name}=", "") for name in profile.user_options if given.isdisjoint((name, f"{name}:")))


def _listed(hub: Hub, ctx: click.Context) -> tuple[Profile, ...]:
    """The profiles of whom -u or the first server on the line names, else mine."""
    # Where the word at the cursor is an option's, click leaves the arguments before it as they came.
    given = ctx.params.get("owner") or ctx.params.get("servers") or ctx.params.get("name") or ctx.args
    first = given if isinstance(given, str) else next(iter(given), "")
    owner = first.partition("/")[0]
    return _get(hub, f"{_user(owner)}/profiles" if owner not in ("", "-") else "/profiles", _Profiles).profiles


def _seen(hub: Hub) -> Found:
    names = (server.profile for user in _users(hub, "") for server in (user.servers or {}).values())
    return ((name, "") for name in sorted({name for name in names if name}))
