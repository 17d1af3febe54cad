"""`play`: the virtual clock, concurrent flows and interruption."""

from __future__ import annotations

import math
from collections.abc import Generator
from typing import Any

import pytest

from jhub.errors import HubError, NotAHub, NotFound, Unavailable
from jhub.models import Progress, User
from jhub.operations.server_status import listen
from jhub.operations.users import UserOps
from jhub.steps import (
    Cancel,
    Done,
    Emit,
    Flow,
    Fork,
    HubVersion,
    Interrupted,
    Listen,
    Next,
    Now,
    Request,
    Sleep,
    Step,
    send,
)
from jhub.testing import After, Reply, events, play, refusal, reply


def nap(seconds: float, answer: str = "") -> Flow[str]:
    yield Sleep(seconds)
    yield Emit(answer)
    return answer


def test_sleeping_takes_virtual_time_only() -> None:
    def flow() -> Flow[tuple[float, float]]:
        before = yield from Now()
        yield Sleep(86_400, jitter=1)
        return before, (yield from Now())

    played = play(flow())
    assert played.result == (0.0, 86_400.0)
    assert played.seconds == 86_400


def test_an_answer_can_be_delayed() -> None:
    def flow() -> Flow[float]:
        yield from UserOps.get("ana")
        return (yield from Now())

    assert play(flow(), [After(3, After(4, reply(json={"name": "ana"})))]).result == 7


def test_an_error_can_be_delayed() -> None:
    played = play(send("POST", "/x"), [After(60, Unavailable("timed out"))])
    assert isinstance(played.error, Unavailable)
    assert played.seconds == 60


def test_a_request_can_be_played() -> None:
    played = play(UserOps.get("ana"), [reply(json={"name": "ana"})])
    assert played.result == User(name="ana")
    assert played.calls == ["GET /users/ana"]


def test_replies_can_be_a_function_of_the_step() -> None:
    def answer(step: Request[Any] | Listen[Any]) -> Reply:
        return refusal(404) if step.path.endswith("ben") else reply(json={"name": "ana"})

    assert play(UserOps.get("ana"), answer).result.name == "ana"
    assert isinstance(play(UserOps.get("ben"), answer).error, NotFound)


def test_an_error_of_the_flow_is_raised_by_the_result() -> None:
    played = play(UserOps.get("ana"), [refusal(404)])
    assert isinstance(played.error, NotFound)
    with pytest.raises(NotFound):
        _ = played.result


def test_an_error_of_another_kind_is_raised_at_once() -> None:
    def flow() -> Flow[None]:
        yield Sleep(1)
        raise KeyError("a bug")

    with pytest.raises(KeyError):
        play(flow())


def test_unused_replies_are_counted() -> None:
    assert play(UserOps.get("ana"), [reply(json={"name": "ana"}), reply(), reply()]).left == 2


def test_a_request_without_a_reply_is_a_failed_test() -> None:
    with pytest.raises(AssertionError, match="no reply left for GET /users/ana"):
        play(UserOps.get("ana"))


def test_a_missing_reply_cannot_be_swallowed_by_the_flow() -> None:
    def flow() -> Flow[None]:
        try:
            yield from UserOps.get("ana")
        except Exception:  # noqa: BLE001
            yield Emit("swallowed")

    with pytest.raises(AssertionError, match="no reply left"):
        play(flow())


def test_a_stream_as_the_reply_to_a_request_is_a_failed_test() -> None:
    with pytest.raises(AssertionError, match="needs reply"):
        play(UserOps.get("ana"), [events({"ready": True})])


@pytest.mark.parametrize("step", [Sleep(math.inf), Next(math.inf)])
def test_a_flow_that_waits_for_ever_is_a_failed_test(step: Step) -> None:
    def flow() -> Flow[str]:
        yield step
        return "after the end of time"

    with pytest.raises(AssertionError, match="for ever"):
        play(flow())


def test_a_flow_that_polls_for_ever_is_a_failed_test() -> None:
    def flow() -> Flow[None]:
        for _ in range(200_000):  # years of polling
            yield Sleep(3600)
        raise KeyError("nobody noticed")

    with pytest.raises(AssertionError, match="for ever"):
        play(flow())


def test_a_yielded_value_that_is_not_a_step_is_a_failed_test() -> None:
    def flow() -> Generator[Any, Any, None]:
        yield Done("x", None, None, 0)

    with pytest.raises((AssertionError, TypeError)):
        play(flow())


