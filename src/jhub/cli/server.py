"""`jhub server`: list, stop, restart, open and delete servers, and wait for them."""

from __future__ import annotations

from dataclasses import asdict, replace
from functools import partial
from typing import TYPE_CHECKING
from urllib.parse import urljoin

import click
import msgspec

from jhub.cli.completion import completers
from jhub.cli.kit.batch import preview_call, print_dry_run
from jhub.cli.kit.inputs import STDIN
from jhub.cli.kit.noun_group import NounGroup
from jhub.cli.kit.options import common, connect, dry_run, duration, if_exists, list_output, output, yes
from jhub.cli.kit.output import Layout, escape, note
from jhub.cli.kit.prompts import confirm, confirm_deletion
from jhub.cli.kit.selection import (
    group_option,
    name_option,
    recheck_idle,
    select_members,
    select_named,
    select_running,
    selection_options,
)
from jhub.cli.kit.server_arguments import (
    describe_servers,
    option_option,
    profile_option,
    resolve_server,
    selected_servers_argument,
    server_argument,
    server_view,
    servers_argument,
    user_options,
)
from jhub.cli.server_edit import create, edit, keep_alive, rename
from jhub.cli.server_start import start
from jhub.cli.server_status import status
from jhub.errors import InvalidInput

if TYPE_CHECKING:
    from jhub import Running


@click.group(cls=NounGroup)
def server() -> None:
    """Create, start, stop and watch servers.

    A server is written as USER (the user's default server), USER/NAME (a named server), or /NAME (your own named
    server). Without one, a command applies to your own default server. "-" reads servers from stdin, one per line.
    Instead of naming servers, you can select them: --group geo, --name lab, --profile gpu, --idle 2h.
    """


for command in (create, edit, rename, keep_alive, start, status):
    server.add_command(command)


@server.command("list")
@click.argument("user", required=False, shell_complete=completers.users)
@click.option("--stopped", is_flag=True, help="Include stopped servers.")
@selection_options(idle="Only servers without activity for this long, such as 2h or 30m.")
@click.option("--watch", is_flag=True, help="Refresh the table every few seconds, until Ctrl-C.")
@list_output()
@common
def list_(user: str | None, stopped: bool, selection: Running, watch: bool, layout: Layout) -> None:
    """List the running servers of all users, or of USER.

    Idle time is measured by the hub's clock, from the last activity, or from the start of a server that was never
    used. -o name prints each server as soon as it is read, for use in a pipe.

    $ jhub server list
    $ jhub server list ana --stopped
    $ jhub server list --group geo --name lab --state ready
    $ jhub server list --watch --sort last-activity
    $ jhub server list --idle 2h -o name | jhub server stop --yes -
    """
    if watch and layout.output_format not in ("table", "wide"):
        raise click.UsageError(f"--watch does not apply to -o {layout.output_format}")
    criteria = asdict(replace(selection, user=user))
    with connect() as hub:
        view = server_view(hub)
        if watch:
            view.watch(lambda: hub.servers.list(**criteria, stopped=stopped), layout)
        else:
            view.print_list(hub.servers.list(**criteria, stopped=stopped), layout)


@server.command()
@server_argument
@click.option("--url", "only_url", is_flag=True, help="Print only the address to open in a browser.")
@output()
@common
def show(name: str | None, only_url: bool, output_format: str) -> None:
    """Show a server.

    $ jhub server show ana/lab
    $ xdg-open "$(jhub server show --url ana/lab)"
    """
    with connect() as hub:
        target = resolve_server(hub, name)
        server = hub.servers.get(target.user, target.name)
        if only_url:
            click.echo(escape(server.address))
        else:
            server_view(hub).print_item(server, output_format)


@server.command()
@servers_argument
@selection_options(idle="Only servers without activity for this long, such as 2h or 30m (culling).")
@click.option("--timeout", type=duration, default="2m", show_default=True, help="Maximum wait for each server.")
@yes
@dry_run
@output(lines=True)
@common
def stop(
    servers: tuple[str, ...], selection: Running, timeout: float, yes: bool, dry_run: bool, output_format: str
) -> None:
    """Stop servers and wait until they are stopped. Named servers are kept and can be started again.

    The selection options apply to running servers. A server is stopped if it matches all of them.

    $ jhub server stop ana/lab
    $ jhub server stop --group geo --name lab
    $ jhub server stop --idle 2h --yes
    $ jhub server list --profile gpu -o name | jhub server stop --yes -
    """
    with connect() as hub:
        selected = select_running(hub, servers, selection, yes=yes or dry_run)
        if dry_run:
            print_dry_run(hub.preview(hub.servers.stop_many, selected), len(selected), output_format)
            return
        from jhub.cli.progress.report import run_fleet

        confirm(f"Stop {describe_servers(selected)}?", yes=yes)
        selected = selected if yes else recheck_idle(hub, selected, selection)
        run_fleet(hub, hub.servers.stop_many(selected, timeout=timeout), output_format, len(selected), "stopped")


