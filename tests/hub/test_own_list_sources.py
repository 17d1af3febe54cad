"""KubeSpawner's own list, wherever it is configured, and what stops the hub; without a cluster.

Some hubs are started; for the others, the list is taken from the configuration as at the start of a hub.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from traitlets.utils.importstring import import_item

from jhub.errors import InvalidInput
from jhub.extension.kubespawner import take_profile_list
from jhub.extension.kubespawner_list import read_list

HUB = Path(__file__).parents[1] / "support" / "kube_hub.py"

CONFIG = """
from traitlets import Callable, List, Union
from kubespawner import KubeSpawner

from traitlets.config import Config

c = Config() if "get_config" not in globals() else get_config()
c.JupyterHub.db_url = "sqlite:///:memory:"
c.JupyterHub.authenticator_class = "null"
c.JupyterHub.spawner_class = "kubespawner.KubeSpawner"
c.KubeSpawner.namespace = "hub"
c.KubeSpawner.image = "example/stock:1"

import jhub.extension

OPEN = {"display_name": "Open", "slug": "open", "kubespawner_override": {"image": "example/open:1"}}
GATED = {"display_name": "Gated", "slug": "gated", "groups": ["geo"], "kubespawner_override": {"image": "example/g:1"}}
PROFILES = [OPEN, GATED]

class Function:
    def __call__(self, spawner):
        return PROFILES

class Filled(KubeSpawner):
    profile_list = Union([List(), Callable()], default_value=PROFILES, config=True)

class ListOnly(KubeSpawner):
    profile_list = List(PROFILES, config=True)

class Bare(KubeSpawner):
    pass

def enable():
    jhub.extension.enable(c, profiles=jhub.extension.KUBESPAWNER)

"""


def run(place: Path, config: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a hub, and try a start of each profile by a user who is in no group, and by a member of `geo`."""
    (place / "jupyterhub_config.py").write_text(CONFIG + config)
    starts = [[name, {"profile": slug}] for name in ("ana", "emil") for slug in ("open", "gated")]
    return subprocess.run(
        [sys.executable, HUB, place / "jupyterhub_config.py", *arguments],
        input=json.dumps({"users": {"ana": [], "emil": ["geo"]}, "starts": starts}),
        capture_output=True,
        text=True,
        check=False,
    )


def image(result: dict[str, Any]) -> str:
    """Return the image of a pod; empty for a refused start."""
    assert "pod" in result or result["refused"][0] == 403, result
    return str(result["pod"]["spec"]["containers"][0]["image"]) if "pod" in result else ""


ON_COMMAND_LINE = (
    "--KubeSpawner.profile_list={'open': {'kubespawner_override': {'image': 'example/open:1'}}, "
    "'gated': {'groups': ['geo'], 'kubespawner_override': {'image': 'example/g:1'}}}"
)
SOURCES: dict[str, tuple[str, ...]] = {
    "after enable": ("enable(); c.KubeSpawner.profile_list = PROFILES",),
    "before enable": ("c.KubeSpawner.profile_list = PROFILES; enable()",),
    "tuple": ("enable(); c.KubeSpawner.profile_list = tuple(PROFILES)",),
    "mapping": ("enable(); c.KubeSpawner.profile_list = {'open': OPEN, 'gated': GATED}",),
    "mapping without slugs": (
        "for entry in PROFILES: del entry['slug']\nenable()\n"
        "c.KubeSpawner.profile_list = {'open': OPEN, 'gated': GATED}",
    ),
    "append": ("enable(); c.KubeSpawner.profile_list.append(OPEN); c.KubeSpawner.profile_list.append(GATED)",),
    "extend": ("c.KubeSpawner.profile_list.extend(PROFILES); enable()",),
    "list of a base class": ("enable(); c.JupyterHub.spawner_class = Bare; c.KubeSpawner.profile_list = PROFILES",),
    "list of a subclass": (
        "enable(); c.JupyterHub.spawner_class = Bare; c.KubeSpawner.profile_list = [OPEN]\n"
        "c.Bare.profile_list = PROFILES",
    ),
    "default of a subclass": ("enable(); c.JupyterHub.spawner_class = Filled",),
    "appended to the default of a subclass": (
        "PROFILES.remove(GATED); enable(); c.JupyterHub.spawner_class = Filled\nc.Filled.profile_list.append(GATED)",
    ),
    "command line": ("enable()", ON_COMMAND_LINE),
    "command line instead of the file": ("enable(); c.KubeSpawner.profile_list = [{'slug': 'x'}]", ON_COMMAND_LINE),
    "function": ("enable(); c.KubeSpawner.profile_list = lambda spawner: PROFILES",),
    "object that can be called": ("enable(); c.KubeSpawner.profile_list = Function()",),
    "instead of a file": (
        "open('p.yaml', 'w').write('profiles: [{slug: x}]')\njhub.extension.enable(c, profiles='p.yaml')\n"
        "enable(); c.KubeSpawner.profile_list = PROFILES",
    ),
}


