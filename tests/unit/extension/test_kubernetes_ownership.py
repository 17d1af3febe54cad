"""Labels of objects on Kubernetes, and their record in the state of a spawner."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kubespawner.slugs import is_valid_label
from msgspec import ValidationError

from jhub.extension.kubernetes_ownership import (
    PlannedObject,
    Reference,
    UsedObject,
    add_to_state,
    has_content_of,
    is_of,
    is_shared,
    label_slug,
    owner_of,
    plan_object,
    read_state,
    read_state_safely,
)

MANIFEST: dict[str, Any] = {
    "apiVersion": "v1",
    "kind": "ConfigMap",
    "metadata": {"name": "rc", "labels": {"jhub/owner": "bo", "app": "x"}, "annotations": {"note": "n"}},
    "data": {"a": "1"},
}


def plan(manifest: dict[str, Any] = MANIFEST, owner: str = "ana", *, shared: bool = False) -> PlannedObject:
    return plan_object(manifest, "ns", owner=owner, server="lab", persist=False, shared=shared)


def test_an_object_has_its_namespace_and_labels_whatever_the_manifest_says() -> None:
    planned = plan()
    assert planned.reference == Reference(api_version="v1", kind="ConfigMap", namespace="ns", name="rc")
    assert str(planned.reference) == "ConfigMap 'rc' in the namespace 'ns'"
    metadata = planned.manifest["metadata"]
    assert (metadata["name"], metadata["namespace"]) == ("rc", "ns")
    assert metadata["labels"] == {"jhub/owner": "ana", "jhub/server": "lab", "app": "x"}
    assert {"jhub/owner": "ana", "jhub/server": "lab", "note": "n"}.items() <= metadata["annotations"].items()
    assert planned.manifest["data"] == {"a": "1"}
    assert MANIFEST["metadata"]["labels"]["jhub/owner"] == "bo"


def test_service_accounts_of_a_binding_have_a_namespace() -> None:
    subjects = [
        {"kind": "ServiceAccount", "name": "default"},
        {"kind": "ServiceAccount", "name": "x", "namespace": "other"},
        {"kind": "User", "name": "ana"},
    ]
    binding = {"apiVersion": "rbac/v1", "kind": "RoleBinding", "metadata": {"name": "rb"}, "subjects": subjects}
    assert plan(binding).manifest["subjects"] == [{**subjects[0], "namespace": "ns"}, *subjects[1:]]
    assert plan({**binding, "subjects": None}).manifest["subjects"] is None


def test_an_object_belongs_to_its_owner_alone() -> None:
    existing = plan().manifest
    assert owner_of(existing) == "ana"
    assert is_of(existing, plan(), "ana")
    assert not is_of(existing, plan(), "bo")
    assert not is_of(existing, plan(shared=True), "ana")
    shared = plan(shared=True).manifest
    assert is_shared(shared)
    assert is_of(shared, plan(shared=True), "bo")
    assert not is_of(shared, plan(), "ana")


@pytest.mark.parametrize(
    "metadata",
    [
        {},
        {"labels": None, "annotations": None},
        {"annotations": {"jhub/owner": "ana"}},
        {"labels": {"jhub/owner": "ana"}},
        {"labels": {"jhub/owner": "bo"}, "annotations": {"jhub/owner": "ana"}},
    ],
)
def test_an_object_without_both_marks_is_foreign(metadata: dict[str, Any]) -> None:
    assert owner_of({"metadata": metadata}) is None
    assert not is_shared({"metadata": metadata})


def test_content_is_compared_by_the_manifest_and_not_by_the_server() -> None:
    other_server = plan_object(MANIFEST, "ns", owner="ana", server="", persist=True, shared=False)
    assert has_content_of(other_server.manifest, plan())
    assert not has_content_of(plan({**MANIFEST, "data": {"a": "2"}}).manifest, plan())
    assert not has_content_of({"metadata": {}}, plan())


@given(st.text(max_size=300))
def test_every_name_is_a_label(name: str) -> None:
    slug = label_slug(name)
    assert is_valid_label(slug)
    assert "---" not in name or slug != name


def test_usual_names_are_their_own_labels() -> None:
    assert [label_slug(name) for name in ("", "ana", "ana.b_c-d")] == ["", "ana", "ana.b_c-d"]
    assert label_slug("x: {y}").startswith("x-y---")
    assert len({label_slug(name) for name in ("a b", "a  b", "a-b", "A B", "é", "è")}) == 6


def test_a_state_keeps_its_other_keys() -> None:
    used = (UsedObject(reference=plan().reference, persist=True),)
    state = add_to_state({"pod_name": "p", "jhub_objects": ["old"]}, used)
    assert json.loads(json.dumps(state)) == state
    assert read_state(state) == used
    assert add_to_state(state, ()) == {"pod_name": "p"}
    assert read_state(None) == read_state({}) == ()


def test_a_state_of_another_version_is_an_error() -> None:
    broken = {"jhub_objects": [{"reference": 1}]}
    with pytest.raises(ValidationError):
        read_state(broken)
    assert read_state_safely(broken) == ()
