"""`jhub service`: list, show, register and delete services."""

from __future__ import annotations

import secrets
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import click
import msgspec
from click.core import ParameterSource

from jhub import oauth_client
from jhub.cli.completion import completers
from jhub.cli.kit.batch import delete_batch, preview_call, print_dry_run
from jhub.cli.kit.inputs import parse_pairs, read_secret
from jhub.cli.kit.noun_group import NounGroup
from jhub.cli.kit.options import common, connect, dry_run, if_exists, list_output, output, require_names, yes
from jhub.cli.kit.output import Layout, View, dump, note, or_hidden
from jhub.errors import Conflict
from jhub.models import Service
from jhub.steps import HubVersion

if TYPE_CHECKING:
    from jhub import Hub

SERVICES: View[Service] = View(
    name=lambda service: service.name,
    columns={
        "NAME": lambda service: service.name,
        "ADMIN": lambda service: or_hidden(service.admin),
        "ROLES": lambda service: or_hidden(service.roles),
        "URL": lambda service: service.url,
        "PREFIX": lambda service: service.prefix,
        "PID": lambda service: service.pid or "",
    },
    optional=frozenset({"ROLES", "URL", "PREFIX", "PID"}),
)


DESCRIPTION_PARAMETERS = {
    "name",
    "url",
    "token_from",
    "generate_token",
    "admin",
    "display",
    "info",
    "oauth_client_id",
    "oauth_redirect_uri",
    "scopes",
    "oauth_no_confirm",
}
"""Parameters of `create` that describe the service."""


@click.group(cls=NounGroup)
def service() -> None:
    """List, register and delete services of the hub."""


@service.command("list")
@list_output()
@common
def list_(layout: Layout) -> None:
    """List services.

    $ jhub service list
    """
    with connect() as hub:
        SERVICES.print_list(hub.services.list(), layout)


@service.command()
@click.argument("name", shell_complete=completers.services)
@output()
@common
def show(name: str, output_format: str) -> None:
    """Show a service.

    $ jhub service show announcement -o json
    """
    with connect() as hub:
        SERVICES.print_item(hub.services.get(name), output_format)


