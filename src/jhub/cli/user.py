"""`jhub user`: list, create, edit, rename and delete users."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING, Any, Literal, get_args

import click
from msgspec import structs

from jhub import Sort
from jhub.cli.completion import completers
from jhub.cli.kit.batch import (
    BatchTally,
    ProgressLines,
    Result,
    add_preview,
    batch_tally,
    preview_call,
    print_dry_run,
    print_results,
    report,
    valid_names,
)
from jhub.cli.kit.inputs import STDIN, read_secret_object
from jhub.cli.kit.noun_group import NounGroup
from jhub.cli.kit.options import common, connect, dry_run, duration, if_exists, list_output, output, require_names, yes
from jhub.cli.kit.output import HIDDEN, Age, Layout, View, note, or_hidden
from jhub.cli.kit.prompts import confirm, confirm_deletion
from jhub.cli.kit.user_selection import select_users, user_selection_options
from jhub.errors import HubError, NotFound
from jhub.models import Server, User

if TYPE_CHECKING:
    from jhub import Fleet, Hub, NameEvent, NameSummary


def _label(server: Server) -> str:
    return (server.name or "(default)") + ("" if server.ready else f" ({server.status})")


USERS: View[User] = View(
    name=lambda user: user.name,
    columns={
        "NAME": lambda user: user.name,
        "ADMIN": lambda user: or_hidden(user.admin),
        "GROUPS": lambda user: or_hidden(user.groups),
        "ROLES": lambda user: or_hidden(user.roles),
        "SERVERS": lambda user: (
            HIDDEN if user.servers is None else [_label(server) for server in user.servers.values()]
        ),
        "LAST ACTIVITY": lambda user: Age(user.last_activity),
        "CREATED": lambda user: Age(user.created),
    },
    wide=frozenset({"ROLES", "CREATED"}),
    fields=lambda user: structs.replace(user, auth_state=None),
)

name_argument = click.argument("name", shell_complete=completers.users)
names_argument = click.argument("names", nargs=-1, required=True, metavar="NAME...", shell_complete=completers.users)


@click.group(cls=NounGroup)
def user() -> None:
    """List, create, edit, rename and delete users.

    Auth state, which the hub's authenticator stores for a user, is never printed: it may hold passwords.
    """


class SortKeys(click.Choice[str]):
    """The keys by which the hub sorts users, also written as the columns are: last-activity."""

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return the key as the hub has it."""
        return super().convert(value[:1] + value[1:].replace("-", "_"), param, ctx)


@user.command("list")
@click.option("--filter", "name_filter", default="", metavar="TEXT", help="Only users whose name contains TEXT.")
@click.option(
    "--state",
    type=click.Choice(["active", "ready", "inactive"]),
    help="Only users with an active server, a ready one, or none.",
)
@click.option(
    "--sort",
    type=SortKeys(get_args(Sort)),
    metavar="KEY",
    help="Sort by id, name or last-activity; -KEY reverses the order.",
)
@click.option("--stopped", is_flag=True, help="Include stopped servers.")
@user_selection_options
@list_output(sort=False)
@common
def list_(
    name_filter: str,
    state: Literal["active", "ready", "inactive"] | None,
    sort: Sort | None,
    stopped: bool,
    selection: dict[str, Any],
    layout: Layout,
) -> None:
    """List users.

    $ jhub user list --filter ana
    $ jhub user list --state active -o name
    $ jhub user list --sort -last-activity
    $ jhub user list --inactive-for 180d --no-admin
    $ jhub user list --group geo --never-used
    $ jhub user list --role admin --columns name,roles
    """
    with connect() as hub:
        listed = hub.users.list(
            name_filter=name_filter, state=state, sort=sort, include_stopped_servers=stopped, **selection
        )
        USERS.print_list(listed, layout)


@user.command()
@name_argument
@output()
@common
def show(name: str, output_format: str) -> None:
    """Show a user.

    $ jhub user show ana
    """
    with connect() as hub:
        USERS.print_item(hub.users.get(name), output_format)


