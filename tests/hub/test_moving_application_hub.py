"""The examples of docs/how-to/application-hub.md, on live hubs with KubeSpawner and a Kubernetes API on kmock."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from kube_cluster import KubeHub, container, environment, kube_hub
from kube_objects import Cluster, assert_valid
from page_blocks import ROOT, run_by

from jhub.extension.kubernetes_ownership import label_slug
from jhub.profiles.kubernetes_kinds import KINDS
from jhub.profiles.kubernetes_security import VERBS
from jhub.profiles.loader import check, parse

PAGE = (ROOT / "docs/how-to/application-hub.md").read_text()
BLOCKS = {block.name: block.text for block in run_by(__file__, "docs/how-to/application-hub.md")}
FILE = BLOCKS["config.yml"]
QUICK = """
c.KubeSpawner.k8s_api_request_timeout = 1
c.KubeSpawner.k8s_api_request_retry_timeout = 3
"""
GROUP = "geo"
COURSE = {"profile": "course"}
CLAIM = ("persistentvolumeclaims", "workspace-ana")
SETTINGS = ("configmaps", "settings-ana")

# As the original's: it creates an object without labels, and adds volumes to the spawner's.
HOOKS = """
async def hook(spawner):
    profile = spawner.user_options["profile"]
    body = {"metadata": {"name": f"settings-{spawner.user.name}"}, "data": {"profile": profile}}
    await spawner.api.create_namespaced_config_map(spawner.namespace, body)
    spawner.volumes = [{"name": "own", "configMap": {"name": body["metadata"]["name"]}}]
    spawner.volume_mounts = [{"name": "own", "mountPath": "/own"}]
