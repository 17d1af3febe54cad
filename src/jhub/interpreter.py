"""Interpreter of steps: the loop that runs an operation for every driver."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from typing import Any, Generic, TypeVar

from jhub.errors import HubError
from jhub.steps import Cancel, Emit, Flow, Fork, Interrupted, Next, Now, Operation, Request, Sleep, Step

A = TypeVar("A")
T = TypeVar("T")

ALONGSIDE_SECONDS = 60.0
"""Seconds of one wait for a request that runs alongside an operation."""
MAX_CLEAN_UP_STEPS = 100
"""Maximum number of steps that a flow may yield while it is stopped."""


class Interpreter(Generic[T]):
    """A running operation. The drivers, `play`, previews and `map_steps` all use it.

        interpreter = Interpreter(operation)
        while interpreter.step is not None:
            interpreter.answer(...)  # or interpreter.fail(error)
        interpreter.result

    The constructor runs the operation up to its first step. An error that the operation raises comes out of the
    constructor, of `answer` or of `fail`.
    """

    def __init__(self, operation: Operation[T]) -> None:
        steps = iter(operation) if hasattr(operation, "__iter__") else None
        if not isinstance(steps, Generator):
            raise TypeError(f"{type(operation).__name__} is not an operation: pass a request or a flow's generator")
        self._steps = steps
        if inspect.isgenerator(steps) and inspect.getgeneratorstate(steps) == inspect.GEN_CLOSED:
            raise RuntimeError("this flow has already run: call its function again")
        self._results: list[T] = []
        self.step: Step | None = None
        """The step that the operation waits for. None: it has ended."""
        self.answer(None)

    @property
    def result(self) -> T:
        """The result of the operation, after its end."""
        return self._results[0]

    def answer(self, value: object) -> None:
        """Send the answer of the current step to the operation, and run it up to its next step."""
        self._resume(self._steps.send, value)

    def fail(self, error: BaseException) -> None:
        """Raise a `HubError` or `Interrupted` in the operation, and run it up to its next step."""
        self._resume(self._steps.throw, error)

    def close(self) -> None:
        """Stop the operation. The steps of its clean-up are not carried out."""
        self.step = None
        for _ in range(MAX_CLEAN_UP_STEPS):
            with suppress(RuntimeError):  # the generator yielded a step of its clean-up
                self._steps.close()
                return

    def _resume(self, resume: Callable[[Any], Step], value: object) -> None:
        self.step = None
        try:
            self.step = resume(value)
        except StopIteration as end:
            self._results.append(end.value)


_previewing = ContextVar("previewing", default=False)


@contextmanager
def sending_forbidden() -> Generator[None]:
    """Forbid direct calls of a client in this block: in a preview, only the steps of a flow are carried out."""
    token = _previewing.set(True)
    try:
        yield
    finally:
        _previewing.reset(token)


def check_sending_allowed() -> None:
    """Raise `TypeError` inside a `sending_forbidden` block."""
    if _previewing.get():
        raise TypeError(
            "a preview must not send requests: pass the method and its arguments, "
            "hub.preview(hub.groups.delete, 'geo'), and use `yield from` for calls in a flow"
        )


def map_steps(operation: Operation[T], carry_out: Callable[[Step], Flow[Any]]) -> Flow[T]:
    """Run an operation, with each step replaced by the flow that `carry_out` returns for it."""
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
    """Run an operation, and pass the values that it emits to `handle` instead of the caller."""

    def redirect(step: Step) -> Flow[Any]:
        if isinstance(step, Emit):
            return handle(step.event)
        return (yield step)

    return map_steps(operation, redirect)


def with_clean_up(work: Callable[[], Flow[T]], clean_up: Callable[[], Flow[None]]) -> Flow[T]:
    """Run a flow. If it fails or is interrupted, run its clean-up, and let the error pass.

    When the flow itself is closed, its clean-up is left out: nobody would carry out the steps.
    """
    try:
        return (yield from work())
    except GeneratorExit:
        raise
    except BaseException:
        yield from clean_up()
        raise


class _Alongside:
    """The tag of a forked request."""


def alongside(request: Request[A], operation: Operation[T]) -> Flow[tuple[A | HubError, T]]:
    """Send a request while an operation runs, and return the results of both; that of the request may be an error.

    The operation must have no forks of its own.
    """
    tag = _Alongside()
    yield Fork(request, tag)
    try:
        result = yield from operation
    except (HubError, Interrupted):
        yield Cancel(tag)
        raise
    while (done := (yield from Next(ALONGSIDE_SECONDS))) is None or done.tag is not tag:
        if done is not None and not isinstance(done.tag, _Alongside):  # else that of an operation that failed
            raise RuntimeError(f"{done.tag} ended while a request was waited for: run the operation in a fork")
    answer: A | HubError = done.answer if done.error is None else done.error
    return answer, result


def retry_until(deadline: float, operation: Operation[T]) -> Flow[T]:
    """Run an operation without a pause that would end after `deadline`, a time of `Now`.

    Instead of such a pause, raise the error that the operation would have retried.
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
