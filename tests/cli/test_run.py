"""`jhub run` with real kernels in a real Jupyter Server: how they end, and that nothing is left."""

from __future__ import annotations

import json
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import nbformat
import pytest
from hub_api import Api, Tokens
from signalled import AtTerminal, running
from terminal import JHUB, Jhub

from jhub import Hub
from jhub.local import LocalHub

SLEEP = "import time\nprint('begun', flush=True)\ntime.sleep(600)"
ENDS = {signal.SIGTERM: {143}, signal.SIGINT: {130, -signal.SIGINT}}
"""Exit codes by signal. `python -m` ends with SIGINT itself, which a shell shows as 130, if it comes in an import."""
STOPS = pytest.mark.parametrize("how", list(ENDS), ids=lambda each: each.name)


@pytest.fixture(scope="module")
def server(api: Api, fresh: Callable[[str], str]) -> Iterator[str]:
    """Run a server of a new user, and return it as on the command line."""
    user = fresh("user")
    api("POST", "/users", json={"usernames": [user]})
    api("POST", f"/users/{user}/servers/lab", json={"user_options": {"profile": "lean"}})
    api.ready(user, "lab")
    yield f"{user}/lab"
    api("DELETE", f"/users/{user}/servers/lab")


@pytest.fixture
def client(hub: LocalHub, hub_tokens: Tokens) -> Iterator[Hub]:
    with Hub(hub.api_url, hub_tokens.admin) as client:
        yield client


@pytest.fixture(autouse=True)
def nothing_is_left(client: Hub, server: str) -> Iterator[None]:
    """Check that no kernel and no token of a run is left after each test."""
    yield
    user, _, name = server.partition("/")
    assert list(client.singleuser(user, name).kernels.list()) == []
    assert work_tokens(client) == []


def work_tokens(client: Hub) -> list[str]:
    tokens = client.tokens.list(client.whoami().name)
    return [token.id for token in tokens if (token.note or "").startswith("jhub: work in")]


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., str]:
    """Return a function that writes a notebook with these cells and returns its path."""

    def write(*sources: str, tags: dict[int, str] | None = None) -> str:
        cells: list[dict[str, Any]] = [
            {"cell_type": "code", "metadata": {}, "source": source, "outputs": [], "execution_count": None}
            for source in sources
        ]
        for number, tag in (tags or {}).items():
            cells[number]["metadata"] = {"tags": [tag]}
        path = tmp_path / "in.ipynb"
        path.write_text(json.dumps({"nbformat": 4, "nbformat_minor": 4, "metadata": {}, "cells": cells}))
        return str(path)

    return write


def outputs(path: Path) -> list[str]:
    """Return the texts in a valid notebook's file."""
    found: Any = nbformat.read(path, as_version=4)  # type: ignore[no-untyped-call]
    nbformat.validate(found)
    return [
        output.get("text") or output.get("ename") or output["data"]["text/plain"]
        for cell in found.cells
        for output in cell.outputs
    ]


def test_a_notebook_runs(as_admin: Jhub, server: str, write: Callable[..., str], tmp_path: Path) -> None:
    path = write("year = 2025", "print('hello', year, name)", "1 + 1", tags={0: "parameters"})
    (tmp_path / "values.yaml").write_text("year: 1999\nname: [ana, 2]\n")
    out = tmp_path / "out.ipynb"
    options = ["-f", str(tmp_path / "values.yaml"), "-P", "year", "2026", "--out", str(out)]
    ran = as_admin("run", path, "--server", server, *options)
    assert (ran.code, ran.out) == (0, "hello 2026 ['ana', 2]\n2\n")
    assert [line.partition(",")[0] for line in ran.err.splitlines()] == [
        *(f"cell {number}/4: ok" for number in range(1, 5)),
        f"wrote {out}",
    ]
    assert outputs(out) == ["hello 2026 ['ana', 2]\n", "2"]


def test_variables_are_not_in_the_notebook(
    as_admin: Jhub, server: str, write: Callable[..., str], tmp_path: Path
) -> None:
    path, out = write("import os\nprint(os.environ['LEVEL'][::-1])"), tmp_path / "out.ipynb"
    ran = as_admin("run", path, "--server", server, "--env", "LEVEL=a'b c", "--out", str(out))
    assert (ran.code, ran.out) == (0, "c b'a\n")
    assert "a'b c" not in out.read_text()


