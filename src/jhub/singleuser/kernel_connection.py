"""A kernel of our own in a user's server, and the websocket to it.

The kernel is deleted at the end. It belongs to a session whose name has the end of the token in use: if this program is
killed, a later run sees from the name that nobody uses the kernel any more, and deletes it.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeAlias, TypeVar

from jhub.errors import APIError, HubBroken, HubError, InvalidInput, NotFound, NotStarted, Unavailable
from jhub.interpreter import alongside
from jhub.singleuser import kernel_api
from jhub.singleuser.access import ServerAccess
from jhub.singleuser.cells import CellResult, CellRun
from jhub.singleuser.contents import read_info
from jhub.singleuser.kernel_messages import V1, KernelMessage, decode, encode
from jhub.singleuser.outputs import CellOutputs, DisplayMap
from jhub.singleuser.paths import parts_of
from jhub.steps import (
    CloseSocket,
    Flow,
    Now,
    Operation,
    ReceiveFrame,
    SendFrame,
    Sleep,
    Socket,
    SocketClosed,
)

T = TypeVar("T")

MAX_CODE_BYTES = 8 * 2**20
"""Maximum size of a cell. Jupyter Server closes the socket at 10 MiB, for a cell in JSON."""
SILENCE_SECONDS = 15.0
"""Seconds of silence after which the kernel's state is read; this also keeps the server from being stopped as idle."""
SOON_SECONDS = 2.0
"""The same after a reply, and after a reconnect, when the end of the cell is due."""
POLL_SECONDS = 0.05
"""Pause in seconds before input that the cell waits for is read again."""
INTERRUPT_SECONDS = 5.0
"""Seconds that an interrupted cell has for its end."""
MAX_IDLE_READS = 2
"""Number of times that a silent kernel must be idle before the end of its cell counts as lost."""
RECONNECT_PAUSES = (0.0, 0.5, 1.0, 2.0, 4.0, *[8.0] * 15)
"""Pauses in seconds before the attempts to connect again: two minutes, in which a hub or its proxy is restarted."""
MAX_FAILED_READS = 40
"""Number of times that the state of a silent kernel cannot be read before the end of its cell counts as lost."""
FIND_PAUSES = (0.0, 0.25, 0.5, 1.0, 1.5)
"""Pauses in seconds before the looks for a kernel whose start was not answered; clean-up after Ctrl-C has five."""
LEASE = re.compile(r"jhub until (\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ)")
"""The name of a session of jhub."""
LEASED_PATH = re.compile(r"(?:.*/)?jhub-[0-9a-f]{12}-\d+")
"""The path of a session of jhub."""

Handler: TypeAlias = Callable[[KernelMessage], Flow[None]]
"""A flow for each message of a cell."""
InputReader: TypeAlias = Callable[[str, bool], Flow[str | None]]
"""A flow that returns the input for a prompt, which may be for a password. None: there is none yet."""


@dataclass(frozen=True, slots=True)
class _CellOptions:
    """The options of `KernelConnection.execute` that are not part of its request."""

    timeout: float
    keep_outputs: bool
    handle: Handler | None
    read_input: InputReader | None
    is_over: Callable[[], bool] | None


