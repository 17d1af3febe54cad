"""Profile lists as real hubs have them, each on a hub with KubeSpawner: what starts, for whom, and what is refused.

The hubs have no cluster. Their form is the list that KubeSpawner's form is made from, as JSON.
"""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

HUB = Path(__file__).parents[1] / "support" / "kube_hub.py"

CONFIG = """
c = get_config()
c.JupyterHub.db_url = "sqlite:///:memory:"
c.JupyterHub.authenticator_class = "null"
c.JupyterHub.spawner_class = "kubespawner.KubeSpawner"
c.KubeSpawner.namespace = "hub"
c.KubeSpawner.image = "stock:1"
c.KubeSpawner.mem_guarantee = "1G"
c.KubeSpawner.cpu_limit = 2
c.KubeSpawner.cmd = ["stock"]
c.KubeSpawner.environment = {"COURSE": "all"}
c.KubeSpawner.profile_form_template = "{{ profile_list | tojson }}"
import jhub.extension
"""
FROM_FILE = 'jhub.extension.enable(c, profiles="profiles.yaml", **ENABLE)'
FROM_LIST = """
import yaml
c.KubeSpawner.profile_list = yaml.safe_load(open("profiles.yaml"))["profiles"]
jhub.extension.enable(c, profiles=jhub.extension.KUBESPAWNER, **ENABLE)
"""
"""The values of the file as the chart's own, which PyYAML reads instead of jhub."""
SOURCES = {"file": FROM_FILE, "own list": FROM_LIST}


@dataclass(frozen=True)
class Start:
    """A start, and the settings of its pod, or the beginning of its refusal."""

    groups: tuple[str, ...] = ()
    options: dict[str, Any] = field(default_factory=dict)
    pod: dict[str, Any] = field(default_factory=dict)
    refused: str = ""


@dataclass(frozen=True)
class Case:
    """A file, and what is expected of a hub with it."""

    text: str
    starts: tuple[Start, ...] = ()
    error: str = ""
    """The message with which the hub stops; empty if it starts."""
    form: dict[str, Any] = field(default_factory=dict)
    """Values in the list of the form of the first start, by their paths."""
    enable: dict[str, Any] = field(default_factory=dict)


