"""Flows side by side: what `Fork`, `Next` and `Cancel` mean, and a fleet as its caller sees it."""

from __future__ import annotations

import queue
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import AbstractContextManager, AsyncExitStack
from types import TracebackType
from typing import TYPE_CHECKING, Any, Generic, Self, TypeVar

import anyio
import anyio.abc
import anyio.from_thread

from jhub.errors import HubError
from jhub.steps import Cancel, Done, Fork, Next, Plan

if TYPE_CHECKING:
    from jhub.client.asynchronous import AsyncHub
    from jhub.client.sync import Hub

T = TypeVar("T")
E = TypeVar("E")


class Forks:
    """The flows that one running flow has forked."""

    def __init__(self, hub: AsyncHub, stack: AsyncExitStack, emit: Callable[[Any], object]) -> None:
        self._hub = hub
        self._stack = stack
        self._emit = emit
        self._group: anyio.abc.TaskGroup | None = None
        self._scopes: dict[str, anyio.CancelScope] = {}
        self._put, self._take = anyio.create_memory_object_stream[Done](float("inf"))
        stack.enter_context(self._put)
        stack.enter_context(self._take)

    async def do(self, step: Fork | Next | Cancel) -> Done | None:
        match step:
            case Fork():
                if self._group is None:
                    self._group = await self._stack.enter_async_context(anyio.create_task_group())
                self._scopes[step.tag] = anyio.CancelScope()
                self._group.start_soon(self._run, step, self._scopes[step.tag])
            case Next():
                with anyio.move_on_after(step.timeout):
                    return await self._take.receive()
            case Cancel():
                if scope := self._scopes.get(step.tag):
                    scope.cancel()
        return None

    async def _run(self, fork: Fork, scope: anyio.CancelScope) -> None:
        began, answer, failure = anyio.current_time(), None, None
        with scope:
            try:
                answer = await self._hub.run(fork.flow, self._emit)
            except HubError as error:
                failure = error
        if scope.cancelled_caught:
            failure = HubError(f"{fork.tag}: cancelled")
        del self._scopes[fork.tag]
        self._put.send_nowait(Done(fork.tag, answer, failure, anyio.current_time() - began))

    def cancel_all(self) -> None:
        for scope in list(self._scopes.values()):
            scope.cancel()


class AsyncFleet(Generic[E, T]):
    """`async with hub.servers.start_many(...) as fleet: async for event in fleet: ...`, then `fleet.summary`.

    Leaving the block early ends what is under way and sends nothing more.
    """

    def __init__(self, hub: AsyncHub, plan: Plan[T]) -> None:
        self._hub = hub
        self._plan = plan
        self._end: list[T] = []
        self._failure: HubError | None = None

    @property
    def summary(self) -> T:
        """How it ended; there after the last event."""
        if self._failure is not None:
            raise self._failure
        if not self._end:
            raise RuntimeError("the fleet has not ended: iterate over its events first")
        return self._end[0]

    async def __aenter__(self) -> Self:
        self._put, self._take = anyio.create_memory_object_stream[E](float("inf"))
        self._group = anyio.create_task_group()
        await self._group.__aenter__()
        self._group.start_soon(self._run)
        return self

    async def _run(self) -> None:
        with self._put:
            try:
                self._end.append(await self._hub.run(self._plan, self._put.send_nowait))
            except HubError as error:
                self._failure = error

    async def __aiter__(self) -> AsyncGenerator[E, None]:
        async for event in self._take:
            yield event
        if self._failure is not None:
            raise self._failure

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if not self._end:
            self._group.cancel_scope.cancel()
        try:
            await self._group.__aexit__(None, None, None)
        finally:
            self._take.close()


class Fleet(Generic[E, T]):
    """`with hub.servers.start_many(...) as fleet: for event in fleet: ...`, then `fleet.summary`.

    The flow runs on an `AsyncHub` in one background thread, however many servers there are.
    """

    def __init__(self, hub: Hub, plan: Plan[T]) -> None:
        self._hub = hub
        self._plan = plan
        self._events: queue.SimpleQueue[E | None] = queue.SimpleQueue()
        self._end: list[T] = []

    @property
    def summary(self) -> T:
        """How it ended; there after the last event."""
        if not self._end:
            raise RuntimeError("the fleet has not ended: iterate over its events first")
        return self._end[0]

    def __enter__(self) -> Self:
        self._thread: AbstractContextManager[Any] = anyio.from_thread.start_blocking_portal()
        self._task = self._thread.__enter__().start_task_soon(self._run)
        return self

    async def _run(self) -> None:
        hub = self._hub
        try:
            async with hub.twin() as twin:
                self._end.append(await twin.run(self._plan, self._events.put))
        finally:
            self._events.put(None)

    def __iter__(self) -> Iterator[E]:
        while (event := self._events.get()) is not None:
            yield event
        self._task.result()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if not self._end:
            self._task.cancel()
        self._thread.__exit__(None, None, None)
