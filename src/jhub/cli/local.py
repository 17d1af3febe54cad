"""`jhub local`: a real JupyterHub on this machine."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

from jhub.cli.kit.options import common, output, warn_if_overridden, yes
from jhub.cli.kit.output import View, note
from jhub.cli.kit.prompts import confirm_deletion
from jhub.config import contexts
from jhub.config.expiry import local_end
from jhub.errors import HubError, InvalidInput, LocalHubError
from jhub.login import TOKEN_LIFE

if TYPE_CHECKING:
    from jhub.local import LocalHub, Status

CONTEXT_NAME = "local"
"""The context of the local hub."""
NOTE = "jhub local"
"""On the token's page."""


@click.group()
def local() -> None:
    """Run a real JupyterHub on this machine.

    For trying things: it listens on this machine only, and everybody on it may log in with one password. It needs
    pip install 'jhub[local]'.
    """


@local.command()
@click.option("--port", type=click.IntRange(1, 65535), help="The port; a free one by default.")
@click.option("--base-url", help="The path that the hub lives below; / by default.")
@click.option("--profiles", type=click.Path(exists=True, dir_okay=False), help="A profiles.yaml of your own.")
@common
def up(port: int | None, base_url: str | None, profiles: str | None) -> None:
    """Start the local hub and sign in to it.

    $ jhub local up
    $ jhub server start /lab --profile lab
    $ jhub server open /lab
    $ jhub local down
    """
    from jhub import local as local_hub

    hub = local_hub.up(port=port, base_url=base_url, profiles=profiles)
    sign_in(hub)
    note(f"the local hub is up at {hub.url}, and you are signed in as {hub.username} (context {CONTEXT_NAME})")
    note("log in with a browser: jhub local status shows the password")
    warn_if_overridden(CONTEXT_NAME)


@local.command()
@common
def down() -> None:
    """Stop the local hub with all its servers. Users, groups and files stay.

    $ jhub local down
    """
    from jhub import local as local_hub

    note("the local hub is down" if local_hub.down() else "no local hub was running")


@local.command()
@output()
@common
def status(output_format: str) -> None:
    """Show whether the local hub runs, where, and how to log in.

    This is the one place where a password is shown: that of a hub which only this machine can reach.

    $ jhub local status
    $ jhub local status -o json
    """
    from jhub import local as local_hub

    current = local_hub.status()
    if current is None:
        raise LocalHubError("there is no local hub", hint="start one with: jhub local up")
    _view().print_item(current, output_format)
    if current.running and not current.version:
        note("it does not answer: it is starting, or hangs; end it with: jhub local down")
    if current.left:
        note(f"a hub that was killed left {current.left} processes behind; end them with: jhub local down")
    if not current.version:
        raise click.exceptions.Exit(1)


@local.command()
@yes
@common
def reset(yes: bool) -> None:
    """Stop the local hub and delete its users, groups, tokens and files.

    $ jhub local reset
    """
    from jhub import local as local_hub

    if not local_hub.exists():
        note("there is no local hub")
        return
    confirm_deletion("the local hub", CONTEXT_NAME, yes=yes)
    local_hub.reset()
    if CONTEXT_NAME in contexts.load().contexts:
        contexts.remove(CONTEXT_NAME)
    note("the local hub is gone")


def sign_in(hub: LocalHub) -> None:
    """Make the local hub the current context; with the token of last time, if the hub still takes it."""
    from jhub import Hub
    from jhub.local import is_loopback

    saved = contexts.load().contexts.get(CONTEXT_NAME)
    if saved is not None and not is_loopback(saved.api_url):
        raise InvalidInput(
            f"the context {CONTEXT_NAME} belongs to another hub, {saved.api_url}",
            hint=f"jhub context remove {CONTEXT_NAME}, then jhub local up again",
        )
    if saved is not None and saved.api_url == hub.api_url and saved.user == hub.username:
        try:
            connection = contexts.connection(CONTEXT_NAME)
            with Hub(connection.url, connection.token) as client:
                client.whoami()
        except HubError:
            pass  # a token that was revoked, or is lost
        else:
            contexts.use(CONTEXT_NAME)
            return
    with Hub(hub.api_url) as client:
        created = client.tokens.create_with_password(hub.username, hub.password, note=NOTE, expires_in=TOKEN_LIFE)
    token = created.token or ""
    context = contexts.Context(
        api_url=hub.api_url,
        user=hub.username,
        token_id=created.id,
        expires_at=local_end(created.life, datetime.now(UTC)),
    )
    # Its folder holds the administrator's password anyhow: not worth a keyring's questions.
    contexts.save(CONTEXT_NAME, context, token, keyring=False)
    with Hub(hub.api_url, token) as client:
        for previous in client.tokens.list(hub.username):
            if previous.note == NOTE and previous.id != created.id:
                client.tokens.revoke(hub.username, previous.id)


def _view() -> View[Status]:
    return View(
        name=lambda status: status.url,
        columns={
            "RUNNING": lambda status: status.running,
            "URL": lambda status: status.url,
            "API_URL": lambda status: status.api_url,
            "USERNAME": lambda status: status.username,
            "PASSWORD": lambda status: status.password,
            "USER_PASSWORD": lambda status: status.user_password,
            "VERSION": lambda status: status.version,
            "PID": lambda status: status.pid or "",
            "FOLDER": lambda status: status.folder,
        },
    )
