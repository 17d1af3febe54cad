"""Preview of a call: reads are sent, writes are collected instead."""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any, ParamSpec, cast

from jhub.errors import HubError, InvalidInput
from jhub.interpreter import Interpreter, sending_forbidden
from jhub.steps import Answer, Emit, Flow, Fork, HubVersion, Now, Operation, Request, Sleep

P = ParamSpec("P")

READ_METHODS = ("GET", "HEAD")
"""HTTP methods that change nothing, so that a preview sends them."""
MAX_WRITES = 10_000
"""Maximum number of requests in a preview, for flows that write until an answer changes."""
USAGE = "preview takes a method and its arguments, hub.preview(hub.groups.delete, 'geo'), or a function that is a flow"


@dataclass(frozen=True, slots=True)
class Preview:
    """The requests by which a call would change something, in order. `str()` shows no secrets."""

    requests: tuple[Request[Any], ...]
    complete: bool
    """False if more requests may follow, depending on the answers to these.

    A flow that fails because such an answer is missing, as at `group.name`, counts as complete.
    """
    failed: tuple[HubError, ...] = ()
    """Errors of a call on many objects: some of them would fail before anything is sent for them."""

    def __iter__(self) -> Iterator[Request[Any]]:
        """Iterate over the requests."""
        return iter(self.requests)

    def __len__(self) -> int:
        """Return the number of requests."""
        return len(self.requests)

    def __str__(self) -> str:
        """Return one line for each request, without its secrets."""
        more = [f"(fails: {error})" for error in self.failed]
        if not self.complete:
            more.append("(what follows depends on the answers)")
        return "\n".join([*map(str, self.requests), *more]) or "(nothing)"


def preview(call: Callable[P, object], /, *args: P.args, **kwargs: P.kwargs) -> Flow[Preview]:
    """Preview a call of a client's method, or of a function that returns a flow.

    Raises
    ------
    TypeError
        `call` is neither, or it would send something by itself.
    """
    if not callable(call):
        raise TypeError(USAGE)
    if declared := _attribute_of(call, "__preview__"):
        return cast("Flow[Preview]", declared(*args, **kwargs))
    with sending_forbidden():
        operation: Any = (_attribute_of(call, "__operation__") or call)(*args, **kwargs)
    if inspect.iscoroutine(operation):
        operation.close()  # against the warning that it was never awaited
        raise TypeError(USAGE)
    return preview_operation(operation)


def preview_operation(operation: Operation[object]) -> Flow[Preview]:
    """Return the requests by which an operation would change something.

    Each write gets an empty answer. A flow that fails on it counts as complete: it would have built its result, such as
    a new token, from the real answer. An operation that continues depending on the effect of a write sends a read
    first, and there the preview ends as incomplete.
    """
    writes: list[Request[Any]] = []
    complete = True
    try:
        with sending_forbidden():
            running: Interpreter[object] = Interpreter(operation)
        while (step := running.step) is not None:
            failure: HubError | None = None
            answer: Any = None
            if _writes(step):
                if not isinstance(step, Request) or len(writes) == MAX_WRITES:
                    complete = False
                    break
                _check_body(step)
                writes.append(step)
                answer = _empty_result(step)
            elif writes and isinstance(step, Sleep):
                pass  # nothing was sent, so there is nothing to wait for
            elif writes and not isinstance(step, Emit | HubVersion | Now):
                complete = False  # the step depends on the effect of a write
                break
            elif not isinstance(step, Emit):
                try:
                    answer = yield step
                except HubError as error:
                    failure = error
            with sending_forbidden():
                running.answer(answer) if failure is None else running.fail(failure)
        running.close()
    except Exception:
        if not writes:
            raise
    return Preview(tuple(writes), complete)


def _check_body(request: Request[Any]) -> None:
    """Raise `InvalidInput` for a body that cannot be encoded as JSON."""
    try:
        json.dumps(request.body, allow_nan=False, ensure_ascii=False).encode()
    except (TypeError, ValueError) as error:
        raise InvalidInput(f"{request.about or request.path}: cannot encode the body as JSON: {error}") from None


def _attribute_of(call: Callable[..., object], attribute: str) -> Callable[..., object] | None:
    """Return the attribute of a method, or of a `partial` of it, with the same arguments; None if there is none."""
    if isinstance(call, partial):
        inner = _attribute_of(cast("Callable[..., object]", call.func), attribute)
        return None if inner is None else partial(inner, *call.args, **call.keywords)
    return getattr(call, attribute, None)


def _writes(step: object) -> bool:
    """Return whether a step changes something. A forked flow counts, because it might."""
    if isinstance(step, Fork):
        return not isinstance(step.flow, Request) or _writes(step.flow)
    return isinstance(step, Request) and step.method not in READ_METHODS


def _empty_result(request: Request[Any]) -> Any:
    """Return the result of a request for an empty answer, list or object; None if it can decode none of these."""
    for content in (b"", b"[]", b"{}"):
        try:
            return request.decode(Answer(204, content=content))
        except HubError:
            continue
    return None
