"""Classification of error answers, and the errors' messages and hints."""

from __future__ import annotations

import copy
import inspect
import pickle

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jhub import errors
from jhub.errors import (
    AlreadyRunning,
    APIError,
    BadRequest,
    Conflict,
    HubBroken,
    HubError,
    HubFull,
    InvalidInput,
    InvalidScope,
    InvalidUsername,
    LifetimeTooLong,
    MissingScope,
    NotAHub,
    NotAuthorized,
    NotFound,
    Redirected,
    ServerPending,
    SpawnFailed,
    Throttled,
    Unavailable,
    UnknownToken,
    UnknownUser,
    Unsupported,
    UserNotCreated,
)
from jhub.messages import from_answer
from jhub.steps import Answer, call, send
from jhub.testing import play, refusal

HUB = {"x-jupyterhub-version": "6.1.1", "content-type": "application/json"}
HTML = {"content-type": "text/html"}
PAGE = b"<html><head><title>Sign in</title></head><body>Sign in to continue</body></html>"


def error_of(
    status: int, message: str | None = None, *, headers: dict[str, str] | None = None, about: str = "user ana"
) -> HubError:
    answer = refusal(status, message, headers=headers)
    return from_answer("GET", "/users/ana", status, answer.headers, answer.content, about)


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, BadRequest),
        (401, NotAuthorized),
        (403, NotAuthorized),
        (404, NotFound),
        (405, Unsupported),
        (409, Conflict),
        (418, HubBroken),
        (424, HubBroken),
        (500, HubBroken),
        (503, HubBroken),
    ],
)
def test_each_status_has_its_error_class(status: int, kind: type[APIError]) -> None:
    error = error_of(status, "the hub's own words")
    assert type(error) is kind
    assert isinstance(error, APIError)
    assert (error.method, error.path, error.status) == ("GET", "/users/ana", status)
    assert str(error) == "user ana: the hub's own words"


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (400, "the hub rejected the request"),
        (401, "not authorized"),
        (403, "not authorized"),
        (404, "not found, or not visible to this token"),
        (405, "this hub does not support the operation"),
        (409, "already exists"),
        (418, "answered 418"),
        (500, "the hub failed"),
    ],
)
@pytest.mark.parametrize("content", [b'{"status": 0, "message": null}', b'{"message": ""}', b"", PAGE])
def test_an_answer_without_a_message_gets_a_default_message(status: int, expected: str, content: bytes) -> None:
    assert str(from_answer("GET", "/x", status, HUB, content, "user ana")) == f"user ana: {expected}"
    assert str(from_answer("GET", "/x", status, HUB, content)) == expected


@pytest.mark.parametrize(
    ("message", "scopes"),
    [
        ("Action is not authorized with current scopes; requires any of [list:users]", ("list:users",)),
        (
            "Action is not authorized with current scopes; requires any of [read:groups, read:groups:name, "
            "read:roles:groups]",
            ("read:groups", "read:groups:name", "read:roles:groups"),
        ),
        ("Action is not authorized with current scopes; requires any of ['admin:users', \"x\"]", ("admin:users", "x")),
    ],
)
def test_a_missing_scope_is_named(message: str, scopes: tuple[str, ...]) -> None:
    error = error_of(403, message)
    assert isinstance(error, MissingScope)
    assert error.scopes == scopes
    assert str(error) == f"user ana: the token lacks the scope {' or '.join(scopes)}"
    assert error.hint == f"use a token with the scope {' or '.join(scopes)}"
    assert error.status == 403


def test_a_missing_scope_without_a_name_keeps_the_hubs_message() -> None:
    message = "Action is not authorized with current scopes; requires any of []"
    error = error_of(403, message)
    assert isinstance(error, MissingScope)
    assert error.scopes == ()
    assert str(error) == f"user ana: {message}"
    assert error.hint == ""


def test_a_message_that_only_mentions_scopes_is_not_a_missing_scope() -> None:
    error = error_of(403, "Only admins can grant admin access")
    assert type(error) is NotAuthorized
    assert str(error) == "user ana: Only admins can grant admin access"


