"""Notebooks of many kinds have the same outputs in a server as nbclient gets from a kernel on this machine."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import nbformat
import notebooks
import pytest
from hub_api import Api, Tokens
from nbclient_oracle import execute, merged, plain

from jhub import Hub
from jhub.local import LocalHub
from jhub.singleuser.stream_text import fold

DIFFERENT = {
    r"0x[0-9a-f]{6,}": "ADDRESS",
    r"/ipykernel_\d+/": "/ipykernel_PID/",
    r"(CPU times|Wall time): .*": "TIME",
    r"jhub-[0-9a-f-]{36}_\d+|[0-9a-f]{8}-[0-9a-f]{24}_\d+_\d+": "REQUEST",
}
"""Patterns of what differs from one kernel to the next, also in nbclient alone."""


@pytest.fixture(scope="module")
def user(api: Api, fresh: Callable[[str], str]) -> Iterator[str]:
    """Run a server `lab` of a new user."""
    name = fresh("user")
    api("POST", "/users", json={"usernames": [name]})
    api("POST", f"/users/{name}/servers/lab", json={"user_options": {"profile": "lean"}})
    api.ready(name, "lab")
    yield name
    api("DELETE", f"/users/{name}/servers/lab")


def normal(value: Any) -> Any:
    """Return outputs without what differs from one kernel to the next."""
    if isinstance(value, dict):
        return {key: normal(each) for key, each in value.items()}
    if isinstance(value, list):
        return [normal(each) for each in value]
    if isinstance(value, str) and len(value) < 100_000:
        for pattern, name in DIFFERENT.items():
            value = re.sub(pattern, name, value)
    return value


def without_backspaces(outputs: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Apply the backspaces in streams: nbclient means to do so."""
    return [{**each, "text": fold(each["text"])} if "text" in each else each for each in outputs]


@pytest.mark.parametrize("name", notebooks.SOURCES)
def test_outputs_and_counts_are_those_of_nbclient(
    name: str, user: str, hub: LocalHub, hub_tokens: Tokens, tmp_path: Path
) -> None:
    notebook = notebooks.make(notebooks.SOURCES[name])
    allow_errors = name in notebooks.ALLOW_ERRORS
    expected, failed = execute(notebook, tmp_path, allow_errors=allow_errors)
    assert failed == (name == "an error ends it")
    with Hub(hub.api_url, hub_tokens.admin) as client:
        result = client.singleuser(user, "lab").run(notebook, allow_errors=allow_errors)
    assert result.ok != failed
    assert not result.truncated
    found = result.notebook["cells"]
    outputs = [without_backspaces(cell) for cell in merged(expected)]
    assert normal([cell["outputs"] for cell in found if cell["cell_type"] == "code"]) == normal(outputs)
    counts = [cell.get("execution_count") for cell in expected.cells]
    assert [cell.get("execution_count") for cell in found] == counts
    assert normal(result.notebook["metadata"].get("widgets")) == normal(plain(expected.metadata.get("widgets")))
    nbformat.validate(result.notebook)
