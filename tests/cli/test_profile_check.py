"""`jhub profile check` with a spawner: everything that a hub would refuse, at once, with lines and exit codes."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hub_api import Api
from terminal import Jhub

KUBE = ["--spawner", "kubespawner.KubeSpawner"]
SIMPLE = ["--spawner", "simple"]

# Name: (the file, the options, the exit code, and the beginnings of the lines of output after the name of the file).
CASES: dict[str, tuple[str, list[str], int, list[str]]] = {
    "groups by another name": (
        """
profiles:
  - display_name: Models
    allowed_groups: [hydro]
    profile_options:
      memory:
        choices:
          little: {kubespawner_override: {mem_limit: 2G}}
          much: {allowed_groups: [teachers], kubespawner_override: {mem_limit: 32G}}
""",
        KUBE,
        0,
        ["ok: 1 profile"],
    ),
    "braces in a variable": (
        """
profiles:
  - slug: maps
    kubespawner_override:
      environment:
        WHO: "{username}"
        LAYERS: '{"base": true}'
        QUOTED: '{{"base": true}}'
""",
        KUBE,
        1,
        [
            ":7: profile maps: KubeSpawner cannot format environment.LAYERS: unknown field '\"base\"'; write {{ and",
        ],
    ),
    "braces in other texts": (
        """
profiles:
  - slug: maps
    kubespawner_override:
      image: maps:{tag}
      volumes:
        - name: data
          hostPath: {path: "/data/{course}"}
      extra_annotations:
        note: "} end"
      default_url: /lab/tree/{course}
      storage_extra_labels: {course: "{course}"}
""",
        KUBE,
        1,
        [
            ":8: profile maps: KubeSpawner cannot format volumes.0.hostPath.path: unknown field 'course'",
            ":10: profile maps: KubeSpawner cannot format extra_annotations.note: Single '}' encountered",
            ":11: profile maps: KubeSpawner cannot format default_url: unknown field 'course'",
            ":12: warning: profile maps: KubeSpawner cannot format storage_extra_labels.course: unknown field",
        ],
    ),
    "braces without KubeSpawner": (
        "profiles: [{slug: maps, spawner_override: {environment: {LAYERS: '{\"base\": true}'}}}]",
        SIMPLE,
        0,
        ["ok: 1 profile"],
    ),
    "keys of choices": (
        """
profiles:
  - display_name: Kernel
    profile_options:
      language:
        choices:
          r: {display_name: R, slug: r, description: Statistics, kubespawner_override: {image: "r:4"}}
""",
        KUBE,
        0,
        ["ok: 1 profile"],
    ),
    "keys of forms": (
        """
profiles:
  - display_name: Own image
    profile_options:
      image:
        dynamic_image_building: {enabled: true}
        choices: {base: {default: true, kubespawner_override: {image: "base:1"}}}
        unlisted_choice:
          enabled: true
          description: A public image
          description_in_choices: With its tag
          kubespawner_override: {image: "{value}", environment: {IMAGE: "{value}", WHO: "{username}"}}
""",
        KUBE,
        0,
        ["ok: 1 profile"],
    ),
    "groups in two cases": (
        """
profiles:
  - {slug: a, groups: ["Course:Geo"]}
  - {slug: b, groups: ["course:geo", other]}
""",
        [],
        0,
        [
            ":4: warning: profile b: the group 'course:geo' differs in case only from 'Course:Geo' in line 3",
            "ok: 2 profiles",
        ],
    ),
    "a mapping": ("profiles:\n  small: {display_name: Small}\n  large: {}\n", KUBE, 0, ["ok: 2 profiles"]),
    "Nebari's words": (
        "profiles: [{slug: a, access: yaml, users: [ana], groups: null, kubespawner_override: {cpu_guarantee: 0.5}}]",
        KUBE,
        0,
        ["ok: 1 profile"],
    ),
    "an empty key": (
        "profiles:\n  - slug: a\n    args:\n",
        KUBE,
        0,
        [":3: warning: profile a: unknown key 'args', and it is empty", "ok: 1 profile"],
    ),
    "nulls that the traits allow": (
        "profiles: [{slug: a, kubespawner_override: {mem_limit: null, cpu_guarantee: null, environment: {A: null}}}]",
        KUBE,
        0,
        ["ok: 1 profile"],
    ),
    "nulls that the traits do not allow": (
        """
profiles:
  - slug: a
    kubespawner_override:
      image:
      default_url: null
      environment: null
""",
        KUBE,
        1,
        [
            ":5: profile a: KubeSpawner does not accept the setting 'image': ",
            ":6: profile a: KubeSpawner does not accept the setting 'default_url': ",
            ":7: profile a: KubeSpawner does not accept the setting 'environment': ",
        ],
    ),
    "a default in an override": (
        """
