"""docs/command-line.md: its examples run, and its table lists all commands."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import click
from terminal import Jhub

from jhub.cli.main import cli

PAGE = (Path(__file__).parents[2] / "docs/command-line.md").read_text()


def test_the_commands_of_the_page_run(as_admin: Jhub) -> None:
    script = "".join(re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL))
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    env = {**as_admin.environment(), "PATH": path, "HOME": str(as_admin.home)}
    try:
        done = subprocess.run(["bash", "-euc", script], env=env, capture_output=True, text=True, timeout=600)
        assert done.returncode == 0, done
        assert "DELETE /users/emil\n" in done.stdout
        assert (as_admin.home / "link.txt").read_text().startswith("http://")
    finally:
        as_admin("user", "delete", "--yes", "emil", "flora")
        as_admin("group", "delete", "--yes", "soil")
        as_admin("service", "delete", "--yes", "soil-bot")


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
