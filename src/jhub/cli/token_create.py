"""Tokens for many users: the output of `jhub token create USER...`, as CSV, JSON or YAML, or in a private file."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import click
import msgspec

from jhub.cli.kit.batch import BatchTally, batch_tally, print_dry_run
from jhub.cli.kit.options import connect
from jhub.cli.kit.output import dump, names_shown, note
from jhub.errors import InvalidInput
from jhub.files import open_private
from jhub.models import as_utc

if TYPE_CHECKING:
    from jhub import Fleet, NameEvent, NameSummary, Token

    Creation: TypeAlias = Fleet[NameEvent, NameSummary]

COLUMNS = ("user", "id", "expires_at", "token")
"""Columns of the CSV."""


def create_for_users(
    names: list[str], options: dict[str, Any], path: Path | None, output_format: str, *, dry_run: bool
) -> None:
    """Create a token for each user, and print it, or append it to a file, as soon as the hub has sent it.

    Users whose tokens are in the file already get no other.
    """
    if output_format == "name" and len(names) > 1:
        raise click.UsageError("-o name does not show whose token it is; use -o csv")
    if path is not None:
        done = _users_in(path)
        if skipped := [name for name in names if name in done]:
            note(f"skipped {len(skipped)} whose tokens are in {path}")
        names = [name for name in names if name not in done]
        if not names:
            return
    with connect() as hub:
        call = partial(hub.tokens.create_many, names, **options)
        if dry_run:
            print_dry_run(hub.preview(call), len(names), output_format)
            return
        with batch_tally() as tally:
            if path is None:
                _print_tokens(call, names, output_format, tally)
            else:
                _append_tokens(call, names, path, tally)


def print_csv(token: Token) -> None:
    """Print a token as CSV."""
    click.echo(_csv_line(COLUMNS) + _row(token, token.user or ""), nl=False)


def _users_in(path: Path) -> set[str]:
    """Return the users whose tokens are in a file. Without a file, there are none."""
    if not path.exists():
        return set()
    with os.fdopen(open_private(path), encoding="utf-8", newline="") as file:
        text = file.read()
    rows = list(csv.reader(io.StringIO(text)))
    if rows and (rows[0] != [*COLUMNS] or any(len(row) != len(COLUMNS) for row in rows) or text[-1] != "\n"):
        raise InvalidInput(
            f"{path} is not a complete list of tokens with the columns {','.join(COLUMNS)}",
            hint="use another file; if its last line is cut off, revoke that token and delete the line",
        )
    return {row[0] for row in rows[1:]}


def _append_tokens(call: Callable[[], Creation], names: Sequence[str], path: Path, tally: BatchTally) -> None:
    with os.fdopen(open_private(path), "a", encoding="utf-8", newline="") as file:

        def write(token: Token, user: str) -> None:
            file.write(_row(token, user))
            file.flush()

        if file.tell() == 0:
            file.write(_csv_line(COLUMNS))
        try:
            _create(call, names, write, tally)
        finally:
            if tally.done < len(names):
                note(f"to continue, run the command again: users in {path} are skipped")


def _print_tokens(call: Callable[[], Creation], names: Sequence[str], output_format: str, tally: BatchTally) -> None:
    match output_format:
        case "csv":
            click.echo(_csv_line(COLUMNS), nl=False)
            _create(call, names, lambda token, user: click.echo(_row(token, user), nl=False), tally)
        case "name":
            _create(call, names, lambda token, user: click.echo(token.token), tally)
        case _:
            created: list[Any] = []
            try:
                _create(call, names, lambda token, user: created.append(_fields(token, user)), tally)
            finally:  # the hub does not show the secrets again
                dump(created, output_format)


def _create(
    call: Callable[[], Creation], names: Sequence[str], write: Callable[[Token, str], object], tally: BatchTally
) -> None:
    """Create the tokens, and write each one. After an interruption, write those that were created before it."""
    left = list(names)
    unwritten: list[str] = []
    current = ""

    def take(event: NameEvent) -> None:
        nonlocal current
        current = event.name if event.kind == "creating" else ""
        if event.token is not None:
            left.remove(event.name)
            unwritten.append(event.name)
            write(event.token, event.name)
            unwritten.pop()
            tally.done += 1
        elif event.error is not None:
            left.remove(event.name)
            tally.add_failure(event.error)

    try:
        with call() as fleet:
            try:
                for event in fleet:
                    take(event)
            except BaseException:
                fleet.cancel()
                for event in fleet:
                    take(event)
                raise
    finally:
        count = "1 token; its secret is" if tally.done == 1 else f"{tally.done} tokens; their secrets are"
        note(f"created {count} not shown again" if tally.done else "created no token")
        if unwritten:
            note(f"created but not written, revoke them: {names_shown(unwritten)}")
        if current:
            left.remove(current)
            note(f"{current}: interrupted; the hub may have created a token whose secret is lost")
            note(f"hint: to revoke it, see: jhub token list -u {current}")
        if left:
            note(f"no token for {len(left)} users: {names_shown(left)}")


def _fields(token: Token, user: str) -> dict[str, Any]:
    fields: dict[str, Any] = msgspec.to_builtins(token)
    return {**fields, "user": user, "scopes": sorted(token.scopes)}


def _row(token: Token, user: str) -> str:
    expires = "" if token.expires_at is None else as_utc(token.expires_at).isoformat()
    return _csv_line((user, token.id, expires, token.token or ""))


def _csv_line(cells: Sequence[str]) -> str:
    line = io.StringIO()
    csv.writer(line, lineterminator="\n").writerow(cells)
    return line.getvalue()