def test_the_hint_of_an_unknown_token_is_to_sign_in_again() -> None:
    error = error_of(403, "Missing or invalid credentials.")
    assert type(error) is UnknownToken
    assert str(error) == "user ana: the token is missing, unknown, expired or revoked"
    assert "jhub login" in error.hint


@pytest.mark.parametrize("message", [None, "No access to resources or resources not found"])
def test_a_404_is_filtered_if_the_hub_checked_the_scopes(message: str | None) -> None:
    error = error_of(404, message)
    assert str(error) == "user ana: not found, or not visible to this token"
    assert isinstance(error, NotFound)
    assert error.filtered == (message is not None), "only who has such things looks at scopes"


@pytest.mark.parametrize(
    ("message", "about", "expected"),
    [
        ("Not Found", "user ana", "user ana: not found"),
        ("Not Found", "", "not found"),
        ("No such group: geo", "group geo", "group geo: not found"),
        ("No such user: erin", "group geo", "group geo: No such user: erin"),
    ],
)
def test_a_404_keeps_a_message_with_further_details(message: str, about: str, expected: str) -> None:
    assert str(error_of(404, message, about=about)) == expected


@pytest.mark.parametrize(
    ("status", "message", "kind", "fields"),
    [
        (400, "Invalid username: a, b", InvalidUsername, {"name": "a, b", "names": ""}),
        (400, "Invalid usernames: a, b", InvalidUsername, {"name": "", "names": "a, b"}),
        (400, "Failed to create user b: no home: no room", UserNotCreated, {"failure": "b: no home: no room"}),
        (400, "Failed to create user b: User b already exists", UserNotCreated, {}),
        (400, "User bo already exists, username must be unique", Conflict, {}),
        (409, "Group a b already exists", Conflict, {"existing": "a b"}),
        (400, "No such user: erin", UnknownUser, {"user": "erin", "filtered": False}),
        (400, "No such group: geo", NotFound, {"filtered": False}),
        (404, "No such user: erin", NotFound, {}),
        (400, "token expires_in: 99999 must not exceed 3600", LifetimeTooLong, {}),
        (400, "\"Scope 'x' for token does not exist\"", InvalidScope, {}),
        (400, "Not assigning requested scopes x not held by User ana", InvalidScope, {}),
        (403, "Service x: not found or no permissions to generate tokens", NotAuthorized, {}),
        (400, "unknown profile 'gpx'; available: gpu", NotFound, {}),
        (403, "bo may not use profile 'gpu'; available: standard", NotFound, {}),
        (400, "unknown choice 'unknown profile x' of size", BadRequest, {}),
        (400, "ana:lab is already running", AlreadyRunning, {}),
        (400, "ana:lab is active. Please stop it before modifying it.", AlreadyRunning, {}),
        (400, "ana:lab is pending stop", ServerPending, {"pending": "stop"}),
        (400, "ana:lab is pending check, please wait", ServerPending, {"pending": "check"}),
        (400, "ana:lab is pending spawn, please wait", ServerPending, {"pending": "spawn"}),
        (400, "Cannot stop a server while it is being renamed", ServerPending, {"pending": "rename"}),
        (400, "ana's server is in the process of stopping, please wait.", ServerPending, {"pending": "stop"}),
        (500, "ana:lab is already running", HubBroken, {}),
    ],
)
def test_a_known_message_has_its_error_class_and_attributes(
    status: int, message: str, kind: type[APIError], fields: dict[str, object]
) -> None:
    error = error_of(status, message, about="it")
    assert type(error) is kind
    assert {name: getattr(error, name) for name in fields} == fields
    assert (error.status, error.message, str(error)) == (status, message, f"it: {message}")


def test_a_429_with_retry_after_is_throttled() -> None:
    error = error_of(
        429, "Too many users trying to log in right now. Try again in 40 seconds.", headers={"retry-after": "37"}
    )
    assert isinstance(error, Throttled)
    assert error.retry_after == 37
    assert error.status == 429
    assert "37 s" in error.hint


