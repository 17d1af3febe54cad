"""Progress streams on both drivers: streams that end, break off or stay silent."""

from __future__ import annotations

import time

import pytest
from loopback import BOTH, MAX_SECONDS, Driver, Visit, refusing_port, serving

from jhub import Hub
from jhub.errors import HubError, NotAHub, NotFound, Unavailable
from jhub.models import Progress
from jhub.operations.server_status import listen
from jhub.steps import Emit, Flow, Listen

HALF = 'data: {"progress": 50, "message": "half wäy"}\n\n'
READY = 'data: {"progress": 100, "ready": true, "url": "/user/ana/"}\n\n'


def follow(timeout: float = 10) -> Flow[None]:
    """Emit the events, and then the answer, in a list."""
    last = yield from listen("ana", "lab", timeout)
    yield Emit([last])


@BOTH
def test_events_are_emitted_up_to_the_last(driver: Driver) -> None:
    with serving(lambda visit: visit.stream(HALF, READY, HALF)) as site:
        *events, answer = driver.events(site.root, follow())
        (seen,) = site.requests
    assert events == [
        Progress(progress=50, message="half wäy"),
        Progress(progress=100, ready=True, url=f"{site.url.rstrip(chr(47))}/user/ana/"),
    ]
    assert answer == [events[-1]]
    assert seen.call == "GET /hub/api/users/ana/servers/lab/progress"
    assert seen.headers["authorization"] == "token SECRET"
    assert seen.headers["accept"] == "text/event-stream"


@BOTH
def test_an_event_is_emitted_as_soon_as_it_arrives(driver: Driver) -> None:
    def slow(visit: Visit) -> None:
        visit.stream(READY)
        visit.hold(MAX_SECONDS * 3)

    began = time.monotonic()
    with serving(slow) as site:
        events = driver.events(site.root, follow(timeout=MAX_SECONDS * 3))
        assert time.monotonic() - began < MAX_SECONDS
    assert events[0].ready


@BOTH
def test_an_event_may_arrive_in_pieces_and_between_other_lines(driver: Driver) -> None:
    parts = [": a comment\n\n", "\n\n", HALF[:10], HALF[10:], "event: x\nid: 1\ndata:", '{"failed": true}\r\n\r\n']

    def pieces(visit: Visit) -> None:
        visit.stream()
        for part in parts:
            visit.more(part)
            visit.hold(0.02)

    with serving(pieces) as site:
        *events, answer = driver.events(site.root, follow())
    assert [event.progress for event in events] == [50, None]
    assert answer[0].failed


@BOTH
@pytest.mark.parametrize("parts", [[], [HALF], [": nothing new\n\n"], [HALF, 'data: {"ready": true']])
def test_a_stream_that_ends_early_has_no_last_event(driver: Driver, parts: list[str]) -> None:
    with serving(lambda visit: visit.stream(*parts)) as site:
        events = driver.events(site.root, follow())
        assert len(site.requests) == 1
    assert events[-1] == [None]


@BOTH
def test_a_truncated_stream_has_no_last_event(driver: Driver) -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
    chunk = HALF.encode()
    with serving(lambda visit: visit.drop(head + b"%x\r\n%s\r\n40\r\ndata" % (len(chunk), chunk))) as site:
        event, answer = driver.events(site.root, follow())
        assert len(site.requests) == 1
    assert event.progress == 50
    assert answer == [None]


@BOTH
def test_keep_alives_do_not_extend_the_timeout(driver: Driver) -> None:
    def chatter(visit: Visit) -> None:
        visit.stream()
        end = time.monotonic() + MAX_SECONDS * 2
        while not visit.server.over.wait(0.03) and time.monotonic() < end:
            visit.more("\n\n")
            visit.more(": keep-alive\n\n")

    began = time.monotonic()
    with serving(chatter) as site:
        assert driver.events(site.root, follow(timeout=0.3)) == [[None]]
        assert 0.3 <= time.monotonic() - began < MAX_SECONDS


@BOTH
def test_silence_does_not_extend_the_timeout(driver: Driver) -> None:
    def silence(visit: Visit) -> None:
        visit.stream(HALF)
        visit.hold(MAX_SECONDS * 3)

    began = time.monotonic()
    with serving(silence) as site:
        event, answer = driver.events(site.root, follow(timeout=2))
        assert 2 <= time.monotonic() - began < MAX_SECONDS
    assert event.progress == 50
    assert answer == [None]


@BOTH
def test_events_are_converted_and_none_is_not_emitted(driver: Driver) -> None:
    def note(event: Progress) -> str | None:
        return None if event.ready else event.message

    with serving(lambda visit: visit.stream(HALF, READY)) as site:
        assert driver.events(site.root, listen("ana", "lab", 10, note)) == ["half wäy"]


def not_found(visit: Visit) -> None:
    visit.json({"status": 404, "message": None}, 404)


def moved(visit: Visit) -> None:
    visit.moved("/hub/login")


def garbage(visit: Visit) -> None:
    visit.stream("data: <html>\n\n")


def gateway(visit: Visit) -> None:
    visit.page(503)


@BOTH
@pytest.mark.parametrize(
    ("route", "kind"),
    [
        (not_found, NotFound),
        (Visit.page, NotAHub),
        (moved, NotAHub),
        (garbage, NotAHub),
        (gateway, Unavailable),
        (Visit.drop, Unavailable),
    ],
)
def test_an_answer_that_is_not_a_stream_is_an_error(driver: Driver, route: object, kind: type[HubError]) -> None:
    assert callable(route)
    with serving(route) as site:
        (error,) = driver.events(site.root, follow())
    assert type(error) is kind


@BOTH
def test_an_unreachable_stream_is_an_error(driver: Driver) -> None:
    with refusing_port() as nowhere:
        (error,) = driver.events(f"{nowhere}/hub/api", follow())
    assert isinstance(error, Unavailable)
    assert not error.sent


def test_closing_the_iterator_closes_the_connection() -> None:
    hung_up: list[bool] = []

    def chatter(visit: Visit) -> None:
        visit.stream()
        try:
            while not visit.server.over.wait(0.02):
                visit.more(HALF)
        except OSError:
            hung_up.append(True)

    with serving(chatter) as site, Hub(site.root, "SECRET") as hub:
        for event in hub.servers.progress("ana", "lab"):
            assert event.progress == 50
            break
        end = time.monotonic() + MAX_SECONDS
        while not hung_up and time.monotonic() < end:
            time.sleep(0.02)
        assert hung_up


def test_run_returns_the_last_event_of_a_stream() -> None:
    with serving(lambda visit: visit.stream(HALF, READY)) as site, Hub(site.root, "SECRET") as hub:
        plan: Listen[Progress] = listen("ana", "lab", 10)
        last = hub.run(plan)
    assert last is not None
    assert last.ready
