"""Many at once: the window, the order, the breaker, and a hub that asks to slow down. On a virtual clock."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable

import pytest

from jhub.errors import HubError, HubFull, InvalidInput, NotFound, SpawnFailed, Throttled
from jhub.fleet.coordinator import coordinate
from jhub.fleet.events import FINAL, ServerEvent, Summary, Target
from jhub.models import Server
from jhub.steps import Emit, Flow, Interrupted, Now, Sleep, send
from jhub.testing import Played, play, reply

USERS = [f"user{n}" for n in range(10)]


def works(target: Target) -> Flow[Server | None]:
    yield Sleep(10)
    return Server(user=target.user, name=target.name, ready=True)


def breaks(target: Target) -> Flow[Server | None]:
    yield Sleep(1)
    raise SpawnFailed(str(target), "no quota left")


def fails(error: HubError) -> Flow[Server | None]:
    yield Sleep(0)
    raise error


def run(
    users: Iterable[str],
    child: Callable[[Target], Flow[Server | None]] = works,
    *,
    window: int = 4,
    forgiven: int = 2,
    interrupt_at: float | None = None,
) -> Played[Summary]:
    flow = coordinate(
        [Target.of(user) for user in users], child, begins="starting", ends="ready", window=window, forgiven=forgiven
    )
    return play(flow, lambda step: reply(204), interrupt_at=interrupt_at)


def told(played: Played[Summary], kind: str) -> list[str]:
    return [str(event.target) for event in played.emitted if event.kind == kind]


def names(events: Iterable[ServerEvent]) -> list[str]:
    return [str(event.target) for event in events]


@pytest.mark.parametrize(("window", "seconds"), [(1, 100), (2, 50), (3, 40), (4, 30), (10, 10), (99, 10)])
def test_no_more_than_the_window_are_on_their_way(window: int, seconds: float) -> None:
    played = run(USERS, window=window)
    under_way = most = 0
    for event in played.emitted:
        under_way += {"starting": 1, "ready": -1}.get(event.kind, 0)
        most = max(most, under_way)
    assert most == min(window, len(USERS))
    assert under_way == 0
    assert played.seconds == seconds == played.result.seconds
    assert played.result.ok


def test_a_place_is_taken_again_as_soon_as_it_is_free() -> None:
    def child(target: Target) -> Flow[Server | None]:
        yield Sleep(30 if target.user == "slow" else 10)
        return None

    assert run(["slow", "a", "b", "c"], child, window=2).seconds == 30


@pytest.mark.parametrize("window", [0, -1])
def test_a_fleet_of_none_at_a_time_is_refused(window: int) -> None:
    with pytest.raises(InvalidInput):
        _ = run(USERS, window=window).result


def test_they_begin_in_the_order_given() -> None:
    assert told(run(reversed(USERS), window=3), "starting") == USERS[::-1]


def test_what_is_named_twice_is_done_once() -> None:
    played = run(["ana", "ben", "ana", "ana/lab", "ben"])
    assert told(played, "starting") == ["ana", "ben", "ana/lab"]
    assert names(played.result.done) == ["ana", "ben", "ana/lab"]


def test_nothing_to_do_is_done() -> None:
    played = run([])
    assert played.result == Summary()
    assert played.result.ok
    assert played.emitted == []


def test_every_target_is_queued_then_begun_then_ended_once() -> None:
    played = run(USERS, window=3)
    for user in USERS:
        kinds = [event.kind for event in played.emitted if event.target.user == user]
        assert kinds == ["queued", "starting", "ready"]


def test_an_end_carries_its_server_and_its_seconds() -> None:
    (event,) = run(["ana/lab"]).result.done
    assert event.kind == "ready"
    assert event.server == Server(user="ana", name="lab", ready=True)
    assert event.seconds == 10
    assert event.error is None


def test_a_failure_carries_its_reason_and_its_error() -> None:
    (event,) = run(["ana"], breaks).result.failed
    assert event.message == "no quota left"
    assert event.seconds == 1
    assert isinstance(event.error, SpawnFailed)
    assert event.server is None


def test_a_failure_does_not_name_its_server_twice() -> None:
    (event,) = run(["ana/lab"], lambda target: fails(NotFound(f"server {target}: not found"))).result.failed
    assert event.message == "not found"
    assert str(event.error) == "server ana/lab: not found"


def test_two_failures_in_a_row_end_the_sending() -> None:
    played = run(USERS, breaks, window=1)
    assert names(played.result.failed) == USERS[:2]
    assert names(played.result.skipped) == USERS[2:]
    assert told(played, "starting") == USERS[:2]
    assert told(played, "skipped") == USERS[2:]
    assert {event.message for event in played.result.skipped} == {"after 2 failures in a row"}
    assert played.seconds == 2
    assert not played.result.ok


def test_what_is_under_way_at_the_second_failure_comes_to_its_end_and_nothing_more_is_sent() -> None:
    def child(target: Target) -> Flow[Server | None]:
        return (yield from (breaks if target.user in USERS[:2] else works)(target))

    played = run(USERS, child, window=4)
    assert names(played.result.failed) == USERS[:2]
    assert names(played.result.done) == USERS[2:5]
    assert names(played.result.skipped) == USERS[5:]
    assert played.seconds == 11


def test_a_success_in_between_makes_up_for_a_failure() -> None:
    def child(target: Target) -> Flow[Server | None]:
        return (yield from (breaks if int(target.user[-1]) % 2 else works)(target))

    played = run(USERS, child, window=1)
    assert len(played.result.done) == len(played.result.failed) == 5
    assert played.result.skipped == ()
    assert not played.result.ok


@pytest.mark.parametrize("forgiven", [1, 3])
def test_how_many_failures_are_forgiven_can_be_told(forgiven: int) -> None:
    played = run(USERS, breaks, window=1, forgiven=forgiven)
    assert len(played.result.failed) == forgiven
    assert len(played.result.skipped) == 10 - forgiven


def test_a_full_hub_is_a_failure_and_not_waited_for() -> None:
    full = HubFull("the hub has reached its limit", status=429)
    played = run(USERS, lambda target: fails(full), window=1)
    assert len(played.result.failed) == 2
    assert played.seconds == 0


def throttling(times: int, seconds: float = 40) -> Callable[[Target], Flow[Server | None]]:
    """Asks to slow down so many times for each target."""
    left = Counter[str]()

    def child(target: Target) -> Flow[Server | None]:
        left[str(target)] += 1
        if left[str(target)] <= times:
            raise Throttled("too many at once", seconds)
        return (yield from works(target))

    return child


def test_a_busy_hub_is_waited_for_and_what_it_sent_back_goes_first() -> None:
    def child(target: Target) -> Flow[Server | None]:
        return (yield from (busy if target.user == "user0" else works)(target))

    busy = throttling(1)
    played = run(USERS[:3], child, window=1)
    assert told(played, "starting") == ["user0", "user0", "user1", "user2"]
    assert names(played.result.done) == ["user0", "user1", "user2"]
    assert played.seconds == 40 + 30


def test_nothing_is_sent_while_the_hub_wants_to_rest() -> None:
    began: list[float] = []
    busy = throttling(1)

    def child(target: Target) -> Flow[Server | None]:
        began.append((yield from Now()))
        return (yield from (busy if target.user == "user2" else works)(target))

    played = run(USERS[:8], child, window=3)
    # Three begin; the third is sent back, and although two places are free at 10 s nothing begins before 40 s.
    assert [at for at in began if at < 40] == [0, 0, 0]
    assert min(at for at in began if at) == 40
    assert played.result.ok
    assert len(played.result.done) == 8


def test_being_sent_back_is_told_with_the_hubs_words_and_is_no_failure() -> None:
    played = run(["ana"], throttling(3), forgiven=1)
    assert [event.kind for event in played.emitted] == ["queued", *(["starting", "queued"] * 3), "starting", "ready"]
    assert [event.message for event in played.emitted if event.kind == "queued"] == ["", *["too many at once"] * 3]
    assert played.result.ok
    assert played.seconds == 3 * 40 + 10


def test_those_sent_back_together_keep_their_order() -> None:
    played = run(["a", "b", "c", "d"], throttling(1), window=2)
    assert told(played, "starting") == ["a", "b", "a", "b", "c", "d", "c", "d"]


@pytest.mark.parametrize("seconds", [0, 0.001])
def test_a_hub_that_names_no_time_is_not_asked_in_a_fast_loop(seconds: float) -> None:
    played = run(["ana"], throttling(5, seconds))
    assert played.result.ok
    assert played.seconds >= 5


def test_failures_while_the_hub_rests_still_end_the_sending() -> None:
    busy = throttling(1)

    def child(target: Target) -> Flow[Server | None]:
        return (yield from (busy if target.user == "user0" else breaks)(target))

    played = run(USERS, child, window=3)
    assert names(played.result.failed) == ["user1", "user2"]
    assert names(played.result.skipped) == ["user0", *USERS[3:]]


def test_what_a_child_tells_on_the_way_is_told_in_between() -> None:
    def child(target: Target) -> Flow[Server | None]:
        for part in (25, 75):
            yield Sleep(1)
            yield Emit(ServerEvent("progress", target, "pulling", part))
        return None

    played = run(["ana", "ben"], child)
    assert [(event.kind, event.progress) for event in played.emitted if event.target.user == "ana"] == [
        ("queued", None),
        ("starting", None),
        ("progress", 25),
        ("progress", 75),
        ("ready", None),
    ]


def test_long_silence_is_not_taken_for_an_end() -> None:
    def child(target: Target) -> Flow[Server | None]:
        yield Sleep(3600)
        return None

    played = run(["ana"], child)
    assert played.result.ok
    assert played.seconds == 3600


def test_an_interruption_ends_what_is_under_way_and_sends_nothing_more() -> None:
    def child(target: Target) -> Flow[Server | None]:
        yield Sleep(10)
        yield from send("POST", f"/{target}")
        return None

    played = run(USERS, child, window=3, interrupt_at=15)
    assert isinstance(played.error, HubError)
    assert played.calls == [f"POST /{user}" for user in USERS[:3]]
    assert played.seconds == 15


def test_children_may_clean_up_after_an_interruption() -> None:
    def child(target: Target) -> Flow[Server | None]:
        try:
            yield Sleep(10)
        except Interrupted:
            yield from send("DELETE", f"/{target}")
            raise
        return None

    played = run(USERS, child, window=2, interrupt_at=5)
    assert sorted(played.calls) == ["DELETE /user0", "DELETE /user1"]
    assert told(played, "starting") == USERS[:2]


@pytest.mark.parametrize(
    ("given", "target"),
    [
        ("ana", Target("ana")),
        ("ana/lab", Target("ana", "lab")),
        (("ana", "lab"), Target("ana", "lab")),
        (Target("ana", "lab"), Target("ana", "lab")),
        (Server(user="ana", name="lab"), Target("ana", "lab")),
    ],
)
def test_a_target_is_named_in_many_ways(given: Target | Server | str | tuple[str, str], target: Target) -> None:
    assert Target.of(given) == target
    assert Target.of(str(target)) == target


def test_the_kinds_of_an_end_are_those_of_a_summary() -> None:
    assert {"ready", "stopped", "failed", "skipped"} == FINAL
