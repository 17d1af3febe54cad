"""A hub that is killed at each step of a start and of a stop: what it has made is removed by the next one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from kube_cluster import KubeHub, cluster, environment_of, kube_hub
from kube_objects import ALL_KEYS, CONFIG, NULLS, SEPARATE, Cluster

from matrix.profiles.hubs import write

GROUP = "geo"
COURSE = {"profile": "course"}
CLAIM = ("persistentvolumeclaims", "workspace-claim")
# Calls of the API do not end before the hub does, and nobody waits for them.
PATIENT = """
c.KubeSpawner.k8s_api_request_timeout = 300
c.JupyterHub.tornado_settings = {"slow_spawn_timeout": 0, "slow_stop_timeout": 0}
"""
RESOURCES = ("configmaps", "secrets", "persistentvolumeclaims", "roles", "rolebindings", "jobs", "pods")
STEPS: list[dict[str, Any]] = [
    {"verb": "create", "resource": "namespaces"},
    *({"verb": "get", "resource": resource} for resource in RESOURCES if resource != "pods"),
    *({"verb": "create", "resource": resource, **late} for resource in RESOURCES for late in ({}, {"late": True})),
]
"""Where a start stops: before a call has an effect, and after it."""
STOPS: list[dict[str, Any]] = [
    {"verb": "delete", "resource": resource, **late}
    for resource in RESOURCES
    for late in ({}, {"late": True})
    if resource != CLAIM[0]  # persists
]
"""Where a stop stops."""


def users_of(prefix: str, steps: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Return a user for each step, with the fault in their namespace."""
    found: dict[str, dict[str, Any]] = {}
    for number, step in enumerate(steps):
        namespace = {"name": f"hub-{prefix}{number}"} if step["resource"] == "namespaces" else {}
        found[f"{prefix}{number}"] = {**step, **(namespace or {"namespace": f"hub-{prefix}{number}"})}
    return found


def wait_for_all(hub: KubeHub, api: Cluster, faults: dict[str, dict[str, Any]]) -> None:
    """Wait until each user's start or stop has arrived at its step."""

    def missing() -> list[str]:
        seen = api.requests()
        return [
            user
            for user, fault in faults.items()
            if not any({key: fault[key] for key in fault if key != "late"}.items() <= each.items() for each in seen)
        ]

    hub.wait(missing, lambda users: not users)


def left(api: Cluster, users: dict[str, Any]) -> dict[str, set[tuple[str, str]]]:
    """Return what is left in each user's namespace, besides what persists."""
    found = {user: api.names(f"hub-{user}") - {CLAIM} for user in users}
    return {user: names for user, names in found.items() if names}


def test_a_hub_that_dies_is_mended(pytestconfig: pytest.Config, tmp_path: Path) -> None:
    environment = environment_of(pytestconfig)
    write(tmp_path, ALL_KEYS)
    starting, stopping = users_of("s", STEPS), users_of("t", STOPS)
    config = CONFIG + SEPARATE + PATIENT
    with cluster(tmp_path) as pods_port:
        api = Cluster(tmp_path)
        with kube_hub(tmp_path, config, pods_port=pods_port, environment=environment) as hub:
            for user in (*starting, *stopping):
                hub.user(user, GROUP)
            for user in stopping:
                assert hub.start(user, "", **COURSE).status_code == 202
            for user in stopping:
                hub.ready(user, "")
            api.break_with(*starting.values(), *stopping.values())
            for user in starting:
                assert hub.start(user, "", **COURSE).status_code == 202
            for user in stopping:
                assert hub.api("DELETE", f"/users/{user}/server").status_code == 202
            wait_for_all(hub, api, starting)
            wait_for_all(hub, api, stopping)
            hub.process.kill()
            hub.process.wait()
        api.break_with()
        # Each step has left something that has to go, but for the first ones.
        assert len(left(api, starting)) > len(STEPS) - 5
        assert len(left(api, stopping)) > len(STOPS) - 3
        # What is removed comes from the saved state: the file has no objects any more.
        write(tmp_path, NULLS.replace("nulls", "course"))
        with kube_hub(tmp_path, CONFIG + SEPARATE, pods_port=pods_port, environment=environment) as hub:
            running = [user for user in (*starting, *stopping) if hub.servers(user).get("", {}).get("ready")]
            # JupyterHub itself stops what was not up: its rows are still there.
            stopped = {user: step for user, step in starting.items() if user not in running}
            hub.wait(lambda: left(api, stopped), lambda found: not found)
            for user in running:
                hub.stop(user, "")
            for user in stopping:
                if user not in running and api.names(f"hub-{user}") - {CLAIM}:
                    assert hub.start(user, "", **COURSE).status_code in (201, 202)
                    hub.ready(user, "")
                    hub.stop(user, "")
            assert left(api, {**starting, **stopping}) == {}
            assert all(CLAIM in api.names(f"hub-{user}") for user in stopping)
