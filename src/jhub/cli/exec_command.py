"""`jhub exec`: a command in a server."""

from __future__ import annotations

import os
import queue
import sys
import threading
from contextlib import closing
from typing import TYPE_CHECKING, Any, cast

import click

from jhub.cli.kit.exit_codes import code_of, print_error
from jhub.cli.kit.local_terminal import LocalKeyboard
from jhub.cli.kit.options import common, connect, duration
from jhub.cli.kit.output import note
from jhub.cli.kit.safe_text import SafeText
from jhub.cli.kit.server_arguments import resolve_server, server_argument
from jhub.errors import HubError, InvalidInput, WaitTimeout

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable

    from jhub import CommandOutput, SingleUser

FAILED = 125
"""Exit code for an error of jhub itself, as with docker and kubectl."""
READ_BYTES = 256 * 1024
"""Maximum size of a part of the input."""
MAX_PARTS = 8
"""Maximum number of parts of the input that are read ahead."""
COMMAND_KEY = "jhub.command"
"""Key in click's `Context.meta` of the command after `--`."""


class ExecCommand(click.Command):
    """A command of click that keeps what follows `--`: without it, `exec -- ls` would name a server `ls`."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse what precedes `--`."""
        if "--" in args:
            at = args.index("--")
            args, ctx.meta[COMMAND_KEY] = args[:at], args[at + 1 :]
        return super().parse_args(ctx, args)

    def collect_usage_pieces(self, ctx: click.Context) -> list[str]:
        """Return the parts of the usage line."""
        return [*super().collect_usage_pieces(ctx), "-- COMMAND [ARGUMENT]..."]


class Stdin:
    """The stdin of this program, read in a thread of its own, so that output is never held back."""

    def __init__(self) -> None:
        self._parts: queue.Queue[bytes] = queue.Queue(MAX_PARTS)
        threading.Thread(target=self._read_all, name="jhub reads stdin", daemon=True).start()

    def read(self) -> bytes | None:
        """Return the next part; None if there is none yet, and no bytes at the end."""
        try:
            return self._parts.get_nowait()
        except queue.Empty:
            return None

    def _read_all(self) -> None:
        data = b"first"
        while data:
            try:
                # Not through sys.stdin: its lock would be held at the end of the program.
                data = os.read(sys.stdin.fileno(), READ_BYTES)
            except (OSError, ValueError):
                data = b""
            self._parts.put(data)


class _Writer:
    """A standard stream. On a terminal, control sequences other than colours are left out."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream
        self._safe = SafeText() if stream.isatty() else None

    def write(self, data: bytes) -> None:
        """Write bytes of the command."""
        if self._safe is not None:
            data = self._encoded(self._safe.add(data))
        _write(self._stream, data)

    def end(self) -> None:
        """Write what is left."""
        if self._safe is not None:
            _write(self._stream, self._encoded(self._safe.end()))

    def _encoded(self, text: str) -> bytes:
        return text.encode(self._stream.encoding or "utf-8", "replace")


def _write(stream: Any, data: bytes) -> None:
    """Write bytes past the buffer of a stream, which would write them again after Ctrl-C in the middle."""
    rest = memoryview(data)
    while rest:
        rest = rest[stream.buffer.raw.write(rest) or 0 :]


def _variables(pairs: Iterable[str]) -> dict[str, str]:
    """Return the variables in NAME=VALUE arguments."""
    split = [pair.partition("=") for pair in pairs]
    for name, equals, _ in split:
        if not (name and equals):
            raise InvalidInput(f"invalid variable {name!r}", hint="use NAME=VALUE")
    return {name: value for name, _, value in split}


@click.command(cls=ExecCommand, name="exec")
@server_argument
@click.option("-i", "--stdin", "interactive", is_flag=True, help="Pass stdin to the command.")
@click.option("-t", "--tty", is_flag=True, help="Run the command, by default a shell, in a terminal.")
@click.option("--cwd", default="", metavar="FOLDER", help="Folder in the server. Default: its top folder.")
@click.option("--env", "pairs", multiple=True, metavar="NAME=VALUE", help="Set an environment variable; repeatable.")
@click.option("--timeout", metavar="TIME", help="End the command after this time, such as 90s or 15m.")
@common
def exec_command(
    name: str | None, interactive: bool, tty: bool, cwd: str, pairs: tuple[str, ...], timeout: str | None
) -> int:
    """Run a command in a server.

    Stdout, stderr and the exit code are those of the command. 125 is an error of jhub itself, 126 a command that
    cannot be run, 127 one that does not exist, and 8 the end of --timeout. There is no shell in between: for one, run
    sh -c. Ctrl-C interrupts the command in the server.

    With -t, the command has a terminal, and everything that it writes reaches yours, as with ssh. Without -t, a
    terminal gets colours and no other control sequence; a pipe or file gets every byte.

    The command runs in a Python kernel of its own. A server without Python runs it in a terminal, where stderr is in
    stdout.

    Access to a server cannot be read-only: it needs the scopes access:servers for this server and tokens for yourself,
    and also lets you run code as the server's owner.

    $ jhub exec ana/lab -- nvidia-smi
    $ jhub exec /lab -- sh -c 'du -s * | sort -n'
    $ jhub exec ana/lab -i -- tar xz -C data < data.tar.gz
    $ jhub exec ana/lab -t
    """
    command: list[str] = click.get_current_context().meta.get(COMMAND_KEY, [])
    if not command and not tty:
        raise click.UsageError("a command is missing: write it after --")
    try:
        seconds = duration(timeout) if timeout else None
        options: dict[str, Any] = {"cwd": cwd, "env": _variables(pairs), "timeout": seconds}
        with connect() as hub:
            target = resolve_server(hub, name)
            with hub.singleuser(target.user, target.name) as server:
                if tty:
                    return _run_at_terminal(server, command, options)
                stdin = Stdin() if interactive else b""
                return _print_all(server.stream_command(command, stdin=stdin, **options))
    except HubError as error:
        code = code_of(error) if isinstance(error, WaitTimeout) else FAILED
        print_error(error, debug="--debug" in sys.argv, exit_code=code)
        return code


def _closing(parts: Iterable[CommandOutput]) -> closing[Generator[CommandOutput]]:
    """Return the block at whose end the command is over, also after Ctrl-C: the hub is closed after it."""
    return closing(cast("Generator[CommandOutput]", iter(parts)))


def _print_all(parts: Iterable[CommandOutput]) -> int:
    """Print the output of a command, and return its exit code."""
    writers = {"stdout": _Writer(sys.stdout), "stderr": _Writer(sys.stderr)}
    noted = False
    code = FAILED
    with _closing(parts) as items:
        for part in items:
            if part.merged and not noted:
                noted = True
                note("note: the server has no Python kernel, so that stderr is in stdout")
            if part.returncode is not None:
                code = part.returncode
            else:
                writers[part.stream].write(part.data)
    for writer in writers.values():
        writer.end()
    return code


def _run_at_terminal(server: SingleUser, command: list[str], options: dict[str, Any]) -> int:
    """Run a command in a terminal of the server, on the terminal of this program, and return its exit code."""
    env = {"TERM": os.environ.get("TERM", "xterm"), **options.pop("env")}
    code = FAILED
    with LocalKeyboard() as keyboard:
        parts = server.stream_terminal(command, keyboard=keyboard, env=env, **options)
        with _closing(parts) as items:
            for part in items:
                if part.returncode is not None:
                    code = part.returncode
                _write(sys.stdout, part.data)
    return code
