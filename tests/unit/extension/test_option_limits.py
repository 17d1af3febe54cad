"""Limits on the size, depth and values of user options."""

from __future__ import annotations

from typing import Any

import pytest

from jhub.extension.option_limits import MAX_DEPTH, MAX_OPTIONS_BYTES, check_limits
from jhub.extension.verdict import Refused


def deep(levels: int, kind: type = list) -> Any:
    value: Any = 1
    for _ in range(levels):
        value = [value] if kind is list else {"a": value}
    return value


@pytest.mark.parametrize("kind", [list, dict])
def test_deeply_nested_values_are_refused(kind: type) -> None:
    check_limits({"note": deep(MAX_DEPTH, kind), "other": deep(3, kind)})
    for levels in (MAX_DEPTH + 1, 970, 100_000):
        with pytest.raises(Refused, match="nested too deeply: more than 50 levels"):
            check_limits({"note": deep(levels, kind)})


@pytest.mark.parametrize(
    "value",
    [
        "x" * MAX_OPTIONS_BYTES,
        "é" * (MAX_OPTIONS_BYTES // 2),
        ["x"] * MAX_OPTIONS_BYTES,
        {str(number): number for number in range(MAX_OPTIONS_BYTES // 4)},
        [[[]] * 300] * 300,
    ],
    ids=lambda value: type(value).__name__,
)
def test_large_values_are_refused(value: object) -> None:
    with pytest.raises(Refused, match="larger than 64 KiB"):
        check_limits({"note": value})


def test_options_of_the_maximum_size_are_accepted() -> None:
    check_limits({"note": "x" * (MAX_OPTIONS_BYTES - len('{"note": ""}'))})


@pytest.mark.parametrize(
    "value",
    [float("nan"), float("inf"), b"bytes", {1, 2}, object(), "\ud800", {"\udfff": 1}, 10**5000, [{"a": b""}]],
    ids=lambda value: type(value).__name__,
)
def test_values_that_are_not_json_are_refused(value: object) -> None:
    with pytest.raises(Refused, match="not JSON"):
        check_limits({"note": value})


@pytest.mark.parametrize("value", [{"__jupyterhub_bytes__": True}, [{"a": {"__jupyterhub_x": 1}}]])
def test_reserved_keys_are_refused(value: object) -> None:
    with pytest.raises(Refused, match="reserved"):
        check_limits({"note": value})


@pytest.mark.parametrize("value", [None, True, 1, -1.5, "", "\x00", "\U0001f600", [], {}, (1, 2), {"a": [{}]}])
def test_json_values_are_accepted(value: object) -> None:
    check_limits({"note": value})
