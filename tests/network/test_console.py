"""Prompts at the terminal, or in a notebook."""

from __future__ import annotations

import builtins
import getpass
import io
import socket
import sys
import threading
from typing import Any

import pytest

from jhub.errors import InvalidInput, WaitTimeout
from jhub.login.console import Console
from jhub.login.questions import OtherUser, Password, PastedToken, SecondFactor, Username, Visit

QUESTIONS = [Username(), Password("ana"), SecondFactor("One-time password"), PastedToken("https://x/hub/token")]


class Terminal(io.StringIO):
    """Standard input that is a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """The input by prompt; `input` echoes it, `getpass` does not."""
    typed: dict[str, str] = {}
    monkeypatch.setattr(sys, "stdin", Terminal())
    # The prompt goes to stderr, so that stdout has only the program's own output.
    monkeypatch.setattr(builtins, "input", lambda: f"seen {typed['Username: ']}")
    monkeypatch.setattr(getpass, "getpass", lambda prompt: f"hidden {typed[prompt]}")
    return typed


@pytest.mark.parametrize(
    ("question", "prompt", "answer"),
    [
        (QUESTIONS[0], "Username: ", "seen x"),
        (QUESTIONS[1], "Password of ana: ", "hidden x"),
        (QUESTIONS[2], "One-time password (empty if you have none): ", "hidden x"),
        (QUESTIONS[3], "Token: ", "hidden x"),
    ],
)
def test_only_a_username_is_echoed(question: object, prompt: str, answer: str, terminal: dict[str, str]) -> None:
    terminal[prompt] = "x"
    assert Console()(question) == answer


def test_a_prompt_for_a_token_names_the_token_page(
    terminal: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    terminal["Token: "] = " abc \n"
    assert Console()(QUESTIONS[3]) == "hidden  abc"
    assert "https://x/hub/token" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("typed", "answer"), [("y", "mallory"), (" YES ", "mallory"), ("n", ""), ("", ""), ("ana", "")]
)
def test_another_user_must_be_confirmed(
    typed: str, answer: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "stdin", Terminal())
    monkeypatch.setattr(builtins, "input", lambda: typed)
    assert Console()(OtherUser("mallory", "ana")) == answer
    said = "The browser signed in as mallory, not as ana. Continue as mallory? [y/N] "
    assert capsys.readouterr() == ("", said)


class StdinNotImplementedError(NotImplementedError):
    """The error of a notebook that runs without a front end."""


@pytest.mark.parametrize("error", [EOFError(), StdinNotImplementedError("raw_input was called")])
@pytest.mark.parametrize("question", QUESTIONS)
def test_without_a_terminal_a_question_is_an_error(
    question: object, error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    def nobody(prompt: str = "") -> Any:
        raise error

    monkeypatch.setattr(sys, "stdin", Terminal())
    monkeypatch.setattr(builtins, "input", nobody)
    monkeypatch.setattr(getpass, "getpass", nobody)
    with pytest.raises(InvalidInput, match="cannot prompt without a terminal") as caught:
        Console()(question)
    assert "Hub(url, token)" in caught.value.hint


@pytest.mark.parametrize("stdin", [None, io.StringIO("ana\n")])
@pytest.mark.parametrize("question", [*QUESTIONS, Visit("https://x/", "http://127.0.0.1:1/", "STATE")])
def test_without_a_terminal_there_is_no_wait_for_the_browser(
    question: object, stdin: io.StringIO | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", stdin)
    with pytest.raises(InvalidInput, match="cannot prompt without a terminal"):
        Console()(question)


def test_questions_go_to_stderr(terminal: dict[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    terminal["Username: "] = "x"
    Console()(Username())
    assert capsys.readouterr() == ("", "Username: ")


@pytest.mark.usefixtures("terminal")
@pytest.mark.parametrize("question", ["Username", None, object()])
def test_an_unknown_question_is_a_type_error(question: object) -> None:
    with pytest.raises(TypeError, match="is not a question"):
        Console()(question)


@pytest.mark.usefixtures("terminal")
def test_closing_the_console_ends_the_wait_for_the_browser(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("webbrowser.open", lambda url: False)
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = found.getsockname()[1]
    console = Console()
    ended: list[WaitTimeout] = []

    def wait() -> None:
        try:
            console(Visit("https://x/", f"http://127.0.0.1:{port}/signed-in", "STATE"))
        except WaitTimeout as error:
            ended.append(error)

    thread = threading.Thread(target=wait, daemon=True)
    thread.start()
    console.close()
    thread.join(5)
    assert len(ended) == 1
    assert "https://x/" in capsys.readouterr().err
