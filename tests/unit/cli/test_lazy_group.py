"""Lazy commands, examples in help pages, and the suggestion for a wrong command name."""

from __future__ import annotations

import click
import pytest
from click.testing import CliRunner

from jhub.cli.kit.lazy_group import LazyGroup, show_examples


def test_example_lines_are_kept_as_lines_of_the_help() -> None:
    @click.command()
    def stop() -> None:
        """Stop servers.

        $ jhub server stop ana/lab
        $ jhub server list -o name | jhub server stop -
        """

    for _ in range(2):  # a command is looked up more than once
        show_examples(stop)
        lines = CliRunner().invoke(stop, ["--help"]).stdout.splitlines()
        at = lines.index("  Examples:")
        assert lines[at + 1 : at + 3] == [
            "    jhub server stop ana/lab",
            "    jhub server list -o name | jhub server stop -",
        ]


@pytest.mark.parametrize(
    ("name", "message"),
    [("grop", "no such command 'grop'; did you mean 'group'?"), ("xyzzy", "no such command 'xyzzy'")],
)
def test_a_wrong_name_imports_nothing_and_suggests_a_similar_one(name: str, message: str) -> None:
    cli = LazyGroup("jhub", lazy={"group": ("no_such_module:group", "Manage groups.")}, sections={})
    result = CliRunner().invoke(cli, [name])
    assert (result.exit_code, result.stderr.splitlines()[-1]) == (2, f"Error: {message}")
