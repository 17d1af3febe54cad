"""A file of profiles that changes while it is in use."""

from __future__ import annotations

import logging
import os
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from jhub.errors import InvalidInput
from jhub.extension.store import ProfilesFile
from jhub.profiles.model import Profiles

LOG = logging.getLogger("test")
WHOLE = "profiles:\n- slug: lab\n  groups: [geo]\n"
HALF = "profiles:\n- slug: lab\n"
"""What is there of it for a moment: the same profile, for everybody."""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    file = tmp_path / "profiles.yaml"
    file.write_text("profiles:\n- slug: old\n")
    return file


def unchanged(profiles: Profiles) -> Profiles:
    """They suit any hub."""
    return profiles


def slugs(file: ProfilesFile) -> list[str]:
    return [profile.slug for profile in file.profiles.all]


def test_a_change_counts_once_it_has_come_to_rest(path: Path) -> None:
    file = ProfilesFile(path)
    file.poll(unchanged, LOG)
    path.write_text(HALF)
    file.poll(unchanged, LOG)
    assert slugs(file) == ["old"]
    path.write_text(WHOLE)
    file.poll(unchanged, LOG)
    assert slugs(file) == ["old"], "still in motion"
    file.poll(unchanged, LOG)
    assert [(profile.slug, profile.groups) for profile in file.profiles.all] == [("lab", ("geo",))]


def test_what_is_written_while_the_file_is_read_for_the_first_time_is_a_change(path: Path) -> None:
    file = ProfilesFile(path)
    path.write_text(WHOLE)
    file.poll(unchanged, LOG)
    file.poll(unchanged, LOG)
    assert slugs(file) == ["lab"]


@pytest.mark.parametrize("broken", ["profiles: [", "", "profiles: []", "profiles: [{slug: a}, {slug: a}]"])
def test_a_broken_file_keeps_the_old_one_and_is_told_once(
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


def test_a_file_that_is_gone_keeps_the_old_one_until_it_is_back(path: Path, caplog: pytest.LogCaptureFixture) -> None:
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


def test_profiles_that_do_not_suit_the_hub_keep_the_old_ones(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    def refuse(profiles: Profiles) -> Profiles:
        raise InvalidInput("no such setting")

    file = ProfilesFile(path)
    path.write_text(WHOLE)
    file.poll(refuse, LOG)
    file.poll(refuse, LOG)
    assert slugs(file) == ["old"]
    assert "no such setting" in caplog.text


def test_a_file_is_another_one_behind_the_same_link(tmp_path: Path, path: Path) -> None:
    """Kubernetes puts a new folder behind a link."""
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


def test_the_place_of_the_file_is_that_of_the_start(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(path.parent)
    file = ProfilesFile(path.name)
    monkeypatch.chdir("/")
    path.write_text(WHOLE)
    file.poll(unchanged, LOG)
    file.poll(unchanged, LOG)
    assert slugs(file) == ["lab"]


def test_a_pipe_in_its_place_is_not_waited_for(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    file = ProfilesFile(path)
    path.unlink()
    os.mkfifo(path)
    file.poll(unchanged, LOG)
    file.poll(unchanged, LOG)
    assert slugs(file) == ["old"]
    assert "not a file" in caplog.text


def test_a_change_that_hides_its_time_is_seen(path: Path) -> None:
    file = ProfilesFile(path)
    times = path.stat()
    path.write_text(path.read_text().replace("old", "new"))
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
    file.poll(unchanged, LOG)
    file.poll(unchanged, LOG)
    assert slugs(file) == ["new"]


def test_a_read_error_that_passes_loses_no_change(path: Path, caplog: pytest.LogCaptureFixture) -> None:
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
    """Let this process open no more files."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (0, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)


@pytest.mark.parametrize("error", [RuntimeError("no directory"), InvalidInput("could not be imported"), MemoryError()])
def test_a_failure_of_any_kind_is_tried_again(path: Path, error: Exception, caplog: pytest.LogCaptureFixture) -> None:
    """What makes profiles fit a hub asks authenticators and imports classes."""
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
    assert 5 < tries < 12, "less and less often"
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
    assert tries == before + 1, "another text is tried at once"
