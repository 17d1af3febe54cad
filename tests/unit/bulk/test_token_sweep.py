"""`tokens.list_all` on a hub in virtual time, and the filters of tokens."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest

from jhub.bulk.token_sweep import MAX_AHEAD, MAX_CONCURRENT, MAX_FAILURES_IN_A_ROW
from jhub.bulk.tokens import BulkTokenOps
from jhub.errors import (
    HubBroken,
    InvalidInput,
    MissingScope,
    NotAHub,
    NotAuthorized,
    NotFound,
    Unavailable,
    UnknownToken,
)
from jhub.operations.tokens import TokenOps
from jhub.steps import Listen, Request
from jhub.testing import After, Played, Reply, play, refusal, reply

NOW = datetime(2026, 11, 22, 12, 0, 0, tzinfo=UTC)
HIDDEN = "No access to resources or resources not found"


def token(id_: str, *, used: float | None = None, created: float = 400, expires: float | None = None) -> dict[str, Any]:
    """Return a token; the times are in days before now, and after now for the expiry."""

    def ago(days: float | None) -> str | None:
        return None if days is None else (NOW - timedelta(days=days)).isoformat()

    expiry = None if expires is None else (NOW + timedelta(days=expires)).isoformat()
    times = {"last_activity": ago(used), "created": ago(created), "expires_at": expiry}
    return {"id": id_, "note": f"note {id_}", "oauth_client": "JupyterHub", **times}


@dataclass
class Site:
    """Users, a page for every four, each with the tokens in `tokens`, or one."""

    users: list[str]
    seconds: float = 0.01
    """Seconds that the hub takes for one user."""
    tokens: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    answers: dict[str, Reply] = field(default_factory=dict)
    """Answers for single users instead of those of the hub."""
    scopes: list[str] = field(default_factory=lambda: ["list:users", "read:tokens"])
    now: float = 0.0
    busy_until: list[float] = field(default_factory=list[float])
    sent_at: dict[str, float] = field(default_factory=dict[str, float])
    most: int = 0
    """Maximum number of requests in flight."""

    def __call__(self, step: Request[Any] | Listen[Any], /) -> Reply:
        assert isinstance(step, Request)
        match step.path.split("/")[1:]:
            case [""]:
                return reply(json={"version": "6.1.1"}, headers={"date": format_datetime(NOW, usegmt=True)})
            case ["user"]:
                return reply(json={"name": "auditor", "kind": "service", "scopes": self.scopes})
            case ["users"]:
                offset = int(dict(step.query)["offset"])
                following = {"offset": offset + 4} if offset + 4 < len(self.users) else None
                items = [{"name": name} for name in self.users[offset : offset + 4]]
                return reply(json={"items": items, "_pagination": {"next": following, "total": len(self.users)}})
            case ["users", name, "tokens"]:
                self.sent_at[name] = self.now
                self.busy_until = [end for end in self.busy_until if end > self.now]
                self.busy_until.append(self.now + self.seconds)
                self.most = max(self.most, len(self.busy_until))
                answer = self.answers.get(name) or reply(json={"api_tokens": self.tokens.get(name, [token("a1")])})
                return After(self.seconds, answer)
            case _:
                return refusal(404)


def names(count: int) -> list[str]:
    return [f"u{number:03}" for number in range(count)]


def sweep(site: Site, **criteria: Any) -> Played[None]:
    return play(BulkTokenOps.list_all(**criteria), site)


def test_all_users_are_read_in_their_order_and_never_more_than_the_limit_at_a_time() -> None:
    site = Site(names(100))
    played = sweep(site)
    assert played.error is None
    assert [event.user for event in played.emitted] == site.users
    assert {(event.count, len(event.tokens), event.error) for event in played.emitted} == {(100, 1, None)}
    assert site.most == MAX_CONCURRENT
    assert played.calls.count("GET /user") == 1


def test_a_slow_hub_gets_fewer_requests_at_a_time() -> None:
    @dataclass
    class Queue(Site):
        """A hub that answers one request after the other."""

        free_at: float = 0.0

        def __call__(self, step: Request[Any] | Listen[Any], /) -> Reply:
            answer = super().__call__(step)
            if not isinstance(answer, After):
                return answer
            self.free_at = max(self.free_at, self.now) + self.seconds
            self.busy_until[-1] = self.free_at
            self.most = max(self.most, len([end for end in self.busy_until if end > self.now]))
            return After(self.free_at - self.now, answer.reply)

    slow, fast = Queue(names(60), seconds=0.1), Queue(names(60), seconds=0.005)
    assert sweep(slow).error is sweep(fast).error is None
    assert slow.most < MAX_CONCURRENT
    assert fast.most == MAX_CONCURRENT


def test_a_stall_of_the_hub_counts_once() -> None:
    @dataclass
    class Stalling(Site):
        """A hub that answers nothing from 0.5 s to 1.5 s."""

        def __call__(self, step: Request[Any] | Listen[Any], /) -> Reply:
            self.seconds = 1.5 - self.now if 0.5 <= self.now < 1.5 else 0.01
            return super().__call__(step)

    site = Stalling(names(1000))
    assert sweep(site).error is None
    after = [at for at in site.sent_at.values() if at > 1]
    assert after.count(min(after)) == MAX_CONCURRENT / 2, "half as many as before, and not the least"


def test_users_behind_a_slow_one_wait_so_that_memory_is_bounded() -> None:
    site = Site(names(100), answers={"u000": After(1000, reply(json={"api_tokens": []}))})
    played = sweep(site)
    assert [event.user for event in played.emitted] == site.users
    assert len([name for name, at in site.sent_at.items() if at < 1000]) == MAX_AHEAD


def test_a_user_who_has_vanished_is_no_error_and_a_hidden_one_is() -> None:
    site = Site(["ana", "bo", "cy"], answers={"ana": refusal(404, "No such user: ana"), "bo": refusal(404, HIDDEN)})
    ana, bo, cy = sweep(site).emitted
    assert (ana.tokens, ana.error) == ((), None)
    assert isinstance(bo.error, NotFound)
    assert bo.error.filtered
    assert len(cy.tokens) == 1


@pytest.mark.parametrize(
    ("refused", "kind"),
    [
        (refusal(403, "Action is not authorized; requires any of [read:tokens]"), MissingScope),
        (refusal(500, "Internal Server Error"), HubBroken),
        (reply(json={"api_tokens": [{"id": 7}]}), NotAHub),
        (reply(json={"api_tokens": [{**token("a1"), "created": None}]}), NotAHub),
    ],
)
def test_a_failure_for_one_user_does_not_stop_the_sweep(refused: Reply, kind: type[Exception]) -> None:
    played = sweep(Site(["ana", "bo", "cy"], answers={"bo": refused}), unused_for=1)
    assert played.error is None
    assert [(event.user, type(event.error)) for event in played.emitted if event.error] == [("bo", kind)]


def test_a_name_that_cannot_be_in_a_path_is_a_failure_of_that_user() -> None:
    played = sweep(Site(["..", "ana", "."]))
    assert [type(event.error) for event in played.emitted] == [InvalidInput, type(None), InvalidInput]
    assert len([call for call in played.calls if "tokens" in call]) == 1


@pytest.mark.parametrize(
    ("refused", "kind"),
    [
        (Unavailable("hub: no answer", sent=False), Unavailable),
        (refusal(403, "Missing or invalid credentials."), UnknownToken),
    ],
)
def test_an_error_that_concerns_all_users_ends_the_sweep_after_what_was_found(
    refused: Reply, kind: type[Exception]
) -> None:
    site = Site(names(40), answers=dict.fromkeys(names(40)[20:], refused))
    played = sweep(site)
    assert isinstance(played.error, kind)
    assert [event.user for event in played.emitted] == names(20)
    assert len([call for call in played.calls if "tokens" in call]) <= 20 + 3 * MAX_CONCURRENT


def test_the_same_failure_for_many_users_ends_the_sweep() -> None:
    site = Site(names(400), answers=dict.fromkeys(names(400), refusal(500, "database is locked")))
    played = sweep(site)
    assert isinstance(played.error, HubBroken)
    assert MAX_FAILURES_IN_A_ROW <= len(played.emitted) <= MAX_FAILURES_IN_A_ROW + MAX_CONCURRENT


def test_hidden_users_do_not_end_the_sweep() -> None:
    site = Site(names(60), answers=dict.fromkeys(names(59), refusal(404, HIDDEN)))
    played = sweep(site)
    assert played.error is None
    assert [event.user for event in played.emitted if not event.error] == ["u059"]


@pytest.mark.parametrize(
    ("scopes", "missing"),
    [
        (["list:users", "read:users"], ("read:tokens",)),
        (["read:tokens!user"], ("list:users",)),
        ([], ("list:users", "read:tokens")),
    ],
)
def test_missing_scopes_are_named_before_the_sweep(scopes: list[str], missing: tuple[str, ...]) -> None:
    played = sweep(Site(["ana"], scopes=scopes))
    assert isinstance(played.error, MissingScope)
    assert played.error.scopes == missing
    assert played.calls == ["GET /user"]
    assert isinstance(played.error, NotAuthorized)


def test_a_hub_without_users_has_no_tokens() -> None:
    played = sweep(Site([]))
    assert (played.error, played.emitted) == (None, [])


TOKENS = [
    token("a1", used=100),
    token("a2", used=1, expires=30),
    token("a3"),
    token("a4", created=2),
    token("a5", used=90, expires=-0.001),
    {**token("a6", used=200), "note": "Server at /user/ana/"},
    {**token("a7", used=1), "oauth_client": "Server at /user/ana/", "session_id": "x"},
]


@pytest.mark.parametrize(
    ("criteria", "ids"),
    [
        ({}, "1234567"),
        ({"unused_for": timedelta(days=90)}, "1356"),
        ({"unused_for": 90 * 86400 + 1}, "136"),
        ({"never_expires": True}, "13467"),
        ({"expired": True}, "5"),
        ({"kind": "api", "never_expires": True, "unused_for": timedelta(days=3)}, "13"),
        ({"kind": "server"}, "6"),
        ({"kind": "session"}, "7"),
    ],
)
def test_filters_use_the_clock_of_the_hub(criteria: dict[str, Any], ids: str) -> None:
    site = Site(["ana"], tokens={"ana": TOKENS})
    (event,) = sweep(site, **criteria).emitted
    assert "".join(each.id[1] for each in event.tokens) == ids
    played = play(TokenOps.list("ana", **criteria), site)
    assert [each.id for each in played.emitted] == [each.id for each in event.tokens]
    assert ("GET /" in played.calls) is bool(criteria.keys() & {"unused_for", "expired"})


@pytest.mark.parametrize(
    "criteria",
    [{"kind": "oauth"}, {"unused_for": -1}, {"never_expires": True, "expired": True}, {"unused_for": float("nan")}],
)
def test_criteria_that_no_token_can_match_are_refused_before_any_request(criteria: dict[str, Any]) -> None:
    for operation in (BulkTokenOps.list_all(**criteria), TokenOps.list("ana", **criteria)):
        played = play(operation, [])
        assert isinstance(played.error, InvalidInput)
        assert played.sent == []
