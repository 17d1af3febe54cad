"""The README's table "What works where", generated from the recorded results."""

from __future__ import annotations

from pathlib import Path

from matrix.environments import ROOT
from matrix.pages import inside, line, put_inside
from matrix.results import YES, Results
from matrix.rows import ROWS

README = ROOT / "README.md"
NAME = "matrix"
MAJORS = (2, 3, 4, 5, 6)

# These rows do not concern JupyterHub's REST API. Their tests are in tests/matrix/profiles, for the versions with
# profiles, and in tests/hub/test_local_hub.py.
FIXED = {
    "profiles by `jhub.extension`": ("no", "no", "no", "from 5.3", "yes"),
    "the local hub": ("no", "no", "no", "no", "yes"),
}


def table(recorded: dict[int, Results]) -> str:
    """Return the table, and the line below it."""
    rows = [(row.title, *(_cell(recorded.get(major), row.title, row.since, major) for major in MAJORS)) for row in ROWS]
    rows += [(title, *cells) for title, cells in FIXED.items()]
    head = ("", *(f"JupyterHub {major}" for major in MAJORS))
    lines = [line(head), "|---" * len(head) + "|", *map(line, rows)]
    *others, last = [recorded[major].jupyterhub for major in sorted(recorded)]
    checked = f"Checked on {', '.join(others)} and {last}; `make test-matrix` does it again on 4, 5 and 6."
    return "\n".join([*lines, "", checked, ""])


def in_readme(readme: Path = README) -> str:
    """Return the table in the README."""
    return inside(readme, NAME)


def put_into_readme(text: str, readme: Path = README) -> None:
    """Replace the table in the README."""
    put_inside(readme, NAME, text)


def _cell(results: Results | None, title: str, since: str, major: int) -> str:
    said = results.rows.get(title, "") if results is not None else ""
    if said == YES and since.partition(".")[0] == str(major) and not since.endswith(".0"):
        return f"from {since}"  # the newest release of this major version has it, the oldest does not
    # The column itself shows that it is too old.
    return "no" if said.startswith("from ") else said or "not tried"
