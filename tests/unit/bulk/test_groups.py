"""`groups.set_users`: exact membership by the difference."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from jhub.bulk.chunks import CHUNK_SIZE
from jhub.bulk.groups import BulkGroupOps, _Addition, _Removal
from jhub.errors import MAX_NAMES_SHOWN, BadRequest, InvalidInput, MissingScope, NotFound, Unavailable
from jhub.models import Group
from jhub.steps import Listen, Request
from jhub.testing import Reply, play, refusal, reply

NAMES = [f"user{n}" for n in range(100)]


class Site:
    """A hub with one group; `known` are its users."""

    def __init__(self, *members: str, known: list[str] | None = None, also: dict[str, str] | None = None) -> None:
        self.members = list(members)
        self.known = [*NAMES, *members] if known is None else known
        self.also = also or {}
        """Names under which the hub stores other names."""
        self.sent: list[tuple[str, list[str]]] = []

    def __call__(self, step: Request[object] | Listen[object]) -> Reply:
        assert isinstance(step, Request)
        if step.method != "GET":
            assert isinstance(step.body, dict)
            self.sent.append((step.method, step.body["users"]))
            names = [self.also.get(name, name.lower()) for name in step.body["users"]]
            if unknown := [name for name in names if name not in self.known]:
                return refusal(400, f"No such user: {unknown[0]}")
            others = [name for name in self.members if name not in names]
            self.members = others + names if step.method == "POST" else others
        return reply(json={"name": "geo", "users": self.members})


def test_only_the_difference_is_sent_and_the_group_read_once() -> None:
    site = Site("ana", "ben", "cy")
    played = play(BulkGroupOps.set_users("geo", ["ana", "user1", "Ben"]), site)
    assert played.calls == ["GET /groups/geo", "POST /groups/geo/users", "DELETE /groups/geo/users"]
    assert site.sent == [("POST", ["user1"]), ("DELETE", ["cy"])]
    assert [(event.kind, event.name) for event in played.emitted] == [("added", "user1"), ("removed", "cy")]
    assert list(played.result.done) == played.emitted


def test_an_unchanged_group_is_only_read() -> None:
    played = play(BulkGroupOps.set_users("geo", ["Ana", "ben"]), Site("ana", "ben"))
    assert played.result.ok
    assert played.calls == ["GET /groups/geo"]


def test_many_members_are_changed_in_chunks() -> None:
    site = Site(*NAMES[:50])
    assert play(BulkGroupOps.set_users("geo", NAMES[50:]), site).result.ok
    rest = 50 - CHUNK_SIZE
    assert [(method, len(names)) for method, names in site.sent] == [
        ("POST", CHUNK_SIZE),
        ("POST", rest),
        ("DELETE", CHUNK_SIZE),
        ("DELETE", rest),
    ]
    assert site.members == NAMES[50:]


def test_an_unknown_user_is_skipped_and_reported() -> None:
    site = Site("ana")
    played = play(BulkGroupOps.set_users("geo", ["user1", "Ghost", "user2", "erin"]), site)
    assert [(event.name, event.message) for event in played.result.failed] == [
        ("Ghost", "No such user: ghost"),
        ("erin", "No such user: erin"),
    ]
    assert isinstance(played.result.failed[0].error, NotFound)
    assert str(played.result.failed[0].error) == "user Ghost: No such user: ghost"
    assert site.members == ["user1", "user2"]


def test_an_unknown_user_with_another_name_is_found_by_halving() -> None:
    site = Site(also={"user7": "u7"})
    played = play(BulkGroupOps.set_users("geo", NAMES[:20]), site)
    assert [event.name for event in played.result.failed] == ["user7"]
    assert len(site.members) == 19


def test_a_member_who_is_deleted_in_between_is_removed() -> None:
    site = Site("ana", "ben", known=["ben"])
    played = play(BulkGroupOps.set_users("geo", []), site)
    assert played.result.ok
    assert {event.name for event in played.result.done} == {"ana", "ben"}


def test_a_member_that_the_hub_confuses_with_another_is_skipped() -> None:
    """A hub's groups may hold names with capital letters, for example after a change of its authenticator."""
    site = Site("Ana", "ana", "ben")
    played = play(BulkGroupOps.set_users("geo", ["ana", "ben"]), site)
    assert site.members == ["Ana", "ana", "ben"]
    assert [(event.name, event.message) for event in played.result.skipped] == [
        ("Ana", "the hub would remove ana instead")
    ]


