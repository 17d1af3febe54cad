"""`jhub group`"""

from __future__ import annotations

from functools import partial
from typing import Any

import click

from jhub.cli.kit.dry_run import rehearse
from jhub.cli.kit.each import create_each, delete_each
from jhub.cli.kit.options import common, connect, dry_run, names_from, output, yes
from jhub.cli.kit.output import View, dump, note
from jhub.cli.kit.pairs import pairs
from jhub.models import Group
from jhub.operations.groups import GroupOps
from jhub.steps import Plan

GROUPS: View[Group] = View(
    name=lambda group: group.name,
    columns={
        "NAME": lambda group: group.name,
        "USERS": lambda group: len(group.users),
        "MEMBERS": lambda group: group.users,
        "PROPERTIES": lambda group: group.properties,
    },
)


@click.group()
def group() -> None:
    """Manage groups and their members."""


@group.command("list")
@output()
@common
def list_(form: str) -> None:
    """List groups with their members.

    \b
    jhub group list
    jhub group list -o json
    """
    with connect() as hub:
        GROUPS.many(hub.groups.list(), form)


@group.command()
@click.argument("name")
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
@click.option("--if-not-exists", is_flag=True, help="Groups that exist already are fine.")
@dry_run
@output()
@common
def create(names: tuple[str, ...], if_not_exists: bool, dry_run: bool, form: str) -> None:
    """Create groups. "-" reads names from stdin.

    \b
    jhub group create geo --if-not-exists
    """
    with connect() as hub:
        plan = partial(GroupOps.create, exist_ok=if_not_exists)
        create_each(hub, names_from(names), plan, GROUPS, form, dry_run=dry_run)


@group.command()
@click.argument("names", nargs=-1, required=True, metavar="NAME...")
@yes
@dry_run
@common
def delete(names: tuple[str, ...], yes: bool, dry_run: bool) -> None:
    """Delete groups. Their members stay users.

    \b
    jhub group delete geo
    """
    with connect() as hub:
        delete_each(hub, "group", names_from(names), GroupOps.delete, yes=yes, dry_run=dry_run)


@group.command()
@click.argument("name")
@click.argument("users", nargs=-1, required=True, metavar="USER...")
@dry_run
@output()
@common
def add(name: str, users: tuple[str, ...], dry_run: bool, form: str) -> None:
    """Add users to group NAME: all of them, or none if one is unknown. "-" reads names from stdin.

    \b
    jhub group add geo ana bo
    jhub user list --filter geo- -o name | jhub group add geo -
    """
    _change(GroupOps.add_users(name, names_from(users)), dry_run, form)


@group.command()
@click.argument("name")
@click.argument("users", nargs=-1, required=True, metavar="USER...")
@dry_run
@output()
@common
def remove(name: str, users: tuple[str, ...], dry_run: bool, form: str) -> None:
    """Remove users from group NAME: all of them, or none if one is unknown. "-" reads names from stdin.

    \b
    jhub group remove geo bo
    """
    _change(GroupOps.remove_users(name, names_from(users)), dry_run, form)


@group.command()
@click.argument("name")
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
            rehearse(hub, GroupOps.set_properties(name, wanted))
            return
        found = hub.groups.set_properties(name, wanted) if wanted else hub.groups.get(name)
    dump(found.properties, form)
    if wanted:
        note(f"group {name} has these properties now")


def _change(plan: Plan[Group], dry_run: bool, form: str) -> None:
    with connect() as hub:
        if dry_run:
            rehearse(hub, plan)
        else:
            GROUPS.one(hub.run(plan), form)
