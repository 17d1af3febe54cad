"""`jhub validate`: check state files, and print their JSON Schema."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

import click

from jhub.cli.kit.checked_problem import PROBLEMS, CheckedProblem
from jhub.cli.kit.options import common, output
from jhub.cli.kit.output import escape
from jhub.cli.planning import DEFAULT_FILE
from jhub.errors import counted

if TYPE_CHECKING:
    from jhub.state import Document


@click.command()
@click.argument("files", metavar="[FILE]...", nargs=-1, type=click.Path(exists=True, dir_okay=False))
@click.option("--schema", is_flag=True, help="Print the JSON Schema of state files, for editors.")
@output()
@common
def validate(files: tuple[str, ...], schema: bool, output_format: str) -> None:
    """Check state files, and the rosters that they name.

    Several files are checked as one document. Without FILE, checks jhub.yaml. Prints each problem as FILE:LINE:
    MESSAGE. The exit code is 1 if there are errors. Warnings do not change it.

    Needs no hub. Commands that print a roster are not run.

    $ jhub validate
    $ jhub validate cs101.yaml cs102.yaml
    $ jhub validate --schema > state.schema.json
    """
    import jhub.state

    if schema:
        if files:
            raise click.UsageError("--schema takes no FILE")
        click.echo(json.dumps(jhub.state.json_schema(), indent=2))
        return
    if not files and not os.path.isfile(DEFAULT_FILE):
        raise click.UsageError(f"name a FILE: there is no {DEFAULT_FILE} in this folder")
    paths = tuple(dict.fromkeys(files or (DEFAULT_FILE,)))
    result = jhub.state.check(*paths)
    if output_format == "table":
        for problem in result.problems:
            click.echo(escape(str(problem)))
        if result.document is not None:
            are = "are" if len(paths) > 1 else "is"
            click.echo(escape(f"{' and '.join(paths)} {are} valid: {_contents(result.document)}"))
        else:
            have = "have" if len(paths) > 1 else "has"
            click.echo(escape(f"{' and '.join(paths)} {have} {counted(len(result.errors), 'error')}"))
    else:
        checked = [CheckedProblem(each.file, each.line, each.severity, each.message) for each in result.problems]
        PROBLEMS.print_list(checked, output_format)
    if result.document is None:
        raise click.exceptions.Exit(1)


def _contents(document: Document) -> str:
    """Return the numbers of the objects in a document."""
    members = sum(len(group.members.names) for group in document.groups if group.members)
    numbers = [
        counted(len(document.users), "user"),
        counted(len(document.groups), "group"),
        counted(members, "member"),
        counted(len(document.servers or ()), "server"),
        counted(len(document.roles), "role"),
    ]
    # A file without servers or roles is usual.
    return ", ".join(number for index, number in enumerate(numbers) if index < 3 or not number.startswith("0 "))
