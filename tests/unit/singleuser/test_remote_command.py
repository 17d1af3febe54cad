"""The program that runs a command in a kernel, with the client's end of its streams, in this process and its children.

What a kernel does is two functions: one takes displays, the other returns replies to `input()`.
"""

from __future__ import annotations

import ast
import json
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from base64 import b64encode
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from jhub.errors import HubError, InvalidInput, Unavailable
from jhub.interpreter import Interpreter
from jhub.singleuser import remote_command, remote_program
from jhub.singleuser.command_streams import CommandOutput, CommandStreams, InputSource
from jhub.singleuser.kernel_messages import KernelMessage
from jhub.steps import Flow, Now

MAX_SECONDS = 60.0


def finish(flow: Flow[Any]) -> Any:
    """Run a flow that needs the time only."""
    running = Interpreter(flow)
    while running.step is not None:
        assert isinstance(running.step, Now)
        running.answer(time.monotonic())
    return running.result


@dataclass
class Data:
    """Input that is there from the beginning."""

    data: bytes

    def read(self) -> bytes:
        data, self.data = self.data[:100_000], self.data[100_000:]
        return data


@dataclass
class Kernel:
    """What a kernel and a client do, without a network."""

    stdin: InputSource | None = None
    lose: Callable[[int], bool] = lambda number: False
    """Whether a reply is lost."""
    twice: bool = False
    """Deliver each reply again, as the reply to the next question."""
    outputs: dict[str, bytearray] = field(default_factory=lambda: {"stdout": bytearray(), "stderr": bytearray()})
    sizes: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.records: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
        self.streams = CommandStreams("ana/lab", self.stdin, self.take)
        self.replies = 0
        self.late: str | None = None

    def take(self, part: CommandOutput) -> Flow[None]:
        self.outputs[part.stream] += part.data
        self.sizes.append(len(part.data))
        yield from ()

    def handle(self) -> None:
        while not self.records.empty():
            handle(self.streams, self.records.get())

    def ask(self, prompt: str) -> str:
        if self.twice and self.late is not None:
            reply, self.late = self.late, None
            return reply
        while True:
            self.handle()
            reply = finish(self.streams.read_input(prompt, False))
            if reply is None:
                time.sleep(0.001)
                continue
            self.replies += 1
            self.late = reply
            return "" if self.lose(self.replies) else reply

    def run(self, *args: str, **spec: Any) -> int | None:
        spec = {"args": args, "stdin": self.stdin is not None, **spec}
        remote_command.Command(spec, self.records.put, self.ask).run()
        self.handle()
        return self.streams.returncode


def handle(streams: CommandStreams, record: object) -> None:
    content = {"data": {remote_program.MIME: record}}
    finish(streams.handle(KernelMessage("iopub", {"msg_type": "display_data"}, content=content)))


def sh(script: str) -> tuple[int | None, bytes, bytes]:
    kernel = Kernel()
    code = kernel.run("sh", "-c", script)
    return code, bytes(kernel.outputs["stdout"]), bytes(kernel.outputs["stderr"])


def test_both_outputs_and_the_exit_code_arrive() -> None:
    assert sh("echo out; echo error >&2; exit 7") == (7, b"out\n", b"error\n")
    assert sh("kill -9 $$") == (137, b"", b"")
    assert sh("exec >&- 2>&-; sleep 0.1; exit 3") == (3, b"", b"")


def test_a_command_that_cannot_run_has_the_code_of_a_shell(tmp_path: Path) -> None:
    kernel = Kernel()
    assert kernel.run("no-such-program") == 127
    assert kernel.outputs["stderr"] == b"no-such-program: No such file or directory\n"
    (tmp_path / "text").write_text("")
    assert Kernel().run(str(tmp_path / "text")) == 126


def test_a_refusal_reaches_the_client(tmp_path: Path) -> None:
    kernel = Kernel()
    with pytest.raises(InvalidInput, match="none is not a folder"):
        kernel.run("true", cwd=str(tmp_path / "none"))


