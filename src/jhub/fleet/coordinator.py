"""Coordinator of a fleet: the main loop, which runs the stages and handles the ends of their forks.

Each fork sends a request, takes a snapshot, probes the latency, follows a stream, requests a reason or pauses.
`dispatch.py`, `observe.py` and `finish.py` handle its result, and change the `State` by its methods.
"""

from __future__ import annotations

from collections.abc import Iterable

from jhub.errors import HubError, SpawnFailed
from jhub.fleet.breaker import MAX_CONSECUTIVE_FAILURES, Breaker
from jhub.fleet.dispatch import dispatch, follow, next_probe, on_probe, on_response, probe
from jhub.fleet.events import ServerEvent, Summary, Target
from jhub.fleet.finish import check_breaker, emit_final, fail, fail_overdue, next_deadline, on_cancel_response
from jhub.fleet.in_flight import InFlight, Pending, Phase, ServerTag
from jhub.fleet.jobs import Job
from jhub.fleet.latency import LatencyProbe
from jhub.fleet.limiter import ConcurrencyLimiter
from jhub.fleet.observe import diagnose, is_confirmed, next_poll, on_diagnosis, on_snapshot, on_snapshot_failed, poll
from jhub.fleet.polling import PollSchedule
from jhub.fleet.snapshot import Snapshot, Snapshots
from jhub.fleet.state import MAX_WAIT_SECONDS, State
from jhub.models import Server
from jhub.operations.requests import check_timeout
from jhub.operations.server_pending import state_text
from jhub.operations.server_status import failure_reason
from jhub.steps import Done, Emit, Flow, Next, Now


def coordinate(
    targets: Iterable[Target],
    job: Job,
    *,
    timeout: float,
    limiter: ConcurrencyLimiter | None = None,
    breaker: Breaker | None = None,
) -> Flow[Summary]:
    """Run a job for all targets, and return the summary.

    Each server has `timeout` seconds, and as many again in the queue of a busy hub. A throttled server keeps its
    position in the queue. With a breaker and more than two targets, the first server, the canary, must succeed before
    others are sent. When the breaker trips, the servers in flight are cancelled if the hub can do that, and the queued
    ones are skipped. The coordinator waits for a hub that becomes unavailable.
    """
    check_timeout(timeout)
    unique = list(dict.fromkeys(targets))
    limiter = limiter or ConcurrencyLimiter()
    began = yield from Now()
    fleet = State(
        targets=unique,
        job=job,
        timeout=timeout,
        limiter=limiter,
        breaker=breaker,
        schedule=PollSchedule(limiter.load, began),
        probe=LatencyProbe(limiter.load, began),
        snapshots=Snapshots(stopped=job.include_stopped),
        canary_passed=breaker is None or len(unique) <= MAX_CONSECUTIVE_FAILURES,
    )
    yield from _begin(fleet)
    while fleet.unfinished:
        now = yield from Now()
        yield from fail_overdue(fleet, now)
        yield from check_breaker(fleet)
        yield from dispatch(fleet, now)
        yield from probe(fleet, now)
        yield from poll(fleet, now)
        yield from diagnose(fleet)
        if fleet.unfinished and (done := (yield from Next(_wait_seconds(fleet, now)))) is not None:
            yield from _on_fork_ended(fleet, done)
    for pending in sorted([*fleet.queue, *fleet.paused]):
        yield from emit_final(fleet, ServerEvent("skipped", pending.target, fleet.stop_reason))
    return Summary(*fleet.tally.parts(), (yield from Now()) - began)


def _begin(fleet: State) -> Flow[None]:
    sends, snapshot = fleet.job.send is not None, None
    if not sends or (fleet.job.precheck is not None and len(fleet.targets) > MAX_CONSECUTIVE_FAILURES):
        # A server that already runs is not a canary.
        snapshot = yield from fleet.snapshots.take(set(fleet.targets), recheck_missing=not sends)
        if len(snapshot.hidden) == len(fleet.targets) > MAX_CONSECUTIVE_FAILURES:
            raise snapshot.hidden[fleet.targets[0]]
    for target in fleet.targets:
        yield Emit(ServerEvent("queued", target))
    waiting = [Pending(position, target) for position, target in enumerate(fleet.targets)]
    if snapshot is not None:
        yield from _apply_snapshot(fleet, waiting, snapshot)
    else:
        for pending in waiting:
            fleet.requeue(pending)


