"""State files: users, groups, members and servers of a hub in a file; their plan, and its application. Rosters, too.

    document = jhub.state.load("jhub.yaml")
    plan = hub.state.plan(document)
    print(jhub.state.render_plan(plan))
    with hub.state.apply(plan) as fleet:
        for event in fleet:
            print(event)

    roster = jhub.state.read_roster("roster.xlsx", jhub.state.RosterColumns(column="Email", name="before-@"))
    hub.groups.set_users("geo", roster.names)

A name's module is imported when the name is used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jhub.state.changes import PRUNE_KINDS as PRUNE_KINDS
    from jhub.state.changes import AddMembers as AddMembers
    from jhub.state.changes import BeginGrace as BeginGrace
    from jhub.state.changes import Change as Change
    from jhub.state.changes import CreateGroup as CreateGroup
    from jhub.state.changes import CreateServer as CreateServer
    from jhub.state.changes import CreateUser as CreateUser
    from jhub.state.changes import DeleteGroup as DeleteGroup
    from jhub.state.changes import DeleteServer as DeleteServer
    from jhub.state.changes import DeleteUser as DeleteUser
    from jhub.state.changes import EditServer as EditServer
    from jhub.state.changes import EndApply as EndApply
    from jhub.state.changes import EndGrace as EndGrace
    from jhub.state.changes import GroupBefore as GroupBefore
    from jhub.state.changes import Notice as Notice
    from jhub.state.changes import NoticeKind as NoticeKind
    from jhub.state.changes import Plan as Plan
    from jhub.state.changes import PruneKind as PruneKind
    from jhub.state.changes import Refusal as Refusal
    from jhub.state.changes import RemoveMembers as RemoveMembers
    from jhub.state.changes import SetAdmin as SetAdmin
    from jhub.state.changes import SetOwner as SetOwner
    from jhub.state.changes import SetProperties as SetProperties
    from jhub.state.comparison import compare as compare
    from jhub.state.document import Document as Document
    from jhub.state.document import GroupEntry as GroupEntry
    from jhub.state.document import LeaveLimit as LeaveLimit
    from jhub.state.document import MembersEntry as MembersEntry
    from jhub.state.document import RoleEntry as RoleEntry
    from jhub.state.document import ServerEntry as ServerEntry
    from jhub.state.document import UserEntry as UserEntry
    from jhub.state.events import StateEvent as StateEvent
    from jhub.state.events import StateSummary as StateSummary
    from jhub.state.files.document_file import check as check
    from jhub.state.files.document_file import load as load
    from jhub.state.files.document_json import to_json as to_json
    from jhub.state.files.document_text import to_yaml as to_yaml
    from jhub.state.files.file_edit import add_entries as add_entries
    from jhub.state.files.file_form import json_schema as json_schema
    from jhub.state.files.file_problems import CheckResult as CheckResult
    from jhub.state.files.file_problems import FileProblem as FileProblem
    from jhub.state.mark import group_owner as group_owner
    from jhub.state.plan_scopes import missing_scopes as missing_scopes
    from jhub.state.plan_text import count_changes as count_changes
    from jhub.state.plan_text import object_of as object_of
    from jhub.state.plan_text import render_plan as render_plan
    from jhub.state.plan_text import users_of as users_of
    from jhub.state.rosters.roster import Roster as Roster
    from jhub.state.rosters.roster import RosterColumns as RosterColumns
    from jhub.state.rosters.roster import RosterMember as RosterMember
    from jhub.state.rosters.roster import RosterProblem as RosterProblem
    from jhub.state.rosters.roster import parse_roster as parse_roster
    from jhub.state.rosters.roster import read_roster as read_roster
    from jhub.state.saved_plan import is_saved_plan as is_saved_plan
    from jhub.state.saved_plan import load_plan as load_plan

_HOMES = {
    "PRUNE_KINDS": "jhub.state.changes",
    "AddMembers": "jhub.state.changes",
    "BeginGrace": "jhub.state.changes",
    "Change": "jhub.state.changes",
    "CheckResult": "jhub.state.files.file_problems",
    "CreateGroup": "jhub.state.changes",
    "CreateServer": "jhub.state.changes",
    "CreateUser": "jhub.state.changes",
    "DeleteGroup": "jhub.state.changes",
    "DeleteServer": "jhub.state.changes",
    "DeleteUser": "jhub.state.changes",
    "Document": "jhub.state.document",
    "EditServer": "jhub.state.changes",
    "EndApply": "jhub.state.changes",
    "EndGrace": "jhub.state.changes",
    "FileProblem": "jhub.state.files.file_problems",
    "GroupBefore": "jhub.state.changes",
    "GroupEntry": "jhub.state.document",
    "LeaveLimit": "jhub.state.document",
    "MembersEntry": "jhub.state.document",
    "Notice": "jhub.state.changes",
    "NoticeKind": "jhub.state.changes",
    "Plan": "jhub.state.changes",
    "PruneKind": "jhub.state.changes",
    "Refusal": "jhub.state.changes",
    "RemoveMembers": "jhub.state.changes",
    "RoleEntry": "jhub.state.document",
    "Roster": "jhub.state.rosters.roster",
    "RosterColumns": "jhub.state.rosters.roster",
    "RosterMember": "jhub.state.rosters.roster",
    "RosterProblem": "jhub.state.rosters.roster",
    "ServerEntry": "jhub.state.document",
    "SetAdmin": "jhub.state.changes",
    "SetOwner": "jhub.state.changes",
    "SetProperties": "jhub.state.changes",
    "StateEvent": "jhub.state.events",
    "StateSummary": "jhub.state.events",
    "UserEntry": "jhub.state.document",
    "add_entries": "jhub.state.files.file_edit",
    "compare": "jhub.state.comparison",
    "check": "jhub.state.files.document_file",
    "count_changes": "jhub.state.plan_text",
    "group_owner": "jhub.state.mark",
    "is_saved_plan": "jhub.state.saved_plan",
    "json_schema": "jhub.state.files.file_form",
    "load": "jhub.state.files.document_file",
    "load_plan": "jhub.state.saved_plan",
    "missing_scopes": "jhub.state.plan_scopes",
    "object_of": "jhub.state.plan_text",
    "parse_roster": "jhub.state.rosters.roster",
    "read_roster": "jhub.state.rosters.roster",
    "render_plan": "jhub.state.plan_text",
    "to_json": "jhub.state.files.document_json",
    "to_yaml": "jhub.state.files.document_text",
    "users_of": "jhub.state.plan_text",
}
"""Module of each public name."""

__all__ = list(_HOMES)  # pyright: ignore[reportUnsupportedDunderAll]  # it reads the imports above


def __getattr__(name: str) -> Any:
    """Import the module of a public name, and return the name's value."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    """Return the names of this module, those not imported yet included."""
    return sorted({*globals(), *_HOMES})
