"""API tokens."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest

from jhub import APIError, BadRequest, HubBroken, InvalidInput, MissingScope, NotAuthorized, NotFound
from matrix.conftest import Connect
from matrix.hub import HubUnderTest
from matrix.rows import SCOPES, TOKENS

pytestmark = TOKENS


def test_a_token_is_created_shown_listed_used_and_revoked(connect: Connect, admin: Any, user: str) -> None:
    made = admin.tokens.create(user, note="a test", expires_in=600)
    assert timedelta(minutes=9) < made.expires_at - datetime.now(UTC) < timedelta(minutes=11)
    assert made.token not in repr(made)
    assert connect(made.token).whoami().name == user
    shown = admin.tokens.get(user, made.id)
    assert (shown.id, shown.note, shown.token) == (made.id, "a test", None)
    assert shown.expires_at == made.expires_at
    assert made.id in [token.id for token in admin.tokens.list(user)]
    everyone = {found.user: found for found in admin.tokens.list_all(kind="api")}
    assert everyone.keys() == {each.name for each in admin.users.list()}
    assert not [found.error for found in everyone.values() if found.error is not None]
    assert (user, made.id) in [(token.user, token.id) for token in everyone[user].tokens]
    admin.tokens.revoke(user, made.id)
    with pytest.raises(NotFound):
        admin.tokens.get(user, made.id)
    with pytest.raises(NotFound):
        admin.tokens.revoke(user, made.id)
    with pytest.raises(NotAuthorized):
        connect(made.token).whoami()


def test_a_token_without_a_lifetime_does_not_expire(admin: Any, user: str) -> None:
    assert admin.tokens.create(user).expires_at is None
    with pytest.raises(InvalidInput):
        admin.tokens.create(user, expires_in=0)


def test_users_manage_only_their_own_tokens(ana: Any, user: str) -> None:
    made = ana.tokens.create(user, note="mine", expires_in=60)
    assert made.id in [token.id for token in ana.tokens.list(user)]
    ana.tokens.revoke(user, made.id)
    with pytest.raises(APIError) as caught:
        ana.tokens.create("admin")
    assert caught.value.status == 403
    with pytest.raises(APIError) as caught:
        list(ana.tokens.list("admin"))
    assert caught.value.status in (403, 404)


def test_tokens_of_a_missing_user_are_refused(admin: Any) -> None:
    with pytest.raises(NotAuthorized, match="token for ghost") as caught:
        admin.tokens.create("ghost")
    assert "there is no user ghost" in caught.value.hint
    with pytest.raises(NotFound):
        list(admin.tokens.list("ghost"))


@SCOPES
def test_a_token_with_limited_scopes_names_the_missing_scope(connect: Connect, admin: Any) -> None:
    made = admin.tokens.create("admin", scopes=["list:users", "read:users:name"], expires_in=600)
    assert set(made.scopes) >= {"list:users", "read:users:name"}
    narrow = connect(made.token)
    assert "admin" in [user.name for user in narrow.users.list()]
    with pytest.raises(MissingScope, match="admin:groups") as caught:
        narrow.groups.create("geo")
    assert caught.value.scopes == ("admin:groups",)
    with pytest.raises(NotAuthorized):
        narrow.tokens.create("admin")


@SCOPES
def test_a_password_creates_a_token_with_limited_scopes(connect: Connect, hub: HubUnderTest, user: str) -> None:
    made = connect().tokens.create_with_password(user, hub.password, scopes=["read:users:name!user"])
    narrow = connect(made.token)
    assert narrow.whoami().name == user
    with pytest.raises(APIError):
        narrow.servers.start(user)


@SCOPES
def test_an_unknown_or_missing_scope_creates_no_token(admin: Any, ana: Any, user: str) -> None:
    before = len(list(admin.tokens.list(user)))
    for scope in ("no:such:scope", "admin:users"):
        with pytest.raises((BadRequest, HubBroken)):  # 4.1 answers 500
            ana.tokens.create(user, scopes=[scope])
    assert len(list(admin.tokens.list(user))) == before


def test_each_of_many_users_gets_a_token(connect: Connect, admin: Any, user: str) -> None:
    with admin.tokens.create_many([user, "ghost", "admin"], note="exam", expires_in=600) as fleet:
        assert len(list(fleet)) == 6
    summary = fleet.summary
    assert [event.name for event in summary.done] == [user, "admin"]
    assert [type(event.error) for event in summary.failed] == [NotAuthorized]
    for event in summary.done:
        assert connect(event.token.token).whoami().name == event.name
        admin.tokens.revoke(event.name, event.token.id)
        admin.tokens.revoke(event.name, event.token.id, missing_ok=True)


def test_what_does_not_exist_is_deleted_with_missing_ok_only(admin: Any, ana: Any, user: str) -> None:
    for delete in (
        partial(admin.users.delete, "ghost"),
        partial(admin.groups.delete, "ghosts"),
        partial(admin.servers.delete, user, "ghost"),
        partial(admin.servers.delete, "ghost", "lab"),
        partial(admin.tokens.revoke, user, "a987654"),
        partial(admin.tokens.revoke, "ghost", "a1"),
    ):
        delete(missing_ok=True)
        with pytest.raises(NotFound):
            delete()
    with pytest.raises(NotFound) as caught:  # it exists, but the token cannot see it
        ana.tokens.revoke("admin", "a1", missing_ok=True)
    assert caught.value.filtered
    with admin.servers.delete_many([f"{user}/ghost", "ghost/lab"], missing_ok=True) as fleet:
        assert {event.kind for event in fleet if event.final} == {"deleted"}
