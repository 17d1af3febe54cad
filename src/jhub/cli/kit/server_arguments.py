"""Arguments and options that name servers, and the table of servers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin

import click

from jhub import Target
from jhub.cli.completion import completers
from jhub.cli.kit.inputs import STDIN, parse_pairs
from jhub.cli.kit.options import require_names
from jhub.cli.kit.output import Age, View, describe
from jhub.errors import InvalidInput
from jhub.models import Server

if TYPE_CHECKING:
    from jhub import Hub

# As in click: brackets around an optional argument, braces around a required one.
servers_argument = click.argument(
    "servers", nargs=-1, metavar="[USER | USER/NAME | /NAME | -]...", shell_complete=completers.servers
)
named_servers_argument = click.argument(
    "servers", nargs=-1, required=True, metavar="{USER/NAME | /NAME | -}...", shell_complete=completers.servers
)
selected_servers_argument = click.argument(
    "servers", nargs=-1, metavar="[USER/NAME | /NAME | -]...", shell_complete=completers.servers
)
server_argument = click.argument(
    "name", required=False, metavar="[USER | USER/NAME | /NAME]", shell_complete=completers.servers
)
required_server_argument = click.argument(
    "name", metavar="{USER | USER/NAME | /NAME}", shell_complete=completers.servers
)
named_server_argument = click.argument("name", metavar="{USER/NAME | /NAME}", shell_complete=completers.servers)
profile_option = click.option(
    "-p", "--profile", metavar="PROFILE", shell_complete=completers.startable_profiles, help="Profile to start from."
)
option_option = click.option(
    "--option",
    "options",
    multiple=True,
    metavar="KEY=VALUE",
    shell_complete=completers.profile_options,
    help="User option; KEY:=JSON for numbers; repeatable.",
)
owner_argument = click.argument(
    "owner", required=False, metavar="[OWNER | OWNER/NAME | /NAME]", shell_complete=completers.servers
)
share_scopes_option = click.option(
    "--scope",
    "scopes",
    multiple=True,
    metavar="SCOPE",
    help="Scope, such as access:servers or read:servers; repeatable.",
)
display_name_option = click.option(
    "--display-name", metavar="TEXT", help="Display name, shown instead of the server's name."
)


def server_view(hub: Hub) -> View[Server]:
    """Return the view of the servers of a hub."""
    return View(
        name=lambda server: server.target,
        columns={
            "SERVER": lambda server: server.target,
            # Without a display name, the hub returns the server's name.
            "DISPLAY NAME": lambda server: "" if server.display_name == server.name else server.display_name,
            "STATE": lambda server: server.status,
            "PROFILE": lambda server: server.profile,
            "LAST ACTIVITY": lambda server: Age(server.last_activity),
            "STARTED": lambda server: Age(server.started),
            "URL": lambda server: urljoin(hub.url, server.address),
        },
        optional=frozenset({"DISPLAY NAME"}),
        wide=frozenset({"STARTED", "URL"}),
    )


def user_options(profile: str | None, options: Sequence[str]) -> dict[str, Any]:
    """Return the user options of a command, without the profile."""
    values = parse_pairs(options)
    if profile is not None and "profile" in values:
        raise InvalidInput("--profile and --option profile=… mean the same", hint="use one of them")
    return values


def resolve_server(hub: Hub, argument: str | None) -> Target:
    """Return the server that an argument names; the caller's default server for None.

    An empty name is an error, because it may come from an unset variable.
    """
    if argument == STDIN:
        raise InvalidInput(
            "this command takes one server, not -",
            hint="- works with jhub server create, edit, start, wait, stop, keep-alive and delete, and with jhub share "
            "leave",
        )
    return resolve_servers(hub, [] if argument is None else [argument])[0]


def resolve_servers(hub: Hub, arguments: Sequence[str]) -> list[Target]:
    """Return the servers that the arguments name: USER, USER/NAME, or /NAME of the caller.

    Without arguments, return the caller's default server.
    """
    servers = [_parse(name) for name in require_names(arguments)] if arguments else [Target("")]
    if any(not server.user for server in servers):
        user = own_name(hub)
        servers = [Target(server.user or user, server.name) for server in servers]
    return list(dict.fromkeys(servers))


def own_name(hub: Hub) -> str:
    """Return the name of the user that the token belongs to. Raise `InvalidInput` if it belongs to a service."""
    identity = hub.whoami()
    if identity.kind != "user":
        raise InvalidInput(
            f"the token belongs to the {identity.kind} {identity.name}, which has no servers",
            hint="name a server as USER/NAME",
        )
    return identity.name


def owner_and_name(hub: Hub, argument: str | None) -> tuple[str, str | None]:
    """Return an owner and a server name, or None for all servers of the owner.

    Without an argument, the owner is the caller.
    """
    if argument is None:
        return own_name(hub), None
    server = resolve_server(hub, argument)
    return server.user, server.name or None


def describe_servers(servers: Sequence[Target]) -> str:
    """Return a noun for servers: "server ana/lab", or "2 servers (ana/lab, bo/lab)"."""
    return describe("server", list(map(str, servers)))


def _parse(name: str) -> Target:
    own = name.startswith("/") and len(name) > 1
    return Target("", name[1:]) if own else Target.of(name)
