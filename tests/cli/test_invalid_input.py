"""Invalid input: commands refuse it with one error line, and change nothing."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from hub_api import Api
from terminal import JHUB, Jhub

Fresh = Callable[[str], str]


@pytest.fixture
def jhub(tmp_path: Path) -> Jhub:
    return Jhub(tmp_path)


@pytest.mark.parametrize(
    "command",
    [
        ("server", "stop", "--yes", "-"),
        ("server", "start", "-"),
        ("server", "wait", "-"),
        ("server", "delete", "--yes", "-"),
        ("user", "delete", "--yes", "-"),
        ("user", "create", "-"),
        ("group", "delete", "--yes", "-"),
        ("group", "add", "nobody", "-"),
        ("group", "create", "-"),
        ("group", "set", "--yes", "nobody", "-"),
        ("user", "edit", "--admin", "-"),
        ("server", "create", "-"),
        ("server", "edit", "--display-name", "x", "-"),
        ("server", "keep-alive", "-"),
        ("share", "grant", "ana/x", "--user", "-"),
        ("share", "leave", "-"),
        ("service", "delete", "--yes", "-"),
        ("token", "revoke", "-"),
    ],
)
def test_empty_stdin_means_nothing_to_do(as_admin: Jhub, command: tuple[str, ...]) -> None:
    result = as_admin(*command, "--debug", stdin="\n")
    assert (result.code, result.out) == (0, "")
    assert "nothing to do" in result.err
    for method in ("POST", "PUT", "PATCH", "DELETE"):
        assert method not in result.err


@pytest.mark.parametrize("name", ["", "ana/", "/"])
def test_an_empty_name_is_not_the_default_server(as_admin: Jhub, name: str) -> None:
    result = as_admin("server", "stop", "--yes", name)
    assert result.code == 2
    assert "names no server" in result.err


@pytest.mark.parametrize(
    "command",
    [
        ("server", "list", ""),
        ("server", "show", ""),
        ("server", "restart", "--yes", ""),
        ("server", "wait", ""),
        ("server", "progress", ""),
        ("server", "open", "--url", ""),
        ("server", "rename", "", "x"),
        ("share", "list", ""),
        ("share", "grant", "", "--user", "ana"),
        ("share", "grant", "ana", "--user", ""),
        ("share", "revoke", "", "--user", "ana"),
        ("share", "revoke", "--all", "--yes", ""),
        ("share", "leave", "ana/x", "--user", ""),
        ("share", "leave", "ana/x", "--yes", "--group", ""),
        ("share", "code", "list", ""),
        ("share", "code", "create", ""),
        ("share", "code", "revoke", "", "--all", "--yes"),
        ("token", "list", "-u", ""),
        ("token", "show", "a1", "-u", ""),
        ("token", "create", "-u", ""),
        ("token", "revoke", "a1", "-u", ""),
        ("context", "show", ""),
        ("user", "list", "-c", ""),
        ("login", "http://127.0.0.1:9", "--name", ""),
    ],
)
def test_empty_arguments_are_refused(as_admin: Jhub, command: tuple[str, ...]) -> None:
    result = as_admin("--debug", *command)
    assert (result.code, result.out) == (2, ""), result
    assert "is missing" in result.err or "'' names no server" in result.err or "no context ''" in result.err
    for method in ("POST", "PUT", "PATCH", "DELETE"):
        assert f"debug: {method}" not in result.err


@pytest.mark.parametrize(
    "command",
    [
        ("server", "show", "-"),
        ("server", "restart", "--yes", "-"),
        ("server", "progress", "-"),
        ("server", "open", "--url", "-"),
        ("server", "rename", "-", "x"),
        ("share", "list", "-"),
        ("share", "grant", "-", "--user", "ana"),
        ("share", "revoke", "-", "--user", "ana"),
        ("share", "revoke", "--all", "--yes", "-"),
        ("share", "code", "create", "-"),
        ("share", "code", "revoke", "-", "sc_1"),
    ],
)
def test_stdin_is_refused_for_a_single_server(as_admin: Jhub, command: tuple[str, ...]) -> None:
    result = as_admin(*command, stdin="ana/a\nana/b\n")
    assert (result.code, result.out) == (2, "")
    assert "this command takes one server" in result.err
    assert "hint: - works with jhub server create" in result.err


def without_stdin(jhub: Jhub, *args: str) -> tuple[int, str, str]:
    command = ["sh", "-c", 'exec "$@" <&-', "sh", *JHUB, *args]
    done = subprocess.run(command, env=jhub.environment(), capture_output=True, text=True, timeout=3000)
    return done.returncode, done.stdout, done.stderr


def test_a_closed_stdin_counts_as_empty(as_admin: Jhub, hub_url: str) -> None:
    code, out, err = without_stdin(as_admin, "user", "delete", "ana")
    assert (code, out, err.splitlines()[0]) == (
        2,
        "",
        "error: cannot ask for confirmation without a terminal: delete user ana",
    )
    assert without_stdin(as_admin, "user", "create", "-") == (0, "", "nothing to do: no names on stdin\n")
    code, out, err = without_stdin(as_admin, "login", hub_url, "--token", "-")
    assert (code, out, err) == (2, "", "error: the token is empty\n")


def test_a_service_has_no_servers_of_its_own(as_robot: Jhub) -> None:
    result = as_robot("server", "stop", "--dry-run")
    assert result.code == 2
    assert "the service robot, which has no servers" in result.err


def test_a_name_filter_is_plain_text(as_admin: Jhub, fresh: Fresh) -> None:
    prefix = fresh("like")
    as_admin.ok("user", "create", f"{prefix}_1", f"{prefix}x1")
    assert as_admin.ok("user", "list", "--filter", f"{prefix}_", "-o", "name") == f"{prefix}_1\n"
    assert as_admin.ok("user", "list", "--filter", "%", "-o", "name") == ""


def test_a_byte_order_mark_is_removed_from_names(as_admin: Jhub, fresh: Fresh) -> None:
    name = fresh("user")
    assert as_admin.ok("user", "create", "-", "-o", "name", stdin=f"\ufeff{name}\r\n") == f"{name}\n"


def test_control_characters_in_names_are_escaped(as_admin: Jhub, api: Api, user: str, fresh: Fresh) -> None:
    group = f"{fresh('group')}%1B%5B31mred"
    assert api("POST", f"/groups/{group}", json={"users": [user]}).status_code == 201
    for form in ("table", "csv"):
        assert "\x1b" not in as_admin.ok("user", "list", "--filter", user, "-o", form)
    assert "\x1b" not in as_admin.ok("user", "show", user)
    assert "\x1b" not in as_admin("user", "show", "a\x1b[31mb").err
    api("DELETE", f"/groups/{group}")


def test_option_values_are_not_in_error_messages(as_admin: Jhub, user: str) -> None:
    as_admin.ok("server", "start", f"{user}/x", "-p", "stub", "--option", "pw=HUNTER2")
    result = as_admin("server", "start", f"{user}/x", "-p", "stub", "--option", "pw=HUNTER3")
    assert result.code == 6
    assert "(profile=stub, pw)" in result.err
    assert "HUNTER" not in result.err + result.out


def test_a_query_in_the_path_is_sent(as_admin: Jhub) -> None:
    found = json.loads(as_admin.ok("api", "GET", "/users?name_filter=ana", "-q", "limit=1"))
    assert [one["name"] for one in found] == ["ana"]
    assert as_admin("api", "GET", "/users?next=http://x").code == 0
    assert as_admin("api", "GET", "/%2e%2e/login").code == 2
    assert as_admin("api", "G\nT", "/users").code == 2


NOT_TEXT = b"a\xff".decode("utf-8", "surrogateescape")


@pytest.mark.parametrize(
    ("args", "env"),
    [
        (("user", "list", "--filter", NOT_TEXT), {}),
        (("user", "create", NOT_TEXT), {}),
        (("token", "create", "--note", NOT_TEXT), {}),
        (("api", "GET", f"/{NOT_TEXT}"), {}),
        (("server", "start", "--option", f"a={NOT_TEXT}", "ana"), {}),
        (("token", "create", "--expires", "9" * 400), {}),
        (("whoami",), {"JUPYTERHUB_API_URL": "http://a..b/hub/api"}),
        (("whoami",), {"JUPYTERHUB_API_URL": f"http://{'a' * 300}/hub/api"}),
        (("whoami",), {"JUPYTERHUB_API_URL": "https://hub.invalid", "ALL_PROXY": "socks5://127.0.0.1:9"}),
        (("whoami",), {"JUPYTERHUB_API_URL": "https://hub.invalid", "HTTPS_PROXY": "http://[::1"}),
        (("whoami",), {"JUPYTERHUB_API_URL": "https://hub.invalid", "SSL_CERT_FILE": "/nonexistent"}),
    ],
)
def test_invalid_values_end_in_one_error_line(as_admin: Jhub, args: tuple[str, ...], env: dict[str, str]) -> None:
    result = Jhub(as_admin.home, {**as_admin.env, **env})(*args)
    assert result.code == 2, result
    assert "Traceback" not in result.err
    assert len([line for line in result.err.splitlines() if line.startswith("error: ")]) == 1


def test_a_closed_pipe_is_not_an_error(as_admin: Jhub) -> None:
    listing = subprocess.Popen(
        [*JHUB, "user", "list", "-o", "name"],
        env=as_admin.environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert listing.stdout is not None
    listing.stdout.close()
    assert listing.stderr is not None
    said = listing.stderr.read()
    listing.stderr.close()
    assert (listing.wait(timeout=300), said) == (0, b"")


def test_a_full_disk_is_an_error(as_admin: Jhub) -> None:
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [*JHUB, "user", "list"], env=as_admin.environment(), stdout=full, stderr=subprocess.PIPE, text=True
        )
    assert done.returncode == 1
    assert done.stderr.splitlines() == ["error: cannot write the output: No space left on device"]


def test_a_missing_home_folder_is_an_error_with_a_hint(jhub: Jhub) -> None:
    env = {key: value for key, value in jhub.environment().items() if key not in ("HOME", "XDG_CONFIG_HOME")}
    # A user ID without an entry in the password file, as in containers on some clusters.
    program = "import pwd; pwd.getpwuid = lambda uid: {}[uid]\nfrom jhub.cli.main import main; main()"
    done = subprocess.run([JHUB[0], "-c", program, "whoami"], env=env, capture_output=True, text=True)
    assert done.returncode == 2
    assert done.stderr.splitlines()[0] == "error: this user has no home folder"
