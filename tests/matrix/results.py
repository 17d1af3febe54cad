"""What a run of the matrix found, row by row, and in what it differs from what is recorded."""

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
    """For each row "yes", "from X.Y", or in what the hub differs; "failed" if one of its tests did."""

    jupyterhub: str
    """The exact version."""
    rows: dict[str, str]
    sign_in: dict[str, dict[str, str]] = {}
    """The same for each method to sign in with each authenticator. "skipped" where there is no browser for it."""

    @property
    def major(self) -> int:
        """Results are compared, and shown, by major version."""
        return int(self.jupyterhub.partition(".")[0])

    @property
    def complete(self) -> bool:
        """Whether they can be recorded."""
        return not {FAILED, SKIPPED} & set(self.lines().values())

    def lines(self) -> dict[str, str]:
        """All of them under one name each."""
        cells = {f"{title}, {method}": said for title, found in self.sign_in.items() for method, said in found.items()}
        return {**self.rows, **cells}


def of_outcomes(outcomes: set[str], passed: str) -> str:
    """The result of tests that have these outcomes, if it is `passed` where all of them pass."""
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
    """The result of a row whose tests all passed on this version."""
    if row.works_on(version):
        return YES
    return f"from {row.since}" if row.before == "no" else row.before


def last_run(version: str) -> Path:
    """Where a run leaves its results for `make record-matrix`."""
    return FOLDER / f"{version}.json"


def read(path: Path) -> Results | None:
    """Results, if there are any."""
    return msgspec.json.decode(path.read_bytes(), type=Results) if path.exists() else None


def write(path: Path, results: Results) -> None:
    """Keep results, for people to read too."""
    path.write_bytes(msgspec.json.format(msgspec.json.encode(results), indent=2) + b"\n")


def recorded() -> dict[int, Results]:
    """The recorded results, by major version."""
    found = [read(path) for path in sorted(RECORDED.glob("*.json"))]
    return {one.major: one for one in found if one is not None}


def record(results: Results) -> None:
    """Make results the recorded ones of their major version."""
    RECORDED.mkdir(exist_ok=True)
    write(RECORDED / f"{results.major}.json", results)


def differences(found: Results, known: Results | None) -> list[str]:
    """What a run found otherwise than recorded, one line for each row. A newer patch release is no difference."""
    if known is None:
        return [f"JupyterHub {found.jupyterhub}: nothing is recorded of JupyterHub {found.major}"]
    new, old = found.lines(), known.lines()
    return [
        f"JupyterHub {found.jupyterhub}: {title}: {new.get(title, 'no test')!r}; "
        f"recorded on {known.jupyterhub}: {old.get(title, 'no test')!r}"
        for title in dict.fromkeys([*new, *old])
        if new.get(title) not in (old.get(title), SKIPPED)
    ]
