"""`jhub exec` with a real Jupyter Server on a real hub."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hub_api import Api
from signalled import AtTerminal, wait_until
from terminal import JHUB, Jhub

from jhub import CommandFailed, Hub, WaitTimeout
from jhub.interpreter import collect
from jhub.local import LocalHub
from jhub.singleuser import terminals
from jhub.singleuser.access import Handle, ServerAccess
from jhub.singleuser.command_streams import CommandOutput
from jhub.steps import Emit, Flow

ALL_BYTES = bytes(range(256)) * 4


@pytest.fixture(scope="module")
def server(api: Api, fresh: Callable[[str], str]) -> Iterator[str]:
    """Run a server of a new user, and return it as on the command line."""
    user = fresh("user")
    api("POST", "/users", json={"usernames": [user]})
    api("POST", f"/users/{user}/servers/lab", json={"user_options": {"profile": "lab"}})
    api.ready(user, "lab")
    yield f"{user}/lab"
    api("DELETE", f"/users/{user}/servers/lab")


@pytest.fixture
def in_server(hub: LocalHub, as_admin: Jhub, server: str) -> Iterator[Hub]:
    """Return the hub; nothing is left in the server or the hub at the end of the test."""
    user, _, name = server.partition("/")
    with Hub(hub.api_url, as_admin.env["JUPYTERHUB_API_TOKEN"]) as client:

        def count(access: ServerAccess) -> Flow[int]:
            return access.request("GET", "api/terminals", lambda answer: len(json.loads(answer.content)))

        def left() -> tuple[int, int, int]:
            tokens = [token for token in client.tokens.list("admin") if "work in" in (token.note or "")]
            with client.singleuser(user, name) as inside:
                terminals_left = client.run(Handle(user, name).run(count))
                return len(tokens), len(list(inside.kernels.list())), terminals_left

        before = left()
        yield client
        assert left() == before


def run(jhub: Jhub, *args: str, stdin: bytes = b"") -> tuple[int, bytes, bytes]:
    """Run a command with binary streams."""
    done = subprocess.run(
        [*JHUB, *args], input=stdin, env=jhub.environment(), capture_output=True, timeout=300, start_new_session=True
    )
    return done.returncode, done.stdout, done.stderr


@pytest.mark.usefixtures("in_server")
def test_streams_and_exit_codes_pass_through(as_admin: Jhub, server: str) -> None:
    script = "cat; printf '\\377\\0' >&2; exit 7"
    code, out, err = run(as_admin, "exec", server, "-i", "--", "sh", "-c", script, stdin=ALL_BYTES)
    assert (code, out, err) == (7, ALL_BYTES, b"\377\0")
    assert run(as_admin, "exec", server, "--", "no-such-program")[0] == 127
    assert run(as_admin, "exec", server, "--", "/etc/passwd")[0] == 126
    assert run(as_admin, "exec", server, "--", "sh", "-c", "kill -9 $$")[0] == 137
    here = as_admin.ok("exec", server, "--cwd", "/tmp", "--env", "A=b=c", "--", "sh", "-c", "pwd; echo $A")
    assert here == "/tmp\nb=c\n"


@pytest.mark.usefixtures("in_server")
def test_stdin_of_a_command_that_ends_early(as_admin: Jhub, server: str) -> None:
    command = [*JHUB, "exec", server, "-i", "--", "head", "-c", "2"]
    with subprocess.Popen(
        command, env=as_admin.environment(), stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(b"ab")
        process.stdin.flush()
        assert process.stdout.read() == b"ab"
        assert process.wait(300) == 0, "stdin is still open"


@pytest.mark.usefixtures("in_server")
def test_errors_of_jhub_have_a_code_of_their_own(as_admin: Jhub, server: str, user: str) -> None:
    stopped = as_admin("exec", user, "--", "true")
    assert stopped.code == 125
    assert "jhub server start" in stopped.err
    assert as_admin("exec", server, "--cwd", "none", "--", "true").code == 125
    assert "write it after --" in as_admin("exec", server).err
    assert as_admin("exec", server, "--timeout", "0", "--", "true").code == 2
    assert as_admin("exec", server, "--env", "A", "--", "true").code == 2
    assert as_admin("exec", server, "-t", "--", "true").code == 125
    late = as_admin("exec", server, "--timeout", "1s", "--", "sleep", "1000")
    assert late.code == 8
    assert "more than 1 s" in late.err


@pytest.mark.usefixtures("in_server")
def test_ctrl_c_ends_the_command_in_the_server(as_admin: Jhub, server: str) -> None:
    process = subprocess.Popen(
        [*JHUB, "exec", server, "--", "sh", "-c", "echo $$; exec sleep 1000"],
        env=as_admin.environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    pid = int(process.stdout.readline())
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=300)
    assert (process.returncode, out) == (130, "")
    assert "Traceback" not in err
    wait_until(lambda: not Path(f"/proc/{pid}").exists(), "the command has ended")


@pytest.mark.usefixtures("in_server")
def test_a_command_at_a_terminal(as_admin: Jhub, server: str) -> None:
    with AtTerminal(as_admin, [*JHUB, "exec", server, "-t", "--", "sh", "-c", "tty; read x; echo got $x"]) as shell:
        shell.read_until("/dev/")
        wait_until(lambda: not shell.echoes, "the terminal is raw")
        shell.type("some\r")
        assert shell.end() == 0
        assert "got some" in shell.text
        assert "exec /bin/sh" not in shell.text
        assert shell.echoes
    with AtTerminal(as_admin, [*JHUB, "exec", server, "-t", "--", "sh", "-c", "echo ready; sleep 1000"]) as shell:
        shell.read_until("ready")
        wait_until(lambda: not shell.echoes, "the terminal is raw")
        shell.type("\x03")
        assert shell.end() == 130


def test_control_sequences_stay_out_of_a_terminal(as_admin: Jhub, server: str) -> None:
    script = "printf '\\033[31mred\\033[0m \\033]0;title\\007\\033[2Jplain\\n'"
    with AtTerminal(as_admin, [*JHUB, "exec", server, "--", "sh", "-c", script]) as shell:
        assert shell.end() == 0
        assert "\x1b[31mred\x1b[0m plain" in shell.text
        assert "title" not in shell.text
    assert b"\x1b]0;title\x07" in run(as_admin, "exec", server, "--", "sh", "-c", script)[1]


def test_the_library_runs_commands(in_server: Hub, server: str) -> None:
    user, _, name = server.partition("/")
    data = os.urandom(50_000_000)
    with in_server.singleuser(user, name) as inside:
        assert inside.command(["cat"], input=data).stdout == data
        assert inside.command(["pwd"], cwd="~").stdout
        with pytest.raises(CommandFailed) as caught:
            inside.command(["sh", "-c", "echo no >&2; exit 3"], check=True)
        assert (caught.value.returncode, caught.value.stderr) == (3, b"no\n")
        with pytest.raises(WaitTimeout):
            inside.command(["sleep", "1000"], timeout=1)
        parts = list(inside.stream_script("import sys; print(sys.argv[1]); sys.exit(4)", ["x"], name="a.py"))
        assert b"".join(part.data for part in parts) == b"x\n"
        assert parts[-1].returncode == 4


def test_a_reader_holds_the_command_back(in_server: Hub, server: str) -> None:
    user, _, name = server.partition("/")
    size = 0
    with in_server.singleuser(user, name) as inside:
        for part in inside.stream_command(["head", "-c", "60000000", "/dev/zero"]):
            if size == 0:
                time.sleep(1)
            size += len(part.data)
    assert size == 60_000_000


def test_a_server_without_python_runs_it_in_a_terminal(in_server: Hub, server: str) -> None:
    user, _, name = server.partition("/")
    parts: list[CommandOutput] = []

    def flow() -> Flow[int]:
        def keep(part: CommandOutput) -> Flow[None]:
            yield Emit(part)

        script = "echo out; echo error >&2; test -t 0 || echo no terminal; exit 5"
        running = terminals.run_command(Handle(user, name), ["sh", "-c", script], keep)
        return collect(running, parts.append)

    assert in_server.run(flow()) == 5
    assert b"".join(part.data for part in parts) == b"out\nerror\nno terminal\n"
    assert all(part.merged for part in parts)
