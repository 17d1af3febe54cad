"""Builds of the distributions, and environments that they are installed into."""

from __future__ import annotations

import os
import subprocess
import sys
import tarfile
import zipfile
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
SOURCE_DATE_EPOCH = "1700000000"


@dataclass(frozen=True)
class Distributions:
    """The files of a build."""

    sdist: Path
    wheel: Path

    @property
    def sdist_files(self) -> list[str]:
        """Names in the sdist, below its folder."""
        with tarfile.open(self.sdist) as archive:
            return sorted(member.name.partition("/")[2] for member in archive if member.isfile())

    @property
    def wheel_files(self) -> list[str]:
        """Names in the wheel."""
        with zipfile.ZipFile(self.wheel) as archive:
            return sorted(archive.namelist())


def uv(*arguments: str | Path, **env: str) -> str:
    """Run uv, and return its output. Raises AssertionError with the error output if it fails."""
    command = [sys.executable, "-m", "uv", "--quiet", "--no-progress", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env={**os.environ, **env})
    assert done.returncode == 0, done.stderr
    return done.stdout


def build(source: Path, folder: Path) -> Distributions:
    """Build the sdist from a folder, and the wheel from that sdist, with the build backend of this environment."""
    options = ["--no-build-isolation", "--python", sys.executable, "--out-dir", str(folder)]
    uv("build", *options, source, SOURCE_DATE_EPOCH=SOURCE_DATE_EPOCH)
    return _built(folder)


def build_wheel(source: Path, folder: Path) -> Path:
    """Build the wheel straight from a folder."""
    options = ["--wheel", "--no-build-isolation", "--python", sys.executable, "--out-dir", str(folder)]
    uv("build", *options, source, SOURCE_DATE_EPOCH=SOURCE_DATE_EPOCH)
    (wheel,) = folder.glob("*.whl")
    return wheel


def environment(folder: Path, requirement: str) -> Path:
    """Create an empty environment, install a requirement with the versions of the lock, and return its programs."""
    uv("venv", "--python", sys.executable, folder)
    uv("pip", "install", "--python", folder, "--constraint", ROOT / "requirements.lock", requirement)
    return folder / ("Scripts" if os.name == "nt" else "bin")


def _built(folder: Path) -> Distributions:
    (sdist,), (wheel,) = folder.glob("*.tar.gz"), folder.glob("*.whl")
    return Distributions(sdist, wheel)
