"""Completion of names on the hub: within a time limit, and silent on failure."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from hub_api import Api, Tokens
from loopback import MAX_SECONDS, Visit, serving
from profile_hub import LISTS, profile_hub
from terminal import Jhub

from jhub.cli.completion import completers
from jhub.local import LocalHub

Fresh = Callable[[str], str]

BREAKS = " \t\n\"'@><=;|&(:"
"""Default of bash's COMP_WORDBREAKS."""


def completed(jhub: Jhub, line: str) -> list[str]:
    """Return the completions of the last word of a line."""
    words = {"COMP_WORDS": line, "COMP_CWORD": str(len(line.split(" ")) - 1)}
    result = Jhub(jhub.home, {**jhub.env, **words, "_JHUB_COMPLETE": "bash_complete"})()
    assert (result.code, result.err) == (0, ""), result
    return [item.removeprefix("plain,") for item in result.lines if item]


@pytest.fixture
def server(api: Api, user: str) -> str:
    """Return a stopped server, created for a profile."""
    body = {"user_options": {"profile": "stub"}}
    assert api("PUT", f"/users/{user}/servers/lab", json=body).status_code == 201
    return f"{user}/lab"


def test_users_and_servers_are_completed(as_admin: Jhub, user: str, server: str) -> None:
    assert completed(as_admin, f"jhub user show {user[:-1]}").count(user) == 1
    assert completed(as_admin, f"jhub user delete {user} {user}") == [], "it is on the line already"
    assert completed(as_admin, f"jhub server start {user}") == [user, server]
    assert completed(as_admin, f"jhub server start {user}/l") == [server]
    assert completed(as_admin, f"jhub share grant {server} --user {user}") == [user]
    assert completed(as_admin, "jhub ser") == ["server", "service"]


def test_profiles_of_visible_servers_are_completed(as_ana: Jhub, api: Api, fresh: Fresh) -> None:
    # Ana sees only herself. For an administrator, the first page of users may not include this server.
    body = {"user_options": {"profile": "stub"}}
    assert api("PUT", f"/users/ana/servers/{fresh('lab')}", json=body).status_code == 201
    assert "stub" in completed(as_ana, "jhub server start -p st")


@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("jhub server start -p ", ["gpu", "lab"]),
        ("jhub server start bo/lab -p ", ["lean"]),
        ("jhub server start bo -p l", ["lean"]),
        ("jhub server start bo ana --profile ", ["lean"]),
        ("jhub server start /x -p ", ["gpu", "lab"]),
        ("jhub server start - -p ", ["gpu", "lab"]),
        ("jhub server start nobody -p ", []),
        ("jhub server restart bo/lab --no-such -p ", ["lean"]),
        ("jhub server create --option x=y bo/lab -p ", ["lean"]),
        ("jhub server edit bo/lab -p le", ["lean"]),
        ("jhub run a.ipynb --server bo/job -p ", ["lean"]),
        ("jhub run a.ipynb -p ", ["gpu", "lab"]),
        ("jhub profile show ", ["gpu", "lab"]),
        ("jhub profile show -u bo ", ["lean"]),
        # server list filters by the profiles that servers were started from.
        ("jhub server list -p ", ["seen"]),
        ("jhub server start cy -p ", ["seen"]),
    ],
)
def test_profiles_of_the_user_on_the_line_are_completed(tmp_path: Path, line: str, offered: list[str]) -> None:
    with profile_hub(tmp_path, LISTS) as (jhub, _):
        assert completed(jhub, line) == offered


def test_without_profile_lists_those_of_visible_servers_are_completed(tmp_path: Path) -> None:
    with profile_hub(tmp_path, None) as (jhub, site):
        assert completed(jhub, "jhub server start ana/x -p s") == ["seen"]
        assert [each.path.partition("?")[0] for each in site.requests] == [
            "/hub/api/users/ana/profiles",
            "/hub/api/users",
        ]
        assert completed(jhub, "jhub profile show ") == ["seen"]
        assert completed(jhub, "jhub server start --option ") == []
    with profile_hub(tmp_path, LISTS, service=True) as (jhub, _):
        assert completed(jhub, "jhub server start -p ") == ["seen"]
        assert completed(jhub, "jhub server start bo -p ") == ["lean"]


