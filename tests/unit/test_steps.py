"""Requests: retries, decoding of answers, and names in paths."""

from __future__ import annotations

from dataclasses import replace
from urllib.parse import unquote

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from jhub.errors import (
    BadRequest,
    HubError,
    HubFull,
    InvalidInput,
    NotAHub,
    NotFound,
    Redirected,
    Throttled,
    Unavailable,
)
from jhub.models import Group, User
from jhub.object_path import has_dot_segment, segment
from jhub.steps import Answer, Flow, Request, Sleep, call, send
from jhub.testing import Reply, play, refusal, reply

LOST = Unavailable("reset")
NEVER_LEFT = Unavailable("refused", sent=False)
GONE = Answer(502, {"content-type": "text/html"}, b"<html>Bad Gateway</html>")


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE"])
@pytest.mark.parametrize("failure", [LOST, GONE])
def test_an_idempotent_request_is_retried_without_an_answer(method: str, failure: Reply) -> None:
    played = play(send(method, "/x"), [failure, failure, failure, reply(204)])
    assert played.result is None
    assert played.calls == [f"{method} /x"] * 4
    assert played.left == 0


@pytest.mark.parametrize("method", ["GET", "DELETE", "POST"])
def test_a_refused_connection_is_retried_once(method: str) -> None:
    played = play(send(method, "/x"), [NEVER_LEFT, NEVER_LEFT, reply(204)])
    assert played.error is NEVER_LEFT
    assert played.left == 1
    assert play(send(method, "/x"), [NEVER_LEFT, reply(204)]).result is None


def test_a_404_of_a_retried_delete_is_success() -> None:
    assert play(send("DELETE", "/groups/geo"), [LOST, refusal(404)]).result is None
    assert isinstance(play(send("DELETE", "/groups/geo"), [NEVER_LEFT, refusal(404)]).error, NotFound)
    assert isinstance(play(send("DELETE", "/groups/geo"), [refusal(404)]).error, NotFound)


def test_the_pauses_between_retries_grow() -> None:
    steps = send("GET", "/x").__iter__()
    next(steps)
    pauses: list[Sleep] = []
    for _ in range(3):
        pause = steps.throw(Unavailable("reset"))
        assert isinstance(pause, Sleep)
        pauses.append(pause)
        assert isinstance(steps.send(None), Request)
    first, second, third = (pause.seconds for pause in pauses)
    assert 0 < first < second < third < 10
    assert all(pause.jitter > 0 for pause in pauses)
    with pytest.raises(Unavailable):
        steps.throw(Unavailable("reset"))


def test_the_last_error_is_raised_after_four_attempts() -> None:
    last = Unavailable("still nothing")
    played = play(send("GET", "/x"), [LOST, LOST, LOST, last, reply(204)])
    assert played.error is last
    assert played.left == 1


@pytest.mark.parametrize("method", ["POST", "PATCH"])
@pytest.mark.parametrize("failure", [LOST, GONE])
def test_a_request_that_may_have_arrived_is_not_retried(method: str, failure: Reply) -> None:
    played = play(send(method, "/x"), [failure, reply(201)])
    assert isinstance(played.error, Unavailable)
    assert played.left == 1
    assert played.seconds == 0


@pytest.mark.parametrize("method", ["POST", "PATCH"])
def test_a_request_that_never_left_is_retried_with_any_method(method: str) -> None:
    played = play(send(method, "/x"), [NEVER_LEFT, reply(201)])
    assert played.result is None
    assert len(played.sent) == 2


