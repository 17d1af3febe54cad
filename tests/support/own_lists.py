"""Configurations of hubs with KubeSpawner's own list as the profiles: as a list, and as a function."""

from __future__ import annotations

from kube_cluster import KubeHub

GPU_USERS = "gpu-users"

LIST = """
PROFILES = [
    {
        "display_name": "Standard",
        "slug": "standard",
        "default": True,
        "kubespawner_override": {"image": lambda spawner: f"example/{spawner.user.name}:1"},
        "profile_options": {
            "size": {
                "display_name": "Size",
                "choices": {
                    "large": {
                        "display_name": "Large",
                        "default": True,
                        "allowed_groups": ["gpu-users"],
                        "kubespawner_override": {"environment": {"SIZE": "large", "COURSE": None}},
                    },
                    "small": {"display_name": "Small", "kubespawner_override": {"environment": {"SIZE": "small"}}},
                    "closed": {"groups": [], "kubespawner_override": {"environment": {"SIZE": "closed"}}},
                },
                "unlisted_choice": {
                    "enabled": True,
                    "groups": ["gpu-users"],
                    "validation_regex": "[a-z]+",
                    "kubespawner_override": {"environment": {"SIZE": "{value}"}},
                },
            }
        },
    },
    {
        "display_name": "Graphics",
        "allowed_groups": ["gpu-users"],
        "kubespawner_override": {"image": "example/gpu:1", "extra_resource_limits": {"nvidia.com/gpu": "1"}},
    },
]
"""
ENABLE = "\njhub.extension.enable(c, profiles=jhub.extension.KUBESPAWNER)\n"
AS_LIST = f"{ENABLE}{LIST}\nc.KubeSpawner.profile_list = PROFILES\n"  # `enable` may come first
# A function as 2i2c sets it; the file `said` says what it returns, and each call is a line of `calls`.
AS_FUNCTION = f"""{LIST}
from copy import deepcopy
from functools import partial
from pathlib import Path
from tornado.web import HTTPError

def exhausted(profile):
    profile = deepcopy(profile)
    option = profile["profile_options"]["size"]
    option["choices"] = {{}}
    del option["unlisted_choice"]
    return profile

async def later(value):
    return value

def own_list(profiles, spawner):
    said = Path("said").read_text() if Path("said").exists() else "list"
    with open("calls", "a") as file:
        file.write(f"{{spawner.user.name}}/{{spawner.name}} {{type(spawner).__name__}}\\n")
    if said == "403":
        raise HTTPError(403, "your project has no hours left")
    if said == "raise":
        raise RuntimeError("SECRET of the function")
    gated_option = {{"allowed_groups": [], "choices": {{"b": {{}}}}}}
    values = {{
        "None": None,
        "empty": [],
        "tuple": (),
        "mapping without entries": {{}},
        "nothing left to choose": [exhausted(profiles[0])],
        "number": 7,
        "text": "standard",
        "object": object(),
        "gate": [{{"slug": "standard", "groups": None}}],
        "misspelt gate": [{{"slug": "standard", "alowed_groups": ["x"]}}],
        "gate as text": [{{"slug": "standard", "groups": "gpu-users"}}],
        "gate of an option": [{{"slug": "standard", "profile_options": {{"size": gated_option}}}}],
        "setting": [{{"slug": "standard", "kubespawner_override": {{"no_such_setting": 1}}}}],
        "list": later(deepcopy(profiles)),
        "mapping": {{"standard": deepcopy(profiles[0])}},
        "sync": deepcopy(profiles),
        "coroutine": later([*deepcopy(profiles), {{**exhausted(profiles[0]), "slug": "exhausted"}}]),
        "generator of choices": tuple(deepcopy(profiles)),
    }}
    for name, value in values.items():
        if name != said and hasattr(value, "close"):
            value.close()
    return values[said]

c.KubeSpawner.profile_list = partial(own_list, deepcopy(PROFILES))
{ENABLE}"""


def assert_alive(hub: KubeHub) -> None:
    """Check that the hub runs, and has started no pod with a choice that is closed to everybody."""
    assert hub.process.poll() is None, hub.log()[-3000:]
    path = hub.place / "pods"
    assert not path.exists() or '"value": "closed"' not in path.read_text()
    assert "consecutive spawns failed" not in hub.log()


def say(hub: KubeHub, said: str) -> None:
    (hub.place / "said").write_text(said)


def calls(hub: KubeHub) -> list[str]:
    """Return the servers for which the function was called since the last time."""
    path = hub.place / "calls"
    lines = path.read_text().splitlines() if path.exists() else []
    path.write_text("")
    return lines
