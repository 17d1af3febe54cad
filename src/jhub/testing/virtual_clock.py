"""`play`: runs a flow on a virtual clock, with prepared replies instead of a network."""

from __future__ import annotations

import heapq
import itertools
from collections import deque
from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass, field
from typing import Any, Generic, Protocol, TypeAlias, TypeVar, runtime_checkable

import msgspec

from jhub.errors import HubError
from jhub.interpreter import Interpreter
from jhub.steps import (
    Answer,
    Ask,
    Cancel,
    CloseSocket,
    Done,
    Emit,
    Fork,
    HubVersion,
    Interrupted,
    Listen,
    Next,
    Now,
    OpenSocket,
    Operation,
    ReceiveFrame,
    Request,
    SendFrame,
    Sleep,
    Socket,
    SocketClosed,
)

T = TypeVar("T")

MAX_VIRTUAL_SECONDS = 365 * 24 * 3600.0
"""Maximum of the virtual clock: a flow that waits longer fails."""


@dataclass(frozen=True, slots=True)
class Events:
    """A reply to `Listen`: the events of a progress stream, which then ends."""

    data: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Opened:
    """A reply to `OpenSocket`: the socket is open. An `Answer` refuses it."""

    subprotocol: str | None = None


@dataclass(frozen=True, slots=True)
class Frame:
    """A message of a websocket, which arrives after `seconds`; or its end, `SocketClosed`."""

    data: str | bytes | SocketClosed
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class After:
    """A reply that arrives after `seconds`."""

    seconds: float
    reply: Reply


Reply: TypeAlias = Answer | Events | Opened | HubError | After
"""A reply to one request of a flow."""
Replies: TypeAlias = Iterable[Reply] | Callable[[Request[Any] | Listen[Any]], Reply]
"""The replies to the requests of a flow, in order, or a function that returns the reply to a request.

The request of a websocket's handshake is one of them.
"""
Peer: TypeAlias = Callable[[SendFrame | ReceiveFrame | CloseSocket], Frame | None]
"""The other end of a flow's websockets: a function of each step, which returns the message that is to be received.

Only the return value for `ReceiveFrame` counts. None is silence.
"""


@runtime_checkable
class InTime(Protocol):
    """A function of replies that depend on the virtual clock: `now` is set before each call."""

    now: float
    """The virtual time in seconds."""

    def __call__(self, step: Request[Any] | Listen[Any], /) -> Reply:
        """Return the reply to a step."""
        ...


def reply(
    status: int = 200, json: object = None, *, headers: dict[str, str] | None = None, version: str = "6.1.1"
) -> Answer:
    """Return an answer of a hub."""
    defaults = {"x-jupyterhub-version": version, "content-type": "application/json"}
    content = b"" if json is None else msgspec.json.encode(json)
    return Answer(status, {**defaults, **(headers or {})}, content)


def refusal(status: int, message: str | None = None, *, headers: dict[str, str] | None = None) -> Answer:
    """Return an error answer of a hub."""
    return reply(status, {"status": status, "message": message}, headers=headers)


def events(*data: dict[str, Any]) -> Events:
    """Return a progress stream that sends these events and ends."""
    return Events(tuple(msgspec.json.encode(each).decode() for each in data))


@dataclass(slots=True)
class Played(Generic[T]):
    """The record of a flow that `play` has run."""

    sent: list[Request[Any] | Listen[Any]] = field(default_factory=list[Request[Any] | Listen[Any]])
    """The requests and streams that a client would have sent, in order."""
    emitted: list[Any] = field(default_factory=list[Any])
    """The values that the flow emitted, in order."""
    seconds: float = 0.0
    """The duration on the virtual clock, in seconds."""
    error: HubError | None = None
    answer: T | None = None
    left: int = 0
    """The number of replies that were not used."""

    @property
    def result(self) -> T:
        """The result of the flow. It raises the error that ended the flow."""
        if self.error is not None:
            raise self.error
        return self.answer  # type: ignore[return-value]  # None only where T admits it

    @property
    def calls(self) -> list[str]:
        """The entries of `sent` as text: "POST /users/ana/server", or "LISTEN …" for a stream."""
        return [f"{s.method} {s.path}" if isinstance(s, Request) else f"LISTEN {s.path}" for s in self.sent]