def _apply_snapshot(fleet: State, waiting: list[Pending], snapshot: Snapshot) -> Flow[None]:
    """Finish the servers that already run, join those that are starting, and queue the others.

    A fleet that sends nothing joins all that are active, and requests the reasons why the others are not.
    """
    fleet.outage.on_answer()
    now = yield from Now()
    for pending in waiting:
        server = snapshot.servers.get(pending.target)
        if pending.target in snapshot.hidden:
            yield from fail(fleet, pending.target, snapshot.hidden[pending.target], None)
        elif server is not None and server.ready:
            yield from _accept_running(fleet, pending, server, snapshot.began, now)
        elif server is not None and (server.pending in ("spawn", "check") or (server.active and not fleet.job.send)):
            yield from _join(fleet, pending, server, now)
        elif fleet.job.send is None:
            fleet.add(pending, now, ours=False).diagnose()
        else:
            fleet.requeue(pending)
    fleet.schedule.on_snapshot(now, now - snapshot.began, changed=True)


def _accept_running(fleet: State, pending: Pending, server: Server, began: float, now: float) -> Flow[None]:
    """Finish a server that already runs, or confirm that it does."""
    try:
        if fleet.job.precheck is not None:
            yield from fleet.job.precheck(server)
    except HubError as error:
        yield from fail(fleet, pending.target, error, None)
        return
    entry = fleet.add(pending, now, ours=False)
    entry.observe(server)
    if (yield from is_confirmed(fleet, entry, server, began)):
        fleet.drop(pending.target)
        yield from emit_final(fleet, ServerEvent(fleet.job.ends, pending.target, seconds=0.0, server=server))


def _join(fleet: State, pending: Pending, server: Server, now: float) -> Flow[None]:
    """Record a server that somebody else has requested as in flight."""
    starting = server.pending == "spawn"
    yield Emit(
        ServerEvent(fleet.job.begins, pending.target)
        if starting
        else ServerEvent("progress", pending.target, state_text(server))
    )
    entry = fleet.add(pending, now, ours=False)
    entry.observe(server)
    if starting and fleet.job.send is None and fleet.follows:
        yield from follow(fleet, entry, now)


def _wait_seconds(fleet: State, now: float) -> float:
    """Return the seconds until the next action is due if no fork ends before then."""
    moments = [now + MAX_WAIT_SECONDS, next_deadline(fleet, now)]
    moments += [] if "snapshot" in fleet.forks else [next_poll(fleet, now)]
    moments += [] if "probe" in fleet.forks else [next_probe(fleet, now)]
    return max(0.0, min(moments) - now)


def _on_fork_ended(fleet: State, done: Done) -> Flow[None]:
    """Handle the end of a fork."""
    now = yield from Now()
    fleet.end_fork(done.tag)
    match done.tag:
        case "snapshot" if done.error is not None:
            yield from on_snapshot_failed(fleet, done.error, now)
        case "snapshot":
            yield from on_snapshot(fleet, done.answer, now)
        case "probe":
            on_probe(fleet, done.answer, now)
        case Pending() as pending:
            fleet.requeue(pending)
        case ServerTag(task, entry) if fleet.in_flight.get(entry.target) is entry:
            match task:
                case "send":
                    yield from on_response(fleet, entry, done, now)
                case "follow":
                    yield from _on_stream_ended(fleet, entry, done, now)
                case "diagnose":
                    yield from on_diagnosis(fleet, entry, done.error or done.answer, now)
                case "cancel":
                    yield from on_cancel_response(fleet, entry, done, now)
        case _:
            pass  # the end of a pause, or of a fork about a server that has already finished


def _on_stream_ended(fleet: State, entry: InFlight, done: Done, now: float) -> Flow[None]:
    entry.unfollow()
    reason = failure_reason(done.answer)
    if reason and entry.phase is not Phase.CANCELLING:
        yield from fail(fleet, entry.target, SpawnFailed(str(entry.target), reason), now)
    elif done.answer is not None:
        fleet.schedule.expedite()
