"""The fixtures of the pytest plugin, on their hub."""

from __future__ import annotations

import pytest

from jhub import Hub, NotFound
from jhub.local import LocalHub
from jhub.models import User

created: list[str] = []


def test_the_client_is_the_administrator(jhub_local_hub: LocalHub, jhub_hub: Hub) -> None:
    assert jhub_hub.url == jhub_local_hub.url
    identity = jhub_hub.whoami()
    assert (identity.name, identity.admin) == (jhub_local_hub.username, True)


def test_the_user_exists(jhub_hub: Hub, jhub_user: User) -> None:
    created.append(jhub_user.name)
    jhub_hub.servers.create(jhub_user.name, "lab")
    assert jhub_hub.users.get(jhub_user.name).admin is False


def test_the_user_is_removed_after_the_test(jhub_hub: Hub, jhub_user: User) -> None:
    for name in created:
        assert name != jhub_user.name
        with pytest.raises(NotFound):
            jhub_hub.users.get(name)
