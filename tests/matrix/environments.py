"""Virtual environments below `.matrix`, one for each version of JupyterHub, with its hub, proxy and servers."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from matrix.processes import run

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / ".matrix"

SUPPORTED = ("4.1.6", "5", "6")
"""Supported versions; a major version stands for its newest release."""

COMPANIONS = ("jupyterhub-traefik-proxy", "jupyter_server")
AUTHENTICATORS = ("jupyterhub-nativeauthenticator", "oauthenticator")
# Dependencies of jhub.extension, which itself comes from this repository and needs JupyterHub 5.3.
EXTENSION = ("msgspec", "pyyaml", "regex")
# JupyterHub 2 and 3 do not exclude a newer SQLAlchemy, but fail with it. NativeAuthenticator needs JupyterHub 4.
COMPANIONS_OF_OLD = (*COMPANIONS, "SQLAlchemy<2")


def requirements(version: str) -> list[str]:
    """Return the requirements of a version, such as "6" or "4.1.6"."""
    major = int(version.partition(".")[0])
    hub = f"jupyterhub=={version}" if "." in version else f"jupyterhub>={major},<{major + 1}"
    more = EXTENSION if major >= 5 else ()
    return [hub, *((*COMPANIONS, *AUTHENTICATORS, *more) if major >= 4 else COMPANIONS_OF_OLD)]


async def environment(version: str) -> Path:
    """Return the environment of a version, and create it if its requirements have changed."""
    folder = FOLDER / version
    wanted = "\n".join([sys.version, *requirements(version)])
    made_for = folder / "made-for.txt"  # written last: without it, the environment is incomplete
    if made_for.exists() and made_for.read_text() == wanted:
        return folder
    print(f"JupyterHub {version}: installing", flush=True)
    shutil.rmtree(folder, ignore_errors=True)
    log = FOLDER / f"{version}.pip.log"
    # Install with the pip of this environment: creating another pip takes six seconds.
    await run([sys.executable, "-m", "venv", "--without-pip", str(folder)], log)
    pip = [sys.executable, "-m", "pip", "--python", str(folder / "bin" / "python"), "--disable-pip-version-check"]
    if await run([*pip, "install", "--quiet", "--no-compile", *requirements(version)], log) != 0:
        raise SystemExit(f"{log.read_text()}\nJupyterHub {version} could not be installed")
    made_for.write_text(wanted)
    return folder
