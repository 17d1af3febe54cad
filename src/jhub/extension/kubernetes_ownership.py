"""Labels, by which jhub knows the objects that it has created on Kubernetes, and the record of them in a state. Pure.

The names in labels are slugs; the annotations have the exact names, and only these count.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from typing import Any, cast

from msgspec import Struct, ValidationError, convert, to_builtins

OWNER = "jhub/owner"
"""Label and annotation with the name of the user."""
SERVER = "jhub/server"
"""Label and annotation with the name of the server that was started when the object was created."""
SHARED = "jhub/shared"
"""Label of an object that is meant for all users of a namespace."""
CONTENT = "jhub/content"
"""Annotation with a hash of the manifest."""

LABEL_VALUE = re.compile(r"([a-zA-Z0-9]([-._a-zA-Z0-9]{0,61}[a-zA-Z0-9])?)?")
"""A value of a label that Kubernetes accepts."""

STATE_KEY = "jhub_objects"
"""Key in the state of a spawner."""


class Reference(Struct, frozen=True, kw_only=True):
    """The identity of an object."""

    api_version: str
    kind: str
    namespace: str
    name: str

    def __str__(self) -> str:
        """Return the kind, the name and the namespace, for messages."""
        return f"{self.kind} {self.name!r} in the namespace {self.namespace!r}"


class UsedObject(Struct, frozen=True, kw_only=True):
    """An object that a server uses, as its spawner's state records it."""

    reference: Reference
    persist: bool
    """False if it is removed when the server has stopped."""


class PlannedObject(Struct, frozen=True, kw_only=True):
    """An object that a server needs."""

    reference: Reference
    manifest: dict[str, Any]
    """The manifest to send, with labels."""
    persist: bool
    shared: bool


def plan_object(
    manifest: Mapping[str, Any], namespace: str, *, owner: str, server: str, persist: bool, shared: bool
) -> PlannedObject:
    """Return the object that a manifest with filled templates describes, in a namespace and with labels."""
    metadata = manifest["metadata"]
    marked = {SHARED: "true"} if shared else {OWNER: owner, SERVER: server}
    labels = {**(metadata.get("labels") or {}), **{key: label_slug(name) for key, name in marked.items()}}
    annotations = {**(metadata.get("annotations") or {}), **marked, CONTENT: content_hash(manifest)}
    complete = {
        **with_subject_namespaces(manifest, namespace),
        "metadata": {**metadata, "namespace": namespace, "labels": labels, "annotations": annotations},
    }
    reference = Reference(
        api_version=manifest["apiVersion"], kind=manifest["kind"], namespace=namespace, name=metadata["name"]
    )
    return PlannedObject(reference=reference, manifest=complete, persist=persist, shared=shared)


def with_subject_namespaces(manifest: Mapping[str, Any], namespace: str) -> dict[str, Any]:
    """Return a manifest in which the service accounts among the subjects of a binding have a namespace."""
    subjects = manifest.get("subjects")
    if manifest["kind"] != "RoleBinding" or not isinstance(subjects, list):
        return dict(manifest)
    found = [
        {"namespace": namespace, **subject}
        if isinstance(subject, dict) and cast("dict[str, object]", subject).get("kind") == "ServiceAccount"
        else subject
        for subject in cast("list[object]", subjects)
    ]
    return {**manifest, "subjects": found}


def label_slug(name: str) -> str:
    """Return a name as the value of a label: with a hash if Kubernetes does not accept the name itself."""
    if LABEL_VALUE.fullmatch(name) and "---" not in name:
        return name
    safe = re.sub("[^a-z0-9]+", "-", name.lower()).strip("-")[:40].rstrip("-")
    return f"{safe or 'x'}---{_digest(name)[:8]}"


def content_hash(manifest: Mapping[str, Any]) -> str:
    """Return a hash of a manifest. The API adds defaults, so manifests are not comparable with what it returns."""
    return _digest(json.dumps(manifest, sort_keys=True, default=str))


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def owner_of(existing: Mapping[str, Any]) -> str | None:
    """Return the name of the user to whom an object belongs, by its labels; None if jhub did not create it for one."""
    metadata = existing.get("metadata") or {}
    owner: str | None = (metadata.get("annotations") or {}).get(OWNER)
    if owner is None or (metadata.get("labels") or {}).get(OWNER) != label_slug(owner):
        return None
    return owner


def is_shared(existing: Mapping[str, Any]) -> bool:
    """Return whether jhub has created an object for all users of a namespace."""
    return ((existing.get("metadata") or {}).get("labels") or {}).get(SHARED) == "true" and owner_of(existing) is None


def is_of(existing: Mapping[str, Any], planned: PlannedObject, owner: str) -> bool:
    """Return whether an object is the one that was planned, and not a foreign one with its name."""
    return is_shared(existing) if planned.shared else owner_of(existing) == owner


def has_content_of(existing: Mapping[str, Any], planned: PlannedObject) -> bool:
    """Return whether an object was created from the same manifest."""
    annotations = existing["metadata"].get("annotations") or {}
    return bool(annotations.get(CONTENT) == planned.manifest["metadata"]["annotations"][CONTENT])


def is_terminating(existing: Mapping[str, Any]) -> bool:
    """Return whether an object is being removed."""
    return bool(existing["metadata"].get("deletionTimestamp"))


def read_state(state: Mapping[str, Any] | None) -> tuple[UsedObject, ...]:
    """Return the objects in the state of a spawner. Raises ValidationError if it is not in this version's format."""
    return convert((state or {}).get(STATE_KEY, ()), tuple[UsedObject, ...])


def read_state_safely(state: Mapping[str, Any] | None) -> tuple[UsedObject, ...]:
    """Return the objects in the state of another server; none if they cannot be read."""
    try:
        return read_state(state)
    except ValidationError:
        return ()


def add_to_state(state: Mapping[str, Any], used: tuple[UsedObject, ...]) -> dict[str, Any]:
    """Return the state of a spawner with the objects that its server uses."""
    without = {key: value for key, value in state.items() if key != STATE_KEY}
    return {**without, STATE_KEY: to_builtins(list(used))} if used else without
