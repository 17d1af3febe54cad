"""Operations with credentials other than the client's token: cookies, or a temporary token."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from typing import Any, TypeAlias, TypeVar

from jhub.errors import HubError
from jhub.interpreter import map_steps
from jhub.steps import Flow, Interrupted, Operation, Request, Step

T = TypeVar("T")

Credentials: TypeAlias = tuple[tuple[str, str], ...]
"""Headers that authenticate a request."""


def by_token(token: str) -> Credentials:
    """Return the credentials of a token."""
    return (("Authorization", f"token {token}"),)


def acting_as(credentials: Credentials, operation: Operation[T]) -> Flow[T]:
    """Carry out an operation with these credentials, and return its answer."""

    def authenticated(step: Step) -> Flow[Any]:
        if isinstance(step, Request):
            step = replace(step, anonymous=True, headers=(*step.headers, *credentials))
        return (yield step)

    return map_steps(operation, authenticated)


def with_cleanup(
    operation: Operation[T], last: Callable[[], Operation[object]], undo: Callable[[T], Operation[object]]
) -> Flow[T]:
    """Return the answer of `operation`, and carry out `last` after it, whether it succeeds or fails.

    A failure of `last` is ignored. An interrupt during `last` runs `undo` on the answer, which the caller never gets.
    """
    try:
        answer = yield from operation
    except (HubError, Interrupted):
        with suppress(HubError):
            yield from last()
        raise
    try:
        with suppress(HubError):
            yield from last()
    except Interrupted:
        for cleanup in (undo(answer), last()):
            with suppress(HubError):
                yield from cleanup
        raise
    return answer
