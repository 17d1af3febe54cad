"""Requirements of a local hub, checked before anything is started."""

from __future__ import annotations

import os
import re
import shutil
import sys
import sysconfig
from importlib.metadata import PackageNotFoundError, version

from jhub.errors import LocalHubError

INSTALL_COMMAND = "pip install 'jhub[local]'"
"""Command that installs all requirements."""
REQUIRED_PACKAGES = ("jupyterhub", "jupyterhub-traefik-proxy", "jupyterlab", "psutil")
"""Packages that a local hub imports or runs."""
MIN_HUB_VERSION = 6
"""Minimum major version of JupyterHub for the configuration in `hub_config`."""


def check_requirements() -> None:
    """Raise `LocalHubError`, with the command that installs what is missing, unless a hub can be started here."""
    if sys.platform == "win32":
        raise LocalHubError("JupyterHub does not run on Windows", hint="use the Windows Subsystem for Linux")
    missing = [name for name in REQUIRED_PACKAGES if _version(name) is None]
    if missing:
        raise LocalHubError(f"the local hub needs {', '.join(missing)}", hint=INSTALL_COMMAND)
    check_hub_version(_version("jupyterhub") or "")
    if shutil.which("traefik", path=search_path()) is None:
        raise LocalHubError("the local hub needs the program traefik, which is not installed", hint=INSTALL_COMMAND)


def check_hub_version(hub: str) -> None:
    """Raise `LocalHubError` if JupyterHub `hub` is too old for the local hub's configuration."""
    major = re.match(r"\d+", hub)
    if major is None or int(major[0]) < MIN_HUB_VERSION:
        raise LocalHubError(
            f"the local hub needs JupyterHub {MIN_HUB_VERSION} or later; {hub or 'an unknown version'} is installed",
            hint=f"pip install --upgrade 'jupyterhub>={MIN_HUB_VERSION}'",
        )


def search_path() -> str:
    """Return PATH with this Python's own programs first, for a virtual environment that is not activated."""
    own = [sysconfig.get_path("scripts"), os.path.dirname(sys.executable)]
    return os.pathsep.join([*dict.fromkeys(own), os.environ.get("PATH", os.defpath)])


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
