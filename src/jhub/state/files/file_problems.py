"""Problems of state files and rosters, with their places."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from jhub.models import Model
from jhub.profiles.problems import ProblemLog
from jhub.state.document import Document


class FileProblem(Model, frozen=True, kw_only=True):
    """A problem in a state file, or in a roster that it names."""

    file: str
    line: int | None = None
    """The line in the file; None if the problem is not in one line."""
    severity: Literal["error", "warning"]
    message: str

    @property
    def place(self) -> str:
        """The file, with the line if there is one."""
        return f"{self.file}:{self.line}" if self.line else self.file

    def __str__(self) -> str:
        """Return the problem on one line."""
        return f"{self.place}: {self.severity}: {self.message}"


class CheckResult(Model, frozen=True, kw_only=True):
    """The result of a check of state files."""

    document: Document | None
    """The document, None if there are errors.

    A group whose roster command did not run has the members in `also` only, and a text in `MembersEntry.unreadable`, so
    that nobody leaves it.
    """
    problems: tuple[FileProblem, ...]
    """All problems, in the order of the files and lines."""

    @property
    def errors(self) -> tuple[FileProblem, ...]:
        """The problems that keep the files from being loaded."""
        return tuple(problem for problem in self.problems if problem.severity == "error")


class FileLogs:
    """The problems of several files."""

    def __init__(self) -> None:
        """Start without problems."""
        self._logs: dict[str, ProblemLog] = {}

    def of(self, file: str) -> ProblemLog:
        """Return the log of one file."""
        return self._logs.setdefault(file, ProblemLog())

    def problems(self) -> Iterable[FileProblem]:
        """Yield all problems, in the order of the files and lines."""
        for file, log in self._logs.items():
            for problem in log.problems:
                severity: Literal["error", "warning"] = "warning" if problem.warning else "error"
                yield FileProblem(file=file, line=problem.line or None, severity=severity, message=problem.message)
