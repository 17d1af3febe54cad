"""Kernels in a real Jupyter Server: cells to their end, lost connections, dead kernels, and that nothing is left."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hub_api import Api, Tokens
from relay import Relay, relayed

from jhub import AsyncHub, Flow, Hub, InvalidInput, NotFound
from jhub.client import sockets
from jhub.local import LocalHub
from jhub.singleuser import access, kernel_api, kernel_connection
from jhub.singleuser.access import Handle
from jhub.singleuser.cells import CellResult
from jhub.singleuser.job_kernel import with_kernel
from jhub.singleuser.kernel_connection import KernelConnection
from jhub.singleuser.kernel_messages import KernelMessage

LINES = "import time\nfor number in range(60):\n    print(number, flush=True)\n    time.sleep(0.05)"
ALL_LINES = "".join(f"{number}\n" for number in range(60))
SLEEP = "import time\nprint('begun', flush=True)\ntime.sleep(100)"


@pytest.fixture(scope="module")
def user(api: Api, fresh: Callable[[str], str]) -> Iterator[str]:
    """Run a server `lab` of a new user."""
    name = fresh("user")
    api("POST", "/users", json={"usernames": [name]})
    api("POST", f"/users/{name}/servers/lab", json={"user_options": {"profile": "lean"}})
    api.ready(name, "lab")
    yield name
    api("DELETE", f"/users/{name}/servers/lab")


@pytest.fixture
def client(hub: LocalHub, hub_tokens: Tokens) -> Iterator[Hub]:
    with Hub(hub.api_url, hub_tokens.admin) as client:
        yield client


@pytest.fixture(autouse=True)
def nothing_is_left(user: str, hub: LocalHub, hub_tokens: Tokens) -> Iterator[None]:
    """Check that no kernel and no token of a job is left after each test."""
    yield
    with Hub(hub.api_url, hub_tokens.admin) as client:
        kernels = list(client.singleuser(user, "lab").kernels.list())
        assert kernels == []
        notes = [token.note or "" for token in client.tokens.list(client.whoami().name)]
        assert not [note for note in notes if note.startswith("jhub: work in")]


@pytest.fixture
def relay(hub: LocalHub) -> Iterator[tuple[Relay, str]]:
    with relayed(hub.api_url) as made:
        yield made


def execute(*codes: str, **options: Any) -> Callable[[KernelConnection], Flow[list[CellResult]]]:
    """Return a job that runs cells one after the other."""

    def run(kernel: KernelConnection) -> Flow[list[CellResult]]:
        results: list[CellResult] = []
        for code in codes:
            results += [(yield from kernel.execute(code, **options))]
        return results

    return run


def on_first_output(act: Callable[[], object]) -> dict[str, Any]:
    """Return the options of a cell with which `act` is called at its first output."""
    calls: list[object] = []

    def handle(message: KernelMessage) -> Flow[None]:
        if message.type == "stream" and not calls:
            calls.append(act())
        yield from ()

    return {"handle": handle}


def test_cells_run_to_their_end(client: Hub, user: str) -> None:
    cells = ["x = 40\nprint('hello')", "x + 2", "import sys\nprint('oops', file=sys.stderr)\n1/0", "x"]
    results = client.run(with_kernel(Handle(user, "lab"), execute(*cells)))
    assert [result.status for result in results] == ["ok", "ok", "error", "ok"]
    assert [result.text for result in results] == ["hello\n", "42\n", "oops\n", "40\n"]
    assert [result.execution_count for result in results] == [1, 2, 3, 4]
    error = results[2].error
    assert error is not None
    assert (error.name, error.value) == ("ZeroDivisionError", "division by zero")
    assert results[2].outputs[-1]["output_type"] == "error"


def run_async(url: str, token: str, flow: Flow[list[CellResult]], **options: Any) -> list[CellResult]:
    async def run() -> list[CellResult]:
        async with AsyncHub(url, token, **options) as client:
            return await client.run(flow)

    return asyncio.run(run())


def test_both_clients_do_the_same(hub: LocalHub, hub_tokens: Tokens, user: str) -> None:
    flow = with_kernel(Handle(user, "lab"), execute("1 + 1", "print('x' * 1_000_000)", "1/0"))
    results = run_async(hub.api_url, hub_tokens.admin, flow)
    assert [result.status for result in results] == ["ok", "ok", "error"]
    assert len(results[1].text) == 1_000_001


def test_servers_with_the_older_protocol(client: Hub, user: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that does not offer a subprotocol sends JSON, and binary frames for buffers."""
    monkeypatch.setattr(kernel_connection, "V1", "another.protocol")
    buffers = (
        "from ipykernel.comm import Comm\nComm('x', data={}, buffers=[b'12', b'3'])\nprint('ä€😀')\n"
        "from IPython.display import display\ndisplay({'text/plain': 'x' * 5_000_000}, raw=True)"
    )
    found: list[KernelMessage] = []

    def handle(message: KernelMessage) -> Flow[None]:
        found.append(message)
        yield from ()

    (result,) = client.run(with_kernel(Handle(user, "lab"), execute(buffers, handle=handle)))
    assert result.status == "ok"
    assert result.text.startswith("ä€😀\n")
    assert len(result.text) > 5_000_000
    assert [message.buffers for message in found if message.type == "comm_open"] == [(b"12", b"3")]


