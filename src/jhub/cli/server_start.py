"""`jhub server start`: start servers, one or a whole class."""

from __future__ import annotations

from functools import partial
from typing import Any

import click
import msgspec

from jhub.cli.kit.batch import add_preview, batch, batch_tally
from jhub.cli.kit.options import common, connect, dry_run, duration, fraction, output
from jhub.cli.kit.output import note
from jhub.cli.kit.selection import group_option, name_option, select_members
from jhub.cli.kit.server_arguments import (
    display_name_option,
    option_option,
    profile_option,
    server_view,
    servers_argument,
    user_options,
)
from jhub.errors import InvalidInput

MAX_SERVERS_WITHOUT_WAIT = 4
"""Maximum number of servers for --no-wait: some hubs exit after five failed starts in a row."""


@click.command()
@servers_argument
@profile_option
@option_option
@display_name_option
@group_option
@name_option
@click.option("--no-wait", is_flag=True, help="Return as soon as the hub accepts the request.")
@click.option("--timeout", type=duration, default="10m", show_default=True, help="Maximum wait for each server.")
@click.option(
    "--hub-load",
    type=fraction,
    metavar="SHARE",
    default="0.5",
    show_default=True,
    help="Share of the hub's capacity to use, such as 0.5 or 50%.",
)
@click.option(
    "--max-failures",
    type=click.IntRange(min=1),
    metavar="N",
    help="Stop after N failures, or 4 in a row. Without it, stop after 2 in a row.",
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
    output_format: str,
) -> None:
    """Start servers and wait until they are ready.

    Without --profile and --option, a server starts with the hub's defaults, not with the options of its last start. A
    server that already runs with the requested options counts as done. To continue after an interruption, run the
    command again.

    jhub measures how many starts the hub can handle at a time, uses half of that and leaves the other half to other
    users. --hub-load changes the share.

    $ jhub server start ana/lab bo/lab --profile lab
    $ jhub server start /lab --option image=scipy --option cpus:=4
    $ jhub server start --group geo --name lab --profile lab
    $ jhub server start --group geo --name lab --profile lab --hub-load 100% --max-failures 10
    """
    parsed_options = user_options(profile, options)
    if no_wait and group is not None:
        raise InvalidInput(
            "--no-wait cannot be used with --group",
            hint="omit --no-wait and press Ctrl-C to end the wait: the servers continue to start",
        )

    with connect() as hub:
        selected = select_members(hub, servers, group, name)
        if no_wait and len(selected) > MAX_SERVERS_WITHOUT_WAIT:
            raise InvalidInput(
                f"--no-wait accepts up to {MAX_SERVERS_WITHOUT_WAIT} servers: some hubs exit after five failed starts",
                hint="omit --no-wait and press Ctrl-C to end the wait: the servers continue to start",
            )
        settings: dict[str, Any] = {"profile": profile, "user_options": parsed_options, "display_name": display_name}
        start_many = partial(
            hub.servers.start_many, selected, **settings, timeout=timeout, hub_load=hub_load, max_failures=max_failures
        )
        if dry_run:
            preview = hub.preview(start_many)
            with batch_tally() as tally:
                add_preview(tally, preview, len(selected), output_format)
                if unchanged := tally.done - len(preview):
                    note(f"{unchanged} of {len(selected)} already running or starting with these options")
        elif no_wait:
            with batch(
                selected, lambda server: hub.servers.start(server.user, server.name, **settings, wait=False)
            ) as accepted:
                if output_format == "json":  # one object per line, like the events of a wait
                    for server in accepted:
                        click.echo(msgspec.json.encode(server).decode())
                else:
                    server_view(hub).print_list(accepted, output_format)
        else:
            from jhub.cli.progress.report import run_fleet

            run_fleet(hub, start_many(), output_format, len(selected))
