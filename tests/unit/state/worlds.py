"""Random documents and hubs, for tests of properties that hold for all of them."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from jhub.state import Document, GroupEntry, LeaveLimit, MembersEntry, ServerEntry, UserEntry
from jhub.testing import FakeHub

NAMES = ("ana", "bo", "cy", "dee", "eve", "fay")
GROUPS = ("geo", "bio", "art")
ANYBODY = LeaveLimit(percent=100)
VALUES = st.sampled_from([1, 1.0, True, "2G", None, {"a": [1]}])

names = st.lists(st.sampled_from(NAMES), unique=True).map(tuple)
spellings = st.lists(st.sampled_from([*NAMES, "Ana", "BO"]), unique_by=str.lower).map(tuple)
properties = st.dictionaries(st.sampled_from(["cpu", "mem", "room"]), VALUES, max_size=3)


def owned(values: dict[str, Any], owner: str | None) -> dict[str, Any]:
    """Return properties with the mark of an owner."""
    return {**values, "jhub": {"owner": owner}} if owner else values


@st.composite
def hubs(draw: st.DrawFn, owners: tuple[str | None, ...] = (None, "me")) -> FakeHub:
    """Return a hub with some users, groups and named servers."""
    groups = draw(st.lists(st.sampled_from(GROUPS), unique=True))
    return FakeHub(
        users=draw(names),
        groups={name: draw(names) for name in groups},
        properties={name: owned(draw(properties), draw(st.sampled_from(owners))) for name in groups},
        servers=draw(st.lists(st.sampled_from(["ana/lab", "bo/lab", "bo"]), unique=True)),
    )


@st.composite
def groups(draw: st.DrawFn, name: str) -> GroupEntry:
    """Return an entry of a group."""
    members = st.builds(MembersEntry, names=spellings, exact=st.booleans())
    return GroupEntry(
        name=name,
        members=draw(st.none() | members),
        properties=draw(st.none() | properties),
        create_users=draw(st.booleans()),
    )


@st.composite
def documents(draw: st.DrawFn, owner: str | None = "me") -> Document:
    """Return a document. Everybody may leave, and no name is left unknown."""
    users = tuple(UserEntry(name=name, admin=draw(st.sampled_from([None, True, False]))) for name in draw(spellings))
    entries = [draw(groups(name)) for name in draw(st.lists(st.sampled_from(GROUPS), unique=True))]
    owners = {entry.name.lower() for entry in users}
    servers = draw(st.lists(st.sampled_from([*owners]) if owners else st.nothing(), unique=True))
    return Document(
        owner=owner,
        users=users,
        groups=tuple(entries),
        servers=tuple(ServerEntry(user=user, name="lab", options=draw(properties)) for user in servers),
        leave_limit=ANYBODY,
    )
