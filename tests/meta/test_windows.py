"""The base installation can run on Windows: it imports and calls nothing of POSIX without a check of the system.

`jhub.local` and `jhub.extension` are for systems that JupyterHub runs on, and Windows is not one of them.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SRC = ROOT / "src"
BASE = sorted(
    path.relative_to(SRC)
    for folder in ("jhub", "pytest_jhub")
    for path in (SRC / folder).rglob("*.py")
    if path.relative_to(SRC).parts[1] not in ("local", "extension")
)
POSIX_MODULES = ("curses", "fcntl", "grp", "pty", "pwd", "readline", "resource", "syslog", "termios", "tty")

# The names stand in the arguments: modules that are absent, and statements.
WITHOUT_POSIX_MODULES = """
import sys

class Absent:
    def find_spec(self, name, path=None, target=None):
        if name in sys.argv[1].split():
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

for name in sys.argv[1].split():
    sys.modules.pop(name, None)
sys.meta_path.insert(0, Absent())
exec(sys.argv[2])
"""
COMMAND = "import sys; sys.argv[1:] = %r; from jhub.__main__ import main; main()"


def type_errors(*paths: Path) -> str:
    """Return mypy's errors about files as they are on Windows."""
    options = ["--platform", "win32", "--no-warn-unreachable", "--cache-dir", ".mypy_cache/win32", "--no-error-summary"]
    command = [sys.executable, "-m", "mypy", *options, *map(str, paths)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False).stdout


def test_the_base_installation_uses_no_name_that_windows_lacks() -> None:
    assert not type_errors(*(SRC / path for path in BASE))


def test_a_name_that_windows_lacks_is_found(tmp_path: Path) -> None:
    (tmp_path / "posix_only.py").write_text("import os, sys\nif sys.platform != 'win32':\n    os.fork()\nos.getuid()\n")
    found = type_errors(tmp_path / "posix_only.py")
    assert "posix_only.py:4" in found
    assert '"getuid"' in found
    assert "posix_only.py:3" not in found


@pytest.mark.parametrize(
    "statement",
    [
        "import " + ", ".join(".".join(path.with_suffix("").parts).removesuffix(".__init__") for path in BASE),
        "from jhub import *",
        COMMAND % ["--version"],
        COMMAND % ["user", "list", "--help"],
    ],
    ids=["all modules", "the public names", "--version", "user list --help"],
)
def test_the_base_installation_works_without_the_modules_that_windows_lacks(statement: str) -> None:
    command = [sys.executable, "-c", WITHOUT_POSIX_MODULES, " ".join(POSIX_MODULES), statement]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_a_module_that_windows_lacks_is_absent_in_these_tests() -> None:
    command = [sys.executable, "-c", WITHOUT_POSIX_MODULES, " ".join(POSIX_MODULES), "import fcntl"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert "No module named 'fcntl'" in done.stderr
