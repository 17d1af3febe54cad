"""YAML and JSON of state files as trees: values, lines, limits and what is refused."""

from __future__ import annotations

import json
import string
from collections.abc import Callable
from typing import Any

import pytest
import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st

from jhub.profiles.problems import ProblemLog, UnreadableFile
from jhub.profiles.yaml_tree import Mapping, Node, Scalar, to_python
from jhub.state.files import yaml_reader
from jhub.state.files.json_reader import parse_json
from jhub.state.files.yaml_reader import parse_yaml

Parse = Callable[[str], tuple[Node, tuple[str, ...]]]


def read(text: str, *, pure: bool = False) -> tuple[Node, tuple[str, ...]]:
    """Return the tree of a YAML text, and the problems in it."""
    log = ProblemLog()
    node = parse_yaml(text, log, pure=pure)
    return node, tuple(f"{each.line}: {each.message}" for each in log.problems)


def read_pure(text: str) -> tuple[Node, tuple[str, ...]]:
    return read(text, pure=True)


def read_json(text: str) -> tuple[Node, tuple[str, ...]]:
    """Return the tree of a JSON text, and the problems in it."""
    log = ProblemLog()
    node = parse_json(text, log)
    return node, tuple(f"{each.line}: {each.message}" for each in log.problems)


def refusal(text: str, parse: Parse = read) -> str:
    """Return the reason because of which a text has no tree."""
    with pytest.raises(UnreadableFile) as caught:
        parse(text)
    return f"{caught.value.problem.line}: {caught.value.problem.message}"


def value(text: str) -> Any:
    node, problems = read(text)
    assert not problems
    return to_python(node)


def test_this_machine_has_both_parsers() -> None:
    assert yaml_reader.Parser is not None
    assert yaml_reader.Parser is not yaml.SafeLoader


@pytest.mark.parametrize(
    "written",
    [
        "007123",
        "no",
        "yes",
        "on",
        "off",
        "No",
        "2G",
        "1e5x",
        "2026-09-01",
        "2026-09-01T08:00:00Z",
        "1:30",
        ".5",
        "5.",
        "+1",
        "0x1F",
        "0o17",
        "1_000",
        "NaN",
        ".inf",
        "Null",
        "NULL",
        "True",
        "FALSE",
        "~",
        "y",
        "n",
        "=",
        "-",
        "ana@example.org",
    ],
)
def test_a_plain_scalar_that_is_not_of_json_is_text(written: str) -> None:
    text = "x" if written == "-" else written
    assert value(f"[{text}]") == [text]
    assert value(f"a: {text}") == {"a": text}


@pytest.mark.parametrize(
    ("written", "meant"),
    [("2", 2), ("-0", 0), ("-1.5e3", -1500.0), ("1E+2", 100.0), ("0", 0), ("true", True), ("false", False)],
)
def test_a_plain_scalar_of_json_is_a_value(written: str, meant: object) -> None:
    assert repr(value(f"[{written}]")) == repr([meant])
    for quoted in (f'"{written}"', f"'{written}'"):
        assert value(f"[{quoted}]") == [written]
    assert value(f"- |-\n  {written}\n") == [written]


def test_null_is_null_and_what_is_not_written_is_empty() -> None:
    node, _ = read("a: null\nb:\nc: ''\n")
    assert isinstance(node, Mapping)
    assert node.entries == {"a": Scalar(1, None, "null"), "b": Scalar(2, None, ""), "c": Scalar(3, "", "")}


def test_a_key_is_always_text() -> None:
    assert value("{1: a, true: b, null: c, 007: d, 1.5: e}") == {
        "1": "a",
        "true": "b",
        "null": "c",
        "007": "d",
        "1.5": "e",
    }


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a: 1\na: 2\n", ("2: duplicate key a: first used in line 1",)),
        ("a: !!str 1\n", ("1: the tag tag:yaml.org,2002:str is not allowed: write text in quotes instead",)),
        ("a: !x [1]\n", ("1: the tag !x is not allowed: write text in quotes instead",)),
        ("[1]: 2\n", ("1: a key must be text, not a list",)),
        ("? {a: 1}\n: 2\n", ("1: a key must be text, not a mapping",)),
        ("? \n: 2\n", ("1: a key is empty",)),
        ("<<: 1\n", ("1: << must be a mapping or a list of mappings, not 1 (a number)",)),
        ("a: 1e999\n", ("1: the number 1e999 is too large: write it in quotes if it is text",)),
    ],
)
@pytest.mark.parametrize("pure", [False, True])
def test_a_problem_is_reported_and_the_rest_is_read(text: str, expected: tuple[str, ...], pure: bool) -> None:
    node, problems = read(f"{text}z: 1\n", pure=pure)
    assert problems == expected
    assert isinstance(node, Mapping)
    assert "z" in node.entries


def test_a_number_without_end_is_refused() -> None:
    _, (problem,) = read(f"a: {'9' * 5000}\n")
    assert "is too long" in problem
    _, (problem,) = read_json(f'{{"a":\n{"9" * 5000}}}')
    assert problem.startswith("2: the number 999")


@pytest.mark.parametrize("pure", [False, True])
@pytest.mark.parametrize(
    ("text", "line", "part"),
    [
        ("a: 1\n---\nb: 2\n", 2, "a second document begins here"),
        ("a: 1\nb: *x\n", 2, "the alias *x has no anchor before it"),
        ("a: 1\nb: &x [*x]\n", 2, "the alias *x is inside of its own anchor"),
        ("a: &x {b: {c: *x}}\n", 1, "is inside of its own anchor"),
        ("a:\n  b: 1\n\tc: 2\n", 3, "not YAML: "),
        ("a: 1\nb: \x07\n", 2, "a character that is not allowed in YAML: '\\x07'"),
        ("a: [1\n", 2, "not YAML: "),
        ("a: 'x\n", 2, "not YAML: "),
        ("[" * 30 + "]" * 30, 1, "nested too deeply"),
        ("[" * 100_000, 1, "nest"),
        ("%YAML 9.9\n---\na: 1\n", 1, "not YAML: "),
    ],
)
def test_a_text_without_a_tree_is_refused_with_its_line(text: str, line: int, part: str, pure: bool) -> None:
    reason = refusal(text, read_pure if pure else read)
    assert reason.startswith(f"{line}: ")
    assert part in reason


