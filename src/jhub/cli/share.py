"""`jhub share`"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING
from urllib.parse import urljoin

import click

from jhub.cli.completion import completers
from jhub.cli.kit.batch import batch, preview_batch, run_batch
from jhub.cli.kit.options import common, connect, dry_run, output, read_names, require_names, yes
from jhub.cli.kit.output import View, ago, note, print_requests
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
    "--user", "users", multiple=True, metavar="USER", shell_complete=completers.users, help="A user; may be repeated."
)
groups_option = click.option(
    "--group",
    "groups",
    multiple=True,
    metavar="GROUP",
    shell_complete=completers.groups,
    help="A group, all of it; may be repeated.",
)


@click.group()
def share() -> None:
    """Give others access to a server, and take it back (JupyterHub 5).

    A server is USER (the default one), USER/NAME, or /NAME (mine). Whether users may share their own servers is for
    the hub to say: they need the scope shares.
    """


share.add_command(code)


@share.command("list")
@owner_argument
@click.option("--with", "user", metavar="USER", shell_complete=completers.users, help="What is shared with USER.")
@click.option(
    "--with-group", "group", metavar="GROUP", shell_complete=completers.groups, help="What is shared with GROUP."
)
@output()
@common
def list_(owner: str | None, user: str | None, group: str | None, output_format: str) -> None:
    """List with whom servers are shared.

    All of OWNER's servers, or one of them; mine by default.

    \b
    jhub share list
    jhub share list ana/lab
    jhub share list --with bo -o name
    """
    if len([given for given in (owner, user, group) if given is not None]) > 1:
        raise click.UsageError("OWNER, --with and --with-group exclude each other")
    with connect() as hub:
        if user is None and group is None:
            _view(hub).print_list(hub.shares.list(*owner_and_name(hub, owner)), output_format)
        else:
            _view(hub).print_list(hub.shares.list_shared_with(user=user, group=group), output_format)


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
    """Share a server with users and groups. What they were granted before stays.

    Without --scope they may use it as its owner does. "--user -" reads names from stdin.

    \b
    jhub share grant /lab --user bo
    jhub share grant ana/lab --group geo --scope access:servers --scope read:servers
    """
    others = _recipients(users, groups)
    with connect() as hub:
        one = resolve_server(hub, name)

        def call(who: str) -> Callable[[], Share]:
            return partial(hub.shares.grant, one.user, one.name, scopes=scopes or None, **others[who])

        run_batch(hub, others, call, _view(hub), output_format, dry_run=dry_run)


@share.command()
@required_server_argument
@users_option
@groups_option
@share_scopes_option
@click.option("--all", "everybody", is_flag=True, help="Everybody's access.")
@yes
@dry_run
@common
def revoke(
    name: str,
    users: tuple[str, ...],
    groups: tuple[str, ...],
    scopes: tuple[str, ...],
    everybody: bool,
    yes: bool,
    dry_run: bool,
) -> None:
    """Take access to a server back: all of it, or only some scopes.

    \b
    jhub share revoke /lab --user bo
    jhub share revoke ana/lab --group geo --scope read:servers
    jhub share revoke ana/lab --all
    """
    if everybody:
        if users or groups or scopes:
            raise click.UsageError("--all stands alone")
        with connect() as hub:
            _revoke_all(hub, resolve_server(hub, name), yes=yes, dry_run=dry_run)
        return
    others = _recipients(users, groups)
    with connect() as hub:
        one = resolve_server(hub, name)

        def call(who: str) -> Callable[[], Share | None]:
            return partial(hub.shares.revoke, one.user, one.name, scopes=scopes or None, **others[who])

        if dry_run:
            preview_batch(hub, others, call)
            return
        with batch(others, lambda who: (who, call(who)())) as done:
            for who, left in done:
                # The hub does not tell whether it was shared before, or whether there is anybody of that name.
                note(f"{one}: {who} keeps {', '.join(_short(left))}" if left else f"{one}: not shared with {who} now")


@share.command()
@click.argument(
    "servers", nargs=-1, required=True, metavar="{OWNER | OWNER/NAME | -}...", shell_complete=completers.shared_servers
)
@click.option("--user", metavar="USER", shell_complete=completers.users, help="In the place of this user, not for me.")
@click.option("--group", metavar="GROUP", shell_complete=completers.groups, help="In the place of this group.")
@yes
@dry_run
@common
def leave(servers: tuple[str, ...], user: str | None, group: str | None, yes: bool, dry_run: bool) -> None:
    """Give up access to servers of others. "-" reads servers from stdin.

    \b
    jhub share leave ana/lab
    jhub share list --with bo -o name | jhub share leave --user bo -
    """
    if user is not None and group is not None:
        raise click.UsageError("--user and --group exclude each other")
    with connect() as hub:
        found = resolve_servers(hub, servers)
        who = {"user": own_name(hub) if user is None else user} if group is None else {"group": group}
        if group is not None and not dry_run:
            confirm(f"Give up {describe_servers(found)}, for all of group {group}?", yes=yes)

        def call(one: Target) -> Callable[[], None]:
            return partial(hub.shares.leave, one.user, one.name, **who)

        def act(one: Target) -> Target:
            try:
                call(one)()
            except NotFound as error:
                if group is None:
                    error.hint = error.hint or "what is shared with a group of theirs is given up with --group"
                raise
            return one

        if dry_run:
            preview_batch(hub, found, call)
            return
        with batch(found, act) as done:
            for one in done:
                note(f"left {one}")


def _view(hub: Hub) -> View[Share]:
    return View(
        name=lambda share: share.server.target,
        columns={
            "SERVER": lambda share: share.server.target,
            "WITH": lambda share: f"{share.kind} {share.shared_with}",
            "SCOPES": _short,
            "SINCE": lambda share: ago(share.created_at),
            "URL": lambda share: urljoin(hub.url, share.server.full_url or share.server.url),
        },
    )


def _short(share: Share) -> list[str]:
    """Its scopes without the server, which is the same in all of them."""
    return [scope.partition("!")[0] for scope in share.scopes]


def _recipients(users: Sequence[str], groups: Sequence[str]) -> dict[str, dict[str, str]]:
    """Whom to share with, as people call them and as operations do."""
    if not users and not groups:
        raise click.UsageError("with whom? Give --user or --group")
    # With groups there is something to do, whoever is on stdin.
    named = read_names(users) if groups else require_names(users)
    return {
        **{f"user {name}": {"user": name} for name in named},
        **{f"group {name}": {"group": name} for name in groups},
    }


def _revoke_all(hub: Hub, one: Target, *, yes: bool, dry_run: bool) -> None:
    if dry_run:
        print_requests([hub.preview(hub.shares.revoke_all, one.user, one.name)])
        return
    others = [f"{share.kind} {share.shared_with}" for share in hub.shares.list(one.user, one.name)]
    if others:
        confirm(f"Take access to {one} from {len(others)}: {', '.join(others)}?", yes=yes)
        hub.shares.revoke_all(one.user, one.name)
    note(f"{one}: not shared with anybody now")
