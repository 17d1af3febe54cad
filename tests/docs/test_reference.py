"""The reference of the built site has every public name, command, option, variable and key, and no other."""

from __future__ import annotations

import ast
import importlib
import inspect
import pydoc
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any, get_args

import click
import pytest
from page_blocks import ROOT
from sphinx.util.inventory import InventoryFile

import jhub
import jhub.extension
from jhub.binding import Namespace
from jhub.cli.help import ENVIRONMENT
from jhub.cli.kit.exit_codes import CODES
from jhub.cli.main import cli
from jhub.fleet.events import EventKind
from jhub.profiles import application_hub
from jhub.profiles.schema import FORM_KEYS, SCHEMA
from jhub.state import json_schema

MODULES = ("errors", "extension", "local", "login", "models", "state", "steps", "testing")
CLIENTS = ("Hub", "AsyncHub", "SingleUser", "AsyncSingleUser")


@pytest.fixture(scope="module")
def inventory(site: Path) -> dict[str, set[str]]:
    """Return the names in the index of the site, by their kind."""
    loaded = InventoryFile.loads((site / "objects.inv").read_bytes(), uri="")
    return {kind: set(names) for kind, names in loaded.data.items()}


@pytest.fixture(scope="module")
def python_names(inventory: dict[str, set[str]]) -> set[str]:
    """Return the names of Python in the index."""
    return {name for kind, names in inventory.items() if kind.startswith("py:") for name in names}


class _Codes(HTMLParser):
    """The texts in elements of code, in the first cells of tables, and elsewhere."""

    def __init__(self, tag: str) -> None:
        super().__init__()
        self.tag, self.depth, self.texts = tag, 0, [""]

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.depth += tag == self.tag

    def handle_endtag(self, tag: str) -> None:
        self.depth -= tag == self.tag
        if tag == self.tag and not self.depth:
            self.texts.append("")

    def handle_data(self, data: str) -> None:
        if self.depth:
            self.texts[-1] += data


def article(site: Path, page: str) -> str:
    """Return the HTML of a page's own text."""
    return (site / f"reference/{page}.html").read_text().partition("<article")[2].partition("</article>")[0]


def codes(html: str) -> set[str]:
    """Return the texts in code of a piece of HTML."""
    parser = _Codes("code")
    parser.feed(html)
    return {text.strip() for text in parser.texts} - {""}


def first_cells(html: str) -> set[str]:
    """Return the texts in code in the first cells of all rows."""
    return codes("".join(re.findall(r"<tr[^>]*><td>(.*?)</td>", html, re.DOTALL)))


def public_names() -> Iterator[str]:
    """Yield every public name, as it is imported."""
    yield from (f"jhub.{name}" for name in jhub.__all__)
    for module in MODULES:
        yield f"jhub.{module}"
        yield from (f"jhub.{module}.{name}" for name in importlib.import_module(f"jhub.{module}").__all__)


def methods() -> Iterator[str]:
    """Yield the methods of the clients and of their nouns, which the reference has for the synchronous ones."""
    for client in CLIENTS:
        kind = getattr(jhub, client)
        spaces = {name for name, value in vars(kind).items() if isinstance(value, Namespace)}
        yield from (f"jhub.{client}.{name}" for name in dir(kind) if name[0] != "_" and name not in spaces)
        for noun in spaces if not client.startswith("Async") else ():
            yield from (f"jhub.{client}.{noun}.{name}" for name in dir(getattr(kind, noun)) if name[0] != "_")


def members(name: str) -> Iterator[str]:
    """Yield the public fields, properties and methods of a public class."""
    kind = getattr(jhub, name)
    if inspect.isclass(kind) and name not in CLIENTS:
        own = {*vars(kind), *getattr(kind, "__annotations__", {})}
        spaces = {member for member in own if isinstance(vars(kind).get(member), Namespace)}
        yield from (f"jhub.{name}.{member}" for member in own - spaces if member[0] != "_")


def test_every_public_name_is_in_the_reference(python_names: set[str]) -> None:
    assert len(set(public_names())) > 120
    assert set(public_names()) - python_names == set()


def test_every_method_of_a_client_is_in_the_reference(python_names: set[str]) -> None:
    assert len(set(methods())) > 80
    assert set(methods()) - python_names == set()


def test_every_field_and_method_of_a_public_class_is_in_the_reference(python_names: set[str]) -> None:
    wanted = {member for name in jhub.__all__ for member in members(name)}
    assert "jhub.Server.ready" in wanted
    assert wanted - python_names == set()


def test_the_reference_has_no_name_that_does_not_exist(python_names: set[str]) -> None:
    documented = {name for name in python_names if name.startswith("jhub.")}
    assert {name for name in documented if not exists(name)} == set()
    public = {*public_names(), *methods()}
    classes = {name: found for name in public_names() if inspect.isclass(found := pydoc.locate(name))}
    # The index names a class also by the module that defines it.
    prefixes = {f"{name}." for name in classes}
    prefixes |= {f"{found.__module__}.{found.__qualname__}." for found in classes.values()}
    strangers = {name for name in documented - public if not any(map(f"{name}.".startswith, prefixes))}
    assert strangers == set()


