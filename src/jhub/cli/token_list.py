"""`jhub token list`: the tokens of one user, or of all users."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar, get_args

import click
import msgspec

from jhub.cli.completion import completers
from jhub.cli.kit.options import common, connect, list_output, span
from jhub.cli.kit.output import Age, Layout, Shortened, View, note
from jhub.cli.token_sweep import print_sweep
from jhub.errors import InvalidInput
from jhub.models import Token, TokenKind

if TYPE_CHECKING:
    from jhub import Hub

F = TypeVar("F", bound=Callable[..., Any])

MAX_SCOPES_SHOWN = 4
"""Maximum number of scopes that a table shows by name."""
EXPIRED_NOTE = "note: the hub deletes expired tokens before it lists the others"
"""Explanation of a list of expired tokens, which is nearly always empty."""


def _scopes(token: Token) -> Shortened:
    few = len(token.scopes) <= MAX_SCOPES_SHOWN
    return Shortened(" ".join(token.scopes), ", ".join(token.scopes) if few else f"{len(token.scopes)} scopes")


TOKENS: View[Token] = View(
    name=lambda token: token.id,
    columns={
        "ID": lambda token: token.id,
        "KIND": lambda token: token.kind,
        "NOTE": lambda token: token.note,
        "SCOPES": _scopes,
        "CREATED": lambda token: Age(token.created),
        "LAST USED": lambda token: Age(token.last_activity),
        "EXPIRES": lambda token: Age(token.expires_at, "never"),
    },
    wide=frozenset({"KIND"}),
    fields=lambda token: {"kind": token.kind, **msgspec.structs.asdict(token)},
)

ALL_TOKENS: View[Token] = View(
    name=lambda token: token.user or "",  # the column that a table does not shorten
    columns={"USER": lambda token: token.user, **TOKENS.columns},
    wide=frozenset({"CREATED"}),
    fields=TOKENS.fields,
)

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
    return View(TOKENS.name, {**marker, **TOKENS.columns}, frozenset(marker), TOKENS.wide, fields=TOKENS.fields)


def _selection_options(command: F) -> F:
    """Add --kind, --unused-for, --never-expires and --expired to a command, which takes them as one `selection`."""

    @functools.wraps(command)
    def wrapper(
        *args: Any, kind: TokenKind | None, unused_for: float | None, never_expires: bool, expired: bool, **others: Any
    ) -> Any:
        if never_expires and expired:
            raise click.UsageError("--never-expires and --expired cannot be used together")
        selection = {"kind": kind, "unused_for": unused_for, "never_expires": never_expires, "expired": expired}
        return command(*args, selection=selection, **others)

    for option in (
        click.option(
            "--expired", is_flag=True, help="Only expired tokens; rare, because the hub deletes them when it lists."
        ),
        click.option("--never-expires", is_flag=True, help="Only tokens that never expire."),
        click.option(
            "--unused-for",
            type=span,
            metavar="DURATION",
            help="Only tokens without use for this long, such as 90d; counts from creation if they were never used.",
        ),
        click.option(
            "--kind",
            type=click.Choice(get_args(TokenKind)),
            help="Only tokens of servers, of browser sessions, or all others (api).",
        ),
    ):
        wrapper = option(wrapper)
    return wrapper  # type: ignore[return-value]  # click passes the parameters


@click.command("list")
@owner_option
@click.option("--all", "all_users", is_flag=True, help="Tokens of all users, with one request for each user.")
@_selection_options
@list_output()
@common
def list_(owner: str | None, all_users: bool, selection: dict[str, Any], layout: Layout) -> None:
    """List tokens, without their secrets.

    Among your own tokens, * marks the one in use (JupyterHub 5).

    --all needs the scopes list:users and read:tokens. CSV and JSON are printed as the answers arrive. A user whose
    tokens cannot be read is reported, and the exit code is 7. The tokens of services are not in the list: the hub's API
    does not show them.

    $ jhub token list
    $ jhub token list -u ana -o json
    $ jhub token list --all -o csv > tokens.csv
    $ jhub token list --all --kind api --never-expires --unused-for 90d
    """
    if all_users and owner is not None:
        raise click.UsageError("--all and -u cannot be used together")
    if all_users and layout.output_format == "name":
        raise click.UsageError("-o name does not show whose tokens they are; use -o csv")
    with connect() as hub:
        if all_users:
            print_sweep(hub, hub.tokens.list_all(**selection), ALL_TOKENS, layout)
        else:
            token_owner = resolve_owner(hub, owner)
            tokens_view(token_owner.in_use).print_list(hub.tokens.list(token_owner.name, **selection), layout)
    if selection["expired"]:
        note(EXPIRED_NOTE)
