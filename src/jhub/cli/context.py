"""`jhub context`: list the saved hubs, switch between them, and run programs with their tokens."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from datetime import UTC, datetime
from os import environ
from typing import NoReturn

import click
from msgspec import Struct

from jhub.cli.kit.noun_group import NounGroup
from jhub.cli.kit.options import CONTEXT_KEY, common, context_names, if_exists, list_output, output, warn_if_overridden
from jhub.cli.kit.output import Age, Layout, View, note
from jhub.config import contexts


class Row(Struct):
    """A context in the output of `list` and `show`."""

    name: str
    current: bool
    api_url: str
    user: str
    expires_at: datetime | None = None
    kept: str = ""
    """The store of the token: "file" or "keyring"."""
    ca_file: str = ""
    cert_file: str = ""
    key_file: str = ""


ROWS: View[Row] = View(
    name=lambda row: row.name,
    columns={
        "CURRENT": lambda row: "*" if row.current else "",
        "NAME": lambda row: row.name,
        "USER": lambda row: row.user,
        "URL": lambda row: row.api_url,
        "TOKEN EXPIRES": lambda row: Age(row.expires_at),
    },
)
DETAILS: View[Row] = View(
    name=ROWS.name,
    columns={
        **ROWS.columns,
        "TOKEN STORE": lambda row: row.kept,
        "CA FILE": lambda row: row.ca_file,
        "CERT FILE": lambda row: row.cert_file,
        "KEY FILE": lambda row: row.key_file,
    },
)


@click.group(cls=NounGroup)
def context() -> None:
    """List the hubs that you are signed in to, and switch between them.

    A context is a hub and your token for it. Commands use the first of: -c/--context NAME; JHUB_CONTEXT;
    JUPYTERHUB_API_URL with JUPYTERHUB_API_TOKEN; the current context.
    """


@context.command("list")
@list_output()
@common
def list_(layout: Layout) -> None:
    """List the contexts. * marks the current one.

    $ jhub context list
    """
    saved = contexts.load()
    ROWS.print_list([_row(name, saved) for name in sorted(saved.contexts)], layout)
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
@if_exists("contexts")
@common
def remove(name: str, if_exists: bool) -> None:
    """Delete context NAME and its token from this machine.

    The token stays valid on the hub. To revoke it too, use jhub logout.

    $ jhub context remove hub.example.org
    """
    if if_exists and name not in contexts.load().contexts:
        note(f"{name} did not exist")
        return
    warning = contexts.remove(name)
    note(f"removed context {name}")
    if warning:
        note(f"warning: {warning}")


@context.command("exec", context_settings={"allow_interspersed_args": False})
@click.argument("command", nargs=-1, required=True, metavar="-- COMMAND [ARGUMENT]...")
@common
def exec_(command: tuple[str, ...]) -> None:
    """Run COMMAND with the hub and the token of a context in its environment.

    Sets JUPYTERHUB_API_URL and JUPYTERHUB_API_TOKEN, for programs that use the hub's API, such as `Hub()` in Python,
    and JUPYTERHUB_SSL_CLIENT_CA, _CERTFILE and _KEYFILE to the files of the context. The token is not printed and not
    an argument. The exit code is that of COMMAND; 127 if it does not exist, 126 if it cannot be run.

    $ jhub context exec -- python report.py
    $ jhub context exec -c hub.example.org -- ./nightly.sh --all
    """
    connection = contexts.connection(click.get_current_context().meta.get(CONTEXT_KEY))
    if connection.context and (warning := contexts.warning(connection.context, datetime.now(UTC))):
        note(f"warning: {warning}")
    variables = {"JUPYTERHUB_API_URL": connection.url, "JUPYTERHUB_API_TOKEN": connection.token}
    # The variables have precedence over the current context, but not over JHUB_CONTEXT.
    removed = {"JHUB_CONTEXT"}
    if connection.context:
        # Also without files: a client certificate for another hub must not be presented to this one.
        removed |= connection.environment.keys()
        variables |= {name: value for name, value in connection.environment.items() if value}
    others = {name: value for name, value in environ.items() if name not in removed}
    try:
        _replace_process(command, others | variables)
    except FileNotFoundError:
        note(f"error: command not found: {command[0]}")
        raise click.exceptions.Exit(127) from None
    except OSError as error:
        note(f"error: cannot run {command[0]}: {error.strerror}")
        raise click.exceptions.Exit(126) from None


def _replace_process(command: tuple[str, ...], environment: dict[str, str]) -> NoReturn:
    """Run a command in the place of this process, which gives it the terminal and all signals."""
    sys.stdout.flush()
    sys.stderr.flush()
    if sys.platform == "win32":  # `exec` would return to the shell before the command ends
        raise click.exceptions.Exit(subprocess.run(command, env=environment, check=False).returncode)
    # Python ignores these, and a command inherits that.
    for name in ("SIGPIPE", "SIGXFSZ"):
        signal.signal(getattr(signal, name), signal.SIG_DFL)
    os.execvpe(command[0], command, environment)  # noqa: S606  # the user asked for this program


def _row(name: str, saved: contexts.Contexts) -> Row:
    context = saved.contexts[name]
    current = name == (environ.get("JHUB_CONTEXT") or saved.current)
    return Row(
        name,
        current,
        context.api_url,
        context.user,
        context.expires_at,
        context.kept,
        context.ca_file,
        context.cert_file,
        context.key_file,
    )
