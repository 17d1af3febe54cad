"""Reader of the application hub's config.yml: profiles, settings and templates."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from jhub.profiles import application_hub
from jhub.profiles.kubernetes_kinds import KINDS
from jhub.profiles.kubernetes_names import name_error
from jhub.profiles.loader import check, parse
from jhub.profiles.model import Choice, Option, Problem, Profile
from jhub.profiles.templates import TemplateValues, fill_manifest, fill_settings, has_template

FILE = """
profiles:
- id: profile_lab
  groups: [group-a, group-b]
  node_selector: {}
  default_url: /lab
  definition:
    display_name: Jupyter Lab
    description: null
    slug: lab
    default: true
    kubespawner_override: {cpu_limit: 2, mem_limit: 6G, image: "jupyter/minimal-notebook:latest"}
  pod_env_vars: {HOME: /workspace}
  volumes: []
- id: profile_code
  groups: []
  node_selector: {disk: ssd}
  definition: {display_name: Code, default: true}
  role_bindings:
  - name: "{{ namespace }}-reader"
    subjects: [{name: default, kind: ServiceAccount}]
    role: {name: reader, resources: [pods], verbs: [get]}
  config_maps: null
"""


def read(text: str) -> Profile:
    """Return the only profile of a valid file, from the keys beside `groups` and `definition`."""
    return parse(f"profiles: [{{groups: [geo], definition: {{slug: p}}, {text}}}]").all[0]


def test_a_file_is_read() -> None:
    checked = check(FILE)
    assert checked.profiles is not None
    lab, code = checked.profiles.all
    assert lab == Profile(
        slug="lab",
        display_name="Jupyter Lab",
        default=True,
        groups=("group-a", "group-b"),
        spawner_override={"default_url": "/lab", "environment": {"HOME": "/workspace"}},
        kubespawner_override={"cpu_limit": 2, "mem_limit": "6G", "image": "jupyter/minimal-notebook:latest"},
    )
    assert (code.slug, code.display_name, code.groups) == ("profile_code", "Code", ())
    assert code.kubespawner_override == {"node_selector": {"disk": "ssd"}}
    assert code.has_templates
    assert code.kubernetes_paths == (("profile_code", "node_selector"), ("profile_code", "role_bindings"))
    assert [(item.kind, checked.profiles.line(item.path)) for item in code.objects] == [
        ("Role", 20),
        ("RoleBinding", 20),
    ]
    assert list(checked.problems) == [
        Problem(
            15, "several profiles are the default: lab and profile_code; the first that a user may start is used", True
        )
    ]
    assert checked.profiles.warnings == checked.problems


@pytest.mark.parametrize(
    ("text", "spawner", "kubespawner"),
    [
        ("default_url: '/lab/{{ namespace }}'", {"default_url": "/lab/{{ namespace }}"}, {}),
        ("node_selector: {pool: graphics, zone: a}", {}, {"node_selector": {"pool": "graphics", "zone": "a"}}),
        ("pod_env_vars: {A: x, B: null}", {"environment": {"A": "x"}}, {}),
        (
            "pod_env_vars: {A: {from_config_map: {name: gitlab, key: token}}, B: {from_secret: {name: g, key: .t}}}",
            {},
            {
                "environment": {
                    "A": {"valueFrom": {"configMapKeyRef": {"name": "gitlab", "key": "token"}}},
                    "B": {"valueFrom": {"secretKeyRef": {"name": "g", "key": ".t"}}},
                }
            },
        ),
        ("pod_env_vars: {A: {from_config_map: null, from_secret: {name: g, key: t}}}", {}, None),
    ],
)
def test_keys_become_settings(text: str, spawner: dict[str, Any], kubespawner: dict[str, Any] | None) -> None:
    profile = read(text)
    assert profile.spawner_override == spawner
    assert kubespawner is None or profile.kubespawner_override == kubespawner
    assert profile.kubespawner_additions == {}


def test_keys_beside_the_definition_override_it_and_its_nulls_are_missing() -> None:
    profile = parse("""
profiles:
- groups: []
  definition:
    slug: p
    kubespawner_override:
      cpu_limit: null
      default_url: /tree
      environment: {A: old, B: old, C: old, D: null}
      node_selector: {zone: a}
    spawner_override: {environment: {A: old, E: old}, default_url: /tree}
  default_url: /lab
  node_selector: {pool: x}
  pod_env_vars: {A: new, B: {from_secret: {name: s, key: k}}}