@pytest.mark.parametrize("known", [None, ["ana"]])
def test_a_member_that_the_hub_does_not_find_is_a_failure(known: list[str] | None) -> None:
    site = Site("Ana", "ben", known=[*(known or []), "ben"])
    played = play(BulkGroupOps.set_users("geo", ["ben"]), site)
    assert site.members == ["Ana", "ben"]
    assert [(event.name, event.kind) for event in played.emitted] == [("Ana", "failed")]
    assert "is still a member" in played.result.failed[0].message


def test_a_member_who_may_have_been_renamed_is_skipped() -> None:
    """The hub renames users with `username_map`, for example, or if PAM normalises names."""
    site = Site("ana", "ben", also={"ana@a.org": "ana"})
    played = play(BulkGroupOps.set_users("geo", ["ana@a.org"]), site)
    assert [event.name for event in played.result.skipped] == ["ana", "ben"]
    assert not played.result.ok
    assert site.members == ["ben", "ana"]


def test_managed_groups_end_the_call_at_once() -> None:
    answers = [reply(json={"name": "geo", "users": ["ana"]}), refusal(400, "Group management via API is disabled")]
    played = play(BulkGroupOps.set_users("geo", NAMES), answers)
    assert isinstance(played.error, BadRequest)
    assert str(played.error) == "group geo: Group management via API is disabled"
    assert len(played.sent) == 2


def test_a_missing_group_is_created_on_request() -> None:
    answers = [
        refusal(404),
        reply(201, json={"name": "geo", "users": []}),
        reply(json={"name": "geo", "users": ["ana"]}),
    ]
    played = play(BulkGroupOps.set_users("geo", ["ana"], create=True), answers)
    assert played.calls == ["GET /groups/geo", "POST /groups/geo", "POST /groups/geo/users"]
    assert [(event.kind, event.name) for event in played.emitted] == [("added", "ana")]
    existing = play(BulkGroupOps.set_users("geo", ["ana"], create=True), Site("ana"))
    assert existing.calls == ["GET /groups/geo"]


def test_a_missing_or_deleted_group_ends_the_call() -> None:
    assert isinstance(play(BulkGroupOps.set_users("geo", NAMES), [refusal(404)]).error, NotFound)
    answers = [reply(json={"name": "geo", "users": []}), refusal(404, "No such group: geo")]
    played = play(BulkGroupOps.set_users("geo", NAMES), answers)
    assert isinstance(played.error, NotFound)
    assert str(played.error) == "group geo: not found"


@pytest.mark.parametrize("name", ["", "..", "a/../b"])
def test_a_bad_name_is_refused_before_any_request(name: str) -> None:
    for plan in (BulkGroupOps.set_users("geo", ["ana", name]), BulkGroupOps.set_users(name, ["ana"])):
        played = play(plan)
        assert isinstance(played.error, InvalidInput)
        assert played.sent == []


def test_running_again_finishes_an_interrupted_change() -> None:
    site = Site("ana")

    def gone(step: Request[object] | Listen[object]) -> Reply:
        return site(step) if len(site.sent) < 2 else Unavailable("refused", sent=False)

    assert isinstance(play(BulkGroupOps.set_users("geo", NAMES), gone).error, Unavailable)
    before = len(site.members)
    assert before == 1 + 2 * CHUNK_SIZE
    played = play(BulkGroupOps.set_users("geo", NAMES), site)
    assert played.result.ok
    assert site.members == NAMES
    assert len([event for event in played.result.done if event.kind == "added"]) == 100 - 2 * CHUNK_SIZE


