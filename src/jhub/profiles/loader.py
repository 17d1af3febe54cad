"""Loader and checker of a file of profiles."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from collections.abc import Sequence as Items
from itertools import islice
from os import PathLike
from pathlib import Path
from stat import S_ISREG

from msgspec import Struct
from msgspec.structs import replace

from jhub.errors import InvalidInput
from jhub.profiles import application_hub, profiles_yaml, schema
from jhub.profiles.fields import MappingReader
from jhub.profiles.kubernetes_rules import claim_problems
from jhub.profiles.model import Problem, Profile, Profiles
from jhub.profiles.problems import ProblemLog, UnreadableFile
from jhub.profiles.yaml_tree import (
    MAX_CHARACTERS,
    Mapping,
    Node,
    Sequence,
    from_python,
    iter_lines,
    parse_yaml,
)

MAX_ERRORS_SHOWN = 3
"""Maximum number of errors in the message of an exception."""


class CheckResult(Struct, frozen=True):
    """The result of a check: the profiles, None if there are errors, and all problems in the order of their lines."""

    profiles: Profiles | None
    problems: tuple[Problem, ...]
    readable: Profiles
    """The profiles as far as they can be read, for further checks."""

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
        raise InvalidInput(summarize(checked.errors, f"{path}:" if path else "line "))
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
    return _check(lambda log: _read_file(parse_yaml(text, log), log))


def check_list(profile_list: object) -> CheckResult:
    """Check profiles that are objects of Python, as KubeSpawner's `profile_list` has them. Never raises."""
    return _check(lambda log: _read_profiles(from_python(profile_list), log))


def _check(read: Callable[[ProblemLog], list[tuple[Mapping, Profile]]]) -> CheckResult:
    """Read profiles, each with the mapping of its keys, and return them with all problems."""
    log = ProblemLog()
    try:
        located = read(log)
    except UnreadableFile as error:
        log.error(error.problem.line, error.problem.message)
        located = []
    lines = {path: line for node, profile in located for path, line in iter_lines(node, (profile.slug,)) if line}
    profiles = Profiles(tuple(profile for _, profile in located), lines=lines)
    problems = tuple(sorted((*log.problems, *claim_problems(profiles)), key=lambda problem: problem.line))
    readable = replace(profiles, warnings=problems)
    has_errors = any(not problem.warning for problem in problems)
    return CheckResult(None if has_errors else readable, problems, readable)


def _read_file(root: Node, log: ProblemLog) -> list[tuple[Mapping, Profile]]:
    if not isinstance(root, Mapping):
        log.error(root.line, f"the file must be a mapping with the key `profiles`, not {root}")
        return []
    if "profiles" not in root.entries:
        hint = "the entries of `singleuser.profileList` in the values of a chart belong there"
        log.error(root.line, f"the file has no key `profiles`: {hint}")
        return []
    root_reader = MappingReader(log, root, "the file")
    entries = root.entries["profiles"]
    profiles_yaml.form_keys(root_reader, schema.FILE, "it has no effect")
    return _read_profiles(entries, log, root_reader.line("profiles"))


def _read_profiles(entries: Node, log: ProblemLog, line: int = 0) -> list[tuple[Mapping, Profile]]:
    """Read profiles, each with the mapping of its keys; `line` is that of the key `profiles`."""
    is_application_hub = application_hub.matches(entries)
    located: list[tuple[Mapping, Profile]] = []
    nodes = _nodes(entries)
    if not nodes:
        log.error(line, "`profiles` must be a list or a mapping of at least one profile")
    for number, (key, node) in enumerate(nodes, start=1):
        if not isinstance(node, Mapping):
            log.error(node.line, f"profile {key or number} must be a mapping, not {node}")
            continue
        reader = MappingReader(log, node, f"profile {key or number}")
        if not is_application_hub:
            located.append((node, profiles_yaml.read_profile(reader, number, key)))
        elif profile := application_hub.read_profile(reader, number):
            located.append((application_hub.flatten(node), profile))
    _check_slugs(located, log)
    _check_defaults(located, log)
    return located


def _nodes(entries: Node) -> list[tuple[str, Node]]:
    """Return the node of each profile, with its key in a mapping: KubeSpawner 7 sorts a mapping by its keys."""
    match entries:
        case Mapping():
            return sorted(entries.entries.items())
        case Sequence():
            return [("", node) for node in entries.items]
        case _:
            return []


def _check_slugs(located: Iterable[tuple[Mapping, Profile]], log: ProblemLog) -> None:
    lines: dict[str, int] = {}
    for node, profile in located:
        line = node.line
        if not profile.slug:
            continue
        if profile.slug in lines:
            first = f": first used in line {lines[profile.slug]}" if line else ""
            log.error(line, f"duplicate slug {profile.slug!r}{first}; add another `slug` to one of the profiles")
        lines.setdefault(profile.slug, line)


def _check_defaults(located: Iterable[tuple[Mapping, Profile]], log: ProblemLog) -> None:
    defaults = [(node.line, profile.slug) for node, profile in located if profile.default]
    if len(defaults) < 2:
        return
    slugs = " and ".join(slug for _, slug in defaults)
    # Each group may have its own default. KubeSpawner also takes the first one.
    log.warn(defaults[1][0], f"several profiles are the default: {slugs}; the first that a user may start is used")


def summarize(errors: Items[Problem], place: str = "", check: str = "jhub profile check FILE") -> str:
    """Return the first errors as one line; `place` comes before the number of each line, if there are lines.

    `check` is the command that lists all.
    """
    shown = (f"{place}{error.line}: {error.message}" if error.line else error.message for error in errors)
    summary = "; ".join(islice(shown, MAX_ERRORS_SHOWN))
    more = len(errors) - MAX_ERRORS_SHOWN
    return f"{summary}; and {more} more ({check} lists all)" if more > 0 else summary
