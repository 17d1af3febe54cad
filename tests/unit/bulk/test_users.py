"""`users.create_many`: chunks, pauses, refused names, and repeated calls."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from jhub.bulk.chunks import CHUNK_SIZE, MAX_UNNAMED_REFUSALS, PAUSE_RATIO
from jhub.bulk.events import NameSummary
from jhub.bulk.users import POSSIBLY_CREATED, BulkUserOps
from jhub.errors import (
    APIError,
    BadRequest,
    Conflict,
    HubBroken,
    InvalidInput,
    MissingScope,
    NotFound,
    Unavailable,
    is_missing,
)
from jhub.steps import Listen, Request
from jhub.testing import After, Played, Reply, play, refusal, reply

EACH = 0.0065
"""Seconds that a hub needs to create a user."""
CALL = 0.003
"""Fixed seconds of a request."""
NAMES = [f"user{n}" for n in range(100)]


class Site:
    """A hub's routes for users; some names are invalid, and the authenticator fails to add others."""

    def __init__(
        self,
        *there: str,
        invalid: tuple[str, ...] = (),
        fails: tuple[str, ...] = (),
        called: Callable[[str], str] = str.lower,
        scopes: tuple[str, ...] = (),
    ) -> None:
        self.there = list(there)
        self.scopes = scopes
        self.invalid, self.fails, self.called = invalid, fails, called
        self.chunks: list[list[str]] = []
        self.created: list[str] = []

    def __call__(self, step: Request[object] | Listen[object]) -> Reply:
        if isinstance(step, Request) and step.method == "GET" and step.path == "/users":
            return self.page(dict(step.query))
        if step.path == "/user":
            return reply(json={"name": "root", "scopes": list(self.scopes)})
        if step.path != "/users":
            name = step.path.removeprefix("/users/")
            return reply(json={"name": name, "admin": name == "root"}) if name in self.there else refusal(404)
        assert isinstance(step, Request)
        assert isinstance(step.body, dict)
        self.chunks.append(step.body["usernames"])
        names = [self.called(name) for name in step.body["usernames"]]
        if wrong := [name for name in names if name in self.invalid]:
            return refusal(400, f"Invalid username{'s' if wrong[1:] else ''}: {', '.join(wrong)}")
        new = [name for name in names if name not in self.there]
        if not new:
            return refusal(409, f"All {len(names)} users already exist")
        for name in new:
            if name in self.fails:
                return refusal(400, f"Failed to create user {name}: no home: no room")
            self.there.append(name)
            self.created.append(name)
        return After(CALL + EACH * len(new), reply(201, [{"name": name} for name in new]))

    def page(self, query: dict[str, str]) -> Reply:
        start, end = int(query["offset"]), int(query["offset"]) + int(query["limit"])
        there = [name for name in self.there if query.get("name_filter", "").lower() in name.lower()]
        items = [{"name": name, "admin": name == "root"} for name in there[start:end]]
        following = {"offset": end} if end < len(there) else None
        return reply(json={"items": items, "_pagination": {"total": len(there), "next": following}})


def kinds(played: Played[NameSummary]) -> dict[str, str]:
    return {event.name: event.kind for event in played.emitted}


def test_each_name_has_an_event_and_the_end_a_summary() -> None:
    played = play(BulkUserOps.create_many(["ana", "Ben"]), Site())
    assert [(event.kind, event.name, event.user.name) for event in played.emitted] == [
        ("created", "ana", "ana"),
        ("created", "Ben", "ben"),
    ]
    assert played.result.ok
    assert list(played.result.done) == played.emitted


def test_many_users_are_created_in_chunks() -> None:
    site = Site()
    assert play(BulkUserOps.create_many(NAMES), site).result.ok
    assert 25 <= CHUNK_SIZE <= 50
    assert [len(chunk) for chunk in site.chunks] == [
        CHUNK_SIZE,
        CHUNK_SIZE,
        CHUNK_SIZE,
        len(NAMES) - 3 * CHUNK_SIZE,
    ]
    assert site.created == NAMES


