"""`jhub group`"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING, Any

import click

from jhub.cli.completion import completers
from jhub.cli.kit.batch import Tally, delete_each, report, sound, tally
from jhub.cli.kit.inputs import pairs
from jhub.cli.kit.options import common, connect, dry_run, names_from, output, yes
from jhub.cli.kit.output import HIDDEN, View, dump, note, print_requests, shown
from jhub.cli.kit.prompts import confirm
from jhub.errors import Conflict, HubError
from jhub.models import Group

if TYPE_CHECKING:
    from jhub import Difference, Hub

GROUPS: View[Group] = View(
    name=lambda group: group.name,
    columns={
        "NAME": lambda group: group.name,
        "USERS": lambda group: HIDDEN if group.users is None else len(group.users),
        "MEMBERS": lambda group: shown(group.users),
        "PROPERTIES": lambda group: shown(group.properties),
    },
)

CHUNK = 50
"""Groups in one call: what came of them is told after each."""
MAX_NAMES_SHOWN = 12
"""Names of a difference that are shown."""

name_argument = click.argument("name", shell_complete=completers.groups)


@click.group()
def group() -> None:
    """Manage groups and their members."""


@group.command("list")
@click.option("--user", "member", metavar="USER", shell_complete=completers.users, help="Only groups that USER is in.")
@output()
@common
def list_(member: str | None, form: str) -> None:
    """List groups with their members.

    \b
    jhub group list
    jhub group list --user ana -o name
    """
    with connect() as hub:
        GROUPS.many(hub.groups.list(member), form)


@group.command()
@name_argument
@output()
@common
def show(name: str, form: str) -> None:
    """Show one group.

    \b
    jhub group show geo
    """
    with connect() as hub:
        GROUPS.one(hub.groups.get(name), form)


@group.command()
@click.argument("names", nargs=-1, required=True, metavar="NAME...")
@click.option(
    "--user",
    "users",
    multiple=True,
    metavar="USER",
    shell_complete=completers.users,
    help="Put this user into each of them; may be repeated.",
)
@click.option("--if-not-exists", is_flag=True, help="Groups that exist already are fine, and stay as they are.")
@dry_run
@output()
@common
def create(names: tuple[str, ...], users: tuple[str, ...], if_not_exists: bool, dry_run: bool, form: str) -> None:
    """Create groups. "-" reads names from stdin.

    \b
    jhub group create geo --if-not-exists
    jhub group create monday tuesday --user ana --user bo
    """
    given = names_from(names)
    with connect() as hub, tally() as counted:
        wanted = sound(given, "group", counted)
        if dry_run:
            print_requests([hub.preview(hub.groups.create_many, wanted, users=users)])
            counted.done += len(wanted)
        else:
            report(GROUPS, _created(hub, wanted, users, if_not_exists, counted), form)


@group.command()
@click.argument("names", nargs=-1, required=True, metavar="NAME...", shell_complete=completers.groups)
@yes
@dry_run
@common
def delete(names: tuple[str, ...], yes: bool, dry_run: bool) -> None:
    """Delete groups. Their members stay users.

    \b
    jhub group delete geo
    """
    with connect() as hub:
        delete_each(hub, "group", names_from(names), hub.groups.delete, yes=yes, dry_run=dry_run)


@group.command()
@name_argument
@click.argument("users", nargs=-1, required=True, metavar="USER...", shell_complete=completers.users)
@dry_run
@output()
@common
def add(name: str, users: tuple[str, ...], dry_run: bool, form: str) -> None:
    """Add users to group NAME: all of them, or none if one is unknown. "-" reads names from stdin.

    \b
    jhub group add geo ana bo
    jhub user list --filter geo- -o name | jhub group add geo -
    """
    given = names_from(users)
    with connect() as hub:
        _change(hub, partial(hub.groups.add_users, name, given), dry_run, form)


@group.command()
@name_argument
@click.argument("users", nargs=-1, required=True, metavar="USER...", shell_complete=completers.members)
@dry_run
@output()
@common
def remove(name: str, users: tuple[str, ...], dry_run: bool, form: str) -> None:
    """Remove users from group NAME: all of them, or none if one is unknown. "-" reads names from stdin.

    \b
    jhub group remove geo bo
    """
    given = names_from(users)
    with connect() as hub:
        _change(hub, partial(hub.groups.remove_users, name, given), dry_run, form)


@group.command("set")
@name_argument
@click.argument("users", nargs=-1, required=True, metavar="USER...", shell_complete=completers.users)
@yes
@dry_run
@output()
@common
def set_(name: str, users: tuple[str, ...], yes: bool, dry_run: bool, form: str) -> None:
    """Make users the members of group NAME, and nobody else. "-" reads names from stdin.

    Who comes and who goes is shown, and a question asked if anybody goes. A user whom the hub does not know is left
    out, and the exit code tells.

    \b
    jhub group set geo ana bo
    jhub group set geo - --dry-run < members.txt
    """
    wanted = names_from(users)
    with connect() as hub, tally() as counted:
        if dry_run:
            print_requests([hub.preview(hub.groups.set_users, name, wanted)])
            return
        change = hub.groups.compare_users(name, wanted)
        _agreed(change, yes=yes)
        # What was shown, and no more: somebody may have joined meanwhile.
        summary = hub.groups.change_users(change)
        for event in (*summary.failed, *summary.skipped):
            counted.failed(event.error or HubError(f"user {event.name}: not removed: {event.message}"))
        counted.done += len(summary.done) + len(wanted) - len(change.to_add)
        GROUPS.one(hub.groups.get(name) if summary.done else change.group, form)


@group.command()
@name_argument
@click.argument("changes", nargs=-1, metavar="[KEY=VALUE | KEY:=JSON | KEY=]...")
@dry_run
@click.option("-o", "--output", "form", type=click.Choice(["json", "yaml"]), default="json", help="As json or yaml.")
@common
def properties(name: str, changes: tuple[str, ...], dry_run: bool, form: str) -> None:
    """Show the properties of group NAME, or change those given; KEY= removes one.

    \b
    jhub group properties geo
    jhub group properties geo room=B12 seats:=30 old=
    """
    wanted: dict[str, Any] = {key: None if value == "" else value for key, value in pairs(changes).items()}
    with connect() as hub:
        if dry_run:
            print_requests([hub.preview(hub.groups.set_properties, name, wanted)])
            return
        found = hub.groups.set_properties(name, wanted) if wanted else hub.groups.get(name)
    dump(found.properties, form)
    if wanted:
        note(f"group {name} has these properties now")


def _change(hub: Hub, call: Callable[[], Group], dry_run: bool, form: str) -> None:
    if dry_run:
        print_requests([hub.preview(call)])
    else:
        GROUPS.one(call(), form)


def _agreed(change: Difference, *, yes: bool) -> None:
    """Show a difference, and ask whether people are to lose their membership."""
    group, add, remove = change.group.name, change.to_add, change.to_remove
    if not add and not remove:
        note(f"group {group} has these members already")
    for word, names in (("add", add), ("remove", remove)):
        if names:
            more = f" and {len(names) - MAX_NAMES_SHOWN} more" if len(names) > MAX_NAMES_SHOWN else ""
            note(f"{word} {len(names)}: {', '.join(names[:MAX_NAMES_SHOWN])}{more}")
    if remove:
        counts = f"add {len(add)}, remove {len(remove)}" if add else f"remove {len(remove)}"
        confirm(f"change the members of group {group} ({counts})?", yes=yes)


def _created(hub: Hub, names: list[str], users: tuple[str, ...], exist_ok: bool, counted: Tally) -> Iterator[Group]:
    """Create groups, in as few requests as tell what became of each.

    The hub goes from one to the next, and stops at the first that exists.
    """
    waiting = names
    while waiting:
        some, waiting = waiting[:CHUNK], waiting[CHUNK:]
        try:
            try:
                made = hub.groups.create_many(some, users=users)
            except Conflict as error:
                there = error.existing
                if there is None:
                    raise
                waiting = some[some.index(there) + 1 :] + waiting
                known = (*error.created, there) if exist_ok else error.created
                if not exist_ok:
                    counted.failed(Conflict(f"group {there}: already exists"))
                elif users:
                    note(f"group {there} exists already, and its members stay as they are")
                made = tuple(hub.groups.get(name) for name in known)
        except HubError as error:
            counted.failed(error)
            return  # the same would become of the others
        counted.done += len(made)
        yield from made
