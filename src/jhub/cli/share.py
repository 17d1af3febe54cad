"""`jhub share`: share servers with users and groups."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin

import click

from jhub.cli.completion import completers
from jhub.cli.kit.batch import Result, accept_missing, batch, preview_batch, preview_call, report, run_batch
from jhub.cli.kit.noun_group import NounGroup
from jhub.cli.kit.options import (
    common,
    connect,
    dry_run,
    if_exists,
    list_output,
    output,
    read_names,
    require_names,
    yes,
)
from jhub.cli.kit.output import Age, Layout, View
from jhub.cli.kit.prompts import confirm
from jhub.cli.kit.server_arguments import (
    describe_servers,
    own_name,
    owner_and_name,
    owner_argument,
    required_server_argument,
    resolve_server,
    resolve_servers,
    share_scopes_option,
)
from jhub.cli.share_code import code
from jhub.errors import NotFound
from jhub.models import Share

if TYPE_CHECKING:
    from jhub import Hub, Target

users_option = click.option(
    "--user", "users", multiple=True, metavar="USER", shell_complete=completers.users, help="A user; repeatable."
)
groups_option = click.option(
    "--group",
    "groups",
    multiple=True,
    metavar="GROUP",
    shell_complete=completers.groups,
    help="A group, with all its members; repeatable.",
)


@click.group(cls=NounGroup)
def share() -> None:
    """Share servers with users and groups.

    Requires JupyterHub 5. A server is written as USER (the user's default server), USER/NAME (a named server), or /NAME
    (your own named server). To share their own servers, users need the scope shares, which most hubs give to
    administrators only.
    """


share.add_command(code)


@share.command("list")
@owner_argument
@click.option(
    "--with",
    "user",
    metavar="USER",
    shell_complete=completers.users,
    help="List the servers that are shared with USER.",
)
@click.option(
    "--with-group",
    "group",
    metavar="GROUP",
    shell_complete=completers.groups,
    help="List the servers that are shared with GROUP.",
)
@list_output()
@common
def list_(owner: str | None, user: str | None, group: str | None, layout: Layout) -> None:
    """List shared servers, with their users and groups.

    Lists your own servers by default, or all servers of OWNER, or a single server.

    $ jhub share list
    $ jhub share list ana/lab
    $ jhub share list --with bo -o name
    """
    if len([choice for choice in (owner, user, group) if choice is not None]) > 1:
        raise click.UsageError("OWNER, --with and --with-group cannot be used together")
    with connect() as hub:
        if user is None and group is None:
            share_view(hub).print_list(hub.shares.list(*owner_and_name(hub, owner)), layout)
        else:
            share_view(hub).print_list(hub.shares.list_shared_with(user=user, group=group), layout)


@share.command()
@required_server_argument
@users_option
@groups_option
@share_scopes_option
@dry_run
@output()
@common
def grant(
    name: str,
    users: tuple[str, ...],
    groups: tuple[str, ...],
    scopes: tuple[str, ...],
    dry_run: bool,
    output_format: str,
) -> None:
    """Share a server with users and groups. Adds to the access that they already have.

    Without --scope, they may use the server like its owner. "--user -" reads names from stdin.

    $ jhub share grant /lab --user bo
    $ jhub share grant ana/lab --group geo --scope access:servers --scope read:servers
    """
    recipients = _recipients(users, groups)
    with connect() as hub:
        server = resolve_server(hub, name)

        def call(recipient: str) -> Callable[[], Share]:
            return partial(hub.shares.grant, server.user, server.name, scopes=scopes or None, **recipients[recipient])

        run_batch(hub, recipients, call, share_view(hub), output_format, dry_run=dry_run)


@share.command()
@required_server_argument
@users_option
@groups_option
@share_scopes_option
@click.option("--all", "everybody", is_flag=True, help="Revoke the access of all users and groups.")
@if_exists("servers")
@yes
@dry_run
@output()
@common
def revoke(
    name: str,
    users: tuple[str, ...],
    groups: tuple[str, ...],
    scopes: tuple[str, ...],
    everybody: bool,
    if_exists: bool,
    yes: bool,
    dry_run: bool,
    output_format: str,
) -> None:
    """Revoke access to a server.

    Without --scope, revokes all access of the users and groups.

    $ jhub share revoke /lab --user bo
    $ jhub share revoke ana/lab --group geo --scope read:servers
    $ jhub share revoke ana/lab --all
    """
    if everybody:
        if users or groups or scopes:
            raise click.UsageError("--all cannot be used with --user, --group or --scope")
        with connect() as hub:
            _revoke_all(hub, resolve_server(hub, name), output_format, if_exists=if_exists, yes=yes, dry_run=dry_run)
        return
    recipients = _recipients(users, groups)
    with connect() as hub:
        server = resolve_server(hub, name)

        def call(recipient: str) -> Callable[[], Share | None]:
            arguments: dict[str, Any] = {"scopes": scopes or None, "missing_ok": if_exists, **recipients[recipient]}
            return partial(hub.shares.revoke, server.user, server.name, **arguments)

        if dry_run:
            preview_batch(hub, recipients, call, output_format)
            return

        def revoke_from(recipient: str) -> Result:
            # The hub's response is the same if the server was not shared, or if the user or group does not exist.
            remaining = call(recipient)()
            if not remaining:
                return Result(recipient, "not shared", f"{server}: not shared with {recipient}")
            kept = f"keeps {', '.join(_scope_names(remaining))}"
            return Result(recipient, kept, f"{server}: {recipient} {kept}")

        with batch(recipients, revoke_from) as done:
            report(done, output_format)


@share.command()
@click.argument(
    "servers", nargs=-1, required=True, metavar="{OWNER | OWNER/NAME | -}...", shell_complete=completers.shared_servers
)
@click.option(
    "--user", metavar="USER", shell_complete=completers.users, help="Give up the access of USER instead of your own."
)
@click.option("--group", metavar="GROUP", shell_complete=completers.groups, help="Give up the access of GROUP.")
@if_exists("shares")
@yes
@dry_run
@output()
@common
def leave(
    servers: tuple[str, ...],
    user: str | None,
    group: str | None,
    if_exists: bool,
    yes: bool,
    dry_run: bool,
    output_format: str,
) -> None:
    """Give up access to servers that others share. "-" reads servers from stdin.

    $ jhub share leave ana/lab
    $ jhub share list --with bo -o name | jhub share leave --user bo -
    """
    if user is not None and group is not None:
        raise click.UsageError("--user and --group cannot be used together")
    with connect() as hub:
        selected = resolve_servers(hub, servers)
        recipient: dict[str, Any] = (
            {"user": own_name(hub) if user is None else user} if group is None else {"group": group}
        )
        if group is not None and not dry_run:
            confirm(f"Give up the access of group {group} to {describe_servers(selected)}?", yes=yes)

        def call(server: Target) -> Callable[..., None]:
            return partial(hub.shares.leave, server.user, server.name, **recipient)

        def leave_server(server: Target) -> Result:
            try:
                call(server)()
            except NotFound as error:
                if group is None:
                    error.hint = error.hint or "if the server is shared with a group, use --group"
                return accept_missing(error, f"{server}: the share", if_exists=if_exists)
            return Result(str(server), "gave up access", f"gave up access to {server}")

        if dry_run:
            preview_batch(hub, selected, lambda server: partial(call(server), missing_ok=if_exists), output_format)
            return
        with batch(selected, leave_server) as done:
            report(done, output_format)


def share_view(hub: Hub) -> View[Share]:
    """Return the view of the shares of a hub."""
    return View(
        name=lambda share: share.server.target,
        columns={
            "SERVER": lambda share: share.server.target,
            "WITH": lambda share: f"{share.kind} {share.shared_with}",
            "SCOPES": _scope_names,
            "SINCE": lambda share: Age(share.created_at),
            "URL": lambda share: urljoin(hub.url, share.server.full_url or share.server.url),
        },
        wide=frozenset({"URL"}),
    )


def _scope_names(share: Share) -> list[str]:
    """Return the scopes of a share without the server, which is the same in all of them."""
    return [scope.partition("!")[0] for scope in share.scopes]


def _recipients(users: Sequence[str], groups: Sequence[str]) -> dict[str, dict[str, str]]:
    """Return the users and groups to share with, as arguments of an operation, by their names in messages."""
    if not users and not groups:
        raise click.UsageError("no user or group named; use --user or --group")
    # With a group there is work to do, even if stdin holds no names.
    names = read_names(users) if groups else require_names(users)
    return {
        **{f"user {name}": {"user": name} for name in names},
        **{f"group {name}": {"group": name} for name in groups},
    }


def _revoke_all(hub: Hub, server: Target, output_format: str, *, if_exists: bool, yes: bool, dry_run: bool) -> None:
    revoke_all = partial(hub.shares.revoke_all, server.user, server.name, missing_ok=if_exists)
    if dry_run:
        preview_call(hub, revoke_all, output_format)
        return
    result = Result(str(server), "not shared with anyone")
    try:
        recipients = [f"{share.kind} {share.shared_with}" for share in hub.shares.list(server.user, server.name)]
        if recipients:
            confirm(f"Revoke the access of {', '.join(recipients)} to {server}?", yes=yes)
            revoke_all()
    except NotFound as error:
        result = accept_missing(error, f"server {server}", if_exists=if_exists)
    report([result], output_format)
