"""SIGTERM, SIGHUP and a closed terminal end a command as Ctrl-C does, with its clean-up."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from contextlib import ExitStack, suppress
from pathlib import Path

import psutil
import pytest
from browser_port import port_lock
from hub_api import Tokens
from login_hub import form
from loopback import Visit, serving
from signalled import AtTerminal, running, wait_until
from terminal import JHUB, Jhub

from jhub.local import LocalHub, processes
from jhub.oauth_client import PORT

TERM, HUP, INT, KILL = signal.SIGTERM, signal.SIGHUP, signal.SIGINT, signal.SIGKILL
ENDS = {TERM: {143}, HUP: {129}, INT: {130, -INT}, KILL: {-KILL}}
"""Exit codes by signal. `python -m` ends with SIGINT itself, which a shell shows as 130, if it comes in an import."""
STOPS = pytest.mark.parametrize("how", [TERM, HUP, INT])


@pytest.fixture
def jhub(tmp_path: Path) -> Jhub:
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    return Jhub(tmp_path, {"TMPDIR": str(temporary)})


@pytest.fixture
def place(jhub: Jhub) -> Path:
    """Return the folder of the local hub."""
    return jhub.home / "data/jhub/local"


def of_hub(place: Path) -> list[int]:
    """Return the processes of the hub in this folder: they run in it, or name it in their arguments."""
    found: list[int] = []
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            if any(str(place) in word for word in [process.cwd(), *process.cmdline()]):
                found.append(process.pid)
    return found


BEGUN: dict[str, Callable[[Path], bool]] = {
    "its folder is there": lambda place: (place / "installation.json").exists(),
    "its process is there": lambda place: processes.find_hub_process(place) is not None,
    "it writes its log": lambda place: (place / "hub.log").exists() and (place / "hub.log").stat().st_size > 0,
    "it is ready": lambda place: (place / "ready").exists(),
}


@pytest.mark.parametrize(
    ("when", "signals"),
    [
        ("its folder is there", [TERM]),
        ("its process is there", [TERM]),
        ("its process is there", [HUP]),
        ("its process is there", [KILL]),
        ("it writes its log", [TERM, TERM]),
        ("it writes its log", [TERM, HUP, TERM]),
        ("it writes its log", [INT]),
        ("it writes its log", [KILL]),
        ("it is ready", [TERM]),
        ("it is ready", [HUP]),
        ("it is ready", [KILL]),
    ],
    ids=lambda value: value if isinstance(value, str) else "+".join(each.name for each in value),
)
def test_status_is_correct_after_a_terminated_start_of_the_local_hub(
    when: str, signals: list[signal.Signals], jhub: Jhub, place: Path
) -> None:
    with running(jhub, [*JHUB, "local", "up"]) as up:
        wait_until(lambda: BEGUN[when](place) or up.process.poll() is not None, when)
        up.send(*signals)
        code = up.end()
    try:
        if when != "it is ready":
            assert any(code in ENDS[each] for each in signals), up.text
            wait_until(lambda: of_hub(place) == [], "nothing is left of it")
        else:
            # The start was either given up, or completed.
            wait_until(
                lambda: of_hub(place) == [] or jhub("local", "status").code == 0, "it is gone, or status shows it"
            )
        assert "Traceback" not in up.text
        shown = jhub("local", "status", "-o", "json")
        assert (shown.code == 0) == bool(of_hub(place)), shown
    finally:
        jhub("local", "down", timeout=120)
    assert of_hub(place) == []


@STOPS
def test_a_terminated_demo_stops_everything_it_started(how: signal.Signals, jhub: Jhub) -> None:
    temporary = Path(jhub.env["TMPDIR"])
    with running(jhub, [*JHUB, "demo"]) as demo:
        demo.read_until("3. start a named server")
        assert of_hub(temporary)
        demo.send(how)
        assert demo.end() in ENDS[how]
    wait_until(lambda: of_hub(temporary) == [], "nothing is left of it")
    assert list(temporary.glob("jhub-local-*")) == []
    assert "Traceback" not in demo.text


def test_closing_the_terminal_terminates_the_demo(jhub: Jhub) -> None:
    temporary = Path(jhub.env["TMPDIR"])
    with AtTerminal(jhub, [*JHUB, "demo"]) as demo:
        demo.read_until("1. get a token")
        demo.close_window()
        assert demo.end() == 129
    wait_until(lambda: of_hub(temporary) == [], "nothing is left of it")
    assert list(temporary.glob("jhub-local-*")) == []


def test_status_and_down_find_the_running_processes(jhub: Jhub, place: Path) -> None:
    jhub.ok("local", "up")
    try:
        running_file, whole = place / "running.json", place / "installation.json"
        noted, kept = running_file.read_text(), whole.read_text()
        # As after a start without a running.json.
        running_file.unlink()
        lines = jhub.ok("local", "status").splitlines()
        assert "running        yes" in lines
        assert f"pid            {jhub_pid(place)}" in lines
        assert "password" in "".join(lines)
        # As written by an earlier hub, whose process id another process has now.
        running_file.write_text(noted.replace(str(jhub_pid(place)), str(os.getpid())))
        assert f"pid            {jhub_pid(place)}" in jhub.ok("local", "status").splitlines()
        # A second start uses the running hub.
        jhub.ok("local", "up")
        whole.unlink()
        shown = jhub("local", "status")
        assert shown.code == 1
        assert f"the files of the hub that runs in {place} (process {jhub_pid(place)}) are gone" in shown.err
        whole.write_text(kept)
        os.kill(jhub_pid(place), signal.SIGSTOP)
        hangs = jhub("local", "status")
        assert hangs.code == 1
        assert "running        yes" in hangs.lines
        assert "does not respond" in hangs.err
        os.kill(jhub_pid(place), signal.SIGKILL)
        wait_until(lambda: processes.find_hub_process(place) is None, "it is gone")
        left = jhub("local", "status")
        assert left.code == 1
        assert "running        no" in left.lines
        assert "still running; stop them with: jhub local down" in left.err
    finally:
        down = jhub("local", "down", timeout=120)
    assert of_hub(place) == []
    assert "stopped the local hub" in down.err
    assert "the local hub is not running" in jhub("local", "down").err


def test_down_stops_a_hub_whose_folder_is_gone(jhub: Jhub, place: Path) -> None:
    jhub.ok("local", "up")
    try:
        place.rename(jhub.home / "elsewhere")
        assert jhub("local", "status").code == 1
    finally:
        down = jhub("local", "down", timeout=120)
    assert "stopped the local hub" in down.err
    assert of_hub(place) == []


def jhub_pid(place: Path) -> int:
    found = processes.find_hub_process(place)
    assert found is not None
    return found.process.pid


@pytest.mark.parametrize("mode", [0o770, 0o707, 0o777])
@pytest.mark.parametrize("command", ["up", "status", "down", "reset"])
def test_a_state_folder_that_others_may_write_to_is_refused(jhub: Jhub, place: Path, mode: int, command: str) -> None:
    place.mkdir(parents=True)
    place.chmod(mode)
    result = jhub("local", command)
    assert result.code == 2, result
    assert f"other users can write to {place}" in result.err
    assert f"chmod go-w {place}" in result.err
    assert list(place.iterdir()) == []


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make another user's file")
@pytest.mark.parametrize("name", ["", "jupyterhub.sqlite", "installation.json", "users", "proxy"])
def test_a_state_folder_with_files_of_another_user_is_refused(jhub: Jhub, place: Path, name: str) -> None:
    (place / "users").mkdir(parents=True, mode=0o700)
    (place / "proxy").mkdir(mode=0o700)
    (place / "installation.json").write_text('{"instance_id": "m", "password": "planted", "user_password": "planted"}')
    (place / "jupyterhub.sqlite").touch()
    place.chmod(0o700)
    os.chown(place / name, 65534, 65534)
    result = jhub("local", "up")
    assert result.code == 2, result
    assert "belongs to" in result.err
    assert not (place / "hub.log").exists()


@pytest.mark.parametrize("name", ["lock", "installation.json"])
def test_a_pipe_in_the_state_folder_is_refused(jhub: Jhub, place: Path, name: str) -> None:
    place.mkdir(parents=True, mode=0o700)
    os.mkfifo(place / name)
    result = jhub("local", "up")
    assert result.code == 2, result
    assert f"{place / name} is a pipe" in result.err


def page(visit: Visit) -> None:
    if visit.path.endswith("/login"):
        visit.send(200, "text/html", form().encode(), {"X-JupyterHub-Version": "6.1.1"})
    else:
        visit.json({"version": "6.1.1"})


@STOPS
@pytest.mark.parametrize("prompt", ["Username", "Password"])
def test_the_terminal_echoes_after_a_terminated_prompt(how: signal.Signals, prompt: str, jhub: Jhub) -> None:
    name = ["-u", "ana"] if prompt == "Password" else []
    with serving(page) as site, AtTerminal(jhub, [*JHUB, "login", site.root, *name]) as login:
        login.read_until(prompt)
        wait_until(lambda: login.echoes == (prompt == "Username"), "the prompt is there")
        assert login.end(by=how) in ENDS[how]
        assert login.echoes
        assert "Traceback" not in login.text


def test_closing_the_terminal_ends_a_prompt(jhub: Jhub) -> None:
    with serving(page) as site, AtTerminal(jhub, [*JHUB, "login", site.root, "-u", "ana"]) as login:
        login.read_until("Password")
        login.close_window()
        assert login.end() == 129


LIBRARY = """
import sys
from jhub import {kind}
{call}
"""
CALLS = {
    "Hub": "Hub.login(sys.argv[1], username='ana')",
    "AsyncHub": "import asyncio; asyncio.run(AsyncHub.login(sys.argv[1], username='ana'))",
}


@pytest.mark.parametrize("how", [TERM, HUP])
@pytest.mark.parametrize("kind", CALLS)
def test_the_terminal_echoes_after_a_terminated_library_prompt(how: signal.Signals, kind: str, jhub: Jhub) -> None:
    """The signal terminates the program, as it would without a prompt."""
    code = LIBRARY.format(kind=kind, call=CALLS[kind])
    with serving(page) as site, AtTerminal(jhub, [sys.executable, "-c", code, site.root]) as program:
        program.read_until("Password of ana")
        wait_until(lambda: not program.echoes, "the prompt is there")
        assert program.end(by=how) == -how
        assert program.echoes


@STOPS
def test_a_terminated_live_screen_restores_the_cursor(how: signal.Signals, as_admin: Jhub, user: str) -> None:
    with AtTerminal(as_admin, [*JHUB, "server", "start", f"{user}/x", "-p", "never_spawn"]) as start:
        start.read_until("\x1b[?25l")
        start.read_until("━")
        start.send(how)
        assert start.end() in ENDS[how]
        assert start.text.rindex("\x1b[?25h") > start.text.rindex("\x1b[?25l")
        assert "interrupted" in start.text
        assert "Traceback" not in start.text


@STOPS
def test_terminating_the_wait_for_a_browser_frees_the_port(
    how: signal.Signals, jhub: Jhub, hub: LocalHub, hub_tokens: Tokens
) -> None:
    with ExitStack() as stack:
        stack.enter_context(port_lock())
        login = stack.enter_context(running(jhub, [*JHUB, "login", hub.url, "--browser", "--no-open"]))
        login.read_until("waiting for the browser")
        login.send(how)
        assert login.end() in ENDS[how]
        with socket.socket() as trial:
            assert trial.connect_ex(("127.0.0.1", PORT)) != 0


def test_under_nohup_sighup_is_ignored(jhub: Jhub, hub: LocalHub) -> None:
    def ignore() -> None:
        signal.signal(HUP, signal.SIG_IGN)

    with ExitStack() as stack:
        stack.enter_context(port_lock())
        login = stack.enter_context(running(jhub, [*JHUB, "login", hub.url, "--browser", "--no-open"], setup=ignore))
        login.read_until("waiting for the browser")
        login.send(HUP, TERM)
        assert login.end() == 143


IN_EXEC = """
import sys
from jhub.cli.kit import signals
signals.catch()
try:
    exec("import os, signal, time; os.kill(os.getpid(), signal.SIGTERM); time.sleep(60)")
except KeyboardInterrupt:
    signals.release()
    sys.exit(signals.exit_code(130))
"""


def test_a_signal_during_an_import_keeps_its_exit_code(tmp_path: Path) -> None:
    """Many imports use exec; `python -m` ends with SIGINT after a KeyboardInterrupt in one."""
    (tmp_path / "in_exec.py").write_text(IN_EXEC)
    run = [sys.executable, "-m", "in_exec"]
    assert subprocess.run(run, cwd=tmp_path, timeout=60).returncode == 143


def test_ctrl_c_while_the_command_line_is_loaded_has_no_traceback(tmp_path: Path) -> None:
    (tmp_path / "click.py").write_text("raise KeyboardInterrupt\n")
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    run = [sys.executable, "-m", "jhub", "whoami"]
    done = subprocess.run(run, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=60)
    assert (done.returncode in ENDS[INT], done.stdout, done.stderr) == (True, "", "interrupted\n")
