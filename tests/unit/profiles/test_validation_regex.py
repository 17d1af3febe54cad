"""Regular expressions of profiles have the same meaning in `re` and in `regex`, or are refused."""

from __future__ import annotations

import json

import pytest

from jhub.profiles.loader import check
from jhub.profiles.validation_regex import find_error


@pytest.mark.parametrize(
    ("expression", "wrong"),
    [
        (r"(?:hub\.example\.org/x){e}", "a brace at position 23"),
        ("(?:ab){i<=1}", "a brace at position 6"),
        ("a{1, 2}", "a brace at position 1"),
        ("a{,}", "a brace at position 1"),
        ("a{", "a brace at position 1"),
        ("[[:a:]+", "in the set at position 0"),
        ("x[a[:alpha:]]", "in the set at position 1"),
        ("[[a]b]", "in the set at position 0"),
        ("[a--b]", "in the set at position 0"),
        ("[a&&b]", "in the set at position 0"),
        (r"(?#[)(?:a){e}", "a comment at position 0"),
        ("(?x) # [\n(?:a){e}", "the flag x at position 0"),
        ("b(?ix:a)", "the flag x at position 1"),
        ("(", "is not a valid regular expression"),
        ("[a", "is not a valid regular expression"),
        ("[^]&&", "has no end"),
        ("[](?:a)", "has no end"),
        (r"\p{L}+", "a brace at position 2"),
        (r"\pL+", "is not a valid regular expression"),
        ("(?V1)a", "is not a valid regular expression"),
        ("a(?R)?", "is not a valid regular expression"),
        ("(?:" * 51 + "a" + ")" * 51, "nests more than 50 groups"),
    ],
)
def test_syntax_that_re_and_regex_read_differently_is_refused(expression: str, wrong: str) -> None:
    assert wrong in find_error(expression)
    option = {"unlisted_choice": {"enabled": True, "validation_regex": expression}}
    (problem,) = check(json.dumps({"profiles": [{"slug": "a", "profile_options": {"x": option}}]})).errors
    assert problem.message.startswith("profile a: option x: `unlisted_choice`: `validation_regex` ")


@pytest.mark.parametrize(
    "expression",
    [
        "",
        r"^jupyter/.+:.+$",
        r"(?i)quay\.io/course/[\w.-]+(:[\w.-]{1,128})?",
        "[]a-z]+",
        "[^]]+",
        r"[\[\-{e}]",
        r"a{2}b{2,}c{2,3}d{,3}",
        r"\{e\}",
        r"[(]" * 60 + r"\(" * 60 + "(a)" * 60,
        "(?:" * 50 + "a" + ")" * 50,
        r"\N{DIGIT ONE}",
        "(?P<x>a)(?P=x)",
    ],
)
def test_common_expressions_are_allowed(expression: str) -> None:
    assert find_error(expression) == ""