profiles:
  - slug: a
    profile_options:
      memory:
        choices:
          little: {}
          much:
            kubespawner_override:
              default: true
""",
        KUBE,
        0,
        [":10: warning: profile a: option memory: choice much: `default` in `kubespawner_over", "ok: 1 profile"],
    ),
    "a default that is text": (
        "profiles:\n  - slug: a\n    default: 'true'\n  - slug: b\n",
        KUBE,
        0,
        [":3: warning: profile a: `default` is the text 'true'", "ok: 2 profiles"],
    ),
    "everything at once": (
        """
profiles:
  - slug: a
    groups: geo
    kubespawner_override:
      mem_guarantee: 3Gi
      mem_limt: 4G
      cmd: jupyterhub-singleuser
      args: --debug
  - slug: b
    description: 3
    kubespawner_override:
      cpu_limit: two
      profile_list: []
      pvc_name_template: claim-{username}
    profile_options:
      tools:
        choices:
          few: {spawner_override: {start_timeout: 1m}}
""",
        KUBE,
        1,
        [
            ":4: profile a: `groups` must be a list of names",
            ":6: profile a: KubeSpawner does not accept the setting 'mem_guarantee': 3Gi is not a valid memory",
            ":7: profile a: KubeSpawner has no setting 'mem_limt'",
            ":9: profile a: KubeSpawner does not accept the setting 'args': ",
            ":11: profile b: `description` must be text",
            ":13: profile b: KubeSpawner does not accept the setting 'cpu_limit': ",
            ":14: profile b: the setting 'profile_list' has no effect",
            ":15: warning: profile b: the setting 'pvc_name_template' has no effect",
            ":19: profile b: KubeSpawner does not accept the setting 'start_timeout': ",
        ],
    ),
    "settings of another spawner": (
        "profiles:\n  - slug: a\n    spawner_override: {imagee: x}\n    kubespawner_override: {image: x}\n",
        SIMPLE,
        1,
        [
            ":3: profile a: SimpleLocalProcessSpawner has no setting 'imagee'",
            ":4: warning: profile a: kubespawner_override has no effect with SimpleLocalProcessSpawner",
        ],
    ),
    "settings that no spawner checks": (
        "profiles: [{slug: a, spawner_override: {imagee: x, mem_limit: 3Gi}}]",
        [],
        0,
        ["ok: 1 profile"],
    ),
}


@pytest.fixture
def here(tmp_path: Path) -> Jhub:
    """The command on a machine without contexts."""
    return Jhub(tmp_path)


@pytest.fixture
def write(tmp_path: Path) -> Callable[[str], str]:
    """Write a profiles file, and return its path."""

    def to_file(text: str) -> str:
        (tmp_path / "profiles.yaml").write_text(text)
        return str(tmp_path / "profiles.yaml")

    return to_file


@pytest.mark.parametrize("case", CASES)
def test_all_that_a_hub_would_refuse_is_printed_with_lines(here: Jhub, write: Callable[[str], str], case: str) -> None:
    text, options, code, expected = CASES[case]
    file = write(text)
    result = here("profile", "check", file, *options)
    lines = [line.removeprefix(file) for line in result.lines]
    assert len(lines) == len(expected), result
    assert all(line.startswith(begin) for line, begin in zip(lines, expected, strict=True)), lines
    assert result.code == code
    note = "note: settings were not checked: pass --spawner CLASS or --config jupyterhub_config.py\n"
    assert result.err == ("" if options else note)


def test_strict_makes_warnings_a_failure(here: Jhub, write: Callable[[str], str]) -> None:
    assert here("profile", "check", write("profiles: [{slug: a, args: }]")).code == 0
    assert here("profile", "check", write("profiles: [{slug: a, args: }]"), "--strict").code == 7
    assert here("profile", "check", write("profiles: [{slug: a, args: , groups: 3}]"), "--strict").code == 1
    assert here("profile", "check", write("profiles: [{slug: a}]"), "--strict").code == 0


def test_problems_are_json(here: Jhub, write: Callable[[str], str]) -> None:
    file = write("profiles:\n- slug: a\n  args:\n  kubespawner_override: {mem_limit: 1Gi}\n")
    result = here("profile", "check", file, *KUBE, "-o", "json")
    warning, error = json.loads(result.out)
    assert (result.code, result.err) == (1, "")
    assert warning.pop("message").startswith("profile a: unknown key 'args'")
    assert warning == {"file": file, "line": 3, "severity": "warning"}
    assert (error["line"], error["severity"]) == (4, "error")
    result = here("profile", "check", write("profiles: [{slug: a}]"), "-o", "json")
    assert (result.code, json.loads(result.out)) == (0, [])
    assert json.loads(result.err)["note"].startswith("settings were not checked: ")


CONFIG = """
import jhub.extension
from kubespawner import KubeSpawner
print("executed")
class Own(KubeSpawner):
    pass
