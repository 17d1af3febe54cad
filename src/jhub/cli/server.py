"""`jhub server`"""

from __future__ import annotations

from urllib.parse import urljoin

import click
import msgspec

from jhub.cli.kit import complete
from jhub.cli.kit.confirm import confirm, confirm_by_name
from jhub.cli.kit.dry_run import rehearse
from jhub.cli.kit.each import each, rehearse_each
from jhub.cli.kit.options import common, connect, dry_run, duration, output, yes
from jhub.cli.kit.output import note
from jhub.cli.kit.servers import (
    count,
    display_name_option,
    named_servers_argument,
    option_option,
    profile_option,
    server_argument,
    servers_argument,
    target,
    targets,
    user_options,
    view,
)
from jhub.cli.kit.text import clean
from jhub.cli.server_edit import create, edit, keep_alive, rename
from jhub.errors import InvalidInput
from jhub.fleet.events import Target
from jhub.models import Server
from jhub.operations.servers import ServerOps
from jhub.steps import Plan


@click.group()
def server() -> None:
    """Create, start, stop and watch servers.

    A server is USER (the default one), USER/NAME, or /NAME (mine); none means my default one. "-" reads servers from
    stdin, one per line.
    """


for command in (create, edit, rename, keep_alive):
    server.add_command(command)


@server.command("list")
@click.argument("user", required=False, shell_complete=complete.users)
@click.option("--stopped", is_flag=True, help="Those that do not run too.")
@click.option(
    "-p", "--profile", shell_complete=complete.profiles, help="Only those that were started from this profile."
)
@output()
@common
def list_(user: str | None, stopped: bool, profile: str | None, form: str) -> None:
    """List the servers that run, of everybody or of USER.

    \b
    jhub server list
    jhub server list ana --stopped
    jhub server list --profile gpu -o name | jhub server stop --yes -
    """
    if user == "":
        raise InvalidInput("a user name is missing")
    with connect() as hub:
        found = (one for one in hub.servers.list(user or "", stopped=stopped) if profile in (None, one.profile))
        view(hub).many(found, form)


@server.command()
@server_argument
@output()
@common
def show(name: str | None, form: str) -> None:
    """Show one server.

    \b
    jhub server show ana/lab
    """
    with connect() as hub:
        one = target(hub, name)
        view(hub).one(hub.servers.get(one.user, one.name), form)


@server.command()
@servers_argument
@profile_option
@option_option
@display_name_option
@click.option("--no-wait", is_flag=True, help="Come back when the hub has accepted the start.")
@click.option("--timeout", type=duration, default="10m", show_default=True, help="How long to wait for each.")
@dry_run
@output(lines=True)
@common
def start(
    servers: tuple[str, ...],
    profile: str | None,
    options: tuple[str, ...],
    display_name: str | None,
    no_wait: bool,
    timeout: float,
    dry_run: bool,
    form: str,
) -> None:
    """Start servers and wait until they are ready.

    Without --profile and --option a server starts with the hub's defaults, whatever it was started with before. One
    that already runs as asked for is done.

    \b
    jhub server start ana/lab bo/lab --profile lab
    jhub server start /lab --option image=scipy --option cpus:=4
    """
    given = user_options(profile, options)

    def plan(name: str) -> Plan[Server]:
        one = Target.of(name)
        return ServerOps.start(
            one.user, one.name, profile=profile, user_options=given, display_name=display_name, wait=False
        )

    with connect() as hub:
        found = targets(hub, servers)
        names = [str(one) for one in found]
        if dry_run:
            rehearse_each(hub, names, plan)
        elif no_wait:
            with each(names, lambda name: hub.run(plan(name))) as begun:
                if form == "json":  # one per line, as when it waits
                    for one_begun in begun:
                        click.echo(msgspec.json.encode(one_begun).decode())
                else:
                    view(hub).many(begun, form)
        else:
            from jhub.cli.kit.watch import watch

            fleet = hub.servers.start_many(
                found, profile=profile, user_options=given, display_name=display_name, timeout=timeout
            )
            watch(hub, fleet, form, len(found))


