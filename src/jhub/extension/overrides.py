"""Merging the overrides of a profile and of the choices made in it. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, cast


def merge_settings(layers: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """Merge settings for any spawner: later layers replace earlier ones, except that `environment` is merged."""
    merged: dict[str, Any] = {}
    for layer in layers:
        environment: dict[str, Any] = {**(merged.get("environment") or {}), **(layer.get("environment") or {})}
        merged |= layer
        if "environment" in merged:
            merged["environment"] = environment
    return merged


def merge_deep(layers: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """Merge settings for KubeSpawner: mappings are merged at any depth, everything else is replaced.

    A null is kept, because it may remove a key of the spawner's own: `merge_into` removes that key. A setting that is a
    function of the spawner is merged when it is called.
    """
    merged: dict[str, Any] = {}
    for layer in layers:
        for key, value in layer.items():
            current: object = merged.get(key)
            if key in merged and (callable(current) or callable(value)):
                merged[key] = _merge_later(current, value)
            elif isinstance(current, dict) and isinstance(value, dict):
                both = (cast("dict[str, Any]", current), cast("dict[str, Any]", value))
                merged[key] = merge_deep(both)
            else:
                merged[key] = value
    return merged


def _merge_later(first: object, second: object) -> Callable[[Any], Any]:
    """Return a function of the spawner that merges two values of a setting, of which at least one is a function."""

    def merged(spawner: Any) -> Any:
        return merge_deep({"": value(spawner) if callable(value) else value} for value in (first, second))[""]

    return merged


def merge_into(current: Mapping[str, Any], change: Mapping[str, Any]) -> dict[str, Any]:
    """Return a mapping with `change` merged into it, and without the keys that are null there, as KubeSpawner does."""
    result = dict(current)
    for key, value in change.items():
        if value is None:
            result.pop(key, None)
        elif isinstance(value, dict):
            below = result.get(key)
            result[key] = merge_into(
                cast("dict[str, Any]", below) if isinstance(below, dict) else {}, cast("dict[str, Any]", value)
            )
        else:
            result[key] = value
    return result


SNAKE_CASE = {"envFrom": "env_from"}
"""Other spellings of keys, which KubeSpawner accepts as well."""


def add_items(current: object, addition: object) -> Any:
    """Return a setting of KubeSpawner with items added to it, without changing it.

    A list gets the items that it does not have. A mapping of items, which KubeSpawner sorts by its keys, becomes a
    list. In another mapping, items are added to the lists in it. A text is a list of one.
    """
    if isinstance(addition, dict):
        result: dict[str, Any] = dict(cast("dict[str, Any]", current or {}))
        for key, items in cast("dict[str, object]", addition).items():
            name = SNAKE_CASE[key] if SNAKE_CASE.get(key) in result else key
            result[name] = add_items(result.get(name), items)
        return result
    match current:
        case dict():
            by_key = cast("dict[str, object]", current)
            present = [by_key[key] for key in sorted(by_key)]
        case str():
            present = [current] if current else []
        case _:
            present = list(cast("list[object]", current or []))
    return [*present, *(item for item in cast("list[object]", addition) if item not in present)]


def fill_template(template: object, value: str) -> Any:
    """Return `template` with `value` in place of each `{value}`, at any depth; other braces are literal."""
    match template:
        case str():
            return template.replace("{value}", value)
        case list():
            return [fill_template(item, value) for item in cast("list[object]", template)]
        case dict():
            items = cast("dict[str, Any]", template).items()
            return {fill_template(key, value): fill_template(below, value) for key, below in items}
        case _:
            return template
