"""Entries that are added to the text of a state file: everything else stays as it is."""

from __future__ import annotations

import pytest
import yaml

from jhub.errors import Conflict, InvalidInput
from jhub.state.document import Document, GroupEntry, MembersEntry, ServerEntry, UserEntry
from jhub.state.files.file_edit import add_entries

ANA = Document(users=(UserEntry(name="ana"),))
GEO = Document(
    groups=(GroupEntry(name="geo", members=MembersEntry(names=("ana", "007")), properties={"n": 7, "t": "7"}),)
)
LAB = Document(servers=(ServerEntry(user="ana", name="lab", options={"profile": "large"}),))

FILES = {
    "empty": "",
    "only a version": "version: 1\n",
    "without a newline at the end": "version: 1",
    "lists at the margin": """version: 1
users:
- name: bo   # a comment
- {name: cy}

# the end
groups:
- name: bio
""",
    "lists that are indented": """version: 1
groups:
  - name: bio
    members:
      - cy   # first
users:
  - bo
""",
    "in brackets": "version: 1\nusers: [bo, {name: cy}]  # people\ngroups: []\nservers: [{user: bo, name: x}]\n",
    "keys without values": "version: 1\nusers:\ngroups:   # none yet\nservers:\nprotect:\n",
    "protected in brackets": "version: 1\nprotect: {users: [bo]}\nlimits: {leave: 5}\n",
    "protected, empty": "version: 1\nprotect: {}\nlimits:\n  leave: 5\n",
    "protected in a list": "version: 1\nprotect:\n  users:\n    - bo\n# the end\n",
    "a block of text": """version: 1
users:
  - name: >-
      bo

groups:
  - name: |-
      bio
    properties:
      about: |
        two
        lines
""",
    "plain values": """version: 1
users: [007, no, 1e3]
groups:
  - name: 2026-09-01
    properties: {a: 0x1F, b: 'x', c: "y", d: 1_000}
""",
    "a byte order mark": "\ufeffversion: 1\nusers:\n- bo\n",
    "windows": "version: 1\r\nusers:\r\n- bo\r\n",
    "a document marker": "---\nversion: 1\nusers:\n  - bo\n...\n",
    "in braces": "{version: 1, users: [bo]}\n",
}


def plain(text: str) -> dict[str, object]:
    value: dict[str, object] = yaml.load(text, Loader=yaml.BaseLoader)  # it makes text only
    return value


@pytest.mark.parametrize("text", FILES.values(), ids=FILES)
@pytest.mark.parametrize("additions", [ANA, GEO, LAB], ids=["user", "group", "server"])
def test_an_entry_is_the_last_in_its_list_and_all_else_stays(text: str, additions: Document) -> None:
    names = [user.name for user in additions.users]
    edited = add_entries(text, additions, names)
    (section,) = (key for key in ("users", "groups", "servers") if getattr(additions, key))
    before, after = plain(text or "version: 1"), plain(edited)
    expected = {**before, section: [*(before.get(section) or ()), *_entries(after, section)[-1:]]}  # type: ignore[misc]
    if names:
        protect = before.get("protect") or {}
        assert isinstance(protect, dict)
        expected["protect"] = {**protect, "users": [*protect.get("users", []), "ana"]}
    assert {key: value or None for key, value in after.items()} == {k: v or None for k, v in expected.items()}
    # What was there is there in its order: nothing but additions.
    left = iter(edited)
    assert all(character in left for character in text)


def _entries(values: dict[str, object], section: str) -> list[object]:
    entries = values[section]
    assert isinstance(entries, list)
    return entries


def test_lines_are_added_in_the_style_of_the_list() -> None:
    assert add_entries("version: 1\nusers:\n  - bo  # one\n  # - cy\n\nowner: me\n", ANA) == (
        "version: 1\nusers:\n  - bo  # one\n  - ana\n  # - cy\n\nowner: me\n"
    )
    assert add_entries("version: 1\nusers: [bo]  # one\n", ANA) == "version: 1\nusers: [bo, ana]  # one\n"


def test_texts_that_are_not_numbers_stay_so() -> None:
    edited = add_entries("groups: [{name: bio}]\n", GEO)
    assert "n: 7" in edited
    assert 't: "7"' in edited


@pytest.mark.parametrize(
    ("text", "additions", "message"),
    [
        ("users: [ana]\n", ANA, "user ana is in the file"),
        ("users: [{name: Ana, admin: true}]\n", ANA, "user ana is in the file"),
        ("groups:\n- name: geo\n", GEO, "group geo is in the file"),
        ("servers: [{user: ANA, name: lab}]\n", LAB, "server ana/lab is in the file"),
    ],
)
def test_what_is_in_the_file_is_a_conflict(text: str, additions: Document, message: str) -> None:
    with pytest.raises(Conflict, match=message):
        add_entries(text, additions)


@pytest.mark.parametrize(
    "text",
    [
        "- a\n",
        "users: [\n",
        "users: bo\n",
        "users: {a: b}\n",
        "users: ~\n",
        "protect: []\n",
        "protect: {users: bo}\n",
        "a: &list [bo]\nusers: *list\n",
        "users: &list [bo]\nprotect: {users: *list}\n",
        "a: 1\n---\nb: 2\n",
        "users: &list [*list]\n",
        "users: [&name bo, *name]\n",
        "users: " + "[" * 5000,
        "users: [bo]\nusers: [cy]\n",
    ],
)
def test_a_file_that_cannot_be_edited_is_an_error(text: str) -> None:
    with pytest.raises(InvalidInput):
        add_entries(text, ANA, ["ana"])


def test_lines_end_as_in_the_file() -> None:
    assert add_entries("users:\r\n- bo\r\n", ANA) == "users:\r\n- bo\r\n- ana\r\n"


def test_a_user_is_protected_once() -> None:
    text = "version: 1\nprotect: {users: [Ana]}\n"
    assert add_entries(text, ANA, ["ana"]).count("Ana") == 1


def test_several_entries_are_added_in_their_order() -> None:
    users = Document(users=(UserEntry(name="ana"), UserEntry(name="cy", admin=True)))
    for text, expected in (
        ("version: 1\nusers: [bo]\n", "version: 1\nusers: [bo, ana, {name: cy, admin: true}]\n"),
        ("users:\n- bo\n", "users:\n- bo\n- ana\n- name: cy\n  admin: true\n"),
        ("owner: me\n", "owner: me\nusers:\n  - ana\n  - name: cy\n    admin: true\n"),
    ):
        assert plain(add_entries(text, users)) == plain(expected)
    protected = add_entries("protect: {users: [bo]}\n", users, ["ana", "BO", "Ana", "cy"])
    assert plain(protected)["protect"] == {"users": ["bo", "Ana", "cy"]}


@pytest.mark.parametrize("additions", [ANA, GEO, LAB], ids=["user", "group", "server"])
@pytest.mark.parametrize("text", FILES.values(), ids=FILES)
def test_the_parser_in_python_has_the_same_result(
    text: str, additions: Document, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = [user.name for user in additions.users]
    edited = add_entries(text, additions, names)
    monkeypatch.setattr("jhub.state.files.file_edit.LOADER", yaml.BaseLoader)
    assert add_entries(text, additions, names) == edited
