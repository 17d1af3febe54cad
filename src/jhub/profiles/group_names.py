"""Names of groups in profiles that another name differs from in case only, or that a hub lacks. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from jhub.profiles.model import Path, Problem, Profiles, iter_layers

GROUP_KEYS = ("groups", "allowed_groups")
"""Keys of the groups of a profile or a choice."""


def groups_of(profiles: Profiles) -> frozenset[str]:
    """Return the groups in all access rules."""
    return frozenset(group for group, _, _ in _groups(profiles))


def find_mixed_case(profiles: Profiles) -> Iterator[Problem]:
    """Yield a warning for each group that differs from an earlier one of the file in case only.

    By default, groups are compared letter by letter.
    """
    first: dict[str, tuple[str, int]] = {}
    for group, slug, line in _groups(profiles):
        other, other_line = first.setdefault(group.casefold(), (group, line))
        if other != group:
            place = f" in line {other_line}" if other_line else ""
            yield Problem(
                line, f"profile {slug}: the group {group!r} differs in case only from {other!r}{place}", warning=True
            )


def find_missing(profiles: Profiles, hub_groups: Collection[str]) -> Iterator[Problem]:
    """Yield a warning for each group that a hub lacks, and name the one that differs in case only."""
    similar = {group.casefold(): group for group in sorted(hub_groups, reverse=True)}
    for group, slug, line in _groups(profiles):
        if group in hub_groups:
            continue
        other = similar.get(group.casefold())
        hint = f"; it has {other!r}, which differs in case only" if other else ""
        yield Problem(line, f"profile {slug}: the hub has no group {group!r}{hint}", warning=True)


def _groups(profiles: Profiles) -> Iterator[tuple[str, str, int]]:
    """Yield each group in the file once, with the slug of the first profile that names it, and the line."""
    seen: set[str] = set()
    for profile in profiles.all:
        for path, layer in iter_layers(profile):
            for group in layer.groups or ():
                if group not in seen:
                    seen.add(group)
                    yield group, profile.slug, _line(profiles, path)


def _line(profiles: Profiles, path: Path) -> int:
    """Return the line of the groups of a profile or a choice."""
    places = [(*path, key) for key in GROUP_KEYS]
    return profiles.line(next((place for place in places if place in profiles.lines), path))