def test_a_block_has_one_kernel(client: Hub, user: str) -> None:
    handle = Handle(user, "lab")
    handle.keep()
    client.run(with_kernel(handle, execute("x = 1")))
    assert client.run(with_kernel(handle, execute("x")))[0].text == "1\n"
    assert client.run(with_kernel(handle, execute("x"), fresh=True))[0].status == "error"
    client.run(handle.release())


def test_the_server_leaves_out_what_is_too_much(client: Hub, user: str) -> None:
    loud = "for _ in range(1000):\n    print('x' * 10_000)\n1/0"
    (result,) = client.run(with_kernel(Handle(user, "lab"), execute(loud)))
    assert result.truncated
    assert result.error is not None
    assert result.error.name == "ZeroDivisionError"
    assert result.outputs[-1]["ename"] == "ZeroDivisionError"


def test_a_cell_that_runs_too_long_is_interrupted(client: Hub, user: str) -> None:
    results = client.run(with_kernel(Handle(user, "lab"), execute(SLEEP, timeout=2)))
    assert results[0].status == "timeout"
    assert results[0].text == "begun\n"
    assert "more than 2 s" in str(results[0].error)


def test_input_is_read_when_there_is_some(client: Hub, user: str) -> None:
    replies = iter([None, None, "Ana"])

    def read_input(prompt: str, is_password: bool) -> Flow[str | None]:
        assert (prompt, is_password) == ("who? ", False)
        yield from ()
        return next(replies)

    flow = with_kernel(Handle(user, "lab"), execute("print('I am ' + input('who? '))", read_input=read_input))
    assert client.run(flow)[0].text == "I am Ana\n"
    (result,) = client.run(with_kernel(Handle(user, "lab"), execute("input()")))
    assert result.error is not None
    assert result.error.name == "StdinNotImplementedError"


@pytest.mark.parametrize("code", ["import os, signal\nos.kill(os.getpid(), signal.SIGKILL)", "import os\nos._exit(0)"])
def test_a_dead_kernel_is_named(client: Hub, user: str, code: str) -> None:
    (result,) = client.run(with_kernel(Handle(user, "lab"), execute(code)))
    assert result.status == "died"
    assert "needs more memory" in str(result.error)


