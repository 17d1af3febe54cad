"""Reload of a file of profiles that changes while it is in use."""

from __future__ import annotations

import logging
import os
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from jhub.errors import InvalidInput
from jhub.extension.profile_store import ProfilesFile
from jhub.profiles.model import Profiles

LOG = logging.getLogger("test")
WHOLE = "profiles:\n- slug: lab\n  groups: [geo]\n"
HALF = "profiles:\n- slug: lab\n"
"""A partly written file: the same profile, open to everybody."""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    file = tmp_path / "profiles.yaml"
    file.write_text("profiles:\n- slug: old\n")
    return file


def unchanged(profiles: Profiles) -> Profiles:
    """Adapt nothing: any hub can use the profiles."""
    return profiles


def slugs(file: ProfilesFile) -> list[str]:
    return [profile.slug for profile in file.profiles.all]


def test_a_change_is_loaded_once_the_file_stays_the_same(path: Path) -> None:
    file = ProfilesFile(path)
    file.poll(unchanged, LOG)
    path.write_text(HALF)
    file.poll(unchanged, LOG)
    assert slugs(file) == ["old"]
    path.write_text(WHOLE)
    file.poll(unchanged, LOG)
    assert slugs(file) == ["old"], "the file has just changed"
    file.poll(unchanged, LOG)
    assert [(profile.slug, profile.groups) for profile in file.profiles.all] == [("lab", ("geo",))]


def test_a_change_right_after_the_first_read_is_loaded(path: Path) -> None:
    file = ProfilesFile(path)
    path.write_text(WHOLE)
    file.poll(unchanged, LOG)
    file.poll(unchanged, LOG)
    assert slugs(file) == ["lab"]


@pytest.mark.parametrize("broken", ["profiles: [", "", "profiles: []", "profiles: [{slug: a}, {slug: a}]"])
def test_an_invalid_file_keeps_the_old_profiles_and_is_logged_once(
    path: Path, broken: str, caplog: pytest.LogCaptureFixture
) -> None:
    file = ProfilesFile(path)
    path.write_text(broken)
    for _ in range(5):
        file.poll(unchanged, LOG)
    assert slugs(file) == ["old"]
    (record,) = caplog.records
    assert (record.levelname, f"{path}:" in record.message) == ("ERROR", True)
    path.write_text(WHOLE)
    file.poll(unchanged, LOG)
    file.poll(unchanged, LOG)
    assert slugs(file) == ["lab"]


def test_a_missing_file_keeps_the_old_profiles_until_it_is_back(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    file = ProfilesFile(path)
    text = path.read_text()
    path.unlink()
    for _ in range(3):
        file.poll(unchanged, LOG)
    assert slugs(file) == ["old"]
    assert [record.levelname for record in caplog.records] == ["ERROR"]
    path.write_text(text + "- slug: new\n")
    file.poll(unchanged, LOG)
    file.poll(unchanged, LOG)
    assert slugs(file) == ["old", "new"]


def test_profiles_that_the_hub_cannot_use_keep_the_old_ones(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    def refuse(profiles: Profiles) -> Profiles:
        raise InvalidInput("no such setting")

    file = ProfilesFile(path)
    path.write_text(WHOLE)
    file.poll(refuse, LOG)
    file.poll(refuse, LOG)
    assert slugs(file) == ["old"]
    assert "no such setting" in caplog.text


def test_another_file_behind_the_same_link_is_loaded(tmp_path: Path, path: Path) -> None:
    """Kubernetes updates a file by moving a link to a new folder."""
    link, new = tmp_path / "link.yaml", tmp_path / "new.yaml"
    link.symlink_to(path)
    file = ProfilesFile(link)
    new.write_text(path.read_text().replace("old", "new"))
    times = path.stat()
    os.utime(new, ns=(times.st_atime_ns, times.st_mtime_ns))
    link.unlink()
    link.symlink_to(new)
    file.poll(unchanged, LOG)
    file.poll(unchanged, LOG)
    assert slugs(file) == ["new"]


def test_a_relative_path_refers_to_the_folder_at_the_start(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(path.parent)
    file = ProfilesFile(path.name)
    monkeypatch.chdir("/")
    path.write_text(WHOLE)
    file.poll(unchanged, LOG)
    file.poll(unchanged, LOG)
    assert slugs(file) == ["lab"]


def test_a_pipe_in_place_of_the_file_does_not_block(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    file = ProfilesFile(path)
    path.unlink()
    os.mkfifo(path)
    file.poll(unchanged, LOG)
    file.poll(unchanged, LOG)
    assert slugs(file) == ["old"]
    assert "not a file" in caplog.text


def test_a_change_with_the_same_modification_time_is_loaded(path: Path) -> None:
    file = ProfilesFile(path)
    times = path.stat()
    path.write_text(path.read_text().replace("old", "new"))
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
    file.poll(unchanged, LOG)
    file.poll(unchanged, LOG)
    assert slugs(file) == ["new"]


def test_a_change_is_loaded_after_a_temporary_read_error(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    file = ProfilesFile(path)
    path.write_text(WHOLE)
    file.poll(unchanged, LOG)
    with no_descriptors():
        for _ in range(3):
            file.poll(unchanged, LOG)
    assert slugs(file) == ["old"]
    (record,) = caplog.records
    assert "cannot read" in record.message
    file.poll(unchanged, LOG)
    assert slugs(file) == ["lab"]


@contextmanager
def no_descriptors() -> Iterator[None]:
    """Keep this process from opening files."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (0, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)


@pytest.mark.parametrize("error", [RuntimeError("no directory"), InvalidInput("could not be imported"), MemoryError()])
def test_any_failure_is_retried_with_back_off(path: Path, error: Exception, caplog: pytest.LogCaptureFixture) -> None:
    """Adapting profiles to a hub calls authenticators and imports classes."""
    file = ProfilesFile(path)
    failing = True
    tries = 0

    def adapt(profiles: Profiles) -> Profiles:
        nonlocal tries
        tries += 1
        if failing:
            raise error
        return profiles

    path.write_text(WHOLE)
    for _ in range(200):
        file.poll(adapt, LOG)
    assert slugs(file) == ["old"]
    assert 5 < tries < 12, "the retries back off"
    assert len(caplog.records) == 1
    failing = False
    for _ in range(61):
        file.poll(adapt, LOG)
    assert slugs(file) == ["lab"]
    failing = True
    path.write_text(HALF)
    file.poll(adapt, LOG)
    before = tries
    file.poll(adapt, LOG)
    assert tries == before + 1, "a changed file is tried at once"
