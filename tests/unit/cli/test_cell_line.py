"""The report of a notebook on a terminal and elsewhere."""

from __future__ import annotations

import io
import re
import sys

import pytest
from rich.console import Console

from jhub import CellError, NotebookEvent
from jhub.cli.progress.cell_line import CellLine
from jhub.cli.progress.cells import TextWriter, cell_reporter, print_traceback


def output(text: str) -> NotebookEvent:
    return NotebookEvent(kind="output", cell=1, count=2, text=text)


STARTED = NotebookEvent(kind="started", cell=1, count=2)
ENDED = NotebookEvent(kind="cell", cell=1, count=2, status="ok", seconds=1.25)


def line(*texts: str, show_text: bool = True) -> tuple[CellLine, io.StringIO]:
    """Return the line of a cell that has printed these texts, and what is above it."""
    screen = io.StringIO()
    made = CellLine(Console(file=screen, width=80, force_terminal=True, color_system=None), show_text=show_text)
    made.add(STARTED)
    for text in texts:
        made.add(output(text))
    return made, screen


def drawn(line: CellLine) -> str:
    """Return the line without its seconds."""
    return re.sub(r"  \d+ s", "", line.draw().plain)


def test_whole_lines_are_printed_above_the_line() -> None:
    made, screen = line("one\ntw", "o\nthr")
    assert screen.getvalue() == "one\ntwo\n"
    assert drawn(made) == "cell 1/2  thr"
    made.add(ENDED)
    assert screen.getvalue() == "one\ntwo\nthr\n"


def test_a_bar_of_progress_stays_in_the_line() -> None:
    made, screen = line("\r 10%", "\r 20%", "\r 30%")
    assert screen.getvalue() == ""
    assert drawn(made) == "cell 1/2   30%"
    made.add(output("\r100%\n"))
    assert screen.getvalue() == "100%\n"


def test_lines_of_windows() -> None:
    _, screen = line("one\r\ntwo\r\n")
    assert screen.getvalue() == "one\ntwo\n"


def test_text_may_go_elsewhere() -> None:
    made, screen = line("one\ntwo\n", show_text=False)
    assert screen.getvalue() == ""
    assert drawn(made) == "cell 1/2  two"


def test_control_sequences_of_a_server_do_not_reach_the_line() -> None:
    made, screen = line("a\x1b]0;ti", "tle\x07b\x1b[2Jc\x9b1A\td\x07\n\x08e")
    assert screen.getvalue() == "abc     d\n"
    assert drawn(made) == "cell 1/2  e"


def test_a_line_before_the_first_cell() -> None:
    console = Console(file=io.StringIO())
    assert CellLine(console, show_text=True).draw().plain == "starting a kernel"


class _Stream(io.TextIOWrapper):
    """A stream that may be a terminal."""

    def __init__(self, *, terminal: bool = False) -> None:
        super().__init__(io.BytesIO(), "utf-8")
        self._terminal = terminal

    def isatty(self) -> bool:
        return self._terminal

    @property
    def text(self) -> str:
        self.seek(0)
        return self.read()


@pytest.mark.parametrize(
    ("terminal", "no_color", "shown"),
    [(True, "", "\x1b[31mre\x1b[0md\n\x1b[0m"), (True, "1", "red\n"), (False, "", "red\n")],
)
def test_colours_reach_a_terminal_that_wants_them(
    terminal: bool, no_color: str, shown: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_COLOR", no_color)
    stream = _Stream(terminal=terminal)
    writer = TextWriter(stream)
    for part in ("\x1b[3", "1mre\x1b[0md\n", "\x1b]52;c;", "AAAA\x07"):
        writer.write(part)
    writer.end_cell()
    assert stream.text == shown


def test_each_cell_begins_on_a_line_of_its_own(
    capsysbinary: pytest.CaptureFixture[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    stdout = _Stream()
    monkeypatch.setattr(sys, "stdout", stdout)
    with cell_reporter("text", show_text=True) as report:
        for event in (STARTED, output("a"), output("b\ud800"), ENDED, STARTED, output("c\n"), ENDED, STARTED, ENDED):
            report(event)
    assert stdout.text == "ab?\nc\n"
    assert capsysbinary.readouterr().err == b"cell 1/2: ok, 1.2 s\n" * 3


def test_the_traceback_is_printed_without_control_characters(monkeypatch: pytest.MonkeyPatch) -> None:
    stderr = _Stream()
    monkeypatch.setattr(sys, "stderr", stderr)
    print_traceback(CellError(name="E", traceback=("\x1b[31mfirst\x1b[0m", "se\x07cond\x1b[2J")))
    print_traceback(CellError(name="E"))
    assert stderr.text == "first\nsecond\n"
