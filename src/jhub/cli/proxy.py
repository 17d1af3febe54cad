"""`jhub proxy`"""

from __future__ import annotations

from functools import partial

import click

from jhub.cli.kit.inputs import read_secret
from jhub.cli.kit.options import common, connect, dry_run, output, yes
from jhub.cli.kit.output import View, note, print_requests
from jhub.cli.kit.prompts import confirm
from jhub.models import Route, target


def _owner(route: Route) -> str:
    match route.data:
        case {"hub": _}:
            return "hub"
        case {"user": str(user), "server_name": str(name)}:
            return f"server {target(user, name)}"
        case {"service": str(name)}:
            return f"service {name}"
        case _:
            return ""


ROUTES: View[Route] = View(
    name=lambda route: route.routespec,
    columns={
        "ROUTE": lambda route: route.routespec,
        "FOR": _owner,
        "TARGET": lambda route: route.target,
    },
)


@click.group()
def proxy() -> None:
    """Look at the routes of the hub's proxy, and mend them."""


@proxy.command()
@output()
@common
def routes(output_format: str) -> None:
    """List the routes that the proxy has. For what runs, see jhub server list: it asks the hub alone.

    $ jhub proxy routes
    """
    with connect() as hub:
        ROUTES.print_list(hub.proxy.routes(), output_format)


@proxy.command()
@dry_run
@common
def sync(dry_run: bool) -> None:
    """Have the hub compare the routes with what runs, and mend them.

    $ jhub proxy sync
    """
    with connect() as hub:
        if dry_run:
            print_requests([hub.preview(hub.proxy.sync)])
        else:
            hub.proxy.sync()
            note("the routes are those of what runs")


@proxy.command()
@click.option("--api-url", metavar="URL", help="Where the API of the new proxy listens.")
@click.option("--auth-token", "token_from", metavar="-", help="Read the token for it from stdin: --auth-token -")
@yes
@dry_run
@common
def edit(api_url: str | None, token_from: str | None, yes: bool, dry_run: bool) -> None:
    """Hand all routes to another proxy.

    The hub sets them up there. People reach their servers by that proxy alone from then on.

    $ jhub proxy edit --api-url http://10.0.0.7:8001 --auth-token - --yes < token.txt
    """
    token = None if token_from is None else read_secret("--auth-token", token_from, "token")
    with connect() as hub:
        switch = partial(hub.proxy.edit, api_url=api_url, auth_token=token)
        preview = hub.preview(switch)  # refuses what cannot be sent, before anybody is asked
        if dry_run:
            print_requests([preview])
            return
        confirm("Hand all routes of this hub to another proxy?", yes=yes)
        switch()
        note("the hub uses the other proxy now")
