"""Names of the hub in the shell's completion: live, quick, and silent when there is nothing to say."""

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
"""Bash's COMP_WORDBREAKS, as it is by default."""


def completed(jhub: Jhub, line: str) -> list[str]:
    """What is offered for the last word of a line."""
    words = {"COMP_WORDS": line, "COMP_CWORD": str(len(line.split(" ")) - 1)}
    result = Jhub(jhub.home, {**jhub.env, **words, "_JHUB_COMPLETE": "bash_complete"})()
    assert (result.code, result.err) == (0, ""), result
    return [item.removeprefix("plain,") for item in result.lines if item]


@pytest.fixture
def server(api: Api, user: str) -> str:
    """A stopped server of a user's, created for a profile."""
    body = {"user_options": {"profile": "stub"}}
    assert api("PUT", f"/users/{user}/servers/lab", json=body).status_code == 201
    return f"{user}/lab"


def test_users_and_their_servers(as_admin: Jhub, user: str, server: str) -> None:
    assert completed(as_admin, f"jhub user show {user[:-1]}").count(user) == 1
    assert completed(as_admin, f"jhub user delete {user} {user}") == [], "it stands there already"
    assert completed(as_admin, f"jhub server start {user}") == [user, server]
    assert completed(as_admin, f"jhub server start {user}/l") == [server]
    assert completed(as_admin, f"jhub share grant {server} --user {user}") == [user]
    assert completed(as_admin, "jhub ser") == ["server", "service"]


def test_profiles_of_servers_that_are_seen(as_ana: Jhub, api: Api, fresh: Fresh) -> None:
    # Ana sees herself alone; an administrator would be offered what the first page of users started, of however many.
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
        ("jhub profile show ", ["gpu", "lab"]),
        ("jhub profile show -u bo ", ["lean"]),
        # A list of servers is filtered by what they were started from.
        ("jhub server list -p ", ["seen"]),
        ("jhub server start cy -p ", ["seen"]),
    ],
)
def test_profiles_of_whom_the_line_names(tmp_path: Path, line: str, offered: list[str]) -> None:
    with profile_hub(tmp_path, LISTS) as (jhub, _):
        assert completed(jhub, line) == offered


def test_profiles_that_are_seen_where_the_hub_lists_none(tmp_path: Path) -> None:
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
def test_options_of_a_profile_and_their_choices(tmp_path: Path, line: str, offered: list[str]) -> None:
    with profile_hub(tmp_path, LISTS) as (jhub, site):
        assert completed(jhub, f"jhub server start {line}") == offered
        assert len(site.requests) == 1


def test_groups_and_their_members(as_admin: Jhub, api: Api, user: str, fresh: Fresh) -> None:
    group = fresh("group")
    assert api("POST", f"/groups/{group}", json={"users": [user]}).status_code == 201
    assert completed(as_admin, f"jhub group show {group}") == [group]
    assert completed(as_admin, f"jhub group remove {group} ") == [user]


def test_tokens_and_services(as_admin: Jhub, api: Api, user: str) -> None:
    token = api("POST", f"/users/{user}/tokens", json={"note": "for \x1b[31m tests"}).json()["id"]
    assert completed(as_admin, f"jhub token revoke -u {user} a") == [token]
    assert completed(as_admin, "jhub service show rob") == ["robot"]


def test_share_codes(as_admin: Jhub, api: Api, server: str) -> None:
    code = api("POST", f"/share-codes/{server}").json()["id"]
    assert completed(as_admin, f"jhub share code revoke {server} sc") == [code]
    assert completed(as_admin, f"jhub share code revoke {server} {code} sc") == []
    assert completed(as_admin, "jhub share code revoke - sc") == []


def test_no_name_is_offered_that_would_be_an_option(as_admin: Jhub, api: Api, fresh: Fresh) -> None:
    name = f"-{fresh('dash')}"
    assert api("POST", "/users", json={"usernames": [name]}).status_code == 201
    try:
        assert completed(as_admin, f"jhub user show {name[1:]}") == []
        assert name not in completed(as_admin, "jhub user show -")
        # A token that sees this user alone: the first page of all of them may be full of others.
        scopes = [f"list:users!user={name}", f"read:users!user={name}"]
        narrow = api("POST", "/users/admin/tokens", json={"scopes": scopes}).json()["token"]
        jhub = Jhub(as_admin.home, {**as_admin.env, "JUPYTERHUB_API_TOKEN": narrow})
        assert completed(jhub, "jhub token list -u ") == [name]
    finally:
        api("DELETE", f"/users/{name}")


