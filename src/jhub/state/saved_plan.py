"""Saved plans: the JSON of `Plan.to_dict`, read back."""

from __future__ import annotations

import os
from pathlib import Path

import msgspec

from jhub.errors import InvalidInput
from jhub.files import read_input
from jhub.state.changes import PLAN_VERSION, Plan


class _Head(msgspec.Struct):
    """The fields by which a saved plan is recognised."""

    version: int
    changes: list[msgspec.Raw]


def is_saved_plan(path: str | os.PathLike[str]) -> bool:
    """Return whether a file is a saved plan, of any version. A file that cannot be read is none."""
    try:
        msgspec.json.decode(read_input(Path(path)), type=_Head)
    except (OSError, InvalidInput, msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return False
    return True


def load_plan(path: str | os.PathLike[str]) -> Plan:
    """Return the plan in a file, which has the JSON of `Plan.to_dict`.

    Raises
    ------
    InvalidInput
        The file cannot be read, is not a saved plan, or was saved by a version of jhub with another format.
    """
    try:
        content = read_input(Path(path))
        head = msgspec.json.decode(content, type=_Head)
        if head.version != PLAN_VERSION:
            raise InvalidInput(
                f"{path} is a plan of format {head.version}, and this version of jhub reads format {PLAN_VERSION}",
                hint="make a new plan",
            )
        return msgspec.json.decode(content, type=Plan)
    except OSError as error:
        raise InvalidInput(f"cannot read {path}: {error.strerror or error}") from None
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise InvalidInput(f"{path} is not a saved plan: {error}", hint="make one with: jhub plan --out FILE") from None
