"""`jhub server start`"""

from __future__ import annotations

import click
import msgspec

from jhub.cli.kit.each import each, rehearse_each
from jhub.cli.kit.options import common, connect, dry_run, duration, output, share
from jhub.cli.kit.rehearse_starts import rehearse_starts
from jhub.cli.kit.selection import group_option, members, name_option
from jhub.cli.kit.servers import (
    display_name_option,
    option_option,
    profile_option,
    servers_argument,
    user_options,
    view,
)
from jhub.errors import InvalidInput
from jhub.fleet.breaker import IN_A_ROW, MOST_IN_A_ROW
from jhub.fleet.events import Target
from jhub.models import Server
from jhub.operations.servers import ServerOps, options_of
from jhub.steps import Plan


@click.command()
@servers_argument
@profile_option
@option_option
@display_name_option
@group_option
@name_option
@click.option("--no-wait", is_flag=True, help="Come back when the hub has accepted the start.")
@click.option("--timeout", type=duration, default="10m", show_default=True, help="How long to wait for each.")
@click.option(
    "--hub-load",
    type=share,
    metavar="SHARE",
    default="0.5",
    show_default=True,
    help="How much of what the hub can take is used, as 0.5 or 50%; the rest is for people.",
)
@click.option(
    "--max-failures",
    type=click.IntRange(min=1),
    metavar="N",
    show_default="2 in a row",
    help="Go on until so many failed, or 4 in a row.",
)
@dry_run
@output(lines=True)
@common
def start(
    servers: tuple[str, ...],
    profile: str | None,
    options: tuple[str, ...],
    display_name: str | None,
    group: str | None,
    name: str | None,
    no_wait: bool,
    timeout: float,
    hub_load: float,
    max_failures: int | None,
    dry_run: bool,
    form: str,
) -> None:
    """Start servers and wait until they are ready.

    Without --profile and --option a server starts with the hub's defaults, whatever it was started with before. One
    that already runs as asked for is done, so the same command again finishes what was interrupted.

    \b
    jhub server start ana/lab bo/lab --profile lab
    jhub server start /lab --option image=scipy --option cpus:=4
    jhub server start --group geo --name lab --profile lab
    jhub server start --group geo --name lab --profile lab --hub-load 100% --max-failures 10
    """
    given = user_options(profile, options)
    if no_wait and group is not None:
        raise InvalidInput(
            "--no-wait is for servers that are named",
            hint="leave it out: Ctrl-C ends the wait, and what starts goes on",
        )

    def plan(one: Target) -> Plan[Server]:
        return ServerOps.start(
            one.user, one.name, profile=profile, user_options=given, display_name=display_name, wait=False
        )

    with connect() as hub:
        found = members(hub, servers, group, name)
        if no_wait and len(found) > MOST_IN_A_ROW:
            raise InvalidInput(
                f"--no-wait is for up to {MOST_IN_A_ROW} servers: some hubs exit after five failed starts",
                hint="leave it out: Ctrl-C ends the wait, and what starts goes on",
            )
        if dry_run and len(found) > IN_A_ROW:
            rehearse_starts(hub, found, options_of(profile, given), display_name, group)
        elif dry_run:
            rehearse_each(hub, found, plan)
        elif no_wait:
            with each(found, lambda one: hub.run(plan(one))) as begun:
                if form == "json":  # one per line, as when it waits
                    for one_begun in begun:
                        click.echo(msgspec.json.encode(one_begun).decode())
                else:
                    view(hub).many(begun, form)
        else:
            from jhub.cli.kit.watch import watch

            fleet = hub.servers.start_many(
                found,
                profile=profile,
                user_options=given,
                display_name=display_name,
                timeout=timeout,
                hub_load=hub_load,
                max_failures=max_failures,
            )
            watch(hub, fleet, form, len(found))
