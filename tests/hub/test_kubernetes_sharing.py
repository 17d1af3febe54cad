"""Objects of users who share a namespace, on a live hub with KubeSpawner and a Kubernetes API without a cluster."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import quote

import pytest
from kube_cluster import KubeHub, environment, environment_of, kube_hub
from kube_objects import CONFIG, NAMED, OVERLAPPING, SHARING, Cluster, assert_valid

from matrix.profiles.hubs import write

GROUP = "geo"
FOR_ALL = ("configmaps", "for-all")


@pytest.fixture(scope="module")
def hub(pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory) -> Iterator[KubeHub]:
    place = tmp_path_factory.mktemp("sharing")
    write(place, NAMED + OVERLAPPING)
    with kube_hub(place, CONFIG + SHARING, environment=environment_of(pytestconfig)) as up:
        yield up
        assert up.process.poll() is None, up.log()[-3000:]


@pytest.fixture
def cluster(hub: KubeHub) -> Cluster:
    return Cluster(hub.place)


def config_maps(cluster: Cluster) -> dict[str, dict[str, Any]]:
    """Return the config maps in the namespace, by name."""
    return {name: item for (resource, name), item in cluster.objects("hub").items() if resource == "configmaps"}


def start(hub: KubeHub, user: str) -> None:
    assert hub.start(quote(user, safe=""), "").status_code in (201, 202)


def test_two_users_at_once_and_neither_stop_touches_the_others(hub: KubeHub, cluster: Cluster) -> None:
    users = [hub.user(name, GROUP) for name in ("ana", "bo")]
    with ThreadPoolExecutor() as pool:
        list(pool.map(lambda user: start(hub, user), users))
    for user in users:
        hub.ready(user, "")
    found = config_maps(cluster)
    assert found.keys() == {"rc-ana", "rc-bo", "for-all"}
    assert {name: item["data"]["rc"] for name, item in found.items()} == {
        "rc-ana": "I am ana",
        "rc-bo": "I am bo",
        "for-all": "all",
    }
    assert found["for-all"]["metadata"]["labels"] == {"jhub/shared": "true"}
    for user in users:
        (pod,) = hub.pods(user)
        assert environment(pod)["WHO"] == user
        assert [volume["configMap"]["name"] for volume in pod["spec"]["volumes"] if "configMap" in volume] == [
            f"rc-{user}",
            "for-all",
        ]
    created = [item for item in cluster.requests("hub") if item["verb"] == "create"]
    for item in created:
        assert_valid(item["body"])
    hub.stop("ana", "")
    assert config_maps(cluster) == {name: found[name] for name in ("rc-bo", "for-all")}
    hub.stop("bo", "")
    assert config_maps(cluster) == {"for-all": found["for-all"]}
    start(hub, "ana")
    hub.ready("ana", "")
    assert config_maps(cluster)["for-all"] == found["for-all"]
    hub.stop("ana", "")


def test_users_with_similar_names_have_objects_of_their_own(hub: KubeHub, cluster: Cluster) -> None:
    users = [hub.user(name, GROUP) for name in ("eva.b", "eva-b", "eva--b")]
    for user in users:
        start(hub, user)
        hub.ready(user, "")
    owners = {
        name: item["metadata"]["annotations"]["jhub/owner"]
        for name, item in config_maps(cluster).items()
        if name != "for-all"
    }
    assert sorted(owners.values()) == sorted(users)
    for user in users:
        hub.stop(user, "")
        del owners[next(name for name, owner in owners.items() if owner == user)]
        assert config_maps(cluster).keys() - {"for-all"} == owners.keys()


def test_an_object_of_another_user_whose_name_is_the_same_refuses_the_start(hub: KubeHub, cluster: Cluster) -> None:
    """Two templates of one file may become one name."""
    for name in ("finn", "x-finn"):
        hub.user(name, GROUP)
    start(hub, "x-finn")
    hub.ready("x-finn", "")
    before = config_maps(cluster)["rc-x-finn"]
    answer = hub.start("finn", "", profile="overlapping")
    assert answer.status_code == 409
    assert "ConfigMap 'rc-x-finn'" in answer.json()["message"]
    assert config_maps(cluster)["rc-x-finn"] == before
    hub.stop("x-finn", "")
    assert "rc-x-finn" not in config_maps(cluster)


def test_a_shared_object_that_jhub_did_not_make_is_refused(hub: KubeHub, cluster: Cluster) -> None:
    user = hub.user("cleo", GROUP)
    if FOR_ALL in cluster.names("hub"):
        cluster.delete("hub", *FOR_ALL)
    cluster.create("hub", "configmaps", {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "for-all"}})
    answer = hub.start(user, "")
    assert answer.status_code == 409
    assert "ConfigMap 'for-all'" in answer.json()["message"]
    hub.wait(lambda: config_maps(cluster), lambda found: found.keys() == {"for-all"})
    cluster.delete("hub", *FOR_ALL)


@pytest.mark.parametrize("user", ["x: {y}", "{unescaped_username}", "..a\n- b", "{{ namespace }}", "ä" * 40])
def test_the_name_of_a_user_is_only_text(hub: KubeHub, cluster: Cluster, user: str) -> None:
    hub.user(user, GROUP)
    start(hub, user)
    escaped = quote(user, safe="")
    hub.ready(escaped, "")
    found = {
        name: item
        for name, item in config_maps(cluster).items()
        if item["metadata"]["annotations"].get("jhub/owner") == user
    }
    ((name, item),) = found.items()
    assert item["data"] == {"rc": f"I am {user}"}
    assert_valid(item)
    (pod,) = hub.pods(user)
    assert_valid({key: value for key, value in pod.items() if key != "status"})
    assert environment(pod)["WHO"] == user
    assert name in [volume["configMap"]["name"] for volume in pod["spec"]["volumes"] if "configMap" in volume]
    hub.stop(escaped, "")
    assert name not in config_maps(cluster)


def test_fields_of_kubespawner_are_filled_in_the_file(hub: KubeHub) -> None:
    user = hub.user("dora", GROUP)
    start(hub, user)
    hub.ready(user, "")
    (pod,) = hub.pods(user)
    assert environment(pod)["BRACES"] == "dora"
    hub.stop(user, "")
