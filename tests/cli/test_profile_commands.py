"""`jhub profile check` and `schema` for files on this machine, without a hub; `list` and `show` on a real one."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from hub_api import Api
from terminal import Jhub

import jhub.local
from jhub.profiles.loader import check

GOOD = """
profiles:
  - slug: lab
    default: true
    users: []
  - display_name: Many things
    groups: [geo]
    user_options: [cpus]
    spawner_override: {mem_limit: 2G, environment: {A: "1"}}
    kubespawner_override: {image: x, environment: {A: null, B: {valueFrom: y}}}
    profile_options:
      image:
        display_name: Image
        choices: {a: , b: {default: true, kubespawner_override: {image: b}}}
        unlisted_choice: {enabled: true, validation_regex: x+, kubespawner_override: {image: "{value}"}}
"""

BAD = {
    "no profiles": "profiles: []",
    "a key of a profile": "profiles: [{slug: a, group: [x]}]",
    "no name": "profiles: [{description: x}]",
    "a slug that is a number": "profiles: [{slug: 1}]",
    "a default that is text": "profiles: [{slug: a, default: 'on'}]",
    "groups that are text": "profiles: [{slug: a, groups: geo}]",
    "groups that are nothing": "profiles: [{slug: a, groups: }]",
    "users with a number": "profiles: [{slug: a, users: [1]}]",
    "a variable that is a number": "profiles: [{slug: a, spawner_override: {environment: {A: 1}}}]",
    "a variable of KubeSpawner's": "profiles: [{slug: a, kubespawner_override: {environment: {A: 1}}}]",
    "an option without choices": "profiles: [{slug: a, profile_options: {x: {display_name: x}}}]",
    "a key of a choice": "profiles: [{slug: a, profile_options: {x: {choices: {b: {user: [c]}}}}}]",
    "a key of an unlisted choice": "profiles: [{slug: a, profile_options: {x: {unlisted_choice: {on: true}}}}]",
}


@pytest.fixture
def here(tmp_path: Path) -> Jhub:
    """The command on a machine without contexts."""
    return Jhub(tmp_path)


def test_a_valid_profiles_file_passes_the_check(here: Jhub) -> None:
    file = here.home / "profiles.yaml"
    file.write_text(GOOD)
    assert here.ok("profile", "check", str(file)) == "ok: 2 profiles\n"
    file.write_text("profiles: [{slug: a}]")
    assert here.ok("profile", "check", str(file)) == "ok: 1 profile\n"


def test_every_problem_of_a_profiles_file_is_printed(here: Jhub) -> None:
    file = here.home / "profiles.yaml"
    file.write_text('profiles:\n  - slug: 1\n  - slug: "a"\n    colour: "\\e[31m"\n    "\\e": x\n')
    result = here("profile", "check", str(file))
    assert result.code == 1
    assert [line.partition(": ")[0] for line in result.lines] == [f"{file}:{line}" for line in (2, 4, 5)]
    assert result.lines[0] == f'{file}:2: profile 1: `slug` must be text, not 1 (a number): write "1"'
    assert [": warning: " in line for line in result.lines] == [False, True, True]
    assert "\x1b" not in result.out


def test_warnings_are_printed_and_do_not_fail_the_check(here: Jhub) -> None:
    file = here.home / "config.yml"
    file.write_text(
        "profiles:\n- groups: []\n  definition: {slug: a}\n  volume: [x]\n"
        "  config_maps:\n  - {name: c, key: k, content: x}\n"
    )
    assert here.ok("profile", "check", str(file)).splitlines() == [
        f"{file}:4: warning: profile a: unknown key 'volume': it has no effect; did you mean `volumes`?",
        f"{file}:6: warning: profile a: the name of the ConfigMap 'c' must contain {{{{ spawner.user.name }}}} where "
        "users share a namespace; or write `shared: true` if it is meant for all",
        "ok: 1 profile",
    ]


@pytest.mark.parametrize("file", ["none.yaml", ".", "bytes"])
def test_a_file_that_cannot_be_read_is_an_error(here: Jhub, file: str) -> None:
    (here.home / "bytes").write_bytes(b"\xff")
    result = here("profile", "check", str(here.home / file))
    assert (result.code, result.out) == (2, "")
    assert result.err.startswith("error: profiles: ")
    assert here("profile", "check").code == 2


@pytest.fixture(scope="module")
def validator(tmp_path_factory: pytest.TempPathFactory) -> Any:
    jsonschema: Any = pytest.importorskip("jsonschema")
    schema = json.loads(Jhub(tmp_path_factory.mktemp("home")).ok("profile", "schema"))
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


def test_valid_files_match_the_schema(validator: Any, profiles_file: Path) -> None:
    for text in (GOOD, profiles_file.read_text(), Path(jhub.local.__file__).with_name("profiles.yaml").read_text()):
        assert list(validator.iter_errors(yaml.safe_load(text))) == []
        assert check(text).problems == ()


@pytest.mark.parametrize("what", BAD)
def test_invalid_files_fail_the_schema_and_the_check(validator: Any, what: str) -> None:
    assert list(validator.iter_errors(yaml.safe_load(BAD[what])))
    assert check(BAD[what]).errors


EVERYBODYS = ["lab", "lean", "stub", "inside", "slow_spawn", "never_spawn", "hangs", "ends_at_once", "dead_at_once"]


@pytest.fixture
def member(api: Api, user: str) -> Iterator[str]:
    """A user who may also start the profile `members`."""
    assert api("POST", "/groups/the-members").status_code in (201, 409)
    assert api("POST", "/groups/the-members/users", json={"users": [user]}).status_code == 200
    yield user
    api("DELETE", "/groups/the-members/users", json={"users": [user]})


def test_profiles_are_listed_for_their_users(as_ana: Jhub, as_admin: Jhub, as_robot: Jhub, member: str) -> None:
    assert as_ana.ok("profile", "list", "-o", "name").split() == EVERYBODYS
    assert as_admin.ok("profile", "list", "-u", member, "-o", "name").split() == [*EVERYBODYS, "members"]
    assert as_robot.ok("profile", "list", "-u", member, "-o", "name").split() == [*EVERYBODYS, "members"]
    stub = next(line for line in as_ana.ok("profile", "list").splitlines() if line.startswith("stub "))
    assert stub.split() == ["stub", "stub", "yes", "cpus,", "pw,", "size"]
    for result, code in (
        (as_ana("profile", "list", "-u", member), 5),
        (as_admin("profile", "list", "-u", "nobody-at-all"), 5),
        (as_robot("profile", "list"), 1),
    ):
        assert (result.code, result.out) == (code, "")
    assert "hint: name a user with -u USER" in result.err


def test_a_profile_is_shown_to_its_users(as_ana: Jhub, as_admin: Jhub, member: str) -> None:
    assert as_admin.ok("profile", "show", "members", "-u", member).splitlines()[4:] == [
        "OPTION         DEFAULT  NAME",
        "flavour=hot             flavour: hot",
        "flavour=plain  *        flavour: plain",
        "cpus=VALUE",
        "pw=VALUE",
        "size=VALUE",
    ]
    result = as_ana("profile", "show", "members")
    assert (result.code, result.out) == (5, "")
    assert result.err.startswith("error: profile members: not found, or not available to you; available: lab, lean, ")


def test_a_start_is_refused_before_it_is_sent(as_admin: Jhub, member: str) -> None:
    start = ("server", "start", f"{member}/x", "-p", "members", "--option")
    for more in (["--no-wait"], ["--dry-run"]):
        result = as_admin(*start, "flavour=odd", *more, "--debug")
        assert result.code == 1
        assert "unknown choice 'odd' for option flavour of profile members; available: hot" in result.err
        assert f"/users/{member}/profiles 200" in result.err
        assert "POST" not in result.err
    assert as_admin(*start, "flavour=hot", "--dry-run").lines == [
        f'POST /users/{member}/servers/x {{"user_options":{{"profile":"members","flavour":"hot"}}}}'
    ]
