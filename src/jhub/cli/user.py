"""`jhub user`: list, create, edit, rename and delete users."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING, Literal, get_args

import click
from msgspec import structs

from jhub import Sort
from jhub.cli.completion import completers
from jhub.cli.kit.batch import BatchTally, batch_tally, delete_batch, print_results, run_batch, valid_names
from jhub.cli.kit.inputs import STDIN, read_secret_object
from jhub.cli.kit.options import common, connect, dry_run, output, require_names, yes
from jhub.cli.kit.output import HIDDEN, View, ago, note, or_hidden, print_requests
from jhub.errors import HubError, NotFound
from jhub.models import Server, User

if TYPE_CHECKING:
    from jhub import Hub, NameEvent


def _label(server: Server) -> str:
    return (server.name or "(default)") + ("" if server.active else " (stopped)")


USERS: View[User] = View(
    name=lambda user: user.name,
    columns={
        "NAME": lambda user: user.name,
        "ADMIN": lambda user: or_hidden(user.admin),
        "GROUPS": lambda user: or_hidden(user.groups),
        "SERVERS": lambda user: (
            HIDDEN if user.servers is None else [_label(server) for server in user.servers.values()]
        ),
        "LAST ACTIVITY": lambda user: ago(user.last_activity),
    },
    redact=lambda user: structs.replace(user, auth_state=None),
)

name_argument = click.argument("name", shell_complete=completers.users)
names_argument = click.argument("names", nargs=-1, required=True, metavar="NAME...", shell_complete=completers.users)


@click.group()
def user() -> None:
    """List, create, edit, rename and delete users.

    Auth state, which the hub's authenticator stores for a user, is never printed: it may hold passwords.
    """


@user.command("list")
@click.option("--filter", "name_filter", default="", metavar="TEXT", help="Only users whose name contains TEXT.")
@click.option(
    "--state",
    type=click.Choice(["active", "ready", "inactive"]),
    help="Only users with an active server, a ready one, or none.",
)
@click.option(
    "--sort",
    type=click.Choice(get_args(Sort)),
    metavar="KEY",
    help="Sort by id, name or last_activity; -KEY reverses the order.",
)
@click.option("--stopped", is_flag=True, help="Include stopped servers.")
@output()
@common
def list_(
    name_filter: str,
    state: Literal["active", "ready", "inactive"] | None,
    sort: Sort | None,
    stopped: bool,
    output_format: str,
) -> None:
    """List users.

    $ jhub user list --filter ana
    $ jhub user list --state active -o name
    $ jhub user list --sort -last_activity
    """
    with connect() as hub:
        listed = hub.users.list(name_filter=name_filter, state=state, sort=sort, include_stopped_servers=stopped)
        USERS.print_list(listed, output_format)


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
            # exist_ok=True sends the same writes, but would also read the users that exist.
            print_requests([hub.preview(hub.users.create_many, valid, admin=admin, exist_ok=False)])
            tally.done += len(valid)
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
@dry_run
@output()
@common
def edit(
    names: tuple[str, ...], admin: bool | None, auth_state_source: str | None, dry_run: bool, output_format: str
) -> None:
    """Change the admin rights or the auth state of users.

    Auth state is what the hub's authenticator stores for a user. It may hold secrets, so jhub reads it from a file or
    from stdin, and never prints it. "-" reads names from stdin, or the auth state.

    $ jhub user edit ana bo --admin
    $ jhub user edit ana --auth-state @ana.json
    """
    if auth_state_source == STDIN and STDIN in names:
        raise click.UsageError("stdin can hold names or the auth state, not both")
    auth_state = None if auth_state_source is None else read_secret_object("--auth-state", auth_state_source)
    with connect() as hub:
        call = partial(partial, hub.users.edit, admin=admin, auth_state=auth_state)
        run_batch(hub, require_names(names), call, USERS, output_format, dry_run=dry_run)


@user.command()
@name_argument
@click.argument("new", metavar="NEWNAME")
@dry_run
@output()
@common
def rename(name: str, new: str, dry_run: bool, output_format: str) -> None:
    """Rename a user on the hub. The user's servers must be stopped.

    The hub cannot change the name that the user signs in with. Rename the user in your identity provider, too, or the
    next sign-in creates a new user.

    $ jhub user rename ana anna
    """
    with connect() as hub:
        if dry_run:
            print_requests([hub.preview(hub.users.rename, name, new)])
        else:
            USERS.print_item(hub.users.rename(name, new), output_format)


@user.command()
@names_argument
@yes
@dry_run
@common
def delete(names: tuple[str, ...], yes: bool, dry_run: bool) -> None:
    """Delete users, after stopping their servers. The hub may also delete their storage.

    $ jhub user delete ana
    $ jhub user list --filter test- -o name | jhub user delete --yes -
    """
    with connect() as hub:
        delete_batch(hub, "user", require_names(names), hub.users.delete, yes=yes, dry_run=dry_run)


def _create_users(hub: Hub, names: list[str], admin: bool, exist_ok: bool, tally: BatchTally) -> Iterator[User]:
    """Create users, and yield them and those that already existed."""
    existing: list[str] = []
    remaining = len(names)
    try:
        with hub.users.create_many(names, admin=admin, exist_ok=exist_ok) as fleet:
            for event in fleet:
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
        note(f"{', '.join(progress)}, {remaining} not attempted; to continue, run it again with --if-not-exists")
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
        yield event.user