@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("--option ", ["size="]),
        ("-p gpu --option ", ["image=", "image--unlisted-choice=", "note--unlisted-choice=", "cpus="]),
        ("bo/lab -p lean --option ", []),
        ("bo/lab -p gpu --option ", []),
        ("--option size=", ["size=small", "size=large"]),
        ("--option=size=l", ["size=large"]),
        ("ana/x -p gpu --option image=", ["image=r:4", "image=scipy"]),
        ("-p gpu --option image--unlisted-choice=", []),
        ("-p gpu --option cpus=", []),
        ("-p gpu --option image=scipy --option ", ["note--unlisted-choice=", "cpus="]),
        ("-p gpu --option image--unlisted-choice=x --option cpus:=4 --option ", ["note--unlisted-choice="]),
    ],
)
def test_options_of_a_profile_and_choices_are_completed(tmp_path: Path, line: str, offered: list[str]) -> None:
    with profile_hub(tmp_path, LISTS) as (jhub, site):
        assert completed(jhub, f"jhub server start {line}") == offered
        assert len(site.requests) == 1


def test_groups_and_members_are_completed(as_admin: Jhub, api: Api, user: str, fresh: Fresh) -> None:
    group = fresh("group")
    assert api("POST", f"/groups/{group}", json={"users": [user]}).status_code == 201
    assert completed(as_admin, f"jhub group show {group}") == [group]
    assert completed(as_admin, f"jhub group remove {group} ") == [user]


def test_tokens_and_services_are_completed(as_admin: Jhub, api: Api, user: str) -> None:
    token = api("POST", f"/users/{user}/tokens", json={"note": "for \x1b[31m tests"}).json()["id"]
    assert completed(as_admin, f"jhub token revoke -u {user} a") == [token]
    assert completed(as_admin, "jhub service show rob") == ["robot"]


def test_share_codes_are_completed(as_admin: Jhub, api: Api, server: str) -> None:
    code = api("POST", f"/share-codes/{server}").json()["id"]
    assert completed(as_admin, f"jhub share code revoke {server} sc") == [code]
    assert completed(as_admin, f"jhub share code revoke {server} {code} sc") == []
    assert completed(as_admin, "jhub share code revoke - sc") == []


def test_a_name_that_would_be_an_option_is_not_completed(as_admin: Jhub, api: Api, fresh: Fresh) -> None:
    name = f"-{fresh('dash')}"
    assert api("POST", "/users", json={"usernames": [name]}).status_code == 201
    try:
        assert completed(as_admin, f"jhub user show {name[1:]}") == []
        assert name not in completed(as_admin, "jhub user show -")
        # The token sees only this user: the first page of all users may not include it.
        scopes = [f"list:users!user={name}", f"read:users!user={name}"]
        narrow = api("POST", "/users/admin/tokens", json={"scopes": scopes}).json()["token"]
        jhub = Jhub(as_admin.home, {**as_admin.env, "JUPYTERHUB_API_TOKEN": narrow})
        assert completed(jhub, "jhub token list -u ") == [name]
    finally:
        api("DELETE", f"/users/{name}")


def test_without_the_right_to_list_users_own_names_are_completed(as_ana: Jhub, api: Api, fresh: Fresh) -> None:
    name = fresh("own")
    assert api("PUT", f"/users/ana/servers/{name}").status_code == 201
    assert completed(as_ana, "jhub user show ") == ["ana"]
    assert completed(as_ana, f"jhub server start /{name}") == [f"/{name}"]
    assert completed(as_ana, f"jhub server start ana/{name}") == [f"ana/{name}"]
    assert completed(as_ana, "jhub service show ") == []


def test_shared_servers_are_completed_for_leave(as_ana: Jhub, api: Api, server: str) -> None:
    api("POST", f"/shares/{server}", json={"user": "ana"})
    assert server in completed(as_ana, "jhub share leave ")
    api("DELETE", f"/shares/{server}")


def test_the_hub_of_the_context_on_the_line_is_used(
    as_admin: Jhub, hub: LocalHub, hub_tokens: Tokens, user: str
) -> None:
    jhub = Jhub(as_admin.home)
    assert completed(jhub, f"jhub user show {user}") == [], "no context"
    jhub.ok("login", hub.url, "--token", "-", "--name", "boss", stdin=hub_tokens.admin)
    jhub.ok("login", hub.url, "--token", "-", "--name", "ana", stdin=hub_tokens.ana)
    assert completed(jhub, f"jhub user show {user}") == []
    assert completed(jhub, f"jhub user show -c boss {user}") == [user]
    assert completed(jhub, f"jhub -c boss user show {user}") == [user]
    assert completed(jhub, "jhub -c bo") == ["boss"]


