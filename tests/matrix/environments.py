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

COMPANIONS = ("jupyterhub-traefik-proxy", "jupyter_server", "ipykernel")
AUTHENTICATORS = ("jupyterhub-nativeauthenticator", "oauthenticator")
# Dependencies of jhub.extension, which itself comes from this repository and needs JupyterHub 5.3.
EXTENSION = ("msgspec", "pyyaml", "regex")
# With JupyterHub 6, `make test` runs these tests.
KUBESPAWNER = "jupyterhub-kubespawner"
KUBESPAWNER_MAJOR = 5
KUBERNETES_TESTS = (
    "test_kubernetes_objects.py",
    "test_kubernetes_sharing.py",
    "test_kubernetes_interruptions.py",
    "test_own_list.py",
)
NODE = FOLDER / "node"
"""Folder of the packages of npm."""
HTTP_PROXY = "configurable-http-proxy@5.3.0"
"""JupyterHub's own proxy, for the tests that also run behind it."""
# JupyterHub 2 and 3 do not exclude a newer SQLAlchemy, but fail with it. NativeAuthenticator needs JupyterHub 4.
COMPANIONS_OF_OLD = (*COMPANIONS, "SQLAlchemy<2")


def requirements(version: str) -> list[str]:
    """Return the requirements of a version, such as "6" or "4.1.6"."""
    major = int(version.partition(".")[0])
    hub = f"jupyterhub=={version}" if "." in version else f"jupyterhub>={major},<{major + 1}"
    more = EXTENSION if major >= 5 else ()
    if has_kubespawner(version):
        more = (*more, KUBESPAWNER)
    return [hub, *((*COMPANIONS, *AUTHENTICATORS, *more) if major >= 4 else COMPANIONS_OF_OLD)]


def has_kubespawner(version: str) -> bool:
    """Return whether the environment of a version has KubeSpawner."""
    return version.partition(".")[0] == str(KUBESPAWNER_MAJOR)


def kubernetes_tests(version: str) -> list[Path]:
    """Return the files of tests/hub that also run on a version, with the KubeSpawner of its environment.

    The tests themselves, and the Kubernetes API without a cluster, run in the environment of `make test`.
    """
    return [ROOT / "tests" / "hub" / name for name in KUBERNETES_TESTS] if has_kubespawner(version) else []


async def environment(version: str) -> Path:
    """Return the environment of a version, and create it if its requirements have changed."""
    folder = FOLDER / version
    wanted = "\n".join([sys.version, *requirements(version)])
    made_for = folder / "made-for.txt"  # written last: without it, the environment is incomplete
    if made_for.exists() and made_for.read_text() == wanted:
        return folder
    print(f"JupyterHub {version}: installing", flush=True)
    shutil.rmtree(folder, ignore_errors=True)
    log = FOLDER / f"{version}.uv.log"
    uv = [sys.executable, "-m", "uv", "--quiet"]
    await run([*uv, "venv", "--python", sys.executable, str(folder)], log)
    if await run([*uv, "pip", "install", "--python", str(folder), *requirements(version)], log) != 0:
        raise SystemExit(f"{log.read_text()}\nJupyterHub {version} could not be installed")
    made_for.write_text(wanted)
    return folder


async def http_proxy() -> Path | None:
    """Return configurable-http-proxy, and install it first if need be; None on a machine without npm."""
    program = NODE / "node_modules" / ".bin" / "configurable-http-proxy"
    made_for = NODE / "made-for.txt"
    if made_for.exists() and made_for.read_text() == HTTP_PROXY and program.exists():
        return program
    npm = shutil.which("npm")
    if npm is None:
        return None
    print(f"{HTTP_PROXY}: installing", flush=True)
    log = FOLDER / "npm.log"
    if await run([npm, "install", "--prefix", str(NODE), "--no-audit", "--no-fund", "--silent", HTTP_PROXY], log) != 0:
        raise SystemExit(f"{log.read_text()}\n{HTTP_PROXY} could not be installed")
    made_for.write_text(HTTP_PROXY)
    return program
