"""The kinds of objects that a profile may create, all within a namespace, and the check of manifests."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import Struct

from jhub.profiles.fields import MappingReader
from jhub.profiles.kubernetes_names import SEGMENT, SERVICE, SUBDOMAIN, Rule, read_name
from jhub.profiles.kubernetes_security import RBAC_GROUP, check_namespace, check_security
from jhub.profiles.problems import quote
from jhub.profiles.yaml_tree import Mapping, to_python

RBAC = f"{RBAC_GROUP}/v1"
"""API version of roles and their bindings."""

CLAIM = "PersistentVolumeClaim"
"""Kind that holds the files of a user: such an object is never replaced."""


class Kind(Struct, frozen=True):
    """A kind of objects in a namespace."""

    resource: str
    """The name in paths of the API, and in rules of roles."""
    api_versions: tuple[str, ...] = ("v1",)
    rule: Rule = SUBDOMAIN
    """Rule for names."""


KINDS = {
    "ConfigMap": Kind("configmaps"),
    "Deployment": Kind("deployments", ("apps/v1",)),
    "ExternalSecret": Kind("externalsecrets", ("external-secrets.io/v1beta1", "external-secrets.io/v1")),
    "Job": Kind("jobs", ("batch/v1",)),
    "NetworkPolicy": Kind("networkpolicies", ("networking.k8s.io/v1",)),
    CLAIM: Kind("persistentvolumeclaims"),
    "Pod": Kind("pods"),
    "Role": Kind("roles", (RBAC,), SEGMENT),
    "RoleBinding": Kind("rolebindings", (RBAC,), SEGMENT),
    "Secret": Kind("secrets"),
    "Service": Kind("services", rule=SERVICE),
    "ServiceAccount": Kind("serviceaccounts"),
    "StatefulSet": Kind("statefulsets", ("apps/v1",)),
}
"""The kinds that a profile may create.

Kubernetes itself limits the roles among them to what the hub's own role allows, and to the namespace. What else they
may not do is in `kubernetes_security`.
"""

CLUSTER_KINDS = {
    "APIService",
    "CertificateSigningRequest",
    "ClusterExternalSecret",
    "ClusterIssuer",
    "ClusterRole",
    "ClusterRoleBinding",
    "ClusterSecretStore",
    "CustomResourceDefinition",
    "MutatingWebhookConfiguration",
    "Namespace",
    "Node",
    "Object",  # of Crossplane
    "PersistentVolume",
    "PriorityClass",
    "Provider",  # of Crossplane
    "ProviderConfig",  # of Crossplane
    "Release",  # of Crossplane
    "RuntimeClass",
    "StorageClass",
    "ValidatingAdmissionPolicy",
    "ValidatingWebhookConfiguration",
    "VolumeSnapshotClass",
}
"""Kinds that belong to no namespace, for the message about them."""


def read_manifests(reader: MappingReader, key: str) -> Iterator[tuple[int, dict[str, object]]]:
    """Yield each manifest in a list that may be created, with its index and without its namespace; report the others.

    Null is kept: what it means depends on the place in a manifest.
    """
    label = reader.label
    for index, entry in enumerate(reader.mapping_list(key)):
        entry.label = f"{label}: object {index + 1}"
        metadata = entry.mapping("metadata")
        kind = _read_kind(entry)
        if metadata is None:
            if "metadata" not in entry or entry.is_null("metadata"):
                entry.error("metadata", "needs `metadata` with a `name`")
            continue
        metadata.label = entry.label
        name = read_name(metadata, "name", kind.rule) if kind else ""
        check_namespace(metadata, "objects are created")
        metadata.texts("labels")
        metadata.texts("annotations")
        if kind:
            check_security(entry, entry.text("kind"))
        if kind and name:
            manifest: dict[str, object] = to_python(entry.node)
            yield index, {**manifest, "metadata": to_python(_without(metadata.node, "namespace"))}


def _read_kind(entry: MappingReader) -> Kind | None:
    """Return the kind of a manifest; None if a profile may not create it."""
    api_version, name = entry.required_text("apiVersion"), entry.required_text("kind")
    if not name:
        return None
    if name in CLUSTER_KINDS:
        entry.error(
            "kind", f"{quote(name)} belongs to the whole cluster: a profile only creates objects in its namespace"
        )
        return None
    kind = KINDS.get(name)
    if kind is None:
        entry.error("kind", f"a profile cannot create the kind {quote(name)}; kinds: {', '.join(KINDS)}")
    elif api_version and api_version not in kind.api_versions:
        entry.error(
            "apiVersion", f"`apiVersion` of {name} must be {' or '.join(kind.api_versions)}, not {quote(api_version)}"
        )
        return None
    return kind


def _without(node: Mapping, key: str) -> Mapping:
    return Mapping(node.line, {name: value for name, value in node.entries.items() if name != key}, node.lines)
