"""Kinds of objects that a profile may create, and the check of their manifests."""

from __future__ import annotations

import pytest

from jhub.profiles.kubernetes_kinds import CLUSTER_KINDS, KINDS
from jhub.profiles.loader import check, parse


def file(manifest: str) -> str:
    """Return a file with a manifest, which begins in line 6."""
    return (
        "profiles:\n- groups: []\n  definition: {slug: p}\n  manifests:\n"
        f"  - content:\n    - {{{manifest}}}\n    persist: false\n"
    )


@pytest.mark.parametrize("name", KINDS)
def test_each_kind_can_be_created(name: str) -> None:
    for api_version in KINDS[name].api_versions:
        more = ", roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: r}" if name == "RoleBinding" else ""
        metadata = "metadata: {name: 'a-{{ namespace }}'}"
        profile = parse(file(f"apiVersion: {api_version}, kind: {name}, {metadata}{more}"))
        [item] = profile.all[0].objects
        assert (item.kind, item.name, item.persist) == (name, "a-{{ namespace }}", False)


def test_no_kind_of_the_whole_cluster_can_be_created() -> None:
    assert not CLUSTER_KINDS & KINDS.keys()
    assert all(kind.resource == kind.resource.lower() for kind in KINDS.values())


@pytest.mark.parametrize(
    ("manifest", "message"),
    [
        ("kind: Pod, metadata: {name: a}", "needs `apiVersion`"),
        ("apiVersion: v1, metadata: {name: a}", "needs `kind`"),
        ("apiVersion: v1, kind: Pod", "needs `metadata` with a `name`"),
        ("apiVersion: v1, kind: Pod, metadata: x", "`metadata` must be a mapping, not text"),
        ("apiVersion: v1, kind: Pod, metadata: {generateName: a}", "needs `name`"),
        ("apiVersion: v1, kind: Pod, metadata: {name: A}", "`name` must be a DNS-1123 subdomain"),
        ("apiVersion: v1, kind: Service, metadata: {name: 1a}", "`name` must be a DNS-1035 label"),
        ("apiVersion: v1, kind: Namespace, metadata: {name: a}", "'Namespace' belongs to the whole cluster"),
        ("apiVersion: x/v1, kind: ClusterRole, metadata: {name: a}", "'ClusterRole' belongs to the whole cluster"),
        (
            "apiVersion: v1, kind: List, items: [], metadata: {name: a}",
            "a profile cannot create the kind 'List'; kinds: C",
        ),
        ("apiVersion: v1, kind: pod, metadata: {name: a}", "a profile cannot create the kind 'pod'"),
        ("apiVersion: v1, kind: Job, metadata: {name: a}", "`apiVersion` of Job must be batch/v1, not 'v1'"),
        (
            "apiVersion: external-secrets.io/v2, kind: ExternalSecret, metadata: {name: a}",
            "`apiVersion` of ExternalSecret must be external-secrets.io/v1beta1 or external-secrets.io/v1, not ",
        ),
        (
            "apiVersion: v1, kind: Pod, metadata: {name: a, namespace: kube-system}",
            "`namespace` must be {{ namespace }}, or missing, not 'kube-system'",
        ),
        (
            "apiVersion: v1, kind: Pod, metadata: {name: a, namespace: 'x-{{ namespace }}'}",
            "`namespace` must be {{ namespace }}, or missing",
        ),
        ("apiVersion: v1, kind: Pod, metadata: {name: a, namespace: 7}", "`namespace` must be text, not 7"),
        ("apiVersion: v1, kind: Pod, metadata: {name: a, labels: {b: 1}}", "`labels`: `b` must be text, not 1"),
        ("apiVersion: v1, kind: Pod, metadata: {name: a, annotations: [b]}", "`annotations` must be a mapping"),
    ],
)
def test_errors_are_reported_with_their_lines(manifest: str, message: str) -> None:
    [problem] = check(file(manifest)).errors
    assert problem.line == 6
    assert problem.message.startswith("profile p: `manifests` 1: object 1: ")
    assert problem.message.removeprefix("profile p: `manifests` 1: object 1: ").startswith(message)


def test_an_entry_without_content_creates_nothing() -> None:
    for content in ("[]", "null"):
        text = f"profiles: [{{groups: [], definition: {{slug: p}}, manifests: [{{name: m, content: {content}}}]}}]"
        assert parse(text).all[0].objects == ()
        assert check(text).problems == ()
