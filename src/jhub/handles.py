"""What a call gives that is not over when it returns: a stream of items, and a fleet at work.

The two clients hand in how steps are carried out; here is only what their callers see.
"""

from __future__ import annotations

import queue
import warnings
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Generator, Iterator
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from itertools import islice
from types import TracebackType
from typing import TYPE_CHECKING, Any, Generic, Protocol, Self, TypeVar

from jhub.errors import HubError
from jhub.models import Model
from jhub.steps import Operation

if TYPE_CHECKING:
    from concurrent.futures import Future

    from anyio import CancelScope
    from anyio.abc import TaskGroup
    from anyio.from_thread import BlockingPortal
    from anyio.streams.memory import MemoryObjectReceiveStream

T = TypeVar("T")
E = TypeVar("E")

MAX_ITEMS_SHOWN = 20
"""Maximum number of items of a listing that a notebook shows."""
NEVER_RUN_MESSAGE = "was never run: call run(), or iterate over its events inside its `with` block"


class Runs(Protocol):
    """How a client carries out an operation."""

    def run(self, operation: Operation[T]) -> T:
        """Return what the operation answers."""
        ...

    def events(self, operation: Operation[Any]) -> Generator[Any, None, Any]:
        """Iterate over what the operation emits."""
        ...

    def fleet(self, operation: Operation[T]) -> Fleet[Any, T]:
        """Prepare an operation that runs others side by side."""
        ...


class RunsAsync(Protocol):
    """How an asynchronous client carries out an operation."""

    async def run(self, operation: Operation[T], emit: Callable[[Any], object] = ...) -> T:
        """Return what the operation answers; what it emits goes to `emit`."""
        ...

    def events(self, operation: Operation[Any]) -> AsyncGenerator[Any, None]:
        """Iterate over what the operation emits."""
        ...

    def fleet(self, operation: Operation[T]) -> AsyncFleet[Any, T]:
        """Prepare an operation that runs others side by side."""
        ...


class Stream(Generic[E]):
    """Items that arrive while one iterates. Each iteration asks the hub anew; `list(...)` takes them all."""

    def __init__(self, hub: Runs, operation: Callable[[], Operation[Any]], item: type[E]) -> None:
        self._hub = hub
        self._operation = operation
        self._item = item

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of {self._item.__name__}>"

    def _repr_html_(self) -> str:
        """Return the table of the first items that a notebook shows."""
        from jhub import display

        items = self._hub.events(self._operation())
        try:
            first = list(islice(items, MAX_ITEMS_SHOWN + 1))
        except HubError as error:
            return display.error_message(error)
        finally:
            items.close()
        rows = [dict(each.__rich_repr__()) if isinstance(each, Model) else {"": each} for each in first]
        return display.table(rows[:MAX_ITEMS_SHOWN], more=len(first) > MAX_ITEMS_SHOWN)

    def __iter__(self) -> Iterator[E]:
        return self._hub.events(self._operation())


class AsyncStream(Generic[E]):
    """Items that arrive while one iterates with `async for`; `await` takes them all, as a list."""

    def __init__(self, hub: RunsAsync, operation: Callable[[], Operation[Any]], item: type[E]) -> None:
        self._hub = hub
        self._operation = operation
        self._item = item

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of {self._item.__name__}>"

    def __aiter__(self) -> AsyncIterator[E]:
        return self._hub.events(self._operation())

    def __await__(self) -> Generator[Any, Any, list[E]]:
        return self._all().__await__()

    async def _all(self) -> list[E]:
        return [item async for item in self]


class _FleetBase(Generic[T]):
    """What fleets of both clients know of themselves."""

    def __init__(self, operation: Operation[T]) -> None:
        self._operation = operation
        self._started = False
        self._cancelled = False
        self._results: list[T] = []
        self._failure: Exception | None = None
        self._failure_raised = False
        self._name = getattr(operation, "__name__", type(operation).__name__)
        """For `repr`: the method that made it, where one did."""

    @property
    def summary(self) -> T:
        """How it ended; there after the last event."""
        if self._failure is not None:
            self._failure_raised = True
            raise self._failure
        if not self._results:
            why = "was cancelled" if self._cancelled else "has not ended: iterate over its events, or leave its block"
            raise RuntimeError(f"the fleet {why}")
        return self._results[0]

    def __repr__(self) -> str:
        state = "failed" if self._failure else "ended" if self._results else "cancelled" if self._cancelled else ""
        return f"<{type(self).__name__} {self._name}: {state or ('running' if self._started else 'not run yet')}>"

    def __del__(self) -> None:
        # There may be no such attribute, where __init__ failed.
        if not getattr(self, "_started", True):
            warnings.warn(f"{self!r} {NEVER_RUN_MESSAGE}", ResourceWarning, stacklevel=2, source=self)

    def _start(self) -> None:
        if self._started:
            raise RuntimeError("this fleet has run already: make another")
        self._started = True

    def _check_started(self) -> None:
        if not self._started:
            self._started = True  # said now, and not once more when it goes
            raise RuntimeError(f"{type(self).__name__} {NEVER_RUN_MESSAGE}")

    def _raise_failure(self) -> None:
        """Raise what ended it, once."""
        if self._failure is not None and not self._failure_raised:
            self._failure_raised = True
            raise self._failure


