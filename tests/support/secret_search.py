"""A search for the tokens that `jhub login` made: in all that the tests printed or wrote, but the secret store."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

STORE = "tokens.json"
MAX_FILE_BYTES = 64 * 2**20

created_tokens: set[str] = set()
"""Tokens that `jhub login` made, as they stood in a secret store."""
outputs: list[tuple[str, str]] = []
"""What was printed, and by what."""


def record_tokens(config: Path) -> None:
    """Remember the tokens below a configuration folder. One that was brought along may stand where it came from."""
    store, contexts = config / STORE, config / "contexts.json"
    if any(
        path.is_symlink() or not path.is_file() or path.stat().st_size > MAX_FILE_BYTES for path in (store, contexts)
    ):
        return  # made so by a test: a pipe would be waited for, and a device read for ever
    try:
        tokens, known = (json.loads(path.read_text()) for path in (store, contexts))
        created_tokens.update(
            token for name, token in tokens.items() if known["contexts"].get(name, {}).get("token_id")
        )
    except (OSError, ValueError, KeyError, AttributeError, TypeError):
        return  # none, or damaged by the test: it has nothing to hide


def record_output(by: str, *texts: str) -> None:
    """Remember what was printed."""
    outputs.extend((by, text) for text in texts if text)


def search(folders: Iterable[Path], secrets: Iterable[str]) -> Iterator[str]:
    """Where one of the secrets stands, without saying which."""
    patterns = [secret.encode() for secret in secrets]
    if not patterns:
        return
    for by, text in outputs:
        if any(pattern in text.encode(errors="replace") for pattern in patterns):
            yield f"the output of {by}"
    for folder in folders:
        for path in folder.rglob("*"):
            if path.name != STORE and path.is_file() and not path.is_symlink() and path.stat().st_size < MAX_FILE_BYTES:
                content = path.read_bytes()
                if any(pattern in content for pattern in patterns):
                    yield str(path)


class OutputRecorder:
    """A plugin of pytest: all that the tests print is remembered."""

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        record_output(report.nodeid, report.longreprtext, *(content for _, content in report.sections))
