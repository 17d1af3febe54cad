"""Notebook files: read, given parameters, and written, without nbformat, whose import takes seconds."""

from __future__ import annotations

import copy
import json
import keyword
import math
from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any, TypeAlias, cast

from jhub.errors import InvalidInput

Notebook: TypeAlias = dict[str, Any]
"""A notebook of format 4, as in its file; sources are strings."""
Cell: TypeAlias = dict[str, Any]
"""A cell of a notebook."""

FORMAT = 4
"""Major version of the format of notebooks that run."""
PARAMETERS_TAG = "parameters"
"""Tag of the cell with the defaults of a notebook's parameters, as papermill has it."""
INJECTED_TAG = "injected-parameters"
"""Tag of the cell that overrides them."""
SPLIT_TYPES = ("application/javascript", "image/svg+xml")
"""MIME types beside those of text whose data is written as a list of lines."""


def parse(content: bytes | str) -> Notebook:
    """Return the notebook in a file's content. `InvalidInput` if it is not one."""
    try:
        notebook = json.loads(content)
    except (ValueError, RecursionError) as error:
        reason = "it is empty" if not content.strip() else f"it is not JSON: {error}"
        raise InvalidInput(f"not a notebook: {reason}") from None
    return check(notebook)


def check(notebook: object) -> Notebook:
    """Return a copy of a notebook of format 4, with sources as strings. `InvalidInput` if it is not a notebook."""
    if not isinstance(notebook, dict) or "nbformat" not in notebook:
        raise InvalidInput("not a notebook: it has no nbformat")
    whole = copy.deepcopy(cast("Notebook", notebook))
    version = whole["nbformat"]
    if not isinstance(version, int) or version > FORMAT:
        raise InvalidInput(f"cannot run a notebook of format {version!r}", hint=f"save it in format {FORMAT}")
    if version < FORMAT:
        whole = _upgraded(whole)
    if not isinstance(whole.setdefault("metadata", {}), dict) or not isinstance(whole.get("cells"), list):
        raise InvalidInput("not a notebook: it has no cells")
    for number, cell in enumerate(whole["cells"], 1):
        _check_cell(cell, number)
    _add_ids(whole)
    return whole


def dump(notebook: Notebook) -> bytes:
    """Return the content of a notebook's file, as Jupyter writes it."""
    whole = copy.deepcopy(notebook)
    for cell in whole["cells"]:
        cell["source"] = cell["source"].splitlines(keepends=True)
        for bundle in _object(cell.get("attachments")).values():
            _split(bundle)
        for output in map(_object, cell.get("outputs", ())):
            if output.get("output_type") == "stream" and isinstance(output.get("text"), str):
                output["text"] = output["text"].splitlines(keepends=True)
            _split(output.get("data"))
    text = json.dumps(whole, ensure_ascii=False, indent=1, sort_keys=True, separators=(",", ": "))
    # A lone surrogate, as a server can send it, becomes \udXXX, which JSON reads back.
    return f"{text}\n".encode(errors="backslashreplace")


def code_cells(notebook: Notebook) -> Iterator[Cell]:
    """Iterate over the cells that run: those with code, without the tag `skip-execution`."""
    for cell in notebook["cells"]:
        if cell["cell_type"] == "code" and cell["source"].strip() and "skip-execution" not in tags(cell):
            yield cell


def tags(cell: Cell) -> list[object]:
    """Return the tags of a cell."""
    found = cell["metadata"].get("tags")
    return cast("list[object]", found) if isinstance(found, list) else []


def kernel_name(notebook: Notebook) -> str:
    """Return the name of the kernel specification that a notebook wants; empty if it names none."""
    return _text_at(notebook, "kernelspec", "name")


def language(notebook: Notebook) -> str:
    """Return the programming language of a notebook in lower case; empty if it names none."""
    return (_text_at(notebook, "kernelspec", "language") or _text_at(notebook, "language_info", "name")).lower()