ALLOWED_GROUPS = """
profiles:
- display_name: Big Data
  allowed_groups: [physics]
  profile_options:
    memory:
      display_name: Memory
      choices:
        16gb: {display_name: 16 GB, kubespawner_override: {mem_limit: 16G}}
        256gb: {default: true, allowed_groups: [operators], kubespawner_override: {mem_limit: 256G}}
      unlisted_choice:
        enabled: true
        allowed_groups: [operators]
        validation_regex: "[0-9]+G"
        kubespawner_override: {mem_limit: "{value}"}
"""
KEYS = """
profiles:
- slug: lab
  badge: {text: new, rank: 2}
  profile_options:
    environment:
      display_name: Environment
      dynamic_image_building: {enabled: true, limits: [1, 2]}
      tooltip: Pick one
      unlisted_choice:
        enabled: true
        display_name: Other image
        display_name_in_choices: Own image
        description: Any image with a tag
        description_in_choices: From a public registry
        placeholder: name:tag
        validation_regex: ".+:.+"
        kubespawner_override: {image: "{value}"}
      choices:
        r:
          display_name: R
          slug: rstats
          description: Statistics
          icon: r.svg
          kubespawner_override: {image: "r:4"}
"""
CASES: dict[str, Case] = {
    "allowed_groups of a profile and of choices": Case(
        ALLOWED_GROUPS,
        (
            Start(("physics",), {}, {"memory": 16 * 2**30}),
            Start(("physics", "operators"), {}, {"memory": 256 * 2**30}),
            Start(("physics", "operators"), {"memory--unlisted-choice": "8G"}, {"memory": 8 * 2**30}),
            Start((), {}, refused="403 no profile is available"),
            Start(("operators",), {"profile": "big-data"}, refused="403 no profile is available"),
            Start(("physics",), {"memory": "256gb"}, refused="403 {user} may not use choice '256gb' for option memory"),
            Start(
                ("physics",),
                {"profile": ["big-data"], "profile-option-big-data--memory": ["256gb"]},
                refused="403 {user} may not use choice '256gb' for option memory",
            ),
            Start(("physics",), {"memory--unlisted-choice": "8G"}, refused="403 {user} may not use a text for option"),
        ),
        form={"0 profile_options memory choices": ["16gb"], "0 profile_options memory unlisted_choice enabled": False},
    ),
    "an option without any choice left": Case(
        "profiles:\n- {slug: a, profile_options: {o: {choices: {x: {groups: [g]}}}}}\n- {slug: b}",
        (
            Start((), {"profile": "a"}, refused="403 {user} may not use profile 'a'; available: b"),
            Start((), {}, {"image": "stock:1"}),
            Start(("g",), {"profile": "a", "o": "x"}, {"image": "stock:1"}),
        ),
    ),
    "keys of forms": Case(
        KEYS,
        (
            Start((), {"environment": "r"}, {"image": "r:4"}),
            Start((), {"environment--unlisted-choice": "x:1"}, {"image": "x:1"}),
            Start((), {"environment": "rstats"}, refused="400 unknown choice 'rstats'"),
        ),
        form={
            "0 badge": {"text": "new", "rank": 2},
            "0 profile_options environment dynamic_image_building": {"enabled": True, "limits": [1, 2]},
            "0 profile_options environment tooltip": "Pick one",
            "0 profile_options environment choices r slug": "rstats",
            "0 profile_options environment choices r description": "Statistics",
            "0 profile_options environment choices r icon": "r.svg",
            "0 profile_options environment unlisted_choice description": "Any image with a tag",
            "0 profile_options environment unlisted_choice description_in_choices": "From a public registry",
            "0 profile_options environment unlisted_choice placeholder": "name:tag",
        },
    ),
    "a mapping": Case(
        "profiles:\n  gpu-2: {display_name: Two, kubespawner_override: {image: two}}\n"
        "  gpu-1: {kubespawner_override: {image: one}}",
        (Start((), {"profile": "gpu-2"}, {"image": "two"}), Start((), {}, {"image": "one"})),
        form={"0 slug": "gpu-1", "1 display_name": "Two"},
    ),
    "Nebari: the lists": Case(
        "profiles:\n- {slug: s, access: yaml, groups: [geo], users: null, kubespawner_override: {image: s}}",
        (Start(("geo",), {}, {"image": "s"}), Start((), {}, refused="403 no profile is available")),
    ),
    "Nebari: everybody": Case(
        "profiles: [{slug: s, access: all, users: null}]", (Start((), {}, {"image": "stock:1"}),)
    ),
    "Nebari: another value": Case("profiles: [{slug: s, access: keycloak}]", error="`access` must be all or yaml, not"),
    "Nebari: lists that are empty": Case(
        "profiles: [{slug: s, access: yaml, groups: null}]", error="`access: yaml` needs `groups` or `users`"
    ),
    "an empty gate": Case("profiles: [{slug: s, groups: }]", error="`groups` is empty: write [] for nobody"),
    "an empty gate of a choice": Case(
        "profiles: [{slug: s, profile_options: {o: {choices: {x: {allowed_groups: }}}}}]",
        error="`allowed_groups` is empty: write [] for nobody",
    ),
    "a key that may be a gate": Case(
        "profiles: [{slug: s, allowed_teams: [x]}]", error="unknown key 'allowed_teams': it may restrict access"
    ),
    "empty keys": Case(
        "profiles:\n- {slug: s, cmd: null, description: null, profile_options: null, kubespawner_override: {image: s}}",
        (Start((), {}, {"image": "s", "args": ["stock"]}),),
    ),
    "settings that are null": Case(
        "profiles:\n- slug: s\n"
        "  kubespawner_override: {cpu_limit: null, mem_guarantee: null, environment: {COURSE: null}}",
        (Start((), {}, {"cpu": None, "guarantee": None, "COURSE": None}),),
    ),
    "a default inside an override": Case(
        "profiles:\n- slug: s\n  kubespawner_override: {default: true, display_name: S, image: s}\n"
        "  profile_options: {o: {choices: {x: {}, y: {kubespawner_override: {default: true, image: y}}}}}",
        (Start((), {}, {"image": "s"}), Start((), {"o": "y"}, {"image": "y"})),
    ),
    "flags that are text": Case(
        "profiles:\n- {slug: a, default: 'false'}\n- {slug: b, default: 'True', kubespawner_override: {image: b}}",
        (Start((), {}, {"image": "b"}),),
        form={"0 default": False, "1 default": True},
    ),
    "groups in another case": Case(
        'profiles: [{slug: s, groups: ["Org:Hub-Users"]}]',
        (Start(("org:hub-users",), {}, refused="403"), Start(("Org:Hub-Users",), {}, {"image": "stock:1"})),
    ),
    "groups in any case": Case(
        'profiles: [{slug: s, groups: ["Org:Hub-Users"]}]',
        (
            Start(("org:hub-users",), {}, {"image": "stock:1"}),
            Start(("ORG:HUB-USERS",), {}, {"image": "stock:1"}),
            Start(("org:hub",), {}, refused="403"),
        ),
        enable={"group_match": "casefold"},
    ),
    "braces in a variable": Case(
        """profiles: [{slug: s, kubespawner_override: {environment: {COURSE: '{"b": 2}'}}}]""",
        error="KubeSpawner cannot format environment.COURSE",
    ),
    "braces in a variable of a choice": Case(
        """profiles: [{slug: s, profile_options: {o: {choices: {x: {kubespawner_override:
          {environment: {COURSE: '{x'}}}}}}}]""",
        error="KubeSpawner cannot format environment.COURSE",
    ),
    "braces that are text": Case(
        """profiles: [{slug: s, kubespawner_override: {environment: {COURSE: '{{"b": 2}} {username}'}}}]""",
        (Start((), {}, {"COURSE": '{"b": 2} user0'}),),
    ),
    "a unit that KubeSpawner does not have": Case(
        "profiles: [{slug: s, kubespawner_override: {mem_limit: 8Gi}}]", error="'mem_limit'"
    ),
}
FILE_ONLY: dict[str, Case] = {
    "keys that are there twice": Case("profiles: [{slug: s, groups: [a], groups: [b]}]", error="duplicate key groups"),
}
TABLE = [(name, source) for name in CASES for source in SOURCES] + [(name, "file") for name in FILE_ONLY]


