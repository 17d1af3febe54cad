"""`jhub apply`: bring a hub to the state of a file, or apply a saved plan."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click
from msgspec.structs import replace

from jhub.cli.apply_report import run_apply
from jhub.cli.kit.options import common, connect, connected_host, yes
from jhub.cli.kit.output import describe
from jhub.cli.kit.prompts import confirm, confirm_by_typing
from jhub.cli.planning import (
    PlanningCommand,
    PlanOptions,
    describe_count,
    files_argument,
    in_sync,
    output_option,
    planning_options,
    print_plan,
    print_plan_json,
    refuse,
)
from jhub.errors import Conflict, InvalidInput
from jhub.state import DeleteUser, PruneKind, is_saved_plan, load_plan, missing_scopes

if TYPE_CHECKING:
    from jhub.state import Plan


@click.command(cls=PlanningCommand)
@files_argument
@planning_options
@click.option(
    "--delete-users",
    type=click.IntRange(min=1),
    metavar="N",
    help="Delete N users without a prompt. The plan must delete exactly as many.",
)
@click.option("--dry-run", is_flag=True, help="Show the plan, and change nothing.")
@yes
@output_option
@common
def apply(
    files: tuple[str, ...],
    prune: tuple[PruneKind, ...],
    adopt: bool,
    allow_commands: bool,
    full: bool,
    delete_users: int | None,
    dry_run: bool,
    yes: bool,
    output_format: str,
) -> int:
    """Bring the hub to the state of FILE (default: jhub.yaml), or apply a plan that jhub plan --out has saved.

    Shows the plan and asks before it changes anything. An object that has changed since the plan was made is stale, and
    is left as it is. A failure does not stop the other changes. To finish, or to continue after Ctrl-C, run the same
    command again.

    Users are deleted only with --prune users, and after their number was typed, or passed with --delete-users.

    Exit codes: 4 the token lacks a scope, 6 the plan is refused, or changes are stale, 7 some changes failed.

    $ jhub apply
    $ jhub apply jhub.yaml --yes
    $ jhub apply --prune jhub.yaml
    $ jhub apply plan.json
    $ jhub apply --prune users --delete-users 3
    """
    options = PlanOptions(prune, adopt, allow_commands)
    saved = _saved_plan(files, options)
    if delete_users is not None and saved is None and "users" not in prune:
        raise click.UsageError("--delete-users needs --prune users")
    with connect() as hub:
        if saved is None:
            plan, document = options.plan(hub, files)
            no_changes = in_sync(hub.url, document, files)
        else:
            if saved.hub not in ("", hub.url):
                raise InvalidInput(f"the plan is for {saved.hub}, and this hub is {hub.url}", hint="use -c CONTEXT")
            missing = missing_scopes(saved.changes, hub.whoami())
            plan, no_changes = replace(saved, missing_scopes=missing), f"{files[0]} has no changes."
        if output_format == "text":
            print_plan(plan, no_changes, full=full)
        elif dry_run:
            print_plan_json(plan)
        refuse(plan, for_apply=True)
        if dry_run:
            return 0
        if not plan.empty:
            _confirm(plan, delete_users, yes=yes)
        return run_apply(hub, plan, output_format, is_saved=saved is not None)


def _saved_plan(files: Sequence[str], options: PlanOptions) -> Plan | None:
    """Return the plan in the only file, if that is a saved plan."""
    if not any(map(is_saved_plan, files)):
        return None
    if len(files) > 1:
        raise click.UsageError("a saved plan is applied alone, without other files")
    if options != PlanOptions():
        raise click.UsageError("--prune, --adopt and --allow-commands are for the plan, which is saved already")
    return load_plan(files[0])


def _confirm(plan: Plan, delete_users: int | None, *, yes: bool) -> None:
    """Ask whether to apply a plan. The number of users to delete must be typed, also with --yes."""
    deleted = [change.user for change in plan.changes if isinstance(change, DeleteUser)]
    if not deleted:
        confirm(f"Apply {describe_count(plan)}?", yes=yes)
        return
    if delete_users is not None and delete_users != len(deleted):
        raise Conflict(
            f"the plan deletes {describe('user', deleted)}, and --delete-users is {delete_users}",
            hint=f"if that is right, pass --delete-users {len(deleted)}",
        )
    described = describe("user", deleted)
    owner = "its" if len(deleted) == 1 else "their"
    confirm_by_typing(
        f"delete {described}",
        f"This applies {describe_count(plan)} to {connected_host()} and permanently deletes {described} and all "
        f"{owner} data: the spawner may delete {owner} volumes too (KubeSpawner does, with delete_pvc).",
        str(len(deleted)),
        yes=delete_users is not None,
        hint=f"pass --delete-users {len(deleted)}; --yes is not enough",
    )
