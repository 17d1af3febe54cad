"""Changes of stopped servers, which JupyterHub 6 allows."""

from __future__ import annotations

from typing import Any

import pytest

from jhub import Conflict, NotFound
from matrix.clients import ON_ASYNC_HUB, ON_HUB
from matrix.rows import SETTINGS

pytestmark = SETTINGS


@ON_HUB
def test_a_server_is_started_with_a_display_name(admin: Any, user: str) -> None:
    server = admin.servers.start(user, "work", profile="small", display_name="My Work")
    assert (server.display_name, server.user_options) == ("My Work", {"profile": "small"})
    assert admin.servers.restart(user, "work").display_name == "My Work"


def test_a_server_is_created_without_starting_it(admin: Any, user: str) -> None:
    made = admin.servers.create(user, "work", display_name="Later", profile="small", user_options={"size": 2})
    assert (made.user, made.name, made.display_name, made.stopped) == (user, "work", "Later", True)
    assert made.user_options == {"profile": "small", "size": 2}
    assert list(admin.servers.list(user)) == []
    assert admin.servers.get(user, "work") == made


def test_an_existing_server_is_not_created_again(admin: Any, user: str) -> None:
    admin.servers.create(user, "work")
    with pytest.raises(Conflict) as caught:
        admin.servers.create(user, "work")
    assert caught.value.status == 409
    with pytest.raises(NotFound):
        admin.servers.create("ghost", "work")


@ON_HUB
def test_a_restart_uses_the_saved_options(admin: Any, user: str) -> None:
    admin.servers.create(user, "work", user_options={"a": 1})
    admin.servers.edit(user, "work", user_options={"b": 2})
    assert admin.servers.restart(user, "work").user_options == {"b": 2}
    assert admin.servers.restart(user, "work").user_options == {"b": 2}


def test_an_edit_keeps_fields_that_are_not_given(admin: Any, user: str) -> None:
    admin.servers.create(user, "work", display_name="One", profile="small")
    edited = admin.servers.edit(user, "work", display_name="Two")
    assert (edited.user, edited.display_name, edited.profile) == (user, "Two", "small")
    edited = admin.servers.edit(user, "work", user_options={"size": 3})
    assert (edited.display_name, edited.user_options) == ("Two", {"size": 3})
    assert admin.servers.edit(user, "work", user_options={}).user_options == {}
    with pytest.raises(NotFound):
        admin.servers.edit(user, "nowhere", display_name="x")


@ON_HUB
def test_a_running_server_is_not_edited_or_renamed(admin: Any, user: str) -> None:
    # First, so that older hubs raise Unsupported.
    admin.servers.create(user, "work")
    admin.servers.start(user, "work")
    with pytest.raises(Conflict, match="is running"):
        admin.servers.edit(user, "work", display_name="x")
    with pytest.raises(Conflict, match="is running"):
        admin.servers.rename(user, "work", "other")


@ON_ASYNC_HUB
def test_a_renamed_server_restarts_with_its_options(admin: Any, user: str) -> None:
    admin.servers.create(user, "work", profile="small", display_name="Mine")
    admin.servers.create(user, "other")
    with pytest.raises(Conflict):
        admin.servers.rename(user, "work", "other")
    renamed = admin.servers.rename(user, "work", "study")
    assert (renamed.user, renamed.name, renamed.display_name, renamed.profile) == (user, "study", "Mine", "small")
    for gone in ("work", "nowhere"):
        with pytest.raises(NotFound):
            admin.servers.rename(user, gone, "again")
    assert admin.servers.restart(user, "study").profile == "small"
