"""`--dry-run` shows what would be sent, as far as that can be known, and no secrets."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hub_api import Tokens
from terminal import Jhub

from jhub import Hub
from jhub.cli.kit.dry_run import rehearse
from jhub.errors import HubError, NotFound
from jhub.models import HubInfo
from jhub.steps import Flow, Fork, HubVersion, Next, Plan, Request, call, send

CUT = "(what follows depends on the answers)\n"


def test_all_that_a_command_would_send_is_shown(as_admin: Jhub, user: str) -> None:
    as_admin.ok("server", "start", f"{user}/x", "-p", "stub")
    restart = as_admin("server", "restart", f"{user}/x", "--dry-run")
    assert restart.lines == [
        f"DELETE /users/{user}/servers/x",
        f'POST /users/{user}/servers/x {{"user_options":{{"profile":"stub"}}}}',
    ]
    assert restart.err == CUT
    gone = as_admin("user", "delete", user, "--dry-run")
    assert gone.lines == [f"DELETE /users/{user}/servers/x", f"DELETE /users/{user}"]
    assert gone.err == ""
    assert as_admin.ok("server", "show", f"{user}/x", "-o", "csv").splitlines()[1].split(",")[2] == "ready"


def test_reads_that_a_flow_forks_are_carried_out(
    hub_url: str, hub_tokens: Tokens, capsys: pytest.CaptureFixture[str]
) -> None:
    def flow() -> Flow[None]:
        yield Fork(call("GET", "/info", HubInfo), "info")
        done = yield from Next(30)
        assert done is not None
        yield from send("POST", f"/{done.answer.version}")

    with Hub(hub_url, hub_tokens.admin) as hub:
        (line,), said = printed(hub, capsys, flow())
    assert re.fullmatch(r"POST /\d+\.\d+\.\d+", line)
    assert said == ""


@pytest.fixture
def nowhere() -> Hub:
    """A hub that does not answer."""
    return Hub("http://127.0.0.1:9/hub/api", "token")


def printed(hub: Hub, capsys: pytest.CaptureFixture[str], plan: Plan[Any]) -> tuple[list[str], str]:
    rehearse(hub, [plan])
    shown = capsys.readouterr()
    return shown.out.splitlines(), shown.err


def test_writes_go_on_while_no_answer_is_looked_at(nowhere: Hub, capsys: pytest.CaptureFixture[str]) -> None:
    def flow() -> Flow[object]:
        yield from send("POST", "/a", body={"of": [{"password": "HUNTER2", "name": "ana"}]})
        yield from send("DELETE", "/b", query=(("id", "a b"),))
        return (yield from call("PUT", "/c", tuple[str, ...]))

    assert printed(nowhere, capsys, flow()) == (
        ['POST /a {"of":[{"password":"***","name":"ana"}]}', "DELETE /b?id=a+b", "PUT /c"],
        "",
    )


def test_it_ends_where_an_answer_decides(nowhere: Hub, capsys: pytest.CaptureFixture[str]) -> None:
    def reads_it() -> Flow[None]:
        answer = yield from call("POST", "/a", dict[str, str])
        yield from send("POST", f"/{answer['id']}")

    def looks_again() -> Flow[None]:
        yield from send("POST", "/a")
        yield from send("GET", "/a")
        yield from send("POST", "/b")

    def gives_up() -> Flow[None]:
        yield from call("POST", "/a", tuple[str, ...])
        raise HubError("there is nothing in it")

    for flow in (reads_it, looks_again, gives_up):
        assert printed(nowhere, capsys, flow()) == (["POST /a"], CUT)


def test_what_runs_beside_is_no_way_around(nowhere: Hub, capsys: pytest.CaptureFixture[str]) -> None:
    def flow(beside: Plan[Any]) -> Flow[None]:
        yield Fork(beside, "x")
        yield from Next(10)

    def whole() -> Flow[None]:
        yield from send("POST", "/a")

    assert printed(nowhere, capsys, flow(whole())) == ([], CUT)
    assert printed(nowhere, capsys, flow(Request("DELETE", "/a", lambda answer: None))) == ([], CUT)


def test_a_failed_read_is_the_flows_concern(nowhere: Hub, capsys: pytest.CaptureFixture[str]) -> None:
    def flow() -> Flow[None]:
        try:
            yield HubVersion()
        except HubError:
            yield from send("POST", "/a")
        raise NotFound("at last")

    assert printed(nowhere, capsys, flow()) == (["POST /a"], CUT)
    with pytest.raises(HubError, match="cannot reach"):
        rehearse(nowhere, [send("GET", "/a")])
