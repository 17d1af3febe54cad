"""A notebook played through: its events, its result, and what ends it."""

from __future__ import annotations

from typing import Any

import pytest
from played_kernel import IDLE, PARENT, Server, iopub

from jhub.errors import InvalidInput
from jhub.singleuser.access import Handle
from jhub.singleuser.kernel_messages import KernelMessage
from jhub.singleuser.notebook_file import check
from jhub.singleuser.notebooks import NotebookEvent, RunOptions, RunResult, run_notebook
from jhub.testing import Played, Reply, play, reply

DATE = "2026-11-30T08:00:00Z"


def code(source: str, *tags: str) -> dict[str, Any]:
    return {"cell_type": "code", "source": source, "metadata": {"tags": list(tags)}, "outputs": ["old"]}


def parent(number: int) -> dict[str, str]:
    return {"msg_id": PARENT["msg_id"].replace("_1", f"_{number}")}


def cell(number: int, text: str = "", status: str = "ok", **content: Any) -> list[KernelMessage]:
    """Return the messages of the cell with this number."""
    header = {"msg_type": "status", "date": DATE}
    busy = KernelMessage("iopub", header, parent(number), {}, {"execution_state": "busy"})
    idle = KernelMessage("iopub", header, parent(number), {}, dict(IDLE.content))
    printed = [iopub("stream", parent(number), name="stderr", text=text)] if text else []
    end = {"status": status, "execution_count": number, **content}
    return [busy, *printed, KernelMessage("shell", {"msg_type": "execute_reply"}, parent(number), {}, end), idle]


FAILURE: dict[str, Any] = {"status": "error", "ename": "ValueError", "evalue": "no", "traceback": ["line"]}


class PythonServer(Server):
    """A server whose kernel is for a language."""

    language = "python"

    def __call__(self, step: Any) -> Reply:
        if step.path.partition("?")[0].endswith("api/kernelspecs"):
            specs = {"python3": {"spec": {"display_name": "Some", "language": self.language}}}
            return reply(json={"default": "python3", "kernelspecs": specs})
        found: Reply = super().__call__(step)
        return found


def run(server: Server, *cells: dict[str, Any], **options: Any) -> Played[RunResult]:
    """Play a run, and check that nothing is left of it."""
    notebook = check({"nbformat": 4, "nbformat_minor": 4, "metadata": {}, "cells": list(cells)})
    played = play(run_notebook(Handle("ana", "lab"), notebook, RunOptions(**options)), server, peer=server.peer)
    assert (server.kernels, server.tokens, server.open_sockets) == (set(), set(), 0)
    return played


def events(played: Played[RunResult]) -> list[NotebookEvent]:
    return [event for event in played.emitted if isinstance(event, NotebookEvent)]


def test_events_and_result() -> None:
    played = run(PythonServer(*cell(1, "50 %\r100 %\n"), *cell(2)), code("1"), code("x", "skip-execution"), code("2"))
    found = events(played)
    assert [event.kind for event in found] == ["started", "output", "cell", "started", "cell", "finished"]
    assert [(event.cell, event.count) for event in found[:-1]] == [(1, 2), (1, 2), (1, 2), (2, 2), (2, 2)]
    assert (found[1].stream, found[1].text) == ("stderr", "50 %\r100 %\n")
    result = played.result
    assert result.ok
    assert [each.index for each in result.cells] == [0, 2]
    first, skipped, _ = result.notebook["cells"]
    assert first["execution_count"] == 1
    assert first["metadata"]["jhub"] == {"status": "ok", "seconds": 0.0}
    assert first["metadata"]["execution"] == {"iopub.status.busy": DATE, "iopub.status.idle": DATE}
    assert skipped["outputs"] == ["old"]


@pytest.mark.parametrize(
    ("tags", "options", "statuses"),
    [
        ([], {}, ["error"]),
        (["raises-exception"], {}, ["error", "ok"]),
        ([], {"allow_errors": True}, ["error", "ok"]),
    ],
)
def test_a_cell_that_fails(tags: list[str], options: dict[str, Any], statuses: list[str]) -> None:
    played = run(PythonServer(*cell(1, **FAILURE), *cell(2)), code("1", *tags), code("2"), **options)
    result = played.result
    assert [each.status for each in result.cells] == statuses
    assert result.ok == (len(statuses) == 2)
    assert str(result.error) == ("None" if result.ok else "ValueError: no")
    assert not result.notebook["cells"][1]["outputs"], "those of an earlier run are gone"


@pytest.mark.parametrize("options", [{"timeout": 60}, {"cell_timeout": 60}])
def test_a_cell_that_takes_too_long(options: dict[str, Any]) -> None:
    server = PythonServer(*cell(1)[:1], 600.0, *cell(1)[1:])
    result = run(server, code("1"), code("2"), **options).result
    assert (result.status, len(result.cells)) == ("timeout", 1)


def test_variables_are_set_before_the_first_cell_and_not_in_the_notebook() -> None:
    server = PythonServer(*cell(1), *cell(2))
    result = run(server, code("1"), env={"KEY": "s'3\n\udcff"}).result
    first, second = (message.content for message in server.sent)
    assert first["code"] == "__import__('os').environ.update({'KEY': \"s'3\\n\\udcff\"})"
    assert (first["silent"], first["store_history"], second["code"]) == (True, False, "1")
    assert "KEY" not in result.content.decode()


@pytest.mark.parametrize("options", [{"parameters": {"x": 1}}, {"env": {"X": "1"}}])
def test_parameters_and_variables_need_python(options: dict[str, Any]) -> None:
    server = PythonServer()
    server.language = "R"
    with pytest.raises(InvalidInput, match="need a Python notebook"):
        _ = run(server, code("1"), **options).result


@pytest.mark.parametrize("env", [{"": "x"}, {"A=B": "x"}, {"A": "\0"}])
def test_invalid_variables_are_refused_before_anything_runs(env: dict[str, str]) -> None:
    with pytest.raises(InvalidInput, match="environment variable"):
        run(PythonServer(), code("1"), env=env)


def test_a_lone_surrogate_is_written() -> None:
    result = run(PythonServer(*cell(1, "x")), code("1")).result
    result.notebook["cells"][0]["outputs"] = [{"output_type": "stream", "name": "stdout", "text": "\udcff"}]
    assert b'"\\udcff"' in result.content
