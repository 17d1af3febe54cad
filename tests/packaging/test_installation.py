"""The wheel in empty environments, by the commands of the README."""

from __future__ import annotations

import re
import shlex
import subprocess
from pathlib import Path

import pytest
from packaging_builds import ROOT, Distributions, environment, uv

from jhub import __version__

README = (ROOT / "README.md").read_text()
COMMAND = re.compile(r"\b(?:uv tool|(?:uv )?pip) install [^`\n#]+")
THIS_PROJECT = re.compile(r"(?:\.|jhub)(?:\[[\w,]+\])?(?: @ .+)?|git\+https://github\.com/jhub-contributors/jhub\S*")
COMMANDS = sorted({match[0].strip() for match in COMMAND.finditer(README)})


def requirement(command: str) -> str:
    """Return what a command installs."""
    words = shlex.split(command)
    (found,) = [word for word in words[words.index("install") + 1 :] if not word.startswith("-")]
    return found


def test_the_readme_installs_this_project_with_and_without_extras() -> None:
    found = [requirement(command) for command in COMMANDS]
    assert not [name for name in found if not THIS_PROJECT.fullmatch(name)]
    assert any("[" in name for name in found)
    assert any("[" not in name for name in found)


@pytest.mark.parametrize("command", COMMANDS)
def test_the_commands_of_the_readme_install_a_program_that_runs(
    command: str, distributions: Distributions, tmp_path: Path
) -> None:
    extras = re.search(r"\[[\w,]+\]", requirement(command))
    wanted = f"jhub{extras[0] if extras else ''} @ {distributions.wheel.as_uri()}"
    if command.startswith("uv tool"):
        folders = {"UV_TOOL_DIR": str(tmp_path / "tools"), "UV_TOOL_BIN_DIR": str(tmp_path / "bin")}
        uv("tool", "install", wanted, **folders)
        programs = tmp_path / "bin"
    else:
        programs = environment(tmp_path / "env", wanted)
    assert run(programs / "jhub", "--version") == f"jhub {__version__}\n"


def test_the_wheel_alone_is_a_client_and_a_command_line(distributions: Distributions, tmp_path: Path) -> None:
    programs = environment(tmp_path / "env", f"jhub @ {distributions.wheel.as_uri()}")
    code = "from jhub import AsyncHub, Hub; print(Hub('https://hub.example.org', 'token'))"
    assert run(programs / "python", "-I", "-c", code) == "<Hub https://hub.example.org>\n"
    assert "Usage: jhub" in run(programs / "jhub", "--help")
    assert "Usage: jhub user list" in run(programs / "jhub", "user", "list", "--help")
    # Without the extras, the error names what to install.
    done = subprocess.run([programs / "jhub", "local", "up"], capture_output=True, text=True, check=False, cwd=tmp_path)
    assert done.returncode == 1
    assert "pip install 'jhub[local]'" in done.stderr


def run(*command: str | Path) -> str:
    """Return the output of a command that must succeed."""
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout
