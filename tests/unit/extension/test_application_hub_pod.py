"""Pods that KubeSpawner makes for profiles of the application hub, whatever the name of the user."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any, cast

import pytest
from kubespawner import KubeSpawner
from kubespawner.slugs import safe_slug

from jhub.extension.format_fields import BASE_SETTINGS, KUBESPAWNER_SETTINGS
from jhub.extension.overrides import add_items
from jhub.profiles.loader import parse
from jhub.profiles.templates import TemplateValues, fill_settings

FORMATTED = (*BASE_SETTINGS, *KUBESPAWNER_SETTINGS)

FILE = """
profiles:
- groups: [geo]
  definition:
    slug: course
    kubespawner_override:
      image: "example/{{ spawner.user.name }}:1"
      cmd: [start]
      args: ["--name={{ spawner.user.name }}"]
      extra_labels: {owner: "{{ spawner.user.name }}"}
      extra_annotations: {owner: "{{ spawner.user.name }}"}
  node_selector: {pool: graphics}
  default_url: "/lab/{{ spawner.user.name }}"
  env_from_secrets: ["s-{{ spawner.user.name }}"]
  env_from_config_maps: [my-config]
  secret_mounts: [{name: s, mount_path: /etc/s, sub_path: x}]
  image_pull_secrets: [{name: pull}]
  config_maps: [{name: rc, key: rc, mount_path: /workspace/.rc, default_mode: "0660", readonly: true, content: x}]
  init_containers:
  - {name: init, image: i, command: [echo, "{{ spawner.user.name }}"], volume_mounts: [{name: w, mount_path: /w}]}
  volumes:
  - name: w
    claim_name: "claim-{{ spawner.user.name }}"
    size: 10Gi
    access_modes: [ReadWriteOnce]
    volume_mount: {name: w, mount_path: "/home/{{ spawner.user.name }}"}
  pod_env_vars:
    WHO: "<{{ spawner.user.name }}> in {{ namespace }}, {username}"
    TOKEN: {from_secret: {name: gitlab, key: token}}
"""


def pod_of(user: str, own: dict[str, Any]) -> dict[str, Any]:
    """Return the pod of a user's server, on a hub whose administrator has settings of their own."""
    spawner: Any = KubeSpawner.__new__(KubeSpawner)  # the constructor would connect to a cluster
    spawner.user = SimpleNamespace(name=user, id=3, url="/user/x/", escaped_name="x")
    spawner.hub = SimpleNamespace(public_host="", api_url="http://hub/hub/api", base_url="/hub/", url="http://hub/hub/")
    spawner._server = SimpleNamespace(base_url="/user/x/")
    spawner.api_token, spawner.port, spawner.namespace = "x", 8888, "jupyter-x"
    spawner.pod_name = spawner.pvc_name = spawner.dns_name = spawner.secret_name = "x"
    spawner.public_url = spawner.public_hub_url = ""
    profile = parse(FILE).all[0]
    values = TemplateValues(namespace="jupyter-x", user=user, slug=safe_slug(user, max_length=48))
    for name, value in own.items():
        setattr(spawner, name, value)
    for settings in (profile.spawner_override, profile.kubespawner_override):
        for name, value in fill_settings(settings, values, FORMATTED).items():
            setattr(spawner, name, {**getattr(spawner, name), **value} if isinstance(value, dict) else value)
    for name, value in fill_settings(profile.kubespawner_additions, values, FORMATTED).items():
        setattr(spawner, name, add_items(getattr(spawner, name), value))
    pod = asyncio.run(spawner.get_pod_manifest())
    manifest: dict[str, Any] = without_none(pod.to_dict(serialize=True))
    return manifest


def without_none(value: object) -> Any:
    """Return a manifest without what is not set."""
    match value:
        case dict():
            items = cast("dict[str, object]", value).items()
            return {key: without_none(item) for key, item in items if item is not None}
        case list():
            return [without_none(item) for item in cast("list[object]", value)]
        case _:
            return value


@pytest.mark.parametrize("user", ["ana", "x: {y}", "../a", "{unescaped_username}", "{{ namespace }}", "a@b.org", "{0"])
def test_a_name_is_nothing_but_text_in_a_pod(user: str) -> None:
    slug = safe_slug(user, max_length=48)
    own = {
        "volumes": {"b": {"name": "own", "emptyDir": {}}},
        "volume_mounts": [{"name": "own", "mountPath": "/own"}],
        "image_pull_secrets": ["own"],
        "extra_container_config": {"envFrom": [{"secretRef": {"name": "own"}}]},
    }
    pod = pod_of(user, own)
    spec, [container] = pod["spec"], pod["spec"]["containers"]
    environment = {entry["name"]: entry for entry in container["env"]}
    assert environment["WHO"]["value"] == f"<{user}> in jupyter-x, {slug}"
    assert environment["TOKEN"]["valueFrom"] == {"secretKeyRef": {"name": "gitlab", "key": "token"}}
    assert environment["JUPYTERHUB_DEFAULT_URL"]["value"] == f"/lab/{user}"
    assert container["args"] == ["start", f"--name={user}"]
    assert container["image"] == f"example/{slug}:1"
    assert container["envFrom"] == [
        {"secretRef": {"name": "own"}},
        {"configMapRef": {"name": "my-config"}},
        {"secretRef": {"name": f"s-{slug}"}},
    ]
    assert container["volumeMounts"] == [
        {"name": "own", "mountPath": "/own"},
        {"name": "rc", "mountPath": "/workspace/.rc", "subPath": "rc", "readOnly": True},
        {"name": "s", "mountPath": "/etc/s", "subPath": "x"},
        {"name": "w", "mountPath": f"/home/{slug}"},
    ]
    assert spec["volumes"] == [
        {"name": "own", "emptyDir": {}},
        {"name": "rc", "configMap": {"name": "rc", "defaultMode": 0o660}},
        {"name": "s", "secret": {"secretName": "s"}},
        {"name": "w", "persistentVolumeClaim": {"claimName": f"claim-{slug}"}},
    ]
    assert spec["imagePullSecrets"] == [{"name": "own"}, {"name": "pull"}]
    assert spec["nodeSelector"] == {"pool": "graphics"}
    assert spec["initContainers"] == [
        {
            "name": "init",
            "image": "i",
            "command": ["echo", user],
            "volumeMounts": [{"name": "w", "mountPath": "/w"}],
        }
    ]
    assert pod["metadata"]["labels"]["owner"] == slug
    assert pod["metadata"]["annotations"]["owner"] == user
