"""The table of docs/signing-in.md matches the recorded results."""

from __future__ import annotations

from pathlib import Path

import pytest

from matrix.results import FAILED, SKIPPED, Results, differences, of_cells, recorded
from matrix.sign_in.methods import CELLS, FOUND, WAYS
from matrix.sign_in.table import MAJORS, in_page, put_into_page, ways_in

DUMMY, SHARED, *_ = FOUND
EVERYTHING = {cell: {"passed"} for cell in CELLS}


def found(version: str) -> Results:
    """Return results in which all cells are as expected."""
    return Results(version, {}, of_cells(EVERYTHING, tuple(map(int, version.split(".")))))


def test_the_table_in_the_page_matches_the_record() -> None:
    assert in_page() == ways_in(recorded()), "run: make record-matrix"


@pytest.mark.parametrize("major", MAJORS)
def test_every_cell_is_recorded_with_the_expected_result(major: int) -> None:
    results = recorded()[major]
    assert results.ways == found(results.jupyterhub).ways, f"JupyterHub {results.jupyterhub}: record it again"
    assert results.complete


def test_every_cell_has_an_expected_result() -> None:
    assert {len(cells) for cells in FOUND.values()} == {len(WAYS)}


def test_a_cell_names_the_versions_where_the_method_works() -> None:
    text = ways_in({4: found("4.1.6"), 5: found("5.5.4"), 6: found("6.1.1")})
    assert "| dummy | 4, 5, 6 | no | 4, 5, 6 | 4, 5, 6 | 4, 5, 6 | 4, 5, 6 | the form |" in text
    assert f"| {SHARED.title} | 5, 6 | no | 5, 6 |" in text
    assert "tried on 4.1.6, 5.5.4 and 6.1.1" in text


def test_a_cell_shows_its_worst_test() -> None:
    cell = CELLS[0]
    assert of_cells({cell: {"passed", "skipped"}}, (6,)) == {"dummy": {cell.way.title: SKIPPED}}
    assert of_cells({cell: {"passed", "failed", "skipped"}}, (6,)) == {"dummy": {cell.way.title: FAILED}}


def test_a_method_that_differs_is_named_but_not_a_skipped_one() -> None:
    known = found("6.1.1")
    for seen, lines in ((SKIPPED, 0), (FAILED, 1)):
        ways = {**known.ways, "dummy": {**known.ways["dummy"], "`--browser`": seen}}
        assert len(differences(Results("6.2.0", {}, ways), known)) == lines
    (line,) = differences(Results("6.2.0", {}, ways), known)
    assert line == "JupyterHub 6.2.0: dummy, `--browser`: 'failed'; recorded on 6.1.1: 'yes'"


def test_only_the_table_is_replaced_in_the_page(tmp_path: Path) -> None:
    page = tmp_path / "signing-in.md"
    page.write_text("before\n<!-- ways-in -->\nold\n<!-- /ways-in -->\nafter\n")
    put_into_page("new\n", page)
    assert page.read_text() == "before\n<!-- ways-in -->\nnew\n<!-- /ways-in -->\nafter\n"
