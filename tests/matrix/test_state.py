"""Plans of state files, their application, and exports."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from recording_transport import RecordingTransport

from jhub import BadRequest, Conflict, Hub, NotFound
from jhub.state import Document, GroupEntry, LeaveLimit, MembersEntry, Plan, ServerEntry, UserEntry
from jhub.state.changes import AddMembers, CreateServer, DeleteGroup, DeleteUser, RemoveMembers, SetAdmin, SetOwner
from matrix.clients import ON_HUB
from matrix.hub import HubUnderTest, running
from matrix.rows import STATE

pytestmark = STATE

Fresh = Callable[[str], str]
Connect = Callable[..., Any]
ANYBODY = LeaveLimit(percent=100)


def apply(hub: Any, plan: Plan) -> list[str]:
    """Apply a plan, and return the kinds of its events; all changes must succeed."""
    with hub.state.apply(plan) as fleet:
        events = list(fleet)
    assert fleet.summary.ok, [(event.change, event.message) for event in fleet.summary.failed]
    return [event.kind for event in events]


def class_of(group: str, *names: str, exact: bool = True, **options: Any) -> GroupEntry:
    return GroupEntry(name=group, members=MembersEntry(names=names, exact=exact), **options)


def members_of(hub: Any, group: str) -> set[str]:
    return set(hub.groups.get(group).users)


@pytest.fixture
def group(admin: Any, fresh: Fresh) -> str:
    """Create a group, and return its name."""
    name: str = admin.groups.create(fresh("class")).name
    return name


@pytest.fixture
def people(admin: Any, fresh: Fresh) -> list[str]:
    """Create five users, and return their names."""
    prefix = fresh("pupil")
    names = [f"{prefix}-{number}" for number in range(5)]
    with admin.users.create_many(names) as fleet:
        assert len(list(fleet)) == 5
    return names


def test_the_roster_of_each_week_is_applied_once(
    connect: Connect, hub: HubUnderTest, admin_token: str, fresh: Fresh
) -> None:
    recorded = RecordingTransport()
    admin = connect(admin_token, recorded)
    group, prefix = fresh("class"), fresh("student")
    names = [f"{prefix}-{number:02}" for number in range(60)]
    has_properties = hub.version >= (4,)

    def week(roster: list[str]) -> Document:
        # A file has names as people write them.
        members = [name.capitalize() if number % 7 == 0 else name for number, name in enumerate(roster)]
        return Document(
            owner=f"{group}-file",
            groups=(
                class_of(
                    group, *members, create_users=True, properties={"mem_limit": "2G"} if has_properties else None
                ),
            ),
        )

    plan = admin.state.plan(week(names))
    assert len(plan.of(AddMembers)[0].users) == 60
    apply(admin, plan)
    assert members_of(admin, group) == set(names)

    # Five are new, four have left, and one has another name.
    renamed = f"{prefix}-59-married"
    admin.users.rename(names[59], renamed)
    if has_properties:
        admin.groups.set_properties(group, {"room": "B12"})
    new = [f"{prefix}-new-{number}" for number in range(5)]
    roster = [*names[4:59], renamed, *new]
    plan = admin.state.plan(week(roster))
    assert len(plan.of(AddMembers)[0].users) == 5
    assert plan.of(RemoveMembers) == (RemoveMembers(group=group, users=tuple(names[:4])),)
    kinds = apply(admin, plan)
    assert "stale" not in kinds
    assert members_of(admin, group) == set(roster)
    if has_properties:
        mark = {"owner": f"{group}-file"}
        assert admin.groups.get(group).properties == {"room": "B12", "mem_limit": "2G", "jhub": mark}

    recorded.calls.clear()
    plan = admin.state.plan(week(roster))
    assert plan.empty
    assert apply(admin, plan) == []
    assert recorded.writes == []
    # The caller, the hub's time, the list of groups, and nothing for each of the 60 members.
    assert len([call for call in recorded.calls if not call.endswith("/groups")]) <= 4


def test_other_members_of_a_shared_group_stay(admin: Any, group: str, people: list[str]) -> None:
    admin.groups.add_users(group, people[:2])
    document = Document(owner=f"{group}-file", groups=(class_of(group, people[1], people[2], exact=False),))
    plan = admin.state.plan(document)
    assert [change.users for change in plan.of(AddMembers)] == [(people[2],)]
    apply(admin, plan)
    assert members_of(admin, group) == set(people[:3])
    assert not admin.groups.get(group).properties
    assert admin.state.plan(document).empty


def test_administrators_are_made_and_unmade(admin: Any, people: list[str]) -> None:
    first, second = people[:2]
    admin.users.edit(second, admin=True)
    document = Document(users=(UserEntry(name=first, admin=True), UserEntry(name=second, admin=False)))
    plan = admin.state.plan(document)
    assert set(plan.of(SetAdmin)) == {
        SetAdmin(user=first, before=False, after=True),
        SetAdmin(user=second, before=True, after=False),
    }
    assert ("unmanaged", "user admin") in [(notice.kind, notice.subject) for notice in plan.notices]
    apply(admin, plan)
    assert (admin.users.get(first).admin, admin.users.get(second).admin) == (True, False)
    assert admin.state.plan(document).empty
    apply(admin, admin.state.plan(Document(users=(UserEntry(name=first, admin=False),))))


@ON_HUB
def test_a_server_is_created_without_a_start(admin: Any, hub: HubUnderTest, people: list[str]) -> None:
    entry = ServerEntry(user=people[0], name="lab", options={"profile": "slow"}, display_name="Laboratory")
    document = Document(servers=(entry,))
    plan = admin.state.plan(document)
    if hub.version < (6,):
        assert plan.empty
        (notice,) = plan.notices
        assert "before JupyterHub 6.0 only a start creates a server" in notice.message
        return
    assert plan.changes == (
        CreateServer(user=people[0], name="lab", options={"profile": "slow"}, display_name="Laboratory"),
    )
    apply(admin, plan)
    server = admin.servers.get(people[0], "lab")
    assert (server.active, server.user_options, server.display_name) == (False, {"profile": "slow"}, "Laboratory")
    assert admin.state.plan(document).empty
    edited = Document(servers=(ServerEntry(user=people[0], name="lab", options={"profile": "quick"}),))
    apply(admin, admin.state.plan(edited))
    # The hub shows the options of the last start, so the change is made again, and the next start uses the new ones.
    assert apply(admin, admin.state.plan(edited)) == ["changing", "changed"]
    server = admin.servers.restart(people[0], "lab")
    assert (server.user_options, server.display_name) == ({"profile": "quick"}, "Laboratory")
    assert admin.state.plan(edited).empty
    again = admin.state.plan(document)
    assert (again.changes, [notice.kind for notice in again.notices]) == ((), ["waiting"])
    admin.servers.stop(people[0], "lab")
    cut_off = admin.state.plan(Document(users=(UserEntry(name=people[0]),), servers=()), prune=["servers"])
    assert [refusal.subject for refusal in cut_off.refusals] == ["servers"]
    other = Document(servers=(ServerEntry(user=people[0], name="other"),))
    apply(admin, admin.state.plan(other, prune=["servers"]))
    (user,) = admin.users.list(name_filter=people[0], include_stopped_servers=True)
    assert "lab" not in user.servers
    assert "other" in user.servers


def test_the_plan_of_an_export_is_empty(admin: Any, hub: HubUnderTest, group: str, people: list[str]) -> None:
    properties = {"room": "B12", "open": [1, 1.5, True, None, "é"]} if hub.version >= (4,) else None
    entry = class_of(group, *people, properties=properties)
    apply(admin, admin.state.plan(Document(owner=f"{group}-file", groups=(entry,))))
    if hub.version >= (6,):
        apply(admin, admin.state.plan(Document(servers=(ServerEntry(user=people[0], name="lab"),))))
    exported = admin.state.export([group])
    assert exported.groups[0].members == MembersEntry(names=tuple(people))
    assert exported.groups[0].properties == properties
    assert admin.state.plan(exported).empty
    whole = admin.state.export()
    assert {"admin", *people} <= {user.name for user in whole.users}
    assert admin.state.plan(whole).empty
    with pytest.raises(NotFound, match="nowhere"):
        admin.state.export([group, "nowhere"])


def test_a_group_of_another_owner_is_refused_and_adopted(
    admin: Any, hub: HubUnderTest, group: str, people: list[str]
) -> None:
    apply(admin, admin.state.plan(Document(owner=f"{group}-first", groups=(class_of(group, people[0]),))))
    document = Document(owner=f"{group}-second", groups=(class_of(group, people[1]),), leave_limit=ANYBODY)
    plan = admin.state.plan(document)
    if hub.version < (4,):
        assert not plan.refusals
        return
    assert [refusal.message for refusal in plan.refusals] == [f"belongs to the owner {group}-first"]
    with pytest.raises(Conflict, match="belongs to the owner") as caught:
        apply(admin, plan)
    assert caught.value.hint == "--adopt takes it over"
    assert members_of(admin, group) == {people[0]}
    plan = admin.state.plan(document, adopt=True)
    assert plan.of(SetOwner)[0].before == f"{group}-first"
    apply(admin, plan)
    assert members_of(admin, group) == {people[1]}
    assert admin.groups.get(group).properties == {"jhub": {"owner": f"{group}-second"}}


def test_a_group_of_the_same_owner_that_the_file_no_longer_has_is_pruned(
    admin: Any, hub: HubUnderTest, group: str, people: list[str], fresh: Fresh
) -> None:
    owner, other = f"{group}-file", fresh("class")
    document = Document(owner=owner, groups=(class_of(group, *people), class_of(other, people[0])))
    apply(admin, admin.state.plan(document))
    less = Document(owner=owner, groups=document.groups[:1])
    plan = admin.state.plan(less)
    if hub.version < (4,):
        assert admin.state.plan(less, prune=["groups"]).empty
        return
    assert plan.empty
    assert ("unmanaged", f"group {other}") in [(notice.kind, notice.subject) for notice in plan.notices]
    plan = admin.state.plan(less, prune=["groups"])
    assert plan.changes == (DeleteGroup(group=other, owner=owner, members=(people[0],), why="not in the file"),)
    apply(admin, plan)
    with pytest.raises(NotFound):
        admin.groups.get(other)
    assert members_of(admin, group) == set(people)
    assert apply(admin, plan) == ["changing", "unchanged"]


@ON_HUB
def test_only_users_whom_nothing_keeps_are_deleted(admin: Any, group: str, people: list[str]) -> None:
    boss, busy, member, gone, last = people
    admin.users.edit(boss, admin=True)
    admin.servers.start(busy)
    admin.groups.add_users(group, [member])
    others = {user.name for user in admin.users.list()} - {*people, "admin"}
    # The tests share the hub: their users are protected.
    document = Document(users=(UserEntry(name=last),), protected_users=tuple(others))
    plan = admin.state.plan(document, prune=["users"])
    assert plan.changes == (DeleteUser(user=gone, why="not in the file"),)
    kept = {notice.message.rpartition(": ")[2]: notice.message for notice in plan.notices if "kept" in notice.message}
    administrators = next(names for names in kept if boss in names.split(", "))
    assert set(administrators.split(", ")) == {"admin", boss}
    assert {names: message.rpartition("(")[2] for names, message in kept.items()} == {
        administrators: f"administrators): {administrators}",
        busy: f"with an active server): {busy}",
        member: f"members of {group}): {member}",
    }
    apply(admin, plan)
    left = {user.name for user in admin.users.list()}
    assert left & set(people) == {boss, busy, member, last}
    admin.users.edit(boss, admin=False)
    admin.servers.stop(busy)


@ON_HUB
def test_a_user_who_has_become_somebody_since_the_plan_is_kept(admin: Any, group: str, people: list[str]) -> None:
    others = {user.name for user in admin.users.list()} - {*people}
    document = Document(users=(UserEntry(name="admin"),), protected_users=tuple(others))
    plan = admin.state.plan(document, prune=["users"])
    assert {change.user for change in plan.of(DeleteUser)} == set(people)
    boss, busy, member, *gone = people
    admin.users.edit(boss, admin=True)
    admin.servers.start(busy)
    admin.groups.add_users(group, [member])
    with admin.state.apply(plan) as fleet:
        events = list(fleet)
    assert {event.change.user: event.kind for event in events if event.kind != "changing"} == {
        **dict.fromkeys([boss, busy, member], "stale"),
        **dict.fromkeys(gone, "changed"),
    }
    assert {user.name for user in admin.users.list()} & set(people) == {boss, busy, member}
    admin.users.edit(boss, admin=False)
    admin.servers.stop(busy)


def test_groups_of_the_authenticator_are_its_own(environment: Path, tmp_path: Path) -> None:
    with running(environment, tmp_path, manages_groups=True) as managed:

        def sign_in() -> Hub:
            return Hub.login(managed.url, username="admin", password=managed.password, method="form")

        with sign_in() as admin:
            admin.users.create("ana")
            assert members_of(admin, "staff") == {"admin"}
            document = Document(owner="file", groups=(class_of("staff", "ana"),), leave_limit=ANYBODY)
            plan = admin.state.plan(document)
            with admin.state.apply(plan) as fleet:
                list(fleet)
            if managed.version < (5, 3):
                assert {event.name for event in fleet.summary.failed} == {"ana", "admin"}
                for event in fleet.summary.failed:
                    assert isinstance(event.error, BadRequest)
                    assert event.message.endswith("Group management via API is disabled")
                    assert "manage_groups" in event.error.hint
                assert members_of(admin, "staff") == {"admin"}
                return
            assert fleet.summary.ok
            assert members_of(admin, "staff") == {"ana"}
            sign_in().close()
            # The hub has written over the change, and no answer of it tells that it would.
            assert members_of(admin, "staff") == {"ana", "admin"}
            assert admin.state.plan(document).of(RemoveMembers) == (RemoveMembers(group="staff", users=("admin",)),)
