"""Help pages of all commands: examples, and brackets around optional arguments."""

from __future__ import annotations

import click

from jhub.cli.main import cli


def commands(group: click.Command, name: str, ctx: click.Context) -> dict[str, click.Command]:
    if not isinstance(group, click.Group):
        return {name: group}
    found: dict[str, click.Command] = {}
    for each in group.list_commands(ctx):
        child = group.get_command(ctx, each)
        assert child is not None
        found |= commands(child, f"{name} {each}", ctx)
    return found


def test_every_command_shows_an_example() -> None:
    with click.Context(cli) as ctx:
        found = commands(cli, "jhub", ctx)
    assert len(found) > 55
    assert [name for name, command in found.items() if f"{name.split()[-1]}" not in _examples(command)] == []


def test_only_optional_arguments_are_in_brackets() -> None:
    with click.Context(cli) as ctx:
        for name, command in commands(cli, "jhub", ctx).items():
            for param in command.params:
                if isinstance(param, click.Argument):
                    assert param.make_metavar(ctx).startswith("[") is not param.required, name


def _examples(command: click.Command) -> str:
    return (command.help or "").partition("\b")[2]
