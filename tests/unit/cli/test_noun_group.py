"""Short names of verbs, and the help of commands by `jhub help`."""

from __future__ import annotations

import pytest
from click.testing import CliRunner

from jhub.cli.main import COMMANDS, SECTIONS, cli


def run(*args: str) -> tuple[int, str]:
    result = CliRunner().invoke(cli, args, prog_name="jhub")
    return result.exit_code, result.output


@pytest.mark.parametrize(
    ("short", "verb"),
    [
        (("user", "ls"), "list"),
        (("user", "get"), "show"),
        (("user", "rm"), "delete"),
        (("group", "rm"), "delete"),
        (("context", "rm"), "remove"),
        (("token", "rm"), "revoke"),
        (("server", "ls"), "list"),
    ],
)
def test_a_short_name_is_that_of_a_verb(short: tuple[str, str], verb: str) -> None:
    code, help_page = run(*short, "--help")
    assert code == 0
    assert help_page.startswith(f"Usage: jhub {short[0]} {verb} ")


def test_short_names_are_not_listed() -> None:
    code, help_page = run("user", "--help")
    assert code == 0
    assert "\n  rm " not in help_page
    assert run("hub", "rm")[0] == 2


def test_every_command_is_in_one_section_of_the_help() -> None:
    assert sorted(name for names in SECTIONS.values() for name in names) == sorted(COMMANDS)
    _, help_page = run("--help")
    assert [line for line in help_page.splitlines() if line in [f"{title}:" for title in SECTIONS]] == [
        f"{title}:" for title in SECTIONS
    ]


@pytest.mark.parametrize("words", [("server", "start"), ("user",), ("share", "code", "create")])
def test_help_shows_the_help_of_a_command(words: tuple[str, ...]) -> None:
    assert run("help", *words) == run(*words, "--help")


def test_help_alone_is_the_help_of_jhub() -> None:
    assert run("help") == run("--help")


def test_help_of_an_unknown_command_names_the_topics() -> None:
    code, output = run("help", "server", "launch")
    assert code == 2
    assert "no help for 'server launch'; topics: exit-codes, environment, output" in output


def test_the_version_has_a_short_option() -> None:
    assert run("-V") == run("--version")
