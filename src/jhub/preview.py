"""Preview of a call: reads are sent, writes are collected instead."""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any, ParamSpec, cast

import msgspec

from jhub.errors import HubError, InvalidInput, Unavailable
from jhub.interpreter import Interpreter, sending_forbidden
from jhub.masking import mask
from jhub.preflight.hub_state import HubState
from jhub.preflight.routes import expected_answer
from jhub.steps import Answer, Emit, Flow, Fork, HubVersion, Now, Operation, Request, Sleep, Step

P = ParamSpec("P")

READ_METHODS = ("GET", "HEAD")
"""HTTP methods that change nothing, so that a preview sends them."""
SINGLE_OBJECT = re.compile(r"/(users|groups)/[^/]+")
"""Paths of a single user or group."""
MAX_WRITES = 10_000
"""Maximum number of requests in a preview, for flows that write until an answer changes."""
USAGE = "preview takes a method and its arguments, hub.preview(hub.groups.delete, 'geo'), or a function that is a flow"


@dataclass(frozen=True, slots=True)
class Preview:
    """The requests with which a call would change the hub, in order. `hub.preview(...)` returns it.

    Iterate over it for the requests, or print it: `str()` shows no secrets.
    """

    requests: tuple[Request[Any], ...]
    complete: bool
    """False if more requests may follow, depending on the answers to these.

    A flow that fails because such an answer is missing, as at `group.name`, counts as complete.
    """
    failed: tuple[HubError, ...] = ()
    """Errors with which the call would fail after some of the requests, or for some of its objects."""
    unknown: tuple[str, ...] = ()
    """Facts that the token cannot read, and because of which a request may fail."""

    def __iter__(self) -> Iterator[Request[Any]]:
        """Iterate over the requests."""
        return iter(self.requests)

    def __len__(self) -> int:
        """Return the number of requests."""
        return len(self.requests)

    def __str__(self) -> str:
        """Return one line for each request, without its secrets."""
        more = [f"(unknown: {reason})" for reason in self.unknown]
        more += [f"(fails: {error})" for error in self.failed]
        if not self.complete:
            more.append("(further requests depend on the answers)")
        return "\n".join([*map(str, self.requests), *more]) or "(nothing)"

    def to_dict(self) -> dict[str, Any]:
        """Return the preview as an object of JSON, without secrets."""
        return {
            "requests": [_request_fields(request) for request in self.requests],
            "complete": self.complete,
            "failed": [error.to_dict() for error in self.failed],
            "unknown": list(self.unknown),
        }


def preview(call: Callable[P, object], /, *args: P.args, **kwargs: P.kwargs) -> Flow[Preview]:
    """Preview a call of a client's method, or of a function that returns a flow.

    Raises
    ------
    TypeError
        `call` is neither, or it would send requests itself.
    """
    if not callable(call):
        raise TypeError(USAGE)
    if declared := _attribute_of(call, "__preview__"):
        return cast("Flow[Preview]", declared(*args, **kwargs))
    return preview_operation(_operation_of(call, args, kwargs))


def preview_many(calls: Iterable[Callable[[], object]]) -> Flow[Preview]:
    """Preview several calls, one after the other. The failure of one does not stop the others.

    Raises
    ------
    TypeError
        A call is not one that `preview` takes, or it is a fleet, which has many objects itself.
    """
    return preview_each(partial(_operation_of, call, (), {}) for call in calls)


def preview_each(calls: Iterable[Callable[[], Operation[object]]], state: HubState | None = None) -> Flow[Preview]:
    """Preview the operations that functions return as one. What they read is shared."""
    state = state or HubState()
    parts: list[Preview] = []
    for call in calls:
        try:
            parts.append((yield from preview_operation(call(), state)))
        except Unavailable:
            raise  # the others would fail, too
        except HubError as error:
            parts.append(Preview((), complete=True, failed=(error,)))
    return Preview(
        tuple(request for part in parts for request in part.requests),
        all(part.complete for part in parts),
        tuple(error for part in parts for error in part.failed),
        tuple(dict.fromkeys(reason for part in parts for reason in part.unknown)),
    )


def _operation_of(call: Callable[..., object], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Operation[object]:
    with sending_forbidden():
        operation: Any = (_attribute_of(call, "__operation__") or call)(*args, **kwargs)
    if inspect.iscoroutine(operation):
        operation.close()  # prevents the warning that it was never awaited
        raise TypeError(USAGE)
    return operation  # type: ignore[no-any-return]  # `Interpreter` checks it


def preview_operation(operation: Operation[object], state: HubState | None = None) -> Flow[Preview]:
    """Return the requests with which an operation would change the hub.

    Each write gets the answer that the hub would give, as far as reads can tell, and else an empty one. A flow that
    fails on an empty answer counts as complete: it would have built its result, such as a new token, from the real
    answer. An operation that continues depending on the effect of a write sends a read first, and there the preview
    ends as incomplete.
    """
    state = state or HubState()
    writes: list[Request[Any]] = []
    unknown: list[str] = []
    failed: list[HubError] = []
    complete = True
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
            expected = yield from expected_answer(step, state)
            if expected.unknown:
                unknown.append(expected.unknown)
            try:
                answer = _empty_result(step) if expected.answer is None else step.read(expected.answer)
            except HubError as error:
                failure = error
            else:
                writes.append(step)
        elif isinstance(step, Emit):
            event_error = getattr(step.event, "error", None)
            if isinstance(event_error, HubError):
                failed.append(event_error)
        elif writes and isinstance(step, Sleep):
            pass  # nothing was sent, so there is nothing to wait for
        elif writes and not (isinstance(step, HubVersion | Now) or _is_unaffected(step, state)):
            complete = False  # the step depends on the effect of a write
            break
        else:
            try:
                answer = yield step
            except HubError as error:
                failure = error
            if isinstance(step, Request) and not writes:
                state.learn(step, answer)
        try:
            with sending_forbidden():
                running.answer(answer) if failure is None else running.fail(failure)
        except HubError as error:
            if not writes:
                raise
            if failure is not None:
                failed.append(error)
            break
        except Exception:
            if not writes:
                raise
            break
    running.close()
    return Preview(tuple(writes), complete, tuple(failed), tuple(dict.fromkeys(unknown)))


def _is_unaffected(step: Step, state: HubState) -> bool:
    """Return whether a read has the same answer before and after the writes: of another user or group."""
    if not isinstance(step, Request):
        return False
    return step.name_check or (
        bool(state.changed) and step.path not in state.changed and bool(SINGLE_OBJECT.fullmatch(step.path))
    )


def _request_fields(request: Request[Any]) -> dict[str, Any]:
    """Return a request as an object of JSON, without secrets."""
    body = None if request.body is None else mask(msgspec.to_builtins(request.body))
    query = {key: mask(value, key) for key, value in request.query}
    return {"method": request.method, "path": request.path, "query": query, "body": body}


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
