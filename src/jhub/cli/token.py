"""`jhub token`: list, show, create and revoke API tokens."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from jhub import Preview, revocation_groups
from jhub.cli.completion import completers
from jhub.cli.kit.batch import Result, batch, preview_batch, preview_call, report, run_batch_with_results
from jhub.cli.kit.noun_group import NounGroup
from jhub.cli.kit.options import (
    common,
    connect,
    dry_run,
    duration,
    if_exists,
    output,
    require_names,
    scopes_option,
    yes,
)
from jhub.cli.kit.output import View, ago, note, print_preview
from jhub.cli.kit.prompts import confirm
from jhub.cli.token_create import create_for_users, print_csv
from jhub.cli.token_list import TOKENS, TokenOwner, list_, owner_option, resolve_owner
from jhub.errors import InvalidInput, NotAuthorized, NotFound, Unsupported
from jhub.models import Token
from jhub.steps import segment, send

if TYPE_CHECKING:
    from jhub import Hub

MAX_TOKENS_SHOWN = 5
"""Maximum number of token IDs in a question."""
IN_USE_NOTE = ": the token in use; sign in again with jhub login"
"""Suffix of the message about a token that was in use when it was revoked."""

TOKEN = View(TOKENS.name, {**TOKENS.columns, "SCOPES": lambda token: token.scopes}, fields=TOKENS.fields)


@click.group(cls=NounGroup)
def token() -> None:
    """List, create and revoke API tokens."""


token.add_command(list_)


@token.command()
@click.argument("id_", metavar="ID", shell_complete=completers.tokens)
@owner_option
@output()
@common
def show(id_: str, owner: str | None, output_format: str) -> None:
    """Show a token by its ID, without its secret.

    $ jhub token show a12
    """
    with connect() as hub:
        TOKEN.print_item(hub.tokens.get(resolve_owner(hub, owner).name, id_), output_format)


@token.command()
@click.argument("users", nargs=-1, metavar="[USER | -]...", shell_complete=completers.users)
@click.option("-u", "--user", "owner", metavar="USER", shell_complete=completers.users, help="A token of one user.")
@click.option("--note", "note_", default="", help="Purpose of the token, for the hub's token page.")
@click.option(
    "--expires", type=duration, default="30d", show_default=True, help="Lifetime of the token, such as 8h or 30d."
)
@click.option("--never", is_flag=True, help="Never expire, if the hub allows it.")
@scopes_option
@click.option(
    "--file",
    "path",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Write CSV to FILE (mode 0600); skip the users in it.",
)
@dry_run
@click.option(
    "-o",
    "--output",
    "output_format",
    type=click.Choice(["name", "json", "yaml", "csv"]),
    help="Output format: the secret alone (name, for one token), csv (for several), json or yaml.",
)
@common
def create(
    users: tuple[str, ...],
    owner: str | None,
    note_: str,
    expires: float,
    never: bool,
    scopes: tuple[str, ...],
    path: Path | None,
    dry_run: bool,
    output_format: str | None,
) -> None:
    """Create a token, and print its secret once.

    The token is yours, or of the user that -u names. With USER arguments, each user gets a token; "-" reads names from
    stdin. Each token is printed as soon as it is created, as CSV with user, id, expires_at and token.

    With --file, run the same command again after an interruption: each user gets one token.

    $ jhub token create --note "nightly job" --expires 90d --scopes list:users,read:users
    $ jhub token create -u ana -o name > token.txt
    $ jhub user list --group geo -o name | jhub token create - --note exam --file tokens.csv
    """
    if owner is not None and users:
        raise click.UsageError("-u and USER arguments cannot be used together")
    if path is not None and (not users or output_format not in (None, "csv")):
        raise click.UsageError("--file writes CSV for the users that you name; without users or with -o, use stdout")
    options: dict[str, Any] = {
        "note": note_,
        "expires_in": None if never else int(expires),
        "scopes": scopes or None,
    }
    if users:
        create_for_users(require_names(users), options, path, output_format or "csv", dry_run=dry_run)
        return
    with connect() as hub:
        create_token = partial(hub.tokens.create, resolve_owner(hub, owner).name, **options)
        if dry_run:
            preview_call(hub, create_token, output_format or "table")
            return
        created = create_token()
    match output_format:
        case "json" | "yaml":
            TOKENS.print_item(created, output_format)
        case "csv":
            print_csv(created)
        case _:
            click.echo(created.token)
    expiry = f"expires {ago(created.expires_at)}" if created.expires_at else "never expires"
    note(f"created token {created.id}, {expiry}; its secret is not shown again")


@token.command()
@click.argument("ids", nargs=-1, metavar="[ID | -]...", shell_complete=completers.tokens)
@click.option("--note", "note_filter", metavar="TEXT", help="All tokens with exactly this note.")
@click.option("--expired", is_flag=True, help="Expired tokens.")
@click.option(
    "--all-but-this",
    is_flag=True,
    help="All your tokens except the one in use and those of your servers.",
)
@owner_option
@if_exists("tokens")
@yes
@dry_run
@output()
@common
def revoke(
    ids: tuple[str, ...],
    note_filter: str | None,
    expired: bool,
    all_but_this: bool,
    owner: str | None,
    if_exists: bool,
    yes: bool,
    dry_run: bool,
    output_format: str,
) -> None:
    """Revoke tokens by ID, or select them with an option. "-" reads IDs from stdin.

    The hub removes expired tokens once an hour, and whenever tokens are listed. --expired lists the tokens.

    --all-but-this requires JupyterHub 5. It also ends browser sessions with servers and services, which need a new
    sign-in. Servers keep running, and keep their tokens until they are stopped.

    jhub asks before --all-but-this revokes tokens, and before --note revokes several tokens or the token in use.

    $ jhub token revoke a12
    $ jhub token revoke --note "nightly job"
    $ jhub token revoke --all-but-this
    """
    if (bool(ids), note_filter is not None, expired, all_but_this).count(True) != 1:
        raise click.UsageError("no tokens to revoke: pass their IDs, or one of --note, --expired and --all-but-this")
    if note_filter == "":
        # Probably an unset variable. Tokens without a note exist, such as those of sessions.
        raise click.BadParameter("the note is empty", param_hint="--note")
    with connect() as hub:
        if expired:
            _remove_expired(hub, resolve_owner(hub, owner), output_format, dry_run=dry_run)
        elif ids:
            token_owner = resolve_owner(hub, owner, identify=True)
            _revoke_named(hub, token_owner, require_names(ids), output_format, dry_run=dry_run, if_exists=if_exists)
        else:
            token_owner = resolve_owner(hub, owner, identify=True)
            tokens = (
                _all_but_in_use(hub, token_owner)
                if note_filter is None
                else [token for token in hub.tokens.list(token_owner.name) if token.note == note_filter]
            )
            unambiguous = len(tokens) == 1 and not all_but_this and tokens[0].id != token_owner.in_use
            _revoke_selected(hub, token_owner, tokens, output_format, yes=yes or unambiguous, dry_run=dry_run)


def _remove_expired(hub: Hub, owner: TokenOwner, output_format: str, *, dry_run: bool) -> None:
    """List tokens. The hub (all versions) removes expired ones before it answers, by its own clock."""
    if dry_run:
        with suppress(NotAuthorized):  # a token may list tokens without the scope to read their owner
            hub.users.get(owner.name)
        listing = send("GET", f"/users/{segment(owner.name, 'user')}/tokens")
        print_preview(Preview((listing,), complete=True), output_format)
        return
    left = len(list(hub.tokens.list(owner.name)))
    message = f"{owner.name} has no expired tokens: the hub removed them before it listed the remaining {left}"
    report([Result(owner.name, "no expired tokens", message)], output_format)


def _revoke_named(
    hub: Hub, owner: TokenOwner, ids: list[str], output_format: str, *, dry_run: bool, if_exists: bool
) -> None:
    # The token in use comes last: without it, the others could not be revoked.
    ids.sort(key=lambda id_: id_ == owner.in_use)

    def result(id_: str) -> Result:
        return Result(id_, "revoked", f"revoked {id_}{IN_USE_NOTE if id_ == owner.in_use else ''}")

    revoke_token = partial(partial, hub.tokens.revoke, owner.name)
    run_batch_with_results(hub, ids, revoke_token, result, output_format, dry_run=dry_run, if_exists=if_exists)


def _all_but_in_use(hub: Hub, owner: TokenOwner) -> list[Token]:
    """Return all tokens except the one in use, those of the same OAuth client, and those of servers."""
    if owner.in_use is None:
        me = hub.whoami()
        if (me.kind, me.name) != ("user", owner.name):
            option = f"-u {owner.name}"
            raise InvalidInput(
                f"the token in use does not belong to {owner.name}",
                hint=f"to revoke all of them: jhub token list {option} -o name | jhub token revoke {option} -",
            )
        raise Unsupported(
            "--all-but-this requires JupyterHub 5.0: this hub does not report which token is in use",
            hint="list the tokens and revoke the others by their IDs: jhub token list",
        )
    others: list[Token] = []
    for bundle in revocation_groups(hub.tokens.list(owner.name)):
        if owner.in_use in (token.id for token in bundle):
            continue
        servers = [token for token in bundle if token.kind == "server"]
        for token in servers:
            note(f"keeping {token.id}, which a server needs to sign users in: {token.note}")
        others += [token for token in bundle if token not in servers]
    return others


def _revoke_selected(
    hub: Hub, owner: TokenOwner, tokens: Sequence[Token], output_format: str, *, yes: bool, dry_run: bool
) -> None:
    if not tokens:
        note("nothing to do: no token matches")
        if dry_run:
            print_preview(Preview((), complete=True), output_format)
        else:
            report([], output_format)
        return
    requests = sorted(revocation_groups(tokens), key=lambda bundle: owner.in_use in [token.id for token in bundle])
    if dry_run:
        preview_batch(hub, requests, lambda bundle: partial(hub.tokens.revoke, owner.name, bundle[0].id), output_format)
        return
    ids = _ids(tokens) if len(tokens) <= MAX_TOKENS_SHOWN else f"{_ids(tokens[:MAX_TOKENS_SHOWN])}, …"
    count = "1 token" if len(tokens) == 1 else f"{len(tokens)} tokens"
    this = ", including the token in use" if owner.in_use in [token.id for token in tokens] else ""
    confirm(f"Revoke {count} of {owner.name}: {ids}{this}?", yes=yes)

    def revoke_bundle(bundle: list[Token]) -> list[Token]:
        with suppress(NotFound):  # the token was revoked since it was listed
            hub.tokens.revoke(owner.name, bundle[0].id)
        return bundle

    with batch(requests, revoke_bundle) as done:
        report((result for bundle in done for result in _results(owner, bundle)), output_format)


def _results(owner: TokenOwner, bundle: list[Token]) -> Iterator[Result]:
    """Yield the results for tokens that one request has revoked, with one message for all of them."""
    description = bundle[0].oauth_client if bundle[0].kind == "session" else bundle[0].note
    suffix = IN_USE_NOTE if owner.in_use in [token.id for token in bundle] else ""
    for token in bundle:
        yield Result(token.id, "revoked", f"revoked {_ids(bundle)} ({description}){suffix}")


def _ids(tokens: Iterable[Token]) -> str:
    return ", ".join(token.id for token in tokens)
