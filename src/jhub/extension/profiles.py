"""Profiles: what they are, and reading them from a file."""

from __future__ import annotations

import os
import re
import unicodedata
from os import PathLike
from pathlib import Path
from typing import Any, cast

import yaml
from msgspec import Struct, field

from jhub.errors import InvalidInput


class Profile(Struct, frozen=True, kw_only=True):
    """One way to start a server. The words are those of KubeSpawner's `profile_list`."""

    slug: str
    """What a start names; unique."""
    display_name: str
    description: str = ""
    default: bool = False
    spawner_override: dict[str, Any] = field(default_factory=dict[str, Any])
    """Settings of the spawner, by name. `environment` is merged into what the spawner has, the others replace it."""


class Profiles(Struct, frozen=True):
    """The profiles of a hub, in the order of the file."""

    all: tuple[Profile, ...]


def load(path: str | PathLike[str]) -> Profiles:
    """Read a profiles.yaml. Raises InvalidInput with the file's name and what is wrong in it."""
    file = Path(path)
    try:
        return parse(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InvalidInput(f"profiles: no such file: {os.path.abspath(file)}") from None
    except (OSError, UnicodeError) as error:
        raise InvalidInput(f"profiles: cannot read {os.path.abspath(file)}: {error}") from None
    except InvalidInput as error:
        raise InvalidInput(f"{file}: {error}") from None


def parse(text: str) -> Profiles:
    """The profiles that the text of a profiles.yaml describes. Raises InvalidInput."""
    try:
        document = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise InvalidInput(f"not YAML: {' '.join(str(error).split())}") from None
    top = _mapping(document, "the file", {"profiles"})
    entries = top.get("profiles")
    if not isinstance(entries, list) or not entries:
        raise InvalidInput("`profiles` must be a list of at least one profile")
    profiles = tuple(_profile(entry, number) for number, entry in enumerate(cast("list[object]", entries), start=1))
    seen: set[str] = set()
    for profile in profiles:
        if profile.slug in seen:
            raise InvalidInput(f"two profiles have the slug {profile.slug!r}")
        seen.add(profile.slug)
    defaults = [profile.slug for profile in profiles if profile.default]
    if len(defaults) > 1:
        raise InvalidInput(f"only one profile can be the default, not {' and '.join(defaults)}")
    return Profiles(profiles)


def slugify(name: str) -> str:
    """The slug of a profile that gives none: its display name in small letters, digits and dashes."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-")


def _profile(entry: object, number: int) -> Profile:
    where = f"profile {number}"
    keys = _mapping(entry, where)
    where = f"profile {keys.get('slug') or keys.get('display_name') or number}"
    _mapping(keys, where, set(Profile.__struct_fields__))
    display_name = _text(keys, "display_name", where)
    slug = _text(keys, "slug", where) or slugify(display_name)
    if not slug or re.search(r"\s", slug):
        raise InvalidInput(f"{where}: needs a `slug` without spaces, or a `display_name` to make one of")
    default = keys.get("default", False)
    if not isinstance(default, bool):
        raise InvalidInput(f"{where}: `default` must be true or false")
    return Profile(
        slug=slug,
        display_name=display_name or slug,
        description=_text(keys, "description", where),
        default=default,
        spawner_override=_override(keys.get("spawner_override"), where),
    )


def _override(value: object, where: str) -> dict[str, Any]:
    if value is None:
        return {}
    override = _mapping(value, f"{where}: `spawner_override`")
    environment = override.get("environment")
    if environment is not None:
        variables = _mapping(environment, f"{where}: `environment`")
        for name, text in variables.items():
            if not isinstance(text, str):
                raise InvalidInput(f"{where}: the environment variable {name} must be text: write it in quotes")
    return override


def _mapping(value: object, where: str, known: set[str] | None = None) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise InvalidInput(f"{where} must be a mapping")
    mapping = cast("dict[object, Any]", value)
    for key in mapping:
        if not isinstance(key, str) or (known is not None and key not in known):
            expected = f" (known: {', '.join(sorted(known))})" if known is not None else ""
            raise InvalidInput(f"{where}: unknown key {key!r}{expected}")
    return cast("dict[str, Any]", mapping)


def _text(keys: dict[str, Any], key: str, where: str) -> str:
    value = keys.get(key, "")
    if value is None:
        return ""
    if not isinstance(value, str):
        raise InvalidInput(f"{where}: `{key}` must be text")
    return value
