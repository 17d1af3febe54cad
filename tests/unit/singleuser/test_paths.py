"""Paths of files in a server."""

from __future__ import annotations

import pytest
from hypothesis import given, strategies

from jhub.errors import InvalidInput
from jhub.singleuser.paths import parent_of, parts_of, quoted


@pytest.mark.parametrize(
    ("path", "url"),
    [
        ("", ""),
        ("/", ""),
        ("a.txt", "a.txt"),
        ("/a//b/", "a/b"),
        ("a b/c?d#e%f;g", "a%20b/c%3Fd%23e%25f%3Bg"),
        ("données/日本.ipynb", "donn%C3%A9es/%E6%97%A5%E6%9C%AC.ipynb"),
        ("~/x@y", "~/x%40y"),
        ("...", "..."),
    ],
)
def test_a_path_is_quoted_name_by_name(path: str, url: str) -> None:
    assert quoted(path) == url


@pytest.mark.parametrize("path", ["..", "a/../b", "./a", "a/.", "a\nb", "a\x00", "\x1b[31m", "a\u2028b", "a/\ud800"])
def test_a_path_that_could_do_harm_is_refused(path: str) -> None:
    with pytest.raises(InvalidInput, match="invalid path"):
        quoted(path)


def test_the_folder_of_a_path() -> None:
    assert parent_of("a/b/c.txt") == "a/b"
    assert parent_of("/c.txt") == ""


@given(strategies.text(max_size=40))
def test_no_path_leaves_the_server(path: str) -> None:
    try:
        url = quoted(path)
    except InvalidInput:
        return
    assert not {".", ".."} & set(url.split("/"))
    assert not set(url) & set("?#\\ ;")
    assert len(parts_of(path)) == len([part for part in url.split("/") if part])