def test_an_alias_counts_as_often_as_it_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(yaml_reader, "MAX_NODES", 1000)
    bomb = "a: &a [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]\n" + "".join(
        f"{name}: &{name} [{', '.join([f'*{before}'] * 10)}]\n" for before, name in zip("abcd", "bcde", strict=True)
    )
    assert "more than 1000 values" in refusal(bomb)
    deep = "a0: &a0 [1]\n" + "".join(f"a{n}: &a{n} [*a{n - 1}]\n" for n in range(1, 30))
    assert "nested too deeply" in refusal(deep)


def test_anchors_and_merge_keys_are_read() -> None:
    text = "base: &base {a: 1, b: 2}\nown: {<<: *base, b: 3}\nboth: {<<: [{a: 8}, *base]}\ntext: {'<<': 1}\n"
    assert value(text) == {
        "base": {"a": 1, "b": 2},
        "own": {"a": 1, "b": 3},
        "both": {"a": 8, "b": 2},
        "text": {"<<": 1},
    }


def test_a_lone_surrogate_is_refused_in_either_way() -> None:
    assert "not YAML" in refusal('a: "\\ud800"\n')
    _, problems = read_pure('a: "\\ud800"\n')
    assert problems == ("1: lone surrogate: \\u escapes from d800 to dfff are not characters",)
    _, problems = read_json('{"a":\n"\\ud800"}')
    assert problems == ("2: lone surrogate: \\u escapes from d800 to dfff are not characters",)
    assert read_json('["\\ud83d\\ude00"]')[0] == read_json('["\U0001f600"]')[0]


def test_line_ends_of_windows_do_not_change_lines() -> None:
    text = "a: 1\nb:\n  - x\n  - y z\nc: {d: e}\n"
    assert read(text.replace("\n", "\r\n")) == read(text) == read_pure(text.replace("\n", "\r\n"))


JSON_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**30), 10**30)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(codec="utf-8"), max_size=12)
    | st.sampled_from(["007", "no", "null", "1e5", "- a", "#x", "a: b", "&x", "*x", "~", "<<", ""]),
    lambda children: (
        st.lists(children, max_size=3)
        | st.dictionaries(st.text(st.characters(codec="utf-8"), max_size=6), children, max_size=3)
    ),
    max_leaves=10,
)


@given(JSON_VALUES, st.sampled_from([None, 1, "\t"]))
def test_json_is_read_as_python_reads_it(written: Any, indent: int | str | None) -> None:
    text = json.dumps(written, indent=indent)
    node, problems = read_json(text)
    assert not problems
    assert to_python(node) == written
    assert repr(to_python(node)) == repr(json.loads(text))


@given(JSON_VALUES)
def test_both_parsers_of_yaml_read_the_same(written: Any) -> None:
    text = yaml.safe_dump(written, allow_unicode=True)
    try:
        expected = read_pure(text)
    except UnreadableFile:
        refusal(text)
    else:
        assert read(text) == expected


@pytest.mark.parametrize(
    ("text", "line", "part"),
    [
        ("", 1, "expected a value, not the end of the file"),
        ('{"a": 1,\n}', 2, "expected a key in quotes, not }"),
        ('{"a": 1\n"b": 2}', 2, 'expected a comma or }, not "'),
        ('["a",\n\n01]', 3, "expected a value, not 01"),
        ('{"a":\nNaN}', 2, "expected a value, not NaN"),
        ("[1]\n[2]", 2, "expected the end of the file, not ["),
        ('["a\n"]', 1, "Invalid control character"),
        ('["\\x"]', 1, "Invalid \\escape"),
        ("{'a': 1}", 1, "expected a key in quotes"),
        ('{"a" 1}', 1, "expected a colon, not 1"),
        ("[" * 100_000, 1, "nest"),
        ("[1 2]", 1, "expected a comma or ], not 2"),
    ],
)
def test_what_is_not_json_is_refused_with_its_line(text: str, line: int, part: str) -> None:
    reason = refusal(text, read_json)
    assert reason.startswith(f"{line}: ")
    assert part in reason


def test_a_duplicate_key_of_json_is_not_lost() -> None:
    node, problems = read_json('{"a": 1,\n"a": 2}')
    assert problems == ("2: duplicate key a: first used in line 1",)
    assert to_python(node) == {"a": 1}


PIECES = st.sampled_from(
    [
        *"-:?,[]{}#&*!|>'\"%@` \n\t~=<.\\\r\ufeff\u2028\x85\0",
        "a",
        "1",
        "<<",
        "---",
        "...",
        "\\u",
        "\\ud800",
        "\U0001f600",
    ]
)


@settings(max_examples=300)
@given(st.lists(PIECES, max_size=30).map("".join) | st.text(string.printable, max_size=40) | st.text(max_size=20))
@example("%YAML 1.1111111111111111111111111111\n---\n")
@example('"\\UFFFFFFFF"')
@example("? a\n? a")
def test_no_text_raises_anything_else(text: str) -> None:
    for parse in (read, read_pure, read_json):
        try:
            node, _ = parse(text)
        except UnreadableFile:
            continue
        to_python(node)