def test_a_429_without_retry_after_is_a_full_hub() -> None:
    error = error_of(429, "Active user limit exceeded. Try again in a few minutes.")
    assert type(error) is HubFull
    assert error.status == 429
    assert "stop idle servers" in error.hint


@pytest.mark.parametrize(("sent", "seconds"), [("0", 0), ("1.5", 1.5), ("-3", 0)])
def test_retry_after_is_never_negative(sent: str, seconds: float) -> None:
    error = error_of(429, headers={"retry-after": sent})
    assert isinstance(error, Throttled)
    assert error.retry_after == seconds


@pytest.mark.parametrize("sent", ["", "soon", "Wed, 21 Oct 2015 07:28:00 GMT"])
def test_an_invalid_retry_after_is_ignored(sent: str) -> None:
    assert type(error_of(429, headers={"retry-after": sent})) is HubFull


@pytest.mark.parametrize("sent", ["inf", "1e999", "nan"])
def test_an_infinite_retry_after_is_ignored(sent: str) -> None:
    assert type(error_of(429, headers={"retry-after": sent})) is HubFull


def test_a_429_of_a_proxy_is_not_a_full_hub() -> None:
    error = from_answer("GET", "/users", 429, HTML, b"<html>429 Too Many Requests</html>", "users")
    assert not isinstance(error, HubFull)


@pytest.mark.parametrize("status", [502, 503, 504])
@pytest.mark.parametrize("content", [b"", PAGE, b'{"message": "upstream is down"}'])
def test_an_error_of_a_gateway_is_unavailable(status: int, content: bytes) -> None:
    error = from_answer("POST", "/users/ana/server", status, HTML, content, "server ana")
    assert isinstance(error, Unavailable)
    assert error.status == status
    assert error.sent
    assert str(error) == f"server ana: no answer from the hub (its proxy answered {status})"


@pytest.mark.parametrize("status", [400, 401, 403, 404, 405, 409, 500])
def test_an_error_page_without_the_hubs_header_is_not_a_hub(status: int) -> None:
    error = from_answer("GET", "/users", status, HTML, PAGE, "users")
    assert type(error) is NotAHub
    assert str(status) in str(error)
    assert error.hint


def test_a_hubs_message_counts_without_the_hubs_header() -> None:
    error = from_answer("GET", "/groups/geo", 404, {}, b'{"status": 404, "message": "No such group"}', "group geo")
    assert type(error) is NotFound


@pytest.mark.parametrize(
    "content", [b"\xff\xfe", b"[]", b'"x"', b'{"message": 7}', b'{"message": {"a": 1}}', b"[" * 100_000, b"null"]
)
def test_a_body_of_any_shape_gives_an_error(content: bytes) -> None:
    assert isinstance(from_answer("GET", "/x", 400, HUB, content), BadRequest)


@settings(deadline=None)
@given(
    st.integers(400, 599),
    st.text(),
    st.sampled_from([HUB, HTML, {**HUB, "retry-after": "3"}]),
    st.sampled_from(["", "group geo"]),
)
def test_every_error_is_one_line(status: int, message: str, headers: dict[str, str], about: str) -> None:
    error = from_answer("GET", "/x", status, headers, msgspec.json.encode({"message": message}), about)
    for text in (str(error), error.hint):
        assert len(text.splitlines()) <= 1
    assert str(error)


@settings(deadline=None)
@given(st.binary())
def test_the_error_of_an_undecodable_answer_is_one_line(content: bytes) -> None:
    played = play(call("GET", "/users", dict[str, int], about="users"), [Answer(200, HUB, content)])
    assert len(str(played.error).splitlines()) == 1


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_the_error_of_a_redirect_has_the_target_without_its_query(status: int) -> None:
    answer = refusal(status, headers={"location": "https://idp.example.org/auth?state=SECRET"})
    with pytest.raises(Redirected) as caught:
        send("GET", "/users").read(answer)
    assert str(caught.value) == "redirected to https://idp.example.org/auth"
    assert caught.value.location.endswith("SECRET")