def test_failures_are_silent(as_admin: Jhub, hub_url: str) -> None:
    for env in (
        {"JUPYTERHUB_API_URL": "http://127.0.0.1:9/hub/api"},
        {"JUPYTERHUB_API_URL": "not a hub"},
        {"JUPYTERHUB_API_URL": hub_url, "JUPYTERHUB_API_TOKEN": "unknown"},
        {"JHUB_CONTEXT": "nope"},
    ):
        assert completed(Jhub(as_admin.home, {**as_admin.env, **env}), "jhub server start a") == []
    for line in ("jhub sever start a", "jhub user show --debug a", "jhub user show a/b\x1b", "jhub server start a//"):
        completed(as_admin, line)
    (as_admin.home / "config/jhub").mkdir(parents=True)
    (as_admin.home / "config/jhub/contexts.json").write_text("{")
    assert completed(Jhub(as_admin.home), "jhub user show a") == []


def test_a_slow_or_busy_hub_times_out_without_a_retry(as_admin: Jhub) -> None:
    def slow(visit: Visit) -> None:
        visit.hold(MAX_SECONDS)

    def busy(visit: Visit) -> None:
        visit.json({"status": 503, "message": "later"}, 503)

    for answer, seconds in ((slow, "0.5"), (busy, "60")):
        with serving(answer) as site:
            env = {"JUPYTERHUB_API_URL": f"{site.url}/hub/api", "JHUB_COMPLETION_TIMEOUT": seconds}
            began = time.monotonic()
            assert completed(Jhub(as_admin.home, {**as_admin.env, **env}), "jhub user show a") == []
            assert time.monotonic() - began < MAX_SECONDS
    assert [each.path.partition("?")[0] for each in site.requests] == ["/hub/api/users"]


@pytest.mark.parametrize("seconds", ["", "0", "-1", "nan", "inf", "1e9", "soon", "\u0663"])
def test_an_invalid_time_limit_is_ignored(seconds: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(completers.TIMEOUT_VARIABLE, seconds)
    assert completers._timeout_seconds() in (completers.DEFAULT_TIMEOUT_SECONDS, 3.0)


def in_bash(jhub: Jhub, line: str) -> list[str]:
    """Return what bash would insert for the last word of a line, as bash splits it."""
    program = str(Path(sys.executable).with_name("jhub"))
    script = (
        'source <("$1" completion bash); COMP_LINE=$2 COMP_POINT=${#2} COMP_WORDBREAKS=$3; _jhub_completion "$1"; '
        'printf "%s\\n" "${COMPREPLY[@]}"'
    )
    command = ["bash", "--norc", "-uc", script, "bash", program, line, BREAKS]
    done = subprocess.run(command, env=jhub.environment(), capture_output=True, text=True, timeout=300)
    assert (done.returncode, done.stderr) == (0, ""), done
    return [each for each in done.stdout.splitlines() if each]


def test_names_with_shell_characters_are_quoted(as_admin: Jhub, api: Api, fresh: Fresh) -> None:
    name = fresh("odd")
    mail, odd = f"{name}@example.org", f"{name} o'$*"
    assert api("POST", "/users", json={"usernames": [mail, odd]}).status_code == 201
    assert in_bash(as_admin, f"jhub user show {name}") == [mail, f"{name}\\ o\\'\\$\\*"]
    assert in_bash(as_admin, f"jhub user show {name}@ex") == ["@example.org"], "bash begins a new word at @"
    assert in_bash(as_admin, f'jhub user show "{name} ') == [f"{name} o'\\$*"]
    assert in_bash(as_admin, f"jhub user show '{name}@") == [mail]
    assert in_bash(as_admin, f"jhub share list --with={name}@") == ["@example.org"]
    assert in_bash(as_admin, "jhub user show nobody-of-this-name") == []
    assert "show" in in_bash(as_admin, "jhub user ")
    for each in (mail, odd):
        api("DELETE", f"/users/{each}")


def test_bash_completes_the_value_after_an_option_name(tmp_path: Path) -> None:
    with profile_hub(tmp_path, LISTS) as (jhub, _):
        start = "jhub server start -p gpu --option"
        assert in_bash(jhub, f"{start} image") == ["image=", "image--unlisted-choice="]
        assert in_bash(jhub, f"{start} image=") == ["r:4", "scipy"], "bash begins a new word after ="
        assert in_bash(jhub, f"{start} image=r:") == ["4"], "and after :"
        assert in_bash(jhub, f"{start}=image=s") == ["scipy"]
        assert in_bash(jhub, f"{start} 'image=s") == ["image=scipy"]
    assert "compopt -o nospace" in jhub.ok("completion", "bash")
    assert jhub.ok("completion", "zsh").count("unfinished") == 3, "click's script has changed"
