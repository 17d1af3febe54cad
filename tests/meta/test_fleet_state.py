"""State of a fleet: only the methods of an object change its fields."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from jhub.fleet import state

FILES = sorted(Path(state.__file__).parent.glob("*.py"))
CHANGES = {
    *("add", "append", "appendleft", "clear", "difference_update", "discard", "extend", "heappop", "heappush"),
    *("insert", "pop", "popitem", "popleft", "remove", "setdefault", "sort", "update"),
}
"""Functions and methods that change a collection."""


def foreign(node: ast.expr) -> bool:
    """Return whether this is a field of an object other than `self`."""
    return isinstance(node, ast.Attribute) and not (isinstance(node.value, ast.Name) and node.value.id == "self")


def writes(code: str) -> Iterator[str]:
    """Yield the statements that change a field of another object, or the collection in it."""
    for node in ast.walk(ast.parse(code)):
        changed: list[ast.expr] = []
        match node:
            case ast.Attribute(ctx=ast.Store() | ast.Del()):
                changed = [node]
            case ast.Subscript(value=value, ctx=ast.Store() | ast.Del()):
                changed = [value]
            case ast.Call(func=ast.Attribute(value=value, attr=name), args=arguments) if name in CHANGES:
                changed = [value, *arguments[:1]] if name.startswith("heap") else [value]
        if any(map(foreign, changed)):
            yield ast.unparse(node)


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_no_module_writes_to_a_field_of_another_object(file: Path) -> None:
    assert not list(writes(file.read_text()))


@pytest.mark.parametrize(
    "code",
    [
        "entry.phase = x",
        "entry.sent, n = 1, 2",
        "fleet.probe.sent += 1",
        "self.outage.count += 1",
        "del entry.error",
        "fleet.in_flight[x] = entry",
        "del fleet.in_flight[x]",
        "fleet.forks.discard(x)",
        "heapq.heappush(fleet.queue, x)",
        "for entry.sent in x: pass",
    ],
)
def test_writes_are_detected(code: str) -> None:
    assert list(writes(code))


@pytest.mark.parametrize("code", ["self.phase = x", "self.queue.append(x)", "fleet.add(x)", "names[x] = entry"])
def test_other_code_is_not_a_write(code: str) -> None:
    assert not list(writes(code))
