"""Contexts on the command line: tokens in keyrings of all kinds, and warnings before a token is sent."""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from terminal import JHUB, Jhub

SUPPORT = Path(__file__).parents[1] / "support"
DOWN = "http://127.0.0.1:9/hub/api"
SECRET = "SECRET-0123456789"

SAVE = """
import sys
from jhub.config import contexts
print(contexts.save(sys.argv[1], contexts.Context(api_url=sys.argv[2], user="ana"), sys.argv[3]).note, end="")
"""
READ = """
import sys
from jhub.config import contexts
print(contexts.connection().token, "keyring" in sys.modules, end="")
"""


@dataclass
class Machine:
    """A home folder, with a keyring for each command."""

    home: Path

    def jhub(self, backend: str = "keyrings.Working", **env: str) -> Jhub:
        chosen = {
            "PYTHON_KEYRING_BACKEND": backend,
            "KEYRING_PROPERTY_PLACE": str(self.home),
            "PYTHONPATH": str(SUPPORT),
            "JHUB_KEYRING": "",
        }
        return Jhub(self.home, {**chosen, **env})

    def python(self, program: str, *args: str, backend: str = "keyrings.Working", **env: str) -> str:
        """Return the stdout of a program that prints nothing on stderr."""
        run = [sys.executable, "-c", program, *args]
        done = subprocess.run(
            run, env=self.jhub(backend, **env).environment(), capture_output=True, text=True, timeout=300
        )
        assert (done.returncode, done.stderr) == (0, "")
        return done.stdout

    def save(self, backend: str = "keyrings.Working", name: str = "hub", token: str = SECRET, **env: str) -> str:
        return self.python(SAVE, name, DOWN, token, backend=backend, **env)

    @property
    def contexts(self) -> Path:
        return self.home / "config/jhub/contexts.json"

    @property
    def tokens(self) -> Path:
        return self.home / "config/jhub/tokens.json"

    @property
    def in_file(self) -> dict[str, str]:
        tokens: dict[str, str] = json.loads(self.tokens.read_text()) if self.tokens.exists() else {}
        return tokens

    @property
    def in_keyring(self) -> dict[str, str]:
        file = self.home / "entries.json"
        entries: dict[str, str] = json.loads(file.read_text()) if file.exists() else {}
        return entries

    def entry(self, name: str = "hub") -> str:
        return f"jhub {self.tokens.parent.resolve()}: {name}"

    def lock(self, locked: bool = True) -> None:
        if locked:
            (self.home / "locked").touch()
        else:
            (self.home / "locked").unlink()


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def test_a_working_keyring_holds_the_token_and_no_file_does(machine: Machine) -> None:
    assert machine.save() == "None"
    assert machine.in_keyring == {machine.entry(): SECRET}
    assert not machine.tokens.exists()
    assert SECRET not in machine.contexts.read_text()
    assert machine.python(READ) == f"{SECRET} True"
    jhub = machine.jhub()
    assert json.loads(jhub.ok("context", "show", "-o", "json"))["kept"] == "keyring"
    assert "token store    keyring" in jhub.ok("context", "show")
    assert "token kept" not in jhub.ok("context", "list").lower()
    assert jhub("context", "remove", "hub").err == "removed context hub\n"
    assert machine.in_keyring == {}
    assert SECRET not in "".join(jhub.outputs)


@pytest.mark.parametrize(
    ("backend", "why"),
    [
        ("keyring.backends.fail.Keyring", None),
        ("keyring.backends.null.Keyring", "the keyring does not store what it receives"),
        ("keyrings.Short", "the keyring does not store what it receives"),
        ("keyrings.Full", "the keyring failed (PasswordSetError)"),
        ("keyrings.Chatty", "the keyring failed (OSError)"),
        ("no_such_module.Keyring", "the keyring failed (ModuleNotFoundError)"),
    ],
)
def test_a_keyring_that_does_not_work_is_skipped(machine: Machine, backend: str, why: str | None) -> None:
    said = f"{why}; the token is kept in {machine.tokens}, which only you can read"
    assert machine.save(backend) == (said if why else "None")
    assert machine.in_file == {"hub": SECRET}
    assert machine.in_keyring == {}
    assert machine.tokens.stat().st_mode & 0o777 == 0o600
    assert machine.python(READ, backend="keyrings.Chatty") == f"{SECRET} False", "nobody asks a keyring in vain"