LIVE = ["append", "command line", "command line instead of the file", "function", "instead of a file"]


@pytest.mark.parametrize("source", [source for source in SOURCES if source not in LIVE[1:]])
def test_the_list_is_taken_wherever_it_is(source: str) -> None:
    config, spawner_class = execute(SOURCES[source][0])
    taken = take_profile_list(config, spawner_class)
    profiles = read_list(taken(None) if callable(taken) else taken)
    assert sorted(profile.slug for profile in profiles.all) == ["gated", "open"]
    assert {profile.slug: profile.groups for profile in profiles.all} == {"open": None, "gated": ("geo",)}
    for section in ("KubeSpawner", "Filled", "Bare"):
        assert "profile_list" not in dict.get(config, section, {})


def execute(text: str) -> tuple[Any, type]:
    """Return the configuration that a file makes, without `enable`, and the class of its spawner."""
    names: dict[str, Any] = {}
    exec(CONFIG, names)
    names["enable"] = lambda: None
    exec(text, names)
    spawner_class = names["c"].JupyterHub.spawner_class
    return names["c"], import_item(spawner_class) if isinstance(spawner_class, str) else spawner_class


@pytest.mark.parametrize("source", LIVE)
def test_a_hub_gates_the_list(source: str, tmp_path: Path) -> None:
    done = run(tmp_path, *SOURCES[source])
    assert done.returncode == 0, done.stderr[-2000:]
    results = [json.loads(line) for line in done.stdout.splitlines()]
    assert [image(result) for result in results] == ["example/open:1", "", "example/open:1", "example/g:1"]
    assert results[1]["refused"] == [403, "ana may not use profile 'gated'; available: open"]
    for result in results:
        assert ('value="gated"' in result["form"]) == (result in results[2:])
        assert "example/" not in result["form"]
        assert result["left"]["image"] == "example/stock:1"


EMPTY = "jhub.extension.enable(c, profiles=KUBESPAWNER): KubeSpawner.profile_list is empty"
STOPS: dict[str, tuple[str, str]] = {
    "no list": ("enable()", EMPTY),
    "an empty list": ("enable(); c.KubeSpawner.profile_list = []", EMPTY),
    "None": ("enable(); c.KubeSpawner.profile_list = None", EMPTY),
    "nothing appended": ("enable(); c.KubeSpawner.profile_list.extend([])", EMPTY),
    "another spawner": (
        "enable(); c.KubeSpawner.profile_list = PROFILES\n"
        "c.JupyterHub.spawner_class = 'jupyterhub.spawner.SimpleLocalProcessSpawner'",
        "enable(c, profiles=KUBESPAWNER) needs KubeSpawner, not SimpleLocalProcessSpawner: name a file of profiles",
    ),
    "text": ("enable(); c.KubeSpawner.profile_list = 'open'", "must be a list or a mapping"),
    "an empty gate": (
        "enable(); c.KubeSpawner.profile_list = [{'slug': 'a', 'groups': None}]",
        "KubeSpawner.profile_list: profile a: `groups` is empty",
    ),
    "a subclass without functions": (
        "enable(); c.JupyterHub.spawner_class = ListOnly",
        "ListOnly.profile_list must accept a function",
    ),
    "a subclass whose default is nothing": (
        "enable(); c.JupyterHub.spawner_class = Bare",
        "enable(c, profiles=KUBESPAWNER): Bare.profile_list is empty",
    ),
    "a setting that does not exist": (
        "enable(); OPEN['kubespawner_override']['imagee'] = 'x'; c.KubeSpawner.profile_list = PROFILES",
        "KubeSpawner has no setting 'imagee'",
    ),
}


@pytest.mark.parametrize("fault", [fault for fault in STOPS if "setting" not in fault])
def test_the_list_is_refused(fault: str) -> None:
    config, message = STOPS[fault]
    with pytest.raises(InvalidInput) as error:
        read_list(take_profile_list(*execute(config)))
    assert message in str(error.value)


@pytest.mark.parametrize("fault", ["None", "another spawner", "an empty gate", "a setting that does not exist"])
def test_the_hub_stops_with_a_clear_error(fault: str, tmp_path: Path) -> None:
    config, message = STOPS[fault]
    done = run(tmp_path, config)
    assert done.returncode != 0
    assert done.stdout == ""
    assert message in done.stderr.splitlines()[-1], done.stderr[-3000:]
