"""The form of profiles, as HTML: names, labels, escaping and what is selected."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html.parser import HTMLParser
from itertools import pairwise
from typing import Any

import pytest

from jhub.extension.profile_form import MAX_RADIO_BUTTONS, render_form
from jhub.profiles.model import Choice, Option, Profile, UnlistedChoice

Element = tuple[str, dict[str, str | None]]

HOSTILE = "{{ 7*7 }}{% raw %}{# x #}</label><script>alert(1)</script>\"'&amp;"

IMAGE = Option(
    key="image",
    display_name="Image",
    choices=(Choice(key="scipy", display_name="SciPy", default=True), Choice(key="r", description="R 4")),
    unlisted_choice=UnlistedChoice(
        display_name="Name",
        description="From a registry",
        description_in_choices="Any image",
        validation_regex=r"[a-z]+:\d+",
        validation_message="NAME:NUMBER",
    ),
)
SIZE = Option(
    key="size", choices=tuple(Choice(key=f"s{n}", description=f"{n} GB") for n in range(MAX_RADIO_BUTTONS + 1))
)
NOTE = Option(key="note", display_name="Note", unlisted_choice=UnlistedChoice(validation_regex="(?i)x+"))
LAB = Profile(slug="lab", display_name="Lab", description="The lab")
GPU = Profile(slug="gpu", profile_options=(IMAGE, SIZE, NOTE), default=True)
PROFILES = (LAB, GPU)


class Reader(HTMLParser):
    """The elements of a page, and its text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: list[Element] = []
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data

    def named(self, name: str) -> list[dict[str, str | None]]:
        """Return the attributes of the fields of a name."""
        return [attributes for _, attributes in self.elements if attributes.get("name") == name]

    def selected(self) -> dict[str, str | None]:
        """Return what a browser without scripts would send, in the order of the page."""
        return dict(self._selected())

    def _selected(self) -> Iterator[tuple[str, str | None]]:
        select = ""
        for tag, attributes in self.elements:
            name = attributes.get("name") or ""
            if tag == "select":
                select = name
            elif tag == "option" and "selected" in attributes:
                yield select, attributes["value"]
            elif tag == "input" and (attributes["type"] == "text" or "checked" in attributes):
                yield name, attributes["value"]


def read(options: dict[str, Any] | None = None, profiles: tuple[Profile, ...] = PROFILES, **more: bool) -> Reader:
    return Reader(render_form(profiles, options or {}, **more))


DEFAULTS = {
    "profile": "gpu",
    "profile-option-gpu--image": "scipy",
    "profile-option-gpu--image--unlisted-choice": "",
    "profile-option-gpu--size": "s0",
    "profile-option-gpu--note--unlisted-choice": "",
}


def test_the_fields_have_kubespawners_names_and_the_defaults_selected() -> None:
    page = read()
    assert page.selected() == DEFAULTS
    assert [field["value"] for field in page.named("profile")] == ["lab", "gpu"]
    assert [field["value"] for field in page.named("profile-option-gpu--image")] == ["scipy", "r", "unlisted-choice"]
    for text in (
        "Lab",
        "The lab",
        "gpu",
        "SciPy",
        "R 4",
        "Name",
        "From a registry",
        "Any image",
        "NAME:NUMBER",
        "Note",
    ):
        assert text in page.text
    assert "s3: 3 GB" in page.text, "a select has no room for descriptions elsewhere"


@pytest.mark.parametrize(
    ("saved", "selected"),
    [
        ({"profile": "lab"}, {"profile": "lab"}),
        ({"profile": "gpu", "image": "r", "size": "s4"}, {"image": "r", "size": "s4"}),
        ({"image": "r"}, {"image": "r"}),
        ({"profile": ["gpu"], "profile-option-gpu--image": ["r"]}, {"image": "r"}),
        (
            {"profile": "gpu", "image--unlisted-choice": "a:1"},
            {"image": "unlisted-choice", "image--unlisted-choice": "a:1"},
        ),
        ({"profile": "gpu", "note--unlisted-choice": "XX"}, {"note--unlisted-choice": "XX"}),
        # What is no longer valid, and what never was:
        ({"profile": "gone", "image": "r"}, {}),
        ({"profile": "lab", "image": "r"}, {"profile": "lab"}),
        ({"profile": "gpu", "image": "gone", "size": "s2"}, {"size": "s2"}),
        ({"profile": "gpu", "image--unlisted-choice": "A:1"}, {}),
        ({"profile": "gpu", "image": "unlisted-choice"}, {}),
        ({"profile": "gpu", "size--unlisted-choice": "x"}, {}),
        ({"profile": 3, "image": ["r", "scipy"], "size": None, "note--unlisted-choice": {}}, {}),
        ({"profile": "gpu", "note--unlisted-choice": "{x}"}, {}),
    ],
)
def test_saved_options_are_selected_if_they_are_valid(saved: dict[str, Any], selected: dict[str, str]) -> None:
    full = {name if name == "profile" else f"profile-option-gpu--{name}": value for name, value in selected.items()}
    assert read(saved).selected() == {**DEFAULTS, **full}