def test_a_disabled_keyring_is_not_used(machine: Machine) -> None:
    each = "\nimport os\nfor os.environ['JHUB_KEYRING'] in ('no', '0', 'off', 'FALSE'):"
    asked = each + SAVE.replace("\n", "\n  ") + "\nprint('keyring' in sys.modules)"
    assert machine.python(asked, "hub", DOWN, SECRET) == "None" * 4 + "False\n"
    assert (machine.in_file, machine.in_keyring) == ({"hub": SECRET}, {})


def test_commands_work_without_the_keyring_package(machine: Machine) -> None:
    without = 'import sys\nsys.modules["keyring"] = None\n'  # makes the import of keyring fail
    assert machine.python(without + SAVE, "hub", DOWN, SECRET) == "None"
    assert machine.in_file == {"hub": SECRET}
    machine.save()
    read = without + "from jhub.cli.main import main\nsys.argv = ['jhub', 'group', 'list']\nmain()"
    done = subprocess.run(
        [sys.executable, "-c", read], env=machine.jhub().environment(), capture_output=True, text=True
    )
    assert done.returncode == 2
    assert done.stderr == (
        "error: cannot read the token of context hub: the Python package keyring is not installed\n"
        f"hint: pip install 'jhub[keyring]', or sign in again with: jhub login {DOWN} --name hub\n"
    )


def test_a_token_that_moves_to_another_store_leaves_no_copy(machine: Machine) -> None:
    machine.save(token="FIRST")
    assert machine.save(token="SECOND", JHUB_KEYRING="no") == "None"
    assert (machine.in_file, machine.in_keyring) == ({"hub": "SECOND"}, {})
    machine.save(token="THIRD")
    assert (machine.in_file, machine.in_keyring) == ({}, {machine.entry(): "THIRD"})
    machine.save("keyrings.Short", token="FOURTH")
    assert (machine.in_file, machine.in_keyring) == ({"hub": "FOURTH"}, {})


def test_two_configuration_folders_have_separate_keyring_entries(machine: Machine, tmp_path: Path) -> None:
    machine.save(token="FIRST")
    machine.save(token="SECOND", XDG_CONFIG_HOME=str(tmp_path / "other"))
    assert sorted(machine.in_keyring.values()) == ["FIRST", "SECOND"]
    assert machine.python(READ) == "FIRST True"


def test_a_locked_keyring_is_an_error_with_a_hint(machine: Machine) -> None:
    machine.save()
    machine.lock()
    again = f"sign in again with: jhub login {DOWN} --name hub"
    result = machine.jhub()("group", "list")
    assert (result.code, result.out) == (2, "")
    assert result.err == (
        f"error: cannot read the token of context hub: the keyring is locked\nhint: unlock it, or {again}\n"
    )
    kept = f"the keyring is locked; the token is kept in {machine.tokens}, which only you can read"
    assert machine.save(name="new") == kept
    assert machine.save() == f"{kept}; an older one may still be in the keyring"
    machine.lock(False)
    assert machine.python(READ) == f"{SECRET} False"


def test_a_context_is_removed_while_the_keyring_is_locked(machine: Machine) -> None:
    machine.save()
    machine.lock()
    jhub = machine.jhub()
    result = jhub("context", "remove", "hub")
    assert result.code == 0
    service = repr(machine.entry().rpartition(":")[0])
    stays = f"the keyring is locked; the token of hub may still be in it, below {service}"
    assert result.err == f"removed context hub\nwarning: {stays}\n"
    assert jhub.ok("context", "list", "-o", "name") == ""


def test_a_missing_keyring_entry_is_an_error_and_can_be_removed(machine: Machine) -> None:
    machine.save()
    (machine.home / "entries.json").write_text("{}")
    result = machine.jhub()("group", "list")
    assert (result.code, result.err.splitlines()[0]) == (2, "error: no token for context hub")
    assert machine.jhub()("context", "remove", "hub").err == "removed context hub\n"


def test_ctrl_c_interrupts_a_keyring_that_waits_for_an_answer(machine: Machine) -> None:
    machine.save()
    result = machine.jhub("keyrings.Waiting").interrupted("group", "list", after="a dialog")
    assert (result.code, result.err) == (130, "a dialog\n\ninterrupted\n")


