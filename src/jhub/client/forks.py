"""Concurrent flows of `AsyncHub`: carries out `Fork`, `Next` and `Cancel`."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Hashable
from typing import Any, Self

import anyio

from jhub.errors import HubError
from jhub.handles import RunsAsync
from jhub.steps import Cancel, Done, Fork, Next


class ForkedTasks:
    """The flows that a running flow has forked, as tasks that end with the block."""

    def __init__(self, hub: RunsAsync, emit: Callable[[Any], object]) -> None:
        self._hub = hub
        self._emit = emit
        self._tasks: dict[Hashable, asyncio.Task[Any]] = {}
        self._ended: asyncio.Queue[Done | BaseException] = asyncio.Queue()

    async def __aenter__(self) -> Self:
        """Return the tasks."""
        return self

    async def __aexit__(self, *exc: object) -> None:
        """Cancel the tasks that still run, and wait until they have ended."""
        self.cancel_all()
        if self._tasks:
            # Plain asyncio tasks, because a task group must not stay open while a generator is suspended.
            with anyio.CancelScope(shield=True):
                await asyncio.wait(list(self._tasks.values()))

    async def do(self, step: Fork | Next | Cancel) -> Done | None:
        """Carry out a step. `Next` returns None on its timeout."""
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
            raise RuntimeError(f"{fork.tag!r} is already in flight: each fork needs a tag of its own")
        began = time.monotonic()

        def note(task: asyncio.Task[Any]) -> None:
            del self._tasks[fork.tag]
            answer = failure = None
            if task.cancelled():
                failure = HubError(f"{fork.tag}: cancelled")
            elif isinstance(error := task.exception(), HubError):
                failure = error
            elif error is not None:
                self._ended.put_nowait(error)  # raised by the next `Next`
                return
            else:
                answer = task.result()
            self._ended.put_nowait(Done(fork.tag, answer, failure, time.monotonic() - began))

        self._tasks[fork.tag] = asyncio.create_task(self._hub.run(fork.flow, self._emit))
        self._tasks[fork.tag].add_done_callback(note)

    def cancel_all(self) -> None:
        """Cancel all tasks that still run."""
        for tag in self._tasks:
            self._cancel(tag)

    def _cancel(self, tag: Hashable) -> None:
        # Only once: a second cancellation would interrupt the clean-up.
        if tag in self._tasks and not self._tasks[tag].cancelling():
            self._tasks[tag].cancel()
