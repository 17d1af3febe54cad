"""The table of docs/how-to/signing-in.md matches the recorded results."""

from __future__ import annotations

from pathlib import Path

import pytest

from matrix.results import FAILED, SKIPPED, Results, differences, of_cells, recorded
from matrix.sign_in.methods import CELLS, METHODS, RESULTS
from matrix.sign_in.table import MAJORS, in_page, methods_table, put_into_page

DUMMY, SHARED, *_ = RESULTS
EVERYTHING = {cell: {"passed"} for cell in CELLS}


def found(version: str) -> Results:
    """Return results in which all cells are as expected."""
    return Results(version, {}, of_cells(EVERYTHING, tuple(map(int, version.split(".")))))


def test_the_table_in_the_page_is_the_recorded_one() -> None:
    assert in_page() == methods_table(recorded()), "run: make record-matrix"


@pytest.mark.parametrize("major", MAJORS)
def test_every_cell_is_recorded_with_the_expected_result(major: int) -> None:
    results = recorded()[major]
    assert results.sign_in == found(results.jupyterhub).sign_in, f"JupyterHub {results.jupyterhub}: record it again"
    assert results.complete


def test_there_is_something_to_expect_of_every_cell() -> None:
    assert {len(cells) for cells in RESULTS.values()} == {len(METHODS)}


def test_a_cell_names_the_versions_where_the_way_works() -> None:
    text = methods_table({4: found("4.1.6"), 5: found("5.5.4"), 6: found("6.1.1")})
    assert "| dummy | 4, 5, 6 | no | 4, 5, 6 | 4, 5, 6 | 4, 5, 6 | 4, 5, 6 | the form |" in text
    assert f"| {SHARED.title} | 5, 6 | no | 5, 6 |" in text
    assert "tried on 4.1.6, 5.5.4 and 6.1.1" in text


def test_a_cell_shows_its_worst_test() -> None:
    cell = CELLS[0]
    assert of_cells({cell: {"passed", "skipped"}}, (6,)) == {"dummy": {cell.method.title: SKIPPED}}
    assert of_cells({cell: {"passed", "failed", "skipped"}}, (6,)) == {"dummy": {cell.method.title: FAILED}}


def test_a_method_that_differs_is_named_but_not_a_skipped_one() -> None:
    known = found("6.1.1")
    for seen, lines in ((SKIPPED, 0), (FAILED, 1)):
        cells = {**known.sign_in, "dummy": {**known.sign_in["dummy"], "`--browser`": seen}}
        assert len(differences(Results("6.2.0", {}, cells), known)) == lines
    (line,) = differences(Results("6.2.0", {}, cells), known)
    assert line == "JupyterHub 6.2.0: dummy, `--browser`: 'failed'; recorded on 6.1.1: 'yes'"


def test_only_the_table_is_replaced_in_the_page(tmp_path: Path) -> None:
    page = tmp_path / "signing-in.md"
    page.write_text("before\n<!-- sign-in-methods -->\nold\n<!-- /sign-in-methods -->\nafter\n")
    put_into_page("new\n", page)
    assert page.read_text() == "before\n<!-- sign-in-methods -->\nnew\n<!-- /sign-in-methods -->\nafter\n"
