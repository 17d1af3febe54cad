"""The coordinator flow: as many servers at a time as the hub takes, watched by shared looks, until all have ended.

Its forks send, look, follow a stream or request a reason, and end. What they find is judged here and in the modules
beside this one, which read a `State` and call its methods: `sending`, `seeing`, `breaking_off` and `ending`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from jhub.errors import HubError, InvalidInput, SpawnFailed
from jhub.fleet.breaker import IN_A_ROW, Breaker
from jhub.fleet.breaking_off import break_off, cancelled
from jhub.fleet.dispatch import answered, feel, felt, follow, next_beat, send
from jhub.fleet.events import ServerEvent, Summary, Target
from jhub.fleet.finish import failed, next_end, overdue, tell
from jhub.fleet.in_flight import Child, Phase, UnderWay, Wanted
from jhub.fleet.jobs import Job
from jhub.fleet.latency import Pulse
from jhub.fleet.limiter import Pace
from jhub.fleet.observe import ask, blind, explained, look, next_look, saw
from jhub.fleet.polling import Rhythm
from jhub.fleet.snapshot import Looks, Seen
from jhub.fleet.state import TICK, State
from jhub.models import Server
from jhub.operations.server_status import failure_reason
from jhub.steps import Done, Emit, Flow, Next, Now


def coordinate(
    targets: Iterable[Target],
    job: Job,
    *,
    timeout: float,
    pace: Pace | None = None,
    breaker: Breaker | None = None,
) -> Flow[Summary]:
    """Do a job with every target: `timeout` seconds for each, and as many for a busy hub to take it.

    A throttled one goes back to its place in the queue. With a breaker and more than two targets, the first one sent
    must succeed before others are sent; once the breaker trips nothing more is sent, what is on its way is taken back
    where the hub can do that, and the rest is skipped. A hub that goes away in the middle is waited for.
    """
    if not timeout > 0:
        raise InvalidInput(f"a timeout of {timeout} s leaves no time for anything")
    wanted = list(dict.fromkeys(targets))
    pace = pace or Pace()
    began = yield from Now()
    fleet = State(
        targets=wanted,
        job=job,
        timeout=timeout,
        pace=pace,
        breaker=breaker,
        rhythm=Rhythm(pace.load, began),
        pulse=Pulse(pace.load, began),
        looks=Looks(stopped=job.stopped),
        proven=breaker is None or len(wanted) <= IN_A_ROW,
    )
    yield from _begin(fleet)
    while fleet.unfinished:
        now = yield from Now()
        yield from overdue(fleet, now)
        yield from break_off(fleet)
        yield from send(fleet, now)
        yield from feel(fleet, now)
        yield from look(fleet, now)
        yield from ask(fleet)
        if fleet.unfinished and (done := (yield from Next(_patience(fleet, now)))) is not None:
            yield from _ended(fleet, done)
    for one in sorted([*fleet.queue, *fleet.later]):
        yield from tell(fleet, ServerEvent("skipped", one.target, fleet.why))
    return Summary(*fleet.tally.parts(), (yield from Now()) - began)


def _begin(fleet: State) -> Flow[None]:
    holds, seen = fleet.job.look_before, None
    if holds is not None and len(fleet.targets) > IN_A_ROW:
        # What runs already must not be taken for a canary.
        seen = yield from fleet.looks.look(set(fleet.targets), sure=False)
        if len(seen.hidden) == len(fleet.targets):
            raise seen.hidden[fleet.targets[0]]
    for target in fleet.targets:
        yield Emit(ServerEvent("queued", target))
    wanted = [Wanted(place, target) for place, target in enumerate(fleet.targets)]
    if holds is not None and seen is not None:
        yield from _saw_before(fleet, wanted, seen, holds)
    elif fleet.job.send is None:
        yield from _join_all(fleet, wanted)
    else:
        for one in wanted:
            fleet.requeue(one)


def _saw_before(fleet: State, wanted: list[Wanted], seen: Seen, holds: Callable[[Server], object]) -> Flow[None]:
    """Take what runs already as done, and what is on its way as sent."""
    fleet.outage.meet()
    now = yield from Now()
    for one in wanted:
        server = seen.servers.get(one.target)
        if one.target in seen.hidden:
            yield from failed(fleet, one.target, seen.hidden[one.target], None)
        elif server is not None and server.ready:
            try:
                holds(server)
            except HubError as error:
                yield from failed(fleet, one.target, error, None)
            else:
                yield from tell(fleet, ServerEvent(fleet.job.ends, one.target, seconds=0.0, server=server))
        elif server is not None and server.pending in ("spawn", "check"):
            yield from _join(fleet, one, now)
        else:
            fleet.requeue(one)
    fleet.rhythm.looked(now, now - seen.began, changed=True)


def _join_all(fleet: State, wanted: list[Wanted]) -> Flow[None]:
    now = yield from Now()
    for one in wanted:
        joined = yield from _join(fleet, one, now)
        if fleet.followed:
            yield from follow(fleet, joined, now)


def _join(fleet: State, one: Wanted, now: float) -> Flow[UnderWay]:
    """Wait for one that somebody else has requested."""
    yield Emit(ServerEvent(fleet.job.begins, one.target))
    return fleet.add(one, now, ours=False)


def _patience(fleet: State, now: float) -> float:
    """Return the seconds until there is something to do even if no fork ends."""
    moments = [now + TICK, next_end(fleet, now)]
    moments += [] if "look" in fleet.forks else [next_look(fleet, now)]
    moments += [] if "pulse" in fleet.forks else [next_beat(fleet, now)]
    return max(0.0, min(moments) - now)


def _ended(fleet: State, done: Done) -> Flow[None]:
    """Handle the end of a fork."""
    now = yield from Now()
    fleet.end_fork(done.tag)
    match done.tag:
        case "look" if done.error is not None:
            yield from blind(fleet, done.error, now)
        case "look":
            yield from saw(fleet, done.answer, now)
        case "pulse":
            felt(fleet, done.answer, now)
        case Wanted() as wanted:
            fleet.requeue(wanted)
        case Child(task, one) if fleet.under_way.get(one.target) is one:
            match task:
                case "send":
                    yield from answered(fleet, one, done, now)
                case "follow":
                    yield from _followed(fleet, one, done, now)
                case "diagnose":
                    yield from explained(fleet, one, done.error or done.answer, now)
                case "cancel":
                    yield from cancelled(fleet, one, done, now)
        case _:
            pass  # a pause, or about a server that has ended meanwhile


def _followed(fleet: State, one: UnderWay, done: Done, now: float) -> Flow[None]:
    one.unfollow()
    reason = failure_reason(done.answer)
    if reason and one.phase is not Phase.CANCELLING:
        yield from failed(fleet, one.target, SpawnFailed(str(one.target), reason), now)
    elif done.answer is not None:
        fleet.rhythm.hurry()
