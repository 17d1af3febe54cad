"""Profiles of the application hub's format for live tests, and the objects in a Kubernetes API without a cluster."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import kubernetes_validate
import requests

# Every key of the format.
ALL_KEYS = """
  - id: course
    groups: [geo]
    definition:
      display_name: Course
      slug: course
      kubespawner_override:
        {cpu_limit: 1, cpu_guarantee: 1, mem_limit: 1G, mem_guarantee: 1G, image: "example/course:1",
         environment: {OLD: null}}
    node_selector: {pool: graphics}
    default_url: /ws
    env_from_secrets: [my-secret]
    env_from_config_maps: [my-config]
    secret_mounts: [{name: s, mount_path: /etc/s, sub_path: x}]
    image_pull_secrets: [{name: pull, persist: false, data: "eyJhdXRocyI6IHt9fQ=="}, {name: present, data: ""}]
    config_maps:
      - {name: bash-rc, key: bash-rc, mount_path: /workspace/.bashrc, default_mode: "0660", readonly: true,
         content: "alias ll='ls -l'", persist: false}
    init_containers:
      - {name: init, image: "example/init:1", command: [sh, -c, "true"],
         volume_mounts: [{name: w, mount_path: /workspace}]}
    role_bindings:
      - name: rb
        persist: false
        subjects: [{name: default, kind: ServiceAccount}]
        role: {name: r, resources: [pods], verbs: [get], api_groups: [""]}
    manifests:
      - name: extra
        key: extra
        persist: false
        content:
        - {apiVersion: v1, kind: ConfigMap, metadata: {name: extra}, data: {a: "1"}}
        - apiVersion: batch/v1
          kind: Job
          metadata: {name: prepare, namespace: "{{ namespace }}"}
          spec:
            template:
              spec: {restartPolicy: Never, containers: [{name: c, image: "example/job:1"}]}
    volumes:
      - {name: w, claim_name: workspace-claim, size: 10Gi, storage_class: standard, access_modes: [ReadWriteOnce],
         volume_mount: {name: w, mount_path: /workspace}, persist: true}
    pod_env_vars:
      HOME: /workspace
      NAMESPACE: "{{ namespace }}"
      GATEWAY: "http://gw-{{ spawner.user.name }}:80"
      TOKEN: {from_config_map: {name: gitlab, key: token}}
      SECRET: {from_secret: {name: gitlab, key: token}}
"""
# The same objects as in `course`, with other content.
OTHER_CONTENT = """
  - id: other
    groups: [geo]
    definition: {display_name: Other, slug: other, kubespawner_override: {image: "example/other:1"}}
    config_maps:
      - {name: bash-rc, key: bash-rc, mount_path: /workspace/.bashrc, content: "alias ll='ls -a'", persist: false}
    volumes:
      - {name: w, claim_name: workspace-claim, size: 20Gi, access_modes: [ReadWriteOnce],
         volume_mount: {name: w, mount_path: /workspace}, persist: false}
"""
NULLS = """
  - id: null
    groups: [geo]
    definition:
      display_name: Nulls
      description: null
      slug: nulls
      default: true
      profile_options: null
      spawner_override: null
      kubespawner_override: {cpu_limit: null, mem_limit: null, environment: {OLD: null}, image: "example/n:1"}
    node_selector: null
    default_url: null
    env_from_secrets: null
    env_from_config_maps: null
    secret_mounts: null
    image_pull_secrets: null
    config_maps: null
    init_containers: null
    role_bindings: null
    manifests: null
    volumes: null
    pod_env_vars: null
"""
# Nulls below the keys, as generators of such files write them.
NULLS_BELOW = """
  - id: nulls-below
    groups: [geo]
    definition: {display_name: Below, slug: nulls-below, kubespawner_override: {image: "example/b:1"}}
    secret_mounts: [{name: s, mount_path: /etc/s, sub_path: null}]
    image_pull_secrets: [{name: present, persist: null, data: null}]
    config_maps:
      - {name: there, key: k, mount_path: /etc/k, default_mode: null, readonly: null, content: null, persist: null}
    init_containers: [{name: init, image: "example/init:1", command: null, volume_mounts: null}]
    role_bindings: []
    manifests: [{name: m, key: null, content: null, persist: null}]
    volumes:
      - {name: w, claim_name: below-claim, size: 1Gi, storage_class: null, access_modes: [ReadWriteOnce],
         volume_mount: {name: w, mount_path: /w, sub_path: null}, persist: null}
    pod_env_vars: {NOTHING: null, TOKEN: {from_config_map: {name: gitlab, key: token}, from_secret: null}}
