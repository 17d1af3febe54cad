"""`jhub service`"""

from __future__ import annotations

import secrets
from functools import partial
from typing import TYPE_CHECKING, Any

import click
import msgspec
from click.core import ParameterSource

from jhub import oauth_client
from jhub.cli.completion import completers
from jhub.cli.kit.batch import delete_batch
from jhub.cli.kit.inputs import parse_pairs, read_secret
from jhub.cli.kit.options import common, connect, dry_run, output, require_names, yes
from jhub.cli.kit.output import View, dump, note, or_hidden, print_requests
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
"""Parameters of `create` that say what the service is."""


@click.group()
def service() -> None:
    """List, show, register and delete services of the hub."""


@service.command("list")
@output()
@common
def list_(output_format: str) -> None:
    """List services.

    $ jhub service list
    """
    with connect() as hub:
        SERVICES.print_list(hub.services.list(), output_format)


@service.command()
@click.argument("name", shell_complete=completers.services)
@output()
@common
def show(name: str, output_format: str) -> None:
    """Show one service.

    $ jhub service show announcement -o json
    """
    with connect() as hub:
        SERVICES.print_item(hub.services.get(name), output_format)


@service.command()
@click.argument("name", required=False)
@click.option("--login-client", is_flag=True, help="The one by which people sign in with jhub login --browser.")
@click.option("--url", help="Where it listens; the hub's proxy serves it below /services/NAME/.")
@click.option("--api-token", "token_from", metavar="-", help="Read its API token from stdin: --api-token -")
@click.option("--generate-token", is_flag=True, help="Make an API token for it, and print it this once.")
@click.option("--admin", is_flag=True, help="Let it do all that an administrator may.")
@click.option("--display/--no-display", default=None, help="Whether the hub's pages link to it.")
@click.option("--info", multiple=True, metavar="KEY=VALUE", help="What it tells of itself; KEY:=JSON; repeatable.")
@click.option("--oauth-client-id", metavar="ID", help="For signing in to it with the hub; begins with service-.")
@click.option("--oauth-redirect-uri", metavar="URI", help="Where the hub sends people back to.")
@click.option("--oauth-scope", "scopes", multiple=True, metavar="SCOPE", help="What it may ask for; may be repeated.")
@click.option("--oauth-no-confirm", is_flag=True, help="Do not ask people whether they agree.")
@click.option("--if-not-exists", is_flag=True, help="One that exists already is fine, and stays as it is.")
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

    That needs no restart of the hub, and JupyterHub 5. Its API token is also the secret of its OAuth client. It stands
    in no argument: it is read from stdin, asked for at a terminal, or made here and printed alone on stdout (with the
    rest as json and yaml).

    $ jhub service create announcement --url http://10.0.0.7:8888 --generate-token > token.txt
    $ jhub service create announcement --api-token - --admin < token.txt

    --login-client registers what jhub login --browser needs, under a name and a secret that are the same on all hubs:
    this service gets no roles, so the secret opens nothing. Administrators can use it at once; what lets everybody use
    it stands in the hub's configuration, and is printed. jhub service delete jhub-login takes it away.

    $ jhub service create --login-client
    """
    if login_client:
        _refuse_other_parameters()
        with connect() as hub:
            create_login_client(hub, SERVICES, output_format, if_not_exists=if_not_exists, dry_run=dry_run)
        return
    if name is None:
        raise click.UsageError("name the service, or say --login-client")
    if generate_token and token_from is not None:
        raise click.UsageError("--api-token and --generate-token exclude each other")
    if generate_token and if_not_exists:
        raise click.UsageError(
            "--generate-token and --if-not-exists exclude each other: a service that exists keeps its token, and "
            "nobody can show it again"
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
            print_requests([hub.preview(register)])
            return
        try:
            created = register()
        except Conflict:
            if not if_not_exists:
                raise
            created = hub.services.get(name)
            if token is not None:
                note(f"service {name} exists already, and keeps the token that it has")
    if not generate_token:
        SERVICES.print_item(created, output_format)
        return
    if output_format in ("json", "yaml"):
        fields: dict[str, Any] = msgspec.to_builtins(created)
        dump({**fields, "api_token": token}, output_format)
    else:
        click.echo(token)
    note(f"created service {name}; this is the only time its token is shown")


def _refuse_other_parameters() -> None:
    """A usage error for what describes a service beside `--login-client`, which says all that there is to say."""
    ctx = click.get_current_context()
    for param in ctx.command.params:
        on_command_line = ctx.get_parameter_source(param.name or "") is ParameterSource.COMMANDLINE
        if on_command_line and param.name in DESCRIPTION_PARAMETERS:
            option = "a name" if isinstance(param, click.Argument) else "/".join([*param.opts, *param.secondary_opts])
            raise click.UsageError(f"--login-client says all that there is to say of the service: leave {option} out")


@service.command()
@click.argument("names", nargs=-1, required=True, metavar="NAME...", shell_complete=completers.services)
@yes
@dry_run
@common
def delete(names: tuple[str, ...], yes: bool, dry_run: bool) -> None:
    """Delete services, with their tokens. "-" reads names from stdin.

    Those of the hub's configuration can be removed only there.

    $ jhub service delete announcement
    """
    with connect() as hub:
        delete_batch(hub, "service", require_names(names), hub.services.delete, yes=yes, dry_run=dry_run)


def create_login_client(
    hub: Hub, view: View[Service], output_format: str, *, if_not_exists: bool, dry_run: bool
) -> None:
    """Register the client, and say who can use it and what makes that everybody."""
    register = partial(hub.services.create_login_client, exist_ok=if_not_exists)
    if dry_run:
        print_requests([hub.preview(register)])
        return
    try:
        created = register()
    except Conflict as error:
        error.hint = error.hint or "with --if-not-exists it is seen to that it is the right one"
        raise
    view.print_item(created, output_format)
    note("administrators can sign in with jhub login --browser now; for everybody, put this into jupyterhub_config.py")
    note("and restart the hub:")
    note("")
    version = hub.run(HubVersion())
    note(oauth_client.access(version))
    if version < (6,):
        note("")
        note(oauth_client.ROLE_IS_THERE)
