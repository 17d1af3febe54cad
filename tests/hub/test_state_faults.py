"""State files on a real hub: unknown objects, missing scopes, limits of a proxy, saved plans, and interruptions."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Event, Lock
from typing import Any
from urllib.parse import urlsplit

import msgspec
import pytest
import requests
from hub_api import MAX_SECONDS, Tokens
from loopback import Visit, alarm, serving
from recording_transport import RecordingTransport

from jhub import AsyncHub, Hub, InvalidInput, MissingScope, UnknownUser
from jhub.local import LocalHub
from jhub.state import Document, GroupEntry, LeaveLimit, MembersEntry, Plan, ServerEntry, UserEntry, load_plan
from jhub.state.changes import AddMembers, RemoveMembers
from jhub.state.events import StateEvent

Fresh = Callable[[str], str]
FORWARDED = {"accept", "authorization", "content-type"}
ANYBODY = LeaveLimit(percent=100)


@pytest.fixture
def admin(hub: LocalHub, hub_tokens: Tokens) -> Iterator[Hub]:
    """Return a client of an administrator."""
    with Hub(hub.api_url, hub_tokens.admin) as door:
        yield door


@pytest.fixture
def people(admin: Hub, fresh: Fresh) -> list[str]:
    """Create eight users, and return their names."""
    prefix = fresh("pupil")
    names = [f"{prefix}-{number}" for number in range(8)]
    with admin.users.create_many(names) as fleet:
        assert len(list(fleet)) == 8
    return names


@pytest.fixture
def group(admin: Hub, fresh: Fresh, people: list[str]) -> str:
    """Create a group with the first two of `people`, and return its name."""
    name = admin.groups.create(fresh("class")).name
    admin.groups.add_users(name, people[:2])
    return name


def of_class(group: str, *names: str, owner: str | None = None, **options: Any) -> Document:
    entry = GroupEntry(name=group, members=MembersEntry(names=names), **options)
    return Document(owner=owner or f"{group}-file", groups=(entry,), leave_limit=ANYBODY)


def apply(hub: Hub, plan: Plan) -> list[StateEvent]:
    """Apply a plan, and return the final events."""
    with hub.state.apply(plan) as fleet:
        return [event for event in fleet if event.kind != "changing"]


def kinds_of(events: list[StateEvent]) -> set[str]:
    return {event.kind for event in events}


def members_of(admin: Hub, group: str) -> set[str]:
    return set(admin.groups.get(group).users or ())


def test_an_unknown_user_is_named_and_the_others_are_added(admin: Hub, group: str, people: list[str]) -> None:
    plan = admin.state.plan(of_class(group, *people[:3], f"{people[0]}-ghost"))
    (notice,) = plan.notices
    assert (notice.kind, notice.subject) == ("unknown", f"group {group}")
    with admin.state.apply(plan) as fleet:
        events = list(fleet)
    assert members_of(admin, group) == set(people[:3])
    (failed,) = fleet.summary.failed
    assert isinstance(failed.error, UnknownUser)
    assert f"{people[0]}-ghost" in failed.message
    assert [event.name for event in events if event.kind == "changed" and event.name] == [people[2]]


class TestScopes:
    @pytest.mark.parametrize(
        ("scopes", "missing"),
        [
            (["list:groups", "read:groups", "list:users", "read:users"], {"groups"}),
            (["groups", "list:users"], set()),
            (["groups"], set()),
        ],
    )
    def test_a_scope_to_write_is_named_before_anything_is_done(
        self, hub: LocalHub, admin: Hub, group: str, people: list[str], scopes: list[str], missing: set[str]
    ) -> None:
        recorded = RecordingTransport()
        with Hub(hub.api_url, token_with(admin, scopes), transport=recorded) as door:
            plan = door.state.plan(of_class(group, people[2]))
            assert set(plan.missing_scopes) == missing
            if missing:
                with pytest.raises(MissingScope) as caught:
                    apply(door, plan)
                assert set(caught.value.scopes) == missing
                assert recorded.writes == []
                assert members_of(admin, group) == set(people[:2])
            else:
                assert kinds_of(apply(door, plan)) == {"changed"}

    def test_all_missing_scopes_are_named_together(
        self, hub: LocalHub, admin: Hub, group: str, people: list[str]
    ) -> None:
        readable = token_with(admin, ["list:groups", "read:groups", "list:users", "read:users", "read:servers"])
        users = (UserEntry(name=people[0], admin=True), UserEntry(name=f"{people[0]}-new"))
        groups = (*of_class(group, people[0]).groups, *of_class(f"{group}-new", people[0]).groups)
        servers = (ServerEntry(user=people[0], name="lab"),)
        with Hub(hub.api_url, readable) as door:
            plan = door.state.plan(Document(users=users, groups=groups, servers=servers, leave_limit=ANYBODY))
        assert plan.missing_scopes == ("admin:groups", "admin:users", "groups", "start:servers")

    @pytest.mark.parametrize(
        ("scopes", "part", "named"),
        [
            (["list:users", "read:users"], "groups", "read:groups"),
            (["list:groups", "read:groups:name", "list:users"], "groups", "read:groups"),
            (["groups", "list:groups"], "users", "list:users"),
            (["list:users"], "servers", "read:servers"),
        ],
    )
    def test_what_the_token_cannot_read_is_an_error_and_no_empty_plan(
        self, hub: LocalHub, admin: Hub, group: str, people: list[str], scopes: list[str], part: str, named: str
    ) -> None:
        whole = Document(
            users=(UserEntry(name=people[0], admin=False),),
            groups=of_class(group, *people[:3]).groups,
            servers=(ServerEntry(user=people[0], name="lab"),),
        )
        document = Document(**{part: getattr(whole, part)})
        with Hub(hub.api_url, token_with(admin, scopes)) as door:
            with pytest.raises(MissingScope) as caught:
                door.state.plan(document)
            assert named in caught.value.scopes
            with pytest.raises(MissingScope):
                door.state.export()

    @pytest.mark.parametrize("count", [3, 8])
    def test_an_instructor_with_one_group_plans_and_applies_it(
        self, hub: LocalHub, admin: Hub, group: str, people: list[str], count: int
    ) -> None:
        only = [f"{scope}!group={group}" for scope in ("list:users", "read:groups", "groups")]
        document = of_class(group, people[0].upper(), *people[2:count], properties={"room": "B12"})
        with Hub(hub.api_url, token_with(admin, only)) as door:
            plan = door.state.plan(document)
            assert plan.missing_scopes == ()
            assert set(plan.of(AddMembers)[0].users) == set(people[2:count])
            assert plan.of(RemoveMembers) == (RemoveMembers(group=group, users=(people[1],)),)
            assert kinds_of(apply(door, plan)) == {"changed"}
            assert members_of(admin, group) == {people[0], *people[2:count]}
            assert door.state.plan(document).empty
            exported = door.state.export([group])
            assert door.state.plan(exported).empty
            with pytest.raises(MissingScope):
                door.state.export()

    def test_an_instructor_gets_an_error_for_other_groups(
        self, hub: LocalHub, admin: Hub, group: str, people: list[str], fresh: Fresh
    ) -> None:
        other = admin.groups.create(fresh("class")).name
        only = [f"{scope}!group={group}" for scope in ("list:users", "read:groups", "groups")]
        with Hub(hub.api_url, token_with(admin, only)) as door:
            both = Document(groups=(*of_class(group, people[0]).groups, *of_class(other, people[0]).groups))
            with pytest.raises(MissingScope, match=other):
                door.state.plan(both)
            # A user who does not exist is the hub's to refuse: the token cannot see it.
            plan = door.state.plan(of_class(group, *people[:2], f"{people[0]}-ghost"))
            events = apply(door, plan)
        (failed,) = [event for event in events if event.kind == "failed"]
        assert isinstance(failed.error, UnknownUser)
        assert failed.name == f"{people[0]}-ghost"


def token_with(admin: Hub, scopes: list[str]) -> str:
    token = admin.tokens.create("admin", scopes=scopes, expires_in=3600).token
    assert token is not None
    return token


@pytest.mark.parametrize("retry_after", ["1", None])
def test_requests_that_a_proxy_refuses_for_a_while_are_repeated(
    hub: LocalHub, admin: Hub, hub_tokens: Tokens, group: str, people: list[str], retry_after: str | None
) -> None:
    seen, lock = Counter[str](), Lock()
    origin = "{0.scheme}://{0.netloc}".format(urlsplit(hub.api_url))
    session = requests.Session()
    session.trust_env = False

    def answer(visit: Visit) -> None:
        call = f"{visit.command} {visit.path}"
        with lock:
            seen[call] += 1
            first = seen[call] == 1
        if first:
            headers = {"Retry-After": retry_after} if retry_after else {}
            visit.send(429, "text/html", b"<html>Slow down", headers)
            return
        request = visit.server.requests[-1]
        headers = {name: value for name, value in request.headers.items() if name in FORWARDED}
        got = session.request(
            visit.command, origin + visit.path, data=request.body, headers=headers, timeout=MAX_SECONDS
        )
        version = {"X-JupyterHub-Version": got.headers["X-JupyterHub-Version"]}
        visit.send(got.status_code, got.headers.get("Content-Type", "text/plain"), got.content, version)

    document = Document(
        owner=f"{group}-file",
        users=(UserEntry(name=people[0], admin=True),),
        groups=of_class(group, people[0], f"{group}-new", create_users=True, properties={"room": "B12"}).groups,
        leave_limit=ANYBODY,
    )
    with serving(answer) as site, Hub(site.url + urlsplit(hub.api_url).path, hub_tokens.admin) as door:
        plan = door.state.plan(document) if retry_after else msgspec.structs.replace(admin.state.plan(document), hub="")
        assert kinds_of(apply(door, plan)) == {"changed"}
    assert members_of(admin, group) == {people[0], f"{group}-new"}
    assert admin.state.plan(document).empty
    admin.users.edit(people[0], admin=False)


class TestDeletedInTheMiddle:
    def test_a_group(
        self, hub: LocalHub, admin: Hub, hub_tokens: Tokens, group: str, people: list[str], fresh: Fresh
    ) -> None:
        other = admin.groups.create(fresh("class")).name
        done: list[str] = []

        def delete(call: str) -> None:
            if call.startswith("POST ") and call.endswith(f"/{group}/users") and not done:
                done.append(call)
                admin.groups.delete(group)

        document = Document(
            groups=(*of_class(group, people[0], people[2]).groups, *of_class(other, people[3]).groups),
            leave_limit=ANYBODY,
        )
        with Hub(hub.api_url, hub_tokens.admin, transport=RecordingTransport(delete)) as door:
            plan = door.state.plan(document)
            events = apply(door, plan)
        assert done
        failed = [event for event in events if event.kind in ("failed", "stale")]
        assert {event.change.group for event in failed if isinstance(event.change, AddMembers | RemoveMembers)} == {
            group
        }
        assert all(f"group {group}: not found" in event.message for event in failed)
        assert members_of(admin, other) == {people[3]}
        assert kinds_of(apply(admin, admin.state.plan(document))) == {"changed"}
        assert members_of(admin, group) == {people[0], people[2]}

    def test_a_user(self, hub: LocalHub, admin: Hub, hub_tokens: Tokens, group: str, people: list[str]) -> None:
        done: list[str] = []

        def delete(call: str) -> None:
            if call.startswith("POST ") and call.endswith(f"/{group}/users") and not done:
                done.append(call)
                admin.users.delete(people[4])

        document = of_class(group, people[0], *people[2:6])
        with Hub(hub.api_url, hub_tokens.admin, transport=RecordingTransport(delete)) as door:
            events = apply(door, door.state.plan(document))
        assert done
        (failed,) = [event for event in events if event.kind != "changed"]
        assert (failed.name, type(failed.error)) == (people[4], UnknownUser)
        assert members_of(admin, group) == {people[0], people[2], people[3], people[5]}


class TestInterrupted:
    """Ctrl-C, and a cancelled task, after some writes."""

    @pytest.mark.parametrize("writes", [1, 2, 3, 4])
    def test_ctrl_c(
        self, hub: LocalHub, admin: Hub, hub_tokens: Tokens, group: str, people: list[str], writes: int
    ) -> None:
        document = self.document(group, people)
        recorded = RecordingTransport()
        with Hub(hub.api_url, hub_tokens.admin, transport=recorded) as door:
            plan = door.state.plan(document)
            with pytest.raises(KeyboardInterrupt), alarm(0, lambda: len(recorded.writes) >= writes):
                self.apply_until_interrupted(door, plan)
        self.finish(admin, document, group, people)

    @pytest.mark.parametrize("writes", [1, 2, 3, 4])
    def test_a_cancelled_task(
        self, hub: LocalHub, admin: Hub, hub_tokens: Tokens, group: str, people: list[str], writes: int
    ) -> None:
        document = self.document(group, people)

        async def go() -> None:
            task: asyncio.Task[Any] | None = None

            def cancel(call: str) -> None:
                if task is not None and len(recorded.writes) == writes:
                    task.cancel()

            recorded = RecordingTransport(cancel)
            async with AsyncHub(hub.api_url, hub_tokens.admin, transport=recorded) as door:
                plan = await door.state.plan(document)

                async def run() -> None:
                    async with door.state.apply(plan) as fleet:
                        async for _ in fleet:
                            pass

                task = asyncio.create_task(run())
                with pytest.raises(asyncio.CancelledError):
                    await task
            assert len(recorded.writes) == writes

        asyncio.run(go())
        self.finish(admin, document, group, people)

    def apply_until_interrupted(self, door: Hub, plan: Plan) -> None:
        apply(door, plan)
        Event().wait()  # it was quicker than Ctrl-C

    def document(self, group: str, people: list[str]) -> Document:
        new = f"{group}-new"
        return of_class(group, people[0], *people[2:], new, create_users=True, properties={"room": "B12"})

    def finish(self, admin: Hub, document: Document, group: str, people: list[str]) -> None:
        """Apply the document again, as people do."""
        assert kinds_of(apply(admin, admin.state.plan(document))) <= {"changed", "unchanged"}
        assert members_of(admin, group) == {people[0], *people[2:], f"{group}-new"}
        found = admin.groups.get(group).properties
        assert found == {"room": "B12", "jhub": {"owner": f"{group}-file"}}
        assert admin.state.plan(document).empty


class TestSavedPlan:
    def test_it_is_applied_and_the_second_time_changes_nothing(
        self, admin: Hub, group: str, people: list[str], tmp_path: Path
    ) -> None:
        made = admin.state.plan(of_class(group, people[0], people[2], properties={"cpu": 1, "gpu": 1.0}))
        plan = saved(made, tmp_path)
        assert plan == made
        assert kinds_of(apply(admin, plan)) == {"changed"}
        assert members_of(admin, group) == {people[0], people[2]}
        assert kinds_of(apply(admin, plan)) == {"unchanged"}

    def test_it_is_stale_when_somebody_has_changed_the_members(
        self, admin: Hub, group: str, people: list[str], tmp_path: Path
    ) -> None:
        plan = saved(admin.state.plan(of_class(group, people[0], people[2])), tmp_path)
        admin.groups.add_users(group, [people[7]])
        events = apply(admin, plan)
        assert kinds_of(events) == {"stale"}
        assert all(people[7] in event.message for event in events)
        assert members_of(admin, group) == {*people[:2], people[7]}
        assert not admin.groups.get(group).properties

    def test_it_is_stale_when_somebody_has_changed_a_property(
        self, admin: Hub, group: str, people: list[str], tmp_path: Path
    ) -> None:
        plan = saved(admin.state.plan(of_class(group, *people[:2], properties={"cpu": 2})), tmp_path)
        admin.groups.set_properties(group, {"cpu": 4})
        assert kinds_of(apply(admin, plan)) == {"stale"}
        assert admin.groups.get(group).properties == {"cpu": 4}

    def test_it_belongs_to_one_hub(
        self, admin: Hub, zero_hub: LocalHub, zero_tokens: Tokens, group: str, people: list[str], tmp_path: Path
    ) -> None:
        plan = saved(admin.state.plan(of_class(group, people[0], people[2])), tmp_path)
        recorded = RecordingTransport()
        with Hub(zero_hub.api_url, zero_tokens.admin, transport=recorded) as other:
            with pytest.raises(InvalidInput, match="the plan is for http") as caught:
                apply(other, plan)
            assert caught.value.hint == "make a plan for this hub"
        assert recorded.writes == []


def saved(plan: Plan, folder: Path) -> Plan:
    path = folder / "plan.json"
    path.write_text(json.dumps(plan.to_dict()))
    return load_plan(path)
