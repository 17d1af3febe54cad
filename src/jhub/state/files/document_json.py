"""JSON of a state file for a document."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from jhub.state.document import Document, GroupEntry, LeaveLimit, RoleEntry, ServerEntry, UserEntry
from jhub.state.files.document_text import grace_text, readable_names
from jhub.state.files.file_form import VERSION


def to_json(document: Document) -> str:
    """Return a document as the JSON of a state file. `load` reads the same document from a file `NAME.json`.

    Raises
    ------
    InvalidInput
        As for `to_yaml`.
    """
    return json.dumps(_document(document), indent=2, ensure_ascii=False) + "\n"


def _document(document: Document) -> dict[str, Any]:
    values: dict[str, Any] = {"version": VERSION}
    if document.owner is not None:
        values["owner"] = document.owner
    if document.users:
        values["users"] = [_user(user) for user in sorted(document.users, key=lambda user: user.name)]
    if document.groups:
        values["groups"] = [_group(group) for group in sorted(document.groups, key=lambda group: group.name)]
    if document.servers is not None:
        servers = sorted(document.servers, key=lambda server: (server.user, server.name))
        values["servers"] = [_server(server) for server in servers]
    if document.roles:
        values["roles"] = [_role(role) for role in sorted(document.roles, key=lambda role: role.name)]
    if document.protected_users:
        values["protect"] = {"users": sorted(document.protected_users)}
    if document.leave_limit != LeaveLimit():
        values["limits"] = {"leave": str(document.leave_limit)}
    if document.grace_seconds:
        values["grace"] = grace_text(document.grace_seconds)
    return values


def _user(user: UserEntry) -> str | dict[str, Any]:
    return user.name if user.admin is None else {"name": user.name, "admin": user.admin}


def _group(group: GroupEntry) -> dict[str, Any]:
    values: dict[str, Any] = {"name": group.name}
    if group.owner is not None:
        values["owner"] = group.owner or None
    if group.members is not None:
        names = sorted(readable_names(group.name, group.members))
        values["members"] = names if group.members.exact else {"at-least": names}
    if group.create_users:
        values["create-users"] = True
    return values | _free("properties", group.properties)


def _server(server: ServerEntry) -> dict[str, Any]:
    values = {"user": server.user, "name": server.name}
    if server.display_name is not None:
        values["display-name"] = server.display_name
    return values | _free("options", server.options)


def _role(role: RoleEntry) -> dict[str, Any]:
    lists = {"scopes": role.scopes, "users": role.users, "groups": role.groups}
    return {"name": role.name} | {key: sorted(names) for key, names in lists.items() if names is not None}


def _free(key: str, values: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return a mapping of JSON values below its key, with sorted keys; nothing for None."""
    return {} if values is None else {key: json.loads(json.dumps(values, sort_keys=True))}
