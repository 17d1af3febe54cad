"""`jhub proxy`: list, repair and move the routes of the hub's proxy."""

from __future__ import annotations

from functools import partial

import click

from jhub.cli.kit.batch import Result, preview_call, report
from jhub.cli.kit.inputs import read_secret
from jhub.cli.kit.noun_group import NounGroup
from jhub.cli.kit.options import common, connect, dry_run, output, yes
from jhub.cli.kit.output import View
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


@click.group(cls=NounGroup)
def proxy() -> None:
    """List the routes of the hub's proxy, and repair them."""


@proxy.command()
@output()
@common
def routes(output_format: str) -> None:
    """List the routes of the proxy. For the servers that the hub runs, use jhub server list.

    $ jhub proxy routes
    """
    with connect() as hub:
        ROUTES.print_list(hub.proxy.routes(), output_format)


@proxy.command()
@dry_run
@output()
@common
def sync(dry_run: bool, output_format: str) -> None:
    """Synchronise the routing table with the hub's servers and services.

    $ jhub proxy sync
    """
    with connect() as hub:
        if dry_run:
            preview_call(hub, hub.proxy.sync, output_format)
        else:
            hub.proxy.sync()
            report([Result("proxy", "synchronised", "synchronised the routing table")], output_format)


@proxy.command()
@click.option("--api-url", metavar="URL", help="Address of the new proxy's API.")
@click.option("--auth-token", "token_from", metavar="-", help="Read that API's token from stdin.")
@yes
@dry_run
@output()
@common
def edit(api_url: str | None, token_from: str | None, yes: bool, dry_run: bool, output_format: str) -> None:
    """Switch the hub to another proxy.

    The hub adds all routes to the new proxy. From then on, users reach their servers through it only.

    $ jhub proxy edit --api-url http://10.0.0.7:8001 --auth-token - --yes < token.txt
    """
    token = None if token_from is None else read_secret("--auth-token", token_from, "token")
    with connect() as hub:
        switch = partial(hub.proxy.edit, api_url=api_url, auth_token=token)
        if dry_run:
            preview_call(hub, switch, output_format)
            return
        hub.preview(switch)  # raises an error for invalid values before the question
        confirm("Move all routes to another proxy?", yes=yes)
        switch()
        report([Result("proxy", "switched", "the hub now uses the new proxy")], output_format)
