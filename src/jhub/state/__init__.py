"""State files: users, groups, members and servers of a hub in a file; their plan, and its application.

document = jhub.state.load("jhub.yaml")
plan = hub.state.plan(document)
with hub.state.apply(plan) as fleet:
    for event in fleet:
        print(event)
"""

from jhub.state.changes import PRUNE_KINDS, Change, DeleteUser, Notice, Plan, PruneKind, Refusal
from jhub.state.compare import compare
from jhub.state.document import Document, GroupEntry, LeaveLimit, Members, RoleEntry, ServerEntry, UserEntry
from jhub.state.document_file import load
from jhub.state.document_json import to_json
from jhub.state.document_text import to_yaml
from jhub.state.events import StateEvent, StateSummary
from jhub.state.file_edit import add_entries
from jhub.state.plan_text import count_changes, object_of, render_plan, users_of
from jhub.state.saved_plan import is_saved_plan, load_plan

__all__ = [
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
    "add_entries",
    "compare",
    "count_changes",
    "is_saved_plan",
    "load",
    "load_plan",
    "object_of",
    "render_plan",
    "to_json",
    "to_yaml",
    "users_of",
]