def test_a_redirect_without_a_location_is_a_redirect() -> None:
    with pytest.raises(Redirected, match="redirected to nowhere"):
        send("GET", "/users").read(refusal(304))


@pytest.mark.parametrize(
    "location", ["https://ana:SECRET@hub.example.org/hub/", "https://hub.example.org/done#access_token=SECRET"]
)
def test_a_redirect_shows_no_secret(location: str) -> None:
    assert "SECRET" not in str(Redirected(location))


def test_an_error_does_not_show_the_request_body() -> None:
    request = send("POST", "/users/ana/tokens", body={"auth": {"password": "SECRET"}}, about="sign in as ana")
    for status in range(300, 600):
        with pytest.raises(HubError) as caught:
            request.read(refusal(status))
        assert "SECRET" not in f"{caught.value!s} {caught.value!r} {caught.value.__dict__}"


def test_the_tree_in_the_docstring_matches_the_classes() -> None:
    drawn: dict[str, str | None] = {}
    above: list[str] = []
    for line in (errors.__doc__ or "").splitlines():
        text = line.lstrip(" │├└─")
        name = text.split(" ")[0]
        if name and isinstance(getattr(errors, name, None), type):
            depth = (len(line) - len(text) - 4) // 4
            above[depth:] = [name]
            drawn[name] = above[-2] if depth else None
    real = {
        name: None if kind is HubError else kind.__mro__[1].__name__
        for name, kind in inspect.getmembers(errors, inspect.isclass)
        if issubclass(kind, HubError)
    }
    assert drawn == real


@pytest.mark.parametrize(
    "error",
    [
        HubError("no", hint="try again"),
        InvalidInput("no"),
        Redirected("https://hub.example.org/?x"),
        Unavailable("no", sent=False, status=502, hint="later"),
        NotFound("no", about="it", method="GET", path="/x", status=404, hint="look"),
        error_of(400, "No such user: erin"),
        MissingScope("no", ("a", "b"), method="GET", path="/x"),
        Throttled("no", 30, method="POST", path="/x"),
        SpawnFailed("ana/lab", "no quota"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_an_error_can_be_pickled_and_copied(error: HubError) -> None:
    for other in (pickle.loads(pickle.dumps(error)), copy.copy(error), copy.deepcopy(error)):
        assert type(other) is type(error)
        assert str(other) == str(error)
        assert vars(other) == vars(error)


@pytest.mark.parametrize("message", [None, "No such user: ana"])
def test_an_error_body_of_the_hub_is_recognized_without_its_header(message: str | None) -> None:
    """A proxy may remove the header."""
    content = msgspec.json.encode({"status": 404, "message": message})
    assert type(from_answer("GET", "/users/ana", 404, {}, content, "user ana")) is NotFound


@pytest.mark.parametrize(
    "body",
    [
        {"status": 404, "error": "Not Found"},
        {"status": 500, "message": None},
        {"timestamp": "2026", "status": 404, "message": None, "path": "/x"},
        ["status", "message"],
    ],
)
def test_an_error_body_of_another_program_is_not_the_hubs(body: object) -> None:
    assert type(from_answer("GET", "/x", 404, {}, msgspec.json.encode(body))) is NotAHub


def test_keys_of_oauth_errors_count_on_oauth_routes_only() -> None:
    hub = {"x-jupyterhub-version": "6.1.1"}
    content = msgspec.json.encode({"message": "why", "error": {"code": 7}})
    assert "why" in str(from_answer("GET", "/users", 400, hub, content))
    content = msgspec.json.encode({"error": "invalid_grant"})
    assert "invalid_grant" in str(from_answer("POST", "/oauth2/token", 400, hub, content))
    assert "invalid_grant" not in str(from_answer("GET", "/users", 400, hub, content))
