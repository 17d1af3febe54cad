"""Streams and fleets: the objects that a call returns before its work is done.

The clients pass in the functions that carry steps out, so this module does not import them.
"""

from __future__ import annotations

import queue
import warnings
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Generator, Iterator
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from itertools import islice
from types import TracebackType
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Protocol, Self, TypeVar

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
"""Maximum number of items of a stream in a notebook's table."""


class Runs(Protocol):
    """The methods of a client that run operations."""

    def run(self, operation: Operation[T]) -> T:
        """Run an operation, and return its result."""
        ...

    def events(self, operation: Operation[Any]) -> Generator[Any, None, Any]:
        """Run an operation, and iterate over the values that it emits."""
        ...

    def fleet(self, operation: Operation[T]) -> Fleet[Any, T]:
        """Return a fleet that will run an operation with forks."""
        ...


class RunsAsync(Protocol):
    """The methods of an asynchronous client that run operations."""

    async def run(self, operation: Operation[T], emit: Callable[[Any], object] = ...) -> T:
        """Run an operation, and return its result; pass the values that it emits to `emit`."""
        ...

    def events(self, operation: Operation[Any]) -> AsyncGenerator[Any, None]:
        """Run an operation, and iterate over the values that it emits."""
        ...

    def fleet(self, operation: Operation[T]) -> AsyncFleet[Any, T]:
        """Return a fleet that will run an operation with forks."""
        ...


class Stream(Generic[E]):
    """Items that arrive during iteration: what a listing of `Hub`, such as `hub.users.list()`, returns.

    Use it in a `for` loop; `list(...)` returns all items. Each iteration sends new requests.
    """

    def __init__(self, hub: Runs, operation: Callable[[], Operation[Any]], item: type[E]) -> None:
        self._hub = hub
        self._operation = operation
        self._item = item

    def __repr__(self) -> str:
        """Return the kind of stream and of its items."""
        return f"<{type(self).__name__} of {self._item.__name__}>"

    def _repr_html_(self) -> str:
        """Return the HTML table of the first items that a notebook shows."""
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

    def __iter__(self) -> Generator[E]:
        """Iterate over the items. `close()` of the iterator ends the work early."""
        return self._hub.events(self._operation())


class AsyncStream(Generic[E]):
    """Items that arrive during iteration: what a listing of `AsyncHub` returns.

    Use it with `async for`; `await` returns a list of all items.
    """

    def __init__(self, hub: RunsAsync, operation: Callable[[], Operation[Any]], item: type[E]) -> None:
        self._hub = hub
        self._operation = operation
        self._item = item

    def __repr__(self) -> str:
        """Return the kind of stream and of its items."""
        return f"<{type(self).__name__} of {self._item.__name__}>"

    def __aiter__(self) -> AsyncIterator[E]:
        """Iterate over the items."""
        return self._hub.events(self._operation())

    def __await__(self) -> Generator[Any, Any, list[E]]:
        """Return a list of all items."""
        return self._all().__await__()

    async def _all(self) -> list[E]:
        return [item async for item in self]


class _FleetBase(Generic[T]):
    """The state of a fleet, for both clients."""

    _never_run: ClassVar[str]
    """Text of the warning and the error for a fleet that was not started."""

    def __init__(self, operation: Operation[T]) -> None:
        self._operation = operation
        self._started = False
        self._cancelled = False
        self._results: list[T] = []
        self._failure: Exception | None = None
        self._failure_raised = False
        self._name = getattr(operation, "__name__", type(operation).__name__)
        """The name of the method that returned the fleet, for `repr`."""

    @property
    def summary(self) -> T:
        """The summary, available after the last event. It raises the error that ended the fleet."""
        if self._failure is not None:
            self._failure_raised = True
            raise self._failure
        if not self._results:
            state = "was cancelled" if self._cancelled else "has not ended: iterate over its events, or leave its block"
            raise RuntimeError(f"the fleet {state}")
        return self._results[0]

    def __repr__(self) -> str:
        """Return the method and the state of the fleet."""
        state = "failed" if self._failure else "ended" if self._results else "cancelled" if self._cancelled else ""
        return f"<{type(self).__name__} {self._name}: {state or ('running' if self._started else 'not run yet')}>"

    def __del__(self) -> None:
        """Warn about a fleet that was never run."""
        # The attribute is missing if __init__ failed.
        if not getattr(self, "_started", True):
            warnings.warn(f"{self!r} {self._never_run}", ResourceWarning, stacklevel=2, source=self)

    def _start(self) -> None:
        if self._started:
            raise RuntimeError("this fleet has already run: create another one")
        self._started = True

    def _check_started(self) -> None:
        if not self._started:
            self._started = True  # so that __del__ does not warn too
            raise RuntimeError(f"{type(self).__name__} {self._never_run}")

    def _raise_failure(self) -> None:
        """Raise the error that ended the fleet, unless it was raised before."""
        if self._failure is not None and not self._failure_raised:
            self._failure_raised = True
            raise self._failure


