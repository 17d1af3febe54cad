"""The reference about Python shows whole signatures, the docstrings of this package, and no types that it made up."""

from __future__ import annotations

import importlib
import inspect
import re
from collections.abc import Iterator
from functools import reduce
from pathlib import Path

import pytest

import jhub

BUILTIN_DOCSTRINGS = ("PEP 604", "Convert a number or string", "Convert a string or number")


def pages(site: Path) -> dict[str, str]:
    """Return the pages about Python."""
    return {path.stem: path.read_text() for path in (site / "reference/python").glob("*.html")}


def resolve(name: str) -> object:
    """Return the object with a name of the reference, such as jhub.login.TOKEN_LIFE or jhub.Hub.users.get."""
    _, *parts = name.split(".")
    if parts[0] in jhub.__all__:
        return reduce(getattr, parts, jhub)
    return reduce(getattr, parts[1:], importlib.import_module(f"jhub.{parts[0]}"))


def signatures(site: Path) -> Iterator[tuple[str, set[str]]]:
    """Yield the name of each function and method of `jhub`, with the parameters that the site shows."""
    for text in pages(site).values():
        for kind in re.findall(r'<dl class="py (?:function|method)">(.+?)</dt>', text, re.DOTALL):
            name = re.search(r'id="(jhub\.[^"]+)"', kind)
            if name:
                shown = re.findall(
                    r'<em class="sig-param">(?:<span class="o"><span class="pre">\*+</span></span>)?'
                    r'<span class="n"><span class="pre">(\w+)',
                    kind,
                )
                yield name[1], set(shown)


def declared(name: str) -> set[str]:
    """Return the parameters with which a user calls a function or method."""
    thing = resolve(name)
    names = list(inspect.signature(thing).parameters)  # type: ignore[arg-type]
    bound = inspect.ismethod(thing) or hasattr(thing, "__operation__")
    return set(names[1:] if names[:1] == ["self"] and not bound else names)


def test_each_signature_has_all_parameters(site: Path) -> None:
    shown = dict(signatures(site))
    assert len(shown) > 100
    assert {"user", "name", "profile"} <= shown["jhub.Hub.servers.start"]
    assert {name: found for name, found in shown.items() if found != declared(name)} == {}


def test_no_text_before_a_colon_becomes_a_type(site: Path) -> None:
    found = {name for name, text in pages(site).items() if re.search(r">Type<span class=\"colon\">", text)}
    assert found == set()


@pytest.mark.parametrize("text", BUILTIN_DOCSTRINGS)
def test_constants_and_aliases_have_their_own_docstring(site: Path, text: str) -> None:
    assert {name for name, page in pages(site).items() if text in page} == set()


def test_each_page_says_where_its_names_are_imported_from(site: Path) -> None:
    for name, page in pages(site).items():
        first = re.sub("<[^>]+>", "", page.partition("</h1>")[2].partition('<dl class="py')[0])
        assert re.search(r"from (jhub|jhub\.\w+) import \(?\s*\w+", first), name