def test_chunks_keep_nine_tenths_of_the_throughput() -> None:
    names = [f"user{n}" for n in range(2000)]
    assert (CALL + EACH * len(names)) / play(BulkUserOps.create_many(names), Site()).seconds > 0.9


@pytest.mark.parametrize("slower", [1, 10])
def test_the_pause_is_a_share_of_the_time_of_the_chunk(slower: float) -> None:
    def slow(step: Request[object] | Listen[object]) -> Reply:
        return After(2.0 * slower, reply(201, []))

    assert play(BulkUserOps.create_many(NAMES[: 2 * CHUNK_SIZE]), slow).seconds == pytest.approx(
        (2 + PAUSE_RATIO) * 2 * slower
    )


def test_the_last_chunk_has_no_pause() -> None:
    assert play(BulkUserOps.create_many(["ana"]), Site()).seconds == CALL + EACH


def test_an_existing_user_is_done() -> None:
    site = Site(*NAMES[:40])
    played = play(BulkUserOps.create_many(NAMES), site)
    assert played.result.ok
    assert kinds(played) == {name: "exists" if name in NAMES[:40] else "created" for name in NAMES}
    assert site.created == NAMES[40:]


def test_without_exist_ok_an_existing_user_is_a_failure() -> None:
    played = play(BulkUserOps.create_many(["ana", "ben"], exist_ok=False), Site("ana"))
    (event,) = played.result.failed
    assert isinstance(event.error, Conflict)
    assert (str(event.error), event.message) == ("user ana: already exists", "already exists")
    assert kinds(played) == {"ana": "failed", "ben": "created"}
    assert len(play(BulkUserOps.create_many(["ana"], exist_ok=False), Site("ana")).result.failed) == 1


def test_an_existing_user_who_is_not_an_administrator_is_a_conflict() -> None:
    played = play(BulkUserOps.create_many(["root", "ana", "new"], admin=True), Site("root", "ana"))
    assert kinds(played) == {"new": "created", "root": "exists", "ana": "failed"}
    assert isinstance(played.result.failed[0].error, Conflict)
    assert played.result.failed[0].message == "exists, and is not an administrator"


@pytest.mark.parametrize(("others", "requests"), [(0, 1 + 1), (500, 1 + 4), (30_000, 1 + 100)])
def test_existing_users_are_read_in_few_requests(others: int, requests: int) -> None:
    site = Site(*(f"other{n}" for n in range(others)), *NAMES, "root")
    played = play(BulkUserOps.create_many([*NAMES[1:], "Root"], admin=True), site)
    reads = [call for call in played.calls if call.startswith("GET")]
    assert len(reads) == requests
    assert kinds(played) == {**dict.fromkeys(NAMES[1:], "failed"), "Root": "exists"}
    assert {event.message for event in played.result.failed} == {"exists, and is not an administrator"}


def test_a_refused_name_with_commas_does_not_affect_others() -> None:
    names = ["doe", "john", "roe", "jane", "Doe, John", "Roe, Jane"]
    played = play(BulkUserOps.create_many(names), Site(invalid=("doe, john", "roe, jane")))
    assert {event.name for event in played.result.failed} == {"Doe, John", "Roe, Jane"}
    assert len(played.result.done) == 4


@pytest.mark.parametrize("invalid", [("user3",), ("user3", "user17"), ("user3", "user17", "user31", "user99")])
def test_refused_names_are_skipped_and_the_others_created(invalid: tuple[str, ...]) -> None:
    site = Site(invalid=invalid)
    played = play(BulkUserOps.create_many(NAMES), site)
    assert {event.name for event in played.result.failed} == set(invalid)
    assert {event.message for event in played.result.failed} == {f"Invalid username: {name}" for name in invalid}
    assert all(isinstance(event.error, BadRequest) for event in played.result.failed)
    assert str(played.result.failed[0].error) == "user user3: Invalid username: user3"
    assert set(site.created) == set(NAMES) - set(invalid)
    assert len(site.chunks) <= 4 + len(invalid)


