"""`jhub hub`: show a hub, or shut it down."""

from __future__ import annotations

from functools import partial
from urllib.parse import urlsplit

import click
from msgspec import Struct

from jhub.cli.kit.batch import Result, preview_call, report
from jhub.cli.kit.noun_group import NounGroup
from jhub.cli.kit.options import common, connect, dry_run, output, yes
from jhub.cli.kit.output import View
from jhub.cli.kit.prompts import confirm_by_typing
from jhub.errors import MissingScope
from jhub.models import Component, HubInfo


class HubDetails(Struct, frozen=True):
    """The addresses, the version and the components of a hub."""

    url: str
    api_url: str
    version: str
    python: str
    sys_executable: str
    spawner: Component
    authenticator: Component


def _describe(component: Component) -> str:
    return f"{component.class_} {component.version or ''}".strip()


HUB: View[HubDetails] = View(
    name=lambda hub: hub.url,
    columns={
        "URL": lambda hub: hub.url,
        "API URL": lambda hub: hub.api_url,
        "VERSION": lambda hub: hub.version,
        "SPAWNER": lambda hub: _describe(hub.spawner),
        "AUTHENTICATOR": lambda hub: _describe(hub.authenticator),
        "PYTHON": lambda hub: hub.python,
        "EXECUTABLE": lambda hub: hub.sys_executable,
    },
    optional=frozenset({"SPAWNER", "AUTHENTICATOR", "PYTHON", "EXECUTABLE"}),
)


@click.group(cls=NounGroup)
def hub() -> None:
    """Show hub details, or shut it down."""


@hub.command()
@output()
@common
def show(output_format: str) -> None:
    """Show the hub's address and version.

    With the scope read:hub, also show its spawner, authenticator and Python.

    $ jhub hub show
    $ jhub hub show -o json
    """
    with connect() as client:
        try:
            info = client.info()
        except MissingScope:
            info = HubInfo(version=client.version())
        HUB.print_item(
            HubDetails(
                client.url,
                client.api_url,
                info.version,
                info.python,
                info.sys_executable,
                info.spawner,
                info.authenticator,
            ),
            output_format,
        )


@hub.command()
@click.option("--servers/--keep-servers", default=None, help="Also stop all servers, or keep them.")
@click.option("--proxy/--keep-proxy", default=None, help="Also stop the proxy, or keep it.")
@yes
@dry_run
@output()
@common
def shutdown(servers: bool | None, proxy: bool | None, yes: bool, dry_run: bool, output_format: str) -> None:
    """Shut down the hub. A supervisor such as systemd or Kubernetes may start it again.

    Without the options, the hub's configuration (cleanup_servers, cleanup_proxy) decides whether servers and proxy also
    stop.

    $ jhub hub shutdown --keep-servers --keep-proxy
    """
    with connect() as client:
        shut_down = partial(client.shutdown, servers=servers, proxy=proxy)
        if dry_run:
            preview_call(client, shut_down, output_format)
            return
        host = urlsplit(client.url).netloc
        also = {
            True: " and all servers on it",
            False: "",
            None: ", and all servers on it if the hub is configured to stop them",
        }
        confirm_by_typing("shut down the hub", f"This shuts down the hub at {host}{also[servers]}.", host, yes=yes)
        shut_down()
        report([Result(host, "shutting down", f"the hub at {host} is shutting down")], output_format)
