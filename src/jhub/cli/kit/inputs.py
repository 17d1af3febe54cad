"""Values of arguments: secrets, which never stand on the command line, bodies in files, and `KEY=VALUE`."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import click
import msgspec

from jhub.errors import InvalidInput
from jhub.files import MOST_BYTES, read_input

STDIN = "-"
MAX_LINE_CHARACTERS = 64 * 1024
"""Characters of a password or a token."""


def read_secret(option: str, value: str, noun: str) -> str:
    """A secret from stdin, or asked for at a terminal: all that `option` takes is "-"."""
    if value != STDIN:
        raise click.UsageError(f"{option} takes only -, to read the {noun} from stdin: arguments are visible to others")
    if sys.stdin.isatty():
        answer: str = click.prompt(noun[0].upper() + noun[1:], hide_input=True, err=True)
    else:
        answer = read_line()
    if not answer.strip():
        raise InvalidInput(f"there is no {noun} on stdin")
    return answer.strip()


def read_line() -> str:
    """The next line on stdin."""
    line = sys.stdin.readline(MAX_LINE_CHARACTERS + 1)
    if len(line) > MAX_LINE_CHARACTERS:
        raise InvalidInput(f"the line on stdin is longer than {MAX_LINE_CHARACTERS} characters")
    return line


def read_stdin() -> str:
    """The text on stdin."""
    text = sys.stdin.read(MOST_BYTES + 1)
    if len(text) > MOST_BYTES:
        raise InvalidInput(f"there are more than {MOST_BYTES >> 20} MiB on stdin")
    return text


def read_text(source: str) -> str:
    """What stands in a file (@FILE), or on stdin (- or @-)."""
    if source.removeprefix("@") == STDIN:
        return read_stdin()
    try:
        return read_input(Path(source[1:])).decode()
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidInput(f"cannot read {source[1:]}: {error}") from None


def read_secret_object(option: str, value: str) -> dict[str, Any]:
    """A JSON object from a file or stdin, whose content is shown in no error."""
    if value != STDIN and not value.startswith("@"):
        raise click.UsageError(f"{option} takes @FILE, or - for stdin: arguments are visible to others")
    try:
        return msgspec.json.decode(read_text(value), type=dict[str, Any])
    except msgspec.MsgspecError:
        raise InvalidInput(f"what {option} names is not a JSON object") from None


def parse_pairs(arguments: Iterable[str]) -> dict[str, Any]:
    """The values by key: text after "=", any JSON value after ":="."""
    values: dict[str, Any] = {}
    for argument in arguments:
        key, equals, text = argument.partition("=")
        if not equals or not key.rstrip(":"):
            raise InvalidInput(
                f"{argument!r} is not KEY=VALUE", hint="KEY=text, or KEY:=JSON for numbers, lists and such"
            )
        if not key.endswith(":"):
            values[key] = text
            continue
        try:
            values[key[:-1]] = msgspec.json.decode(text)
        except msgspec.MsgspecError as error:
            raise InvalidInput(f"{text!r} is not JSON: {error}", hint="use KEY=VALUE for plain text") from None
    return values
