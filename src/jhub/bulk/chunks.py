"""Bulk writes that others on the hub do not notice: small chunks, one after the other, and a pause after each."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Protocol, TypeVar

from jhub.bulk.events import NameEvent
from jhub.errors import APIError
from jhub.outcome import Tally
from jhub.steps import Emit, Flow, Now, Operation, Sleep

T = TypeVar("T")

CHUNK_SIZE = 25
"""Names in one call. The hub answers nobody else meanwhile: 0.2 s, at 6.5 to 8 ms for a new user. Nobody minds a page
that comes so much later, and the few milliseconds that a call costs beside its users stay small next to it."""
PAUSE_RATIO = 0.02
"""The pause, as a share of what the last chunk took. Whoever waited meanwhile is taken up first; on a slow hub there is
more of it. With the cost of each call that is less than a tenth of the throughput of one giant call."""
MAX_UNNAMED_REFUSALS = 5
"""Names in a row that may be refused without being named: then it is no matter of names."""


class Write(Protocol[T]):
    """What is sent for a chunk, and what its answer means."""

    def send(self, some: list[str]) -> Operation[T]:
        """The call for these names."""
        ...

    def refused_names(self, error: APIError, some: list[str]) -> list[str] | None:
        """The names that a refusal is about; none where it does not tell; None where it is about something else."""
        ...

    def accepted(self, some: list[str], answer: T) -> Iterable[NameEvent]:
        """What became of the names of a chunk."""
        ...

    def refused(self, name: str, error: APIError) -> NameEvent:
        """What became of a name that a refusal is about."""
        ...


def write_in_chunks(names: Sequence[str], write: Write[T], tally: Tally[NameEvent]) -> Flow[None]:
    """Send names, a chunk at a time, and emit what became of each.

    Names that a refusal is about are left out, and the others of their chunk sent again; where it names none, in
    halves. What is not about names is raised.
    """
    waiting = [list(names[start : start + CHUNK_SIZE]) for start in range(0, len(names), CHUNK_SIZE)][::-1]
    unnamed = 0
    while waiting:
        some = waiting.pop()
        began = yield from Now()
        try:
            answer = yield from write.send(some)
        except APIError as error:
            bad = write.refused_names(error, some)
            if bad is None:
                raise
            if not bad and len(some) == 1:
                bad, unnamed = some, unnamed + 1
                if unnamed == MAX_UNNAMED_REFUSALS:
                    raise
            if bad:
                for name in bad:
                    yield Emit(tally.take(write.refused(name, error)))
                parts = [[name for name in some if name not in bad]]
            else:
                parts = [some[len(some) // 2 :], some[: len(some) // 2]]
            waiting += [part for part in parts if part]
        else:
            unnamed = 0
            for event in write.accepted(some, answer):
                yield Emit(tally.take(event))
        if waiting:
            yield Sleep(PAUSE_RATIO * ((yield from Now()) - began))


def message_name(name: str) -> str:
    """A name as a hub's message has it: in lower case, as most hubs keep it, with single spaces."""
    return " ".join(name.lower().split())


def among(text: str, some: list[str]) -> list[str]:
    """The one name that a message has; none where it could be several."""
    found = [name for name in some if message_name(name) == text.lower()]
    return found if len(found) == 1 else []


def failed_event(name: str, reason: str, error: APIError) -> NameEvent:
    """The event of a name that the hub refused."""
    about = type(error)(f"user {name}: {reason}", method=error.method, path=error.path, status=error.status)
    return NameEvent("failed", name, reason, error=about)
