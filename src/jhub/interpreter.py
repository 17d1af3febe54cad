"""The interpreter of steps: it runs an operation, whoever carries its steps out."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from typing import Any, Generic, TypeVar

from jhub.errors import HubError
from jhub.steps import Emit, Flow, Interrupted, Now, Operation, Sleep, Step

T = TypeVar("T")


class Interpreter(Generic[T]):
    """An operation under way: the one interpreter of steps, whoever carries them out.

    running = Interpreter(operation)
    while running.step is not None:
        running.answer(...)  # or running.fail(error)
    running.result
    """

    def __init__(self, operation: Operation[T]) -> None:
        steps = iter(operation) if hasattr(operation, "__iter__") else None
        if not isinstance(steps, Generator):
            raise TypeError(f"{type(operation).__name__} is not an operation: hand in a request, or a flow's generator")
        self._steps = steps
        if inspect.isgenerator(steps) and inspect.getgeneratorstate(steps) == inspect.GEN_CLOSED:
            raise RuntimeError("this flow has run already: call its function again")
        self._results: list[T] = []
        self.step: Step | None = None
        """What it waits for. None: it has ended."""
        self.answer(None)

    @property
    def result(self) -> T:
        """What the operation answered, once it has ended."""
        return self._results[0]

    def answer(self, value: object) -> None:
        """Go on to the next step with the answer of this one. Raises what ends the operation."""
        self._resume(self._steps.send, value)

    def fail(self, error: BaseException) -> None:
        """Go on with an error: a `HubError`, or `Interrupted`. Raises what ends the operation."""
        self._resume(self._steps.throw, error)

    def close(self) -> None:
        """Leave it: its clean-up gets no answers."""
        self.step = None
        with suppress(RuntimeError):  # of a generator that yields a step of its clean-up
            self._steps.close()

    def _resume(self, resume: Callable[[Any], Step], value: object) -> None:
        self.step = None
        try:
            self.step = resume(value)
        except StopIteration as end:
            self._results.append(end.value)


_previewing = ContextVar("previewing", default=False)


@contextmanager
def sending_forbidden() -> Generator[None]:
    """Keep the code of a previewed call from sending anything by itself; its steps are for `preview` to carry out."""
    token = _previewing.set(True)
    try:
        yield
    finally:
        _previewing.reset(token)


def check_sending_allowed() -> None:
    """Raise TypeError inside of `sending_forbidden`."""
    if _previewing.get():
        raise TypeError(
            "a preview sends nothing: hand in the method and its arguments, hub.preview(hub.groups.delete, 'geo'), "
            "and in flows take calls by `yield from`"
        )


def map_steps(operation: Operation[T], carry_out: Callable[[Step], Flow[Any]]) -> Flow[T]:
    """Carry out an operation, each of whose steps is a flow of `carry_out`."""
    running = Interpreter(operation)
    while running.step is not None:
        try:
            answer = yield from carry_out(running.step)
        except (HubError, Interrupted) as error:
            running.fail(error)
        else:
            running.answer(answer)
    return running.result


def collect(operation: Operation[T], handle: Callable[[Any], object]) -> Flow[T]:
    """Carry out an operation, and hand what it emits to `handle` instead of the caller."""

    def redirect(step: Step) -> Flow[Any]:
        if isinstance(step, Emit):
            return handle(step.event)
        return (yield step)

    return map_steps(operation, redirect)


def retry_until(deadline: float, operation: Operation[T]) -> Flow[T]:
    """Carry out an operation without a pause that would end after `deadline` (of `Now`): the error that it would have
    paused for is raised instead.
    """
    failure: HubError | None = None

    def check_deadline(step: Step) -> Flow[Any]:
        nonlocal failure
        if failure is not None and isinstance(step, Sleep) and (yield from Now()) + step.seconds > deadline:
            raise failure
        failure = None
        try:
            return (yield step)
        except HubError as error:
            failure = error
            raise

    return map_steps(operation, check_deadline)
