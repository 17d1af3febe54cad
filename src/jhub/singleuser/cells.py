"""A cell that runs in a kernel, from its request to its end: what its messages mean."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, TypeAlias, cast

from jhub.models import Model
from jhub.singleuser.kernel_messages import KernelMessage
from jhub.singleuser.output_messages import writable
from jhub.singleuser.outputs import CellOutputs

CellStatus: TypeAlias = Literal["ok", "error", "aborted", "timeout", "died", "gone", "lost"]
"""The end of a cell.

ok, error, aborted
    The kernel's own word.
timeout
    It ran for too long, and was interrupted.
died
    The kernel died or was restarted.
gone
    The kernel or its server was stopped.
lost
    It has ended, or the connection has, and the news of how never arrived.
"""
MAX_TRACEBACK_LINES = 1_000
"""Maximum number of lines of a traceback that are kept."""


class CellError(Model, frozen=True, kw_only=True):
    """The error that ended a cell."""

    name: str
    """The name of the exception, "ValueError"."""
    value: str = ""
    """The message of the exception."""
    traceback: tuple[str, ...] = ()
    """The lines of the traceback, with the kernel's colours."""

    def __str__(self) -> str:
        """Return the name and the message."""
        return f"{self.name}: {self.value}" if self.value else self.name


class CellResult(Model, frozen=True, kw_only=True):
    """A cell that has run."""

    status: CellStatus
    outputs: tuple[dict[str, Any], ...] = ()
    """The outputs, as in a notebook of format 4."""
    execution_count: int | None = None
    seconds: float = 0.0
    truncated: bool = False
    """True if outputs are missing: the server left some out, or the connection was lost."""
    error: CellError | None = None

    @property
    def ok(self) -> bool:
        """True if the cell ran to its end without an error."""
        return self.status == "ok"

    @property
    def text(self) -> str:
        """The result and what the cell printed, as plain text, in order."""
        return "".join(text_of(output["output_type"], output) for output in self.outputs)


class CellRun:
    """A cell that runs.

    Two messages end it, in either order: the reply, and the kernel's word that it is idle. Neither comes when the
    kernel dies or somebody restarts it.
    """

    def __init__(self, message_id: str, outputs: CellOutputs | None) -> None:
        self._message_id = message_id
        self._outputs = outputs
        self._is_busy = False
        self._is_idle = False
        self._is_shut_down = False
        self._reply: Mapping[str, Any] | None = None
        self._failure: tuple[CellStatus, CellError] | None = None
        self.truncated = False

    @property
    def has_reply(self) -> bool:
        """True once the reply has arrived: it says how the cell has ended."""
        return self._reply is not None

    @property
    def is_ending(self) -> bool:
        """True if the rest of the cell's messages is due."""
        return self.has_reply or self._is_idle or self._is_shut_down

    @property
    def is_done(self) -> bool:
        """True once the cell has ended."""
        return self._failure is not None or (self.has_reply and self._is_idle)

    def add(self, message: KernelMessage) -> bool:
        """Take a message from the kernel, and return whether it belongs to this cell."""
        state = str(message.content.get("execution_state", "")) if message.type == "status" else ""
        if state in ("restarting", "dead"):
            self.fail("died", "DeadKernelError", "the kernel died in this cell, often because it needs more memory")
        elif state == "starting" and self._is_busy and not message.parent_id:
            self.fail_after_restart()
        self._is_shut_down |= message.type == "shutdown_reply"
        if message.parent_id != self._message_id:
            return False
        if message.type == "execute_reply":
            self._reply = message.content
        elif message.channel == "iopub":
            self._is_busy |= state == "busy"
            self._is_idle |= state == "idle"
            if self._outputs is not None:
                self._outputs.add(message)
        return True

    def end(self) -> None:
        """End the cell as it stands: the kernel is idle, and what is missing does not arrive."""
        if self.has_reply:
            self._is_idle = True
        elif self._is_shut_down:
            self.fail_after_restart()
        else:
            self.fail("lost", "LostCellError", "the kernel is idle, and how the cell ended never arrived")

    def fail_after_restart(self) -> None:
        """End the cell: somebody has restarted the kernel.

        Jupyter Server does not tell. What arrives is the reply to a request that was not ours, and that a kernel
        starts, unless this is sent before the server listens to the new kernel.
        """
        self.fail("died", "DeadKernelError", "somebody restarted the kernel while this cell ran")

    def fail(self, status: CellStatus, name: str, value: str) -> None:
        """End the cell with an error that is not its own. The first such error counts."""
        if self._failure is None:
            self._failure = (status, CellError(name=name, value=value))

    def result(self, seconds: float) -> CellResult:
        """Return the result."""
        reply = self._reply or {}
        status, error = self._failure or _end(reply)
        outputs = self._outputs.items if self._outputs is not None else []
        truncated = self.truncated or (self._outputs is not None and self._outputs.truncated)
        is_missing = truncated or self._failure is not None
        if error is not None and is_missing and not any(each["output_type"] == "error" for each in outputs):
            # A server that limits the rate of outputs drops the error, too; the reply always comes. Else an error
            # without an output is shown in another form: in stderr, or in a widget.
            outputs = [*outputs, _error_output(error)]
        count = reply.get("execution_count")
        return CellResult(
            status=status,
            outputs=tuple(outputs),
            execution_count=count if isinstance(count, int) and not isinstance(count, bool) and count >= 0 else None,
            seconds=seconds,
            truncated=truncated,
            error=error,
        )


def _end(reply: Mapping[str, Any]) -> tuple[CellStatus, CellError | None]:
    """Return the status in a reply, and the error in it."""
    match reply.get("status"):
        case "ok":
            return "ok", None
        case "error":
            return "error", _error(reply)
        case _:
            return "aborted", None


def _error(reply: Mapping[str, Any]) -> CellError:
    lines = cast("list[object]", found) if isinstance(found := reply.get("traceback"), list) else []
    traceback = [str(line) for line in lines[:MAX_TRACEBACK_LINES]]
    name, value = (str(reply.get(key) or "") for key in ("ename", "evalue"))
    return CellError(name=name or "Error", value=value, traceback=tuple(traceback))


def _error_output(error: CellError) -> dict[str, Any]:
    lines = list(error.traceback) or [str(error)]
    item, _ = writable({"output_type": "error", "ename": error.name, "evalue": error.value, "traceback": lines})
    return cast("dict[str, Any]", item)


def text_of(kind: str, content: Mapping[str, Any]) -> str:
    """Return the plain text of an output, or of the message with it; "" for other messages."""
    if kind == "stream":
        return content["text"] if isinstance(content.get("text"), str) else ""
    data = content.get("data") if kind in ("display_data", "execute_result") else None
    text = cast("dict[str, object]", data).get("text/plain") if isinstance(data, dict) else None
    return f"{text}\n" if text and isinstance(text, str) else ""
