"""The code blocks of pages, and the comment above each that says how it is run.

    <!-- file: roster.csv -->                 it is written to this file
    <!-- output -->                           the block before it prints this
    <!-- exit code: 5 -->                     it fails with this exit code
    <!-- run by: tests/docs/test_x.py (a) -->  this test file runs it, and may call it by a name
    <!-- examples/x.py -->                    it is this file
    <!-- not run: needs a cluster -->         nothing runs it, for this reason

A block of sh or python without such a comment is run as it stands. `tests/docs/test_pages.py` does that, and handles
the first three.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from markdown_it import MarkdownIt

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / name for name in ("README.md", "CONTRIBUTING.md", "SECURITY.md")] + [
    path for path in sorted((ROOT / "docs").rglob("*.md")) if not {"_build", "project"} & set(path.parts)
]
COMMENT = re.compile(r"<!-- (file|output|exit code|run by|not run|examples/\S+)(?:: (.+?))?(?: \((.+)\))? -->\n?")


@dataclass(frozen=True)
class Block:
    """A fenced block of a page."""

    page: str
    """The path of the page, from the root of the repository."""
    line: int
    language: str
    text: str
    kind: str = ""
    """The word of the comment; empty if there is none."""
    value: str = ""
    name: str = ""

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"

    @property
    def runs_as_it_stands(self) -> bool:
        return self.kind in ("", "exit code") and self.language in ("sh", "python")


@cache
def blocks(page: str) -> tuple[Block, ...]:
    """Return the blocks of a page."""
    found: list[Block] = []
    comment, end = "", -1
    for token in MarkdownIt().parse((ROOT / page).read_text()):
        if token.map is None:
            continue
        if token.type == "html_block":
            comment, end = token.content, token.map[1]
        elif token.type == "fence" and not token.info.startswith("{"):  # those are directives of the site
            match = COMMENT.fullmatch(comment.strip()) if token.map[0] == end else None
            kind, value, name = match.groups(default="") if match else ("", "", "")
            found.append(Block(page, token.map[0] + 1, token.info.strip(), token.content, kind, value, name))
    return tuple(found)


def run_by(test_file: str, page: str) -> list[Block]:
    """Return the blocks of a page that a test file runs. Unpack them all, so that a new one is a failure."""
    name = Path(test_file).relative_to(ROOT).as_posix()
    return [block for block in blocks(page) if (block.kind, block.value) == ("run by", name)]
