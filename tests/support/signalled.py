"""`jhub` commands that are ended by a signal, with or without a terminal."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import signal
import subprocess
import termios
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import secret_search
from terminal import Jhub

MAX_SECONDS = 120.0
"""Maximum seconds for anything that a test waits for."""
RESEND_SECONDS = 5.0
"""Seconds after which a signal is sent again."""


def wait_until(condition: Callable[[], bool], what: str) -> None:
    """Wait until the condition holds."""
    deadline = time.monotonic() + MAX_SECONDS
    while not condition():
        assert time.monotonic() < deadline, f"timed out waiting for: {what}"
        time.sleep(0.01)


@contextmanager
def running(jhub: Jhub, command: list[str], *, setup: Callable[[], None] | None = None) -> Iterator[Child]:
    """Run a command with its output in a pipe."""
    process = subprocess.Popen(
        command,
        env=jhub.environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        preexec_fn=setup,
    )
    child = Child(process)
    try:
        yield child
    finally:
        process.kill()
        process.wait()
        assert process.stdout is not None
        process.stdout.close()
        secret_search.record_output("a command", child.text)


class Child:
    """A running command."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self.text = ""

    def read_until(self, words: str) -> None:
        """Read its output until these words appear."""
        assert self.process.stdout is not None
        while words not in self.text:
            line = self.process.stdout.readline()
            assert line, f"it ended before it said {words!r}: {self.text}"
            self.text += line

    def send(self, *signals: signal.Signals) -> None:
        """Send signals to the command."""
        for number in signals:
            self.process.send_signal(number)

    def end(self) -> int:
        """Wait for its end and return the exit code."""
        out, _ = self.process.communicate(timeout=MAX_SECONDS)
        self.text += out
        return self.process.returncode


class AtTerminal:
    """A command in a terminal of its own, which the test keeps open too, to see its state."""

    def __init__(self, jhub: Jhub, command: list[str]) -> None:
        self._master, self._side = pty.openpty()
        self.text = ""
        self._process = subprocess.Popen(
            command,
            env=jhub.environment(),
            stdin=self._side,
            stdout=self._side,
            stderr=self._side,
            start_new_session=True,
            preexec_fn=_take_terminal,
        )

    def read_until(self, words: str) -> None:
        """Read the screen until these words appear."""
        deadline = time.monotonic() + MAX_SECONDS
        while words not in self.text:
            assert time.monotonic() < deadline, f"no {words!r} in: {self.text}"
            self._read(0.1)

    @property
    def echoes(self) -> bool:
        """Whether the terminal echoes input."""
        return bool(termios.tcgetattr(self._side)[3] & termios.ECHO)

    def type(self, text: str) -> None:
        """Type a line."""
        os.write(self._master, text.encode() + b"\n")

    def send(self, *signals: signal.Signals) -> None:
        """Send signals to the command."""
        for number in signals:
            self._process.send_signal(number)

    def close_window(self) -> None:
        """Close the terminal while the command runs."""
        os.close(self._side)
        os.close(self._master)
        self._master = self._side = -1

    def end(self, by: signal.Signals | None = None) -> int:
        """Wait for its end and return the exit code, or the negative number of the signal that ended it.

        The signal is repeated: Python misses one that arrives between its last check and the blocking read of a line.
        """
        deadline = time.monotonic() + MAX_SECONDS
        again = 0.0
        while (code := self._process.poll()) is None:
            now = time.monotonic()
            assert now < deadline, f"it does not end: {self.text}"
            if by is not None and now > again:
                self.send(by)
                again = now + RESEND_SECONDS
            self._read(0.01)
        while self._read(0):
            pass
        return code

    def _read(self, seconds: float) -> bool:
        """Read available output, after waiting for it up to `seconds`."""
        if self._master < 0:
            time.sleep(seconds)
            return False
        if not select.select([self._master], [], [], seconds)[0]:
            return False
        self.text += os.read(self._master, 65536).decode(errors="replace")
        return True

    def __enter__(self) -> AtTerminal:
        return self

    def __exit__(self, *exc: object) -> None:
        self._process.kill()
        self._process.wait()
        if self._master >= 0:
            os.close(self._side)
            os.close(self._master)
        secret_search.record_output("a command", self.text)


def _take_terminal() -> None:
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)
