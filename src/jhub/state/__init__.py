"""State files: users, groups, members and servers of a hub in a file; their plan, and its application."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

# Not on first use: the name is that of its module, too.
from jhub.state.compare import compare as compare

if TYPE_CHECKING:
    from jhub.state.changes import PRUNE_KINDS as PRUNE_KINDS
    from jhub.state.changes import Change as Change
    from jhub.state.changes import DeleteUser as DeleteUser
    from jhub.state.changes import Plan as Plan
    from jhub.state.changes import PruneKind as PruneKind
    from jhub.state.document import Document as Document
    from jhub.state.document import ServerEntry as ServerEntry
    from jhub.state.document import UserEntry as UserEntry
    from jhub.state.document_file import load as load
    from jhub.state.document_text import to_yaml as to_yaml
    from jhub.state.events import StateEvent as StateEvent
    from jhub.state.events import StateSummary as StateSummary
    from jhub.state.file_edit import add_entries as add_entries
    from jhub.state.plan_text import count_changes as count_changes
    from jhub.state.plan_text import object_of as object_of
    from jhub.state.plan_text import render_plan as render_plan
    from jhub.state.plan_text import users_of as users_of
    from jhub.state.saved_plan import is_saved_plan as is_saved_plan
    from jhub.state.saved_plan import load_plan as load_plan

_HOMES = {
    "Change": "changes",
    "DeleteUser": "changes",
    "Document": "document",
    "PRUNE_KINDS": "changes",
    "Plan": "changes",
    "PruneKind": "changes",
    "ServerEntry": "document",
    "StateEvent": "events",
    "StateSummary": "events",
    "UserEntry": "document",
    "add_entries": "file_edit",
    "count_changes": "plan_text",
    "is_saved_plan": "saved_plan",
    "load": "document_file",
    "load_plan": "saved_plan",
    "object_of": "plan_text",
    "render_plan": "plan_text",
    "to_yaml": "document_text",
    "users_of": "plan_text",
}
"""Module of each public name."""

__all__ = ["compare", *_HOMES]  # pyright: ignore[reportUnsupportedDunderAll]  # pyright reads the imports above


def __getattr__(name: str) -> Any:
    """Return a public name, and import its module on first use. A client does not load the readers of files."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"jhub.state.{_HOMES[name]}"), name)