def test_hidden_members_are_an_error() -> None:
    """Otherwise all users would be added and nobody removed."""
    played = play(BulkGroupOps.set_users("geo", NAMES), [reply(json={"name": "geo"})])
    assert isinstance(played.error, MissingScope)
    assert len(played.sent) == 1


def test_a_comparison_changes_nothing() -> None:
    site = Site("ana", "ben", "cy")
    played = play(BulkGroupOps.compare_users("geo", ["ana", "user1", "Ben"]), site)
    assert (played.result.to_add, played.result.to_remove) == (("user1",), ("cy",))
    assert played.result.group.users == ("ana", "ben", "cy")
    assert (played.calls, site.sent) == (["GET /groups/geo"], [])
    assert isinstance(play(BulkGroupOps.compare_users("geo", ["x/.."]), site).error, InvalidInput)


@pytest.mark.parametrize(
    ("members", "wanted", "to_add", "to_remove"),
    [
        (["Ana", "Bo", "cy"], ["ana", "CY", "new"], ("new",), ("Bo",)),
        (["Ana", "bo"], ["ANA"], (), ("bo",)),
        # The exact name wins; the hub of the last two may store lower case, so that `Ana` stands for `ana` there.
        (["Ana", "ana"], ["ana"], (), ("Ana",)),
        (["Ana", "ana"], ["Ana"], (), ()),
        (["ana"], ["Ana"], (), ()),
        # One of them is wanted, and nobody can tell which.
        (["Ana", "ANA"], ["ana"], (), ()),
    ],
)
def test_a_hub_may_keep_capital_letters(
    members: list[str], wanted: list[str], to_add: tuple[str, ...], to_remove: tuple[str, ...]
) -> None:
    difference = play(BulkGroupOps.compare_users("geo", wanted), Site(*members)).result
    assert (difference.to_add, difference.to_remove) == (to_add, to_remove)


class CountedNames(tuple[str, ...]):
    """Names that count how often all of them are read."""

    reads = 0

    def __iter__(self) -> Iterator[str]:
        self.reads += 1
        return super().__iter__()

    def __contains__(self, name: object) -> bool:
        self.reads += 1
        return super().__contains__(name)


@pytest.mark.parametrize(("write", "members", "kind"), [(_Addition, NAMES, "added"), (_Removal, [], "removed")])
def test_the_members_in_an_answer_are_read_once(
    write: type[_Addition | _Removal], members: list[str], kind: str
) -> None:
    """A group may have 50,000 members, and each answer has all of them."""
    counted = CountedNames([*members, "other"])
    events = list(write("geo").accepted(NAMES, Group(name="geo", users=counted)))
    assert {event.kind for event in events} == {kind}
    assert counted.reads == 1


def test_a_reason_has_the_first_renamed_users_only() -> None:
    names = NAMES[: MAX_NAMES_SHOWN + 5]
    site = Site("ana", also={name: f"u-{name}" for name in names}, known=["ana", *(f"u-{name}" for name in names)])
    (skipped,) = play(BulkGroupOps.set_users("geo", names), site).result.skipped
    assert f"{names[0]}, " in skipped.message
    assert f"{names[MAX_NAMES_SHOWN - 1]}, and 5 more; use" in skipped.message


def test_only_the_compared_difference_is_changed() -> None:
    site = Site("ana", "ben")
    difference = play(BulkGroupOps.compare_users("geo", ["user1"]), site).result
    site.members.append("cy")  # joined meanwhile
    played = play(BulkGroupOps.change_users(difference), site)
    assert [(event.kind, event.name) for event in played.emitted] == [
        ("added", "user1"),
        ("removed", "ana"),
        ("removed", "ben"),
    ]
    assert sorted(site.members) == ["cy", "user1"]
    assert "GET /groups/geo" not in played.calls