@pytest.mark.parametrize(("version", "numbers"), [("6.1.1", (6, 1, 1)), ("5.5", (5, 5))])
def test_the_hubs_version_is_answered_without_a_request(version: str, numbers: tuple[int, ...]) -> None:
    played = play(HubVersion(), version=version)
    assert played.result == numbers
    assert played.sent == []


def following(timeout: float = 10) -> Listen[Progress]:
    return listen("ana", "lab", timeout)


def test_a_stream_emits_its_events_up_to_the_last() -> None:
    played = play(following(), [events({"progress": 10}, {"ready": True}, {"message": "never read"})])
    assert played.result is not None
    assert played.result.ready
    assert [event.progress for event in played.emitted] == [10, None]
    assert played.calls == ["LISTEN /users/ana/servers/lab/progress"]


def test_a_stream_that_ends_early_has_no_last_event() -> None:
    played = play(following(), [events({"progress": 10})])
    assert played.result is None
    assert len(played.emitted) == 1


def test_an_error_answer_to_a_stream_is_raised() -> None:
    played = play(following(), [refusal(404)])
    assert isinstance(played.error, NotFound)


def test_a_stream_of_invalid_events_is_not_a_hub() -> None:
    played = play(following(), [type(events())(("<html>",))])
    assert isinstance(played.error, NotAHub)


def test_a_stream_ends_at_its_timeout() -> None:
    played = play(following(timeout=10), [After(30, events({"ready": True}))])
    assert played.result is None
    assert played.seconds == 10
    assert played.emitted == []


def test_concurrent_flows_take_the_time_of_the_longest() -> None:
    def flow() -> Flow[list[Done]]:
        for tag, seconds in {"slow": 5.0, "fast": 2.0}.items():
            yield Fork(nap(seconds, tag), tag)
        ends: list[Done] = []
        while len(ends) < 2:
            end = yield from Next(60)
            assert end is not None
            ends.append(end)
        return ends

    played = play(flow())
    assert [(end.tag, end.answer, end.seconds) for end in played.result] == [("fast", "fast", 2), ("slow", "slow", 5)]
    assert played.emitted == ["fast", "slow"]
    assert played.seconds == 5


def test_next_is_none_after_its_timeout() -> None:
    def flow() -> Flow[list[Any]]:
        yield Fork(nap(5), "nap")
        return [(yield from Next(2)), (yield from Next(2)), (yield from Next(2))]

    first, second, third = play(flow()).result
    assert (first, second) == (None, None)
    assert isinstance(third, Done)


def test_the_end_of_a_fork_is_kept_until_next() -> None:
    def flow() -> Flow[Any]:
        yield Fork(nap(1), "nap")
        yield Sleep(10)
        return (yield from Next(60)), (yield from Now())

    end, now = play(flow()).result
    assert end.seconds == 1
    assert now == 10


def test_the_end_of_a_failed_fork_has_its_error() -> None:
    def flow() -> Flow[Any]:
        yield Fork(UserOps.get("ana"), "ana")
        return (yield from Next(60))

    end = play(flow(), [refusal(404)]).result
    assert isinstance(end.error, NotFound)
    assert end.answer is None


def test_a_cancelled_fork_ends_with_an_error_and_sends_nothing_more() -> None:
    def child() -> Flow[None]:
        yield Sleep(5)
        yield from UserOps.get("ana")

    def flow() -> Flow[Any]:
        yield Fork(child(), "child")
        yield Sleep(1)
        yield Cancel("child")
        return (yield from Next(60))

    played = play(flow())
    assert isinstance(played.result.error, HubError)
    assert played.result.seconds == 1
    assert played.sent == []


def test_a_tag_is_any_hashable_value() -> None:
    def flow() -> Flow[Any]:
        yield Fork(nap(5), ("nap", 1))
        yield Fork(nap(5), ("nap", 2))
        yield Cancel(("nap", 2))
        return [(yield from Next(60)), (yield from Next(60))]

    ends = play(flow()).result
    assert [(end.tag, end.seconds) for end in ends] == [(("nap", 2), 0), (("nap", 1), 5)]


