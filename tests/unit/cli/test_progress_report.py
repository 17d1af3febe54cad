"""Report of a fleet without a terminal: lines, table, summary and exit code."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from types import TracebackType
from typing import Any, Self, cast

import click
import pytest

from jhub.cli.kit.exit_codes import code_of
from jhub.cli.progress.report import MAX_ROWS, run_fleet
from jhub.errors import Conflict, HubError, SpawnFailed
from jhub.fleet.events import EventKind, ServerEvent, Summary, Target


class RecordedFleet:
    """A fleet with given events, and an exception at the end if it is interrupted."""

    def __init__(self, *events: ServerEvent, interrupted: BaseException | None = None) -> None:
        self.events = events
        self.interrupted = interrupted
        done, failed, skipped = (
            tuple(event for event in events if event.kind in kinds)
            for kinds in ({"ready", "stopped"}, {"failed"}, {"skipped"})
        )
        self.summary = Summary(done, failed, skipped, 8.44)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: object, trace: TracebackType | None) -> None:
        pass

    def __iter__(self) -> Iterator[ServerEvent]:
        yield from self.events
        if self.interrupted is not None:
            raise self.interrupted


class Site:
    url = "http://127.0.0.1:1/"


@pytest.fixture
def run_recorded(capsys: pytest.CaptureFixture[str]) -> Any:
    def run(
        fleet: RecordedFleet, output_format: str = "table", goal: EventKind = "ready"
    ) -> tuple[int, list[str], list[str]]:
        code = 0
        try:
            run_fleet(
                cast(Any, Site()), cast(Any, fleet), output_format, len({event.target for event in fleet.events}), goal
            )
        except click.exceptions.Exit as end:
            code = end.exit_code
        except KeyboardInterrupt:
            code = 130
        except HubError as error:
            code = code_of(error)
        out, err = capsys.readouterr()
        return code, out.splitlines(), err.splitlines()

    return run


def repeated(
    kind: EventKind, count: int, message: str = "", error: HubError | None = None, **more: Any
) -> list[ServerEvent]:
    return [ServerEvent(kind, Target(f"{kind}{n}"), message, error=error, **more) for n in range(count)]


def failures(count: int, reason: str, first: int = 0) -> list[ServerEvent]:
    return [
        ServerEvent("failed", Target(f"f{n}"), reason, error=SpawnFailed(f"f{n}", reason))
        for n in range(first, first + count)
    ]


def test_up_to_twenty_done_servers_are_in_the_table(run_recorded: Any) -> None:
    code, out, err = run_recorded(RecordedFleet(*repeated("ready", MAX_ROWS, seconds=1.0)))
    assert (code, len(out)) == (0, MAX_ROWS + 1)
    assert err[-1] == f"{MAX_ROWS} ready in 8.4 s"


def test_with_many_servers_only_failures_are_in_the_table(run_recorded: Any) -> None:
    code, out, err = run_recorded(
        RecordedFleet(*repeated("ready", 1000), *failures(3, "no such image"), *repeated("skipped", 500, "why"))
    )
    assert code == 7
    assert [row.split()[:2] for row in out] == [["SERVER", "STATE"], *([f"f{n}", "failed"] for n in range(3))]
    assert err[-4:] == [
        "1000 ready in 8.4 s, 3 failed, 500 skipped",
        "3 failed: no such image",
        "500 skipped: why",
        "hint: fix the cause and run the same command again to continue with the skipped servers",
    ]


def test_many_servers_without_failures_print_no_table(run_recorded: Any) -> None:
    code, out, err = run_recorded(RecordedFleet(*repeated("stopped", 1000)), goal="stopped")
    assert (code, out, err[-1]) == (0, [], "1000 stopped in 8.4 s")


def test_formats_for_programs_are_complete(run_recorded: Any) -> None:
    fleet = RecordedFleet(*repeated("ready", 100), *failures(1, "no"), *repeated("skipped", 100, "why"))
    _, out, _ = run_recorded(fleet, "csv")
    assert [row["state"] for row in csv.DictReader(out)].count("skipped") == 100
    assert len(out) == 202
    _, out, _ = run_recorded(fleet, "name")
    assert out == [f"ready{n}" for n in range(100)]
    _, out, err = run_recorded(
        RecordedFleet(*repeated("starting", 1, concurrency=4), *repeated("ready", 1, seconds=1.234)), "json"
    )
    assert [json.loads(line) for line in out] == [
        {"server": "starting0", "state": "starting", "concurrency": 4},
        {"server": "ready0", "state": "ready", "seconds": 1.23},
    ]
    assert err == []


def test_each_change_of_state_is_a_line(run_recorded: Any) -> None:
    ana = Target("ana")
    fleet = RecordedFleet(
        ServerEvent("queued", ana),
        ServerEvent("starting", ana),
        ServerEvent("progress", ana, "pulling", 50),
        ServerEvent("ready", ana, seconds=2),
    )
    assert run_recorded(fleet, "name")[2] == ["ana: starting", "ana: progress 50 %: pulling", "ana: ready after 2.0 s"]
    many = RecordedFleet(
        *repeated("starting", 20), *repeated("progress", 20, "pulling"), *repeated("skipped", 20, "why")
    )
    err = run_recorded(many)[2]
    assert [line for line in err if "progress" in line or line.startswith("skipped")] == []


def test_throttling_is_reported_once_until_a_server_starts(run_recorded: Any) -> None:
    fleet = RecordedFleet(
        *repeated("starting", 3),
        *(ServerEvent("queued", Target(f"starting{n}"), "slow down", error=HubError("slow down")) for n in range(3)),
        *repeated("starting", 1),
        ServerEvent("queued", Target("starting0"), "slow down", error=HubError("slow down")),
    )
    err = run_recorded(fleet)[2]
    assert [line for line in err if "slow down" in line] == ["starting0: queued: slow down"] * 2


def test_a_hint_is_printed_once_and_a_shared_reason_is_counted(run_recorded: Any) -> None:
    error = Conflict("runs otherwise", hint="stop it first")
    code, _, err = run_recorded(RecordedFleet(*repeated("failed", 5, "runs otherwise", error)))
    assert code == 6
    assert err == [
        "error: server failed0: runs otherwise",
        "hint: stop it first",
        *(f"error: server failed{number}: runs otherwise" for number in range(1, 5)),
        "0 ready in 8.4 s, 5 failed",
        "5 failed: runs otherwise",
        "hint: stop it first",
    ]


def test_an_interrupted_fleet_prints_shared_reasons(run_recorded: Any) -> None:
    failed = repeated("failed", 5, "no such image", SpawnFailed("x", "no such image"))
    err = run_recorded(RecordedFleet(*repeated("queued", 9), *failed, interrupted=KeyboardInterrupt()))[2]
    assert err[-2] == "5 failed: no such image"
    assert "5 failed" in err[-1]


def test_an_interrupted_fleet_prints_its_counts(run_recorded: Any) -> None:
    events = (*repeated("queued", 3), *repeated("starting", 2), *repeated("ready", 1))
    assert run_recorded(RecordedFleet(*events, interrupted=KeyboardInterrupt()))[0] == 130
    code, out, err = run_recorded(RecordedFleet(*events, interrupted=HubError("the hub is gone")))
    assert (code, out) == (1, [])
    assert err[-1] == "1 ready, 2 still starting on the hub, 3 not attempted; run the same command again to continue"
    assert run_recorded(RecordedFleet(*repeated("queued", 3), interrupted=HubError("no such group")))[2] == []
