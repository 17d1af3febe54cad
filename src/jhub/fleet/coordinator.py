"""The coordinator flow: as many servers at a time as the hub takes, watched by shared looks, until all have ended.

Its children send, look, follow a stream or ask for a reason, and end; what they find is judged here.
"""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Callable, Iterable, Sequence

from jhub.errors import (
    BadRequest,
    HubBroke,
    HubError,
    InvalidInput,
    NotAHub,
    SpawnFailed,
    StillPending,
    Throttled,
    Unavailable,
)
from jhub.fleet.breaker import IN_A_ROW, Breaker
from jhub.fleet.events import ServerEvent, Summary, Tally, Target
from jhub.fleet.jobs import Job
from jhub.fleet.looks import Looks, Seen
from jhub.fleet.outage import Outage
from jhub.fleet.pace import Pace
from jhub.fleet.pulse import BEFORE, Beat, Pulse, beat
from jhub.fleet.rhythm import Rhythm
from jhub.fleet.under_way import UnderWay, UnderWays
from jhub.models import Server
from jhub.operations.servers import failure_in
from jhub.steps import Cancel, Done, Emit, Flow, Fork, HubVersion, Next, Now, Sleep

FEW = 4
"""Servers of which each one's way is followed by its progress stream."""
TRIES = 3
"""For one server, where the hub went away in the middle of it."""
MOMENT = 1.0
"""Seconds until one is sent again that was on its way down."""
GRACE = 15.0
"""Seconds beyond its time in which one that is there may be seen."""
TICK = 60.0
ASKED = 8
"""Servers at a time of which is asked why they failed: of those that are waited for it may be all at once."""
CANCELS = (5, 1)
"""The first JupyterHub where stopping a server that is starting cancels the start."""
AWAY = "the hub gives no answer; it is waited for"


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
    return _Fleet(list(dict.fromkeys(targets)), job, timeout, pace or Pace(), breaker).run()


