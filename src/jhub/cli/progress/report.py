"""Report of a fleet: a live screen on a terminal, else one line per change, or events as JSON; then the results."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeAlias
from urllib.parse import urljoin

import click
import msgspec

from jhub.cli.kit.exit_codes import code_of, flush_stdout, print_error
from jhub.cli.kit.output import View, note
from jhub.cli.progress.tally import FleetTally, by_reason
from jhub.errors import HubError

if TYPE_CHECKING:
    from collections.abc import Generator

    from jhub import EventKind, Fleet, Hub, ServerEvent, Summary

Reporter: TypeAlias = "Callable[[ServerEvent], None]"

MAX_ROWS = 20
"""Maximum number of done, and of skipped, servers listed in the table of results; more are only counted."""
MAX_SERVERS_WITH_PROGRESS = 12
"""Maximum number of servers in a fleet whose progress events are printed, each on a line."""
MAX_REASONS = 3
"""Maximum number of reasons printed for failed, and for skipped, servers."""


class EventRow(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An event of a fleet, in the form that is printed."""

    server: str
    state: str
    profile: str = ""
    url: str = ""
    progress: float | None = None
    seconds: float | None = None
    reason: str = ""
    concurrency: int | None = None

    @classmethod
    def of(cls, event: ServerEvent, hub_url: str) -> EventRow:
        """Return the row for an event, with the full URL of the server."""
        server = event.server
        return cls(
            server=str(event.target),
            state=event.kind,
            profile=(server.profile or "") if server else "",
            url=urljoin(hub_url, server.full_url or server.url) if server else "",
            progress=event.progress,
            seconds=round(event.seconds, 2) if event.seconds is not None else None,
            reason=event.message,
            concurrency=event.concurrency,
        )


RESULTS: View[EventRow] = View(
    name=lambda row: row.server,
    columns={
        "SERVER": lambda row: row.server,
        "STATE": lambda row: row.state,
        "PROFILE": lambda row: row.profile,
        "URL": lambda row: row.url,
        "SECONDS": lambda row: row.seconds,
        "REASON": lambda row: row.reason,
    },
    optional=frozenset({"PROFILE", "URL", "SECONDS", "REASON"}),
    text=frozenset({"REASON"}),
)


def run_fleet(
    hub: Hub, fleet: Fleet[ServerEvent, Summary], output_format: str, count: int, goal: EventKind = "ready"
) -> None:
    """Run a fleet, report its events, print the results, and exit with a code for its failures, if any."""
    tally = FleetTally(count, goal)
    try:
        with _reporter(hub.url, output_format, tally) as report, fleet:
            for event in fleet:
                report(event)
    except (KeyboardInterrupt, HubError) as end:
        if isinstance(end, KeyboardInterrupt) or tally.finished or tally.in_flight:
            _print_shared_reasons(tally.failed)
            note(tally.unfinished_counts())
        raise
    except OSError as error:
        note(tally.unfinished_counts())
        if not isinstance(error, BrokenPipeError):
            raise
        # The reader closed the pipe (`| head`). Unlike for a listing, this is a failure: servers are left out.
        flush_stdout()
        raise click.exceptions.Exit(1) from None
    summary = fleet.summary
    if output_format != "json":
        rows = [EventRow.of(event, hub.url) for event in _rows(summary, output_format)]
        if rows or output_format != "table":
            RESULTS.print_list(rows, output_format)
    _print_summary(summary, goal)
    if not summary.ok:
        codes = {code_of(event.error) for event in summary.failed if event.error is not None}
        raise click.exceptions.Exit(7 if summary.done or len(codes) != 1 else codes.pop())


def _rows(summary: Summary, output_format: str) -> tuple[ServerEvent, ...]:
    match output_format:
        case "name":
            return summary.done
        case "table":
            # Failures come last, so that they are still on the screen.
            short = [events for events in (summary.done, summary.skipped) if len(events) <= MAX_ROWS]
            # By name: the order in which servers became ready helps nobody to find one.
            return tuple(
                event
                for events in (*short, summary.failed)
                for event in sorted(events, key=lambda event: str(event.target))
            )
        case _:
            return (*summary.done, *summary.failed, *summary.skipped)


