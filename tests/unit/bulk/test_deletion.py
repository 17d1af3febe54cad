"""`users.delete_many` on a hub in virtual time."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest

from jhub.bulk.deletion import GRACE_SECONDS, MAX_CONCURRENT
from jhub.bulk.users import BulkUserOps
from jhub.errors import InvalidInput, MissingScope, NotFound, UnknownToken, WaitTimeout
from jhub.steps import Listen, Request
from jhub.testing import After, Played, Reply, play, refusal, reply

NEVER = 10_000.0


@dataclass
class Site:
    """Users with one server each, which takes so many seconds to stop."""

    users: dict[str, float]
    answers: dict[str, Reply] = field(default_factory=dict)
    """Answers instead of those of the hub, by method and path."""
    stops: dict[str, float] = field(default_factory=dict)
    now: float = 0.0
    most: int = 0
    """Maximum number of servers that were stopping at a time."""

    def __call__(self, step: Request[Any] | Listen[Any], /) -> Reply:
        assert isinstance(step, Request)
        if (answer := self.answers.get(f"{step.method} {step.path}")) is not None:
            return answer
        if step.path == "/user":
            scopes = ["delete:users", "delete:servers", "read:users", "read:servers"]
            return reply(json={"name": "admin", "kind": "user", "scopes": scopes})
        _, _, name, *rest = step.path.split("/")
        if name not in self.users:
            return refusal(404)
        stopping = name in self.stops and self.now < self.stops[name]
        if step.method == "DELETE" and rest:
            self.stops.setdefault(name, self.now + self.users[name])
            self.most = max(self.most, sum(end > self.now for end in self.stops.values()))
            return reply(202 if self.users[name] else 204)
        if step.method == "DELETE":
            assert not stopping
            del self.users[name]
            return reply(204)
        server = {"name": "", "pending": "stop"} if stopping else {"name": "", "ready": name not in self.stops}
        return reply(json=server if rest else {"name": name, "servers": {"": server}})


def delete(site: Site, *names: str, **options: Any) -> Played[Any]:
    return play(BulkUserOps.delete_many(names or list(site.users), **options), site)


def test_users_are_deleted_side_by_side() -> None:
    site = Site({f"u{number}": 60.0 for number in range(4)})
    played = delete(site)
    assert played.result.ok
    assert site.users == {}
    assert played.seconds < 70
    kinds = [(event.kind, event.message) for event in played.emitted if event.name == "u0"]
    assert kinds == [("deleting", ""), ("deleting", "stopping u0"), ("deleted", "")]


def test_only_so_many_are_deleted_at_a_time() -> None:
    site = Site({f"u{number}": 10.0 for number in range(3 * MAX_CONCURRENT)})
    played = delete(site)
    assert played.result.ok
    assert site.most == MAX_CONCURRENT
    assert 30 <= played.seconds < 40


def test_a_user_whose_server_does_not_stop_is_kept_and_delays_nobody() -> None:
    site = Site({"ana": NEVER, "bo": 5.0})
    played = delete(site, timeout=30)
    assert site.users.keys() == {"ana"}
    (failed,) = played.result.failed
    assert isinstance(failed.error, WaitTimeout)
    assert str(failed.error) == "server ana: not stopped after 30 s: still stopping"
    assert [event.name for event in played.result.done] == ["bo"]
    assert 30 <= played.seconds < 35


def test_a_request_without_an_answer_is_bounded() -> None:
    site = Site({"ana": 0.0, "bo": 0.0}, {"DELETE /users/ana/server": After(NEVER, reply(204))})
    played = delete(site, timeout=30)
    (failed,) = played.result.failed
    assert str(failed.error) == "user ana: not deleted after 30 s: the hub has not answered the request"
    assert played.seconds <= 30 + GRACE_SECONDS


def test_the_same_call_with_missing_ok_deletes_the_rest() -> None:
    site = Site({"ana": 0.0, "bo": 0.0})
    played = delete(site, "ana", "ghost", "ana", "..")
    assert {event.name: type(event.error) for event in played.result.failed} == {"ghost": NotFound, "..": InvalidInput}
    again = delete(site, "ana", "bo", "ghost", missing_ok=True)
    assert again.result.ok
    assert [(event.name, event.message) for event in again.result.done] == [
        ("ana", "did not exist"),
        ("ghost", "did not exist"),
        ("bo", ""),
    ]


@pytest.mark.parametrize(
    ("refused", "kind"),
    [
        (refusal(403, "Missing or invalid credentials."), UnknownToken),
        (refusal(403, "Action is not authorized; requires any of [delete:users]"), MissingScope),
    ],
)
def test_an_error_that_concerns_all_users_ends_the_call(refused: Reply, kind: type[Exception]) -> None:
    names = [f"u{number}" for number in range(2 * MAX_CONCURRENT)]
    site = Site(dict.fromkeys(names, 0.0), {f"DELETE /users/{name}": refused for name in names})
    played = delete(site)
    assert {type(event.error) for event in played.result.failed} == {kind}
    assert len(played.result.failed) <= MAX_CONCURRENT + 1
    assert all(event.message.startswith("not attempted: ") for event in played.result.skipped)
    assert len(played.result.failed) + len(played.result.skipped) == len(names)


def test_a_default_server_that_is_still_stopping_is_waited_for() -> None:
    busy = refusal(400, "ana's server is in the process of stopping, please wait.")
    played = play(
        BulkUserOps.delete_many(["ana"]), [reply(json={"name": "ana", "servers": {}}), busy, busy, reply(204)]
    )
    assert played.result.ok
    assert played.seconds == 2


def test_a_preview_lists_the_requests_of_all_users() -> None:
    site = Site({"ana": 0.0, "bo": 0.0})
    method: Any = BulkUserOps.delete_many
    preview = play(method.__preview__(["ana", "ghost", "bo"]), site).result
    assert list(map(str, preview)) == [
        "DELETE /users/ana/server",
        "DELETE /users/ana",
        "DELETE /users/bo/server",
        "DELETE /users/bo",
    ]
    assert [type(error) for error in preview.failed] == [NotFound]
    assert play(method.__preview__(["ghost"], missing_ok=True), site).result.failed == ()
    assert len(site.users) == 2


@pytest.mark.parametrize("timeout", [0, -1, float("nan")])
def test_an_invalid_timeout_is_refused(timeout: float) -> None:
    assert isinstance(delete(Site({"ana": 0.0}), timeout=timeout).error, InvalidInput)
