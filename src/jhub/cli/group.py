"""`jhub group`: manage groups, their members and their properties."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, cast

import click

from jhub.cli.completion import completers
from jhub.cli.group_sync import sync
from jhub.cli.kit.batch import (
    BatchTally,
    add_preview,
    batch_tally,
    delete_batch,
    preview_call,
    print_results,
    valid_names,
)
from jhub.cli.kit.inputs import parse_pairs
from jhub.cli.kit.noun_group import NounGroup
from jhub.cli.kit.options import common, connect, dry_run, if_exists, list_output, output, require_names, yes
from jhub.cli.kit.output import HIDDEN, Layout, View, dump, note, or_hidden
from jhub.cli.kit.prompts import confirm
from jhub.cli.member_changes import add_failures, note_change, note_running, running_servers
from jhub.errors import Conflict, HubError, NotFound
from jhub.models import Group

if TYPE_CHECKING:
    from jhub import Difference, Hub

GROUPS: View[Group] = View(
    name=lambda group: group.name,
    columns={
        "NAME": lambda group: group.name,
        "USERS": lambda group: HIDDEN if group.users is None else len(group.users),
        "MEMBERS": lambda group: or_hidden(group.users),
        "PROPERTIES": lambda group: or_hidden(group.properties),
    },
    wide=frozenset({"MEMBERS"}),
)

MAX_GROUPS_PER_REQUEST = 50
"""Maximum number of groups in one request. Results are printed after each request."""

name_argument = click.argument("name", shell_complete=completers.groups)


@click.group(cls=NounGroup)
def group() -> None:
    """Manage groups and their members."""


@group.command("list")
@click.option(
    "--user", "member", metavar="USER", shell_complete=completers.users, help="Only groups that USER is a member of."
)
@list_output()
@common
def list_(member: str | None, layout: Layout) -> None:
    """List groups with their members.

    $ jhub group list
    $ jhub group list --user ana -o name
    """
    with connect() as hub:
        GROUPS.print_list(hub.groups.list(member), layout)


@group.command()
@name_argument
@output()
@common
def show(name: str, output_format: str) -> None:
    """Show a group.

    $ jhub group show geo
    """
    with connect() as hub:
        GROUPS.print_item(hub.groups.get(name), output_format)


@group.command()
@click.argument("names", nargs=-1, required=True, metavar="NAME...")
@click.option(
    "--user",
    "users",
    multiple=True,
    metavar="USER",
    shell_complete=completers.users,
    help="Add this user to each new group; repeatable.",
)
@click.option("--if-not-exists", is_flag=True, help="Accept groups that already exist, and leave them unchanged.")
@dry_run
@output()
@common
def create(
    names: tuple[str, ...], users: tuple[str, ...], if_not_exists: bool, dry_run: bool, output_format: str
) -> None:
    """Create groups. "-" reads names from stdin.

    $ jhub group create geo --if-not-exists
    $ jhub group create monday tuesday --user ana --user bo
    """
    requested = require_names(names)
    with connect() as hub, batch_tally() as tally:
        valid = valid_names(requested, "group", tally)
        if dry_run:
            _preview_creation(hub, valid, users, if_not_exists, tally, output_format)
        else:
            print_results(GROUPS, _create_groups(hub, valid, users, if_not_exists, tally), output_format)


@group.command()
@click.argument("names", nargs=-1, required=True, metavar="NAME...", shell_complete=completers.groups)
@if_exists("groups")
@yes
@dry_run
@output()
@common
def delete(names: tuple[str, ...], if_exists: bool, yes: bool, dry_run: bool, output_format: str) -> None:
    """Delete groups. The users in them are not deleted. "-" reads names from stdin.

    $ jhub group delete geo
    $ jhub group delete --yes --if-exists - < groups.txt
    """
    with connect() as hub:
        requested = require_names(names)
        delete_batch(
            hub, "group", requested, hub.groups.delete, output_format, yes=yes, dry_run=dry_run, if_exists=if_exists
        )


@group.command()
@name_argument
@click.argument("users", nargs=-1, required=True, metavar="USER...", shell_complete=completers.users)
@dry_run
@output()
@common
def add(name: str, users: tuple[str, ...], dry_run: bool, output_format: str) -> None:
    """Add users to group NAME. "-" reads names from stdin.

    The change is atomic: an unknown user fails the whole command.

    $ jhub group add geo ana bo
    $ jhub user list --filter geo- -o name | jhub group add geo -
    """
    requested = require_names(users)
    with connect() as hub:
        _run_or_preview(hub, partial(hub.groups.add_users, name, requested), dry_run, output_format)


@group.command()
@name_argument
@click.argument("users", nargs=-1, required=True, metavar="USER...", shell_complete=completers.members)
@dry_run
@output()
@common
def remove(name: str, users: tuple[str, ...], dry_run: bool, output_format: str) -> None:
    """Remove users from group NAME. "-" reads names from stdin.

    The change is atomic: an unknown user fails the whole command. Their servers go on running, and are listed.

    $ jhub group remove geo bo
    """
    requested = require_names(users)
    with connect() as hub:
        running, hidden = running_servers(hub, name, [] if dry_run else requested)
        _run_or_preview(hub, partial(hub.groups.remove_users, name, requested), dry_run, output_format)
        note_running(running, hidden)


@group.command("set")
@name_argument
@click.argument("users", nargs=-1, required=True, metavar="USER...", shell_complete=completers.users)
@click.option("--create", "create_group", is_flag=True, help="Create the group if it does not exist.")
@yes
@dry_run
@output()
@common
def set_(name: str, users: tuple[str, ...], create_group: bool, yes: bool, dry_run: bool, output_format: str) -> None:
    """Replace the members of group NAME. "-" reads names from stdin.

    Shows the users to add and to remove, and the running servers of those to remove, which go on running. Asks before
    it removes anyone. Unknown users are reported and skipped; the exit code is then non-zero.

    $ jhub group set geo ana bo
    $ jhub group set geo - --dry-run < members.txt
    $ jhub group set geo - --create < members.txt
    """
    members = require_names(users)
    with connect() as hub, batch_tally() as tally:
        if dry_run:
            preview = hub.preview(hub.groups.set_users, name, members, create=create_group)
            removed = (request.body for request in preview if request.method == "DELETE")
            count = len(members) + sum(len(cast(dict[str, Any], body)["users"]) for body in removed)
            add_preview(tally, preview, count, output_format)
            return
        try:
            change = hub.groups.compare_users(name, members)
        except NotFound:
            if not create_group:
                raise
            hub.groups.create(name)
            note(f"created group {name}")
            change = hub.groups.compare_users(name, members)
        _confirm_change(hub, change, yes=yes)
        # Only the confirmed difference: the members may have changed since.
        summary = hub.groups.change_users(change)
        add_failures((*summary.failed, *summary.skipped), tally)
        tally.done += len(summary.done) + len(members) - len(change.to_add)
        GROUPS.print_item(hub.groups.get(name) if summary.done else change.group, output_format)


group.add_command(sync)


@group.command()
@name_argument
@click.argument("changes", nargs=-1, metavar="[KEY=VALUE | KEY:=JSON | KEY=]...")
@dry_run
@click.option(
    "-o",
    "--output",
    "output_format",
    type=click.Choice(["json", "yaml"]),
    default="json",
    help="Output format: json or yaml.",
)
@common
def properties(name: str, changes: tuple[str, ...], dry_run: bool, output_format: str) -> None:
    """Show or change the properties of group NAME.

    KEY=VALUE sets text, KEY:=JSON sets any JSON value, and KEY= removes the property.

    $ jhub group properties geo
    $ jhub group properties geo room=B12 seats:=30 old=
    """
    values: dict[str, Any] = {key: None if value == "" else value for key, value in parse_pairs(changes).items()}
    with connect() as hub:
        if dry_run:
            preview_call(hub, partial(hub.groups.set_properties, name, values), output_format)
            return
        group = hub.groups.set_properties(name, values) if values else hub.groups.get(name)
    dump(group.properties, output_format)
    if values:
        note(f"changed the properties of group {name}")


def _run_or_preview(hub: Hub, call: Callable[[], Group], dry_run: bool, output_format: str) -> None:
    if dry_run:
        preview_call(hub, call, output_format)
    else:
        GROUPS.print_item(call(), output_format)


def _confirm_change(hub: Hub, change: Difference, *, yes: bool) -> None:
    """Print a membership difference, and ask for confirmation if it removes users."""
    group, add, remove = change.group.name, change.to_add, change.to_remove
    if not add and not remove:
        note(f"group {group} already has these members")
    counts = note_change(add, remove)
    if remove:
        note_running(*running_servers(hub, group, remove))
        confirm(f"Change the members of group {group} ({counts})?", yes=yes)


def _preview_creation(
    hub: Hub, names: list[str], users: tuple[str, ...], exist_ok: bool, tally: BatchTally, output_format: str
) -> None:
    """Print the requests that would create groups, and the failures for those that exist."""
    if not names:
        return
    preview = hub.preview(hub.groups.create_many, names, users=users, exist_ok=True)
    created = {name for request in preview for name in cast(dict[str, Any], request.body)["groups"]}
    if not exist_ok and not preview.failed:
        existing = [Conflict(f"group {name}: already exists", status=409) for name in names if name not in created]
        preview = replace(preview, failed=tuple(existing))
    add_preview(tally, preview, len(names), output_format)


def _create_groups(
    hub: Hub, names: list[str], users: tuple[str, ...], exist_ok: bool, tally: BatchTally
) -> Iterator[Group]:
    """Create groups in chunks, and yield them and, with `exist_ok`, those that already existed.

    The hub creates the groups of a request in order, and stops at the first that exists: the rest of the chunk is
    sent again.
    """
    remaining = names
    while remaining:
        chunk, remaining = remaining[:MAX_GROUPS_PER_REQUEST], remaining[MAX_GROUPS_PER_REQUEST:]
        try:
            try:
                created = hub.groups.create_many(chunk, users=users)
            except Conflict as error:
                existing = error.existing
                if existing is None:
                    raise
                remaining = chunk[chunk.index(existing) + 1 :] + remaining
                reported = (*error.created, existing) if exist_ok else error.created
                if not exist_ok:
                    tally.add_failure(Conflict(f"group {existing}: already exists"))
                elif users:
                    note(f"group {existing} already exists; its members are unchanged")
                created = tuple(hub.groups.get(name) for name in reported)
        except HubError as error:
            tally.add_failure(error)
            return  # the other chunks would fail, too
        tally.done += len(created)
        yield from created
