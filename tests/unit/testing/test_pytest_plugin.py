"""pytest finds the fixtures by itself, and loads nothing of jhub for a test that does not use them."""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import entry_points
from pathlib import Path

LOADED = """
import sys

def test_nothing_is_loaded():
    assert "pytest_jhub" in sys.modules
    assert not [name for name in sys.modules if name.partition(".")[0] in ("jhub", "httpx2", "jupyterhub")]
"""
SKIPPED = """
import jhub.local.requirements as requirements

requirements.REQUIRED_PACKAGES = ("no-such-package",)

def test_of_a_hub(jhub_user):
    raise AssertionError
"""


def run(folder: Path, test: str, *options: str) -> str:
    """Run a test in a project of its own, and return the output."""
    (folder / "test_it.py").write_text(test)
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-rs",
        "-p",
        "no:cacheprovider",
        "-p",
        "no:kmock",
        *options,
        "test_it.py",
    ]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=300, check=False).stdout


def test_the_plugin_is_an_entry_point() -> None:
    (plugin,) = (each for each in entry_points(group="pytest11") if each.name == "jhub")
    assert plugin.value == "pytest_jhub"


def test_it_loads_nothing_before_a_fixture_is_used(tmp_path: Path) -> None:
    assert "1 passed" in run(tmp_path, LOADED)


def test_it_can_be_turned_off(tmp_path: Path) -> None:
    assert "fixture 'jhub_user' not found" in run(tmp_path, SKIPPED, "-p", "no:jhub")


def test_without_the_local_hub_the_tests_are_skipped(tmp_path: Path) -> None:
    output = run(tmp_path, SKIPPED)
    assert "1 skipped" in output
    assert "the local hub needs no-such-package: pip install 'jhub[local]'" in output