c.KubeSpawner.pre_spawn_hook = hook
"""


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KubeHub]:
    """A hub whose users share a namespace, with the file as the page loads it."""
    place = tmp_path_factory.mktemp("loaded")
    (place / "config.yml").write_text(FILE)
    with kube_hub(place, QUICK + BLOCKS["loaded here"]) as up:
        yield up


def granted(block: str) -> dict[str, set[str]]:
    """Return the verbs for each resource in the first role of a block."""
    role = next(iter(yaml.safe_load_all(block)))
    rules = role if isinstance(role, list) else role["rules"]
    return {resource: set(rule["verbs"]) for rule in rules for resource in rule["resources"]}


def sent(cluster: Cluster) -> dict[str, set[str]]:
    """Return the verbs for each resource that the API was sent, apart from pods."""
    found: dict[str, set[str]] = {}
    for request in cluster.requests():
        if request["resource"] != "pods":
            found.setdefault(request["resource"], set()).add(request["verb"])
    return found


def pod_of(hub: KubeHub, user: str) -> dict[str, Any]:
    return hub.pods(user)[-1]


def test_the_file_loaded_here(hub: KubeHub) -> None:
    cluster = Cluster(hub.place)
    assert not check(FILE).problems
    assert [warning.message for warning in parse(FILE).warnings] == []
    outsider = hub.user("otto")
    assert hub.start(outsider, "", **COURSE).status_code == 403
    assert cluster.requests() == []
    user = hub.user("ana", GROUP)
    assert hub.start(user, "", **COURSE).status_code in (201, 202)
    hub.ready(user, "")
    objects = cluster.objects("hub")
    assert objects[SETTINGS]["data"] == {"settings.json": '{"level": 1}'}
    pod = pod_of(hub, user)
    variables = environment(pod)
    assert (variables["HOME"], variables["GATEWAY"]) == ("/workspace", "http://gateway-ana.hub:80")
    assert variables["JUPYTERHUB_DEFAULT_URL"] == "/lab"
    (settings,) = [each["valueFrom"] for each in container(pod)["env"] if each["name"] == "SETTINGS"]
    assert settings == {"configMapKeyRef": {"name": "settings-ana", "key": "settings.json"}}
    assert container(pod)["resources"]["limits"] == {"cpu": 1, "memory": 2 * 2**30}
    assert [each["persistentVolumeClaim"] for each in pod["spec"]["volumes"]] == [{"claimName": "workspace-ana"}]
    hub.stop(user, "")
    assert cluster.names("hub") == {CLAIM}
    created = [each for each in cluster.requests() if each["verb"] == "create"]
    for each in created:
        assert_valid(each["body"])


def test_what_exists_already(hub: KubeHub) -> None:
    user, cluster = hub.user("eva", GROUP), Cluster(hub.place)
    spec = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
    claim: dict[str, Any] = {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "spec": spec}
    cluster.create("hub", CLAIM[0], {**claim, "metadata": {"name": "workspace-eva"}})
    answer = hub.start(user, "", **COURSE)
    assert answer.status_code == 409
    assert "exists already, and is not one that jhub made for eva" in answer.json()["message"]
    hub.wait(lambda: hub.servers(user).get("", {}), lambda model: not model.get("pending"))
    cluster.delete("hub", CLAIM[0], "workspace-eva")
    annotate, label = re.findall(r"kubectl --namespace hub (\w+) pvc/workspace-ana jhub/owner=ana\n", PAGE)
    marks = {f"{kind}s": {"jhub/owner": "eva"} for kind in (annotate.replace("annotate", "annotation"), label)}
    cluster.create("hub", CLAIM[0], {**claim, "metadata": {"name": "workspace-eva", **marks}})
    before = cluster.objects("hub")[CLAIM[0], "workspace-eva"]
    assert hub.start(user, "", **COURSE).status_code in (201, 202)
    hub.ready(user, "")
    hub.stop(user, "")
    assert cluster.objects("hub")[CLAIM[0], "workspace-eva"] == before
    assert "label_slug('ana@example.org')" in PAGE
    assert label_slug("ana@example.org") != "ana@example.org"


def test_the_role_grants_what_the_hub_sends_and_no_more(hub: KubeHub) -> None:
    user, cluster = hub.user("rita", GROUP), Cluster(hub.place)
    assert hub.start(user, "", **COURSE).status_code in (201, 202)
    hub.ready(user, "")
    hub.stop(user, "")
    found = sent(cluster)
    role = granted(BLOCKS["role"])
    assert found.keys() == role.keys()
    assert all(verbs <= role[resource] for resource, verbs in found.items())
    assert found["configmaps"] == role["configmaps"] == {"get", "create", "delete"}
    cluster.break_with({"verb": "create", "resource": "configmaps", "status": 403})
    answer = hub.start(user, "", **COURSE)
    message = (
        "the hub's service account may not create configmaps: Kubernetes refuses the ConfigMap 'settings-{}' in the "
    )
    assert answer.status_code == 500
    assert f"{message.format('rita')}namespace 'hub' (status 403)" in answer.json()["message"]
    assert f"{message.format('ana')}namespace 'hub' (status 403)" in PAGE
    cluster.break_with()


def test_a_namespace_for_each_user_and_roles_in_the_file(tmp_path: Path) -> None:
    file = yaml.safe_load(FILE)
    file["profiles"][0] |= yaml.safe_load(BLOCKS["role_bindings"])
    (tmp_path / "config.yml").write_text(yaml.safe_dump(file, sort_keys=False))
    enable = BLOCKS["loaded here"].replace(")", ", rbac=True)")
    assert 'enable(c, profiles="config.yml", rbac=True)' in enable
    with kube_hub(tmp_path, QUICK + BLOCKS["namespaces"] + enable) as hub:
        user, cluster = hub.user("ana", GROUP), Cluster(tmp_path)
        assert hub.start(user, "", **COURSE).status_code in (201, 202)
        hub.ready(user, "")
        assert {("roles", "reader-ana"), ("rolebindings", "reader-ana")} <= cluster.names("hub-ana")
        assert environment(pod_of(hub, user))["GATEWAY"] == "http://gateway-ana.hub-ana:80"
        hub.stop(user, "")
        assert cluster.names("hub-ana") == {CLAIM}
        role = granted(BLOCKS["cluster role"]) | granted(BLOCKS["rbac rule"])
        found = sent(cluster)
        assert role.keys() - {"pods", "events"} == found.keys()
        assert all(verbs <= role[resource] for resource, verbs in found.items())
        pods = {each["verb"] for each in cluster.requests() if each["resource"] == "pods"}
        assert pods <= role["pods"]


def test_no_example_lifts_the_limit_of_what_can_be_granted() -> None:
    rules = [verb for name, block in BLOCKS.items() if "rol" in name for verb in yaml_words(block)]
    assert "create" in rules
    assert not {"escalate", "bind", "impersonate", "*", "update", "patch"} & set(rules)
    assert not {"escalate", "bind", "impersonate", "*"} & set(VERBS)
    assert set(granted(BLOCKS["rbac rule"])) <= {kind.resource for kind in KINDS.values()}


def yaml_words(block: str) -> list[str]:
    """Return the words in the lists of verbs of a block."""
    return [word.strip() for verbs in re.findall(r"verbs: \[(.*?)\]", block) for word in verbs.split(",")]


@pytest.mark.parametrize("text", ['{"a": 1}', '{{"a": 1}}'])
def test_json_in_a_variable_is_impossible(text: str, tmp_path: Path) -> None:
    from kubespawner import KubeSpawner
    from traitlets.config import Config

    from jhub.extension.spawner_settings import find_problems

    file = yaml.safe_load(FILE)
    file["profiles"][0]["pod_env_vars"]["JSON"] = text
    found = check(yaml.safe_dump(file))
    problems = [*found.problems, *(find_problems(found.profiles, KubeSpawner, Config()) if found.profiles else ())]
    assert [problem.warning for problem in problems if not problem.warning] == [False]


def test_beside_the_hooks(tmp_path: Path) -> None:
    (tmp_path / "config.yml").write_text(FILE)
    with kube_hub(tmp_path, QUICK + HOOKS + BLOCKS["beside the hooks"]) as hub:
        outsider, user, cluster = hub.user("otto"), hub.user("ana", GROUP), Cluster(tmp_path)
        assert hub.start(outsider, "", **COURSE).status_code == 403
        assert cluster.requests() == []
        assert hub.start(user, "").status_code in (201, 202)
        hub.ready(user, "")
        pod = pod_of(hub, user)
        assert [each["name"] for each in pod["spec"]["volumes"]] == ["own"]
        assert container(pod)["resources"]["limits"] == {"cpu": 1, "memory": 2 * 2**30}
        created = cluster.objects("hub")[SETTINGS]
        assert created["data"] == {"profile": "course"}
        hub.stop(user, "")
        assert cluster.objects("hub")[SETTINGS] == created


def test_hooks_that_create_the_same_objects_are_refused(tmp_path: Path) -> None:
    (tmp_path / "config.yml").write_text(FILE)
    at_once = 'c.JupyterHub.tornado_settings = {"slow_spawn_timeout": 0}\n'
    with kube_hub(tmp_path, QUICK + HOOKS + at_once + BLOCKS["loaded here"]) as hub:
        user = hub.user("ana", GROUP)
        assert hub.start(user, "", **COURSE).status_code == 202
        events = hub.api("GET", f"/users/{user}/server/progress").text
        assert "the ConfigMap 'settings-ana' in the namespace 'hub' exists already" in events
