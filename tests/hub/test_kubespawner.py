"""Profiles on hubs with KubeSpawner, without a cluster: the form that users see, and the manifests of their pods.

One hub is configured as docs/how-to/kubernetes.md says.
"""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from page_blocks import ROOT, run_by

from jhub.profiles import loader as files

PAGE = ROOT / "docs/how-to/kubernetes.md"
BLOCKS = {block.name: block.text for block in run_by(__file__, "docs/how-to/kubernetes.md")}
HUB = ROOT / "tests" / "support" / "kube_hub.py"

# The chart's own configuration before `extraConfig`, as far as it matters here.
CHART = """
c = get_config()
c.JupyterHub.db_url = "sqlite:///:memory:"
c.JupyterHub.authenticator_class = "null"
c.JupyterHub.spawner_class = "kubespawner.KubeSpawner"
c.JupyterHub.tornado_settings = {"slow_spawn_timeout": 0}
c.Spawner.consecutive_failure_limit = 5
c.KubeSpawner.namespace = "hub"
c.KubeSpawner.image = "quay.io/jupyterhub/k8s-singleuser-sample:stock"
c.KubeSpawner.mem_guarantee = "1G"
c.KubeSpawner.environment = {"COURSE": "all", "DATA": "/data"}
c.KubeSpawner.profile_list = []
"""
# A hook of the administrator, which runs after the profile is applied.
HOOK = """
async def hook(spawner):
    spawner.environment["HOOK"] = f"{spawner.user_options['profile']} {spawner.image}"
c.KubeSpawner.pre_spawn_hook = hook
"""
PROFILES = """
profiles:
- slug: both
  spawner_override: {cpu_limit: 1, environment: {DATA: /fast}}
  kubespawner_override: {environment: {COURSE: null, MORE: "1"}, extra_labels: {tier: small}}
- slug: theirs
  groups: []
"""


