"""Calls for many users, one user after the other, so that the hub can answer other requests in between."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from jhub.bulk.events import NameEvent, NameSummary
from jhub.errors import (
    HubError,
    LifetimeTooLong,
    MissingScope,
    Unavailable,
    UnknownToken,
    Unsupported,
)
from jhub.operations.requests import list_of
from jhub.outcome import Tally
from jhub.steps import Emit, Flow, Now

FINAL_ERRORS = (Unavailable, UnknownToken, MissingScope, LifetimeTooLong, Unsupported)
"""Errors that concern all users: after one of them, no further call is made."""


def call_each(names: Iterable[str], call: Callable[[str], Flow[NameEvent]], lost: str) -> Flow[NameSummary]:
    """Make a call for each name, once, and emit its event.

    `lost` is the message for a call whose answer did not arrive.
    """
    began = yield from Now()
    tally: Tally[NameEvent] = Tally()
    skipped = ""
    for name in dict.fromkeys(list_of(names)):
        if skipped:
            yield Emit(tally.take(NameEvent("skipped", name, skipped)))
            continue
        try:
            event = yield from call(name)
        except HubError as error:
            if isinstance(error, Unavailable) and error.sent:
                error.hint = lost
            event = NameEvent("failed", name, str(error).removeprefix(f"user {name}: "), error=error)
            if isinstance(error, FINAL_ERRORS):
                skipped = f"not attempted: {error}"
        yield Emit(tally.take(event))
    return NameSummary(*tally.parts(), (yield from Now()) - began)
