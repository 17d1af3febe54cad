"""Generated parts of pages: the text between `<!-- name -->` and `<!-- /name -->`."""

from __future__ import annotations

from pathlib import Path


def inside(page: Path, name: str) -> str:
    """Return the generated part of a page."""
    return _around(page, name)[1]


def put_inside(page: Path, name: str, text: str) -> None:
    """Replace the generated part of a page."""
    before, _, after = _around(page, name)
    page.write_text(f"{before}{text}{after}", encoding="utf-8")


def line(cells: tuple[str, ...]) -> str:
    """Return a line of a table."""
    return "|" + "".join(f" {cell} |" if cell else " |" for cell in cells)


def _around(page: Path, name: str) -> tuple[str, str, str]:
    begin, end = f"<!-- {name} -->\n", f"<!-- /{name} -->\n"
    before, begins, rest = page.read_text(encoding="utf-8").partition(begin)
    found, ends, after = rest.partition(end)
    if not (begins and ends):
        raise SystemExit(f"{page.name} has no {begin.strip()} … {end.strip()}")
    return before + begins, found, ends + after