def test_who_sees_nobody_else_is_offered_their_own(as_ana: Jhub, api: Api, fresh: Fresh) -> None:
    name = fresh("own")
    assert api("PUT", f"/users/ana/servers/{name}").status_code == 201
    assert completed(as_ana, "jhub user show ") == ["ana"]
    assert completed(as_ana, f"jhub server start /{name}") == [f"/{name}"]
    assert completed(as_ana, f"jhub server start ana/{name}") == [f"ana/{name}"]
    assert completed(as_ana, "jhub service show ") == []


def test_what_is_shared_with_me_can_be_left(as_ana: Jhub, api: Api, server: str) -> None:
    api("POST", f"/shares/{server}", json={"user": "ana"})
    assert server in completed(as_ana, "jhub share leave ")
    api("DELETE", f"/shares/{server}")


def test_the_context_on_the_line_is_asked(as_admin: Jhub, hub: LocalHub, hub_tokens: Tokens, user: str) -> None:
    jhub = Jhub(as_admin.home)
    assert completed(jhub, f"jhub user show {user}") == [], "no context"
    jhub.ok("login", hub.url, "--token", "-", "--name", "boss", stdin=hub_tokens.admin)
    jhub.ok("login", hub.url, "--token", "-", "--name", "ana", stdin=hub_tokens.ana)
    assert completed(jhub, f"jhub user show {user}") == []
    assert completed(jhub, f"jhub user show -c boss {user}") == [user]
    assert completed(jhub, f"jhub -c boss user show {user}") == [user]
    assert completed(jhub, "jhub -c bo") == ["boss"]


def test_nothing_is_said_of_what_goes_wrong(as_admin: Jhub, hub_url: str) -> None:
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


def test_a_hub_that_is_slow_or_busy_is_not_waited_for(as_admin: Jhub) -> None:
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
def test_a_time_limit_that_makes_no_sense_says_nothing(seconds: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(completers.LIMIT, seconds)
    assert completers._seconds() in (completers.SECONDS, 3.0)


def in_bash(jhub: Jhub, line: str) -> list[str]:
    """What bash would put in the place of the word that it sees at the end of a line."""
    program = str(Path(sys.executable).with_name("jhub"))
    script = (
        'source <("$1" completion bash); COMP_LINE=$2 COMP_POINT=${#2} COMP_WORDBREAKS=$3; _jhub_completion "$1"; '
        'printf "%s\\n" "${COMPREPLY[@]}"'
    )
    command = ["bash", "--norc", "-uc", script, "bash", program, line, BREAKS]
    done = subprocess.run(command, env=jhub.environment(), capture_output=True, text=True, timeout=300)
    assert (done.returncode, done.stderr) == (0, ""), done
    return [each for each in done.stdout.splitlines() if each]


def test_names_with_a_meaning_to_the_shell_survive(as_admin: Jhub, api: Api, fresh: Fresh) -> None:
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


def test_bash_goes_on_after_the_name_of_an_option(tmp_path: Path) -> None:
    with profile_hub(tmp_path, LISTS) as (jhub, _):
        start = "jhub server start -p gpu --option"
        assert in_bash(jhub, f"{start} image") == ["image=", "image--unlisted-choice="]
        assert in_bash(jhub, f"{start} image=") == ["r:4", "scipy"], "bash begins a new word after ="
        assert in_bash(jhub, f"{start} image=r:") == ["4"], "and after :"
        assert in_bash(jhub, f"{start}=image=s") == ["scipy"]
        assert in_bash(jhub, f"{start} 'image=s") == ["image=scipy"]
    assert "compopt -o nospace" in jhub.ok("completion", "bash")
    assert jhub.ok("completion", "zsh").count("unfinished") == 3, "click's script is as we know it"
