"""Text of a server on a terminal."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jhub.cli.kit.safe_text import SafeText


def filtered(*parts: bytes) -> str:
    safe = SafeText()
    return "".join(map(safe.add, parts)) + safe.end()


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("plain\n\ttext\r50%", "plain\n\ttext\r50%"),
        ("\x1b[1;31mred\x1b[0m", "\x1b[1;31mred\x1b[0m\x1b[0m"),
        ("a\x1b]0;title\x07b", "ab"),
        ("a\x1b]52;c;aGVsbG8=\x1b\\b", "ab"),
        ("a\x1b[2J\x1b[?25l\x1b[10;5Hb", "ab"),
        ("a\x1bPq#0\x1b\\b\x1b7\x1bc", "ab"),
        ("a\x9b2Jb\x9d0;x\x9cc", "abc"),
        ("\x07\x08\x00\x7f\u202ex", "x"),
        ("ends in \x1b[3", "ends in "),
        ("ends in \x1b]0;title", "ends in "),
    ],
)
def test_colours_stay_and_other_sequences_do_not(text: str, kept: str) -> None:
    assert filtered(text.encode()) == kept
    assert filtered(*(bytes([byte]) for byte in text.encode())) == kept


def test_text_that_is_not_utf_8_is_replaced() -> None:
    assert filtered(b"\xff\xc3", b"\xa4") == "\ufffdä"


ODD = st.text(alphabet="\x1b[]PX0;m\x07\\\x9b\x9c\x9da\n\r", max_size=40)


@given(st.lists(ODD, max_size=6))
def test_nothing_but_colours_gets_through(parts: list[str]) -> None:
    text = filtered(*(part.encode() for part in parts))
    left = re.sub(r"\x1b\[[0-9;:]*m", "", text)
    assert all(character.isprintable() or character in "\n\r\t" for character in left)
