"""Bulk writes with little impact on other users of the hub: small chunks in sequence, with a pause after each."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Protocol, TypeVar

from jhub.bulk.events import NameEvent
from jhub.errors import APIError
from jhub.outcome import Tally
from jhub.steps import Emit, Flow, Now, Operation, Sleep

ResponseT = TypeVar("ResponseT")
"""Answer to the request for a chunk."""

CHUNK_SIZE = 25
"""Number of names in one request.

The hub handles one request at a time. This one takes it 0.2 s, at 6.5 to 8 ms for each new user: users hardly notice a
page that is 0.2 s late, and the fixed cost of a request, a few milliseconds, is small in comparison.
"""
PAUSE_RATIO = 0.02
"""Length of the pause, as a share of the duration of the last chunk.

During the pause the hub answers queued requests; a slower hub gets a longer pause. Pauses and the fixed cost of each
request take less than a tenth of the throughput of one giant request.
"""
MAX_UNNAMED_REFUSALS = 5
"""Number of names that the hub may refuse one by one, without naming them, before the error is raised.

Such an error does not concern the names.
"""


class BulkWrite(Protocol[ResponseT]):
    """A bulk write: the request for a chunk, and the events for its answer."""

    def send(self, names: list[str]) -> Operation[ResponseT]:
        """Return the request for the names of a chunk."""
        ...

    def refused_names(self, error: APIError, names: list[str]) -> list[str] | None:
        """Return the names that the hub refused; none if the error names nobody; None if it does not concern names."""
        ...

    def accepted(self, names: list[str], answer: ResponseT) -> Iterable[NameEvent]:
        """Return the events of an accepted chunk."""
        ...

    def refused(self, name: str, error: APIError) -> NameEvent:
        """Return the event of a refused name."""
        ...


def write_in_chunks(names: Sequence[str], write: BulkWrite[ResponseT], tally: Tally[NameEvent]) -> Flow[None]:
    """Send names in chunks, and emit an event for each name.

    Names that the hub refuses are skipped, and the rest of their chunk is sent again. If the error names nobody, the
    chunk is split in half and sent again. Errors that do not concern names are raised.
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
    """Return a name as it appears in the hub's messages: in lower case, as most hubs store it, with single spaces."""
    return " ".join(name.lower().split())


def match_name(text: str, chunk: list[str]) -> list[str]:
    """Return the only name of the chunk that matches the text of a message; none if several match."""
    matches = [name for name in chunk if message_name(name) == text.lower()]
    return matches if len(matches) == 1 else []


def failed_event(name: str, reason: str, error: APIError) -> NameEvent:
    """Return the event of a name that the hub refused."""
    user_error = type(error)(f"user {name}: {reason}", method=error.method, path=error.path, status=error.status)
    return NameEvent("failed", name, reason, error=user_error)
