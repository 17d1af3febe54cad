"""Random requests: the hub refuses them or starts what is allowed, and keeps running."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from examples import examples
from hypothesis import given

from matrix.profiles.fuzzed import Fuzzed
from matrix.profiles.hostile import ALLOWED, FUZZED, KNOWN, Sent, by_page, by_rest
from matrix.profiles.hubs import Hubs


@pytest.fixture(scope="session")
def fuzzed(hubs: Hubs) -> Iterator[Fuzzed]:
    """A hub that shuts down after three failed starts."""
    up = Fuzzed(hubs[FUZZED])
    yield up
    up.check_end()


@pytest.mark.parametrize("sent", ALLOWED, ids=lambda sent: repr(sent)[:60])
def test_allowed_requests_start_a_server(fuzzed: Fuzzed, sent: Sent) -> None:
    fuzzed.check_started(sent)


@pytest.mark.parametrize("sent", KNOWN, ids=lambda sent: repr(sent)[:60])
def test_requests_that_have_failed_before(fuzzed: Fuzzed, sent: Sent) -> None:
    fuzzed.check(sent)


@examples(few=50, long=3000)
@given(by_rest)
def test_any_json_by_the_rest_api(fuzzed: Fuzzed, sent: Sent) -> None:
    fuzzed.check(sent)


@examples(few=30, long=2000)
@given(by_page)
def test_any_text_by_the_form_and_the_query(fuzzed: Fuzzed, sent: Sent) -> None:
    fuzzed.check(sent)