def play(
    operation: Operation[T],
    replies: Replies = (),
    *,
    version: str = "6.1.1",
    interrupt_at: float | None = None,
    person: Callable[[Any], Any] | None = None,
    peer: Peer | None = None,
) -> Played[T]:
    """Run a flow to its end, without a network.

    Parameters
    ----------
    replies
        One reply for each request or stream, in order; or a function that returns the reply to a step, which may be an
        `InTime`. A `HubError` is raised in the flow.
    version
        The hub's version: the answer to `HubVersion`.
    interrupt_at
        The virtual time in seconds at which the flow is interrupted, as by Ctrl-C. Its clean-up is run too.
    person
        The function that answers the questions of `Ask`, or raises a `HubError`.
    peer
        The other end of the flow's websockets.

    Raises
    ------
    AssertionError
        There are too few replies, or the flow would wait for ever.
    """
    scheduler: _Scheduler[T] = _Scheduler(replies, version, person, peer)
    return scheduler.run(operation, interrupt_at)


@dataclass(slots=True)
class _Task:
    """A flow that the scheduler runs."""

    flow: Operation[Any]
    interpreter: Interpreter[Any] | None = None
    """The interpreter, from the first wake-up on."""
    parent: _Task | None = None
    tag: Hashable = ""
    started_at: float = 0.0
    wakeup: int = 0
    """The number of the last wake-up, which marks earlier ones in the queue as outdated."""
    listening: bool = False
    interrupted: bool = False
    ended: deque[Done] = field(default_factory=deque[Done])
    children: dict[Hashable, _Task] = field(default_factory=dict[Hashable, "_Task"])


