"""Names in the source are the field's terms: none of the words that the style page excludes."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import jhub

ROOT = Path(jhub.__file__).parent
FILES = sorted(ROOT.rglob("*.py"))

EXCLUDED = {
    *("manager", "helper", "util", "utils"),
    *("asked", "felt", "given", "looks", "marks", "saw", "standing", "suits", "told", "way", "ways"),
}
WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")


def names(code: str) -> Iterator[str]:
    """Yield each name that code defines: modules aside."""
    for node in ast.walk(ast.parse(code)):
        match node:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                yield name
            case ast.arg(arg=name) | ast.Name(id=name, ctx=ast.Store()) | ast.alias(asname=str(name)):
                yield name
            case (
                ast.Attribute(attr=name, ctx=ast.Store()) | ast.MatchAs(name=str(name)) | ast.MatchStar(name=str(name))
            ):
                yield name
            case ast.ExceptHandler(name=str(name)):
                yield name
            case _:
                pass


def excluded(code: str) -> set[str]:
    """Return the names in code that have an excluded word in them."""
    return {name for name in names(code) if EXCLUDED & {word.lower() for word in WORD.findall(name)}}


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(ROOT)))
def test_no_name_has_an_excluded_word(file: Path) -> None:
    assert not EXCLUDED & set(file.stem.split("_"))
    assert excluded(file.read_text()) == set()


@pytest.mark.parametrize(
    ("code", "found"),
    [
        ("asked = 1", {"asked"}),
        ("def is_given(x): pass", {"is_given"}),
        ("class ServerManager: pass", {"ServerManager"}),
        ("def f(two_ways): pass", {"two_ways"}),
        ("self.last_told = 1", {"last_told"}),
        ("TEST_UTILS = 1", {"TEST_UTILS"}),
        ("try: pass\nexcept ValueError as told: pass", {"told"}),
        ("match x:\n    case told: pass", {"told"}),
        ("import a as helper", {"helper"}),
        ("always = away = wayside = forgiven = 1", set()),
        ("print(given)", set()),
    ],
)
def test_a_word_is_found_in_a_name(code: str, found: set[str]) -> None:
    assert excluded(code) == found
