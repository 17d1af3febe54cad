"""Command group of a noun, such as `jhub user`, with short names for its verbs."""

from __future__ import annotations

import click

ALIASES = {"ls": ("list",), "get": ("show",), "rm": ("delete", "remove", "revoke")}
"""Short names of verbs; each stands for the first of these verbs that the noun has. The help does not list them."""


class NounGroup(click.Group):
    """A group of verbs that also takes their short names: `jhub user ls`."""

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return a verb by its name or its short name; None if there is none."""
        names = (cmd_name, *ALIASES.get(cmd_name, ()))
        return next((self.commands[name] for name in names if name in self.commands), None)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Resolve the verb that the arguments name. Messages about it have its full name."""
        _, command, others = super().resolve_command(ctx, args)
        return None if command is None else command.name, command, others
