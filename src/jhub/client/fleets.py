"""Flows side by side: what `Fork`, `Next` and `Cancel` mean, and a fleet as its caller sees it."""

from __future__ import annotations

import asyncio
import queue
import time
from collections.abc import AsyncGenerator, Callable, Iterator
from concurrent.futures import Future
from contextlib import AbstractContextManager
from types import TracebackType
from typing import TYPE_CHECKING, Any, Generic, Self, TypeVar

import anyio
import anyio.from_thread
from anyio.from_thread import BlockingPortal
from anyio.streams.memory import MemoryObjectReceiveStream

from jhub.errors import HubError
from jhub.steps import Cancel, Done, Fork, Next, Plan

if TYPE_CHECKING:
    from jhub.client.asynchronous import AsyncHub
    from jhub.client.sync import Hub

T = TypeVar("T")
E = TypeVar("E")

OUTSIDE = "a fleet runs inside its block: with hub.servers.start_many(...) as fleet: for event in fleet: ..."


class Forks:
    """The flows that one running flow has forked: tasks, which end with the block."""

    def __init__(self, hub: AsyncHub, emit: Callable[[Any], object]) -> None:
        self._hub = hub
        self._emit = emit
        self._tasks: dict[str, asyncio.Task[Any]] = {}
        self._ended: asyncio.Queue[Done | BaseException] = asyncio.Queue()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc: object) -> None:
        self.cancel_all()
        if self._tasks:
            # Tasks of asyncio and no task group: a group must not be held open while a generator is suspended.
            with anyio.CancelScope(shield=True):
                await asyncio.wait(list(self._tasks.values()))

    async def do(self, step: Fork | Next | Cancel) -> Done | None:
        """Carry out one of the three."""
        match step:
            case Fork():
                self._fork(step)
            case Next():
                with anyio.move_on_after(step.timeout):
                    ended = await self._ended.get()
                    if isinstance(ended, BaseException):
                        raise ended
                    return ended
            case Cancel():
                self._cancel(step.tag)
        return None

    def _fork(self, fork: Fork) -> None:
        if fork.tag in self._tasks:
            raise RuntimeError(f"{fork.tag!r} is under way already: a fork has a tag of its own")
        began = time.monotonic()

        def note(task: asyncio.Task[Any]) -> None:
            del self._tasks[fork.tag]
            answer = failure = None
            if task.cancelled():
                failure = HubError(f"{fork.tag}: cancelled")
            elif isinstance(error := task.exception(), HubError):
                failure = error
            elif error is not None:
                self._ended.put_nowait(error)  # raised in who waits for this
                return
            else:
                answer = task.result()
            self._ended.put_nowait(Done(fork.tag, answer, failure, time.monotonic() - began))

        self._tasks[fork.tag] = asyncio.create_task(self._hub.run(fork.flow, self._emit))
        self._tasks[fork.tag].add_done_callback(note)

    def cancel_all(self) -> None:
        """End whatever still runs."""
        for tag in self._tasks:
            self._cancel(tag)

    def _cancel(self, tag: str) -> None:
        # Once: a second time would cut off what it does to clean up.
        if tag in self._tasks and not self._tasks[tag].cancelling():
            self._tasks[tag].cancel()


class _Ending(Generic[T]):
    """How a fleet ended, if it did."""

    def __init__(self) -> None:
        self.answers: list[T] = []
        self.failure: HubError | None = None

    @property
    def over(self) -> bool:
        return bool(self.answers) or self.failure is not None

    def summary(self) -> T:
        if self.failure is not None:
            raise self.failure
        if not self.answers:
            raise RuntimeError("the fleet has not ended: iterate over its events first, inside its `with` block")
        return self.answers[0]


class AsyncFleet(Generic[E, T]):
    """`async with hub.servers.start_many(...) as fleet: async for event in fleet: ...`, then `fleet.summary`.

    Leaving the block early ends what is under way and sends nothing more.
    """

    def __init__(self, hub: AsyncHub, plan: Plan[T]) -> None:
        self._hub = hub
        self._plan = plan
        self._end: _Ending[T] = _Ending()
        self._take: MemoryObjectReceiveStream[E] | None = None

    @property
    def summary(self) -> T:
        """How it ended; there after the last event."""
        return self._end.summary()

    async def __aenter__(self) -> Self:
        self._put, self._take = anyio.create_memory_object_stream[E](float("inf"))
        self._group = anyio.create_task_group()
        await self._group.__aenter__()
        self._group.start_soon(self._run)
        return self

    async def _run(self) -> None:
        with self._put:
            try:
                self._end.answers.append(await self._hub.run(self._plan, self._put.send_nowait))
            except HubError as error:
                self._end.failure = error

    async def __aiter__(self) -> AsyncGenerator[E, None]:
        if self._take is None:
            raise RuntimeError(OUTSIDE)
        async for event in self._take:
            yield event
        if self._end.failure is not None:
            raise self._end.failure

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if not self._end.over:
            self._group.cancel_scope.cancel()
        try:
            await self._group.__aexit__(None, None, None)
        finally:
            if self._take is not None:
                self._take.close()


class Fleet(Generic[E, T]):
    """`with hub.servers.start_many(...) as fleet: for event in fleet: ...`, then `fleet.summary`.

    The flow runs on an `AsyncHub` in one background thread, however many servers there are.
    """

    def __init__(self, hub: Hub, plan: Plan[T]) -> None:
        self._hub = hub
        self._plan = plan
        self._events: queue.SimpleQueue[E | None] = queue.SimpleQueue()
        self._end: _Ending[T] = _Ending()
        self._task: Future[None] | None = None

    @property
    def summary(self) -> T:
        """How it ended; there after the last event."""
        return self._end.summary()

    def __enter__(self) -> Self:
        self._thread: AbstractContextManager[BlockingPortal] = anyio.from_thread.start_blocking_portal()
        self._task = self._thread.__enter__().start_task_soon(self._run)
        return self

    async def _run(self) -> None:
        try:
            async with self._hub.twin() as twin:
                self._end.answers.append(await twin.run(self._plan, self._events.put))
        except HubError as error:
            self._end.failure = error
        finally:
            self._events.put(None)

    def __iter__(self) -> Iterator[E]:
        if self._task is None:
            raise RuntimeError(OUTSIDE)
        while (event := self._events.get()) is not None:
            yield event
        self._events.put(None)  # whoever iterates again finds the end, too
        self._task.result()
        if self._end.failure is not None:
            raise self._end.failure

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._task is not None and not self._end.over:
            self._task.cancel()
        self._thread.__exit__(None, None, None)
