"""State files on a hub that is killed and started again in the middle of an application."""

from __future__ import annotations

import os
import signal
import threading
from pathlib import Path

import pytest
from recording_transport import RecordingTransport

from jhub import Hub
from jhub.local import LocalHub
from jhub.local.ports import free_ports
from jhub.state import Document, GroupEntry, LeaveLimit, MembersEntry, UserEntry

STUDENTS = [f"s{number:02}" for number in range(60)]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL], ids=["SIGTERM", "SIGKILL"])
def test_an_apply_waits_for_a_hub_that_restarts(tmp_path: Path, number: signal.Signals) -> None:
    (port,) = free_ports(1)
    hub = LocalHub(tmp_path / "hub", port=port)
    groups = tuple(
        GroupEntry(name=name, members=MembersEntry(names=tuple(STUDENTS)), create_users=True, properties={"room": name})
        for name in ("bio", "geo")
    )
    document = Document(
        owner="me", users=(UserEntry(name="ana", admin=True),), groups=groups, leave_limit=LeaveLimit(percent=100)
    )
    restarts: list[threading.Thread] = []

    def restart() -> None:
        hub.stop()
        hub.start()

    def end_hub(call: str) -> None:
        # In the middle: all users exist, and one group has some of its members.
        if len(recorded.writes) == 6 and not restarts:
            os.kill(hub.pid, number)
            restarts.append(threading.Thread(target=restart))
            restarts[0].start()

    recorded = RecordingTransport(end_hub)
    hub.start()
    try:
        with Hub(hub.url) as door:
            token = door.tokens.create_with_password(hub.username, hub.password).token
        with Hub(hub.api_url, token, transport=recorded) as admin:
            plan = admin.state.plan(document)
            with admin.state.apply(plan) as fleet:
                events = [event for event in fleet if event.kind != "changing"]
            restarts[0].join()
            assert fleet.summary.ok, [(event.change, event.message) for event in fleet.summary.failed]
            assert {event.kind for event in events} <= {"changed", "unchanged"}
            assert admin.state.plan(document).empty
            for name in ("bio", "geo"):
                group = admin.groups.get(name)
                assert set(group.users or ()) == set(STUDENTS)
                assert group.properties == {"room": name, "jhub": {"owner": "me"}}
            assert admin.users.get("ana").admin
    finally:
        for thread in restarts:
            thread.join()
        hub.stop()
