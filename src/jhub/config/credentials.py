"""Where the token of a context is kept: in the system's keyring if it works, else in a file for its owner's eyes only.

Which of the two it was stands in the context, so that nobody has to guess, and nobody asks a keyring in vain.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from jhub.config import keyring as system_keyring
from jhub.config.keyring import Unusable
from jhub.errors import InvalidInput
from jhub.files import read_json, write_json

FILE, KEYRING = "file", "keyring"


class Kept(NamedTuple):
    """Where a token went, and what there is to say about that: a line, or None."""

    place: str
    said: str | None = None


def check(folder: Path) -> None:
    """`InvalidInput` where the file cannot be read, as then it must not be written either."""
    _tokens(folder)


def keep(folder: Path, name: str, token: str, environ: Mapping[str, str] = os.environ, *, keyring: bool = True) -> Kept:
    """Keep the token of a context; without `keyring` in the file."""
    said = None
    if keyring and not _refused(environ):
        try:
            system_keyring.put(_service(folder), name, token)
        except Unusable as trouble:
            if not trouble.absent:
                said = f"{trouble}; the token is kept in {_file(folder)}, which only you can read"
        else:
            return Kept(KEYRING)
    write_json(_file(folder), {**_tokens(folder), name: token})
    return Kept(FILE, said)


def read(folder: Path, name: str, place: str, *, again: str) -> str:
    """The token of a context. `InvalidInput` where it is not to be had; `again`, in its hint, is how to get another."""
    match place:
        case "file":
            token = _tokens(folder).get(name)
        case "keyring":
            try:
                token = system_keyring.get(_service(folder), name)
            except Unusable as trouble:
                raise InvalidInput(
                    f"cannot read the token of context {name}: {trouble}", hint=f"{trouble.cure}, or {again}"
                ) from None
        case _:
            raise InvalidInput(
                f"the token of context {name} is in {place!r}, which this jhub does not know",
                hint=f"update jhub, or {again}",
            )
    if token is None:
        raise InvalidInput(f"no token for context {name}", hint=again)
    return token


def forget(folder: Path, name: str, place: str) -> str | None:
    """Delete the token of a context; a line that says so where it stays."""
    match place:
        case "file":
            tokens = _tokens(folder)
            if name in tokens:
                write_json(_file(folder), {key: value for key, value in tokens.items() if key != name})
        case "keyring":
            try:
                system_keyring.delete(_service(folder), name)
            except Unusable as trouble:
                return f"{trouble}; the token of {name} may still be in it, below {_service(folder)!r}"
        case _:
            return f"the token of {name} stays in {place!r}, which this jhub does not know"
    return None


def _refused(environ: Mapping[str, str]) -> bool:
    return environ.get("JHUB_KEYRING", "").strip().lower() in ("no", "0", "off", "false")


def _service(folder: Path) -> str:
    """What the keyring's entries of one folder have in common."""
    return f"jhub {folder.resolve()}"


def _file(folder: Path) -> Path:
    return folder / "tokens.json"


def _tokens(folder: Path) -> dict[str, str]:
    return read_json(_file(folder), dict[str, str], private=True) or {}
