"""A fleet as its caller watches it: live on a terminal, one plain line per change elsewhere, or events as JSON."""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeAlias
from urllib.parse import urljoin

import click
import msgspec

from jhub.cli.kit.exits import code_of, show
from jhub.cli.kit.output import View, note
from jhub.cli.kit.text import clean
from jhub.fleet.events import FINAL, ServerEvent, Summary

if TYPE_CHECKING:
    from collections.abc import Generator

    from rich.progress import Progress, TaskID

    from jhub.client.fleets import Fleet
    from jhub.client.sync import Hub

Reporter: TypeAlias = Callable[[ServerEvent], None]

MOST_LINES = 12
"""Servers that the live screen shows at a time."""


class Line(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An event as it is printed."""

    server: str
    state: str
    profile: str = ""
    url: str = ""
    progress: float | None = None
    seconds: float | None = None
    reason: str = ""

    @classmethod
    def of(cls, event: ServerEvent, site: str) -> Line:
        """What an event says, with the server's full URL."""
        server = event.server
        return cls(
            server=str(event.target),
            state=event.kind,
            profile=(server.profile or "") if server else "",
            url=urljoin(site, server.full_url or server.url) if server else "",
            progress=event.progress,
            seconds=round(event.seconds, 2) if event.seconds is not None else None,
            reason=event.message,
        )


RESULTS: View[Line] = View(
    name=lambda line: line.server,
    columns={
        "SERVER": lambda line: line.server,
        "STATE": lambda line: line.state,
        "PROFILE": lambda line: line.profile,
        "URL": lambda line: line.url,
        "SECONDS": lambda line: line.seconds,
        "REASON": lambda line: line.reason,
    },
    optional=frozenset({"PROFILE", "URL", "SECONDS", "REASON"}),
)


def watch(hub: Hub, fleet: Fleet[ServerEvent, Summary], form: str, count: int) -> None:
    """Report a fleet until it ends, print the result, and leave with the exit code that it means."""
    with _reporter(hub.url, form, count) as report, fleet:
        for event in fleet:
            report(event)
    summary = fleet.summary
    if form != "json":
        ended = (*summary.done, *summary.failed, *summary.skipped)
        lines = [Line.of(event, hub.url) for event in (summary.done if form == "name" else ended)]
        RESULTS.many(lines, form)
    if summary.skipped:
        note(f"{len(summary.skipped)} skipped after failures in a row; mend the cause and run the same command again")
    if not summary.ok:
        codes = {code_of(event.error) for event in summary.failed if event.error is not None}
        raise click.exceptions.Exit(7 if summary.done or len(codes) != 1 else codes.pop())


@contextmanager
def _reporter(site: str, form: str, count: int) -> Generator[Reporter]:
    if form == "json":
        yield lambda event: click.echo(msgspec.json.encode(Line.of(event, site)).decode())
    elif not sys.stderr.isatty():
        yield _plain
    else:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

        columns = (
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=30),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("{task.fields[said]}", markup=False),
        )
        with Progress(*columns, console=Console(stderr=True), transient=True) as screen:
            yield _Live(screen, count)


def _plain(event: ServerEvent) -> None:
    match event.kind:
        case "queued" if not event.message:
            return
        case "failed" if event.error is not None:
            show(event.error)
        case "ready" | "stopped":
            note(f"{event.target}: {event.kind} after {event.seconds or 0:.1f} s")
        case _:
            percent = f" {event.progress:.0f} %" if event.progress is not None else ""
            said = f": {event.message}" if event.message else ""
            note(f"{event.target}: {event.kind}{percent}{said}")


class _Live:
    """One bar for all, and one for each server on its way."""

    def __init__(self, screen: Progress, count: int) -> None:
        self.screen = screen
        self.all = screen.add_task("all", total=count, said="")
        self.tasks: dict[str, TaskID] = {}
        self.failed = 0

    def __call__(self, event: ServerEvent) -> None:
        name = str(event.target)
        if event.kind in FINAL:
            if name in self.tasks:
                self.screen.remove_task(self.tasks.pop(name))
            self.screen.advance(self.all)
            if event.kind == "failed":
                self.failed += 1
                if event.error is not None:
                    said = f"error: {clean(str(event.error))}"
                    self.screen.console.print(said, style="red", markup=False, highlight=False)
                    if event.error.hint:
                        self.screen.console.print(f"hint: {clean(event.error.hint)}", markup=False, highlight=False)
                self.screen.update(self.all, said=f"{self.failed} failed")
        elif event.kind == "queued":
            if name in self.tasks:
                self.screen.remove_task(self.tasks.pop(name))
        elif name in self.tasks:
            self.screen.update(self.tasks[name], completed=event.progress, said=clean(event.message))
        elif len(self.tasks) < MOST_LINES:
            self.tasks[name] = self.screen.add_task(name, total=100, said=event.message or event.kind)
