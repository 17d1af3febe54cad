"""A document as text: stable, in quotes only where needed, and read back as the same document."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st

from jhub.errors import InvalidInput
from jhub.object_path import segment
from jhub.profiles.problems import ProblemLog, UnreadableFile
from jhub.profiles.yaml_tree import to_python
from jhub.state import (
    Document,
    GroupEntry,
    LeaveLimit,
    MembersEntry,
    RoleEntry,
    ServerEntry,
    UserEntry,
    load,
    to_json,
    to_yaml,
)
from jhub.state.files.document_text import PLAIN
from jhub.state.files.yaml_reader import NUMBER, WORDS, is_text, parse_yaml, resolve

ODD = [
    *("no", "007", "- a", "#x", "a: b", "&x", "*x", "~", "null", "true", "1e5", "2G", "'", '"', "a #b", "a:", ":", "-"),
    *(" a", "a ", "a  b", "[x]", "{x}", "x,y", "%x", "@x", "`x", "!x", "|", ">", "?", "? a", "<<", "=", "---", "..."),
    *(
        "ünï",
        "名前",
        "\U0001f600",
        "a'b",
        'a"b',
        "a\\b",
        "/students",
        "CORP\\ana",
        "ana@x.org",
        "s-1_2.3+4",
        "a\u00a0b",
    ),
    *("\ufeffx", "a\ufeff", "x" * 2000, "a?b", "a#b", "it's 5%", "x!user=a", "read:users!group=cs101", "1:30", "0x1F"),
]
TEXTS = st.sampled_from(ODD) | st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), min_size=1, max_size=12)


def is_name(text: str) -> bool:
    try:
        segment(text, "user")
    except InvalidInput:
        return False
    return True


NAMES = TEXTS.filter(is_name)
OWNERS = NAMES.filter(lambda text: len(text) <= 100 and text.strip() != "")
JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXTS | st.just(""),
    lambda children: st.lists(children, max_size=3) | st.dictionaries(TEXTS | st.just(""), children, max_size=3),
    max_leaves=8,
)
PROPERTIES = st.none() | st.dictionaries(TEXTS.filter(lambda key: key != "jhub") | st.just(""), JSON_VALUES, max_size=3)


def sets(names: st.SearchStrategy[str], *, folded: bool = True) -> st.SearchStrategy[tuple[str, ...]]:
    """Return a strategy of sorted names, each once."""
    unique = st.lists(names, max_size=4, unique_by=str.lower if folded else str)
    return unique.map(lambda found: tuple(sorted(found)))


USERS = st.lists(
    st.builds(UserEntry, name=NAMES, admin=st.none() | st.booleans()),
    max_size=4,
    unique_by=lambda user: user.name.lower(),
)
GROUPS = st.lists(
    st.builds(
        GroupEntry,
        name=NAMES,
        owner=st.none() | st.just("") | OWNERS,
        members=st.none() | st.builds(MembersEntry, names=sets(NAMES), exact=st.booleans()),
        properties=PROPERTIES,
        create_users=st.booleans(),
    ),
    max_size=3,
    unique_by=lambda group: group.name,
)
SERVERS = st.none() | st.lists(
    st.builds(
        ServerEntry,
        user=NAMES,
        name=st.from_regex(r"\A[a-z](-?[a-z0-9]){0,9}\Z"),
        options=PROPERTIES,
        display_name=st.none() | TEXTS.filter(lambda text: text.strip() != ""),
    ),
    max_size=3,
    unique_by=lambda server: (server.user.lower(), server.name),
).map(lambda found: tuple(sorted(found, key=lambda server: (server.user, server.name))))
ROLES = st.lists(
    st.builds(
        RoleEntry,
        name=NAMES,
        scopes=st.none() | sets(TEXTS, folded=False),
        users=st.none() | sets(NAMES),
        groups=st.none() | sets(NAMES, folded=False),
    ),
    max_size=2,
    unique_by=lambda role: role.name,
)
LIMITS = st.builds(LeaveLimit, number=st.integers(0, 10**9 - 1), percent=st.none()) | st.builds(
    LeaveLimit, percent=st.floats(0, 100)
)
DOCUMENTS = st.builds(
    Document,
    owner=st.none() | OWNERS,
    users=USERS.map(lambda found: tuple(sorted(found, key=lambda user: user.name))),
    groups=GROUPS.map(lambda found: tuple(sorted(found, key=lambda group: group.name))),
    servers=SERVERS,
    roles=ROLES.map(lambda found: tuple(sorted(found, key=lambda role: role.name))),
    protected_users=sets(NAMES),
    leave_limit=LIMITS,
    grace_seconds=st.floats(0, 10**8),
)

FULL = Document(
    owner="cs101",
    users=(UserEntry(name="007"), UserEntry(name="ada", admin=True)),
    groups=(
        GroupEntry(name="gpu", members=MembersEntry(names=("ada",), exact=False)),
        GroupEntry(
            name="lab",
            owner="cs101",
            members=MembersEntry(names=("ada", "no")),
            properties={"mem": "2G", "n": 2, "s": "2", "deep": {"a": [1, {"b": None}, []], "e": {}}},
            create_users=True,
        ),
    ),
    servers=(ServerEntry(user="ada", name="x", options={}, display_name="A: b"),),
    roles=(RoleEntry(name="r", scopes=("list:users",), users=(), groups=("lab",)),),
    protected_users=("ada",),
    leave_limit=LeaveLimit(number=5, percent=None),
    grace_seconds=7 * 86400.0,
)
TEXT = """\
version: 1
owner: cs101
users:
  - 007
  - {name: ada, admin: true}