@user.command()
@click.argument("names", nargs=-1, required=True, metavar="NAME...")
@click.option("--admin", is_flag=True, help="Make the users administrators.")
@click.option("--if-not-exists", is_flag=True, help="Accept users that already exist.")
@dry_run
@output()
@common
def create(names: tuple[str, ...], admin: bool, if_not_exists: bool, dry_run: bool, output_format: str) -> None:
    """Create users. "-" reads names from stdin.

    Many users are created in small batches, so that the hub keeps responding to others. After an interruption, run
    the command again with --if-not-exists.

    $ jhub user create ana bo --if-not-exists
    $ jhub user create - < names.txt
    """
    requested = require_names(names)
    with connect() as hub, batch_tally() as tally:
        valid = valid_names(requested, "user", tally)
        if dry_run:
            preview = hub.preview(hub.users.create_many, valid, admin=admin, exist_ok=if_not_exists)
            add_preview(tally, preview, len(valid), output_format)
        else:
            print_results(USERS, _create_users(hub, valid, admin, if_not_exists, tally), output_format)


@user.command()
@names_argument
@click.option("--admin/--no-admin", default=None, help="Make the users administrators, or ordinary users.")
@click.option(
    "--auth-state",
    "auth_state_source",
    metavar="@FILE | -",
    help="The new auth state, a JSON object.",
)
@yes
@dry_run
@output()
@common
def edit(
    names: tuple[str, ...],
    admin: bool | None,
    auth_state_source: str | None,
    yes: bool,
    dry_run: bool,
    output_format: str,
) -> None:
    """Change the admin rights or the auth state of users.

    Auth state is what the hub's authenticator stores for a user. It may hold secrets, so jhub reads it from a file or
    from stdin, and never prints it. "-" reads names from stdin, or the auth state.

    Users are edited one after the other. After an interruption, run the command again. Before it takes your own admin
    rights away, jhub asks.

    $ jhub user edit ana bo --admin
    $ jhub user edit - --no-admin < names.txt
    $ jhub user edit ana --auth-state @ana.json
    """
    if auth_state_source == STDIN and STDIN in names:
        raise click.UsageError("stdin can hold names or the auth state, not both")
    auth_state = None if auth_state_source is None else read_secret_object("--auth-state", auth_state_source)
    requested = require_names(names)
    with connect() as hub:
        call = partial(hub.users.edit_many, requested, admin=admin, auth_state=auth_state)
        if dry_run:
            print_dry_run(hub.preview(call), len(requested), output_format)
            return
        if admin is False and not yes and (me := hub.whoami().name) in requested:
            confirm(f"Take the admin rights of {me}, your own, away?", yes=yes)
        with batch_tally() as tally:
            print_results(USERS, _edit_users(call(), len(requested), tally), output_format)


@user.command()
@name_argument
@click.argument("new", metavar="NEWNAME")
@dry_run
@output()
@common
def rename(name: str, new: str, dry_run: bool, output_format: str) -> None:
    """Rename a user on the hub. The user's servers must be stopped.

    The hub cannot change the name that the user signs in with. Also rename the user in your identity provider, or the
    next sign-in creates a new user.

    $ jhub user rename ana anna
    """
    with connect() as hub:
        if dry_run:
            preview_call(hub, partial(hub.users.rename, name, new), output_format)
        else:
            USERS.print_item(hub.users.rename(name, new), output_format)


