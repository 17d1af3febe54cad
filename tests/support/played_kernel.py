"""A hub and a server with one kernel, for jobs that are played."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from typing import Any

from jhub.singleuser.kernel_messages import V1, KernelMessage, decode, encode
from jhub.steps import CloseSocket, Listen, ReceiveFrame, Request, SendFrame, SocketClosed
from jhub.testing import Frame, Opened, Reply, reply

URL = "https://hub.example.org/user/ana/lab/"
PARENT = {"msg_id": "jhub-k1_1"}
"""The header of the first request of a kernel `k1`."""


def iopub(kind: str, parent: dict[str, str] | None = None, **content: Any) -> KernelMessage:
    return KernelMessage("iopub", {"msg_type": kind}, PARENT if parent is None else parent, {}, content)


def shell(status: str = "ok", **content: Any) -> KernelMessage:
    return KernelMessage("shell", {"msg_type": "execute_reply"}, PARENT, {}, {"status": status, **content})


BUSY = iopub("status", execution_state="busy")
IDLE = iopub("status", execution_state="idle")
PRINTED = iopub("stream", name="stdout", text="hello\n")
REPLY = shell(execution_count=3)
STARTING = iopub("status", {}, execution_state="starting")
RESTARTING = iopub("status", {}, execution_state="restarting")
SHUT_DOWN = iopub("shutdown_reply", {"msg_id": "another"}, status="ok", restart=True)

Arriving = KernelMessage | SocketClosed | float
"""What a socket has for a cell; a number is silence in seconds."""


class Server:
    """A hub and a server with one kernel, which sends prepared messages."""

    def __init__(self, *messages: Arriving, subprotocol: str | None = V1) -> None:
        self.messages = deque(messages)
        self.subprotocol = subprotocol
        self.sent: list[KernelMessage] = []
        self.open_sockets = 0
        self.kernel: Callable[[], Reply] = lambda: self.state("busy")
        self.handshakes: Iterator[Reply] = iter(())
        self.deletions: Iterator[Reply] = iter(())
        self.kernels, self.tokens = set[str](), set[str]()
        self.path = ""
        self.made = 0

    def state(self, state: str) -> Reply:
        return reply(json={"id": "k1", "name": "python3", "execution_state": state})

    def __call__(self, step: Request[Any] | Listen[Any]) -> Reply:
        assert isinstance(step, Request)
        path = step.path.removeprefix(URL).partition("?")[0]
        match step.method, path:
            case "GET", "/user":
                return reply(json={"name": "ana", "kind": "user"})
            case "GET", "/users/ana":
                return reply(json={"name": "ana", "servers": {"lab": {"ready": True, "url": URL}}})
            case "GET", "/users/ana/servers/lab":
                return reply(json={"name": "lab", "ready": True, "url": URL})
            case "POST", "/users/ana/tokens":
                self.made += 1
                self.tokens.add(f"a{self.made}")
                return reply(201, {"id": f"a{self.made}", "token": "SECRET"})
            case "DELETE", str() if step.path.startswith("/users/ana/tokens/"):
                self.tokens.remove(step.path.rpartition("/")[2])
                return reply(204)
            case "POST", "api/sessions":
                self.kernels.add("k1")
                body: Any = step.body
                self.path = body["path"]
                return reply(201, {"id": "s1", "path": self.path, "kernel": {"id": "k1", "name": "python3"}})
            case "GET", "api/sessions":
                return reply(json=[{"id": "s1", "path": self.path, "kernel": {"id": "k1", "name": "python3"}}])
            case "GET", "api/kernels/k1/channels":
                found = next(self.handshakes, Opened(self.subprotocol))
                self.open_sockets += isinstance(found, Opened)
                return found
            case "GET", "api/kernels/k1":
                return self.kernel()
            case "POST", "api/kernels/k1/interrupt":
                return reply(204)
            case "DELETE", "api/kernels/k1":
                answer = next(self.deletions, reply(204))
                self.kernels -= {"k1"} if answer == reply(204) else set()
                return answer
            case other:
                raise AssertionError(other)

    def peer(self, step: SendFrame | ReceiveFrame | CloseSocket) -> Frame | None:
        if isinstance(step, CloseSocket):
            self.open_sockets -= 1
        elif isinstance(step, SendFrame):
            message = decode(step.data, self.subprotocol)
            assert message is not None
            self.sent.append(message)
        elif self.messages:
            arriving = self.messages.popleft()
            if not isinstance(arriving, float):
                return Frame(arriving if isinstance(arriving, SocketClosed) else encode(arriving, self.subprotocol))
            if arriving > step.seconds:
                self.messages.appendleft(arriving - step.seconds)
                return None
            following = self.peer(step)
            assert following is not None, "silence is followed by a message"
            return Frame(following.data, arriving)
        return None