class Fleet(_FleetBase[T], Generic[E, T]):
    """Many servers or users at a time.

        with hub.servers.start_many(...) as fleet:
            for event in fleet:
                ...
        fleet.summary

    or `summary = hub.servers.start_many(...).run()`. Leaving the block finishes the work, also after a `break`. An
    exception, Ctrl-C or `cancel` sends nothing more; what the hub was asked for it goes on with.
    """

    def __init__(self, hub: Callable[[], AbstractAsyncContextManager[RunsAsync]], operation: Operation[T]) -> None:
        super().__init__(operation)
        self._hub = hub
        self._events: queue.SimpleQueue[E | None] = queue.SimpleQueue()
        self._task: Future[None] | None = None

    def run(self) -> T:
        """Do all of the work, and return the summary. Raises the `HubError` that ended it, if one did."""
        with self:
            pass
        return self.summary

    def cancel(self) -> None:
        """Send nothing more, and end what is under way as far as it can be ended."""
        self._cancelled = True
        if self._task is not None:
            self._task.cancel()

    def __enter__(self) -> Self:
        from anyio.from_thread import start_blocking_portal  # with an event loop, which single calls do without

        self._start()
        self._portal: AbstractContextManager[BlockingPortal] = start_blocking_portal()
        self._task = self._portal.__enter__().start_task_soon(self._run)
        return self

    async def _run(self) -> None:
        try:
            if self._cancelled:
                return
            async with self._hub() as hub:
                self._results.append(await hub.run(self._operation, self._events.put))
        except HubError as error:
            self._failure = error
        finally:
            self._events.put(None)

    def __iter__(self) -> Iterator[E]:
        self._check_started()
        while (event := self._events.get()) is not None:
            yield event
        self._events.put(None)  # whoever iterates again finds the end, too
        if self._task is not None and not self._cancelled:
            self._task.result()
        if self._failure is not None:
            self._failure_raised = True
            raise self._failure

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if error is None and self._task is not None and not self._cancelled:
                self._task.result()
        except BaseException:
            self.cancel()
            raise
        finally:
            if error is not None:
                self.cancel()
            self._portal.__exit__(None, None, None)
        if error is None:
            self._raise_failure()


class AsyncFleet(_FleetBase[T], Generic[E, T]):
    """As `Fleet`, with `async with` and `async for`, or `summary = await hub.servers.start_many(...)`."""

    def __init__(
        self, run: Callable[[Operation[T], Callable[[Any], object]], Awaitable[T]], operation: Operation[T]
    ) -> None:
        super().__init__(operation)
        self._carry_out = run
        self._receiver: MemoryObjectReceiveStream[E] | None = None
        self._group: TaskGroup | None = None
        self._scope: CancelScope | None = None

    def __await__(self) -> Generator[Any, Any, T]:
        return self._all().__await__()

    async def _all(self) -> T:
        async with self:
            pass
        return self.summary

    def cancel(self) -> None:
        """Send nothing more, and end what is under way as far as it can be ended."""
        self._cancelled = True
        if self._scope is not None:
            self._scope.cancel()

    async def __aenter__(self) -> Self:
        import anyio

        self._start()
        self._sender, self._receiver = anyio.create_memory_object_stream[E](float("inf"))
        # Of the work alone: that of the group would end the caller's block too.
        self._scope = anyio.CancelScope()
        self._group = anyio.create_task_group()
        await self._group.__aenter__()
        self._group.start_soon(self._run, self._scope)
        return self

    async def _run(self, scope: CancelScope) -> None:
        with self._sender, scope:
            if self._cancelled:
                return
            try:
                self._results.append(await self._carry_out(self._operation, self._sender.send_nowait))
            except Exception as error:  # noqa: BLE001 - raised for the caller, and not in a group of one
                self._failure = error

    async def __aiter__(self) -> AsyncGenerator[E, None]:
        self._check_started()
        if self._receiver is not None:
            async for event in self._receiver:
                yield event
        if self._failure is not None:
            self._failure_raised = True
            raise self._failure

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._group is None:
            return
        if error is not None:
            self.cancel()
        try:
            await self._group.__aexit__(None, None, None)
        finally:
            if self._receiver is not None:
                self._receiver.close()
        if error is None:
            self._raise_failure()
