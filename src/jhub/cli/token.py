"""`jhub token`"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import click

from jhub import revocation_groups
from jhub.cli.completion import completers
from jhub.cli.kit.batch import each, preview_each, tell_each
from jhub.cli.kit.options import common, connect, dry_run, duration, names_from, output, scopes_option, yes
from jhub.cli.kit.output import View, ago, note, print_requests
from jhub.cli.kit.prompts import confirm
from jhub.errors import InvalidInput, NotFound, Unsupported
from jhub.models import Token
from jhub.steps import segment

if TYPE_CHECKING:
    from jhub import Hub

MAX_SCOPES_SHOWN = 4
"""Scopes that a table still names."""
MAX_TOKENS_SHOWN = 5
"""Tokens that a question names."""
IT_WAS_THIS = ": the token in use; sign in again with jhub login"

TOKENS: View[Token] = View(
    name=lambda token: token.id,
    columns={
        "ID": lambda token: token.id,
        "NOTE": lambda token: token.note,
        "SCOPES": lambda token: (
            token.scopes if len(token.scopes) <= MAX_SCOPES_SHOWN else f"{len(token.scopes)} scopes"
        ),
        "CREATED": lambda token: ago(token.created),
        "LAST USED": lambda token: ago(token.last_activity),
        "ENDS": lambda token: ago(token.expires_at) or "never",
    },
)

TOKEN = View(TOKENS.name, {**TOKENS.columns, "SCOPES": lambda token: token.scopes})


for_user = click.option(
    "-u", "--user", "owner", metavar="USER", shell_complete=completers.users, help="Whose tokens; mine by default."
)


@dataclass(frozen=True, slots=True)
class Owner:
    """A user, and the id of the token in use where it is one of theirs and the hub tells (JupyterHub 5)."""

    name: str
    in_use: str | None = None


def owner_of(hub: Hub, given: str | None, *, ask: bool = False) -> Owner:
    """Who was named, else whose token is in use, which is the hub's to tell; `ask` it in any case."""
    if given is not None and not ask:
        return Owner(given)
    me = hub.whoami()
    if given is not None:
        return Owner(given, me.token_id if (me.kind, me.name) == ("user", given) else None)
    if me.kind != "user":
        # A user of that name would be somebody else.
        raise InvalidInput(f"this token is that of the {me.kind} {me.name}; name a user with -u USER")
    return Owner(me.name, me.token_id)


def listed(in_use: str | None) -> View[Token]:
    """Tokens, the one in use marked."""
    mark: dict[str, Callable[[Token], object]] = {"IN USE": lambda token: "*" if token.id == in_use else ""}
    return View(TOKENS.name, {**mark, **TOKENS.columns}, optional=frozenset(mark))


@click.group()
def token() -> None:
    """List, show, create and revoke API tokens."""


@token.command("list")
@for_user
@output()
@common
def list_(owner: str | None, form: str) -> None:
    """List tokens, without their secrets; among mine, * marks the one in use.

    \b
    jhub token list
    jhub token list -u ana -o json
    """
    with connect() as hub:
        whose = owner_of(hub, owner)
        listed(whose.in_use).many(hub.tokens.list(whose.name), form)


@token.command()
@click.argument("id_", metavar="ID", shell_complete=completers.tokens)
@for_user
@output()
@common
def show(id_: str, owner: str | None, form: str) -> None:
    """Show one token by its id, without its secret.

    \b
    jhub token show a12
    """
    with connect() as hub:
        TOKEN.one(hub.tokens.get(owner_of(hub, owner).name, id_), form)


@token.command()
@for_user
@click.option("--note", "note_", default="", help="What it is for.")
@click.option("--expires", type=duration, default="30d", show_default=True, help="When it ends: 8h, 30d.")
@click.option("--never", is_flag=True, help="Let it live for ever, or as long as the hub allows.")
@scopes_option
@dry_run
@click.option(
    "-o", "--output", "form", type=click.Choice(["name", "json", "yaml"]), default="name", help="As text, json or yaml."
)
@common
def create(
    owner: str | None,
    note_: str,
    expires: float,
    never: bool,
    scopes: tuple[str, ...],
    dry_run: bool,
    form: str,
) -> None:
    """Create a token and print its secret, this once.

    \b
    jhub token create --note "nightly job" --expires 90d --scopes list:users,read:users
    jhub token create -u ana -o name > token.txt
    """
    with connect() as hub:
        ends = None if never else int(expires)
        whose = owner_of(hub, owner).name
        make = partial(hub.tokens.create, whose, note=note_, expires_in=ends, scopes=scopes or None)
        if dry_run:
            print_requests([hub.preview(make)])
            return
        made = make()
    if form in ("json", "yaml"):
        TOKENS.one(made, form)
    else:
        click.echo(made.token)
        note(f"token {made.id}, ends {ago(made.expires_at) or 'never'}; this is the only time it is shown")


