"""Reader of the trees of state files, which together are one document."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TypeAlias

from msgspec import Struct

from jhub.errors import InvalidInput
from jhub.models import MAX_DURATION_SECONDS, SECONDS_PER_UNIT
from jhub.object_path import has_control_character
from jhub.operations.server_names import NAME_HINT, is_valid_server_name
from jhub.profiles.problems import ProblemLog, quote
from jhub.profiles.yaml_tree import Mapping, Node, Scalar, Sequence
from jhub.state.document import Document, GroupEntry, LeaveLimit, MembersEntry, RoleEntry, ServerEntry, UserEntry
from jhub.state.files.file_form import (
    GRACE_PATTERN,
    MAX_OWNER_CHARACTERS,
    VERSION,
    GroupForm,
    LimitsForm,
    MembersForm,
    ProtectForm,
    RoleForm,
    ServerForm,
    StateFileForm,
    UserForm,
)
from jhub.state.files.file_problems import FileLogs
from jhub.state.files.form_reader import FormReader
from jhub.state.files.member_sources import Commands, MemberReader
from jhub.state.mark import KEY

Place: TypeAlias = tuple[str, int]
"""A file and a line."""


class DocumentReader:
    """A reader of one file after the other. Objects and settings may stand in one of them only."""

    def __init__(self, logs: FileLogs, commands: Commands) -> None:
        """Start with an empty document."""
        self.logs = logs
        self.members = MemberReader(logs, commands)
        self.places: dict[tuple[str, ...], Place] = {}
        self.owner: str | None = None
        self.users: list[UserEntry] = []
        self.groups: list[GroupEntry] = []
        self.servers: list[ServerEntry] | None = None
        self.roles: list[RoleEntry] = []
        self.protected: set[str] = set()
        self.leave_limit = LeaveLimit()
        self.grace_seconds = 0.0

    def document(self) -> Document:
        """Return the document of all files, sorted."""
        servers = None if self.servers is None else sorted(self.servers, key=lambda server: (server.user, server.name))
        return Document(
            owner=self.owner,
            users=tuple(sorted(self.users, key=lambda user: user.name)),
            groups=tuple(sorted(self.groups, key=lambda group: group.name)),
            servers=None if servers is None else tuple(servers),
            roles=tuple(sorted(self.roles, key=lambda role: role.name)),
            protected_users=tuple(sorted(self.protected)),
            leave_limit=self.leave_limit,
            grace_seconds=self.grace_seconds,
        )

    def read(self, file: str, root: Node) -> None:
        """Add the objects and settings of a file."""
        log = self.logs.of(file)
        if not isinstance(root, Mapping):
            log.error(root.line, f"a state file must be a mapping with the key `version`, not {root}")
            return
        form = FormReader(log, root, StateFileForm, "")
        _check_version(form)
        if (owner := _owner(form)) is not None and self._is_only(form, file, "owner", self.owner in (None, owner)):
            self.owner = owner
        for item in form.items("users", "users"):
            self._read_user(file, log, item)
        for group in self._forms(form, "groups", GroupForm, "group"):
            self._read_group(file, group)
        if "servers" in form:
            servers = [self._read_server(file, item) for item in self._forms(form, "servers", ServerForm, "server")]
            self.servers = [*(self.servers or ()), *(server for server in servers if server is not None)]
        for role in self._forms(form, "roles", RoleForm, "role"):
            self._read_role(file, role)
        if protect := form.mapping("protect", ProtectForm, "protect"):
            self.protected.update(protect.names("users", "user") or ())
        limits = form.mapping("limits", LimitsForm, "limits")
        if limits and "leave" in limits:
            limit = _leave_limit(limits)
            if limit and self._is_only(limits, file, "leave", limit == self.leave_limit):
                self.leave_limit = limit
        if "grace" in form:
            seconds = _grace(form)
            if seconds is not None and self._is_only(form, file, "grace", seconds == self.grace_seconds):
                self.grace_seconds = seconds

    def _is_only(self, form: FormReader, file: str, key: str, is_equal: bool) -> bool:
        """Return whether no other file has another value of a setting, and report it if one has."""
        first = self.places.setdefault(("setting", key), (file, form.line(key)))
        if first[0] != file and not is_equal:
            form.error(key, f"`{key}` has another value in {first[0]}:{first[1]}")
            return False
        return True

    def _is_new(self, file: str, log: ProblemLog, line: int, kind: str, *name: str) -> bool:
        """Return whether an object is named for the first time, and report it if not."""
        key = (kind, *(part.lower() for part in name)) if kind in ("user", "server") else (kind, *name)
        first = self.places.get(key)
        if first is None:
            self.places[key] = file, line
            return True
        where = f"line {first[1]}" if first[0] == file else f"{first[0]}:{first[1]}"
        # Objects have the same line in JSON without line breaks, in braces, and if an alias repeats one.
        reason = "this line names it more than once" if first == (file, line) else f"first named in {where}"
        log.error(line, f"duplicate {kind} {'/'.join(name)}: {reason}")
        return False

    def _forms(self, form: FormReader, key: str, kind: type[Struct], noun: str) -> list[FormReader]:
        """Return a reader for each mapping in a list; messages call it by its name, or by its number without one."""
        forms: list[FormReader] = []
        for number, item in enumerate(form.items(key, "mappings"), 1):
            if isinstance(item, Mapping):
                forms.append(FormReader(form.log, item, kind, f"{noun} {_label(item, number)}"))
            else:
                form.log.error(item.line, f"{noun} {number} must be a mapping such as {{name: geo}}, not {item}")
        return forms

    def _read_user(self, file: str, log: ProblemLog, item: Node) -> None:
        if isinstance(item, Mapping):
            form = FormReader(log, item, UserForm, "user")
            name = form.name("name", "user")
            admin = form.flag("admin")
        elif isinstance(item, Sequence):
            log.error(item.line, "a user must be a name, or a mapping such as {name: ana}, not a list")
            return
        else:
            form = FormReader(log, Mapping(item.line, {}, {}), UserForm, "")
            name, admin = form.text_of(item, "a user", item.line), None
            if name is not None and not form.check_name(name, "user", item.line):
                return
        if name is not None and self._is_new(file, log, item.line, "user", name):
            self.users.append(UserEntry(name=name, admin=admin))

    def _read_group(self, file: str, form: FormReader) -> None:
        name = form.name("name", "group")
        owner = "" if _is_null(form, "owner") else _owner(form)
        members = _members(form, self.members, Path(file).parent)
        properties = form.free_mapping("properties")
        if properties is not None and KEY in properties:
            form.error("properties", f"the property `{KEY}` is reserved: write `owner` beside `properties`")
        create_users = form.flag("create-users") or False
        if name is not None and self._is_new(file, form.log, form.line("name"), "group", name):
            group = GroupEntry(
                name=name, owner=owner, members=members, properties=properties, create_users=create_users
            )
            self.groups.append(group)

    def _read_server(self, file: str, form: FormReader) -> ServerEntry | None:
        user = form.name("user", "user")
        name = form.required_text("name")
        if name is not None and not is_valid_server_name(name):
            form.error("name", f"invalid server name {quote(name)}: {NAME_HINT}")
        options = form.free_mapping("options")
        display_name = form.text("display-name")
        if display_name is not None and not display_name.strip():
            form.error("display-name", "`display-name` is empty: leave it out")
        if user is None or name is None or not self._is_new(file, form.log, form.line("name"), "server", user, name):
            return None
        return ServerEntry(user=user, name=name, options=options, display_name=display_name)

    def _read_role(self, file: str, form: FormReader) -> None:
        name = form.required_text("name")
        if name is not None and has_control_character(name):
            form.error("name", f"invalid role name {quote(name)}: it contains a control character")
        scopes = form.texts("scopes", "scopes")
        users, groups = form.names("users", "user"), form.names("groups", "group")
        if name is not None and self._is_new(file, form.log, form.line("name"), "role", name):
            sorted_scopes = None if scopes is None else tuple(sorted(set(scopes)))
            self.roles.append(RoleEntry(name=name, scopes=sorted_scopes, users=users, groups=groups))


def _label(item: Mapping, number: int) -> str:
    """Return the name of an object for messages, or its number."""
    name, user = (getattr(item.entries.get(key), "source", "") for key in ("name", "user"))
    if not name or has_control_character(name):
        return str(number)
    return f"{user}/{name}" if user else name


def _is_null(form: FormReader, key: str) -> bool:
    """Return whether a value is null, and written so."""
    node = form.node.entries.get(key)
    return isinstance(node, Scalar) and node.value is None and node.source != ""


def _check_version(form: FormReader) -> None:
    version = form.required_text("version")
    if version is None or version == str(VERSION):
        return
    newer = "; a newer jhub may read it" if version.isdecimal() else ""
    form.error("version", f"unknown version {quote(version)}: write `version: {VERSION}`{newer}")


def _owner(form: FormReader) -> str | None:
    owner = form.text("owner")
    if owner is not None and (len(owner) > MAX_OWNER_CHARACTERS or not owner.strip() or has_control_character(owner)):
        form.error(
            "owner",
            f"invalid owner {quote(owner)}: use a text of 1 to {MAX_OWNER_CHARACTERS} characters on one line",
        )
        return None
    return owner


def _members(form: FormReader, reader: MemberReader, folder: Path) -> MembersEntry | None:
    node = form.node.entries.get("members")
    if node is None:
        return None
    if isinstance(node, Mapping):
        return reader.read(FormReader(form.log, node, MembersForm, f"{form.label}: members"), folder)
    if isinstance(node, Sequence):
        return MembersEntry(names=form.names("members", "user") or ())
    form.error("members", f"`members` must be a list of names ([] for an empty group), or a mapping, not {node}")
    return None


def _leave_limit(form: FormReader) -> LeaveLimit | None:
    text = form.text("leave")
    if text is None:
        return None
    try:
        return LeaveLimit.parse(text)
    except InvalidInput as error:
        form.error("leave", f"invalid `leave` {quote(text)}: {error.hint}")
        return None


def _grace(form: FormReader) -> float | None:
    text = form.text("grace")
    if text is None:
        return None
    if (match := re.fullmatch(GRACE_PATTERN, text)) is not None:
        seconds = float(match[1]) * SECONDS_PER_UNIT[match[2]]
        if seconds <= MAX_DURATION_SECONDS:
            return seconds
    form.error("grace", f"invalid `grace` {quote(text)}: use 90s, 15m, 8h or 30d, and at most ten years")
    return None
