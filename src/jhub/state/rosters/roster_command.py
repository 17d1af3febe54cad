"""Commands that print a roster. They run without a shell, for a limited time, and with a limited output."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO, cast

from jhub.errors import InvalidInput

COMMAND_SECONDS = 60.0
"""Maximum time that a command runs, in seconds."""
MAX_OUTPUT_BYTES = 50_000_000
"""Maximum size of a roster that a command prints."""
MAX_ERROR_BYTES = 4_000
"""Size of the end of stderr that an error shows."""
READ_BYTES = 65_536
HIDDEN_VARIABLES = ("JUPYTERHUB_API_TOKEN", "JPY_API_TOKEN")
"""Environment variables with the hub's token. A command that prints a roster does not need it."""


def run_command(command: Sequence[str], folder: Path) -> str:
    """Run a command in a folder, and return what it prints.

    Raises
    ------
    InvalidInput
        It cannot be started, its exit code is not 0, it runs or prints too long, or it does not print UTF-8.
    """
    program = command[0]
    env = {name: value for name, value in os.environ.items() if name not in HIDDEN_VARIABLES}
    try:
        process = subprocess.Popen(
            command,
            cwd=folder,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise InvalidInput(f"the command {program!r} could not be started: {reason or error}") from None
    try:
        return _output(program, process)
    finally:
        if process.returncode is None:
            _kill(process)
            process.wait()


def _output(program: str, process: subprocess.Popen[bytes]) -> str:
    stdout, stderr = cast("IO[bytes]", process.stdout), cast("IO[bytes]", process.stderr)
    deadline = time.monotonic() + COMMAND_SECONDS
    # Each pipe is read in a thread: a program that has left the group of the command may keep a pipe open for ever.
    output, errors = bytearray(), bytearray()
    too_long = threading.Event()
    readers = [
        threading.Thread(target=_read_output, args=(stdout, output, process, too_long), daemon=True),
        threading.Thread(target=_read_errors, args=(stderr, errors), daemon=True),
    ]
    for reader in readers:
        reader.start()
    for reader in readers:
        reader.join(max(0.0, deadline - time.monotonic()))
    with suppress(subprocess.TimeoutExpired):
        process.wait(max(0.0, deadline - time.monotonic()))
    unfinished = process.returncode is None or any(reader.is_alive() for reader in readers)
    if unfinished:
        _kill(process)
    if too_long.is_set():
        raise InvalidInput(f"the command {program!r} printed more than {MAX_OUTPUT_BYTES} bytes")
    if unfinished:
        raise InvalidInput(f"the command {program!r} did not end within {COMMAND_SECONDS:g} seconds")
    if process.returncode != 0:
        stderr_text = " ".join(errors.decode(errors="replace").split())
        raise InvalidInput(
            f"the command {program!r} ended with exit code {process.returncode}"
            + (f": {stderr_text}" if stderr_text else "")
        )
    try:
        return output.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise InvalidInput(f"the command {program!r} did not print UTF-8") from None


def _read_output(
    stream: IO[bytes], output: bytearray, process: subprocess.Popen[bytes], too_long: threading.Event
) -> None:
    """Read stdout, and kill the command when it prints too much."""
    with stream:
        while data := os.read(stream.fileno(), READ_BYTES):
            output += data
            if len(output) > MAX_OUTPUT_BYTES:
                too_long.set()
                _kill(process)
                return


def _read_errors(stream: IO[bytes], errors: bytearray) -> None:
    """Read stderr, and keep its end."""
    with stream:
        while data := os.read(stream.fileno(), READ_BYTES):
            errors += data
            del errors[:-MAX_ERROR_BYTES]


def _kill(process: subprocess.Popen[bytes]) -> None:
    """Kill a command and the processes that it has started."""
    if sys.platform == "win32":
        process.kill()
        return
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
