"""How large user options may be, and what they may hold."""

from __future__ import annotations

from typing import Any

import pytest

from jhub.extension.option_limits import DEEPEST, LARGEST, check_bounds
from jhub.extension.verdict import Refused


def deep(levels: int, kind: type = list) -> Any:
    value: Any = 1
    for _ in range(levels):
        value = [value] if kind is list else {"a": value}
    return value


@pytest.mark.parametrize("kind", [list, dict])
def test_depth(kind: type) -> None:
    check_bounds({"note": deep(DEEPEST, kind), "other": deep(3, kind)})
    for levels in (DEEPEST + 1, 970, 100_000):
        with pytest.raises(Refused, match="nested too deeply: more than 50 levels"):
            check_bounds({"note": deep(levels, kind)})


@pytest.mark.parametrize(
    "value",
    [
        "x" * LARGEST,
        "é" * (LARGEST // 2),
        ["x"] * LARGEST,
        {str(number): number for number in range(LARGEST // 4)},
        [[[]] * 300] * 300,
    ],
    ids=lambda value: type(value).__name__,
)
def test_size(value: object) -> None:
    with pytest.raises(Refused, match="larger than 64 KiB"):
        check_bounds({"note": value})


def test_the_largest_that_is_allowed() -> None:
    check_bounds({"note": "x" * (LARGEST - len('{"note": ""}'))})


@pytest.mark.parametrize(
    "value",
    [float("nan"), float("inf"), b"bytes", {1, 2}, object(), "\ud800", {"\udfff": 1}, 10**5000, [{"a": b""}]],
    ids=lambda value: type(value).__name__,
)
def test_what_is_not_json(value: object) -> None:
    with pytest.raises(Refused, match="not JSON"):
        check_bounds({"note": value})


@pytest.mark.parametrize("value", [{"__jupyterhub_bytes__": True}, [{"a": {"__jupyterhub_x": 1}}]])
def test_reserved_keys(value: object) -> None:
    with pytest.raises(Refused, match="reserved"):
        check_bounds({"note": value})


@pytest.mark.parametrize("value", [None, True, 1, -1.5, "", "\x00", "\U0001f600", [], {}, (1, 2), {"a": [{}]}])
def test_what_is(value: object) -> None:
    check_bounds({"note": value})
