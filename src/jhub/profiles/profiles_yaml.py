"""Reading a profiles.yaml from its tree."""

from __future__ import annotations

import re
import unicodedata
from typing import Any

from msgspec.structs import replace

from jhub.models import UNLISTED_SUFFIX
from jhub.profiles import schema, validation_regex
from jhub.profiles.fields import Fields
from jhub.profiles.model import Choice, Option, Profile, UnlistedChoice
from jhub.profiles.option_check import FORM, start_names
from jhub.profiles.problems import cut, shown


def profile(fields: Fields, number: int) -> Profile:
    """One profile, the `number`th of the file. What is wrong with it has been reported."""
    fields.where = called(fields, number)
    fields.only(schema.PROFILE)
    return described(fields, groups=fields.names("groups"), users=fields.names("users"))


def called(fields: Fields, number: int) -> str:
    """What messages call a profile: what tells it apart best of what it has."""
    for key in ("slug", "display_name"):
        value = getattr(fields.node.entries.get(key), "written", "")
        if value:
            return f"profile {cut(value)}"
    return f"profile {number}"


def described(
    fields: Fields,
    *,
    groups: tuple[str, ...] | None,
    users: tuple[str, ...] | None,
    fallback: str = "",
) -> Profile:
    """A profile by what it says of itself; `fallback` is its slug if it gives none."""
    display_name = fields.text("display_name")
    slug = fields.text("slug") or fallback or slugify(display_name)
    told = fields.report.has_error_at(fields.line("slug"), fields.line("display_name"))
    if not told and (not slug or re.search(r"\s", slug) or not slug.isprintable()):
        fields.error("slug", "needs a `slug` without spaces, or a `display_name` to make one of")
    options = _options(fields)
    return Profile(
        slug=slug,
        display_name=display_name or slug,
        description=fields.text("description"),
        default=fields.flag("default"),
        groups=groups,
        users=users,
        profile_options=options,
        user_options=_user_options(fields, options),
        **_overrides(fields),
    )


def _overrides(fields: Fields) -> dict[str, Any]:
    return {
        "spawner_override": fields.settings("spawner_override"),
        "kubespawner_override": fields.settings("kubespawner_override", removable=True),
    }


def _options(fields: Fields) -> tuple[Option, ...]:
    below = fields.fields("profile_options")
    if below is None:
        return ()
    found: list[Option] = []
    for key, option in below.each(f"{fields.where}: option"):
        if (
            key == "profile"
            or not key
            or key.startswith(FORM)
            or key.endswith(UNLISTED_SUFFIX)
            or not key.isprintable()
        ):
            below.error(key, f"no option can have the name {shown(key)}: a start could not tell it from other things")
        found.append(_option(key, option))
    return tuple(found)


def _option(key: str, fields: Fields) -> Option:
    fields.only(schema.OPTION)
    below = fields.fields("choices")
    choices = tuple(_choice(*each) for each in below.each(f"{fields.where}: choice")) if below else ()
    defaults = [choice.key for choice in choices if choice.default]
    if len(defaults) > 1:
        fields.error("choices", f"only one choice can be the default, not {' and '.join(defaults)}")
    if choices and not defaults:
        choices = (replace(choices[0], default=True), *choices[1:])
    unlisted = _unlisted(fields)
    if not choices and unlisted is None:
        fields.error("choices", "needs `choices`, or an `unlisted_choice` with `enabled: true`")
    return Option(key=key, display_name=fields.text("display_name") or key, choices=choices, unlisted_choice=unlisted)


def _choice(key: str, fields: Fields) -> Choice:
    fields.only(schema.CHOICE)
    if not key or not key.isprintable():
        fields.report.error(fields.node.line, f"{fields.where}: no choice can have the name {shown(key)}")
    return Choice(
        key=key,
        display_name=fields.text("display_name") or key,
        default=fields.flag("default"),
        **_overrides(fields),
    )


def _unlisted(fields: Fields) -> UnlistedChoice | None:
    below = fields.fields("unlisted_choice")
    if below is None:
        return None
    below.only(schema.UNLISTED_CHOICE)
    regex = below.text("validation_regex")
    if wrong := validation_regex.fault(regex):
        below.error("validation_regex", f"`validation_regex` {wrong}")
    choice = UnlistedChoice(
        display_name=below.text("display_name"),
        display_name_in_choices=below.text("display_name_in_choices") or "Other...",
        validation_regex=regex,
        validation_message=below.text("validation_message"),
        **_overrides(below),
    )
    return choice if below.flag("enabled") else None


def _user_options(fields: Fields, options: tuple[Option, ...]) -> tuple[str, ...]:
    names = fields.names("user_options") or ()
    taken = {"profile", *start_names(options)}
    for name in names:
        if name in taken or name.startswith(FORM):
            fields.error("user_options", f"{shown(name)} in `user_options` is one of the profile's own already")
    return names


def slugify(name: str) -> str:
    """Return a display name in small letters, digits and dashes."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-")
