"""The form of a state file: every key with its type and description, and the JSON Schema that they make."""

from __future__ import annotations

import functools
from typing import Annotated, Any, Literal, TypeAlias

import msgspec
from msgspec import Meta, Struct

from jhub.operations.server_names import NAME_PATTERN
from jhub.state.document import LEAVE_PATTERN, LeaveLimit

SCHEMA_DIALECT = "https://json-schema.org/draft/2020-12/schema"
"""Dialect of the JSON Schema."""
VERSION = 1
"""Version of the form of state files."""
MAX_OWNER_CHARACTERS = 100
"""Maximum length of an owner."""
MAX_SERVER_NAME_CHARACTERS = 30
"""Maximum length of a server's name in JupyterHub 6.0."""
GRACE_PATTERN = r"^([0-9]{1,9}(?:\.[0-9]+)?)([smhd])$"
"""Pattern of a duration, with its number and its unit."""

# A name such as 007123 or no stays text, also without quotes. An editor takes these for numbers and booleans.
_TEXT: dict[str, Any] = {"type": ["string", "number", "boolean"], "minLength": 1}
Text: TypeAlias = Annotated[Any, Meta(extra_json_schema=_TEXT)]
"""A text, with or without quotes."""


class _Form(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="kebab"):
    """A mapping of a state file."""


class UserForm(_Form, frozen=True, kw_only=True):
    """A user."""

    name: Annotated[Text, Meta(description="The name of the user.")]
    admin: Annotated[
        bool, Meta(description="true if the user is an administrator, false if not; without it, this stays as it is.")
    ] = False


class MembersForm(_Form, frozen=True, kw_only=True):
    """Members of a group, if they are not a list of names."""

    at_least: Annotated[
        list[Text], Meta(description="Users to add. Other members stay: the group has members from elsewhere too.")
    ] = []
    roster: Annotated[
        Text,
        Meta(
            description="A .csv, .tsv, .txt or .xlsx file below the folder of the state file. Its people are the "
            "members."
        ),
    ] = ""
    command: Annotated[
        list[Text],
        Meta(
            min_length=1,
            description="A program that prints a roster, and its arguments. It runs with --allow-commands only.",
        ),
    ] = []
    format: Annotated[
        Literal["csv", "tsv"], Meta(description="The format that the command prints, by default csv.")
    ] = "csv"
    column: Annotated[
        Text,
        Meta(
            description="The header of the roster's column with the names. It may be left out if name is a template, "
            "or if the roster has one column only, whose header is usual: Email, Login, Name or User name."
        ),
    ] = ""
    name: Annotated[
        Text,
        Meta(
            description="How a name is made: before-@ is the part of an e-mail address before the @, lower the cell in "
            "lower case, and a template such as s{Student ID} has headers in braces. By default lower."
        ),
    ] = ""
    where: Annotated[
        dict[str, Text], Meta(description="Values by header of the roster: only rows with all of them count.")
    ] = {}
    also: Annotated[list[Text], Meta(description="Members who are not in the roster.")] = []


MEMBERS_RULES: dict[str, Any] = {
    "oneOf": [
        {"required": ["at-least"], "maxProperties": 1},
        {"required": ["roster"], "properties": {"at-least": False, "command": False, "format": False}},
        {"required": ["command"], "properties": {"at-least": False, "roster": False}},
    ]
}
"""Part of the schema: the keys of `members` that go together."""


class GroupForm(_Form, frozen=True, kw_only=True):
    """A group."""

    name: Annotated[Text, Meta(description="The name of the group.")]
    owner: Annotated[
        Any,
        Meta(
            extra_json_schema={"type": [*_TEXT["type"], "null"], "minLength": 1, "maxLength": MAX_OWNER_CHARACTERS},
            description="The owner of this group; null for none. By default the owner of the file, or none if members "
            "are only added.",
        ),
    ] = ""
    members: Annotated[
        list[Text] | MembersForm,
        Meta(
            description="The members: a list of all, or a mapping that names a roster. Others leave the group. "
            "Without it, members are not changed."
        ),
    ] = []
    create_users: Annotated[
        bool, Meta(description="true to create members who are not users of the hub. By default false.")
    ] = False
    properties: Annotated[
        dict[str, Any],
        Meta(
            extra_json_schema={"properties": {"jhub": False}},
            description="Properties to set. Others stay, and the key jhub is reserved.",
        ),
    ] = {}


