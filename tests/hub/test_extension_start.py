"""Checks of jhub.extension at the start of a hub, with various configuration before and after the call of `enable`."""

from __future__ import annotations

import functools
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from kube_objects import ALL_KEYS
from traitlets.config import Config

from jhub.errors import InvalidInput
from jhub.extension import enable
from jhub.extension.patching import as_patch, is_patch
from jhub.profiles.application_hub import POD_KEYS
from jhub.profiles.model import Profile, Profiles

START = Path(__file__).parents[1] / "support" / "hub_start.py"

PROFILES = """
profiles:
- slug: lab
  spawner_override: {default_url: /lab}
- slug: gpu
  groups: [geo]
  kubespawner_override: {image: "gpu:1"}
"""
BASE = """
c = get_config()
c.JupyterHub.db_url = "sqlite:///:memory:"
c.JupyterHub.authenticator_class = "null"
"""
LINE = """
import jhub.extension
jhub.extension.enable(c, profiles="profiles.yaml")
"""
SIMPLE = 'c.JupyterHub.spawner_class = "simple"\n'
KUBE = 'c.JupyterHub.spawner_class = "kubespawner.KubeSpawner"\n'

# A class of the administrator, whose own method would run before the policy.
OWN_METHOD = """
from jupyterhub.spawner import SimpleLocalProcessSpawner
class Own(SimpleLocalProcessSpawner):
    def run_pre_spawn_hook(self):
        return None
c.JupyterHub.spawner_class = Own
"""
BELOW_KUBE = """
from kubespawner import KubeSpawner
class Own(KubeSpawner):
    profile_list = [{"display_name": "mine"}]
c.JupyterHub.spawner_class = Own
"""
# The check uses the name of the class and its settings: neither package needs to be installed.
DOCKER = """
from jupyterhub.spawner import SimpleLocalProcessSpawner
class DockerSpawner(SimpleLocalProcessSpawner):
    pass
c.JupyterHub.spawner_class = DockerSpawner
"""
BATCH = """
from jupyterhub.spawner import SimpleLocalProcessSpawner
from traitlets import Unicode
class BatchSpawnerBase(SimpleLocalProcessSpawner):
    req_memory = Unicode()
class Slurm(BatchSpawnerBase):
    pass
c.JupyterHub.spawner_class = Slurm
"""
# A method with the attributes of the one that it wraps.
WRAPPED_METHOD = """
import functools
from jupyterhub.spawner import SimpleLocalProcessSpawner
class Own(SimpleLocalProcessSpawner):
    @functools.wraps(SimpleLocalProcessSpawner.run_pre_spawn_hook)
    async def run_pre_spawn_hook(self):
        return None
c.JupyterHub.spawner_class = Own
"""
WRAPPED_PAGE = """
import functools
from jupyterhub.auth import NullAuthenticator
from jupyterhub.handlers.pages import SpawnHandler
class OwnSpawnHandler(SpawnHandler):
    @functools.wraps(SpawnHandler.spawn_single_user)
    async def spawn_single_user(self, user, server_name="", display_name="", options=None):
        await user.spawn(server_name, display_name, options)
class Own(NullAuthenticator):
    def get_handlers(self, app):
        return [(r"/spawn", OwnSpawnHandler)]
c.JupyterHub.authenticator_class = Own
"""
# The routes of an authenticator come before all others.
OWN_ROUTE = """
from jupyterhub.auth import NullAuthenticator
from jupyterhub.apihandlers.users import UserServerAPIHandler
class Own(NullAuthenticator):
    def get_handlers(self, app):
        return [(r"/api/users/([^/]+)/server", UserServerAPIHandler)]
c.JupyterHub.authenticator_class = Own
"""
OWN_PAGE = """
from jupyterhub.auth import NullAuthenticator
from jupyterhub.handlers.pages import SpawnHandler
class OwnSpawnHandler(SpawnHandler):
    async def spawn_single_user(self, user, server_name="", display_name="", options=None):
        await user.spawn(server_name, display_name, options)
class Own(NullAuthenticator):
    def get_handlers(self, app):
        return [(r"/spawn", OwnSpawnHandler)]
c.JupyterHub.authenticator_class = Own
"""
OTHER_LIST = 'c.KubeSpawner.profile_list = [{"display_name": "mine"}]\n'
BOTH = "KubeSpawner.profile_list and the profiles of jhub.extension cannot be used together"

