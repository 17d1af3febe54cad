"""`jhub plan`, `jhub apply`, `jhub export` and `jhub import` on real hubs.

Most tests share a hub with others, so their files have groups of their own. What concerns all users has a hub of its
own.
"""

from __future__ import annotations

import json
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hub_api import Api
from terminal import Jhub

from jhub.local import LocalHub

Fresh = Callable[[str], str]


@pytest.fixture(scope="module")
def own_hub() -> Iterator[Api]:
    """Run a hub whose users the tests delete, and return its API."""
    with LocalHub(users=["ana"]) as hub:
        login = {"auth": {"username": hub.username, "password": hub.password}, "expires_in": 3600}
        yield Api(hub, Api(hub)("POST", f"/users/{hub.username}/tokens", json=login).json()["token"])


@pytest.fixture
def alone(own_hub: Api, tmp_path: Path) -> Jhub:
    """Return the command with the token of the administrator of `own_hub`."""
    token = str(own_hub.session.headers["Authorization"]).removeprefix("token ")
    return Jhub(tmp_path, {"JUPYTERHUB_API_URL": own_hub.hub.api_url, "JUPYTERHUB_API_TOKEN": token})


@pytest.fixture
def group(as_admin: Jhub, user: str, fresh: Fresh) -> str:
    """Create a group with a user."""
    name = fresh("group")
    as_admin.ok("group", "create", name, "--user", user)
    return name


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "jhub.yaml"


def write(file: Path, group: str, members: list[str], more: str = "", owner: str = "") -> None:
    """Write a state file with a group, whose owner has the group's name."""
    head = f"version: 1\nowner: {owner or group}\nlimits: {{leave: 100%}}\n"
    file.write_text(f"{head}{more}groups:\n  - name: {group}\n    members: {json.dumps(members)}\n")


def members(api: Api, group: str) -> list[str]:
    return sorted(api("GET", f"/groups/{group}").json()["users"])


def test_the_plan_of_an_export_is_empty(as_admin: Jhub, group: str, tmp_path: Path) -> None:
    for name, options in (("a.yaml", ()), ("a.json", ("-o", "json"))):
        path = str(tmp_path / name)
        as_admin.ok("export", f"group/{group}", "--out", path, *options)
        planned = as_admin("plan", path, "--exit-code")
        assert (planned.code, planned.err) == (0, "")
        assert planned.out.endswith(f" is in sync with {path}: 0 users, 1 group.\n")


def test_an_export_does_not_replace_a_file(as_admin: Jhub, group: str, file: Path) -> None:
    file.write_text("mine")
    refused = as_admin("export", f"group/{group}", "--out", str(file))
    assert refused.code == 6
    assert "--overwrite" in refused.err
    assert file.read_text() == "mine"
    as_admin.ok("export", f"group/{group}", "--out", str(file), "--overwrite")
    assert group in file.read_text()


def test_an_export_of_what_does_not_exist_is_an_error(as_admin: Jhub) -> None:
    assert as_admin("export", "group/nope").code == 5
    assert as_admin("export", "nope").code == 2


def test_apply_makes_the_plan_and_a_second_one_has_nothing_to_do(
    as_admin: Jhub, api: Api, group: str, user: str, file: Path, fresh: Fresh
) -> None:
    new = fresh("user")
    write(file, group, [new], more=f"users: [{new}]\n")
    planned = as_admin("plan", str(file), "--exit-code")
    assert planned.code == 3
    # Other tests make more administrators on the hub that they share.
    shown = " ".join(planned.out.split())
    changes = f"+ user {new} ~ group {group} owner {group} ~ group {group} members +1 -1 + {new} - {user} !"
    assert shown.startswith(changes)
    assert "! user admin is an administrator on the hub, which the file does not say (unmanaged)" in shown
    assert shown.endswith(
        "Plan: 1 user and 1 membership to add, 1 group to change, 1 membership to remove, nothing to delete."
    )
    applied = as_admin("apply", str(file), "--yes")
    assert (applied.code, applied.out) == (0, planned.out)
    assert applied.err.startswith("4 changed in ")
    assert members(api, group) == [new]
    again = as_admin("apply", str(file))
    assert again.code == 0
    assert again.out.endswith("is in sync with " + f"{file}: 1 user, 1 group.\n")


