"""Contexts on the command line: tokens in keyrings of all kinds, and what is said before a token is sent."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from terminal import Jhub

SUPPORT = Path(__file__).parents[1] / "support"
DOWN = "http://127.0.0.1:9/hub/api"
SECRET = "SECRET-0123456789"

SAVE = """
import sys
from jhub.config import contexts
print(contexts.save(sys.argv[1], contexts.Context(api_url=sys.argv[2], user="ana"), sys.argv[3]).outputs, end="")
"""
READ = """
import sys
from jhub.config import contexts
print(contexts.connection().token, "keyring" in sys.modules, end="")
"""


@dataclass
class Machine:
    """A home folder, and a keyring that is chosen for each command."""

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
        """What a program prints; nothing of it is on stderr."""
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


def test_a_keyring_that_works_has_the_token_and_no_file(machine: Machine) -> None:
    assert machine.save() == "None"
    assert machine.in_keyring == {machine.entry(): SECRET}
    assert not machine.tokens.exists()
    assert SECRET not in machine.contexts.read_text()
    assert machine.python(READ) == f"{SECRET} True"
    jhub = machine.jhub()
    assert json.loads(jhub.ok("context", "show", "-o", "json"))["kept"] == "keyring"
    assert "token kept in  keyring" in jhub.ok("context", "show")
    assert "token kept" not in jhub.ok("context", "list").lower()
    assert jhub("context", "remove", "hub").err == "forgot hub\n"
    assert machine.in_keyring == {}
    assert SECRET not in "".join(jhub.outputs)


@pytest.mark.parametrize(
    ("backend", "why"),
    [
        ("keyring.backends.fail.Keyring", None),
        ("keyring.backends.null.Keyring", "the keyring does not keep what it is given"),
        ("keyrings.Short", "the keyring does not keep what it is given"),
        ("keyrings.Full", "the keyring failed (PasswordSetError)"),
        ("keyrings.Chatty", "the keyring failed (OSError)"),
        ("no_such_module.Keyring", "the keyring failed (ModuleNotFoundError)"),
    ],
)
def test_a_keyring_that_does_not_work_is_passed_over(machine: Machine, backend: str, why: str | None) -> None:
    said = f"{why}; the token is kept in {machine.tokens}, which only you can read"
    assert machine.save(backend) == (said if why else "None")
    assert machine.in_file == {"hub": SECRET}
    assert machine.in_keyring == {}
    assert machine.tokens.stat().st_mode & 0o777 == 0o600
    assert machine.python(READ, backend="keyrings.Chatty") == f"{SECRET} False", "nobody asks a keyring in vain"


def test_a_keyring_that_is_not_wanted_is_not_asked(machine: Machine) -> None:
    each = "\nimport os\nfor os.environ['JHUB_KEYRING'] in ('no', '0', 'off', 'FALSE'):"
    asked = each + SAVE.replace("\n", "\n  ") + "\nprint('keyring' in sys.modules)"
    assert machine.python(asked, "hub", DOWN, SECRET) == "None" * 4 + "False\n"
    assert (machine.in_file, machine.in_keyring) == ({"hub": SECRET}, {})


def test_a_keyring_that_is_not_installed_is_not_missed(machine: Machine) -> None:
    without = 'import sys\nsys.modules["keyring"] = None\n'  # as an import that finds nothing
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


def test_a_token_that_moves_leaves_no_copy(machine: Machine) -> None:
    machine.save(token="FIRST")
    assert machine.save(token="SECOND", JHUB_KEYRING="no") == "None"
    assert (machine.in_file, machine.in_keyring) == ({"hub": "SECOND"}, {})
    machine.save(token="THIRD")
    assert (machine.in_file, machine.in_keyring) == ({}, {machine.entry(): "THIRD"})
    machine.save("keyrings.Short", token="FOURTH")
    assert (machine.in_file, machine.in_keyring) == ({"hub": "FOURTH"}, {})


def test_two_folders_have_their_own_entries(machine: Machine, tmp_path: Path) -> None:
    machine.save(token="FIRST")
    machine.save(token="SECOND", XDG_CONFIG_HOME=str(tmp_path / "other"))
    assert sorted(machine.in_keyring.values()) == ["FIRST", "SECOND"]
    assert machine.python(READ) == "FIRST True"


def test_a_locked_keyring_is_told_with_what_to_do(machine: Machine) -> None:
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


def test_a_context_is_forgotten_though_the_keyring_is_locked(machine: Machine) -> None:
    machine.save()
    machine.lock()
    jhub = machine.jhub()
    result = jhub("context", "remove", "hub")
    assert result.code == 0
    service = repr(machine.entry().rpartition(":")[0])
    stays = f"the keyring is locked; the token of hub may still be in it, below {service}"
    assert result.err == f"forgot hub\nwarning: {stays}\n"
    assert jhub.ok("context", "list", "-o", "name") == ""


def test_an_entry_that_is_gone_is_told_and_can_be_forgotten(machine: Machine) -> None:
    machine.save()
    (machine.home / "entries.json").write_text("{}")
    result = machine.jhub()("group", "list")
    assert (result.code, result.err.splitlines()[0]) == (2, "error: no token for context hub")
    assert machine.jhub()("context", "remove", "hub").err == "forgot hub\n"


def test_ctrl_c_leaves_a_keyring_that_waits_for_an_answer(machine: Machine) -> None:
    machine.save()
    result = machine.jhub("keyrings.Waiting").interrupted("group", "list", after="a dialog")
    assert (result.code, result.err) == (130, "a dialog\n\ninterrupted\n")


def test_a_damaged_file_stops_a_save_before_the_keyring_has_anything(machine: Machine) -> None:
    machine.save(token="FIRST")
    machine.tokens.write_text("{")
    machine.tokens.chmod(0o600)
    refused = (
        "from jhub.errors import InvalidInput\ntry:\n" + SAVE.replace("\n", "\n  ") + "\nexcept InvalidInput: pass"
    )
    machine.python(refused, "hub", DOWN, "SECOND")
    assert (machine.in_keyring, machine.tokens.read_text()) == ({machine.entry(): "FIRST"}, "{")


def listed(machine: Machine, context: dict[str, str], **env: str) -> list[str]:
    """What a command that uses a context says before it fails to reach the hub."""
    machine.contexts.parent.mkdir(parents=True)
    machine.contexts.write_text(json.dumps({"current": "hub", "contexts": {"hub": context}}))
    machine.tokens.write_text(json.dumps({"hub": SECRET}))
    machine.tokens.chmod(0o600)
    result = machine.jhub(**env)("group", "list", "-o", "json")
    assert result.out == ""
    *said, error = [line for line in result.err.splitlines() if not line.startswith("hint:")]
    assert error.startswith("error: ")
    return said


def test_a_token_that_ends_soon_is_told_once(machine: Machine) -> None:
    end = datetime.now(UTC) + timedelta(hours=5, minutes=1)
    [said] = listed(machine, {"api_url": DOWN, "expires_at": end.isoformat()})
    again = f"sign in again with: jhub login {DOWN} --name hub"
    assert said == f"warning: the token of context hub ends in 5 hours; {again}"


ELSEWHERE = "http://hub.invalid/hub/api"
PLAIN = [f"warning: {ELSEWHERE} is plain http: passwords and tokens can be read on the way"]
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
def test_plain_http_to_elsewhere_is_told(machine: Machine, url: str, env: dict[str, str], said: list[str]) -> None:
    assert listed(machine, {"api_url": url}, **env) == said


def test_help_names_the_variable(machine: Machine) -> None:
    assert "JHUB_KEYRING" in machine.jhub().ok("help", "environment")
