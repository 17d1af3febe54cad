"""The form of the spawn page for spawners without one: the profiles as cards, with their options. Pure: values to HTML.

Its fields have the names of KubeSpawner's form. It works without scripts: then the options of all profiles are visible,
those of the profiles that are not selected are ignored, and a text counts instead of a choice.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape
from msgspec import Struct

from jhub.extension.html_pattern import html_pattern
from jhub.extension.policy import find_text_error, requested_profile, single_value
from jhub.extension.profile_access import default_profile
from jhub.models import UNLISTED_SELECTED_VALUE, UNLISTED_SUFFIX
from jhub.profiles.model import Option, Profile
from jhub.profiles.option_check import FORM_PREFIX, option_label, option_names

MAX_RADIO_BUTTONS = 5
"""Maximum number of choices that are shown as radio buttons. More of them are a select."""


class Field(Struct, frozen=True, kw_only=True):
    """An option: radio buttons or a select, a text field, or both."""

    id: str
    name: str
    option: Option
    selected: str | None
    """The selected choice; None if the text is selected."""
    text: str
    pattern: str
    """The regular expression by which a browser checks the text; empty if only the hub can check it."""


class Card(Struct, frozen=True, kw_only=True):
    """A profile, with its options."""

    id: str
    profile: Profile
    selected: bool
    fields: tuple[Field, ...]


def render_form(profiles: Sequence[Profile], options: Mapping[str, Any], *, keeps_invalid_texts: bool = False) -> str:
    """Return the form for profiles, at least one, with `options` selected as far as the profiles allow them.

    The options are those that the hub has saved for the server, or the fields of a form that it has just refused. Of
    the latter, invalid texts are kept too, for the user to correct them.
    """
    requested = requested_profile(options)
    default = default_profile(profiles)
    selected = next((profile for profile in profiles if profile.slug == requested), default)
    cards = [
        Card(
            id=f"jhub-profile-{number}",
            profile=profile,
            selected=profile is selected,
            fields=tuple(
                _field(f"jhub-profile-{number}-option-{position}", profile, option, values, keeps_invalid_texts)
                for position, option in enumerate(profile.profile_options, 1)
            ),
        )
        for number, profile in enumerate(profiles, 1)
        # A start without a profile gets the default one, with the options that it names.
        for values in [_values(profile, options, is_requested=(requested or default.slug) == profile.slug)]
    ]
    return _TEMPLATE.render(
        cards=cards,
        max_radio_buttons=MAX_RADIO_BUTTONS,
        unlisted_value=UNLISTED_SELECTED_VALUE,
        unlisted_suffix=UNLISTED_SUFFIX,
    )


def _field(id_: str, profile: Profile, option: Option, values: Mapping[str, str], keeps_invalid_texts: bool) -> Field:
    choice, text = values.get(option.key), values.get(option.unlisted_key, "")
    unlisted = option.unlisted_choice
    is_valid = unlisted is not None and not find_text_error(option_label(profile, option), unlisted, text)
    if not (is_valid or keeps_invalid_texts):
        text = ""
    selected = next((entry for entry in option.choices if entry.key == choice), option.default)
    is_text = text != "" or (keeps_invalid_texts and choice == UNLISTED_SELECTED_VALUE)
    return Field(
        id=id_,
        name=_form_name(profile, option.key),
        option=option,
        selected=None if selected is None or (unlisted is not None and is_text) else selected.key,
        text=text,
        pattern=html_pattern(unlisted.validation_regex) if unlisted is not None else "",
    )


def _values(profile: Profile, options: Mapping[str, Any], *, is_requested: bool) -> dict[str, str]:
    """Return the values of a profile's options, by short names, which only those of the requested profile may have."""

    def values() -> Iterator[tuple[str, object]]:
        for name in option_names(profile.profile_options):
            yield name, options.get(name) if is_requested else None
            yield name, options.get(_form_name(profile, name))

    return {name: text for name, value in values() if isinstance(text := single_value(value), str) and text}


def _form_name(profile: Profile, name: str) -> str:
    return f"{FORM_PREFIX}{profile.slug}--{name}"


def _escape(value: object) -> object:
    """Escape a text for HTML, and its braces: no template engine must evaluate them later."""
    if hasattr(value, "__html__"):
        return value
    return Markup(str(escape(value)).replace("{", "&#123;").replace("}", "&#125;"))  # noqa: S704  # it is escaped


_TEMPLATE = Environment(
    loader=FileSystemLoader(Path(__file__).parent),
    autoescape=True,
    finalize=_escape,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
).get_template("profile_form.html")
