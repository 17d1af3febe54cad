"""Public API: the names on the clients, and the types in their signatures."""

from __future__ import annotations

import inspect
import pydoc
import re
import typing
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import page_blocks
import pytest

import jhub
import jhub.state
import jhub.testing
from jhub import AsyncHub, Hub
from jhub.binding import AsyncBound, Bound

NOUNS = {"groups", "profiles", "proxy", "servers", "services", "share_codes", "shares", "state", "tokens", "users"}
OF_THE_HUB = {"info", "logout", "shutdown", "time", "version", "whoami"}
OWN_FLOWS = {"events", "fleet", "preview", "preview_many", "run"}
WAYS_IN = {"from_context", "login"}
NAMES: dict[type[Hub] | type[AsyncHub], set[str]] = {
    Hub: NOUNS | OF_THE_HUB | OWN_FLOWS | WAYS_IN | {"api_url", "close", "singleuser", "url"},
    AsyncHub: NOUNS | OF_THE_HUB | OWN_FLOWS | WAYS_IN | {"aclose", "find_api_url", "find_url", "singleuser"},
}
BOTH = pytest.mark.parametrize("kind", [Hub, AsyncHub])
Kind = type[Hub] | type[AsyncHub]
CLIENT = Path(jhub.__file__).parents[2] / "docs/reference/client.md"


def public(thing: object) -> set[str]:
    return {name for name in dir(thing) if not name.startswith("_")}


def some_hub(kind: Kind) -> Any:
    return kind("http://127.0.0.1:9/hub/api", "SECRET")


def spaces(hub: Any) -> Iterator[Any]:
    yield from (getattr(hub, name) for name in sorted(NOUNS))


@BOTH
def test_a_client_has_exactly_the_public_names(kind: Kind) -> None:
    assert public(kind) == NAMES[kind]
    assert public(some_hub(kind)) == NAMES[kind]
    hub = some_hub(kind)
    list(spaces(hub))
    assert public(hub) == NAMES[kind]
    assert {name for name in vars(hub) if name.startswith("_")} == {"_wire"}


@BOTH
def test_a_namespace_has_operations_only(kind: Kind) -> None:
    for space in spaces(some_hub(kind)):
        operations = {name for name in public(space) if hasattr(getattr(space, name), "__operation__")}
        assert public(space) == operations
        assert operations


@BOTH
def test_the_docs_list_every_name(kind: Kind) -> None:
    listed = re.findall(r"`(?:Hub\.)?(\w+)(?:\(\w*\))?`", CLIENT.read_text().partition("\n## ")[0])
    assert NAMES[kind] - set(listed) == set()


@BOTH
def test_help_of_a_namespace_shows_its_operations(kind: Kind) -> None:
    text = pydoc.plain(pydoc.render_doc(kind.users))
    assert "create(" in text
    assert "record_activity(" in text
    assert issubclass(kind.users, Bound | AsyncBound)


def types_in(annotation: Any) -> Iterator[type]:
    if isinstance(annotation, type):
        yield annotation
    if origin := typing.get_origin(annotation):
        yield from types_in(origin)
        for each in typing.get_args(annotation):
            yield from types_in(each)


def types_of(function: Any) -> Iterator[type]:
    signature = inspect.signature(function, eval_str=True)
    yield from types_in(signature.return_annotation)
    for parameter in signature.parameters.values():
        yield from types_in(parameter.annotation)


@BOTH
def test_every_type_of_a_public_signature_is_exported(kind: Kind) -> None:
    hub = some_hub(kind)
    functions = [getattr(kind, name) for name in NAMES[kind] - NOUNS if callable(getattr(kind, name))]
    functions += [getattr(space, name) for space in spaces(hub) for name in public(space)]
    found = {each for function in functions for each in types_of(function) if each.__module__.startswith("jhub")}
    assert len(found) > 20
    assert {each for each in found if is_ours(each)} == set()


def test_every_type_in_a_field_or_method_of_an_exported_class_is_exported() -> None:
    missing: dict[str, str] = {}
    for name in jhub.__all__:
        kind = getattr(jhub, name)
        if not isinstance(kind, type) or issubclass(kind, Bound | AsyncBound):
            continue
        hints = dict(getattr(kind, "__annotations__", {}))
        fields = [hint for field, hint in typing.get_type_hints(kind).items() if field in hints and field[0] != "_"]
        members = (inspect.getattr_static(kind, member) for member in public(kind))
        getters = [member.fget for member in members if isinstance(member, property) and member.fget]
        found = {each for hint in fields for each in types_in(hint)}
        found |= {
            each for getter in getters for each in types_in(inspect.signature(getter, eval_str=True).return_annotation)
        }
        missing |= {f"{name}: {each.__name__}": each.__module__ for each in found if is_ours(each)}
    assert missing == {}


def is_ours(kind: type) -> bool:
    """Return whether a class belongs to this package and is not exported. `jhub.state` exports its own."""
    home = jhub.state if kind.__module__.startswith("jhub.state.") else jhub
    return kind.__module__.startswith("jhub.") and getattr(home, kind.__name__, None) is not kind


@BOTH
def test_a_client_and_its_namespaces_show_no_secret(kind: Kind) -> None:
    hub = some_hub(kind)
    assert repr(hub) == f"<{kind.__name__} http://127.0.0.1:9>"
    assert "SECRET" not in "".join(map(repr, (hub, *spaces(hub))))


@BOTH
def test_the_repr_of_a_namespace_has_the_hubs_address(kind: Kind) -> None:
    hub = some_hub(kind)
    assert repr(hub.users) == f"<{type(hub.users).__name__} of http://127.0.0.1:9>"


ROOT = Path(jhub.__file__).parents[2]
PAGES = [*page_blocks.PAGES, *sorted((ROOT / "examples").rglob("*.[ps][yh]"))]
MODULES = {"errors", "extension", "local", "login", "models", "state", "steps", "testing"}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_docs_and_examples_import_public_modules_only(page: Path) -> None:
    text = page.read_text()
    modules = set(re.findall(r"^\s*(?:from|import) (jhub(?:\.\w+)+)", text, re.MULTILINE))
    assert modules <= {f"jhub.{name}" for name in MODULES}
    for found in re.findall(r"^\s*from jhub import ([\w, ]+)", text, re.MULTILINE):
        assert set(re.split(r", *", found.strip())) <= {*jhub.__all__, *MODULES}


def test_the_names_of_the_testing_module() -> None:
    tools = {"After", "Events", "FakeHub", "Frame", "InTime", "Opened", "Peer", "Played", "Replies", "Reply"}
    tools |= {"events", "play", "refusal", "reply"}
    assert {*jhub.testing.__all__} == tools | {"MAX_VIRTUAL_SECONDS"}
    assert all(hasattr(jhub.testing, name) for name in tools)


def test_the_docs_list_the_public_modules() -> None:
    assert all(f"`jhub.{name}`" in CLIENT.read_text() for name in MODULES)
