"""Only one file matches the texts of the hub's messages."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import jhub
from jhub import errors, messages

ROOT = Path(jhub.__file__).parent
FILES = sorted(ROOT.rglob("*.py"))
KINDS = {name for name, kind in vars(errors).items() if isinstance(kind, type) and issubclass(kind, Exception)}
TEXTS = {"message", "reason", "args"}
PATTERNS = {"search", "match", "fullmatch", "findall", "finditer"}
TESTS = {"startswith", "endswith", "find", "rfind", "index", "rindex", "count", "partition", "rpartition"}
MAY = {"messages.py", "cli/progress/report.py", "client/certificates.py"}
"""Files that may read the text of an error. The second adds the name of a server if it is missing; the third reads the
reason of an `ssl.SSLError`, which has no class.
"""


def names_of_errors(tree: ast.AST) -> Iterator[str]:
    """Yield the variables of code that hold errors."""
    for node in ast.walk(tree):
        match node:
            case ast.ExceptHandler(name=str(name)) | ast.MatchAs(pattern=ast.MatchClass(), name=str(name)):
                yield name
            case ast.arg(arg=name, annotation=ast.expr() as kind) if set(named_in(kind)) & KINDS:
                yield name
            case _:
                pass


def named_in(tree: ast.AST) -> Iterator[str]:
    """Return the names in an expression."""
    return (node.id for node in ast.walk(tree) if isinstance(node, ast.Name))


def readings(code: str) -> list[int]:
    """Return the lines in which code compares or searches the text of an error."""
    tree = ast.parse(code)
    caught = set(names_of_errors(tree)) | {"error"}
    texts = set[str]()

    def is_error(node: ast.AST) -> bool:
        match node:
            case ast.Name(id=name):
                return name in caught
            case ast.Attribute(attr=name):
                return name == "error"
            case _:
                return False

    def is_text(node: ast.AST) -> bool:
        match node:
            case ast.Name(id=name):
                return name in texts
            case ast.Call(func=ast.Name(id="str" | "repr"), args=[each]):
                return is_error(each)
            case ast.Attribute(value=value, attr=name) if name in TEXTS:
                return is_error(value)
            case ast.Call(func=ast.Attribute(value=value)) | ast.Subscript(value=value):
                return is_text(value)
            case _:
                return False

    for node in ast.walk(tree):
        match node:
            case ast.Assign(targets=[ast.Name(id=name)], value=value) if is_text(value):
                texts.add(name)
            case _:
                pass

    def reads(node: ast.AST) -> bool:
        match node:
            case ast.Compare(left=left, comparators=others):
                return any(map(is_text, (left, *others)))
            case ast.Match(subject=subject):
                return is_text(subject)
            case ast.Call(func=ast.Attribute(value=value, attr=name), args=args):
                searched = name in TESTS or (name == "split" and args)
                return bool(searched and is_text(value)) or (name in PATTERNS and any(map(is_text, args)))
            case _:
                return False

    return sorted(node.lineno for node in ast.walk(tree) if isinstance(node, ast.expr | ast.stmt) and reads(node))


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(ROOT)))
def test_no_other_file_reads_the_text_of_an_error(file: Path) -> None:
    if str(file.relative_to(ROOT)) not in MAY:
        assert not readings(file.read_text()), "give the error a class in jhub.messages, and catch that"


@pytest.mark.parametrize("row", messages.MESSAGE_RULES, ids=lambda row: row.pattern)
def test_the_groups_of_a_pattern_are_attributes_of_the_error(row: messages.MessageRule) -> None:
    fields = re.compile(row.pattern).groupindex
    assert all(hasattr(row.kind, name) for name in fields) or row.kind is errors.MissingScope


@pytest.mark.parametrize(
    "code",
    [
        'try: f()\nexcept Conflict as e:\n    if "exists" in str(e): pass',
        'try: f()\nexcept Conflict as e:\n    if e.message == "exists": pass',
        'try: f()\nexcept Conflict as e:\n    if str(e).lower().startswith("no"): pass',
        'try: f()\nexcept Conflict as e:\n    re.search("no", str(e))',
        "try: f()\nexcept Conflict as e:\n    said = str(e)\n    said.split(': ')",
        'match done:\n    case Conflict() as e if "exists" in str(e): pass',
        "def f(e: Conflict | None):\n    return e.args[0].find('x')",
        'if "exists" in str(event.error): pass',
        'match error.message:\n    case "x": pass',
    ],
)
def test_a_comparison_of_an_error_text_is_found(code: str) -> None:
    assert readings(code)


@pytest.mark.parametrize(
    "code",
    [
        "try: f()\nexcept Conflict as e:\n    print(str(e), e.message)",
        "try: f()\nexcept Conflict as e:\n    if e.status == 409: pass",
        "try: f()\nexcept Conflict as e:\n    print(str(e).removeprefix('user ana: '), *str(e).split())",
        'if "x" in str(event.message): pass',
    ],
)
def test_showing_an_error_text_is_allowed(code: str) -> None:
    assert not readings(code)
