"""The tutorials that `test_pages.py` cannot run: one at a terminal, and one in a single shell.

They run as a reader types them, on a local hub that the page itself starts. A block of text below a command is part of
its output. "..." stands for anything; durations, rates and progress bars may differ.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest
import yaml
from page_blocks import Block, run_by
from terminal import Jhub

from jhub.local.ports import free_ports

CLASS = run_by(__file__, "docs/tutorials/start-a-class.md")
CI = run_by(__file__, "docs/tutorials/automate-from-ci.md")
PORT = "8000"
"""Port of the local hub on the page."""
CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\r")
QUESTION = re.compile(r"^(.*(?:\? \[y/N\]|Password): )(\w*)$", re.MULTILINE)
FAILING = {
    "jhub server start --group geo --name try --profile broken\n": 1,
    "jhub server status --group geo --name try\n": 7,
}
"""Commands of the page at a terminal that fail, with their exit codes."""
END = "end of block {} with exit code "


@pytest.fixture
def jhub(tmp_path: Path) -> Iterator[Jhub]:
    """`jhub` in an empty home folder. The local hub that the page starts ends with the test."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    command = Jhub(tmp_path, {"HOME": str(tmp_path), "PATH": path, "COLUMNS": "80"})
    try:
        yield command
    finally:
        command("local", "down")


def write_files(blocks: Iterable[Block], folder: Path) -> None:
    for block in blocks:
        if block.name:
            (folder / block.name).write_text(block.text)


def commands(blocks: Iterable[Block]) -> list[tuple[Block, list[str]]]:
    """Return the blocks to type, each with the parts of its output that the page shows."""
    found: list[tuple[Block, list[str]]] = []
    for block in blocks:
        if block.language == "sh" and not block.name:
            found.append((block, []))
        elif not block.name:
            found[-1][1].append(block.text)
    return found


def plain(text: str) -> str:
    """Return an output without control characters, and with "#" in place of what differs from one run to the next."""
    text = re.sub("[━─]+", "━", CONTROL.sub("", text))
    text = re.sub(r"\d+(\.\d+)? s\b", "# s", text)
    return " ".join(re.sub(r"\b\d+\.\d\b", "#", text).split())


def assert_shows(block: Block, output: str, parts: list[str]) -> None:
    """Assert that an output has these parts, in this order."""
    rest = plain(output)
    for part in parts:
        pattern = ".*?".join(re.escape(piece.strip()) for piece in plain(part).split("..."))
        found = re.search(pattern, rest)
        assert found, f"{block}: {part}\nis not in\n{output}"
        rest = rest[found.end() :]


def test_a_class_at_a_terminal(jhub: Jhub, tmp_path: Path) -> None:
    port = str(*free_ports(1))
    write_files(CLASS, tmp_path)
    password = ""
    for block, parts in commands(CLASS):
        parts = [part.replace(PORT, port) for part in parts]
        answers = {question: answer or password for part in parts for question, answer in QUESTION.findall(part)}
        answers = {question.strip(): answer for question, answer in answers.items()}
        line = f"cd; {block.text}".replace(PORT, port)
        done = jhub.at_terminal(line, answers=answers, program=["bash", "-euc"])
        assert done.code == FAILING.get(block.text, 0), (block, done)
        assert_shows(block, done.out, [QUESTION.sub(r"\1", part) for part in parts])
        if "jhub local up" in block.text:
            password = json.loads(jhub.ok("local", "status", "-o", "json"))["user_password"]
            assert password in done.out  # the page says so
        else:
            assert password not in done.out
    assert {block.text for block, _ in commands(CLASS)} > set(FAILING)


def test_the_instructor_may_do_no_more_than_the_page_needs(jhub: Jhub, tmp_path: Path) -> None:
    write_files(CLASS, tmp_path)
    jhub.ok("local", "up", "--profiles", str(tmp_path / "class.yaml"), "--config", str(tmp_path / "class.py"))
    status = json.loads(jhub.ok("local", "status", "-o", "json"))
    jhub.ok("user", "create", "otto")
    jhub.ok("login", status["url"], "-u", "ines", "--password-stdin", stdin=f"{status['user_password']}\n")
    assert jhub("server", "start", "otto/lab", "--profile", "course").code == 5
    assert jhub("group", "add", "geo", "otto").code == 4
    assert jhub.ok("user", "list", "-o", "name").split() == ["ana", "bo", "cy"]


def test_a_job_in_one_shell(jhub: Jhub, tmp_path: Path) -> None:
    write_files(CI, tmp_path)
    typed = commands(CI)
    # The last block stops the hub: before it, the steps of the workflow run as the CI runs them.
    workflow = yaml.safe_load((tmp_path / "class.yml").read_text())["jobs"]["start"]
    assert set(workflow["env"]) == {"JUPYTERHUB_API_URL", "JUPYTERHUB_API_TOKEN"}
    install, *steps = [step["run"] for step in workflow["steps"] if "run" in step]
    assert install == "pipx install jhub"
    texts = [block.text for block, _ in typed]
    texts[-1:-1] = [f"bash -eo pipefail -c '{step}'\n" for step in steps]
    script = "".join(f"{text}echo {END.format(number)}$?\n" for number, text in enumerate(texts))
    done = subprocess.run(
        ["bash", "-uc", script],
        cwd=tmp_path,
        env=jhub.environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=600,
        start_new_session=True,
    )
    assert (tmp_path / "class-job.token").read_text().strip() not in done.stdout
    assert (tmp_path / "class-job.token").stat().st_mode & 0o077 == 0
    rest, outputs = done.stdout, []
    for number in range(len(texts)):
        output, end, rest = rest.partition(f"{END.format(number)}0\n")
        assert end, f"{texts[number]}: {output}"
        outputs.append(output)
    for (block, parts), output in zip(typed[:-1], outputs, strict=False):
        assert_shows(block, output, parts)
    assert outputs[-3] == "class-job\n"
    assert "add 1: ccy" in outputs[-2]