def test_apply_asks_and_names_the_hub_and_the_number(
    as_admin: Jhub, api: Api, group: str, user: str, file: Path
) -> None:
    write(file, group, ["ana", user])
    host = as_admin.env["JUPYTERHUB_API_URL"].partition("://")[2].removesuffix("/hub/api")
    question = f"{host}: Apply 2 changes? [y/N]"
    refused = as_admin("apply", str(file))
    assert refused.code == 2
    assert "use --yes" in refused.err
    no = as_admin.at_terminal("apply", str(file), answers={question: "n"})
    assert no.code == 1
    assert "Nothing changed." in no.out
    assert members(api, group) == [user]
    yes = as_admin.at_terminal("apply", str(file), answers={question: "y"})
    assert yes.code == 0
    assert "2 changed in" in yes.out
    assert members(api, group) == sorted(["ana", user])


def test_a_dry_run_is_the_plan(as_admin: Jhub, api: Api, group: str, user: str, file: Path) -> None:
    write(file, group, ["ana"])
    assert as_admin.ok("apply", str(file), "--dry-run") == as_admin.ok("plan", str(file))
    as_json = json.loads(as_admin.ok("apply", str(file), "--dry-run", "-o", "json"))
    assert [change["change"] for change in as_json["changes"]] == ["set owner", "add members", "remove members"]
    assert members(api, group) == [user]


def test_a_saved_plan_is_applied(as_admin: Jhub, api: Api, group: str, user: str, file: Path, tmp_path: Path) -> None:
    write(file, group, ["ana", user])
    plan = tmp_path / "plan.json"
    assert f"jhub apply {plan}" in as_admin("plan", str(file), "--out", str(plan)).err
    assert stat.S_IMODE(plan.stat().st_mode) == 0o600
    assert as_admin("apply", str(plan), "--prune", "--yes").code == 2
    assert as_admin("apply", str(plan), str(file), "--yes").code == 2
    assert members(api, group) == [user]
    assert as_admin("apply", str(plan), "--yes").code == 0
    assert members(api, group) == sorted(["ana", user])
    # A second plan replaces the first one, but nothing else.
    as_admin.ok("plan", str(file), "--out", str(plan))
    replaced = as_admin("plan", str(file), "--out", str(file))
    assert (replaced.code, replaced.out) == (6, "")
    assert group in file.read_text()


def test_a_stale_plan_changes_nothing_and_says_so(
    as_admin: Jhub, api: Api, group: str, user: str, file: Path, tmp_path: Path, fresh: Fresh
) -> None:
    write(file, group, [user])
    as_admin.ok("apply", str(file), "--yes")
    other = fresh("user")
    as_admin.ok("user", "create", other)
    write(file, group, ["ana", user])
    plan = tmp_path / "plan.json"
    as_admin.ok("plan", str(file), "--out", str(plan))
    api("PUT", f"/groups/{group}/properties", json={"jhub": {"owner": "somebody"}})
    stale = as_admin("apply", str(plan), "--yes")
    assert stale.code == 6
    assert f"error: group {group}: add members: ana is stale: " in stale.err
    assert "1 stale in" in stale.err
    assert "make a new plan" in stale.err
    assert "OBJECT" in stale.out
    assert members(api, group) == [user]


def test_a_saved_plan_for_another_hub_is_refused(
    as_admin: Jhub, alone: Jhub, group: str, file: Path, tmp_path: Path
) -> None:
    write(file, group, ["ana"])
    plan = str(tmp_path / "plan.json")
    as_admin.ok("plan", str(file), "--out", plan)
    refused = alone("apply", plan, "--yes")
    assert refused.code == 2
    assert "the plan is for" in refused.err


