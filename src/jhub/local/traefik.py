"""The proxy of a local hub, with rules that match every user's name."""

# JupyterHub and its proxies carry no types.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportMissingTypeStubs=false, reportUntypedBaseClass=false

from __future__ import annotations

import json
import re
from typing import Any
from urllib.parse import quote, unquote

from jupyterhub_traefik_proxy.fileprovider import TraefikFileProviderProxy

RESERVED = ":/?#[]@!$&'()*+,;=%"
"""Characters that stay percent-encoded in the path that Traefik matches (RFC 3986, section 2.2), if the client encoded
them."""
NEVER_DECODED = "/?#%"
"""Characters that would change the meaning of a path: `/user/a%2Fb/` is not `/user/a/b/`."""


class LocalTraefikProxy(TraefikFileProviderProxy):  # type: ignore[misc]  # it carries no types
    """Traefik with rules of jhub's own.

    jupyterhub-traefik-proxy 2.1.0 decodes the whole path of a rule (`generate_rule`). Traefik 3.7 matches paths in
    which reserved characters stay encoded, so that the server of a user "a+b" was never reached, and its page was
    redirected to the hub for ever. A rule of a user "a%2Bb" would match the path of "a+b" instead. Names are in
    backticks there, which a name can end.
    """

    def _dynamic_config_for_route(self, routespec: str, target: str, data: Any) -> Any:
        traefik, jupyterhub = super()._dynamic_config_for_route(routespec, target, data)
        for router in traefik["http"]["routers"].values():
            router["rule"] = rule(routespec)
        return traefik, jupyterhub


def rule(routespec: str) -> str:
    """Return Traefik's rule for a route: `/user/ana/`, escaped, or with a host before it."""
    host, _, path = routespec.partition("/")
    paths = dict.fromkeys(_decoded(f"/{path}", kept) for kept in (RESERVED, NEVER_DECODED))
    tests = [test for each in paths for test in _tests(each)]
    either = f"( {' || '.join(tests)} )"
    return f"Host({_quoted(host)}) && {either}" if host else either


def _tests(path: str) -> list[str]:
    """Return the tests for all paths below a path, and for the path without the closing slash."""
    exact = path.rstrip("/")
    return [f"PathPrefix({_quoted(path)})", *([f"Path({_quoted(exact)})"] if exact else [])]


def _decoded(path: str, kept: str) -> str:
    """Return a path in which only the characters `kept` are percent-encoded, where they were."""

    def decode(match: re.Match[str]) -> str:
        return "".join(quote(char, safe="") if char in kept else char for char in unquote(match[0]))

    return re.sub(r"(?:%[0-9A-Fa-f]{2})+", decode, path)


def _quoted(text: str) -> str:
    """Return a string literal of the rules, which have Go's syntax."""
    return json.dumps(text, ensure_ascii=False)
