"""Loader and checker of a file of profiles."""

from __future__ import annotations

import os
from collections.abc import Iterable
from os import PathLike
from pathlib import Path
from stat import S_ISREG

from msgspec import Struct

from jhub.errors import InvalidInput
from jhub.profiles import application_hub, profiles_yaml, schema
from jhub.profiles.fields import MappingReader
from jhub.profiles.model import Problem, Profile, Profiles
from jhub.profiles.problems import ProblemLog, UnreadableFile
from jhub.profiles.yaml_tree import MAX_CHARACTERS, Mapping, Node, Sequence, parse_yaml

MAX_ERRORS_SHOWN = 3
"""Maximum number of errors in the message of an exception."""


class CheckResult(Struct, frozen=True):
    """The result of a check: the profiles, None if there are errors, and all problems in the order of their lines."""

    profiles: Profiles | None
    problems: tuple[Problem, ...]

    @property
    def errors(self) -> tuple[Problem, ...]:
        """The problems that keep the file from being loaded."""
        return tuple(problem for problem in self.problems if not problem.warning)


def parse(text: str, path: str | PathLike[str] = "") -> Profiles:
    """Return the profiles in a text.

    Raises InvalidInput with the errors and their lines; also with the path, if the text is that of a file.
    """
    checked = check(text)
    if checked.profiles is None:
        raise InvalidInput(_summary(f"{path}:" if path else "line ", checked.errors))
    return checked.profiles


def read_text(path: str | PathLike[str]) -> str:
    """Return the text of a file of profiles. Raises InvalidInput if it cannot be read."""
    file = Path(path)
    try:
        # Opening a pipe would block, and a pipe may replace the file after any earlier check.
        with open(file, "rb", opener=lambda name, flags: os.open(name, flags | getattr(os, "O_NONBLOCK", 0))) as stream:
            if not S_ISREG(os.fstat(stream.fileno()).st_mode):
                raise InvalidInput(f"profiles: not a file: {os.path.abspath(file)}")
            # A character has at most four bytes; the checker refuses a text with one character too many.
            data = stream.read(4 * MAX_CHARACTERS + 4)
        return data.decode("utf-8-sig")
    except FileNotFoundError:
        raise InvalidInput(f"profiles: no such file: {os.path.abspath(file)}") from None
    except IsADirectoryError:
        raise InvalidInput(f"profiles: not a file: {os.path.abspath(file)}") from None
    except (OSError, UnicodeError, ValueError) as error:
        raise InvalidInput(f"profiles: cannot read {os.path.abspath(file)}: {error}") from None


def check(text: str) -> CheckResult:
    """Check a text, and find all its problems. Never raises."""
    log = ProblemLog()
    try:
        profiles = _read_profiles(parse_yaml(text, log), log)
    except UnreadableFile as error:
        log.error(error.problem.line, error.problem.message)
        profiles = ()
    problems = log.problems
    if any(not problem.warning for problem in problems):
        return CheckResult(None, problems)
    return CheckResult(Profiles(profiles, warnings=problems), problems)


def _read_profiles(root: Node, log: ProblemLog) -> tuple[Profile, ...]:
    if not isinstance(root, Mapping):
        log.error(root.line, f"the file must be a mapping with the key `profiles`, not {root}")
        return ()
    root_reader = MappingReader(log, root, "the file")
    entries = root.entries.get("profiles")
    is_application_hub = entries is not None and application_hub.matches(entries)
    if is_application_hub:
        application_hub.warn_unsupported(root_reader, ("profiles",))
    else:
        root_reader.check_keys(schema.FILE)
    if not isinstance(entries, Sequence) or not entries.items:
        log.error(root_reader.line("profiles"), "`profiles` must be a list of at least one profile")
        return ()
    read_profile = application_hub.read_profile if is_application_hub else profiles_yaml.read_profile
    located: list[tuple[int, Profile]] = []
    for number, entry in enumerate(entries.items, start=1):
        if not isinstance(entry, Mapping):
            log.error(entry.line, f"profile {number} must be a mapping, not {entry}")
            continue
        profile = read_profile(MappingReader(log, entry, f"profile {number}"), number)
        if profile is not None:
            located.append((entry.line, profile))
    _check_slugs(located, log)
    _check_defaults(located, log, is_application_hub=is_application_hub)
    return tuple(profile for _, profile in located)


def _check_slugs(located: Iterable[tuple[int, Profile]], log: ProblemLog) -> None:
    lines: dict[str, int] = {}
    for line, profile in located:
        if not profile.slug:
            continue
        if profile.slug in lines:
            log.error(line, f"duplicate slug {profile.slug!r}: first used in line {lines[profile.slug]}")
        lines.setdefault(profile.slug, line)


def _check_defaults(located: Iterable[tuple[int, Profile]], log: ProblemLog, *, is_application_hub: bool) -> None:
    defaults = [(line, profile.slug) for line, profile in located if profile.default]
    if len(defaults) < 2:
        return
    slugs = " and ".join(slug for _, slug in defaults)
    if is_application_hub:
        # In that format, each group may have its own default.
        log.warn(defaults[1][0], f"several profiles are the default: {slugs}; the first that a user may start is used")
    else:
        log.error(defaults[1][0], f"only one profile can be the default, not {slugs}")


def _summary(place: str, errors: tuple[Problem, ...]) -> str:
    """Return the first errors as one line."""
    summary = "; ".join(f"{place}{error.line}: {error.message}" for error in errors[:MAX_ERRORS_SHOWN])
    more = len(errors) - MAX_ERRORS_SHOWN
    return f"{summary}; and {more} more (jhub profile check FILE lists all)" if more > 0 else summary
