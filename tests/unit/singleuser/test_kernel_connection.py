"""A cell played through: in which order its messages may come, and what it means when they do not."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import permutations
from typing import Any

import pytest
from played_kernel import (
    BUSY,
    IDLE,
    PARENT,
    PRINTED,
    REPLY,
    RESTARTING,
    SHUT_DOWN,
    STARTING,
    URL,
    Arriving,
    Server,
    iopub,
    shell,
)

from jhub.errors import HubBroken, HubError, InvalidInput, NotAuthorized, Unavailable
from jhub.singleuser.access import Handle
from jhub.singleuser.cells import CellResult, CellRun
from jhub.singleuser.job_kernel import with_kernel
from jhub.singleuser.kernel_connection import (
    INTERRUPT_SECONDS,
    MAX_CODE_BYTES,
    MAX_FAILED_READS,
    SILENCE_SECONDS,
    KernelConnection,
)
from jhub.singleuser.kernel_messages import V1, KernelMessage
from jhub.singleuser.outputs import CellOutputs, DisplayMap
from jhub.steps import Flow, Listen, Request, SocketClosed
from jhub.testing import Opened, Played, Reply, play, refusal, reply


def run(server: Server, code: str = "1", **options: Any) -> Played[CellResult]:
    """Play a job of one cell, and check that nothing is left of it."""

    def job(kernel: KernelConnection) -> Flow[CellResult]:
        return kernel.execute(code, **options)

    played = play(with_kernel(Handle("ana", "lab"), job), server, peer=server.peer)
    assert (server.kernels, server.tokens, server.open_sockets) == (set(), set(), 0)
    return played


@pytest.mark.parametrize("subprotocol", [V1, None])
@pytest.mark.parametrize("order", list(permutations([PRINTED, REPLY, IDLE])))
def test_the_end_is_a_reply_and_idle_in_any_order(order: tuple[KernelMessage, ...], subprotocol: str | None) -> None:
    result = run(Server(BUSY, *order, subprotocol=subprotocol)).result
    assert (result.status, result.execution_count, result.truncated) == ("ok", 3, False)
    assert result.text == ("" if order[-1] is PRINTED else "hello\n")


def test_what_is_sent() -> None:
    server = Server(BUSY, REPLY, IDLE)
    run(server, "x = 1", silent=True, store_history=False)
    (message,) = server.sent
    assert (message.channel, message.type, message.header["msg_id"]) == ("shell", "execute_request", PARENT["msg_id"])
    assert message.content == {
        "code": "x = 1",
        "silent": True,
        "store_history": False,
        "user_expressions": {},
        "allow_stdin": False,
        "stop_on_error": True,
    }


def test_messages_of_other_cells_are_ignored() -> None:
    other = iopub("stream", {"msg_id": "jhub-k1_9"}, name="stdout", text="not mine")
    assert run(Server(other, BUSY, PRINTED, other, REPLY, IDLE)).result.text == "hello\n"


def test_the_error_is_in_the_reply_even_if_the_server_drops_it_from_the_outputs() -> None:
    notice = iopub("stream", name="stderr", text="IOPub data rate exceeded.\n")
    result = run(Server(BUSY, notice, shell("error", ename="E", evalue="no", traceback=["line"]), IDLE)).result
    assert (result.status, str(result.error), result.truncated) == ("error", "E: no", True)
    assert result.outputs[1:] == ({"output_type": "error", "ename": "E", "evalue": "no", "traceback": ["line"]},)
    both = Server(BUSY, iopub("error", ename="E", evalue="no", traceback=["line"]), shell("error", ename="E"), IDLE)
    assert len(run(both).result.outputs) == 1


def test_an_error_without_an_output_is_shown_in_another_form() -> None:
    """IPython prints that there is no such magic command to stderr, and an Output widget captures errors."""
    printed = iopub("stream", name="stderr", text="UsageError: no such magic\n")
    result = run(Server(BUSY, printed, shell("error", ename="UsageError", evalue="no such magic"), IDLE)).result
    assert (result.status, str(result.error)) == ("error", "UsageError: no such magic")
    assert [output["output_type"] for output in result.outputs] == ["stream"]


def test_a_hostile_reply_makes_no_invalid_notebook() -> None:
    reply = shell("error", ename="\ud800", traceback=["\udfff"], execution_count=True)
    notice = iopub("stream", name="stderr", text="IOPub data rate exceeded.\n")
    cell = CellRun(PARENT["msg_id"], CellOutputs(DisplayMap()))
    for message in (BUSY, notice, reply, IDLE):
        cell.add(message)
    result = cell.result(0.0)
    assert result.execution_count is None
    assert result.outputs[1] == {"output_type": "error", "ename": "?", "evalue": "", "traceback": ["?"]}
    assert run(Server(BUSY, shell("aborted"), IDLE)).result.status == "aborted"


@pytest.mark.parametrize(
    "messages",
    [
        (BUSY, RESTARTING),
        (BUSY, iopub("status", {}, execution_state="dead")),
        (BUSY, IDLE, STARTING),
        (BUSY, SHUT_DOWN, IDLE),  # and the news that a kernel starts is lost
    ],
)
def test_a_kernel_that_dies_or_is_restarted(messages: tuple[KernelMessage, ...]) -> None:
    server = Server(*messages)
    server.kernel = lambda: server.state("idle")
    played = run(server)
    assert played.result.status == "died"
    assert played.result.outputs[-1]["ename"] == "DeadKernelError"
    assert played.seconds < SILENCE_SECONDS


def test_a_kernel_that_is_gone() -> None:
    server = Server(BUSY)
    server.kernel = lambda: refusal(404)
    played = run(server)
    assert played.result.status == "gone"
    assert played.seconds == SILENCE_SECONDS


def test_a_long_silence_is_no_end() -> None:
    played = run(Server(BUSY, 600.0, REPLY, IDLE))
    assert played.result.status == "ok"
    assert played.calls.count(f"GET {URL}api/kernels/k1") == 600 / SILENCE_SECONDS - 1
    assert played.seconds == played.result.seconds == 600.0


def test_an_end_that_never_arrives() -> None:
    server = Server(BUSY)
    server.kernel = lambda: server.state("idle")
    assert run(server).result.status == "lost"
    without_idle = Server(BUSY, REPLY)
    without_idle.kernel = lambda: without_idle.state("idle")
    assert run(without_idle).result.status == "ok"


def test_a_cell_that_runs_too_long() -> None:
    played = run(Server(BUSY), timeout=20)
    assert played.result.status == "timeout"
    assert played.seconds == 20 + INTERRUPT_SECONDS
    stopped = Server(BUSY, 20.5, shell("error", ename="KeyboardInterrupt"), IDLE)
    played = run(stopped, timeout=20)
    assert (played.result.status, played.seconds) == ("timeout", 20.5)
    assert "more than 20 s" in str(played.result.error)


@pytest.mark.parametrize("may_have_lost", [True, False])
def test_a_connection_that_ends(may_have_lost: bool) -> None:
    server = Server(BUSY, SocketClosed(may_have_lost), PRINTED, REPLY, IDLE)
    result = run(server).result
    assert (result.status, result.text, result.truncated) == ("ok", "hello\n", may_have_lost)


def test_a_connection_that_cannot_be_made_at_once() -> None:
    server = Server(BUSY, SocketClosed(), PRINTED, REPLY, IDLE)
    server.handshakes = iter([Opened(V1), Unavailable("down"), refusal(404), HubBroken("x"), Opened(V1)])
    assert run(server).result.status == "ok"


def test_an_outage_of_two_minutes() -> None:
    server = Server(BUSY, SocketClosed(), PRINTED, REPLY, IDLE)
    states = iter([Unavailable("refused", sent=False)] * 30)
    server.kernel = lambda: next(states, server.state("busy"))
    played = run(server)
    assert (played.result.status, played.result.text) == ("ok", "hello\n")
    assert played.seconds > 60


def test_a_hub_that_is_down_while_the_socket_is_open() -> None:
    server = Server(BUSY, 400.0, PRINTED, 30.0, REPLY, IDLE)
    server.kernel = lambda: Unavailable("down")
    assert run(server).result.text == "hello\n"
    silent = Server(BUSY)
    silent.kernel = lambda: Unavailable("down")
    played = run(silent)
    assert played.result.status == "lost"
    assert played.seconds >= MAX_FAILED_READS * SILENCE_SECONDS


def test_a_hub_that_is_down_when_the_token_is_renewed() -> None:
    class Down(Server):
        def __call__(self, step: Request[Any] | Listen[Any]) -> Reply:
            assert isinstance(step, Request)
            if step.path == "/user" and self.made and self.downs:
                self.downs -= 1
                return Unavailable("the hub is restarted")
            return super().__call__(step)

        downs = 12

    server = Down(BUSY, 590.0, PRINTED, REPLY, IDLE)
    assert run(server).result.text == "hello\n"
    assert (server.made, server.downs) == (2, 0)


@pytest.mark.parametrize(("error", "words"), [(Unavailable("down"), "down"), (NotAuthorized("no access"), "no access")])
def test_a_connection_that_is_lost(error: HubError, words: str) -> None:
    server = Server(BUSY, SocketClosed())
    server.handshakes = iter([Opened(V1), *[error] * 100])
    result = run(server).result
    assert result.status == "lost"
    assert words in str(result.error)


def test_a_kernel_that_has_gone_with_the_connection_is_not_waited_for() -> None:
    server = Server(BUSY, SocketClosed())
    server.kernel = lambda: refusal(404)
    played = run(server)
    assert played.result.status == "gone"
    assert played.calls.count(f"GET {URL}api/kernels/k1/channels?session_id=jhub-k1") == 1


def test_input() -> None:
    prompt = KernelMessage("stdin", {"msg_type": "input_request", "msg_id": "p"}, PARENT, {}, {"prompt": "who? "})
    server = Server(BUSY, prompt, 0.2, REPLY, IDLE)
    replies: Iterator[str | None] = iter([None, None, "Ana"])

    def read(text: str, is_password: bool) -> Flow[str | None]:
        assert (text, is_password) == ("who? ", False)
        yield from ()
        return next(replies)

    assert run(server, read_input=read).result.status == "ok"
    answer = server.sent[-1]
    assert (answer.channel, answer.type, answer.content, answer.parent_id) == (
        "stdin",
        "input_reply",
        {"value": "Ana"},
        "p",
    )


def test_a_deletion_that_fails_is_repeated() -> None:
    server = Server(BUSY, REPLY, IDLE)
    server.deletions = iter([refusal(500), refusal(500)])
    assert run(server).result.status == "ok"
    server = Server(BUSY, REPLY, IDLE)
    server.deletions = iter([refusal(404)])
    played = play(with_kernel(Handle("ana", "lab"), lambda kernel: kernel.execute("1")), server, peer=server.peer)
    assert played.result.status == "ok"


def test_a_result_is_not_lost_with_a_kernel_that_cannot_be_deleted() -> None:
    server = Server(BUSY, REPLY, IDLE)
    server.deletions = iter([refusal(500)] * 20)
    played = play(with_kernel(Handle("ana", "lab"), lambda kernel: kernel.execute("1")), server, peer=server.peer)
    assert played.result.status == "ok"
    assert server.tokens == set()


@pytest.mark.parametrize("at", [0.0, 0.5, 30.0])
def test_nothing_is_left_after_an_interruption(at: float) -> None:
    server = Server(0.4, BUSY, 1000.0, REPLY)
    flow = with_kernel(Handle("ana", "lab"), lambda kernel: kernel.execute("1"))
    play(flow, server, peer=server.peer, interrupt_at=at)
    assert (server.kernels, server.tokens, server.open_sockets) == (set(), set(), 0)


@pytest.mark.parametrize("messages", [(BUSY, 600.0), (BUSY, SocketClosed(), 600.0)])
def test_a_block_drops_a_kernel_that_is_left_in_the_middle_of_a_cell(messages: tuple[Arriving, ...]) -> None:
    server = Server(*messages)
    handle = Handle("ana", "lab")
    handle.keep()

    def fail(kernel: KernelConnection) -> Flow[CellResult]:
        if kernel.is_busy:
            raise AssertionError
        server.kernel = lambda: refusal(403)
        return (yield from kernel.execute("1"))

    played = play(with_kernel(handle, fail), server, peer=server.peer)
    assert played.result.status == "lost"
    assert (server.kernels, handle.kernels, server.open_sockets) == (set(), {}, 0)
    play(handle.release(), server)
    assert server.tokens == set()


def test_a_block_has_no_kernel_after_one_that_could_not_be_opened() -> None:
    server = Server()
    server.handshakes = iter([refusal(404)])
    handle = Handle("ana", "lab")
    handle.keep()
    assert play(with_kernel(handle, lambda kernel: kernel.execute("1")), server, peer=server.peer).error is not None
    assert (server.kernels, handle.kernels) == (set(), {})


@pytest.mark.parametrize("looks", [1, 2, 4])
def test_a_kernel_whose_start_was_lost_is_found_once_the_server_lists_it(looks: int) -> None:
    class Late(Server):
        looks = 0

        def __call__(self, step: Request[Any] | Listen[Any]) -> Reply:
            answer = super().__call__(step)
            assert isinstance(step, Request)
            if step.path != f"{URL}api/sessions":
                return answer
            if step.method == "POST":
                return Unavailable("lost")
            self.looks += 1
            return answer if self.looks >= looks else reply(json=[])

    server = Late()
    assert isinstance(run(server).error, Unavailable)
    assert server.looks == looks


def test_a_kernel_whose_start_was_refused_is_not_looked_for() -> None:
    class Refusing(Server):
        def __call__(self, step: Request[Any] | Listen[Any]) -> Reply:
            if isinstance(step, Request) and step.path == f"{URL}api/sessions":
                return refusal(403)
            return super().__call__(step)

    played = run(Refusing())
    assert isinstance(played.error, NotAuthorized)
    assert f"GET {URL}api/sessions" not in played.calls


def test_hostile_servers() -> None:
    class Another(Server):
        def __call__(self, step: Request[Any] | Listen[Any]) -> Reply:
            answer = super().__call__(step)
            if isinstance(step, Request) and step.method == "POST" and step.path == f"{URL}api/sessions":
                return reply(201, {"id": "s1", "path": "notes.ipynb", "kernel": {"id": "open", "name": "x"}})
            return answer

    assert isinstance(run(Another()).error, HubBroken)
    odd = [
        KernelMessage("iopub", {"msg_type": ["status"]}, PARENT, {}, {"execution_state": {"x": 1}}),
        KernelMessage("iopub", {}, {"msg_id": 7}, {}, {}),
        iopub("stream", text=5),
        iopub("display_data"),
        iopub("update_display_data", data=[]),
        shell(execution_count="7", traceback={"a": 1}, ename=["x"]),
    ]
    result = run(Server(BUSY, *odd, IDLE)).result
    assert (result.status, result.execution_count) == ("ok", None)
    bad = run(Server(BUSY, shell("error", ename=["x"], traceback=[1, None]), IDLE)).result
    assert bad.status == "error"


def test_code_that_a_server_would_not_take() -> None:
    played = run(Server(), "x" * (MAX_CODE_BYTES + 1))
    assert isinstance(played.error, InvalidInput)
    assert "8 MiB" in str(played.error)
    assert isinstance(run(Server(), "print('\ud800')").error, InvalidInput)
