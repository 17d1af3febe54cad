"""The command line uses the public API only, so that programs can do everything that it does."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import jhub

ROOT = Path(jhub.__file__).parent
FILES = sorted((ROOT / "cli").rglob("*.py"))

PUBLIC = {"jhub.errors", "jhub.local", "jhub.login", "jhub.models", "jhub.state", "jhub.steps"}
PROFILES = {
    "jhub.profiles.group_names",
    "jhub.profiles.kubernetes_rules",
    "jhub.profiles.loader",
    "jhub.profiles.model",
    "jhub.profiles.schema",
}
SPAWNER = {"jhub.extension.spawner_class", "jhub.extension.spawner_settings"}
"""Imported for `jhub profile check --spawner` only: these modules import JupyterHub."""
CONFIGURATION = {"jhub.config.contexts", "jhub.config.expiry", "jhub.files", "jhub.oauth_client"}
TERMINAL = {"jhub.login.callback"}
ARCHIVES = {"jhub.singleuser.tar_stream"}
"""The end of an archive on this machine, which reads and writes files, and sends nothing."""
ALLOWED = PUBLIC | PROFILES | SPAWNER | CONFIGURATION | TERMINAL | ARCHIVES


def not_public(code: str) -> Iterator[str]:
    """Return the private modules and names of this package that code imports, also under TYPE_CHECKING."""
    for node in ast.walk(ast.parse(code)):
        match node:
            case ast.Import(names=names):
                yield from (each.name for each in names if each.name.startswith("jhub.") and not allowed(each.name))
            case ast.ImportFrom(module="jhub", names=names):
                known = {*jhub.__all__, "__version__"}
                yield from (
                    f"jhub.{each.name}" for each in names if each.name not in known and not allowed(f"jhub.{each.name}")
                )
            case ast.ImportFrom(module=str(module), names=names) if module.startswith("jhub."):
                yield from (
                    f"{module}.{each.name}"
                    for each in names
                    if not (allowed(module) or allowed(f"{module}.{each.name}")) or each.name.startswith("_")
                )
            case _:
                pass


def allowed(module: str) -> bool:
    """Return whether the command line may import a module."""
    return module in ALLOWED or module == "jhub.cli" or module.startswith("jhub.cli.")


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(ROOT)))
def test_the_command_line_uses_the_public_api_only(file: Path) -> None:
    assert list(not_public(file.read_text())) == []


def test_no_command_reaches_below_a_client() -> None:
    reached = {
        f"{file.name}: {node.attr}"
        for file in FILES
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.Attribute) and node.attr in ("_wire", "__operation__", "__preview__")
    }
    assert reached == set()


@pytest.mark.parametrize(
    ("code", "found"),
    [
        ("import jhub\nfrom jhub import Hub, Target, __version__, local, oauth_client", []),
        ("from jhub.config import contexts", []),
        ("from jhub.errors import HubError\nfrom jhub.login import sign_in\nfrom jhub.steps import call", []),
        ("from jhub.profiles import loader\nfrom jhub.profiles.schema import SCHEMA", []),
        ("from jhub import preview, Hub", ["jhub.preview"]),
        ("import jhub.client.hub", ["jhub.client.hub"]),
        ("if TYPE_CHECKING:\n    from jhub.fleet.events import Target", ["jhub.fleet.events.Target"]),
        ("def f():\n    from jhub.operations.users import UserOps", ["jhub.operations.users.UserOps"]),
        ("from jhub.login.methods import sign_in", ["jhub.login.methods.sign_in"]),
        ("from jhub.profiles.fields import MappingReader", ["jhub.profiles.fields.MappingReader"]),
        ("from jhub.steps import _decode", ["jhub.steps._decode"]),
    ],
)
def test_a_use_of_a_private_name_is_found(code: str, found: list[str]) -> None:
    assert list(not_public(code)) == found
