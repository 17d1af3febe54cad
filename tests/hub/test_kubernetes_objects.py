"""Objects of profiles on live hubs with KubeSpawner, whose pods run in a Kubernetes API without a cluster."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from kube_cluster import KubeHub, container, environment, environment_of, kube_hub
from kube_objects import ALL_KEYS, CONFIG, NULLS, NULLS_BELOW, OTHER_CONTENT, SEPARATE, Cluster, assert_valid
from terminal import Jhub

from matrix.profiles.hubs import write
from matrix.profiles.interfaces import SERVER, Caller, form, post

GROUP = "geo"
COURSE = {"profile": "course"}
REMOVED = {
    ("configmaps", "bash-rc"),
    ("configmaps", "extra"),
    ("jobs", "prepare"),
    ("roles", "r"),
    ("rolebindings", "rb"),
    ("secrets", "pull"),
}
"""Objects of the profile that do not persist."""
CLAIM = ("persistentvolumeclaims", "workspace-claim")


@pytest.fixture(scope="module")
def hub(pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory) -> Iterator[KubeHub]:
    place = tmp_path_factory.mktemp("objects")
    write(place, ALL_KEYS + OTHER_CONTENT + NULLS + NULLS_BELOW)
    with kube_hub(place, CONFIG + SEPARATE, environment=environment_of(pytestconfig)) as up:
        yield up
        assert up.process.poll() is None, up.log()[-3000:]


@pytest.fixture
def cluster(hub: KubeHub) -> Iterator[Cluster]:
    found = Cluster(hub.place)
    yield found
    found.break_with()


def start(hub: KubeHub, user: str, server: str = "", **options: str) -> None:
    answer = hub.start(user, server, **(options or COURSE))
    assert answer.status_code in (201, 202), answer.text
    hub.ready(user, server)


def refuse(hub: KubeHub, user: str, server: str = "", **options: str) -> tuple[int, str]:
    """Start a server that fails, wait until the hub has cleaned up, and return the status and message."""
    answer = hub.start(user, server, **(options or COURSE))
    hub.wait(lambda: hub.servers(user).get(server, {}), lambda model: not model.get("pending"))
    return answer.status_code, answer.json()["message"]


def pod_of(objects: dict[tuple[str, str], dict[str, Any]]) -> dict[str, Any]:
    (pod,) = [item for (resource, _), item in objects.items() if resource == "pods"]
    return pod


def test_each_object_and_each_field_of_the_pod(hub: KubeHub, cluster: Cluster) -> None:
    user = hub.user("ana", GROUP)
    start(hub, user)
    objects = cluster.objects("hub-ana")
    pod = pod_of(objects)
    pod_key = ("pods", pod["metadata"]["name"])
    assert set(objects) == {*REMOVED, CLAIM, pod_key}
    assert objects["configmaps", "bash-rc"]["data"] == {"bash-rc": "alias ll='ls -l'"}
    assert objects["configmaps", "extra"]["data"] == {"a": "1"}
    assert objects["secrets", "pull"]["type"] == "kubernetes.io/dockerconfigjson"
    assert objects["secrets", "pull"]["data"] == {".dockerconfigjson": "eyJhdXRocyI6IHt9fQ=="}
    assert objects[CLAIM]["spec"] == {
        "accessModes": ["ReadWriteOnce"],
        "resources": {"requests": {"storage": "10Gi"}},
        "storageClassName": "standard",
    }
    assert objects["roles", "r"]["rules"] == [{"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}]
    binding = objects["rolebindings", "rb"]
    assert binding["roleRef"] == {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "r"}
    assert binding["subjects"] == [{"kind": "ServiceAccount", "name": "default", "namespace": "hub-ana"}]
    for key in {*REMOVED, CLAIM}:
        metadata = objects[key]["metadata"]
        assert metadata["namespace"] == "hub-ana"
        assert metadata["labels"] == {"jhub/owner": "ana", "jhub/server": ""}
        assert (metadata["annotations"]["jhub/owner"], metadata["annotations"]["jhub/server"]) == ("ana", "")

    spec, main = pod["spec"], container(pod)
    assert spec["nodeSelector"] == {"pool": "graphics"}
    assert spec["imagePullSecrets"] == [{"name": name} for name in ("own-pull", "pull", "present")]
    assert main["envFrom"] == [{"configMapRef": {"name": "my-config"}}, {"secretRef": {"name": "my-secret"}}]
    assert spec["volumes"] == [
        {"name": "own", "emptyDir": {}},
        {"name": "bash-rc", "configMap": {"name": "bash-rc", "defaultMode": 0o660}},
        {"name": "s", "secret": {"secretName": "s"}},
        {"name": "w", "persistentVolumeClaim": {"claimName": "workspace-claim"}},
    ]
    assert main["volumeMounts"] == [
        {"name": "own", "mountPath": "/own"},
        {"name": "bash-rc", "mountPath": "/workspace/.bashrc", "subPath": "bash-rc", "readOnly": True},
        {"name": "s", "mountPath": "/etc/s", "subPath": "x"},
        {"name": "w", "mountPath": "/workspace"},
    ]
    assert spec["initContainers"] == [
        {
            "name": "init",
            "image": "example/init:1",
            "command": ["sh", "-c", "true"],
            "volumeMounts": [{"name": "w", "mountPath": "/workspace"}],
        }
    ]
    variables = environment(pod)
    expected = {"HOME": "/workspace", "NAMESPACE": "hub-ana", "GATEWAY": "http://gw-ana:80", "COURSE": "all"}
    assert expected.items() <= variables.items()
    assert variables["JUPYTERHUB_DEFAULT_URL"] == "/ws"
    assert "OLD" not in variables
    sources = {each["name"]: each["valueFrom"] for each in main["env"] if "valueFrom" in each}
    assert sources == {
        "TOKEN": {"configMapKeyRef": {"name": "gitlab", "key": "token"}},
        "SECRET": {"secretKeyRef": {"name": "gitlab", "key": "token"}},
    }
    assert main["image"] == "example/course:1"
    assert main["resources"]["limits"]["cpu"] == 1

    created = [item for item in cluster.requests("hub-ana") if item["verb"] == "create"]
    assert created[-1]["resource"] == "pods"
    for item in created:
        assert_valid(item["body"])
    state = hub.api("GET", f"/users/{user}").json()["servers"][""]["state"]["jhub_objects"]
    assert len(state) == len(REMOVED) + 1

    hub.stop(user, "")
    assert cluster.names("hub-ana") == {CLAIM}
    removed = [item for item in cluster.requests("hub-ana") if item["verb"] == "delete"]
    created_names = [item["name"] for item in created if ("claim" not in item["name"])]
    assert [item["name"] for item in removed] == created_names[::-1]
    # The rights of the smallest role for objects.
    others = [item for item in cluster.requests("hub-ana") if item["resource"] != "pods"]
    assert {item["verb"] for item in others} == {"get", "create", "delete"}
    uid = cluster.objects("hub-ana")[CLAIM]["metadata"]["uid"]
    start(hub, user)
    assert cluster.objects("hub-ana")[CLAIM]["metadata"]["uid"] == uid
    hub.stop(user, "")
    assert cluster.names("hub-ana") == {CLAIM}


def test_null_is_nothing(hub: KubeHub, cluster: Cluster) -> None:
    user = hub.user("nina", GROUP)
    start(hub, user, profile="nulls")
    assert {resource for resource, _ in cluster.objects("hub-nina")} == {"pods"}
    pod = pod_of(cluster.objects("hub-nina"))
    assert container(pod)["image"] == "example/n:1"
    assert pod["spec"]["volumes"] == [{"name": "own", "emptyDir": {}}]
    assert "OLD" not in environment(pod)
    hub.stop(user, "")


def test_null_is_nothing_below_the_keys(hub: KubeHub, cluster: Cluster) -> None:
    user = hub.user("nils", GROUP)
    start(hub, user, profile="nulls-below")
    claim = ("persistentvolumeclaims", "below-claim")
    objects = cluster.objects("hub-nils")
    assert {key for key in objects if key[0] != "pods"} == {claim}
    assert "storageClassName" not in objects[claim]["spec"]
    pod = pod_of(objects)
    main = container(pod)
    assert main["volumeMounts"] == [
        {"name": "own", "mountPath": "/own"},
        {"name": "there", "mountPath": "/etc/k", "subPath": "k"},
        {"name": "s", "mountPath": "/etc/s"},
        {"name": "w", "mountPath": "/w"},
    ]
    assert pod["spec"]["initContainers"] == [{"name": "init", "image": "example/init:1"}]
    sources = {each["name"]: each["valueFrom"] for each in main["env"] if "valueFrom" in each}
    assert sources == {"TOKEN": {"configMapKeyRef": {"name": "gitlab", "key": "token"}}}
    assert "NOTHING" not in environment(pod)
    for item in cluster.requests("hub-nils"):
        if item["verb"] == "create":
            assert_valid(item["body"])
    hub.stop(user, "")
    assert cluster.names("hub-nils") == {claim}


def comparable(pod: dict[str, Any]) -> dict[str, Any]:
    """Return the manifest of a pod without what differs from start to start."""
    metadata = {key: value for key, value in pod["metadata"].items() if key in ("name", "namespace", "labels")}
    (main,) = pod["spec"]["containers"]
    env = [each for each in main["env"] if "TOKEN" not in each["name"]]
    return {"metadata": metadata, "spec": {**pod["spec"], "containers": [{**main, "env": env}]}}


def test_every_interface_gives_the_same_pod(hub: KubeHub, cluster: Cluster, tmp_path: Path) -> None:
    user = hub.user("ines", GROUP)
    token = hub.token(user)
    found: list[dict[str, Any]] = []
    left: list[set[tuple[str, str]]] = []

    def add() -> None:
        hub.ready(user, SERVER)
        objects = cluster.objects("hub-ines")
        found.append(comparable(pod_of(objects)))
        assert {*REMOVED, CLAIM} <= set(objects)
        hub.stop(user, SERVER)
        left.append(cluster.names("hub-ines"))

    with hub.browser(user) as browser:
        for interface in (post, form):
            interface(hub, user, Caller(token, browser), COURSE)
            add()
    jhub = Jhub(tmp_path, {"JUPYTERHUB_API_URL": f"{hub.url}/api", "JUPYTERHUB_API_TOKEN": token})
    jhub.ok("server", "start", f"{user}/{SERVER}", "--profile", "course")
    add()
    assert found[0] == found[1] == found[2]
    assert left == [{CLAIM}] * 3


def test_no_object_for_a_user_outside_the_group(hub: KubeHub, cluster: Cluster) -> None:
    user = hub.user("oskar")
    assert hub.start(user, "", **COURSE).status_code == 403
    assert cluster.requests("hub-oskar") == []


FAULTS: dict[str, tuple[dict[str, Any], int, str]] = {
    "forbidden": (
        {"verb": "create", "resource": "rolebindings", "status": 403},
        500,
        "the hub's service account may not create rolebindings: Kubernetes refuses the RoleBinding 'rb' in the "
        "namespace NS (status 403)",
    ),
    "quota": (
        {"verb": "create", "resource": "persistentvolumeclaims", "status": 403, "message": "exceeded quota: storage"},
        500,
        "Kubernetes refuses to create the PersistentVolumeClaim 'workspace-claim' in the namespace NS: a quota",
    ),
    "not readable": (
        {"verb": "get", "resource": "secrets", "status": 403},
        500,
        "may not get secrets: Kubernetes refuses the Secret 'pull' in the namespace NS",
    ),
    "invalid": ({"verb": "create", "resource": "secrets", "status": 422, "message": "SECRET"}, 500, "(status 422)"),
    "conflict": (
        {"verb": "create", "resource": "roles", "status": 409},
        503,
        "another Role 'r' in the namespace NS is being created or removed",
    ),
    "broken": (
        {"verb": "create", "resource": "jobs", "status": 500, "message": "SECRET"},
        503,
        "failed to create the Job 'prepare' in the namespace NS (3 attempts, status 500)",
    ),
    "no answer": (
        {"verb": "create", "resource": "configmaps", "name": "extra"},
        503,
        "failed to create the ConfigMap 'extra' in the namespace NS (3 attempts, no answer within 1 s)",
    ),
    "no namespace": (
        {"verb": "create", "resource": "namespaces", "status": 403},
        500,
        "the hub's service account may not create namespaces: Kubernetes refuses the namespace NS (status 403)",
    ),
}


@pytest.mark.parametrize("kind", FAULTS)
def test_a_failing_api_fails_the_start_and_leaves_nothing(hub: KubeHub, cluster: Cluster, kind: str) -> None:
    fault, status, message = FAULTS[kind]
    user = hub.user(f"fred{list(FAULTS).index(kind)}", GROUP)
    namespace = f"hub-{user}"
    cluster.break_with(fault)
    answer = refuse(hub, user)
    assert answer[0] == status
    assert message.replace("NS", f"'{namespace}'") in answer[1]
    # What the API says may contain the object.
    assert "SECRET" not in answer[1] + hub.log()
    assert cluster.names(namespace) <= {CLAIM}
    cluster.break_with()
    start(hub, user)
    assert {*REMOVED, CLAIM} <= cluster.names(namespace)
    hub.stop(user, "")
    assert cluster.names(namespace) == {CLAIM}


@pytest.mark.parametrize(
    "fault",
    [
        {"verb": "create", "resource": "roles", "status": 503, "times": 2},
        {"verb": "create", "resource": "configmaps", "late": True, "times": 1},
        {"verb": "get", "resource": "secrets", "status": 429, "times": 1},
        {"verb": "create", "resource": "jobs", "status": 409, "times": 1},
    ],
    ids=lambda fault: "-".join(map(str, fault.values())),
)
def test_a_passing_fault_is_survived(hub: KubeHub, cluster: Cluster, fault: dict[str, Any]) -> None:
    user = hub.user("paul", GROUP)
    cluster.break_with(fault)
    start(hub, user)
    assert {*REMOVED, CLAIM} <= cluster.names("hub-paul")
    hub.stop(user, "")
    assert cluster.names("hub-paul") == {CLAIM}


def test_what_cannot_be_removed_is_removed_by_the_next_stop_or_with_the_server(hub: KubeHub, cluster: Cluster) -> None:
    user = hub.user("rita", GROUP)
    role, bash_rc = ("roles", "r"), ("configmaps", "bash-rc")
    start(hub, user, "lab")
    cluster.break_with(
        {"verb": "delete", "resource": "roles", "status": 403},
        {"verb": "delete", "resource": "configmaps", "name": "bash-rc", "late": True},
    )
    hub.stop(user, "lab")
    assert cluster.names("hub-rita") == {CLAIM, role}
    assert "to be tried at the next start or stop: the hub's service account may not delete roles" in hub.log()
    cluster.break_with()
    start(hub, user, "lab", profile="nulls")
    assert role not in cluster.names("hub-rita")
    hub.stop(user, "lab")
    start(hub, user, "lab")
    cluster.break_with({"verb": "delete", "resource": "configmaps", "status": 500})
    hub.stop(user, "lab")
    assert bash_rc in cluster.names("hub-rita")
    cluster.break_with()
    assert hub.api("DELETE", f"/users/{user}/servers/lab", json={"remove": True}).status_code == 204
    assert cluster.names("hub-rita") == {CLAIM}


@pytest.mark.parametrize(
    "annotations", [{}, {"jhub/owner": "ana"}, {"jhub/owner": "otto"}], ids=["nobody", "another", "no label"]
)
def test_a_foreign_object_is_not_touched(hub: KubeHub, cluster: Cluster, annotations: dict[str, str]) -> None:
    user = hub.user("otto", GROUP)
    labels = {key: value for key, value in annotations.items() if value != "otto"}
    metadata = {"name": "extra", "annotations": annotations, "labels": labels}
    foreign = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {"mine": "1"}}
    cluster.create("hub-otto", "configmaps", foreign)
    before = cluster.objects("hub-otto")["configmaps", "extra"]
    for _ in range(1 if annotations else 4):  # more than the limit of failures, at which the hub would end
        status, message = refuse(hub, user)
        assert status == 409
        assert "the ConfigMap 'extra' in the namespace 'hub-otto' exists already" in message
        assert "ana" not in message
        assert cluster.names("hub-otto") <= {("configmaps", "extra"), CLAIM}
    assert cluster.objects("hub-otto")["configmaps", "extra"] == before
    cluster.delete("hub-otto", "configmaps", "extra")


def test_two_servers_of_a_user_share_objects(hub: KubeHub, cluster: Cluster) -> None:
    user = hub.user("sven", GROUP)
    start(hub, user, "one")
    uids = {key: item["metadata"]["uid"] for key, item in cluster.objects("hub-sven").items() if key[0] != "pods"}
    start(hub, user, "two")
    both = cluster.objects("hub-sven")
    assert {key: both[key]["metadata"]["uid"] for key in uids} == uids
    status, message = refuse(hub, user, "three", profile="other")
    assert status == 409
    assert "ConfigMap 'bash-rc'" in message
    assert "your server " in message
    hub.stop(user, "one")
    assert set(uids) <= cluster.names("hub-sven")
    hub.stop(user, "two")
    assert cluster.names("hub-sven") == {CLAIM}


def test_other_content_replaces_an_object_but_not_a_claim(hub: KubeHub, cluster: Cluster) -> None:
    user = hub.user("tara", GROUP)
    start(hub, user)
    cluster.break_with({"verb": "delete", "resource": "configmaps", "status": 403})
    hub.stop(user, "")
    cluster.break_with()
    claim = cluster.objects("hub-tara")[CLAIM]
    start(hub, user, profile="other")
    objects = cluster.objects("hub-tara")
    assert objects["configmaps", "bash-rc"]["data"] == {"bash-rc": "alias ll='ls -a'"}
    assert ("configmaps", "extra") not in objects
    assert objects[CLAIM] == claim
    hub.stop(user, "")
    # The claim was there before the server, so it stays although this profile would remove it.
    assert cluster.names("hub-tara") == {CLAIM}
    user = hub.user("uta", GROUP)
    start(hub, user, profile="other")
    assert CLAIM in cluster.names("hub-uta")
    hub.stop(user, "")
    assert cluster.names("hub-uta") == set()
