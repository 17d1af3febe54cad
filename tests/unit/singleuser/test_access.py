"""The token for one server: what it opens, when it is replaced, and that none is left."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

from jhub.errors import (
    HubBroken,
    MissingScope,
    NotAuthorized,
    NotStarted,
    Unavailable,
    Unsupported,
)
from jhub.singleuser.access import RENEW_SECONDS, TOKEN_SECONDS, Handle, ServerAccess
from jhub.steps import Answer, Flow, Fork, Next, Request, Sleep
from jhub.testing import After, Reply, play, refusal, reply

URL = "https://hub.example.org/user/ana/lab/"
READY = {"name": "lab", "ready": True, "url": URL}


class ServersHub:
    """The answers of a hub and of one server of it."""

    def __init__(self, kind: str = "user", name: str = "bo") -> None:
        self.kind, self.name = kind, name
        self.tokens: list[str] = []
        self.made: list[tuple[str, Any]] = []
        self.used: list[str] = []
        self.server: Reply = reply(json=READY)
        self.refused: Reply | None = None
        self.answer: Reply = reply(json={})

    def __call__(self, step: Any) -> Reply:
        assert isinstance(step, Request)
        if step.root == "site":
            assert step.path.startswith(URL)
            self.used.append(step.token)
            return self.answer
        assert step.token == ""
        match step.method, step.path:
            case "GET", "/user":
                return reply(json={"name": self.name, "kind": self.kind})
            case "GET", "/users/ana":
                return reply(json={"name": "ana", "servers": {}})  # the server is read once more
            case "GET", "/users/ana/servers/lab":
                return self.server
            case "POST", path:
                owner = re.fullmatch(r"/users/(\w+)/tokens", path)
                assert owner is not None
                if self.refused is not None:
                    return self.refused
                self.made.append((owner[1], step.body))
                self.tokens.append(f"a{len(self.made)}")
                return reply(201, {"id": self.tokens[-1], "token": f"SECRET{len(self.made)}"})
            case "DELETE", path:
                self.tokens.remove(path.rpartition("/")[2])
                return reply(204)
            case _:
                raise AssertionError(step)


def use(access: ServerAccess) -> Flow[str]:
    return (yield from access.request("GET", "api/x", lambda answer: str(answer.status), about="x"))


def test_a_job_gets_a_token_for_this_server_alone_which_is_revoked_at_its_end() -> None:
    hub = ServersHub()
    played = play(Handle("ana", "lab").run(use), hub)
    assert played.result == "200"
    assert hub.made == [
        (
            "bo",
            {
                "note": "jhub: work in ana/lab",
                "expires_in": TOKEN_SECONDS,
                "scopes": ["access:servers!server=ana/lab"],
            },
        )
    ]
    assert hub.used == ["SECRET1"]
    assert hub.tokens == []
    assert "SECRET" not in repr(played.sent) + "".join(map(str, played.sent))


def test_the_owner_of_the_server_gets_the_token_of_a_service() -> None:
    hub = ServersHub("service", "robot")
    assert play(Handle("ana", "lab").run(use), hub).error is None
    assert [owner for owner, _ in hub.made] == ["ana"]


def test_without_a_user_the_server_is_ones_own() -> None:
    hub = ServersHub(name="ana")
    assert play(Handle(None, "lab").run(use), hub).error is None
    assert hub.made[0][1]["scopes"] == ["access:servers!server=ana/lab"]


def test_after_a_failure_the_token_is_revoked() -> None:
    def fail(access: ServerAccess) -> Flow[None]:
        yield from use(access)
        raise HubBroken("x")

    hub = ServersHub()
    assert isinstance(play(Handle("ana", "lab").run(fail), hub).error, HubBroken)
    assert hub.tokens == []


def test_after_an_interruption_the_token_is_revoked() -> None:
    def wait(access: ServerAccess) -> Flow[None]:
        yield from use(access)
        yield Sleep(60)

    hub = ServersHub()
    played = play(Handle("ana", "lab").run(wait), hub, interrupt_at=10)
    assert played.seconds == 10
    assert (len(hub.made), hub.tokens) == (1, [])


def test_a_kept_access_makes_one_token_for_all_jobs() -> None:
    hub = ServersHub()
    handle = Handle("ana", "lab")
    handle.keep()
    for _ in range(3):
        assert play(handle.run(use), hub).error is None
    assert (len(hub.made), hub.tokens) == (1, ["a1"])
    assert play(handle.release(), hub).error is None
    assert hub.tokens == []


def test_concurrent_jobs_make_one_token() -> None:
    def jobs() -> Flow[None]:
        for number in range(5):
            yield Fork(handle.run(use), number)
        for _ in range(5):
            yield Next(60)
        yield from handle.release()

    hub = ServersHub()
    handle = Handle("ana", "lab")
    handle.keep()
    slow = lambda step: After(1, hub(step)) if step.method == "POST" else hub(step)  # noqa: E731
    assert play(jobs(), slow).error is None
    assert (len(hub.made), hub.used, hub.tokens) == (1, ["SECRET1"] * 5, [])


def test_a_job_that_outlives_its_block_leaves_no_token() -> None:
    def work(access: ServerAccess) -> Flow[None]:
        yield from use(access)
        yield Sleep(10)
        yield from use(access)

    def jobs() -> Flow[None]:
        yield Fork(handle.run(work), "late")
        yield Sleep(5)
        yield from handle.release()
        assert hub.tokens == []
        yield Next(60)

    hub = ServersHub()
    handle = Handle("ana", "lab")
    handle.keep()
    assert play(jobs(), hub).error is None
    assert (hub.used, hub.tokens) == (["SECRET1", "SECRET2"], [])


def test_an_interrupted_revocation_is_sent_again() -> None:
    hub = ServersHub()

    def answer(step: Any) -> Reply:
        if step.method == "DELETE" and not lost:
            lost.append(step)
            return After(60, reply(204))
        return hub(step)

    lost: list[Any] = []
    assert str(play(Handle("ana", "lab").run(use), answer, interrupt_at=10).error) == "interrupted"
    assert (len(lost), hub.tokens) == (1, [])


@pytest.mark.parametrize("method", ["GET", "PUT"])
def test_a_server_that_stops_meanwhile_is_named(method: str) -> None:
    """The proxy sends the request to the hub, which redirects, or refuses a change because it has no XSRF token."""

    def change(access: ServerAccess) -> Flow[str]:
        return (yield from access.request(method, "api/x", lambda answer: str(answer.status), body={}))

    hub = ServersHub()

    def answer(step: Any) -> Reply:
        if step.root == "site":
            hub.server = reply(json={"name": "lab"})
            return reply(302, headers={"location": "/hub/user/ana/lab/"}) if method == "GET" else reply(403)
        return hub(step)

    error = play(Handle("ana", "lab").run(change), answer).error
    assert isinstance(error, NotStarted)
    assert str(error) == "server ana/lab: stopped"


def test_long_work_replaces_the_token_before_it_ends_and_revokes_all() -> None:
    def work(access: ServerAccess) -> Flow[None]:
        for _ in range(40):
            yield from use(access)
            yield Sleep(60)

    hub = ServersHub()
    assert play(Handle("ana", "lab").run(work), hub).error is None
    seconds_each = TOKEN_SECONDS - RENEW_SECONDS
    assert len(hub.made) == pytest.approx(40 * 60 / seconds_each, abs=1)
    assert hub.tokens == []


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (refusal(403, "bo not found or no permissions to generate tokens"), "tokens!user=bo"),
        (refusal(403, "Action is not authorized with current scopes; requires any of [tokens]"), "tokens!user=bo"),
        (
            refusal(400, "Not assigning requested scopes access:servers!server=ana/lab not held by User bo"),
            "access:servers!server=ana/lab",
        ),
    ],
)
def test_a_missing_scope_is_named_with_what_it_allows(answer: Reply, words: str) -> None:
    hub = ServersHub()
    hub.refused = answer
    error = play(Handle("ana", "lab").run(use), hub).error
    assert isinstance(error, MissingScope)
    assert words in str(error)
    assert words in error.hint
    assert "cannot be read-only" in error.hint


def test_before_jupyterhub_3_there_is_no_such_token() -> None:
    owner = reply(json={"name": "ana", "servers": {"lab": READY}})
    played = play(
        Handle("ana", "lab").run(use),
        lambda step: owner if step.path == "/users/ana" else ServersHub()(step),
        version="2.3.1",
    )
    assert isinstance(played.error, Unsupported)
    assert not any(call.startswith("POST") for call in played.calls)


@pytest.mark.parametrize(
    ("server", "words"),
    [
        ({"name": "lab"}, "stopped"),
        ({"name": "lab", "pending": "spawn"}, "still starting"),
        ({"name": "lab", "pending": "stop", "ready": False}, "still stopping"),
    ],
)
def test_a_server_that_does_not_run_gets_no_token(server: dict[str, Any], words: str) -> None:
    hub = ServersHub()
    hub.server = reply(json=server)
    error = play(Handle("ana", "lab").run(use), hub).error
    assert isinstance(error, NotStarted)
    assert str(error) == f"server ana/lab: {words}"
    assert "jhub server start ana/lab" in error.hint
    assert hub.made == []


def test_a_server_that_does_not_exist_is_no_missing_file() -> None:
    hub = ServersHub()
    hub.server = refusal(404)
    error = play(Handle("ana", "lab").run(use), hub).error
    assert isinstance(error, NotStarted)
    assert "server ana/lab: not found, or not visible" in str(error)
    assert hub.made == []


def test_a_server_that_has_stopped_meanwhile_is_named_so() -> None:
    hub = ServersHub()
    handle = Handle("ana", "lab")
    handle.keep()
    assert play(handle.run(use), hub).error is None
    hub.answer = Answer(302, {"location": "/hub/user/ana/lab/api/x"})
    hub.server = reply(json={"name": "lab"})
    assert isinstance(play(handle.run(use), hub).error, NotStarted)
    hub.server = reply(json=READY)
    error = play(handle.run(use), hub).error
    assert type(error) is NotAuthorized


def test_a_failed_revocation_does_not_hide_the_result() -> None:
    hub = ServersHub()

    def answer(step: Any) -> Reply:
        return reply(500) if step.method == "DELETE" else hub(step)

    assert play(Handle("ana", "lab").run(use), answer).result == "200"


@pytest.mark.parametrize(
    ("status", "content", "kind"),
    [
        (404, {"message": "No such file"}, "NotFound"),
        (403, {"message": "Forbidden"}, "NotAuthorized"),
        (409, {"message": "File already exists"}, "Conflict"),
        (413, None, "BadRequest"),
        (500, {"message": "Unhandled error"}, "HubBroken"),
    ],
)
def test_errors_of_a_server_name_it(status: int, content: object, kind: str) -> None:
    hub = ServersHub()
    hub.answer = reply(status, content)
    error = play(Handle("ana", "lab").run(use), hub).error
    assert type(error).__name__ == kind
    assert str(error).startswith("server ana/lab: x: ")


def test_a_servers_message_cannot_steer_the_terminal() -> None:
    hub = ServersHub()
    hub.answer = reply(404, {"message": "\x1b]0;evil\x07" + "x" * 10_000})
    error = play(Handle("ana", "lab").run(use), hub).error
    assert str(error).isprintable()
    assert len(str(error)) < 400


@pytest.mark.parametrize("status", [424, 502, 503, 504])
def test_a_server_without_an_answer_is_tried_again(status: int) -> None:
    hub = ServersHub()
    answers = [reply(status), reply(json={})]

    def answer(step: Any) -> Reply:
        return answers.pop(0) if step.root == "site" else hub(step)

    assert play(Handle("ana", "lab").run(use), answer).result == "200"
    again: Callable[[Any], Reply] = lambda step: reply(status) if step.root == "site" else hub(step)  # noqa: E731
    assert isinstance(play(Handle("ana", "lab").run(use), again).error, Unavailable)
    assert hub.tokens == []
