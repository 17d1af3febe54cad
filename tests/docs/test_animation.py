"""The moving picture of the README: `make animation` records it, and this is what it must be."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import click
import pytest
from page_blocks import ROOT

from jhub.cli.main import cli

PICTURE = ROOT / "docs/images/start-a-class.svg"
SVG = "{http://www.w3.org/2000/svg}"
PASSIVE = {"svg", "title", "style", "defs", "g", "rect", "circle", "text", "use"}
"""Elements that git hosts and package indexes leave in a picture."""
MAX_BYTES = 300_000


def lines(picture: Path) -> list[str]:
    """Return the different lines of the terminal."""
    root = ElementTree.parse(picture).getroot()
    return [
        " ".join(text.text or "" for text in line.iter(f"{SVG}text")) for line in root.iterfind(f"{SVG}defs/{SVG}g")
    ]


def commands(picture: Path) -> set[str]:
    """Return the command lines that were typed to their end."""
    typed = [line.removeprefix("$ ") for line in lines(picture) if line.startswith("$ ")]
    return {line for line in typed if not any(other != line and other.startswith(line) for other in typed)}


def check(picture: Path) -> None:
    """Check that a picture needs nothing else, and that it has no secret."""
    assert {element.tag.removeprefix(SVG) for element in ElementTree.parse(picture).iter()} == PASSIVE
    text = picture.read_text()
    assert set(re.findall(r'href="(.)', text)) == {"#"}
    assert not re.search(r"url\(|@import|javascript:|\son\w+=", text)
    assert "prefers-reduced-motion: reduce" in text
    assert not [line for line in lines(picture) if re.search(r"[\w-]{24}", line)], "tokens are longer"
    assert "Password:" in [line.strip() for line in lines(picture)], "the password is not shown"
    for command in commands(picture):
        parse(command)


def parse(line: str) -> None:
    """Parse a command line, as far as its last option."""
    program, *arguments = shlex.split(line)
    assert program == "jhub"
    command: click.Command = cli
    context = click.Context(command)
    while isinstance(command, click.Group):
        name, found, arguments = command.resolve_command(context, arguments)
        assert found is not None
        assert name is not None
        command = found
        context = click.Context(command, parent=context, info_name=name)
    command.parse_args(context, list(arguments))


def test_the_picture_of_the_readme() -> None:
    check(PICTURE)
    assert commands(PICTURE) == {
        "jhub login http://127.0.0.1:8000 -u admin",
        "jhub server start --group geo --name lab --profile lab",
    }
    text = PICTURE.read_text()
    assert len(text.encode()) < MAX_BYTES
    [seconds] = re.findall(r"animation: film ([\d.]+)s step-end infinite", text)
    assert 20 <= float(seconds) <= 40
    assert "mia/lab  failed" in re.sub(" +", "  ", "\n".join(lines(PICTURE)))


@pytest.mark.parametrize("line", ["jhub server begin --group geo", "jhub server start --class geo"])
def test_a_command_that_does_not_exist_is_found(line: str) -> None:
    with pytest.raises(click.UsageError):
        parse(line)


def test_a_class_of_two_is_recorded(tmp_path: Path) -> None:
    picture = tmp_path / "two.svg"
    record = [sys.executable, "-W", "error", str(ROOT / "docs/make_animation.py"), "--quick", str(picture)]
    subprocess.run(record, check=True, capture_output=True, text=True, timeout=600)
    check(picture)
    [start] = [command for command in commands(picture) if command.startswith("jhub server")]
    assert start in commands(PICTURE)
    assert any("the home folder is full" in line for line in lines(picture))
    assert any(line.startswith("1 ready in") and line.endswith("1 failed") for line in lines(picture))
