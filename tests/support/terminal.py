"""The `jhub` command as users run it: a process of its own, with or without a terminal."""

from __future__ import annotations

import os
import pty
import select
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import secret_search

JHUB = [sys.executable, "-m", "jhub"]
MAX_SECONDS = 300.0
"""Seconds in which a command must end, on any machine."""
SETTINGS = ("JUPYTERHUB_", "JHUB_", "XDG_", "NO_COLOR", "FORCE_COLOR")


@dataclass(frozen=True)
class Result:
    """The exit code and the output of a command."""

    code: int
    out: str
    err: str

    @property
    def lines(self) -> list[str]:
        return self.out.splitlines()


@dataclass
class Jhub:
    """The `jhub` command with a home folder of its own. `env` is added to the environment."""

    home: Path
    env: dict[str, str] = field(default_factory=dict, repr=False)
    outputs: list[str] = field(default_factory=list, repr=False)
    """Output of all commands so far."""

    def environment(self) -> dict[str, str]:
        clean = {key: value for key, value in os.environ.items() if not key.startswith(SETTINGS)}
        config = {"XDG_CONFIG_HOME": str(self.home / "config"), "XDG_DATA_HOME": str(self.home / "data")}
        config["JHUB_KEYRING"] = "no"  # the tests must not use the developer's keyring
        config["JHUB_COMPLETION_TIMEOUT"] = "60"  # the default of two seconds is too short for a busy machine
        return {**clean, **config, "TERM": "xterm-256color", "COLUMNS": "200", **self.env}

    def __call__(self, *args: str, stdin: str = "", timeout: float = MAX_SECONDS) -> Result:
        done = subprocess.run(
            [*JHUB, *args],
            input=stdin,
            env=self.environment(),
            capture_output=True,
            text=True,
            timeout=timeout,
            start_new_session=True,  # without the terminal of the person who runs the tests
        )
        return self._ended(done.returncode, done.stdout, done.stderr)

    def ok(self, *args: str, stdin: str = "") -> str:
        """Run a command that must succeed, and return its output."""
        result = self(*args, stdin=stdin)
        assert result.code == 0, result
        return result.out

    def interrupted(self, *args: str, after: str, timeout: float = MAX_SECONDS) -> Result:
        """Run a command and press Ctrl-C once `after` appears on its stderr."""
        process = subprocess.Popen(
            [*JHUB, *args], env=self.environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        assert process.stderr is not None
        err_so_far = ""
        while after not in err_so_far:
            line = process.stderr.readline()
            assert line, f"the command ended without {after!r} on stderr: {err_so_far}"
            err_so_far += line
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=timeout)
        return self._ended(process.returncode, out, err_so_far + err)

    def head(self, *args: str, timeout: float = MAX_SECONDS) -> Result:
        """Run a command, read the first line of its output, and close the pipe."""
        process = subprocess.Popen(
            [*JHUB, *args], env=self.environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        assert process.stdout is not None
        assert process.stderr is not None
        out = process.stdout.readline()
        process.stdout.close()
        err = process.stderr.read()
        process.stderr.close()
        return self._ended(process.wait(timeout), out, err)

    def at_terminal(
        self,
        *args: str,
        answers: dict[str, str],
        stdin: str | None = None,
        timeout: float = MAX_SECONDS,
        program: Sequence[str] = JHUB,
    ) -> Result:
        """Run a command in a terminal and type an answer to each question. Its stdin is the terminal, or this text."""
        waiting = dict(answers)
        with tempfile.TemporaryFile() as piped:
            piped.write((stdin or "").encode())
            piped.seek(0)
            pid, terminal = pty.fork()
            if pid == 0:
                if stdin is not None:
                    os.dup2(piped.fileno(), 0)
                os.execvpe(program[0], [*program, *args], self.environment())
        screen = b""
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            readable, _, _ = select.select([terminal], [], [], 0.5)
            if readable:
                try:
                    chunk = os.read(terminal, 65536)
                except OSError:  # Linux: the other side is gone
                    break
                if not chunk:
                    break
                screen += chunk
            for question in [q for q in waiting if q in screen.decode(errors="replace")]:
                # Wait until the command has turned off the echo for a password.
                time.sleep(0.2)
                os.write(terminal, waiting.pop(question).encode() + b"\n")
        os.close(terminal)
        _, status = os.waitpid(pid, 0)
        text = screen.decode(errors="replace")
        return self._ended(os.waitstatus_to_exitcode(status), text, "")

    def _ended(self, code: int, out: str, err: str) -> Result:
        self.outputs += [out, err]
        secret_search.record_output("a command", out, err)
        secret_search.record_tokens(self.home / "config" / "jhub")
        return Result(code, out, err)