def exists(name: str) -> bool:
    """Return whether a name can be reached from its module, or is a field of a class."""
    thing: Any = jhub
    parts = name.split(".")[1:]
    for number, part in enumerate(parts):
        try:
            thing = getattr(thing, part)
        except AttributeError:
            if inspect.isclass(thing):
                fields = {field for base in thing.__mro__ for field in getattr(base, "__annotations__", {})}
                return number == len(parts) - 1 and (
                    part in fields or re.search(rf"self\.{part}\b.* = ", inspect.getsource(thing)) is not None
                )
            try:
                thing = importlib.import_module(f"jhub.{'.'.join(parts[: number + 1])}")
            except ImportError:
                return False
    return True


def commands(command: click.Command, ctx: click.Context) -> Iterator[tuple[str, click.Command]]:
    """Yield a command and all below it, with their full names."""
    yield ctx.command_path, command
    if isinstance(command, click.Group):
        for name in command.list_commands(ctx):
            child = command.get_command(ctx, name)
            assert child is not None
            if not child.hidden:
                yield from commands(child, click.Context(child, info_name=name, parent=ctx))


@pytest.fixture(scope="module")
def all_commands() -> dict[str, click.Command]:
    with click.Context(cli, info_name="jhub") as ctx:
        return dict(commands(cli, ctx))


def test_the_reference_has_all_commands_and_no_other(site: Path, all_commands: dict[str, click.Command]) -> None:
    titles = set()
    for page in (site / "reference/commands").glob("*.html"):
        titles |= set(re.findall(r"<h\d>(jhub[\w -]*)<", page.read_text()))
    assert titles == set(all_commands)
    assert len(titles) > 80


def test_the_reference_has_all_options_and_arguments_and_no_other(
    inventory: dict[str, set[str]], all_commands: dict[str, click.Command]
) -> None:
    options, arguments = set(), set()
    for path, command in all_commands.items():
        program = path.replace(" ", "-")
        for parameter in command.params:
            if isinstance(parameter, click.Argument):
                # Sphinx ends the name of an argument at a space or an equals sign.
                arguments.add(f"{program}.{re.split('[ =]', parameter.human_readable_name)[0]}")
            elif isinstance(parameter, click.Option) and not parameter.hidden:
                options |= {f"{program}.{name}" for name in (*parameter.opts, *parameter.secondary_opts)}
    assert inventory["std:cmdoption"] == options | arguments
    assert len(options) > 400


def variables_in_the_code() -> set[str]:
    """Return the texts of the code that are names of variables of jhub and JupyterHub."""
    found = set()
    for file in (ROOT / "src/jhub").rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                found |= set(re.findall(r"^_?(?:JHUB|JUPYTERHUB)_[A-Z_]*[A-Z]$", node.value))
    return found


def test_the_reference_has_all_environment_variables_and_no_other(site: Path) -> None:
    listed = first_cells(article(site, "environment"))
    assert {name for name in listed if "JHUB_" in name or "JUPYTERHUB_" in name} == variables_in_the_code()
    assert {each for name in ENVIRONMENT for each in name.split(", ")} <= listed
    sources = "".join(path.read_text() for path in (ROOT / "src/jhub").rglob("*.py"))
    assert {name for name in listed if name not in sources} == set()


def test_the_reference_has_all_exit_codes_and_no_other(site: Path) -> None:
    assert first_cells(article(site, "exit-codes")) == {str(code) for code in CODES}


def test_the_reference_has_all_keys_of_the_profiles_file_and_no_other(site: Path) -> None:
    html = article(site, "profiles-file")
    schemas = [SCHEMA, *SCHEMA["$defs"].values()]
    assert first_cells(html) == {key for schema in schemas for key in schema.get("properties", {})}
    assert FORM_KEYS | set(application_hub.KEYS) <= codes(html)


def test_the_reference_has_all_keys_of_state_files_and_no_other(site: Path) -> None:
    keys = {key for schema in json_schema()["$defs"].values() for key in schema["properties"]}
    assert first_cells(article(site, "state-files")) == keys


def test_the_reference_has_all_parameters_of_the_extension_and_no_other(site: Path) -> None:
    parameters = set(inspect.signature(jhub.extension.enable).parameters)
    assert first_cells(article(site, "configuration")) == parameters


def test_the_reference_has_all_kinds_of_events(site: Path) -> None:
    kinds = {kind for literal in get_args(EventKind) for kind in (get_args(literal) or [literal])}
    assert len(kinds) == 11
    assert kinds <= codes(article(site, "python/events"))