def test_stdin_and_stdout(as_admin: Jhub, server: str, write: Callable[..., str]) -> None:
    ran = as_admin("run", "-", "--server", server, "--out", "-", stdin=Path(write("print('hello')")).read_text())
    assert ran.code == 0, ran
    assert json.loads(ran.out)["cells"][0]["outputs"][0]["text"] == ["hello\n"]
    script = as_admin("run", "-", "--server", server, "--", "-x", stdin="import sys\nprint(sys.argv[1:])")
    assert (script.code, script.out, script.err) == (0, "['-x']\n", "")


def test_a_link_at_out_stays_a_link(as_admin: Jhub, server: str, write: Callable[..., str], tmp_path: Path) -> None:
    link, out = tmp_path / "link.ipynb", tmp_path / "out.ipynb"
    link.symlink_to(out)
    assert as_admin("run", write("print('hello')"), "--server", server, "--out", str(link)).code == 0
    assert link.is_symlink()
    assert outputs(out) == ["hello\n"]


def test_an_error_ends_the_run(as_admin: Jhub, server: str, write: Callable[..., str], tmp_path: Path) -> None:
    path, out = write("print('a', end='')", "1/0", "print('c')"), tmp_path / "out.ipynb"
    ran = as_admin("run", path, "--server", server, "--out", str(out))
    assert (ran.code, ran.out) == (1, "a\n")
    assert "line 1" in ran.err
    assert "\x1b" not in ran.err
    assert "error: cell 2: ZeroDivisionError: division by zero\n" in ran.err
    assert outputs(out) == ["a", "ZeroDivisionError"]

    allowed = as_admin("run", path, "--server", server, "--allow-errors", "--out", str(out))
    assert (allowed.code, allowed.out) == (0, "a\nc\n")
    assert outputs(out) == ["a", "ZeroDivisionError", "c\n"]


def test_a_kernel_that_dies_is_not_the_notebooks_fault(
    as_admin: Jhub, server: str, write: Callable[..., str], tmp_path: Path
) -> None:
    out = tmp_path / "out.ipynb"
    path = write("print('a')", "import os\nos._exit(1)")
    ran = as_admin("run", path, "--server", server, "--out", str(out))
    assert (ran.code, ran.out) == (125, "a\n")
    assert "error: cell 2: the kernel died" in ran.err
    assert outputs(out) == ["a\n", "DeadKernelError"]


@pytest.mark.parametrize("option", ["--timeout", "--cell-timeout"])
def test_time_is_up(as_admin: Jhub, server: str, write: Callable[..., str], option: str) -> None:
    ran = as_admin("run", write("print(1)\nimport time\ntime.sleep(600)"), "--server", server, option, "3s")
    assert ran.code == 8, ran
    assert "the cell ran for more than" in ran.err


def test_events_are_json(as_admin: Jhub, server: str, write: Callable[..., str]) -> None:
    ran = as_admin("run", write("print('\\x1b[31ma')", "1/0"), "--server", server, "-o", "json")
    assert ran.code == 1
    events: list[dict[str, Any]] = [json.loads(line) for line in ran.lines]
    assert [event["kind"] for event in events] == ["started", "output", "cell", "started", "cell", "finished"]
    assert events[1]["text"] == "\x1b[31ma\n"
    assert (events[2]["cell"], events[2]["count"], events[2]["status"]) == (1, 2, "ok")
    assert events[-1]["error"]["name"] == "ZeroDivisionError"
    assert json.loads(ran.err)["exit_code"] == 1


def test_missing_outputs_are_named(as_admin: Jhub, server: str, write: Callable[..., str]) -> None:
    path = write("import time\nfor number in range(8):\n    print('x' * 1_000_000, flush=True)\n    time.sleep(0.01)")
    ran = as_admin("run", path, "--server", server)
    assert ran.code == 0
    assert "warning: cell 1/1: outputs are missing" in ran.err
    assert as_admin("run", path, "--server", server, "--strict-output").code == 1


