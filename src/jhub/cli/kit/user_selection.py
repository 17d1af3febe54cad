"""Selection of users by group, admin rights, role or activity, instead of by their names."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import click

from jhub.cli.completion import completers
from jhub.cli.kit.options import moment, require_names, span
from jhub.cli.kit.output import names_shown, note, nothing_to_do
from jhub.errors import InvalidInput

if TYPE_CHECKING:
    from jhub import Hub

F = TypeVar("F", bound=Callable[..., Any])

CRITERIA = ("group", "not_in_group", "admin", "role", "inactive_for", "active_since", "never_used")
"""Parameters of `hub.users.list` that options set."""


def user_selection_options(command: F) -> F:
    """Add --group, --not-in-group, --admin, --role and the options of activity to a command.

    The command takes those that are given as one `selection`, with the parameters of `hub.users.list`.
    """

    @functools.wraps(command)
    def wrapper(*args: Any, **parameters: Any) -> Any:
        values = {name: parameters.pop(name) for name in CRITERIA}
        if "" in (values["group"], values["not_in_group"]):  # most likely an unset variable
            raise InvalidInput("a group name is missing")
        if values["role"] == "":
            raise InvalidInput("a role name is missing")
        selection = {name: value for name, value in values.items() if value is not None and value is not False}
        if values["admin"] is False:
            selection["admin"] = False
        return command(*args, selection=selection, **parameters)

    for option in (
        click.option("--never-used", is_flag=True, help="Only users who were never active on the hub."),
        click.option(
            "--active-since",
            type=moment,
            metavar="DATE",
            help="Only users active on or after DATE, such as 2026-09-01.",
        ),
        click.option(
            "--inactive-for",
            type=span,
            metavar="DURATION",
            help="Only users without activity for this long, such as 180d; counts from creation if they never had any.",
        ),
        click.option("--role", metavar="ROLE", help="Only users with this role, apart from the roles of their groups."),
        click.option("--admin/--no-admin", default=None, help="Only administrators, or only other users."),
        click.option(
            "--not-in-group", metavar="GROUP", shell_complete=completers.groups, help="Only users outside this group."
        ),
        click.option("--group", metavar="GROUP", shell_complete=completers.groups, help="Only members of this group."),
    ):
        wrapper = option(wrapper)
    return wrapper  # type: ignore[return-value]  # click passes the parameters


def select_users(hub: Hub, names: Sequence[str], selection: dict[str, Any], *, yes: bool) -> list[str]:
    """Return the given names, or else those of the users that match. If none match, end the command with exit code 0.

    Without names and options, raise a usage error.
    """
    if not selection:
        if not names:
            raise click.UsageError("Missing argument 'NAME...'.", click.get_current_context())
        return require_names(names)
    if names:
        raise InvalidInput(
            "users are either named or selected by options, not both",
            hint="pipe a selection into -: jhub user list ... -o name | jhub user delete -",
        )
    # The whole list comes before the first change, which could shift the pages of the list.
    selected = [user.name for user in hub.users.list(**selection)]
    if not selected:
        nothing_to_do("no user matches", results=True)
    if not yes:
        note(f"selected: {names_shown(selected)}")
    return selected
