"""Names, paths and quantities as Kubernetes accepts them. Pure.

The texts may be templates: a sample stands for what will be filled in, which is as safe as a name.
"""

from __future__ import annotations

import re
from typing import TypeAlias

from jhub.profiles.fields import MappingReader
from jhub.profiles.problems import quote
from jhub.profiles.templates import with_sample

Rule: TypeAlias = tuple[re.Pattern[str], int, str]
"""A rule for a name: its pattern, the maximum number of characters, and the rule in words."""

LABEL: Rule = (
    re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?"),
    63,
    "a DNS-1123 label: at most 63 small letters, digits and dashes, the first and the last no dash",
)
"""Rule for names of volumes and containers."""
SUBDOMAIN: Rule = (
    re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*"),
    253,
    "a DNS-1123 subdomain: at most 253 small letters, digits, dashes and dots, a letter or digit beside each dot",
)
"""Rule for names of most objects."""
SERVICE: Rule = (
    re.compile(r"[a-z]([-a-z0-9]*[a-z0-9])?"),
    63,
    "a DNS-1035 label: at most 63 small letters, digits and dashes, the first a letter, the last no dash",
)
"""Rule for names of services."""
SEGMENT: Rule = (
    re.compile(r"(?!\.{1,2}$)[^/%\s]+"),
    253,
    "a name without slashes, percent signs and spaces",
)
"""Rule for names of roles and their bindings."""
DATA_KEY: Rule = (
    re.compile(r"(?!\.{1,2}$)[-._a-zA-Z0-9]+"),
    253,
    "a key of a ConfigMap or Secret: at most 253 letters, digits, dashes, dots and underscores",
)
"""Rule for keys in the data of objects."""

QUANTITY = re.compile(r"\+?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d{1,3}|[numkMGTPE]|[KMGTPE]i)?", re.ASCII)
"""A quantity that is not negative."""


def name_error(name: str, rule: Rule) -> str:
    """Return the reason why Kubernetes does not accept a name; empty if it does."""
    pattern, max_characters, words = rule
    sample = with_sample(name)
    if len(sample) <= max_characters and pattern.fullmatch(sample):
        return ""
    return f"must be {words}; not {quote(name)}"


def read_name(reader: MappingReader, key: str, rule: Rule = SUBDOMAIN) -> str:
    """Return a name that must not be missing; report one that Kubernetes does not accept."""
    name = reader.required_text(key)
    if name and (error := name_error(name, rule)):
        reader.error(key, f"`{key}` {error}")
    return name


def read_names(reader: MappingReader, key: str) -> tuple[str, ...]:
    """Return a list of names of objects, empty if the key is missing; report those that Kubernetes does not accept."""
    names = reader.names(key) or ()
    for name in names:
        if error := name_error(name, SUBDOMAIN):
            reader.error(key, f"a name in `{key}` {error}")
    return names


def read_mount(reader: MappingReader) -> dict[str, str]:
    """Return where a volume is mounted, from the keys `mount_path` and `sub_path`, in Kubernetes' words."""
    path, below = reader.required_text("mount_path"), reader.text("sub_path")
    if path and (not path.startswith("/") or ":" in path):
        reader.error("mount_path", f"`mount_path` must begin with / and have no colon, not {quote(path)}")
    if below.startswith("/") or ".." in below.split("/"):
        reader.error("sub_path", f"`sub_path` must be a relative path without .., not {quote(below)}")
    return {"mountPath": path, **({"subPath": below} if below else {})}


def read_quantity(reader: MappingReader, key: str) -> str:
    """Return a quantity that must not be missing; report one that Kubernetes does not accept, and zero."""
    text = reader.required_text(key)
    quantity = with_sample(text, "1")
    if text and (not QUANTITY.fullmatch(quantity) or not re.search("[1-9]", re.split("[eE]", quantity)[0])):
        reader.error(key, f"`{key}` must be a quantity such as 10Gi, not {quote(text)}")
    return text
