"""Models are decoded from answers: new fields are ignored, wrong types are errors."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jhub.errors import NotAHub
from jhub.models import Component, Group, HubInfo, Identity, Progress, Server, Token, User, Version
from jhub.steps import Answer, Listen, call
from jhub.testing import reply

MODELS: list[type[Any]] = [Server, User, Identity, Group, Token, Progress, Component, HubInfo, Version]
FIELDS = sorted({field.encode_name for model in MODELS for field in msgspec.structs.fields(model)})

scalars: st.SearchStrategy[Any] = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"]))
    | st.sampled_from(["2026-01-02T03:04:05.678Z", "2026-13-45", "spawn", ""])
)
json_values = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3) | st.sampled_from(FIELDS), inner, max_size=6)
    ),
    max_leaves=12,
)


@pytest.mark.parametrize("model", MODELS)
@settings(deadline=None, max_examples=50)
@given(value=json_values)
def test_any_json_is_a_model_or_not_a_hub(model: type[Any], value: object) -> None:
    with suppress(NotAHub):
        assert isinstance(call("GET", "/x", model).read(reply(json=value)), model)


@settings(deadline=None, max_examples=50)
@given(st.binary() | st.text().map(lambda text: text.encode("utf-8", "surrogatepass")))
def test_any_bytes_are_a_model_or_not_a_hub(content: bytes) -> None:
    headers = {"content-type": "application/json"}
    for model in MODELS:
        with suppress(NotAHub):
            call("GET", "/x", model).read(Answer(200, headers, content))


@settings(deadline=None, max_examples=50)
@given(json_values)
def test_any_event_of_a_stream_is_progress_or_not_a_hub(value: object) -> None:
    listen = Listen("/x", lambda data: msgspec.json.decode(data, type=Progress), lambda event: event.ready, 1)
    with suppress(NotAHub):
        assert isinstance(listen.take(msgspec.json.encode(value).decode()), Progress)


@pytest.mark.parametrize("model", MODELS)
def test_fields_of_a_newer_hub_are_ignored(model: type[Any]) -> None:
    known = {"name": "x", "version": "7.0"}
    decode = call("GET", "/x", model)
    assert decode.read(reply(json={**known, "of_tomorrow": {"a": [1]}})) == decode.read(reply(json=known))


@pytest.mark.parametrize("model", MODELS)
def test_a_model_is_frozen(model: type[Any]) -> None:
    read = call("GET", "/x", model).read(reply(json={"name": "x", "version": "7.0"}))
    with pytest.raises(AttributeError):
        setattr(read, model.__struct_fields__[0], "y")


def test_a_server_of_jupyterhub_6_is_decoded() -> None:
    sent = {
        "name": "lab",
        "display_name": "My lab",
        "full_name": "ana/lab",
        "last_activity": "2026-01-02T03:04:05.678901Z",
        "started": "2026-01-02T03:00:00Z",
        "pending": None,
        "ready": True,
        "stopped": False,
        "url": "/user/ana/lab/",
        "user_options": {"profile": "gpu"},
        "progress_url": "/hub/api/users/ana/servers/lab/progress",
        "full_url": None,
        "full_progress_url": None,
        "state": {"pid": 7},
    }
    server = call("GET", "/x", Server).read(reply(json=sent))
    assert server.started == datetime(2026, 1, 2, 3, 0, tzinfo=UTC)
    assert server.last_activity is not None
    assert server.last_activity.tzinfo is not None
    assert server.display_name == "My lab"
    assert server.state == {"pid": 7}
    assert server.active


def test_a_server_of_an_old_hub_lacks_new_fields() -> None:
    server = call("GET", "/x", Server).read(reply(json={"name": "", "ready": False, "pending": "stop", "url": "/u/"}))
    assert server.display_name is None
    assert server.full_url is None
    assert not server.stopped


@pytest.mark.parametrize(("name", "target"), [("", "ana"), ("lab", "ana/lab")])
def test_a_servers_target_is_its_owner_and_name(name: str, target: str) -> None:
    assert Server(user="ana", name=name).target == target


@pytest.mark.parametrize(
    ("options", "profile"),
    [
        (None, None),
        ({}, None),
        ({"size": 2}, None),
        ({"profile": "gpu"}, "gpu"),
        ({"profile": ""}, ""),
        ({"profile": ["gpu"]}, None),
        ({"profile": None}, None),
    ],
)
def test_a_servers_profile_is_a_string_or_none(options: dict[str, Any] | None, profile: str | None) -> None:
    assert Server(user_options=options).profile == profile


@pytest.mark.parametrize(
    ("server", "active"),
    [
        (Server(), False),
        (Server(stopped=True), False),
        (Server(ready=True), True),
        *((Server(pending=pending), True) for pending in ("spawn", "stop", "check", "rename", "of-tomorrow")),
    ],
)
def test_a_starting_or_stopping_server_is_active(server: Server, active: bool) -> None:
    assert server.active is active


def test_a_users_servers_have_their_owner() -> None:
    sent = {"name": "ana", "servers": {"": {"name": "", "ready": True}, "lab": {"name": "lab", "pending": "spawn"}}}
    user = call("GET", "/x", User).read(reply(json=sent))
    assert [server.target for server in (user.servers or {}).values()] == ["ana", "ana/lab"]


def test_without_the_scope_for_servers_a_users_servers_are_none() -> None:
    user = call("GET", "/x", User).read(reply(json={"name": "ana", "kind": "user", "server": "/user/ana/"}))
    assert user.servers is None
    assert user.server == "/user/ana/"


def test_the_repr_of_a_token_hides_the_secret() -> None:
    sent = {"id": "a7", "user": "ana", "note": "ci", "token": "SECRET", "expires_at": None}
    token = call("POST", "/x", Token).read(reply(201, sent))
    assert token.token == "SECRET"
    for text in (repr(token), str(token), f"{token}", repr([token]), repr(list(token.__rich_repr__()))):
        assert "SECRET" not in text
        assert "a7" in text
    assert "ana" in repr(token)


def test_a_services_token_has_its_service_as_the_owner() -> None:
    assert "service='culler'" in repr(Token(id="a7", service="culler"))


def test_a_component_is_decoded_with_its_class() -> None:
    sent = {"version": "6.1.1", "spawner": {"class": "kubespawner.KubeSpawner", "version": "7.0"}}
    info = call("GET", "/info", HubInfo).read(reply(json=sent))
    assert info.spawner.class_ == "kubespawner.KubeSpawner"
    assert info.authenticator == Component()


def test_an_identity_can_be_a_service() -> None:
    sent = {"name": "culler", "kind": "service", "admin": False, "roles": [], "scopes": ["list:users"]}
    identity = call("GET", "/user", Identity).read(reply(json=sent))
    assert (identity.kind, identity.scopes, identity.token_id) == ("service", ("list:users",), None)
