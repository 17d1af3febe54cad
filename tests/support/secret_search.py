"""Search for tokens of `jhub login` in everything that the tests print or write, except the secret store."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

STORE = "tokens.json"
MAX_FILE_BYTES = 64 * 2**20

created_tokens: set[str] = set()
"""Tokens that `jhub login` created, from the secret stores."""
outputs: list[tuple[str, str]] = []
"""Outputs, each with the name of its source."""


def record_tokens(config: Path) -> None:
    """Record the tokens in a configuration folder that jhub created; others may be elsewhere too."""
    store, contexts = config / STORE, config / "contexts.json"
    if any(
        path.is_symlink() or not path.is_file() or path.stat().st_size > MAX_FILE_BYTES for path in (store, contexts)
    ):
        return  # a test replaced it; reading a pipe or a device would not end
    try:
        tokens, known = (json.loads(path.read_text()) for path in (store, contexts))
        created_tokens.update(
            token for name, token in tokens.items() if known["contexts"].get(name, {}).get("token_id")
        )
    except (OSError, ValueError, KeyError, AttributeError, TypeError):
        return  # the file is missing, or damaged by the test


def record_output(by: str, *texts: str) -> None:
    """Record outputs of a source."""
    outputs.extend((by, text) for text in texts if text)


def search(folders: Iterable[Path], secrets: Iterable[str]) -> Iterator[str]:
    """Yield the outputs and files that contain one of the secrets, without saying which."""
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
    """A pytest plugin that records the output of the tests."""

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        record_output(report.nodeid, report.longreprtext, *(content for _, content in report.sections))
