"""Running an operation with credentials other than the client's token: cookies, or a token for a moment."""

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
"""Headers."""


def by_token(token: str) -> Credentials:
    """A token's."""
    return (("Authorization", f"token {token}"),)


def acting_as(credentials: Credentials, operation: Operation[T]) -> Flow[T]:
    """What the operation answers to the owner of these credentials."""

    def theirs(step: Step) -> Flow[Any]:
        if isinstance(step, Request):
            step = replace(step, anonymous=True, headers=(*step.headers, *credentials))
        return (yield step)

    return map_steps(operation, theirs)


def then(
    operation: Operation[T], last: Callable[[], Operation[object]], undo: Callable[[T], Operation[object]]
) -> Flow[T]:
    """What `operation` answers, with `last` after it however it ends; a failure of `last` is not worth an error.

    Who is interrupted meanwhile does not get the answer: then it is undone.
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
        for plan_ in (undo(answer), last()):
            with suppress(HubError):
                yield from plan_
        raise
    return answer
