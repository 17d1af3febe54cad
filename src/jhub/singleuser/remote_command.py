"""The program that runs a command in a Python kernel of a server. Its source is sent there: nothing here imports it.

It needs Python 3.8, POSIX and IPython. Outputs leave as few large displays of a type of our own: Jupyter Server limits
the text that a cell prints to 1 MB a second, and the number of its messages. Input, and how much of the output has been
handled, arrive as replies to `input()`, which the main thread calls all the time.
"""

from __future__ import annotations

import base64
import collections
import contextlib
import contextvars
import json
import os
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

assert sys.platform != "win32"  # noqa: S101 - for type checkers

MIME = "application/vnd.jhub.command+json"
CHUNK_BYTES = 512 * 1024
"""Maximum size of the output in one display."""
WINDOW_BYTES = 4 * 1024 * 1024
"""Maximum size of the output that is sent and not handled yet."""
COALESCE_SECONDS = 0.03
"""Minimum seconds between two displays, unless there is a full chunk."""
ASK_AGAIN_SECONDS = 40.0
"""Seconds without a reply after which the question, or its reply, counts as lost."""
GONE_SECONDS = 900.0
"""Seconds without a reply after which the client counts as gone."""
STOP_SIGNALS = ((signal.SIGINT, 2.0), (signal.SIGTERM, 1.0), (signal.SIGKILL, 1.0))
"""Signals that end a command, each with the seconds that it has for its end."""
IPYTHON_VARIABLES = {
    "TERM": "xterm-color",
    "CLICOLOR": "1",
    "CLICOLOR_FORCE": "1",
    "FORCE_COLOR": "1",
    "PAGER": "cat",
    "GIT_PAGER": "cat",
    "MPLBACKEND": "module://matplotlib_inline.backend_inline",
}
"""Variables that a kernel sets for its cells. A command would print colours into a file."""
GUARD = """
read -r group || exit 0
read -r folder || exit 0
read -r end && exit 0
for signal in INT TERM KILL; do kill -s $signal -- "-$group" 2>/dev/null || break; sleep 2; done
[ -z "$folder" ] || rm -rf -- "$folder"
"""
"""The shell script that ends the command when the kernel dies: it waits for the end of its input."""


class Refused(Exception):
    """The command cannot be started as the caller wants it."""


