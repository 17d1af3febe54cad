"""Options of `jhub plan` and `jhub apply`, and the plan that both print."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Generator, Iterable, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from logging import DEBUG, getLogger
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast

import click

from jhub.cli.kit.output import dump
from jhub.errors import Conflict, InvalidInput, MissingScope, counted
from jhub.state import PRUNE_KINDS, PruneKind, count_changes, is_saved_plan, load, render_plan

if TYPE_CHECKING:
    from jhub import Hub
    from jhub.state import Document, Plan

F = TypeVar("F", bound=Callable[..., Any])

DEFAULT_FILE = "jhub.yaml"
"""State file of a command without one."""
DEFAULT_PRUNE_KINDS = "groups,servers"
"""Kinds of objects that --prune alone deletes."""
MIN_WIDTH = 80
"""Width of a plan without a terminal, and on a narrow one."""
SIGN_COLORS = {"+": "green", "~": "yellow", "-": "red", "!": "cyan", "x": "red"}
"""Colours of the lines of a plan, by their sign."""


class PlanningCommand(click.Command):
    """A command with the option --prune, whose value may be missing: the next word may be a file."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse the arguments, after each --prune has its value."""
        return super().parse_args(ctx, with_prune_kinds(args))


def with_prune_kinds(arguments: Sequence[str]) -> list[str]:
    """Return arguments in which each --prune has a value: the next word, if it names kinds, else the default."""
    done: list[str] = []
    rest = list(arguments)
    while rest and rest[0] != "--":
        word = rest.pop(0)
        if word == "--prune":
            kinds = rest.pop(0) if rest and _may_be_kinds(rest[0]) else DEFAULT_PRUNE_KINDS
            word = f"--prune={kinds}"
        done.append(word)
    return done + rest


def _may_be_kinds(word: str) -> bool:
    """Return whether a word names kinds, also if a file has this name, or is a typing error rather than a file."""
    if set(word.split(",")) <= set(PRUNE_KINDS):
        return True
    return bool(re.fullmatch("[a-z,]+", word)) and not Path(word).exists()


@dataclass(frozen=True, slots=True)
class PlanOptions:
    """The options that decide what a plan has."""

    prune: tuple[PruneKind, ...] = ()
    adopt: bool = False
    allow_commands: bool = False

    def load(self, files: Sequence[str]) -> Document:
        """Return the document of state files."""
        if saved := next(filter(is_saved_plan, files), None):
            raise InvalidInput(f"{saved} is a saved plan, not a state file", hint=f"jhub apply {saved} applies it")
        if not files and not Path(DEFAULT_FILE).exists():
            raise InvalidInput(
                f"no file {DEFAULT_FILE} in this folder", hint="name a state file; jhub export > jhub.yaml writes one"
            )
        return load(*(files or (DEFAULT_FILE,)), allow_commands=self.allow_commands)

    def plan(self, hub: Hub, files: Sequence[str]) -> tuple[Plan, Document]:
        """Return the plan of state files for a hub, and their document."""
        document = self.load(files)
        with reading(hub.url):
            return hub.state.plan(document, prune=self.prune, adopt=self.adopt), document


def _split_kinds(ctx: click.Context, param: click.Parameter, values: Iterable[str]) -> tuple[PruneKind, ...]:
    kinds = [kind.strip() for value in values for kind in value.split(",")]
    if unknown := [kind for kind in kinds if kind not in PRUNE_KINDS]:
        raise click.BadParameter(f"unknown kind {unknown[0]!r}; use {', '.join(PRUNE_KINDS)}", ctx, param)
    return cast("tuple[PruneKind, ...]", tuple(dict.fromkeys(kinds)))


def planning_options(command: F) -> F:
    """Add --prune, --adopt, --allow-commands and --full to a command."""
    for option in reversed(
        (
            click.option(
                "--prune",
                multiple=True,
                metavar="[KIND,...]",
                callback=_split_kinds,
                help="Delete what the file does not have: groups of its owner, and stopped named servers of its users, "
                "with their storage; users only if named (--prune users). KIND is groups, servers or users.",
            ),
            click.option("--adopt", is_flag=True, help="Take over groups that have another owner."),
            click.option("--allow-commands", is_flag=True, help="Run the commands that the file has for rosters."),
            click.option("--full", is_flag=True, help="List all names of the plan."),
        )
    ):
        command = option(command)
    return command


output_option = click.option(
    "-o",
    "--output",
    "output_format",
    type=click.Choice(["text", "json"]),
    default="text",
    metavar="FORMAT",
    help="Output format: text or json.",
)

files_argument = click.argument("files", nargs=-1, type=click.Path(), metavar="[FILE]...")


@contextmanager
def reading(url: str) -> Generator[None]:
    """Show on the terminal that the hub is being read."""
    # A live line would overwrite those of --debug.
    if sys.stderr.isatty() and not getLogger("jhub").isEnabledFor(DEBUG):
        from jhub.cli.progress.screen import screen_console

        if console := screen_console():
            from rich.text import Text

            with console.status(Text(f"reading {url}")):
                yield
            return
    yield


def print_plan(plan: Plan, no_changes: str, *, full: bool) -> None:
    """Print the text of a plan; without changes, `no_changes` in place of the counts."""
    is_unicode = sys.stdout.encoding.lower().startswith("utf")
    width = MIN_WIDTH
    if sys.stdout.isatty():
        from rich.console import Console

        width = max(MIN_WIDTH, Console().width)
    lines = render_plan(plan, full=full, width=width, ascii_only=not is_unicode).splitlines()
    if plan.in_sync:
        lines[-1:] = [no_changes]
    color = None
    for line in lines:
        color = color if line.startswith(" ") else SIGN_COLORS.get(line[:2].strip() if line[1:2] == " " else "")
        click.secho(line, fg=color if _has_color() else None)


def _has_color() -> bool:
    from os import environ

    return sys.stdout.isatty() and not environ.get("NO_COLOR")


def in_sync(place: str, document: Document, files: Sequence[str]) -> str:
    """Return the sentence that a hub, or its export, is in sync with the files."""
    counts = f"{counted(len(document.users), 'user')}, {counted(len(document.groups), 'group')}"
    return f"{place} is in sync with {', '.join(files or (DEFAULT_FILE,))}: {counts}."


def refuse(plan: Plan, *, for_apply: bool) -> None:
    """Raise `Conflict` for the refusals of a plan and, if it is to be applied, `MissingScope` for its scopes."""
    if plan.refusals:
        first = plan.refusals[0]
        more = f", and {len(plan.refusals) - 1} more" if len(plan.refusals) > 1 else ""
        raise Conflict(f"the plan is refused: {first.subject}: {first.message}{more}", hint=first.hint)
    if plan.missing_scopes and for_apply:
        error = MissingScope("the token lacks scopes for this plan", plan.missing_scopes)
        error.hint = f"use a token with the scopes {', '.join(plan.missing_scopes)}"
        raise error


def print_plan_json(plan: Plan) -> None:
    """Print a plan as JSON."""
    dump(plan.to_dict(), "json")


def describe_count(plan: Plan) -> str:
    """Return the number of changes of a plan in words."""
    return counted(count_changes(plan), "change")
