"""`--dry-run` prints the requests that would be sent, without secrets."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from hub_api import Tokens
from terminal import Jhub

from jhub import Hub
from jhub.bulk.chunks import CHUNK_SIZE
from jhub.cli.kit.output import print_preview
from jhub.errors import HubError, NotFound
from jhub.models import HubInfo
from jhub.steps import Flow, Fork, HubVersion, Next, Operation, Request, call, send

Fresh = Callable[[str], str]

CUT = "(further requests depend on the answers)\n"


def test_every_request_of_a_command_is_printed(as_admin: Jhub, user: str) -> None:
    as_admin.ok("server", "start", f"{user}/x", "-p", "stub")
    restart = as_admin("server", "restart", f"{user}/x", "-p", "stub", "--dry-run")
    assert restart.lines == [
        f"DELETE /users/{user}/servers/x",
        f'POST /users/{user}/servers/x {{"user_options":{{"profile":"stub"}}}}',
    ]
    assert restart.err == CUT
    gone = as_admin("user", "delete", user, "--dry-run")
    assert gone.lines == [f"DELETE /users/{user}/servers/x", f"DELETE /users/{user}"]
    assert gone.err == ""
    assert as_admin.ok("server", "show", f"{user}/x", "-o", "csv").splitlines()[1].split(",")[2] == "ready"


def test_no_request_follows_a_creation(as_admin: Jhub, user: str, fresh: Fresh) -> None:
    for command, sent in (
        (("token", "create", "--scope", "list:users"), "POST /users/admin/tokens "),
        (("user", "create", fresh("user")), "POST /users "),
        (("server", "create", f"{user}/x"), f"PUT /users/{user}/servers/x"),
    ):
        planned = as_admin(*command, "--dry-run")
        assert (planned.code, planned.err, len(planned.lines)) == (0, "", 1)
        assert planned.out.startswith(sent)


def test_the_requests_of_all_chunks_are_printed(as_admin: Jhub, fresh: Fresh) -> None:
    names = [fresh("user") for _ in range(2 * CHUNK_SIZE + 5)]
    for options, admin in (((), False), (("--admin", "--if-not-exists"), True)):
        planned = as_admin("user", "create", "-", "--dry-run", *options, stdin="\n".join(names))
        assert (planned.code, planned.err) == (0, "")
        sent = [json.loads(line.removeprefix("POST /users ")) for line in planned.lines]
        assert [len(each["usernames"]) for each in sent] == [CHUNK_SIZE, CHUNK_SIZE, 5]
        assert [name for each in sent for name in each["usernames"]] == names
        assert {each["admin"] for each in sent} == {admin}
    assert as_admin("user", "show", names[0]).code == 5


def test_the_requests_of_a_membership_difference_are_printed(as_admin: Jhub, user: str, fresh: Fresh) -> None:
    group = fresh("group")
    as_admin.ok("group", "create", group, "--user", user)
    planned = as_admin("group", "set", group, "ana", "--dry-run")
    assert (planned.code, planned.err) == (0, "")
    assert planned.lines == [
        f'POST /groups/{group}/users {{"users":["ana"]}}',
        f'DELETE /groups/{group}/users {{"users":["{user}"]}}',
    ]
    assert as_admin.ok("group", "set", group, user, "--dry-run") == ""


def test_a_name_that_fails_does_not_stop_the_dry_run(as_admin: Jhub, user: str, fresh: Fresh) -> None:
    delete = ("user", "delete", "--dry-run")
    planned = as_admin(*delete, "ana", "nope", user)
    assert (planned.code, planned.lines) == (7, ["DELETE /users/ana", f"DELETE /users/{user}"])
    assert planned.err.startswith("error: user nope: not found")
    assert CUT not in planned.err
    assert as_admin(*delete, "nope", "nope2").code == 5
    assert as_admin("user", "create", "--dry-run", "x/..", fresh("user")).code == 7
    as_admin.ok("server", "create", f"{user}/a", f"{user}/b")
    stop = as_admin("server", "stop", "--dry-run", f"{user}/a", "ana/none", f"{user}/b")
    assert (stop.code, len(stop.lines)) == (7, 2)
    start = as_admin("server", "start", "--dry-run", f"{user}/Not Good", f"{user}/b")
    assert (start.code, len(start.lines)) == (7, 1)
    delete_servers = as_admin("server", "delete", "--dry-run", user, f"{user}/b")
    assert (delete_servers.code, len(delete_servers.lines)) == (7, 1)
    revoke = as_admin("share", "revoke", "--dry-run", f"{user}/a", "--user", "x/..", "--user", user)
    assert (revoke.code, len(revoke.lines)) == (7, 1)


def test_forked_reads_are_sent(hub_url: str, hub_tokens: Tokens, capsys: pytest.CaptureFixture[str]) -> None:
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
    """A hub that does not respond."""
    return Hub("http://127.0.0.1:9/hub/api", "token")


def printed(hub: Hub, capsys: pytest.CaptureFixture[str], plan: Operation[Any]) -> tuple[list[str], str]:
    print_preview(hub.preview(lambda: plan))
    shown = capsys.readouterr()
    return shown.out.splitlines(), shown.err


def test_writes_are_listed_until_the_flow_uses_an_answer(nowhere: Hub, capsys: pytest.CaptureFixture[str]) -> None:
    def flow() -> Flow[object]:
        yield from send("POST", "/a", body={"of": [{"password": "HUNTER2", "name": "ana"}]})
        yield from send("DELETE", "/b", query=(("id", "a b"),))
        return (yield from call("PUT", "/c", tuple[str, ...]))

    assert printed(nowhere, capsys, flow()) == (
        ['POST /a {"of":[{"password":"***","name":"ana"}]}', "DELETE /b?id=a+b", "PUT /c"],
        "",
    )


def test_a_preview_stops_where_an_answer_decides(nowhere: Hub, capsys: pytest.CaptureFixture[str]) -> None:
    def makes_a_result() -> Flow[str]:
        answer = yield from call("POST", "/a", dict[str, str])
        return answer["id"]

    def looks_again() -> Flow[None]:
        yield from send("POST", "/a")
        yield from send("GET", "/a")
        yield from send("POST", "/b")

    def gives_up() -> Flow[None]:
        yield from call("POST", "/a", tuple[str, ...])
        raise HubError("there is nothing in it")

    assert printed(nowhere, capsys, looks_again()) == (["POST /a"], CUT)
    for flow in (makes_a_result, gives_up):
        assert printed(nowhere, capsys, flow()) == (["POST /a"], ""), "nothing follows"


def test_forked_writes_are_not_sent(nowhere: Hub, capsys: pytest.CaptureFixture[str]) -> None:
    def flow(beside: Operation[Any]) -> Flow[None]:
        yield Fork(beside, "x")
        yield from Next(10)

    def whole() -> Flow[None]:
        yield from send("POST", "/a")

    assert printed(nowhere, capsys, flow(whole())) == ([], CUT)
    assert printed(nowhere, capsys, flow(Request("DELETE", "/a", lambda answer: None))) == ([], CUT)


def test_a_flow_handles_its_failed_reads(nowhere: Hub, capsys: pytest.CaptureFixture[str]) -> None:
    def flow() -> Flow[None]:
        try:
            yield HubVersion()
        except HubError:
            yield from send("POST", "/a")
        raise NotFound("at last")

    assert printed(nowhere, capsys, flow()) == (["POST /a"], "")
    with pytest.raises(HubError, match="cannot reach"):
        nowhere.preview(lambda: send("GET", "/a"))
