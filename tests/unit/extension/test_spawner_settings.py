"""Problems of profiles with the settings of a spawner: all of them at once, each at its line."""

from __future__ import annotations

from typing import Any

import pytest
from jupyterhub.spawner import SimpleLocalProcessSpawner
from kubespawner import KubeSpawner
from traitlets import Any as AnyTrait
from traitlets import List, Unicode
from traitlets.config import Config

from jhub.errors import InvalidInput
from jhub.extension.spawner_settings import find_problems, raise_errors
from jhub.profiles.model import Choice, Option, Problem, Profile, Profiles, UnlistedChoice


class DockerSpawner(SimpleLocalProcessSpawner):  # type: ignore[misc]  # JupyterHub has no types
    """A spawner that has the name of another, by which the check knows it."""


def kube(**settings: Any) -> list[str]:
    """Return the problems of these settings with KubeSpawner, as `line: message`."""
    return problems(Profile(slug="a", display_name="A", kubespawner_override=settings))


def simple(**settings: Any) -> list[str]:
    return problems(Profile(slug="a", display_name="A", spawner_override=settings), SimpleLocalProcessSpawner)


def problems(profile: Profile, spawner_class: type = KubeSpawner, lines: Any = None, config: Any = None) -> list[str]:
    profiles = Profiles(all=(profile,), lines=lines or {})
    return [str(each) for each in find_problems(profiles, spawner_class, config)]


@pytest.mark.parametrize(
    "settings",
    [
        {"cpu_limit": None, "mem_guarantee": None, "mem_limit": None, "uid": None, "storage_class": None},
        {"mem_limit": "3G", "cpu_limit": 0.5, "cpu_guarantee": 1, "image": "a:1"},
        {"environment": {"A": None, "B": {"valueFrom": {"name": "{username}"}}, "C": "{{}}"}},
        {"extra_labels": {"a": None}, "volumes": {"a": None}, "node_selector": {"a": "{b}"}},
        {"image": "{nope}", "working_dir": "{nope}", "args": ["{nope}"], "lifecycle_hooks": {"a": "{"}},
    ],
)
def test_settings_that_kubespawner_accepts_pass(settings: dict[str, Any]) -> None:
    assert kube(**settings) == []


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"image": None}, "KubeSpawner does not accept the setting 'image': "),
        ({"environment": None}, "KubeSpawner does not accept the setting 'environment': "),
        ({"image": ["a"]}, "KubeSpawner does not accept the setting 'image': "),
        ({"args": [None]}, "KubeSpawner does not accept the setting 'args': "),
        ({"mem_guarantee": "3Gi"}, "write 3G, which counts in units of 1024 too"),
        ({"mem_guarantee": "512MB"}, "write 512M, which counts in units of 1024"),
        ({"mem_limit": "lots"}, "lots is not a valid memory specification"),
        ({"mem_limit": "infG"}, "does not accept the setting 'mem_limit': OverflowError"),
        ({"volumes": [{"emptyDir": {}}]}, "'volumes': item 1: Invalid value for `name`, must not be `None`"),
        ({"tolerations": [{"key": "a"}, "b"]}, "'tolerations': item 2: Expected object of type 'dict'"),
        ({"extra_containers": [{"name": "a", "imagee": "b"}]}, "not have an attribute matching 'imagee'"),
        ({"node_affinity_required": [{"matchExpression": []}]}, "matching 'matchExpression'"),
        ({"node_selector": {"gpu": True}}, "'node_selector': 'gpu' must be text: write it in quotes"),
        ({"extra_labels": {"a": "b", "c": 1}}, "'extra_labels': 'c' must be text"),
        ({"imagee": "a"}, "KubeSpawner has no setting 'imagee'"),
        ({"user": "a"}, "KubeSpawner has no setting 'user'"),
        ({"profile_list": []}, "the setting 'profile_list' has no effect in a profile"),
        (
            {"environment": {"SETTINGS": '{"a": 1}'}},
            "KubeSpawner cannot format environment.SETTINGS: unknown field '\"a\"'; write {{ and }} for braces that "
            "are text; fields: userid, ",
        ),
        ({"extra_pod_config": {"a": [{"b": "{"}]}}, "cannot format extra_pod_config.a.0.b: Single '{' encountered"),
        ({"default_url": "/lab/tree/{servername}"}, "unknown field 'servername'; write {{ and }} for braces that are"),
    ],
)
def test_settings_that_fail_a_start_are_errors(settings: dict[str, Any], expected: str) -> None:
    (error,) = kube(**settings)
    assert error.startswith("profile a: ")
    assert expected in error


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"pvc_name_template": "x"}, "the setting 'pvc_name_template' has no effect: KubeSpawner reads it before"),
        ({"storage_extra_labels": {"a": "{b}"}}, "KubeSpawner cannot format storage_extra_labels.a: unknown field 'b'"),
        ({"slow_spawn_message": "{b}"}, "unknown field 'b'; write {{ and }} for braces that are text; fields: seconds"),
    ],
)
def test_settings_that_matter_to_some_hubs_only_are_warnings(settings: dict[str, Any], expected: str) -> None:
    (warning,) = kube(**settings)
    assert warning.startswith("warning: profile a: ")
    assert expected in warning


