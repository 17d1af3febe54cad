"""What a call would send: its reads are carried out, its writes are collected instead of sent."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any, ParamSpec, cast

from jhub.errors import HubError
from jhub.steps import Answer, Emit, Flow, Fork, HubVersion, Interpreter, Now, Operation, Request, Sleep

P = ParamSpec("P")

READS = ("GET", "HEAD")


@dataclass(frozen=True, slots=True)
class Preview:
    """The requests by which a call would change something, in order. Printing one shows no secret."""

    requests: tuple[Request[Any], ...]
    complete: bool
    """False where more may follow, which depends on the answers to these."""
    failed: tuple[HubError, ...] = ()
    """Of a call on many: why some of them would fail before anything is sent for them."""

    def __iter__(self) -> Iterator[Request[Any]]:
        return iter(self.requests)

    def __len__(self) -> int:
        return len(self.requests)

    def __str__(self) -> str:
        more = [] if self.complete else ["(what follows depends on the answers)"]
        return "\n".join([*map(str, self.requests), *more])


def preview(call: Callable[P, object], /, *args: P.args, **kwargs: P.kwargs) -> Flow[Preview]:
    """Preview a call of a client's method, or of a function that returns a flow."""
    if declared := _declared(call, "__preview__"):
        return cast("Flow[Preview]", declared(*args, **kwargs))
    return preview_operation(cast("Operation[object]", (_declared(call, "__operation__") or call)(*args, **kwargs)))


def preview_operation(operation: Operation[object]) -> Flow[Preview]:
    """Return the requests by which an operation would change something.

    Each write is answered with nothing in it. A flow that fails on that is taken to have come to its end, where it
    would have made its result of a real answer, such as a new token: an operation that goes on by what came of a write
    asks again first.
    """
    writes: list[Request[Any]] = []
    try:
        running: Interpreter[object] = Interpreter(operation)
        while (step := running.step) is not None:
            if _writes(step):
                if not isinstance(step, Request):
                    return Preview(tuple(writes), complete=False)
                writes.append(step)
                running.answer(_nothing_in_it(step))
            elif writes and isinstance(step, Sleep):
                running.answer(None)  # nothing was sent that it could take time for
            elif writes and not isinstance(step, Emit | HubVersion | Now):
                return Preview(tuple(writes), complete=False)  # it looks at what came of a write, and nothing did
            elif isinstance(step, Emit):
                running.answer(None)
            else:
                try:
                    answer: Any = yield step
                except HubError as error:
                    running.fail(error)
                else:
                    running.answer(answer)
    except Exception:
        if not writes:
            raise
    return Preview(tuple(writes), complete=True)


def _declared(call: Callable[..., object], attribute: str) -> Callable[..., object] | None:
    """Return what a method, perhaps with some of its arguments, declares for `preview`."""
    if isinstance(call, partial):
        inner = _declared(cast("Callable[..., object]", call.func), attribute)
        return None if inner is None else partial(inner, *call.args, **call.keywords)
    return getattr(call, attribute, None)


def _writes(step: object) -> bool:
    """Return whether a step changes something, or, being a whole flow, might."""
    if isinstance(step, Fork):
        return not isinstance(step.flow, Request) or _writes(step.flow)
    return isinstance(step, Request) and step.method not in READS


def _nothing_in_it(request: Request[Any]) -> Any:
    """Return what a request makes of an empty answer, an empty list or an empty object; None where it needs more."""
    for content in (b"", b"[]", b"{}"):
        try:
            return request.decode(Answer(204, content=content))
        except HubError:
            continue
    return None
