"""`jhub server create`, `edit`, `rename` and `keep-alive`: change servers without starting or stopping them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any

import click

from jhub.cli.kit.batch import Result, preview_call, run_batch, run_batch_with_results
from jhub.cli.kit.options import common, connect, dry_run, output
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
@click.option("--if-not-exists", is_flag=True, help="Accept servers that already exist, and leave them unchanged.")
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

    Requires JupyterHub 6. The hub stores the profile and the options. Starts from the hub's home page and jhub server
    restart use them; jhub server start uses its own options instead.

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
    """Change the display name or the options of stopped servers.

    Requires JupyterHub 6. --profile and --option together replace all stored options of a server. Starts from the
    hub's home page and jhub server restart use them.

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
    """Rename a stopped named server.

    Requires JupyterHub 6. Also changes the server's address. If the hub's storage depends on server names, the files
    stay under the old name.

    $ jhub server rename ana/lab thesis
    """
    with connect() as hub:
        server = resolve_server(hub, name)
        call = partial(hub.servers.rename, server.user, server.name, new)
        if dry_run:
            preview_call(hub, call, output_format)
        else:
            server_view(hub).print_item(call(), output_format)


@click.command("keep-alive")
@servers_argument
@dry_run
@output()
@common
def keep_alive(servers: tuple[str, ...], dry_run: bool, output_format: str) -> None:
    """Record activity of servers, to protect them from culling.

    Records activity of the servers and their owners as of now. For work that outlasts the hub's idle timeout, run the
    command repeatedly, for example from cron.

    $ jhub server keep-alive ana/lab
    $ jhub server list --profile gpu -o name | jhub server keep-alive -
    """
    with connect() as hub:
        selected = resolve_servers(hub, servers)
        try:
            now = hub.time()  # the hub ignores a time before the last activity that it has recorded
        except NotAHub:
            now = datetime.now(UTC)  # the responses carry no time

        def call(server: Target) -> Callable[[], None]:
            return partial(hub.users.record_activity, server.user, at=now, servers=[server.name])

        def result(server: Target) -> Result:
            return Result(str(server), "recorded activity")

        run_batch_with_results(hub, selected, call, result, output_format, dry_run=dry_run)
