"""What looks at the servers have seen, and what is made of it; why some have failed; and a hub that gives no answer."""

from __future__ import annotations

from jhub.errors import HubBroken, HubError, Throttled
from jhub.fleet.breaking_off import take_back, taken_back
from jhub.fleet.dispatch import MIN_PAUSE_SECONDS, once_more
from jhub.fleet.events import ServerEvent
from jhub.fleet.finish import failed, give_up, succeeded
from jhub.fleet.in_flight import Child, Phase, UnderWay, Wanted
from jhub.fleet.jobs import BUSY, Forgotten
from jhub.fleet.snapshot import Seen
from jhub.fleet.state import MAX_WAIT_SECONDS, State, away
from jhub.models import Server
from jhub.steps import Emit, Flow

TRIES = 3
"""For one server, where the hub went away in the middle of it."""
ASKED = 8
"""Servers at a time of which is asked why they failed: of those that are waited for it may be all at once."""
WENT = "the hub went away in the middle of it"
FORGOTTEN = "the hub knows nothing of it any more"
AWAY = "the hub gives no answer; it is waited for"


def look(fleet: State, now: float) -> Flow[None]:
    """Look at all of them, if it is time."""
    if "look" in fleet.forks or now < next_look(fleet, now):
        return
    # A hub that is gone is looked for with whatever there is.
    every = fleet.under_way.values()
    some = every if fleet.cancels else fleet.unknown or every
    yield fleet.fork(fleet.looks.look({each.target for each in some} or {fleet.targets[0]}), "look")


def next_look(fleet: State, now: float) -> float:
    """Return when it is time."""
    if fleet.outage.now:
        return fleet.schedule.last + fleet.outage.pause
    if not (waiting := fleet.unknown):
        # What is to be taken back has to be seen on its way.
        return (
            fleet.schedule.next([], fleet.looks.requests)
            if fleet.cancels and fleet.under_way
            else now + MAX_WAIT_SECONDS
        )
    completed = Phase.COMPLETED  # looked up once: a member of an enum is a slow attribute on Python 3.11
    sent = [each.sent for each in waiting if each.phase is not completed]
    all_ready = not sent and len(waiting) == len(fleet.under_way)
    soon = fleet.schedule.next(sent, fleet.looks.requests, all_ready=all_ready, some_ready=len(sent) < len(waiting))
    if soon <= fleet.first_due:
        return soon
    # None fails without having been looked at when its time was over.
    dues = [due for each in waiting if (due := fleet.due(each)) > fleet.seen]
    return min(soon, max(min(dues), fleet.schedule.last + MIN_PAUSE_SECONDS)) if dues else soon


def saw(fleet: State, seen: Seen, now: float) -> Flow[None]:
    """Handle what a look has seen."""
    fleet.observe(seen.began, now)
    changed = False
    for one in list(fleet.under_way.values()):
        if one.target in seen.hidden:
            yield from failed(fleet, one.target, seen.hidden[one.target], now)
        if one.target not in seen.wanted:
            continue
        # What was sent after it began may or may not be in it; what is in it is there.
        server = seen.servers.get(one.target)
        verdict = fleet.job.judge(server)
        certain = one.answered is not None and one.answered <= seen.began
        if verdict == "on its way" and certain and one.error is not None and server and server.pending is None:
            verdict = "not begun"  # it is there, and the hub has not begun to delete it
        if verdict == "on its way":
            changed |= one.accept()
            if fleet.cancels and one.ours and one.phase is not Phase.CANCELLING:
                yield from take_back(fleet, one)
        elif one.phase is Phase.DIAGNOSING or (one.sent > seen.began and not certain):
            continue
        elif one.phase is Phase.CANCELLING:
            if certain and verdict == "not begun":
                yield from taken_back(fleet, one)
        elif verdict == "done" and (server is not None or certain):
            changed = True
            yield from succeeded(fleet, one, server, now)
        elif verdict == "not begun" and certain:
            changed = True
            yield from not_begun(fleet, one, server, now)
    fleet.schedule.on_snapshot(now, now - seen.began, changed=changed)


def not_begun(fleet: State, one: UnderWay, server: Server | None, now: float) -> Flow[None]:
    """Handle one that the hub has answered, and of which nothing has come."""
    if server is not None and server.pending in BUSY:
        still = HubError(f"server {one.target}: the hub is not done with its {server.pending}")
        yield from once_more(fleet, one, one.error or still)
    elif fleet.job.why is None:
        yield from explained(fleet, one, None, now)
    else:
        one.diagnose()


def ask(fleet: State) -> Flow[None]:
    """Find out why some failed, a few at a time."""
    if fleet.job.why is None or not fleet.count(Phase.DIAGNOSING):
        return
    forked = [tag.one for tag in fleet.forks if isinstance(tag, Child) and tag.task == "diagnose"]
    failures = [each for each in fleet.under_way.values() if each.phase is Phase.DIAGNOSING and each not in forked]
    for one in failures[: ASKED - len(forked)]:
        yield fleet.fork(fleet.job.why(one.target), Child("diagnose", one))


def explained(fleet: State, one: UnderWay, failure: HubError | None, now: float) -> Flow[None]:
    """Fail, or try again what the hub has forgotten: it restarted in the middle. A failed start it would know."""
    told = None if isinstance(failure, Forgotten) else failure
    forgotten = told is not failure and not isinstance(one.error, HubBroken)  # such a one it has refused
    busy = fleet.job.why is None and one.wanted.refused is not None  # with something else, a moment ago
    lost = forgotten or busy or away(one.error) or one.outages != fleet.outage.count
    if told is not None or not lost or fleet.job.send is None or one.wanted.tries == TRIES:
        yield from failed(fleet, one.target, told or fleet.job.unexplained(one.target, one.error), now)
        return
    if forgotten and one.outages >= fleet.proof_from and fleet.outage.forgot(one.outages, now):
        fleet.prove_anew()
    fleet.drop(one.target)
    fleet.requeue(Wanted(one.wanted.place, one.target, tries=one.wanted.tries + 1))
    yield Emit(ServerEvent("queued", one.target, f"{FORGOTTEN if forgotten else WENT}; once more"))


def blind(fleet: State, error: HubError, now: float) -> Flow[None]:
    """Handle a look that has failed."""
    fleet.schedule.on_snapshot_failed(now)
    if not (isinstance(error, HubBroken | Throttled) or (fleet.outage.met and away(error))):
        # A token that may not look, so that nothing can be known of any; or there is no hub.
        yield from give_up(fleet, error, now)
        return
    if fleet.outage.announce():
        left = [*(one.target for one in fleet.under_way.values()), *(one.target for one in fleet.queue)]
        yield Emit(ServerEvent("waiting", (left or fleet.targets)[0], AWAY))
    if not fleet.outage.goes_on(now, error.retry_after if isinstance(error, Throttled) else 0.0):
        yield from give_up(fleet, error, now)
