"""A file of profiles: checked, or loaded."""

from __future__ import annotations

import os
from collections.abc import Iterable
from os import PathLike
from pathlib import Path
from stat import S_ISREG

from msgspec import Struct

from jhub.errors import InvalidInput
from jhub.profiles import application_hub, profiles_yaml, schema
from jhub.profiles.fields import Fields
from jhub.profiles.model import Problem, Profile, Profiles
from jhub.profiles.problems import Broken, Report
from jhub.profiles.yaml_tree import MOST_CHARACTERS, Mapping, Node, Sequence, read

MOST_TOLD = 3


class Checked(Struct, frozen=True):
    """What came of a file: its profiles unless there are errors, and all problems in the order of their lines."""

    profiles: Profiles | None
    problems: tuple[Problem, ...]

    @property
    def errors(self) -> tuple[Problem, ...]:
        return tuple(problem for problem in self.problems if not problem.warning)


def parse(text: str, path: str | PathLike[str] = "") -> Profiles:
    """The profiles that a text describes. Raises InvalidInput with the lines, and what is wrong there; also with the
    path, if the text is that of a file.
    """
    checked = check(text)
    if checked.profiles is None:
        raise InvalidInput(_told(f"{path}:" if path else "line ", checked.errors))
    return checked.profiles


def read_text(path: str | PathLike[str]) -> str:
    """The text of a file of profiles. Raises InvalidInput if it cannot be read."""
    file = Path(path)
    try:
        # A pipe would be waited for, and may have come there since anybody looked.
        with open(file, "rb", opener=lambda name, flags: os.open(name, flags | getattr(os, "O_NONBLOCK", 0))) as opened:
            if not S_ISREG(os.fstat(opened.fileno()).st_mode):
                raise InvalidInput(f"profiles: not a file: {os.path.abspath(file)}")
            # Four bytes are the most that a character takes; one too many is for the checker to refuse.
            data = opened.read(4 * MOST_CHARACTERS + 4)
        return data.decode("utf-8-sig")
    except FileNotFoundError:
        raise InvalidInput(f"profiles: no such file: {os.path.abspath(file)}") from None
    except IsADirectoryError:
        raise InvalidInput(f"profiles: not a file: {os.path.abspath(file)}") from None
    except (OSError, UnicodeError, ValueError) as error:
        raise InvalidInput(f"profiles: cannot read {os.path.abspath(file)}: {error}") from None


def check(text: str) -> Checked:
    """Read a text, and find all that is wrong with it. Never raises."""
    report = Report()
    try:
        profiles = _profiles(read(text, report), report)
    except Broken as broken:
        report.error(broken.problem.line, broken.problem.message)
        profiles = ()
    problems = report.problems
    if any(not problem.warning for problem in problems):
        return Checked(None, problems)
    return Checked(Profiles(profiles, warnings=problems), problems)


def _profiles(root: Node, report: Report) -> tuple[Profile, ...]:
    if not isinstance(root, Mapping):
        report.error(root.line, f"the file must be a mapping with the key `profiles`, and this is {root}")
        return ()
    top = Fields(report, root, "the file")
    entries = root.entries.get("profiles")
    foreign = entries is not None and application_hub.is_one(entries)
    if foreign:
        application_hub.leave_out(top, ("profiles",))
    else:
        top.only(schema.FILE)
    if not isinstance(entries, Sequence) or not entries.items:
        report.error(top.line("profiles"), "`profiles` must be a list of at least one profile")
        return ()
    reader = application_hub.profile if foreign else profiles_yaml.profile
    found: list[tuple[int, Profile]] = []
    for number, entry in enumerate(entries.items, start=1):
        if not isinstance(entry, Mapping):
            report.error(entry.line, f"profile {number} must be a mapping, and this is {entry}")
            continue
        profile = reader(Fields(report, entry, f"profile {number}"), number)
        if profile is not None:
            found.append((entry.line, profile))
    _check_slugs(found, report)
    _check_defaults(found, report, foreign=foreign)
    return tuple(profile for _, profile in found)


def _check_slugs(found: Iterable[tuple[int, Profile]], report: Report) -> None:
    seen: dict[str, int] = {}
    for line, profile in found:
        if not profile.slug:
            continue
        if profile.slug in seen:
            report.error(
                line, f"two profiles have the slug {profile.slug!r}: the other is in line {seen[profile.slug]}"
            )
        seen.setdefault(profile.slug, line)


def _check_defaults(found: Iterable[tuple[int, Profile]], report: Report, *, foreign: bool) -> None:
    defaults = [(line, profile.slug) for line, profile in found if profile.default]
    if len(defaults) < 2:
        return
    slugs = " and ".join(slug for _, slug in defaults)
    if foreign:
        # There each group may have its own.
        report.warn(
            defaults[1][0], f"several profiles are the default, {slugs}: of those a user may start, the first is"
        )
    else:
        report.error(defaults[1][0], f"only one profile can be the default, not {slugs}")


def _told(place: str, errors: tuple[Problem, ...]) -> str:
    """The first errors, in one line."""
    told = "; ".join(f"{place}{error.line}: {error.message}" for error in errors[:MOST_TOLD])
    more = len(errors) - MOST_TOLD
    return f"{told}; and {more} more (jhub profile check FILE tells all)" if more > 0 else told
