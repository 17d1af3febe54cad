"""The table of docs/how-to/signing-in.md, from the recorded results."""

from __future__ import annotations

from pathlib import Path

from matrix.environments import ROOT
from matrix.pages import inside, line, put_inside
from matrix.results import Results
from matrix.sign_in.methods import METHODS, NO, RESULTS, YES

PAGE = ROOT / "docs/how-to/signing-in.md"
NAME = "sign-in-methods"
MAJORS = (4, 5, 6)
HEAD = ("", *(method.title for method in METHODS))
NOTE = (
    "The numbers are the versions of JupyterHub where it works, tried on {}; what says no ends in an error. "
    "`make test-matrix` does it again.\n\n"
    "NativeAuthenticator 1.3.0 fails at its own login form on JupyterHub 6, for browsers too: it looks for a `statsd` "
    "that the hub no longer has. It was tried there with one (`tests/matrix/inside/sign_in_config.py`); as it comes, "
    "`--password` works, and `jhub login` without an option, which goes on with that."
)


def methods_table(recorded: dict[int, Results]) -> str:
    """Return the table, and the line below it."""
    rows = [
        (authenticator.title, *(_cell(recorded, authenticator.title, method.title) for method in METHODS))
        for authenticator in RESULTS
    ]
    *others, last = [recorded[major].jupyterhub for major in MAJORS if major in recorded]
    checked = NOTE.format(f"{', '.join(others)} and {last}")
    return "\n".join([line(HEAD), "|---" * len(HEAD) + "|", *map(line, rows), "", checked, ""])


def in_page(page: Path = PAGE) -> str:
    """Return the table in the page."""
    return inside(page, NAME)


def put_into_page(text: str, page: Path = PAGE) -> None:
    """Replace the table in the page."""
    put_inside(page, NAME, text)


def _cell(recorded: dict[int, Results], authenticator: str, method: str) -> str:
    results = {
        major: recorded[major].sign_in.get(authenticator, {}).get(method, "not tried")
        for major in MAJORS
        if major in recorded
    }
    applicable = {  # the title of the row has the first version
        major: result for major, result in results.items() if not result.startswith("from ")
    }
    if YES in applicable.values():
        return ", ".join(str(major) for major, result in applicable.items() if result == YES)
    return " / ".join(dict.fromkeys(applicable.values())) or NO
