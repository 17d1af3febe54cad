"""Trees of a server as tar streams, packed and unpacked by a program in a Python kernel.

The program sends parts of the stream as displays, and reads parts with `input()`. It waits for an answer to each part,
so that neither side has more than two of them in memory.
"""

from __future__ import annotations

import inspect
from base64 import b64decode, b64encode
from collections.abc import Iterable, Iterator
from functools import partial
from typing import Any, cast

import msgspec

from jhub.errors import Conflict, HubBroken, HubError, InvalidInput, NotFound
from jhub.interpreter import with_clean_up
from jhub.singleuser import kernel_api, tar_stream
from jhub.singleuser.access import Handle, ServerAccess
from jhub.singleuser.contents import label
from jhub.singleuser.job_kernel import with_kernel
from jhub.singleuser.kernel_connection import InputReader, KernelConnection
from jhub.singleuser.kernel_messages import KernelMessage
from jhub.singleuser.paths import parts_of
from jhub.singleuser.refusals import one_line
from jhub.steps import Emit, Flow

PART_BYTES = 4 * 2**20
"""Size of a part in bytes. Jupyter Server closes a websocket at a message of 10 MiB."""
PART, END = "application/x-jhub-part", "application/x-jhub-end"
"""Types of the displays with a part, and with the result."""
MAX_CONFLICTS_SHOWN = 5
"""Maximum number of paths in the message about files that exist."""
NO_PYTHON = "an archive is packed and unpacked by a Python program in the server"
"""Advice for a server without a Python kernel."""
STOPPED = "the program in the server was interrupted"
"""Message for a program that did not come to its end."""

PROGRAM = """
import base64, json
from IPython.display import display

def jhub_send(data):
    display({"application/x-jhub-part": base64.b64encode(data).decode()}, raw=True)

def jhub_pack(path, name, size):
    waiting, sent = bytearray(), 0
    for part in encode(tree(path, name)):
        waiting += part
        while len(waiting) >= size:
            jhub_send(waiting[:size])
            del waiting[:size]
            sent += 1
            if sent > 1:
                input(str(sent - 1))
    jhub_send(waiting)
    input(str(sent + 1))
    return {}

def jhub_unpack(folder, overwrite, max_shown):
    written = write(decode(map(base64.b64decode, iter(input, ""))), folder, overwrite)
    return {"files": written.files, "conflicts": written.conflicts[:max_shown], "count": len(written.conflicts)}

def jhub_run(act, *arguments):
    try:
        result = act(*arguments)
    except (OSError, ValueError) as error:
        result = {"error": str(error), "missing": act is jhub_pack and not os.path.exists(arguments[0])}
    text = json.dumps(result, ensure_ascii=False).encode("utf-8", "replace").decode()
    display({"application/x-jhub-end": text}, raw=True)
"""
"""The program, which follows the text of `tar_stream`. The call of `jhub_run` follows it."""


class _End(msgspec.Struct):
    """The result of a program."""

    error: str = ""
    missing: bool = False
    files: int = 0
    conflicts: tuple[str, ...] = ()
    count: int = 0


class _Program:
    """A program in a kernel, and what it sends."""

    def __init__(self, handle: Handle, path: str) -> None:
        self._about = f"server {handle}: {label(path)}"
        self.received = 0
        self.end: _End | None = None

    def handle(self, message: KernelMessage) -> Flow[None]:
        """Emit a part, or keep the result."""
        found: Any = message.content.get("data") if message.type == "display_data" else None
        if not isinstance(found, dict):
            return
        data = cast("dict[str, object]", found)
        try:
            if isinstance(part := data.get(PART), str):
                self.received += 1
                if content := b64decode(part, validate=True):
                    yield Emit(content)
            elif isinstance(end := data.get(END), str):
                self.end = msgspec.json.decode(end, type=_End)
        except (ValueError, msgspec.MsgspecError):
            raise HubBroken("the program in the server sent something else", about=self._about) from None

    def acknowledge(self, prompt: str, _: bool) -> Flow[str | None]:
        """Answer the program once the part with this number has arrived."""
        yield from ()
        return "" if prompt.isdecimal() and len(prompt) < 10 and self.received >= int(prompt) else None

    def run(self, kernel: KernelConnection, call: str, read_input: InputReader) -> Flow[_End]:
        """Run the program to its end. If it cannot come to its end, interrupt it, so that it leaves no half file."""
        code = f"{inspect.getsource(tar_stream)}{PROGRAM}{call}"
        execute = partial(
            kernel.execute, code, store_history=False, keep_outputs=False, handle=self.handle, read_input=read_input
        )
        result = yield from with_clean_up(execute, kernel.try_interrupt)
        if not result.ok or self.end is None:
            why = one_line(str(result.error)) if result.error else STOPPED
            raise HubBroken(f"{why} ({result.status})", about=self._about)
        if self.end.missing:
            raise NotFound("not found", about=self._about, status=404)
        if self.end.error:
            raise HubError(f"{self._about}: {one_line(self.end.error)}")
        return self.end

    def check_conflicts(self, end: _End) -> None:
        """Raise `Conflict` for the files that were left as they are."""
        if end.count:
            more = f" and {end.count - len(end.conflicts)} more" if end.count > len(end.conflicts) else ""
            names = ", ".join(map(one_line, end.conflicts))
            raise Conflict(
                f"these exist, and are left as they are: {names}{more}; the others are copied",
                about=self._about,
                status=409,
                hint="to replace files, pass overwrite (--overwrite)",
            )


def pack(handle: Handle, path: str, name: str) -> Flow[None]:
    """Emit the tar stream of a file or folder."""
    source = "/".join(parts_of(path)) or "."

    def job(kernel: KernelConnection) -> Flow[None]:
        program = _Program(handle, path)
        call = f"jhub_run(jhub_pack, {source!a}, {name!a}, {PART_BYTES})"
        yield from program.run(kernel, call, program.acknowledge)

    spec = yield from handle.run(_python)
    yield from with_kernel(handle, job, spec=spec, fresh=True)


def unpack(handle: Handle, path: str, parts: Iterable[bytes], overwrite: bool) -> Flow[int]:
    """Unpack a tar stream into a folder, and return the number of files and links that were written."""
    folder = "/".join(parts_of(path)) or "."
    batches = _in_batches(parts)

    def read_input(prompt: str, is_password: bool) -> Flow[str]:
        yield from ()
        return b64encode(next(batches, b"")).decode()

    def job(kernel: KernelConnection) -> Flow[int]:
        program = _Program(handle, path)
        call = f"jhub_run(jhub_unpack, {folder!a}, {overwrite}, {MAX_CONFLICTS_SHOWN})"
        end = yield from program.run(kernel, call, read_input)
        program.check_conflicts(end)
        return end.files

    spec = yield from handle.run(_python)
    return (yield from with_kernel(handle, job, spec=spec, fresh=True))


def _python(access: ServerAccess) -> Flow[str]:
    if name := (yield from kernel_api.find_python(access)):
        return name
    raise InvalidInput(f"{access.label}: the server has no Python kernel", hint=NO_PYTHON)


def _in_batches(parts: Iterable[bytes]) -> Iterator[bytes]:
    """Yield data in parts that are large, and not too large for a message."""
    waiting = bytearray()
    for part in parts:
        waiting += part
        while len(waiting) >= PART_BYTES:
            yield bytes(waiting[:PART_BYTES])
            del waiting[:PART_BYTES]
    if waiting:
        yield bytes(waiting)
