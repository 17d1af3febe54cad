"""`jhub context`: list the saved hubs, and switch between them."""

from __future__ import annotations

from os import environ

import click
from msgspec import Struct

from jhub.cli.kit.options import CONTEXT_KEY, common, context_names, output, warn_if_overridden
from jhub.cli.kit.output import View, ago, note
from jhub.config import contexts


class Row(Struct):
    """A context in the output of `list` and `show`."""

    name: str
    current: bool
    api_url: str
    user: str
    expires: str = ""
    kept: str = ""
    """The store of the token: "file" or "keyring"."""


ROWS: View[Row] = View(
    name=lambda row: row.name,
    columns={
        "CURRENT": lambda row: "*" if row.current else "",
        "NAME": lambda row: row.name,
        "USER": lambda row: row.user,
        "URL": lambda row: row.api_url,
        "TOKEN EXPIRES": lambda row: row.expires,
    },
)
DETAILS: View[Row] = View(name=ROWS.name, columns={**ROWS.columns, "TOKEN STORE": lambda row: row.kept})


@click.group()
def context() -> None:
    """List the hubs that you are signed in to, and switch between them.

    A context is a hub and your token for it. Commands use the first of: -c/--context NAME; JHUB_CONTEXT;
    JUPYTERHUB_API_URL with JUPYTERHUB_API_TOKEN; the current context.
    """


@context.command("list")
@output()
@common
def list_(output_format: str) -> None:
    """List the contexts. * marks the current one.

    $ jhub context list
    """
    saved = contexts.load()
    ROWS.print_list([_row(name, saved) for name in sorted(saved.contexts)], output_format)
    if contexts.environment_wins():
        note("note: JUPYTERHUB_API_URL is set and overrides all contexts; use -c NAME")


@context.command()
@click.argument("name", required=False, shell_complete=context_names)
@output()
@common
def show(name: str | None, output_format: str) -> None:
    """Show a context, by default the current one.

    $ jhub context show -o json
    """
    saved = contexts.load()
    if name is None:
        name = contexts.chosen(click.get_current_context().meta.get(CONTEXT_KEY))
    contexts.get(name, saved)
    DETAILS.print_item(_row(name, saved), output_format)


@context.command()
@click.argument("name", shell_complete=context_names)
@common
def use(name: str) -> None:
    """Make NAME the current context.

    $ jhub context use hub.example.org
    """
    contexts.use(name)
    note(f"current context: {name}")
    warn_if_overridden(name)


@context.command()
@click.argument("name", shell_complete=context_names)
@common
def remove(name: str) -> None:
    """Delete context NAME and its token from this machine.

    The token stays valid on the hub. To revoke it too, use jhub logout.

    $ jhub context remove hub.example.org
    """
    warning = contexts.remove(name)
    note(f"removed context {name}")
    if warning:
        note(f"warning: {warning}")


def _row(name: str, saved: contexts.Contexts) -> Row:
    context = saved.contexts[name]
    current = name == (environ.get("JHUB_CONTEXT") or saved.current)
    return Row(name, current, context.api_url, context.user, ago(context.expires_at), context.kept)