def test_a_post_is_not_retried_after_an_attempt_that_may_have_arrived() -> None:
    played = play(send("POST", "/x"), [NEVER_LEFT, LOST, reply(201)])
    assert played.error is LOST
    assert played.left == 1


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (refusal(400), BadRequest),
        (refusal(429), HubFull),
        (refusal(429, headers={"retry-after": "61"}), Throttled),
        (reply(302, headers={"location": "/hub/login"}), Redirected),
        (Answer(200, {"content-type": "text/html"}, b"<html>"), NotAHub),
    ],
)
def test_an_error_answer_is_not_retried(answer: Answer, kind: type[HubError]) -> None:
    played = play(call("GET", "/users", list[User]), [answer, reply(json=[])])
    assert type(played.error) is kind
    assert played.left == 1


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
@pytest.mark.parametrize(
    "later",
    [
        refusal(429, headers={"retry-after": "5"}),
        Answer(503, {"retry-after": "5"}),
        Answer(429, {"retry-after": "Sun, 22 Nov 2026 10:00:05 GMT", "date": "Sun, 22 Nov 2026 10:00:00 GMT"}),
    ],
    ids=["throttled", "restarting", "by date"],
)
def test_retry_after_sets_the_pause_before_a_retry(method: str, later: Answer) -> None:
    played = play(call(method, "/users", list[User]), [later, reply(json=[])])
    assert played.result == []
    assert played.seconds == 5


def test_a_long_retry_after_is_an_error_at_once() -> None:
    played = play(call("GET", "/users", list[User]), [Answer(503, {"retry-after": "3600"}), reply(json=[])])
    assert isinstance(played.error, Unavailable)
    assert (played.error.retry_after, played.seconds, played.left) == (3600, 0, 1)


@pytest.mark.parametrize("method", ["POST", "PATCH"])
def test_a_throttled_request_that_is_not_repeatable_is_not_retried(method: str) -> None:
    for answer in (refusal(429, headers={"retry-after": "1"}), Answer(502), Unavailable("reset")):
        assert play(call(method, "/x", User), [answer, reply(json={"name": "ana"})]).left == 1


@pytest.mark.parametrize("answer", [refusal(429, headers={"retry-after": "1"}), Answer(502), Unavailable("reset")])
def test_a_repeatable_post_is_retried(answer: Answer | Unavailable) -> None:
    played = play(call("POST", "/x", User, repeatable=True), [answer, reply(json={"name": "ana"})])
    assert played.result.name == "ana"


def test_the_total_of_retry_after_is_limited() -> None:
    played = play(call("GET", "/users", list[User]), [Answer(503, {"retry-after": "40"})] * 4)
    assert isinstance(played.error, Unavailable)
    assert (played.seconds, played.left) == (40, 2)


@pytest.mark.parametrize("status", [503, 429])
def test_a_404_after_a_delete_that_never_arrived_is_an_error(status: int) -> None:
    """A proxy without a hub answered the first attempt, and there is no object of the name."""
    played = play(send("DELETE", "/x"), [Answer(status), refusal(404)])
    assert isinstance(played.error, NotFound)


@pytest.mark.parametrize("lost", [Unavailable("reset"), Answer(502), Answer(504)])
def test_a_404_after_a_delete_that_may_have_arrived_is_success(lost: Answer | Unavailable) -> None:
    assert play(send("DELETE", "/x"), [lost, refusal(404)]).error is None


def test_a_404_that_is_not_the_hubs_is_not_a_successful_delete() -> None:
    gateway = Answer(404, {"content-type": "application/json"}, b'{"status": 404, "error": "Not Found", "path": "/x"}')
    assert isinstance(play(send("DELETE", "/x"), [Answer(502), gateway]).error, NotAHub)


def test_a_bare_step_is_one_attempt() -> None:
    def once() -> Flow[None]:
        yield send("GET", "/x")

    played = play(once(), [LOST, reply(204)])
    assert played.error is LOST
    assert played.left == 1


def test_once_is_one_attempt() -> None:
    played = play(send("GET", "/x").once(), [LOST, reply(204)])
    assert (played.error, played.left) == (LOST, 1)
    assert play(call("GET", "/x", int).once(), [reply(json=7)]).result == 7


def test_a_404_after_a_retry_is_success_for_delete_only() -> None:
    for request in (send("PUT", "/x"), replace(send("DELETE", "/x"), gone_is_done=False)):
        assert isinstance(play(request, [LOST, refusal(404)]).error, NotFound)