def test_groups_are_deleted_with_prune_only(as_admin: Jhub, api: Api, group: str, user: str, file: Path) -> None:
    write(file, group, [user])
    as_admin.ok("apply", str(file), "--yes")
    file.write_text(f"version: 1\nowner: {group}\n")
    cut_off = as_admin("apply", str(file), "--prune", "--yes")
    assert cut_off.code == 6
    assert "the file has no groups" in cut_off.err
    file.write_text(f"version: 1\nowner: {group}\ngroups: [{{name: {group}-other, members: []}}]\n")
    assert as_admin("apply", str(file), "--yes").code == 0
    assert api("GET", f"/groups/{group}").status_code == 200
    planned = as_admin.ok("plan", "--prune", str(file))
    assert f"- group {group}" in planned
    assert as_admin("apply", "--prune", str(file), "--yes").code == 0
    assert api("GET", f"/groups/{group}").status_code == 404
    assert api("GET", f"/groups/{group}-other").status_code == 200
    assert api("GET", f"/users/{user}").status_code == 200


def test_a_group_of_another_owner_is_refused(as_admin: Jhub, api: Api, group: str, user: str, file: Path) -> None:
    write(file, group, [user])
    as_admin.ok("apply", str(file), "--yes")
    write(file, group, ["ana"], owner="other")
    for command in (("plan",), ("apply", "--yes"), ("apply", "--dry-run")):
        refused = as_admin(*command, str(file))
        assert refused.code == 6
        assert f"x group {group}   refused: belongs to the owner {group}" in refused.out
        assert f"error: the plan is refused: group {group}: belongs to the owner {group}" in refused.err
        assert "--adopt" in refused.err
    assert members(api, group) == [user]
    assert as_admin("apply", str(file), "--adopt", "--yes").code == 0
    assert members(api, group) == ["ana"]


def test_a_token_that_lacks_scopes_can_plan_and_not_apply(as_robot: Jhub, api: Api, fresh: Fresh, file: Path) -> None:
    new = fresh("user")
    file.write_text(f"version: 1\nusers: [{new}]\n")
    planned = as_robot("plan", str(file), "--exit-code")
    assert planned.code == 3
    assert "lacks the scopes admin:users\n" in planned.out
    for options in ("--yes", "--dry-run"):
        refused = as_robot("apply", str(file), options)
        assert refused.code == 4
        assert "use a token with the scopes admin:users" in refused.err
    assert api("GET", f"/users/{new}").status_code == 404


def test_a_saved_plan_is_applied_by_another_token(
    as_admin: Jhub, as_robot: Jhub, api: Api, fresh: Fresh, file: Path, tmp_path: Path
) -> None:
    first, second = fresh("user"), fresh("user")
    plans = [str(tmp_path / name) for name in ("reader.json", "admin.json")]
    file.write_text(f"version: 1\nusers: [{first}]\n")
    as_robot.ok("plan", str(file), "--out", plans[0])
    assert as_admin("apply", plans[0], "--yes").code == 0
    assert api("GET", f"/users/{first}").status_code == 200
    file.write_text(f"version: 1\nusers: [{second}]\n")
    as_admin.ok("plan", str(file), "--out", plans[1])
    for options in ("--yes", "--dry-run"):
        refused = as_robot("apply", plans[1], options)
        assert refused.code == 4
        assert "use a token with the scopes admin:users" in refused.err
    assert api("GET", f"/users/{second}").status_code == 404


def test_what_fails_does_not_stop_the_rest(as_admin: Jhub, api: Api, group: str, user: str, file: Path) -> None:
    write(file, group, ["ana", "no-such-user", user])
    done = as_admin("apply", str(file), "--yes")
    assert done.code == 7
    assert "no-such-user" in done.err
    assert "2 changed, 1 failed in" in done.err
    assert "run the same command again" not in done.err, "it would fail again"
    assert members(api, group) == sorted(["ana", user])
    assert as_admin("apply", str(file)).code == 7
    planned = as_admin("plan", str(file), "--exit-code")
    assert planned.code == 3
    assert "in sync" not in planned.out


