"""Templates: what a name fills in is text or a slug, and never structure, a field or another template."""

from __future__ import annotations

from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jhub.profiles.templates import (
    TemplateValues,
    fill_manifest,
    fill_settings,
    has_template,
    is_namespace,
    names_user,
    unsupported_expression,
    with_sample,
)

USER = "{{ spawner.user.name }}"
SLUG = "ana---1a2b3c4d"
FORMATTED = ("environment", "volumes", "volume_mounts", "init_containers", "default_url", "extra_annotations")
FIELDS = {"username": "field", "unescaped_username": "field", "namespace": "field"}

people = st.one_of(
    st.sampled_from(
        ["x: {y}", "../a", "{unescaped_username}", "{{ namespace }}", "{0}", "}", "{{", USER, "{% x %}", "$(A)", "a$$b"]
    ),
    st.text(min_size=1),
)


def values(user: str) -> TemplateValues:
    """Return the values for a user."""
    return TemplateValues(namespace="jupyter-ana", user=user, slug=SLUG)


def formatted(value: object) -> Any:
    """Format all texts of a value, as KubeSpawner does."""
    match value:
        case str():
            return value.format(**FIELDS)
        case list():
            return [formatted(item) for item in cast("list[object]", value)]
        case dict():
            return {key: formatted(item) for key, item in cast("dict[str, object]", value).items()}
        case _:
            return value


@given(people)
def test_a_name_is_text_in_settings_and_a_slug_in_names(user: str) -> None:
    settings = {
        "environment": {"A": f"<{USER}>", "B": {"valueFrom": {"secretKeyRef": {"name": f"s-{USER}", "key": USER}}}},
        "args": [f"--name={USER}"],
        "extra_annotations": {"who": USER},
        "extra_labels": {"who": USER},
        "default_url": f"/lab/{USER}/{{username}}",
        "image": f"example/{USER}:1",
        "mem_limit": 3,
        "volumes": [{"name": f"v-{USER}", "persistentVolumeClaim": {"claimName": USER}}],
        "volume_mounts": [{"name": f"v-{USER}", "mountPath": f"/home/{USER}", "subPath": USER}],
        "init_containers": [{"name": USER, "command": ["sh", USER], "env": [{"name": USER, "value": USER}]}],
    }
    filled = fill_settings(settings, values(user), FORMATTED)
    text = user.replace("$", "$$")  # in which Kubernetes replaces variables
    seen = {name: formatted(value) if name in FORMATTED else value for name, value in filled.items()}
    assert seen == {
        "environment": {"A": f"<{text}>", "B": {"valueFrom": {"secretKeyRef": {"name": f"s-{SLUG}", "key": SLUG}}}},
        "args": [f"--name={text}"],
        "extra_annotations": {"who": user},
        "extra_labels": {"who": SLUG},
        "default_url": f"/lab/{text}/field",
        "image": f"example/{SLUG}:1",
        "mem_limit": 3,
        "volumes": [{"name": f"v-{SLUG}", "persistentVolumeClaim": {"claimName": SLUG}}],
        "volume_mounts": [{"name": f"v-{SLUG}", "mountPath": f"/home/{SLUG}", "subPath": SLUG}],
        "init_containers": [{"name": SLUG, "command": ["sh", text], "env": [{"name": SLUG, "value": text}]}],
    }


@given(people)
def test_a_name_is_text_in_the_data_of_manifests_and_a_slug_elsewhere(user: str) -> None:
    text = user.replace("$", "$$")
    manifest = {
        "kind": "ConfigMap",
        "metadata": {"name": USER, "labels": {"app": USER}, "annotations": {"who": USER}},
        "data": {USER: USER, "b": "{username} {namespace}"},
        "stringData": {"a": USER},
        "spec": {
            "data": [{"remoteRef": {"key": USER}, "secretKey": USER}],
            "selector": {"matchLabels": {"app": USER}},
            "args": [USER],
            "env": [{"name": "A", "value": USER}],
            "volumes": [{"secret": {"secretName": USER}}, {"configMap": {"name": USER}}],
            "namespace": "{{ namespace }}",
        },
        "subjects": [{"name": USER}],
    }
    assert fill_manifest(manifest, values(user)) == {
        "kind": "ConfigMap",
        "metadata": {"name": SLUG, "labels": {"app": SLUG}, "annotations": {"who": user}},
        "data": {SLUG: user, "b": "{username} {namespace}"},
        "stringData": {"a": user},
        "spec": {
            "data": [{"remoteRef": {"key": SLUG}, "secretKey": SLUG}],
            "selector": {"matchLabels": {"app": SLUG}},
            "args": [text],
            "env": [{"name": "A", "value": text}],
            "volumes": [{"secret": {"secretName": SLUG}}, {"configMap": {"name": SLUG}}],
            "namespace": "jupyter-ana",
        },
        "subjects": [{"name": SLUG}],
    }


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=10,
)


@given(json_values, people)
def test_a_value_without_templates_is_unchanged(value: Any, user: str) -> None:
    if not has_template(value):
        assert fill_settings({"x": value}, values(user), ("x",)) == {"x": value}


def test_a_value_is_filled_once_and_not_changed_itself() -> None:
    manifest = {"metadata": {"name": USER}}
    assert fill_manifest(manifest, values("{{ namespace }}")) == {"metadata": {"name": SLUG}}
    assert manifest == {"metadata": {"name": USER}}
    text = {"environment": {"A": USER + "{{ namespace }}"}}
    assert fill_settings(text, values("{{ namespace }}"), ()) == {"environment": {"A": "{{ namespace }}jupyter-ana"}}


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", ""),
        ("{{ namespace }}", ""),
        ("{{namespace}}-{{\tspawner.user.name\n}}", ""),
        ("{username} {", ""),
        ("printf '{%s}'", ""),
        ("${#list[@]}", ""),
        ("a {{ b }} {{ c }}", "{{ b }}"),
        ("{{ namespace }}{{", "{{"),
        ("{{{ namespace }}}", "{{{ namespace }}"),
        ("{{ spawner.user }}", "{{ spawner.user }}"),
        ("{{ namespace.x }}", "{{ namespace.x }}"),
        ("{{ namespace|e }}", "{{ namespace|e }}"),
        ("{{+ namespace }}", "{{+ namespace }}"),
        ("{% raw %}x{% endraw %}", "{% raw %}"),
        ("{{ '{{' }}", "{{ '{{' }}"),
    ],
)
def test_other_expressions_are_found(text: str, found: str) -> None:
    assert unsupported_expression(text) == found


def test_templates_are_told_apart() -> None:
    assert has_template({"a": [{"{{ namespace }}": 1}]})
    assert has_template(("{{namespace}}",))
    assert not has_template({"a": ["{ namespace }", 1, None]})
    assert names_user("a-{{spawner.user.name}}")
    assert not names_user("{{ namespace }}")
    assert is_namespace("{{namespace}}")
    assert not is_namespace("{{ namespace }}-x")
    assert not is_namespace("{{ spawner.user.name }}")
    assert with_sample("{{ namespace }}-{{ spawner.user.name }}", "1") == "1-1"
