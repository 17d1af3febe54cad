"""The recipes in docs/how-to, each tried on a real hub by the people whom it is for."""

from __future__ import annotations

import configparser
import csv
import os
import re
import secrets
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml
from hub_api import Api
from page_blocks import ROOT, Block, run_by
from signalled import wait_until
from terminal import Jhub

from jhub.local import LocalHub

EXAMPLES = ROOT / "examples"


def named(blocks: list[Block]) -> dict[str, Block]:
    """Return blocks by their names."""
    assert all(block.name for block in blocks)
    return {block.name: block for block in blocks}


SCOPES = named(run_by(__file__, "docs/how-to/instructor-scopes.md"))
CRON = named(run_by(__file__, "docs/how-to/service-token-for-cron.md"))
AUDIT = named(run_by(__file__, "docs/how-to/audit.md"))
ROSTER = named(run_by(__file__, "docs/how-to/class-from-a-spreadsheet.md"))
SEVERAL = named(run_by(__file__, "docs/how-to/several-hubs.md"))


@pytest.fixture(scope="module")
def etc(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that takes the place of /etc/jhub, with the files of both services."""
    return tmp_path_factory.mktemp("etc") / "jhub"


@pytest.fixture(scope="module")
def recipe_hub(etc: Path) -> Iterator[LocalHub]:
    """A hub with the roles and services of the pages; dora is in no group."""
    make = CRON["secret"].text.replace("/etc/jhub", str(etc))
    for name in ("cull-idle", "start-geo"):
        # There is no hub yet, so there is no URL either.
        subprocess.run(["bash", "-euc", make.replace("cull-idle", name)], check=True)
    config = "\n".join(block.text for block in (SCOPES["role"], CRON["service"], CRON["class service"]))
    # Another instructor, so that ana has no rights from this role, too.
    config += "\n" + ROSTER["role"].text.replace('"ana"', '"ina"')
    with LocalHub(users=["ana", "bo", "cy", "dora", "ina"], config=config.replace("/etc/jhub", str(etc))) as hub:
        for name in ("cull-idle", "start-geo"):
            file = etc / f"{name}.env"
            file.write_text(file.read_text().replace("https://hub.example.org", hub.url.rstrip("/")))
        yield hub


@dataclass(frozen=True)
class Reader:
    """Someone who runs the blocks of a page, in an empty home folder."""

    home: Path
    hub: LocalHub
    env: dict[str, str]

    def __call__(self, block: Block | str, *, code: int = 0) -> str:
        """Run a block of sh, which must end with this exit code, and return its stdout and stderr."""
        text = block if isinstance(block, str) else block.text
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        env = {**Jhub(self.home, self.env).environment(), "PATH": path, "HOME": str(self.home)}
        command = ["bash", "-euo", "pipefail", "-c", text.replace("https://hub.example.org", self.hub.url)]
        done = subprocess.run(
            command,
            env=env,
            cwd=self.home,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=600,
        )
        assert done.returncode == code, done.stdout
        return done.stdout

    def sign_in(self, block: Block, password: str) -> str:
        """Run a block with `jhub login`; there is no terminal for the password."""
        text = block.text.replace("--username", "--password-stdin <<< $PASSWORD --username")
        return replace(self, env={"PASSWORD": password})(text)


@pytest.fixture
def reader(recipe_hub: LocalHub, tmp_path: Path) -> Reader:
    """A reader who is not signed in."""
    return Reader(tmp_path, recipe_hub, {})


@pytest.fixture
def admin(reader: Reader) -> Reader:
    """An administrator."""
    api = login(reader.hub, reader.hub.username, reader.hub.password)
    token = str(api.session.headers["Authorization"]).removeprefix("token ")
    return replace(reader, env={"JUPYTERHUB_API_URL": reader.hub.api_url, "JUPYTERHUB_API_TOKEN": token})


def login(hub: LocalHub, name: str, password: str) -> Api:
    body = {"auth": {"username": name, "password": password}, "expires_in": 3600}
    answer = Api(hub)("POST", f"/users/{name}/tokens", json=body)
    assert answer.status_code == 201
    return Api(hub, answer.json()["token"])


# instructor-scopes.md


def test_the_chart_gives_the_same_role() -> None:
    roles: list[dict[str, Any]] = []
    exec(SCOPES["role"].text, {"c": SimpleNamespace(JupyterHub=SimpleNamespace(load_roles=roles))})
    values = yaml.safe_load(SCOPES["values"].text)["hub"]["loadRoles"]
    (role,) = roles
    (name, same) = next(iter(values.items()))
    # The page replaces these three by `servers` on JupyterHub 4 and 5, which the charts have.
    of_servers = {f"{verb}:servers!group=geo" for verb in ("read", "start", "delete")}
    assert of_servers < set(role["scopes"])
    scopes = [scope for scope in role["scopes"] if scope not in of_servers]
    assert {**role, "scopes": [*scopes, "servers!group=geo"]} == {"name": name, **same}


def test_an_instructor_runs_the_servers_of_the_class_and_no_others(
    reader: Reader, admin: Reader, recipe_hub: LocalHub
) -> None:
    admin(SCOPES["groups"])
    out = reader.sign_in(SCOPES["sign in"], recipe_hub.user_password)
    assert "start:servers!group=geo" in out
    out = reader(SCOPES["class"])
    assert "POST /users/cy/servers/lab" in out
    assert "2 ready" in out
    assert "2 stopped" in out

    for name, code in (("outside", 5), ("missing", 4)):
        assert SCOPES[f"{name} output"].text in reader(SCOPES[name], code=code)
    for command, code in {
        "server start dora/lab --profile lean": 5,
        "server start dora --profile lean": 5,
        "token create -u bo": 4,
        "token list -u bo": 5,
        "user create zoe": 4,
        "user delete bo --yes": 4,
        "group remove geo bo": 4,
        "group delete geo --yes": 4,
    }.items():
        assert "error: " in reader(f"jhub {command}", code=code)

    # The page says that a server of the class is not open to the instructor either.
    reader("jhub server start bo/lab --profile lean")
    instructor = login(recipe_hub, "ana", recipe_hub.user_password)
    assert instructor.session.get(f"{recipe_hub.url}user/bo/lab/api/status", timeout=60).status_code == 403
    reader("jhub server stop bo/lab --yes")


COMMANDS = re.findall(r"^\| `(jhub .+?)` \| (`.+`) \|$", (ROOT / "docs/how-to/instructor-scopes.md").read_text(), re.M)


@pytest.mark.parametrize(("command", "cell"), COMMANDS, ids=[command for command, _ in COMMANDS])
def test_a_command_needs_the_scopes_of_the_table_and_no_others(
    command: str, cell: str, reader: Reader, admin: Reader, recipe_hub: LocalHub
) -> None:
    admin(SCOPES["groups"])
    if "server" in command:
        admin("jhub server start --group geo --name lab --profile lean")
    needed = re.findall(r"`(\S+?)`", cell)
    instructor = login(recipe_hub, "ana", recipe_hub.user_password)

    def run_with(scopes: list[str], code: int | None) -> None:
        body = {"scopes": [f"{scope}!group=geo" for scope in scopes], "expires_in": 600}
        answer = instructor("POST", "/users/ana/tokens", json=body)
        assert answer.status_code == 201, answer.text
        env = {"JUPYTERHUB_API_URL": recipe_hub.api_url, "JUPYTERHUB_API_TOKEN": answer.json()["token"]}
        if code is None:
            text = f"{command} && exit 90 || exit 0"
            replace(reader, env=env)(text)
        else:
            replace(reader, env=env)(command, code=code)

    for scope in needed:
        run_with([other for other in needed if other != scope], None)
    run_with(needed, 0)


# service-token-for-cron.md


def as_cron(command: str, etc: Path, log: Path) -> subprocess.CompletedProcess[str]:
    """Run a command as cron does: with sh, and hardly any environment."""
    command = command.replace("/etc/jhub", str(etc)).replace("/var/log/cull-idle.log", str(log))
    env = {"PATH": f"{log.parent}:{Path(sys.executable).parent}:/usr/bin:/bin", "HOME": "/nonexistent"}
    return subprocess.run(["/bin/sh", "-c", command], env=env, capture_output=True, text=True, timeout=600, cwd="/")


def script(block: Block, path: Path, etc: Path, *changes: tuple[str, str]) -> None:
    """Save a script as the page says."""
    text = block.text.replace("/etc/jhub", str(etc))
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    path.write_text(text)
    path.chmod(0o755)


def is_idle(admin: Reader, server: str) -> bool:
    return server in admin("jhub server list --idle 1s -o name").split()


def test_only_root_reads_the_token(recipe_hub: LocalHub, etc: Path) -> None:
    assert (etc / "cull-idle.env").stat().st_mode & 0o777 == 0o600


def test_the_service_of_the_page_stops_idle_servers_and_may_do_nothing_else(
    reader: Reader, admin: Reader, etc: Path
) -> None:
    admin("jhub server start dora/work --profile lean")
    wait_until(partial(is_idle, admin, "dora/work"), "dora/work is idle")
    out = reader(CRON["try"].text.replace("/etc/jhub", str(etc)))
    assert "cull-idle" in out
    assert "service" in out
    assert "DELETE" not in out, "nothing is idle for two hours"

    [command] = re.findall(r"^\S+ \* \* \* \* root (.+)$", CRON["cron"].text, re.M)
    log = reader.home / "cull-idle.log"
    script(CRON["script"], reader.home / "cull-idle", etc)
    done = as_cron(command, etc, log)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert "dora/work" in admin("jhub server list -o name"), "it was used in the last two hours"

    script(CRON["script"], reader.home / "cull-idle", etc, ("2h", "1s"))
    done = as_cron(command, etc, log)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert "dora/work" not in admin("jhub server list -o name")
    assert "dora/work" in log.read_text()

    service = f"set -a; . {etc}/cull-idle.env; "
    for refused in ("server start dora/work --profile lean", "token list -u dora", "user create zoe", "group list"):
        reader(f"{service} jhub {refused}", code=4)
    assert secret_of(etc, "cull-idle") not in log.read_text()


def test_a_job_that_fails_is_mailed(reader: Reader, etc: Path) -> None:
    wrong = reader.home / "jhub"
    wrong.mkdir()
    settings = (etc / "cull-idle.env").read_text()
    (wrong / "cull-idle.env").write_text(settings.replace(secret_of(etc, "cull-idle"), secrets.token_hex(32)))
    [command] = re.findall(r"^\S+ \* \* \* \* root (.+)$", CRON["cron"].text, re.M)
    script(CRON["script"], reader.home / "cull-idle", wrong)
    done = as_cron(command, wrong, reader.home / "cull-idle.log")
    assert "cull-idle: exit code 4" in done.stdout
    assert "error: " in done.stdout


def secret_of(etc: Path, service: str) -> str:
    [secret] = re.findall(r"^JUPYTERHUB_API_TOKEN=([0-9a-f]{64})$", (etc / f"{service}.env").read_text(), re.M)
    return str(secret)


def test_a_class_starts_with_the_token_of_its_service(reader: Reader, admin: Reader, etc: Path) -> None:
    admin(SCOPES["groups"])
    script(CRON["class script"], reader.home / "start-geo", etc)
    for _ in range(2):
        done = as_cron("start-geo", etc, reader.home / "start-geo.log")
        assert done.returncode == 0, done
    assert {"bo/lab", "cy/lab"} <= set(admin("jhub server list -o name").split())
    service = f"set -a; . {etc}/start-geo.env; "
    reader(f"{service} jhub server start dora/lab --profile lean", code=5)
    reader(f"{service} jhub server stop bo/lab --yes", code=4)
    admin("jhub server stop --group geo --name lab --yes")


def unit(text: str) -> configparser.ConfigParser:
    parser = configparser.ConfigParser(interpolation=None)
    parser.optionxform = str  # type: ignore[assignment, method-assign]
    parser.read_string(text)
    return parser


def test_the_unit_runs_the_same_job_as_the_script(reader: Reader, etc: Path) -> None:
    service = unit(CRON["unit"].text)["Service"]
    assert service["ExecStart"].removeprefix("/opt/jhub/bin/") in CRON["script"].text
    assert service["EnvironmentFile"] == "/etc/jhub/cull-idle.env"
    env = dict(line.split("=", 1) for line in (etc / "cull-idle.env").read_text().splitlines())
    command = service["ExecStart"].replace("/opt/jhub/bin", str(Path(sys.executable).parent)).split()
    # A user of systemd's DynamicUser has no home folder to write to.
    done = subprocess.run(
        command, env={**env, "PATH": "/usr/bin:/bin", "HOME": "/"}, capture_output=True, text=True, cwd="/"
    )
    assert done.returncode == 0, done


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is not installed")
def test_systemd_understands_the_units(tmp_path: Path) -> None:
    program = Path(sys.executable).with_name("jhub")
    files = {"cull-idle.service": "unit", "cull-idle.timer": "timer", "mail-failure@.service": "mail unit"}
    for name, block in files.items():
        (tmp_path / name).write_text(CRON[block].text.replace("/opt/jhub/bin/jhub", str(program)))
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", *(str(tmp_path / name) for name in files)],
        env={**os.environ, "SYSTEMD_UNIT_PATH": f"{tmp_path}:"},
        capture_output=True,
        text=True,
    )
    about = [line for line in done.stderr.splitlines() if any(name in line for name in files)]
    assert (done.returncode, about) == (0, []), done.stderr
    for block in ("timer", "class timer"):
        calendar = unit(CRON[block].text)["Timer"]["OnCalendar"]
        subprocess.run(["systemd-analyze", "calendar", calendar], check=True, capture_output=True)


# audit.md


def test_an_audit_finds_administrators_and_open_doors(
    admin: Reader, recipe_hub: LocalHub, add_old_token: Callable[[str, str], None]
) -> None:
    (admin.home / "audit_rights.py").write_text((EXAMPLES / "audit_rights.py").read_text())
    admin("jhub user create eve --if-not-exists --admin")
    admin("jhub token create -u eve --never --note '=1+1' -o name > /dev/null")
    admin("jhub token create -u cy --expires 30d --note fine -o name > /dev/null")
    admin("jhub token create -u bo --never --note 'old script' -o name > /dev/null")
    add_old_token("bo", "old script")

    admin(AUDIT["administrators"])
    users = {row["name"]: row for row in table(admin.home / "users.csv")}
    assert {name for name, row in users.items() if row["admin"] == "yes"} == {recipe_hub.username, "eve"}
    assert users["eve"]["roles"].split(", ")[0] == "admin"
    admin(AUDIT["rights"])
    rights = {(row["kind"], row["name"]): row["roles"] for row in table(admin.home / "rights.csv")}
    assert rights["user", "eve"] == "admin"
    assert rights["group", "geo-instructors"] == "instructors-geo"
    assert rights["service", "cull-idle"] == "cull-idle"
    assert ("user", "dora") not in rights

    admin(AUDIT["tokens of all"])
    assert (admin.home / "tokens.csv").stat().st_mode & 0o777 == 0o600
    rows = table(admin.home / "tokens.csv")
    found = {(row["user"], row["note"]): row for row in rows}
    assert found["eve", "'=1+1"]["expires"] == ""
    assert "admin:users" in found["eve", "'=1+1"]["scopes"].split(" ")
    assert found["cy", "fine"]["expires"][10] == "T"
    assert found["bo", "old script"]["last used"] == ""
    assert {row["kind"] for row in rows} <= {"api", "server", "session"}
    dangerous = admin(AUDIT["dangerous tokens"])
    assert dangerous.count("old script") == 2
    assert dangerous.count("'=1+1") == 1
    assert "fine" not in dangerous
    of_admins = admin(AUDIT["tokens of administrators"])
    assert "=1+1" in of_admins
    assert "old script" not in of_admins
    (admin.home / "tokens.py").write_text(AUDIT["python"].text)
    assert "old script" in admin("python tokens.py")

    assert "DELETE" in admin(AUDIT["revoke"])
    assert "old script" not in admin("jhub token list -u bo")


@pytest.fixture
def add_old_token(recipe_hub: LocalHub) -> Callable[[str, str], None]:
    """Return a function that makes a token older, in the hub's database."""

    def make_older(user: str, note: str) -> None:
        import sqlite3
        from contextlib import closing

        with closing(sqlite3.connect(recipe_hub.folder / "jupyterhub.sqlite", timeout=60)) as database, database:
            changed = database.execute(
                "UPDATE api_tokens SET created = '2020-01-01 00:00:00.000000' WHERE note = ?", (note,)
            )
            assert changed.rowcount == 1, (user, note)

    return make_older


def table(path: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(path.read_text().splitlines()))


# several-hubs.md


def test_one_loop_works_on_several_hubs(reader: Reader, recipe_hub: LocalHub) -> None:
    with LocalHub() as other:

        def real(text: str) -> str:
            return text.replace("https://teaching.example.org", recipe_hub.url).replace(
                "https://research.example.org", other.url
            )

        teaching, research, listing = SEVERAL["sign in"].text.splitlines()
        for line, hub in ((teaching, recipe_hub), (research, other)):
            reader.sign_in(replace(SEVERAL["sign in"], text=real(line)), hub.password)
        assert all(name in reader(listing) for name in ("teaching", "research"))
        assert other.api_url in reader(SEVERAL["one hub"])
        out = reader(SEVERAL["loop"])
        assert [line for line in out.splitlines() if line.startswith("==")] == ["== research", "== teaching"]
        reader(SEVERAL["table"].text.replace("--inactive-for 180d", "--inactive-for 1s"))
        lines = (reader.home / "inactive.csv").read_text().splitlines()
        assert "teaching,dora" in lines
        reader(SEVERAL["table"])
        (reader.home / "program.py").write_text(SEVERAL["python"].text)
        assert reader("python program.py").count("JupyterHub 6") == 2
        (reader.home / "report.py").write_text("from jhub import Hub\nwith Hub() as hub:\n    print(hub.url)\n")
        assert reader(SEVERAL["exec"]).strip() == other.url
    # One of the hubs is down now.
    out = reader(SEVERAL["loop"], code=1)
    assert "exit code 1" in out
    assert out.index("== research") < out.index("exit code 1") < out.index("== teaching")
    out = reader("python program.py", code=1)
    assert "teaching: JupyterHub 6" in out
    assert "no answer from research" in out


# class-from-a-spreadsheet.md


def test_an_instructor_makes_a_class_from_a_spreadsheet(reader: Reader) -> None:
    blocks = dict(ROSTER)
    del blocks["role"]  # part of the hub's configuration
    sign_in = blocks.pop("sign in")
    reader.sign_in(replace(sign_in, text=sign_in.text.replace("ana", "ina")), reader.hub.user_password)
    command = blocks.pop("sync").text.replace("jhub group sync", "jhub group sync --yes")
    (reader.home / "roster.csv").write_text(blocks.pop("roster").text)
    assert reader(command, code=7) == blocks.pop("sync output").text
    (reader.home / "roster.csv").write_text(blocks.pop("week two").text)
    # One of three is more than 20 %, but of five or fewer, one may always leave.
    assert reader(command) == blocks.pop("week two output").text
    assert reader(command) == blocks.pop("in sync").text
    assert not blocks