def test_cancelling_an_ended_fork_does_nothing() -> None:
    def flow() -> Flow[Any]:
        yield Fork(nap(1, "done"), "nap")
        yield Sleep(2)
        yield Cancel("nap")
        yield Cancel("never there")
        return (yield from Next(60))

    end = play(flow()).result
    assert end.error is None
    assert end.answer == "done"


def test_a_cancelled_fork_can_clean_up() -> None:
    def child() -> Flow[None]:
        try:
            yield Sleep(50)
        except Interrupted:
            yield from send("DELETE", "/clean")
            raise

    def flow() -> Flow[Any]:
        yield Fork(child(), "child")
        yield Sleep(1)
        yield Cancel("child")
        return (yield from Next(60))

    played = play(flow(), [After(2, reply(204))])
    assert played.calls == ["DELETE /clean"]
    assert played.result.seconds == 3


def test_the_end_of_a_flow_interrupts_its_forks() -> None:
    def child() -> Flow[None]:
        yield Sleep(5)
        yield from UserOps.get("ana")

    def flow() -> Flow[str]:
        yield Fork(child(), "child")
        yield Sleep(1)
        return "done"

    played = play(flow())
    assert played.result == "done"
    assert played.sent == []
    assert played.seconds == 1


def test_an_interrupted_flow_sends_nothing_more() -> None:
    def flow() -> Flow[None]:
        yield Sleep(10)
        yield from UserOps.get("ana")

    played = play(flow(), interrupt_at=4)
    assert isinstance(played.error, HubError)
    assert played.sent == []
    assert played.seconds == 4


def test_an_interrupted_flow_can_clean_up() -> None:
    def flow() -> Flow[None]:
        try:
            yield Sleep(10)
        finally:
            yield from send("DELETE", "/clean")

    played = play(flow(), [After(2, reply(204))], interrupt_at=4)
    assert played.calls == ["DELETE /clean"]
    assert played.seconds == 6


def test_an_interruption_during_a_request_drops_its_answer() -> None:
    def flow() -> Flow[None]:
        yield from UserOps.get("ana")
        yield Emit("answered")

    played = play(flow(), [After(10, reply(json={"name": "ana"}))], interrupt_at=4)
    assert played.emitted == []
    assert played.seconds == 4


def test_an_interruption_after_the_end_changes_nothing() -> None:
    played = play(nap(1, "done"), interrupt_at=4)
    assert played.result == "done"
    assert played.seconds == 1


def test_an_interruption_reaches_the_forks() -> None:
    def child(name: str) -> Flow[None]:
        try:
            yield Sleep(50)
        finally:
            yield from send("DELETE", f"/{name}")

    def flow() -> Flow[None]:
        yield Fork(child("first"), "first")
        yield Fork(child("second"), "second")
        yield Sleep(100)

    played = play(flow(), lambda step: reply(204), interrupt_at=4)
    assert played.calls == ["DELETE /first", "DELETE /second"]
    assert played.seconds == 4


def test_an_interruption_after_the_end_keeps_the_result() -> None:
    def child() -> Flow[None]:
        try:
            yield Sleep(50)
        finally:
            yield from send("DELETE", "/clean")

    def flow() -> Flow[str]:
        yield Fork(child(), "child")
        yield Sleep(1)
        return "done"

    played = play(flow(), [After(10, reply(204))], interrupt_at=4)
    assert played.result == "done"
    assert played.calls == ["DELETE /clean"]


def slow_to_clean_up() -> Flow[None]:
    try:
        yield Sleep(50)
    finally:
        yield Sleep(5)
        yield from send("DELETE", "/clean")


def test_a_clean_up_continues_after_the_end_of_the_parent() -> None:
    def flow() -> Flow[None]:
        yield Fork(slow_to_clean_up(), "child")
        try:
            yield Sleep(100)
        finally:
            yield Sleep(2)

    played = play(flow(), [reply(204)], interrupt_at=4)
    assert played.calls == ["DELETE /clean"]
    assert played.seconds == 9


def test_a_clean_up_continues_after_a_second_cancellation() -> None:
    def flow() -> Flow[float]:
        yield Fork(slow_to_clean_up(), "child")
        for _ in range(3):
            yield Sleep(1)
            yield Cancel("child")
        yield from Next(60)
        return (yield from Now())

    played = play(flow(), [reply(204)])
    assert played.calls == ["DELETE /clean"]
    assert played.result == 6