@pytest.mark.parametrize("twice", [False, True])
@pytest.mark.parametrize("lost", [0, 2, 3])
def test_input_and_output_are_complete(lost: int, twice: bool) -> None:
    """Also if replies are lost, or arrive again."""
    data = bytes(range(256)) * 20_000
    kernel = Kernel(Data(data), lose=lambda number: lost > 0 and number % lost == 0, twice=twice)
    assert kernel.run("cat") == 0
    assert kernel.outputs["stdout"] == data
    assert max(kernel.sizes) <= remote_command.CHUNK_BYTES


def test_output_comes_in_few_parts() -> None:
    kernel = Kernel()
    assert kernel.run("head", "-c", "20000000", "/dev/zero") == 0
    assert sum(kernel.sizes) == 20_000_000
    assert len(kernel.sizes) < 2_000  # 1,000 a second, in three seconds, are what a server lets through


def test_a_command_that_reads_no_more_ends() -> None:
    kernel = Kernel(Data(b"x" * 10_000_000))
    assert kernel.run("head", "-c", "3") == 0
    assert kernel.outputs["stdout"] == b"xxx"
    assert Kernel(Data(b"x" * 10_000_000)).run("true") == 0


def test_a_client_that_handles_nothing_holds_the_command_back() -> None:
    kernel = Kernel()
    stop = threading.Event()
    published: list[int] = []

    def publish(record: dict[str, Any]) -> None:
        published.append(len(record.get("data", "")))

    def ask(prompt: str) -> str:
        end = time.monotonic() + MAX_SECONDS
        while sum(published) * 3 // 4 < remote_command.WINDOW_BYTES and time.monotonic() < end:
            time.sleep(0.01)
        stop.wait(0.3)  # it would send more
        return '{"stop": true}'

    remote_command.Command({"args": ["cat", "/dev/zero"]}, publish, ask).run()
    assert sum(published) * 3 // 4 <= remote_command.WINDOW_BYTES + 2 * remote_command.CHUNK_BYTES
    assert kernel.streams.returncode is None


def test_a_question_without_a_reply_is_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remote_command, "ASK_AGAIN_SECONDS", 0.1)
    kernel = Kernel(Data(b"x\n"))
    asked = 0

    def ask(prompt: str) -> str:
        nonlocal asked
        asked += 1
        if asked == 1:
            time.sleep(MAX_SECONDS)
        monkeypatch.undo()  # the client's part of this function must not be interrupted
        return kernel.ask(prompt)

    remote_command.Command({"args": ["cat"], "stdin": True}, kernel.records.put, ask).run()
    kernel.handle()
    assert (kernel.streams.returncode, kernel.outputs["stdout"]) == (0, bytearray(b"x\n"))
    assert asked > 1


def test_a_command_whose_client_is_gone_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remote_command, "GONE_SECONDS", 0.1)
    with pytest.raises(KeyboardInterrupt):
        remote_command.Command({"args": ["sleep", "1000"]}, lambda record: None, lambda prompt: sleep()).run()


def sleep() -> str:
    time.sleep(MAX_SECONDS)
    return ""


@pytest.mark.parametrize(
    "script",
    [
        "echo $$; exec sleep 1000",
        "trap '' INT; echo $$; while :; do sleep 0.05; done",
        "sleep 1000 >/dev/null 2>&1 & echo $!; wait",
    ],
)
def test_an_interrupt_ends_the_whole_group(script: str) -> None:
    kernel = Kernel()

    def ask(prompt: str) -> str:
        end = time.monotonic() + MAX_SECONDS
        while kernel.records.empty() and time.monotonic() < end:
            time.sleep(0.01)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        remote_command.Command({"args": ["sh", "-c", script]}, kernel.records.put, ask).run()
    record = kernel.records.get()
    handle(kernel.streams, record)
    assert ended(int(kernel.outputs["stdout"]))


