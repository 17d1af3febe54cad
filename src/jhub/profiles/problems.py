"""Log of the problems in a file: all of them, not only the first."""

from __future__ import annotations

from jhub.errors import HubError
from jhub.profiles.model import Problem

MAX_QUOTED_CHARACTERS = 60
"""Maximum number of characters of a quoted text in a message."""


class UnreadableFile(HubError):
    """Error for a file that cannot be read any further, with the `problem`."""

    def __init__(self, line: int, message: str) -> None:
        """Store the problem at a line."""
        super().__init__(message)
        self.problem = Problem(line, str(self))


class ProblemLog:
    """The problems found so far."""

    def __init__(self) -> None:
        """Start without problems."""
        # An anchor is read as often as it is used, but its problems are reported once.
        self._problems: dict[Problem, None] = {}

    def error(self, line: int, message: str) -> None:
        """Add an error."""
        self._problems[Problem(line, " ".join(message.splitlines()))] = None

    def warn(self, line: int, message: str) -> None:
        """Add a warning."""
        self._problems[Problem(line, " ".join(message.splitlines()), warning=True)] = None

    def has_error_at(self, *lines: int) -> bool:
        """Return whether one of these lines already has an error: another one would only be its consequence."""
        return any(problem.line in lines and not problem.warning for problem in self._problems)

    @property
    def problems(self) -> tuple[Problem, ...]:
        """All problems, in the order of their lines."""
        return tuple(sorted(self._problems, key=lambda problem: problem.line))


def truncate(text: str) -> str:
    """Return a text, shortened for a message."""
    return text if len(text) <= MAX_QUOTED_CHARACTERS else text[:MAX_QUOTED_CHARACTERS] + "…"


def quote(text: str) -> str:
    """Return a text in quotes and without control characters, for a message: it comes from another person."""
    return repr(truncate(text))
