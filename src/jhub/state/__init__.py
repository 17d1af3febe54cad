"""State files: users, groups, members and servers of a hub in a file; their plan, and its application.

document = jhub.state.load("jhub.yaml")
plan = hub.state.plan(document)
with hub.state.apply(plan) as fleet:
    for event in fleet:
        print(event)
"""

from jhub.state.changes import Change, Notice, Plan, PruneKind, Refusal
from jhub.state.compare import compare
from jhub.state.document import Document, GroupEntry, LeaveLimit, Members, RoleEntry, ServerEntry, UserEntry
from jhub.state.events import StateEvent, StateSummary
from jhub.state.saved_plan import load_plan

__all__ = [
    "Change",
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
    "load_plan",
]
