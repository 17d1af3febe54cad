"""Storage of the contexts' tokens: the system's keyring if it works, else a file that only its owner can read.

The context records which of the two holds its token, so no keyring is queried needlessly.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from jhub.config import keyring as system_keyring
from jhub.config.keyring import KeyringUnusable
from jhub.errors import InvalidInput
from jhub.files import read_json, write_json

FILE, KEYRING = "file", "keyring"


class Stored(NamedTuple):
    """The place of a token, and a line for the user about it, or None."""

    place: str
    note: str | None = None


def check_readable(folder: Path) -> None:
    """Raise `InvalidInput` if the file cannot be read, because then it must not be overwritten."""
    _read_tokens(folder)


def store(
    folder: Path, name: str, token: str, environ: Mapping[str, str] = os.environ, *, keyring: bool = True
) -> Stored:
    """Store the token of a context; without `keyring` in the file."""
    note = None
    if keyring and not _keyring_disabled(environ):
        try:
            system_keyring.put(_service(folder), name, token)
        except KeyringUnusable as error:
            if not error.absent:
                note = f"{error}; the token is kept in {_tokens_file(folder)}, which only you can read"
        else:
            return Stored(KEYRING)
    write_json(_tokens_file(folder), {**_read_tokens(folder), name: token})
    return Stored(FILE, note)


def read(folder: Path, name: str, place: str, *, remedy: str) -> str:
    """Return the token of a context. `InvalidInput`, with `remedy` in its hint, if it cannot be read."""
    match place:
        case "file":
            token = _read_tokens(folder).get(name)
        case "keyring":
            try:
                token = system_keyring.get(_service(folder), name)
            except KeyringUnusable as error:
                raise InvalidInput(
                    f"cannot read the token of context {name}: {error}", hint=f"{error.cure}, or {remedy}"
                ) from None
        case _:
            raise InvalidInput(
                f"the token of context {name} is in {place!r}, which this version of jhub does not support",
                hint=f"update jhub, or {remedy}",
            )
    if token is None:
        raise InvalidInput(f"no token for context {name}", hint=remedy)
    return token


def delete(folder: Path, name: str, place: str) -> str | None:
    """Delete the token of a context. Return a line for the user if it may remain, else None."""
    match place:
        case "file":
            tokens = _read_tokens(folder)
            if name in tokens:
                write_json(_tokens_file(folder), {key: value for key, value in tokens.items() if key != name})
        case "keyring":
            try:
                system_keyring.delete(_service(folder), name)
            except KeyringUnusable as error:
                return f"{error}; the token of {name} may still be in it, below {_service(folder)!r}"
        case _:
            return f"the token of {name} stays in {place!r}, which this version of jhub does not support"
    return None


def _keyring_disabled(environ: Mapping[str, str]) -> bool:
    return environ.get("JHUB_KEYRING", "").strip().lower() in ("no", "0", "off", "false")


def _service(folder: Path) -> str:
    """Return the service name of the folder's entries in the keyring."""
    return f"jhub {folder.resolve()}"


def _tokens_file(folder: Path) -> Path:
    return folder / "tokens.json"


def _read_tokens(folder: Path) -> dict[str, str]:
    return read_json(_tokens_file(folder), dict[str, str], private=True) or {}
