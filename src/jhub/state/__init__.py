"""Rosters: spreadsheets of people, and the names on the hub that their rows stand for.

    roster = read_roster("roster.xlsx", RosterColumns(column="Email", name="before-@"))
    hub.groups.set_users("geo", roster.names)

`read_roster` reads files and sends nothing. A name's module is imported when the name is used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jhub.state.rosters import Roster as Roster
    from jhub.state.rosters import RosterColumns as RosterColumns
    from jhub.state.rosters import RosterMember as RosterMember
    from jhub.state.rosters import RosterProblem as RosterProblem
    from jhub.state.rosters import parse_roster as parse_roster
    from jhub.state.rosters import read_roster as read_roster

_HOMES = {
    "Roster": "jhub.state.rosters",
    "RosterColumns": "jhub.state.rosters",
    "RosterMember": "jhub.state.rosters",
    "RosterProblem": "jhub.state.rosters",
    "parse_roster": "jhub.state.rosters",
    "read_roster": "jhub.state.rosters",
}

__all__ = list(_HOMES)  # pyright: ignore[reportUnsupportedDunderAll]  # it reads the imports above


def __getattr__(name: str) -> Any:
    """Import the module of a public name, and return the name's value."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    """Return the names of this module, those not imported yet included."""
    return sorted({*globals(), *_HOMES})
