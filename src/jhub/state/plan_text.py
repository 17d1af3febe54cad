"""Text of a plan for people: one line for each object, with the names in short, and the counts at the end."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from jhub.errors import counted
from jhub.state.changes import (
    AddMembers,
    BeginGrace,
    Change,
    CreateGroup,
    CreateServer,
    CreateUser,
    DeleteGroup,
    DeleteServer,
    DeleteUser,
    EditServer,
    EndApply,
    EndGrace,
    GroupBefore,
    GroupChange,
    Plan,
    RemoveMembers,
    SetAdmin,
    SetOwner,
    SetProperties,
)

MAX_NAMES = 8
"""Maximum number of names on a line of a plan that is not full."""
MAX_VALUE_CHARACTERS = 60
"""Maximum length of a property's value on a line of a plan that is not full."""
MAX_SUBJECT_CHARACTERS = 28
"""Maximum length of an object's name that the column of names is as wide as."""
GAP = "   "
"""Space between the parts of a line."""
ASCII = str.maketrans({"→": "->", "…": "..."})
"""Characters of a plan that a terminal without Unicode cannot show, and what stands for them."""


Members = AddMembers | RemoveMembers


class _Line(NamedTuple):
    sign: str
    subject: str
    text: str
    hint: str = ""


def render_plan(plan: Plan, *, full: bool = False, width: int = 80, ascii_only: bool = False) -> str:
    """Return the text of a plan, in lines of at most `width` columns, without control characters.

    A line begins with a sign: `+` for what is added, `~` for what changes, `-` for what is deleted, `!` for a notice,
    and `x` for a reason because of which the plan is not applied. A line that goes on begins with a blank. The last
    line has the counts.

    Parameters
    ----------
    full
        List all names and whole values, not the first ones only.
    ascii_only
        Use ASCII characters only.
    """
    lines = list(_lines(plan, full=full))
    lengths = [len(line.subject) for line in lines if len(line.subject) <= MAX_SUBJECT_CHARACTERS]
    column = max(lengths, default=0)
    text = [row for line in lines for row in _wrap(line, column, width)]
    text += textwrap.wrap(plan_summary(plan), width)
    joined = "\n".join(text)
    return joined.translate(ASCII).encode("ascii", "backslashreplace").decode() if ascii_only else joined


def count_changes(plan: Plan) -> int:
    """Return the number of changes, in which each membership counts."""
    return sum(len(users_of(change)) or 1 for change in plan.changes)


def users_of(change: Change) -> tuple[str, ...]:
    """Return the users of a change of several memberships; nothing for another change."""
    return change.users if isinstance(change, AddMembers | RemoveMembers | BeginGrace | EndGrace) else ()


def object_of(change: Change) -> str:
    """Return the object of a change: `user ana`, `group geo` or `server ana/lab`."""
    match change:
        case CreateUser() | SetAdmin() | DeleteUser():
            return f"user {change.user}"
        case CreateServer() | EditServer() | DeleteServer():
            return f"server {change.user}/{change.name}"
        case _:
            return f"group {change.group}"


def plan_summary(plan: Plan) -> str:
    """Return the counts of a plan in one sentence."""
    created = {change.group for change in plan.of(CreateGroup)}
    changed = {
        change.group for change in plan.changes if isinstance(change, GroupChange) and not isinstance(change, Members)
    }
    parts = [
        _part(
            "to add",
            user=len(plan.of(CreateUser)),
            group=len(created),
            membership=sum(len(change.users) for change in plan.of(AddMembers)),
            server=len(plan.of(CreateServer)),
        ),
        _part("to change", user=len(plan.of(SetAdmin)), group=len(changed - created), server=len(plan.of(EditServer))),
        _part("to remove", membership=sum(len(change.users) for change in plan.of(RemoveMembers))),
        _part(
            "to delete",
            server=len(plan.of(DeleteServer)),
            group=len(plan.of(DeleteGroup)),
            user=len(plan.of(DeleteUser)),
        )
        or "nothing to delete",
    ]
    if plan.empty:
        parts = ["nothing to change"]
    refused = " Nothing can be applied: see the lines with x." if plan.refusals or plan.missing_scopes else ""
    return f"Plan: {', '.join(filter(None, parts))}.{refused}"


