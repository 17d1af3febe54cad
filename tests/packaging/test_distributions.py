"""Content, size and reproducibility of the sdist and the wheel."""

from __future__ import annotations

import email
import shutil
import tarfile
import tomllib
import zipfile
from pathlib import Path

from packaging_builds import ROOT, Distributions, build, build_wheel

from jhub import __version__

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
FILES = Path(__file__).with_name("sdist_files.txt")
MAX_BYTES = 800_000
"""Maximum size of each distribution. The wheel has about 490,000 bytes in version 0.1.0."""


def test_the_sdist_has_the_listed_files(distributions: Distributions) -> None:
    listed = FILES.read_text().splitlines()
    assert distributions.sdist_files == listed, f"if this is right, change {FILES.relative_to(ROOT)}"


def test_the_wheel_has_the_code_of_the_sdist_and_its_metadata(distributions: Distributions) -> None:
    code = {name.removeprefix("src/") for name in FILES.read_text().splitlines() if name.startswith("src/")}
    metadata = ("METADATA", "RECORD", "WHEEL", "entry_points.txt", "licenses/LICENSE")
    info = {f"jhub-{__version__}.dist-info/{name}" for name in metadata}
    assert set(distributions.wheel_files) == code | info


def test_the_distributions_are_small(distributions: Distributions) -> None:
    for path in (distributions.sdist, distributions.wheel):
        assert path.stat().st_size < MAX_BYTES, path.name


def test_the_names_of_the_distributions_have_the_version(distributions: Distributions) -> None:
    names = [distributions.sdist.name, distributions.wheel.name]
    assert names == [f"jhub-{__version__}.tar.gz", f"jhub-{__version__}-py3-none-any.whl"]


def test_the_same_source_builds_the_same_bytes(distributions: Distributions, tmp_path: Path) -> None:
    source = tmp_path / "other name"
    source.mkdir()
    for name in ("CHANGELOG.md", "LICENSE", "README.md", "pyproject.toml", ".gitignore"):
        shutil.copyfile(ROOT / name, source / name)  # with the time of now
    for name in FILES.read_text().splitlines():
        if name.startswith("src/"):
            (source / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / name, source / name)
            (source / name).chmod(0o640)
    again = build(source, tmp_path / "dist")
    assert again.wheel.read_bytes() == distributions.wheel.read_bytes()
    assert again.sdist.read_bytes() == distributions.sdist.read_bytes()


def test_the_sdist_builds_the_wheel_that_the_repository_builds(distributions: Distributions, tmp_path: Path) -> None:
    # The wheel of `distributions` is built from its sdist.
    assert build_wheel(ROOT, tmp_path).read_bytes() == distributions.wheel.read_bytes()


def test_the_metadata_is_that_of_the_project(distributions: Distributions) -> None:
    with zipfile.ZipFile(distributions.wheel) as archive:
        metadata = email.message_from_bytes(archive.read(f"jhub-{__version__}.dist-info/METADATA"))
    assert metadata["Author"] == "The jhub contributors"
    assert metadata["License-Expression"] == "BSD-3-Clause"
    assert metadata["Requires-Python"] == PROJECT["requires-python"]
    assert metadata.get_all("Provides-Extra") == sorted(PROJECT["optional-dependencies"])
    urls = [f"{name}, {url}" for name, url in PROJECT["urls"].items()]
    assert metadata.get_all("Project-URL") == urls


def test_no_file_of_the_sdist_is_writable_by_others(distributions: Distributions) -> None:
    with tarfile.open(distributions.sdist) as archive:
        assert not [member.name for member in archive if member.mode & 0o022 or member.uid]