@server.command()
@server_argument
@profile_option
@option_option
@click.option("--timeout", type=duration, default="10m", show_default=True, help="Maximum wait.")
@yes
@dry_run
@output()
@common
def restart(
    name: str | None,
    profile: str | None,
    options: tuple[str, ...],
    timeout: float,
    yes: bool,
    dry_run: bool,
    output_format: str,
) -> None:
    """Restart a server, with the same options or with new ones.

    $ jhub server restart ana/lab
    $ jhub server restart /lab --profile gpu
    """
    parsed_options = user_options(profile, options) or None
    with connect() as hub:
        server = resolve_server(hub, name)
        call = partial(
            hub.servers.restart, server.user, server.name, profile=profile, user_options=parsed_options, timeout=timeout
        )
        if dry_run:
            preview_call(hub, call, output_format)
            return
        confirm(f"Restart {server}?", yes=yes)
        note(f"{server}: restarting")
        server_view(hub).print_item(call(), output_format)


@server.command()
@servers_argument
@group_option
@name_option
@click.option("--timeout", type=duration, default="10m", show_default=True, help="Maximum wait for each server.")
@output(lines=True)
@common
def wait(servers: tuple[str, ...], group: str | None, name: str | None, timeout: float, output_format: str) -> None:
    """Wait until starting servers are ready.

    A server that nobody is starting is an error, which names its state: stopped, or not created.

    With one server, -o json prints the server instead of events.

    $ jhub server start ana/lab --no-wait && jhub server wait ana/lab
    $ jhub server wait --group geo --name lab
    $ jhub server list --state spawn -o name | jhub server wait -
    """
    with connect() as hub:
        selected = select_members(hub, servers, group, name)
        if group is None and len(servers) <= 1 and STDIN not in servers:
            server_view(hub).print_item(
                hub.servers.wait(selected[0].user, selected[0].name, timeout=timeout), output_format
            )
            return
        from jhub.cli.progress.report import run_fleet

        run_fleet(hub, hub.servers.wait_many(selected, timeout=timeout), output_format, len(selected))


@server.command()
@server_argument
@click.option(
    "-o",
    "--output",
    "output_format",
    type=click.Choice(["table", "json"]),
    default="table",
    help="Output format: table (plain lines) or json (one event per line).",
)
@common
def progress(name: str | None, output_format: str) -> None:
    """Show the start progress of a server, as the hub reports it.

    $ jhub server progress ana/lab
    """
    with connect() as hub:
        server = resolve_server(hub, name)
        for event in hub.servers.progress(server.user, server.name):
            if output_format == "json":
                click.echo(msgspec.json.encode(event).decode())
            else:
                percent = f"{event.progress:3.0f} %" if event.progress is not None else "     "
                click.echo(f"{percent}  {escape(event.message)}")


@server.command("open")
@server_argument
@click.option("--url", "print_only", is_flag=True, help="Print the URL instead of opening a browser.")
@common
def open_(name: str | None, print_only: bool) -> None:
    """Open a server in the browser.

    $ jhub server open /lab
    $ jhub server open ana/lab --url
    """
    with connect() as hub:
        server = resolve_server(hub, name)
        current = hub.servers.get(server.user, server.name)
        if current.pending is not None:
            raise InvalidInput(
                f"server {server} is not ready: pending {current.pending}",
                hint=f"wait for it with: jhub server wait {server}",
            )
        if not current.ready:
            raise InvalidInput(f"server {server} is not running", hint=f"start it with: jhub server start {server}")
        url = urljoin(hub.url, current.full_url or current.url)
    click.echo(escape(url))
    if not print_only:
        import webbrowser

        if not webbrowser.open(url):
            note("no browser found: open this URL yourself")


@server.command()
@selected_servers_argument
@selection_options(idle="Only running servers without activity for this long, such as 2h or 30m.")
@click.option("--timeout", type=duration, default="2m", show_default=True, help="Maximum wait for each server.")
@if_exists("servers")
@yes
@dry_run
@output(lines=True)
@common
def delete(
    servers: tuple[str, ...],
    selection: Running,
    timeout: float,
    if_exists: bool,
    yes: bool,
    dry_run: bool,
    output_format: str,
) -> None:
    """Stop and delete named servers.

    The hub also deletes what it stores for them, such as their options.

    The selection options apply to named servers, running or stopped. Before it deletes several servers, jhub asks you
    to type their number.

    $ jhub server delete ana/lab
    $ jhub server delete --group geo --name lab
    """
    with connect() as hub:
        selected = select_named(hub, servers, selection, yes=yes or dry_run)
        if dry_run:
            call = partial(hub.servers.delete_many, selected, missing_ok=if_exists)
            print_dry_run(hub.preview(call), len(selected), output_format)
            return
        from jhub.cli.progress.report import run_fleet

        confirm_deletion("server", list(map(str, selected)), yes=yes)
        selected = selected if yes else recheck_idle(hub, selected, selection)
        deletion = hub.servers.delete_many(selected, timeout=timeout, missing_ok=if_exists)
        run_fleet(hub, deletion, output_format, len(selected), "deleted")
