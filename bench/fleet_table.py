"""What a contest found, as a table."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from statistics import median

from msgspec import structs

from bench.fleet_contest import Contest
from bench.fleet_start import Started
from bench.table import table

HEAD = ["way", "seconds", "to the first", "servers/s", "lost", "requests for each", "hub's ms for each"]


def contest_table(found: Contest) -> str:
    """All ways, in the order in which they were measured. Of several times the median, and what was lost in all."""
    return table(HEAD, [(title, *_row(fleets)) for title, fleets in _ways(found)])


def extrapolated(fleet: Started, users: int) -> Started:
    """As if it had gone on in the same way for so many."""
    times = users / fleet.wanted
    return structs.replace(
        fleet,
        wanted=users,
        ready=round(fleet.ready * times),
        seconds=fleet.seconds * times,
        requests=round(fleet.requests * times),
        busy=fleet.busy * times,
    )


def _ways(found: Contest) -> Iterator[tuple[str, Sequence[Started]]]:
    yield "one call after the other", [extrapolated(found.one_by_one, found.hub.users)]
    yield "all at once", [found.all_at_once]
    for number, fleet in found.sweep.items():
        yield f"{number} at a time", [fleet]
    for number, fleets in found.best.items():
        yield f"{number} at a time, again", fleets
    yield "jhub", found.jhub
    if found.gentle:
        yield "jhub, half of the hub", [found.gentle]


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
