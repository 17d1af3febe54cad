"""Regular expressions of profiles, as browsers read them. tests/hub compares the meanings in a real browser."""

from __future__ import annotations

import re

import pytest

from jhub.extension import html_pattern as module
from jhub.extension.html_pattern import html_pattern
from jhub.profiles.validation_regex import find_error


@pytest.mark.parametrize(
    ("expression", "pattern"),
    [
        ("[a-z]+", "[a-z]+"),
        ("^.+:.+$", r"^[^\n]+:[^\n]+$"),
        (r"\Aab\Z", "^ab$"),
        (r"v\d{1,3}", r"v[\p{Nd}]{1,3}"),
        (r"[^\D.]", r"[^\P{Nd}\.]"),
        (r"\s\S", r"[\p{White_Space}][\P{White_Space}]"),
        (r"[\W-]", rf"[[^{module.WORD}]\-]"),
        ("(ab|cd|)*?", "(?:(?:ab|cd|))*?"),
        ("(?P<name>a)(?:bc){2}", "(?:a)(?:bc){2}"),
        ("a{,3}b{2,}c+d?e{2}?", "a{0,3}b{2,}c+d?e{2}?"),
        ("(?<!a)b(?=c)(?!d)(?<=b)", "(?<!a)b(?=c)(?!d)(?<=b)"),
        ("[]a^&-]", r"[\]a\^\&\-]"),
        ("[^a]", "[^a]"),
        (r"[a\\\]b]", r"[a\\\]b]"),
        (r"\-\/\#\ \.", r"-\/# \."),
        (r"\x41\u00e9\N{BULLET}\t", "Aé•\\u{9}"),
        ("/", r"\/"),
        (r"[\ba]", r"[\u{8}a]"),
        ("", ""),
    ],
)
def test_the_meaning_stays_the_same(expression: str, pattern: str) -> None:
    assert find_error(expression) == ""
    assert html_pattern(expression) == pattern


@pytest.mark.parametrize(
    "expression",
    [
        *("(?i)a", "(?i:a)", "(?s).", "(?a)a", "(?m)^a$", r"(a)\1", "(?P<x>a)(?P=x)", "(a)?(?(1)b|c)"),
        *("(?>a)", "a++", "a?+", r"\ba", r"\B", "\ud800", "[\ud800-\udfff]"),
    ],
)
def test_other_syntax_is_left_to_the_hub(expression: str) -> None:
    assert html_pattern(expression) == ""


def test_what_python_cannot_parse_is_left_to_the_hub(monkeypatch: pytest.MonkeyPatch) -> None:
    assert html_pattern("(") == ""
    monkeypatch.setattr(module, "_parser", None)
    assert html_pattern("a") == ""


def test_ordinary_expressions_of_hubs_have_a_pattern() -> None:
    for expression in (
        r"^.+:.+$",
        r"[\w.\-/]+:[\w.\-]+",
        r"https://[a-z.]+/.*",
        r"(\d+)\.(\d+)",
        r"[A-Za-z0-9_-]{1,63}",
    ):
        assert re.compile(expression)
        assert html_pattern(expression) != ""