class KernelConnection:
    """A kernel of our own."""

    def __init__(self, access: ServerAccess, spec: str = "", folder: str = "", number: int = 0) -> None:
        self.access = access
        """The access to the server."""
        self._spec = spec
        self._folder = "/".join(parts_of(folder))
        self._number = number
        self._path = ""
        self._session_id = ""
        self._kernel_id = ""
        self._leased_until: datetime | None = None
        self._socket: Socket | None = None
        self._sent = 0
        self._failed_reads = 0
        self._renew_after = 0.0
        self.displays = DisplayMap()
        """The outputs with a display id, and the widgets, of all cells so far."""
        self.in_use = False
        """True while a job has it."""
        self.is_busy = False
        """True while it runs a cell, and if it may run one that this program has left."""
        self.name = spec
        """The name of the kernel specification."""

    def open(self) -> Flow[None]:
        """Start the kernel, and connect to it. Delete kernels that earlier runs have left in the server."""
        yield from self.access.prepare()
        if self._folder and not (yield from self._is_folder()):
            raise InvalidInput(f"{self.access.label}: {self._folder} is not a folder below the server's top folder")
        self._path = "/".join(filter(None, (self._folder, f"jhub-{self.access.tag}-{self._number}")))
        self._leased_until = self.access.ends_at
        try:
            session = yield from kernel_api.start_session(self.access, self._path, self._lease(), self._spec)
        except (APIError, InvalidInput):
            self._path = ""  # the server refused, so `close` has no kernel to find
            raise
        if session.kernel is None or session.path != self._path:
            raise HubBroken("the server did not start a kernel", about=self.access.label)
        self._session_id, self._kernel_id, self.name = session.id, session.kernel.id, session.kernel.name
        sessions, _ = yield from alongside(kernel_api.session_list(self.access), self._connect())
        yield from self._delete_leftovers(sessions)

    def _is_folder(self) -> Flow[bool]:
        try:
            return (yield from read_info(self.access, self._folder)).is_directory
        except NotFound:
            return False

    def execute(
        self,
        code: str,
        *,
        timeout: float | None = None,
        silent: bool = False,
        store_history: bool = True,
        stop_on_error: bool = True,
        keep_outputs: bool = True,
        handle: Handler | None = None,
        read_input: InputReader | None = None,
        is_over: Callable[[], bool] | None = None,
    ) -> Flow[CellResult]:
        """Run code, and return how it ended, with its outputs.

        Parameters
        ----------
        timeout
            Seconds after which the code is interrupted.
        silent, store_history, stop_on_error
            As in the protocol of kernels.
        keep_outputs
            Keep the outputs for the result.
        handle
            A flow for each message about the cell, in order.
        read_input
            A flow that returns what the code reads with `input()`. Without it, `input()` is an error of the code.
        is_over
            A function that returns whether the rest of the cell can be left alone, once its last question for input
            has a reply. The kernel cannot be used again.
        """
        try:
            size = len(code.encode())
        except UnicodeEncodeError:
            raise InvalidInput("the code contains a lone surrogate, which is no character") from None
        if size > MAX_CODE_BYTES:
            raise InvalidInput(
                f"the code is larger than {MAX_CODE_BYTES >> 20} MiB", hint="put it into a file, and import that"
            )
        content: dict[str, Any] = {"code": code, "silent": silent, "store_history": store_history}
        content |= {"user_expressions": {}, "allow_stdin": read_input is not None, "stop_on_error": stop_on_error}
        cell = _CellOptions(math.inf if timeout is None else timeout, keep_outputs, handle, read_input, is_over)
        return (yield from self._execute(content, cell))

    def interrupt(self) -> Flow[None]:
        """Interrupt what the kernel runs."""
        return kernel_api.interrupt(self.access, self._kernel_id)

    def try_interrupt(self) -> Flow[None]:
        """Interrupt what the kernel runs, if the server lets it: a kernel may be gone."""
        with suppress(HubError):
            yield from self.interrupt()

    def close(self) -> Flow[None]:
        """Delete the kernel, and close the socket."""
        try:
            if self._path and not self._kernel_id:
                self._kernel_id = yield from self._find_kernel()
            if self._kernel_id:
                yield from kernel_api.discard(self.access, self._kernel_id)
        except HubError:
            pass  # the kernel is gone with its server; else a later run finds it by its name
        finally:
            if self._socket is not None:
                yield from CloseSocket(self._socket)

    def _find_kernel(self) -> Flow[str]:
        """Return the id of the kernel whose start was not answered; empty if the server lists no such kernel.

        The server goes on with a start whose client is gone, and lists the kernel once its process runs.
        """
        for pause in FIND_PAUSES:
            yield Sleep(pause)
            sessions = yield from kernel_api.session_list(self.access)
            if kernel := next((session.kernel for session in sessions if session.path == self._path), None):
                return kernel.id
        return ""

    def finish(self, then: Operation[None]) -> Flow[None]:
        """Delete the kernel while `then` runs, and close the socket."""
        if self._socket is not None:
            yield from CloseSocket(self._socket)
            self._socket = None
        request = kernel_api.deletion(self.access, self._kernel_id)
        deleted, _ = yield from alongside(request, then)
        if isinstance(deleted, HubError) and not isinstance(deleted, NotFound):
            yield from self.close()

    def _execute(self, content: dict[str, Any], options: _CellOptions) -> Flow[CellResult]:
        handle, read_input = options.handle, options.read_input
        began = yield from Now()
        request = self._message("shell", "execute_request", content)
        cell = CellRun(request.header["msg_id"], CellOutputs(self.displays) if options.keep_outputs else None)
        ends_at, interrupted, idle_reads, soon = began + options.timeout, False, 0, False
        prompt: KernelMessage | None = None
        self.is_busy = True
        yield from self._send(request)
        while not cell.is_done:
            now = yield from Now()
            if now >= ends_at and not interrupted:
                interrupted, ends_at = True, now + INTERRUPT_SECONDS
                yield from self.try_interrupt()  # a kernel that is gone ends the cell below
            elif now >= ends_at:
                break
            yield from self._renew_lease(now)
            if prompt is not None and read_input is not None:
                question = prompt.content
                text = yield from read_input(str(question.get("prompt", "")), bool(question.get("password")))
                if text is not None:
                    yield from self._send(self._message("stdin", "input_reply", {"value": text}, prompt.header))
                    prompt = None
                    if options.is_over is not None and options.is_over():
                        break
            silence = (
                POLL_SECONDS if prompt is not None else SOON_SECONDS if soon or cell.is_ending else SILENCE_SECONDS
            )
            frame = yield from ReceiveFrame(self._open_socket, min(silence, max(ends_at - now, 0.0)))
            if isinstance(frame, SocketClosed):
                cell.truncated |= frame.may_have_lost
                soon = True
                yield from self._reconnect(cell)
            elif frame is not None:
                idle_reads, soon = 0, False
                message = decode(frame, self._open_socket.subprotocol)
                if message is None or not cell.add(message):
                    continue
                if message.type == "input_request":
                    prompt = message
                elif message.channel == "iopub" and handle is not None:
                    yield from handle(message)
            elif prompt is None and (yield from Now()) < ends_at:
                idle_reads = idle_reads + 1 if (yield from self._is_idle(cell)) else 0
                if idle_reads == MAX_IDLE_READS or (idle_reads and cell.has_reply):
                    cell.end()
        ended = cell.is_done
        if interrupted:
            cell.fail(
                "timeout",
                "CellTimeoutError",
                f"the cell ran for more than {round(options.timeout, 1):g} s, and was interrupted",
            )
        result = cell.result((yield from Now()) - began)
        self.is_busy = result.status in ("gone", "lost") or not ended
        return result

    def _is_idle(self, cell: CellRun) -> Flow[bool]:
        """Return whether the kernel is idle; end the cell if the kernel is gone.

        While the hub or the server does not answer, the socket alone tells whether the connection is lost.
        """
        try:
            return (yield from self._read_state(cell)) == "idle"
        except (Unavailable, HubBroken) as error:
            self._failed_reads += 1
            if self._failed_reads >= MAX_FAILED_READS:
                self._lose(cell, error)
            return False

    def _read_state(self, cell: CellRun) -> Flow[str | None]:
        """Return the state of the kernel; end the cell if it is gone, or if this program may not see it any more."""
        try:
            kernel = yield from kernel_api.read_kernel(self.access, self._kernel_id)
        except (Unavailable, HubBroken):
            raise
        except NotFound:
            cell.fail("gone", "DeadKernelError", "somebody stopped the kernel while this cell ran")
        except NotStarted as error:
            cell.fail("gone", "DeadKernelError", f"the server stopped while this cell ran: {error}")
        except HubError as error:
            self._lose(cell, error)
        else:
            self._failed_reads = 0
            return kernel.execution_state
        return None

    def _lose(self, cell: CellRun, error: HubError) -> None:
        cell.fail("lost", "LostCellError", f"the connection was lost while this cell ran: {error}")

    def _reconnect(self, cell: CellRun) -> Flow[None]:
        """Connect again. The server sends what it has kept, for the same session only."""
        failure: HubError | None = None
        for pause in RECONNECT_PAUSES:
            yield Sleep(pause, jitter=0.5)
            try:
                yield from self._read_state(cell)  # the handshake for a kernel that is gone may take a minute
                if cell.is_done:
                    return
                yield from self._connect()
            except (Unavailable, HubBroken, NotFound) as error:
                failure = error
            except HubError as error:
                failure = error
                break
            else:
                return
        if failure is not None:
            self._lose(cell, failure)

    def _connect(self) -> Flow[None]:
        if self._socket is not None:
            socket, self._socket = self._socket, None
            yield from CloseSocket(socket)
        path = f"api/kernels/{self._kernel_id}/channels?session_id={self._session}"
        self._socket = yield from self.access.open_socket(path, about="kernel", subprotocols=(V1,))

    @property
    def _open_socket(self) -> Socket:
        if self._socket is None:
            raise RuntimeError("the kernel is not connected")
        return self._socket

    @property
    def _session(self) -> str:
        """The session of the messages: the server keeps messages for a client that comes back with the same one."""
        return f"jhub-{self._kernel_id}"

    def _message(self, channel: str, kind: str, content: dict[str, Any], parent: Any = None) -> KernelMessage:
        self._sent += 1
        header = {"msg_id": f"{self._session}_{self._sent}", "msg_type": kind, "session": self._session}
        header |= {"username": "", "date": "", "version": "5.4"}
        return KernelMessage(channel, header, parent or {}, {}, content)

    def _send(self, message: KernelMessage) -> Flow[None]:
        yield from SendFrame(self._open_socket, encode(message, self._open_socket.subprotocol))

    def _delete_leftovers(self, sessions: tuple[kernel_api.KernelSession, ...] | HubError) -> Flow[None]:
        """Delete kernels of runs that were killed. What fails now is left to the next run."""
        now = self.access.created_at
        for session in () if isinstance(sessions, HubError) else sessions:
            lease = LEASE.fullmatch(session.name)
            if now is None or lease is None or session.kernel is None or not LEASED_PATH.fullmatch(session.path):
                continue
            if datetime.fromisoformat(lease[1]) < now and not session.kernel.connections:
                with suppress(HubError):
                    yield from kernel_api.discard(self.access, session.kernel.id)

    def _lease(self) -> str:
        until = self.access.ends_at
        return f"jhub until {until.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}" if until else "jhub"

    def _renew_lease(self, now: float) -> Flow[None]:
        """Renew the token if need be, and put its end into the name of the session. A hub that is down may wait."""
        is_current = now < self.access.renew_at and self._leased_until == self.access.ends_at
        if is_current or now < self._renew_after:
            return
        try:
            yield from self.access.prepare()
            if self._leased_until != self.access.ends_at:
                yield from kernel_api.rename_session(self.access, self._session_id, self._lease())
                self._leased_until = self.access.ends_at
        except (Unavailable, HubBroken):
            self._renew_after = now + SILENCE_SECONDS
