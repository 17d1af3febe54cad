"""Shares and share codes."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from jhub import Hub, InvalidInput, MissingScope, NotFound
from matrix.conftest import Connect
from matrix.hub import HubUnderTest
from matrix.rows import SHARES

pytestmark = SHARES

Fresh = Callable[[str], str]


@pytest.fixture(scope="module")
def owner(hub: HubUnderTest, admin_token: str, fresh: Fresh) -> str:
    """Create a user who has run a default server and one named `work`, so that they can be shared."""
    with Hub(hub.url, admin_token) as admin:
        name = admin.users.create(fresh("owner")).name
        for server in ("", "work"):
            admin.servers.start(name, server)
            admin.servers.stop(name, server)
        return name


@pytest.fixture
def friend(admin: Any, fresh: Fresh) -> str:
    """Create a user to share with."""
    name: str = admin.users.create(fresh("friend")).name
    return name


@pytest.fixture
def group(admin: Any, friend: str, fresh: Fresh) -> str:
    """Create a group to share with, with the member `friend`."""
    name = fresh("group")
    admin.groups.create(name)
    admin.groups.add_users(name, [friend])
    return name


@pytest.mark.parametrize("name", ["", "work"])
def test_a_server_is_shared_with_a_user_until_it_is_revoked(operator: Any, owner: str, name: str, friend: str) -> None:
    share = operator.shares.grant(owner, name, user=friend)
    assert (share.kind, share.shared_with, share.server.user.name, share.server.name) == ("user", friend, owner, name)
    assert share.scopes == (f"access:servers!server={owner}/{name}",)
    assert friend in [one.shared_with for one in operator.shares.list(owner)]
    assert friend in [one.shared_with for one in operator.shares.list(owner, name)]
    assert [one.server.target for one in operator.shares.list_shared_with(user=friend)] == [share.server.target]
    assert operator.shares.get(owner, name, user=friend).scopes == share.scopes
    assert operator.shares.revoke(owner, name, user=friend) is None
    assert operator.shares.revoke(owner, name, user=friend) is None
    assert friend not in [one.shared_with for one in operator.shares.list(owner)]
    with pytest.raises(NotFound):
        operator.shares.get(owner, name, user=friend)


def test_a_recipient_lists_and_leaves_a_share(
    connect: Connect, hub: HubUnderTest, admin: Any, owner: str, friend: str
) -> None:
    theirs = connect(connect().tokens.create_with_password(friend, hub.password).token)
    admin.shares.grant(owner, "work", user=friend)
    assert f"access:servers!server={owner}/work" in theirs.whoami().scopes
    assert [share.server.target for share in theirs.shares.list_shared_with(user=friend)] == [f"{owner}/work"]
    theirs.shares.leave(owner, "work", user=friend)
    assert f"access:servers!server={owner}/work" not in theirs.whoami().scopes
    with pytest.raises(NotFound):
        theirs.shares.leave(owner, "work", user=friend)


@pytest.mark.parametrize("name", ["", "work"])
def test_a_server_is_shared_with_a_group_and_so_with_its_members(
    operator: Any, owner: str, name: str, friend: str, group: str
) -> None:
    share = operator.shares.grant(owner, name, group=group)
    assert (share.kind, share.shared_with) == ("group", group)
    assert operator.shares.get(owner, name, group=group).shared_with == group
    assert [one.kind for one in operator.shares.list_shared_with(user=friend)] == ["group"]
    assert [one.kind for one in operator.shares.list_shared_with(group=group)] == ["group"]
    operator.shares.leave(owner, name, group=group)
    assert list(operator.shares.list_shared_with(user=friend)) == []


def test_scopes_are_added_to_a_share_and_removed(operator: Any, owner: str, friend: str) -> None:
    access, read = (f"{scope}!server={owner}/work" for scope in ("access:servers", "read:servers"))
    operator.shares.grant(owner, "work", user=friend, scopes=[access])
    assert set(operator.shares.grant(owner, "work", user=friend, scopes=[read]).scopes) == {access, read}
    assert operator.shares.revoke(owner, "work", user=friend, scopes=[access]).scopes == (read,)
    assert operator.shares.revoke(owner, "work", user=friend, scopes=[read]) is None


def test_all_shares_of_only_one_server_are_revoked(operator: Any, owner: str, friend: str, group: str) -> None:
    for name in ("", "work"):
        operator.shares.grant(owner, name, user=friend)
        operator.shares.grant(owner, name, group=group)
    operator.shares.revoke_all(owner, "work")
    assert [share.server.target for share in operator.shares.list(owner)] == [owner, owner]
    operator.shares.revoke_all(owner)
    assert list(operator.shares.list(owner)) == []


def test_more_shares_than_a_page_holds_are_listed(operator: Any, owner: str, fresh: Fresh) -> None:
    names = [operator.users.create(fresh("friend")).name for _ in range(12)]
    for name in names:
        operator.shares.grant(owner, "work", user=name)
    assert [share.shared_with for share in operator.shares.list(owner, "work")] == names
    operator.shares.revoke_all(owner, "work")


def test_a_missing_server_user_or_group_cannot_be_shared(operator: Any, owner: str, friend: str) -> None:
    asks: tuple[Callable[[], object], ...] = (
        lambda: operator.shares.grant(owner, "nowhere", user=friend),
        lambda: operator.shares.grant(owner, "work", user="ghost"),
        lambda: operator.shares.grant(owner, "work", group="nowhere"),
        lambda: list(operator.shares.list("ghost")),
        lambda: list(operator.shares.list(owner, "nowhere")),
        lambda: operator.shares.revoke_all(owner, "nowhere"),
        lambda: list(operator.share_codes.list(owner, "nowhere")),
        lambda: operator.share_codes.create(owner, "nowhere"),
    )
    for ask in asks:
        with pytest.raises(NotFound):
            ask()
    with pytest.raises(InvalidInput):
        operator.shares.grant(owner, "work", user=friend, group="nowhere")
    with pytest.raises(InvalidInput):
        operator.shares.grant(owner, "work")


def test_sharing_needs_the_scope(ana: Any, robot: Any, user: str, friend: str) -> None:
    for one in (ana, robot):
        with pytest.raises(MissingScope, match="shares"):
            one.shares.grant(user, "work", user=friend)
        with pytest.raises(MissingScope, match="shares"):
            one.share_codes.create(user, "work")


@pytest.mark.parametrize("name", ["", "work"])
def test_a_share_code_is_created_listed_and_revoked(operator: Any, owner: str, name: str) -> None:
    made = operator.share_codes.create(owner, name, expires_in=600)
    assert made.code
    assert made.code in made.accept_url
    assert made.code not in repr(made)
    assert timedelta(minutes=9) < made.expires_at - datetime.now(UTC) < timedelta(minutes=11)
    spare = operator.share_codes.create(owner, name, scopes=[f"read:servers!server={owner}/{name}"])
    assert timedelta(hours=23) < spare.expires_at - datetime.now(UTC) < timedelta(hours=25)
    assert [(one.id, one.code) for one in operator.share_codes.list(owner)] == [(made.id, None), (spare.id, None)]
    operator.share_codes.revoke(owner, name, made.id)
    assert [one.id for one in operator.share_codes.list(owner, name)] == [spare.id]
    with pytest.raises(NotFound):
        operator.share_codes.revoke(owner, name, made.id)
    operator.share_codes.revoke_all(owner, name)
    assert list(operator.share_codes.list(owner)) == []
