"""`jhub server`"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin

import click
import msgspec

from jhub.cli.kit.confirm import confirm, confirm_by_name
from jhub.cli.kit.dry_run import rehearse
from jhub.cli.kit.each import each
from jhub.cli.kit.options import common, connect, dry_run, duration, names_from, output, yes
from jhub.cli.kit.output import View, ago, note
from jhub.cli.kit.pairs import pairs
from jhub.cli.kit.text import clean
from jhub.errors import InvalidInput
from jhub.fleet.events import Target
from jhub.models import Server
from jhub.operations.servers import ServerOps

if TYPE_CHECKING:
    from jhub.client.sync import Hub


def _view(hub: Hub) -> View[Server]:
    return View(
        name=lambda server: server.target,
        columns={
            "SERVER": lambda server: server.target,
            "STATE": lambda server: server.pending or ("ready" if server.ready else "stopped"),
            "PROFILE": lambda server: server.profile,
            "LAST ACTIVITY": lambda server: ago(server.last_activity),
            "URL": lambda server: urljoin(hub.url, server.full_url or server.url),
        },
    )


servers_argument = click.argument("servers", nargs=-1, metavar="[USER | USER/NAME | /NAME | -]...")
server_argument = click.argument("name", required=False, default="", metavar="[USER | USER/NAME | /NAME]")
profile_option = click.option("-p", "--profile", help="The profile to start from.")
option_option = click.option(
    "--option", "options", multiple=True, metavar="KEY=VALUE", help="A user option, KEY:=JSON for numbers; repeatable."
)


@click.group()
def server() -> None:
    """Start, stop and watch servers.

    A server is USER (the default one), USER/NAME, or /NAME (mine); none means my default one. "-" reads servers from
    stdin, one per line.
    """


@server.command("list")
@click.argument("user", required=False, default="")
@click.option("--stopped", is_flag=True, help="Those that do not run too.")
@click.option("-p", "--profile", help="Only those that were started from this profile.")
@output()
@common
def list_(user: str, stopped: bool, profile: str | None, form: str) -> None:
    """List the servers that run, of everybody or of USER.

    \b
    jhub server list
    jhub server list ana --stopped
    jhub server list --profile gpu -o name | jhub server stop --yes -
    """
    with connect() as hub:
        found = (one for one in hub.servers.list(user, stopped=stopped) if profile in (None, one.profile))
        _view(hub).many(found, form)


@server.command()
@server_argument
@output()
@common
def show(name: str, form: str) -> None:
    """Show one server.

    \b
    jhub server show ana/lab
    """
    with connect() as hub:
        one = _target(hub, name)
        _view(hub).one(hub.servers.get(one.user, one.name), form)


@server.command()
@servers_argument
@profile_option
@option_option
@click.option("--no-wait", is_flag=True, help="Come back when the hub has accepted the start.")
@click.option("--timeout", type=duration, default="10m", show_default=True, help="How long to wait for each.")
@dry_run
@output(lines=True)
@common
def start(
    servers: tuple[str, ...],
    profile: str | None,
    options: tuple[str, ...],
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
    wanted = _options(profile, options)
    with connect() as hub:
        targets = _targets(hub, servers)
        if dry_run:
            for one in targets:
                rehearse(hub, ServerOps.start(one.user, one.name, profile=profile, user_options=wanted))
        elif no_wait:
            by_name = {str(one): one for one in targets}

            def begin(name: str) -> Server:
                one = by_name[name]
                return hub.servers.start(one.user, one.name, profile=profile, user_options=wanted, wait=False)

            with each(by_name, begin) as begun:
                if form == "json":  # one per line, as when it waits
                    for one_begun in begun:
                        click.echo(msgspec.json.encode(one_begun).decode())
                else:
                    _view(hub).many(begun, form)
        else:
            from jhub.cli.kit.watch import watch

            fleet = hub.servers.start_many(targets, profile=profile, user_options=wanted, timeout=timeout)
            watch(hub, fleet, form, len(targets))


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
        targets = _targets(hub, servers)
        if dry_run:
            for one in targets:
                rehearse(hub, ServerOps.stop(one.user, one.name))
            return
        from jhub.cli.kit.watch import watch

        confirm(f"Stop {_count(targets)}?", yes=yes)
        watch(hub, hub.servers.stop_many(targets, timeout=timeout), form, len(targets))


@server.command()
@server_argument
@profile_option
@option_option
@click.option("--timeout", type=duration, default="10m", show_default=True, help="How long to wait.")
@yes
@output()
@common
def restart(name: str, profile: str | None, options: tuple[str, ...], timeout: float, yes: bool, form: str) -> None:
    """Stop a server and start it again with the options it had, or with others.

    \b
    jhub server restart ana/lab
    jhub server restart /lab --profile gpu
    """
    with connect() as hub:
        one = _target(hub, name)
        confirm(f"Restart {one}?", yes=yes)
        wanted = _options(profile, options)
        note(f"{one}: restarting")
        again = hub.servers.restart(one.user, one.name, profile=profile, user_options=wanted or None, timeout=timeout)
        _view(hub).one(again, form)


@server.command()
@server_argument
@click.option("--timeout", type=duration, default="10m", show_default=True, help="How long to wait.")
@output()
@common
def wait(name: str, timeout: float, form: str) -> None:
    """Wait until a server that is starting is ready.

    \b
    jhub server start ana/lab --no-wait && jhub server wait ana/lab
    """
    with connect() as hub:
        one = _target(hub, name)
        _view(hub).one(hub.servers.wait(one.user, one.name, timeout=timeout), form)


@server.command()
@server_argument
@click.option(
    "-o", "--output", "form", type=click.Choice(["table", "json"]), default="table", help="As lines, or JSON."
)
@common
def progress(name: str, form: str) -> None:
    """Show what the hub reports while a server starts.

    \b
    jhub server progress ana/lab
    """
    with connect() as hub:
        one = _target(hub, name)
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
def open_(name: str, print_only: bool) -> None:
    """Open a server in the browser.

    \b
    jhub server open /lab
    jhub server open ana/lab --url
    """
    with connect() as hub:
        one = _target(hub, name)
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
@click.argument("servers", nargs=-1, required=True, metavar="[USER/NAME | /NAME | -]...")
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
        targets = _targets(hub, servers)
        if dry_run:
            for one in targets:
                rehearse(hub, ServerOps.delete(one.user, one.name))
            return
        from jhub.cli.kit.watch import watch

        typed = str(targets[0]) if len(targets) == 1 else str(len(targets))
        confirm_by_name(_count(targets), typed, yes=yes)
        watch(hub, hub.servers.delete_many(targets, timeout=timeout), form, len(targets))


def _options(profile: str | None, options: Sequence[str]) -> dict[str, Any]:
    wanted = pairs(options)
    if profile is not None and "profile" in wanted:
        raise InvalidInput("--profile and --option profile=… are the same: give one of them")
    return wanted


def _target(hub: Hub, given: str) -> Target:
    return _targets(hub, [given] if given else [])[0]


def _targets(hub: Hub, given: Sequence[str]) -> list[Target]:
    """USER, USER/NAME, or /NAME (mine); my default one where nothing is named at all."""
    found = [_read(name) for name in names_from(given)] if given else [Target("")]
    if any(not one.user for one in found):
        me = hub.whoami()
        if me.kind != "user":
            raise InvalidInput(f"this token is that of the {me.kind} {me.name}, which has no servers; name USER/NAME")
        found = [Target(one.user or me.name, one.name) for one in found]
    return list(dict.fromkeys(found))


def _read(name: str) -> Target:
    mine = name.startswith("/") and len(name) > 1
    return Target("", name[1:]) if mine else Target.of(name)


def _count(targets: list[Target]) -> str:
    return f"server {targets[0]}" if len(targets) == 1 else f"{len(targets)} servers"