def test_all_problems_are_found_at_once_with_their_lines() -> None:
    profile = Profile(
        slug="a",
        display_name="A",
        spawner_override={"mem_limt": 1},
        kubespawner_override={"mem_guarantee": "3Gi", "environment": {"A": "{", "B": "}"}},
        profile_options=(
            Option(
                key="size",
                choices=(Choice(key="s", kubespawner_override={"image": 3}), Choice(key="l")),
                unlisted_choice=UnlistedChoice(kubespawner_override={"environment": {"C": '{"x": "{value}"}'}}),
            ),
        ),
    )
    size = ("a", "profile_options", "size")
    lines = {
        ("a",): 2,
        ("a", "spawner_override", "mem_limt"): 3,
        ("a", "kubespawner_override", "mem_guarantee"): 5,
        ("a", "kubespawner_override", "environment"): 6,
        ("a", "kubespawner_override", "environment", "B"): 8,
        (*size, "choices", "s", "kubespawner_override"): 12,
        (*size, "unlisted_choice"): 20,
    }
    found = list(find_problems(Profiles(all=(profile,), lines=lines), KubeSpawner))
    assert [each.line for each in found] == [3, 5, 6, 8, 12, 20]
    assert not any(each.warning for each in found)


def test_a_text_of_the_users_own_is_filled_in_before_it_is_formatted() -> None:
    def unlisted(value: Any) -> list[str]:
        choice = UnlistedChoice(kubespawner_override=value)
        return problems(Profile(slug="a", display_name="A", profile_options=(Option(key="o", unlisted_choice=choice),)))

    assert unlisted({"image": "{value}", "mem_limit": "{value}", "environment": {"A": "{value}:{username}"}}) == []
    assert "unknown field 'text'" in unlisted({"environment": {"A": "{{value}}"}})[0]
    assert "has no setting 'imagee'" in unlisted({"imagee": "{value}"})[0]


def test_the_value_of_a_text_is_not_in_the_message() -> None:
    """It may be a secret; the name of the field is enough to find it."""
    (error,) = kube(environment={"KEY": '{"a": "secret"}'})
    assert "secret" not in error


def test_other_spawners_are_checked_without_kubespawners_settings() -> None:
    assert simple(environment=None, mem_limit=None, cmd=["a", "{b}"]) == []
    assert simple(environment={"A": '{"a": 1}'}) == []
    assert "does not accept the setting 'default_url'" in simple(default_url=None)[0]
    assert "cannot format notebook_dir: unknown field 'user'" in simple(notebook_dir="/home/{user}")[0]
    profile = Profile(
        slug="a",
        display_name="A",
        kubespawner_override={"nonsense": 1},
        profile_options=(Option(key="image", choices=(Choice(key="b", kubespawner_override={"more": 1}),)),),
    )
    lines = {("a", "kubespawner_override"): 4, ("a", "profile_options", "image"): 7}
    found = list(find_problems(Profiles(all=(profile,), lines=lines), DockerSpawner))
    assert [(each.line, each.warning) for each in found] == [(7, False), (4, True)]
    assert "DockerSpawner uses the user option 'image'" in found[0].message
    assert found[1].message == "profile a: kubespawner_override has no effect with DockerSpawner"


def test_a_trait_that_needs_its_spawner_passes() -> None:
    class Picky(Unicode[str, str]):
        def validate(self, obj: Any, value: Any) -> Any:
            return obj.user.name

    class Own(SimpleLocalProcessSpawner):  # type: ignore[misc]  # JupyterHub has no types
        picky = Picky(config=True)
        anything = AnyTrait(config=True)
        names = List(Unicode(), config=True)

    profile = Profile(slug="a", display_name="A", spawner_override={"picky": "x", "anything": None, "names": ["a"]})
    assert problems(profile, Own) == []


def test_a_form_whose_fields_are_all_refused_is_a_warning() -> None:
    config = Config({"Spawner": {"options_form": "<input>"}})
    closed, open_ = Profile(slug="a", display_name="A"), Profile(slug="a", display_name="A", any_user_options=True)
    (warning,) = problems(closed, config=config)
    assert warning.startswith("warning: Spawner.options_form is set, but no profile has `user_options`")
    assert problems(open_, config=config) == problems(closed, config=Config()) == problems(closed) == []


def test_the_errors_of_a_hub_are_raised_together() -> None:
    raise_errors([Problem(1, "fine", warning=True)])
    with pytest.raises(InvalidInput, match=r"^line 1: a; b; line 3: c$"):
        raise_errors([Problem(1, "a"), Problem(0, "b"), Problem(3, "c"), Problem(4, "d", warning=True)])
    with pytest.raises(InvalidInput, match=r"; line 3: c; and 2 more \(jhub profile check FILE --config"):
        raise_errors([Problem(line, letter) for line, letter in enumerate("abcde", start=1)])