@service.command()
@click.argument("name", required=False)
@click.option("--login-client", is_flag=True, help="Register the OAuth client of jhub login --browser.")
@click.option("--url", help="Address of the service; the hub's proxy serves it at /services/NAME/.")
@click.option("--api-token", "token_from", metavar="-", help="Read the service's API token from stdin.")
@click.option("--generate-token", is_flag=True, help="Generate an API token, and print it once.")
@click.option("--admin", is_flag=True, help="Give the service the rights of an administrator.")
@click.option("--display/--no-display", default=None, help="Show a link to the service on the hub's pages, or hide it.")
@click.option(
    "--info",
    multiple=True,
    metavar="KEY=VALUE",
    help="Information about the service, KEY:=JSON for other types; repeatable.",
)
@click.option(
    "--oauth-client-id", metavar="ID", help="OAuth client ID, for sign-in through the hub; begins with service-."
)
@click.option("--oauth-redirect-uri", metavar="URI", help="Address to which the hub redirects users after sign-in.")
@click.option(
    "--oauth-scope", "scopes", multiple=True, metavar="SCOPE", help="Scope that the service may request; repeatable."
)
@click.option("--oauth-no-confirm", is_flag=True, help="Skip the page that asks users for their consent.")
@click.option("--if-not-exists", is_flag=True, help="Accept a service that already exists, and leave it unchanged.")
@dry_run
@output()
@common
def create(
    name: str | None,
    login_client: bool,
    url: str | None,
    token_from: str | None,
    generate_token: bool,
    admin: bool,
    display: bool | None,
    info: tuple[str, ...],
    oauth_client_id: str | None,
    oauth_redirect_uri: str | None,
    scopes: tuple[str, ...],
    oauth_no_confirm: bool,
    if_not_exists: bool,
    dry_run: bool,
    output_format: str,
) -> None:
    """Register a service that runs elsewhere.

    Needs no restart of the hub. Requires JupyterHub 5. The service's API token is also the secret of its OAuth client.
    It is never an argument: --api-token reads it from stdin, or prompts for it at a terminal. --generate-token creates
    one and prints it alone on stdout, or, with -o json or yaml, as a field of the service.

    --login-client registers the OAuth client of jhub login --browser. Its name and secret are the same on all hubs; it
    has no roles, so the secret gives no access. Administrators can use it at once. For all users, the hub's
    configuration needs the line that this command prints. To remove the client: jhub service delete jhub-login

    $ jhub service create announcement --url http://10.0.0.7:8888 --generate-token > token.txt
    $ jhub service create announcement --api-token - --admin < token.txt
    $ jhub service create --login-client
    """
    if login_client:
        _refuse_other_parameters()
        with connect() as hub:
            create_login_client(hub, SERVICES, output_format, if_not_exists=if_not_exists, dry_run=dry_run)
        return
    if name is None:
        raise click.UsageError("the service name is missing; use NAME or --login-client")
    if generate_token and token_from is not None:
        raise click.UsageError("--api-token and --generate-token cannot be used together")
    if generate_token and if_not_exists:
        raise click.UsageError(
            "--generate-token and --if-not-exists cannot be used together: an existing service keeps its token, "
            "which cannot be shown again"
        )
    token = secrets.token_hex(32) if generate_token else None
    if token_from is not None:
        token = read_secret("--api-token", token_from, "API token")
    info_values = parse_pairs(info) or None
    with connect() as hub:
        register = partial(
            hub.services.create,
            name,
            url=url,
            api_token=token,
            admin=admin,
            display=display,
            info=info_values,
            oauth_client_id=oauth_client_id,
            oauth_redirect_uri=oauth_redirect_uri,
            oauth_client_allowed_scopes=scopes or None,
            oauth_no_confirm=oauth_no_confirm,
        )
        if dry_run:
            preview = hub.preview_many([register])
            if if_not_exists:
                preview = replace(preview, failed=tuple(e for e in preview.failed if not isinstance(e, Conflict)))
            print_dry_run(preview, 1, output_format)
            return
        try:
            created = register()
        except Conflict:
            if not if_not_exists:
                raise
            created = hub.services.get(name)
            if token is not None:
                note(f"service {name} already exists, and keeps its token")
    if not generate_token:
        SERVICES.print_item(created, output_format)
        return
    if output_format in ("json", "yaml"):
        fields: dict[str, Any] = msgspec.to_builtins(created)
        dump({**fields, "api_token": token}, output_format)
    else:
        click.echo(token)
    note(f"created service {name}; its token is not shown again")


def _refuse_other_parameters() -> None:
    """Raise a usage error for parameters that describe a service: `--login-client` sets them all."""
    ctx = click.get_current_context()
    for param in ctx.command.params:
        on_command_line = ctx.get_parameter_source(param.name or "") is ParameterSource.COMMANDLINE
        if on_command_line and param.name in DESCRIPTION_PARAMETERS:
            option = "a name" if isinstance(param, click.Argument) else "/".join([*param.opts, *param.secondary_opts])
            raise click.UsageError(f"--login-client sets {option} itself; leave it out")


@service.command()
@click.argument("names", nargs=-1, required=True, metavar="NAME...", shell_complete=completers.services)
@if_exists("services")
@yes
@dry_run
@output()
@common
def delete(names: tuple[str, ...], if_exists: bool, yes: bool, dry_run: bool, output_format: str) -> None:
    """Delete services and their tokens. "-" reads names from stdin.

    Services in the hub's configuration can only be removed there.

    $ jhub service delete announcement
    """
    with connect() as hub:
        requested = require_names(names)
        delete_batch(
            hub, "service", requested, hub.services.delete, output_format, yes=yes, dry_run=dry_run, if_exists=if_exists
        )


def create_login_client(
    hub: Hub, view: View[Service], output_format: str, *, if_not_exists: bool, dry_run: bool
) -> None:
    """Register the OAuth client, and print the configuration that lets all users use it."""
    register = partial(hub.services.create_login_client, exist_ok=if_not_exists)
    if dry_run:
        preview_call(hub, register, output_format)
        return
    try:
        created = register()
    except Conflict as error:
        error.hint = error.hint or "use --if-not-exists to accept an existing, matching client"
        raise
    view.print_item(created, output_format)
    note("administrators can now use jhub login --browser; for all users, add this to jupyterhub_config.py")
    note("and restart the hub:")
    note("")
    version = hub.run(HubVersion())
    note(oauth_client.access_line(version))
    if version < (6,):
        note("")
        note(oauth_client.EXISTING_ROLE_NOTE)