def test_a_damaged_file_stops_a_save_before_the_keyring_is_written(machine: Machine) -> None:
    machine.save(token="FIRST")
    machine.tokens.write_text("{")
    machine.tokens.chmod(0o600)
    refused = (
        "from jhub.errors import InvalidInput\ntry:\n" + SAVE.replace("\n", "\n  ") + "\nexcept InvalidInput: pass"
    )
    machine.python(refused, "hub", DOWN, "SECOND")
    assert (machine.in_keyring, machine.tokens.read_text()) == ({machine.entry(): "FIRST"}, "{")


def listed(machine: Machine, context: dict[str, str], **env: str) -> list[str]:
    """Return the stderr of a command that uses a context and cannot reach the hub."""
    machine.contexts.parent.mkdir(parents=True)
    machine.contexts.write_text(json.dumps({"current": "hub", "contexts": {"hub": context}}))
    machine.tokens.write_text(json.dumps({"hub": SECRET}))
    machine.tokens.chmod(0o600)
    result = machine.jhub(**env)("group", "list", "-o", "name")
    assert result.out == ""
    *said, error = [line for line in result.err.splitlines() if not line.startswith("hint:")]
    assert error.startswith("error: ")
    return said


def test_a_token_that_expires_soon_triggers_one_warning(machine: Machine) -> None:
    end = datetime.now(UTC) + timedelta(hours=5, minutes=1)
    [said] = listed(machine, {"api_url": DOWN, "expires_at": end.isoformat()})
    again = f"sign in again with: jhub login {DOWN} --name hub"
    assert said == f"warning: the token of context hub expires in 5 hours; {again}"


ELSEWHERE = "http://hub.invalid/hub/api"
PLAIN = [f"warning: {ELSEWHERE} uses plain http: others on the network path can read passwords and tokens"]
FROM_ENV = {"JUPYTERHUB_API_URL": ELSEWHERE, "JUPYTERHUB_API_TOKEN": SECRET}


@pytest.mark.parametrize(
    ("url", "env", "said"),
    [
        (ELSEWHERE, {}, PLAIN),
        (DOWN, FROM_ENV, PLAIN),
        (DOWN, {**FROM_ENV, "JUPYTERHUB_SERVER_NAME": ""}, []),
        (ELSEWHERE, {"JHUB_CONTEXT": "hub", "JUPYTERHUB_SERVER_NAME": "lab"}, PLAIN),
    ],
)
def test_plain_http_to_another_machine_triggers_a_warning(
    machine: Machine, url: str, env: dict[str, str], said: list[str]
) -> None:
    assert listed(machine, {"api_url": url}, **env) == said


def test_the_environment_help_names_the_keyring_variable(machine: Machine) -> None:
    assert "JHUB_KEYRING" in machine.jhub().ok("help", "environment")


def test_exec_gives_a_program_the_hub_and_the_token(machine: Machine) -> None:
    machine.save()
    machine.save(name="other", token="OTHER")
    names = ("JUPYTERHUB_API_URL", "JUPYTERHUB_API_TOKEN", "JHUB_CONTEXT")
    program = ["--", sys.executable, "-c", f"import os; print([os.environ.get(name) for name in {names}])"]
    jhub = machine.jhub(JHUB_CONTEXT="hub")
    assert jhub.ok("context", "exec", *program) == f"{[DOWN, SECRET, None]}\n"
    assert jhub.ok("context", "exec", "-c", "other", *program) == f"{[DOWN, 'OTHER', None]}\n"


def test_exec_ends_as_its_program_does(machine: Machine) -> None:
    machine.save()
    jhub = machine.jhub()
    run = jhub("context", "exec", "--", sys.executable, "-c", "import sys; sys.exit(9)")
    assert (run.code, run.out, run.err) == (9, "", "")
    missing = jhub("context", "exec", "--", "no-such-command", "--debug")
    assert (missing.code, missing.err) == (127, "error: command not found: no-such-command\n")
    folder = jhub("context", "exec", "--", str(machine.home))
    assert (folder.code, folder.err) == (126, f"error: cannot run {machine.home}: Permission denied\n")
    unknown = jhub("context", "exec", "-c", "nope", "--", "true")
    assert unknown.code == 2
    assert SECRET not in run.err + missing.err + folder.err + unknown.err


def test_a_program_of_exec_is_ended_by_a_closed_pipe(machine: Machine) -> None:
    machine.save()
    command = shlex.join([*JHUB, "context", "exec", "--", "yes"])
    done = subprocess.run(
        ["bash", "-c", f"{command} | head -1; exit ${{PIPESTATUS[0]}}"],
        env=machine.jhub().environment(),
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (done.returncode, done.stdout, done.stderr) == (141, "y\n", "")