def _print_summary(summary: Summary, goal: EventKind) -> None:
    """Print the counts, the reasons of failures and skips, and a hint for the skipped servers."""
    done, failed, skipped = map(len, (summary.done, summary.failed, summary.skipped))
    if done + failed + skipped > 1:
        parts = [f"{done} {goal} in {summary.seconds:.1f} s"]
        parts += [f"{failed} failed"] if failed else []
        parts += [f"{skipped} skipped"] if skipped else []
        note(", ".join(parts))
    _print_shared_reasons(summary.failed)
    for reason, events in by_reason(summary.skipped)[:MAX_REASONS]:
        note(f"{len(events)} skipped: {reason}")
    if skipped:
        note("hint: fix the cause and run the same command again to continue with the skipped servers")


def _print_shared_reasons(failed: Sequence[ServerEvent]) -> None:
    """Print the reasons for which more than one server failed."""
    for reason, events in by_reason(failed)[:MAX_REASONS]:
        if len(events) > 1:
            note(f"{len(events)} failed: {reason}")
            if events[0].error is not None and events[0].error.hint:
                note(f"hint: {events[0].error.hint}")


def start_server(hub: Hub, fleet: Fleet[ServerEvent, Summary], output_format: str) -> HubError | None:
    """Run a fleet that starts one server, and report its events. Return the error that it ended with, if any.

    Nothing but events in JSON goes to stdout. An error has been printed.
    """
    with _reporter(hub.url, output_format, FleetTally(1)) as report, fleet:
        for event in fleet:
            report(event)
    summary = fleet.summary
    if summary.ok:
        return None
    _print_summary(summary, "ready")
    failed = next(iter(summary.failed), None)
    return (failed.error if failed is not None else None) or HubError("the server did not start")


@contextmanager
def _reporter(hub_url: str, output_format: str, tally: FleetTally) -> Generator[Reporter]:
    if output_format == "json":

        def as_json(event: ServerEvent) -> None:
            tally.add(event)
            click.echo(msgspec.json.encode(EventRow.of(event, hub_url)).decode())
            if event.kind == "failed" and event.error is not None:
                print_error(event.error)

        yield as_json
        return
    # A live screen would overwrite the lines of --debug.
    if sys.stderr.isatty() and not logging.getLogger("jhub").isEnabledFor(logging.DEBUG):
        from jhub.cli.progress.screen import live_screen, screen_console

        if console := screen_console():
            try:
                with live_screen(tally, console) as screen:
                    yield screen.add
            finally:
                _print_single_failures(tally.failed)
            return
    yield _PlainReporter(tally)


def _print_single_failures(failed: list[ServerEvent]) -> None:
    """Print the failures with a reason of their own. Shared reasons are printed at the end."""
    alone = [events[0] for _, events in by_reason(failed) if len(events) == 1]
    for event in alone[-MAX_ROWS:]:
        if event.error is not None:
            print_error(event.error)


class _PlainReporter:
    """A reporter that prints a line for each change of state."""

    def __init__(self, tally: FleetTally) -> None:
        self._tally = tally
        self._hints = set[str]()

    def __call__(self, event: ServerEvent) -> None:
        """Count an event, and print its line, if it has one."""
        waiting = self._tally.throttled
        self._tally.add(event)
        match event.kind:
            case "queued":
                if event.message and not waiting:
                    note(f"{event.target}: queued: {event.message}")
            case "progress" if self._tally.count > MAX_SERVERS_WITH_PROGRESS:
                pass
            case "failed" if event.error is not None:
                hint = "" if event.error.hint in self._hints else event.error.hint
                self._hints.add(event.error.hint)
                message = str(event.error)  # may be about the hub and not name the server
                message = message if str(event.target) in message else f"server {event.target}: {message}"
                print_error(HubError(message, hint=hint))
            case "skipped":
                pass  # counted at the end
            case "waiting":
                note(event.message)
            case "ready" | "stopped" | "deleted":
                note(f"{event.target}: {event.message or f'{event.kind} after {event.seconds or 0:.1f} s'}")
            case _:
                percent = f" {event.progress:.0f} %" if event.progress is not None else ""
                text = f": {event.message}" if event.message else ""
                note(f"{event.target}: {event.kind}{percent}{text}")