class _Scheduler(Generic[T]):
    """A scheduler that runs tasks in the order of virtual time."""

    def __init__(self, replies: Replies, version: str, person: Callable[[Any], Any] | None, peer: Peer | None) -> None:
        self.person = person
        self.peer = peer
        self.reply_to = replies if callable(replies) else None
        self.replies = deque[Reply]() if callable(replies) else deque(replies)
        self.version = tuple(int(n) for n in version.split("."))
        self.played: Played[T] = Played()
        self.now = 0.0
        self.sockets = 0
        self.counter = itertools.count()
        self.queue: list[tuple[float, int, _Task, int, Any, BaseException | None]] = []

    def run(self, operation: Operation[T], interrupt_at: float | None) -> Played[T]:
        root = _Task(operation)
        end: Done | None = None
        self.wake(root, 0.0, None)
        while self.queue:
            if end is None and interrupt_at is not None and self.queue[0][0] >= interrupt_at:
                self.now, interrupt_at = interrupt_at, None
                self.interrupt(root)
            at, _, task, wakeup, value, error = heapq.heappop(self.queue)
            if wakeup != task.wakeup:
                continue
            assert at < MAX_VIRTUAL_SECONDS, "the flow waits for ever"
            self.now = at
            ended = self.advance(task, value, error)
            if ended is None:
                continue
            if task.parent is not None:
                self.deliver(task, ended)
            else:
                end = ended
            for child in task.children.values():
                self.interrupt(child)
        assert end is not None, "the flow waits for ever"
        self.played.seconds, self.played.left = self.now, len(self.replies)
        self.played.answer, self.played.error = end.answer, end.error
        return self.played

    def interrupt(self, task: _Task) -> None:
        """Interrupt a task and the flows that it has forked, as a cancellation does."""
        if not task.interrupted:  # only once, so that the clean-up can finish
            task.interrupted = True
            self.wake(task, 0.0, None, Interrupted())
        for child in task.children.values():
            self.interrupt(child)

    def wake(self, task: _Task, after: float, value: Any, error: BaseException | None = None) -> None:
        task.wakeup += 1
        heapq.heappush(self.queue, (self.now + after, next(self.counter), task, task.wakeup, value, error))

    def advance(self, task: _Task, value: Any, error: BaseException | None) -> Done | None:
        """Run a flow until it waits (None) or ends."""
        task.listening = False
        while True:
            try:
                interpreter = self.resume(task, value, error)
            except HubError as failure:
                return Done(task.tag, None, failure, self.now - task.started_at)
            except Interrupted:
                return Done(task.tag, None, HubError("interrupted"), self.now - task.started_at)
            if interpreter.step is None:
                return Done(task.tag, interpreter.result, None, self.now - task.started_at)
            step = interpreter.step
            value = error = None
            match step:
                case Now():
                    value = self.now
                case HubVersion():
                    value = self.version
                case Emit():
                    self.played.emitted.append(step.event)
                case Ask():
                    assert self.person is not None, f"no answer to {step.question!r}: pass person="
                    try:
                        value = self.person(step.question)
                    except HubError as failure:
                        error = failure
                case Fork():
                    assert step.tag not in task.children, f"a flow with the tag {step.tag!r} already runs"
                    child = _Task(step.flow, None, task, step.tag, self.now)
                    task.children[step.tag] = child
                    self.wake(child, 0.0, None)
                case Cancel():
                    if step.tag in task.children:
                        self.interrupt(task.children[step.tag])
                case Next() if task.ended:
                    value = task.ended.popleft()
                case Next():
                    task.listening = True
                    self.wake(task, step.timeout, None)
                    return None
                case Sleep():
                    self.wake(task, step.seconds, None)
                    return None
                case SendFrame() | CloseSocket():
                    self.receive(step)
                case ReceiveFrame():
                    frame = self.receive(step)
                    if frame is None or frame.seconds > step.seconds:
                        self.wake(task, step.seconds, None)
                    else:
                        self.wake(task, frame.seconds, frame.data)
                    return None
                case Request() | Listen() | OpenSocket():
                    self.answer(task, step)
                    return None
                case _:
                    raise TypeError(f"{step!r} is not a step")

    def resume(self, task: _Task, value: Any, error: BaseException | None) -> Interpreter[Any]:
        if task.interpreter is None:
            if error is not None:
                raise error  # interrupted before it began
            task.interpreter = Interpreter(task.flow)
        elif error is not None:
            task.interpreter.fail(error)
        else:
            task.interpreter.answer(value)
        return task.interpreter

    def answer(self, task: _Task, step: Request[Any] | Listen[Any] | OpenSocket) -> None:
        request = step.request if isinstance(step, OpenSocket) else step
        self.played.sent.append(request)
        if isinstance(self.reply_to, InTime):
            self.reply_to.now = self.now
        answer = self.reply_to(request) if self.reply_to else self.replies.popleft() if self.replies else None
        assert answer is not None, f"no reply left for {self.played.calls[-1]}"
        seconds = 0.0
        while isinstance(answer, After):
            seconds, answer = seconds + answer.seconds, answer.reply
        if isinstance(step, Listen) and seconds > step.timeout:
            self.wake(task, step.timeout, None)
            return
        if isinstance(answer, HubError):
            self.wake(task, seconds, None, answer)
            return
        try:
            value = self.read(step, answer)
        except HubError as error:
            self.wake(task, seconds, None, error)
        else:
            self.wake(task, seconds, value)

    def receive(self, step: SendFrame | ReceiveFrame | CloseSocket) -> Frame | None:
        assert self.peer is not None, "no peer for the websocket: pass peer="
        return self.peer(step)

    def read(self, step: Request[Any] | Listen[Any] | OpenSocket, answer: Answer | Events | Opened) -> Any:
        if isinstance(step, OpenSocket):
            if isinstance(answer, Answer):
                return step.request.read(answer)
            assert isinstance(answer, Opened), f"{step.request.path} needs Opened(...), or an answer that refuses it"
            self.sockets += 1
            return Socket(self.sockets, answer.subprotocol)
        if isinstance(step, Request):
            assert isinstance(answer, Answer), f"{step.method} {step.path} needs reply(...), not events(...)"
            return step.read(answer)
        assert isinstance(answer, Answer | Events), f"the stream {step.path} needs events(...)"
        if isinstance(answer, Answer):
            return Request("GET", step.path, lambda answer: None, about=step.about).read(answer)
        for data in answer.data:
            received = step.take(data)
            if (emitted := step.event(received)) is not None:
                self.played.emitted.append(emitted)
            if step.last(received):
                return received
        return None

    def deliver(self, task: _Task, end: Done) -> None:
        parent = task.parent
        assert parent is not None
        parent.children.pop(task.tag, None)
        parent.ended.append(end)
        if parent.listening:
            self.wake(parent, 0.0, parent.ended.popleft())
            parent.listening = False