groups:
  - name: gpu
    members:
      at-least:
        - ada
  - name: lab
    owner: cs101
    members:
      - ada
      - no
    create-users: true
    properties:
      deep:
        a:
          - 1
          -
            b: null
          - []
        e: {}
      mem: 2G
      n: 2
      s: "2"
servers:
  - user: ada
    name: x
    display-name: "A: b"
    options: {}
roles:
  - name: r
    scopes:
      - list:users
    users: []
    groups:
      - lab
protect:
  users:
    - ada
limits: {leave: 5}
grace: 7d
"""


def loaded(text: str, name: str = "jhub.yaml") -> Document:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / name
        file.write_text(text, "utf-8")
        return load(file)


FULL_JSON = {
    "version": 1,
    "owner": "cs101",
    "users": ["007", {"name": "ada", "admin": True}],
    "groups": [
        {"name": "gpu", "members": {"at-least": ["ada"]}},
        {
            "name": "lab",
            "owner": "cs101",
            "members": ["ada", "no"],
            "create-users": True,
            "properties": {"deep": {"a": [1, {"b": None}, []], "e": {}}, "mem": "2G", "n": 2, "s": "2"},
        },
    ],
    "servers": [{"user": "ada", "name": "x", "display-name": "A: b", "options": {}}],
    "roles": [{"name": "r", "scopes": ["list:users"], "users": [], "groups": ["lab"]}],
    "protect": {"users": ["ada"]},
    "limits": {"leave": "5"},
    "grace": "7d",
}


def test_a_document_is_json_in_the_same_order() -> None:
    assert to_json(FULL) == json.dumps(FULL_JSON, indent=2) + "\n"
    assert to_json(Document(servers=())) == '{\n  "version": 1,\n  "servers": []\n}\n'
    assert '"owner": null' in to_json(Document(groups=(GroupEntry(name="g", owner=""),)))


@settings(max_examples=200, deadline=None)
@given(DOCUMENTS)
@example(Document(groups=(GroupEntry(name="g", properties={"a": ODD, "b": [[ODD]], "c": {"": {"": ODD}}}),)))
def test_every_document_is_read_back_from_json(document: Document) -> None:
    assert loaded(to_json(document), "jhub.json") == document


@given(st.from_regex(NUMBER, fullmatch=True) | st.sampled_from([*WORDS]) | TEXTS)
def test_a_plain_scalar_is_text_if_its_value_is(source: str) -> None:
    try:
        value = resolve(source)
    except ValueError:
        value = 0  # a number that is too large
    assert is_text(source) == isinstance(value, str)


def test_a_document_is_text_with_a_name_a_line() -> None:
    assert to_yaml(FULL) == TEXT
    assert loaded(TEXT) == FULL


def test_an_empty_document_is_its_version() -> None:
    assert to_yaml(Document()) == "version: 1\n"
    assert to_yaml(Document(servers=())) == "version: 1\nservers: []\n"
    assert loaded("version: 1\nservers: []\n") == Document(servers=())


def test_the_order_of_a_document_does_not_show() -> None:
    reverse = Document(
        users=FULL.users[::-1],
        groups=(
            GroupEntry(name="z", members=MembersEntry(names=("b", "a")), properties={"b": 1, "a": 2}),
            GroupEntry(name="a"),
        ),
        protected_users=("b", "a"),
    )
    lines = to_yaml(reverse).split()
    for first, second in (("007", "ada,"), ("a:", "b:"), ("a", "b")):
        assert lines.index(first) < lines.index(second)
    assert to_yaml(loaded(to_yaml(reverse))) == to_yaml(reverse)


@settings(max_examples=300, deadline=None)
@given(DOCUMENTS)
@example(Document(users=tuple(UserEntry(name=name) for name in sorted(filter(is_name, ODD)))))
@example(Document(groups=(GroupEntry(name="g", properties={text: text for text in ODD}),)))
@example(Document(groups=(GroupEntry(name="g", properties={"a": ODD, "b": [[ODD]], "c": {"": {"": ODD}}}),)))
def test_every_document_is_read_back(document: Document) -> None:
    text = to_yaml(document)
    assert loaded(text) == document
    assert to_yaml(loaded(text)) == text


@given(DOCUMENTS)
def test_other_readers_of_yaml_accept_the_text(document: Document) -> None:
    found: Any = yaml.load(to_yaml(document), Loader=yaml.BaseLoader)  # it makes texts only
    assert [user if isinstance(user, str) else user["name"] for user in found.get("users", [])] == [
        user.name for user in document.users
    ]


@settings(max_examples=500)
@given(TEXTS.filter(lambda text: len(text) < 1000))
def test_a_text_is_in_quotes_if_it_would_be_read_otherwise(text: str) -> None:
    """Texts with rare signs are in quotes too; a word, an address and a path are not."""
    try:
        log = ProblemLog()
        found = to_python(parse_yaml(f"- [{text}, {{a: {text}}}]\n- {text}: b\n- {text}\n", log))
    except UnreadableFile:
        found = None
    if PLAIN.fullmatch(text) and is_text(text):
        assert found == [[text, {"a": text}], {text: "b"}, text]


@pytest.mark.parametrize(
    "text", ["ana", "ana.b-c_d@x.org", "/s", "read:users!group=cs101", "Ana Lee", "2G", "no", "ü", "1"]
)
def test_a_usual_text_is_without_quotes(text: str) -> None:
    name = text.lstrip("/")
    assert f"  - {name}\n" in to_yaml(Document(users=(UserEntry(name=name),)))


def test_a_number_that_is_text_is_in_quotes_where_numbers_may_be() -> None:
    group = GroupEntry(name="1", properties={"1": "1", "true": "true", "n": "null"})
    text = to_yaml(Document(groups=(group,)))
    assert "name: 1\n" in text
    for line in ('1: "1"\n', 'true: "true"\n', 'n: "null"\n'):
        assert f"      {line}" in text


def test_an_incomplete_roster_is_not_written_as_a_list() -> None:
    group = GroupEntry(name="g", members=MembersEntry(names=("ana",), unreadable=("roster.csv:3: has a space",)))
    for writer in (to_yaml, to_json):
        with pytest.raises(InvalidInput, match=r"^group g: roster.csv:3: has a space$"):
            writer(Document(groups=(group,)))


def test_a_duration_is_in_the_longest_unit_that_fits() -> None:
    written = {90: "90s", 900: "15m", 8 * 3600: "8h", 30 * 86400: "30d", 1.5: "1.5s", 0.1: "0.1s", 1e-7: "0.0000001s"}
    for seconds, text in written.items():
        assert to_yaml(Document(grace_seconds=seconds)).endswith(f"grace: {text}\n")


def test_the_key_of_a_property_may_be_long() -> None:
    group = GroupEntry(name="g", properties={"k" * 1100: {"l" * 1100: [1]}})
    assert loaded(to_yaml(Document(groups=(group,)))).groups == (group,)
