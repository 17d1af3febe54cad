"""Bulk writes that others on the hub do not notice: small chunks, one after the other, and a pause after each."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Protocol, TypeVar

from jhub.bulk.events import NameEvent
from jhub.errors import APIError
from jhub.outcome import Tally
from jhub.steps import Emit, Flow, Now, Operation, Sleep

ResponseT = TypeVar("ResponseT")

CHUNK_SIZE = 25
"""Names in one call. The hub answers nobody else meanwhile: 0.2 s, at 6.5 to 8 ms for a new user. Nobody minds a page
that comes so much later, and the few milliseconds that a call costs beside its users stay small next to it."""
PAUSE_RATIO = 0.02
"""The pause, as a share of what the last chunk took. Whoever waited meanwhile is taken up first; on a slow hub there is
more of it. With the cost of each call that is less than a tenth of the throughput of one giant call."""
MAX_UNNAMED_REFUSALS = 5
"""Names in a row that may be refused without being named: then it is no matter of names."""


class BulkWrite(Protocol[ResponseT]):
    """What is sent for a chunk, and what its answer means."""

    def send(self, chunk: list[str]) -> Operation[ResponseT]:
        """The call for these names."""
        ...

    def refused_names(self, error: APIError, chunk: list[str]) -> list[str] | None:
        """The names that a refusal is about; none where it does not tell; None where it is about something else."""
        ...

    def accepted(self, chunk: list[str], answer: ResponseT) -> Iterable[NameEvent]:
        """What became of the names of a chunk."""
        ...

    def refused(self, name: str, error: APIError) -> NameEvent:
        """What became of a name that a refusal is about."""
        ...


def write_in_chunks(names: Sequence[str], write: BulkWrite[ResponseT], tally: Tally[NameEvent]) -> Flow[None]:
    """Send names, a chunk at a time, and emit what became of each.

    Names that a refusal is about are left out, and the others of their chunk sent again; where it names none, in
    halves. What is not about names is raised.
    """
    chunks = [list(names[start : start + CHUNK_SIZE]) for start in range(0, len(names), CHUNK_SIZE)][::-1]
    unnamed_refusals = 0
    while chunks:
        chunk = chunks.pop()
        started = yield from Now()
        try:
            answer = yield from write.send(chunk)
        except APIError as error:
            refused = write.refused_names(error, chunk)
            if refused is None:
                raise
            if not refused and len(chunk) == 1:
                refused, unnamed_refusals = chunk, unnamed_refusals + 1
                if unnamed_refusals == MAX_UNNAMED_REFUSALS:
                    raise
            if refused:
                for name in refused:
                    yield Emit(tally.take(write.refused(name, error)))
                parts = [[name for name in chunk if name not in refused]]
            else:
                parts = [chunk[len(chunk) // 2 :], chunk[: len(chunk) // 2]]
            chunks += [part for part in parts if part]
        else:
            unnamed_refusals = 0
            for event in write.accepted(chunk, answer):
                yield Emit(tally.take(event))
        if chunks:
            yield Sleep(PAUSE_RATIO * ((yield from Now()) - started))


def message_name(name: str) -> str:
    """A name as a hub's message has it: in lower case, as most hubs keep it, with single spaces."""
    return " ".join(name.lower().split())


def match_name(text: str, chunk: list[str]) -> list[str]:
    """The one name that a message has; none where it could be several."""
    matches = [name for name in chunk if message_name(name) == text.lower()]
    return matches if len(matches) == 1 else []


def failed_event(name: str, reason: str, error: APIError) -> NameEvent:
    """The event of a name that the hub refused."""
    user_error = type(error)(f"user {name}: {reason}", method=error.method, path=error.path, status=error.status)
    return NameEvent("failed", name, reason, error=user_error)
