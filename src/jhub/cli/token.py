"""`jhub token`"""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from jhub.cli.kit.each import each
from jhub.cli.kit.options import common, connect, duration, names_from, output
from jhub.cli.kit.output import View, ago, note
from jhub.models import Token

if TYPE_CHECKING:
    from jhub.client.sync import Hub

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

for_user = click.option("-u", "--user", "owner", metavar="USER", help="Whose tokens; mine by default.")


@click.group()
def token() -> None:
    """List, create and revoke API tokens."""


@token.command("list")
@for_user
@output()
@common
def list_(owner: str | None, form: str) -> None:
    """List tokens, without their secrets.

    \b
    jhub token list
    jhub token list -u ana -o json
    """
    with connect() as hub:
        TOKENS.many(hub.tokens.list(_owner(hub, owner)), form)


@token.command()
@for_user
@click.option("--note", "note_", default="", help="What it is for.")
@click.option("--expires", type=duration, default="30d", show_default=True, help="When it ends: 8h, 30d.")
@click.option("--never", is_flag=True, help="Let it live for ever, or as long as the hub allows.")
@click.option("--scope", "scopes", multiple=True, metavar="SCOPE", help="Only this scope; may be repeated.")
@click.option(
    "-o", "--output", "form", type=click.Choice(["name", "json", "yaml"]), default="name", help="As text, json or yaml."
)
@common
def create(owner: str | None, note_: str, expires: float, never: bool, scopes: tuple[str, ...], form: str) -> None:
    """Create a token and print its secret, this once.

    \b
    jhub token create --note "nightly job" --expires 90d --scope list:users
    jhub token create -u ana -o name > token.txt
    """
    with connect() as hub:
        made = hub.tokens.create(
            _owner(hub, owner), note=note_, expires_in=None if never else int(expires), scopes=scopes or None
        )
    if form in ("json", "yaml"):
        TOKENS.one(made, form)
    else:
        click.echo(made.token)
        note(f"token {made.id}, ends {ago(made.expires_at) or 'never'}; this is the only time it is shown")


@token.command()
@click.argument("ids", nargs=-1, required=True, metavar="ID...")
@for_user
@common
def revoke(ids: tuple[str, ...], owner: str | None) -> None:
    """Revoke tokens by their ids. "-" reads ids from stdin.

    \b
    jhub token revoke a12
    """
    with connect() as hub:
        user = _owner(hub, owner)
        with each(names_from(ids), lambda id_: (hub.tokens.revoke(user, id_), id_)[1]) as done:
            for id_ in done:
                note(f"revoked {id_}")


def _owner(hub: Hub, given: str | None) -> str:
    return given or hub.whoami().name
