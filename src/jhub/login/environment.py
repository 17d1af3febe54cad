"""The hub and the token that environment variables name."""

from __future__ import annotations

import os
from collections.abc import Mapping

from jhub.discovery import as_api_root, candidates, normalize_url

HUB_VARIABLES = ("JUPYTERHUB_SERVER_NAME", "JUPYTERHUB_SERVICE_NAME", "JUPYTERHUB_SERVICE_PREFIX")
"""Variables that a hub sets for its servers and services."""


def is_inside(environ: Mapping[str, str]) -> bool:
    """Return whether the environment is that of a server or service of a hub."""
    return any(name in environ for name in HUB_VARIABLES)


def environment_token(api_url: str, environ: Mapping[str, str] | None = None) -> tuple[str | None, str]:
    """Return the token in `JUPYTERHUB_API_TOKEN` to sign in to a hub with, and the URL of another hub.

    The token is None if the variable is not set, or if the token is for another hub, which `JUPYTERHUB_API_URL` names;
    then the second item is the URL of that hub, else "". The token is also None inside a server or service of a hub:
    its own token may do almost nothing, and is not one to sign in with. `environ` replaces `os.environ`.
    """
    environ = os.environ if environ is None else environ
    url, token = environ.get("JUPYTERHUB_API_URL"), environ.get("JUPYTERHUB_API_TOKEN")
    if not token or is_inside(environ):
        return None, ""
    if url and api_url != (as_api_root(normalize_url(url)) or candidates(normalize_url(url))[0]):
        return None, url
    return token, ""
