"""Plans that are saved as JSON."""

from __future__ import annotations

from os import PathLike
from pathlib import Path

from msgspec import MsgspecError, Raw, Struct, json

from jhub.errors import InvalidInput
from jhub.state.changes import PLAN_VERSION, GroupChange, Plan
from jhub.state.plan_text import users_of

HINT = "jhub plan --out FILE saves one"
"""Advice for a file that is not a saved plan."""
MAX_BYTES = 100_000_000
"""Maximum size of a saved plan, in bytes."""


class _Head(Struct):
    version: int
    changes: list[Raw]


def load_plan(path: str | PathLike[str]) -> Plan:
    """Return a plan that was saved as JSON, as `plan.to_dict()` has it.

    Raises
    ------
    InvalidInput
        The file cannot be read, or is not a plan of this version of jhub.
    """
    label = str(path)
    try:
        with Path(path).open("rb") as file:
            content = file.read(MAX_BYTES + 1)
        version = json.decode(content, type=_Head).version
        if version != PLAN_VERSION:
            raise InvalidInput(f"{label}: a plan of version {version}", hint="make it again with this version of jhub")
        plan = json.decode(content, type=Plan)
    except OSError as error:
        raise InvalidInput(f"{label}: cannot read the plan: {error.strerror}") from None
    except (MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise InvalidInput(f"{label}: not a saved plan: {error}", hint=HINT) from None
    if fault := _fault(plan):
        raise InvalidInput(f"{label}: not a saved plan: {fault}", hint=HINT)
    return plan


def _fault(plan: Plan) -> str:
    """Return what no plan of a hub has, so that somebody has edited it; empty for a plan."""
    if not plan.hub:
        return "it is for no hub"
    for change in plan.changes:
        if isinstance(change, GroupChange) and change.group not in plan.groups:
            return f"`groups` does not have the group {change.group!r}, which changes"
        if len(set(users := users_of(change))) < len(users):
            return f"a change of the group {getattr(change, 'group', '')!r} has a user twice"
    return ""


def is_saved_plan(path: str | PathLike[str]) -> bool:
    """Return whether a file is a saved plan, of any version. False for a file that cannot be read."""
    try:
        with Path(path).open("rb") as file:
            json.decode(file.read(MAX_BYTES + 1), type=_Head)
    except (OSError, MsgspecError, UnicodeDecodeError, RecursionError):
        return False
    return True
