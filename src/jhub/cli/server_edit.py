"""`jhub server create|edit|rename|keep-alive`: servers that are changed without being started or stopped."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any

import click

from jhub.cli.kit.batch import run_batch, run_batch_with_notes
from jhub.cli.kit.options import common, connect, dry_run, output
from jhub.cli.kit.output import print_requests
from jhub.cli.kit.server_arguments import (
    display_name_option,
    named_server_argument,
    named_servers_argument,
    option_option,
    profile_option,
    resolve_server,
    resolve_servers,
    server_view,
    servers_argument,
    user_options,
)
from jhub.errors import NotAHub

if TYPE_CHECKING:
    from jhub import Server, Target


@click.command()
@named_servers_argument
@profile_option
@option_option
@display_name_option
@click.option("--if-not-exists", is_flag=True, help="Servers that exist already are fine, and stay as they are.")
@dry_run
@output()
@common
def create(
    servers: tuple[str, ...],
    profile: str | None,
    options: tuple[str, ...],
    display_name: str | None,
    if_not_exists: bool,
    dry_run: bool,
    output_format: str,
) -> None:
    """Create named servers without starting them.

    For JupyterHub 6. Their owner finds them on the hub's page, to be started there with the profile and options given
    here; so does jhub server restart. jhub server start uses what it is given itself.

    $ jhub server create ana/lab --profile gpu --display-name "Remote sensing"
    $ jhub user list -o name | sed 's|$|/course|' | jhub server create --if-not-exists --profile course -
    """
    parsed_options = user_options(profile, options) or None
    with connect() as hub:

        def call(server: Target) -> Callable[[], Server]:
            return partial(
                hub.servers.create,
                server.user,
                server.name,
                display_name=display_name,
                profile=profile,
                user_options=parsed_options,
                exist_ok=if_not_exists,
            )

        run_batch(hub, resolve_servers(hub, servers), call, server_view(hub), output_format, dry_run=dry_run)


@click.command()
@servers_argument
@profile_option
@option_option
@display_name_option
@dry_run
@output()
@common
def edit(
    servers: tuple[str, ...],
    profile: str | None,
    options: tuple[str, ...],
    display_name: str | None,
    dry_run: bool,
    output_format: str,
) -> None:
    """Change stopped servers: what people see, and options.

    For JupyterHub 6. --profile and --option together take the place of all the options that a server keeps. They count
    for a start on the hub's page, and for jhub server restart.

    $ jhub server edit ana/lab --display-name "Remote sensing"
    $ jhub server edit ana/lab bo/lab --profile gpu --option cpus:=4
    """
    parsed_options = user_options(profile, options) or None
    with connect() as hub:

        def call(server: Target) -> Callable[[], Server]:
            changes: dict[str, Any] = {"display_name": display_name, "profile": profile, "user_options": parsed_options}
            return partial(hub.servers.edit, server.user, server.name, **changes)

        run_batch(hub, resolve_servers(hub, servers), call, server_view(hub), output_format, dry_run=dry_run)


@click.command()
@named_server_argument
@click.argument("new", metavar="NEWNAME")
@dry_run
@output()
@common
def rename(name: str, new: str, dry_run: bool, output_format: str) -> None:
    """Give a stopped named server another name.

    For JupyterHub 6. Its address changes with it. Where the hub keeps files by the server's name, they are not found
    under the new one.

    $ jhub server rename ana/lab thesis
    """
    with connect() as hub:
        server = resolve_server(hub, name)
        call = partial(hub.servers.rename, server.user, server.name, new)
        if dry_run:
            print_requests([hub.preview(call)])
        else:
            server_view(hub).print_item(call(), output_format)


@click.command("keep-alive")
@servers_argument
@dry_run
@common
def keep_alive(servers: tuple[str, ...], dry_run: bool) -> None:
    """Keep servers from being stopped as idle.

    Tells the hub that they, and their owners, are active at this moment. A server whose work takes longer than the
    hub waits needs that again and again, from cron for example.

    $ jhub server keep-alive ana/lab
    $ jhub server list --profile gpu -o name | jhub server keep-alive -
    """
    with connect() as hub:
        selected = resolve_servers(hub, servers)
        try:
            now = hub.time()  # a time that is earlier than the hub knows changes nothing there
        except NotAHub:
            now = datetime.now(UTC)  # its answers do not tell

        def call(server: Target) -> Callable[[], None]:
            return partial(hub.users.record_activity, server.user, at=now, servers=[server.name])

        run_batch_with_notes(hub, selected, call, lambda server: f"{server}: in use as of now", dry_run=dry_run)
