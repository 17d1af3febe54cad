"""The built site."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from page_blocks import ROOT


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the site, and return its folder. A warning is an error, as in `make docs`."""
    folder = tmp_path_factory.mktemp("site")
    options = [
        "--fail-on-warning",
        "--keep-going",
        "--quiet",
        "--builder",
        "html",
        "--doctree-dir",
        str(folder / "trees"),
    ]
    done = subprocess.run(
        [sys.executable, "-m", "sphinx", *options, ROOT / "docs", folder / "html"], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return folder / "html"
