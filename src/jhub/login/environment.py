"""What the environment says of a hub, and of a token for it."""

from __future__ import annotations

import os
from collections.abc import Mapping

from jhub.discovery import as_api_root, candidates, normalize_url

OF_A_HUB = ("JUPYTERHUB_SERVER_NAME", "JUPYTERHUB_SERVICE_NAME", "JUPYTERHUB_SERVICE_PREFIX")
"""What a hub sets for its servers and services."""


def is_inside(environ: Mapping[str, str]) -> bool:
    """Whether this runs in a server or service of a hub, which says so in the environment."""
    return any(name in environ for name in OF_A_HUB)


def environment_token(api_url: str, environ: Mapping[str, str] = os.environ) -> tuple[str | None, str]:
    """Return the token in `JUPYTERHUB_API_TOKEN` to sign in to a hub with, or None; and the URL of the other hub that
    it is for, if `JUPYTERHUB_API_URL` names one. A server's own token may do next to nothing, and is none to sign in
    with.
    """
    url, token = environ.get("JUPYTERHUB_API_URL"), environ.get("JUPYTERHUB_API_TOKEN")
    if not token or is_inside(environ):
        return None, ""
    if url and api_url != (as_api_root(normalize_url(url)) or candidates(normalize_url(url))[0]):
        return None, url
    return token, ""
