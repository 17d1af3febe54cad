"""The generated pages of docs/reference match the code."""

from __future__ import annotations

import runpy
import sys
from pathlib import Path
from typing import Any

import pytest

DOCS = Path(__file__).parents[2] / "docs"


@pytest.fixture(scope="module")
def generated() -> dict[str, Any]:
    """Return the function that makes each page."""
    sys.path.insert(0, str(DOCS))
    try:
        pages: dict[str, Any] = runpy.run_path(str(DOCS / "make_reference.py"))["PAGES"]
        return pages
    finally:
        sys.path.remove(str(DOCS))


def test_the_generated_pages_match_the_code(generated: dict[str, Any]) -> None:
    assert len(generated) >= 7
    for name, make in generated.items():
        assert (DOCS / f"reference/{name}.md").read_text() == make(), f"write {name}.md anew with: make docs"
