"""A pytest plugin that loads jhub.extension, with one open profile, into the hub of JupyterHub's own tests."""

from __future__ import annotations

from pathlib import Path

from traitlets.config import Config

import jhub.extension

PROFILES = Path(__file__).with_name("profiles.yaml")


def pytest_configure() -> None:
    """Patch JupyterHub before its tests make hubs; their hubs read no configuration file."""
    jhub.extension.enable(Config(), profiles=PROFILES)
