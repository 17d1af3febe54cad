"""A search for the tokens that `jhub login` made: in all that the tests printed or wrote, but the secret store."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

STORE = "tokens.json"
LARGEST = 64 * 2**20

made: set[str] = set()
"""Tokens that `jhub login` made, as they stood in a secret store."""
printed: list[tuple[str, str]] = []
"""What was printed, and by what."""


def remember(config: Path) -> None:
    """Remember the tokens below a configuration folder. One that was brought along may stand where it came from."""
    store, contexts = config / STORE, config / "contexts.json"
    if any(path.is_symlink() or not path.is_file() or path.stat().st_size > LARGEST for path in (store, contexts)):
        return  # made so by a test: a pipe would be waited for, and a device read for ever
    try:
        tokens, known = (json.loads(path.read_text()) for path in (store, contexts))
        made.update(token for name, token in tokens.items() if known["contexts"].get(name, {}).get("token_id"))
    except (OSError, ValueError, KeyError, AttributeError, TypeError):
        return  # none, or damaged by the test: it has nothing to hide


def heard(by: str, *texts: str) -> None:
    """Remember what was printed."""
    printed.extend((by, text) for text in texts if text)


def found(folders: Iterable[Path], secrets: Iterable[str]) -> Iterator[str]:
    """Where one of the secrets stands, without saying which."""
    needles = [secret.encode() for secret in secrets]
    if not needles:
        return
    for by, text in printed:
        if any(needle in text.encode(errors="replace") for needle in needles):
            yield f"the output of {by}"
    for folder in folders:
        for path in folder.rglob("*"):
            if path.name != STORE and path.is_file() and not path.is_symlink() and path.stat().st_size < LARGEST:
                content = path.read_bytes()
                if any(needle in content for needle in needles):
                    yield str(path)


class Listening:
    """A plugin of pytest: all that the tests print is remembered."""

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        heard(report.nodeid, report.longreprtext, *(content for _, content in report.sections))
