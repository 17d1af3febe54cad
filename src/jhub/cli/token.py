"""`jhub token`: list, show, create and revoke API tokens."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import click

from jhub import revocation_groups
from jhub.cli.completion import completers
from jhub.cli.kit.batch import batch, preview_batch, run_batch_with_notes
from jhub.cli.kit.options import common, connect, dry_run, duration, output, require_names, scopes_option, yes
from jhub.cli.kit.output import View, ago, note, print_requests
from jhub.cli.kit.prompts import confirm
from jhub.errors import InvalidInput, NotFound, Unsupported
from jhub.models import Token
from jhub.steps import segment

if TYPE_CHECKING:
    from jhub import Hub

MAX_SCOPES_SHOWN = 4
"""Maximum number of scopes that a table shows by name."""
MAX_TOKENS_SHOWN = 5
"""Maximum number of token IDs in a question."""
IN_USE_NOTE = ": the token in use; sign in again with jhub login"
"""Suffix of the message about a token that was in use when it was revoked."""

TOKENS: View[Token] = View(
    name=lambda token: token.id,
    columns={
        "ID": lambda token: token.id,
        "NOTE": lambda token: token.note,
        "SCOPES": lambda token: (
            token.scopes if len(token.scopes) <= MAX_SCOPES_SHOWN else f"{len(token.scopes)} scopes"
        ),
        "CREATED": lambda token: ago(token.created),
        "LAST USED": lambda token: ago(token.last_activity),
        "EXPIRES": lambda token: ago(token.expires_at) or "never",
    },
)

TOKEN = View(TOKENS.name, {**TOKENS.columns, "SCOPES": lambda token: token.scopes})


owner_option = click.option(
    "-u", "--user", "owner", metavar="USER", shell_complete=completers.users, help="Tokens of USER; yours by default."
)


@dataclass(frozen=True, slots=True)
class TokenOwner:
    """The owner of tokens, with the ID of the token in use if it is theirs and the hub reports it (JupyterHub 5)."""

    name: str
    in_use: str | None = None


def resolve_owner(hub: Hub, username: str | None, *, identify: bool = False) -> TokenOwner:
    """Return the named user, else the owner of the token in use. `identify` finds the token in use in any case."""
    if username is not None and not identify:
        return TokenOwner(username)
    identity = hub.whoami()
    if username is not None:
        return TokenOwner(username, identity.token_id if (identity.kind, identity.name) == ("user", username) else None)
    if identity.kind != "user":
        # A user with the name of the service is not the owner of its tokens.
        raise InvalidInput(
            f"the token in use belongs to the {identity.kind} {identity.name}, not to a user",
            hint="name a user with -u USER",
        )
    return TokenOwner(identity.name, identity.token_id)


def tokens_view(in_use: str | None) -> View[Token]:
    """Return a view of tokens that marks the one in use."""
    marker: dict[str, Callable[[Token], object]] = {"IN USE": lambda token: "*" if token.id == in_use else ""}
    return View(TOKENS.name, {**marker, **TOKENS.columns}, optional=frozenset(marker))


@click.group()
def token() -> None:
    """List, create and revoke API tokens."""


@token.command("list")
@owner_option
@output()
@common
def list_(owner: str | None, output_format: str) -> None:
    """List tokens, without their secrets.

    Among your own tokens, * marks the one in use (JupyterHub 5).

    $ jhub token list
    $ jhub token list -u ana -o json
    """
    with connect() as hub:
        token_owner = resolve_owner(hub, owner)
        tokens_view(token_owner.in_use).print_list(hub.tokens.list(token_owner.name), output_format)


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
@owner_option
@click.option("--note", "note_", default="", help="Purpose of the token, for the hub's token page.")
@click.option(
    "--expires", type=duration, default="30d", show_default=True, help="Lifetime of the token, such as 8h or 30d."
)
@click.option("--never", is_flag=True, help="Never expire, if the hub allows it.")
@scopes_option
@dry_run
@click.option(
    "-o",
    "--output",
    "output_format",
    type=click.Choice(["name", "json", "yaml"]),
    default="name",
    help="Output format: the secret alone (name), json or yaml.",
)
@common
def create(
    owner: str | None,
    note_: str,
    expires: float,
    never: bool,
    scopes: tuple[str, ...],
    dry_run: bool,
    output_format: str,
) -> None:
    """Create a token, and print its secret once.

    $ jhub token create --note "nightly job" --expires 90d --scopes list:users,read:users
    $ jhub token create -u ana -o name > token.txt
    """
    with connect() as hub:
        expires_in = None if never else int(expires)
        token_owner = resolve_owner(hub, owner).name
        create_token = partial(hub.tokens.create, token_owner, note=note_, expires_in=expires_in, scopes=scopes or None)
        if dry_run:
            print_requests([hub.preview(create_token)])
            return
        created = create_token()
    if output_format in ("json", "yaml"):
        TOKENS.print_item(created, output_format)
    else:
        click.echo(created.token)
        expiry = f"expires {ago(created.expires_at)}" if created.expires_at else "never expires"
        note(f"created token {created.id}, {expiry}; it is shown only this once")


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
@yes
@dry_run
@common
def revoke(
    ids: tuple[str, ...],
    note_filter: str | None,
    expired: bool,
    all_but_this: bool,
    owner: str | None,
    yes: bool,
    dry_run: bool,
) -> None:
    """Revoke tokens by their IDs, or those that an option selects. "-" reads IDs from stdin.

    The hub removes expired tokens once an hour, and whenever tokens are listed. --expired lists them.

    --all-but-this requires JupyterHub 5. It also ends browser sessions with servers and services, which need a new
    sign-in. Servers keep running, and keep their tokens until they are stopped.

    jhub asks before it revokes the tokens of --all-but-this, several tokens of --note, or the token in use by --note.

    $ jhub token revoke a12
    $ jhub token revoke --note "nightly job"
    $ jhub token revoke --all-but-this
    """
    if (bool(ids), note_filter is not None, expired, all_but_this).count(True) != 1:
        raise click.UsageError("give the IDs of tokens, or one of --note, --expired and --all-but-this")
    if note_filter == "":
        # Probably an unset variable. Tokens without a note exist, such as those of sessions.
        raise click.BadParameter("the note is empty", param_hint="--note")
    with connect() as hub:
        if expired:
            _remove_expired(hub, resolve_owner(hub, owner), dry_run=dry_run)
        elif ids:
            _revoke_named(hub, resolve_owner(hub, owner, identify=True), require_names(ids), dry_run=dry_run)
        else:
            token_owner = resolve_owner(hub, owner, identify=True)
            tokens = (
                _all_but_in_use(hub, token_owner)
                if note_filter is None
                else [token for token in hub.tokens.list(token_owner.name) if token.note == note_filter]
            )
            unambiguous = len(tokens) == 1 and not all_but_this and tokens[0].id != token_owner.in_use
            _revoke_selected(hub, token_owner, tokens, yes=yes or unambiguous, dry_run=dry_run)


def _remove_expired(hub: Hub, owner: TokenOwner, *, dry_run: bool) -> None:
    """List tokens. The hub (all versions) removes expired ones before it answers, by its own clock."""
    if dry_run:
        click.echo(f"GET /users/{segment(owner.name, 'user')}/tokens")
        return
    left = len(list(hub.tokens.list(owner.name)))
    note(f"{owner.name} has no expired tokens: the hub removed them before it listed the other {left}")


def _revoke_named(hub: Hub, owner: TokenOwner, ids: list[str], *, dry_run: bool) -> None:
    # The token in use comes last: without it, the others could not be revoked.
    ids.sort(key=lambda id_: id_ == owner.in_use)

    def message(id_: str) -> str:
        return f"revoked {id_}{IN_USE_NOTE if id_ == owner.in_use else ''}"

    run_batch_with_notes(hub, ids, partial(partial, hub.tokens.revoke, owner.name), message, dry_run=dry_run)


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


def _revoke_selected(hub: Hub, owner: TokenOwner, tokens: Sequence[Token], *, yes: bool, dry_run: bool) -> None:
    if not tokens:
        note("nothing to do: no token matches")
        return
    requests = sorted(revocation_groups(tokens), key=lambda bundle: owner.in_use in [token.id for token in bundle])
    if dry_run:
        preview_batch(hub, requests, lambda bundle: partial(hub.tokens.revoke, owner.name, bundle[0].id))
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
        for bundle in done:
            description = bundle[0].oauth_client if bundle[0].kind == "session" else bundle[0].note
            suffix = IN_USE_NOTE if owner.in_use in [token.id for token in bundle] else ""
            note(f"revoked {_ids(bundle)} ({description}){suffix}")


def _ids(tokens: Iterable[Token]) -> str:
    return ", ".join(token.id for token in tokens)
