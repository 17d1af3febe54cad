"""Settings that a spawner formats with fields in braces, such as `{username}`, and texts that it cannot format.

KubeSpawner formats more settings than its users expect: a start with `{"a": 1}` in an environment variable fails with
`KeyError: '"a"'`. The texts are formatted here by the spawner's own methods, so that what they accept is never
reported. Pure apart from that.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from types import SimpleNamespace
from typing import Any, cast

from msgspec import Struct

from jhub.extension.kubespawner import is_kubespawner
from jhub.profiles.problems import quote

BASE_SETTINGS = ("default_url", "notebook_dir")
"""Settings that `Spawner.get_env` of JupyterHub 5 and 6 formats."""
KUBESPAWNER_SETTINGS = (
    "environment",
    "extra_annotations",
    "extra_containers",
    "extra_labels",
    "extra_pod_config",
    "init_containers",
    "service_account",
    "volume_mounts",
    "volumes",
)
"""Settings that KubeSpawner 6 and 7 formats for each pod. `working_dir` is formatted only before a profile applies."""
KUBESPAWNER_SETTINGS_OF_SOME_HUBS = (
    "storage_extra_annotations",
    "storage_extra_labels",
    "storage_selector",
    "user_namespace_annotations",
    "user_namespace_labels",
)
"""Settings that KubeSpawner formats for volume claims and namespaces, on hubs that create these."""


class Formatter(Struct, frozen=True):
    """The formatting of a setting's texts by its spawner."""

    expand: Callable[[str], object]
    """Formats a text. Raises an exception of any kind if it cannot."""
    fields: tuple[str, ...]
    """Names of the fields that a text may have; empty if they are unknown."""
    always: bool = True
    """False for a setting that only some hubs use."""


def formatters(spawner_class: Any) -> dict[str, Formatter]:
    """Return the formatter of each setting that a spawner class formats.

    Settings that cannot be formatted without a running server are left out.
    """
    spawner = _sample_spawner(spawner_class)
    found: dict[str, Formatter] = {}
    fields = _fields(spawner.format_string)
    if fields is not None:
        found |= dict.fromkeys(BASE_SETTINGS, Formatter(spawner.format_string, fields))
    if any(cls.__name__ == "SimpleLocalProcessSpawner" for cls in spawner_class.__mro__):
        found["home_dir_template"] = Formatter(lambda text: text.format(username="user"), ("username",))
    if is_kubespawner(spawner_class):
        found["slow_spawn_message"] = Formatter(lambda text: text.format(seconds=1), ("seconds",), always=False)
        expand: Callable[[str], object] = spawner._expand_user_properties
        fields = _fields(expand)
        if fields is not None:
            found |= dict.fromkeys(KUBESPAWNER_SETTINGS, Formatter(expand, fields))
            found |= dict.fromkeys(KUBESPAWNER_SETTINGS_OF_SOME_HUBS, Formatter(expand, fields, always=False))
            # Its parts between the dots are formatted one by one, those without `{` not at all.
            found["pod_connect_ip"] = Formatter(
                lambda text: [expand(part) for part in text.split(".") if "{" in part], fields
            )
    return found


def find_bad_texts(formatter: Formatter, value: object) -> Iterator[tuple[tuple[str, ...], str]]:
    """Yield each text in the value of a setting that cannot be formatted: its keys in the value, and the reason.

    The keys of mappings are not formatted.
    """
    match value:
        case str():
            try:
                formatter.expand(value)
            except Exception as error:  # noqa: BLE001  # a field may have any attribute, and its own format
                yield (), _reason(error)
        case list():
            for index, item in enumerate(cast("list[object]", value)):
                for keys, reason in find_bad_texts(formatter, item):
                    yield (str(index), *keys), reason
        case dict():
            for key, item in cast("dict[str, object]", value).items():
                for keys, reason in find_bad_texts(formatter, item):
                    yield (key, *keys), reason
        case _:
            pass


def format_error(spawner: str, keys: Iterable[str], reason: str) -> str:
    """Return the message about a text of a setting that a spawner cannot format."""
    return f"{spawner} cannot format {'.'.join(keys)}: {reason}; write {{{{ and }}}} for braces that are text"


def _reason(error: Exception) -> str:
    if isinstance(error, KeyError) and error.args:
        return f"unknown field {quote(str(error.args[0]))}"
    if isinstance(error, IndexError):
        return "a field without a name"
    return str(error) or type(error).__name__


def _sample_spawner(spawner_class: Any) -> Any:
    """Return a spawner of a user that does not exist.

    The constructor does not run, because that of KubeSpawner connects to a cluster.
    """
    spawner = spawner_class.__new__(spawner_class)
    spawner.user = SimpleNamespace(name="user", id=1, url="/user/user/")
    spawner._server = SimpleNamespace(base_url="/user/user/")  # the property would warn
    return spawner


class _Recorder(str):
    """An empty text that records the fields with which it is formatted."""

    fields: tuple[str, ...] = ()

    def format(self, *args: object, **fields: object) -> str:
        self.fields = tuple(fields)
        return ""


def _fields(expand: Callable[[str], object]) -> tuple[str, ...] | None:
    """Return the fields of a formatter; None if it fails for any text, for want of a running server."""
    recorder = _Recorder()
    try:
        expand(recorder)
    except Exception:  # noqa: BLE001  # third-party spawners may need what a sample does not have
        return None
    return recorder.fields
