"""The built site: its links lead somewhere, it has lists for language models, and it fits a phone."""

from __future__ import annotations

import http.server
import os
import re
import threading
from collections.abc import Iterator
from functools import cache, partial
from html import unescape
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from chromium import PROGRAM
from page_blocks import ROOT
from playwright.sync_api import sync_playwright

WIDTHS = (390, 1280)


@cache
def anchors(page: Path) -> set[str]:
    """Return the anchors of a page."""
    return {unescape(name) for name in re.findall(r'\b(?:id|name)="([^"]+)"', page.read_text())}


def broken_links(site: Path) -> Iterator[str]:
    """Yield the links within the site that have no target."""
    for page in site.rglob("*.html"):
        for link in set(re.findall(r'<(?:a|link|img|script)\b[^>]*?\b(?:href|src)="([^"]+)"', page.read_text())):
            url = urlsplit(unescape(link))
            if url.scheme in ("http", "https", "mailto", "data") or url.netloc:
                continue
            target = (page.parent / unquote(url.path)).resolve() if url.path else page
            target = target / "index.html" if target.is_dir() else target
            if not target.exists() or (url.fragment and unquote(url.fragment) not in anchors(target)):
                yield f"{page.relative_to(site)}: {link}"


def test_links_within_the_site_have_a_target(site: Path) -> None:
    assert len(list(site.rglob("*.html"))) > 50
    assert sorted(broken_links(site)) == []


def test_links_to_the_repository_have_a_target(site: Path) -> None:
    found = set()
    for page in site.rglob("*.html"):
        found |= set(
            re.findall(r'href="https://github.com/jhub-contributors/jhub/blob/main/([^"#]+)', page.read_text())
        )
    assert "examples/roster.py" in found
    assert {path for path in found if not (ROOT / path).exists()} == set()


def test_each_written_page_has_a_line_in_the_index_of_its_folder() -> None:
    for index in (ROOT / "docs").glob("*/index.md"):
        listed = set(re.findall(r"^- \[.+?\]\((.+?\.md)\)[:, ]", index.read_text(), re.MULTILINE))
        listed |= set(re.findall(r"^- \[.+?\]\((.+?\.md)\)$", index.read_text(), re.MULTILINE))
        assert listed == {path.name for path in index.parent.glob("*.md")} - {"index.md"}, index


def test_language_models_get_a_list_of_all_pages(site: Path) -> None:
    text = (site / "llms.txt").read_text()
    linked = re.findall(r"^- \[.+\]\((.+)\)$", text, re.MULTILINE)
    assert len(linked) > 40
    assert all((site / link).exists() for link in linked)
    assert "# Every operation\n" in (site / "llms-full.txt").read_text()


def test_the_site_shows_nothing_of_the_machine_that_built_it(site: Path) -> None:
    home = os.environ.get("HOME", "/root")
    found = [
        (path.relative_to(site), text)
        for path in site.rglob("*")
        if path.is_file() and path.suffix in (".html", ".js", ".txt")
        for text in ("environ({", "/root/", f"{home}/", f"{ROOT}/")
        if text in path.read_text()
    ]
    assert found == []


@pytest.fixture(scope="module")
def address(site: Path) -> Iterator[str]:
    """Serve the site on loopback."""
    handler = partial(_Quiet, directory=str(site))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        pass


@pytest.mark.skipif(PROGRAM is None, reason="needs Chromium")
def test_no_page_is_wider_than_a_phone(site: Path, address: str) -> None:
    too_wide = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=PROGRAM, args=["--no-sandbox"])
        for width in WIDTHS:
            page = browser.new_page(viewport={"width": width, "height": 900})
            for path in sorted(site.rglob("*.html")):
                page.goto(f"{address}/{path.relative_to(site)}")
                if page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth"):
                    too_wide.append(f"{path.relative_to(site)} at {width}")
        browser.close()
    assert too_wide == []
