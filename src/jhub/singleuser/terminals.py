"""Terminals of a user's server: a command in a terminal, with somebody at the keyboard or without.

The server's shell is replaced by one that writes a mark before the command, and after it another with the exit code:
Jupyter Server tells no exit codes. The terminal is always deleted.
"""

from __future__ import annotations

import json
import math
import re
import shlex
from codecs import getincrementaldecoder
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, Protocol

import msgspec

from jhub.errors import InvalidInput, NotFound, Unavailable, WaitTimeout
from jhub.interpreter import with_clean_up
from jhub.operations.requests import check_timeout
from jhub.singleuser.access import Handle, ServerAccess
from jhub.singleuser.command_streams import CommandOutput, OutputHandler
from jhub.singleuser.contents import decode
from jhub.steps import CloseSocket, Flow, Now, ReceiveFrame, SendFrame, Socket, SocketClosed, decode_nothing, segment

MARK = "\x1d"
"""First character of a mark: nothing shows it. The echo of the line that writes it has an escape instead."""
TAG = "@tag@"
"""The place of the token's tag in a mark."""
START = f"printf '\\035{TAG}+'"
END = f"printf '\\035{TAG}:%d:' $?"
NO_FOLDER = f"printf '\\035{TAG}!'"
"""Commands that write the marks: the command begins, it has ended, its folder does not exist."""
POLL_SECONDS = 0.02
"""Seconds between two looks at the keyboard."""
START_SECONDS = 30.0
"""Seconds in which the command must start."""
ALIVE_SECONDS = 120.0
"""Seconds after which the terminal is read, so that a silent one does not count as idle."""
MAX_LINE_CHARACTERS = 4000
"""Maximum length of a line that a shell reads before it is ready: 4,095 on Linux."""
MAX_GREETING_CHARACTERS = 2**20
"""Maximum length of what a shell prints before the command."""
PLAIN = frozenset(b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 -_./:=,+@")
"""Bytes that mean themselves in a quoted text, in every shell."""


class Keyboard(Protocol):
    """The other side of an interactive terminal."""

    def read(self) -> bytes | None:
        """Return what was typed; None if that is nothing, and no bytes at the end."""
        ...

    def size(self) -> tuple[int, int]:
        """Return the number of rows and columns."""
        ...


class _Terminal(msgspec.Struct):
    name: str


def run_interactive(
    handle: Handle,
    args: Sequence[str],
    output: OutputHandler,
    *,
    keyboard: Keyboard,
    cwd: str = "",
    env: Mapping[str, str] | None = None,
    timeout: float | None = None,
) -> Flow[int]:
    """Run a command in a terminal, with somebody at the keyboard, and return its exit code."""
    check_timeout(timeout)
    command = shlex.join(args) if args else '"${SHELL:-/bin/sh}" -l'
    # Ctrl-C ends the command, not what comes after it.
    lines = [*_prepare(cwd, env), "trap : INT QUIT; trap '' TSTP", START, command]
    return handle.run(partial(_run, lines, output, keyboard, math.inf if timeout is None else timeout))


def run_command(
    handle: Handle,
    args: Sequence[str],
    output: OutputHandler,
    *,
    cwd: str = "",
    env: Mapping[str, str] | None = None,
    timeout: float | None = None,
) -> Flow[int]:
    """Run a command without input in a terminal, and return its exit code. Both outputs arrive as one."""

    def merged(part: CommandOutput) -> Flow[None]:
        return output(CommandOutput(data=part.data, merged=True))

    lines = [*_prepare(cwd, env), "stty -opost -echo", START, f"{shlex.join(args)} </dev/null"]
    return handle.run(partial(_run, lines, merged, None, math.inf if timeout is None else timeout))


def _prepare(cwd: str, env: Mapping[str, str] | None) -> list[str]:
    """Return the lines of a script that set its variables and its folder."""
    lines = [f"export {name}={shlex.quote(value)}" for name, value in (env or {}).items()]
    if unfit := [name for name in env or {} if not re.fullmatch(r"[A-Za-z_]\w*", name, re.ASCII)]:
        raise InvalidInput(f"invalid name of a variable: {unfit[0]!r}")
    lines.append('cd "${JUPYTER_SERVER_ROOT:-.}"')
    if cwd.startswith("~"):
        lines.append("cd ~")
    if folder := re.sub("^~/?", "", cwd):
        lines.append(f"cd -- {shlex.quote(folder)} || {{ {NO_FOLDER}; exit; }}")
    return lines


def _run(
    lines: list[str], output: OutputHandler, keyboard: Keyboard | None, timeout: float, access: ServerAccess
) -> Flow[int]:
    yield from access.prepare()
    typed = _typed(lines, access.tag)
    terminal = yield from access.request(
        "POST", "api/terminals", partial(decode, _Terminal), about="terminal", body={}, repeatable=False
    )
    session = _Session(access, segment(terminal.name, "terminal"), output, keyboard, timeout)
    code = yield from with_clean_up(partial(session.run, typed), session.close)
    yield from session.close()
    return code


def _typed(lines: list[str], tag: str) -> str:
    """Return the line to type: a shell that writes the marks around a command."""
    script = "\n".join([*lines, END]).replace(TAG, tag)
    octal = "".join(chr(b) if b in PLAIN else f"\\0{b:03o}" for b in script.encode("utf-8", "surrogateescape"))
    typed = f' exec /bin/sh -c \'eval "$(printf %b "{octal}")"\'\r'
    if len(typed) > MAX_LINE_CHARACTERS:
        raise InvalidInput("the command is too long for a terminal", hint="put it into a file in the server")
    return typed


class _Session:
    """A terminal that is open."""

    def __init__(
        self, access: ServerAccess, name: str, output: OutputHandler, keyboard: Keyboard | None, timeout: float
    ) -> None:
        self._access, self._name, self._output = access, name, output
        self._keyboard, self._timeout = keyboard, timeout
        self._path = f"api/terminals/{name}"
        self._mark = MARK + access.tag
        self._socket: Socket | None = None
        self._started = False
        self._text = ""
        self._size = (0, 0)
        self._typed = getincrementaldecoder("utf-8")("replace")

    def run(self, typed: str) -> Flow[int]:
        """Type the command, and return its exit code."""
        socket = self._socket = yield from self._access.open_socket(
            f"terminals/websocket/{self._name}", about="terminal"
        )
        began = alive = yield from Now()
        yield from self._resize(socket)
        yield from self._send(socket, "stdin", typed)
        while True:
            now = yield from Now()
            if now - began >= self._timeout:
                raise WaitTimeout(
                    f"{self._access.label}: the command ran for more than {self._timeout:g} s, and was ended"
                )
            if not self._started and now - began > START_SECONDS:
                raise Unavailable(f"{self._access.label}: the shell in the server did not start the command")
            if now - alive > ALIVE_SECONDS:
                alive = now
                yield from self._access.request("GET", self._path, decode_nothing, about="terminal")
            yield from self._read_keyboard(socket)
            pause = 1.0 if self._keyboard is None else POLL_SECONDS
            frame = yield from ReceiveFrame(socket, max(min(pause, began + self._timeout - now), 0.0))
            if isinstance(frame, SocketClosed):
                raise Unavailable(f"{self._access.label}: the connection to the terminal was lost")
            match _decode(frame):
                case ["stdout", str(text)]:
                    code = yield from self._take(socket, text)
                    if code is not None:
                        return code
                case ["disconnect", *_]:
                    yield from self._write(self._text)
                    raise Unavailable(f"{self._access.label}: somebody closed the terminal")
                case _:
                    pass

    def close(self) -> Flow[None]:
        """Delete the terminal."""
        try:
            yield from self._access.request("DELETE", self._path, decode_nothing, about="terminal", gone_is_done=True)
        except NotFound:
            pass
        finally:
            if self._socket is not None:
                yield from CloseSocket(self._socket)

    def _take(self, socket: Socket, text: str) -> Flow[int | None]:
        """Hand over output, and return the exit code once it is there."""
        self._text += text
        if not self._started:
            if f"{self._mark}!" in self._text:
                raise InvalidInput(f"{self._access.label}: there is no such folder in the server")
            before, mark, rest = self._text.partition(f"{self._mark}+")
            self._started, self._text = bool(mark), rest if mark else before[-MAX_GREETING_CHARACTERS:]
            if not mark:
                return None
            yield from self._read_keyboard(socket)  # the first look makes a local terminal raw
        if end := re.search(re.escape(self._mark) + r":(\d{1,3}):", self._text):
            yield from self._write(self._text[: end.start()])
            return int(end[1])
        at = self._text.rfind(MARK)
        tail = self._text[at:] if at >= 0 else ""
        if not (tail and (self._mark.startswith(tail) or re.fullmatch(re.escape(self._mark) + r"(:\d{0,3})?", tail))):
            at = len(self._text)
        ready, self._text = self._text[:at], self._text[at:]
        yield from self._write(ready)
        return None

    def _write(self, text: str) -> Flow[None]:
        if text and self._started:
            yield from self._output(CommandOutput(data=text.encode("utf-8", "replace")))

    def _read_keyboard(self, socket: Socket) -> Flow[None]:
        yield from self._resize(socket)
        if self._keyboard is not None and self._started and (data := self._keyboard.read()):
            yield from self._send(socket, "stdin", self._typed.decode(data))

    def _resize(self, socket: Socket) -> Flow[None]:
        size = self._keyboard.size() if self._keyboard is not None else (24, 80)
        if size != self._size:
            self._size = size
            yield from self._send(socket, "set_size", *size, 0, 0)

    def _send(self, socket: Socket, kind: str, *values: Any) -> Flow[None]:
        yield from SendFrame(socket, json.dumps([kind, *values]))


def _decode(frame: str | bytes | None) -> list[Any]:
    try:
        return msgspec.json.decode(frame, type=list[Any]) if frame is not None else []
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return []
