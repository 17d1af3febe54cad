"""What the objects and pod settings of profiles need from a hub."""

from __future__ import annotations

from jhub.profiles.kubernetes_rules import kubernetes_only, permission_problems, shared_namespace_problems
from jhub.profiles.loader import check, parse

FILE = parse("""
profiles:
- groups: []
  node_selector: {a: b}
  default_url: "/{{ namespace }}"
  pod_env_vars:
    A: x
    B: "{{ spawner.user.name }}"
    C: {from_secret: {name: a, key: b}}
  config_maps:
  - {name: one, key: k, content: x}
  - {name: "two-{{ spawner.user.name }}", key: k, content: x}
  - {name: three, key: k, content: x, shared: true}
  - {name: "{{ namespace }}", key: k, content: x}
  volumes: []
  definition:
    slug: p
    spawner_override:
      args: ["--name={{ spawner.user.name }}"]
      cmd: [x]
    kubespawner_override: {image: x}
    profile_options:
      size:
        choices:
          s:
            spawner_override:
              args: ["{{ namespace }}"]
- groups: []
  node_selector: {}
  manifests:
  - content:
    - {apiVersion: rbac.authorization.k8s.io/v1, kind: Role, metadata: {name: r}}
  definition: {slug: q}
- groups: []
  node_selector: {}
  pod_env_vars: {A: x}
  default_url: /lab
  definition: {slug: r}
""")


def test_keys_that_need_kubespawner_are_found_with_their_lines() -> None:
    first, second, third = FILE.all
    assert [(FILE.line(path), key) for path, key in kubernetes_only(first)] == [
        (4, "node_selector"),
        (10, "config_maps"),
        (5, "default_url"),
        (8, "pod_env_vars.B"),
        (9, "pod_env_vars.C"),
        (19, "spawner_override.args"),
        (27, "profile_options.size.choices.s.spawner_override.args"),
    ]
    assert [(FILE.line(path), key) for path, key in kubernetes_only(second)] == [(30, "manifests")]
    assert list(kubernetes_only(third)) == []


def test_names_that_users_share_are_problems_unless_they_are_meant_for_all() -> None:
    problems = list(shared_namespace_problems(FILE))
    assert [(problem.line, problem.warning) for problem in problems] == [(11, False), (14, False), (32, False)]
    assert problems[0].message.startswith(
        "profile p: the name of the ConfigMap 'one' must contain {{ spawner.user.name }} where users share a namespace"
    )
    assert [problem.warning for problem in shared_namespace_problems(FILE, warning=True)] == [True] * 3


def test_objects_that_grant_permissions_are_problems_with_their_lines() -> None:
    [problem] = permission_problems(FILE)
    assert (problem.line, problem.message) == (
        32,
        "profile q: a Role needs jhub.extension.enable(c, …, rbac=True)",
    )
    tokens = parse("""
profiles:
- groups: []
  manifests:
  - content:
    - {apiVersion: v1, kind: Secret, metadata: {name: s}, type: Opaque}
    - apiVersion: v1
      kind: Secret
      metadata: {name: t, annotations: {kubernetes.io/service-account.name: hub}}
      type: kubernetes.io/service-account-token
  definition: {slug: p}
- groups: []
  role_bindings:
  - name: b
    subjects: [{name: default, kind: ServiceAccount}]
    role: {name: r, resources: [pods], verbs: [get]}
  definition: {slug: q}
""")
    assert [(problem.line, problem.message.partition(" needs ")[0]) for problem in permission_problems(tokens)] == [
        (7, "profile p: a Secret with the token of a service account"),
        (14, "profile q: a Role"),
    ]


def test_profiles_that_disagree_about_a_claim_are_a_warning() -> None:
    claim = (
        "{name: v, claim_name: %s, size: 1Gi, access_modes: [ReadWriteOnce], volume_mount: {name: v, mount_path: /v}"
    )
    profiles = [("a", "files", ""), ("b", "files", ", persist: false"), ("c", "other", ", persist: false")]
    text = "profiles:\n" + "".join(
        f"- groups: []\n  definition: {{slug: {slug}}}\n  volumes:\n  - {claim % name}{more}}}\n"
        for slug, name, more in profiles
    )
    [problem] = check(text).problems
    assert (problem.line, problem.warning) == (9, True)
    assert problem.message == (
        "profile b: the claim 'files' has `persist: false`, and in profile a it has not: whether its files stay "
        "depends on which of them starts first"
    )
