"""What a run of the matrix found, row by row, and in what it differs from what is recorded."""

from __future__ import annotations

from pathlib import Path

import msgspec

from matrix.environments import FOLDER
from matrix.rows import Row

RECORDED = Path(__file__).with_name("recorded")
YES = "yes"
FAILED = "failed"


class Results(msgspec.Struct, frozen=True):
    """For each row "yes", "from X.Y", or in what the hub differs; "failed" if one of its tests did."""

    jupyterhub: str
    """The exact version."""
    rows: dict[str, str]

    @property
    def major(self) -> int:
        """Results are compared, and shown, by major version."""
        return int(self.jupyterhub.partition(".")[0])


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
    return [
        f"JupyterHub {found.jupyterhub}: {title}: {found.rows.get(title, 'no test')!r}; "
        f"recorded on {known.jupyterhub}: {known.rows.get(title, 'no test')!r}"
        for title in dict.fromkeys([*found.rows, *known.rows])
        if found.rows.get(title) != known.rows.get(title)
    ]
