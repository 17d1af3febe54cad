"""The README's table matches the recorded results, and results are compared by their meaning."""

from __future__ import annotations

from pathlib import Path

import pytest

from matrix.environments import SUPPORTED, requirements
from matrix.results import FAILED, Results, differences, recorded, result
from matrix.rows import ROWS, Row
from matrix.table import FIXED, MAJORS, in_readme, put_into_readme, table

TITLES = [row.title for row in ROWS]


def found(version: str, **changes: str) -> Results:
    """Return results in which everything works except these rows."""
    return Results(version, {**dict.fromkeys(TITLES, "yes"), **changes})


def test_the_table_in_the_readme_matches_the_record() -> None:
    assert in_readme() == table(recorded()), "run: make record-matrix"


def test_every_row_is_recorded_for_every_major_version() -> None:
    assert tuple(sorted(recorded())) == MAJORS
    for results in recorded().values():
        assert list(results.rows) == TITLES, f"JupyterHub {results.jupyterhub}: record it again"
        assert FAILED not in results.rows.values()


def test_the_recorded_results_match_the_rows() -> None:
    for results in recorded().values():
        version = tuple(map(int, results.jupyterhub.split(".")))
        assert results.rows == {row.title: result(row, version) for row in ROWS}


def test_titles_are_unique() -> None:
    titles = [*TITLES, *FIXED]
    assert len(titles) == len(set(titles))


def test_a_row_works_since_its_version() -> None:
    row = Row("x", since="5.1")
    assert [row.works_on(version) for version in ((4, 1, 6), (5, 0, 9), (5, 1, 0), (6,))] == [False, False, True, True]
    assert Row("x").works_on((2, 3, 1))


def test_a_result_has_its_first_version_or_the_hubs_differences() -> None:
    assert result(Row("x"), (2, 3, 1)) == "yes"
    assert result(Row("x", since="5.0"), (5, 0, 0)) == "yes"
    assert result(Row("x", since="5.0"), (4, 1, 6)) == "from 5.0"
    assert result(Row("x", since="5.1", before="no: it refuses"), (4, 1, 6)) == "no: it refuses"


def test_a_column_notes_the_first_minor_version_of_a_feature() -> None:
    assert "| stop a server that is still starting | not tried | not tried | not tried | from 5.1 | yes |" in table(
        {5: found("5.5.4"), 6: found("6.1.1")}
    )
    assert "| shares and share codes | not tried | not tried | no |" in table(
        {4: found("4.1.6", **{"shares and share codes": "from 5.0"}), 6: found("6.1.1")}
    )


def test_a_newer_release_is_not_a_difference() -> None:
    assert differences(found("6.9.0"), found("6.1.1")) == []


def test_a_difference_names_the_row_and_both_versions() -> None:
    (line,) = differences(found("6.9.0", **{TITLES[1]: FAILED}), found("6.1.1"))
    assert line == f"JupyterHub 6.9.0: {TITLES[1]}: 'failed'; recorded on 6.1.1: 'yes'"
    (line,) = differences(found("6.9.0", **{"a new one": "yes"}), found("6.1.1"))
    assert line == "JupyterHub 6.9.0: a new one: 'yes'; recorded on 6.1.1: 'no test'"
    assert differences(found("7.0.0"), None) == ["JupyterHub 7.0.0: no results are recorded for JupyterHub 7"]


def test_only_the_table_is_replaced_in_the_readme(tmp_path: Path) -> None:
    readme = tmp_path / "README.md"
    readme.write_text("before\n<!-- matrix -->\nold\n<!-- /matrix -->\nafter\n")
    put_into_readme("new\n", readme)
    assert readme.read_text() == "before\n<!-- matrix -->\nnew\n<!-- /matrix -->\nafter\n"
    readme.write_text("no table")
    with pytest.raises(SystemExit, match="has no <!-- matrix -->"):
        in_readme(readme)


@pytest.mark.parametrize(
    ("version", "hub"),
    [("4.1.6", "jupyterhub==4.1.6"), ("6", "jupyterhub>=6,<7"), ("2.3.1", "jupyterhub==2.3.1")],
)
def test_a_major_version_selects_its_newest_release(version: str, hub: str) -> None:
    assert requirements(version)[0] == hub
    assert ("SQLAlchemy<2" in requirements(version)) == (version == "2.3.1")


def test_the_tested_versions_are_the_supported_ones() -> None:
    assert [version[0] for version in SUPPORTED] == ["4", "5", "6"]