def ended(pid: int) -> bool:
    """Return whether a process has ended, or nobody has waited for its end yet."""
    end = time.monotonic() + MAX_SECONDS
    while time.monotonic() < end:
        try:
            if Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z":
                return True
        except FileNotFoundError:
            return True
        time.sleep(0.05)
    return False


DIES = """
import json, sys, time
from jhub.singleuser import remote_command
def publish(record):
    print(json.dumps(record), flush=True)
remote_command.Command(json.loads(sys.argv[1]), publish, lambda prompt: time.sleep(1000)).run()
"""


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_a_command_ends_with_its_kernel(tmp_path: Path) -> None:
    script = b"import os, time; print(f'{os.getpid()} {__file__}\\n', end='', flush=True); time.sleep(1000)"
    spec = json.dumps({"args": [], "script": b64encode(script).decode()})
    with subprocess.Popen([sys.executable, "-c", DIES, spec], stdout=subprocess.PIPE, text=True) as kernel:
        assert kernel.stdout is not None
        record = json.loads(kernel.stdout.readline())
        kernel.send_signal(signal.SIGKILL)
    written = Kernel()
    handle(written.streams, record)
    pid, path = written.outputs["stdout"].decode().split()
    assert ended(int(pid))
    end = time.monotonic() + MAX_SECONDS
    while Path(path).parent.exists() and time.monotonic() < end:
        time.sleep(0.05)
    assert not Path(path).parent.exists()


def test_a_script_is_a_program_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "beside.py").write_text("x = 1")
    source = b"import beside, sys; print(__name__, sys.argv[1:], beside.x); print(__file__); sys.exit('bad')"
    kernel = Kernel()
    code = kernel.run("a", "b c", script=b64encode(source).decode(), name="train.py", cwd=str(tmp_path))
    assert (code, bytes(kernel.outputs["stderr"])) == (1, b"bad\n")
    first, path = kernel.outputs["stdout"].decode().splitlines()
    assert first == "__main__ ['a', 'b c'] 1"
    assert Path(path).name == "train.py"
    assert not Path(path).parent.exists()


def test_variables_of_the_kernel_are_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("PAGER", "less")
    kernel = Kernel()
    kernel.run("sh", "-c", 'echo "$FORCE_COLOR,$PAGER,$MINE"', env={"MINE": "ä"})
    assert kernel.outputs["stdout"].decode() == ",less,ä\n"


def test_nothing_is_left_open() -> None:
    def descriptors() -> int:
        return len(os.listdir("/dev/fd"))

    sh("true")
    before = descriptors()
    sh("true")
    Kernel(Data(b"x")).run("true")
    Kernel().run("no-such-program")
    assert descriptors() == before


def test_lost_output_is_an_error() -> None:
    streams = CommandStreams("ana/lab", None, Kernel().take)
    first, third = ({"number": n, "stream": 1, "data": "eA=="} for n in (1, 3))
    handle(streams, first)
    with pytest.raises(Unavailable, match="was lost"):
        handle(streams, third)
    notice = {"name": "stderr", "text": "IOPub message rate exceeded.\nThe Jupyter server…"}
    with pytest.raises(Unavailable, match="dropped output"):
        finish(streams.handle(KernelMessage("iopub", {"msg_type": "stream"}, content=notice)))


@pytest.mark.parametrize("record", [None, [], "x", {"number": "1"}, {"number": 1, "stream": 1, "data": "\x1b"}])
def test_what_is_not_a_record_is_an_error(record: Any) -> None:
    streams = CommandStreams("ana/lab", None, Kernel().take)
    with pytest.raises(HubError):
        handle(streams, record)


def test_the_program_is_for_python_3_8() -> None:
    source = Path(remote_command.__file__).read_text()
    ast.parse(source, feature_version=(3, 8))
    assert (remote_command.MIME, remote_command.WINDOW_BYTES) == (remote_program.MIME, remote_program.WINDOW_BYTES)
    assert "jhub" not in {
        name.name.partition(".")[0]
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Import)
        for name in node.names
    }
