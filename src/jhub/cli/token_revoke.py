"""`jhub token revoke`"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING

import click

from jhub import revoked_together
from jhub.cli.completion import completers
from jhub.cli.kit.batch import each, preview_each, tell_each
from jhub.cli.kit.confirm import confirm
from jhub.cli.kit.options import common, connect, dry_run, names_from, yes
from jhub.cli.kit.output import note
from jhub.cli.kit.token_owner import Owner, for_user, owner_of
from jhub.errors import InvalidInput, NotFound, Unsupported
from jhub.models import Token
from jhub.steps import segment

if TYPE_CHECKING:
    from jhub import Hub

FEW = 5
"""Tokens that a question names."""
IT_WAS_THIS = ": the token in use; sign in again with jhub login"


@click.command()
@click.argument("ids", nargs=-1, metavar="[ID | -]...", shell_complete=completers.tokens)
@click.option("--note", "text", metavar="TEXT", help="Those with exactly this note.")
@click.option("--expired", is_flag=True, help="Those whose time is over.")
@click.option(
    "--all-but-this",
    is_flag=True,
    help="All of mine but the one in use, and but those by which my servers speak to the hub.",
)
@for_user
@yes
@dry_run
@common
def revoke(
    ids: tuple[str, ...],
    text: str | None,
    expired: bool,
    all_but_this: bool,
    owner: str | None,
    yes: bool,
    dry_run: bool,
) -> None:
    """Revoke tokens: by their ids, of which "-" reads some from stdin, or those that one of the options chooses.

    A hub removes expired tokens by itself: every hour, and whenever somebody lists them, which is what --expired
    does. Before it revokes what --all-but-this chooses, or several with --note, it asks.

    --all-but-this (JupyterHub 5) ends the sessions of browsers with servers and services too: they go on after a new
    sign-in. Servers go on running; stopping one ends its token.

    \b
    jhub token revoke a12
    jhub token revoke --note "nightly job"
    jhub token revoke --all-but-this
    """
    if (bool(ids), text is not None, expired, all_but_this).count(True) != 1:
        raise click.UsageError(
            "name tokens by their ids, or choose them by one of --note, --expired and --all-but-this"
        )
    if text == "":
        # Of an unset variable, most likely; and there are tokens without a note, such as those of sessions.
        raise click.BadParameter("a note is missing", param_hint="--note")
    with connect() as hub:
        if expired:
            _have_expired_removed(hub, owner_of(hub, owner), dry_run=dry_run)
        elif ids:
            _revoke_named(hub, owner_of(hub, owner, ask=True), names_from(ids), dry_run=dry_run)
        else:
            whose = owner_of(hub, owner, ask=True)
            found = _others(hub, whose) if text is None else [t for t in hub.tokens.list(whose.name) if t.note == text]
            few = len(found) == 1 and not all_but_this and found[0].id != whose.in_use
            _revoke_found(hub, whose, found, yes=yes or few, dry_run=dry_run)


def _have_expired_removed(hub: Hub, whose: Owner, *, dry_run: bool) -> None:
    """List tokens. On all versions the hub removes expired ones before it answers, by its own clock."""
    if dry_run:
        click.echo(f"GET /users/{segment(whose.name, 'user')}/tokens")
        return
    left = len(list(hub.tokens.list(whose.name)))
    note(f"no expired token of {whose.name} is left: the hub removes them when they are listed; it keeps {left} others")


def _revoke_named(hub: Hub, whose: Owner, ids: list[str], *, dry_run: bool) -> None:
    # The one in use comes last: the others could not be revoked after it.
    ids.sort(key=lambda id_: id_ == whose.in_use)

    def told(id_: str) -> str:
        return f"revoked {id_}{IT_WAS_THIS if id_ == whose.in_use else ''}"

    tell_each(hub, ids, partial(partial, hub.tokens.revoke, whose.name), told, dry_run=dry_run)


def _others(hub: Hub, whose: Owner) -> list[Token]:
    """All tokens but the one in use, and those that came with it, and those of servers."""
    if whose.in_use is None:
        me = hub.whoami()
        if (me.kind, me.name) != ("user", whose.name):
            theirs = f"-u {whose.name}"
            raise InvalidInput(
                f"the token in use is none of {whose.name}'s",
                hint=f"for all of theirs: jhub token list {theirs} -o name | jhub token revoke {theirs} -",
            )
        raise Unsupported(
            "--all-but-this: needs JupyterHub 5.0; this hub does not tell which token is in use",
            hint="revoke the others by their ids: jhub token list",
        )
    others: list[Token] = []
    for together in revoked_together(hub.tokens.list(whose.name)):
        if whose.in_use in (token.id for token in together):
            continue
        servers = [token for token in together if token.kind == "server"]
        for token in servers:
            note(f"{token.id} stays, without which a server could let nobody in: {token.note}")
        others += [token for token in together if token not in servers]
    return others


def _revoke_found(hub: Hub, whose: Owner, found: Sequence[Token], *, yes: bool, dry_run: bool) -> None:
    if not found:
        note("nothing to do: there are no such tokens")
        return
    requests = sorted(revoked_together(found), key=lambda together: whose.in_use in [token.id for token in together])
    if dry_run:
        preview_each(hub, requests, lambda together: partial(hub.tokens.revoke, whose.name, together[0].id))
        return
    which = _ids(found) if len(found) <= FEW else f"{_ids(found[:FEW])}, …"
    count = "1 token" if len(found) == 1 else f"{len(found)} tokens"
    this = ", the one in use among them" if whose.in_use in [token.id for token in found] else ""
    confirm(f"Revoke {count} of {whose.name}: {which}{this}?", yes=yes)

    def act(together: list[Token]) -> list[Token]:
        with suppress(NotFound):  # it was there a moment ago, and was to go
            hub.tokens.revoke(whose.name, together[0].id)
        return together

    with each(requests, act) as done:
        for together in done:
            what = together[0].oauth_client if together[0].kind == "session" else together[0].note
            ended = IT_WAS_THIS if whose.in_use in [token.id for token in together] else ""
            note(f"revoked {_ids(together)} ({what}){ended}")


def _ids(tokens: Iterable[Token]) -> str:
    return ", ".join(token.id for token in tokens)
