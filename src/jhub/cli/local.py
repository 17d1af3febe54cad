"""`jhub local`: run a real JupyterHub on this machine."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from jhub.cli.kit.noun_group import NounGroup
from jhub.cli.kit.options import common, output, warn_if_overridden, yes
from jhub.cli.kit.output import View, note
from jhub.cli.kit.prompts import confirm_by_typing
from jhub.config import contexts
from jhub.config.expiry import local_end
from jhub.errors import HubError, InvalidInput, LocalHubError
from jhub.login import TOKEN_LIFE

if TYPE_CHECKING:
    from jhub.local import LocalHub, Status

CONTEXT_NAME = "local"
"""Name of the context of the local hub."""
NOTE = "jhub local"
"""Note of the token on the hub's token page."""


NEXT_STEPS = (
    "next:",
    "  jhub server start /lab   start a server of your own, then open it with: jhub server open /lab",
    "  jhub local status        passwords, to log in with a browser",
    "  jhub local down          stop the hub; users, groups and files are kept",
)
"""Lines after the start of the local hub."""


@click.group(cls=NounGroup)
def local() -> None:
    """Run a real JupyterHub on this machine.

    The local hub is for trying things out. It listens on this machine only. The administrator has one
    password; all other users share another. Requires: pip install 'jhub[local]'
    """


@local.command()
@click.option(
    "--port", type=click.IntRange(1, 65535), help="Port of the hub; by default that of the last start, if it is free."
)
@click.option("--base-url", help="URL path of the hub; by default /.")
@click.option("--profiles", type=click.Path(exists=True, dir_okay=False), help="Profiles file for the hub to load.")
@click.option(
    "--config",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="File with further JupyterHub configuration, such as roles and services.",
)
@common
def up(port: int | None, base_url: str | None, profiles: str | None, config: Path | None) -> None:
    """Start the local hub and sign in to it.

    --config names a file like jupyterhub_config.py, which runs after jhub's own configuration. It cannot change the
    hub's addresses. It holds for this start only.

    $ jhub local up
    $ jhub local up --config roles_and_services.py
    $ jhub server start /lab --profile lab
    $ jhub server open /lab
    $ jhub local down
    """
    from jhub import local as local_hub

    hub = local_hub.up(port=port, base_url=base_url, profiles=profiles, config=config)
    sign_in(hub)
    note(f"the local hub is up at {hub.url}, and you are signed in as {hub.username} (context {CONTEXT_NAME})")
    for line in NEXT_STEPS:
        note(line)
    warn_if_overridden(CONTEXT_NAME)


@local.command()
@common
def down() -> None:
    """Stop the local hub and all its servers. Users, groups and files are kept.

    $ jhub local down
    """
    from jhub import local as local_hub

    note("stopped the local hub" if local_hub.down() else "the local hub is not running")


@local.command()
@output()
@common
def status(output_format: str) -> None:
    """Show the status, URL and passwords of the local hub.

    No other command prints a password. The local hub is reachable from this machine only.

    $ jhub local status
    $ jhub local status -o json
    """
    from jhub import local as local_hub

    current = local_hub.status()
    if current is None:
        raise LocalHubError("there is no local hub", hint="start one with: jhub local up")
    _view().print_item(current, output_format)
    if current.running and not current.version:
        note("the local hub does not respond: it is still starting or has hung; stop it with: jhub local down")
    if current.left:
        note(f"{current.left} processes of a killed hub are still running; stop them with: jhub local down")
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
    warning = "This deletes the local hub and everything that belongs to it."
    confirm_by_typing("delete the local hub", warning, CONTEXT_NAME, yes=yes)
    local_hub.reset()
    if CONTEXT_NAME in contexts.load().contexts:
        contexts.remove(CONTEXT_NAME)
    note("deleted the local hub")


def sign_in(hub: LocalHub) -> None:
    """Make the local hub the current context. Reuse the saved token if the hub still accepts it."""
    from jhub import Hub
    from jhub.local import is_loopback

    saved = contexts.load().contexts.get(CONTEXT_NAME)
    if saved is not None and not is_loopback(saved.api_url):
        raise InvalidInput(
            f"the context {CONTEXT_NAME} belongs to another hub, {saved.api_url}",
            hint=f"remove it with: jhub context remove {CONTEXT_NAME}; then run jhub local up again",
        )
    if saved is not None and saved.api_url == hub.api_url and saved.user == hub.username:
        try:
            connection = contexts.connection(CONTEXT_NAME)
            with Hub(connection.url, connection.token) as client:
                client.whoami()
        except HubError:
            pass  # the saved token is revoked or missing
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
    # The hub's folder holds the administrator's password anyway, so the keyring, which may ask, would add nothing.
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
