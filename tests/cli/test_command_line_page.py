"""The table of docs/how-to/command-line.md lists all commands."""

from __future__ import annotations

import re
from pathlib import Path

import click

from jhub.cli.main import cli

PAGE = (Path(__file__).parents[2] / "docs/how-to/command-line.md").read_text()


def test_the_table_names_every_verb() -> None:
    with click.Context(cli) as ctx:
        for nouns, verbs in re.findall(r"^\| (`.*`) \| (`.*`) \|$", PAGE, re.MULTILINE):
            for noun, listed in zip(re.findall(r"`(.*?)`", nouns), verbs.split("; "), strict=True):
                group: click.Command | None = cli
                for part in noun.split():
                    assert isinstance(group, click.Group)
                    group = group.get_command(ctx, part)
                assert isinstance(group, click.Group)
                nested = {name for name, command in group.commands.items() if isinstance(command, click.Group)}
                assert set(re.findall(r"`(.*?)`", listed)) == set(group.commands) - nested, noun
