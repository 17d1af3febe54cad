"""Programs and parameters of `jhub run`."""

from __future__ import annotations

import io
import math
import sys
from pathlib import Path

import pytest

from jhub.cli.run_inputs import read_parameters, read_program, scalar
from jhub.errors import InvalidInput


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("3", 3),
        ("-3", -3),
        ("0", 0),
        ("1_000", "1_000"),
        ("007", "007"),
        ("0.5", 0.5),
        (".5", 0.5),
        ("1.", 1.0),
        ("1e3", 1000.0),
        ("-.inf", -math.inf),
        ("1.2.3", "1.2.3"),
        ("true", True),
        ("False", False),
        ("yes", "yes"),
        ("none", "none"),
        ("None", None),
        ("null", None),
        ("", None),
        ("2026-01-01", "2026-01-01"),
        ("'3'", "3"),
        ("'it''s'", "it's"),
        ('"3"', "3"),
        ('""', ""),
        ('"a\\n"', "a\n"),
        ('"', '"'),
        ("a: b", "a: b"),
        ("[1]", "[1]"),
    ],
)
def test_scalars(text: str, value: object) -> None:
    found = scalar(text)
    assert (found, type(found)) == (value, type(value))


def test_a_number_with_too_many_digits() -> None:
    assert scalar("-" + "9" * 3000) == -(10**3000 - 1)
    with pytest.raises(InvalidInput, match="more than 4000 digits"):
        scalar("9" * 5000)


def test_parameters_of_the_command_line_override_those_of_files(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("a: 1\nb: [x]\n")
    (tmp_path / "b.yaml").write_text("a: 2\nc: {d: e}\n")
    files = [str(tmp_path / "a.yaml"), str(tmp_path / "b.yaml")]
    assert read_parameters(files, [("b", "3")]) == {"a": 2, "b": 3, "c": {"d": "e"}}
    assert read_parameters([], []) is None


@pytest.mark.parametrize("text", ["- a", "1: 2", "a: [", "a: \x00", ""])
def test_files_without_a_mapping_are_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "a.yaml").write_text(text)
    with pytest.raises(InvalidInput, match=r"YAML|mapping"):
        read_parameters([str(tmp_path / "a.yaml")], [])


@pytest.mark.parametrize(
    ("content", "is_notebook"),
    [
        (b'{"nbformat": 4}', True),
        (b'{"nbformat": 4, "cells": []}\n', True),
        (b"print(1)", False),
        (b'{"a": 1}', False),
        (b"\xff", False),
        (b"", False),
        (b"[" * 100_000, False),
    ],
)
def test_stdin_is_a_notebook_if_it_reads_like_one(
    content: bytes, is_notebook: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content)))
    assert read_program("-") == ("stdin", content, is_notebook)


def test_a_file_is_a_notebook_by_its_name(tmp_path: Path) -> None:
    (tmp_path / "a.ipynb").write_text("{}")
    (tmp_path / "a.py").write_text("1")
    assert read_program(str(tmp_path / "a.ipynb")).is_notebook
    assert not read_program(str(tmp_path / "a.py")).is_notebook
    for name in ("a.txt", "a", "none.py"):
        with pytest.raises(InvalidInput):
            read_program(str(tmp_path / name))
