"""Merging of settings: items that are added to KubeSpawner's own."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest

from jhub.extension.overrides import add_items


@pytest.mark.parametrize(
    ("current", "addition", "result"),
    [
        ([], [{"name": "a"}], [{"name": "a"}]),
        (None, [{"name": "a"}], [{"name": "a"}]),
        ([{"name": "own"}], [{"name": "a"}], [{"name": "own"}, {"name": "a"}]),
        ([{"name": "a"}], [{"name": "a"}, {"name": "b"}], [{"name": "a"}, {"name": "b"}]),
        ({"2": {"name": "y"}, "1": {"name": "x"}}, [{"name": "a"}], [{"name": "x"}, {"name": "y"}, {"name": "a"}]),
        ("own", [{"name": "a"}], ["own", {"name": "a"}]),
        ("", [{"name": "a"}], [{"name": "a"}]),
        ({}, {"envFrom": ["a"]}, {"envFrom": ["a"]}),
        ({"tty": True, "envFrom": ["own"]}, {"envFrom": ["a"]}, {"tty": True, "envFrom": ["own", "a"]}),
        ({"env_from": ["own"]}, {"envFrom": ["a"]}, {"env_from": ["own", "a"]}),
    ],
)
def test_items_are_added_and_none_is_lost(current: Any, addition: Any, result: Any) -> None:
    before = deepcopy((current, addition))
    assert add_items(current, addition) == result
    assert (current, addition) == before