def test_a_refused_form_keeps_the_fields_of_all_profiles_and_invalid_texts() -> None:
    sent = {
        "profile": ["lab"],
        "profile-option-gpu--image": ["unlisted-choice"],
        "profile-option-gpu--image--unlisted-choice": [""],
        "profile-option-gpu--size": ["s1"],
        "profile-option-gpu--note--unlisted-choice": ["no"],
    }
    page = read(sent, keeps_invalid_texts=True)
    assert page.selected() == {name: value for name, (value,) in sent.items()}


def test_a_browser_checks_an_expression_if_it_can() -> None:
    page = read()
    (image,) = page.named("profile-option-gpu--image--unlisted-choice")
    assert image["pattern"] == r"[a-z]+:[\p{Nd}]+"
    assert image["title"] == "NAME:NUMBER"
    (note,) = page.named("profile-option-gpu--note--unlisted-choice")
    assert "pattern" not in note


def test_every_field_has_a_label_and_every_id_is_unique() -> None:
    page = read()
    ids = [attributes["id"] for _, attributes in page.elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    labels = [attributes["for"] for tag, attributes in page.elements if tag == "label"]
    fields = [attributes for tag, attributes in page.elements if tag in ("input", "select")]
    assert sorted(map(str, labels)) == sorted(str(field["id"]) for field in fields)
    for field in fields:
        assert set((field.get("aria-describedby") or "").split()) <= set(ids)
    # Radio buttons are in a group with a name.
    assert [after for (tag, _), (after, _) in pairwise(page.elements) if tag == "fieldset"] == ["legend"] * 3


def hostile_profile() -> Profile:
    texts: dict[str, Any] = {"display_name": HOSTILE, "description": HOSTILE}
    unlisted = UnlistedChoice(
        **texts,
        display_name_in_choices=HOSTILE,
        description_in_choices=HOSTILE,
        validation_regex=re.escape(HOSTILE),
        validation_message=HOSTILE,
    )
    few = tuple(Choice(key=f"{HOSTILE}{n}", **texts) for n in range(2))
    many = tuple(Choice(key=f"{HOSTILE}{n}", **texts) for n in range(9))
    options = (
        Option(key=HOSTILE, display_name=HOSTILE, choices=few, unlisted_choice=unlisted),
        Option(key="many", display_name=HOSTILE, choices=many, unlisted_choice=unlisted),
        Option(key="text", display_name=HOSTILE, unlisted_choice=unlisted),
    )
    return Profile(slug=HOSTILE, profile_options=options, **texts)


def test_texts_are_neither_html_nor_templates() -> None:
    source = render_form((hostile_profile(),), {"profile": HOSTILE, "text--unlisted-choice": "x"})
    assert not re.search(r"\{\{|\{%|\{#", source)
    page = Reader(source)
    assert {tag for tag, _ in page.elements if tag == "script"} == {"script"}
    assert "<script>alert" not in source
    assert page.named("profile")[0]["value"] == HOSTILE
    assert page.named(f"profile-option-{HOSTILE}--{HOSTILE}")[0]["value"] == f"{HOSTILE}0"
    assert HOSTILE in page.text
    assert "49" not in page.text


def test_each_text_has_the_direction_of_its_own_script() -> None:
    names = ("label", "option", "select", "legend")
    elements = [element for element in Reader(render_form(PROFILES, {})).elements if element[0] in names]
    own = {"form-select", "form-label", "form-check-label", "fs-6"}
    texts = [
        attributes for tag, attributes in elements if tag == "option" or own & set(str(attributes["class"]).split())
    ]
    assert texts
    assert all(attributes.get("dir") == "auto" for attributes in texts)
