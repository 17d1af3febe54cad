"""Fleets on random hubs: every server has one final event that matches the hub, and a second call starts the others."""

from __future__ import annotations

import zlib
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from busy_hub import GONE, NEVER, BusyHub
from hypothesis import given, settings
from hypothesis import strategies as st

from jhub.errors import NotAHub, Unavailable, WaitTimeout
from jhub.fleet.events import FEW, FINAL, ServerEvent, Summary
from jhub.fleet.observe import TRIES
from jhub.fleet.servers import FleetOps
from jhub.steps import Answer, Listen, Request
from jhub.testing import Played, Reply, play

MAX_REQUESTS = 20_000
PROXY = Answer(404, {"content-type": "text/plain"}, b"404 page not found")
"""Answer of some proxies while the hub is down."""


@dataclass
class Bounded(BusyHub):
    """A hub that fails the test if a fleet never ends."""

    failing: float = 0.0
    """Share of the starts that fail."""

    def __call__(self, step: Request[Any] | Listen[Any], /) -> Reply:
        assert self.asked.total() < MAX_REQUESTS, "the fleet does not end"
        return super().__call__(step)


UNKNOWN = (WaitTimeout, Unavailable, NotAHub)


def share(text: str) -> float:
    """Return a number from 0 to 1 that depends on the text only."""
    return zlib.crc32(text.encode()) / 2**32


@st.composite
def hubs(draw: st.DrawFn) -> Bounded:
    shortest, spread = draw(st.sampled_from([0.05, 1, 7, 40])), draw(st.sampled_from([0, 0.3, 6]))
    failing, salt = draw(st.sampled_from([0, 0.05, 0.3, 1])), draw(st.text("ab", max_size=4))
    away = draw(st.sampled_from([NEVER, 0.5, 2.2, 11, 33]))
    return Bounded(
        lambda path: shortest * (1 + spread * share(path)),
        failing=failing,
        fails=lambda path: share(salt + path) < failing,
        concurrent_spawn_limit=draw(st.sampled_from([1, 3, 20, 100])),
        active_server_limit=draw(st.sampled_from([0, 0, 7, 25])),
        slow_spawn_timeout=draw(st.sampled_from([0, 0.5, 10])),
        stop_time=draw(st.sampled_from([0, 3, 30])),
        cost=draw(st.sampled_from([0.001, 0.02, 0.2])),
        page=draw(st.sampled_from([10, 200])),
        others=draw(st.sampled_from([0, 0, 2])),
        gone=PROXY if draw(st.booleans()) else GONE,
        outage=(away, away + draw(st.sampled_from([0.3, 3, 20, 200]))),
        version=draw(st.sampled_from([(4, 1, 6), (6, 1, 1)])),
    )


def accounted_for(played: Played[Summary], wanted: list[str]) -> None:
    finals = Counter(str(event.target) for event in played.emitted if event.kind in FINAL)
    assert finals == Counter(wanted)
    summary = played.result
    assert len(summary.done) + len(summary.failed) + len(summary.skipped) == len(wanted)
    assert all(event.message for event in (*summary.failed, *summary.skipped))


def users(events: Iterable[ServerEvent]) -> set[str]:
    return {event.target.user for event in events}


def running(hub: BusyHub, at: float) -> set[str]:
    return {path.split("/")[2] for path in hub.ready(at)}


@settings(max_examples=250, deadline=None, derandomize=True)
@given(
    hub=hubs(),
    count=st.sampled_from([1, 2, 4, 5, 40]),
    hub_load=st.sampled_from([0.1, 0.5, 1.0]),
    max_failures=st.sampled_from([None, 1, 10]),
    timeout=st.sampled_from([3.0, 60.0, 600.0]),
)
def test_every_start_has_one_final_event_that_matches_the_hub(
    hub: Bounded, count: int, hub_load: float, max_failures: int | None, timeout: float
) -> None:
    wanted = [f"u{number:03}" for number in range(count)]
    version = ".".join(map(str, hub.version))

    def start() -> Played[Summary]:
        plan = FleetOps.start_many(wanted, hub_load=hub_load, max_failures=max_failures, timeout=timeout)
        return play(plan, hub, version=version)

    played = start()
    accounted_for(played, wanted)
    done, ready = users(played.result.done), running(hub, played.seconds)
    assert done <= ready
    # A server that runs without a "ready" event was still starting, or the hub gave no answer about it for too long.
    assert ready - done <= users(event for event in played.result.failed if isinstance(event.error, UNKNOWN))
    # In a small fleet the first request is a start, and a fleet does not wait for a hub that has never answered.
    crowded = hub.active_server_limit or hub.others or hub.concurrent_spawn_limit < 20
    if count > FEW and timeout == 600 and not (hub.failing or crowded):
        assert played.result.ok
    # A start is sent again only if the hub may have lost it.
    assert all(len(starts) <= (1 if hub.outage[0] > played.seconds else TRIES) for starts in hub.spawns.values())
    for event in played.result.failed:
        if isinstance(event.error, WaitTimeout):
            assert (event.seconds or 0) >= timeout - 1e-6

    hub.settle()
    hub.fails, hub.outage = lambda path: False, (NEVER, NEVER)
    hub.active_server_limit = hub.others = 0
    ready = running(hub, 0)
    timeout = 600.0 * count
    again = start()
    accounted_for(again, wanted)
    assert again.result.ok
    posts = [step.path.split("/")[2] for step in again.sent if isinstance(step, Request) and step.method == "POST"]
    if count > FEW:  # a small fleet sends every start without a snapshot before
        assert not ready & set(posts)
