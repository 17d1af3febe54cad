"""Two files that are applied to one group at the same time, from two threads and from two processes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path
from threading import Barrier

import pytest
from hub_api import Tokens

from jhub import Hub
from jhub.local import LocalHub
from jhub.state import Document, GroupEntry, LeaveLimit, MembersEntry, Plan

Fresh = Callable[[str], str]
ROUNDS = 20
APPLIER = Path(__file__).parents[1] / "support" / "state_applier.py"
Apply = Callable[[list[Plan]], list[set[str]]]
"""Applies two plans at the same time, and returns the kinds of events of each."""


@contextmanager
def threads(hub: LocalHub, token: str, folder: Path) -> Iterator[Apply]:
    """Apply from two threads."""
    barrier = Barrier(2)

    def one(door: Hub, plan: Plan) -> set[str]:
        barrier.wait()
        with door.state.apply(plan) as fleet:
            return {event.kind for event in fleet}

    with Hub(hub.api_url, token) as first, Hub(hub.api_url, token) as second, ThreadPoolExecutor(2) as pool:
        yield lambda plans: list(pool.map(one, [first, second], plans))


@contextmanager
def processes(hub: LocalHub, token: str, folder: Path) -> Iterator[Apply]:
    """Apply from two processes."""
    environment = {**os.environ, "JUPYTERHUB_API_URL": hub.api_url, "JUPYTERHUB_API_TOKEN": token}
    rounds = iter(range(ROUNDS))
    with ExitStack() as stack:
        both = [
            stack.enter_context(
                subprocess.Popen(
                    [sys.executable, APPLIER],
                    env=environment,
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    text=True,
                )
            )
            for _ in range(2)
        ]
        streams = [(process.stdin, process.stdout) for process in both if process.stdin and process.stdout]
        assert [out.readline() for _, out in streams] == ["ready\n", "ready\n"]

        def apply(plans: list[Plan]) -> list[set[str]]:
            number = next(rounds)
            start = folder / f"start{number}"
            for each, (plan, (to_process, _)) in enumerate(zip(plans, streams, strict=True)):
                path = folder / f"plan{number}-{each}.json"
                path.write_text(json.dumps(plan.to_dict()))
                to_process.write(f"{start} {path}\n")
                to_process.flush()
            start.touch()
            return [set(out.readline().split()) for _, out in streams]

        yield apply
        for to_process, _ in streams:
            to_process.close()


@pytest.mark.parametrize("start", [threads, processes])
def test_the_members_are_those_of_one_file_and_no_property_is_lost(
    hub: LocalHub, hub_tokens: Tokens, fresh: Fresh, tmp_path: Path, start: Callable[..., AbstractContextManager[Apply]]
) -> None:
    group, prefix = fresh("class"), fresh("pupil")
    names = [f"{prefix}-{number}" for number in range(6)]
    with Hub(hub.api_url, hub_tokens.admin) as admin, start(hub, hub_tokens.admin, tmp_path) as apply:
        with admin.users.create_many(names) as fleet:
            assert len(list(fleet)) == 6
        admin.groups.create(group)
        lost = 0
        for number in range(ROUNDS):
            admin.groups.set_users(group, names[:2])
            before = admin.groups.set_properties(group, {"round": number}).properties or {}
            documents = [
                Document(
                    owner="me",
                    groups=(
                        GroupEntry(
                            name=group, members=MembersEntry(names=members), properties={f"{who}{number}": number}
                        ),
                    ),
                    leave_limit=LeaveLimit(percent=100),
                )
                for who, members in (("first", (names[0], *names[2:4])), ("second", (names[1], *names[4:])))
            ]
            plans = [admin.state.plan(document) for document in documents]
            kinds = apply(plans)
            found = admin.groups.get(group)
            wanted = [{*(document.groups[0].members or MembersEntry()).names} for document in documents]
            assert set(found.users or ()) in wanted, (number, kinds)
            losers = [each for each in range(2) if "stale" in kinds[each]]
            lost += len(losers)
            assert not {kind for each in kinds for kind in each} - {"changing", "changed", "unchanged", "stale"}
            (winner,) = [each for each in range(2) if set(found.users or ()) == wanted[each]]
            assert winner not in losers, (number, kinds)
            assert 1 - winner in losers, (number, kinds)
            properties = found.properties or {}
            expected = {**before, f"{('first', 'second')[winner]}{number}": number}
            assert properties.items() >= {key: value for key, value in expected.items() if key != "jhub"}.items()
            assert properties["jhub"] == {"owner": "me"}, (number, kinds)
        assert lost == ROUNDS


@pytest.mark.parametrize("start", [threads, processes])
def test_two_applies_of_the_same_file_both_finish(
    hub: LocalHub, hub_tokens: Tokens, fresh: Fresh, tmp_path: Path, start: Callable[..., AbstractContextManager[Apply]]
) -> None:
    group, prefix = fresh("class"), fresh("pupil")
    names = [f"{prefix}-{number}" for number in range(60)]
    with Hub(hub.api_url, hub_tokens.admin) as admin, start(hub, hub_tokens.admin, tmp_path) as apply:
        admin.users.create_many(names).run()
        admin.groups.create(group)
        for number in range(ROUNDS // 2):
            admin.groups.set_users(group, names[:20])
            members = MembersEntry(names=tuple(names[10:]))
            entry = GroupEntry(name=group, members=members, properties={f"round{number}": number})
            document = Document(owner="me", groups=(entry,), leave_limit=LeaveLimit(percent=100))
            plan = admin.state.plan(document)
            kinds = apply([plan, plan])
            assert not {kind for each in kinds for kind in each} - {"changing", "changed", "unchanged"}, (number, kinds)
            assert admin.state.plan(document).in_sync
            assert admin.groups.get(group).properties == {
                "jhub": {"owner": "me"},
                **{f"round{each}": each for each in range(number + 1)},
            }
