"""Servers that a command is to find by itself: of a group, by name, by profile, by state, or idle."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, TypeVar, get_args

import click

from jhub import Members, Running, ServerState, Target
from jhub.cli.completion import completers
from jhub.cli.kit.options import duration
from jhub.cli.kit.output import note
from jhub.cli.kit.server_arguments import resolve_servers
from jhub.errors import InvalidInput

if TYPE_CHECKING:
    from jhub import Hub

F = TypeVar("F", bound=Callable[..., Any])

STATES = get_args(ServerState)
MIN_RELIABLE_IDLE_SECONDS = 600.0
"""Seconds after which idle servers are idle: they tell their hub of activity every 300 s, and not all at one time
(`last_activity_interval`).
"""
MAX_SERVERS_SHOWN = 12
"""Servers that are named before a question about all of them."""

group_option = click.option(
    "--group", metavar="GROUP", shell_complete=completers.groups, help="The server of each member of this group."
)
name_option = click.option(
    "--name", metavar="NAME", help="With --group: each member's server of this name; else the default one."
)


def selection_options(idle: str) -> Callable[[F], F]:
    """--group, --name, --profile, --idle and --state; the command takes them as `selection`."""

    def decorate(command: F) -> F:
        @functools.wraps(command)
        def wrapper(
            *args: Any,
            group: str | None,
            name: str | None,
            from_profile: str | None,
            idle: float | None,
            state: str | None,
            **others: Any,
        ) -> Any:
            selection = Running(group=group, name=name, profile=from_profile, idle=idle, state=state)
            for noun, value in (("group", group), ("server", name), ("profile", from_profile)):
                if value == "":  # of a variable that is not set
                    raise InvalidInput(f"a {noun} name is missing")
            return command(*args, selection=selection, **others)

        for option in (
            click.option(
                "--state",
                type=click.Choice(STATES),
                metavar="STATE",
                help=f"Only those in this state: ready, or under way: {', '.join(STATES[1:])}.",
            ),
            click.option("--idle", type=duration, help=idle),
            click.option(
                "-p",
                "--profile",
                "from_profile",
                metavar="PROFILE",
                shell_complete=completers.profiles,
                help="Only those that were started from this profile.",
            ),
            click.option("--name", metavar="NAME", help="Only those of this name."),
            click.option(
                "--group",
                metavar="GROUP",
                shell_complete=completers.groups,
                help="Only those of members of this group.",
            ),
        ):
            wrapper = option(wrapper)
        return wrapper  # type: ignore[return-value]  # the parameters are those of click's making

    return decorate


def select_running(hub: Hub, servers: Sequence[str], selection: Running, *, yes: bool) -> list[Target]:
    """Those that are named; else those that run and match. The command ends where there are none."""
    if selection == Running():
        return resolve_servers(hub, servers)
    _refuse_names(servers)
    return _report_selection(hub.servers.select(selection), yes=yes, selection=selection)


def recheck_idle(hub: Hub, servers: list[Target], selection: Running) -> list[Target]:
    """Those that are idle yet, after a question that somebody took time to answer. The command ends without any."""
    if selection.idle is None:
        return servers
    now = set(hub.servers.select(selection))
    left = [server for server in servers if server in now]
    if len(left) < len(servers):
        note(f"{len(servers) - len(left)} no longer idle, and left alone")
    return _report_selection(left, yes=True)


def select_named(hub: Hub, servers: Sequence[str], selection: Running, *, yes: bool) -> list[Target]:
    """The same for named servers, whether they run or not; one has to be named, or an option given."""
    if selection == Running():
        if not servers:
            raise click.UsageError("Missing argument '{USER/NAME | /NAME | -}...'.", click.get_current_context())
        return resolve_servers(hub, servers)
    _refuse_names(servers)
    stopped = selection.idle is None and selection.state is None
    targets = dict.fromkeys(
        Target.of(each) for each in hub.servers.list(**asdict(selection), stopped=stopped) if each.name
    )
    return _report_selection(list(targets), yes=yes, selection=selection)


def select_members(hub: Hub, servers: Sequence[str], group: str | None, name: str | None) -> list[Target]:
    """Those that are named; else that of each member of a group. The command ends where there are none."""
    if group is None:
        if name is not None:
            raise InvalidInput("--name goes with --group", hint="name single servers as USER/NAME, or /NAME for mine")
        return resolve_servers(hub, servers)
    if name == "":
        raise InvalidInput("a server name is missing")
    _refuse_names(servers)
    return _report_selection(hub.servers.select(Members(group, name or "")), yes=True)


def _refuse_names(servers: Sequence[str]) -> None:
    if servers:
        raise InvalidInput(
            "servers are either named or selected by options, not both",
            hint="jhub server list takes the options and prints names that - reads: jhub server list ... -o name",
        )


def _report_selection(servers: list[Target], *, yes: bool, selection: Running | None = None) -> list[Target]:
    if not servers:
        note("no server matches")
        raise click.exceptions.Exit(0)
    if not yes:
        more = f" and {len(servers) - MAX_SERVERS_SHOWN} more" if len(servers) > MAX_SERVERS_SHOWN else ""
        note(f"selected: {', '.join(map(str, servers[:MAX_SERVERS_SHOWN]))}{more}")
    if selection is not None and isinstance(selection.idle, float) and selection.idle < MIN_RELIABLE_IDLE_SECONDS:
        note("note: a hub learns of activity every 5 minutes: who is at work may seem idle for less than 10")
    return servers