""").all[0]
    assert profile.spawner_override == {"environment": {"A": "new", "E": "old"}, "default_url": "/lab"}
    assert profile.kubespawner_override == {
        "environment": {"B": {"valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}}, "C": "old", "D": None},
        "node_selector": {"zone": "a", "pool": "x"},
    }


ENTRY = "{groups: [], definition: {slug: a, kubespawner_override: {%s}}, %s}"


def test_a_file_with_every_key_null_is_a_profile_without_settings() -> None:
    keys = [key for key in application_hub.KEYS if key not in ("groups", "definition")]
    definition = {**dict.fromkeys(application_hub.DEFINITION_KEYS), "slug": "p"}
    for overrides in (None, dict.fromkeys(("cpu_limit", "mem_limit", "image", "extra_resource_limits"))):
        entry = {"groups": ["geo"], "definition": {**definition, "kubespawner_override": overrides}}
        checked = check(yaml.safe_dump({"profiles": [{**dict.fromkeys(keys), **entry}]}))
        assert checked.problems == ()
        assert checked.readable.all == (Profile(slug="p", display_name="p", groups=("geo",)),)


def test_every_null_in_an_entry_is_missing() -> None:
    profile = read(
        "config_maps: [{name: c, key: k, mount_path: ~, default_mode: ~, readonly: ~, content: x, persist: ~}],"
        "volumes: [{name: v, claim_name: v, size: 1Gi, storage_class: ~, access_modes: [ReadWriteOnce], annotations: ~,"
        "  volume_mount: {name: v, mount_path: /v, sub_path: ~}, persist: ~, shared: ~}],"
        "init_containers: [{name: i, image: i, command: ~, volume_mounts: ~}],"
        "image_pull_secrets: [{name: s, persist: ~, data: ~}],"
        "role_bindings: [{name: b, persist: ~, subjects: [{name: d, kind: ServiceAccount}],"
        "  role: {name: r, resources: [pods], verbs: [get], api_groups: ~}}],"
        "secret_mounts: [{name: m, mount_path: /m, sub_path: ~}], manifests: [{name: ~, key: ~, content: ~}]"
    )
    assert [item.kind for item in profile.objects] == ["ConfigMap", "PersistentVolumeClaim", "Role", "RoleBinding"]
    assert all(item.persist and not item.shared for item in profile.objects)
    assert "null" not in yaml.safe_dump([profile.kubespawner_additions, [item.manifest for item in profile.objects]])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{definition: {slug: a}}", "profile a: needs `groups`"),
        ("{definition: {slug: a}, groups: null}", "profile a: `groups` must be a list of names"),
        ("{groups: [], definition: {slug: a, groups: [b]}}", "profile a: `groups` restricts nothing here"),
        ("{groups: [], users: [b], definition: {slug: a}}", "profile a: `users` restricts nothing here"),
        ("{groups: [], users: ~, definition: {slug: a}}", "profile a: `users` restricts nothing here"),
        ("{groups: [], definition: x}", "profile 1: `definition` must be a mapping"),
        ("{groups: [], definition: {slug: a}}, {id: b}", "profile 2: needs a `definition`"),
        (ENTRY % ("environment: [x]", ""), "profile a: `kubespawner_override`: `environment` must be a mapping"),
        (ENTRY % ("", "default_url: 7"), "profile a: `default_url` must be text, not 7 (a number)"),
        (ENTRY % ("", "node_selector: [x]"), "profile a: `node_selector` must be a mapping, not a list"),
        (ENTRY % ("", "node_selector: {x: true}"), "profile a: `node_selector`: `x` must be text, not true (YAML for"),
        (ENTRY % ("", "pod_env_vars: [x]"), "profile a: `pod_env_vars` must be a mapping, not a list"),
        (ENTRY % ("", "pod_env_vars: {A: 1}"), "profile a: the environment variable 'A' must be text"),
        (ENTRY % ("", "pod_env_vars: {A=: x}"), "profile a: 'A=' cannot be the name of an environment variable"),
        (ENTRY % ("", "pod_env_vars: {A: {}}"), "profile a: variable A: needs one of from_config_map and from_secret"),
        (
            ENTRY % ("", "pod_env_vars: {A: {from_secret: {name: a, key: b}, from_config_map: {name: a, key: b}}}"),
            "profile a: variable A: needs one of from_config_map and from_secret",
        ),
        (
            ENTRY % ("", "pod_env_vars: {A: {from_secret: x}}"),
            "profile a: variable A: `from_secret` must be a mapping, not text",
        ),
        (
            ENTRY % ("", "pod_env_vars: {A: {from_secret: {name: a}}}"),
            "profile a: variable A: `from_secret`: needs `key`",
        ),
        (
            ENTRY % ("", "pod_env_vars: {A: {from_secret: {name: A_b, key: b}}}"),
            "profile a: variable A: `from_secret`: `name` must be a DNS-1123 subdomain",
        ),
        # templates
        (ENTRY % ("", "default_url: '/{{ x }}'"), "profile a: unsupported template '{{ x }}'; templates: {{ namespace"),
        (ENTRY % ("", "default_url: '{{ namespace | upper }}'"), "profile a: unsupported template '{{ namespace | up"),
        (ENTRY % ("", "default_url: '{{- namespace }}'"), "profile a: unsupported template '{{- namespace }}'"),
        (ENTRY % ("", "default_url: '{{ namespace'"), "profile a: unsupported template '{{'"),
        (ENTRY % ("", "pod_env_vars: {A: '{% if x %}'}"), "profile a: unsupported template '{% if x %}'"),
        (ENTRY % ("", "pod_env_vars: {A: '{# x #}'}"), "profile a: unsupported template '{# x #}'"),
        (ENTRY % ("x: [{y: '{{ spawner.name }}'}]", ""), "profile a: unsupported template '{{ spawner.name }}'"),
        (ENTRY % ("", "pod_env_vars: {'{{ namespace }}': x}"), "profile a: a key cannot be a template"),
        ("{groups: ['{{ namespace }}'], definition: {slug: a}}", "profile a: `groups` cannot have a template"),
        ("{id: '{{ namespace }}', groups: [], definition: {slug: a}}", "profile a: `id` cannot have a template"),
        (
            "{groups: [], definition: {slug: a, description: '{{ spawner.user.name }}'}}",
            "profile a: `description` cannot have a template",
        ),
    ],
)
def test_errors_are_reported(text: str, message: str) -> None:
    [problem, *_] = check(f"profiles:\n  [{text}]").errors
    assert problem.line == 2
    assert problem.message.startswith(message)


def test_unknown_keys_are_warnings() -> None:
    checked = check("profiles:\n- {groups: [], volume: [], definition: {slug: a}}\nscope: null\nx: 1")
    assert [str(problem) for problem in checked.problems] == [
        "warning: profile a: unknown key 'volume': it has no effect; did you mean `volumes`?",
        "the file: unknown key 'scope': it may restrict access; use `groups` and `users` for that",
        "warning: the file: unknown key 'x': it has no effect",
    ]


def test_templates_may_stand_in_choices() -> None:
    profile = parse("""
profiles:
- groups: []
  definition:
    slug: p
    profile_options:
      size: {choices: {s: {kubespawner_override: {extra_labels: {owner: "{{spawner.user.name}}"}}}}}
""").all[0]
    assert profile.has_templates
    labels = {"extra_labels": {"owner": "{{spawner.user.name}}"}}
    assert profile.profile_options == (
        Option(
            key="size",
            display_name="size",
            choices=(Choice(key="s", display_name="s", default=True, kubespawner_override=labels),),
        ),
    )


WHOLE: dict[str, Any] = yaml.safe_load("""
groups: [geo]
definition: {slug: p, default: false, kubespawner_override: {image: x, environment: {A: x}, node_selector: {a: b}}}
node_selector: {pool: x}
default_url: /lab
pod_env_vars: {A: x, B: {from_secret: {name: s, key: k}}}
env_from_config_maps: [a]
env_from_secrets: [a]
secret_mounts: [{name: s, mount_path: /s, sub_path: x}]
config_maps: [{name: c, key: k, mount_path: /c, default_mode: "0660", readonly: true, content: x, persist: false}]
volumes:
- {name: w, claim_name: w, size: 1Gi, storage_class: s, access_modes: [ReadWriteOnce], annotations: {a: b},
   volume_mount: {name: w, mount_path: /w}, persist: true}
init_containers: [{name: i, image: i, command: [sh], volume_mounts: [{name: w, mount_path: /w}]}]
image_pull_secrets: [{name: s, data: e30=, persist: true}]
role_bindings:
- {name: b, subjects: [{name: d, kind: User}], role: {name: r, resources: [pods], verbs: [get], api_groups: [""]}}
manifests: [{name: m, key: k, content: [{apiVersion: v1, kind: Pod, metadata: {name: p, labels: {a: b}}, spec: {}}]}]
""")
junk = st.sampled_from([None, "", "x", "A b", "{{ namespace }}", "{{ spawner.user.name }}", "{{ x }}", 0, 1.5, True])
junk_values = st.recursive(
    junk, lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(["name", "x"]), inner)
)


@st.composite
def broken(draw: st.DrawFn) -> Any:
    """Draw the whole profile with a few of its values replaced."""
    profile: Any = deepcopy(WHOLE)
    for _ in range(draw(st.integers(0, 3))):
        place: Any = profile
        while True:
            key: Any = draw(st.sampled_from(sorted(place) if isinstance(place, dict) else range(len(place))))
            if not (isinstance(place[key], dict | list) and place[key] and draw(st.booleans())):
                break
            place = place[key]
        place[key] = draw(junk_values)
    return profile


@given(broken())
def test_no_value_breaks_the_reader_and_a_valid_profile_can_be_filled(profile: Any) -> None:
    checked = check(yaml.safe_dump({"profiles": [profile]}))
    values = TemplateValues(namespace="n", user="x: {y}", slug="x---1")
    for read_profile in checked.profiles.all if checked.profiles else ():
        assert not has_template(fill_settings(read_profile.spawner_override, values, ()))
        assert not has_template(fill_settings(read_profile.kubespawner_additions, values, ()))
        for item in read_profile.objects:
            assert has_template(item.manifest) <= read_profile.has_templates
            filled = fill_manifest(item.manifest, values)
            assert not has_template(filled)
            assert not name_error(filled["metadata"]["name"], KINDS[item.kind].rule)
            assert "namespace" not in filled["metadata"]
