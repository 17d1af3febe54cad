"""`jhub local up --config FILE`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from terminal import Jhub

CONFIG = """
c.JupyterHub.load_groups = {"from-the-file": {"users": ["ana"]}}
c.Authenticator.allowed_users = {"ana"}
"""


@pytest.fixture
def jhub(tmp_path: Path) -> Iterator[Jhub]:
    """Return the command `jhub`; a local hub that it leaves is stopped."""
    jhub = Jhub(tmp_path)
    yield jhub
    jhub("local", "down")


def test_the_hub_loads_the_file(jhub: Jhub, tmp_path: Path) -> None:
    file = tmp_path / "groups.py"
    file.write_text(CONFIG)
    jhub.ok("local", "up", "--config", str(file))
    assert jhub.ok("group", "list", "-o", "name") == "from-the-file\n"
    again = jhub("local", "up", "--config", str(file))
    assert again.code == 0
    file.write_text(CONFIG + "c.JupyterHub.shutdown_on_logout = True\n")
    other = jhub("local", "up", "--config", str(file))
    assert other.code != 0
    assert "with other configuration" in other.err


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("c.JupyterHub.bind_url = 'http://0.0.0.0:8000'", "sets c.JupyterHub.bind_url"),
        ("c.JupyterHub.load_groups = (", "was never closed"),
        ("raise ValueError('no such room')", "no such room"),
    ],
)
def test_an_invalid_file_is_an_error(jhub: Jhub, tmp_path: Path, text: str, message: str) -> None:
    file = tmp_path / "bad.py"
    file.write_text(text)
    refused = jhub("local", "up", "--config", str(file))
    assert refused.code != 0
    assert message in refused.err
    assert "Traceback" not in refused.err
    assert jhub("local", "status").code == 1  # not running


def test_a_missing_file_is_a_usage_error(jhub: Jhub) -> None:
    assert jhub("local", "up", "--config", "/no/such/file.py").code == 2
