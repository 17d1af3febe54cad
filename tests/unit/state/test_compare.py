"""Comparison of documents with observed states, as a pure function."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from jhub import MissingScope
from jhub.errors import InvalidInput
from jhub.models import Identity
from jhub.state import (
    Document,
    GroupEntry,
    LeaveLimit,
    MembersEntry,
    Plan,
    RoleEntry,
    ServerEntry,
    UserEntry,
    compare,
)
from jhub.state.changes import (
    AddMembers,
    BeginGrace,
    CreateServer,
    CreateUser,
    DeleteServer,
    DeleteUser,
    EditServer,
    EndApply,
    EndGrace,
    RemoveMembers,
    SetAdmin,
    SetOwner,
    SetProperties,
    same_json,
)
from jhub.state.mark import Claim, Mark, read_mark
from jhub.state.observed import Observed, ObservedGroup, ObservedServer, ObservedUser
from jhub.state.operations import StateOps
from jhub.testing import FakeHub, play

NOON = datetime(2026, 9, 1, 12, tzinfo=UTC)
WEEK = timedelta(days=7)
ANYBODY = LeaveLimit(percent=100)


def observed(
    members: Iterable[str] = (),
    users: Iterable[str] = (),
    *,
    properties: Mapping[str, Any] | None = None,
    mark: Mark | None = None,
    version: tuple[int, ...] = (6, 1, 1),
    now: datetime = NOON,
) -> Observed:
    """Return a hub with one group, `geo`, whose members are users."""
    names = [*members, *users]
    group = ObservedGroup(
        members=tuple(members), properties=dict(properties or {}) if version >= (4,) else None, mark=mark or Mark()
    )
    state = Observed(version=version, now=now, groups={"geo": group}, members=set(members))
    state.users = {name: ObservedUser(admin=False, active=False, servers={}) for name in names}
    return state


def geo(*names: str, **options: Any) -> Document:
    """Return a document with the members of `geo`."""
    members = MembersEntry(names=names, exact=options.pop("exact", True), unreadable=options.pop("unreadable", ()))
    entry = GroupEntry(name="geo", members=members, create_users=options.pop("create_users", False))
    return Document(groups=(entry,), **options)


def notices(plan: Plan) -> list[tuple[str, str]]:
    return [(notice.kind, notice.message) for notice in plan.notices]


class TestCapitalLetters:
    """Most hubs store names in lower case, but some keep capital letters. Rosters are in lower case."""

    def test_a_member_is_the_person_in_the_document(self) -> None:
        assert compare(geo("ana", "bo"), observed(["Ana", "bo"])).changes == ()
        assert compare(geo("ana", create_users=True), observed(users=["Ana"])).of(CreateUser) == ()
        assert compare(geo("ana"), observed(users=["Ana"])).of(AddMembers)[0].users == ("Ana",)

    def test_the_exact_name_wins(self) -> None:
        plan = compare(geo("ana", leave_limit=ANYBODY), observed(["Ana", "ana"]))
        assert [change.users for change in plan.of(RemoveMembers)] == [("Ana",)]
        assert compare(geo("Ana", leave_limit=ANYBODY), observed(["Ana", "ana"])).of(RemoveMembers)[0].users == ("ana",)

    def test_users_who_are_read_one_by_one_are_found(self) -> None:
        hub = FakeHub(users=["Ana", "Bo"], groups={"geo": ["Bo"]})
        plan = play(StateOps.plan(geo("ana", "bo", create_users=True)), hub).result
        assert [change.users for change in plan.of(AddMembers)] == [("Ana",)]
        assert len(plan.changes) == 1

    def test_users_who_are_seen_later_are_found(self) -> None:
        state = observed(["bo"])
        assert state.spelling("ana") is None
        state.users["Ana"] = ObservedUser()
        assert state.spelling("ana") == "Ana"


class TestGrace:
    def test_a_member_who_is_missing_stays_and_is_recorded(self) -> None:
        plan = compare(geo("ana", grace_seconds=WEEK.total_seconds(), leave_limit=ANYBODY), observed(["ana", "bo"]))
        assert plan.changes == (BeginGrace(group="geo", users=("bo",), since=NOON),)

    @pytest.mark.parametrize("days", [0, 6])
    def test_a_recorded_member_waits(self, days: int) -> None:
        state = observed(["ana", "bo"], mark=Mark(leaving={"bo": NOON}), now=NOON + timedelta(days=days))
        plan = compare(geo("ana", grace_seconds=WEEK.total_seconds(), leave_limit=ANYBODY), state)
        assert plan.changes == ()
        assert notices(plan) == [("waiting", "not in the file, and members until 2026-09-08 12:00 UTC: bo")]

    def test_a_recorded_member_leaves_at_the_end_of_the_grace(self) -> None:
        state = observed(["ana", "bo"], mark=Mark(leaving={"bo": NOON}), now=NOON + WEEK)
        plan = compare(geo("ana", grace_seconds=WEEK.total_seconds(), leave_limit=ANYBODY), state)
        assert plan.changes == (EndGrace(group="geo", users=("bo",)), RemoveMembers(group="geo", users=("bo",)))

    def test_the_record_of_a_member_who_came_back_is_removed(self) -> None:
        state = observed(["ana", "bo"], mark=Mark(leaving={"bo": NOON}), now=NOON + 2 * WEEK)
        plan = compare(geo("ana", "bo", grace_seconds=WEEK.total_seconds()), state)
        assert plan.changes == (EndGrace(group="geo", users=("bo",)),)

    def test_the_record_of_a_member_whom_somebody_removed_is_removed(self) -> None:
        state = observed(["ana"], mark=Mark(leaving={"bo": NOON}))
        plan = compare(geo("ana", grace_seconds=WEEK.total_seconds()), state)
        assert plan.changes == (EndGrace(group="geo", users=("bo",)),)

    def test_without_a_grace_in_the_file_any_more_they_leave_now(self) -> None:
        state = observed(["ana", "bo"], mark=Mark(leaving={"bo": NOON}))
        plan = compare(geo("ana", leave_limit=ANYBODY), state)
        assert plan.of(RemoveMembers) == (RemoveMembers(group="geo", users=("bo",)),)

    def test_nobody_leaves_a_hub_that_cannot_remember_a_grace(self) -> None:
        state = observed(["ana", "bo"], version=(3, 1, 1))
        plan = compare(geo("ana", grace_seconds=WEEK.total_seconds(), leave_limit=ANYBODY), state)
        assert plan.changes == ()
        assert notices(plan) == [("warning", "nobody leaves: before JupyterHub 4.0 the hub cannot remember a grace")]

    def test_the_hub_keeps_the_record_between_two_runs(self) -> None:
        fake = FakeHub(["ana", "bo"], groups={"geo": ["ana", "bo"]}, properties={"geo": {"room": "B12"}})
        document = geo("ana", owner="me", grace_seconds=WEEK.total_seconds(), leave_limit=ANYBODY)
        apply(fake, document)
        assert play(StateOps.plan(document), fake).result.changes == ()
        assert members_of(fake) == ("ana", "bo")
        fake.time += WEEK
        apply(fake, document)
        assert members_of(fake) == ("ana",)
        (group,) = play(StateOps.export(["geo"]), fake).result.groups
        assert group.properties == {"room": "B12"}
        # The record is gone: the next absence begins a grace of its own.
        apply(fake, geo("ana", "bo", owner="me", grace_seconds=WEEK.total_seconds()))
        apply(fake, document)
        assert members_of(fake) == ("ana", "bo")


def apply(fake: FakeHub, document: Document) -> None:
    plan = play(StateOps.plan(document), fake).result
    assert play(StateOps.apply(plan), fake).result.ok


def members_of(fake: FakeHub) -> tuple[str, ...]:
    (group,) = play(StateOps.export(["geo"]), fake).result.groups
    assert group.members is not None
    return group.members.names


class TestLeaveLimit:
    @pytest.mark.parametrize(
        ("limit", "members", "allowed"),
        [
            (LeaveLimit(), 60, 12),
            (LeaveLimit(), 4, 1),
            (LeaveLimit(), 1, 1),
            (LeaveLimit(percent=0), 60, 0),
            (LeaveLimit(number=3), 60, 3),
            (LeaveLimit(number=0), 60, 0),
            (LeaveLimit(percent=100), 60, 60),
            (LeaveLimit(percent=None), 60, 0),
        ],
    )
    def test_so_many_may_leave_and_no_more(self, limit: LeaveLimit, members: int, allowed: int) -> None:
        names = [f"u{number:02}" for number in range(members)]
        assert not compare(geo(*names[allowed:], leave_limit=limit), observed(names)).refusals
        if allowed < members:
            plan = compare(geo(*names[allowed + 1 :], leave_limit=limit), observed(names))
            (refusal,) = plan.refusals
            assert f"{allowed + 1} of {members} members would leave, and the limit is {limit}" in refusal.message
            assert not plan.of(RemoveMembers)

    @pytest.mark.parametrize("text", ["20%", "0%", "12.3456789%", "0.0000001%", "100%", "0", "5"])
    def test_a_limit_is_written_as_it_is_read(self, text: str) -> None:
        assert str(LeaveLimit.parse(text)) == text

    @pytest.mark.parametrize("text", ["", "x", "-1", "0.5", "101%", "%", "5%%"])
    def test_other_limits_are_refused(self, text: str) -> None:
        with pytest.raises(InvalidInput, match="invalid limit") as failed:
            LeaveLimit.parse(text)
        assert failed.value.hint == "use a number of members such as 5, or 0% to 100%"

    def test_it_counts_those_whose_grace_begins(self) -> None:
        names = [f"u{number:02}" for number in range(60)]
        document = geo(*names[13:], grace_seconds=1)
        assert compare(document, observed(names)).refusals
        assert not compare(document, observed(names)).of(BeginGrace)

    def test_protected_users_do_not_count(self) -> None:
        names = [f"u{number:02}" for number in range(60)]
        plan = compare(geo(*names[13:], protected_users=("U00",)), observed(names))
        assert not plan.refusals
        assert plan.of(RemoveMembers)[0].users == tuple(names[1:13])


class TestMembers:
    def test_protected_users_stay(self) -> None:
        plan = compare(geo("ana", protected_users=("Bo",), leave_limit=ANYBODY), observed(["ana", "bo", "cy"]))
        assert plan.of(RemoveMembers) == (RemoveMembers(group="geo", users=("cy",)),)
        assert ("unmanaged", "not in the file, and kept because they are protected: bo") in notices(plan)

    def test_nobody_leaves_while_rows_of_the_roster_are_unreadable(self) -> None:
        document = geo("ana", "dee", unreadable=("row 4 of roster.csv: no name",), leave_limit=ANYBODY)
        plan = compare(document, observed(["ana", "bo"], ["dee"]))
        assert plan.changes == (AddMembers(group="geo", users=("dee",)),)
        assert notices(plan) == [
            ("unknown", "nobody leaves, because rows of the roster have no name: row 4 of roster.csv: no name"),
        ]

    def test_unreadable_rows_begin_no_grace(self) -> None:
        document = geo("ana", unreadable=("row 4",), leave_limit=ANYBODY, grace_seconds=60)
        assert compare(document, observed(["ana", "bo"])).changes == ()

    def test_unknown_users_are_named_and_not_added(self) -> None:
        plan = compare(geo("ana", "ghost", "dee"), observed(["ana"], ["dee"]))
        assert plan.changes == (AddMembers(group="geo", users=("dee",)),)
        assert notices(plan) == [("unknown", "not users of this hub: ghost; create-users: true creates them")]

    def test_unknown_users_are_created_once_if_the_file_says_so(self) -> None:
        plan = compare(geo("ana", "Ghost", create_users=True), observed(["ana"]))
        (created,) = plan.of(CreateUser)
        assert (created.user, created.admin, created.why) == ("Ghost", False, "member of geo")
        assert plan.of(AddMembers)[0].users == ("Ghost",)

    def test_a_user_who_is_created_for_one_group_is_known_in_all(self) -> None:
        first = GroupEntry(name="bio", members=MembersEntry(names=("dee",)))
        second = GroupEntry(name="geo", members=MembersEntry(names=("dee",)), create_users=True)
        plan = compare(Document(groups=(first, second)), observed())
        assert [change.group for change in plan.of(AddMembers)] == ["bio", "geo"]
        assert not plan.notices

    def test_a_user_of_the_file_is_known(self) -> None:
        document = Document(users=(UserEntry(name="dee", admin=True),), groups=geo("ana", "dee").groups)
        plan = compare(document, observed(["ana"]))
        assert plan.changes == (CreateUser(user="dee", admin=True), AddMembers(group="geo", users=("dee",)))
        assert not plan.notices

    def test_capital_letters_in_the_file_are_the_same_user(self) -> None:
        assert compare(geo("Ana", "BO"), observed(["ana", "bo"])).changes == ()
        plan = compare(geo("Ana", "Dee"), observed(["ana"], ["dee"]))
        assert plan.changes == (AddMembers(group="geo", users=("dee",)),)

    def test_a_hub_that_keeps_capital_letters_has_its_own_spelling(self) -> None:
        assert compare(geo("Ana"), observed(["Ana"])).changes == ()
        plan = compare(geo("Ana", "Dee"), observed(["Ana"], ["Dee"]))
        assert plan.changes == (AddMembers(group="geo", users=("Dee",)),)
        # There, a name in lower case is another user.
        plan = compare(geo("ana", leave_limit=ANYBODY), observed(["Ana"], ["ana"]))
        assert plan.changes == (AddMembers(group="geo", users=("ana",)), RemoveMembers(group="geo", users=("Ana",)))

    def test_a_user_whom_the_token_cannot_see_is_added_by_the_name_in_the_file(self) -> None:
        state = observed(["ana"])
        state.all_users = False
        plan = compare(geo("ana", "Dee"), state)
        assert plan.changes == (AddMembers(group="geo", users=("Dee",)),)
        assert not plan.notices

    def test_at_least_adds_and_never_removes_nor_marks(self) -> None:
        state = observed(["ana"], ["bo"], mark=Mark("other"))
        plan = compare(geo("bo", exact=False, owner="me"), state)
        assert plan.changes == (AddMembers(group="geo", users=("bo",), exact=False),)
        assert not plan.refusals

    @pytest.mark.parametrize(("names", "warns"), [(5, True), (4, False)])
    def test_a_class_of_which_hardly_any_name_matches_is_a_warning(self, names: int, warns: bool) -> None:
        present = [f"u{number}" for number in range(9)]
        wanted = [f"s{number}@example.org" for number in range(names)]
        state = observed(present, wanted)
        state.users[wanted[0]].signed_in = True
        found = [message for kind, message in notices(compare(geo(*wanted), state)) if kind == "warning"]
        assert bool(found) == warns
        if warns:
            assert f"0 of {names} names are members now, and 1 have ever signed in" in found[0]

    def test_a_class_of_which_many_match_is_no_warning(self) -> None:
        names = [f"u{number:02}" for number in range(20)]
        assert not compare(geo(*names, leave_limit=ANYBODY), observed(names[:2], names[2:])).notices


class TestUsers:
    def test_administrators_who_are_not_in_the_file_are_reported_only(self) -> None:
        state = observed([], ["ana", "bo", "cy"])
        for name in ("bo", "cy"):
            state.users[name].admin = True
        document = Document(users=(UserEntry(name="ana"),), protected_users=("cy",))
        plan = compare(document, state)
        assert plan.changes == ()
        assert [(note.subject, note.message) for note in plan.notices] == [
            ("user bo", "is an administrator on the hub, which the file does not say"),
        ]

    def test_rights_are_set_and_taken_if_the_file_has_them(self) -> None:
        state = observed([], ["ana", "bo", "cy"])
        state.users["bo"].admin = state.users["cy"].admin = True
        users = (UserEntry(name="Ana", admin=True), UserEntry(name="bo", admin=False), UserEntry(name="cy"))
        assert compare(Document(users=users), state).changes == (
            SetAdmin(user="ana", before=False, after=True),
            SetAdmin(user="bo", before=True, after=False),
        )

    def test_your_own_rights_are_a_warning(self) -> None:
        state = observed([], ["ana"])
        state.users["ana"].admin = True
        state.caller = Identity(kind="user", name="ana", scopes=("admin:users", "read:users"))
        plan = compare(Document(users=(UserEntry(name="ana", admin=False),)), state)
        assert ("warning", "you take your own admin rights away") in notices(plan)

    def test_rights_that_the_token_cannot_see_are_an_error(self) -> None:
        state = observed([], ["ana"])
        state.users["ana"].admin = None
        with pytest.raises(MissingScope) as caught:
            compare(Document(users=(UserEntry(name="ana", admin=True),)), state)
        assert caught.value.scopes == ("read:users:name",)

    def test_prune_keeps_administrators_the_caller_members_and_active_servers(self) -> None:
        state = observed(["member"], ["ana", "boss", "me", "busy", "guarded", "gone"])
        state.users["boss"].admin = True
        state.users["busy"].active = True
        state.caller = Identity(kind="user", name="me", scopes=("admin:users", "delete:users", "read:users"))
        document = Document(users=(UserEntry(name="Ana"),), protected_users=("Guarded",))
        plan = compare(document, state, prune=["users"])
        assert plan.changes == (DeleteUser(user="gone", why="not in the file"),)
        kept = [note.message for note in plan.notices if "kept" in note.message]
        assert kept == [
            "not in the file, and kept (administrators): boss",
            "not in the file, and kept (with an active server): busy",
            "not in the file, and kept (the owner of the token in use): me",
            "not in the file, and kept (members of geo): member",
        ]

    def test_a_file_without_users_deletes_nobody(self) -> None:
        plan = compare(Document(groups=(GroupEntry(name="geo"),)), observed(["ana"], ["bo", "cy"]), prune=["users"])
        assert plan.changes == ()
        assert [refusal.message for refusal in plan.refusals] == [
            "the file has no users, so 2 would be deleted: bo, cy",
        ]

    def test_a_file_without_groups_deletes_none(self) -> None:
        state = observed(["ana"])
        state.groups["geo"].mark = Mark("me")
        plan = compare(Document(owner="me"), state, prune=["groups"])
        assert plan.changes == ()
        assert [refusal.subject for refusal in plan.refusals] == ["owner me"]

    def test_prune_keeps_everybody_whom_the_token_cannot_judge(self) -> None:
        state = observed([], ["ana"])
        state.all_groups = False
        assert compare(Document(), state, prune=["users"]).changes == ()


class TestRoles:
    def test_a_role_is_compared_and_never_changed(self) -> None:
        state = observed([], ["ana", "bo"])
        state.users["ana"].roles, state.users["bo"].roles = ("user",), ("user", "staff")
        plan = compare(Document(roles=(RoleEntry(name="staff", users=("ana",), scopes=("list:users",)),)), state)
        assert plan.changes == ()
        assert plan.notices
        assert {note.kind for note in plan.notices} == {"unmanaged"}
        assert {note.subject for note in plan.notices} == {"role staff"}

    def test_a_role_that_the_users_have_is_not_mentioned(self) -> None:
        state = observed([], ["ana"])
        state.users["ana"].roles = ("user", "staff")
        state.groups["geo"].roles = ("staff",)
        plan = compare(Document(roles=(RoleEntry(name="staff", users=("Ana",), groups=("geo",)),)), state)
        assert not plan.changes
        assert not plan.notices


class TestVersions:
    def test_before_4_properties_are_refused(self) -> None:
        entry = GroupEntry(name="geo", properties={"room": "B12"})
        plan = compare(Document(groups=(entry,)), observed(version=(3, 1, 1)))
        (refusal,) = plan.refusals
        assert "JupyterHub 4.0" in refusal.message

    def test_before_4_an_owner_is_not_marked(self) -> None:
        plan = compare(geo("ana", owner="me"), observed(["ana"], version=(3, 1, 1)))
        assert not plan.of(SetOwner)
        assert notices(plan) == [("warning", "its owner cannot be marked before JupyterHub 4.0")]

    def test_before_6_a_server_is_neither_created_nor_edited(self) -> None:
        document = Document(servers=(ServerEntry(user="ana", name="lab", options={"profile": "gpu"}),))
        assert compare(document, observed([], ["ana"])).of(CreateServer)
        old = observed([], ["ana"], version=(5, 5, 4))
        plan = compare(document, old)
        assert plan.changes == ()
        assert notices(plan) == [("unmanaged", "does not exist; before JupyterHub 6.0 only a start creates a server")]
        old.users["ana"].servers = {"lab": ObservedServer(options={"profile": "cpu"})}
        plan = compare(document, old)
        assert plan.changes == ()
        assert notices(plan) == [("unmanaged", "has other options; before JupyterHub 6.0 only a start changes them")]

    def test_the_options_of_an_active_server_wait(self) -> None:
        state = observed([], ["ana"])
        state.users["ana"].servers = {"lab": ObservedServer(options={"profile": "cpu"}, active=True)}
        document = Document(servers=(ServerEntry(user="ana", name="lab", options={"profile": "gpu"}),))
        plan = compare(document, state)
        assert (plan.changes, [note.kind for note in plan.notices]) == ((), ["waiting"])


class TestValues:
    @pytest.mark.parametrize(("first", "second"), [(1, 1.0), (1, True), (0, False), ("1", 1), (None, False)])
    def test_values_that_are_different_json_are_different(self, first: object, second: object) -> None:
        assert not same_json(first, second)
        assert not same_json({"a": [first]}, {"a": [second]})
        entry = GroupEntry(name="geo", properties={"cpu": second})
        plan = compare(Document(groups=(entry,)), observed(properties={"cpu": first, "room": "B12"}))
        (change,) = plan.of(SetProperties)
        assert same_json(change.before, {"cpu": first})
        assert same_json(change.after, {"cpu": second})

    def test_options_of_servers_are_compared_as_json(self) -> None:
        state = observed([], ["ana"])
        state.users["ana"].servers = {"lab": ObservedServer(options={"cpus": 1})}
        document = Document(servers=(ServerEntry(user="ana", name="lab", options={"cpus": True}),))
        assert compare(document, state).of(EditServer)

    def test_the_order_of_keys_does_not_count(self) -> None:
        entry = GroupEntry(name="geo", properties={"open": {"from": 9, "to": 17}})
        state = observed(properties={"open": {"to": 17, "from": 9}})
        assert compare(Document(groups=(entry,)), state).changes == ()


class TestExportedFile:
    """`jhub plan --against`: the observed state is a document."""

    def test_a_file_equals_itself(self) -> None:
        document = Document(
            owner="me",
            users=(UserEntry(name="ana", admin=True), UserEntry(name="bo")),
            groups=(GroupEntry(name="geo", members=MembersEntry(names=("ana", "bo")), properties={"cpu": 1}),),
            servers=(ServerEntry(user="ana", name="lab", options={"profile": "gpu"}, display_name="Lab"),),
        )
        plan = compare(document, document)
        assert (plan.changes, plan.notices, plan.refusals, plan.missing_scopes) == ((), (), (), ())
        assert plan.hub == ""

    def test_the_difference_has_users_members_and_properties(self) -> None:
        before = Document(
            owner="me",
            users=(UserEntry(name="ana"), UserEntry(name="bo")),
            groups=(GroupEntry(name="geo", members=MembersEntry(names=("ana",)), properties={"cpu": 1}),),
        )
        after = Document(
            owner="me",
            users=(UserEntry(name="ana", admin=True), UserEntry(name="cy")),
            groups=(GroupEntry(name="geo", members=MembersEntry(names=("cy",)), properties={"cpu": 2}),),
            leave_limit=ANYBODY,
        )
        plan = compare(after, before)
        assert plan.changes == (
            CreateUser(user="cy"),
            SetAdmin(user="ana", before=False, after=True),
            SetProperties(group="geo", before={"cpu": 1}, after={"cpu": 2}),
            AddMembers(group="geo", users=("cy",)),
            RemoveMembers(group="geo", users=("ana",)),
        )

    def test_another_owner_in_the_file_is_refused_and_adopted(self) -> None:
        before = Document(owner="other", groups=(GroupEntry(name="geo", members=MembersEntry(names=("ana",))),))
        document = geo("ana", owner="me")
        (refusal,) = compare(document, before).refusals
        assert refusal.message == "belongs to the owner other"
        assert refusal.hint == "--adopt takes it over"
        plan = compare(document, before, adopt=True)
        assert plan.changes == (SetOwner(group="geo", before="other", after="me", why="taken over from other"),)


def a_claim(owner: str | None = "them") -> Mark:
    return Mark(owner, {}, Claim("another", NOON - timedelta(hours=1)))


def test_a_file_that_only_adds_members_leaves_the_claims_of_others_alone() -> None:
    plan = compare(geo("bo", exact=False), observed(["ana"], ["bo"], mark=a_claim()))
    assert [type(change) for change in plan.changes] == [AddMembers]
    exact = compare(geo("ana", owner="them"), observed(["ana"], mark=a_claim()))
    assert [type(change) for change in exact.changes] == [EndApply]


def test_rows_without_a_name_are_reported_also_if_nobody_would_leave() -> None:
    plan = compare(geo("ana", unreadable=("roster.csv:7: '#N/A': is no name",)), observed(["ana"]))
    assert notices(plan) == [
        ("unknown", "incomplete: rows of the roster have no name: roster.csv:7: '#N/A': is no name")
    ]
    assert (plan.empty, plan.in_sync) == (True, False)


def test_no_user_is_deleted_while_a_row_of_a_roster_has_no_name() -> None:
    document = replace(geo("ana", unreadable=("roster.csv:7",)), users=(UserEntry(name="ana"),))
    plan = compare(document, observed(["ana"], ["bo"]), prune=["users"])
    assert plan.changes == ()
    assert [(refusal.subject, refusal.hint) for refusal in plan.refusals] == [("users", "correct the roster")]


def test_a_file_with_an_empty_list_of_servers_deletes_none() -> None:
    state = observed(users=["ana"])
    state.users["ana"].servers = {"lab": ObservedServer()}
    document = Document(users=(UserEntry(name="ana"),), servers=())
    plan = compare(document, state, prune=["servers"])
    assert plan.changes == ()
    assert [refusal.message for refusal in plan.refusals] == [
        "the file has none, so all stopped servers of its users would be deleted: ana/lab"
    ]
    kept = replace(document, servers=(ServerEntry(user="ana", name="other"),))
    assert (
        DeleteServer(user="ana", name="lab", why="not in the file") in compare(kept, state, prune=["servers"]).changes
    )


def test_the_record_of_a_grace_ends_with_the_membership_also_without_a_grace() -> None:
    mark = Mark(leaving={"bo": NOON - WEEK, "zoe": NOON - WEEK})
    plan = compare(geo("ana", "zoe", leave_limit=ANYBODY), observed(["ana", "bo", "zoe"], mark=mark))
    assert plan.changes == (EndGrace(group="geo", users=("bo",)), RemoveMembers(group="geo", users=("bo",)))


def test_an_exported_file_has_the_owners_that_an_apply_would_set() -> None:
    groups = (
        GroupEntry(name="free", owner=""),
        GroupEntry(name="shared", members=MembersEntry(names=("ana",), exact=False)),
        GroupEntry(name="mine", members=MembersEntry(names=("ana",))),
    )
    exported = Document(owner="me", groups=groups, users=(UserEntry(name="ana"),))
    wanted = Document(owner="me", groups=tuple(GroupEntry(name=group.name) for group in groups))
    changes = compare(wanted, exported).of(SetOwner)
    assert [change.group for change in changes] == ["free", "shared"]


def test_roles_are_not_compared_with_an_exported_file() -> None:
    plan = compare(Document(roles=(RoleEntry(name="staff", users=("ana",)),)), Document())
    assert notices(plan) == [("warning", "not compared: an exported file has none")]


@pytest.mark.parametrize(
    ("fields", "mark"),
    [
        ({"owner": "me", "apply": "3f9ac2"}, Mark("me")),
        ({"owner": "me", "leaving": ["bo"]}, Mark("me")),
        ({"owner": 7, "leaving": {"bo": NOON.isoformat()}}, Mark(leaving={"bo": NOON})),
        ("me", Mark()),
        (None, Mark()),
    ],
)
def test_a_damaged_field_of_a_mark_leaves_the_others(fields: object, mark: Mark) -> None:
    assert read_mark({"jhub": fields, "room": 1}) == mark


def test_a_grace_ends_for_who_is_back_also_if_another_row_has_no_name() -> None:
    mark = Mark(leaving={"bo": NOON - WEEK, "cy": NOON - WEEK})
    document = geo("ana", "bo", unreadable=("roster.csv:7",), grace_seconds=WEEK.total_seconds(), leave_limit=ANYBODY)
    plan = compare(document, observed(["ana", "bo", "cy"], mark=mark))
    assert plan.changes == (EndGrace(group="geo", users=("bo",)),)