def _part(action: str, **numbers: int) -> str:
    named = [counted(number, noun) for noun, number in numbers.items() if number]
    return f"{_joined(named)} {action}" if named else ""


def _joined(names: Sequence[str]) -> str:
    return " and ".join((", ".join(names[:-1]), names[-1])) if len(names) > 1 else "".join(names)


def _lines(plan: Plan, *, full: bool) -> Iterator[_Line]:
    yield from _user_lines(plan, full=full)
    groups: dict[str, list[CreateGroup | GroupChange]] = {}
    for change in plan.changes:
        if isinstance(change, CreateGroup | GroupChange):
            groups.setdefault(change.group, []).append(change)
    for group, changes in groups.items():
        yield from _group_lines(group, changes, plan.groups.get(group, GroupBefore()), full=full)
    for change in plan.changes:
        match change:
            case CreateServer():
                values = {"options": change.options, "display name": change.display_name}
                text = GAP.join(f"{name} {_value(value, full)}" for name, value in values.items() if value is not None)
                yield _Line("+", object_of(change), text + _why(change))
            case EditServer():
                yield from _server_edits(change, full=full)
            case DeleteServer():
                yield _Line(
                    "-", object_of(change), f"a stopped server, with the storage that its spawner deletes{_why(change)}"
                )
            case DeleteGroup():
                yield _Line("-", object_of(change), f"owned by {change.owner}; its members stay users{_why(change)}")
            case _:
                pass
    deleted = [change.user for change in plan.changes if isinstance(change, DeleteUser)]
    if deleted:
        yield _users("-", deleted, "with the storage that the spawner deletes", full)
    for notice in plan.notices:
        begin = "warning: " if notice.kind == "warning" else ""
        end = f"{GAP}(unmanaged)" if notice.kind == "unmanaged" else ""
        yield _Line("!", notice.subject, begin + notice.message + end)
    for refusal in plan.refusals:
        yield _Line("x", refusal.subject, f"refused: {refusal.message}", refusal.hint)
    if plan.missing_scopes:
        yield _Line("x", "the token", f"lacks the scopes {', '.join(plan.missing_scopes)}")


def _user_lines(plan: Plan, *, full: bool) -> Iterator[_Line]:
    created: dict[tuple[bool, str], list[str]] = {}
    for change in plan.changes:
        if isinstance(change, CreateUser):
            created.setdefault((change.admin, _why(change)), []).append(change.user)
    for (admin, why), users in created.items():
        right = f"administrator{'s' if len(users) > 1 else ''}" if admin else ""
        yield _users("+", users, right + why, full)
    for change in plan.changes:
        if isinstance(change, SetAdmin):
            right = "becomes an administrator" if change.after else "is not an administrator any more"
            yield _Line("~", object_of(change), right + _why(change))


def _group_lines(
    group: str, changes: Sequence[CreateGroup | GroupChange], before: GroupBefore, *, full: bool
) -> Iterator[_Line]:
    """Yield the lines of a group: its creation, its owner, each property, and its members on one line."""
    subject = f"group {group}"
    sign = "+" if any(isinstance(change, CreateGroup) for change in changes) else "~"
    parts: list[str] = []
    added: list[str] = []
    removed: list[str] = []
    reasons: list[str] = []
    for change in changes:
        match change:
            case CreateGroup():
                parts.append(f"new{_why(change)}")
            case SetOwner():
                parts.append(f"owner {_arrow(change.before, change.after, full)}{_why(change)}")
            case SetProperties():
                for key, value in change.after.items():
                    # A property that does not exist differs from one that is null.
                    old = _value(change.before[key], full) + " → " if key in change.before else ""
                    parts.append(f"properties.{key} {old}{_value(value, full)}{_why(change)}")
            case BeginGrace():
                parts.append(f"grace begins for {counted(len(change.users), 'member')}: {_names(change.users, full)}")
            case EndGrace():
                parts.append(f"grace ends for {counted(len(change.users), 'member')}: {_names(change.users, full)}")
            case EndApply():
                parts.append(f"the claim of an application that was interrupted ends{_why(change)}")
            case AddMembers():
                added += change.users
                reasons.append(_why(change))
            case RemoveMembers():
                removed += change.users
                reasons.append(_why(change))
    for part in parts:
        yield _Line(sign, subject, part)
    if added or removed:
        unchanged = len(before.members) - len(removed)
        yield _Line(sign, subject, _members(added, removed, unchanged, full) + "".join(reasons))