@pytest.mark.parametrize(("act", "status"), [("restart", "died"), ("stop", "gone")])
def test_a_kernel_that_somebody_else_ends(
    client: Hub, user: str, act: str, status: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if act == "stop":  # then the socket stays open, in silence
        monkeypatch.setattr(kernel_connection, "SILENCE_SECONDS", 1.0)
    with client.singleuser(user, "lab") as server:

        def end() -> None:
            (kernel,) = server.kernels.list()
            getattr(server.kernels, act)(kernel.id)

        (result,) = client.run(with_kernel(Handle(user, "lab"), execute(SLEEP, **on_first_output(end))))
    assert result.status == status
    assert "somebody" in str(result.error)


def test_a_server_that_stops_in_the_middle(
    client: Hub, hub: LocalHub, api: Api, fresh: Callable[[str], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kernel_connection, "SILENCE_SECONDS", 1.0)
    owner = fresh("user")
    client.users.create(owner)
    client.servers.start(owner, profile="lean")
    options = on_first_output(lambda: api("DELETE", f"/users/{owner}/server"))
    (result,) = client.run(with_kernel(Handle(owner, ""), execute(SLEEP, **options)))
    assert result.status == "gone"
    assert "the server stopped" in str(result.error)


def test_output_survives_a_connection_that_is_cut(relay: tuple[Relay, str], hub_tokens: Tokens, user: str) -> None:
    cutter, url = relay
    with Hub(url, hub_tokens.admin) as client:
        flow = with_kernel(Handle(user, "lab"), execute(LINES, "print('next')", **on_first_output(cutter.cut)))
        first, second = client.run(flow)
    assert (first.status, first.text, first.truncated) == ("ok", ALL_LINES, False)
    assert second.text == "next\n"


def test_the_same_in_an_event_loop(relay: tuple[Relay, str], hub_tokens: Tokens, user: str) -> None:
    cutter, url = relay
    flow = with_kernel(Handle(user, "lab"), execute(LINES, "print('next')", **on_first_output(cutter.cut)))
    first, second = run_async(url, hub_tokens.admin, flow)
    assert (first.status, first.text, first.truncated) == ("ok", ALL_LINES, False)
    assert second.text == "next\n"


def test_a_connection_that_comes_back_later(relay: tuple[Relay, str], hub_tokens: Tokens, user: str) -> None:
    """The hub's address answers again after some seconds, as when its proxy is restarted."""
    cutter, url = relay

    def go_away() -> None:
        def be_away() -> None:
            with cutter.refusing():
                time.sleep(3)

        threading.Thread(target=be_away, daemon=True).start()

    with Hub(url, hub_tokens.admin) as client:
        (result,) = client.run(with_kernel(Handle(user, "lab"), execute(LINES, **on_first_output(go_away))))
    assert (result.status, result.text, result.truncated) == ("ok", ALL_LINES, False)


@pytest.mark.parametrize("kind", ["sync", "async"])
def test_a_silent_connection_is_noticed_and_said(
    relay: tuple[Relay, str], hub_tokens: Tokens, user: str, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the server sends into a connection that nobody reads is lost, and the server does not know."""
    monkeypatch.setattr(sockets, "PING_SECONDS", 1.0)
    cutter, url = relay
    flow = with_kernel(Handle(user, "lab"), execute(LINES, **on_first_output(cutter.silence)))
    if kind == "sync":
        with Hub(url, hub_tokens.admin, timeout=2) as client:
            (result,) = client.run(flow)
    else:
        (result,) = run_async(url, hub_tokens.admin, flow, timeout=2)
    assert result.truncated
    assert result.status in ("ok", "lost")  # lost, if the cell ended before the connection was noticed


def test_kernels_of_killed_runs_are_deleted_and_no_others(client: Hub, user: str) -> None:
    handle = Handle(user, "lab")

    def start(name: str, path: str) -> str:
        def job(each: access.ServerAccess) -> Flow[kernel_api.KernelSession]:
            return kernel_api.start_session(each, path, name, "")

        kernel = client.run(handle.run(job)).kernel
        assert kernel is not None
        return kernel.id

    left = start("jhub until 2020-01-01T00:00:00Z", "jhub-0123456789ab-1")
    others = [
        start("jhub until 2199-01-01T00:00:00Z", "jhub-0123456789ab-2"),
        start("jhub until 2020-01-01T00:00:00Z", "notes.ipynb"),
        start("notes", "a/jhub-0123456789ab-3"),
    ]
    kernels = client.singleuser(user, "lab").kernels
    assert {kernel.id for kernel in kernels.list()} == {left, *others}
    client.run(with_kernel(handle, execute("1")))
    assert {kernel.id for kernel in kernels.list()} == set(others)
    for kernel in others:
        kernels.stop(kernel)


def test_long_work_renews_its_token_and_says_so_in_the_name_of_its_session(
    client: Hub, user: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(access, "TOKEN_SECONDS", 60)
    monkeypatch.setattr(access, "RENEW_SECONDS", 59.0)
    handle = Handle(user, "lab")
    names = set[str]()

    def note(message: KernelMessage) -> Flow[None]:
        if message.type == "stream":
            names.update(session.name for session in (yield from handle.run(read_sessions)))

    def read_sessions(each: access.ServerAccess) -> Flow[tuple[kernel_api.KernelSession, ...]]:
        yield from each.prepare()
        return (yield from kernel_api.session_list(each))

    (result,) = client.run(with_kernel(handle, execute(LINES, handle=note)))
    assert result.text == ALL_LINES
    assert len(names) > 1
    assert all(kernel_connection.LEASE.fullmatch(name) for name in names)


def test_an_unknown_kernel_is_named_with_those_that_exist(client: Hub, user: str) -> None:
    with pytest.raises(InvalidInput, match="no kernel 'cobol'") as caught:
        client.run(with_kernel(Handle(user, "lab"), execute("1"), spec="cobol"))
    assert caught.value.hint == "the server has: python3"


def test_a_kernel_starts_in_its_folder(client: Hub, user: str) -> None:
    client.singleuser(user, "lab").files.make_folder("a b/c", exist_ok=True)
    code = "import os\nprint(os.getcwd())"
    (result,) = client.run(with_kernel(Handle(user, "lab"), execute(code), folder="a b/c"))
    assert result.text.endswith("/a b/c\n")
    with pytest.raises(InvalidInput, match="no/such is not a folder"):
        client.run(with_kernel(Handle(user, "lab"), execute(code), folder="no/such"))


def test_the_namespace(client: Hub, user: str) -> None:
    with client.singleuser(user, "lab") as server:
        assert [spec.name for spec in server.kernels.specs()] == ["python3"]
        with pytest.raises(NotFound):
            server.kernels.interrupt("none")
        server.kernels.stop("none", missing_ok=True)
        with pytest.raises(InvalidInput):
            server.kernels.stop("..")