@token.command()
@click.argument("ids", nargs=-1, metavar="[ID | -]...", shell_complete=completers.tokens)
@click.option("--note", "text", metavar="TEXT", help="Those with exactly this note.")
@click.option("--expired", is_flag=True, help="Those whose time is over.")
@click.option(
    "--all-but-this",
    is_flag=True,
    help="All of mine but the one in use, and but those by which my servers speak to the hub.",
)
@for_user
@yes
@dry_run
@common
def revoke(
    ids: tuple[str, ...],
    text: str | None,
    expired: bool,
    all_but_this: bool,
    owner: str | None,
    yes: bool,
    dry_run: bool,
) -> None:
    """Revoke tokens: by their ids, of which "-" reads some from stdin, or those that one of the options chooses.

    A hub removes expired tokens by itself: every hour, and whenever somebody lists them, which is what --expired
    does. Before it revokes what --all-but-this chooses, or several with --note, it asks.

    --all-but-this (JupyterHub 5) ends the sessions of browsers with servers and services too: they go on after a new
    sign-in. Servers go on running; stopping one ends its token.

    \b
    jhub token revoke a12
    jhub token revoke --note "nightly job"
    jhub token revoke --all-but-this
    """
    if (bool(ids), text is not None, expired, all_but_this).count(True) != 1:
        raise click.UsageError(
            "name tokens by their ids, or choose them by one of --note, --expired and --all-but-this"
        )
    if text == "":
        # Of an unset variable, most likely; and there are tokens without a note, such as those of sessions.
        raise click.BadParameter("a note is missing", param_hint="--note")
    with connect() as hub:
        if expired:
            _have_expired_removed(hub, owner_of(hub, owner), dry_run=dry_run)
        elif ids:
            _revoke_named(hub, owner_of(hub, owner, ask=True), names_from(ids), dry_run=dry_run)
        else:
            whose = owner_of(hub, owner, ask=True)
            found = _others(hub, whose) if text is None else [t for t in hub.tokens.list(whose.name) if t.note == text]
            few = len(found) == 1 and not all_but_this and found[0].id != whose.in_use
            _revoke_found(hub, whose, found, yes=yes or few, dry_run=dry_run)


def _have_expired_removed(hub: Hub, whose: Owner, *, dry_run: bool) -> None:
    """List tokens. On all versions the hub removes expired ones before it answers, by its own clock."""
    if dry_run:
        click.echo(f"GET /users/{segment(whose.name, 'user')}/tokens")
        return
    left = len(list(hub.tokens.list(whose.name)))
    note(f"no expired token of {whose.name} is left: the hub removes them when they are listed; it keeps {left} others")


def _revoke_named(hub: Hub, whose: Owner, ids: list[str], *, dry_run: bool) -> None:
    # The one in use comes last: the others could not be revoked after it.
    ids.sort(key=lambda id_: id_ == whose.in_use)

    def told(id_: str) -> str:
        return f"revoked {id_}{IT_WAS_THIS if id_ == whose.in_use else ''}"

    tell_each(hub, ids, partial(partial, hub.tokens.revoke, whose.name), told, dry_run=dry_run)


def _others(hub: Hub, whose: Owner) -> list[Token]:
    """All tokens but the one in use, and those that came with it, and those of servers."""
    if whose.in_use is None:
        me = hub.whoami()
        if (me.kind, me.name) != ("user", whose.name):
            theirs = f"-u {whose.name}"
            raise InvalidInput(
                f"the token in use is none of {whose.name}'s",
                hint=f"for all of theirs: jhub token list {theirs} -o name | jhub token revoke {theirs} -",
            )
        raise Unsupported(
            "--all-but-this: needs JupyterHub 5.0; this hub does not tell which token is in use",
            hint="revoke the others by their ids: jhub token list",
        )
    others: list[Token] = []
    for together in revocation_groups(hub.tokens.list(whose.name)):
        if whose.in_use in (token.id for token in together):
            continue
        servers = [token for token in together if token.kind == "server"]
        for token in servers:
            note(f"{token.id} stays, without which a server could let nobody in: {token.note}")
        others += [token for token in together if token not in servers]
    return others


def _revoke_found(hub: Hub, whose: Owner, found: Sequence[Token], *, yes: bool, dry_run: bool) -> None:
    if not found:
        note("nothing to do: there are no such tokens")
        return
    requests = sorted(revocation_groups(found), key=lambda together: whose.in_use in [token.id for token in together])
    if dry_run:
        preview_each(hub, requests, lambda together: partial(hub.tokens.revoke, whose.name, together[0].id))
        return
    which = _ids(found) if len(found) <= MAX_TOKENS_SHOWN else f"{_ids(found[:MAX_TOKENS_SHOWN])}, …"
    count = "1 token" if len(found) == 1 else f"{len(found)} tokens"
    this = ", the one in use among them" if whose.in_use in [token.id for token in found] else ""
    confirm(f"Revoke {count} of {whose.name}: {which}{this}?", yes=yes)

    def act(together: list[Token]) -> list[Token]:
        with suppress(NotFound):  # it was there a moment ago, and was to go
            hub.tokens.revoke(whose.name, together[0].id)
        return together

    with each(requests, act) as done:
        for together in done:
            what = together[0].oauth_client if together[0].kind == "session" else together[0].note
            ended = IT_WAS_THIS if whose.in_use in [token.id for token in together] else ""
            note(f"revoked {_ids(together)} ({what}){ended}")


def _ids(tokens: Iterable[Token]) -> str:
    return ", ".join(token.id for token in tokens)
