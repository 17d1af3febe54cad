"""Lines of progress of bulk writes: one now and then on stderr, so that a short one has none."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from jhub import Hub
from jhub.cli import group_sync, user
from jhub.cli.kit import batch
from jhub.cli.kit.batch import BatchTally
from jhub.testing import FakeHub

NAMES = [f"user{number}" for number in range(30)]


@pytest.fixture
def hub() -> Hub:
    fake = FakeHub()
    return Hub(fake.api_url, fake.token, transport=fake.transport)


def create(hub: Hub) -> None:
    assert len(list(user._create_users(hub, NAMES, admin=False, exist_ok=True, tally=BatchTally()))) == 30


def edit(hub: Hub) -> None:
    hub.users.create_many(NAMES).run()
    assert len(list(user._edit_users(hub.users.edit_many(NAMES, admin=True), 30, BatchTally()))) == 30


def sync(hub: Hub) -> None:
    assert len(group_sync._create_users(hub, NAMES).done) == 30


@pytest.mark.parametrize(("work", "verb"), [(create, "created"), (edit, "edited"), (sync, "created")])
def test_a_long_bulk_write_has_lines(
    hub: Hub,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    work: Callable[[Hub], None],
    verb: str,
) -> None:
    with hub:
        monkeypatch.setattr(batch, "LINE_SECONDS", 0.0)
        work(hub)
    assert f"12 of 30 users {verb} so far\n" in capsys.readouterr().err


def test_a_short_bulk_write_has_none(hub: Hub, capsys: pytest.CaptureFixture[str]) -> None:
    with hub:
        create(hub)
    assert capsys.readouterr().err == ""