class _Fleet:
    def __init__(
        self, targets: Sequence[Target], job: Job, timeout: float, pace: Pace, breaker: Breaker | None
    ) -> None:
        self.targets = targets
        self.job = job
        self.timeout = timeout
        self.pace = pace
        self.breaker = breaker
        self.looks = Looks(stopped=job.stopped)
        self.tally: Tally[ServerEvent] = Tally()
        self.queue = list(enumerate(targets))  # a heap: those sent back keep their place
        self.under_way = UnderWays()
        self.since: dict[Target, float] = {}
        """When each was first asked for."""
        self.refused: dict[Target, HubError] = {}
        """What the hub said to those that are to be sent again."""
        self.later: dict[str, tuple[int, Target]] = {}
        """Those that are to be sent again in a moment."""
        self.tries: dict[Target, int] = {}
        self.proven = breaker is None or len(targets) <= IN_A_ROW
        self.followed = job.follow is not None and len(targets) <= FEW
        self.why = ""
        """Why nothing more is sent."""
        self.looking = False
        self.to_explain = deque[UnderWay]()
        """Those that failed, in turn."""
        self.asked = 0
        self.resting = False
        self.met = False
        """The hub has answered: one that never did is not waited for."""
        self.cancels = False
        """What is on its way is taken back."""
        self.outage = Outage()

    def run(self) -> Flow[Summary]:
        if not self.timeout > 0:
            raise InvalidInput(f"a timeout of {self.timeout} s leaves no time for anything")
        began = yield from Now()
        self.rhythm, self.pulse = Rhythm(self.pace.load, began), Pulse(self.pace.load, began)
        seen = None
        if self.job.look_before is not None and len(self.targets) > FEW:
            seen = yield from self.looks.look(set(self.targets), sure=False)
        for target in self.targets:
            yield Emit(ServerEvent("queued", target))
        if self.job.look_before is not None and seen is not None:
            yield from self.saw_before(seen, self.job.look_before)
        if self.job.send is None:
            yield from self.join_all()
        while self.unfinished:
            now = yield from Now()
            yield from self.overdue(now)
            yield from self.break_off()
            yield from self.send(now)
            yield from self.feel(now)
            yield from self.look(now)
            yield from self.ask()
            if self.unfinished and (done := (yield from Next(self.patience(now)))) is not None:
                yield from self.ended(done)
        for _, target in sorted([*self.queue, *self.later.values()]):
            yield from self.tell(ServerEvent("skipped", target, self.why))
        return Summary(*self.tally.parts(), (yield from Now()) - began)

    @property
    def unfinished(self) -> bool:
        """Whether there is anything left to do."""
        return bool(self.under_way or ((self.queue or self.later) and not self.why))

    # What is sent

    def saw_before(self, seen: Seen, holds: Callable[[Server], object]) -> Flow[None]:
        """Take what runs already as done, and what is on its way as sent."""
        self.met = True
        now = yield from Now()
        waiting: list[tuple[int, Target]] = []
        for place, target in self.queue:
            server = seen.servers.get(target)
            if server is not None and server.ready:
                try:
                    holds(server)
                except HubError as error:
                    yield from self.failed(target, error, None)
                else:
                    yield from self.tell(ServerEvent(self.job.ends, target, seconds=0.0, server=server))
            elif server is not None and server.pending == "spawn":
                yield from self.join(place, target, now)
            else:
                waiting.append((place, target))
        self.queue = waiting
        self.rhythm.looked(now, now - seen.began, changed=True)

    def join_all(self) -> Flow[None]:
        now = yield from Now()
        for place, target in self.queue:
            one = yield from self.join(place, target, now)
            if self.followed:
                yield from self.follow(one, now)
        self.queue = []

    def join(self, place: int, target: Target, now: float) -> Flow[UnderWay]:
        """One that somebody else has asked for."""
        yield Emit(ServerEvent(self.job.begins, target))
        one = UnderWay(target, place, now, now, self.outage.count, ours=False, taken=True, answered=now)
        return self.under_way.add(one)

    def send(self, now: float) -> Flow[None]:
        send = self.job.send
        while send is not None and self.queue and self.room(now):
            place, target = heapq.heappop(self.queue)
            since = self.since.setdefault(target, now)
            if target in self.refused and now >= since + self.timeout:
                yield from self.failed(target, self.refused[target], None)
                continue
            self.under_way.add(UnderWay(target, place, since, now, self.outage.count))
            yield Emit(ServerEvent(self.job.begins, target, pace=self.pace.window if self.pace.limit else None))
            yield Fork(send(target), f"send {target}")
            self.pulse.sent += 1

    def room(self, now: float) -> bool:
        if self.why or self.outage.now:
            return False
        on_their_way = self.under_way.of_the_hub
        if self.resting and not on_their_way:
            return False
        if not self.proven:
            return not any(each.ours for each in self.under_way.values())
        return self.pace.room(on_their_way, self.under_way.untaken, now) > 0

    def feel(self, now: float) -> Flow[None]:
        """Feel the hub's pulse, if it is time."""
        if not self.pulse.under_way and now >= self.next_beat(now):
            self.pulse.under_way = True
            yield Fork(beat(), "pulse")

    def next_beat(self, now: float) -> float:
        if self.job.send is None or not self.queue or self.why or self.outage.now or not self.proven:
            return now + TICK
        return self.pulse.due(self.pace.burst, self.under_way.untaken)

    def look(self, now: float) -> Flow[None]:
        """Look at all of them, if it is time."""
        if self.looking or now < self.next_look(now):
            return
        self.looking = True
        # A hub that is gone is looked for with whatever there is.
        some = self.under_way.values() if self.cancels else self.under_way.unknown or self.under_way.values()
        yield Fork(self.looks.look({each.target for each in some} or {self.targets[0]}), "look")

    def next_look(self, now: float) -> float:
        if self.outage.now:
            return self.rhythm.last + self.outage.pause
        if not (waiting := self.under_way.unknown):
            # What is to be taken back has to be seen on its way.
            return self.rhythm.next(now, [], self.looks.requests) if self.cancels and self.under_way else now + TICK
        sent = [each.sent for each in waiting if not each.over]
        last = not sent and len(waiting) == len(self.under_way)
        return self.rhythm.next(now, sent, self.looks.requests, last=last, over=len(sent) < len(waiting))

    def patience(self, now: float) -> float:
        """Seconds until there is something to do even if nothing ends."""
        ends = [self.ends(each) for each in self.under_way.values() if not each.asking]
        moments = [now + TICK, *ends]
        moments += [] if self.looking else [self.next_look(now)]
        moments += [] if self.pulse.under_way else [self.next_beat(now)]
        return max(0.0, min(moments) - now)

    # What comes back

    def ended(self, done: Done) -> Flow[None]:
        what, _, name = done.tag.partition(" ")
        now = yield from Now()
        if what == "look":
            self.looking = False
            yield from self.saw(done.answer, now) if done.error is None else self.blind(done.error, now)
        elif what == "pulse":
            self.pulse.felt(now)
            if done.error is None:
                self.felt(done.answer)
        elif what == "rest":
            self.resting = False
        elif what == "later":
            heapq.heappush(self.queue, self.later.pop(name))
        elif what == "why":
            self.asked -= 1
            if (one := self.under_way.get(name)) is not None:
                yield from self.explained(one, done.error or done.answer, now)
        elif (one := self.under_way.get(name)) is None:
            return
        elif what == "send":
            yield from self.answered(one, done, now)
        elif what == "follow":
            one.listening = False
            reason = failure_in(done.answer)
            if reason and not one.cancelling:
                yield from self.failed(one.target, SpawnFailed(str(one.target), reason), now)
            elif done.answer is not None:
                self.rhythm.hurry()
        elif what == "cancel":
            yield from self.cancelled(one, done)

    def felt(self, beat: Beat) -> None:
        self.pace.answered(beat.seconds)
        for one in self.under_way.values():
            one.taken = one.taken or (one.sent <= beat.began - BEFORE and one.error is None)

    def answered(self, one: UnderWay, done: Done, now: float) -> Flow[None]:
        if one.cancelling:
            return
        self.met = self.met or not _away(done.error)
        one.answered = now
        match done.error:
            case None:
                one.taken, one.over = True, done.answer
                if one.over and not self.job.look_after:
                    yield from self.succeeded(one, None, now)
                elif not one.over and (self.followed or not self.proven):
                    yield from self.follow(one, now)
            case Throttled() as error:
                yield from self.throttled(one, error, now)
            case BadRequest() as error if "pending stop" in str(error):
                yield from self.once_more(one, error)
            case error if _away(error) or isinstance(error, HubBroke):
                one.error = error
                if _away(error):
                    self.outage.begins(now)
                self.rhythm.hurry()
            case error:
                yield from self.failed(one.target, error, now)

    def throttled(self, one: UnderWay, error: Throttled, now: float) -> Flow[None]:
        self.under_way.drop(one.target)
        on_their_way = self.under_way.of_the_hub
        self.pace.refused(on_their_way, error.retry_after, now)
        # Where some of ours are on their way, one that ends makes room. Else only time does.
        pause = 0.0 if on_their_way else max(error.retry_after, 1.0)
        if pause and not self.resting:
            self.resting = True
            yield Fork(_rest(pause), "rest")
        if now + pause >= one.since + self.timeout:
            self.under_way.add(one)
            yield from self.failed(one.target, error, now)
            return
        self.refused[one.target] = error
        heapq.heappush(self.queue, (one.place, one.target))
        yield Emit(ServerEvent("queued", one.target, _said(error, one.target)))

    def once_more(self, one: UnderWay, error: BadRequest) -> Flow[None]:
        """The server is on its way down; JupyterHub takes no start meanwhile."""
        self.under_way.drop(one.target)
        self.refused[one.target] = error
        self.later[str(one.target)] = one.place, one.target
        yield Emit(ServerEvent("queued", one.target))
        yield Fork(_rest(MOMENT), f"later {one.target}")

    def follow(self, one: UnderWay, now: float) -> Flow[None]:
        if self.job.follow is not None and one.target not in self.tries:
            one.listening = True
            left = max(0.0, one.sent + self.timeout - now)
            yield Fork(self.job.follow(one.target, left), f"follow {one.target}")

    def saw(self, seen: Seen, now: float) -> Flow[None]:
        if self.outage.serious:
            self.proven = self.breaker is None  # it may have been our starts that it died of
        self.outage.ends()
        self.met = True
        changed = False
        for one in list(self.under_way.values()):
            if one.target not in seen.wanted:
                continue
            # What was sent after it began may or may not be in it; what is in it is there.
            server = seen.servers.get(one.target)
            verdict = self.job.judge(server)
            certain = one.answered is not None and one.answered <= seen.began
            if verdict == "on its way":
                changed = changed or not one.taken
                one.taken, one.error = True, None
                if self.cancels and one.ours and not one.cancelling:
                    yield from self.take_back(one)
            elif one.asking or (one.sent > seen.began and not certain):
                continue
            elif one.cancelling:
                if certain and verdict == "not begun":
                    yield from self.taken_back(one)
            elif verdict == "done" and (server is not None or certain):
                changed = True
                yield from self.succeeded(one, server, now)
            elif verdict == "not begun" and certain:
                changed = True
                yield from self.not_begun(one, now)
        self.rhythm.looked(now, now - seen.began, changed=changed)

    def not_begun(self, one: UnderWay, now: float) -> Flow[None]:
        """The hub has answered, and nothing has come of it."""
        if self.job.why is None:
            yield from self.explained(one, None, now)
        else:
            one.asking = True
            self.to_explain.append(one)

    def ask(self) -> Flow[None]:
        """Find out why some failed, a few at a time."""
        while self.to_explain and self.asked < ASKED:
            one = self.to_explain.popleft()
            if self.job.why is not None and self.under_way.get(str(one.target)) is one:
                self.asked += 1
                yield Fork(self.job.why(one.target), f"why {one.target}")

    def explained(self, one: UnderWay, failure: HubError | None, now: float) -> Flow[None]:
        """Fail, or try again what the hub has forgotten: it restarted in the middle. A failed start it would know."""
        lost = one.ours and (_away(one.error) or one.outages != self.outage.count)
        tries = self.tries.get(one.target, 1)
        if failure is not None or not lost or tries == TRIES:
            yield from self.failed(one.target, failure or self.job.unexplained(one.target, one.error), now)
            return
        self.tries[one.target] = tries + 1
        self.under_way.drop(one.target)
        heapq.heappush(self.queue, (one.place, one.target))
        yield Emit(ServerEvent("queued", one.target, "the hub went away in the middle of it; once more"))

    # A hub without an answer

    def blind(self, error: HubError, now: float) -> Flow[None]:
        """A look has failed."""
        self.rhythm.last = now
        if not (self.met and (_away(error) or isinstance(error, HubBroke))):
            # A token that may not look, so that nothing can be known of any; or there is no hub.
            yield from self.give_up(error, now)
            return
        if not self.outage.told:
            self.outage.told = True
            left = [*(one.target for one in self.under_way.values()), *(target for _, target in self.queue)]
            yield Emit(ServerEvent("waiting", (left or self.targets)[0], AWAY))
        if not self.outage.goes_on(now):
            yield from self.give_up(error, now)

    def give_up(self, error: HubError, now: float) -> Flow[None]:
        self.why = self.why or f"not sent: {error}"
        for one in list(self.under_way.values()):
            yield from self.failed(one.target, error, now)

    # How they end

    def overdue(self, now: float) -> Flow[None]:
        for one in list(self.under_way.values()):
            if now >= self.ends(one) and not one.asking:
                said = self.job.overdue.format(seconds=self.timeout)
                late = StillPending(f"server {one.target}: {said}", hint="wait on, or run the same command again")
                yield from self.failed(one.target, one.error or late, now)
                yield Cancel(f"send {one.target}")
                yield Cancel(f"follow {one.target}")

    def ends(self, one: UnderWay) -> float:
        """When one has taken too long. One that is there has only to be seen."""
        return one.sent + self.timeout + (GRACE if one.over else 0.0)

    def succeeded(self, one: UnderWay, server: Server | None, now: float) -> Flow[None]:
        try:
            if server is not None:
                self.job.accept(server)
        except HubError as error:
            yield from self.failed(one.target, error, now)
            return
        self.under_way.drop(one.target)
        self.proven = True
        if self.breaker is not None:
            self.breaker.came_up()
        self.rhythm.took(now - one.sent)
        yield from self.tell(ServerEvent(self.job.ends, one.target, seconds=now - one.sent, server=server))

    def failed(self, target: Target, error: HubError, now: float | None) -> Flow[None]:
        """With no time, without having been sent."""
        one = self.under_way.drop(target)
        reason = error.reason if isinstance(error, SpawnFailed) else str(error)
        reason = _said(reason, target)
        if self.breaker is not None and now is not None:
            self.breaker.failed(error, reason)
        seconds = now - one.sent if now is not None and one is not None else 0.0
        yield from self.tell(ServerEvent("failed", target, reason, seconds=seconds, error=error))

    def tell(self, event: ServerEvent) -> Flow[None]:
        self.since.pop(event.target, None)
        self.refused.pop(event.target, None)
        yield Emit(self.tally.take(event))

    # Breaking off

    def break_off(self) -> Flow[None]:
        """Send nothing more, if it has come to that, and take back what is on its way."""
        if self.why or self.breaker is None or not self.breaker.why:
            return
        self.why = self.breaker.why
        if self.job.cancel is None or self.breaker.full or (yield from HubVersion()) < CANCELS:
            return
        # After one more look: what came up meanwhile is somebody's, and what has not arrived cannot be stopped.
        self.cancels = True
        self.rhythm.hurry()

    def take_back(self, one: UnderWay) -> Flow[None]:
        """Cancel one that was seen on its way."""
        if self.job.cancel is not None:
            one.cancelling, one.answered, one.listening = True, None, False
            yield Fork(self.job.cancel(one.target), f"cancel {one.target}")

    def cancelled(self, one: UnderWay, done: Done) -> Flow[None]:
        one.answered = yield from Now()
        if done.error is not None:
            one.cancelling, one.ours = False, False  # it comes to its own end
            return
        yield Cancel(f"send {one.target}")  # some hubs answer it no more
        yield Cancel(f"follow {one.target}")
        if done.answer == 204:
            yield from self.taken_back(one)

    def taken_back(self, one: UnderWay) -> Flow[None]:
        self.under_way.drop(one.target)
        yield from self.tell(ServerEvent("skipped", one.target, f"cancelled {self.why}"))


def _away(error: HubError | None) -> bool:
    """Whether that is no answer of the hub: a proxy before one that restarts may say 404, too."""
    return isinstance(error, Unavailable) or (isinstance(error, NotAHub) and error.status is not None)


def _said(error: object, target: Target) -> str:
    return str(error).removeprefix(f"server {target}: ")


def _rest(seconds: float) -> Flow[None]:
    yield Sleep(seconds, jitter=0.1)