@pytest.mark.parametrize("content", [b"", b"<html>", b'{"name": 7}', b"[]", b"{", b"\xff", b"[" * 100_000, b"null"])
def test_json_of_another_shape_is_not_a_hub(content: bytes) -> None:
    request = call("GET", "/groups/geo", Group, about="group geo")
    with pytest.raises(NotAHub, match=r"^group geo: the answer is not a valid JupyterHub response"):
        request.read(Answer(200, {"content-type": "application/json"}, content))


@pytest.mark.parametrize(
    ("headers", "kind"),
    [({"content-type": "text/html; charset=utf-8"}, "text/html"), ({}, "something else")],
)
def test_the_error_of_an_answer_without_json_names_its_content_type(headers: dict[str, str], kind: str) -> None:
    request = call("GET", "/groups/geo", Group, about="group geo")
    with pytest.raises(NotAHub, match=f"^group geo: the answer is {kind}, not JSON") as caught:
        request.read(Answer(200, headers, b"<html><body>Sign in</body></html>"))
    assert "proxy" in caught.value.hint


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
def test_an_html_page_is_an_error_for_requests_without_a_result(method: str) -> None:
    """A sign-in proxy in front of the hub answers 200 and a page to requests that it blocks."""
    with pytest.raises(NotAHub):
        send(method, "/groups/geo").read(Answer(200, {"content-type": "text/html"}, b"<html>Sign in</html>"))


@pytest.mark.parametrize("status", [200, 201, 202, 204])
def test_an_empty_answer_is_a_success_where_none_is_expected(status: int) -> None:
    assert send("DELETE", "/groups/geo").read(reply(status, headers={"content-type": "text/plain"})) is None


def test_a_requests_repr_hides_its_body() -> None:
    request = send("POST", "/users/ana/tokens", body={"auth": {"password": "SECRET"}})
    assert "SECRET" not in repr(request)
    assert "/users/ana/tokens" in repr(request)


def test_the_repr_of_a_played_request_hides_its_body() -> None:
    played = play(send("POST", "/users/ana/tokens", body={"auth": {"password": "SECRET"}}), [reply(201)])
    assert "SECRET" not in repr(played)


@settings(deadline=None)
@given(st.text())
@example(".")
@example("..")
@example("...")
@example("%2e%2e")
@example("%25252e")
@example("/students")
@example("a%2fb")
@example("a/b")
@example("a\\b")
@example("a?b#c;d&e=f+g")
@example("Ana Müller@example.org")
@example("\ud800")
@example("")
def test_any_name_is_one_path_segment_or_refused(value: str) -> None:
    try:
        quoted = segment(value, "user")
    except InvalidInput as error:
        message = str(error)
    else:
        message = ""
        assert quoted.isascii()
        assert not set(quoted) & set('/\\?#;"<> ')
        assert not has_dot_segment(quoted)
        assert unquote(quoted) == value
    assert len(message.splitlines()) <= 1


@pytest.mark.parametrize(
    "value",
    ["", ".", "..", "a/../b", "../users/ana", "a\\..\\b", "/.", "%2e%2e", "%252e", "a\x00", "a\nb", "\x7f", "\ud800"],
)
def test_a_name_that_would_change_the_path_is_refused(value: str) -> None:
    with pytest.raises(InvalidInput):
        segment(value, "user")


@pytest.mark.parametrize("value", ["a\x85b", "a\u2028b", "a\u2029b", "a\x9b31mb"])
def test_a_name_with_control_characters_is_refused(value: str) -> None:
    with pytest.raises(InvalidInput):
        segment(value, "user")


@pytest.mark.parametrize(
    ("value", "quoted"),
    [
        ("ana", "ana"),
        ("ana@example.org", "ana@example.org"),
        ("~ana", "~ana"),
        ("a b", "a%20b"),
        ("ü", "%C3%BC"),
        ("100%", "100%25"),
        ("a.b", "a.b"),
        ("..a", "..a"),
    ],
)
def test_a_name_is_quoted_as_the_hub_quotes_it(value: str, quoted: str) -> None:
    assert segment(value, "user") == quoted
