"""The pages that are only on the site: Python by its docstrings, commands by their help, and pages of the project.

`conf.py` writes them before each build; they are not in the repository.
"""

from __future__ import annotations

import ast
import importlib
import inspect
import re
import textwrap
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import ModuleType
from typing import get_args

import click

import jhub
import pytest_jhub
from jhub.binding import Namespace
from jhub.bulk.events import NameKind
from jhub.cli.main import COMMANDS, cli
from jhub.fleet.events import EventKind

HERE = Path(__file__).parent
PYTHON, COMMAND_PAGES = HERE / "reference/python", HERE / "reference/commands"

MODULES = ("models", "errors", "steps", "testing", "login", "local", "extension", "state")
TITLES = {
    "client": "The client",
    "models": "Models: what a hub returns",
    "errors": "Errors, with their attributes",
    "steps": "Requests, steps and flows",
    "events": "Events and summaries",
    "testing": "jhub.testing",
    "login": "jhub.login",
    "local": "jhub.local",
    "extension": "jhub.extension",
    "state": "jhub.state",
}
EVENT_HOMES = ("jhub.fleet.events", "jhub.bulk.events")

SERVER_EVENTS = {
    "queued": "The server waits for its turn.",
    "starting": "The start was sent.",
    "stopping": "The stop was sent.",
    "deleting": "The deletion was sent.",
    "progress": "The hub reports progress, in `message` and `progress`. A fleet of up to four servers follows all of "
    "them; a larger one follows only the first server, until it is ready.",
    "waiting": "The server waits for something else, such as the end of another action.",
    "ready": "Last event: the server is ready.",
    "stopped": "Last event: the server has stopped.",
    "deleted": "Last event: the server is deleted.",
    "failed": "Last event: it failed, for the reason in `message` and `error`.",
    "skipped": "Last event: nothing was sent, for the reason in `message`.",
}
NAME_EVENTS = {
    "creating": "The request is about to be sent; another event follows.",
    "created": "The user or token was created.",
    "exists": "The user already existed.",
    "edited": "The user was changed.",
    "added": "The user was added to the group.",
    "removed": "The user was removed from the group.",
    "deleting": "The request is about to be sent; another event follows.",
    "deleted": "The user was deleted.",
    "failed": "It failed, for the reason in `message` and `error`.",
    "skipped": "Nothing was sent, for the reason in `message`.",
}


def literals(kind: object) -> Iterator[str]:
    """Yield the texts of a literal, and of literals in a union."""
    for each in get_args(kind):
        if isinstance(each, str):
            yield each
        else:
            yield from literals(each)


def kinds(title: str, meanings: dict[str, str], kind: object) -> str:
    """Return the list of an event's kinds."""
    if set(meanings) != set(literals(kind)):
        raise ValueError(f"{title}: describe each kind, and no other")
    lines = "".join(f"``{name}``\n   {meaning}\n\n" for name, meaning in meanings.items())
    return f"\n{heading(title, '-')}\n{lines}"


def heading(title: str, line: str = "=") -> str:
    return f"{title}\n{line * len(title)}\n"


def home(name: str) -> str:
    """Return the page of a public name of `jhub`."""
    module = jhub._HOMES[name]
    if module in EVENT_HOMES:
        return "events"
    return module.partition(".")[2] if module.partition(".")[2] in MODULES else "client"


def directive(name: str) -> str:
    """Return the directive that documents a public name."""
    module, _, attribute = name.rpartition(".")
    thing = getattr(importlib.import_module(module), attribute)
    if inspect.isclass(thing):
        kind = "autoexception" if issubclass(thing, BaseException) else "autoclass"
        excluded = f"   :exclude-members: {', '.join(nouns(thing))}\n" if nouns(thing) else ""
        # The only method that models inherit is `Model.to_dict`.
        inherits = kind == "autoclass" and not issubclass(thing, jhub.Model)
        inherited = "   :inherited-members: tuple\n" if inherits else ""
        return f".. {kind}:: {name}\n   :members:\n   :undoc-members:\n{inherited}{excluded}\n"
    return f".. {'autofunction' if inspect.isfunction(thing) else 'autodata'}:: {name}\n\n"


def is_in_jhub(module: ModuleType, name: str) -> bool:
    """Return whether `jhub` has the object that a module has by this name, and not another one."""
    return name in jhub.__all__ and getattr(jhub, name) is getattr(module, name)