def test_a_refused_name_is_reported_as_passed() -> None:
    played = play(BulkUserOps.create_many(["ana", "Ben  B"]), Site(invalid=("ben  b",)))
    assert kinds(played) == {"Ben  B": "failed", "ana": "created"}


def test_an_ambiguous_refusal_is_found_by_halving() -> None:
    """ "ana" is not one of the two refused names."""
    site = Site(invalid=("x, ana", "yy"))
    played = play(BulkUserOps.create_many(["x, ana", "ana", "yy", "ben"]), site)
    assert {event.name for event in played.result.failed} == {"x, ana", "yy"}
    assert sorted(site.created) == ["ana", "ben"]


def test_a_refusal_without_a_name_is_found_by_halving() -> None:
    """An authenticator may change names."""
    site = Site(invalid=("17-resu",), called=lambda name: "-".join((name[4:], name[:4][::-1])))
    played = play(BulkUserOps.create_many(NAMES), site)
    assert [event.name for event in played.result.failed] == ["user17"]
    assert len(site.created) == 99


def test_a_name_that_fails_halfway_is_skipped() -> None:
    site = Site(fails=("user7",))
    played = play(BulkUserOps.create_many(NAMES[:10]), site)
    assert [event.message for event in played.result.failed] == ["Failed to create user user7: no home: no room"]
    assert site.created == [*NAMES[:7], *NAMES[8:10]]
    assert len(site.chunks) == 2
    assert {event.message for event in played.result.done if event.kind == "exists"} == {POSSIBLY_CREATED}


def test_users_created_before_a_failure_are_not_conflicts() -> None:
    played = play(BulkUserOps.create_many(NAMES[:10], exist_ok=False), Site("user9", fails=("user7",)))
    assert [event.name for event in played.result.failed] == ["user7", "user9"]


def test_repeated_refusals_without_a_name_end_the_call() -> None:
    played = play(BulkUserOps.create_many(NAMES), lambda step: refusal(400, "Not today"))
    assert isinstance(played.error, BadRequest)
    assert str(played.error) == "users: Not today"
    assert len(played.sent) < 4 * MAX_UNNAMED_REFUSALS
    assert len(played.emitted) == MAX_UNNAMED_REFUSALS - 1


@pytest.mark.parametrize("name", ["", "..", "a/../b", "a\nb"])
def test_an_invalid_name_is_not_sent_and_the_others_are(name: str) -> None:
    site = Site()
    played = play(BulkUserOps.create_many([name, "ana"]), site)
    assert isinstance(played.result.failed[0].error, InvalidInput)
    assert site.chunks == [["ana"]]


def test_each_name_is_sent_once_and_a_str_is_one_name() -> None:
    site = Site()
    play(BulkUserOps.create_many(["ana", "ben", "ana"]), site)
    play(BulkUserOps.create_many("cy"), site)
    assert site.chunks == [["ana", "ben"], ["cy"]]
    assert play(BulkUserOps.create_many([])).result.ok


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (refusal(403, "Action is not authorized with current scopes; requires any of [admin:users]"), MissingScope),
        (refusal(500, "Internal Server Error"), HubBroken),
    ],
)
def test_an_error_that_does_not_concern_names_ends_the_call(answer: Reply, kind: type[APIError]) -> None:
    played = play(BulkUserOps.create_many(NAMES), [answer])
    assert isinstance(played.error, kind)


def test_after_a_restart_of_the_hub_nobody_is_created_twice() -> None:
    site = Site()
    trouble = [Unavailable("reset"), Unavailable("proxy", status=502), Unavailable("proxy", status=504)]

    def shaky(step: Request[object] | Listen[object]) -> Reply:
        answer = site(step)  # it arrives, and at first the answer is lost
        return trouble.pop() if trouble else answer

    played = play(BulkUserOps.create_many(NAMES), shaky)
    assert played.result.ok
    assert site.created == NAMES


