"""The record of `make test-upstream` has a reason for each difference, and results are compared with it by test."""

from __future__ import annotations

from pathlib import Path

import pytest

from upstream import differences
from upstream.differences import (
    FAILS_WITHOUT,
    INCOMPLETE,
    NEW,
    NO_REASON,
    TODO,
    VANISHED,
    confirmed,
    findings,
    read_expected,
    updated,
    without_reason,
    write_expected,
)
from upstream.runs import read_outcomes

PASSED, FAILED, SKIPPED = "passed", "failed", "skipped"


def test_each_recorded_difference_has_a_reason() -> None:
    assert not without_reason(read_expected()), "write the reasons into tests/upstream/expected.yaml"


@pytest.mark.parametrize(
    ("without", "extended", "expected", "found"),
    [
        (PASSED, PASSED, [], None),
        (PASSED, FAILED, [], NEW),
        (PASSED, SKIPPED, [], NEW),
        (PASSED, None, [], NEW),
        (None, PASSED, [], NEW),
        (SKIPPED, PASSED, [], NEW),
        (PASSED, FAILED, ["test_a::test_b"], None),
        (PASSED, PASSED, ["test_a::test_b"], VANISHED),
        (None, None, ["test_a::test_b"], VANISHED),
        (PASSED, FAILED, ["test_aa::test_b"], NEW),
        (PASSED, PASSED, ["test_aa::test_b"], None),
        (FAILED, FAILED, [], FAILS_WITHOUT),
        (FAILED, PASSED, [], FAILS_WITHOUT),
    ],
)
def test_outcomes_are_compared_with_the_record(
    without: str | None, extended: str | None, expected: list[str], found: str | None
) -> None:
    runs = [{"test_b": outcome} if outcome else {} for outcome in (without, extended)]
    assert findings("test_a", runs[0], runs[1], expected) == ({("test_a::test_b", found)} if found else set())


def test_a_finding_counts_if_it_repeats() -> None:
    steady, unsteady, other = ("test_a::b", NEW), ("test_a::c", NEW), ("test_a::c", FAILS_WITHOUT)
    repeated = ["test_a::b", "test_a::c"]
    assert confirmed([steady, unsteady], [steady], repeated) == {steady}
    assert confirmed([steady, unsteady], [steady, other], repeated) == {steady}


def test_a_finding_that_cannot_be_repeated_counts() -> None:
    gone, kept = ("test_a::gone", VANISHED), ("test_a::kept", VANISHED)
    assert confirmed([gone], [gone, kept], []) == {gone}
    assert confirmed([gone, kept], [], ["test_a::kept"]) == {gone}


def test_a_repetition_that_is_incomplete_counts() -> None:
    assert confirmed([("test_a::b", NEW)], [("test_a", INCOMPLETE)], ["test_a::b"]) == {("test_a", INCOMPLETE)}


def test_the_outcome_of_a_test_is_that_of_its_worst_phase() -> None:
    lines = """\
["tests/test_a.py::test_b[x::y]", "passed"]
["tests/test_a.py::test_b[x::y]", "failed"]
["tests/test_a.py::test_b[x::y]", "passed"]
["tests/test_a.py::test_c", "skipped"]
["tests/test_a.py::test_c", "passed"]
"""
    assert read_outcomes(lines) == {"test_b[x::y]": FAILED, "test_c": SKIPPED}


def test_a_new_difference_is_recorded_without_a_reason() -> None:
    found = {("test_a::new", NEW), ("test_a::gone", VANISHED), ("test_a::broken", FAILS_WITHOUT)}
    expected = updated({"test_a::gone": "A reason.", "test_a::kept": "Another."}, found)
    assert expected == {"test_a::kept": "Another.", "test_a::new": TODO}
    assert without_reason(expected) == {("test_a::new", NO_REASON)}


def test_the_record_is_read_as_it_was_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(differences, "EXPECTED", tmp_path / "expected.yaml")
    records: list[dict[str, str]] = [{}, {"test_a::test_b[x: y-#1-é]": 'A "reason": long. ' * 20, "test_a::c": TODO}]
    for expected in records:
        write_expected(expected)
        assert read_expected() == expected
