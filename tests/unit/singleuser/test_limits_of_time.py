"""Limits of time for work in a server: a limit that is not greater than 0 is refused before anything is sent."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest

from jhub import Hub
from jhub.errors import InvalidInput
from jhub.testing import FakeHub

NOTEBOOK = {"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": []}


@pytest.mark.parametrize("seconds", [0, -1, math.nan])
@pytest.mark.parametrize(
    "work",
    [
        lambda server, seconds: server.execute("1", timeout=seconds),
        lambda server, seconds: server.run(NOTEBOOK, timeout=seconds),
        lambda server, seconds: server.run(NOTEBOOK, cell_timeout=seconds),
        lambda server, seconds: list(server.stream_run(NOTEBOOK, timeout=seconds)),
        lambda server, seconds: server.command(["true"], timeout=seconds),
        lambda server, seconds: list(server.stream_command(["true"], timeout=seconds)),
        lambda server, seconds: list(server.stream_script("1", timeout=seconds)),
    ],
)
def test_a_limit_that_is_not_greater_than_0(work: Callable[[Any, float], object], seconds: float) -> None:
    fake = FakeHub(servers=["ana"])
    with (
        Hub(fake.api_url, fake.token, transport=fake.transport) as hub,
        pytest.raises(InvalidInput, match="timeout must be greater than 0, not"),
    ):
        work(hub.singleuser("ana"), seconds)
    assert fake.calls == []