@pytest.mark.parametrize(("name", "source"), TABLE)
def test_a_list_behaves_as_expected(name: str, source: str, tmp_path: Path) -> None:
    case = (CASES | FILE_ONLY)[name]
    users = {f"user{number}": list(start.groups) for number, start in enumerate(case.starts)}
    starts = [[user, start.options] for user, start in zip(users, case.starts, strict=True)]
    (tmp_path / "profiles.yaml").write_text(case.text)
    (tmp_path / "jupyterhub_config.py").write_text(f"{CONFIG}ENABLE = {case.enable!r}\n{SOURCES[source]}")
    done = subprocess.run(
        [sys.executable, HUB, tmp_path / "jupyterhub_config.py"],
        input=json.dumps({"users": users, "starts": starts}),
        capture_output=True,
        text=True,
        check=False,
    )
    if case.error:
        assert done.returncode != 0
        assert case.error in done.stderr.splitlines()[-1], done.stderr[-2000:]
        return
    assert done.returncode == 0, done.stderr[-2000:]
    results = [json.loads(line) for line in done.stdout.splitlines()]
    for user, start, result in zip(users, case.starts, results, strict=True):
        if start.refused:
            assert "pod" not in result, start
            status, message = result["refused"]
            assert f"{status} {message}".startswith(start.refused.format(user=user))
        else:
            assert "pod" in result, (start, result)
            assert {key: settings(result["pod"])[key] for key in start.pod} == start.pod
    for path, expected in case.form.items():
        assert at(json.loads(results[0]["form"]), path, expected) == expected, path


def settings(pod: dict[str, Any]) -> dict[str, Any]:
    """Return the settings of a pod by short names, with its environment variables."""
    (container,) = pod["spec"]["containers"]
    limits, requests = (container["resources"].get(key, {}) for key in ("limits", "requests"))
    environment = {variable["name"]: variable.get("value") for variable in container["env"]}
    return {
        "image": container["image"],
        "args": container.get("args"),
        "memory": limits.get("memory"),
        "cpu": limits.get("cpu"),
        "guarantee": requests.get("memory"),
        "COURSE": environment.get("COURSE"),
    }


def at(value: Any, path: str, expected: object) -> Any:
    """Return what is at a path in the list of a form; the keys of a mapping if a list is expected."""
    for key in path.split():
        value = value[int(key) if isinstance(value, list) else key]
    return list(value) if isinstance(expected, list) else value