def pods(place: Path, config: str, users: dict[str, list[str]], *starts: tuple[str, Any]) -> list[dict[str, Any]]:
    """Return the results of these starts, one after the other."""
    (place / "jupyterhub_config.py").write_text(config)
    done = subprocess.run(
        [sys.executable, HUB, place / "jupyterhub_config.py"],
        input=json.dumps({"users": users, "starts": starts}),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def container(answer: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = answer["pod"]["spec"]["containers"][0]
    return found


def environment(answer: dict[str, Any]) -> dict[str, str]:
    return {each["name"]: each.get("value", "") for each in container(answer)["env"]}


def of_chart(values: dict[str, Any]) -> str:
    """Return what the chart makes of `hub.config`."""
    return "".join(
        f"c.{name}.{setting} = {value!r}\n"
        for name, settings in values["hub"]["config"].items()
        for setting, value in settings.items()
    )


@pytest.fixture(scope="module")
def chart(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """The results on a hub with the values of the page."""
    values = yaml.safe_load(BLOCKS["values"])
    place = tmp_path_factory.mktemp("chart")
    (extra_file,) = values["hub"]["extraFiles"].values()
    (place / "profiles.yaml").write_text(extra_file["stringData"])
    check = [sys.executable, "-m", *shlex.split(BLOCKS["check"])]
    assert subprocess.run(check, cwd=place, capture_output=True, text=True, check=True).stdout == "ok: 2 profiles\n"
    (snippet,) = values["hub"]["extraConfig"].values()
    assert extra_file["mountPath"] in snippet
    config = CHART + of_chart(values) + snippet.replace(extra_file["mountPath"], str(place / "profiles.yaml"))
    users = {"ana": ["geo", "others"], "bo": []}
    own = "quay.io/course/ana:1.2"
    return pods(
        place,
        config,
        users,
        ("ana", {"profile": "gpu", "image": "tensorflow"}),
        ("ana", {"profile": "gpu", "image--unlisted-choice": own}),
        ("ana", {"profile": "gpu", "image--unlisted-choice": "docker.io/evil:1"}),
        ("ana", {"profile": ["gpu"], "profile-option-gpu--image": ["tensorflow"]}),
        ("ana", {}),
        ("bo", {"profile": "gpu"}),
        ("bo", {}),
    )


def test_the_charts_values_beside_the_profiles() -> None:
    """Named servers, which the page starts, and the images that the pre-puller does not find in a file."""
    page = PAGE.read_text()
    found = [yaml.safe_load(BLOCKS[name]) for name in ("values", "own list values")]
    assert "jhub server start ana/train " in page
    assert [values["hub"]["config"]["JupyterHub"]["allow_named_servers"] for values in found] == [True, True]
    in_file, in_list = found
    (file,) = in_file["hub"]["extraFiles"].values()
    images = set(re.findall(r"image: (quay\S+)", file["stringData"]))
    extra = in_file["prePuller"]["extraImages"].values()
    assert {f"{image['name']}:{image['tag']}" for image in extra} == images
    assert not in_file.get("singleuser", {}).get("profileList")
    assert "extraImages" not in in_list.get("prePuller", {})
    versions = {*re.findall(r"k8s-hub(?:-jhub)?:(\S+)", page), *(values["hub"]["image"]["tag"] for values in found)}
    assert len(versions) == 1


def test_the_list_of_the_charts_values(tmp_path: Path) -> None:
    values = yaml.safe_load(BLOCKS["own list values"])
    (snippet,) = values["hub"]["extraConfig"].values()
    profile_list = values["singleuser"]["profileList"]
    assert not files.check_list(profile_list).problems
    config = CHART.replace("profile_list = []", f"profile_list = {profile_list!r}") + of_chart(values) + snippet
    users = {"ana": ["geo"], "bo": [], "cy": ["physics"]}
    large = {"profile": "standard", "memory": "large"}
    starts = [(name, options) for name in users for options in (large, {"profile": "gpu"}, {})]
    found = pods(tmp_path, config, users, *starts)
    assert ["refused" in answer for answer in found] == [False, False, False, True, True, False, True, False, False]
    assert container(found[0])["resources"]["limits"] == {"memory": 64 * 2**30}
    assert container(found[1])["resources"]["limits"] == {"nvidia.com/gpu": "1"}
    for answer in (found[2], found[5], found[8]):
        assert container(answer)["resources"]["limits"] == {"memory": 2 * 2**30}
    assert found[3]["refused"] == [
        403,
        "bo may not use choice 'large' for option memory of profile standard; available: small",
    ]


def test_the_pod_has_the_image_and_the_limits_of_the_choice(chart: list[dict[str, Any]]) -> None:
    chosen, own, _, form, default, _, _ = chart
    for answer in (chosen, form):
        assert container(answer)["image"] == "quay.io/jupyter/tensorflow-notebook:cuda-latest"
        assert container(answer)["resources"]["limits"] == {"nvidia.com/gpu": "1"}
    assert container(own)["image"] == "quay.io/course/ana:1.2"
    assert container(default)["image"] == "quay.io/jupyter/minimal-notebook:latest"
    assert container(default)["resources"]["limits"] == {"memory": 2 * 2**30, "cpu": 2.0}
    for answer in (chosen, default):
        assert container(answer)["resources"]["requests"]["memory"] == 2**30, "the chart's settings still apply"


def test_a_refusal_comes_before_the_pod(chart: list[dict[str, Any]]) -> None:
    _, _, text, _, _, others, default = chart
    assert text["refused"][0] == 400
    assert text["refused"][1].endswith("An image of quay.io/course, with its tag.")
    assert others["refused"] == [
        403,
        "bo may not use profile 'gpu'; available: standard",
    ]
    assert container(default)["image"] == "quay.io/jupyter/minimal-notebook:latest"


def test_settings_are_restored_after_a_stop(chart: list[dict[str, Any]]) -> None:
    for answer in chart:
        assert answer["left"] == {
            "image": "quay.io/jupyterhub/k8s-singleuser-sample:stock",
            "environment": {"COURSE": "all", "DATA": "/data"},
        }


def test_the_form_shows_the_owners_profiles_without_settings(chart: list[dict[str, Any]]) -> None:
    ana, bo = chart[0]["form"], chart[-1]["form"]
    assert re.findall(r'name="profile"\s+id="profile-item-(\w+)"', ana) == ["standard", "gpu"]
    assert 'value="tensorflow"' in ana
    assert re.findall(r'name="profile"\s+id="profile-item-(\w+)"', bo) == ["standard"]
    assert "gpu" not in bo.split("<script>")[0].split("</style>")[1]
    for form in (ana, bo):
        assert "quay.io/jupyter/" not in form, "settings can hold secrets"


def test_both_kinds_of_overrides_apply_before_the_hook(tmp_path: Path) -> None:
    (tmp_path / "profiles.yaml").write_text(PROFILES)
    line = 'import jhub.extension\njhub.extension.enable(c, profiles="profiles.yaml")\n'
    first, refused = pods(tmp_path, CHART + line + HOOK, {"ana": []}, ("ana", {}), ("ana", {"profile": "theirs"}))
    found = environment(first)
    stock = "quay.io/jupyterhub/k8s-singleuser-sample:stock"
    assert (found["DATA"], found["MORE"], found["HOOK"]) == ("/fast", "1", f"both {stock}")
    assert "COURSE" not in found
    assert container(first)["resources"]["limits"] == {"cpu": 1.0}
    assert first["pod"]["metadata"]["labels"]["tier"] == "small"
    assert refused["refused"][0] == 403


def test_an_owner_without_profiles_gets_no_form_and_no_pod(tmp_path: Path) -> None:
    (tmp_path / "profiles.yaml").write_text("profiles: [{slug: theirs, groups: []}]")
    line = 'import jhub.extension\njhub.extension.enable(c, profiles="profiles.yaml")\n'
    (answer,) = pods(tmp_path, CHART + line, {"ana": []}, ("ana", {}))
    assert answer["refused"] == [403, "no profile is available"]
    assert not {"form", "pod"} & answer.keys()


EXPRESSIONS = """
profiles:
- slug: free
  profile_options:
    word:
      unlisted_choice:
        enabled: true
        validation_regex: "(?:a?){27}a{27}"
        kubespawner_override: {environment: {WORD: "{value}"}}
    size:
      choices: {small: {}}
      unlisted_choice: {enabled: true, kubespawner_override: {mem_limit: "{value}"}}
"""
LISTS = """
from jhub.extension.kubespawner import profile_list
async def hook(spawner):
    spawner.environment["LISTED"] = str([
        option["unlisted_choice"]["validation_regex"]
        for found in (spawner.profile_list, await profile_list(spawner))
        for profile in found
        for option in profile["profile_options"].values()
    ])
c.KubeSpawner.pre_spawn_hook = hook
"""


def test_kubespawner_never_matches_an_expression(tmp_path: Path) -> None:
    """KubeSpawner would use `re`, without a time limit: this expression would block the hub for seconds."""
    (tmp_path / "profiles.yaml").write_text(EXPRESSIONS)
    line = 'import jhub.extension\njhub.extension.enable(c, profiles="profiles.yaml")\n'
    word, short, *sizes = pods(
        tmp_path,
        CHART + line + LISTS,
        {"ana": []},
        ("ana", {"word--unlisted-choice": "a" * 27}),
        ("ana", {"word--unlisted-choice": "a" * 26}),
        *[("ana", {"word--unlisted-choice": "a" * 27, "size--unlisted-choice": size}) for size in ("infG", "nanG", "")],
    )
    assert environment(word)["WORD"] == "a" * 27
    assert environment(word)["LISTED"] == "['', '', '', '']", "its user options contain the text"
    assert short["refused"][0] == 400
    assert [answer.get("refused", [0])[0] for answer in sizes] == [400, 400, 0]
    assert "validation_regex" not in word["form"]


def test_the_form_has_the_expression_and_options_without_choices(tmp_path: Path) -> None:
    (tmp_path / "profiles.yaml").write_text(EXPRESSIONS)
    line = 'import jhub.extension\njhub.extension.enable(c, profiles="profiles.yaml")\n'
    (answer,) = pods(tmp_path, CHART + line, {"ana": []}, ("ana", {}))
    assert answer["refused"][0] == 400
    assert 'pattern="(?:a?){27}a{27}"' in answer["form"]
