"""A stub of a hub, with or without the profiles of jhub.extension."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from loopback import Site, Visit, serving
from terminal import Jhub

ME = "ana"

GPU = {
    "slug": "gpu",
    "display_name": "Graphics",
    "description": "Fast",
    "default": False,
    "profile_options": [
        {
            "key": "image",
            "display_name": "Image",
            "choices": [
                {"key": "r:4", "display_name": "R", "description": "", "default": False},
                {"key": "scipy", "display_name": "SciPy", "description": "Plots", "default": True},
            ],
            "unlisted_choice": {"display_name_in_choices": "Other...", "validation_regex": "x+"},
        },
        {"key": "note", "choices": [], "unlisted_choice": {"validation_message": "a word"}},
    ],
    "user_options": ["cpus"],
}
LAB = {
    "slug": "lab",
    "display_name": "Lab",
    "default": True,
    "profile_options": [{"key": "size", "choices": [{"key": "small", "default": True}, {"key": "large"}]}],
}
LEAN = {"slug": "lean", "default": True}

LISTS: dict[str, list[dict[str, Any]]] = {ME: [GPU, LAB], "bo": [LEAN], "nobody": []}
"""The profiles of each user."""


@contextmanager
def profile_hub(
    home: Path, lists: Mapping[str, list[dict[str, Any]]] | None, *, service: bool = False
) -> Iterator[tuple[Jhub, Site]]:
    """The command on a hub with these lists, or with None on one without jhub.extension, where ana has a server from
    the profile `seen`. The token is ana's, or a service's.
    """
    with serving(_route(lists, service)) as site:
        yield Jhub(home, {"JUPYTERHUB_API_URL": site.root, "JUPYTERHUB_API_TOKEN": "SECRET"}), site


def _route(lists: Mapping[str, list[dict[str, Any]]] | None, service: bool) -> Callable[[Visit], None]:
    server = {"name": "old", "stopped": True, "user_options": {"profile": "seen"}}
    scopes = ["start:servers", "read:servers", "read:users", "list:users"]
    me = {"name": ME, "kind": "service" if service else "user", "servers": {"old": server}, "scopes": scopes}

    def answer(visit: Visit) -> None:
        path = unquote(visit.path.partition("?")[0]).removeprefix("/hub/api")
        owner = ME if path == "/profiles" else path.removeprefix("/users/").removesuffix("/profiles")
        if path.startswith("/users/") and path.count("/") == 2:
            visit.json({"name": owner, "servers": {}})
        elif not path.endswith("/profiles"):
            visit.json([me] if path == "/users" else me if path == "/user" else {"version": "6.1.1"})
        elif lists is None:
            visit.json({"status": 404, "message": None}, 404)
        elif service and path == "/profiles":
            visit.json({"status": 400, "message": "a service has no servers: ask for a user's profiles"}, 400)
        elif owner not in lists:
            visit.json({"status": 404, "message": None}, 404)
        else:
            visit.json({"version": 1, "profiles": lists[owner]})

    return answer
