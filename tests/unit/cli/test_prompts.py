"""Confirmation prompts: what they ask, and how a declined one ends the command."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from functools import partial

import click
import httpx2
import pytest

from jhub import Hub
from jhub.cli.kit.options import HUB_KEY
from jhub.cli.kit.prompts import confirm, confirm_deletion
from jhub.errors import InvalidInput


class Terminal(io.StringIO):
    """A stdin that is a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.fixture
def context() -> Iterator[click.Context]:
    def hub_json(request: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(200, json={"version": "6.1.1"}, headers={"x-jupyterhub-version": "6.1.1"})

    with (
        Hub("http://127.0.0.1:1/base/hub/api", "token", transport=httpx2.MockTransport(hub_json)) as hub,
        click.Context(click.Command("stop")) as context,
    ):
        context.meta[HUB_KEY] = hub
        yield context


@pytest.fixture
def type_answer(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    def type_answer(answer: str) -> None:
        monkeypatch.setattr("sys.stdin", Terminal(f"{answer}\n"))

    return type_answer


def test_ctrl_d_declines_a_question(
    context: click.Context, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for question in (partial(confirm, "Stop 3 servers?"), partial(confirm_deletion, "user", ["ana"])):
        monkeypatch.setattr("sys.stdin", Terminal(""))
        with pytest.raises(click.exceptions.Exit) as end:
            question(yes=False)
        assert end.value.exit_code == 1
        assert capsys.readouterr().err.splitlines()[-1] == "Nothing changed."


@pytest.mark.parametrize("answer", ["n", "", "no"])
def test_a_declined_question_ends_with_1_and_changes_nothing(
    answer: str, context: click.Context, type_answer: Callable[[str], None], capsys: pytest.CaptureFixture[str]
) -> None:
    type_answer(answer)
    with pytest.raises(click.exceptions.Exit) as end:
        confirm("Stop 3 servers?", yes=False)
    assert end.value.exit_code == 1
    assert capsys.readouterr().err.splitlines()[-1].endswith("Nothing changed.")


def test_a_question_names_the_hub(
    context: click.Context, type_answer: Callable[[str], None], capsys: pytest.CaptureFixture[str]
) -> None:
    type_answer("y")
    confirm("Stop 3 servers?", yes=False)
    assert capsys.readouterr().err.startswith("127.0.0.1:1/base: Stop 3 servers? [y/N]")


def test_a_deletion_names_the_hub_and_needs_the_name(
    context: click.Context, type_answer: Callable[[str], None], capsys: pytest.CaptureFixture[str]
) -> None:
    type_answer("ana")
    confirm_deletion("user", ["ana"], yes=False)
    prompt = "This permanently deletes user ana on 127.0.0.1:1/base and all its data. Type ana to continue"
    assert capsys.readouterr().err.startswith(prompt)


def test_another_name_ends_a_deletion_with_1_and_changes_nothing(
    context: click.Context, type_answer: Callable[[str], None], capsys: pytest.CaptureFixture[str]
) -> None:
    type_answer("anna")
    with pytest.raises(click.exceptions.Exit) as end:
        confirm_deletion("user", ["ana"], yes=False)
    assert end.value.exit_code == 1
    assert capsys.readouterr().err.endswith("Nothing changed.\n")


def test_without_a_hub_a_question_stands_for_itself(
    type_answer: Callable[[str], None], capsys: pytest.CaptureFixture[str]
) -> None:
    type_answer("2")
    with click.Context(click.Command("reset")):
        confirm_deletion("user", ["ana", "bo"], yes=False)
    assert capsys.readouterr().err.startswith("This permanently deletes 2 users (ana, bo) and all their data.")


def no_terminal(*args: object) -> int:
    raise OSError


def test_yes_skips_the_question_and_no_terminal_refuses_it(
    context: click.Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("y\n"))
    monkeypatch.setattr("os.open", no_terminal)
    confirm("Stop 3 servers?", yes=True)
    with pytest.raises(InvalidInput) as error:
        confirm("Stop 3 servers?", yes=False)
    assert error.value.hint == "use --yes to skip the confirmation"
