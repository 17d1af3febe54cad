"""Notebook files: what counts as one, parameters, and that they are written as Jupyter writes them."""

from __future__ import annotations

import json
import math
from datetime import date
from typing import Any

import nbformat as untyped_nbformat
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jhub.errors import InvalidInput
from jhub.singleuser.notebook_file import check, code_cells, dump, kernel_name, language, parse, with_parameters

nbformat: Any = untyped_nbformat

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)


def code(source: str | list[str], *tags: str, **fields: Any) -> dict[str, Any]:
    metadata = {"tags": list(tags)} if tags else {}
    return {
        "cell_type": "code",
        "source": source,
        "metadata": metadata,
        "outputs": [],
        "execution_count": None,
        **fields,
    }


def notebook(*cells: dict[str, Any], minor: int = 5, **metadata: Any) -> dict[str, Any]:
    return {"nbformat": 4, "nbformat_minor": minor, "metadata": metadata, "cells": list(cells)}


def sources(whole: dict[str, Any]) -> list[str]:
    return [cell["source"] for cell in whole["cells"]]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "it is empty"),
        (b" \n", "it is empty"),
        (b"print(1)", "not JSON"),
        (b"\xff\xfe", "not JSON"),
        (b"[" * 100_000, "not JSON"),
        (b"[]", "no nbformat"),
        (b"{}", "no nbformat"),
        (b'{"nbformat": 5}', "format 5"),
        (b'{"nbformat": "4"}', "format '4'"),
        (b'{"nbformat": 4}', "no cells"),
        (b'{"nbformat": 4, "cells": {}}', "no cells"),
        (b'{"nbformat": 4, "cells": [1]}', "cell 1 is not an object"),
        (b'{"nbformat": 4, "cells": [{"cell_type": "code", "source": 1}]}', "cell 1 has no source"),
        (b'{"nbformat": 4, "cells": [{"source": "x"}]}', "cell 1 has no source or type"),
        (b'{"nbformat": 4, "cells": [{"cell_type": "code", "source": "", "metadata": 1}]}', "metadata of cell 1"),
        (b'{"nbformat": 4, "cells": [{"cell_type": "code", "source": "", "outputs": 1}]}', "outputs of cell 1"),
    ],
)
def test_what_is_not_a_notebook(content: bytes, words: str) -> None:
    with pytest.raises(InvalidInput, match=words):
        parse(content)


def test_sources_are_text_and_cells_get_ids() -> None:
    whole = parse(json.dumps(notebook(code(["x = 1\n", "x"]), code("", id="cell-0-0"), minor=5)))
    assert sources(whole) == ["x = 1\nx", ""]
    assert len({cell["id"] for cell in whole["cells"]}) == 2
    older = parse(json.dumps(notebook(code("1"), minor=4)))
    assert "id" not in older["cells"][0]


def test_the_argument_stays_as_it_is() -> None:
    given_one = notebook(code(["1"]))
    before = json.dumps(given_one)
    with_parameters(check(given_one), {"x": 1})
    assert json.dumps(given_one) == before


def test_older_formats_are_converted() -> None:
    old = {
        "nbformat": 3,
        "nbformat_minor": 0,
        "metadata": {"name": ""},
        "worksheets": [{"cells": [{"cell_type": "code", "input": ["1 + 1"], "language": "python", "outputs": []}]}],
    }
    assert sources(parse(json.dumps(old))) == ["1 + 1"]
    with pytest.raises(InvalidInput, match="not a notebook of format 3"):
        parse(b'{"nbformat": 3, "worksheets": 7}')


def test_which_cells_run() -> None:
    markdown = {"cell_type": "markdown", "source": "# x", "metadata": {}}
    whole = check(notebook(markdown, code("1"), code("  \n"), code("2", "skip-execution"), code("3", "other")))
    assert [cell["source"] for cell in code_cells(whole)] == ["1", "3"]


def test_kernel_and_language() -> None:
    whole = check(notebook(kernelspec={"name": "ir", "language": "R"}))
    assert (kernel_name(whole), language(whole)) == ("ir", "r")
    assert language(check(notebook(language_info={"name": "Python"}))) == "python"
    assert (kernel_name(check(notebook(kernelspec=1))), language(check(notebook(language_info={"name": 2})))) == (
        "",
        "",
    )


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        ([code("a"), code("b")], ["P", "a", "b"]),
        ([code("a"), code("x = 0", "parameters"), code("b")], ["a", "x = 0", "P", "b"]),
        ([code("x = 0", "parameters"), code("x = 9", "injected-parameters"), code("b")], ["x = 0", "P", "b"]),
        ([code("a"), code("x = 9", "injected-parameters")], ["a", "P"]),
        ([], ["P"]),
    ],
)
def test_the_place_of_the_parameters(cells: list[dict[str, Any]], expected: list[str]) -> None:
    whole = with_parameters(check(notebook(*cells)), {"x": 1})
    assert [text.replace("# Parameters\nx = 1", "P") for text in sources(whole)] == expected
    nbformat.validate(nbformat.from_dict(whole))


@given(st.dictionaries(st.sampled_from(["x", "längen", "_y"]), VALUES, min_size=1))
def test_any_value_arrives(values: dict[str, Any]) -> None:
    whole = with_parameters(check(notebook()), values)
    names: dict[str, Any] = {}
    exec(sources(whole)[0], names)
    assert repr({name: names[name] for name in values}) == repr(values)


def test_odd_parameters() -> None:
    text = sources(with_parameters(check(notebook()), {"day": date(2026, 11, 30), "low": -math.inf, "pair": (1, 2)}))[0]
    assert text == "# Parameters\nday = '2026-11-30'\nlow = float('-inf')\npair = [1, 2]"
    for name in ("a b", "1x", "class", "x; import os", "", 5):
        with pytest.raises(InvalidInput, match="cannot have the name"):
            with_parameters(check(notebook()), {name: 1})  # type: ignore[dict-item]
    with pytest.raises(InvalidInput, match="the parameter x is a set"):
        with_parameters(check(notebook()), {"x": {1}})


@given(TEXT, TEXT, st.sampled_from(["text/plain", "text/html", "image/svg+xml", "image/png", "application/json"]))
def test_the_file_is_the_one_that_nbformat_writes(source: str, text: str, kind: str) -> None:
    outputs = [
        {"output_type": "stream", "name": "stdout", "text": text},
        {"output_type": "display_data", "data": {kind: text}, "metadata": {}},
        {"output_type": "error", "ename": "E", "evalue": text, "traceback": [text, "ä"]},
    ]
    whole = notebook(
        code(source, outputs=outputs, id="a"),
        {"cell_type": "markdown", "source": text, "metadata": {}, "id": "b", "attachments": {"f": {kind: text}}},
        kernelspec={"name": "python3", "display_name": "Python 3"},
    )
    written = dump(check(whole))
    assert written.decode() == nbformat.writes(nbformat.from_dict(whole)) + "\n"
    assert parse(written) == check(whole) or "outputs" in written.decode()