jhub.extension.enable(c, profiles="profiles.yaml")
c.JupyterHub.spawner_class = Own
c.Spawner.options_form = "<input>"
"""


def test_the_spawner_of_a_configuration_is_used(here: Jhub, write: Callable[[str], str]) -> None:
    config = here.home / "jupyterhub_config.py"
    config.write_text(CONFIG)
    file = write("profiles:\n- slug: a\n  kubespawner_override: {mem_limit: 1Gi, default: x}\n- slug: [a]\n")
    result = here("profile", "check", file, "--config", str(config))
    assert (result.code, result.err) == (1, "executed\n")
    assert [line.removeprefix(file)[:40] for line in result.lines] == [
        ": warning: Spawner.options_form is set, ",
        ":3: warning: profile a: `default` in `ku",
        ":3: profile a: Own does not accept the s",
        ":4: profile 2: `slug` must be text, not ",
    ]
    result = here("profile", "check", file, "--config", str(config), "--spawner", "simple")
    assert "kubespawner_override has no effect with SimpleLocalProcessSpawner" in result.out


@pytest.mark.parametrize(
    ("options", "error", "hint"),
    [
        (["--spawner", "simpel"], "no spawner is called 'simpel'", "kubespawner.KubeSpawner"),
        (["--spawner", "yarnspawner.YarnSpawner"], "yarnspawner is not installed", "pip install jupyterhub-yarn"),
        (["--config", "none.py"], "no such configuration file: ", ""),
    ],
)
def test_a_spawner_that_is_not_there_is_an_error(
    here: Jhub, write: Callable[[str], str], options: list[str], error: str, hint: str
) -> None:
    result = here("profile", "check", write("profiles: [{slug: a}]"), *options)
    assert (result.code, result.out) == (2, "")
    assert error in result.err
    assert hint in result.err


@pytest.mark.parametrize("missing", ["jupyterhub", "traitlets"])
def test_jupyterhub_is_needed_for_settings_only(write: Callable[[str], str], here: Jhub, missing: str) -> None:
    file = write("profiles: [{slug: a}]")
    program = f"import sys; sys.modules[{missing!r}] = None; from jhub.__main__ import main; main()"

    def run(*options: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-c", program, "profile", "check", file, *options]
        return subprocess.run(command, env=here.environment(), capture_output=True, text=True, check=False)

    assert run().stdout == "ok: 1 profile\n"
    for options in (SIMPLE, ["--config", file]):
        done = run(*options)
        assert done.returncode == 2
        assert done.stderr.splitlines() == [
            f"error: --spawner and --config need JupyterHub: the module {missing} is not installed",
            "hint: pip install 'jhub[local]'",
        ]


def test_the_check_alone_does_not_import_jupyterhub(here: Jhub, write: Callable[[str], str]) -> None:
    program = "import sys\nfrom jhub.cli.main import cli\n"
    program += f"cli.main(['profile', 'check', {write('profiles: [{slug: a}]')!r}], standalone_mode=False)\n"
    program += "assert not {'jupyterhub', 'traitlets', 'tornado'} & set(sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], env=here.environment(), capture_output=True, check=False)
    assert done.returncode == 0, done


def test_groups_are_compared_with_those_of_the_hub(
    as_admin: Jhub, as_ana: Jhub, api: Api, fresh: Callable[[str], str], write: Callable[[str], str]
) -> None:
    group = fresh("Course-Geo")
    assert api("POST", f"/groups/{group}").status_code == 201
    try:
        file = write(
            f"profiles:\n- {{slug: a, groups: [{group}]}}\n- {{slug: b, groups: [{group.lower()}, no-group]}}\n"
        )
        result = as_admin("profile", "check", file, "--hub-groups", *SIMPLE, "--strict")
        assert result.code == 7
        assert [line.removeprefix(file) for line in result.lines] == [
            f":3: warning: profile b: the group '{group.lower()}' differs in case only from '{group}' in line 2",
            f":3: warning: profile b: the hub has no group '{group.lower()}'; it has '{group}', which differs in case "
            "only",
            ":3: warning: profile b: the hub has no group 'no-group'",
            "ok: 2 profiles",
        ]
        assert as_ana("profile", "check", file, "--hub-groups").code == 4
    finally:
        api("DELETE", f"/groups/{group}")


def test_the_help_says_that_the_configuration_is_executed(here: Jhub) -> None:
    assert "The file is executed" in " ".join(here.ok("profile", "check", "--help").split())
