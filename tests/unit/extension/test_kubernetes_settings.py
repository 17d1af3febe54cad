"""What profiles of the application hub's format need on a hub, and the words for what the API refuses."""

from __future__ import annotations

import json
from typing import Any

import pytest
from jupyterhub.spawner import SimpleLocalProcessSpawner
from kubernetes_asyncio.client import ApiException
from kubespawner import KubeSpawner
from traitlets.config import Config

from jhub.extension.kubernetes_api import describe, refusal
from jhub.extension.kubernetes_settings import has_user_namespaces
from jhub.extension.profile_store import store
from jhub.extension.spawner_settings import find_problems
from jhub.profiles.loader import parse

FILE = """
profiles:
- groups: [geo]
  definition: {slug: p, kubespawner_override: {image: "p:1"}}
  config_maps: [{name: rc, key: rc, content: x, mount_path: /rc}]
  role_bindings:
  - {name: "rb-{{ spawner.user.name }}", subjects: [{name: default, kind: ServiceAccount}],
     role: {name: "r-{{ spawner.user.name }}", resources: [pods], verbs: [get]}}
  pod_env_vars: {WHERE: "{{ namespace }}"}
"""
CONSTANT = "line 5: profile p: the name of the ConfigMap 'rc' must contain {{ spawner.user.name }} where users share"
RBAC = "line 7: profile p: a Role needs jhub.extension.enable(c, …, rbac=True)"


def config(**settings: Any) -> Config:
    return Config({"KubeSpawner": settings})


SEPARATE = config(enable_user_namespaces=True)


def problems(configuration: Config | None, spawner_class: type = KubeSpawner, text: str = FILE) -> list[str]:
    found = find_problems(parse(text), spawner_class, configuration)
    return [f"line {problem.line}: {problem.message}" for problem in found if not problem.warning]


def test_roles_need_rbac_and_constant_names_a_namespace_for_each_user(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "rbac", False)
    assert problems(SEPARATE) == [RBAC]
    monkeypatch.setattr(store, "rbac", True)
    assert problems(SEPARATE) == []
    (found,) = problems(Config())
    assert found.startswith(CONSTANT)
    assert problems(None) == []
    moved = FILE.replace("{image: ", "{namespace: all, image: ")
    assert problems(SEPARATE, text=moved) == [found]


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({}, False),
        ({"enable_user_namespaces": True}, True),
        ({"enable_user_namespaces": True, "user_namespace_template": "{hubnamespace}-{safe_username}"}, True),
        ({"enable_user_namespaces": True, "user_namespace_template": "{hubnamespace}-users"}, False),
        ({"user_namespace_template": "{username}"}, False),
    ],
)
def test_whether_each_user_has_a_namespace(settings: dict[str, Any], expected: bool) -> None:
    class Own(KubeSpawner):  # type: ignore[misc]  # KubeSpawner has no types
        pass

    assert has_user_namespaces(KubeSpawner, config(**settings)) == expected
    assert has_user_namespaces(Own, config(**settings)) == expected
    assert has_user_namespaces(Own, Config({"Own": settings, **config(enable_user_namespaces=False)})) == expected


def test_another_spawner_refuses_every_key_that_needs_kubespawner(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "rbac", True)
    assert problems(Config(), SimpleLocalProcessSpawner) == [
        f"line {line}: profile p: {key} needs KubeSpawner, and this hub has SimpleLocalProcessSpawner"
        for line, key in [(5, "config_maps"), (6, "role_bindings"), (9, "pod_env_vars.WHERE")]
    ]


def test_an_added_text_that_kubespawner_cannot_format_is_an_error() -> None:
    text = """
profiles:
- groups: [geo]
  definition: {slug: p}
  init_containers: [{name: i, image: x, command: [sh, "-c", "echo ${HOME} {{ spawner.user.name }}"]}]
"""
    assert problems(SEPARATE, text=text) == [
        "line 5: profile p: KubeSpawner cannot format init_containers.0.command.2: unknown field 'HOME'; write {{ and "
        "}} for braces that are text"
    ]


def api_error(status: int, **body: Any) -> ApiException:
    error = ApiException(status=status, reason="Unprocessable Entity")
    error.body = json.dumps(body).encode()
    return error


def test_a_refusal_names_verb_resource_and_place_and_no_content() -> None:
    label = "Secret 's' in the namespace 'ns'"
    invalid = api_error(
        422,
        message="SECRET",
        details={"causes": [{"reason": "FieldValueInvalid", "message": "SECRET", "field": "data[x]"}]},
    )
    assert describe(invalid) == "status 422 Unprocessable Entity, data[x] (FieldValueInvalid)"
    assert refusal(invalid, "create", "secrets", label) == (
        f"Kubernetes refuses to create the {label} (status 422): see the log of the hub"
    )
    forbidden = api_error(403, message='secrets is forbidden: User "hub" cannot create')
    assert describe(forbidden) == 'status 403: secrets is forbidden: User "hub" cannot create'
    assert refusal(forbidden, "create", "secrets", label) == (
        f"the hub's service account may not create secrets: Kubernetes refuses the {label} (status 403)"
    )
    quota = api_error(403, message='secrets "s" is forbidden: exceeded quota: q')
    assert refusal(quota, "create", "secrets", label) == (
        f"Kubernetes refuses to create the {label}: a quota is exceeded"
    )
    odd = api_error(400)
    odd.body = b"<html>"
    assert describe(odd) == "status 400 Unprocessable Entity"
