"""Results of a run of the matrix, row by row, and their differences from the recorded ones."""

from __future__ import annotations

from pathlib import Path

import msgspec

from matrix.environments import FOLDER
from matrix.rows import Row
from matrix.sign_in.methods import Cell

RECORDED = Path(__file__).with_name("recorded")
YES = "yes"
FAILED = "failed"
SKIPPED = "skipped"


class Results(msgspec.Struct, frozen=True, omit_defaults=True):
    """The results of a version: for each row "yes", "from X.Y", or how the hub differs; "failed" if a test failed."""

    jupyterhub: str
    """The exact version of JupyterHub."""
    rows: dict[str, str]
    sign_in: dict[str, dict[str, str]] = {}
    """The same for each method to sign in with each authenticator. "skipped" where there is no browser for it."""

    @property
    def major(self) -> int:
        """The major version, by which results are compared and shown."""
        return int(self.jupyterhub.partition(".")[0])

    @property
    def complete(self) -> bool:
        """True if the results can be recorded."""
        return not {FAILED, SKIPPED} & set(self.lines().values())

    def lines(self) -> dict[str, str]:
        """The results of all rows and cells, by name."""
        cells = {f"{title}, {method}": said for title, found in self.sign_in.items() for method, said in found.items()}
        return {**self.rows, **cells}


def of_outcomes(outcomes: set[str], passed: str) -> str:
    """Return the result of tests with these outcomes; `passed` if all of them passed."""
    if outcomes == {"passed"}:
        return passed
    return SKIPPED if outcomes == {"passed", "skipped"} else FAILED


def of_cells(outcomes: dict[Cell, set[str]], version: tuple[int, ...]) -> dict[str, dict[str, str]]:
    """The results of the cells."""
    cells: dict[str, dict[str, str]] = {}
    for cell, seen in outcomes.items():
        found = cells.setdefault(cell.authenticator.title, {})
        found[cell.method.title] = of_outcomes(seen, cell.result(version))
    return cells


def result(row: Row, version: tuple[int, ...]) -> str:
    """Return the result of a row whose tests all passed on this version."""
    if row.works_on(version):
        return YES
    return f"from {row.since}" if row.before == "no" else row.before


def last_run(version: str) -> Path:
    """Return the path of the results of the last run, for `make record-matrix`."""
    return FOLDER / f"{version}.json"


def read(path: Path) -> Results | None:
    """Read results; None if the file does not exist."""
    return msgspec.json.decode(path.read_bytes(), type=Results) if path.exists() else None


def write(path: Path, results: Results) -> None:
    """Write results, indented for readers."""
    path.write_bytes(msgspec.json.format(msgspec.json.encode(results), indent=2) + b"\n")


def recorded() -> dict[int, Results]:
    """Return the recorded results, by major version."""
    found = [read(path) for path in sorted(RECORDED.glob("*.json"))]
    return {one.major: one for one in found if one is not None}


def record(results: Results) -> None:
    """Record results for their major version."""
    RECORDED.mkdir(exist_ok=True)
    write(RECORDED / f"{results.major}.json", results)


def differences(found: Results, known: Results | None) -> list[str]:
    """Return a line for each row with another result than recorded; a newer patch release does not count."""
    if known is None:
        return [f"JupyterHub {found.jupyterhub}: no results are recorded for JupyterHub {found.major}"]
    new, old = found.lines(), known.lines()
    return [
        f"JupyterHub {found.jupyterhub}: {title}: {new.get(title, 'no test')!r}; "
        f"recorded on {known.jupyterhub}: {old.get(title, 'no test')!r}"
        for title in dict.fromkeys([*new, *old])
        if new.get(title) not in (old.get(title), SKIPPED)
    ]
