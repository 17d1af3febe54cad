"""Live screen of a fleet: redrawn a few times a second, however many events arrive."""

from __future__ import annotations

import threading
from collections.abc import Generator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.console import Console, Group
from rich.live import Live
from rich.text import Text

from jhub.cli.kit.output import escape
from jhub.cli.progress.tally import FleetTally, by_reason, format_seconds

if TYPE_CHECKING:
    from jhub import ServerEvent

REFRESHES_PER_SECOND = 8
"""Number of redraws per second."""
MAX_SLOWEST_SHOWN = 6
"""Maximum number of servers shown in flight."""
MAX_REASONS_SHOWN = 4
"""Maximum number of reasons for failures shown."""
MAX_NAME_WIDTH = 40
"""Maximum width of a server's name, in columns."""
MAX_BAR_WIDTH = 40
"""Maximum width of the progress bar, in columns."""


class Screen:
    """The screen of a fleet, drawn from its tally."""

    def __init__(self, tally: FleetTally, console: Console) -> None:
        self._tally = tally
        self._console = console
        self._lock = threading.Lock()  # rich draws in a thread of its own

    def add(self, event: ServerEvent) -> None:
        """Add an event to the tally; the next redraw shows it."""
        with self._lock:
            self._tally.add(event)

    def draw(self) -> Group:
        """Return the current lines, as many as fit on the terminal."""
        with self._lock:
            return Group(*self.lines(*self._console.size))

    def lines(self, width: int, height: int) -> list[Text]:
        """Return the lines for a terminal of this size, the most important ones first."""
        tally = self._tally
        now = tally.clock()
        free_rows = max(height - 1, 1)
        lines = [self._bar_line(width, now), _cut_line(" · ".join(tally.counts())), self._rate_line()][:free_rows]
        free_rows -= len(lines)
        failed = by_reason(tally.failed[::-1])[: min(MAX_REASONS_SHOWN, free_rows // 2)]
        slowest = tally.slowest(min(MAX_SLOWEST_SHOWN, free_rows - len(failed)))
        names = [Text(escape(str(target))) for target, _ in slowest]
        column = min(max((name.cell_len for name in names), default=0), MAX_NAME_WIDTH, width // 2)
        for name, (_, progress) in zip(names, slowest, strict=True):
            name.truncate(column, overflow="ellipsis", pad=True)
            percent = f"{progress.percent:.0f} %" if progress.percent else ""
            text = f"  {percent:>5}  {escape(progress.message)}".rstrip()
            lines.append(
                _cut_line(f"{format_seconds(now - progress.since):>10}  ").append_text(name).append(text, style="dim")
            )
        for reason, events in failed:
            last, number = escape(str(events[0].target)), len(events)
            count = f"{number} failed, last {last}" if number > 1 else f"failed: {last}"
            lines.append(_cut_line(f"{count}: {escape(reason)}", style="red"))
        return lines

    def _bar_line(self, width: int, now: float) -> Text:
        tally = self._tally
        text = f" {tally.finished}/{tally.count}  {format_seconds(now - tally.started_at)}"
        size = max(min(MAX_BAR_WIDTH, width - len(text)), 0)
        filled = int(size * tally.fraction)
        # Two characters, so that the bar is readable without colours.
        return (
            _cut_line("━" * filled, style="green")
            .append("─" * (size - filled), style="dim")
            .append(text, style="default")
        )

    def _rate_line(self) -> Text:
        tally = self._tally
        rate, left = tally.rate(), tally.seconds_left()
        parts = [
            "-/s" if rate is None else f"{rate:.1f}/s" if rate >= 1 else f"{rate * 60:.1f}/min",
            f"{'-' if left is None else f'about {format_seconds(left)}'} left",
        ]
        parts += [f"{tally.concurrency} at a time"] if tally.concurrency is not None else []
        line = _cut_line(" · ".join(parts))
        if tally.unreachable:
            return line.append(" · the hub does not respond", style="yellow")
        return line.append(" · throttled by the hub", style="yellow") if tally.throttled else line


@contextmanager
def live_screen(tally: FleetTally, console: Console) -> Generator[Screen]:
    """Draw the screen of a fleet until the block ends; then remove it from the terminal."""
    screen = Screen(tally, console)
    with Live(
        get_renderable=screen.draw,
        console=console,
        refresh_per_second=REFRESHES_PER_SECOND,
        transient=True,
        redirect_stdout=False,  # stdout may be a file
        redirect_stderr=False,
        vertical_overflow="crop",
    ):
        yield screen


def screen_console() -> Console | None:
    """Return the console on stderr, if it is a terminal that can show the screen."""
    console = Console(stderr=True, highlight=False)
    return console if console.is_terminal and not console.is_dumb_terminal and _is_utf(console) else None


def _is_utf(console: Console) -> bool:
    return console.encoding.startswith("utf")


def _cut_line(text: str, style: str = "") -> Text:
    """Return a line that is cut at the width of the terminal."""
    return Text(text, style=style, no_wrap=True, overflow="ellipsis")
