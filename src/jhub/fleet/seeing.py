"""What looks at the servers have seen, and what is made of it; why some have failed; and a hub that gives no answer."""

from __future__ import annotations

import heapq

from jhub.errors import HubBroke, HubError
from jhub.fleet.breaking_off import take_back, taken_back
from jhub.fleet.ending import failed, succeeded
from jhub.fleet.events import ServerEvent
from jhub.fleet.looks import Seen
from jhub.fleet.state import TICK, State, away
from jhub.fleet.under_way import UnderWay
from jhub.steps import Emit, Flow, Fork

TRIES = 3
"""For one server, where the hub went away in the middle of it."""
ASKED = 8
"""Servers at a time of which is asked why they failed: of those that are waited for it may be all at once."""
AWAY = "the hub gives no answer; it is waited for"


def look(fleet: State, now: float) -> Flow[None]:
    """Look at all of them, if it is time."""
    if fleet.looking or now < next_look(fleet, now):
        return
    fleet.looking = True
    # A hub that is gone is looked for with whatever there is.
    every = fleet.under_way.values()
    some = every if fleet.cancels else fleet.under_way.unknown or every
    yield Fork(fleet.looks.look({each.target for each in some} or {fleet.targets[0]}), "look")


def next_look(fleet: State, now: float) -> float:
    """When it is time."""
    if fleet.outage.now:
        return fleet.rhythm.last + fleet.outage.pause
    if not (waiting := fleet.under_way.unknown):
        # What is to be taken back has to be seen on its way.
        return fleet.rhythm.next(now, [], fleet.looks.requests) if fleet.cancels and fleet.under_way else now + TICK
    sent = [each.sent for each in waiting if not each.over]
    last = not sent and len(waiting) == len(fleet.under_way)
    return fleet.rhythm.next(now, sent, fleet.looks.requests, last=last, over=len(sent) < len(waiting))


def saw(fleet: State, seen: Seen, now: float) -> Flow[None]:
    """A look has ended."""
    if fleet.outage.serious:
        fleet.proven = fleet.breaker is None  # it may have been our starts that it died of
    fleet.outage.ends()
    fleet.met = True
    changed = False
    for one in list(fleet.under_way.values()):
        if one.target not in seen.wanted:
            continue
        # What was sent after it began may or may not be in it; what is in it is there.
        server = seen.servers.get(one.target)
        verdict = fleet.job.judge(server)
        certain = one.answered is not None and one.answered <= seen.began
        if verdict == "on its way":
            changed = changed or not one.taken
            one.taken, one.error = True, None
            if fleet.cancels and one.ours and not one.cancelling:
                yield from take_back(fleet, one)
        elif one.asking or (one.sent > seen.began and not certain):
            continue
        elif one.cancelling:
            if certain and verdict == "not begun":
                yield from taken_back(fleet, one)
        elif verdict == "done" and (server is not None or certain):
            changed = True
            yield from succeeded(fleet, one, server, now)
        elif verdict == "not begun" and certain:
            changed = True
            yield from not_begun(fleet, one, now)
    fleet.rhythm.looked(now, now - seen.began, changed=changed)


def not_begun(fleet: State, one: UnderWay, now: float) -> Flow[None]:
    """The hub has answered, and nothing has come of it."""
    if fleet.job.why is None:
        yield from explained(fleet, one, None, now)
    else:
        one.asking = True
        fleet.to_explain.append(one)


def ask(fleet: State) -> Flow[None]:
    """Find out why some failed, a few at a time."""
    while fleet.to_explain and fleet.asked < ASKED:
        one = fleet.to_explain.popleft()
        if fleet.job.why is not None and fleet.under_way.get(str(one.target)) is one:
            fleet.asked += 1
            yield Fork(fleet.job.why(one.target), f"why {one.target}")


def explained(fleet: State, one: UnderWay, failure: HubError | None, now: float) -> Flow[None]:
    """Fail, or try again what the hub has forgotten: it restarted in the middle. A failed start it would know."""
    lost = one.ours and (away(one.error) or one.outages != fleet.outage.count)
    if failure is not None or not lost or one.tries == TRIES:
        yield from failed(fleet, one.target, failure or fleet.job.unexplained(one.target, one.error), now)
        return
    fleet.under_way.drop(one.target)
    heapq.heappush(fleet.queue, one.again(tries=one.tries + 1))
    yield Emit(ServerEvent("queued", one.target, "the hub went away in the middle of it; once more"))


def blind(fleet: State, error: HubError, now: float) -> Flow[None]:
    """A look has failed."""
    fleet.rhythm.last = now
    if not (fleet.met and (away(error) or isinstance(error, HubBroke))):
        # A token that may not look, so that nothing can be known of any; or there is no hub.
        yield from give_up(fleet, error, now)
        return
    if not fleet.outage.told:
        fleet.outage.told = True
        left = [*(one.target for one in fleet.under_way.values()), *(one.target for one in fleet.queue)]
        yield Emit(ServerEvent("waiting", (left or fleet.targets)[0], AWAY))
    if not fleet.outage.goes_on(now):
        yield from give_up(fleet, error, now)


def give_up(fleet: State, error: HubError, now: float) -> Flow[None]:
    """Nothing can be known of those under way, and nothing more is sent."""
    fleet.why = fleet.why or f"not sent: {error}"
    for one in list(fleet.under_way.values()):
        yield from failed(fleet, one.target, error, now)
