"""Fields that the token's scopes hide are None, not empty."""

from __future__ import annotations

import msgspec
import pytest

from jhub.cli.group import GROUPS
from jhub.cli.user import USERS
from jhub.errors import MissingScope
from jhub.models import Group, Identity, Service, User
from jhub.operations.groups import GroupOps, read_members
from jhub.testing import play, reply


def test_a_missing_field_is_none() -> None:
    user = msgspec.convert({"name": "ana"}, User)
    assert (user.admin, user.groups, user.roles, user.servers) == (None, None, None, None)
    group = msgspec.convert({"name": "geo"}, Group)
    assert (group.users, group.roles, group.properties) == (None, None, None)
    assert msgspec.to_builtins(group) == {"name": "geo", "users": None, "roles": None, "properties": None}
    who = msgspec.convert({"name": "ana"}, Identity)
    assert (who.admin, who.groups, who.roles) == (None, None, None)
    service = msgspec.convert({"name": "robot"}, Service)
    assert (service.admin, service.roles) == (None, None)


def test_an_empty_field_stays_empty() -> None:
    seen = {"name": "ana", "admin": False, "groups": [], "roles": [], "servers": {}}
    user = msgspec.convert(seen, User)
    assert (user.admin, user.groups, user.roles, user.servers) == (False, (), (), {})


def test_a_table_shows_a_question_mark(capsys: pytest.CaptureFixture[str]) -> None:
    USERS.print_list([User(name="ana"), User(name="bo", admin=False, groups=(), roles=(), servers={})], "csv")
    GROUPS.print_list([Group(name="geo"), Group(name="bio", users=(), properties={})], "csv")
    lines = capsys.readouterr().out.splitlines()
    assert lines[1] == "ana,?,?,?,?,,"
    assert lines[2] == "bo,no,,,,,"
    assert lines[4:] == ["geo,?,?,?", "bio,0,,"]


def test_hidden_members_and_properties_are_a_missing_scope() -> None:
    for plan in (read_members("geo"), GroupOps.set_properties("geo", {"a": 1})):
        played = play(plan, [reply(json={"name": "geo"})])
        assert isinstance(played.error, MissingScope)
        assert played.error.scopes == ("read:groups",)
