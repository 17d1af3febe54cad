"""Servers, as commands take them and show them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin

import click

from jhub import Target
from jhub.cli.completion import completers
from jhub.cli.kit.inputs import STDIN, parse_pairs
from jhub.cli.kit.options import require_names
from jhub.cli.kit.output import View, ago
from jhub.errors import InvalidInput
from jhub.models import Server

if TYPE_CHECKING:
    from jhub import Hub

# As click shows choices: brackets around what may be left out, braces around what may not.
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
    "-p", "--profile", shell_complete=completers.startable_profiles, help="The profile to start from."
)
option_option = click.option(
    "--option",
    "options",
    multiple=True,
    metavar="KEY=VALUE",
    shell_complete=completers.profile_options,
    help="A user option, KEY:=JSON for numbers; repeatable.",
)
owner_argument = click.argument(
    "owner", required=False, metavar="[OWNER | OWNER/NAME | /NAME]", shell_complete=completers.servers
)
share_scopes_option = click.option(
    "--scope", "scopes", multiple=True, metavar="SCOPE", help="Such as access:servers or read:servers; may be repeated."
)
display_name_option = click.option("--display-name", metavar="TEXT", help="What people see in place of its name.")


def server_view(hub: Hub) -> View[Server]:
    """How servers of a hub are shown."""
    return View(
        name=lambda server: server.target,
        columns={
            "SERVER": lambda server: server.target,
            # The hub gives the name for it where nobody chose one.
            "DISPLAY NAME": lambda server: "" if server.display_name == server.name else server.display_name,
            "STATE": lambda server: server.status,
            "PROFILE": lambda server: server.profile,
            "LAST ACTIVITY": lambda server: ago(server.last_activity),
            "URL": lambda server: urljoin(hub.url, server.full_url or server.url),
        },
        optional=frozenset({"DISPLAY NAME"}),
    )


def user_options(profile: str | None, options: Sequence[str]) -> dict[str, Any]:
    """The user options that a command was given, beside the profile."""
    values = parse_pairs(options)
    if profile is not None and "profile" in values:
        raise InvalidInput("--profile and --option profile=… are the same: give one of them")
    return values


def resolve_server(hub: Hub, argument: str | None) -> Target:
    """One server; my default one where none is named. An empty name is none of mine: a variable may be unset."""
    if argument == STDIN:
        raise InvalidInput(
            "this command takes one server, and - stands for several",
            hint="several are taken by jhub server create, edit, start, wait, stop, keep-alive, delete, and jhub share "
            "leave",
        )
    return resolve_servers(hub, [] if argument is None else [argument])[0]


def resolve_servers(hub: Hub, arguments: Sequence[str]) -> list[Target]:
    """USER, USER/NAME, or /NAME (mine); my default one where nothing is named at all."""
    servers = [_parse(name) for name in require_names(arguments)] if arguments else [Target("")]
    if any(not server.user for server in servers):
        user = own_name(hub)
        servers = [Target(server.user or user, server.name) for server in servers]
    return list(dict.fromkeys(servers))


def own_name(hub: Hub) -> str:
    """The user whose token this is; `InvalidInput` for a service's."""
    identity = hub.whoami()
    if identity.kind != "user":
        raise InvalidInput(
            f"this token is that of the {identity.kind} {identity.name}, which has no servers; name USER/NAME"
        )
    return identity.name


def owner_and_name(hub: Hub, argument: str | None) -> tuple[str, str | None]:
    """One server of somebody's, or None for all of theirs; all of mine where nothing is named."""
    if argument is None:
        return own_name(hub), None
    server = resolve_server(hub, argument)
    return server.user, server.name or None


def describe_servers(servers: Sequence[Target]) -> str:
    """ "server ana/lab", or "3 servers"."""
    return f"server {servers[0]}" if len(servers) == 1 else f"{len(servers)} servers"


def _parse(name: str) -> Target:
    own = name.startswith("/") and len(name) > 1
    return Target("", name[1:]) if own else Target.of(name)
