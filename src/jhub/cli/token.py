"""`jhub token`"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import click

from jhub import revoked_together
from jhub.cli.completion import completers
from jhub.cli.kit.batch import batch, preview_batch, run_batch_with_notes
from jhub.cli.kit.options import common, connect, dry_run, duration, output, require_names, scopes_option, yes
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
IN_USE_NOTE = ": the token in use; sign in again with jhub login"

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


def resolve_owner(hub: Hub, username: str | None, *, identify: bool = False) -> Owner:
    """Who was named, else whose token is in use, which is the hub's to tell; `ask` it in any case."""
    if username is not None and not identify:
        return Owner(username)
    identity = hub.whoami()
    if username is not None:
        return Owner(username, identity.token_id if (identity.kind, identity.name) == ("user", username) else None)
    if identity.kind != "user":
        # A user of that name would be somebody else.
        raise InvalidInput(f"this token is that of the {identity.kind} {identity.name}; name a user with -u USER")
    return Owner(identity.name, identity.token_id)


def tokens_view(in_use: str | None) -> View[Token]:
    """Tokens, the one in use marked."""
    marker: dict[str, Callable[[Token], object]] = {"IN USE": lambda token: "*" if token.id == in_use else ""}
    return View(TOKENS.name, {**marker, **TOKENS.columns}, optional=frozenset(marker))


@click.group()
def token() -> None:
    """List, show, create and revoke API tokens."""


@token.command("list")
@for_user
@output()
@common
def list_(owner: str | None, output_format: str) -> None:
    """List tokens, without their secrets; among mine, * marks the one in use.

    $ jhub token list
    $ jhub token list -u ana -o json
    """
    with connect() as hub:
        token_owner = resolve_owner(hub, owner)
        tokens_view(token_owner.in_use).print_list(hub.tokens.list(token_owner.name), output_format)


@token.command()
@click.argument("id_", metavar="ID", shell_complete=completers.tokens)
@for_user
@output()
@common
def show(id_: str, owner: str | None, output_format: str) -> None:
    """Show one token by its id, without its secret.

    $ jhub token show a12
    """
    with connect() as hub:
        TOKEN.print_item(hub.tokens.get(resolve_owner(hub, owner).name, id_), output_format)


@token.command()
@for_user
@click.option("--note", "note_", default="", help="What it is for.")
@click.option("--expires", type=duration, default="30d", show_default=True, help="When it ends: 8h, 30d.")
@click.option("--never", is_flag=True, help="Let it live for ever, or as long as the hub allows.")
@scopes_option
@dry_run
@click.option(
    "-o",
    "--output",
    "output_format",
    type=click.Choice(["name", "json", "yaml"]),
    default="name",
    help="As text, json or yaml.",
)
@common
def create(
    owner: str | None,
    note_: str,
    expires: float,
    never: bool,
    scopes: tuple[str, ...],
    dry_run: bool,
    output_format: str,
) -> None:
    """Create a token and print its secret, this once.

    $ jhub token create --note "nightly job" --expires 90d --scopes list:users,read:users
    $ jhub token create -u ana -o name > token.txt
    """
    with connect() as hub:
        ends = None if never else int(expires)
        token_owner = resolve_owner(hub, owner).name
        make = partial(hub.tokens.create, token_owner, note=note_, expires_in=ends, scopes=scopes or None)
        if dry_run:
            print_requests([hub.preview(make)])
            return
        made = make()
    if output_format in ("json", "yaml"):
        TOKENS.print_item(made, output_format)
    else:
        click.echo(made.token)
        note(f"token {made.id}, ends {ago(made.expires_at) or 'never'}; this is the only time it is shown")


