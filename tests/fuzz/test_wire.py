"""Random bytes from a server: a client ends with a result or a `HubError`."""

from __future__ import annotations

import asyncio
import gzip
import time
import tracemalloc
from contextlib import suppress
from encodings.aliases import aliases
from typing import Any

import httpx2
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from loopback import Peer, Visit, hub_at, once, tcp_peer, within
from quirks import hub_answering

from jhub import AsyncHub, Hub, Timeouts
from jhub.errors import HubError
from jhub.login.login_page import parse_page
from jhub.models import Progress, Server, User
from jhub.operations.server_status import listen
from jhub.steps import Flow, HubVersion, Request, Step, call, send

LONG = settings.get_current_profile_name() == "long"
"""True with `pytest --hypothesis-profile=long`: see tests/conftest.py."""

same_each_time = (
    settings.get_profile("long")
    if LONG
    else settings(
        deadline=None, database=None, derandomize=True, max_examples=60, suppress_health_check=list(HealthCheck)
    )
)

WIRE_STEPS: list[Step] = [
    call("GET", "/users/ana", User, about="user ana"),
    call("POST", "/users/ana/tokens", dict[str, Any], body={"note": "x" * 10_000}),
    call("GET", "/x", Any),
    listen("ana", "lab", 0.3),
    Request("GET", "../login", parse_page, root="site", anonymous=True, page=True),
]

STEPS: list[Step] = [
    call("GET", "/users/ana", User, about="user ana"),
    send("DELETE", "/groups/geo", about="group geo"),
    call("GET", "/user/ana/lab/", Server, root="site"),
    listen("ana", "lab", 5.0),
]

TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0\r\n"), max_size=12)
JUNK = st.sampled_from(
    [
        *("", "0", "-1", "99999999999999999999", "nan", "inf", "x", ";", ";;=", "\u2028", "\x85", "é", "😀", "*/*"),
        *("text/html", "application/json", "application/json; charset=x", "text/event-stream", "gzip", "br", "deflate"),
        *("identity, gzip", "gzip, gzip, gzip", "6.1.1", "6", "6.x+7", "٣.٤", "9" * 30 + ".1", "9" * 5000),
        *("http://x/", "//", "http://[", "Wed, 21 Oct 99999999999 07:28:00 GMT"),
    ]
)
NAMES = st.sampled_from(
    [
        *("content-type", "content-encoding", "x-jupyterhub-version", "retry-after", "date", "location"),
        *("set-cookie", "x", "etag", "cache-control"),
    ]
)
CONTENT = st.one_of(
    st.binary(max_size=30),
    st.sampled_from(
        [
            b'{"name": "ana"}',
            b'{"name": "ana", "servers": {"": {}}}',
            b'data: {"ready": true}\n\n',
            b'data: {"progress": 5}\r\rdata: {"failed": true}\r\n\r\n',
            b"data: {\ndata: }\n\n",
            b"data:\n\n\n\n: x\nevent: y\nid: \xff\nretry: 99999999999999999999\n\n",
            b"\xef\xbb\xbfdata: 1\n\n",
            b"data: \xff\xfe\n\n",
            b"data: " + b"9" * 5000 + b"\n\n",
            b'data: {"progress": ' + b"9" * 400 + b"}\n\n",
            b'data: {"x": ' + b"[" * 3000 + b"]" * 3000 + b"}\n\n",
            b"\x1f\x8b\x08\x00\x00\x00\x00\x00",
            b"[" * 5000,
        ]
    ),
)


def version_after(step: Step) -> Flow[Any]:
    """Run a step and then `HubVersion`, and return the answer to the step."""
    answer = yield step
    yield HubVersion()
    return answer


def test_any_answer_to_a_client_is_a_result_or_a_hub_error() -> None:
    answers: list[httpx2.Response] = []
    version = httpx2.Response(200, json={"version": "6.1.1"})

    with hub_answering(lambda request: answers.pop() if answers else version) as (hub, _):

        @same_each_time
        @given(
            st.sampled_from(STEPS),
            st.sampled_from([200, 200, 200, 204, 404, 429, 500, 503]) | st.integers(100, 599),
            st.lists(st.tuples(NAMES, JUNK | TEXT), max_size=4),
            CONTENT,
        )
        def check(step: Step, status: int, headers: list[tuple[str, str]], content: bytes) -> None:
            sent = [(name.encode(), value.encode()) for name, value in headers]
            answers[:] = [httpx2.Response(status, headers=sent, stream=httpx2.ByteStream(content))]
            with suppress(HubError):
                hub.run(version_after(step))

        check()


def test_a_stream_is_decoded_as_utf_8_for_any_content_type() -> None:
    """Python has codecs that are not charsets, and a header can name any of them."""
    event = b'data: {"ready": true, "message": "M\xc3\xbcll"}\n\n'
    said = [*sorted({*aliases.values(), *aliases}), "undefined", "idna", "none", "\u2028", "x" * 5000, ""]
    charset = ""

    def answer(request: httpx2.Request) -> httpx2.Response:
        kind = f"text/event-stream; charset={charset}".encode()
        return httpx2.Response(200, headers=[(b"content-type", kind)], stream=httpx2.ByteStream(event))

    async def hear(hub: Hub) -> Progress | None:
        async with hub._wire.async_driver() as other:
            return await other.run(listen("ana", "lab", 5.0))

    with hub_answering(answer) as (hub, _):
        for charset in said:
            heard = hub.run(listen("ana", "lab", 5.0))
            assert heard is not None
            assert heard.message == "Müll", charset
        for charset in ("utf-16", "hex"):
            heard = asyncio.run(hear(hub))
            assert heard is not None
            assert heard.message == "Müll", charset


