"""`jhub share code`: create, list and revoke links that give access to a server."""

from __future__ import annotations

from functools import partial
from urllib.parse import urljoin

import click

from jhub.cli.completion import completers
from jhub.cli.kit.batch import Result, accept_missing, preview_call, report, run_batch_with_results
from jhub.cli.kit.noun_group import NounGroup
from jhub.cli.kit.options import common, connect, dry_run, duration, if_exists, list_output, output, require_names, yes
from jhub.cli.kit.output import Age, Layout, View, ago, escape, note
from jhub.cli.kit.prompts import confirm
from jhub.cli.kit.server_arguments import (
    owner_and_name,
    owner_argument,
    required_server_argument,
    resolve_server,
    share_scopes_option,
)
from jhub.errors import NotFound, counted
from jhub.models import ShareCode

CODES: View[ShareCode] = View(
    name=lambda code: code.id,
    columns={
        "ID": lambda code: code.id,
        "SERVER": lambda code: code.server.target,
        "SCOPES": lambda code: [scope.partition("!")[0] for scope in code.scopes],
        "CREATED": lambda code: Age(code.created_at),
        "EXPIRES": lambda code: Age(code.expires_at),
        "USED": lambda code: code.exchange_count,
        "LAST USED": lambda code: Age(code.last_exchanged_at),
    },
)


@click.group(cls=NounGroup)
def code() -> None:
    """Create, list and revoke links that give access to a server."""


@code.command("list")
@owner_argument
@list_output()
@common
def list_(owner: str | None, layout: Layout) -> None:
    """List share codes, without their secrets.

    Lists the codes of your own servers by default, or of all servers of OWNER, or of a single server.

    $ jhub share code list
    $ jhub share code list ana/lab
    """
    with connect() as hub:
        CODES.print_list(hub.share_codes.list(*owner_and_name(hub, owner)), layout)


@code.command()
@required_server_argument
@click.option(
    "--expires", type=duration, default="1d", show_default=True, help="Lifetime of the code, such as 90m, 2h or 30d."
)
@share_scopes_option
@dry_run
@click.option(
    "-o",
    "--output",
    "output_format",
    type=click.Choice(["link", "name", "json", "yaml"]),
    default="link",
    help="Output format: the link, the code alone (name), json or yaml.",
)
@common
def create(name: str, expires: float, scopes: tuple[str, ...], dry_run: bool, output_format: str) -> None:
    """Create a share code for a server, and print the link once.

    Every signed-in user who opens the link gets access to the server.

    $ jhub share code create /lab --expires 2h
    $ jhub share code create ana/lab -o name > code.txt
    """
    with connect() as hub:
        server = resolve_server(hub, name)
        create_code = partial(
            hub.share_codes.create, server.user, server.name, expires_in=int(expires), scopes=scopes or None
        )
        if dry_run:
            preview_call(hub, create_code, output_format)
            return
        created = create_code()
        link = urljoin(hub.url, created.full_accept_url or created.accept_url or "")
    if output_format in ("json", "yaml"):
        CODES.print_item(created, output_format)
    else:
        click.echo(escape(created.code or "" if output_format == "name" else link))
        note(f"created code {created.id} for {server}, expires {ago(created.expires_at)}; it is not shown again")


@code.command()
@required_server_argument
@click.argument("ids", nargs=-1, metavar="[ID]...", shell_complete=completers.share_codes)
@click.option("--all", "everything", is_flag=True, help="Revoke all codes for the server.")
@if_exists("codes and servers")
@yes
@dry_run
@output()
@common
def revoke(
    name: str,
    ids: tuple[str, ...],
    everything: bool,
    if_exists: bool,
    yes: bool,
    dry_run: bool,
    output_format: str,
) -> None:
    """Revoke share codes of a server by their IDs. "-" reads IDs from stdin.

    Users who already used a code keep their access; revoke it with jhub share revoke.

    $ jhub share code revoke ana/lab sc_12
    $ jhub share code revoke /lab --all
    """
    if everything == bool(ids):
        raise click.UsageError("no codes to revoke: pass their IDs, or --all")
    with connect() as hub:
        server = resolve_server(hub, name)
        if not everything:
            call = partial(partial, hub.share_codes.revoke, server.user, server.name)

            def result(id_: str) -> Result:
                return Result(id_, "revoked", f"revoked code {id_}")

            names = require_names(ids)
            run_batch_with_results(hub, names, call, result, output_format, dry_run=dry_run, if_exists=if_exists)
            return
        revoke_all = partial(hub.share_codes.revoke_all, server.user, server.name, missing_ok=if_exists)
        if dry_run:
            preview_call(hub, revoke_all, output_format)
            return
        done = Result(str(server), "no share codes left")
        try:
            count = len(list(hub.share_codes.list(server.user, server.name)))
            if count:
                confirm(f"Revoke {counted(count, 'code')} for {server}?", yes=yes)
                revoke_all()
        except NotFound as error:
            done = accept_missing(error, f"server {server}", if_exists=if_exists)
        report([done], output_format)