class ServerForm(_Form, frozen=True, kw_only=True):
    """A named server. It is created and changed, but neither started nor stopped."""

    user: Annotated[Text, Meta(description="The owner of the server.")]
    name: Annotated[
        Text,
        Meta(
            extra_json_schema={"pattern": f"^{NAME_PATTERN.pattern}$", "maxLength": MAX_SERVER_NAME_CHARACTERS},
            description="The name: 1 to 30 lower-case letters, digits and single dashes.",
        ),
    ]
    options: Annotated[dict[str, Any], Meta(description="The user options of the next start.")] = {}
    display_name: Annotated[Text, Meta(description="The name that the hub's pages show.")] = ""


class RoleForm(_Form, frozen=True, kw_only=True):
    """A role of the hub's configuration. It is compared with the hub, and never changed."""

    name: Annotated[Text, Meta(description="The name of the role.")]
    scopes: Annotated[
        list[Text], Meta(description="The scopes. They are not compared: the REST API does not show them.")
    ] = []
    users: Annotated[list[Text], Meta(description="The users who should have the role.")] = []
    groups: Annotated[list[Text], Meta(description="The groups that should have the role.")] = []


class ProtectForm(_Form, frozen=True, kw_only=True):
    """Objects that are safe from a plan."""

    users: Annotated[list[Text], Meta(description="Users who are never deleted, and who never leave a group.")] = []


class LimitsForm(_Form, frozen=True, kw_only=True):
    """Limits of a plan."""

    leave: Annotated[
        Annotated[int, Meta(ge=0)] | Annotated[str, Meta(pattern=LEAVE_PATTERN)],
        Meta(
            description="How many members may leave a group in one plan: a number, or a percentage of the present "
            f"members. A plan with more is refused. By default {LeaveLimit()}."
        ),
    ] = str(LeaveLimit())


class StateFileForm(_Form, frozen=True, kw_only=True):
    """A state file of jhub."""

    version: Annotated[Literal[1], Meta(description="The version of this form.")]
    owner: Annotated[
        Text,
        Meta(
            extra_json_schema={"maxLength": MAX_OWNER_CHARACTERS},
            description="A name for this file, such as that of the course. It is written to the properties of the "
            "groups, so that no other file takes them over.",
        ),
    ] = ""
    users: Annotated[
        list[Text | UserForm], Meta(description="Users who should exist: a name, or a mapping. Others stay.")
    ] = []
    groups: Annotated[list[GroupForm], Meta(description="Groups that should exist. Others stay.")] = []
    servers: Annotated[
        list[ServerForm],
        Meta(description="Named servers that should exist. Without this key, servers are not compared."),
    ] = []
    roles: Annotated[list[RoleForm], Meta(description="Roles that the hub's configuration should have.")] = []
    protect: Annotated[ProtectForm, Meta(description="Objects that are safe from a plan.")] = ProtectForm()
    limits: Annotated[LimitsForm, Meta(description="Limits of a plan.")] = LimitsForm()
    grace: Annotated[
        str,
        Meta(
            pattern=GRACE_PATTERN,
            description="How long a member stays in a group after they are missing from the file: 90s, 15m, 8h or 30d. "
            "By default 0s: they leave at once.",
        ),
    ] = "0s"


@functools.cache
def form_keys(form: type[Struct]) -> tuple[str, ...]:
    """Return the keys of a mapping, as they are written."""
    return tuple(field.encode_name for field in msgspec.structs.fields(form))


def json_schema() -> dict[str, Any]:
    """Return the JSON Schema of state files (draft 2020-12), for editors.

    `check` finds more than the schema does, such as duplicates.
    """
    schema = msgspec.json.schema(StateFileForm)
    schema["$defs"]["MembersForm"].update(MEMBERS_RULES)
    for definition in schema["$defs"].values():
        for key in definition["properties"].values():
            # The defaults of the structs only stand for "not written".
            key.pop("default", None)
    return {"$schema": SCHEMA_DIALECT, "title": "A state file of jhub", **schema}
