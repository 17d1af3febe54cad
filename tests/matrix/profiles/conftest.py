"""Hubs, and the check after each test of profiles."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from matrix.profiles.hubs import FIRST, LAST, Hubs, Kind, ProfileHub


@pytest.fixture(scope="session")
def hubs(environment: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hubs]:
    """Hubs with jhub.extension."""
    up = Hubs(environment, tmp_path_factory.mktemp("profiles"))
    try:
        yield up
    finally:
        up.close()


@pytest.fixture(params=[FIRST, LAST], ids=lambda kind: kind.name)
def hub(request: pytest.FixtureRequest, hubs: Hubs) -> Iterator[ProfileHub]:
    """A hub of each kind; it survives the test, and never starts a profile that is closed to everybody."""
    kind: Kind = request.param
    up = hubs[kind]
    yield up
    assert up.process.poll() is None, up.log()[-2000:]
    starts = [line for path in up.place.glob("users/*/started") for line in path.read_text().splitlines()]
    assert not [line for line in starts if line.split(" ")[1] == "nobodys"]