@server.command()
@servers_argument
@click.option("--timeout", type=duration, default="2m", show_default=True, help="How long to wait for each.")
@yes
@dry_run
@output(lines=True)
@common
def stop(servers: tuple[str, ...], timeout: float, yes: bool, dry_run: bool, form: str) -> None:
    """Stop servers and wait until they are gone. A named one can be started again.

    \b
    jhub server stop ana/lab
    jhub server list -o name | jhub server stop --yes -
    """
    with connect() as hub:
        found = targets(hub, servers)
        if dry_run:
            rehearse_each(hub, found, lambda one: ServerOps.stop(one.user, one.name))
            return
        from jhub.cli.kit.watch import watch

        confirm(f"Stop {count(found)}?", yes=yes)
        watch(hub, hub.servers.stop_many(found, timeout=timeout), form, len(found))


@server.command()
@server_argument
@profile_option
@option_option
@click.option("--timeout", type=duration, default="10m", show_default=True, help="How long to wait.")
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
    form: str,
) -> None:
    """Stop a server and start it again with the options it had, or with others.

    \b
    jhub server restart ana/lab
    jhub server restart /lab --profile gpu
    """
    given = user_options(profile, options) or None
    with connect() as hub:
        one = target(hub, name)
        plan = ServerOps.restart(one.user, one.name, profile=profile, user_options=given, timeout=timeout)
        if dry_run:
            rehearse(hub, [plan])
            return
        confirm(f"Restart {one}?", yes=yes)
        note(f"{one}: restarting")
        view(hub).one(hub.run(plan), form)


@server.command()
@server_argument
@click.option("--timeout", type=duration, default="10m", show_default=True, help="How long to wait.")
@output()
@common
def wait(name: str | None, timeout: float, form: str) -> None:
    """Wait until a server that is starting is ready.

    \b
    jhub server start ana/lab --no-wait && jhub server wait ana/lab
    """
    with connect() as hub:
        one = target(hub, name)
        view(hub).one(hub.servers.wait(one.user, one.name, timeout=timeout), form)


@server.command()
@server_argument
@click.option(
    "-o", "--output", "form", type=click.Choice(["table", "json"]), default="table", help="As lines, or JSON."
)
@common
def progress(name: str | None, form: str) -> None:
    """Show what the hub reports while a server starts.

    \b
    jhub server progress ana/lab
    """
    with connect() as hub:
        one = target(hub, name)
        for event in hub.servers.progress(one.user, one.name):
            if form == "json":
                click.echo(msgspec.json.encode(event).decode())
            else:
                percent = f"{event.progress:3.0f} %" if event.progress is not None else "     "
                click.echo(f"{percent}  {clean(event.message)}")


@server.command("open")
@server_argument
@click.option("--url", "print_only", is_flag=True, help="Print the URL only.")
@common
def open_(name: str | None, print_only: bool) -> None:
    """Open a server in the browser.

    \b
    jhub server open /lab
    jhub server open ana/lab --url
    """
    with connect() as hub:
        one = target(hub, name)
        found = hub.servers.get(one.user, one.name)
        if not found.ready:
            raise InvalidInput(f"server {one} does not run", hint=f"start it with: jhub server start {one}")
        url = urljoin(hub.url, found.full_url or found.url)
    click.echo(clean(url))
    if not print_only:
        import webbrowser

        if not webbrowser.open(url):
            note("no browser here: open that address in one")


@server.command()
@named_servers_argument
@click.option("--timeout", type=duration, default="2m", show_default=True, help="How long to wait for each.")
@yes
@dry_run
@output(lines=True)
@common
def delete(servers: tuple[str, ...], timeout: float, yes: bool, dry_run: bool, form: str) -> None:
    """Stop named servers and delete them, with what the hub keeps for them.

    \b
    jhub server delete ana/lab
    """
    with connect() as hub:
        found = targets(hub, servers)
        if dry_run:
            rehearse_each(hub, found, lambda one: ServerOps.delete(one.user, one.name))
            return
        from jhub.cli.kit.watch import watch

        typed = str(found[0]) if len(found) == 1 else str(len(found))
        confirm_by_name(count(found), typed, yes=yes)
        watch(hub, hub.servers.delete_many(found, timeout=timeout), form, len(found))
