"""Reader of the objects and volumes of an application hub's profile."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from jhub.profiles.loader import check, parse
from jhub.profiles.model import Profile

DOCKER_CONFIG = base64.b64encode(b'{"auths": {}}').decode()
RBAC = "rbac.authorization.k8s.io"


def read(text: str) -> Profile:
    """Return the profile `p` of a valid file, from its keys."""
    return parse(f"profiles: [{{groups: [geo], definition: {{slug: p}}, {text}}}]").all[0]


@pytest.mark.parametrize(
    ("text", "manifests", "additions"),
    [
        pytest.param(
            "config_maps: [{name: rc, key: .rc, mount_path: /w/.rc, default_mode: '0660', readonly: true, content: x}]",
            [{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "rc"}, "data": {".rc": "x"}}],
            {
                "volumes": [{"name": "rc", "configMap": {"name": "rc", "defaultMode": 0o660}}],
                "volume_mounts": [{"name": "rc", "mountPath": "/w/.rc", "subPath": ".rc", "readOnly": True}],
            },
            id="config map, created and mounted",
        ),
        pytest.param(
            "config_maps: [{name: rc, key: k, mount_path: /w/rc, readonly: false, content: null}]",
            [],
            {
                "volumes": [{"name": "rc", "configMap": {"name": "rc"}}],
                "volume_mounts": [{"name": "rc", "mountPath": "/w/rc", "subPath": "k"}],
            },
            id="config map, mounted only",
        ),
        pytest.param(
            "config_maps: [{name: my.conf, key: k, content: '', mount_path: null}]",
            [{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "my.conf"}, "data": {"k": ""}}],
            {},
            id="config map, created only",
        ),
        pytest.param(
            "secret_mounts: [{name: s, mount_path: /a, sub_path: x/y}, {name: s, mount_path: /b}]",
            [],
            {
                "volumes": [{"name": "s", "secret": {"secretName": "s"}}],
                "volume_mounts": [
                    {"name": "s", "mountPath": "/a", "subPath": "x/y"},
                    {"name": "s", "mountPath": "/b"},
                ],
            },
            id="one secret, mounted twice",
        ),
        pytest.param(
            "volumes: [{name: w, claim_name: claim, size: 1.5Gi, storage_class: fast, annotations: {a: b},"
            "access_modes: [ReadWriteOnce, ReadOnlyMany], volume_mount: {name: w, mount_path: /w, sub_path: s}}]",
            [
                {
                    "apiVersion": "v1",
                    "kind": "PersistentVolumeClaim",
                    "metadata": {"name": "claim", "annotations": {"a": "b"}},
                    "spec": {
                        "accessModes": ["ReadWriteOnce", "ReadOnlyMany"],
                        "resources": {"requests": {"storage": "1.5Gi"}},
                        "storageClassName": "fast",
                    },
                }
            ],
            {
                "volumes": [{"name": "w", "persistentVolumeClaim": {"claimName": "claim"}}],
                "volume_mounts": [{"name": "w", "mountPath": "/w", "subPath": "s"}],
            },
            id="volume",
        ),
        pytest.param(
            "env_from_config_maps: [a, b], env_from_secrets: [a]",
            [],
            {
                "extra_container_config": {
                    "envFrom": [
                        {"configMapRef": {"name": "a"}},
                        {"configMapRef": {"name": "b"}},
                        {"secretRef": {"name": "a"}},
                    ]
                }
            },
            id="environment from objects",
        ),
        pytest.param(
            "init_containers: [{name: i, image: 'i:1', command: [sh, -c, ''], volume_mounts: [{name: w,"
            " mount_path: /w, sub_path: s}]}, {name: j, image: 'i:1'}]",
            [],
            {
                "init_containers": [
                    {
                        "name": "i",
                        "image": "i:1",
                        "command": ["sh", "-c", ""],
                        "volumeMounts": [{"name": "w", "mountPath": "/w", "subPath": "s"}],
                    },
                    {"name": "j", "image": "i:1"},
                ]
            },
            id="init containers",
        ),
        pytest.param(
            f"image_pull_secrets: [{{name: a, data: {DOCKER_CONFIG}}}, {{name: b, data: ''}}, {{name: b}}]",
            [
                {
                    "apiVersion": "v1",
                    "kind": "Secret",
                    "metadata": {"name": "a"},
                    "type": "kubernetes.io/dockerconfigjson",
                    "data": {".dockerconfigjson": DOCKER_CONFIG},
                }
            ],
            {"image_pull_secrets": [{"name": "a"}, {"name": "b"}]},
            id="pull secrets",
        ),
        pytest.param(
            "role_bindings: [{name: b, subjects: [{name: default, kind: ServiceAccount}, {name: a@b, kind: User}],"
            "role: {name: r, resources: [pods, jobs], verbs: [get, list], api_groups: ['', batch]}},"
            "{name: c, subjects: [{name: other, kind: ServiceAccount}],"
            "role: {name: r, resources: [pods, jobs], verbs: [get, list], api_groups: ['', batch]}},"
            "{name: d, subjects: [{name: d, kind: ServiceAccount}], role: {name: q, resources: [pods], verbs: [get]}}]",
            [
                {
                    "apiVersion": f"{RBAC}/v1",
                    "kind": "Role",
                    "metadata": {"name": "r"},
                    "rules": [{"apiGroups": ["", "batch"], "resources": ["pods", "jobs"], "verbs": ["get", "list"]}],
                },
                {
                    "apiVersion": f"{RBAC}/v1",
                    "kind": "Role",
                    "metadata": {"name": "q"},
                    "rules": [{"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}],
                },
                *(
                    {
                        "apiVersion": f"{RBAC}/v1",
                        "kind": "RoleBinding",
                        "metadata": {"name": name},
                        "roleRef": {"apiGroup": RBAC, "kind": "Role", "name": role},
                        "subjects": subjects,
                    }
                    for name, role, subjects in (
                        (
                            "b",
                            "r",
                            [
                                {"kind": "ServiceAccount", "name": "default"},
                                {"apiGroup": RBAC, "kind": "User", "name": "a@b"},
                            ],
                        ),
                        ("c", "r", [{"kind": "ServiceAccount", "name": "other"}]),
                        ("d", "q", [{"kind": "ServiceAccount", "name": "d"}]),
                    )
                ),
            ],
            {},
            id="roles and bindings",
        ),
        pytest.param(
            "manifests: [{content: [{apiVersion: v1, kind: Service, metadata: {name: s, namespace: '{{namespace}}',"
            "labels: {a: b}}, spec: {type: null}}, {apiVersion: apps/v1, kind: Deployment, metadata: {name: d}}]}]",
            [
                {
                    "apiVersion": "v1",
                    "kind": "Service",
                    "metadata": {"name": "s", "labels": {"a": "b"}},
                    "spec": {"type": None},
                },
                {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "d"}},
            ],
            {},
            id="manifests",
        ),
    ],
)
def test_keys_become_objects_and_additions(
    text: str, manifests: list[dict[str, Any]], additions: dict[str, Any]
) -> None:
    profile = read(text)
    assert [item.manifest for item in profile.objects] == manifests
    assert profile.kubespawner_additions == additions
    assert all(item.persist and not item.shared for item in profile.objects)


def test_objects_are_created_in_the_order_in_which_they_need_each_other() -> None:
    profile = read(
        "manifests: [{persist: false, content: [{apiVersion: v1, kind: Pod, metadata: {name: m}}]}],"
        "role_bindings: [{name: b, persist: false, subjects: [{name: d, kind: ServiceAccount}],"
        "  role: {name: r, resources: [pods], verbs: [get]}}],"
        "volumes: [{name: v, claim_name: v, size: 1Gi, access_modes: [ReadWriteOnce], persist: true,"
        "  volume_mount: {name: v, mount_path: /v}}],"
        f"image_pull_secrets: [{{name: s, persist: false, data: {DOCKER_CONFIG}}}],"
        "config_maps: [{name: c, key: k, content: x, shared: true}]"
    )
    assert [(item.kind, item.persist, item.shared, item.path) for item in profile.objects] == [
        ("ConfigMap", True, True, ("p", "config_maps", "0")),
        ("Secret", False, False, ("p", "image_pull_secrets", "0")),
        ("PersistentVolumeClaim", True, False, ("p", "volumes", "0")),
        ("Role", False, False, ("p", "role_bindings", "0")),
        ("RoleBinding", False, False, ("p", "role_bindings", "0")),
        ("Pod", False, False, ("p", "manifests", "0", "content", "0")),
    ]


def test_an_object_that_is_described_twice_persists_if_one_of_them_says_so() -> None:
    manifest = "{apiVersion: v1, kind: ConfigMap, metadata: {name: c}}"
    [item] = read(f"manifests: [{{persist: false, content: [{manifest}]}}, {{content: [{manifest}]}}]").objects
    assert item.persist


CLAIM = "{name: v, claim_name: c, size: 1Gi, access_modes: [ReadWriteOnce], volume_mount: {name: v, mount_path: /v}}"
ROLE = "role: {name: r, resources: [pods], verbs: [get]}"
SUBJECTS = "subjects: [{name: d, kind: ServiceAccount}]"


def claim(change: str) -> str:
    """Return a volume with a change."""
    return f"{{<<: {CLAIM}, {change}}}"


@pytest.mark.parametrize(
    ("key", "entry", "message"),
    [
        # config maps
        ("config_maps", "x", "`config_maps` 1 must be a mapping, not text"),
        ("config_maps", "{key: k, content: x}", "`config_maps` 1: needs `name`"),
        ("config_maps", "{name: '', key: k, content: x}", "`config_maps` 1: needs `name`"),
        ("config_maps", "{name: c, content: x}", "`config_maps` c: needs `key`"),
        ("config_maps", "{name: C_c, key: k, content: x}", "`config_maps` C_c: `name` must be a DNS-1123 subdomain: "),
        ("config_maps", "{name: c, key: a/b, content: x}", "`config_maps` c: `key` must be a key of a ConfigMap or "),
        ("config_maps", "{name: c, key: k, content: 7}", "`config_maps` c: `content` must be text, not 7 (a number)"),
        ("config_maps", "{name: c.d, key: k, mount_path: /c}", "`config_maps` c.d: `name` of an object that is mounte"),
        ("config_maps", "{name: c, key: k, mount_path: c}", "`config_maps` c: `mount_path` must begin with /"),
        ("config_maps", "{name: c, key: k, mount_path: '/c:d'}", "`config_maps` c: `mount_path` must begin with /"),
        (
            "config_maps",
            "{name: c, key: k, mount_path: /c, default_mode: 0660}",
            '`config_maps` c: `default_mode` must be text, not 0660 (a number): write "0660"',
        ),
        (
            "config_maps",
            "{name: c, key: k, mount_path: /c, default_mode: '0888'}",
            "`config_maps` c: `default_mode` must be an octal file mode such as 0660, not '0888'",
        ),
        (
            "config_maps",
            "{name: c, key: k, readonly: maybe, content: x}",
            "`config_maps` c: `readonly` must be true or",
        ),
        (
            "config_maps",
            "{name: c, key: k, content: x, persist: 1}",
            "`config_maps` c: `persist` must be true or false",
        ),
        (
            "config_maps",
            "{name: c, key: k, content: x, persist: false, shared: true}",
            "`config_maps` c: an object with `shared: true` is never removed: remove `persist: false`",
        ),
        (
            "config_maps",
            "{name: c, key: k, content: x, groups: [a]}",
            "`config_maps` c: `groups` restricts nothing here",
        ),
        (
            "config_maps",
            "{name: c, key: k, content: x}, {name: c, key: l, content: x}",
            "`config_maps` c: another ConfigMap has the name 'c'",
        ),
        (
            "config_maps",
            "{name: c, key: k, mount_path: /c}, {name: d, key: k, mount_path: /c}",
            "`config_maps` d: another volume is mounted at '/c'",
        ),
        (
            "config_maps",
            "{name: c, key: k, mount_path: /c}, {name: c, key: k, mount_path: /d, default_mode: '644'}",
            "`config_maps` c: another volume has the name 'c'",
        ),
        # volumes
        ("volumes", claim("size: 10"), '`volumes` v: `size` must be text, not 10 (a number): write "10"'),
        (
            "volumes",
            claim("size: 10GB"),
            "`volumes` v: `size` must be a quantity such as 10Gi, not '10GB'",
        ),
        ("volumes", claim("size: 0Gi"), "`volumes` v: `size` must be a quantity such as 10Gi, not '0Gi'"),
        (
            "volumes",
            claim("size: -1Gi"),
            "`volumes` v: `size` must be a quantity such as 10Gi, not '-1Gi'",
        ),
        ("volumes", claim("size: ~"), "`volumes` v: needs `size`"),
        ("volumes", claim("claim_name: ~"), "`volumes` v: needs `claim_name`"),
        ("volumes", claim("name: ~"), "`volumes` 1: needs `name`"),
        ("volumes", claim("name: a.b"), "`volumes` a.b: `name` must be a DNS-1123 label"),
        ("volumes", claim("access_modes: []"), "`volumes` v: needs `access_modes`"),
        (
            "volumes",
            claim("access_modes: [RWO]"),
            "`volumes` v: 'RWO' in `access_modes` must be one of Read",
        ),
        ("volumes", claim("access_modes: RWO"), "`volumes` v: `access_modes` must be a list of names"),
        (
            "volumes",
            claim("storage_class: A_b"),
            "`volumes` v: `storage_class` must be a DNS-1123 subdomain",
        ),
        ("volumes", claim("annotations: {a: 1}"), "`volumes` v: `annotations`: `a` must be text, not 1"),
        ("volumes", claim("volume_mount: ~"), "`volumes` v: needs a `volume_mount`"),
        ("volumes", claim("volume_mount: x"), "`volumes` v: `volume_mount` must be a mapping, not text"),
        (
            "volumes",
            claim("volume_mount: {name: v, mount_path: /v, sub_path: a/../..}"),
            "`volumes` v: `volume_mount`: `sub_path` must be a relative path without ..",
        ),
        # secrets
        ("secret_mounts", "{name: s}", "`secret_mounts` s: needs `mount_path`"),
        (
            "secret_mounts",
            "{name: s, mount_path: /s, sub_path: /x}",
            "`secret_mounts` s: `sub_path` must be a relative",
        ),
        ("image_pull_secrets", "{data: ''}", "`image_pull_secrets` 1: needs `name`"),
        (
            "image_pull_secrets",
            "{name: s, data: hush}",
            "`image_pull_secrets` s: `data` must be a Docker configuration ",
        ),
        (
            "image_pull_secrets",
            "{name: s, data: aHVzaA==}",
            "`image_pull_secrets` s: `data` must be a Docker configurat",
        ),
        (
            "image_pull_secrets",
            "{name: s, data: '{\"a\": 1}'}",
            "`image_pull_secrets` s: `data` must be a Docker config",
        ),
        ("env_from_secrets", "A", "a name in `env_from_secrets` must be a DNS-1123 subdomain"),
        ("env_from_secrets", "7", 'a name in `env_from_secrets` must be text, not 7 (a number): write "7"'),
        # init containers
        ("init_containers", "{name: i}", "`init_containers` i: needs `image`"),
        (
            "init_containers",
            "{name: i, image: i, command: sh}",
            "`init_containers` i: `command` must be a list of names",
        ),
        (
            "init_containers",
            "{name: i, image: i}, {name: i, image: j}",
            "`init_containers` i: another container has the",
        ),
        (
            "init_containers",
            "{name: i, image: i, volume_mounts: [{name: w}]}",
            "`init_containers` i: `volume_mounts` w: n",
        ),
        # roles
        ("role_bindings", f"{{name: b, {ROLE}}}", "`role_bindings` b: needs `subjects`"),
        ("role_bindings", f"{{name: b, {SUBJECTS}}}", "`role_bindings` b: needs a `role`"),
        ("role_bindings", f"{{name: b, {SUBJECTS}, role: x}}", "`role_bindings` b: `role` must be a mapping, not text"),
        (
            "role_bindings",
            f"{{name: a/b, {SUBJECTS}, {ROLE}}}",
            "`role_bindings` a/b: `name` must be a name without sla",
        ),
        (
            "role_bindings",
            f"{{name: b, {SUBJECTS}, role: {{name: r, resources: [pods], verbs: [escalate]}}}}",
            "`role_bindings` b: `role`: 'escalate' in `verbs` must be one of get, list, ",
        ),
        (
            "role_bindings",
            f"{{name: b, {SUBJECTS}, role: {{name: r, verbs: [get]}}}}",
            "`role_bindings` b: `role`: needs `resources`",
        ),
        (
            "role_bindings",
            f"{{name: b, {ROLE}, subjects: [{{name: g, kind: Group}}]}}",
            "`role_bindings` b: `subjects` g: `kind` must be ServiceAccount or User, not 'Group'",
        ),
        (
            "role_bindings",
            f"{{name: b, {ROLE}, subjects: [{{kind: ServiceAccount}}]}}",
            "`role_bindings` b: `subjects` 1: needs `name`",
        ),
        ("manifests", "{name: m, content: x}", "`manifests` m: `content` must be a list, not text"),
    ],
)
def test_errors_are_reported_with_their_lines(key: str, entry: str, message: str) -> None:
    checked = check(f"profiles:\n- groups: []\n  definition: {{slug: p}}\n  {key}:\n    [{entry}]\n")
    assert checked.profiles is None
    found = [(problem.line, problem.message.removeprefix("profile p: ")) for problem in checked.errors]
    assert any(line in (4, 5) and text.startswith(message) for line, text in found), found


def test_no_error_quotes_a_secret() -> None:
    checked = check(
        "profiles: [{groups: [], definition: {slug: p}, image_pull_secrets: [{name: s, data: hush}],"
        "config_maps: [{name: c, key: k, content: 'hush {{ x }} hush'}]}]"
    )
    assert len(checked.errors) == 2
    assert "hush" not in str(checked.problems)


def test_all_problems_are_reported_at_once() -> None:
    checked = check("""
profiles:
- groups: []
  definition: {slug: p}
  config_maps:
  - {name: A, key: k, mount_path: b, colour: red}
  - {name: c, key: k}
  volumes:
  - {name: v, claim_name: v}
""")
    assert [(problem.line, problem.warning) for problem in checked.problems] == [
        (6, True),
        (6, False),
        (6, False),
        (7, True),
        (9, False),
        (9, False),
        (9, False),
    ]
