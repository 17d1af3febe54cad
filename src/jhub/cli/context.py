"""`jhub context`: the hubs that this user is signed in to."""

from __future__ import annotations

from os import environ

import click
from msgspec import Struct

from jhub.cli.kit.options import CONTEXT_KEY, common, context_names, output, warn_if_overridden
from jhub.cli.kit.output import View, ago, note
from jhub.config import contexts


class Row(Struct):
    """A context as it is listed."""

    name: str
    current: bool
    api_url: str
    user: str
    expires: str = ""
    kept: str = ""
    """Where the token is: "file" or "keyring"."""


ROWS: View[Row] = View(
    name=lambda row: row.name,
    columns={
        "CURRENT": lambda row: "*" if row.current else "",
        "NAME": lambda row: row.name,
        "USER": lambda row: row.user,
        "URL": lambda row: row.api_url,
        "TOKEN ENDS": lambda row: row.expires,
    },
)
DETAILS: View[Row] = View(name=ROWS.name, columns={**ROWS.columns, "TOKEN KEPT IN": lambda row: row.kept})


@click.group()
def context() -> None:
    """List and switch the hubs you are signed in to.

    A command takes -c/--context NAME, else JHUB_CONTEXT, else JUPYTERHUB_API_URL with JUPYTERHUB_API_TOKEN, else the
    current context.
    """


@context.command("list")
@output()
@common
def list_(output_format: str) -> None:
    """List the contexts; * marks the current one.

    $ jhub context list
    """
    saved = contexts.load()
    ROWS.print_list([_row(name, saved) for name in sorted(saved.contexts)], output_format)
    if contexts.environment_wins():
        note("JUPYTERHUB_API_URL is set and comes before all of them, unless -c names one")


@context.command()
@click.argument("name", required=False, shell_complete=context_names)
@output()
@common
def show(name: str | None, output_format: str) -> None:
    """Show one context, by default the current one.

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
    note(f"now using {name}")
    warn_if_overridden(name)


@context.command()
@click.argument("name", shell_complete=context_names)
@common
def remove(name: str) -> None:
    """Forget NAME and its token. The token stays valid: jhub logout revokes it.

    $ jhub context remove hub.example.org
    """
    warning = contexts.remove(name)
    note(f"forgot {name}")
    if warning:
        note(f"warning: {warning}")


def _row(name: str, saved: contexts.Contexts) -> Row:
    context = saved.contexts[name]
    current = name == (environ.get("JHUB_CONTEXT") or saved.current)
    return Row(name, current, context.api_url, context.user, ago(context.expires_at), context.kept)