class Fleet(_FleetBase[T], Generic[E, T]):
    """Concurrent work on many servers or users, with events and a summary. Methods of `Hub` return it.

        with hub.servers.start_many(...) as fleet:
            for event in fleet:
                ...
        fleet.summary

    or `summary = hub.servers.start_many(...).run()`. The end of the block waits for the work to finish, also after a
    `break`. After an exception, Ctrl-C or `cancel` no further work is started; the hub continues what it has accepted.
    """

    _never_run = "was never run: call run(), or iterate over its events inside its `with` block"

    def __init__(self, hub: Callable[[], AbstractAsyncContextManager[RunsAsync]], operation: Operation[T]) -> None:
        super().__init__(operation)
        self._hub = hub
        self._events: queue.SimpleQueue[E | None] = queue.SimpleQueue()
        self._task: Future[None] | None = None

    def run(self) -> T:
        """Do all of the work, and return the summary.

        Raises
        ------
        HubError
            An error ended the fleet. Errors of single servers or users are in the summary.
        """
        with self:
            pass
        return self.summary

    def cancel(self) -> None:
        """Start no further work, and cancel the work in flight as far as possible."""
        self._cancelled = True
        if self._task is not None:
            self._task.cancel()

    def __enter__(self) -> Self:
        """Start the work, in a thread."""
        from anyio.from_thread import start_blocking_portal  # it loads an event loop, which single calls do not need

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
        """Iterate over the events, to the end of the work."""
        self._check_started()
        while (event := self._events.get()) is not None:
            yield event
        self._events.put(None)  # so that a second iteration ends too
        if self._task is not None and not self._cancelled:
            self._task.result()
        if self._failure is not None:
            self._failure_raised = True
            raise self._failure

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Wait for the work to finish; cancel it after an exception."""
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
    """A `Fleet` for asyncio, which methods of `AsyncHub` return.

    Use it with `async with` and `async for`, or write `summary = await hub.servers.start_many(...)`.
    """

    _never_run = "was never run: await it, or iterate over its events inside `async with`"

    def __init__(
        self, run: Callable[[Operation[T], Callable[[Any], object]], Awaitable[T]], operation: Operation[T]
    ) -> None:
        super().__init__(operation)
        self._carry_out = run
        self._receiver: MemoryObjectReceiveStream[E] | None = None
        self._group: TaskGroup | None = None
        self._scope: CancelScope | None = None

    def __await__(self) -> Generator[Any, Any, T]:
        """Do all of the work, and return the summary."""
        return self._all().__await__()

    async def _all(self) -> T:
        async with self:
            pass
        return self.summary

    def cancel(self) -> None:
        """Start no further work, and cancel the work in flight as far as possible."""
        self._cancelled = True
        if self._scope is not None:
            self._scope.cancel()

    async def __aenter__(self) -> Self:
        """Start the work, in a task group."""
        import anyio

        self._start()
        self._sender, self._receiver = anyio.create_memory_object_stream[E](float("inf"))
        # A scope for the work only: cancelling the scope of the task group would cancel the caller's block too.
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
            except Exception as error:  # noqa: BLE001 - raised for the caller later, not as an ExceptionGroup
                self._failure = error

    async def __aiter__(self) -> AsyncGenerator[E, None]:
        """Iterate over the events, to the end of the work."""
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
        """Wait for the work to finish; cancel it after an exception."""
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
