"""What a local hub needs installed, checked before anything is started."""

from __future__ import annotations

import os
import re
import shutil
import sys
import sysconfig
from importlib.metadata import PackageNotFoundError, version

from jhub.errors import LocalHubError

INSTALL = "pip install 'jhub[local]'"
PACKAGES = ("jupyterhub", "jupyterhub-traefik-proxy", "jupyterlab", "psutil")
OLDEST_HUB = 6


def check() -> None:
    """Raise LocalHubError, naming what to install, unless a hub can be started here."""
    if sys.platform == "win32":
        raise LocalHubError("JupyterHub does not run on Windows", hint="use the Windows Subsystem for Linux")
    missing = [name for name in PACKAGES if _version(name) is None]
    if missing:
        raise LocalHubError(f"the local hub needs {', '.join(missing)}", hint=INSTALL)
    check_hub_version(_version("jupyterhub") or "")
    if shutil.which("traefik", path=search_path()) is None:
        raise LocalHubError("the local hub needs the program traefik, and does not find it", hint=INSTALL)


def check_hub_version(hub: str) -> None:
    """Raise LocalHubError if JupyterHub `hub` is too old for the local hub's configuration."""
    major = re.match(r"\d+", hub)
    if major is None or int(major[0]) < OLDEST_HUB:
        raise LocalHubError(
            f"the local hub needs JupyterHub {OLDEST_HUB} or later, and {hub or 'an unknown one'} is installed",
            hint=f"pip install --upgrade 'jupyterhub>={OLDEST_HUB}'",
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
