"""Texts with braces: what is reported is what KubeSpawner and JupyterHub really fail on, and nothing else."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from jupyterhub.spawner import LocalProcessSpawner, SimpleLocalProcessSpawner
from kubespawner import KubeSpawner

from jhub.extension.format_fields import find_bad_texts, formatters

KUBE = formatters(KubeSpawner)


def kube_spawner(**settings: Any) -> Any:
    """Return a KubeSpawner of a running server; its constructor would connect to a cluster."""
    spawner: Any = KubeSpawner.__new__(KubeSpawner)
    spawner.user = SimpleNamespace(name="ana", id=3, url="/user/ana/", escaped_name="ana")
    spawner.hub = SimpleNamespace(public_host="", api_url="http://hub/hub/api", base_url="/hub/", url="http://hub/hub/")
    spawner._server = SimpleNamespace(base_url="/user/ana/")
    spawner.api_token = "x"
    spawner.port = 8888
    spawner.pod_name = spawner.pvc_name = spawner.dns_name = spawner.secret_name = "ana"
    spawner.public_url = spawner.public_hub_url = ""
    for name, value in settings.items():
        setattr(spawner, name, value)
    return spawner


async def manifests(spawner: Any) -> None:
    """Make everything that KubeSpawner makes in a start, in whatever hub."""
    pod = await spawner.get_pod_manifest()
    spawner.get_pvc_manifest()
    spawner.get_service_manifest(None, 8888)
    containers = [{"ports": [{"name": "notebook-port", "containerPort": 8888}]}]
    spawner._get_pod_url({"status": {"podIP": "10.0.0.1"}, "spec": {"containers": containers}})
    spawner.cert_paths, spawner.internal_trust_bundles = {}, {"hub-ca": ""}
    spawner._expand_all(spawner.user_namespace_labels)
    spawner._expand_all(spawner.user_namespace_annotations)
    spawner.slow_spawn_message.format(seconds=1)
    assert pod


def fails(**settings: Any) -> bool:
    spawner = kube_spawner(**settings)
    try:
        asyncio.run(manifests(spawner))
    except (KeyError, ValueError, IndexError, AttributeError, TypeError):
        return True
    return False


SHAPES: tuple[Callable[[str], Any], ...] = (
    lambda text: text,
    lambda text: {"name": text},
    lambda text: {"a": {"name": "a", "hostPath": {"path": text}}},
    lambda text: {"a": {"name": "a", "image": "a", "args": [text]}},
    lambda text: {"hostname": text},
    lambda text: [{"name": "a", "mountPath": text}],
    lambda text: [text],
)


def settings_of(text: str) -> dict[str, Any]:
    """Return the text as a value of each setting of KubeSpawner that accepts it, in a shape that a pod accepts."""
    found: dict[str, Any] = {}
    for name in KubeSpawner.class_traits(config=True):
        for shape in SHAPES:
            try:
                setattr(kube_spawner(), name, shape(text))
            except Exception:  # noqa: BLE001  # ByteSpecification raises any
                continue
            if not fails(**{name: shape("plain")}):
                found[name] = shape(text)
                break
    return found


def test_the_table_is_what_kubespawner_formats() -> None:
    formatted = {name for name, value in settings_of("a {nope} b").items() if fails(**{name: value})}
    assert formatted == set(KUBE)


TEXTS = [
    "plain",
    '{"a": 1}',
    '{{"a": 1}}',
    "{}",
    "{0}",
    "{",
    "a}",
    "}}{{",
    "{username}",
    "{username!r:>20}",
    "{userid:05d}",
    "{username:05d}",
    "{user_server}-{pod_name}",
    "{unescaped_username}/{hubnamespace}",
    "{ username}",
    "{username.nope}",
    "{username[0]}",
    "${HOME}",
    "${{HOME}}",
    "{value}",
    "{base_url}",
    "%(asctime)s {{}}",
]


@pytest.mark.parametrize("text", TEXTS)
def test_a_text_is_reported_if_kubespawner_fails_on_it(text: str) -> None:
    values = {name: value for name, value in settings_of(text).items() if name in KUBE}
    assert values.keys() == KUBE.keys()
    reported = {name for name, value in values.items() if list(find_bad_texts(KUBE[name], value))}
    assert reported == {name for name, value in values.items() if fails(**{name: value})}


def test_settings_that_kubespawner_takes_as_they_are_are_not_formatted() -> None:
    for name in ("image", "working_dir", "cmd", "args", "node_selector", "lifecycle_hooks", "extra_container_config"):
        assert name not in KUBE
    assert not fails(image="{nope}", working_dir="{nope}", cmd=["{nope}"])


def test_the_place_and_the_reason_of_a_text_are_reported() -> None:
    value = {"A": "fine", "B": '{"a": 1}', "C": {"valueFrom": ["{userid}", "{"]}, "{": None}
    assert list(find_bad_texts(KUBE["environment"], value)) == [
        (("B",), "unknown field '\"a\"'"),
        (("C", "valueFrom", "1"), "Single '{' encountered in format string"),
    ]
    assert [reason for _, reason in find_bad_texts(KUBE["environment"], "{}")] == ["a field without a name"]


def test_the_fields_are_those_of_the_installed_spawner() -> None:
    assert {"username", "servername", "user_server", "userid", "hubnamespace"} <= set(KUBE["environment"].fields)
    assert KUBE["default_url"].fields == ("username", "base_url")
    assert KUBE["slow_spawn_message"].fields == ("seconds",)

    class Own(KubeSpawner):  # type: ignore[misc]  # KubeSpawner has no types
        def template_namespace(self) -> dict[str, str]:
            return {"course": "geo"}

    assert formatters(Own)["default_url"].fields == ("course",)


def test_other_spawners_format_two_settings() -> None:
    assert set(formatters(LocalProcessSpawner)) == {"default_url", "notebook_dir"}
    assert set(formatters(SimpleLocalProcessSpawner)) == {"default_url", "notebook_dir", "home_dir_template"}
    home = formatters(SimpleLocalProcessSpawner)["home_dir_template"]
    assert not list(find_bad_texts(home, "/tmp/{username}"))
    assert list(find_bad_texts(home, "/tmp/{name}"))


def test_a_spawner_that_cannot_be_sampled_is_not_checked() -> None:
    class Own(LocalProcessSpawner):  # type: ignore[misc]  # JupyterHub has no types
        def template_namespace(self) -> dict[str, str]:
            return {"port": str(self.user.orm_user.id)}

    assert formatters(Own) == {}


def test_the_page_lists_the_settings() -> None:
    page = (Path(__file__).parents[3] / "docs/how-to/profiles.md").read_text()
    assert [name for name in KUBE if f"`{name}`" not in page] == []
