"""State files: users, groups, members and servers of a hub in a file; their plan, and its application.

    document = jhub.state.load("jhub.yaml")
    plan = hub.state.plan(document)
    print(jhub.state.render_plan(plan))
    with hub.state.apply(plan) as fleet:
        for event in fleet:
            print(event)

The readers and writers of files are imported when one of their names is used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from jhub.state.changes import PRUNE_KINDS, Change, DeleteUser, Notice, Plan, PruneKind, Refusal
from jhub.state.compare import compare
from jhub.state.document import Document, GroupEntry, LeaveLimit, Members, RoleEntry, ServerEntry, UserEntry
from jhub.state.events import StateEvent, StateSummary
from jhub.state.plan_text import count_changes, object_of, render_plan, users_of
from jhub.state.saved_plan import is_saved_plan, load_plan

if TYPE_CHECKING:
    from jhub.state.document_file import load as load
    from jhub.state.document_json import to_json as to_json
    from jhub.state.document_text import to_yaml as to_yaml
    from jhub.state.file_edit import add_entries as add_entries

_HOMES = {
    "add_entries": "jhub.state.file_edit",
    "load": "jhub.state.document_file",
    "to_json": "jhub.state.document_json",
    "to_yaml": "jhub.state.document_text",
}
"""Module of each public name that is imported on first use."""

__all__ = [  # pyright: ignore[reportUnsupportedDunderAll]
    "PRUNE_KINDS",
    "Change",
    "DeleteUser",
    "Document",
    "GroupEntry",
    "LeaveLimit",
    "Members",
    "Notice",
    "Plan",
    "PruneKind",
    "Refusal",
    "RoleEntry",
    "ServerEntry",
    "StateEvent",
    "StateSummary",
    "UserEntry",
    "compare",
    "count_changes",
    "is_saved_plan",
    "load_plan",
    "object_of",
    "render_plan",
    "users_of",
    *_HOMES,
]


def __getattr__(name: str) -> Any:
    """Import the module of a public name, and return the name's value."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES[name]), name)
