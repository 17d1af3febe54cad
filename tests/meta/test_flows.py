"""Flows yield a request only by `yield from`: with retries, or without by `once()`."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import jhub

ROOT = Path(jhub.__file__).parent
FILES = sorted(file for file in ROOT.rglob("*.py") if file != ROOT / "steps.py")
WITHOUT_ANSWER = {"Emit", "Sleep", "Fork", "Cancel"}


def own_yields(function: ast.AST) -> Iterator[ast.Yield]:
    """Yield the yield expressions of a function, without those of nested functions."""
    for node in ast.iter_child_nodes(function):
        if isinstance(node, ast.Yield):
            yield node
        if not isinstance(node, ast.FunctionDef | ast.Lambda):
            yield from own_yields(node)


def bare(code: str) -> list[int]:
    """Return the lines in which a flow yields something that needs `yield from`."""
    found: list[int] = []
    for function in ast.walk(ast.parse(code)):
        match function:
            case ast.FunctionDef(returns=ast.Subscript(value=ast.Name("Flow"))):
                for node in own_yields(function):
                    match node.value:
                        case ast.Call(func=ast.Name(name)) if name in WITHOUT_ANSWER:
                            pass
                        case ast.Call(func=ast.Attribute(attr="fork")):
                            pass  # a `Fork` that is counted
                        case ast.Name("step"):
                            pass  # a step of another flow, which `map_steps` runs
                        case _:
                            found.append(node.lineno)
            case _:
                pass
    return found


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(ROOT)))
def test_no_flow_yields_a_bare_request(file: Path) -> None:
    assert not bare(file.read_text())


@pytest.mark.parametrize(
    ("code", "lines"),
    [
        ("def f() -> Flow[int]:\n    x = yield request", [2]),
        ("def f() -> Flow[int]:\n    return (yield call('GET', '/', int))", [2]),
        ("def f() -> Flow[int]:\n    yield Emit(1)\n    return (yield from request.once())", []),
        ("def f() -> Flow[int]:\n    def g() -> Flow[Any]:\n        return (yield step)\n    yield from g()", []),
        ("def f() -> Iterator[int]:\n    yield request", []),
    ],
)
def test_a_bare_request_is_found(code: str, lines: list[int]) -> None:
    assert bare(code) == lines
