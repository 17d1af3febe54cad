"""Requests: when they are sent, and the hub's answers to them."""

from __future__ import annotations

from dataclasses import replace

from jhub.errors import HubBroken, HubError, ServerPending, Throttled, UnknownToken
from jhub.fleet.events import ServerEvent, Target
from jhub.fleet.finish import failed, give_up, succeeded
from jhub.fleet.in_flight import Child, Phase, UnderWay
from jhub.fleet.latency import TRANSIT_SECONDS, Sample, measure
from jhub.fleet.state import MAX_WAIT_SECONDS, State, away, said
from jhub.steps import Done, Emit, Flow, Sleep

MIN_PAUSE_SECONDS = 1.0
MAX_PAUSE_SECONDS = 10.0
"""Seconds until one is sent again that was on its way down; from the former to the latter."""


def send(fleet: State, now: float) -> Flow[None]:
    """Send as many as there is room for."""
    while fleet.job.send is not None and fleet.queue and room(fleet, now):
        wanted, present = fleet.take(), fleet.present(now)
        if wanted.refused is not None and present >= wanted.since + fleet.timeout:
            yield from in_vain(fleet, wanted.target, wanted.refused)
            continue
        one = fleet.add(replace(wanted, since=min(wanted.since, present)), now)
        concurrency = fleet.limiter.concurrency if fleet.limiter.limit else None
        yield Emit(ServerEvent(fleet.job.begins, one.target, concurrency=concurrency))
        yield fleet.fork(fleet.job.send(one.target), Child("send", one))
        fleet.probe.on_dispatch()


def room(fleet: State, now: float) -> bool:
    """Return whether one more may be sent."""
    if fleet.why or fleet.outage.now or fleet.count(Phase.DIAGNOSING):
        return False  # it is found out first why some have failed
    on_their_way = fleet.of_the_hub
    if "rest" in fleet.forks and not on_their_way:
        return False
    if not fleet.proven:
        if any(each.ours for each in fleet.under_way.values()):
            return False
        if not on_their_way:
            return True
    return fleet.limiter.available(on_their_way, fleet.count(Phase.REQUESTED), now) > 0


def probe(fleet: State, now: float) -> Flow[None]:
    """Feel the hub's pulse, if it is time."""
    if "probe" not in fleet.forks and now >= next_probe(fleet, now):
        yield fleet.fork(measure(), "probe")


def next_probe(fleet: State, now: float) -> float:
    """Return when it is time."""
    if fleet.job.send is None or not fleet.queue or fleet.why or fleet.outage.now or not fleet.proven:
        return now + MAX_WAIT_SECONDS
    return fleet.probe.due(fleet.limiter.burst, fleet.count(Phase.REQUESTED))


def on_probe(fleet: State, sample: Sample | None, now: float) -> None:
    """Handle the end of a beat. The hub has taken up what came before one that it has answered."""
    fleet.probe.on_result(now)
    if sample is None:
        return
    fleet.outage.meet()
    fleet.limiter.on_latency(sample.seconds)
    for one in fleet.under_way.values():
        if one.sent <= sample.began - TRANSIT_SECONDS and one.error is None:
            one.accept()


def answered(fleet: State, one: UnderWay, done: Done, now: float) -> Flow[None]:
    """Handle an answer of the hub, or of something before it."""
    if one.phase is Phase.CANCELLING:
        return
    if not away(done.error):
        fleet.outage.meet()
    match done.error:
        case None:
            one.answer(now, completed=done.answer)
            if done.answer and not fleet.job.look_after:
                yield from succeeded(fleet, one, None, now)
            elif not done.answer and (fleet.followed or not fleet.proven):
                yield from follow(fleet, one, now)
        case Throttled() as error:
            yield from throttled(fleet, one, error, now)
        case ServerPending() as error:
            yield from once_more(fleet, one, error)
        case UnknownToken() as error:
            # Nothing can be asked any more, nor what becomes of those on their way.
            yield from give_up(fleet, error, now)
        case error if away(error) or isinstance(error, HubBroken):
            one.lose_answer(now, error)
            if away(error):
                fleet.outage.begins(now)
            fleet.schedule.expedite()
        case error:
            yield from failed(fleet, one.target, error, now)


def throttled(fleet: State, one: UnderWay, error: Throttled, now: float) -> Flow[None]:
    """Send one back that the hub did not take."""
    fleet.drop(one.target)
    on_their_way = fleet.of_the_hub
    fleet.limiter.on_rejected(on_their_way, error.retry_after, now)
    # Where some of ours are on their way, one that ends makes room. Else only time does.
    pause = 0.0 if on_their_way else max(error.retry_after, 1.0)
    if pause and "rest" not in fleet.forks:
        yield fleet.fork(_rest(pause), "rest")
    if fleet.present(now) + pause >= one.wanted.since + fleet.timeout:
        yield from in_vain(fleet, one.target, error)
        return
    fleet.requeue(replace(one.wanted, refused=error))
    yield Emit(ServerEvent("queued", one.target, said(error, one.target)))


def in_vain(fleet: State, target: Target, error: HubError) -> Flow[None]:
    """Fail one that has waited for all its time. Where none of ours holds the room, neither will others find any."""
    if isinstance(error, Throttled) and not fleet.of_the_hub:
        fleet.stop(f"the hub is busy starting others: {said(error, target)}")
    yield from failed(fleet, target, error, None)


def once_more(fleet: State, one: UnderWay, error: HubError) -> Flow[None]:
    """Set one aside with which the hub does something else: mostly it is on its way down, and takes no request."""
    fleet.drop(one.target)
    wanted = replace(
        one.wanted, refused=error, pause=min(max(2 * one.wanted.pause, MIN_PAUSE_SECONDS), MAX_PAUSE_SECONDS)
    )
    yield Emit(ServerEvent("queued", one.target))
    yield fleet.fork(_rest(wanted.pause), wanted)


def follow(fleet: State, one: UnderWay, now: float) -> Flow[None]:
    """Follow its progress stream, once."""
    if fleet.job.follow is not None and one.wanted.tries == 1:
        one.follow()
        left = max(0.0, one.sent + fleet.timeout - now)
        yield fleet.fork(fleet.job.follow(one.target, left), Child("follow", one))


def _rest(seconds: float) -> Flow[None]:
    yield Sleep(seconds, jitter=0.1)
