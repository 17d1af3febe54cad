"""`users.edit_many` and `tokens.create_many`: one call for each user."""

from __future__ import annotations

from typing import Any

import pytest

from jhub.bulk.tokens import POSSIBLY_CREATED, BulkTokenOps
from jhub.bulk.users import BulkUserOps
from jhub.errors import HubError, InvalidInput, LifetimeTooLong, MissingScope, NotAuthorized, NotFound, Unavailable
from jhub.steps import Listen, Request
from jhub.testing import After, Played, Reply, play, refusal, reply

UNKNOWN = refusal(403, "User ghost not found or no permissions to generate tokens")
NO_ANSWER = Unavailable("no answer")


class Site:
    """A hub that creates tokens and edits users, and counts the requests for each user."""

    def __init__(self, **answers: Reply | After) -> None:
        self.answers = answers
        self.names: list[str] = []
        self.bodies: list[Any] = []

    def __call__(self, step: Request[Any] | Listen[Any], /) -> Any:
        assert isinstance(step, Request)
        name = step.path.split("/")[2]
        self.names.append(name)
        self.bodies.append(step.body)
        if name in self.answers:
            return self.answers[name]
        if step.method == "POST":
            return reply(201, json={"id": f"a{len(self.names)}", "user": name, "token": f"secret of {name}"})
        return reply(json={"name": name, "admin": True})


def tokens(site: Site, *names: str, **options: Any) -> Played[Any]:
    return play(BulkTokenOps.create_many(names, **options), site)


def test_each_user_gets_one_token_with_the_same_options() -> None:
    site = Site()
    played = tokens(site, "ana", "bo", "ana", note="exam", expires_in=60, scopes=iter(["list:users"]))
    assert played.result.ok
    assert site.names == ["ana", "bo"]
    assert site.bodies == [{"note": "exam", "expires_in": 60, "scopes": ["list:users"]}] * 2
    assert [(event.kind, event.name, event.token and event.token.token) for event in played.emitted] == [
        ("creating", "ana", None),
        ("created", "ana", "secret of ana"),
        ("creating", "bo", None),
        ("created", "bo", "secret of bo"),
    ]
    assert "secret" not in repr(played.result)


def test_users_without_a_token_do_not_stop_the_others() -> None:
    site = Site(ghost=UNKNOWN)
    played = tokens(site, "ana", "ghost", "..", "bo")
    assert {event.name: type(event.error) for event in played.result.failed} == {
        "ghost": NotAuthorized,
        "..": InvalidInput,
    }
    assert [event.name for event in played.result.done] == ["ana", "bo"]


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (refusal(403, "requires any of [tokens]"), MissingScope),
        (refusal(400, "token expires_in: 99 must not exceed 60"), LifetimeTooLong),
        (NO_ANSWER, Unavailable),
    ],
)
def test_an_error_that_concerns_all_users_ends_the_call(answer: Any, kind: type[HubError]) -> None:
    site = Site(bo=answer)
    played = tokens(site, "ana", "bo", "cy", "di")
    assert site.names == ["ana", "bo"], "a token is requested once"
    assert [type(event.error) for event in played.result.failed] == [kind]
    assert [event.name for event in played.result.skipped] == ["cy", "di"]
    assert all(event.message.startswith("not attempted: ") for event in played.result.skipped)
    assert (played.result.failed[0].error.hint == POSSIBLY_CREATED) == (kind is Unavailable)


def test_an_interruption_during_a_request_reports_the_user() -> None:
    site = Site(bo=After(100.0, reply(201, json={"id": "a1", "token": "lost"})))
    played = play(BulkTokenOps.create_many(["ana", "bo", "cy"]), site, interrupt_at=50.0)
    assert [(event.kind, event.name) for event in played.emitted] == [
        ("creating", "ana"),
        ("created", "ana"),
        ("creating", "bo"),
    ]


def test_an_invalid_lifetime_is_refused_before_any_request() -> None:
    with pytest.raises(InvalidInput, match="cannot expire in 0 s"):
        BulkTokenOps.create_many(["ana"], expires_in=0)


def test_users_are_edited_one_after_the_other() -> None:
    site = Site(ghost=refusal(404))
    played = play(BulkUserOps.edit_many(["ana", "ghost", "bo"], admin=True), site)
    assert site.bodies == [{"admin": True}] * 3
    assert [(event.kind, event.name) for event in played.emitted] == [
        ("edited", "ana"),
        ("failed", "ghost"),
        ("edited", "bo"),
    ]
    assert isinstance(played.result.failed[0].error, NotFound)
    assert all(event.user and event.user.admin for event in played.result.done)


def test_an_edit_without_a_change_is_refused() -> None:
    with pytest.raises(InvalidInput, match="nothing to change"):
        BulkUserOps.edit_many(["ana"])


@pytest.mark.parametrize(
    ("method", "options", "sent"),
    [
        (BulkTokenOps.create_many, {"note": "exam"}, 'POST /users/{}/tokens {{"note":"exam"}}'),
        (BulkUserOps.edit_many, {"admin": False}, 'PATCH /users/{} {{"admin":false}}'),
    ],
)
def test_a_preview_has_the_requests_of_all_users(method: Any, options: dict[str, Any], sent: str) -> None:
    def answer(step: Request[Any] | Listen[Any], /) -> Reply:
        assert isinstance(step, Request)
        assert step.method == "GET"
        scopes = ["admin:users", "tokens", "list:users", "read:users"]
        return reply(json={"name": step.path.rpartition("/")[2], "kind": "user", "scopes": scopes})

    preview = play(method.__preview__(["ana", "..", "bo"], **options), answer, version="6.1.1").result
    assert list(map(str, preview)) == [sent.format("ana"), sent.format("bo")]
    assert [type(error) for error in preview.failed] == [InvalidInput]
