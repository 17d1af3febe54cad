"""What objects of a profile may not do or grant."""

from __future__ import annotations

import pytest

from jhub.profiles.kubernetes_rules import permission_problems
from jhub.profiles.kubernetes_security import CAPABILITIES, HOST_FLAGS
from jhub.profiles.loader import check, parse

RBAC = "rbac.authorization.k8s.io"
POD_SPECS = {
    "Pod": "apiVersion: v1, kind: Pod, metadata: {name: a}, spec: %s",
    "Job": "apiVersion: batch/v1, kind: Job, metadata: {name: a}, spec: {template: {spec: %s}}",
    "Deployment": "apiVersion: apps/v1, kind: Deployment, metadata: {name: a}, spec: {template: {spec: %s}}",
    "StatefulSet": "apiVersion: apps/v1, kind: StatefulSet, metadata: {name: a}, spec: {template: {spec: %s}}",
}


def manifests(*keys: str) -> str:
    """Return a file with a manifest, whose keys are in lines of their own from line 6 on."""
    lines = "\n      ".join(keys)
    return f"profiles:\n- groups: []\n  definition: {{slug: p}}\n  manifests:\n  - content:\n    - {lines}\n"


def role(rule: str) -> str:
    """Return a file with a role, whose rule is in line 9."""
    return manifests(f"apiVersion: {RBAC}/v1", "kind: Role", "metadata: {name: r}", f"rules: [{{{rule}}}]")


def binding(subject: str, reference: str = f"apiGroup: {RBAC}, kind: Role, name: r") -> str:
    """Return a file with a binding, whose subject is in line 9, and the reference to the role in line 10."""
    return manifests(
        f"apiVersion: {RBAC}/v1",
        "kind: RoleBinding",
        "metadata: {name: b}",
        f"subjects: [{{{subject}}}]",
        f"roleRef: {{{reference}}}",
    )


def entry(subject: str, rule: str) -> str:
    """Return a file with an entry of `role_bindings`, whose subject is in line 6, and the rule in line 7."""
    return (
        "profiles:\n- groups: []\n  definition: {slug: p}\n  role_bindings:\n  - name: b\n"
        f"    subjects: [{{{subject}}}]\n    role: {{name: r, {rule}}}\n"
    )


def errors(text: str) -> list[tuple[int, str]]:
    """Return the line and the last part of each error."""
    return [(problem.line, problem.message.rpartition("`: ")[2]) for problem in check(text).errors]


RULES = [
    *(
        (f"apiGroups: [''], resources: [pods], verbs: [get, '{verb}']", f"'{verb}' in `verbs` must be one of get, list")
        for verb in ("escalate", "bind", "impersonate", "*", "use", "{{ namespace }}")
    ),
    *(
        (f"apiGroups: [''], resources: ['{resource}'], verbs: [get]", f"'{resource}' in `resources` grants more than")
        for resource in ("*", "*/scale", "pods/*")
    ),
    ("apiGroups: ['*'], resources: [pods], verbs: [get]", "'*' in `apiGroups` grants more than it names"),
]


@pytest.mark.parametrize(("rule", "message"), RULES)
def test_a_role_grants_only_what_it_names(rule: str, message: str) -> None:
    [(line, found)] = errors(role(rule))
    assert (line, found.removeprefix("profile p: `manifests` 1: object 1: `rules` 1: ")[: len(message)]) == (9, message)
    text = entry("name: d, kind: ServiceAccount", rule.replace("apiGroups", "api_groups"))
    [(line, found)] = errors(text)
    assert line == 7
    assert found.startswith(message.replace("apiGroups", "api_groups"))


@pytest.mark.parametrize(
    ("rule", "messages"),
    [
        (
            "nonResourceURLs: [/healthz], verbs: [get]",
            ["`nonResourceURLs` belong to the whole cluster", "needs `resources`"],
        ),
        ("apiGroups: [''], resources: [pods]", ["needs `verbs`"]),
        ("apiGroups: [''], resources: [pods], verbs: get", ["`verbs` must be a list of names"]),
        ("apiGroups: '*', resources: [pods], verbs: [get]", ["`apiGroups` must be a list of names"]),
        ("apiGroups: [''], resources: [], verbs: [get]", ["needs `resources`"]),
    ],
)
def test_rules_of_manifests_are_read_strictly(rule: str, messages: list[str]) -> None:
    found = errors(role(rule))
    assert [line for line, _ in found] == [9] * len(messages)
    assert all(any(message in text for _, text in found) for message in messages), found


@pytest.mark.parametrize(
    ("subject", "message"),
    [
        ("kind: Group, name: g", "`kind` must be ServiceAccount or User, not 'Group'"),
        ("kind: User, name: 'system:serviceaccount:kube-system:admin'", "`name` of a user must not begin with system:"),
        ("kind: User, name: 'system:anonymous'", "`name` of a user must not begin with system:"),
        ("kind: User", "needs `name`"),
        ("kind: ServiceAccount, name: a/b", "`name` must be a DNS-1123 subdomain"),
    ],
)
def test_a_binding_is_for_accounts_of_its_namespace_and_for_users(subject: str, message: str) -> None:
    for text, line in ((binding(subject), 9), (entry(subject, "resources: [pods], verbs: [get]"), 6)):
        [(found_line, found)] = errors(text)
        assert found_line == line
        assert message in found


