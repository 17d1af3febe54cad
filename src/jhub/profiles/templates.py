"""Templates of the application hub's format: `{{ namespace }}` and `{{ spawner.user.name }}`. Pure.

They are no Jinja: any other expression, and any statement, is an error when the file is read. They are filled in the
values of the parsed file, so that no name of a user can change its structure.

- Texts for programs and people, such as the values of environment variables, get the name of the user as it is.
- Everything else gets a slug in its place, which Kubernetes accepts as a name: names of objects and references to
  them, labels, paths, images. A slug and a usual name are the same.
- In settings that the spawner formats with fields such as `{username}`, braces in what is filled in are escaped; so are
  dollar signs where Kubernetes replaces `$(NAME)`.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any, cast

from msgspec import Struct

USER = "spawner.user.name"
"""Name of the user in a template."""
USER_TEMPLATE = f"{{{{ {USER} }}}}"
"""The template of the user's name, for messages."""
NAMESPACE_TEMPLATE = "{{ namespace }}"
"""The template of the namespace, for messages."""

TEMPLATE = re.compile(r"\{\{\s*(namespace|spawner\.user\.name)\s*\}\}")
"""A template."""
JINJA = re.compile(r"\{\{.*?\}\}|\{\{|\{%.*?%\}|\{#.*?#\}", re.DOTALL)
"""An expression, a statement or a comment of Jinja, or the beginning of an expression."""

EXPANDED_KEYS = {"args", "cmd", "command", "default_url", "environment", "value"}
"""Keys of texts in which Kubernetes replaces `$(NAME)` by an environment variable, and `$$` by a dollar sign."""
TEXT_KEYS = EXPANDED_KEYS | {
    "annotations",
    "data",
    "extra_annotations",
    "storage_extra_annotations",
    "stringData",
    "user_namespace_annotations",
}
"""Keys, of settings and in manifests, whose values are texts for programs and people: one, a list or a mapping."""


class TemplateValues(Struct, frozen=True, kw_only=True):
    """What templates stand for."""

    namespace: str
    """The namespace of the pod."""
    user: str
    """The name of the owner, which may be any text."""
    slug: str
    """A name for the owner that Kubernetes accepts, in objects of which the slugs of no two owners are equal."""


def unsupported_expression(text: str) -> str:
    """Return the first expression or statement of Jinja in a text that is not a template; empty if there is none."""
    return next((found for found in JINJA.findall(text) if not TEMPLATE.fullmatch(found)), "")


def has_template(value: object) -> bool:
    """Return whether a text, or any text below a value, has a template. Keys of mappings count."""
    return any(TEMPLATE.search(text) for text in _iter_texts(value))


def names_user(value: object) -> bool:
    """Return whether a text, or any text below a value, has the template of the user's name."""
    return any(USER in TEMPLATE.findall(text) for text in _iter_texts(value))


def _iter_texts(value: object) -> Iterator[str]:
    match value:
        case str():
            yield value
        case list() | tuple():
            for item in cast("list[object]", value):
                yield from _iter_texts(item)
        case dict():
            for key, below in cast("dict[str, object]", value).items():
                yield key
                yield from _iter_texts(below)
        case _:
            pass


def is_namespace(text: str) -> bool:
    """Return whether a text is the template of the namespace, and nothing else."""
    found = TEMPLATE.fullmatch(text)
    return found is not None and found[1] == "namespace"


def with_sample(text: str, sample: str = "x") -> str:
    """Return a text with a sample in place of each template."""
    return TEMPLATE.sub(sample, text)


def fill_settings(settings: Mapping[str, Any], values: TemplateValues, formatted: Collection[str]) -> dict[str, Any]:
    """Return settings of a spawner with their templates filled; the spawner formats those that are `formatted`."""
    return {name: _fill(value, values, name, escape=name in formatted) for name, value in settings.items()}


def fill_manifest(manifest: Mapping[str, Any], values: TemplateValues) -> dict[str, Any]:
    """Return the manifest of an object with its templates filled."""
    filled: dict[str, Any] = _fill(dict(manifest), values)
    return filled


def _fill(value: object, values: TemplateValues, key: str = "", *, escape: bool = False) -> Any:
    """Return the value of a key with its templates filled, at any depth.

    The key decides about a text, about those in a list of texts, and about those in a mapping of texts. With `escape`,
    braces in what is filled in are doubled.
    """
    match value:
        case str():
            return _fill_text(value, values, key, escape=escape)
        case list():
            items = cast("list[object]", value)
            return [_fill(item, values, key if isinstance(item, str) else "", escape=escape) for item in items]
        case dict():
            filled: dict[str, Any] = {}
            for name, below in cast("dict[str, object]", value).items():
                below_key = name if key not in TEXT_KEYS else key if isinstance(below, str) else ""
                filled[_fill_text(name, values, escape=escape)] = _fill(below, values, below_key, escape=escape)
            return filled
        case _:
            return value


def _fill_text(text: str, values: TemplateValues, key: str = "", *, escape: bool) -> str:
    def value_of(found: re.Match[str]) -> str:
        value = values.namespace if found[1] == "namespace" else values.user if key in TEXT_KEYS else values.slug
        if key in EXPANDED_KEYS:
            value = value.replace("$", "$$")
        return value.replace("{", "{{").replace("}", "}}") if escape else value

    # One pass: what has been filled in is never read as a template.
    return TEMPLATE.sub(value_of, text) if "{{" in text else text
