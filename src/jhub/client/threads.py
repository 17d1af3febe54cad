"""Single requests side by side on `Hub`: what `Fork`, `Next` and `Cancel` mean where there is no event loop."""

from __future__ import annotations

import queue
import threading
import time

from jhub.errors import HubError
from jhub.handles import Runs
from jhub.steps import Cancel, Done, Fork, Next, Request


class ForkedThreads:
    """The requests that one running flow has forked, a thread for each. Flows of several steps need `hub.fleet`."""

    def __init__(self, hub: Runs) -> None:
        self._hub = hub
        self._ended: queue.SimpleQueue[Done | BaseException] = queue.SimpleQueue()

    def do(self, step: Fork | Next | Cancel) -> Done | None:
        """Carry out one of the three."""
        match step:
            case Fork(flow=Request() as request):
                # A daemon: one that nobody waits for any more must not keep the program from ending.
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
                pass  # a request that is on its way cannot be called back; its end is for whoever asks to pass over
            case _:
                raise TypeError("a fork of a whole flow works in a fleet only: hub.fleet(operation)")
        return None

    def _run(self, fork: Fork) -> None:
        began, answer, failure = time.monotonic(), None, None
        try:
            answer = self._hub.run(fork.flow)
        except HubError as error:
            failure = error
        except BaseException as error:  # noqa: BLE001 - it is raised in who waits for this
            self._ended.put(error)
            return
        self._ended.put(Done(fork.tag, answer, failure, time.monotonic() - began))