@pytest.mark.parametrize(
    ("subject", "reference", "line", "message"),
    [
        (
            "kind: ServiceAccount, name: default, namespace: kube-system",
            "kind: Role, name: r, apiGroup: rbac.authorization.k8s.io",
            9,
            "`namespace` must be {{ namespace }}, or missing, not 'kube-system'",
        ),
        (
            "kind: ServiceAccount, name: default",
            f"kind: ClusterRole, name: admin, apiGroup: {RBAC}",
            10,
            "`kind` must be Role, not 'ClusterRole'",
        ),
        (
            "kind: ServiceAccount, name: default",
            "kind: Role, name: r, apiGroup: example.com",
            10,
            "`apiGroup` must be rbac.authorization.k8s.io, not 'example.com'",
        ),
        ("kind: ServiceAccount, name: default", f"kind: Role, apiGroup: {RBAC}", 10, "needs `name`"),
    ],
)
def test_a_binding_grants_a_role_of_its_namespace(subject: str, reference: str, line: int, message: str) -> None:
    [(found_line, found)] = errors(binding(subject, reference))
    assert found_line == line
    assert message in found


def test_a_binding_needs_a_role() -> None:
    text = manifests(f"apiVersion: {RBAC}/v1", "kind: RoleBinding", "metadata: {name: b}")
    assert [message.rpartition(": ")[2] for _, message in errors(text)] == ["needs a `roleRef`"]


def test_usual_roles_and_bindings_are_accepted() -> None:
    for text in (
        role("apiGroups: ['', batch], resources: [pods, pods/log], verbs: [get, list, watch], resourceNames: [a]"),
        binding("kind: ServiceAccount, name: 'a-{{ spawner.user.name }}', namespace: '{{ namespace }}'"),
        binding("kind: User, name: '{{ spawner.user.name }}', apiGroup: rbac.authorization.k8s.io"),
    ):
        assert len(parse(text).all[0].objects) == 1


@pytest.mark.parametrize("kind", POD_SPECS)
@pytest.mark.parametrize(
    ("spec", "message"),
    [
        *((f"{{{flag}: true}}", f"`{flag}: true`") for flag in HOST_FLAGS),
        ("{containers: [{name: c, securityContext: {privileged: true}}]}", "`privileged: true`"),
        ("{initContainers: [{name: c, securityContext: {privileged: true}}]}", "`privileged: true`"),
        ("{volumes: [{name: v, hostPath: {path: /}}]}", "`hostPath`"),
        ("{containers: [{securityContext: {capabilities: {add: [SYS_ADMIN]}}}]}", "the capability 'SYS_ADMIN'"),
        ("{containers: [{securityContext: {capabilities: {add: [KILL, ALL]}}}]}", "the capability 'ALL'"),
    ],
)
def test_a_pod_does_not_reach_its_node(kind: str, spec: str, message: str) -> None:
    [problem] = check(manifests(f"{{{POD_SPECS[kind] % spec}}}")).errors
    assert problem.line == 6
    assert (
        problem.message
        == f"profile p: `manifests` 1: object 1: `spec`: {message}".replace("object 1: `spec`", "object 1")
        + ": a pod of a profile must not reach its node"
    )


@pytest.mark.parametrize(
    "spec",
    [
        "{hostNetwork: false, hostPID: null, nodeSelector: {privileged: 'true'}, volumes: [{name: v, emptyDir: {}}]}",
        f"{{containers: [{{securityContext: {{capabilities: {{add: [{', '.join(CAPABILITIES)}]}}}}}}]}}",
        "{containers: [{securityContext: {capabilities: {drop: [ALL], add: [CAP_CHOWN]}}}]}",
    ],
)
def test_usual_pods_are_accepted(spec: str) -> None:
    assert check(manifests(f"{{{POD_SPECS['Job'] % spec}}}")).problems == ()


@pytest.mark.parametrize(
    "entry",
    [
        "config_maps: [{name: 'a-{{ spawner.user.name }}', key: k, content: x, shared: true}]",
        "config_maps: [{name: a, key: k, content: 'I am {{spawner.user.name}}', shared: true}]",
        "manifests: [{shared: true, content: [{apiVersion: v1, kind: Secret, metadata: {name: a}, data: {"
        "a: '{{ spawner.user.name }}'}}]}]",
    ],
)
def test_a_shared_object_is_the_same_for_all(entry: str) -> None:
    [problem] = check(f"profiles:\n- groups: []\n  definition: {{slug: p}}\n  {entry}\n").errors
    assert problem.line == 4
    assert problem.message.endswith(
        "an object with `shared: true` is the same for all, and cannot have {{ spawner.user.name }}"
    )


@pytest.mark.parametrize("kind", POD_SPECS)
@pytest.mark.parametrize(
    ("spec", "grants"),
    [
        ("{serviceAccountName: hub}", True),
        ("{serviceAccount: hub}", True),
        ("{containers: [{name: c, image: i}]}", False),
        ("{serviceAccountName: null, automountServiceAccountToken: false}", False),
    ],
)
def test_a_pod_with_a_service_account_has_its_permissions(kind: str, spec: str, grants: bool) -> None:
    found = list(permission_problems(parse(manifests(f"{{{POD_SPECS[kind] % spec}}}"))))
    assert [problem.line for problem in found] == [6] * grants
    assert all(f"a {kind} with a service account needs" in problem.message for problem in found)
