"""Concurrent requests of `Hub`: carries out `Fork`, `Next` and `Cancel` without an event loop."""

from __future__ import annotations

import queue
import threading
import time

from jhub.errors import HubError
from jhub.handles import Runs
from jhub.steps import Cancel, Done, Fork, Next, Request


class ForkedThreads:
    """The requests that a running flow has forked, each in a thread. Flows of several steps need `hub.fleet`."""

    def __init__(self, hub: Runs) -> None:
        self._hub = hub
        self._ended: queue.SimpleQueue[Done | BaseException] = queue.SimpleQueue()

    def do(self, step: Fork | Next | Cancel) -> Done | None:
        """Carry out a step. `Next` returns None on its timeout."""
        match step:
            case Fork(flow=Request() as request):
                # A daemon thread, so that an abandoned request does not delay the end of the program.
                threading.Thread(target=self._run, args=(step,), name=f"jhub {request.path}", daemon=True).start()
            case Next():
                try:
                    ended = self._ended.get(timeout=step.timeout)
                except queue.Empty:
                    return None
                if isinstance(ended, BaseException):
                    raise ended
                return ended
            case Cancel():
                pass  # a request in flight cannot be cancelled; the caller ignores its answer
            case _:
                raise TypeError("a fork of a whole flow works in a fleet only: hub.fleet(operation)")
        return None

    def _run(self, fork: Fork) -> None:
        began, answer, failure = time.monotonic(), None, None
        try:
            answer = self._hub.run(fork.flow)
        except HubError as error:
            failure = error
        except BaseException as error:  # noqa: BLE001 - it is raised by the next `Next`
            self._ended.put(error)
            return
        self._ended.put(Done(fork.tag, answer, failure, time.monotonic() - began))