def _members(added: Sequence[str], removed: Sequence[str], unchanged: int, full: bool) -> str:
    changes = (f"+{len(added)}" if added else "", f"-{len(removed)}" if removed else "")
    counts = " ".join(filter(None, ("members", *changes, f"({unchanged} unchanged)" if unchanged else "")))
    names = (f"+ {_names(added, full)}" if added else "", f"- {_names(removed, full)}" if removed else "")
    return GAP.join(filter(None, (counts, *names)))


def _server_edits(change: EditServer, *, full: bool) -> Iterator[_Line]:
    for name, before, after in (
        ("options", change.options_before, change.options),
        ("display name", change.display_name_before, change.display_name),
    ):
        if after is not None:
            yield _Line("~", object_of(change), f"{name} {_arrow(before, after, full)}{_why(change)}")


def _users(sign: str, users: Sequence[str], text: str, full: bool) -> _Line:
    if len(users) == 1:
        return _Line(sign, f"user {users[0]}", text.strip())
    return _Line(sign, f"{len(users)} users", GAP.join(filter(None, (_names(users, full), text.strip()))))


def _names(names: Sequence[str], full: bool) -> str:
    """Return names with blanks between them; one that has a blank itself is quoted."""
    shown = names if full or len(names) <= MAX_NAMES + 1 else names[:MAX_NAMES]
    more = f" … ({len(names) - len(shown)} more)" if len(shown) < len(names) else ""
    return " ".join(_json(name) if any(map(str.isspace, name)) or not name else name for name in shown) + more


def _arrow(before: object, after: object, full: bool) -> str:
    return (f"{_value(before, full)} → " if before is not None else "") + _value(after, full)


def _value(value: object, full: bool) -> str:
    """Return a value as JSON; a text without blanks as it is, unless it would be read as another type."""
    text = value if isinstance(value, str) and _is_plain(value) else _json(value)
    return text if full or len(text) <= MAX_VALUE_CHARACTERS else f"{text[:MAX_VALUE_CHARACTERS]}…"


def _is_plain(text: str) -> bool:
    if not text or any(map(str.isspace, text)):
        return False
    try:
        json.loads(text)
    except ValueError:
        return True
    return False


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


def _why(change: Change) -> str:
    return f" ({change.why})" if change.why else ""


def _wrap(line: _Line, column: int, width: int) -> Iterator[str]:
    first = f"{line.sign} {_printable(line.subject)}"
    if line.text:
        first = f"{first:<{column + 2}}{GAP}{_printable(line.text)}"
    indent = " " * (column + 2 + len(GAP))
    yield from _filled(first, indent, width)
    if line.hint:
        yield from _filled(f"{indent}hint: {_printable(line.hint)}", indent, width)


def _filled(text: str, indent: str, width: int) -> Iterable[str]:
    return textwrap.wrap(
        text,
        max(width, len(indent) + 20),
        subsequent_indent=indent,
        break_long_words=False,
        break_on_hyphens=False,
    )


def _printable(text: str) -> str:
    """Return text with escaped control characters: names of other people must not steer a terminal."""
    return "".join(c if c.isprintable() else f"\\x{ord(c):02x}" for c in text)
