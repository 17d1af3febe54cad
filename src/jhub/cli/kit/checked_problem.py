"""Problems of files on this machine, as commands print them."""

from __future__ import annotations

import msgspec

from jhub.cli.kit.output import View


class CheckedProblem(msgspec.Struct, frozen=True):
    """A problem in a file, for output."""

    file: str
    line: int | None
    """The line in the file; None if the problem is not in one."""
    severity: str
    """"error" or "warning"."""
    message: str

    @property
    def place(self) -> str:
        """The file, with the line if there is one."""
        return f"{self.file}:{self.line}" if self.line else self.file


PROBLEMS: View[CheckedProblem] = View(
    name=lambda problem: problem.place,
    columns={
        "FILE": lambda problem: problem.file,
        "LINE": lambda problem: problem.line,
        "SEVERITY": lambda problem: problem.severity,
        "MESSAGE": lambda problem: problem.message,
    },
)
