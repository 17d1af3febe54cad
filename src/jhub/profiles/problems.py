"""Where the problems of a file are gathered: all of them, not only the first."""

from __future__ import annotations

from jhub.errors import HubError
from jhub.profiles.model import Problem

MAX_QUOTED_CHARACTERS = 60
"""Maximum number of characters of a text in a message."""


class UnreadableFile(HubError):
    """Nothing more can be read of the file; `problem` says why."""

    def __init__(self, line: int, message: str) -> None:
        super().__init__(message)
        self.problem = Problem(line, str(self))


class ProblemLog:
    """The problems found so far."""

    def __init__(self) -> None:
        # An anchor is read as often as it is used, but its problems are reported once.
        self._problems: dict[Problem, None] = {}

    def error(self, line: int, message: str) -> None:
        self._problems[Problem(line, " ".join(message.splitlines()))] = None

    def warn(self, line: int, message: str) -> None:
        self._problems[Problem(line, " ".join(message.splitlines()), warning=True)] = None

    def has_error_at(self, *lines: int) -> bool:
        """Whether one of these lines has an error already, of which another would only be the consequence."""
        return any(problem.line in lines and not problem.warning for problem in self._problems)

    @property
    def problems(self) -> tuple[Problem, ...]:
        """In the order of their lines."""
        return tuple(sorted(self._problems, key=lambda problem: problem.line))


def truncate(text: str) -> str:
    """Return a text, shortened for a message."""
    return text if len(text) <= MAX_QUOTED_CHARACTERS else text[:MAX_QUOTED_CHARACTERS] + "…"


def quote(text: str) -> str:
    """Return a text in quotes and without control characters, for a message: somebody else wrote it."""
    return repr(truncate(text))
