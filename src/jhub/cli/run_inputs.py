"""Inputs of `jhub run`: what to run, and the parameters of a notebook."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple, cast

import msgspec

from jhub.cli.kit.inputs import STDIN
from jhub.errors import InvalidInput
from jhub.files import MAX_FILE_BYTES, read_input

CONSTANTS = {
    "": None,
    "~": None,
    **dict.fromkeys(("null", "Null", "NULL", "None")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
"""Scalars of YAML 1.2 that are neither text nor numbers, and Python's None."""
INTEGER = re.compile(r"[-+]?(0|[1-9][0-9]*)")
"""An integer. One with a leading zero is text: 007 may be the number of a room."""
FLOAT = re.compile(r"[-+]?(\.[0-9]+|(0|[1-9][0-9]*)(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
MAX_DIGITS = 4_000
"""Maximum length of an integer; Python reads no more than 4,300 digits."""
NOT_FINITE = {".inf": "inf", "+.inf": "inf", "-.inf": "-inf", ".nan": "nan"}


class Program(NamedTuple):
    """A notebook or a Python script."""

    name: str
    """The name of its file."""
    content: bytes
    is_notebook: bool


def read_program(file: str) -> Program:
    """Return the program in a file, or on stdin for "-"."""
    if file == STDIN:
        content = sys.stdin.buffer.read(MAX_FILE_BYTES + 1)
        if len(content) > MAX_FILE_BYTES:
            raise InvalidInput(f"stdin holds more than {MAX_FILE_BYTES >> 20} MiB")
        return Program("stdin", content, _is_notebook(content))
    path = Path(file)
    if path.suffix not in (".ipynb", ".py"):
        raise InvalidInput(f"{file} is neither a notebook (.ipynb) nor a Python script (.py)")
    return Program(path.name, _read(path), path.suffix == ".ipynb")


def _is_notebook(content: bytes) -> bool:
    """Return whether a content is that of a notebook: an object with the key `nbformat`, in JSON."""
    try:
        found: object = msgspec.json.decode(content)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return False
    return isinstance(found, dict) and "nbformat" in found


def read_parameters(files: Iterable[str], pairs: Iterable[tuple[str, str]]) -> dict[str, Any] | None:
    """Return the parameters in YAML files, and those of the command line, which override them; None without any."""
    values: dict[str, Any] = {}
    for file in files:
        values |= _read_mapping(file)
    values |= {name: scalar(text) for name, text in pairs}
    return values or None


def _read_mapping(file: str) -> dict[str, Any]:
    import yaml

    try:
        found: object = yaml.safe_load(_read(Path(file)))
    except (yaml.YAMLError, UnicodeError, ValueError, RecursionError) as error:
        raise InvalidInput(f"{file} is not YAML: {error}") from None
    if not isinstance(found, dict) or not all(isinstance(name, str) for name in cast("dict[object, object]", found)):
        raise InvalidInput(f"{file} has no mapping of names to values")
    return cast("dict[str, Any]", found)


def scalar(text: str) -> object:
    """Return the value of a YAML 1.2 scalar: a number, a boolean, null or text. Quotes make text of anything."""
    if text in CONSTANTS:
        return CONSTANTS[text]
    if INTEGER.fullmatch(text):
        if len(text) > MAX_DIGITS:
            raise InvalidInput(f"the number {text[:20]}… has more than {MAX_DIGITS} digits", hint="quote it: '\"1\"'")
        return int(text)
    if FLOAT.fullmatch(text) or text.lower() in NOT_FINITE:
        return float(NOT_FINITE.get(text.lower(), text))
    if len(text) > 1 and text[0] == text[-1] == "'":
        return text[1:-1].replace("''", "'")
    if len(text) > 1 and text[0] == text[-1] == '"':
        try:
            return msgspec.json.decode(text, type=str)
        except msgspec.MsgspecError:
            return text
    return text


def _read(path: Path) -> bytes:
    try:
        return read_input(path)
    except OSError as error:
        raise InvalidInput(f"cannot read {path}: {error.strerror or error}") from None
