"""State files: users, groups, members and servers of a hub in a file; their plan, and its application.

    document = jhub.state.load("jhub.yaml")

A name's module is imported when the name is used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jhub.state.document import Document as Document
    from jhub.state.document import GroupEntry as GroupEntry
    from jhub.state.document import LeaveLimit as LeaveLimit
    from jhub.state.document import Members as Members
    from jhub.state.document import RoleEntry as RoleEntry
    from jhub.state.document import ServerEntry as ServerEntry
    from jhub.state.document import UserEntry as UserEntry
    from jhub.state.document_file import check as check
    from jhub.state.document_file import load as load
    from jhub.state.document_text import to_yaml as to_yaml
    from jhub.state.file_form import json_schema as json_schema
    from jhub.state.file_problems import CheckResult as CheckResult
    from jhub.state.file_problems import FileProblem as FileProblem

_HOMES = {
    "CheckResult": "jhub.state.file_problems",
    "Document": "jhub.state.document",
    "FileProblem": "jhub.state.file_problems",
    "GroupEntry": "jhub.state.document",
    "LeaveLimit": "jhub.state.document",
    "Members": "jhub.state.document",
    "RoleEntry": "jhub.state.document",
    "ServerEntry": "jhub.state.document",
    "UserEntry": "jhub.state.document",
    "check": "jhub.state.document_file",
    "json_schema": "jhub.state.file_form",
    "load": "jhub.state.document_file",
    "to_yaml": "jhub.state.document_text",
}
"""Module of each public name."""

__all__ = list(_HOMES)  # pyright: ignore[reportUnsupportedDunderAll]  # pyright reads the imports above


def __getattr__(name: str) -> Any:
    """Import the module of a public name, and return the name's value."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    """Return the names of this module, those not imported yet included."""
    return sorted({*globals(), *_HOMES})
