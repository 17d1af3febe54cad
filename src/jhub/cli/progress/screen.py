"""A fleet on a terminal: one screen that is drawn again a few times a second, however much happens."""

from __future__ import annotations

import threading
from collections.abc import Generator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.console import Console, Group
from rich.live import Live
from rich.text import Text

from jhub.cli.kit.output import escape
from jhub.cli.progress.tally import Standing, reasons, span

if TYPE_CHECKING:
    from jhub import ServerEvent

A_SECOND = 8
"""Times that it is drawn."""
SLOWEST = 6
REASONS = 4
LONGEST_NAME = 40
BAR = 40


class Screen:
    """What is drawn of a fleet."""

    def __init__(self, standing: Standing, console: Console) -> None:
        self._standing = standing
        self._console = console
        self._lock = threading.Lock()  # a thread of its own draws

    def take(self, event: ServerEvent) -> None:
        """Count an event in; it is drawn later."""
        with self._lock:
            self._standing.take(event)

    def draw(self) -> Group:
        """The lines, as they are now; as many as fit."""
        with self._lock:
            return Group(*self.lines(*self._console.size))

    def lines(self, width: int, height: int) -> list[Text]:
        """The lines of a terminal of that size, the more important ones first."""
        standing = self._standing
        now = standing.clock()
        room = max(height - 1, 1)
        found = [self._bar(width, now), _line(" · ".join(standing.in_words())), self._speed()][:room]
        room -= len(found)
        failed = reasons(standing.failed[::-1])[: min(REASONS, room // 2)]
        slowest = standing.slowest(min(SLOWEST, room - len(failed)))
        names = [Text(escape(str(target))) for target, _ in slowest]
        column = min(max((name.cell_len for name in names), default=0), LONGEST_NAME, width // 2)
        for name, (_, way) in zip(names, slowest, strict=True):
            name.truncate(column, overflow="ellipsis", pad=True)
            percent = f"{way.percent:.0f} %" if way.percent else ""
            said = f"  {percent:>5}  {escape(way.said)}".rstrip()
            found.append(_line(f"{span(now - way.since):>10}  ").append_text(name).append(said, style="dim"))
        for reason, events in failed:
            last, number = escape(str(events[0].target)), len(events)
            count = f"{number} failed, last {last}" if number > 1 else f"failed: {last}"
            found.append(_line(f"{count}: {escape(reason)}", style="red"))
        return found

    def _bar(self, width: int, now: float) -> Text:
        standing = self._standing
        said = f" {standing.ended}/{standing.count}  {span(now - standing.began)}"
        size = max(min(BAR, width - len(said)), 0)
        filled = int(size * standing.part)
        # Two kinds of line, for those who see no colours.
        return (
            _line("━" * filled, style="green").append("─" * (size - filled), style="dim").append(said, style="default")
        )

    def _speed(self) -> Text:
        standing = self._standing
        rate, left = standing.rate(), standing.left()
        parts = [
            "-/s" if rate is None else f"{rate:.1f}/s" if rate >= 1 else f"{rate * 60:.1f}/min",
            f"{'-' if left is None else f'about {span(left)}'} left",
        ]
        parts += [f"{standing.pace} at a time"] if standing.pace is not None else []
        line = _line(" · ".join(parts))
        if standing.away:
            return line.append(" · the hub gives no answer", style="yellow")
        return line.append(" · the hub asks to wait", style="yellow") if standing.throttled else line


@contextmanager
def live(standing: Standing, console: Console) -> Generator[Screen]:
    """Draw a fleet while it runs; nothing of it stays on the terminal."""
    screen = Screen(standing, console)
    with Live(
        get_renderable=screen.draw,
        console=console,
        refresh_per_second=A_SECOND,
        transient=True,
        redirect_stdout=False,  # stdout may be a file
        redirect_stderr=False,
        vertical_overflow="crop",
    ):
        yield screen


def terminal() -> Console | None:
    """The terminal that stderr is, if a screen can be drawn on it."""
    console = Console(stderr=True, highlight=False)
    return console if console.is_terminal and not console.is_dumb_terminal and _is_utf(console) else None


def _is_utf(console: Console) -> bool:
    return console.encoding.startswith("utf")


def _line(text: str, style: str = "") -> Text:
    """A line that is cut where the terminal ends."""
    return Text(text, style=style, no_wrap=True, overflow="ellipsis")
