"""What is sent and when, and the hub's answers to it."""

from __future__ import annotations

import heapq
from dataclasses import replace

from jhub.errors import HubBroke, HubError, ServerPending, Throttled, UnknownToken
from jhub.fleet.ending import failed, give_up, succeeded
from jhub.fleet.events import ServerEvent, Target
from jhub.fleet.pulse import BEFORE, Beat, beat
from jhub.fleet.state import TICK, State, away, said
from jhub.fleet.under_way import UnderWay
from jhub.steps import Done, Emit, Flow, Fork, Sleep

MOMENT = 1.0
LONGEST = 10.0
"""Seconds until one is sent again that was on its way down; from the former to the latter."""


def send(fleet: State, now: float) -> Flow[None]:
    """As many as there is room for."""
    while fleet.job.send is not None and fleet.queue and room(fleet, now):
        one = heapq.heappop(fleet.queue)
        present = fleet.present(now)
        if one.refused is not None and present >= one.since + fleet.timeout:
            yield from in_vain(fleet, one.target, one.refused)
            continue
        wanted = replace(one, since=min(one.since, present))
        fleet.under_way.add(UnderWay(wanted, now, present, fleet.outage.count))
        pace = fleet.pace.window if fleet.pace.limit else None
        yield Emit(ServerEvent(fleet.job.begins, one.target, pace=pace))
        yield Fork(fleet.job.send(one.target), f"send {one.target}")
        fleet.pulse.sent += 1


def room(fleet: State, now: float) -> bool:
    """Whether one more may be sent."""
    if fleet.why or fleet.outage.now or fleet.to_explain or fleet.asked:
        return False  # it is found out first why some have failed
    on_their_way = fleet.under_way.of_the_hub
    if fleet.resting and not on_their_way:
        return False
    if not fleet.proven:
        if any(each.ours for each in fleet.under_way.values()):
            return False
        if not on_their_way:
            return True
    return fleet.pace.room(on_their_way, fleet.under_way.untaken, now) > 0


def feel(fleet: State, now: float) -> Flow[None]:
    """Feel the hub's pulse, if it is time."""
    if not fleet.pulse.under_way and now >= next_beat(fleet, now):
        fleet.pulse.under_way = True
        yield Fork(beat(), "pulse")


def next_beat(fleet: State, now: float) -> float:
    """When it is time."""
    if fleet.job.send is None or not fleet.queue or fleet.why or fleet.outage.now or not fleet.proven:
        return now + TICK
    return fleet.pulse.due(fleet.pace.burst, fleet.under_way.untaken)


def felt(fleet: State, beat: Beat) -> None:
    """It was felt: what came to the hub before was taken up."""
    fleet.met = True
    fleet.pace.answered(beat.seconds)
    for one in fleet.under_way.values():
        one.taken = one.taken or (one.sent <= beat.began - BEFORE and one.error is None)


def answered(fleet: State, one: UnderWay, done: Done, now: float) -> Flow[None]:
    """The hub has answered, or something on the way to it has."""
    if one.cancelling:
        return
    fleet.met = fleet.met or not away(done.error)
    one.answered = now
    match done.error:
        case None:
            one.taken, one.over = True, done.answer
            if one.over and not fleet.job.look_after:
                yield from succeeded(fleet, one, None, now)
            elif not one.over and (fleet.followed or not fleet.proven):
                yield from follow(fleet, one, now)
        case Throttled() as error:
            yield from throttled(fleet, one, error, now)
        case ServerPending() as error:
            yield from once_more(fleet, one, error)
        case UnknownToken() as error:
            # Nothing can be asked any more, nor what becomes of those on their way.
            yield from give_up(fleet, error, now)
        case error if away(error) or isinstance(error, HubBroke):
            one.error = error
            if away(error):
                fleet.outage.begins(now)
            fleet.rhythm.hurry()
        case error:
            yield from failed(fleet, one.target, error, now)


def throttled(fleet: State, one: UnderWay, error: Throttled, now: float) -> Flow[None]:
    """The hub did not take it."""
    fleet.under_way.drop(one.target)
    on_their_way = fleet.under_way.of_the_hub
    fleet.pace.refused(on_their_way, error.retry_after, now)
    # Where some of ours are on their way, one that ends makes room. Else only time does.
    pause = 0.0 if on_their_way else max(error.retry_after, 1.0)
    if pause and not fleet.resting:
        fleet.resting = True
        yield Fork(_rest(pause), "rest")
    if fleet.present(now) + pause >= one.wanted.since + fleet.timeout:
        yield from in_vain(fleet, one.target, error)
        return
    heapq.heappush(fleet.queue, replace(one.wanted, refused=error))
    yield Emit(ServerEvent("queued", one.target, said(error, one.target)))


def in_vain(fleet: State, target: Target, error: HubError) -> Flow[None]:
    """It has waited for all its time. Where none of ours holds the room, neither will others find any."""
    if isinstance(error, Throttled) and not fleet.under_way.of_the_hub:
        fleet.why = fleet.why or f"the hub is busy starting others: {said(error, target)}"
    yield from failed(fleet, target, error, None)


def once_more(fleet: State, one: UnderWay, error: HubError) -> Flow[None]:
    """The hub does something else with the server: mostly it is on its way down. It takes no request meanwhile."""
    fleet.under_way.drop(one.target)
    pause = min(max(2 * one.wanted.pause, MOMENT), LONGEST)
    fleet.later[str(one.target)] = replace(one.wanted, refused=error, pause=pause)
    yield Emit(ServerEvent("queued", one.target))
    yield Fork(_rest(pause), f"later {one.target}")


def follow(fleet: State, one: UnderWay, now: float) -> Flow[None]:
    """Follow its progress stream, once."""
    if fleet.job.follow is not None and one.wanted.tries == 1:
        one.listening = True
        left = max(0.0, one.sent + fleet.timeout - now)
        yield Fork(fleet.job.follow(one.target, left), f"follow {one.target}")


def _rest(seconds: float) -> Flow[None]:
    yield Sleep(seconds, jitter=0.1)
