"""Every code block of the docs and the README is run by a test, or says why not."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from page_blocks import PAGES, ROOT, Block, blocks, run_by

NAMES = [path.relative_to(ROOT).as_posix() for path in PAGES]
ALL = [block for page in NAMES for block in blocks(page)]


def fault(block: Block) -> str:
    """Return why no test runs a block; empty if one does, or if the block says why not."""
    match block.kind:
        case "file" | "output" | "not run":
            return "" if block.value or block.kind == "output" else "the comment is incomplete"
        case "run by":
            test = ROOT / block.value
            text = test.read_text() if test.is_file() else ""
            return "" if "run_by(__file__" in text and f'"{block.page}"' in text else f"{block.value} does not run it"
        case "" | "exit code":
            return "" if block.runs_as_it_stands else "say how it is run"
        case example:
            file = ROOT / example
            return "" if file.is_file() and file.read_text() == block.text else f"it is not {example}"


@pytest.mark.parametrize("page", NAMES)
def test_each_block_is_run_or_says_why_not(page: str) -> None:
    assert {str(block): found for block in blocks(page) if (found := fault(block))} == {}


def test_outputs_follow_a_block_that_runs() -> None:
    for before, block in zip([None, *ALL], ALL, strict=False):
        assert block.kind != "output" or (before and before.page == block.page and before.runs_as_it_stands), block


def test_there_are_no_other_comments_above_blocks() -> None:
    """A misspelt comment would leave a block to the wrong test."""
    for page in NAMES:
        found = re.findall(r"<!-- (.*?) -->\n *```", (ROOT / page).read_text())
        assert len(found) == sum(block.kind != "" for block in blocks(page)), page


def test_blocks_are_found_with_their_comments(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "page.md").write_text(
        "<!-- exit code: 5 -->\n```sh\nfalse\n```\n\n- a list\n\n  ```python\n  x = 1\n  ```\n\n"
        "<!-- run by: tests/x.py (values) -->\n```yaml\na: 1\n```\n\n```yaml\nb: 1\n```\n"
    )
    monkeypatch.setattr("page_blocks.ROOT", tmp_path)
    failing, listed, named, bare = blocks("page.md")
    assert (failing.kind, failing.value, failing.runs_as_it_stands) == ("exit code", "5", True)
    assert (listed.text, listed.runs_as_it_stands) == ("x = 1\n", True)
    assert (named.kind, named.value, named.name) == ("run by", "tests/x.py", "values")
    assert fault(named)
    assert fault(bare)
    assert run_by(str(tmp_path / "tests/x.py"), "page.md") == [named]
