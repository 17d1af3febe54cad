"""Result of a contest, as a table."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from statistics import median

from msgspec import structs

from bench.fleet_contest import Contest
from bench.fleet_start import Started
from bench.table import table

HEAD = ["strategy", "seconds", "to the first", "servers/s", "lost", "requests for each", "hub's ms for each"]


def contest_table(contest: Contest) -> str:
    """Return all strategies in the order of their measurement, with the median time and all lost servers."""
    return table(HEAD, [(title, *_row(fleets)) for title, fleets in _strategies(contest)])


def extrapolated(fleet: Started, users: int) -> Started:
    """Extrapolate a result to this many users."""
    times = users / fleet.wanted
    return structs.replace(
        fleet,
        wanted=users,
        ready=round(fleet.ready * times),
        seconds=fleet.seconds * times,
        requests=round(fleet.requests * times),
        busy=fleet.busy * times,
    )


def _strategies(contest: Contest) -> Iterator[tuple[str, Sequence[Started]]]:
    yield "one call after the other", [extrapolated(contest.one_by_one, contest.hub.users)]
    yield "all at once", [contest.all_at_once]
    for number, fleet in contest.sweep.items():
        yield f"{number} at a time", [fleet]
    for number, fleets in contest.best.items():
        yield f"{number} at a time, again", fleets
    yield "jhub", contest.jhub
    if contest.default_load:
        yield "jhub, half of the hub", [contest.default_load]


def _row(fleets: Sequence[Started]) -> tuple[str, ...]:
    seconds = median(fleet.seconds for fleet in fleets)
    ready = median(fleet.ready for fleet in fleets)
    return (
        f"{seconds:.1f}",
        f"{median(fleet.first for fleet in fleets):.2f}",
        f"{ready / seconds:.1f}",
        str(sum(fleet.lost for fleet in fleets)),
        f"{median(fleet.requests_each for fleet in fleets):.2f}",
        f"{median(fleet.busy for fleet in fleets) / max(1, ready) * 1000:.0f}",
    )
