"""`jhub plan`: show the changes that bring a hub to the state of a file."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import click

from jhub.cli.kit.options import common, connect
from jhub.cli.kit.output import json_text, note
from jhub.cli.kit.output_file import PRIVATE, write_file
from jhub.cli.planning import (
    PlanningCommand,
    PlanOptions,
    files_argument,
    in_sync,
    output_option,
    planning_options,
    print_plan,
    print_plan_json,
    refuse,
)
from jhub.errors import Conflict
from jhub.state import PruneKind, compare, is_saved_plan, load

if TYPE_CHECKING:
    from jhub.state import Plan

CHANGES = 3
"""Exit code of `--exit-code` for a plan with changes."""


@click.command(cls=PlanningCommand)
@files_argument
@planning_options
@click.option("--against", type=click.Path(), metavar="FILE", help="Compare with this exported file, without a hub.")
@click.option("--out", type=click.Path(), metavar="FILE", help="Save the plan in this file, for jhub apply.")
@click.option("--exit-code", is_flag=True, help="Exit with code 3 if there are changes.")
@output_option
@common
def plan(
    files: tuple[str, ...],
    prune: tuple[PruneKind, ...],
    adopt: bool,
    allow_commands: bool,
    full: bool,
    against: str | None,
    out: str | None,
    exit_code: bool,
    output_format: str,
) -> int:
    """Show the changes that bring the hub to the state of FILE (default: jhub.yaml). Nothing is changed.

    Several files are read as one. A line begins with + for what is added, ~ for what changes, - for what is deleted,
    ! for what differs and stays as it is, and x for a reason because of which the plan cannot be applied.

    A token that may only read is enough. The scopes that it lacks for an apply are listed, and do not change the exit
    code. Exit codes: 3 changes, with --exit-code; 6 the plan is refused.

    $ jhub plan
    $ jhub plan jhub.yaml --exit-code
    $ jhub plan --prune --out plan.json
    $ jhub plan jhub.yaml --against export.yaml
    """
    options = PlanOptions(prune, adopt, allow_commands)
    if out is not None:
        if against is not None:
            raise click.UsageError("--out needs a hub: a comparison with a file cannot be applied")
        _check_plan_file(out)
    if against is not None:
        document = options.load(files)
        result, place = compare(document, load(against), prune=prune, adopt=adopt), against
    else:
        with connect() as hub:
            result, document = options.plan(hub, files)
            place = hub.url
    if output_format == "json":
        print_plan_json(result)
    else:
        print_plan(result, in_sync(place, document, files), full=full)
    refuse(result, for_apply=False)
    if out is not None:
        _save(result, out)
    return CHANGES if exit_code and not result.in_sync else 0


def _check_plan_file(path: str) -> None:
    """Raise `Conflict` if a file is there that is not a saved plan, such as the state file itself."""
    if os.path.lexists(path) and not is_saved_plan(path):
        raise Conflict(f"{path} exists, and is not a saved plan", hint="name another file, or move it away")


def _save(plan: Plan, path: str) -> None:
    write_file(path, json_text(plan.to_dict(), indent=2) + "\n", overwrite=True, mode=PRIVATE)
    note(f"saved the plan; apply it with: jhub apply {path}")
