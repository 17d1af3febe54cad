"""Every public name has a docstring, and every operation documents its REST call and the scopes that it needs."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import jhub

ROOT = Path(jhub.__file__).parent
DOCUMENTED = sorted(
    file
    for name in ("operations", "client", "fleet", "models", "errors", "steps", "testing", "discovery", "binding")
    for file in [*(ROOT / name).rglob("*.py"), ROOT / f"{name}.py"]
    if file.exists()
)

Declared = ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef


def public(body: list[ast.stmt], prefix: str = "") -> Iterator[tuple[str, Declared]]:
    """Yield the public classes, functions and methods of a module, with their full names."""
    for node in body:
        if isinstance(node, Declared) and not node.name.startswith("_") and "overload" not in decorators(node):
            yield prefix + node.name, node
            if isinstance(node, ast.ClassDef):
                yield from public(node.body, f"{prefix}{node.name}.")


def decorators(node: Declared) -> set[str]:
    """Return the names of the decorators, with or without arguments."""
    bare = (each.func if isinstance(each, ast.Call) else each for each in node.decorator_list)
    return {each.id for each in bare if isinstance(each, ast.Name)}


def operations() -> Iterator[tuple[str, str]]:
    """Yield the operations of the REST API, and their docstrings."""
    for file in sorted((ROOT / "operations").glob("*.py")):
        for name, node in public(ast.parse(file.read_text()).body):
            if decorators(node) & {"operation", "stream"}:
                yield f"{file.stem}: {name}", ast.get_docstring(node) or ""


@pytest.mark.parametrize("file", DOCUMENTED, ids=lambda file: str(file.relative_to(ROOT)))
def test_every_public_name_has_a_docstring(file: Path) -> None:
    tree = ast.parse(file.read_text())
    assert ast.get_docstring(tree), "a module has a docstring"
    assert [name for name, node in public(tree.body) if not ast.get_docstring(node)] == []


def test_the_operations_are_found() -> None:
    names = {name for name, _ in operations()}
    assert {"users: UserOps.list", "servers: ServerOps.start", "hub: HubOps.whoami"} <= names
    assert len(names) > 20


def test_every_operation_names_its_rest_call() -> None:
    call = re.compile(r"`(GET|POST|PUT|PATCH|DELETE) /[^`]*`")
    assert [name for name, text in operations() if not call.search(text)] == []


def test_every_operation_names_the_scopes_that_it_needs() -> None:
    assert [name for name, text in operations() if not re.search(r"\b(scopes?|token)\b", text)] == []
