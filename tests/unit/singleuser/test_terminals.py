"""Commands in terminals: marks, the keyboard, and that no terminal is left."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
from typing import Any

import pytest

from jhub.errors import InvalidInput, Unavailable, WaitTimeout
from jhub.singleuser import terminals
from jhub.singleuser.access import Handle
from jhub.singleuser.command_streams import CommandOutput
from jhub.steps import CloseSocket, Emit, Flow, ReceiveFrame, Request, SendFrame, SocketClosed
from jhub.testing import Frame, Opened, Played, Reply, play, reply

URL = "https://hub.example.org/user/ana/lab/"


class Server:
    """A server with a terminal that sends these messages after the command was typed."""

    def __init__(self, *messages: Any) -> None:
        self.messages = list(messages)
        self.typed: list[Any] = []
        self.mark = ""
        self.terminals = 0

    def __call__(self, step: Any) -> Reply:
        assert isinstance(step, Request)
        match step.method, step.path.removeprefix(URL):
            case "GET", "/user":
                return reply(json={"name": "bo", "kind": "user"})
            case "GET", "/users/ana":
                return reply(json={"name": "ana", "servers": {}})
            case "GET", "/users/ana/servers/lab":
                return reply(json={"name": "lab", "ready": True, "url": URL})
            case "POST", "/users/bo/tokens":
                return reply(201, {"id": "a1", "token": "SECRET"})
            case "POST", "api/terminals":
                self.terminals += 1
                return reply(json={"name": "7"})
            case "GET", "terminals/websocket/7":
                return Opened()
            case "GET", "api/terminals/7":
                return reply(json={"name": "7"})
            case "DELETE", "api/terminals/7":
                self.terminals -= 1
                return reply(204)
            case "DELETE", "/users/bo/tokens/a1":
                return reply(204)
            case _:
                raise AssertionError(step)

    def peer(self, step: SendFrame | ReceiveFrame | CloseSocket) -> Frame | None:
        if isinstance(step, SendFrame):
            self.typed.append(json.loads(step.data))
            if match := re.search(r"printf %b \"(.*)\"\)", str(self.typed[-1][1])):
                script = subprocess.run(["printf", "%b", match[1]], capture_output=True, text=True).stdout
                found = re.search(r"\\035(\w+)\+", script)
                assert found
                self.mark = f"\x1d{found[1]}"
            return None
        if not isinstance(step, ReceiveFrame) or not self.messages:
            return None
        message = self.messages.pop(0)
        if isinstance(message, str):
            return Frame(json.dumps(["stdout", message.replace("MARK", self.mark)]), 0.01)
        return Frame(message if isinstance(message, SocketClosed) else json.dumps(message), 0.01)


class Keys:
    """A keyboard."""

    def __init__(self, *keys: bytes) -> None:
        self.keys = list(keys)

    def read(self) -> bytes | None:
        return self.keys.pop(0) if self.keys else None

    def size(self) -> tuple[int, int]:
        return 33, 101 if self.keys else 80


def emit(part: CommandOutput) -> Flow[None]:
    yield Emit(part)


def run(server: Server, *keys: bytes, **options: Any) -> Played[int]:
    flow = terminals.run_interactive(Handle("ana", "lab"), ["vi"], emit, keyboard=Keys(*keys), **options)
    played = play(flow, server, peer=server.peer)
    assert server.terminals == 0
    return played


def shown(played: Played[int]) -> str:
    return b"".join(part.data for part in played.emitted).decode()


def test_what_is_between_the_marks_is_shown() -> None:
    server = Server(["setup", {}], "$ exec… '\\035", "prompt MARK+one\x1d", "two", "MARK", ":1", "3:rest")
    played = run(server, b"\xc3", b"\xa4")
    assert (played.result, shown(played)) == (13, "one\x1dtwo")
    assert server.typed[0] == ["set_size", 33, 101, 0, 0]
    assert ["stdin", "ä"] in server.typed
    assert ["set_size", 33, 80, 0, 0] in server.typed


def test_a_terminal_that_ends_otherwise_is_an_error() -> None:
    closed = run(Server("MARK+x", ["disconnect", 1]))
    with pytest.raises(Unavailable, match="somebody closed"):
        _ = closed.result
    assert shown(closed) == "x"
    with pytest.raises(Unavailable, match="connection to the terminal was lost"):
        _ = run(Server("MARK+x", SocketClosed())).result
    with pytest.raises(Unavailable, match="did not start"):
        _ = run(Server("sh: no such file")).result
    with pytest.raises(InvalidInput, match="no such folder"):
        _ = run(Server("MARK!"), cwd="none").result
    with pytest.raises(WaitTimeout):
        _ = run(Server("MARK+"), timeout=500.0).result


def test_odd_frames_are_ignored() -> None:
    server = Server({"a": 1}, ["stdout", 5], [], ["x"], "MARK+ok", "MARK:0:")
    assert run(server).result == 0


@pytest.mark.parametrize("env", [{"A B": "1"}, {"A;reboot": "1"}, {"": "1"}])
def test_a_name_that_no_shell_takes_is_refused(env: dict[str, str]) -> None:
    with pytest.raises(InvalidInput, match="invalid name of a variable"):
        run(Server(), env=env)


def test_a_long_command_is_refused() -> None:
    with pytest.raises(InvalidInput, match="too long"):
        _ = run(Server(), env={"A": "x" * 5000}).result


def test_the_script_quotes_every_byte() -> None:
    text = "".join(map(chr, range(1, 0x180)))
    typed = terminals._typed([f"printf %s {shlex.quote(text)}"], "tag")
    assert typed.strip().isascii()
    assert typed[:-1].isprintable()
    output = subprocess.run(["sh", "-c", typed[:-1]], capture_output=True).stdout
    assert output.decode() == f"{text}\x1dtag:0:"