@pytest.mark.parametrize("version", ["", "?", "6", "6.x", "²", "v6.1.1", "6.1.1.1.1", "9" * 30, "9" * 5000, "\u2028"])
def test_a_version_header_of_any_form_is_accepted(version: str) -> None:
    headers = [(b"x-jupyterhub-version", version.encode())]
    with hub_answering(lambda request: httpx2.Response(200, headers=headers, json={"name": "ana"})) as (hub, _):
        assert hub.users.get("ana").name == "ana"


WHOLE = (
    b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nX-JupyterHub-Version: 6.1.1\r\n"
    b'Content-Length: 15\r\n\r\n{"name": "ana"}'
)
PIECES = st.sampled_from(
    [
        *(b"", b"\r\n", b"\n", b"\0", b"\xff", b" ", b":", b"HTTP/1.1", b"HTTP/2 200\r\n\r\n", b"HTTP/1.1 099\r\n\r\n"),
        *(b"Transfer-Encoding: chunked\r\n", b"Content-Length: -1\r\n", b"Content-Length: 9999999999999999999999\r\n"),
        *(b"HTTP/1.1 103 Early\r\n\r\n", b"HTTP/1.1 101 Switch\r\nUpgrade: x\r\n\r\n", b"x" * 70000, b"X: y\r\n" * 300),
    ]
)


def test_any_bytes_are_a_result_or_a_hub_error() -> None:
    """A program that listens on the port may not be a hub, and may not use HTTP."""
    sent = [b""]

    def answer(visit: Visit) -> None:
        with suppress(OSError):  # who asked may have heard enough
            visit.drop(sent[0])

    with hub_at(answer) as (_, hub):

        @same_each_time
        @given(st.integers(0, len(WHOLE)), st.integers(0, 30), PIECES, st.sampled_from(STEPS))
        def check(start: int, length: int, piece: bytes, step: Step) -> None:
            sent[0] = WHOLE[:start] + piece + WHOLE[start + length :]
            with suppress(HubError):
                hub.run(once(step))

        check()


PARTS = st.one_of(
    PIECES,
    st.binary(max_size=40),
    st.sampled_from(
        [
            *(
                WHOLE,
                b"HTTP/1.1 200 OK\r\n",
                b"HTTP/1.1 503 No\r\n",
                b"HTTP/1.1 100 Go on\r\n\r\n",
                b"HTTP/1.0 302 \r\n",
            ),
            *(b"Content-Type: text/event-stream\r\n", b"Content-Type: application/json\r\n", b"Location: /x\r\n"),
            *(b"Content-Encoding: gzip\r\n", b"Content-Encoding: gzip, deflate\r\n", b"Content-Length: 99999999\r\n"),
            *(b"\r\n\r\n", b"10000\r\n" + b" " * 2**16 + b"\r\n", b"1;" + b"x" * 500, b"0\r\n", b"X: " + b"y" * 5000),
            *(gzip.compress(bytes(2**24)), gzip.compress(gzip.compress(bytes(2**24))), b"\0\0\0\xff\xff" * 1000),
            *(b"data: ", b'data: {"progress": 1}\n\n' * 100, b"\n\n", b": x\n\n", b"x" * 2**16, b"[" * 2**16, b" "),
            b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Encoding: gzip\r\n\r\n",
        ]
    ),
)
ENDINGS = ("close", "say nothing", "again and again", "now and then", "byte by byte")

IN_TIME = Timeouts(connect=0.3, read=0.2, write=0.2, total=0.3)
MEMORY = 300 * 2**20
"""Maximum memory in bytes: an answer of the maximum size in chunks, as a whole, and decoded."""


def test_any_peer_is_left_within_the_deadline_and_the_memory_limit() -> None:
    """The peer sends random bytes first, and then closes, stalls or repeats bytes for ever."""
    says: list[tuple[list[bytes], bytes, str]] = []

    def talk(peer: Peer) -> None:
        first, then, how = says[-1]
        peer.request()
        peer.send(b"".join(first))
        match how:
            case "say nothing":
                peer.over.wait()
            case "again and again":
                peer.endless(then or b" ")
            case "now and then":
                peer.endless(then or b" ", 0.02)
            case "byte by byte":
                peer.drip(then)
            case _:
                pass

    async def asynchronous(url: str, step: Step) -> None:
        async with AsyncHub(url, "SECRET", timeout=IN_TIME) as hub:
            await hub.run(once(step))

    def synchronous(url: str, step: Step) -> None:
        with Hub(url, "SECRET", timeout=IN_TIME) as hub:
            hub.run(once(step))

    figures: list[tuple[float, int]] = []

    @settings(same_each_time, max_examples=5000 if LONG else 60)
    @given(st.lists(PARTS, max_size=5), PARTS, st.sampled_from(ENDINGS), st.sampled_from(WIRE_STEPS), st.booleans())
    def check(first: list[bytes], then: bytes, how: str, step: Step, asynchronously: bool) -> None:
        says.append((first, then, how))
        # Each example has its own peer, which hangs up at the end.
        with tcp_peer(talk) as peer:
            url = f"http://{peer}/hub/api"

            def go() -> None:
                if asynchronously:
                    asyncio.run(asynchronous(url, step))
                else:
                    synchronous(url, step)

            tracemalloc.reset_peak()
            began = time.monotonic()
            with suppress(HubError):
                within(go)
            figures.append((time.monotonic() - began, tracemalloc.get_traced_memory()[1]))
            assert figures[-1][1] < MEMORY

    tracemalloc.start()
    try:
        check()
    finally:
        tracemalloc.stop()
        slowest, largest = (max(column) for column in zip(*figures, strict=True))
        print(f"{len(figures)} peers, each left within {slowest:.1f} s, with {largest >> 20} MiB at the most")
