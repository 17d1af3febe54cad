"""What a local hub needs installed, checked before anything is started."""

from __future__ import annotations

import os
import re
import shutil
import sys
import sysconfig
from importlib.metadata import PackageNotFoundError, version

from jhub.errors import LocalHubError

INSTALL_COMMAND = "pip install 'jhub[local]'"
REQUIRED_PACKAGES = ("jupyterhub", "jupyterhub-traefik-proxy", "jupyterlab", "psutil")
MIN_HUB_VERSION = 6


def check_requirements() -> None:
    """Raise LocalHubError, naming what to install, unless a hub can be started here."""
    if sys.platform == "win32":
        raise LocalHubError("JupyterHub does not run on Windows", hint="use the Windows Subsystem for Linux")
    missing = [name for name in REQUIRED_PACKAGES if _version(name) is None]
    if missing:
        raise LocalHubError(f"the local hub needs {', '.join(missing)}", hint=INSTALL_COMMAND)
    check_hub_version(_version("jupyterhub") or "")
    if shutil.which("traefik", path=search_path()) is None:
        raise LocalHubError("the local hub needs the program traefik, and does not find it", hint=INSTALL_COMMAND)


def check_hub_version(hub: str) -> None:
    """Raise LocalHubError if JupyterHub `hub` is too old for the local hub's configuration."""
    major = re.match(r"\d+", hub)
    if major is None or int(major[0]) < MIN_HUB_VERSION:
        raise LocalHubError(
            f"the local hub needs JupyterHub {MIN_HUB_VERSION} or later, and {hub or 'an unknown one'} is installed",
            hint=f"pip install --upgrade 'jupyterhub>={MIN_HUB_VERSION}'",
        )


def search_path() -> str:
    """PATH with this Python's own programs first, so that it works from a virtual environment not activated too."""
    own = [sysconfig.get_path("scripts"), os.path.dirname(sys.executable)]
    return os.pathsep.join([*dict.fromkeys(own), os.environ.get("PATH", os.defpath)])


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
