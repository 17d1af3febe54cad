"""`jhub user`"""

from __future__ import annotations

from functools import partial
from typing import Literal

import click

from jhub.cli.kit.each import create_each, delete_each
from jhub.cli.kit.options import common, connect, dry_run, names_from, output, yes
from jhub.cli.kit.output import View, ago
from jhub.models import User
from jhub.operations.users import UserOps

USERS: View[User] = View(
    name=lambda user: user.name,
    columns={
        "NAME": lambda user: user.name,
        "ADMIN": lambda user: user.admin,
        "GROUPS": lambda user: user.groups,
        "SERVERS": lambda user: [
            server.name or "(default)" for server in (user.servers or {}).values() if server.active
        ],
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
        plan = partial(UserOps.create, admin=admin, exist_ok=if_not_exists)
        create_each(hub, names_from(names), plan, USERS, form, dry_run=dry_run)


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
    with connect() as hub:
        delete_each(hub, "user", names_from(names), UserOps.delete, yes=yes, dry_run=dry_run)
