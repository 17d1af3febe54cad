"""Tally of a fleet, and the screen that shows it."""

from __future__ import annotations

import io
import re

import pytest
from rich.cells import cell_len
from rich.console import Console

from jhub.cli.progress.screen import Screen
from jhub.cli.progress.tally import FleetTally, by_reason, format_seconds
from jhub.errors import HubError
from jhub.fleet.events import EventKind, ServerEvent, Target


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def event(kind: EventKind, n: int, message: str = "", **more: float | None) -> ServerEvent:
    concurrency = more.pop("concurrency", None)
    limit = None if concurrency is None else int(concurrency)
    error = HubError(message) if kind == "queued" and message else None
    return ServerEvent(kind, Target(f"u{n}", "lab"), message, concurrency=limit, error=error, **more)  # type: ignore[arg-type]


@pytest.fixture
def clock() -> Clock:
    return Clock()


def test_every_server_is_counted_once(clock: Clock) -> None:
    tally = FleetTally(8, clock=clock)
    for each in (
        *(event("queued", n) for n in range(8)),
        *(event("starting", n) for n in range(5)),
        event("progress", 0, "pulling", progress=50),
        event("ready", 0),
        event("failed", 1, "no"),
        event("queued", 2, "busy"),
        event("skipped", 7),
    ):
        tally.add(each)
    assert tally.counts() == ["1 ready", "2 starting", "3 queued", "1 failed", "1 skipped"]
    assert tally.unfinished_counts() == (
        "1 ready, 1 failed, 2 still starting on the hub, 3 not attempted; run the same command again to continue"
    )


def test_stops_are_counted_as_stopping_and_stopped(clock: Clock) -> None:
    tally = FleetTally(2, "stopped", clock)
    tally.add(event("stopping", 0))
    tally.add(event("stopped", 1))
    assert tally.counts() == ["1 stopped", "1 stopping"]
    assert tally.unfinished_counts().startswith("1 stopped, 1 still stopping on the hub;")


def test_the_rate_is_recent_and_gives_the_time_left(clock: Clock) -> None:
    tally = FleetTally(100, clock=clock)
    assert (tally.rate(), tally.seconds_left()) == (None, None)
    for n in range(20):  # one in ten seconds
        tally.add(event("starting", n))
        clock.now += 10
        tally.add(event("ready", n))
        if n == 0:
            assert tally.rate() is None
    assert tally.rate() == pytest.approx(0.1)
    assert tally.seconds_left() == pytest.approx(800)
    for n in range(20, 80):  # four in a second
        tally.add(event("starting", n))
        clock.now += 0.25
        tally.add(event("ready", n))
    clock.now += 20
    assert tally.rate() is not None
    for n in range(80, 100):
        tally.add(event("starting", n))
        clock.now += 2
        tally.add(event("ready", n))
    assert tally.rate() == pytest.approx(0.5, rel=0.1)
    assert tally.seconds_left() == 0


def test_servers_that_were_ready_before_do_not_count_for_the_rate(clock: Clock) -> None:
    tally = FleetTally(100, clock=clock)
    tally.add(event("starting", 99))
    clock.now = 5
    for n in range(50):
        tally.add(event("ready", n, seconds=0))
    assert tally.rate() is None


def test_pace_and_throttling_follow_the_events(clock: Clock) -> None:
    tally = FleetTally(3, clock=clock)
    tally.add(event("starting", 0, concurrency=7))
    tally.add(event("queued", 0, "the hub is busy"))
    assert (tally.concurrency, tally.throttled) == (7, "the hub is busy")
    tally.add(event("starting", 0))
    assert (tally.concurrency, tally.throttled) == (7, "")


def test_reasons_are_sorted_by_the_number_of_events() -> None:
    groups = by_reason([event("failed", 1, "a"), event("failed", 2, "b"), event("failed", 3, "b")])
    assert [(reason, len(events)) for reason, events in groups] == [("b", 2), ("a", 1)]


def test_durations_are_formatted() -> None:
    assert [format_seconds(s) for s in (-1, 0.4, 59.4, 59.6, 200, 3599.9, 3900)] == [
        "0 s", "0 s", "59 s", "1 min 00 s", "3 min 20 s", "1 h 00 min", "1 h 05 min",
    ]  # fmt: skip


def drawn_lines(tally: FleetTally, width: int = 80, height: int = 24) -> list[str]:
    console = Console(file=io.StringIO(), width=width, height=height, force_terminal=True, color_system=None)
    with console.capture() as captured:
        console.print(Screen(tally, console).draw())
    return captured.get().splitlines()


def busy(clock: Clock, count: int = 1000) -> FleetTally:
    """Return a tally of a fleet with long names, failures and throttling."""
    tally = FleetTally(count, clock=clock)
    for n in range(100):
        long = Target(f"{'somebody.with-a-name' * 5}{n}@example.org", "界" * 30)
        tally.add(ServerEvent("starting", long, concurrency=100))
        tally.add(ServerEvent("progress", long, "pulling\x1b[2J " * 20, progress=30))
        clock.now += 0.1
    for n in range(100):
        tally.add(event("starting", n))
        clock.now += 0.1
        tally.add(event("failed" if n % 3 == 0 else "ready", n, f"reason {n % 9} " + "x" * 200))
    tally.add(event("queued", 2000, "busy"))
    return tally


@pytest.mark.parametrize(("width", "height"), [(80, 24), (200, 60), (40, 10), (80, 5), (20, 3), (80, 1)])
def test_the_screen_fits(clock: Clock, width: int, height: int) -> None:
    lines = drawn_lines(busy(clock), width, height)
    assert len(lines) <= max(height - 1, 1)
    assert max(map(cell_len, lines)) <= width
    assert "\x1b[2J" not in "\n".join(lines)


def test_the_screen_shows_counts_rate_slowest_and_failures(clock: Clock) -> None:
    bar, counts, speed, *others = drawn_lines(busy(clock))
    assert "━" in bar
    assert "─" in bar
    assert bar.endswith("100/1000  20 s")
    assert counts.startswith("66 ready · 100 starting · 800 queued · 34 failed")
    assert "/s · about " in speed
    assert speed.endswith("left · 100 at a time · throttled by the hub")
    assert len(others) == 6 + 3
    assert others[0].startswith("      20 s  somebody.with-a-name")
    assert " 30 %  pulling\\x1b[2J" in others[0]
    assert re.match(r"11 failed, last u\d+/lab: reason \d xx", others[-1])


def test_unknown_rate_and_time_left_are_dashes(clock: Clock) -> None:
    tally = FleetTally(3, clock=clock)
    tally.add(event("starting", 0))
    bar, counts, speed, server = drawn_lines(tally)
    assert (counts, speed) == ("0 ready · 1 starting · 2 queued", "-/s · - left")
    assert bar.startswith("─")
    assert server.strip() == "0 s  u0/lab"
    tally.add(event("failed", 0, "no such profile"))
    assert drawn_lines(tally)[-1] == "failed: u0/lab: no such profile"


def test_the_bar_moves_with_the_progress_that_the_hub_reports(clock: Clock) -> None:
    tally = FleetTally(1, clock=clock)
    tally.add(event("starting", 0))
    tally.add(event("progress", 0, progress=50))
    bar = drawn_lines(tally)[0]
    assert bar.count("━") == bar.count("─") == 20