@token.command()
@click.argument("ids", nargs=-1, metavar="[ID | -]...", shell_complete=completers.tokens)
@click.option("--note", "note_filter", metavar="TEXT", help="Those with exactly this note.")
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
    note_filter: str | None,
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

    $ jhub token revoke a12
    $ jhub token revoke --note "nightly job"
    $ jhub token revoke --all-but-this
    """
    if (bool(ids), note_filter is not None, expired, all_but_this).count(True) != 1:
        raise click.UsageError(
            "name tokens by their ids, or choose them by one of --note, --expired and --all-but-this"
        )
    if note_filter == "":
        # Of an unset variable, most likely; and there are tokens without a note, such as those of sessions.
        raise click.BadParameter("a note is missing", param_hint="--note")
    with connect() as hub:
        if expired:
            _have_expired_removed(hub, resolve_owner(hub, owner), dry_run=dry_run)
        elif ids:
            _revoke_named(hub, resolve_owner(hub, owner, identify=True), require_names(ids), dry_run=dry_run)
        else:
            token_owner = resolve_owner(hub, owner, identify=True)
            tokens = (
                _all_but_in_use(hub, token_owner)
                if note_filter is None
                else [token for token in hub.tokens.list(token_owner.name) if token.note == note_filter]
            )
            unambiguous = len(tokens) == 1 and not all_but_this and tokens[0].id != token_owner.in_use
            _revoke_selected(hub, token_owner, tokens, yes=yes or unambiguous, dry_run=dry_run)


def _have_expired_removed(hub: Hub, owner: Owner, *, dry_run: bool) -> None:
    """List tokens. On all versions the hub removes expired ones before it answers, by its own clock."""
    if dry_run:
        click.echo(f"GET /users/{segment(owner.name, 'user')}/tokens")
        return
    left = len(list(hub.tokens.list(owner.name)))
    note(f"no expired token of {owner.name} is left: the hub removes them when they are listed; it keeps {left} others")


def _revoke_named(hub: Hub, owner: Owner, ids: list[str], *, dry_run: bool) -> None:
    # The one in use comes last: the others could not be revoked after it.
    ids.sort(key=lambda id_: id_ == owner.in_use)

    def message(id_: str) -> str:
        return f"revoked {id_}{IN_USE_NOTE if id_ == owner.in_use else ''}"

    run_batch_with_notes(hub, ids, partial(partial, hub.tokens.revoke, owner.name), message, dry_run=dry_run)


def _all_but_in_use(hub: Hub, owner: Owner) -> list[Token]:
    """All tokens but the one in use, and those that came with it, and those of servers."""
    if owner.in_use is None:
        me = hub.whoami()
        if (me.kind, me.name) != ("user", owner.name):
            option = f"-u {owner.name}"
            raise InvalidInput(
                f"the token in use is none of {owner.name}'s",
                hint=f"for all of theirs: jhub token list {option} -o name | jhub token revoke {option} -",
            )
        raise Unsupported(
            "--all-but-this: needs JupyterHub 5.0; this hub does not tell which token is in use",
            hint="revoke the others by their ids: jhub token list",
        )
    others: list[Token] = []
    for bundle in revoked_together(hub.tokens.list(owner.name)):
        if owner.in_use in (token.id for token in bundle):
            continue
        servers = [token for token in bundle if token.kind == "server"]
        for token in servers:
            note(f"{token.id} stays, without which a server could let nobody in: {token.note}")
        others += [token for token in bundle if token not in servers]
    return others


def _revoke_selected(hub: Hub, owner: Owner, tokens: Sequence[Token], *, yes: bool, dry_run: bool) -> None:
    if not tokens:
        note("nothing to do: there are no such tokens")
        return
    requests = sorted(revoked_together(tokens), key=lambda bundle: owner.in_use in [token.id for token in bundle])
    if dry_run:
        preview_batch(hub, requests, lambda bundle: partial(hub.tokens.revoke, owner.name, bundle[0].id))
        return
    ids = _ids(tokens) if len(tokens) <= MAX_TOKENS_SHOWN else f"{_ids(tokens[:MAX_TOKENS_SHOWN])}, …"
    count = "1 token" if len(tokens) == 1 else f"{len(tokens)} tokens"
    this = ", the one in use among them" if owner.in_use in [token.id for token in tokens] else ""
    confirm(f"Revoke {count} of {owner.name}: {ids}{this}?", yes=yes)

    def revoke_bundle(bundle: list[Token]) -> list[Token]:
        with suppress(NotFound):  # it was there a moment ago, and was to go
            hub.tokens.revoke(owner.name, bundle[0].id)
        return bundle

    with batch(requests, revoke_bundle) as done:
        for bundle in done:
            description = bundle[0].oauth_client if bundle[0].kind == "session" else bundle[0].note
            suffix = IN_USE_NOTE if owner.in_use in [token.id for token in bundle] else ""
            note(f"revoked {_ids(bundle)} ({description}){suffix}")


def _ids(tokens: Iterable[Token]) -> str:
    return ", ".join(token.id for token in tokens)
