"""A virtual environment below `.matrix` for each version of JupyterHub: its hub, proxy and servers run there."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from matrix.processes import run

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / ".matrix"

SUPPORTED = ("4.1.6", "5", "6")
"""A major version alone means the newest of it."""

COMPANIONS = ("jupyterhub-traefik-proxy", "jupyter_server")
AUTHENTICATORS = ("jupyterhub-nativeauthenticator", "oauthenticator")
# What jhub.extension imports beside JupyterHub. It comes from this folder itself, and is for JupyterHub 5.3.
EXTENSION = ("msgspec", "pyyaml", "regex")
# JupyterHub 2 and 3 would take a newer one, and do not start with it. NativeAuthenticator needs a newer JupyterHub.
COMPANIONS_OF_OLD = (*COMPANIONS, "SQLAlchemy<2")


def requirements(version: str) -> list[str]:
    """What pip installs for "6" or "4.1.6"."""
    major = int(version.partition(".")[0])
    hub = f"jupyterhub=={version}" if "." in version else f"jupyterhub>={major},<{major + 1}"
    more = EXTENSION if major >= 5 else ()
    return [hub, *((*COMPANIONS, *AUTHENTICATORS, *more) if major >= 4 else COMPANIONS_OF_OLD)]


async def environment(version: str) -> Path:
    """Return the environment of a version, and create it if its requirements have changed."""
    folder = FOLDER / version
    wanted = "\n".join([sys.version, *requirements(version)])
    made_for = folder / "made-for.txt"  # comes last: without it, the environment is not complete
    if made_for.exists() and made_for.read_text() == wanted:
        return folder
    print(f"JupyterHub {version}: installing", flush=True)
    shutil.rmtree(folder, ignore_errors=True)
    log = FOLDER / f"{version}.pip.log"
    # Without a pip of its own, which would take six seconds; ours installs there.
    await run([sys.executable, "-m", "venv", "--without-pip", str(folder)], log)
    pip = [sys.executable, "-m", "pip", "--python", str(folder / "bin" / "python"), "--disable-pip-version-check"]
    if await run([*pip, "install", "--quiet", "--no-compile", *requirements(version)], log) != 0:
        raise SystemExit(f"{log.read_text()}\nJupyterHub {version} could not be installed")
    made_for.write_text(wanted)
    return folder