def test_json_is_one_object_with_the_plan_and_the_results(as_admin: Jhub, group: str, user: str, file: Path) -> None:
    write(file, group, ["ana"])
    planned = json.loads(as_admin.ok("plan", str(file), "-o", "json"))
    done: dict[str, Any] = json.loads(as_admin.ok("apply", str(file), "--yes", "-o", "json"))
    assert done["plan"] == planned
    subject = f"group {group}"
    assert sorted(done["results"], key=lambda each: str(each["change"])) == [
        {"object": subject, "change": "add members", "state": "changed", "name": "ana"},
        {"object": subject, "change": "remove members", "state": "changed", "name": user},
        {"object": subject, "change": "set owner", "state": "changed"},
    ]
    nothing = json.loads(as_admin.ok("apply", str(file), "--yes", "-o", "json"))
    assert (nothing["plan"]["changes"], nothing["results"]) == ([], [])


def test_a_plan_against_an_export_needs_no_hub(
    as_admin: Jhub, group: str, user: str, file: Path, tmp_path: Path
) -> None:
    export = str(tmp_path / "export.yaml")
    as_admin.ok("export", f"group/{group}", "--out", export)
    nobody = Jhub(tmp_path)
    assert nobody("plan", export, "--against", export, "--exit-code").code == 0
    write(file, group, [])
    planned = nobody("plan", str(file), "--against", export, "--exit-code")
    assert planned.code == 3
    assert f"members -1   - {user}" in planned.out
    assert nobody("plan", str(file), "--against", export, "--out", str(tmp_path / "p.json")).code == 2


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (("plan",), "no file jhub.yaml in this folder"),
        (("plan", "nope.yaml"), "nope.yaml"),
        (("plan", "--prune=people"), "unknown kind 'people'"),
        (("plan", "bad.yaml"), "bad.yaml:2"),
        (("apply", "bad.yaml", "--yes"), "bad.yaml:2"),
        (("import", "bad.yaml", "ana"), "use user/NAME"),
    ],
)
def test_wrong_input_is_an_error_before_a_request(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], text: str
) -> None:
    (tmp_path / "bad.yaml").write_text("version: 1\nusres: []\n")
    monkeypatch.chdir(tmp_path)
    result = Jhub(tmp_path, {"JUPYTERHUB_API_URL": "http://127.0.0.1:9/hub/api", "JUPYTERHUB_API_TOKEN": "x"})(
        *arguments
    )
    assert result.code == 2
    assert text in result.err


def test_ctrl_c_says_how_to_go_on_and_the_same_command_finishes(
    as_admin: Jhub, api: Api, fresh: Fresh, file: Path
) -> None:
    prefix = fresh("user")
    names = [f"{prefix}-{number}" for number in range(120)]
    file.write_text(f"version: 1\nusers: {json.dumps(names)}\n")
    stopped = as_admin.interrupted("apply", str(file), "--yes", "--debug", after="/hub/api/users 201")
    assert stopped.code == 130
    assert "run the same command again to continue" in stopped.err
    done = as_admin("apply", str(file), "--yes")
    assert done.code == 0
    assert as_admin("plan", str(file), "--exit-code").code == 0


def test_colours_are_for_terminals_and_other_terminals_get_ascii(
    as_admin: Jhub, group: str, user: str, file: Path
) -> None:
    write(file, group, [user], more=f"users: [{user}]\n")
    as_admin.ok("apply", str(file), "--yes")
    as_admin.ok("group", "properties", group, "room=B12")
    file.write_text(file.read_text() + "    properties: {room: B13}\n")
    assert "\x1b[33m~ group" in as_admin.at_terminal("plan", str(file), answers={}).out
    plain = Jhub(as_admin.home, {**as_admin.env, "NO_COLOR": "1"}).at_terminal("plan", str(file), answers={})
    assert "\x1b[33m" not in plain.out
    assert "B12 → B13" in as_admin.ok("plan", str(file))
    assert "B12 -> B13" in Jhub(as_admin.home, {**as_admin.env, "PYTHONIOENCODING": "ascii"}).ok("plan", str(file))


