"""Command group that imports a command when it is called: `jhub --help` imports no command."""

from __future__ import annotations

import importlib
import inspect
import re
from typing import Any

import click
from click.shell_completion import CompletionItem


class LazyGroup(click.Group):
    """A group of commands that are imported on demand.

    Parameters
    ----------
    lazy
        For each command name, where it is defined, such as "jhub.cli.user:user", and its line in the help.
    sections
        The sections of the help, each with the names of its commands.
    """

    def __init__(
        self, *args: Any, lazy: dict[str, tuple[str, str]], sections: dict[str, tuple[str, ...]], **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        self.lazy = lazy
        self.sections = sections
        show_examples(self)

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of the commands, in the order of the help."""
        return list(self.lazy)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import and return a command; None if there is none of this name."""
        if cmd_name not in self.lazy:
            return None
        module, _, name = self.lazy[cmd_name][0].partition(":")
        command: click.Command = getattr(importlib.import_module(module), name)
        show_examples(command)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Resolve the command that the arguments name, or fail with a similar name as a suggestion."""
        # For its own suggestion, click would import every command.
        if args and args[0] not in self.lazy and not args[0].startswith("-") and not ctx.resilient_parsing:
            import difflib

            matches = difflib.get_close_matches(args[0], self.lazy, 1)
            ctx.fail(f"no such command {args[0]!r}" + (f"; did you mean {matches[0]!r}?" if matches else ""))
        return super().resolve_command(ctx, args)

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Complete command names, each with its line in the help, and options."""
        items = [
            CompletionItem(name, help=text) for name, (_, text) in self.lazy.items() if name.startswith(incomplete)
        ]
        return items + click.Command.shell_complete(self, ctx, incomplete)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of commands into the help, without importing them."""
        width = max(map(len, self.lazy))
        for title, names in self.sections.items():
            with formatter.section(title):
                formatter.write_dl([(f"{name:<{width}}", self.lazy[name][1]) for name in names])


def show_examples(command: click.Command) -> None:
    """Print the lines that begin with "$ " in the help of a command, and of all commands below it, as examples.

    Click keeps the lines of a paragraph that begins with a backspace character, and fills all other paragraphs.
    """
    for child in command.commands.values() if isinstance(command, click.Group) else ():
        show_examples(child)
    text = inspect.cleandoc(command.help or "")
    command.help = re.sub(r"(?m)^(?:\$ .*\n?)+", _examples, text)


def _examples(block: re.Match[str]) -> str:
    return "\b\nExamples:\n" + re.sub(r"(?m)^\$ ", "  ", block[0])
