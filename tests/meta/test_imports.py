"""Modules that an import of the package loads, and its public names."""

from __future__ import annotations

import ast
import importlib
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from loopback import Visit, serving

import jhub


def loaded(statement: str, **env: str) -> set[str]:
    """Return the modules that are loaded after a statement in a new interpreter."""
    return run(statement, **env)[1]


def run(statement: str, **env: str) -> tuple[str, set[str]]:
    """Return the output of a statement in a new interpreter, and the modules that are loaded after it."""
    code = f"{statement}\nimport json, sys\nprint(json.dumps(list(sys.modules)))"
    command = [sys.executable, "-c", code]
    # Under coverage, the interpreter would load coverage's modules too.
    env = {**{name: value for name, value in os.environ.items() if not name.startswith("COVERAGE_")}, **env}
    ended = subprocess.run(command, capture_output=True, text=True, check=True, timeout=300, env=env)
    printed, _, modules = ended.stdout.rstrip("\n").rpartition("\n")
    found: list[str] = json.loads(modules)
    return printed, set(found)


def test_importing_the_package_loads_nothing_else() -> None:
    found = loaded("import jhub")
    assert {name for name in found if name.partition(".")[0] == "jhub"} == {"jhub"}
    assert not found & {"httpx2", "anyio", "click", "rich", "msgspec", "yaml", "jupyterhub", "asyncio"}


@pytest.mark.parametrize(
    "statement",
    ["import jhub.extension", "import jhub.extension, jhub.extension.spawner_hook, jhub.extension.api_handlers"],
)
def test_the_extension_loads_neither_client_nor_command_line(statement: str) -> None:
    found = loaded(statement)
    assert not found & {"httpx2", "click", "rich"}
    parts = {name.split(".")[1] for name in found if name.startswith("jhub.")}
    assert parts <= {"extension", "errors", "models", "profiles"}


@pytest.mark.parametrize(
    "statement",
    ["import jhub.testing, jhub.fleet.servers, jhub.operations.users", "from jhub import Group, HubError, Request"],
)
def test_operations_and_their_tests_load_no_http_library(statement: str) -> None:
    assert not loaded(statement) & {"httpx2", "anyio", "click", "rich", "jupyterhub"}


def test_the_pytest_plugin_loads_nothing_of_the_package() -> None:
    assert not {name for name in loaded("import pytest_jhub") if name.partition(".")[0] in ("jhub", "httpx2")}


def test_the_client_loads_neither_command_line_nor_jupyterhub() -> None:
    found = loaded("from jhub import Hub, AsyncHub")
    assert "httpx2" in found
    assert not found & {"click", "rich", "jupyterhub", "trio", "regex", "yaml"}


def test_the_version_is_printed_without_the_command_line() -> None:
    found = loaded("import sys; sys.argv[1:] = ['--version']; from jhub.__main__ import main; main()")
    assert not found & {"jhub.cli", "click", "msgspec", "pathlib"}


COMMAND = """\
import sys
sys.argv[1:] = %r
from jhub.__main__ import main
try:
    main()
except SystemExit as end:
    assert not end.code
"""


def with_groups(visit: Visit) -> None:
    """Answer like a hub with one group."""
    group = {"name": "geo", "users": ["ana"]}
    visit.json([group] if "offset" not in visit.path else {"items": [group], "_pagination": {"total": 1}})


def of_a_command(*words: str, **env: str) -> tuple[str, set[str]]:
    """Return the output of a command, and the modules that are loaded after it."""
    with serving(with_groups) as site:
        hub = {"JUPYTERHUB_API_URL": site.root, "JUPYTERHUB_API_TOKEN": "token", "JHUB_CONTEXT": ""}
        return run(COMMAND % [*words], **hub, **env)


def test_a_list_of_groups_loads_nothing_of_servers() -> None:
    printed, modules = of_a_command("group", "list", "-o", "name")
    assert printed == "geo"
    assert "jhub.bulk.groups" in modules
    assert not {name for name in modules if name.startswith("jhub.fleet")}
    assert not modules & {"rich", "yaml", "jhub.operations.servers", "jhub.login.methods"}


def test_a_completion_loads_only_what_it_needs() -> None:
    env = {"_JHUB_COMPLETE": "bash_complete", "COMP_LINE": "jhub group show g"}
    printed, modules = of_a_command(**env)
    assert printed == "plain,geo"
    assert not {name for name in modules if name.startswith(("jhub.fleet", "jhub.bulk"))}
    assert not modules & {"rich", "yaml", "jhub.operations.servers", "jhub.login.methods"}


@pytest.mark.parametrize("words", [["--help"], ["help", "exit-codes"]])
def test_help_loads_no_client(words: list[str]) -> None:
    _, modules = of_a_command(*words)
    assert not modules & {"httpx2", "anyio", "rich", "yaml"}
    assert not {name for name in modules if name.startswith(("jhub.client", "jhub.fleet", "jhub.bulk"))}


@pytest.mark.parametrize("command", ["run", "exec", "ls"])
def test_help_of_work_in_servers_loads_no_client(command: str) -> None:
    _, modules = of_a_command(command, "--help")
    assert not modules & {"httpx2", "anyio", "rich", "yaml", "nbformat"}
    assert not {name for name in modules if name.startswith(("jhub.client", "jhub.singleuser"))}


def test_every_public_name_resolves() -> None:
    names = {name for name in dir(jhub) if not name.startswith("_")}
    assert {"Hub", "AsyncHub", "HubError", "User", "Request"} <= names
    for name in names:
        assert getattr(jhub, name) is not None


def seen_by_type_checkers() -> dict[str, str]:
    """Return the public names, each with its module."""
    tree = ast.parse(Path(jhub.__file__).read_text())
    (block,) = (node for node in tree.body if isinstance(node, ast.If))
    seen: dict[str, str] = {}
    for node in block.body:
        assert isinstance(node, ast.ImportFrom)
        for each in node.names:
            assert each.asname == each.name, "`import X as X` is what makes a name public"
            seen[each.name] = node.module or ""
    return seen


def test_type_checkers_see_all_public_names() -> None:
    assert sorted(seen_by_type_checkers()) == sorted(jhub.__all__)
    assert set(jhub.__all__) <= set(dir(jhub))


def test_every_public_name_is_the_object_that_type_checkers_see() -> None:
    for name, home in seen_by_type_checkers().items():
        assert getattr(jhub, name) is getattr(importlib.import_module(home), name)


def test_every_error_is_a_public_name() -> None:
    from jhub import errors

    kinds = {
        name for name, kind in vars(errors).items() if isinstance(kind, type) and issubclass(kind, errors.HubError)
    }
    assert kinds - {"Redirected", "LocalHubError"} <= set(dir(jhub))


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="Hubb"):
        _ = jhub.Hubb
