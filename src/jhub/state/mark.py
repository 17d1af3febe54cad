"""Mark of jhub in the properties of a group: its owner, the members in their grace, and the application in progress.

{
    "owner": "cs101-fall26",
    "leaving": {"zan": "2026-11-30T10:00:00+00:00"},
    "apply": {"document": "3f9ac20d71be", "since": "2026-11-30T10:00:00+00:00"},
}
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeVar

from msgspec import Struct, ValidationError, convert

from jhub.models import Group, as_utc

T = TypeVar("T")

KEY = "jhub"
"""Property of a group that jhub writes for itself."""


CLAIM_SECONDS = 300.0
"""Seconds after which a claim has no effect any more: its application was interrupted."""


class _Claim(Struct):
    document: str
    since: datetime


@dataclass(frozen=True, slots=True)
class Claim:
    """A claim to the members of a group, while a plan is applied to it."""

    document: str
    """The digest of the document. An application of the same document may go on where another one was interrupted."""
    since: datetime

    def blocks(self, document: str, now: datetime) -> bool:
        """Return whether another document has to wait at this time."""
        return self.document != document and (now - self.since).total_seconds() < CLAIM_SECONDS


@dataclass(frozen=True, slots=True)
class Mark:
    """The mark in a group's properties."""

    owner: str | None = None
    leaving: Mapping[str, datetime] = field(default_factory=dict[str, datetime])
    """The members that the document no longer has, with the time of the first plan without them."""
    apply: Claim | None = None
    """The application in progress."""

    def to_property(self) -> dict[str, Any]:
        """Return the value of the property; empty for an empty mark."""
        fields: dict[str, Any] = {}
        if self.owner is not None:
            fields["owner"] = self.owner
        if self.leaving:
            fields["leaving"] = {name: since.isoformat() for name, since in sorted(self.leaving.items())}
        if self.apply is not None:
            fields["apply"] = {"document": self.apply.document, "since": self.apply.since.isoformat()}
        return fields


def read_mark(properties: Mapping[str, Any] | None) -> Mark:
    """Return the mark in a group's properties. A field that does not have its form counts as absent."""
    try:
        fields = convert((properties or {}).get(KEY), dict[str, Any])
    except ValidationError:
        return Mark()
    leaving = _field(fields, "leaving", dict[str, datetime]) or {}
    claim = _field(fields, "apply", _Claim)
    return Mark(
        _field(fields, "owner", str),
        {name: as_utc(since) for name, since in leaving.items()},
        None if claim is None else Claim(claim.document, as_utc(claim.since)),
    )


def _field(fields: dict[str, Any], name: str, kind: type[T]) -> T | None:
    try:
        return convert(fields.get(name), kind)
    except ValidationError:
        return None


def group_owner(group: Group) -> str | None:
    """Return the owner that a state file has marked in the properties of a group; None if there is none."""
    return read_mark(group.properties).owner


def with_mark(properties: Mapping[str, Any], mark: Mark) -> dict[str, Any]:
    """Return the properties with this mark; without one if it is empty."""
    others = {key: value for key, value in properties.items() if key != KEY}
    fields = mark.to_property()
    return {**others, KEY: fields} if fields else others


def own_properties(properties: Mapping[str, Any]) -> dict[str, Any]:
    """Return the properties without the mark."""
    return {key: value for key, value in properties.items() if key != KEY}
