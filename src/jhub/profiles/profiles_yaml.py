"""Reader of a profiles.yaml, from its tree."""

from __future__ import annotations

import difflib
import re
import unicodedata
from collections.abc import Collection
from contextlib import suppress
from importlib import import_module
from typing import Any

from msgspec.structs import replace

from jhub.models import UNLISTED_SELECTED_VALUE, UNLISTED_SUFFIX
from jhub.profiles import schema, validation_regex
from jhub.profiles.access_rules import ACCESS_KEYS, may_restrict, read_access
from jhub.profiles.fields import MappingReader
from jhub.profiles.model import Choice, Option, Profile, UnlistedChoice
from jhub.profiles.option_check import FORM_PREFIX, option_names
from jhub.profiles.problems import quote, truncate
from jhub.profiles.yaml_tree import Node, Scalar, to_python


def read_profile(reader: MappingReader, number: int, key: str = "") -> Profile:
    """Read the profile with this number in the file, and report its problems.

    In a mapping of profiles, each has a key, which is its slug if it has no other.
    """
    if not key:
        reader.label = profile_label(reader, number)
    groups, users = read_access(reader)
    return build_profile(reader, schema.PROFILE, groups=groups, users=users, fallback=key)


def profile_label(reader: MappingReader, number: int) -> str:
    """Return the name of a profile for messages: its slug, else its display name, else its number."""
    for key in ("slug", "display_name"):
        value = getattr(reader.node.entries.get(key), "source", "")
        if value:
            return f"profile {truncate(value)}"
    return f"profile {number}"


def build_profile(
    reader: MappingReader,
    known: Collection[str],
    *,
    groups: tuple[str, ...] | None,
    users: tuple[str, ...] | None,
    fallback: str = "",
) -> Profile:
    """Return the profile that a mapping with `known` keys describes; `fallback` is its slug if the mapping has none."""
    other_keys = form_keys(reader, known)
    display_name = reader.text("display_name")
    slug = reader.text("slug") or fallback or slugify(display_name)
    has_error = reader.log.has_error_at(reader.line("slug"), reader.line("display_name"))
    if not has_error and (not slug or re.search(r"\s", slug) or not slug.isprintable()):
        reader.error("slug", "needs a `slug` without spaces, or a `display_name` to derive it from")
    options = _options(reader)
    any_user_options = is_any(reader.node.entries.get("user_options"))
    return Profile(
        slug=slug,
        display_name=display_name or slug,
        description=reader.text("description"),
        default=reader.flag("default"),
        groups=groups,
        users=users,
        profile_options=options,
        user_options=() if any_user_options else _user_options(reader, options),
        any_user_options=any_user_options,
        form_keys=other_keys,
        **_overrides(reader),
    )


def form_keys(reader: MappingReader, known: Collection[str], effect: str = "only a form may read it") -> dict[str, Any]:
    """Return the keys that jhub does not read, for a form that may, and warn of each that no known form reads.

    An unknown key that may restrict access is an error. So is an empty one, as for any access rule.
    """
    others: dict[str, Any] = {}
    for key, node in reader.node.entries.items():
        if key in known:
            continue
        if key in ACCESS_KEYS:
            reader.error(
                key, f"`{key}` restricts nothing here: put it into a profile, a choice or an `unlisted_choice`"
            )
            continue
        if may_restrict(key):
            reader.error(key, f"unknown key {quote(key)}: it may restrict access; use `groups` and `users` for that")
            continue
        others[key] = to_python(node)
        if reader.is_null(key):
            reader.warn(key, f"unknown key {quote(key)}, and it is empty: remove it")
        elif key not in schema.FORM_KEYS:
            (similar,) = difflib.get_close_matches(key, known, 1) or [""]
            meant = f"; did you mean `{similar}`?" if similar else ""
            reader.warn(key, f"unknown key {quote(key)}: {effect}{meant}")
    return others


def _overrides(reader: MappingReader) -> dict[str, Any]:
    overrides = {
        "spawner_override": reader.overrides("spawner_override"),
        "kubespawner_override": reader.overrides("kubespawner_override", removable=True),
    }
    for name, settings in overrides.items():
        override = reader.mapping(name) if settings else None
        if override is not None:
            _check_misplaced(override, settings, reader.label, name)
    return overrides


