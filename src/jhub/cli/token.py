"""`jhub token`"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import click

from jhub.cli.completion import completers
from jhub.cli.kit.options import common, connect, dry_run, duration, output
from jhub.cli.kit.output import View, ago, note, print_requests
from jhub.cli.kit.scopes import scopes_option
from jhub.cli.kit.token_owner import for_user, owner_of
from jhub.cli.token_revoke import revoke
from jhub.models import Token

FEW = 4
"""Scopes that a table still names."""

TOKENS: View[Token] = View(
    name=lambda token: token.id,
    columns={
        "ID": lambda token: token.id,
        "NOTE": lambda token: token.note,
        "SCOPES": lambda token: token.scopes if len(token.scopes) <= FEW else f"{len(token.scopes)} scopes",
        "CREATED": lambda token: ago(token.created),
        "LAST USED": lambda token: ago(token.last_activity),
        "ENDS": lambda token: ago(token.expires_at) or "never",
    },
)

TOKEN = View(TOKENS.name, {**TOKENS.columns, "SCOPES": lambda token: token.scopes})


def listed(in_use: str | None) -> View[Token]:
    """Tokens, the one in use marked."""
    mark: dict[str, Callable[[Token], object]] = {"IN USE": lambda token: "*" if token.id == in_use else ""}
    return View(TOKENS.name, {**mark, **TOKENS.columns}, optional=frozenset(mark))


@click.group()
def token() -> None:
    """List, show, create and revoke API tokens."""


token.add_command(revoke)


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