def test_import_adds_what_exists_and_keeps_the_rest(
    as_admin: Jhub, group: str, user: str, fresh: Fresh, file: Path
) -> None:
    as_admin.ok("server", "create", f"{user}/x")
    as_admin.ok("group", "properties", group, "room=B12")
    text = "version: 1\n# people\nusers:\n  - ana   # the teacher\nlimits: {leave: 5}\n"
    file.write_text(text)
    objects = (f"user/{user}", f"group/{group}", f"server/{user}/x")
    shown = as_admin.ok("import", str(file), *objects, "--dry-run")
    assert file.read_text() == text
    assert f"+      - {user}" in shown.splitlines()
    done = as_admin("import", str(file), *objects)
    assert (done.code, done.err) == (0, f"added {', '.join(objects)} to {file}\n")
    left = iter(file.read_text().splitlines())
    assert all(line in left for line in text.splitlines())
    planned = as_admin("plan", str(file), "--exit-code")
    assert planned.code == 0, planned
    again = as_admin("import", str(file), f"group/{group}")
    assert again.code == 6
    assert f"group {group} is in the file already" in again.err
    for missing in ("user/nope", "group/nope", f"server/{user}/nope"):
        assert as_admin("import", str(file), missing, f"group/{group}").code == 5
    # A file with an owner does not take a group over that has none.
    other = file.with_name("new.yaml")
    other.write_text("owner: me\nversion: 1\n")
    as_admin.ok("import", str(other), f"group/{group}")
    assert as_admin("plan", str(other), "--exit-code").code == 0


def test_import_makes_a_new_file(as_admin: Jhub, group: str, user: str, file: Path) -> None:
    as_admin.ok("import", str(file), f"user/{user}")
    assert file.read_text() == f"version: 1\nusers:\n  - {user}\nprotect:\n  users:\n    - {user}\n"
    assert as_admin("plan", str(file), "--exit-code").code == 0


def test_objects_are_completed(as_admin: Jhub, group: str, user: str) -> None:
    def complete(*words: str) -> set[str]:
        env = {"_JHUB_COMPLETE": "bash_complete", "COMP_WORDS": " ".join(words), "COMP_CWORD": str(len(words) - 1)}
        return set(Jhub(as_admin.home, {**as_admin.env, **env}).ok().split())

    assert f"plain,group/{group}" in complete("jhub", "export", f"group/{group}")
    assert "plain,server/" in complete("jhub", "import", "a.yaml", "s")
    assert f"plain,user/{user}" in complete("jhub", "import", "a.yaml", f"user/{user}")


def test_a_whole_hub_is_exported_and_its_users_are_deleted_by_their_number_only(
    alone: Jhub, own_hub: Api, file: Path
) -> None:
    alone.ok("user", "create", "cy", "dee", "eve")
    alone.ok("group", "create", "geo", "--user", "ana")
    alone.ok("export", "--out", str(file))
    whole = alone("plan", str(file), "--exit-code", "--prune=users,groups,servers")
    assert whole.code == 0, whole
    file.write_text("version: 1\nusers: [ana]\n")
    prune = ("apply", str(file), "--prune", "users")
    refused = alone(*prune, "--yes")
    assert refused.code == 2
    assert "pass --delete-users 3; --yes is not enough" in refused.err
    wrong = alone(*prune, "--delete-users", "2")
    assert wrong.code == 6
    assert "the plan deletes 3 users (cy, dee, eve), and --delete-users is 2" in wrong.err
    typed = alone.at_terminal(*prune, "--yes", answers={"Type 3 to continue": "2"})
    assert typed.code == 1
    assert "delete_pvc" in typed.out
    assert {user["name"] for user in own_hub("GET", "/users").json()} == {"admin", "ana", "cy", "dee", "eve"}
    assert alone("apply", str(file), "--prune", "--yes").code == 0
    typed = alone.at_terminal(*prune, answers={"Type 3 to continue": "3"})
    assert typed.code == 0
    alone.ok("user", "create", "cy")
    assert alone(*prune, "--delete-users", "1").code == 0
    assert {user["name"] for user in own_hub("GET", "/users").json()} == {"admin", "ana"}