@user.command()
@click.argument("names", nargs=-1, metavar="[NAME | -]...", shell_complete=completers.users)
@user_selection_options
@if_exists("users")
@click.option(
    "--timeout", type=duration, default="2m", show_default=True, help="Maximum wait for the servers of each user."
)
@yes
@dry_run
@output()
@common
def delete(
    names: tuple[str, ...],
    selection: dict[str, Any],
    if_exists: bool,
    timeout: float,
    yes: bool,
    dry_run: bool,
    output_format: str,
) -> None:
    """Delete users, after stopping their servers. The hub may also delete their storage.

    Name the users, or select them by options: a user is deleted if they match all of them.

    Several users are deleted at a time. A user whose servers do not stop in time is kept. After an interruption, run
    the command again with --if-exists.

    $ jhub user delete ana
    $ jhub user delete --inactive-for 365d --no-admin --dry-run
    $ jhub user list --filter test- -o name | jhub user delete --yes -
    """
    with connect() as hub:
        requested = select_users(hub, names, selection, yes=yes)
        call = partial(hub.users.delete_many, requested, timeout=timeout, missing_ok=if_exists)
        if dry_run:
            print_dry_run(hub.preview(call), len(requested), output_format)
            return
        confirm_deletion("user", requested, yes=yes)
        with batch_tally() as tally:
            report(_delete_users(call(), len(requested), tally), output_format)


def _delete_users(fleet: Fleet[NameEvent, NameSummary], count: int, tally: BatchTally) -> Iterator[Result]:
    """Delete users, and yield each one as it ends."""
    skipped = ""
    try:
        with fleet:
            for event in fleet:
                if event.error is not None:
                    tally.add_failure(event.error)
                elif event.kind == "deleted":
                    tally.done += 1
                    message = f"{event.name} {event.message}" if event.message else f"deleted {event.name}"
                    yield Result(event.name, event.message or "deleted", message)
                elif event.kind == "skipped":
                    skipped = event.message
                elif event.message:
                    note(f"{event.name}: {event.message}")
    finally:
        left = count - tally.done - len(tally.failures)
        if left:
            note(f"{tally.done} deleted, {len(tally.failures)} failed, {left} left {skipped}".rstrip())
        if tally.done and (left or tally.failures):
            note("to continue, run the same command again with --if-exists")


def _edit_users(fleet: Fleet[NameEvent, NameSummary], count: int, tally: BatchTally) -> Iterator[User]:
    """Edit users, and yield them."""
    lines = ProgressLines()
    try:
        with fleet:
            for event in fleet:
                lines.show(f"{tally.done} of {count} users edited")
                if event.error is not None:
                    tally.add_failure(event.error)
                elif event.user is not None:
                    tally.done += 1
                    yield event.user
    finally:
        if left := count - tally.done - len(tally.failures):
            note(f"{tally.done} edited, {left} left; run the command again to edit them")


def _create_users(hub: Hub, names: list[str], admin: bool, exist_ok: bool, tally: BatchTally) -> Iterator[User]:
    """Create users, and yield them and those that already existed."""
    existing: list[str] = []
    remaining = len(names)
    lines = ProgressLines()
    try:
        with hub.users.create_many(names, admin=admin, exist_ok=exist_ok) as fleet:
            for event in fleet:
                lines.show(f"{tally.done} of {len(names)} users created")
                remaining -= 1
                if event.user is None and event.error is None:
                    existing.append(event.name)
                else:
                    yield from _record(event, tally)
        if existing:
            with hub.users.get_many(existing) as lookup:
                for event in lookup:
                    yield from _record(event, tally)
    except (HubError, KeyboardInterrupt) as error:
        progress = [f"{tally.done} created", *([f"{len(existing)} already existed"] if existing else [])]
        note(f"{', '.join(progress)}, {remaining} not attempted; run the command again with --if-not-exists")
        if isinstance(error, KeyboardInterrupt):
            raise
        tally.done += len(existing)
        tally.add_failure(error)


def _record(event: NameEvent, tally: BatchTally) -> Iterator[User]:
    if isinstance(event.error, NotFound):
        # The hub has just answered that the user exists.
        tally.done += 1
        note(f"user {event.name} already exists on the hub, under another name")
    elif event.error is not None:
        tally.add_failure(event.error)
    elif event.user is not None:
        tally.done += 1
        if event.user.name != event.name:
            note(f"{event.name} has the name {event.user.name} on the hub")
        yield event.user
