"""Names out, names in: what a listing prints as a name is read as the same name."""

from __future__ import annotations

import io
from contextlib import redirect_stderr, redirect_stdout

from hypothesis import example, given, settings
from hypothesis import strategies as st

from jhub import Target
from jhub.cli.kit.name_lines import parse_names
from jhub.cli.kit.output import View

NAMES: View[str] = View(name=lambda name: name, columns={})
TEXT = st.one_of(st.text("/%25Ff# ,;\"'\\\t\n\r-a", max_size=8), st.text(max_size=8))
USERS = TEXT.filter(lambda name: name and "/" not in name)
SETTINGS = settings(max_examples=500, deadline=None, database=None, derandomize=True)


@SETTINGS
@given(TEXT)
@example("geo,2026")
@example("/students")
@example("-")
@example("---")
@example("- x")
@example("[]")
@example("{}")
def test_a_name_that_is_printed_is_read_as_the_same_name(name: str) -> None:
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        NAMES.print_list([name], "name")
    assert parse_names(out.getvalue()) == ([] if err.getvalue() else [name])


@SETTINGS
@given(USERS, TEXT)
@example("100%", "a/b")
def test_the_full_name_of_a_server_is_read_as_that_server(user: str, name: str) -> None:
    """No hub has users with a slash in their name."""
    server = Target(user, name)
    assert Target.of(str(server)) == server
