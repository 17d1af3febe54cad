"""`jhub whoami`: your identity on the hub."""

from __future__ import annotations

import click

from jhub.cli.kit.options import common, connect, output
from jhub.cli.kit.output import View, or_hidden
from jhub.models import Identity

IDENTITY: View[Identity] = View(
    name=lambda who: who.name,
    columns={
        "NAME": lambda who: who.name,
        "KIND": lambda who: who.kind,
        "ADMIN": lambda who: or_hidden(who.admin),
        "GROUPS": lambda who: or_hidden(who.groups),
        "SCOPES": lambda who: who.scopes,
    },
)


@click.command()
@output()
@common
def whoami(output_format: str) -> None:
    """Show your user, your groups and the scopes of your token.

    $ jhub whoami
    $ jhub whoami -o json
    """
    with connect() as hub:
        IDENTITY.print_item(hub.whoami(), output_format)