def test_a_terminal_gets_colours_and_no_other_control_sequence(
    as_admin: Jhub, server: str, write: Callable[..., str]
) -> None:
    path = write("print('\\x1b[31mred\\x1b[0m \\x1b]0;title\\x07end\\x9b2J')\nprint('part', end='')")
    shown = as_admin.at_terminal("run", path, "--server", server, answers={})
    assert shown.code == 0, shown
    assert "\x1b[31mred" in shown.out
    assert "cell 1/1" in shown.out
    assert "part\r\n" in shown.out
    assert "title" not in shown.out
    assert "\x9b" not in shown.out
    piped = as_admin("run", path, "--server", server)
    assert piped.out == "red end\npart\n"
    as_admin.env["NO_COLOR"] = "1"
    assert "\x1b[31m" not in as_admin.at_terminal("run", path, "--server", server, answers={}).out


def test_the_notebook_is_whole_after_a_kill(
    as_admin: Jhub, client: Hub, server: str, write: Callable[..., str], tmp_path: Path
) -> None:
    out = tmp_path / "out.ipynb"
    command = [*JHUB, "run", write("print('one')", SLEEP), "--server", server, "--out", str(out)]
    with running(as_admin, command) as run:
        run.read_until("begun")
        run.send(signal.SIGKILL)
        run.end()
    assert outputs(out) == ["one\n"]
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".jhub")] == []
    user, _, name = server.partition("/")
    for kernel in client.singleuser(user, name).kernels.list():
        client.singleuser(user, name).kernels.stop(kernel.id)
    for token in work_tokens(client):
        client.tokens.revoke(client.whoami().name, token)


@STOPS
@pytest.mark.parametrize("suffix", [".ipynb", ".py"])
def test_an_interrupted_run_leaves_nothing(
    as_admin: Jhub, server: str, write: Callable[..., str], tmp_path: Path, how: signal.Signals, suffix: str
) -> None:
    path, out = write("print('one')", SLEEP), tmp_path / "out.ipynb"
    options = ["--out", str(out)]
    if suffix == ".py":
        script = tmp_path / "script.py"
        script.write_text(SLEEP)
        path, options = str(script), []
    with running(as_admin, [*JHUB, "run", path, "--server", server, *options]) as run:
        run.read_until("begun")
        run.send(how)
        assert run.end() in ENDS[how]
    assert "Traceback (most recent call last)" not in run.text.partition("begun")[0]
    if options:
        assert outputs(out) == ["one\n"]


def test_ctrl_c_at_a_terminal(as_admin: Jhub, server: str, write: Callable[..., str]) -> None:
    with AtTerminal(as_admin, [*JHUB, "run", write(SLEEP), "--server", server]) as run:
        run.read_until("begun")
        assert run.end(by=signal.SIGINT) in ENDS[signal.SIGINT]
    assert "interrupted" in run.text


def test_a_closed_pipe_ends_the_run(as_admin: Jhub, server: str, write: Callable[..., str]) -> None:
    path = write("import time\nwhile True:\n    print('line', flush=True)\n    time.sleep(0.05)")
    ran = as_admin.head("run", path, "--server", server)
    assert (ran.code, ran.out) == (1, "line\n")


def test_a_server_is_started_and_stopped(
    as_admin: Jhub, api: Api, user: str, write: Callable[..., str], tmp_path: Path
) -> None:
    ran = as_admin("run", write("1/0"), "--server", f"{user}/job", "-p", "lean")
    assert (ran.code, ran.out) == (1, "")
    assert f"{user}/job: ready" in ran.err
    assert f"{user}/job: stopped" in ran.err
    assert api.server(user, "job") is None

    kept = as_admin("run", write("print(1)"), "--server", f"{user}/job", "-p", "lean", "--keep")
    assert (kept.code, kept.out) == (0, "1\n")
    assert api.ready(user, "job")
    again = as_admin("run", write("print(2)"), "--server", f"{user}/job", "-p", "lean")
    assert (again.code, again.out) == (0, "2\n")
    assert api.ready(user, "job"), "it ran before"
    other = as_admin("run", write("print(2)"), "--server", f"{user}/job", "-p", "lab")
    assert (other.code, other.out) == (125, "")
    assert "already running with other options" in other.err
    assert api.ready(user, "job")
    as_admin.ok("server", "stop", f"{user}/job", "--yes")


def test_a_bad_notebook_starts_no_server(as_admin: Jhub, api: Api, user: str, tmp_path: Path) -> None:
    (tmp_path / "bad.ipynb").write_text('{"nbformat": 4, "cells": [1]}')
    ran = as_admin("run", str(tmp_path / "bad.ipynb"), "--server", f"{user}/job", "-p", "lean")
    assert (ran.code, ran.out) == (2, "")
    assert "cell 1 is not an object" in ran.err
    assert "starting" not in ran.err
    assert api.server(user, "job") is None


