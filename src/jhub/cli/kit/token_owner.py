"""Whose tokens a command is about."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import click

from jhub.cli.completion import completers
from jhub.errors import InvalidInput

if TYPE_CHECKING:
    from jhub import Hub

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