def _check_misplaced(override: MappingReader, settings: dict[str, Any], label: str, name: str) -> None:
    """Remove the keys that belong beside an override, and report them: KubeSpawner has no such settings."""
    override.label = label
    for key in [key for key in settings if key in ACCESS_KEYS]:
        override.error(key, f"`{key}` in `{name}` restricts nothing: put it beside `{name}`")
    for key in [key for key in settings if key in schema.MISPLACED_KEYS]:
        override.warn(key, f"`{key}` in `{name}` has no effect: put it beside `{name}`")
        del settings[key]


def _options(reader: MappingReader) -> tuple[Option, ...]:
    child = reader.mapping("profile_options")
    if child is None:
        return ()
    options: list[Option] = []
    for key, option in child.mappings(f"{reader.label}: option"):
        if (
            key == "profile"
            or not key
            or key.startswith(FORM_PREFIX)
            or key.endswith(UNLISTED_SUFFIX)
            or not key.isprintable()
        ):
            child.error(key, f"invalid option name {quote(key)}: it is reserved, empty or not printable")
        options.append(_option(key, option))
    return tuple(options)


def _option(key: str, reader: MappingReader) -> Option:
    other_keys = form_keys(reader, schema.OPTION)
    child = reader.mapping("choices")
    choices = tuple(_choice(*entry) for entry in child.mappings(f"{reader.label}: choice")) if child else ()
    defaults = [choice.key for choice in choices if choice.default]
    if len(defaults) > 1:
        names = " and ".join(defaults)
        reader.warn("choices", f"several choices are the default: {names}; the first that a user may make is used")
    if choices and not defaults:
        choices = (replace(choices[0], default=True), *choices[1:])
    unlisted = _unlisted(reader)
    if not choices and unlisted is None:
        reader.error("choices", "needs `choices`, or an `unlisted_choice` with `enabled: true`")
    return Option(
        key=key,
        display_name=reader.text("display_name") or key,
        choices=choices,
        unlisted_choice=unlisted,
        form_keys=other_keys,
    )


def _choice(key: str, reader: MappingReader) -> Choice:
    other_keys = form_keys(reader, schema.CHOICE)
    groups, users = read_access(reader)
    if not key or not key.isprintable() or key == UNLISTED_SELECTED_VALUE:
        reader.log.error(
            reader.node.line,
            f"{reader.label}: invalid choice name {quote(key)}: it is reserved, empty or not printable",
        )
    return Choice(
        key=key,
        display_name=reader.text("display_name") or key,
        description=reader.text("description"),
        default=reader.flag("default"),
        groups=groups,
        users=users,
        form_keys=other_keys,
        **_overrides(reader),
    )


def _unlisted(reader: MappingReader) -> UnlistedChoice | None:
    child = reader.mapping("unlisted_choice")
    if child is None:
        return None
    other_keys = form_keys(child, schema.UNLISTED_CHOICE)
    groups, users = read_access(child)
    regex = child.text("validation_regex")
    if error := validation_regex.find_error(regex):
        child.error("validation_regex", f"`validation_regex` {error}")
    choice = UnlistedChoice(
        display_name=child.text("display_name"),
        display_name_in_choices=child.text("display_name_in_choices") or "Other...",
        description=child.text("description"),
        description_in_choices=child.text("description_in_choices"),
        validation_regex=regex,
        validation_message=child.text("validation_message"),
        groups=groups,
        users=users,
        form_keys=other_keys,
        **_overrides(child),
    )
    return choice if child.flag("enabled") else None


def is_any(node: Node | None) -> bool:
    """Return whether `user_options` has the value `any` instead of a list."""
    return isinstance(node, Scalar) and node.value == schema.ANY


def _user_options(reader: MappingReader, options: tuple[Option, ...]) -> tuple[str, ...]:
    names = reader.names("user_options") or ()
    reserved = {"profile", *option_names(options)}
    for name in names:
        if name in reserved or name.startswith(FORM_PREFIX):
            reader.error("user_options", f"{quote(name)} in `user_options` is already in use in the profile")
    return names


def slugify(name: str) -> str:
    """Return a display name in small letters, digits and dashes.

    With KubeSpawner, the library of its slugs is installed: links and saved options of its list remain valid.
    """
    with suppress(ModuleNotFoundError):
        return str(import_module("slugify").slugify(name))
    ascii_name = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", ascii_name).strip("-")
