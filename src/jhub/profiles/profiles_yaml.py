"""Reader of a profiles.yaml, from its tree."""

from __future__ import annotations

import re
import unicodedata
from typing import Any

from msgspec.structs import replace

from jhub.models import UNLISTED_SUFFIX
from jhub.profiles import schema, validation_regex
from jhub.profiles.fields import MappingReader
from jhub.profiles.model import Choice, Option, Profile, UnlistedChoice
from jhub.profiles.option_check import FORM_PREFIX, option_names
from jhub.profiles.problems import quote, truncate


def read_profile(reader: MappingReader, number: int) -> Profile:
    """Read the profile with this number in the file, and report its problems."""
    reader.label = profile_label(reader, number)
    reader.check_keys(schema.PROFILE)
    return build_profile(reader, groups=reader.names("groups"), users=reader.names("users"))


def profile_label(reader: MappingReader, number: int) -> str:
    """Return the name of a profile for messages: its slug, else its display name, else its number."""
    for key in ("slug", "display_name"):
        value = getattr(reader.node.entries.get(key), "source", "")
        if value:
            return f"profile {truncate(value)}"
    return f"profile {number}"


def build_profile(
    reader: MappingReader,
    *,
    groups: tuple[str, ...] | None,
    users: tuple[str, ...] | None,
    fallback: str = "",
) -> Profile:
    """Return the profile that a mapping describes; `fallback` is its slug if the mapping has none."""
    display_name = reader.text("display_name")
    slug = reader.text("slug") or fallback or slugify(display_name)
    has_error = reader.log.has_error_at(reader.line("slug"), reader.line("display_name"))
    if not has_error and (not slug or re.search(r"\s", slug) or not slug.isprintable()):
        reader.error("slug", "needs a `slug` without spaces, or a `display_name` to derive it from")
    options = _options(reader)
    return Profile(
        slug=slug,
        display_name=display_name or slug,
        description=reader.text("description"),
        default=reader.flag("default"),
        groups=groups,
        users=users,
        profile_options=options,
        user_options=_user_options(reader, options),
        **_overrides(reader),
    )


def _overrides(reader: MappingReader) -> dict[str, Any]:
    return {
        "spawner_override": reader.overrides("spawner_override"),
        "kubespawner_override": reader.overrides("kubespawner_override", removable=True),
    }


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
    reader.check_keys(schema.OPTION)
    child = reader.mapping("choices")
    choices = tuple(_choice(*entry) for entry in child.mappings(f"{reader.label}: choice")) if child else ()
    defaults = [choice.key for choice in choices if choice.default]
    if len(defaults) > 1:
        reader.error("choices", f"only one choice can be the default, not {' and '.join(defaults)}")
    if choices and not defaults:
        choices = (replace(choices[0], default=True), *choices[1:])
    unlisted = _unlisted(reader)
    if not choices and unlisted is None:
        reader.error("choices", "needs `choices`, or an `unlisted_choice` with `enabled: true`")
    return Option(key=key, display_name=reader.text("display_name") or key, choices=choices, unlisted_choice=unlisted)


def _choice(key: str, reader: MappingReader) -> Choice:
    reader.check_keys(schema.CHOICE)
    if not key or not key.isprintable():
        reader.log.error(
            reader.node.line, f"{reader.label}: invalid choice name {quote(key)}: it is empty or not printable"
        )
    return Choice(
        key=key,
        display_name=reader.text("display_name") or key,
        default=reader.flag("default"),
        **_overrides(reader),
    )


def _unlisted(reader: MappingReader) -> UnlistedChoice | None:
    child = reader.mapping("unlisted_choice")
    if child is None:
        return None
    child.check_keys(schema.UNLISTED_CHOICE)
    regex = child.text("validation_regex")
    if error := validation_regex.find_error(regex):
        child.error("validation_regex", f"`validation_regex` {error}")
    choice = UnlistedChoice(
        display_name=child.text("display_name"),
        display_name_in_choices=child.text("display_name_in_choices") or "Other...",
        validation_regex=regex,
        validation_message=child.text("validation_message"),
        **_overrides(child),
    )
    return choice if child.flag("enabled") else None


def _user_options(reader: MappingReader, options: tuple[Option, ...]) -> tuple[str, ...]:
    names = reader.names("user_options") or ()
    reserved = {"profile", *option_names(options)}
    for name in names:
        if name in reserved or name.startswith(FORM_PREFIX):
            reader.error("user_options", f"{quote(name)} in `user_options` is already in use in the profile")
    return names


def slugify(name: str) -> str:
    """Return a display name in small letters, digits and dashes."""
    ascii_name = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", ascii_name).strip("-")
