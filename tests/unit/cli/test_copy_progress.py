"""Progress of a copy without a terminal."""

from __future__ import annotations

import io

import pytest

from jhub.cli.copy_progress import CopyProgress
from jhub.cli.kit.batch import LINE_SECONDS


class Clock:
    """A clock that a test moves."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_line_now_and_then(capsys: pytest.CaptureFixture[str]) -> None:
    clock = Clock()
    with CopyProgress("a -> ana/lab:\x1b[31m", 5 * 2**20, clock) as progress:
        file = progress.watched(io.BytesIO(bytes(5 * 2**20)))
        assert len(file.read(2**20)) == 2**20
        assert capsys.readouterr().err == "", "a short copy has no line"
        clock.now += LINE_SECONDS
        file.read(2 * 2**20)
        assert capsys.readouterr().err == "a -> ana/lab:\\x1b[31m: 3 of 5 MiB so far\n"
        file.read(1)
        assert capsys.readouterr().err == ""
        clock.now += LINE_SECONDS
        file.seek(0)
        file.read(2**20)
        assert capsys.readouterr().err == "", "what is read again does not count"
        file.seek(4 * 2**20)
        file.read()
        assert capsys.readouterr().err.endswith("5 of 5 MiB so far\n")


def test_parts_of_unknown_number(capsys: pytest.CaptureFixture[str]) -> None:
    clock = Clock()
    with CopyProgress("x", now=clock) as progress:
        for part in progress.counted([bytes(2**20)] * 3):
            clock.now += LINE_SECONDS
            assert len(part) == 2**20
    assert capsys.readouterr().err == "x: 2 MiB so far\nx: 3 MiB so far\n"