class Command:
    """A command that runs, and its streams."""

    def __init__(
        self, spec: dict[str, Any], publish: Callable[[dict[str, Any]], None], ask: Callable[[str], str]
    ) -> None:
        self.publish_record = publish
        self.ask = ask
        self.folder = ""
        self.number = 0
        self.unsent = {1: bytearray(), 2: bytearray()}
        self.sent = self.acknowledged = 0
        self.last_sent = 0.0
        self.received = self.taken = 0
        self.input: collections.deque[bytes] = collections.deque()
        self.input_ended = self.stopping = self.asks_again = self.heartbeat = False
        self.ended = self.abandoned = False
        self.question_at = 0.0
        self.replied_at = time.monotonic()
        self.process: subprocess.Popen[bytes] | None = None
        self.waker, self.wakes = os.pipe()
        os.set_blocking(self.waker, False)
        os.set_blocking(self.wakes, False)
        self.main_thread = threading.current_thread()
        self.guard = subprocess.Popen(
            ["/bin/sh", "-c", GUARD],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        self.spec = spec

    def run(self) -> None:
        """Run the command to its end."""
        thread = None
        try:
            try:
                self.start()
            except Refused as error:
                self.publish(refused=str(error))
                return
            except OSError as error:
                self.publish_output(2, f"{self.spec['args'][0]}: {error.strerror}\n".encode(errors="replace"))
                self.publish(exit=127 if isinstance(error, FileNotFoundError) else 126)
                return
            # A copy of the context, so that its displays belong to this cell.
            thread = threading.Thread(target=contextvars.copy_context().run, args=(self.pump,), daemon=True)
            thread.start()
            self.converse()
        finally:
            self.stopping = True
            self.stop()
            if thread is not None:
                thread.join(1)
                self.abandoned = True  # a process outside of the group may keep the outputs open
                self.wake()
                thread.join()
            self.clean_up()

    def start(self) -> None:
        """Start the command in a process group of its own."""
        spec = self.spec
        cwd = os.path.join(os.getcwd(), os.path.expanduser(spec.get("cwd") or ""))
        if not os.path.isdir(cwd):
            raise Refused(f"{spec['cwd']} is not a folder in the server")
        environment = {k: v for k, v in os.environ.items() if IPYTHON_VARIABLES.get(k) != v}
        args = list(spec["args"])
        if spec.get("script") is not None:
            args[:0] = [sys.executable, self.write_script(base64.b64decode(spec["script"]))]
            # As if the script was in the folder that it runs in.
            path = [cwd, environment["PYTHONPATH"]] if environment.get("PYTHONPATH") else [cwd]
            environment.update(PYTHONPATH=os.pathsep.join(path), PYTHONUNBUFFERED="1")
        environment.update(spec.get("env") or {})
        interrupts: list[int] = []
        handler = signal.signal(
            signal.SIGINT, lambda number, frame: interrupts.append(number)
        )  # not between fork and here
        try:
            self.process = subprocess.Popen(
                args,
                cwd=cwd,
                env=environment,
                stdin=subprocess.PIPE if spec.get("stdin") else subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                bufsize=0,
                start_new_session=True,
            )
            self.tell_guard(f"{self.process.pid}\n{self.folder}\n")
        finally:
            signal.signal(signal.SIGINT, handler)
        if interrupts:
            raise KeyboardInterrupt

    def write_script(self, source: bytes) -> str:
        """Write a script into a new folder, and return its path."""
        self.folder = tempfile.mkdtemp(prefix="jhub-")
        path = os.path.join(self.folder, os.path.basename(self.spec.get("name") or "script.py"))
        with open(path, "wb") as file:
            file.write(source)
        return path

    def converse(self) -> None:
        """Ask for input and acknowledgements until the client has the end of the command."""
        while not self.ended:
            try:
                self.question_at = time.monotonic()
                reply = json.loads(self.ask(json.dumps({"received": self.received, "ended": self.input_ended})) or "{}")
                self.question_at = 0.0
                self.replied_at = time.monotonic()
                if reply.get("stop"):
                    return
                self.take(reply)
            except KeyboardInterrupt:
                if not self.asks_again:
                    raise
                self.asks_again = False

    def take(self, reply: dict[str, Any]) -> None:
        """Take a reply. One that arrives twice counts once."""
        self.acknowledged = max(self.acknowledged, reply.get("acknowledged", 0))
        data = base64.b64decode(reply.get("data", ""))
        if reply.get("at") == self.received:
            if data:
                self.input.append(data)
                self.received += len(data)
            self.input_ended = self.input_ended or bool(reply.get("end"))
        self.heartbeat = self.heartbeat or bool(reply.get("alive"))
        self.wake()

    def pump(self) -> None:
        """Move the streams of the command, until it has ended and its outputs too."""
        try:
            code = self.move_streams()
        except Exception as error:  # noqa: BLE001 - the client gets to know
            self.publish(failed=repr(error))
        else:
            self.publish(exit=128 - code if code < 0 else code)
        finally:
            self.ended = True

    def move_streams(self) -> int:
        """Move the streams of the command, and return its exit code as Python has it."""
        process = self.process
        assert process is not None and process.stdout is not None and process.stderr is not None  # noqa: S101, PT018
        outputs = {process.stdout.fileno(): 1, process.stderr.fileno(): 2}
        stdin = process.stdin.fileno() if process.stdin is not None else -1
        for descriptor in [*outputs, *([stdin] if stdin >= 0 else [])]:
            os.set_blocking(descriptor, False)
        while (outputs or process.poll() is None) and not self.abandoned:
            poll = select.poll()
            poll.register(self.waker, select.POLLIN)
            for descriptor, stream in outputs.items():
                if len(self.unsent[stream]) < CHUNK_BYTES or self.stopping:
                    poll.register(descriptor, select.POLLIN)
            if stdin >= 0:
                poll.register(stdin, select.POLLOUT if self.input else 0)
            for descriptor, _ in poll.poll(self.patience(bool(outputs)) * 1000):
                if descriptor == self.waker:
                    self.forget_wakes()
                elif descriptor == stdin:
                    if not self.write_input(stdin):
                        stdin = self.close_input()
                elif not self.read_output(descriptor, outputs[descriptor]):
                    del outputs[descriptor]
            if stdin >= 0 and self.input_ended and not self.input:
                stdin = self.close_input()
            self.flush()
            self.watch_client()
        while not self.stopping:
            self.flush(everything=True)
            if not any(self.unsent.values()):
                break
            self.wait_for_client()
            self.watch_client()
        return process.poll() or 0

    def wait_for_client(self) -> None:
        """Wait until the client has sent something."""
        poll = select.poll()
        poll.register(self.waker, select.POLLIN)
        poll.poll(1000)
        self.forget_wakes()

    def forget_wakes(self) -> None:
        """Read what `wake` has written."""
        with contextlib.suppress(BlockingIOError):
            os.read(self.waker, 4096)

    def patience(self, has_outputs: bool) -> float:
        """Return the seconds until something is due."""
        if any(self.unsent.values()) and self.has_room:
            return max(self.last_sent + COALESCE_SECONDS - time.monotonic(), 0.0)
        return 1.0 if has_outputs else 0.02  # the end of a process wakes nobody

    @property
    def has_room(self) -> bool:
        """True if more output may be sent."""
        return self.sent - self.acknowledged < WINDOW_BYTES

    def read_output(self, descriptor: int, stream: int) -> bool:
        """Read what the command has written, and return False at its end."""
        try:
            data = os.read(descriptor, 65536)
        except BlockingIOError:
            return True
        if not (self.stopping and len(self.unsent[stream]) >= CHUNK_BYTES):
            self.unsent[stream] += data
        return bool(data)

    def write_input(self, descriptor: int) -> bool:
        """Write input to the command, and return False if it reads no more."""
        if not self.input:
            return False  # without input, the only event is that the other end is closed
        data = self.input[0]
        try:
            written = os.write(descriptor, data)
        except BlockingIOError:
            return True
        except OSError:
            return False
        if written < len(data):
            self.input[0] = data[written:]
        else:
            self.input.popleft()
        self.taken += written
        if not self.input:
            self.publish()
        return True

    def close_input(self) -> int:
        """Close the command's stdin, and return no descriptor."""
        process = self.process
        if process is not None and process.stdin is not None:
            process.stdin.close()
        if not self.input_ended:
            self.publish(closed=True)
        self.input_ended = True
        self.input.clear()
        return -1

    def flush(self, everything: bool = False) -> None:
        """Send what is due."""
        is_due = everything or time.monotonic() >= self.last_sent + COALESCE_SECONDS
        for stream, data in self.unsent.items():
            while data and self.has_room and (is_due or len(data) >= CHUNK_BYTES):
                self.publish_output(stream, bytes(data[:CHUNK_BYTES]))
                del data[:CHUNK_BYTES]
                self.last_sent = time.monotonic()
        if self.heartbeat:
            self.heartbeat = False
            self.publish()

    def watch_client(self) -> None:
        """Ask again if a message was lost. End the command if the client is gone."""
        now = time.monotonic()
        is_gone = now - self.replied_at > GONE_SECONDS
        if is_gone or (self.question_at and now - self.question_at > ASK_AGAIN_SECONDS):
            self.asks_again = not is_gone
            self.question_at, self.replied_at = 0.0, now if is_gone else self.replied_at
            signal.pthread_kill(self.main_thread.ident or 0, signal.SIGINT)

    def publish_output(self, stream: int, data: bytes) -> None:
        """Send output of the command."""
        self.sent += len(data)
        self.publish(stream=stream, data=base64.b64encode(data).decode())

    def publish(self, **fields: Any) -> None:
        """Send a record, with its number and how much of the input the command has taken."""
        self.number += 1
        self.publish_record(dict(fields, number=self.number, taken=self.taken))

    def stop(self) -> None:
        """End what is left of the command: its whole process group, unless it has ended by itself."""
        process = self.process
        if process is None or self.ended:
            return
        for number, seconds in STOP_SIGNALS:
            end = time.monotonic() + seconds
            try:
                os.killpg(process.pid, number)
                while time.monotonic() < end:
                    process.poll()
                    time.sleep(0.02)
                    os.killpg(process.pid, 0)
            except (ProcessLookupError, PermissionError):  # macOS: of a group of zombies
                return
            except KeyboardInterrupt:
                continue

    def clean_up(self) -> None:
        """Release what this program holds."""
        if self.folder:
            shutil.rmtree(self.folder, ignore_errors=True)
        self.tell_guard("\n\nend\n" if self.process is None else "end\n")
        if self.guard.stdin is not None:
            self.guard.stdin.close()
        self.guard.wait()
        for stream in (self.process.stdin, self.process.stdout, self.process.stderr) if self.process else ():
            if stream is not None:
                stream.close()
        os.close(self.waker)
        os.close(self.wakes)

    def tell_guard(self, text: str) -> None:
        """Send lines to the guard."""
        if self.guard.stdin is not None:
            with contextlib.suppress(OSError):
                self.guard.stdin.write(text.encode())
                self.guard.stdin.flush()

    def wake(self) -> None:
        """Wake the thread that moves the streams."""
        with contextlib.suppress(BlockingIOError):
            os.write(self.wakes, b"x")


def run(spec: str) -> None:
    """Run a command in a kernel."""
    from IPython.display import publish_display_data  # type: ignore[import-not-found, unused-ignore]

    def publish(record: dict[str, Any]) -> None:
        publish_display_data({MIME: record})  # type: ignore[no-untyped-call, unused-ignore]

    Command(json.loads(spec), publish, input).run()