def with_parameters(notebook: Notebook, values: Mapping[str, object]) -> Notebook:
    """Return the notebook with a cell that sets parameters, after the cell with the tag `parameters`, else first.

    An `injected-parameters` cell of an earlier run is replaced.
    """
    lines = ["# Parameters", *(f"{_variable(name)} = {_literal(value, name)}" for name, value in values.items())]
    new: Cell = {
        "cell_type": "code",
        "execution_count": None,
        "metadata": {"tags": [INJECTED_TAG]},
        "outputs": [],
        "source": "\n".join(lines),
    }
    cells: list[Cell] = list(notebook["cells"])
    at = next((number for number, cell in enumerate(cells) if INJECTED_TAG in tags(cell)), None)
    if at is not None:
        new |= {"id": cells[at]["id"]} if "id" in cells[at] else {}
        cells[at] = new
    else:
        at = next((number for number, cell in enumerate(cells, 1) if PARAMETERS_TAG in tags(cell)), 0)
        cells.insert(at, new)
    whole = {**notebook, "cells": cells}
    _add_ids(whole)
    return whole


def _upgraded(notebook: Notebook) -> Notebook:
    try:
        import nbformat
    except ImportError:
        raise InvalidInput(
            f"the notebook has the old format {notebook['nbformat']}",
            hint="convert it with: jupyter nbconvert --to notebook --inplace FILE; or install nbformat beside jhub",
        ) from None
    try:
        newer: Any = nbformat.convert(nbformat.from_dict(notebook), FORMAT)  # type: ignore[no-untyped-call]
    except Exception as error:  # noqa: BLE001 - the library raises whatever a broken notebook leads to
        raise InvalidInput(f"not a notebook of format {notebook['nbformat']}: {error}") from None
    return cast("Notebook", json.loads(json.dumps(newer)))


def _check_cell(cell: object, number: int) -> None:
    if not isinstance(cell, dict):
        raise InvalidInput(f"not a notebook: cell {number} is not an object")
    fields = cast("Cell", cell)
    source = fields.get("source", "")
    if isinstance(source, list) and all(isinstance(line, str) for line in cast("list[object]", source)):
        source = "".join(cast("list[str]", source))
    if not isinstance(source, str) or not isinstance(fields.get("cell_type"), str):
        raise InvalidInput(f"not a notebook: cell {number} has no source or type")
    fields["source"] = source
    if not isinstance(fields.setdefault("metadata", {}), dict):
        raise InvalidInput(f"not a notebook: the metadata of cell {number} are not an object")
    if fields["cell_type"] == "code":
        fields.setdefault("execution_count", None)
        if not isinstance(fields.setdefault("outputs", []), list):
            raise InvalidInput(f"not a notebook: the outputs of cell {number} are not a list")


def _add_ids(notebook: Notebook) -> None:
    """Give each cell an id, which notebooks have since format 4.5."""
    if not isinstance(minor := notebook.get("nbformat_minor", 0), int) or minor < 5:
        return
    known = {cell.get("id") for cell in notebook["cells"]}
    for number, cell in enumerate(notebook["cells"]):
        if not isinstance(cell.get("id"), str):
            new = next(name for extra in range(len(known) + 1) if (name := f"cell-{number}-{extra}") not in known)
            known.add(new)
            cell["id"] = new


def _object(value: object) -> dict[str, Any]:
    """Return an object of JSON; an empty one for other values."""
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}


def _split(bundle: object) -> None:
    for kind, value in _object(bundle).items():
        if isinstance(value, str) and (kind.startswith("text/") or kind in SPLIT_TYPES):
            cast("dict[str, Any]", bundle)[kind] = value.splitlines(keepends=True)


def _text_at(notebook: Notebook, section: str, key: str) -> str:
    found = notebook["metadata"].get(section)
    value = cast("dict[str, object]", found).get(key) if isinstance(found, dict) else None
    return value if isinstance(value, str) else ""


def _variable(name: object) -> str:
    if not isinstance(name, str) or not name.isidentifier() or keyword.iskeyword(name):
        raise InvalidInput(f"a parameter cannot have the name {name!r}", hint="use the name of a Python variable")
    return name


def _literal(value: object, name: str) -> str:
    """Return a value as Python code."""
    match value:
        case None | bool() | int() | str():
            return repr(value)
        case float():
            return repr(value) if math.isfinite(value) else f"float({str(value)!r})"
        case date():
            return repr(value.isoformat())
        case list() | tuple():
            items = [_literal(each, name) for each in cast("list[object]", value)]
            return f"[{', '.join(items)}]"
        case dict():
            pairs = cast("dict[object, object]", value).items()
            return f"{{{', '.join(f'{_literal(key, name)}: {_literal(each, name)}' for key, each in pairs)}}}"
        case _:
            kind = type(value).__name__
            raise InvalidInput(
                f"the parameter {name} is a {kind}", hint="use numbers, text, true, false, null, lists and mappings"
            )