CASES: dict[str, tuple[str, str]] = {
    "first": (BASE.replace("get_config()", "get_config()" + LINE, 1) + SIMPLE, ""),
    "last": (BASE + SIMPLE + LINE, ""),
    "twice": (BASE + LINE + SIMPLE + LINE, ""),
    "a spawner that overrides the method": (BASE + LINE + OWN_METHOD, ""),
    "a route before the checked one": (
        BASE + LINE + SIMPLE + OWN_ROUTE,
        "/hub/api/users/x/server is served by UserServerAPIHandler",
    ),
    "a page before the checked one": (BASE + LINE + SIMPLE + OWN_PAGE, "/hub/spawn is served by OwnSpawnHandler"),
    "a method that wraps the checked one": (BASE + LINE + WRAPPED_METHOD, ""),
    "a page that wraps the checked one": (
        BASE + LINE + SIMPLE + WRAPPED_PAGE,
        "/hub/spawn is served by OwnSpawnHandler",
    ),
    "KubeSpawner": (BASE + KUBE + LINE, ""),
    "an empty list, as zero-to-jupyterhub sets it": (BASE + KUBE + "c.KubeSpawner.profile_list = []\n" + LINE, ""),
    "profile_list before": (BASE + KUBE + OTHER_LIST + LINE, BOTH),
    "profile_list after": (BASE + LINE + KUBE + OTHER_LIST, BOTH),
    "profile_list added to": (
        BASE + KUBE + LINE + 'c.KubeSpawner.profile_list.append({"display_name": "mine"})\n',
        BOTH,
    ),
    "profile_list of a class": (BASE + LINE + BELOW_KUBE, "Own.profile_list and the profiles"),
    "profile_list of another spawner": (BASE + SIMPLE + OTHER_LIST + LINE, ""),
}


