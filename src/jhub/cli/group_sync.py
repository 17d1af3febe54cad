"""`jhub group sync`: make the people in a roster the members of a group."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import click
import msgspec

from jhub.cli.completion import completers
from jhub.cli.kit.batch import BatchTally, ProgressLines, add_preview, batch_tally
from jhub.cli.kit.options import common, connect, connected_host, dry_run, output, yes
from jhub.cli.kit.output import View, describe, names_shown, note
from jhub.cli.kit.prompts import confirm
from jhub.cli.kit.terminal import ask_yes_or_no, has_terminal
from jhub.cli.member_changes import add_failures, note_change, note_running
from jhub.cli.sync_plan import SyncPlan, make_plan
from jhub.errors import HubError, InvalidInput, NotFound, UnknownUser, counted
from jhub.state import LeaveLimit

if TYPE_CHECKING:
    from jhub import Hub, NameSummary, Preview, Server
    from jhub.state import Roster

DOUBTFUL_SHARE = 0.9
"""Share of the names in a roster which, if the hub does not have them, are more likely wrong than new."""
MIN_DOUBTFUL_NAMES = 3
"""Minimum number of these names."""
MAX_PROBLEMS_SHOWN = 20
"""Maximum number of problems of a roster that are printed."""


def _parse_limit(ctx: click.Context, param: click.Parameter, value: str) -> LeaveLimit:
    try:
        return LeaveLimit.parse(value)
    except InvalidInput as error:
        raise click.BadParameter(f"{error}; {error.hint}", ctx, param) from None


def _parse_where(ctx: click.Context, param: click.Parameter, values: Iterable[str]) -> dict[str, str]:
    pairs = [value.partition("=") for value in values]
    if not all(column.strip() and equals for column, equals, _ in pairs):
        raise click.BadParameter("use COLUMN=VALUE", ctx, param)
    return {column: value for column, _, value in pairs}


@click.command()
@click.argument("name", metavar="GROUP", shell_complete=completers.groups)
@click.option(
    "--roster",
    "path",
    required=True,
    metavar="FILE",
    type=click.Path(),
    help="The roster: a .csv, .tsv, .txt or .xlsx file with a header.",
)
@click.option("--column", default="", metavar="COLUMN", help="The column that names people.")
@click.option(
    "--name",
    "rule",
    default="",
    metavar="RULE",
    help='Their names on the hub: before-@, or a template such as "s{Student ID}". The default is the cell itself.',
)
@click.option(
    "--where",
    multiple=True,
    metavar="COLUMN=VALUE",
    callback=_parse_where,
    help="Only rows with this value; repeatable.",
)
@click.option("--create", "create_group", is_flag=True, help="Create the group if it does not exist.")
@click.option("--create-users", is_flag=True, help="Create users that the hub does not have.")
@click.option(
    "--keep",
    multiple=True,
    metavar="USER",
    shell_complete=completers.users,
    help="Keep this member; repeatable.",
)
@click.option(
    "--limit-leave",
    "limit",
    default=str(LeaveLimit()),
    show_default=True,
    metavar="N|N%",
    callback=_parse_limit,
    help="Refuse to remove more members than this; one may always leave by a percentage. 100% allows all.",
)
@click.option("--skip-invalid", is_flag=True, help="Remove members even if some rows name nobody.")
@click.option("--stop-removed", is_flag=True, help="Stop the running servers of removed members.")
@yes
@dry_run
@output()
@common
def sync(
    name: str,
    path: str,
    column: str,
    rule: str,
    where: dict[str, str],
    create_group: bool,
    create_users: bool,
    keep: tuple[str, ...],
    limit: LeaveLimit,
    skip_invalid: bool,
    stop_removed: bool,
    yes: bool,
    dry_run: bool,
    output_format: str,
) -> None:
    """Make the people in a roster the members of GROUP.

    Shows the problems of the roster by line, and the users to add and to remove, with their running servers. Asks
    before it changes anything. If the group is in sync, it only reads.

    You, administrators of the hub and users with --keep are never removed. Nobody is removed if a row of the roster
    names nobody, unless you use --skip-invalid. Nothing is changed if more members would leave than --limit-leave
    allows.

    Names are compared in lower case. Users that the hub does not have are reported; the exit code is then not 0.

    If the hub's authenticator manages groups, change them there: a hub undoes other changes when the user signs in, or
    refuses them (before JupyterHub 5.3).

    $ jhub group sync geo --roster roster.csv --column Email --name before-@
    $ jhub group sync geo --roster roster.xlsx --column Login --where Section=A --dry-run
    $ jhub group sync geo --roster roster.csv --column Login --create --create-users --keep bo
    """
    from jhub.state import RosterColumns, read_roster

    roster = read_roster(path, RosterColumns(column=column, name=rule, where=where))
    _note_roster(path, roster)
    with connect() as hub, batch_tally() as tally:
        plan = make_plan(hub, name, roster, keep, create=create_group, create_users=create_users)
        if not roster.complete and not skip_invalid:
            unread = [problem.line for problem in roster.problems if problem.names_nobody]
            tally.add_failure(_unread_rows(unread, plan.to_remove))
            plan = replace(plan, to_remove=())
        if plan.unknown and not create_users:
            tally.add_failure(_unknown_users(hub, plan.unknown, roster))
            plan = replace(plan, unknown=())
        counts = _note_plan(plan)
        if len(plan.to_remove) > (most := limit.allowed(len(plan.members))):
            raise InvalidInput(
                f"group {name}: {len(plan.to_remove)} of {len(plan.members)} members would leave, but at most {most} "
                "may; nothing was changed",
                hint="check the file, --column and --name; --limit-leave 100% allows it",
            )
        tally.done += len(plan.members) - len(plan.to_remove)
        has_changes = bool(plan.size) or not plan.exists
        if not has_changes:
            state = f"{name}: nothing to change; " if tally.failures else f"{name} is in sync: "
            note(f"{state}{counted(len(plan.members), 'member')}")
        if dry_run:
            if has_changes and output_format == "table":
                note("nothing is changed; without --dry-run, jhub sends:")
            add_preview(tally, _preview(hub, plan, stop=stop_removed), plan.size, output_format)
            return
        result = Sync(group=name, members=len(plan.members), kept=plan.kept, problems=roster.problems)
        if has_changes:
            confirm(f"Change the members of group {name} ({counts})?", yes=yes)
            running = plan.running
            stop = bool(running) and (stop_removed or (not yes and _wants_stop(running)))
            result = _apply(hub, plan, running if stop else [], tally, result, roster)
            state = f"{name}:" if tally.failures else f"{name} is in sync:"
            numbers = f"added {len(result.added)}, removed {len(result.removed)}"
            note(f"{state} {numbers}; {counted(result.members, 'member')}")
        if output_format != "table":
            SYNCS.print_item(result, output_format)


class Sync(msgspec.Struct, frozen=True, kw_only=True):
    """The result of a sync."""

    group: str
    members: int
    """The number of members after it."""
    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    created: tuple[str, ...] = ()
    """The users that it created."""
    stopped: tuple[str, ...] = ()
    """The servers that it stopped."""
    kept: dict[str, str]
    """The members who are not in the roster and stay, each with the reason."""
    problems: tuple[Any, ...]
    """The problems of the roster."""


SYNCS: View[Sync] = View(
    name=lambda result: result.group,
    columns={
        "GROUP": lambda result: result.group,
        "MEMBERS": lambda result: result.members,
        "ADDED": lambda result: result.added,
        "REMOVED": lambda result: result.removed,
        "CREATED": lambda result: result.created,
        "STOPPED": lambda result: result.stopped,
        "KEPT": lambda result: tuple(result.kept),
        "PROBLEMS": lambda result: tuple(map(str, result.problems)),
    },
)


def _note_roster(path: str, roster: Roster) -> None:
    """Print the number of names in a roster, and its problems."""
    note(f"{path}: {counted(len(roster.names), 'name')}")
    for problem in roster.problems[:MAX_PROBLEMS_SHOWN]:
        note(f"{problem} ({problem.kind})")
    if (more := len(roster.problems) - MAX_PROBLEMS_SHOWN) > 0:
        note(f"and {more} more problems")


def _note_plan(plan: SyncPlan) -> str:
    """Print a plan, and return its numbers for a question."""
    counts = [] if plan.exists else ["create the group"]
    if plan.unknown:
        counts.append(f"create {counted(len(plan.unknown), 'user')}")
        note(f"{counts[-1]}: {names_shown(plan.unknown)}")
    from jhub.state import group_owner

    if (plan.to_add or plan.to_remove) and (owner := group_owner(plan.group)):
        note(f"warning: a state file has this group (owner {owner}); its next jhub apply undoes this change")
    changes = note_change((*plan.to_add, *plan.unknown), plan.to_remove)
    for name, reason in plan.kept.items():
        note(f"kept: {name}, {reason}")
    if plan.to_remove:
        note_running([server.target for server in plan.running], plan.hidden)
    return ", ".join([*counts, *([changes] if changes else [])])


def _unread_rows(lines: list[int], held: Sequence[str]) -> HubError:
    rows = f"line {lines[0]} names" if len(lines) == 1 else f"lines {names_shown(list(map(str, lines)))} name"
    kept = f", so these members are not removed: {names_shown(held)}" if held else ""
    return InvalidInput(
        f"{rows} nobody{kept}", hint="correct the roster, or use --skip-invalid if they are not members of the group"
    )


def _unknown_users(hub: Hub, names: Sequence[str], roster: Roster) -> HubError:
    described = f"{names[0]} is not a user" if len(names) == 1 else f"{len(names)} names are not users"
    listed = "" if len(names) == 1 else f": {names_shown(names)}"
    if len(names) >= max(MIN_DOUBTFUL_NAMES, DOUBTFUL_SHARE * len(roster.members)):
        example = next(member for member in roster.members if member.name in names)
        hint = f"are --column and --name right? They make {example.name!r} of {example.value!r}"
    elif "admin:users" in hub.whoami().scopes:
        hint = "--create-users creates them, if the names are right"
    else:
        hint = "users exist once they have signed in, or when an administrator has created them"
    return NotFound(f"{described} of this hub{listed}", hint=hint, status=404)


def _preview(hub: Hub, plan: SyncPlan, *, stop: bool) -> Preview:
    """Return the requests that carry out a plan; with `stop`, also those that stop the servers of removed members."""
    from jhub import Difference

    create = [] if plan.exists else [partial(hub.groups.create, plan.group.name)]
    # One preview must see the users that it creates, but takes only calls that create one user.
    users = [partial(hub.users.create, name) for name in plan.unknown]
    difference = Difference(plan.group, (*plan.to_add, *plan.unknown), plan.to_remove)
    preview = hub.preview_many([*create, *users, partial(hub.groups.change_users, difference)])
    changes = tuple(request for request in preview if request.path != "/users")
    created = hub.preview(hub.users.create_many, plan.unknown).requests if plan.unknown else ()
    stopped = hub.preview(hub.servers.stop_many, plan.running).requests if stop and plan.running else ()
    return replace(preview, requests=(*created, *stopped, *changes))


def _wants_stop(running: Sequence[Server]) -> bool:
    """Ask whether the servers of removed members are to be stopped. Without a terminal, the answer is no."""
    described = describe("server", [server.target for server in running])
    return has_terminal() and ask_yes_or_no(f"{connected_host()}: Stop {described} of removed members?")


def _apply(
    hub: Hub, plan: SyncPlan, running: Sequence[Server], tally: BatchTally, result: Sync, roster: Roster
) -> Sync:
    """Carry out a plan, and return the result. After an interruption, the command can be run again."""
    from jhub import Difference

    existing: list[str] = []
    created: list[str] = []
    stopped: list[str] = []
    try:
        if not plan.exists:
            hub.groups.create(plan.group.name)
        if plan.unknown:
            creation = _create_users(hub, plan.unknown)
            add_failures(creation.failed, tally)
            existing = [event.name for event in creation.done]
            created = [event.name for event in creation.done if event.kind == "created"]
        # A token for the group may stop servers of members only.
        if running:
            stop = hub.servers.stop_many(running).run()
            stopped = [str(event.target) for event in stop.done]
            for event in (*stop.failed, *stop.skipped):
                tally.add_failure(event.error or HubError(f"server {event.target}: not stopped: {event.message}"))
        difference = Difference(plan.group, (*plan.to_add, *existing), plan.to_remove)
        summary = hub.groups.change_users(difference)
    except (KeyboardInterrupt, HubError):
        note(f"{plan.group.name}: not finished; run the command again to finish it")
        raise
    unknown = [event for event in summary.failed if isinstance(event.error, UnknownUser)]
    if unknown:
        tally.add_failure(_unknown_users(hub, [event.name for event in unknown], roster))
    others = [event for event in summary.failed if not isinstance(event.error, UnknownUser)]
    add_failures((*others, *summary.skipped), tally)
    tally.done += len(summary.done)
    added = tuple(event.name for event in summary.done if event.kind == "added")
    removed = tuple(event.name for event in summary.done if event.kind == "removed")
    return msgspec.structs.replace(
        result,
        members=result.members + len(added) - len(removed),
        added=added,
        removed=removed,
        created=tuple(created),
        stopped=tuple(stopped),
    )


def _create_users(hub: Hub, names: Sequence[str]) -> NameSummary:
    """Create users, and print the progress now and then."""
    lines = ProgressLines()
    with hub.users.create_many(names) as fleet:
        for done, _ in enumerate(fleet, 1):
            lines.show(f"{done} of {len(names)} users created")
    return fleet.summary
