"""`jhub hub`"""

from __future__ import annotations

from functools import partial
from urllib.parse import urlsplit

import click
from msgspec import Struct

from jhub.cli.kit.options import common, connect, dry_run, output, yes
from jhub.cli.kit.output import View, note, print_requests
from jhub.cli.kit.prompts import confirm_by_typing
from jhub.errors import MissingScope
from jhub.models import Component, HubInfo


class HubDetails(Struct, frozen=True):
    """A hub as it is shown."""

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


@click.group()
def hub() -> None:
    """Show what the hub is made of, or shut it down."""


@hub.command()
@output()
@common
def show(output_format: str) -> None:
    """Show the hub's address and version.

    To a token with the scope read:hub also what it is made of.

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
@click.option("--servers/--keep-servers", default=None, help="Whether all users' servers end too.")
@click.option("--proxy/--keep-proxy", default=None, help="Whether the proxy ends too.")
@yes
@dry_run
@common
def shutdown(servers: bool | None, proxy: bool | None, yes: bool, dry_run: bool) -> None:
    """Shut the hub down. What starts it, such as systemd or Kubernetes, may start it again.

    Servers and proxy end with it where it is configured so (cleanup_servers, cleanup_proxy), unless told here.

    $ jhub hub shutdown --keep-servers --keep-proxy
    """
    with connect() as client:
        shut_down = partial(client.shutdown, servers=servers, proxy=proxy)
        if dry_run:
            print_requests([client.preview(shut_down)])
            return
        host = urlsplit(client.url).netloc
        also = {True: " and all servers on it", False: "", None: ", and all servers on it if it is configured so"}
        confirm_by_typing("shut the hub down", f"This shuts down the hub at {host}{also[servers]}.", host, yes=yes)
        shut_down()
        note(f"the hub at {host} is shutting down")
