"""The list of the tokens of all users: printed as it arrives, with progress, failures, and a note if it is cut off."""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TYPE_CHECKING

import click

from jhub.cli.kit.batch import BatchTally, batch_tally
from jhub.cli.kit.output import Layout, View, note
from jhub.cli.progress.tally import format_seconds
from jhub.errors import HubError
from jhub.models import Token

if TYPE_CHECKING:
    from jhub import Hub, UserTokens

SCOPES = {"list:users", "read:tokens"}
"""Scopes that a token has without limits if it can list the tokens of all users."""
REDRAW_SECONDS = 0.1
"""Minimum time between two states of the line."""
ERASE = "\r\x1b[K"
"""Control sequence that erases the line."""


def print_sweep(hub: Hub, events: Iterable[UserTokens], view: View[Token], layout: Layout) -> None:
    """Print the tokens of all users; at the end, exit with a code for the users that failed, if any.

    After an interruption or an error that ends the list, what was found so far is printed, and a note says that it is
    incomplete.
    """
    held = {scope: scope.partition("!")[0] for scope in hub.whoami().scopes}
    limited = sorted(scope for scope, base in held.items() if base in SCOPES)
    if SCOPES.issubset(held.values()) and not SCOPES.issubset(limited):
        note(f"note: this is not the whole hub: the token has {', '.join(limited)}")
    waits = bool(layout.sort) or layout.output_format in ("table", "wide")
    with batch_tally() as tally:
        sweep = _Sweep(tally, shows_progress=_has_room_for_progress(waits))
        tokens: Iterable[Token] = sweep.tokens(events)
        try:
            if waits:
                tokens = list(tokens if layout.sort else islice(tokens, layout.limit))
                sweep.erase_line()
            view.print_list(tokens, layout)
        except KeyboardInterrupt as end:
            sweep.end = end
        finally:
            sweep.erase_line()
        if sweep.end is not None:
            note(f"the list is incomplete: {sweep.users} of {sweep.count or 'all'} users were read")
            raise sweep.end


def _has_room_for_progress(waits: bool) -> bool:
    """Return whether a line of progress would neither be in the middle of other lines, nor end up in a file."""
    debugs = logging.getLogger("jhub").isEnabledFor(logging.DEBUG)
    return sys.stderr.isatty() and not debugs and (waits or not sys.stdout.isatty())


class _Sweep:
    """A list that is being read. With `shows_progress`, it draws a line of progress on stderr."""

    def __init__(self, tally: BatchTally, *, shows_progress: bool) -> None:
        self.users = 0
        """The number of users that were read, or failed."""
        self.count = 0
        """The number of users in all."""
        self.end: HubError | KeyboardInterrupt | None = None
        """The reason for which the list ended early."""
        self._tally = tally
        self._found = 0
        self._shows_progress = shows_progress
        self._began = self._next_line = time.monotonic()
        self._line_is_shown = False

    def tokens(self, events: Iterable[UserTokens]) -> Iterator[Token]:
        """Yield the tokens of all users."""
        try:
            for event in events:
                self._take(event)
                yield from event.tokens
        except HubError as error:
            if not self.users:
                raise  # nothing was found, so nothing is printed
            self.end = error
        except KeyboardInterrupt as end:
            self.end = end

    def erase_line(self) -> None:
        """Remove the line of progress from the terminal."""
        if self._line_is_shown:
            self._line_is_shown = False
            click.echo(ERASE, err=True, nl=False)

    def _take(self, event: UserTokens) -> None:
        self.users, self.count = self.users + 1, event.count
        self._found += len(event.tokens)
        if event.error is not None:
            self.erase_line()
            self._tally.add_failure(event.error)
        else:
            self._tally.done += 1
        now = time.monotonic()
        if self._shows_progress and now >= self._next_line:
            self._line_is_shown, self._next_line = True, now + REDRAW_SECONDS
            left = (now - self._began) / self.users * (self.count - self.users)
            text = f"{self.users} of {self.count} users, {self._found} tokens, about {format_seconds(left)} left"
            click.echo(f"{ERASE}{text}", err=True, nl=False)
