"""Selection of servers by group, name, profile, state or idle time, instead of by their names."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, TypeVar, get_args

import click

from jhub import Members, Running, ServerState, Target
from jhub.cli.completion import completers
from jhub.cli.kit.options import span
from jhub.cli.kit.output import names_shown, note, nothing_to_do
from jhub.cli.kit.server_arguments import resolve_servers
from jhub.errors import InvalidInput

if TYPE_CHECKING:
    from jhub import Hub

F = TypeVar("F", bound=Callable[..., Any])

STATES = get_args(ServerState)
"""States of servers that --state takes."""
MIN_RELIABLE_IDLE_SECONDS = 600.0
"""Shortest idle time that a hub reports reliably: servers report their activity every 300 s (JupyterHub's
`last_activity_interval`), each at its own time.
"""

group_option = click.option(
    "--group", metavar="GROUP", shell_complete=completers.groups, help="Select the server of each member of GROUP."
)
name_option = click.option(
    "--name", metavar="NAME", help="With --group, select servers with this name instead of default servers."
)


def selection_options(idle: str) -> Callable[[F], F]:
    """Add --group, --name, --profile, --idle, --state, --max-age and --no-admins to a command, as one `selection`.

    `idle` is the help of --idle.
    """

    def decorate(command: F) -> F:
        @functools.wraps(command)
        def wrapper(
            *args: Any,
            group: str | None,
            name: str | None,
            from_profile: str | None,
            idle: float | None,
            state: str | None,
            max_age: float | None,
            no_admins: bool,
            **others: Any,
        ) -> Any:
            selection = Running(
                group=group,
                name=name,
                profile=from_profile,
                idle=idle,
                state=state,
                max_age=max_age,
                admin=False if no_admins else None,
            )
            for noun, value in (("group", group), ("server", name), ("profile", from_profile)):
                if value == "":  # most likely an unset variable
                    raise InvalidInput(f"a {noun} name is missing")
            return command(*args, selection=selection, **others)

        for option in (
            click.option("--no-admins", is_flag=True, help="Only servers of users who are not administrators."),
            click.option(
                "--max-age",
                type=span,
                help="Only servers that started longer ago than this, such as 12h.",
            ),
            click.option(
                "--state",
                type=click.Choice(STATES),
                metavar="STATE",
                help=f"Only servers in this state: ready, or pending ({', '.join(STATES[1:])}).",
            ),
            click.option("--idle", type=span, help=idle),
            click.option(
                "-p",
                "--profile",
                "from_profile",
                metavar="PROFILE",
                shell_complete=completers.profiles,
                help="Only servers started from this profile.",
            ),
            click.option("--name", metavar="NAME", help="Only servers with this name."),
            click.option(
                "--group",
                metavar="GROUP",
                shell_complete=completers.groups,
                help="Only servers of members of this group.",
            ),
        ):
            wrapper = option(wrapper)
        return wrapper  # type: ignore[return-value]  # click passes the parameters

    return decorate


def select_running(hub: Hub, servers: Sequence[str], selection: Running, *, yes: bool) -> list[Target]:
    """Return the named servers, or else the active ones that match. If none match, end the command with exit code 0."""
    if selection == Running():
        return resolve_servers(hub, servers)
    _refuse_names(servers)
    return _report_selection(hub.servers.select(selection), yes=yes, selection=selection)


def recheck_idle(hub: Hub, servers: list[Target], selection: Running) -> list[Target]:
    """Return the servers that are still idle after a confirmation, which takes time.

    If none are idle, end the command with exit code 0.
    """
    if selection.idle is None:
        return servers
    now = set(hub.servers.select(selection))
    left = [server for server in servers if server in now]
    if len(left) < len(servers):
        note(f"skipped {len(servers) - len(left)}: no longer idle")
    return _report_selection(left, yes=True)


def select_named(hub: Hub, servers: Sequence[str], selection: Running, *, yes: bool) -> list[Target]:
    """Return the given servers, or else the named servers, active or stopped, that match.

    Without arguments and options, raise a usage error. If none match, end the command with exit code 0.
    """
    if selection == Running():
        if not servers:
            raise click.UsageError("Missing argument '{USER/NAME | /NAME | -}...'.", click.get_current_context())
        return resolve_servers(hub, servers)
    _refuse_names(servers)
    stopped = all(each is None for each in (selection.idle, selection.state, selection.max_age))
    targets = dict.fromkeys(
        Target.of(each) for each in hub.servers.list(**asdict(selection), stopped=stopped) if each.name
    )
    return _report_selection(list(targets), yes=yes, selection=selection)


def select_members(hub: Hub, servers: Sequence[str], group: str | None, name: str | None) -> list[Target]:
    """Return the given servers, or else the server of each member of a group.

    If the group has no members, end the command with exit code 0.
    """
    if group is None:
        if name is not None:
            raise InvalidInput(
                "--name requires --group", hint="for a single server, use USER/NAME, or /NAME for your own"
            )
        return resolve_servers(hub, servers)
    if name == "":
        raise InvalidInput("a server name is missing")
    _refuse_names(servers)
    return _report_selection(hub.servers.select(Members(group, name or "")), yes=True)


def _refuse_names(servers: Sequence[str]) -> None:
    if servers:
        raise InvalidInput(
            "cannot combine server names with selection options",
            hint="to select with more options, use a pipe: jhub server list ... -o name | jhub server stop -",
        )


def _report_selection(servers: list[Target], *, yes: bool, selection: Running | None = None) -> list[Target]:
    if not servers:
        nothing_to_do("nothing to do: no server matches")
    if not yes:
        note(f"selected: {names_shown(list(map(str, servers)))}")
    if selection is not None and isinstance(selection.idle, float) and selection.idle < MIN_RELIABLE_IDLE_SECONDS:
        note("note: servers report activity every 5 minutes; an active user may appear idle for up to 10 minutes")
    return servers
