"""The streams of a command in a kernel: what its displays mean, and the replies to its questions for input."""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Callable
from typing import Any, Literal, Protocol, TypeAlias, cast

import msgspec

from jhub.errors import HubBroken, HubError, InvalidInput, Unavailable
from jhub.models import Model
from jhub.singleuser.kernel_messages import KernelMessage
from jhub.singleuser.output_messages import LIMIT_NOTICES
from jhub.singleuser.remote_program import MIME, WINDOW_BYTES
from jhub.steps import Flow, Now

INPUT_CHUNK_BYTES = 512 * 1024
"""Maximum size of the input in one reply. Jupyter Server closes the socket at 10 MiB."""
INPUT_WINDOW_BYTES = 1024 * 1024
"""Maximum size of the input that is sent and not taken by the command yet."""
ALIVE_SECONDS = 15.0
"""Seconds after which a question is answered without input, so that the server counts as active."""


class CommandOutput(Model, frozen=True, kw_only=True):
    """A part of the output of a command; the last one has the exit code instead."""

    stream: Literal["stdout", "stderr"] = "stdout"
    data: bytes = b""
    returncode: int | None = None
    """The exit code, in the last item; 128 and the number of the signal for a command that a signal ended."""
    merged: bool = False
    """True if stderr is in stdout: the server has no Python kernel, and the command runs in a terminal."""


class InputSource(Protocol):
    """A source of input that never waits. An open file is one."""

    def read(self) -> bytes | None:
        """Return some input; None if there is none yet, and no bytes at the end."""
        ...


OutputHandler: TypeAlias = Callable[[CommandOutput], Flow[None]]
"""A flow for each part of the output."""


class _Record(msgspec.Struct):
    number: int = 0
    taken: int = 0
    stream: int = 0
    data: str = ""
    exit: int | None = None
    refused: str = ""
    failed: str = ""
    closed: bool = False


class _Question(msgspec.Struct):
    received: int = 0
    ended: bool = False


class CommandStreams:
    """The client's end of a command's streams. `stdin` is None for a command without input."""

    def __init__(self, label: str, stdin: InputSource | None, handle: OutputHandler) -> None:
        self._label = label
        self._stdin = stdin
        self._handle = handle
        self._records = 0
        self._handled = self._acknowledged = 0
        self._rest = self._chunk = b""
        self._sent = self._taken = 0
        self._input_ended = stdin is None
        self._replied_at: float | None = None
        self.returncode: int | None = None

    def handle(self, message: KernelMessage) -> Flow[None]:
        """Take a message from the kernel."""
        if message.type == "stream" and str(message.content.get("text", "")).startswith(LIMIT_NOTICES):
            raise Unavailable(
                f"{self._label}: the server dropped output of the command",
                hint="its limits of messages are lower than usual: ZMQChannelsWebsocketConnection.iopub_msg_rate_limit",
            )
        data = message.content.get("data") if message.type == "display_data" else None
        if not isinstance(data, dict) or MIME not in data:
            return
        record = self._read(cast("dict[str, Any]", data)[MIME])
        self._records += 1
        if record.number != self._records:
            raise Unavailable(f"{self._label}: output of the command was lost")
        self._taken = record.taken
        if record.closed:
            self._input_ended, self._rest, self._chunk = True, b"", b""
        if record.refused:
            raise InvalidInput(f"{self._label}: {record.refused}")
        if record.failed:
            raise HubBroken(f"the command failed to run: {record.failed}", about=self._label)
        if record.stream:
            output = self._decode(record.data)
            yield from self._handle(CommandOutput(stream="stderr" if record.stream == 2 else "stdout", data=output))
            self._handled += len(output)
        if record.exit is not None:
            self.returncode = record.exit

    def read_input(self, prompt: str, is_password: bool) -> Flow[str | None]:
        """Return the reply to a question; None: there is nothing to say yet."""
        try:
            question = msgspec.json.decode(prompt, type=_Question)
        except (msgspec.MsgspecError, UnicodeError):
            raise HubBroken("an unexpected question from the kernel", about=self._label) from None
        now = yield from Now()
        if self._replied_at is None:
            self._replied_at = now
        is_alive = now - self._replied_at >= ALIVE_SECONDS
        if question.received == self._sent:
            self._chunk = b""
            self._read_chunk()
        reply: dict[str, Any] = {"acknowledged": self._handled, "at": self._sent - len(self._chunk)}
        if self._chunk:
            reply["data"] = b64encode(self._chunk).decode()
        if self._input_ended and not self._rest:
            reply["end"] = True
        if self.returncode is not None:
            reply["stop"] = True
        reply["alive"] = is_alive
        is_news = self._chunk or reply.get("stop") or (reply.get("end") and not question.ended and self._stdin)
        if not (is_news or is_alive or self._handled - self._acknowledged >= WINDOW_BYTES // 4):
            return None
        self._replied_at, self._acknowledged = now, self._handled
        return msgspec.json.encode(reply).decode()

    def _read_chunk(self) -> None:
        """Read the next input, unless the command has enough of it."""
        if self._sent - self._taken >= INPUT_WINDOW_BYTES:
            return
        if self._stdin is not None and not (self._rest or self._input_ended):
            data = self._stdin.read()
            self._input_ended = data == b""
            self._rest = bytes(data or b"")
        self._chunk, self._rest = self._rest[:INPUT_CHUNK_BYTES], self._rest[INPUT_CHUNK_BYTES:]
        self._sent += len(self._chunk)

    def _read(self, record: Any) -> _Record:
        try:
            return msgspec.convert(record, _Record)
        except msgspec.ValidationError as error:
            raise self._not_ours(error) from None

    def _decode(self, text: str) -> bytes:
        try:
            return b64decode(text, validate=True)
        except ValueError as error:
            raise self._not_ours(error) from None

    def _not_ours(self, error: Exception) -> HubError:
        return HubBroken(f"an unexpected output of the kernel: {error}", about=self._label)