def test_running_again_creates_only_the_remaining_users() -> None:
    site = Site()

    def gone(step: Request[object] | Listen[object]) -> Reply:
        return site(step) if len(site.chunks) < 2 else Unavailable("refused", sent=False)

    played = play(BulkUserOps.create_many(NAMES), gone)
    assert isinstance(played.error, Unavailable)
    assert [event.name for event in played.emitted] == NAMES[: 2 * CHUNK_SIZE]
    played = play(BulkUserOps.create_many(NAMES), site)
    assert played.result.ok
    assert site.created == NAMES


def test_without_exist_ok_a_lost_answer_is_not_retried() -> None:
    played = play(BulkUserOps.create_many(["ana"], exist_ok=False), [Unavailable("reset"), reply(201, [])])
    assert isinstance(played.error, Unavailable)
    assert played.left == 1


def test_nothing_is_sent_after_an_interruption() -> None:
    site = Site()
    assert play(BulkUserOps.create_many(NAMES), site, interrupt_at=0.1).error is not None
    assert len(site.chunks) == 1


def test_names_that_the_hub_changes_are_reported_as_passed() -> None:
    played = play(BulkUserOps.create_many(["ana@a.org", "ben"]), Site(called=lambda name: name.split("@")[0]))
    assert [(event.name, event.user.name) for event in played.emitted] == [("ana@a.org", "ana"), ("ben", "ben")]


def test_many_users_are_read_by_the_given_names() -> None:
    site = Site("ana", "ben")
    played = play(BulkUserOps.get_many(["Ana", "ben", "cy", "ben"]), site)
    assert kinds(played) == {"Ana": "exists", "ben": "exists", "cy": "failed"}
    assert [event.user.name for event in played.result.done if event.user] == ["ana", "ben"]
    assert isinstance(played.result.failed[0].error, NotFound)
    assert site.chunks == []
    assert kinds(play(BulkUserOps.get_many("ana"), site)) == {"ana": "exists"}


@pytest.mark.parametrize(("scope", "requests"), [("list:users", 1 + 1 + 1), ("list:users!group=geo", 1 + 1 + 1 + 90)])
def test_users_who_are_not_in_the_whole_list_do_not_exist(scope: str, requests: int) -> None:
    """If the list is that of a group, they are read one by one."""
    there, missing = NAMES[:10], [f"new{n}" for n in range(90)]
    played = play(BulkUserOps.get_many([*there, *missing]), Site(*there, scopes=(scope,)))
    assert len(played.calls) == requests
    assert kinds(played) == {**dict.fromkeys(there, "exists"), **dict.fromkeys(missing, "failed")}
    assert all(is_missing(event.error) for event in played.result.failed)


def names_of(played: Played[NameSummary]) -> dict[str, str]:
    return {event.name: event.user.name for event in played.result.done if event.user}


@pytest.mark.parametrize("others", [[], NAMES[:10]], ids=["read one by one", "found in the list"])
def test_a_hub_may_keep_capital_letters(others: list[str]) -> None:
    site = Site("Ana", "Bob", "bo", "Bo", *NAMES, scopes=("list:users",))
    played = play(BulkUserOps.get_many(["ana", "bo", "cy", *others]), site)
    assert names_of(played) == {"ana": "Ana", "bo": "bo", **{name: name for name in others}}
    assert [event.name for event in played.result.failed] == ["cy"]
    assert is_missing(played.result.failed[0].error)
    # One more request for each missing name, unless the list was read, which has all of them.
    assert len(played.calls) == (3 + 2 if not others else 1 + 1 + 1)


def test_names_with_other_capitals_are_not_looked_up_where_the_hub_has_no_filter() -> None:
    """It would list all users instead."""
    played = play(BulkUserOps.get_many(["ana"]), Site("Ana"), version="2.2.2")
    assert played.calls == ["GET /users/ana"]


def test_a_token_that_cannot_list_users_finds_exact_names_only() -> None:
    missing = refusal(403, "Action is not authorized with current scopes; requires any of [list:users]")
    played = play(BulkUserOps.get_many(["ana"]), [refusal(404), missing])
    assert isinstance(played.result.failed[0].error, NotFound)
    hidden = "No access to resources or resources not found"
    assert play(BulkUserOps.get_many(["ana"]), [refusal(404, hidden)]).calls == ["GET /users/ana"]