"""
# For a namespace that users share.
NAMED = """
  - id: named
    groups: [geo]
    definition: {display_name: Named, slug: named, default: true, kubespawner_override: {image: "example/named:1"}}
    config_maps:
      - {name: "rc-{{ spawner.user.name }}", key: rc, mount_path: /etc/rc, content: "I am {{ spawner.user.name }}",
         persist: false}
      - {name: for-all, key: rc, mount_path: /etc/all, content: all, shared: true}
    pod_env_vars: {WHO: "{{ spawner.user.name }}", BRACES: "{username}"}
"""
# For a user `a`, the name of an object that the user `x-a` has of `named`.
OVERLAPPING = """
  - id: overlapping
    groups: [geo]
    definition: {display_name: Overlapping, slug: overlapping}
    config_maps: [{name: "rc-x-{{ spawner.user.name }}", key: rc, content: x, persist: false}]
"""

CONFIG = """
c.KubeSpawner.k8s_api_request_timeout = 1
c.KubeSpawner.k8s_api_request_retry_timeout = 3
c.KubeSpawner.environment = {"COURSE": "all", "OLD": "1"}
c.KubeSpawner.volumes = {"b": {"name": "own", "emptyDir": {}}}
c.KubeSpawner.volume_mounts = [{"name": "own", "mountPath": "/own"}]
c.KubeSpawner.image_pull_secrets = "own-pull"
"""
SEPARATE = """
c.KubeSpawner.enable_user_namespaces = True
c.KubeSpawner.user_namespace_template = "hub-{username}"
jhub.extension.enable(c, profiles="profiles.yaml", rbac=True)
"""
SHARING = """
jhub.extension.enable(c, profiles="profiles.yaml")
"""

PATHS = {
    "configmaps": "api/v1",
    "secrets": "api/v1",
    "persistentvolumeclaims": "api/v1",
    "pods": "api/v1",
    "jobs": "apis/batch/v1",
    "roles": "apis/rbac.authorization.k8s.io/v1",
    "rolebindings": "apis/rbac.authorization.k8s.io/v1",
}
KUBERNETES_VERSION = "1.33.0"


class Cluster:
    """The objects in the Kubernetes API whose files are in a folder."""

    def __init__(self, place: Path) -> None:
        self.place = place
        found = re.search('server: "(.*?)"', (place / "kube.config").read_text())
        assert found
        self.url = found[1].rstrip("/")

    def objects(self, namespace: str) -> dict[tuple[str, str], dict[str, Any]]:
        """Return all objects in a namespace, by resource and name."""
        found: dict[tuple[str, str], dict[str, Any]] = {}
        for resource, path in PATHS.items():
            answer = requests.get(f"{self.url}/{path}/namespaces/{namespace}/{resource}", timeout=20)
            for item in answer.json()["items"] if answer.ok else []:
                found[resource, item["metadata"]["name"]] = item
        return found

    def names(self, namespace: str) -> set[tuple[str, str]]:
        """Return the resources and names of all objects in a namespace."""
        return set(self.objects(namespace))

    def create(self, namespace: str, resource: str, manifest: dict[str, Any]) -> None:
        """Create an object by hand."""
        url = f"{self.url}/{PATHS[resource]}/namespaces/{namespace}/{resource}"
        assert requests.post(url, json=manifest, timeout=20).ok

    def delete(self, namespace: str, resource: str, name: str) -> None:
        """Remove an object by hand."""
        url = f"{self.url}/{PATHS[resource]}/namespaces/{namespace}/{resource}/{name}"
        assert requests.delete(url, timeout=20).ok

    def requests(self, namespace: str | None = None) -> list[dict[str, Any]]:
        """Return the requests that read, create and remove an object, in order."""
        path = self.place / "requests"
        lines = path.read_text().splitlines() if path.exists() else []
        found: list[dict[str, Any]] = [json.loads(line) for line in lines]
        return [request for request in found if namespace in (None, request["namespace"])]

    def break_with(self, *faults: dict[str, Any]) -> None:
        """Let these faults happen from now on."""
        # A new file each time, because the API may read it just now.
        new = self.place / "faults.new"
        new.write_text(json.dumps(faults))
        new.replace(self.place / "faults")


def assert_valid(manifest: dict[str, Any]) -> None:
    """Check a manifest against the schemas of Kubernetes."""
    kubernetes_validate.validate(manifest, KUBERNETES_VERSION, strict=True)