def imports(names: list[str]) -> str:
    """Return the code that imports the names of a page, from `jhub` where it has them."""
    by_module: dict[str, list[str]] = {}
    for module, _, name in (each.rpartition(".") for each in names):
        is_short = is_in_jhub(importlib.import_module(module), name)
        by_module.setdefault("jhub" if is_short else module, []).append(name)
    code = ".. code-block:: python\n\n"
    for module, found in sorted(by_module.items()):
        line = ", ".join(sorted(set(found)))
        if len(line) > 60:
            wrapped = textwrap.fill(f"{line},", 72, initial_indent=" " * 7, subsequent_indent=" " * 7)
            code += f"   from {module} import (\n{wrapped}\n   )\n"
        else:
            code += f"   from {module} import {line}\n"
    return f"{code}\n"


def python_pages() -> Iterator[tuple[str, str]]:
    """Yield the name and the text of each page about Python."""
    for page, title in TITLES.items():
        text = heading(title)
        if page in MODULES:
            module = importlib.import_module(f"jhub.{page}")
            summary = (inspect.getdoc(module) or "").partition("\n\n")[0]
            text += f"\n.. py:module:: jhub.{page}\n\n{summary}\n\n"
        found = [f"jhub.{name}" for name in jhub.__all__ if home(name) == page]
        if page in MODULES:
            alone = (name for name in module.__all__ if not is_in_jhub(module, name) or is_alias(page, name))
            found += [f"jhub.{page}.{name}" for name in alone]
        text += imports(found) + "".join(map(directive, found))
        if page == "events":
            text += kinds("Kinds of ServerEvent", SERVER_EVENTS, EventKind)
            text += kinds("Kinds of NameEvent", NAME_EVENTS, NameKind)
        if page == "testing":
            text += "".join(fixtures())
        yield page, text
    for client in (name for name in jhub.__all__ if not name.startswith("Async")):
        for noun in nouns(getattr(jhub, client)):
            methods = [name for name in dir(getattr(getattr(jhub, client), noun)) if not name.startswith("_")]
            text = heading(f"{'hub' if client == 'Hub' else client}.{noun}")
            start = "``SingleUser`` is what ``hub.singleuser(...)`` returns; " if client == "SingleUser" else ""
            text += f"\n{start}``hub`` is a client: ``from jhub import Hub``, then ``hub = Hub(...)``.\n"
            text += f"\nOn ``Async{client}``, these methods are coroutines, and lists are async.\n\n"
            text += "".join(f".. automethod:: jhub::{client}.{noun}.{name}\n\n" for name in methods)
            yield f"{client.lower()}-{noun}", text


def nouns(client: object) -> list[str]:
    """Return the namespaces of a client, such as `users`."""
    return [name for name, value in getattr(client, "__dict__", {}).items() if isinstance(value, Namespace)]


def is_alias(module: str, name: str) -> bool:
    """Return whether a name is a type alias, which the site cannot find by its other name."""
    thing = getattr(importlib.import_module(f"jhub.{module}"), name)
    return not inspect.isclass(thing) and not inspect.isfunction(thing)


def fixtures() -> Iterator[str]:
    """Yield the fixtures of pytest."""
    yield f"\n{heading('Fixtures of pytest', '-')}\n"
    for node in ast.parse(inspect.getsource(pytest_jhub)).body:
        if isinstance(node, ast.FunctionDef):
            doc = (ast.get_docstring(node) or "").replace("\n", "\n   ")
            yield f".. py:function:: {node.name}\n   :module: pytest_jhub\n\n   {doc}\n\n"


def command_pages() -> Iterator[tuple[str, str]]:
    """Yield the name and the text of the page of each command."""
    with click.Context(cli, info_name="jhub") as ctx:
        for name, (place, _) in COMMANDS.items():
            cli.get_command(ctx, name)  # it turns the lines with "$" of its help into examples
            yield name, f".. click:: {place}\n   :prog: jhub {name}\n   :nested: full\n"
    yield "jhub", ".. click:: jhub.cli.main:cli\n   :prog: jhub\n   :nested: none\n"


def write(folder: Path, pages: Iterable[tuple[str, str]], suffix: str = "rst") -> None:
    """Write the pages of a folder, and remove others."""
    folder.mkdir(parents=True, exist_ok=True)
    texts = {f"{name}.{suffix}": text for name, text in pages}
    for path in folder.iterdir():
        if path.name not in texts:
            path.unlink()
    for name, text in texts.items():
        if not (folder / name).exists() or (folder / name).read_text() != text:
            (folder / name).write_text(text)


def project_pages() -> Iterator[tuple[str, str]]:
    """Yield the pages of the repository's root, with links as from their new folder."""
    for name in ("CHANGELOG", "CONTRIBUTING", "SECURITY"):
        text = (HERE.parent / f"{name}.md").read_text()
        yield name.lower(), re.sub(r"\]\((?!\w+:|#)(docs/)?", lambda link: "](../" if link[1] else "](../../", text)


def write_all() -> None:
    """Write all pages."""
    write(HERE / "project", project_pages(), "md")
    write(PYTHON, python_pages())
    write(COMMAND_PAGES, command_pages())
