"""Invalid input: commands refuse it with one error line, and change nothing."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import click
import pytest
from hub_api import Api, Tokens
from terminal import JHUB, Jhub

from jhub.cli.main import cli
from jhub.local import LocalHub

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
    assert "hint: several are taken by jhub server create" in result.err


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


def test_logout_applies_to_the_context_in_the_environment(jhub: Jhub, hub: LocalHub, hub_tokens: Tokens) -> None:
    for name in ("a", "b"):
        jhub.ok("login", hub.url, "--token", "-", "--name", name, stdin=hub_tokens.ana)
    jhub.ok("context", "use", "a")
    with_b = Jhub(jhub.home, {"JHUB_CONTEXT": "b"})
    assert with_b.ok("context", "show", "-o", "name") == "b\n"
    with_b.ok("logout")
    assert jhub.ok("context", "list", "-o", "name") == "a\n"


def test_a_new_sign_in_revokes_the_previous_token(jhub: Jhub, hub: LocalHub, as_admin: Jhub) -> None:
    def tokens() -> set[str]:
        listed = json.loads(as_admin.ok("token", "list", "-u", "ana", "-o", "json"))
        return {token["id"] for token in listed}

    sign_in = ("login", hub.url, "-u", "ana", "--password-stdin")
    jhub.ok(*sign_in, stdin=hub.user_password)
    before = tokens()
    jhub.ok(*sign_in, stdin=hub.user_password)
    assert len(tokens()) == len(before)
    jhub.ok("logout")
    assert len(tokens()) == len(before) - 1


def test_no_token_is_created_if_it_cannot_be_saved(jhub: Jhub, hub: LocalHub, as_admin: Jhub) -> None:
    before = as_admin.ok("token", "list", "-u", "ana", "-o", "name")
    (jhub.home / "config").write_text("in the way")
    result = jhub("login", hub.url, "-u", "ana", "--password-stdin", stdin=hub.user_password)
    assert result.code == 2
    assert "cannot write to" in result.err
    assert as_admin.ok("token", "list", "-u", "ana", "-o", "name") == before


def test_concurrent_sign_ins_are_all_saved(jhub: Jhub, hub: LocalHub, hub_tokens: Tokens) -> None:
    names = [f"c{number}" for number in range(5)]
    with ThreadPoolExecutor(5) as pool:
        list(pool.map(lambda n: jhub.ok("login", hub.url, "--token", "-", "--name", n, stdin=hub_tokens.ana), names))
    assert jhub.ok("context", "list", "-o", "name").split() == names
    for name in names:
        assert jhub("whoami", "-c", name).code == 0


def test_the_local_hub_does_not_overwrite_the_context_of_another_hub(jhub: Jhub) -> None:
    folder = jhub.home / "config/jhub"
    folder.mkdir(parents=True)
    there = {"current": "local", "contexts": {"local": {"api_url": "https://hub.example.org/hub/api", "user": "ana"}}}
    (folder / "contexts.json").write_text(json.dumps(there))
    (folder / "tokens.json").write_text(json.dumps({"local": "PRECIOUS"}))
    try:
        result = jhub("local", "up")
        assert result.code == 2
        assert "belongs to another hub" in result.err
        assert json.loads((folder / "tokens.json").read_text()) == {"local": "PRECIOUS"}
    finally:
        jhub("local", "down")


def test_login_warns_if_the_environment_overrides_the_context(
    as_admin: Jhub, hub: LocalHub, hub_tokens: Tokens
) -> None:
    result = as_admin("login", hub.url, "--token", "-", "--name", "mine", stdin=hub_tokens.ana)
    assert "JUPYTERHUB_API_URL is set and overrides the current context; use -c mine" in result.err
    assert json.loads(as_admin.ok("whoami", "-c", "mine", "-o", "json"))["name"] == "ana"


def test_a_missing_home_folder_is_an_error_with_a_hint(jhub: Jhub) -> None:
    env = {key: value for key, value in jhub.environment().items() if key not in ("HOME", "XDG_CONFIG_HOME")}
    # A user ID without an entry in the password file, as in containers on some clusters.
    program = "import pwd; pwd.getpwuid = lambda uid: {}[uid]\nfrom jhub.cli.main import main; main()"
    done = subprocess.run([JHUB[0], "-c", program, "whoami"], env=env, capture_output=True, text=True)
    assert done.returncode == 2
    assert done.stderr.splitlines()[0] == "error: this user has no home folder"


def commands(group: click.Command, name: str, ctx: click.Context) -> dict[str, click.Command]:
    if not isinstance(group, click.Group):
        return {name: group}
    found: dict[str, click.Command] = {}
    for each in group.list_commands(ctx):
        child = group.get_command(ctx, each)
        assert child is not None
        found |= commands(child, f"{name} {each}", ctx)
    return found


def test_every_command_shows_an_example() -> None:
    with click.Context(cli) as ctx:
        found = commands(cli, "jhub", ctx)
    assert len(found) > 55
    assert [name for name, command in found.items() if f"{name.split()[-1]}" not in _examples(command)] == []


def test_only_optional_arguments_are_in_brackets() -> None:
    with click.Context(cli) as ctx:
        for name, command in commands(cli, "jhub", ctx).items():
            for param in command.params:
                if isinstance(param, click.Argument):
                    assert param.make_metavar(ctx).startswith("[") is not param.required, name


def _examples(command: click.Command) -> str:
    return (command.help or "").partition("\b")[2]
