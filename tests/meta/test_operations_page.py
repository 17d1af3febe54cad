"""docs/operations.md matches the docstrings."""

from __future__ import annotations

import runpy
from pathlib import Path

DOCS = Path(__file__).parents[2] / "docs"


def test_the_page_of_operations_matches_the_docstrings() -> None:
    written = runpy.run_path(str(DOCS / "make_operations.py"))["page"]()
    assert (DOCS / "operations.md").read_text() == written, "write it anew with: make docs"
