"""What objects of a profile may not do or grant. Pure.

The file is an administrator's, but objects are made by the hub's service account, and what its role cannot hold back is
held back here: permissions that cannot be read in the file, those of other namespaces, and pods that reach their node.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, cast

from jhub.profiles.fields import MappingReader
from jhub.profiles.kubernetes_names import SEGMENT, read_name
from jhub.profiles.problems import quote
from jhub.profiles.templates import NAMESPACE_TEMPLATE, is_namespace
from jhub.profiles.yaml_tree import Mapping, Node, Scalar, Sequence

RBAC_GROUP = "rbac.authorization.k8s.io"
"""API group of roles and their bindings."""

SUBJECT_KINDS = ("ServiceAccount", "User")
VERBS = ("get", "list", "watch", "create", "update", "patch", "delete", "deletecollection")
"""The verbs of the format: not `escalate`, `bind`, `impersonate` and `*`."""
RESERVED_USERS = "system:"
"""Beginning of the names of users that are Kubernetes' own, and service accounts of any namespace."""

POD_KINDS = ("Deployment", "Job", "Pod", "StatefulSet")
"""Kinds that run pods."""
ACCOUNT_KEYS = ("serviceAccountName", "serviceAccount")
"""Keys with the service account of a pod; the second is the old one."""
HOST_FLAGS = ("hostIPC", "hostNetwork", "hostPID", "hostProcess", "privileged")
"""Settings of pods and containers that, if true, lead out of the pod to its node."""
CAPABILITIES = (
    "AUDIT_WRITE",
    "CHOWN",
    "DAC_OVERRIDE",
    "FOWNER",
    "FSETID",
    "KILL",
    "MKNOD",
    "NET_BIND_SERVICE",
    "SETFCAP",
    "SETGID",
    "SETPCAP",
    "SETUID",
    "SYS_CHROOT",
)
"""Capabilities that containers may add by the Pod Security Standard "baseline"."""


def check_security(manifest: MappingReader, kind: str) -> None:
    """Report what an object with this manifest may not do or grant."""
    if kind == "Role":
        for rule in manifest.mapping_list("rules"):
            if "nonResourceURLs" in rule:
                rule.error("nonResourceURLs", "`nonResourceURLs` belong to the whole cluster")
            read_rule(rule, "apiGroups")
    elif kind == "RoleBinding":
        for subject in manifest.mapping_list("subjects"):
            read_subject(subject)
            check_namespace(subject, "permissions are granted")
        _check_role_reference(manifest)
    elif kind in POD_KINDS and (spec := manifest.mapping("spec")):
        for line, message in _iter_node_access(spec.node):
            manifest.log.error(line, f"{manifest.label}: {message}: a pod of a profile must not reach its node")


def read_rule(reader: MappingReader, groups_key: str) -> dict[str, list[str]]:
    """Return a rule of a role, whose API groups are at a key. Everything that it grants must be named."""
    groups = reader.names(groups_key, may_be_empty=True) or ("",)
    resources = required_names(reader, "resources")
    for key, names in ((groups_key, groups), ("resources", resources)):
        for name in names:
            if "*" in name:
                reader.error(key, f"{quote(name)} in `{key}` grants more than it names: name each of them")
    return {"apiGroups": list(groups), "resources": list(resources), "verbs": read_words(reader, "verbs", VERBS)}


def read_subject(subject: MappingReader) -> dict[str, str]:
    """Return whom a binding grants a role, without a namespace: a service account of the binding's, or a user."""
    kind = subject.required_text("kind")
    if kind and kind not in SUBJECT_KINDS:
        subject.error("kind", f"`kind` must be {' or '.join(SUBJECT_KINDS)}, not {quote(kind)}")
    if kind != "User":
        return {"kind": kind, "name": read_name(subject, "name")}
    name = subject.required_text("name")
    if name.startswith(RESERVED_USERS):
        subject.error("name", f"`name` of a user must not begin with {RESERVED_USERS}, not {quote(name)}")
    return {"apiGroup": RBAC_GROUP, "kind": kind, "name": name}


def check_namespace(reader: MappingReader, effect: str) -> None:
    """Report a namespace that is not the one of the pod, in which alone something is done."""
    namespace = reader.text("namespace")
    if namespace and not is_namespace(namespace):
        reader.error(
            "namespace",
            f"`namespace` must be {NAMESPACE_TEMPLATE}, or missing, not {quote(namespace)}: {effect} in the namespace "
            "of the pod only",
        )


def required_names(reader: MappingReader, key: str) -> tuple[str, ...]:
    """Return a list of names, and report it if it is missing or empty."""
    names = reader.names(key)
    if names is None or (not names and not reader.log.has_error_at(reader.line(key))):
        reader.error(key, f"needs `{key}`")
    return names or ()


def read_words(reader: MappingReader, key: str, words: tuple[str, ...]) -> list[str]:
    """Return a list of certain words that must not be empty."""
    found = required_names(reader, key)
    for word in found:
        if word not in words:
            reader.error(key, f"{quote(word)} in `{key}` must be one of {', '.join(words)}")
    return list(found)


def grants_permissions(manifest: dict[str, Any]) -> bool:
    """Return whether an object grants permissions.

    The token of a service account has all of the account's, and so have the pods that run with the account.
    """
    if manifest["kind"] == "Secret":
        return bool(manifest.get("type") == "kubernetes.io/service-account-token")
    if manifest["kind"] in POD_KINDS:
        return _names_account(manifest)
    return manifest["kind"] in ("Role", "RoleBinding")


def _names_account(value: object) -> bool:
    """Return whether a pod is in a manifest that runs with a service account other than the namespace's default."""
    match value:
        case dict():
            entries = cast("dict[str, object]", value)
            return any(entries.get(key) for key in ACCOUNT_KEYS) or any(map(_names_account, entries.values()))
        case list():
            return any(map(_names_account, cast("list[object]", value)))
        case _:
            return False


def _check_role_reference(binding: MappingReader) -> None:
    reference = binding.mapping("roleRef")
    if reference is None:
        if "roleRef" not in binding or binding.is_null("roleRef"):
            binding.error("roleRef", "needs a `roleRef`")
        return
    for key, value in (("kind", "Role"), ("apiGroup", RBAC_GROUP)):
        found = reference.required_text(key)
        if found and found != value:
            reference.error(key, f"`{key}` must be {value}, not {quote(found)}")
    read_name(reference, "name", SEGMENT)


def _iter_node_access(node: Node) -> Iterator[tuple[int, str]]:
    """Yield what leads out of a pod to its node, at any depth, with its line."""
    match node:
        case Scalar():
            pass
        case Sequence():
            for item in node.items:
                yield from _iter_node_access(item)
        case Mapping():
            for key, value in node.entries.items():
                line = node.lines[key]
                if key in HOST_FLAGS and isinstance(value, Scalar) and value.value is True:
                    yield line, f"`{key}: true`"
                elif key == "hostPath" and isinstance(value, Mapping):
                    yield line, "`hostPath`"
                elif key == "capabilities" and isinstance(value, Mapping):
                    yield from _iter_capabilities(value)
                else:
                    yield from _iter_node_access(value)


def _iter_capabilities(capabilities: Mapping) -> Iterator[tuple[int, str]]:
    added = capabilities.entries.get("add")
    for item in added.items if isinstance(added, Sequence) else ():
        if isinstance(item, Scalar) and str(item.value).removeprefix("CAP_") not in CAPABILITIES:
            yield item.line, f"the capability {quote(str(item.value))}"
