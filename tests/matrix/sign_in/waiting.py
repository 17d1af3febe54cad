"""`jhub login --browser` while it waits for the browser."""

from __future__ import annotations

import signal
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from browser_port import port_lock
from terminal import JHUB, Jhub, Result

SECONDS = 60.0


@dataclass
class Waiting:
    """The running command."""

    process: subprocess.Popen[str]
    url: str = ""
    """The address for the browser."""
    outputs: list[str] = field(default_factory=list)
    """Its output on stderr so far."""

    def interrupted(self) -> Result:
        """Return its result after Ctrl-C."""
        self.process.send_signal(signal.SIGINT)
        return self.end()

    def end(self) -> Result:
        """Return its result."""
        out, err = self.process.communicate(timeout=SECONDS)
        return Result(self.process.returncode, out, "".join([*self.outputs, err]))


@contextmanager
def waiting(jhub: Jhub, *args: str) -> Iterator[Waiting]:
    """Run `jhub login` until it prints the address for the browser."""
    with (
        port_lock(),
        subprocess.Popen(
            [*JHUB, "login", *args],
            env=jhub.environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as process,
    ):
        impatience = threading.Timer(SECONDS, process.kill)
        impatience.start()
        try:
            command = Waiting(process)
            assert process.stderr is not None
            while not command.url:
                line = process.stderr.readline()
                assert line, f"it ended before it told an address: {command.outputs}"
                command.outputs.append(line)
                command.url = line.strip() if line.strip().startswith("http") else ""
            yield command
        finally:
            impatience.cancel()
            process.kill()
            jhub.outputs += command.outputs
