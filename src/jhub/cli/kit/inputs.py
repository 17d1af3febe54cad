"""Values of arguments: secrets, which never stand on the command line, bodies in files, and `KEY=VALUE`."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import click
import msgspec

from jhub.errors import InvalidInput
from jhub.files import MAX_FILE_BYTES, read_input

STDIN = "-"
LONGEST_LINE = 64 * 1024
"""Characters of a password or a token."""


def secret(option: str, given: str, what: str) -> str:
    """A secret from stdin, or asked for at a terminal: all that `option` takes is "-"."""
    if given != STDIN:
        raise click.UsageError(f"{option} takes only -, to read the {what} from stdin: arguments are visible to others")
    if sys.stdin.isatty():
        answer: str = click.prompt(what[0].upper() + what[1:], hide_input=True, err=True)
    else:
        answer = first_line()
    if not answer.strip():
        raise InvalidInput(f"there is no {what} on stdin")
    return answer.strip()


def first_line() -> str:
    """The next line on stdin."""
    line = sys.stdin.readline(LONGEST_LINE + 1)
    if len(line) > LONGEST_LINE:
        raise InvalidInput(f"the line on stdin is longer than {LONGEST_LINE} characters")
    return line


def all_of_stdin() -> str:
    """The text on stdin."""
    text = sys.stdin.read(MAX_FILE_BYTES + 1)
    if len(text) > MAX_FILE_BYTES:
        raise InvalidInput(f"there are more than {MAX_FILE_BYTES >> 20} MiB on stdin")
    return text


def text_from(place: str) -> str:
    """What stands in a file (@FILE), or on stdin (- or @-)."""
    if place.removeprefix("@") == STDIN:
        return all_of_stdin()
    try:
        return read_input(Path(place[1:])).decode()
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidInput(f"cannot read {place[1:]}: {error}") from None


def secret_object(option: str, given: str) -> dict[str, Any]:
    """A JSON object from a file or stdin, whose content is shown in no error."""
    if given != STDIN and not given.startswith("@"):
        raise click.UsageError(f"{option} takes @FILE, or - for stdin: arguments are visible to others")
    try:
        return msgspec.json.decode(text_from(given), type=dict[str, Any])
    except msgspec.MsgspecError:
        raise InvalidInput(f"what {option} names is not a JSON object") from None


def pairs(given: Iterable[str]) -> dict[str, Any]:
    """The values by key: text after "=", any JSON value after ":="."""
    found: dict[str, Any] = {}
    for each in given:
        key, equals, text = each.partition("=")
        if not equals or not key.rstrip(":"):
            raise InvalidInput(f"{each!r} is not KEY=VALUE", hint="KEY=text, or KEY:=JSON for numbers, lists and such")
        if not key.endswith(":"):
            found[key] = text
            continue
        try:
            found[key[:-1]] = msgspec.json.decode(text)
        except msgspec.MsgspecError as error:
            raise InvalidInput(f"{text!r} is not JSON: {error}", hint="use KEY=VALUE for plain text") from None
    return found
