"""Input of the commands: secrets and text from stdin or files, and `KEY=VALUE` arguments."""

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
MAX_LINE_CHARACTERS = 64 * 1024
"""Maximum length of a line on stdin, such as a password or a token."""


def read_secret(option: str, value: str, noun: str) -> str:
    """Read a secret from stdin, or prompt for it at a terminal. The only valid `value` of the option is "-"."""
    if value != STDIN:
        raise click.UsageError(f"{option} takes only - (read the {noun} from stdin): other users can see arguments")
    if sys.stdin.isatty():
        answer: str = click.prompt(noun[0].upper() + noun[1:], hide_input=True, err=True)
    else:
        answer = read_line()
    if not answer.strip():
        raise InvalidInput(f"the {noun} is empty")
    return answer.strip()


def read_line() -> str:
    """Return the next line on stdin."""
    line = sys.stdin.readline(MAX_LINE_CHARACTERS + 1)
    if len(line) > MAX_LINE_CHARACTERS:
        raise InvalidInput(f"a line on stdin is longer than {MAX_LINE_CHARACTERS} characters")
    return line


def read_stdin() -> str:
    """Return the text on stdin."""
    text = sys.stdin.read(MAX_FILE_BYTES + 1)
    if len(text) > MAX_FILE_BYTES:
        raise InvalidInput(f"stdin holds more than {MAX_FILE_BYTES >> 20} MiB")
    if not text.isascii() and any("\udc80" <= character <= "\udcff" for character in text):
        raise InvalidInput("stdin is not UTF-8", hint="convert it, for example with: iconv -f LATIN1 -t UTF-8")
    return text


def read_text(source: str) -> str:
    """Return the text of a file (@FILE) or of stdin (- or @-)."""
    if source.removeprefix("@") == STDIN:
        return read_stdin()
    try:
        return read_input(Path(source[1:])).decode()
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidInput(f"cannot read {source[1:]}: {error}") from None


def read_secret_object(option: str, value: str) -> dict[str, Any]:
    """Return a JSON object from a file (@FILE) or stdin (-). Errors do not show its content, which may hold secrets."""
    if value != STDIN and not value.startswith("@"):
        raise click.UsageError(f"{option} takes @FILE, or - for stdin: other users can see arguments")
    try:
        return msgspec.json.decode(read_text(value), type=dict[str, Any])
    except msgspec.MsgspecError:
        raise InvalidInput(f"the input of {option} is not a JSON object") from None


def parse_pairs(arguments: Iterable[str]) -> dict[str, Any]:
    """Return the values of KEY=VALUE arguments by key: text after "=", any JSON value after ":="."""
    values: dict[str, Any] = {}
    for argument in arguments:
        key, equals, text = argument.partition("=")
        if not equals or not key.rstrip(":"):
            raise InvalidInput(
                f"invalid argument {argument!r}", hint="use KEY=VALUE, or KEY:=JSON for numbers, lists and other types"
            )
        if not key.endswith(":"):
            values[key] = text
            continue
        try:
            values[key[:-1]] = msgspec.json.decode(text)
        except msgspec.MsgspecError as error:
            raise InvalidInput(f"invalid JSON {text!r}: {error}", hint="use KEY=VALUE for plain text") from None
    return values
