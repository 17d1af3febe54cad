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
from jhub.cli.kit.batch import delete_each
from jhub.cli.kit.inputs import pairs, secret
from jhub.cli.kit.options import common, connect, dry_run, names_from, output, yes
from jhub.cli.kit.output import View, dump, note, print_requests, shown
from jhub.errors import Conflict
from jhub.models import Service
from jhub.steps import HubVersion

if TYPE_CHECKING:
    from jhub import Hub

SERVICES: View[Service] = View(
    name=lambda service: service.name,
    columns={
        "NAME": lambda service: service.name,
        "ADMIN": lambda service: shown(service.admin),
        "ROLES": lambda service: shown(service.roles),
        "URL": lambda service: service.url,
        "PREFIX": lambda service: service.prefix,
        "PID": lambda service: service.pid or "",
    },
    optional=frozenset({"ROLES", "URL", "PREFIX", "PID"}),
)


DESCRIBING = {
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
def list_(form: str) -> None:
    """List services.

    \b
    jhub service list
    """
    with connect() as hub:
        SERVICES.many(hub.services.list(), form)


@service.command()
@click.argument("name", shell_complete=completers.services)
@output()
@common
def show(name: str, form: str) -> None:
    """Show one service.

    \b
    jhub service show announcement -o json
    """
    with connect() as hub:
        SERVICES.one(hub.services.get(name), form)


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
    form: str,
) -> None:
    """Register a service that runs elsewhere.

    That needs no restart of the hub, and JupyterHub 5. Its API token is also the secret of its OAuth client. It stands
    in no argument: it is read from stdin, asked for at a terminal, or made here and printed alone on stdout (with the
    rest as json and yaml).

    \b
    jhub service create announcement --url http://10.0.0.7:8888 --generate-token > token.txt
    jhub service create announcement --api-token - --admin < token.txt

    --login-client registers what jhub login --browser needs, under a name and a secret that are the same on all hubs:
    this service gets no roles, so the secret opens nothing. Administrators can use it at once; what lets everybody use
    it stands in the hub's configuration, and is printed. jhub service delete jhub-login takes it away.

    \b
    jhub service create --login-client
    """
    if login_client:
        _allow_no_others()
        with connect() as hub:
            create_login_client(hub, SERVICES, form, if_not_exists=if_not_exists, dry_run=dry_run)
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
        token = secret("--api-token", token_from, "API token")
    described = pairs(info) or None
    with connect() as hub:
        register = partial(
            hub.services.create,
            name,
            url=url,
            api_token=token,
            admin=admin,
            display=display,
            info=described,
            oauth_client_id=oauth_client_id,
            oauth_redirect_uri=oauth_redirect_uri,
            oauth_client_allowed_scopes=scopes or None,
            oauth_no_confirm=oauth_no_confirm,
        )
        if dry_run:
            print_requests([hub.preview(register)])
            return
        try:
            made = register()
        except Conflict:
            if not if_not_exists:
                raise
            made = hub.services.get(name)
            if token is not None:
                note(f"service {name} exists already, and keeps the token that it has")
    if not generate_token:
        SERVICES.one(made, form)
        return
    if form in ("json", "yaml"):
        shown: dict[str, Any] = msgspec.to_builtins(made)
        dump({**shown, "api_token": token}, form)
    else:
        click.echo(token)
    note(f"created service {name}; this is the only time its token is shown")


def _allow_no_others() -> None:
    """A usage error for what describes a service beside `--login-client`, which says all that there is to say."""
    ctx = click.get_current_context()
    for param in ctx.command.params:
        given = ctx.get_parameter_source(param.name or "") is ParameterSource.COMMANDLINE
        if given and param.name in DESCRIBING:
            said = "a name" if isinstance(param, click.Argument) else "/".join([*param.opts, *param.secondary_opts])
            raise click.UsageError(f"--login-client says all that there is to say of the service: leave {said} out")


@service.command()
@click.argument("names", nargs=-1, required=True, metavar="NAME...", shell_complete=completers.services)
@yes
@dry_run
@common
def delete(names: tuple[str, ...], yes: bool, dry_run: bool) -> None:
    """Delete services, with their tokens. "-" reads names from stdin.

    Those of the hub's configuration can be removed only there.

    \b
    jhub service delete announcement
    """
    with connect() as hub:
        delete_each(hub, "service", names_from(names), hub.services.delete, yes=yes, dry_run=dry_run)


def create_login_client(hub: Hub, view: View[Service], form: str, *, if_not_exists: bool, dry_run: bool) -> None:
    """Register the client, and say who can use it and what makes that everybody."""
    register = partial(hub.services.create_login_client, exist_ok=if_not_exists)
    if dry_run:
        print_requests([hub.preview(register)])
        return
    try:
        made = register()
    except Conflict as error:
        error.hint = error.hint or "with --if-not-exists it is seen to that it is the right one"
        raise
    view.one(made, form)
    note("administrators can sign in with jhub login --browser now; for everybody, put this into jupyterhub_config.py")
    note("and restart the hub:")
    note("")
    have = hub.run(HubVersion())
    note(oauth_client.access_line(have))
    if have < (6,):
        note("")
        note(oauth_client.EXISTING_ROLE_NOTE)
