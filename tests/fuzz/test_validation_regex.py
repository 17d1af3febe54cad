"""Regular expressions of profiles match the same texts with `re` and with `regex`."""

from __future__ import annotations

import re

import regex
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from jhub.profiles.validation_regex import find_error

PIECES = [
    *"ab{},:12[]^-()|?*+.\\$&~ei<=!xmsP#d#w ",
    *("(?:", "(?i)", "(?i:", "(?-i:", "(?m)", "(?a)", "(?=", "(?!", "(?<=", "(?P<a>", "(?>", "(?(1)", "(?e)", "(?|"),
    *("{e}", "{i<=1}", "{1,2}", "{,2}", "{2}+", "++", "[:alpha:]", "[^", "--", "&&", "||", "~~"),
    *("\\b", "\\d", "\\1", "\\p", "\\Z", "\\A", "\\x41", "\\07", "\\N{DIGIT ONE}"),
]


@settings(max_examples=2000, deadline=None, derandomize=True)
@given(
    st.lists(st.sampled_from(PIECES), max_size=10).map("".join),
    st.lists(st.text("ab12 :[]{}-^e\n\\A", max_size=6), min_size=3, max_size=6),
)
def test_allowed_expressions_match_the_same_texts_in_both(expression: str, texts: list[str]) -> None:
    assume(find_error(expression) == "")
    for text in texts:
        found = regex.fullmatch(expression, text, regex.VERSION0, timeout=10)
        assert (found is None) == (re.fullmatch(expression, text) is None)
