"""`jhub server create|edit|rename|keep-alive`: servers that are changed without being started or stopped."""

from __future__ import annotations

from datetime import UTC, datetime

import click

from jhub.cli.kit.dry_run import rehearse
from jhub.cli.kit.each import run_each, tell_each
from jhub.cli.kit.options import common, connect, dry_run, output
from jhub.cli.kit.servers import (
    display_name_option,
    named_server_argument,
    named_servers_argument,
    option_option,
    profile_option,
    servers_argument,
    target,
    targets,
    user_options,
    view,
)
from jhub.errors import Conflict, NotAHub
from jhub.fleet.events import Target
from jhub.models import Server
from jhub.operations.server_filter import hub_time
from jhub.operations.servers import ServerOps
from jhub.operations.users import UserOps
from jhub.steps import Flow, Plan


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
    form: str,
) -> None:
    """Create named servers without starting them.

    For JupyterHub 6. Their owner finds them on the hub's page, to be started there with the profile and options given
    here; so does jhub server restart. jhub server start uses what it is given itself.

    \b
    jhub server create ana/lab --profile gpu --display-name "Remote sensing"
    jhub user list -o name | sed 's|$|/course|' | jhub server create --if-not-exists --profile course -
    """
    given = user_options(profile, options) or None

    def plan(name: str) -> Flow[Server]:
        one = Target.of(name)
        try:
            return (
                yield from ServerOps.create(
                    one.user, one.name, display_name=display_name, profile=profile, user_options=given
                )
            )
        except Conflict:
            if not if_not_exists:
                raise
            return (yield from ServerOps.get(one.user, one.name))

    with connect() as hub:
        run_each(hub, [str(one) for one in targets(hub, servers)], plan, view(hub), form, dry_run=dry_run)


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
    form: str,
) -> None:
    """Change stopped servers: what people see, and options.

    For JupyterHub 6. --profile and --option together take the place of all the options that a server keeps. They count
    for a start on the hub's page, and for jhub server restart.

    \b
    jhub server edit ana/lab --display-name "Remote sensing"
    jhub server edit ana/lab bo/lab --profile gpu --option cpus:=4
    """
    given = user_options(profile, options) or None

    def plan(name: str) -> Plan[Server]:
        one = Target.of(name)
        return ServerOps.edit(one.user, one.name, display_name=display_name, profile=profile, user_options=given)

    with connect() as hub:
        run_each(hub, [str(one) for one in targets(hub, servers)], plan, view(hub), form, dry_run=dry_run)


@click.command()
@named_server_argument
@click.argument("new", metavar="NEWNAME")
@dry_run
@output()
@common
def rename(name: str, new: str, dry_run: bool, form: str) -> None:
    """Give a stopped named server another name.

    For JupyterHub 6. Its address changes with it. Where the hub keeps files by the server's name, they are not found
    under the new one.

    \b
    jhub server rename ana/lab thesis
    """
    with connect() as hub:
        one = target(hub, name)
        plan = ServerOps.rename(one.user, one.name, new)
        if dry_run:
            rehearse(hub, [plan])
        else:
            view(hub).one(hub.run(plan), form)


def _now() -> Flow[datetime]:
    """By the hub's clock: an earlier time than it knows is passed over without a word."""
    try:
        return (yield from hub_time())
    except NotAHub:
        return datetime.now(UTC)  # its answers do not tell


@click.command("keep-alive")
@servers_argument
@dry_run
@common
def keep_alive(servers: tuple[str, ...], dry_run: bool) -> None:
    """Keep servers from being stopped as idle.

    Tells the hub that they, and their owners, are active at this moment. A server whose work takes longer than the
    hub waits needs that again and again, from cron for example.

    \b
    jhub server keep-alive ana/lab
    jhub server list --profile gpu -o name | jhub server keep-alive -
    """
    with connect() as hub:
        names = [str(one) for one in targets(hub, servers)]
        now = hub.run(_now())

        def plan(name: str) -> Plan[None]:
            one = Target.of(name)
            return UserOps.record_activity(one.user, at=now, servers=[one.name])

        tell_each(hub, names, plan, lambda name: f"{name}: in use as of now", dry_run=dry_run)
