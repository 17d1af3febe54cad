"""Reader of access rules: who may start a profile, make a choice or enter a text.

The words are those of real lists: `groups` and `users` of this project, `allowed_groups` of 2i2c, which means the same
as `groups`, and `access` of Nebari. A rule that cannot be read is an error, and never opens anything.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence
from typing import TypeAlias

from jhub.profiles.fields import MappingReader
from jhub.profiles.problems import quote
from jhub.profiles.yaml_tree import Scalar

ACCESS_KEYS = ("groups", "allowed_groups", "users", "access")
"""Keys with access rules."""
NEBARI_EVERYBODY = "all"
"""Value of Nebari's `access` that admits everybody."""
NEBARI_LISTS = "yaml"
"""Value of Nebari's `access` that leaves it to the lists beside it."""

ACCESS_WORDS = re.compile(
    "access|acl|admin|allow|audience|authenticat|authori[sz]|blacklist|block|claim|cohort|condition|^courses?$|deny"
    "|disabl|e-?mail|enabled|entitle|everybody|exclu|^for$|forbid|group|guard|hidden|^hide|^if$|limit_?to|member|^only"
    "|[_-]only$|organi[sz]|owner|permi|polic|private|protect|public|^requires|restrict|role|scope|shared?_with|staff"
    "|student|team|tenant|user|visib|^when$|whitelist|^who"
)
"""Words in the names of keys that may restrict access."""
MIN_SIMILARITY = 0.7
"""Least similarity, from 0 to 1, at which a key counts as a mistyped one."""

AccessLists: TypeAlias = tuple[tuple[str, ...] | None, tuple[str, ...] | None]
"""The groups and the users that are admitted; None adds no rule."""


def may_restrict(key: str) -> bool:
    """Return whether an unknown key may be an access rule, by its name: to ignore it could open what it closes."""
    name = key.casefold()
    return bool(ACCESS_WORDS.search(name) or difflib.get_close_matches(name, ACCESS_KEYS, 1, MIN_SIMILARITY))


def read_access(reader: MappingReader) -> AccessLists:
    """Return the groups and the users that a mapping admits, and report rules that are empty or contradict each other.

    An empty key (null) counts as missing if there is another rule beside it, as Nebari writes it. Alone it is an error:
    it may stand for a list that a template did not fill.
    """
    present = [key for key in ACCESS_KEYS if key in reader]
    rules = [key for key in present if not reader.is_null(key)]
    if present and not rules:
        for key in present:
            cure = "write `groups: []` for nobody" if key == "access" else "write [] for nobody"
            reader.error(key, f"`{key}` is empty: {cure}, or remove the key for everybody")
    if "groups" in rules and "allowed_groups" in rules:
        reader.error("allowed_groups", "`groups` and `allowed_groups` mean the same: remove one")
    groups = next((reader.names(key) for key in ("groups", "allowed_groups") if key in rules), None)
    users = reader.names("users") if "users" in rules else None
    if "access" in rules:
        _check_nebari_access(reader, [key for key in rules if key != "access"])
    return groups, users


def _check_nebari_access(reader: MappingReader, lists: Sequence[str]) -> None:
    node = reader.node.entries["access"]
    value = node.value if isinstance(node, Scalar) else None
    if value == NEBARI_EVERYBODY:
        if lists:
            reader.error("access", f"`access: all` admits everybody, and `{lists[0]}` does not: remove one")
    elif value == NEBARI_LISTS:
        if not lists:
            reader.error("access", "`access: yaml` needs `groups` or `users`")
    else:
        found = quote(value) if isinstance(value, str) else str(node)
        reader.error("access", f"`access` must be all or yaml, not {found}: list the groups in `groups`")