def test_a_failed_start_is_not_the_notebooks_fault(
    as_admin: Jhub, api: Api, user: str, write: Callable[..., str]
) -> None:
    ran = as_admin("run", write("1"), "--server", f"{user}/job", "-p", "ends_at_once")
    assert (ran.code, ran.out) == (125, "")
    assert ran.err.count("error: ") == 1
    assert api.server(user, "job") is None


@STOPS
@pytest.mark.parametrize("when", ["starting", "begun"])
def test_an_interrupted_run_stops_its_server(
    as_admin: Jhub, api: Api, user: str, write: Callable[..., str], how: signal.Signals, when: str
) -> None:
    profile = "slow_spawn" if when == "starting" else "lean"
    with running(as_admin, [*JHUB, "run", write(SLEEP), "--server", f"{user}/job", "-p", profile]) as run:
        run.read_until(when)
        run.send(how)
        assert run.end() in ENDS[how]
    assert when == "starting" or f"{user}/job: stopped" in run.text, "else the request may not have been sent"
    assert api.server(user, "job") is None


def test_a_script_is_a_process_of_its_own(as_admin: Jhub, server: str, tmp_path: Path) -> None:
    script = tmp_path / "job.py"
    script.write_text(
        "import os, sys\nprint(__name__, sys.argv[1:], os.environ['LEVEL'], sys.stdin.read())\n"
        "print('oops', file=sys.stderr)\nsys.exit(7)"
    )
    options = ["--env", "LEVEL=3", "-i"]
    ran = as_admin("run", str(script), "--server", server, *options, "--", "--epochs", "3", stdin="data")
    assert (ran.code, ran.out, ran.err) == (7, "__main__ ['--epochs', '3'] 3 data\n", "oops\n")


def test_failures_before_the_run(
    as_admin: Jhub, as_ana: Jhub, user: str, server: str, write: Callable[..., str]
) -> None:
    path = write("1")
    stopped = as_admin("run", path, "--server", user)
    assert (stopped.code, stopped.out) == (125, "")
    assert f"hint: start it with: jhub server start {user}" in stopped.err
    foreign = as_ana("run", path, "--server", server)
    assert (foreign.code, foreign.out) == (125, "")
    kernel = as_admin("run", path, "--server", server, "--kernel", "none")
    assert kernel.code == 2
    assert "no kernel 'none'" in kernel.err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["missing.ipynb"], "cannot read missing.ipynb"),
        (["README.md"], "neither a notebook"),
        (["IN", "extra"], "pass parameters of a notebook with -P"),
        (["IN", "-i"], "are for scripts"),
        (["IN", "--env", "A"], "use NAME=VALUE"),
        (["IN", "--out", "-", "-o", "json"], "both write to stdout"),
        (["IN", "--out", "."], "a folder of this name exists"),
        (["IN", "--out", "none/"], "none/ names a folder"),
        (["IN", "--out", "/dev/null"], "not a regular file"),
        (["IN", "--out", "/dev/stdout"], "not a regular file"),
        (["IN", "--keep"], "--keep needs --profile"),
        (["IN", "--cwd", "none"], "none is not a folder"),
        (["IN", "--out", "/dev/null/x.ipynb"], "/dev/null is not a folder that you can write to"),
        (["IN", "-P", "a b", "1"], "cannot have the name 'a b'"),
        (["IN", "-f", "IN.py"], "no mapping"),
        (["IN.py", "--out", "x.ipynb"], "--out is for notebooks"),
        (["IN.py", "-P", "a", "1"], "-P is for notebooks"),
        (["IN.py", "--env", "A"], "use NAME=VALUE"),
    ],
)
def test_wrong_usage(
    as_admin: Jhub, server: str, write: Callable[..., str], tmp_path: Path, arguments: list[str], message: str
) -> None:
    names = {"IN": write("1"), "IN.py": str(tmp_path / "in.py")}
    Path(names["IN.py"]).write_text("print(1)")
    ran = as_admin("run", "--server", server, *(names.get(each, each) for each in arguments))
    assert (ran.code, ran.out) == (2, "")
    assert message in ran.err