def start(*configs: Path) -> list[dict[str, Any]]:
    """Start hubs one after the other, in one process."""
    done = subprocess.run([sys.executable, START, *configs], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def write(folder: Path, config: str, profiles: str = PROFILES) -> Path:
    """Write the folder of a hub, with its configuration."""
    folder.mkdir()
    (folder / "profiles.yaml").write_text(profiles)
    file = folder / "jupyterhub_config.py"
    file.write_text(config)
    return file


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    """The result of each case."""
    place = tmp_path_factory.mktemp("starts")
    files = [write(place / f"hub{number}", config) for number, (config, _) in enumerate(CASES.values())]
    return dict(zip(CASES, start(*files), strict=True))


@pytest.mark.parametrize("case", CASES)
def test_all_stages_are_in_place_or_the_hub_does_not_start(case: str, answers: dict[str, dict[str, Any]]) -> None:
    _, error = CASES[case]
    said = answers[case].get("error", "")
    assert (error in said and said.startswith("InvalidInput")) if error else not said


@pytest.mark.parametrize(
    ("spawner", "profiles", "said"),
    [
        (
            SIMPLE,
            "{slug: lab, spawner_override: {mem_limt: 1G}}",
            "profile lab: SimpleLocalProcessSpawner has no setting",
        ),
        (SIMPLE, "{slug: lab, kubespawner_override: {imagee: x}}", ""),
        (SIMPLE, "{slug: lab, spawner_override: {default_url: 3}}", "does not accept the setting 'default_url': "),
        (SIMPLE, "{slug: lab, spawner_override: {mem_limit: lots}}", "does not accept the setting 'mem_limit': "),
        (SIMPLE, "{slug: lab, spawner_override: {mem_limit: 1G, cpu_limit: 2, environment: null, cmd: [a]}}", ""),
        (KUBE, "{slug: lab, kubespawner_override: {environment: {A: null}, extra_labels: {a: null}, uid: 0}}", ""),
        (KUBE, "{slug: lab, kubespawner_override: {cpu_limit: null, mem_guarantee: null}}", ""),
        (KUBE, "{slug: lab, kubespawner_override: {image: null}}", "line 1: profile lab: KubeSpawner does not accept"),
        (
            KUBE,
            """{slug: lab, kubespawner_override: {environment: {A: '{"b": 1}'}}}""",
            "KubeSpawner cannot format environment.A: unknown field '\"b\"'; write {{ and }} for braces that are text",
        ),
        (
            KUBE,
            "{slug: lab, kubespawner_override: {mem_limit: 3Gi}}, {slug: b, kubespawner_override: {imagee: x}}",
            "in units of 1024 too; line 1: profile b: KubeSpawner has no setting 'imagee'",
        ),
        (KUBE, "{slug: lab, kubespawner_override: {image: [a]}}", "does not accept the setting 'image': "),
        (SIMPLE, "{slug: lab, spawner_override: {server_token_scopes: [self]}}", "'server_token_scopes' has no effect"),
        (SIMPLE, '{slug: lab, spawner_override: {mem_limit: "{value}"}}', "does not accept the setting 'mem_limit': "),
        (
            KUBE,
            "{slug: lab, kubespawner_override: {profile_form_template: x}}",
            "'profile_form_template' has no effect",
        ),
        (
            SIMPLE,
            "{groups: [], definition: {slug: a}, node_selector: {a: b}, config_maps: [{name: c, key: k, content: x}]}",
            "profile a: node_selector needs KubeSpawner, and this hub has SimpleLocalProcessSpawner; line 1: ",
        ),
        (
            KUBE,
            "{groups: [], definition: {slug: lab}, config_maps: [{name: c, key: k, content: x}]}",
            "profile lab: the name of the ConfigMap 'c' must contain {{ spawner.user.name }}",
        ),
        (
            KUBE + "c.KubeSpawner.enable_user_namespaces = True\n",
            "{groups: [], definition: {slug: lab}, config_maps: [{name: c, key: k, content: x}]}",
            "",
        ),
        (
            KUBE + "c.KubeSpawner.enable_user_namespaces = True\n",
            "{groups: [], definition: {slug: lab}, role_bindings: [{name: b, subjects: [{name: d, kind: User}],"
            " role: {name: r, resources: [pods], verbs: [get]}}]}",
            "profile lab: a Role needs jhub.extension.enable(c, …, rbac=True)",
        ),
        (
            DOCKER,
            "{slug: lab, profile_options: {image: {choices: {a: {}}}}}",
            "DockerSpawner uses the user option 'image'",
        ),
        (DOCKER, "{slug: lab, profile_options: {kind: {choices: {a: {}}}}}", ""),
        (BATCH, "{slug: lab, profile_options: {memory: {choices: {a: {}}}}}", "Slurm uses the user option 'memory'"),
        (BATCH, "{slug: lab, profile_options: {size: {choices: {a: {}}}}}", ""),
        (KUBE, "{slug: lab, kubespawner_override: {imagee: x}}", "profile lab: KubeSpawner has no setting 'imagee'"),
        (
            KUBE,
            "{slug: lab, profile_options: {i: {choices: {a: {}, b: {kubespawner_override: {x: 1, y: 2}}}}}}",
            "profile lab: KubeSpawner has no setting 'x'",
        ),
        (
            KUBE,
            "{slug: lab, profile_options: {i: {unlisted_choice: {enabled: true, kubespawner_override: {x: 1}}}}}",
            "profile lab: KubeSpawner has no setting 'x'",
        ),
    ],
)
def test_invalid_settings_stop_the_hub(tmp_path: Path, spawner: str, profiles: str, said: str) -> None:
    (answer,) = start(write(tmp_path / "hub", BASE + LINE + spawner, f"profiles: [{profiles}]"))
    assert said in answer.get("error", "") if said else "error" not in answer


def test_local_processes_refuse_each_key_for_pods_with_its_line(tmp_path: Path) -> None:
    text = f"profiles:{ALL_KEYS}"
    file = write(tmp_path / "hub", BASE + SIMPLE + LINE, text)
    (answer,) = start(file)
    assert (
        "needs KubeSpawner, and this hub has SimpleLocalProcessSpawner; and 12 more (jhub profile check FILE"
        in (answer["error"])
    )
    check = ["profile", "check", "profiles.yaml", "--config", file.name, "-o", "json"]
    done = subprocess.run(
        [sys.executable, "-m", "jhub", *check], capture_output=True, text=True, check=False, cwd=file.parent
    )
    found = {(problem["line"], problem["message"]) for problem in json.loads(done.stdout)}
    lines = text.splitlines()
    expected = {key: next(number for number, line in enumerate(lines, 1) if f"    {key}:" in line) for key in POD_KEYS}
    expected |= {
        f"pod_env_vars.{name}": next(
            number for number, line in enumerate(lines, 1) if line.startswith(f"      {name}:")
        )
        for name in ("NAMESPACE", "GATEWAY", "TOKEN", "SECRET")
    }
    for key, line in expected.items():
        said = f"profile course: {key} needs KubeSpawner, and this hub has SimpleLocalProcessSpawner"
        assert (line, said) in found, key


def test_warnings_about_the_file_are_logged(tmp_path: Path) -> None:
    config = BASE + SIMPLE + LINE
    profiles = """
profiles:
- id: lab
  groups: [geo]
  note: x
  definition: {display_name: Lab, slug: lab, kubespawner_override: {image: x}}
"""
    file = write(tmp_path / "hub", config, profiles)
    done = subprocess.run(
        [sys.executable, START, "--warnings", file], capture_output=True, text=True, check=False, cwd=tmp_path
    )
    assert "Profiles, line 5: profile lab: unknown key 'note': it has no effect" in done.stderr
    assert "profile lab: kubespawner_override has no effect with SimpleLocalProcessSpawner" in done.stderr


@pytest.mark.parametrize(
    ("form", "user_options", "warns"),
    [("<input>", "[]", True), ("<input>", "any", False), ("<input>", "[field]", False), ("", "[]", False)],
)
def test_a_form_whose_fields_are_all_refused_is_a_warning(
    tmp_path: Path, form: str, user_options: str, warns: bool
) -> None:
    config = f"{BASE}{SIMPLE}{LINE}\nc.Spawner.options_form = {form!r}\n"
    file = write(tmp_path / "hub", config, f"profiles: [{{slug: lab, user_options: {user_options}}}]")
    done = subprocess.run(
        [sys.executable, START, "--warnings", file], capture_output=True, text=True, check=False, cwd=tmp_path
    )
    assert done.returncode == 0
    assert ("Spawner.options_form is set, but no profile has `user_options`" in done.stderr) == warns


def test_names_of_users_are_normalized_by_the_authenticator() -> None:
    from jhub.extension.startup import normalize_names

    profiles = Profiles(
        all=(Profile(slug="a", display_name="", users=("Emil",)), Profile(slug="b", display_name="", groups=("Geo",)))
    )
    assert [profile.users for profile in normalize_names(profiles, str.lower).all] == [
        ("emil",),
        None,
    ]
    assert [profile.users for profile in normalize_names(profiles, str).all] == [("Emil",), None]
    assert [profile.groups for profile in normalize_names(profiles, str.lower).all] == [
        None,
        ("Geo",),
    ]


def test_a_second_call_of_enable_keeps_the_profiles(tmp_path: Path) -> None:
    line = "\njhub.extension.enable(c, password_tokens=True)\nfrom jhub.extension.profile_store import store"
    check = '\nassert [profile.slug for profile in store.source.profiles.all] == ["lab", "gpu"]\n'
    alone = "\nimport jhub.extension\njhub.extension.enable(c, password_tokens=True)\n"
    answers = start(
        write(tmp_path / "both", BASE + SIMPLE + LINE + line + check), write(tmp_path / "alone", BASE + SIMPLE + alone)
    )
    assert not any("error" in answer for answer in answers)


def test_a_function_that_wraps_a_patch_is_not_a_patch() -> None:
    def theirs() -> None:
        """Nothing."""

    ours = as_patch(lambda: None)
    assert is_patch(ours)
    assert not is_patch(functools.wraps(ours)(theirs))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"profiles": None}, r"profiles=None\): name a file"),
        ({"profiles": ""}, r"profiles=''\): name a file"),
        ({"profiles": False}, r"profiles=False\): name a file"),
        ({"profiles": None, "login_client": True}, r"profiles=None\): name a file"),
        ({"password_tokens": "false"}, "password_tokens='false'.: use True or False"),
        ({"login_client": None}, "login_client=None.: use True or False"),
        ({"password_tokens": 1}, "password_tokens=1.: use True or False"),
        ({}, "enables nothing: pass profiles, password_tokens or login_client"),
        ({"login_client": False}, "enables nothing"),
        ({"rbac": "yes"}, "rbac='yes'.: use True or False"),
        ({"rbac": True, "login_client": True}, "rbac=True. needs profiles"),
        ({"always_show_form": "yes"}, "always_show_form='yes'.: use True or False"),
        ({"always_show_form": True}, "the form needs profiles"),
        ({"always_show_form": True, "login_client": True}, "the form needs profiles"),
    ],
)
def test_an_argument_without_a_value_is_an_error(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        enable(Config(), **arguments)


def test_traits_that_are_not_settings_stop_the_hub(tmp_path: Path) -> None:
    """Some traits of a spawner are not settings."""
    names = ("user", "hub", "orm_spawner", "log", "config", "parent", "api_token", "mem_limt")
    profiles = 'profiles: [{{slug: lab, spawner_override: {{{}: "{{value}}"}}}}]'
    for name, answer in zip(
        names,
        start(*[write(tmp_path / name, BASE + SIMPLE + LINE, profiles.format(name)) for name in names]),
        strict=True,
    ):
        assert f"profile lab: SimpleLocalProcessSpawner has no setting '{name}'" in answer["error"]


def test_invalid_sizes_stop_the_hub(tmp_path: Path) -> None:
    profiles = "profiles: [{{slug: lab, spawner_override: {{mem_limit: {}}}}}]"
    files = [
        write(tmp_path / size, BASE + SIMPLE + LINE, profiles.format(size)) for size in ("infG", "nanG", "1e999G", "x")
    ]
    for answer in start(*files):
        assert "profile lab: SimpleLocalProcessSpawner does not accept the setting 'mem_limit'" in answer["error"]
