"""`jhub user`"""

from __future__ import annotations

from typing import Literal

import click

from jhub.cli.kit.confirm import confirm_by_name
from jhub.cli.kit.dry_run import rehearse
from jhub.cli.kit.each import each
from jhub.cli.kit.options import common, connect, dry_run, names_from, output, yes
from jhub.cli.kit.output import View, ago, note
from jhub.models import User
from jhub.operations.users import UserOps

USERS: View[User] = View(
    name=lambda user: user.name,
    columns={
        "NAME": lambda user: user.name,
        "ADMIN": lambda user: user.admin,
        "GROUPS": lambda user: user.groups,
        "SERVERS": lambda user: [server.name or "(default)" for server in user.servers.values() if server.active],
        "LAST ACTIVITY": lambda user: ago(user.last_activity),
    },
)


@click.group()
def user() -> None:
    """List, show, create and delete users."""


@user.command("list")
@click.option("--filter", "name_filter", default="", metavar="TEXT", help="Only names that contain TEXT.")
@click.option("--state", type=click.Choice(["active", "ready", "inactive"]), help="By whether a server of theirs runs.")
@output()
@common
def list_(name_filter: str, state: Literal["active", "ready", "inactive"] | None, form: str) -> None:
    """List users.

    \b
    jhub user list --filter ana
    jhub user list --state active -o name
    """
    with connect() as hub:
        USERS.many(hub.users.list(name_filter=name_filter, state=state), form)


@user.command()
@click.argument("name")
@output()
@common
def show(name: str, form: str) -> None:
    """Show one user.

    \b
    jhub user show ana
    """
    with connect() as hub:
        USERS.one(hub.users.get(name), form)


@user.command()
@click.argument("names", nargs=-1, required=True, metavar="NAME...")
@click.option("--admin", is_flag=True, help="Make them administrators.")
@click.option("--if-not-exists", is_flag=True, help="Users that exist already are fine.")
@dry_run
@output()
@common
def create(names: tuple[str, ...], admin: bool, if_not_exists: bool, dry_run: bool, form: str) -> None:
    """Create users. "-" reads names from stdin.

    \b
    jhub user create ana bo --if-not-exists
    jhub user create - < names.txt
    """
    with connect() as hub:
        if dry_run:
            for name in names_from(names):
                rehearse(hub, UserOps.create(name, admin=admin, exist_ok=if_not_exists))
            return
        with each(names_from(names), lambda name: hub.users.create(name, admin=admin, exist_ok=if_not_exists)) as made:
            USERS.many(made, form)


@user.command()
@click.argument("names", nargs=-1, required=True, metavar="NAME...")
@yes
@dry_run
@common
def delete(names: tuple[str, ...], yes: bool, dry_run: bool) -> None:
    """Delete users, after stopping their servers. What the hub keeps for them may be deleted too.

    \b
    jhub user delete ana
    jhub user list --filter test- -o name | jhub user delete --yes -
    """
    wanted = names_from(names)
    with connect() as hub:
        if dry_run:
            for name in wanted:
                rehearse(hub, UserOps.delete(name))
            return
        what, typed = (
            (f"user {wanted[0]}", wanted[0]) if len(wanted) == 1 else (f"{len(wanted)} users", str(len(wanted)))
        )
        confirm_by_name(what, typed, yes=yes)
        with each(wanted, lambda name: (hub.users.delete(name), name)[1]) as done:
            for name in done:
                note(f"deleted {name}")
