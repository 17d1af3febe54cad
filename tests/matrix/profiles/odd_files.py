"""Odd files of profiles."""

from __future__ import annotations

from typing import Any

import yaml
from hypothesis import strategies as st

from jhub.profiles import schema
from matrix.profiles.hostile import MEMBER, OTHER, REGEXES, texts
from matrix.profiles.hubs import MEMBERS

KEYS = sorted({*schema.PROFILE, *schema.OPTION, *schema.CHOICE, *schema.UNLISTED_CHOICE} - {"slug"})
leaves = st.none() | st.booleans() | st.integers() | st.floats() | texts | st.just("{value}")
things: st.SearchStrategy[Any] = st.recursive(
    leaves, lambda below: st.lists(below, max_size=2) | st.dictionaries(texts | st.just("{value}"), below, max_size=2)
)


def overrides(names: list[str]) -> st.SearchStrategy[dict[str, Any]]:
    """Generate settings with these names, and values that are valid for some of them."""
    variables = st.dictionaries(texts | st.just("{value}"), texts, max_size=2)
    known = st.dictionaries(st.sampled_from(names), things, max_size=2)
    return st.one_of(known, known, variables.map(lambda found: {"environment": found}))


def profiles(names: list[str]) -> st.SearchStrategy[dict[str, Any]]:
    """Generate an almost valid profile, with settings of these names."""
    keys = st.sampled_from(["spawner_override", "kubespawner_override"])
    settings = st.dictionaries(keys, overrides(names), max_size=1)
    unlisted = st.builds(
        lambda regex, more: {"enabled": True, "validation_regex": regex, **more},
        st.sampled_from([*REGEXES, "", "(", "(?x)a", "[[:a:]]"]) | texts,
        settings,
    )
    option = st.fixed_dictionaries(
        {},
        optional={
            "choices": st.dictionaries(texts, settings, max_size=2),
            "unlisted_choice": unlisted,
            "display_name": texts,
        },
    )
    lists = st.lists(texts | st.sampled_from([MEMBERS, MEMBER, OTHER]), max_size=2)
    common = st.fixed_dictionaries(
        {},
        optional={
            "display_name": texts,
            "description": texts,
            "default": st.booleans(),
            "groups": lists,
            "users": lists,
            "profile_options": st.dictionaries(texts | st.sampled_from(["size", "image"]), option, max_size=2),
            "user_options": st.lists(texts | st.just("note"), max_size=2),
        },
    )
    odd = st.dictionaries(st.sampled_from(KEYS), things, max_size=1)
    rarely = st.one_of(*[st.just({})] * 9, odd)
    return st.builds(
        lambda *parts: {key: value for part in parts for key, value in part.items()}, common, settings, rarely
    )


def file_of(entries: list[dict[str, Any]]) -> str:
    """Return a file of these profiles, with slugs added to those without one."""
    return yaml.safe_dump({"profiles": [{"slug": f"p{n}", **entry} for n, entry in enumerate(entries)]})


def files(names: list[str]) -> st.SearchStrategy[str]:
    """Return a strategy for files of such profiles."""
    return st.lists(profiles(names), min_size=1, max_size=2).map(file_of)
