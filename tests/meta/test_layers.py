"""Imports point one way, and each library is imported in one part only."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

import jhub

ROOT = Path(jhub.__file__).parent
FILES = sorted(ROOT.rglob("*.py"))

PURE = {
    "models",
    "errors",
    "messages",
    "object_path",
    "steps",
    "interpreter",
    "handles",
    "outcome",
    "binding",
    "operations",
    "discovery",
}

# Parts that each part may import, besides itself. Add a new part here, with as few imports as possible.
MAY: dict[str, set[str]] = {
    "__init__": set(),
    "_version": set(),
    "__main__": {"cli"},
    "display": set(),
    "models": {"display"},
    "errors": {"display"},
    "messages": {"errors"},
    "masking": {"models"},
    "object_path": {"errors"},
    "retry": {"errors"},
    "files": {"errors"},
    "oauth_client": set(),
    "config": {"models", "errors", "files"},
    "profiles": {"models", "errors"},
    "steps": {"models", "errors", "messages", "masking", "object_path", "retry"},
    "interpreter": {"errors", "steps"},
    "handles": {"errors", "models", "display", "steps"},
    "outcome": set(),
    "preflight": {"errors", "messages", "models", "steps", "operations"},
    "preview": {"errors", "steps", "interpreter", "masking", "preflight"},
    "binding": {"models", "errors", "steps", "handles"},
    "discovery": {"models", "errors", "steps", "binding"},
    "operations": {
        "models",
        "errors",
        "messages",
        "object_path",
        "steps",
        "interpreter",
        "binding",
        "oauth_client",
        "profiles",
    },
    "fleet": PURE - {"discovery"} | {"preview", "preflight"},
    "bulk": PURE - {"discovery"} | {"preview", "preflight"},
    "singleuser": PURE - {"discovery"},
    "state": PURE - {"discovery"} | {"bulk", "files", "fleet", "preflight", "profiles"},
    "login": PURE | {"oauth_client", "config"},
    "client": PURE | {"_version", "preview", "config", "fleet", "bulk", "singleuser", "state", "login"},
    "testing": {"errors", "steps", "interpreter"},
    "local": {"models", "errors", "files", "discovery"},
    "extension": {"models", "errors", "oauth_client", "profiles"},
    "cli": PURE
    | {"bulk", "client", "config", "extension", "files", "fleet", "local", "login", "oauth_client", "singleuser"}
    | {"preview", "profiles", "state"},
}

# Parts that may import a library.
HOMES = {
    "httpx2": {"client", "testing"},
    "anyio": {"client", "handles"},
    "click": {"cli"},
    "rich": {"cli"},
    "jupyterhub": {"extension", "local"},
    "tornado": {"extension", "local"},
    "traitlets": {"extension", "local"},
    "psutil": {"local"},
    "regex": {"extension"},
    "keyring": {"config"},
    "python_calamine": {"state"},
}


def part(file: Path) -> str:
    """Return the part of the package that a file belongs to."""
    return file.relative_to(ROOT).parts[0].removesuffix(".py")


def public() -> dict[str, str]:
    """Return the public names, each with its part of the package."""
    block = ast.parse((ROOT / "__init__.py").read_text()).body
    origins = [node for each in block if isinstance(each, ast.If) for node in each.body]
    return {
        name.name: (origin.module or "").split(".")[1]
        for origin in origins
        if isinstance(origin, ast.ImportFrom)
        for name in origin.names
    }


def imports(code: str) -> Iterator[str]:
    """Yield the dotted names that code imports, anywhere except under TYPE_CHECKING."""
    waiting: list[ast.AST] = [ast.parse(code)]
    while waiting:
        match waiting.pop():
            case ast.If(test=ast.Name("TYPE_CHECKING"), orelse=otherwise):
                waiting.extend(otherwise)
            case ast.Import(names=names):
                yield from (each.name for each in names)
            case ast.ImportFrom(module=module, names=names, level=0):
                yield from (f"{module}.{each.name}" for each in names)
            case ast.ImportFrom():
                raise AssertionError("imports are absolute here")
            case node:
                waiting.extend(ast.iter_child_nodes(node))


def parts_imported(code: str) -> set[str]:
    """Return the parts of this package that code imports."""
    found = set[str]()
    for name in imports(code):
        head, *rest = name.split(".")
        if head == "jhub" and rest:
            home = PUBLIC.get(rest[0], rest[0])
            if (ROOT / home).is_dir() or (ROOT / f"{home}.py").exists():
                found.add(home)
    return found


PUBLIC = public()


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(ROOT)))
def test_imports_point_one_way(file: Path) -> None:
    assert part(file) in MAY, "a new part of the package: say in MAY what it may import"
    assert parts_imported(file.read_text()) - {part(file)} <= MAY[part(file)]


@pytest.mark.parametrize("library", HOMES)
def test_a_library_is_imported_in_its_home_only(library: str) -> None:
    users = {part(file) for file in FILES if library in {name.split(".")[0] for name in imports(file.read_text())}}
    assert users <= HOMES[library]


def test_nothing_imports_the_command_line() -> None:
    users = {part(file) for file in FILES if "cli" in parts_imported(file.read_text())}
    assert users == {"cli", "__main__"}


def test_the_allowed_imports_have_no_cycle() -> None:
    placed: set[str] = set()
    while left := {name: may - placed for name, may in MAY.items() if name not in placed}:
        free = {name for name, missing in left.items() if not missing}
        assert free, f"a cycle among {sorted(left)}"
        placed |= free


@pytest.mark.parametrize(
    ("code", "found"),
    [
        ("import jhub", set()),
        ("import jhub.client.hub", {"client"}),
        ("from jhub.client import Hub", {"client"}),
        ("from jhub import Hub, HubError", {"client", "errors"}),
        ("from jhub.config import contexts", {"config"}),
        ("from jhub import __version__", set()),
        ("def f():\n    from jhub.cli import main", {"cli"}),
        ("if TYPE_CHECKING:\n    from jhub.client import Hub\nelse:\n    import jhub.cli", {"cli"}),
        ("try:\n    import jhub.local\nexcept ImportError:\n    pass", {"local"}),
        ("import json, httpx2", set()),
    ],
)
def test_an_import_is_found_anywhere_in_the_code(code: str, found: set[str]) -> None:
    assert parts_imported(code) == found


def test_the_imports_of_files_have_no_cycle() -> None:
    """Imports under TYPE_CHECKING count, because a cycle confuses readers too. `jhub/__init__.py` imports all files."""
    files = {module(file): file for file in FILES if file != ROOT / "__init__.py"}
    left = {name: files.keys() & set(everything_imported(file, files)) for name, file in files.items()}
    while free := {name for name, needs in left.items() if not needs}:
        left = {name: needs - free for name, needs in left.items() if name not in free}
    assert not left


def module(file: Path) -> str:
    """Return the dotted name of a file."""
    return ".".join(("jhub", *file.relative_to(ROOT).with_suffix("").parts)).removesuffix(".__init__")


def everything_imported(file: Path, files: Mapping[str, Path]) -> Iterator[str]:
    """Yield the modules that a file imports, anywhere in it."""
    for node in ast.walk(ast.parse(file.read_text())):
        match node:
            case ast.Import(names=names):
                yield from (each.name for each in names)
            case ast.ImportFrom(module=origin, names=names):
                for each in names:
                    submodule = f"{origin}.{each.name}"
                    yield submodule if submodule in files else origin or ""
            case _:
                pass
